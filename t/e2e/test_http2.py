"""HTTP/2, as curl speaks it."""

import base64
import json
import subprocess

import pytest
from conftest import DATA


def test_put_and_serve(gate, tmp_path):
    path = DATA / "sunspots.npy"
    key = gate.unique("h2")
    body = tmp_path / "body.json"
    body.write_text(json.dumps({
        "key": key, "data_b64": base64.b64encode(path.read_bytes()).decode(),
        "namespace": gate.namespace}))
    common = ["--http2", "-H", f"X-Api-Key: {gate.key}",
              "-H", "Content-Type: application/json"]

    status, answer = gate.curl(*common, "--data-binary", f"@{body}",
                               gate.url + "/v1/put")
    assert status == 200, answer
    assert json.loads(answer)["version"] == 1

    request = json.dumps({"key": key, "namespace": gate.namespace,
                          "format": "npy"})
    status, answer = gate.curl(*common, "-H", "Accept: application/octet-stream",
                               "-d", request, gate.url + "/v1/serve")
    assert status == 200
    assert answer == path.read_bytes()


def test_it_is_http2(gate):
    status, answer = gate.curl("--http2", "-o", "/dev/null", "-w",
                               "%{http_version}\n%{http_code}",
                               gate.url + "/health")
    assert (status, answer) == (200, b"2")


def put_without_a_length(gate, tmp_path, text):
    """curl -T - over HTTP/2 sends no Content-Length."""
    body = tmp_path / "body.json"
    body.write_text(text)
    with open(body, "rb") as stdin:
        run = subprocess.run(
            ["curl", "-sS", "--cacert", gate.ca, "--http2", "-X", "POST",
             "-H", f"X-Api-Key: {gate.key}", "-H",
             "Content-Type: application/json", "-T", "-", "-w",
             "\n%{http_code}", gate.url + "/v1/put"],
            stdin=stdin, capture_output=True, check=True, timeout=60)
    answer, status = run.stdout.rsplit(b"\n", 1)
    return int(status), json.loads(answer)


def test_body_without_a_length(gate, tmp_path):
    """The namespace is last."""
    key = gate.unique("h2stream")
    data = base64.b64encode(bytes(300_000)).decode()
    status, answer = put_without_a_length(
        gate, tmp_path, f'{{"key":"{key}","data_b64":"{data}",'
                        f'"namespace":"{gate.namespace}"}}')
    assert status == 200, answer


@pytest.mark.parametrize("limit,metadata,detail", [
    (65536, lambda n: {"k": "x" * (n - len('{"k":""}'))},
     "Metadata exceeds 65536 bytes"),
    (16, lambda n: json.loads('{"a":' * (n - 1) + "{}" + "}" * (n - 1)),
     "Metadata is nested deeper than 16 levels")])
def test_limits_of_the_engine_without_a_length(gate, tmp_path, limit, metadata,
                                               detail):
    for n in limit - 1, limit, limit + 1:
        status, answer = put_without_a_length(gate, tmp_path, json.dumps({
            "key": gate.unique("h2limit"), "namespace": gate.namespace,
            "data_b64": "QQ==", "metadata": metadata(n)}))
        if n > limit:
            assert (status, answer["detail"]) == (400, detail)
        else:
            assert status == 200, answer
