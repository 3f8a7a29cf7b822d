"""GET /metrics: promtool judges the form, these tests what the figures say."""

import re
import subprocess

import numpy as np
import pytest
from conftest import KEY, error, head, read_response, wait_for


def scrape(e):
    r = e.request("GET", "/metrics", headers={"Authorization": None})
    assert r.status_code == 200
    assert r.headers["Content-Type"] == (
        "text/plain; version=0.0.4; charset=utf-8")
    p = subprocess.run(["promtool", "check", "metrics"], input=r.content,
                       capture_output=True, check=False)
    assert p.returncode == 0 and p.stdout + p.stderr == b"", p
    values = {}
    for line in r.text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in values, name
            values[name] = float(value)
    return values


def test_an_engine_that_has_done_nothing(engine):
    m = scrape(engine)
    assert m["hx_engine_stored_puts_total"] == 0
    assert m["hx_engine_connections"] >= 1
    assert m["hx_engine_inflight_bytes"] == 0
    assert m["hx_engine_inflight_limit_bytes"] == 4 * 104857600
    assert not any(x.startswith("hx_engine_put_duration") for x in m)


def test_small_uploads_leave_room_for_work(make_engine):
    """14 MiB are taken by whatever is worked on: a client that puts one after
    the other is not to be in its own way."""
    e = make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=200_000).start()
    assert scrape(e)["hx_engine_inflight_limit_bytes"] == 64 << 20


def test_requests_by_operation_and_status(engine):
    for i in range(3):
        assert engine.put("k", b"data").status_code == 200
    error(engine.put("a b", b"x"), 400, "invalid_request")
    assert engine.get("k").status_code == 200
    assert engine.get("none").status_code == 404
    assert engine.get("k", headers={"If-None-Match": "*"}).status_code == 304
    assert engine.serve("k").status_code == 200
    assert engine.delete("k").status_code == 200
    assert engine.list().status_code == 200
    assert engine.request("GET", "/nothing").status_code == 404
    assert engine.request("GET", "/health", headers={
        "Authorization": None}).status_code == 200
    error(engine.get("k", headers={"Authorization": "Bearer x"}), 401,
          "unauthorized")

    def seen(operation, status, n):
        name = ('hx_engine_requests_total{operation="%s",status="%d"}'
                % (operation, status))
        wait_for(lambda: scrape(engine).get(name) == n, name)

    for operation, status, n in (
            ("put", 200, 3), ("put", 400, 1), ("get", 200, 1),
            ("get", 404, 1), ("get", 304, 1), ("serve", 200, 1),
            ("delete", 200, 1), ("list", 200, 1), ("none", 404, 1),
            ("health", 200, 1), ("get", 401, 1)):
        seen(operation, status, n)
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put", "Content-Length: 100") + b"{")
    seen("put", 0, 1)
    m = scrape(engine)
    assert m["hx_engine_stored_puts_total"] == 3
    assert m["hx_engine_stored_deletes_total"] == 1
    assert 1 <= m["hx_engine_commits_total"] <= 4
    assert m["hx_engine_commit_batch_max"] >= 1


def test_puts_by_domain_and_verdict(engine):
    noise = np.random.default_rng(1).random(4096).tobytes()
    for i in range(5):
        assert engine.put("k", noise, domain="d").status_code == 200
    for i in range(2):
        assert engine.put("k", noise).status_code == 200
    m = scrape(engine)
    for domain, n in ("d", 5), ("structured_data", 2):
        name = 'hx_engine_put_duration_seconds_%s{domain="' + domain + '"}'
        assert m[name % "count"] == n and 0 < m[name % "sum"] < 10
        name = name.replace("put_duration_seconds", "compression_ratio")
        name = name.replace("}", ',verdict="passthrough"}')
        assert m[name % "count"] == n and m[name % "sum"] >= 0.99 * n
        inf = (name % "bucket").replace("}", ',le="+Inf"}')
        assert m[inf] == n


def test_names_of_clients_are_escaped(engine):
    for domain in 'a"b', "a\\b", 'x"}1', "{}", "a\\", "'", '\\n"':
        assert engine.put("k", b"x", domain=domain).status_code == 200
        escaped = domain.replace("\\", "\\\\").replace('"', '\\"')
        m = scrape(engine)
        assert m['hx_engine_put_duration_seconds_count{domain="%s"}'
                 % escaped] == 1


def test_series_are_bounded(engine):
    for i in range(100):
        assert engine.put("k", b"x", domain=f"d{i}").status_code == 200
    name = 'hx_engine_put_duration_seconds_count{domain="%s"}'
    m = scrape(engine)
    counts = [x for x in m if re.match(
        r"hx_engine_put_duration_seconds_count\{", x)]
    assert len(counts) == 65
    assert m[name % "d0"] == m[name % "d63"] == 1
    assert m[name % "other"] == 36


def test_a_domain_and_a_namespace_called_other(engine):
    for name in ["other"] * 2 + [f"d{i}" for i in range(66)]:
        assert engine.put("k", b"x", domain=name,
                          namespace="other").status_code == 200
    m = scrape(engine)
    assert m['hx_engine_put_duration_seconds_count{domain="other"}'] == 4
    assert m['hx_engine_active_keys{namespace="other"}'] == 1


def test_namespaces(engine):
    engine.put("a", bytes(1000), namespace="n")
    engine.put("b", bytes(100), namespace="n")
    engine.put("a", bytes(10), namespace="n-2_x")
    m = scrape(engine)
    assert m['hx_engine_active_keys{namespace="n"}'] == 2
    assert m['hx_engine_active_keys{namespace="n-2_x"}'] == 1
    stored = m['hx_engine_storage_bytes{namespace="n"}']
    assert 0 < stored <= 1100
    assert engine.delete("b", "n").status_code == 200
    assert scrape(engine)['hx_engine_active_keys{namespace="n"}'] == 1


def test_namespaces_are_bounded(engine):
    names = ["n%04d" % i + "x" * 250 for i in range(1003)]
    with engine.connect() as s:
        for i in range(0, len(names), 100):
            part = names[i:i + 100]
            s.sendall(b"".join(put(ns) for ns in part))
            rest = b""
            for _ in part:
                status, _, _, rest = read_response(s, rest)
                assert status == 200
    m = scrape(engine)
    for name in "active_keys", "storage_bytes":
        series = [x for x in m if x.startswith("hx_engine_" + name)]
        assert len(series) == 1001
        assert m["hx_engine_%s{namespace=\"other\"}" % name] == 3
        assert m['hx_engine_%s{namespace="%s"}' % (name, names[0])] == 1


def put(ns):
    return head("POST", "/v1/put?key=k&namespace=" + ns, "Content-Length: 1",
                "Content-Type: application/octet-stream") + b"x"


def test_the_longest_names_fit(engine):
    for i in range(64):
        domain = f"{i:02d}" + '"' * 62
        assert engine.put("k", b"x", domain=domain).status_code == 200
    m = scrape(engine)
    assert len([x for x in m if x.startswith(
        "hx_engine_compression_ratio_count{")]) == 64


def test_in_flight_bytes_and_connections(engine):
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put?key=k",
                       "Content-Type: application/octet-stream",
                       "Content-Length: 1000000") + bytes(999_999))
        wait_for(lambda: scrape(engine)["hx_engine_inflight_bytes"]
                 == 1000000 - 65536, "the bytes")
        assert scrape(engine)["hx_engine_connections"] >= 2
        s.sendall(b"x")
        assert read_response(s)[0] == 200
    wait_for(lambda: scrape(engine)["hx_engine_inflight_bytes"] == 0, "0")


def test_connections_refused_are_counted(make_engine):
    e = make_engine(HOLONOMIX_MAX_CONNECTIONS=1).start()
    assert e.request("GET", "/health").status_code == 200
    with e.connect() as s:
        assert s.recv(1) == b""
    m = scrape(e)
    assert m["hx_engine_connections_refused_total"] == 1
    assert m["hx_engine_connections_accepted_total"] == 1


@pytest.mark.parametrize("header", ["X-HX-Namespace", "X-HX-Tenant"])
def test_nothing_for_what_comes_through_the_gate(engine, header):
    error(engine.request("GET", "/metrics", headers={header: "acme"}), 404,
          "not_found", "No such path")


def test_head_and_methods(engine):
    r = engine.request("HEAD", "/metrics", headers={"Authorization": None})
    assert r.status_code == 200 and r.content == b""
    error(engine.request("POST", "/metrics"), 405, "method_not_allowed")
    assert KEY not in engine.request("GET", "/metrics").text
