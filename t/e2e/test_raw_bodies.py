"""What is for the inside of the network only: the engine's bodies without
base64 and its metrics cannot be reached through the gate, and no mixture of
types, arguments and headers gets a put into another namespace than the one the
gate has checked."""

import base64
import itertools
import json

from conftest import error_of

OCTETS, NPY = "application/octet-stream", "application/x-npy"
BODY = {"key": "k", "data_b64": base64.b64encode(b"A").decode()}


def test_octets_are_415_at_the_gate(gate):
    tenant = gate.onboard("mine")
    for ctype in OCTETS, NPY, OCTETS + "; charset=utf-8":
        r = gate.call("POST", "/v1/put?key=k&namespace=mine",
                      tenant["api_key"], data=b"x",
                      headers={"Content-Type": ctype})
        error_of(r, 415, "unsupported_media_type")


def test_nothing_gets_past_the_checked_namespace(gate):
    mine, theirs = gate.unique("mine"), gate.unique("theirs")
    thief = gate.onboard(mine)
    owner = gate.onboard(theirs)
    bodies = [json.dumps({**BODY, "namespace": mine}), json.dumps(BODY),
              json.dumps({**BODY, "namespace": theirs}), "x", ""]
    types = [None, "", "application/json", OCTETS, NPY,
             "application/vnd.api+json", "application/json;" + OCTETS,
             OCTETS + ";application/json", "application/octet-stream+json"]
    queries = ["", f"?key=k&namespace={theirs}", f"?namespace={theirs}",
               f"?key=k&namespace={mine}&metadata=%7B%7D"]
    more = [{}, {"X-HX-Namespace": theirs}, {"X_HX_Namespace": theirs},
            {"X-HX-Metadata": '{"a":1}', "X-HX-Namespace": theirs}]
    stored = 0
    for body, ctype, query, headers in itertools.product(bodies, types,
                                                         queries, more):
        if ctype is not None:
            headers = {**headers, "Content-Type": ctype}
        r = gate.call("POST", "/v1/put" + query, thief["api_key"],
                      data=body.encode(), headers=headers)
        assert r.status_code in (200, 400, 403, 415), r.text
        if r.status_code == 200:
            stored += 1
            assert r.json()["namespace"] == mine
    assert stored >= len(queries) * len(more)
    r = gate.call("GET", f"/v1/list/{theirs}", owner["api_key"])
    assert r.status_code == 200 and r.json()["count"] == 0


def test_metrics_of_the_engine_stay_inside(gate):
    for path in "/metrics", "/metrics/", "/v1/../metrics", "//metrics":
        for method in "GET", "HEAD":
            r = gate.call(method, path)
            assert r.status_code in (400, 404, 405), (path, r.status_code)
            assert "hx_engine_" not in r.text
