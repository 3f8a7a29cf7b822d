"""HTTP/2, as curl speaks it."""

import base64
import json
import subprocess

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


def test_body_without_a_length(gate, tmp_path):
    """curl -T - over HTTP/2 sends no Content-Length; the namespace is last."""
    key = gate.unique("h2stream")
    data = base64.b64encode(bytes(300_000)).decode()
    body = tmp_path / "body.json"
    body.write_text(f'{{"key":"{key}","data_b64":"{data}",'
                    f'"namespace":"{gate.namespace}"}}')
    with open(body, "rb") as stdin:
        run = subprocess.run(
            ["curl", "-sS", "--cacert", gate.ca, "--http2", "-X", "POST",
             "-H", f"X-Api-Key: {gate.key}", "-H",
             "Content-Type: application/json", "-T", "-", "-w",
             "\n%{http_code}", gate.url + "/v1/put"],
            stdin=stdin, capture_output=True, check=True, timeout=60)
    assert run.stdout.endswith(b"\n200"), run.stdout
