"""A real array goes in and comes back, in every form there is."""

import base64
import hashlib

import numpy as np
import pytest
from conftest import DATA, error_of

FILES = sorted(DATA.glob("*.npy"))


def put(gate, key, data, **more):
    answer = gate.call("POST", "/v1/put", json={
        "key": key, "namespace": gate.namespace,
        "data_b64": base64.b64encode(data).decode(), **more})
    assert answer.status_code == 200, answer.text
    return answer


def serve(gate, key, accept=None, **more):
    headers = {"Accept": accept} if accept else {}
    answer = gate.call("POST", "/v1/serve", headers=headers, json={
        "key": key, "namespace": gate.namespace, **more})
    assert answer.status_code == 200, answer.text
    return answer


def test_there_is_data():
    assert len(FILES) >= 2


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_npy_comes_back_bit_for_bit(gate, path):
    data = path.read_bytes()
    array = np.load(path)
    key = gate.unique(path.stem)

    stored = put(gate, key, data, metadata={"unit": "as measured"}).json()
    assert stored["version"] == 1
    assert stored["dtype"] == array.dtype.name
    assert stored["shape"] == list(array.shape)
    assert stored["verdict"] == "passthrough"       # measured data are noisy
    assert stored["original_bytes"] in (len(data), array.nbytes)

    raw = serve(gate, key).json()
    assert base64.b64decode(raw["data_b64"]) == array.tobytes()
    assert raw["dtype"] == array.dtype.name
    assert raw["shape"] == list(array.shape)

    npy = serve(gate, key, format="npy").json()
    assert base64.b64decode(npy["data_b64"]) == data

    octets = serve(gate, key, accept="application/octet-stream", format="npy")
    assert octets.headers["Content-Type"] == "application/octet-stream"
    assert octets.content == data

    octets = serve(gate, key, accept="application/octet-stream")
    assert octets.content == array.tobytes()


def test_metadata(gate):
    path = DATA / "sunspots.npy"
    key = gate.unique("meta")
    put(gate, key, path.read_bytes(), metadata={"from": 1700, "to": 2008})
    answer = gate.call("GET", f"/v1/get/{gate.namespace}/{key}")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    body = answer.json()
    assert body["metadata"] == {"from": 1700, "to": 2008}
    assert body["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "data_b64" not in body


def test_raw_floats_as_documented(gate):
    array = np.linspace(0.0, 1.0, 64)
    key = gate.unique("floats")
    stored = put(gate, key, array.tobytes()).json()
    assert (stored["dtype"], stored["shape"]) == ("float64", [64])
    assert stored["verdict"] == "exact"
    raw = serve(gate, key, accept="application/octet-stream").content
    error = np.linalg.norm(np.frombuffer(raw) - array)
    assert error < 1e-12 * np.linalg.norm(array)


def test_opaque_bytes(gate):
    data = b"not a number\x00\xff"
    key = gate.unique("opaque")
    put(gate, key, data)
    assert serve(gate, key, accept="application/octet-stream").content == data


def test_versions_and_conflict(gate):
    key = gate.unique("versions")
    assert put(gate, key, b"one", expected_version=0).json()["version"] == 1
    assert put(gate, key, b"two", expected_version=1).json()["version"] == 2
    answer = gate.call("POST", "/v1/put", json={
        "key": key, "namespace": gate.namespace, "expected_version": 1,
        "data_b64": base64.b64encode(b"three").decode()})
    detail = error_of(answer, 409, "conflict")
    assert detail == f"Version conflict for key '{key}': expected 1, current 2"
    one = serve(gate, key, accept="application/octet-stream", version=1)
    assert one.content == b"one"


def test_list_and_delete(gate):
    stem = gate.unique("list")
    for name in ("a", "b", "c"):
        put(gate, f"{stem}.{name}", name.encode())
    path = f"/v1/list/{gate.namespace}"
    page = gate.call("GET", path, params={"prefix": stem, "limit": 2}).json()
    assert page["keys"] == [f"{stem}.a", f"{stem}.b"]
    page = gate.call("GET", path, params={"prefix": stem, "limit": 2,
                                          "cursor": page["next_cursor"]}).json()
    assert page["keys"] == [f"{stem}.c"]
    assert page["next_cursor"] is None

    gone = f"/v1/delete/{gate.namespace}/{stem}.b"
    answer = gate.call("DELETE", gone)
    assert answer.status_code == 200
    assert answer.json()["deleted"] is True
    detail = error_of(gate.call("DELETE", gone), 404, "not_found")
    assert detail == (f"Key '{stem}.b' not found in namespace "
                      f"'{gate.namespace}'")
    keys = gate.call("GET", path, params={"prefix": stem}).json()["keys"]
    assert keys == [f"{stem}.a", f"{stem}.c"]


def test_compute_units(gate):
    key = gate.unique("cus")
    assert put(gate, key, b"x").headers["X-HX-CUs"] == "1.0"
    assert serve(gate, key).headers["X-HX-CUs"] == "0.5"
    path = f"/v1/get/{gate.namespace}/"
    assert gate.call("GET", path + key).headers["X-HX-CUs"] == "0.1"
    missing = gate.call("GET", path + key + "-missing")
    assert missing.status_code == 404
    assert missing.headers["X-HX-CUs"] == "0.0"


def test_key_with_a_slash(gate):
    key = gate.unique("a/b")
    put(gate, key, b"x")
    for spelled in (key, key.replace("/", "%2F")):
        answer = gate.call("GET", f"/v1/get/{gate.namespace}/{spelled}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["key"] == key
