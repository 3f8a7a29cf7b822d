"""packaging/openapi against a running gate and engine: each documented status
is provoked for each operation, and each answer has to be as documented; in the
end nothing of the documents may be left that was not seen."""

import base64
import contextlib
import hashlib
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from openapi_check import Spec, load
from openapi_gate import HOOK, Judged, opened

DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8",
          "uint16", "uint32", "uint64")
TOO_LONG = 140858712 + 1        # 4/3 of the upload limit, 1 MiB, and 1


def b64(array):
    if not isinstance(array, bytes):
        array = np.ascontiguousarray(array).tobytes()
    return base64.b64encode(array).decode()


def noise(size):
    return hashlib.shake_128(b"openapi").digest(size)


def train(key, **more):
    ones = b64(np.ones(2))
    return {"key": key, "cores": [{"shape": [1, 2, 1], "data_b64": ones}],
            **more}


VECTOR = np.arange(1.0, 9.0)

# One request for each operation: method, path, members of the body.
SAMPLES = {
    "put": ("POST", "/v1/put", {"key": "x", "data_b64": b64(VECTOR)}),
    "put_cores": ("POST", "/v1/put_cores", train("x")),
    "put_cores_batch": ("POST", "/v1/put_cores_batch", {"items": [train("x")]}),
    "get": ("GET", "/v1/get/{ns}/x", None),
    "head": ("HEAD", "/v1/get/{ns}/x", None),
    "serve": ("POST", "/v1/serve", {"key": "x"}),
    "delete": ("DELETE", "/v1/delete/{ns}/x", None),
    "list": ("GET", "/v1/list/{ns}", None),
    "search": ("POST", "/v1/search", {}),
    "similarity": ("POST", "/v1/query/similarity",
                   {"key_a": "x", "key_b": "y"}),
    "topk": ("POST", "/v1/query/topk", {"query_key": "x"}),
    "vector": ("POST", "/v1/query/vector", {"data_b64": b64(VECTOR)}),
}


def send(judged, name, expect, ns="all", query="", body=None, **more):
    method, path, members = SAMPLES[name]
    if body is None:
        body = b"" if members is None else {**members, "namespace": ns}
    return judged.call(method, path.replace("{ns}", ns) + query, body, expect,
                       **more)


def posts():
    return [name for name, sample in SAMPLES.items() if sample[2] is not None]


# ------------------------------------------------------------ granted --

def values(judged, key):
    """All members of put and what is told of what is stored."""
    def put(name, data, expect=200, **more):
        return judged.call("POST", "/v1/put", {
            "key": name, "namespace": "all", "data_b64": b64(data), **more},
            expect, key=key)

    smooth = np.sin(np.arange(4096) / 100)
    put("smooth", smooth, metadata={"kind": "demo", "size": 15, "tags": ["a"]},
        expected_version=0, domain="waves")
    rough = smooth + 1e-8 * np.random.default_rng(1).standard_normal(4096)
    assert put("safe", rough).json()["verdict"] == "safe"
    rough = smooth + 1e-5 * np.random.default_rng(1).standard_normal(4096)
    assert put("weak", rough, domain="lossy").json()["verdict"] == "weak"
    put("opaque", noise(1001))
    put("text", b"the same again; " * 1000 + b"!")
    put("again", b"another")
    put("plain", VECTOR, dtype="<f8", shape=[2, 4])
    for dtype in DTYPES:
        put("typed", np.arange(1, 7).astype(dtype), dtype=dtype, shape=[2, 3])
        judged.call("GET", "/v1/get/all/typed", expect=200, key=key)
        judged.call("POST", "/v1/serve", {"key": "typed", "namespace": "all"},
                    200, key=key, accept="application/octet-stream")
    for name in ("smooth", "opaque", "text", "plain"):
        for method in ("GET", "HEAD"):
            judged.call(method, f"/v1/get/all/{name}?version=1", expect=200,
                        key=key, x_request_id="mine-1")
            judged.call(method, f"/v1/get/all/{name}", expect=304, key=key,
                        if_none_match='"7", "1"')
        judged.call("POST", "/v1/serve", {
            "key": name, "namespace": "all", "mode": "dense", "version": 1,
            "format": "raw" if name in ("opaque", "text") else "npy"}, 200,
            authorization=f"Bearer {key}", x_request_id="mine-2")


def conditional(judged, key):
    """Headers that make a write depend on what is there."""
    for name in ("put", "put_cores"):
        version = json.loads(send(judged, name, 200, key=key).body)["version"]
        send(judged, name, 200, key=key, x_request_id="mine-3",
             if_match=f'"{version}"')
        send(judged, "delete", 200, key=key, if_match="*",
             x_request_id="mine-4")
        send(judged, name, 200, key=key, if_none_match="*")
        send(judged, name, 409, key=key, if_none_match="*")
    send(judged, "delete", 409, key=key, if_match='"77"')
    body = train("x", length=2, shape=[2], dtype="float64", domain="d",
                 metadata={"a": 1}, namespace="all", expected_version=77)
    judged.call("POST", "/v1/put_cores", body, 409, key=key)
    del body["expected_version"]
    judged.call("POST", "/v1/put_cores", body, 200, key=key)
    judged.call("POST", "/v1/put_cores", {**train("new"), "namespace": "all",
                                          "expected_version": 0}, 200, key=key)
    for version, expect in ((77, 409), (0, 200)):
        judged.call("POST", "/v1/put_cores_batch", {
            "namespace": "all", "items": [train(
                "batch", expected_version=version, length=2, shape=[2],
                dtype="f8", domain="d", metadata={"a": 1})]}, expect, key=key,
            x_request_id="mine-5")


def queries(judged, key):
    more = {"key": key, "x_request_id": "mine-6"}
    judged.call("GET", "/v1/list/all?prefix=s&limit=1&cursor=a", expect=200,
                **more)
    filters = {"kind": "demo", "size": {
        "$gt": 1, "$gte": 1, "$lt": 20, "$lte": 20, "$ne": 3, "$eq": 15,
        "$in": [15, 16], "$exists": True}}
    judged.call("POST", "/v1/search", {
        "namespace": "all", "filters": filters, "limit": 1, "cursor": "a"},
        200, **more)
    for metric in ("cosine", "euclidean", "dot"):
        judged.call("POST", "/v1/query/similarity", {
            "namespace": "all", "key_a": "smooth", "key_b": "safe",
            "metric": metric}, 200, **more)
        both = {"namespace": "all", "k": 2, "metric": metric}
        judged.call("POST", "/v1/query/topk", {
            "query_key": "safe", **both, "filters": filters}, 200, **more)
        found = judged.call("POST", "/v1/query/vector", {
            "data_b64": b64(VECTOR), "dtype": "float64", "shape": [8], **both,
            "filters": {"kind": None}}, 200, **more).json()
        assert found["results"] or metric == "dot"


def preflights(judged):
    for path in {sample[1] for sample in SAMPLES.values()}:
        judged.call("OPTIONS", path.replace("{ns}", "all"), expect=204,
                    access_control_request_method="POST")


# ------------------------------------------------------------ refused --

def refusals(judged, key):
    suspended, other = judged.tenant("all")
    assert judged.gate.admin("POST", "/gate/onboard/suspend", json={
        "tenant_id": suspended}).status_code == 200
    _, slow = judged.tenant("all", rate={"requests": 1, "window_s": 3600})
    _, poor = judged.tenant("all", plan="starter", quota=0)
    send(judged, "list", 200, key=slow)
    for name in SAMPLES:
        body = b"{" if name in posts() else None
        more = {"content_type": "application/json"} if body else {}
        if name == "list":
            send(judged, name, 400, query="?limit=0", key=key)
        else:
            send(judged, name, 400, ns="a%20b", body=body, key=key, **more)
        send(judged, name, 401)
        send(judged, name, 403, ns="elsewhere", key=key)
        send(judged, name, 403, key=other)
        send(judged, name, 414, query="?x=" + "a" * 4200, key=key)
        send(judged, name, 429, key=slow)
        send(judged, name, 429, key=poor)
        judged.call("PATCH", SAMPLES[name][1].replace("{ns}", "all"),
                    expect=405, key=key)
    for name in posts():
        send(judged, name, 413, key=key, body=b"{}", content_length=TOO_LONG,
             content_type="application/json")
        send(judged, name, 413, body=b"{}", content_length=10 * TOO_LONG,
             content_type="application/json")
        send(judged, name, 415, key=key, content_type="text/plain")
    for name in ("get", "head", "serve", "delete"):
        method, path, members = SAMPLES[name]
        judged.call(method, path.replace("{ns}/x", "all/none"),
                    {**members, "key": "none", "namespace": "all"}
                    if members else b"", 404, key=key)
    judged.call("POST", "/v1/query/similarity", {
        "namespace": "all", "key_a": "none", "key_b": "x"}, 404, key=key)
    judged.call("POST", "/v1/query/topk", {
        "namespace": "all", "query_key": "none"}, 404, key=key)
    judged.call("POST", "/v1/serve", {
        "namespace": "all", "key": "x", "mode": "gpu"}, 501, key=key)


def own_usage(judged, key):
    for query in ("", "?period=2026-01"):
        judged.call("GET", "/gate/usage" + query, expect=200, key=key,
                    x_request_id="mine-7")
    suspended, other = judged.tenant("all")
    _, slow = judged.tenant("all", rate={"requests": 1, "window_s": 3600})
    judged.gate.admin("POST", "/gate/onboard/suspend",
                      json={"tenant_id": suspended})
    judged.call("GET", "/gate/usage", expect=200, key=slow)
    judged.call("GET", "/gate/usage", expect=429, key=slow)
    judged.call("GET", "/gate/usage", expect=403, key=other)
    judged.call("GET", "/gate/usage", expect=401)
    judged.call("GET", "/gate/usage?period=x", expect=400, key=key)
    judged.call("POST", "/gate/usage", expect=405, key=key)


def webhooks(judged):
    def hook(body, signature, expect, **more):
        judged.call("POST", HOOK, body, expect, stripe_signature=signature,
                    content_type="application/json", **more)

    hook(*judged.event(), 200, x_request_id="mine-8")
    hook(*judged.event(secret="whsec_other"), 400)
    hook(b"[1]", judged.signature(b"[1]"), 400)
    hook(*judged.event("checkout.session.completed", mode="payment",
                       payment_status="paid",
                       metadata={"tenant_id": "a b"}), 400)
    body, signature = judged.event()
    hook(body, signature, 413, content_length=(1 << 20) + 1)
    judged.call("PUT", HOOK, expect=405)


def probes(judged):
    for path in ("/health", "/ready"):
        judged.call("GET", path, expect=200, x_request_id="mine-9")
        judged.call("POST", path, expect=405)


# ------------------------------------------------------------ trouble --

def all_at_once(judged, expect, key):
    with ThreadPoolExecutor(len(SAMPLES)) as pool:
        list(pool.map(lambda name: send(judged, name, expect, key=key),
                      SAMPLES))


def engine_is_away(judged, key):
    """Silent, and gone; for the webhook it is the billing service."""
    port = judged.gate.engine_port
    judged.configure(hook=f"proxy_pass http://127.0.0.1:{port};"
                          "proxy_read_timeout 1s;", timeout="1s")
    event = judged.event(name="evt_twice")
    results = []

    def deliver():
        return judged.call("POST", HOOK, event[0],
                           stripe_signature=event[1]).status

    def twice():
        """Two deliveries of one event: one waits, the other is told so."""
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(deliver) for _ in range(2)]
        results.append(sorted(each.result() for each in both))
        return results[-1] == [409, 504]

    os.kill(judged.gate.pid("hx-engine"), signal.SIGSTOP)
    try:
        all_at_once(judged, 504, key)
        assert any(twice() for _ in range(10)), results
    finally:
        os.kill(judged.gate.pid("hx-engine"), signal.SIGCONT)
    judged.gate.kill_engine()
    all_at_once(judged, 502, key)
    body, signature = judged.event()
    judged.call("POST", HOOK, body, 502, stripe_signature=signature)
    judged.configure()
    judged.gate.start_engine()


def registry_is_away(judged, key):
    back = judged.without_registry()
    try:
        for name in SAMPLES:
            send(judged, name, 503, key=key)
        judged.call("GET", "/gate/usage", expect=503, key=key)
        body, signature = judged.event(
            "checkout.session.completed", mode="payment",
            payment_status="paid", metadata={"tenant_id": "payer"})
        judged.call("POST", HOOK, body, 503, stripe_signature=signature)
    finally:
        back()


def flip(judged, magic):
    """Spoils the checksum of everything that begins so."""
    with open(judged.gate.state / "data" / "data.mdb", "r+b") as f:
        data = f.read()
        at = data.find(magic)
        assert at != -1
        while at != -1:
            f.seek(at)
            f.write(bytes([data[at] ^ 1]))
            at = data.find(magic, at + 1)


def store_is_damaged(judged, key):
    for name in ("x", "y"):
        judged.call("POST", "/v1/put", {
            "namespace": "all", "key": name, "data_b64": b64(VECTOR)}, 200,
            key=key)
    flip(judged, b"HXR1")
    for name in ("get", "head", "serve", "similarity", "topk", "vector"):
        send(judged, name, 500, key=key)
    flip(judged, b"HXH1")
    for name in ("put", "put_cores", "put_cores_batch", "delete", "list",
                 "search"):
        send(judged, name, 500, key=key)


def store_is_full(judged, key):
    """An engine that cannot: the gate tells whom, and adds what it knows."""
    for i in range(16):
        answer = judged.call("POST", "/v1/put", {
            "namespace": "all", "key": f"full{i}",
            "data_b64": b64(noise(2 << 20))}, key=key)
        if answer.status != 200:
            break
    assert answer.status == 503 and "x-ratelimit-limit" in answer.headers


def test_the_data_plane(state_dirs):
    gate = opened(state_dirs())
    with contextlib.ExitStack() as stack:
        stack.callback(gate.stop)
        judged = Judged(gate, Spec(load("data")))
        _, key = judged.tenant("all")
        values(judged, key)
        conditional(judged, key)
        queries(judged, key)
        preflights(judged)
        refusals(judged, key)
        own_usage(judged, key)
        webhooks(judged)
        probes(judged)
        engine_is_away(judged, key)
        registry_is_away(judged, key)
        store_is_damaged(judged, key)
        store_is_full(judged, key)
        judged.verdict()


# --------------------------------------------------------- admin plane --

# One call for each operation of an operator: path, body.
CALLS = {
    "/gate/onboard/rotate-key": {"tenant_id": "one", "grace_s": 60,
                                 "expires_at": 4000000000},
    "/gate/onboard/add-namespace": {"tenant_id": "one", "namespace": "new"},
    "/gate/onboard/remove-namespace": {"tenant_id": "one",
                                       "namespace": "new"},
    "/gate/onboard/update-tier": {
        "tenant_id": "one", "plan": "pro", "monthly_quota": 10,
        "rate_limit": {"requests": 5, "window_s": 60}},
    "/gate/onboard/suspend": {"tenant_id": "one"},
    "/gate/onboard/activate": {"tenant_id": "one"},
    "/gate/onboard/delete": {"tenant_id": "two"},
    "/gate/onboard/create": {"tenant_id": "two"},
}
READS = ("/gate/admin/tenants", "/gate/admin/tenants/one", "/gate/admin/usage",
         "/gate/admin/usage/one")


def operator(judged):
    def post(call, body, expect=200):
        return judged.admin("POST", "/gate/onboard/" + call, body, expect,
                            x_request_id="mine-1")

    post("create", {"tenant_id": "one", "plan": "builder",
                    "email": "a@b.example", "namespaces": ["default"],
                    "expires_at": 4000000000}, 201)
    post("create", {"tenant_id": "two"}, 201)
    post("create", {"tenant_id": "two"}, 409)
    judged.admin("GET", "/gate/admin/tenants?limit=1&cursor=a", expect=200,
                 x_request_id="mine-2")
    judged.admin("GET", "/gate/admin/usage?period=2026-01&limit=1&cursor=a",
                 expect=200, x_request_id="mine-3")
    for path, body in CALLS.items():
        judged.admin("POST", path, body, 201 if "create" in path else 200,
                     x_request_id="mine-4")
        for read in READS:
            judged.admin("GET", read, expect=200, x_request_id="mine-5")
    judged.admin("GET", "/gate/admin/usage/one?period=2026-01", expect=200)
    post("update-tier", {"tenant_id": "one", "plan": "pro",
                         "monthly_quota": None, "rate_limit": None})
    post("remove-namespace", {"tenant_id": "one", "namespace": "default"}, 409)
    post("remove-namespace", {"tenant_id": "one", "namespace": "none"}, 404)
    post("create", {"tenant_id": "many",
                    "namespaces": [f"n{i}" for i in range(256)]}, 201)
    post("add-namespace", {"tenant_id": "many", "namespace": "more"}, 409)


def operator_is_refused(judged):
    for path, body in CALLS.items():
        judged.admin("POST", path, b"{", 400, content_type="application/json")
        judged.admin("POST", path, {**body, "unknown": 1}, 400)
        judged.call("POST", path, body, 401)
        judged.admin("POST", path, body, 401, authorization="Bearer x")
        judged.admin("POST", path, body, 403, source="127.0.0.2")
        if "create" not in path:
            judged.admin("POST", path, {**body, "tenant_id": "none"}, 404)
        judged.admin("PUT", path, expect=405)
        judged.admin("POST", path, b"{}", 413, content_length=65537,
                     content_type="application/json")
        judged.admin("POST", path, body, 415, content_type="text/plain")
    for path in READS:
        bad = path.replace("/one", "/a%20b")
        judged.admin("GET", bad if bad != path else path + "?limit=x",
                     expect=400)
        judged.call("GET", path, expect=401)
        judged.admin("GET", path, expect=403, source="127.0.0.2")
        if path.endswith("/one"):
            judged.admin("GET", path.replace("/one", "/none"), expect=404)
        judged.admin("POST", path, expect=405)


def test_the_admin_plane(state_dirs):
    gate = opened(state_dirs())
    with contextlib.ExitStack() as stack:
        stack.callback(gate.stop)
        judged = Judged(gate, Spec(load("admin")))
        port = int(gate.env["HX_METRICS_PORT"])
        operator(judged)
        operator_is_refused(judged)
        probes(judged)
        more = {"port": port, "x_request_id": "mine-6"}
        judged.call("GET", "/metrics", expect=200, **more)
        judged.call("POST", "/metrics", expect=405, **more)
        judged.call("GET", "/metrics", expect=403, source="127.0.0.2", **more)
        back = judged.without_registry()
        try:
            for path, body in CALLS.items():
                judged.admin("POST", path, body, 503)
            for path in READS:
                judged.admin("GET", path, expect=503)
        finally:
            back()
        judged.verdict()
