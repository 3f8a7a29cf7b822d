"""Bodies of put: JSON form, members, their types, base64, media types."""

import json

import pytest
from conftest import b64, error

OK = {"key": "k", "data_b64": b64(b"data")}


def send(engine, body, **kw):
    if isinstance(body, str):
        body = body.encode()
    headers = {"Content-Type": "application/json", **kw.pop("headers", {})}
    return engine.request("POST", "/v1/put", data=body, headers=headers)


@pytest.mark.parametrize("body", [
    "", "{", "}", "{}}", '{"key":"k"', '{"key":"k",}', "{'key':'k'}",
    '{"key":"k","data_b64":"QQ=="} x', '\ufeff{"key":"k"}', "nul",
    '{"key":"\\ud800","data_b64":"QQ=="}', '{"a":' + "[" * 100 + "]" * 100
    + "}", '{"n":01}', '{"key":"k" "data_b64":"QQ=="}'])
def test_malformed_json_is_400(engine, body):
    error(send(engine, body), 400, "invalid_request", "Invalid JSON body")


def test_bad_utf8_is_400(engine):
    error(send(engine, b'{"key":"\xff","data_b64":"QQ=="}'), 400,
          "invalid_request", "Invalid JSON body")


BAD_UTF8 = [b"\xff", b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf",
            b"\xed\xa0\x80", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
            b"\xc3\x28", b"\\ud800", b"\\udc00", b"\\ud800\\ud800", b"\\uD83Dx"]


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_bad_utf8_anywhere_is_400(engine, bad):
    """In values, names, metadata, members we ignore, and long strings."""
    for where in (b'"key":"k%s"', b'"key":"k","k%s":1', b'"key":"k","x":"%s"',
                  b'"key":"k","metadata":{"a":"%s"}',
                  b'"key":"k","metadata":{"a%s":1}',
                  b'"key":"k","metadata":{"a":["' + b"x" * 5000 + b'%s"]}',
                  b'"key":"k","x":"' + b"x" * 9000 + b'%s"'):
        body = b"{" + where.replace(b"%s", bad) + b',"data_b64":"QQ=="}'
        error(send(engine, body), 400, "invalid_request", "Invalid JSON body")
    assert engine.list().json()["count"] == 0


@pytest.mark.parametrize("metadata,name", [
    ('{"a":1,"a":1}', "metadata.a"), ('{"a":1,"b":2,"\\u0061":3}',
                                     "metadata.a"),
    ('{"x":{"a":1,"a":null}}', "metadata.x.a"),
    ('{"x":[{"a":1},{"a":1,"b":0,"a":2}]}', "metadata.x.a"),
    ('{"":1,"":2}', "metadata.")])
def test_duplicate_members_inside_metadata_are_400(engine, metadata, name):
    body = '{"key":"k","data_b64":"QQ==","metadata":' + metadata + "}"
    error(send(engine, body), 400, "invalid_request",
          f"Duplicate field '{name}'")


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_400(engine, body):
    error(send(engine, body), 400, "invalid_request",
          "Request body must be a JSON object")


@pytest.mark.parametrize("missing", ["key", "data_b64"])
def test_required_members(engine, missing):
    for body in ({k: v for k, v in OK.items() if k != missing},
                 {**OK, missing: None}):
        error(send(engine, json.dumps(body)), 400, "invalid_request",
              f"Missing required field '{missing}'")


@pytest.mark.parametrize("member,value,must", [
    ("key", 1, "a string"), ("key", ["k"], "a string"),
    ("namespace", {}, "a string"), ("data_b64", 1, "a string"),
    ("data_b64", [], "a string"), ("domain", True, "a string"),
    ("dtype", 8, "a string"), ("metadata", "x", "an object"),
    ("metadata", [], "an object"), ("metadata", 1, "an object"),
    ("metadata", "x" * 5000, "an object"),
    ("shape", 4, "an array of whole numbers"),
    ("shape", ["4"], "an array of whole numbers"),
    ("shape", [[4]], "an array of whole numbers"),
    ("shape", [-1], "an array of whole numbers"),
    ("shape", [1.5], "an array of whole numbers"),
    ("expected_version", "1", "a whole number"),
    ("expected_version", -1, "a whole number"),
    ("expected_version", 1.0, "a whole number")])
def test_wrong_types_name_the_member(engine, member, value, must):
    error(send(engine, json.dumps({**OK, member: value})), 400,
          "invalid_request", f"Field '{member}' must be {must}")


@pytest.mark.parametrize("twice,name", [
    ('"namespace":"a","namespace":"a"', "namespace"),
    ('"namespace":"a","n\\u0061mespace":"b"', "namespace"),
    ('"key":"a"', "key"), ('"data_b64":"QQ=="', "data_b64"),
    ('"x":1,"x":{}', "x"), ('"metadata":{},"metadata":{}', "metadata")])
def test_duplicate_members_are_400(engine, twice, name):
    body = '{"key":"k","data_b64":"QQ==",' + twice + "}"
    error(send(engine, body), 400, "invalid_request",
          f"Duplicate field '{name}'")


def test_unknown_members_are_ignored(engine):
    body = {**OK, "extra": {"key": ["other"], "namespace": "x"},
            "note": "n" * 9000, "data": None}
    r = send(engine, json.dumps(body))
    assert r.status_code == 200
    assert r.json()["key"] == "k" and r.json()["namespace"] == "default"


def test_too_many_members_are_400(engine):
    body = json.dumps({str(i): i for i in range(65)})
    error(send(engine, body), 400, "invalid_request", "More than 64 fields")


@pytest.mark.parametrize("text", [
    "QQ", "QQ=", "QQ===", "Q Q=", "QQ==\n", "Q-_=", "QR==", "QQ==QQ==",
    "====", "A", "\u00e9", "A" * 8000 + "!", "A" * 8001, "A" * 8000 + "===="])
def test_bad_base64_names_the_member(engine, text):
    error(send(engine, json.dumps({**OK, "data_b64": text})), 400,
          "invalid_request", "Invalid base64 in 'data_b64'")


def test_escapes_in_long_base64_are_decoded(engine):
    data = b"\xff" * 30000
    text = b64(data).replace("/", "\\/")
    r = send(engine, '{"key":"k","data_b64":"' + text + '"}')
    assert r.status_code == 200
    assert engine.serve("k").json()["data_b64"] == b64(data)


def test_members_after_the_data_count(engine):
    data = bytes(range(256)) * 4000
    r = send(engine, '{"data_b64":"%s","namespace":"late","key":"k"}'
             % b64(data))
    assert r.json()["namespace"] == "late"
    assert engine.list("late").json()["keys"] == ["k"]


@pytest.mark.parametrize("key", [
    "", "a b", "a%b", "k\u00e9", "a\\b", "x" * 256, "x" * 5000, "a\u0000b",
    "a\"b", "a?b", "a#b"])
def test_invalid_keys(engine, key):
    error(send(engine, json.dumps({**OK, "key": key})), 400,
          "invalid_request", "Invalid key")


def test_longest_names_work(engine):
    key, ns = "k" * 255, "n" * 255
    assert engine.put(key, b"x", namespace=ns).status_code == 200
    assert engine.get(key, ns).json()["key"] == key
    assert engine.list(ns).json()["keys"] == [key]


@pytest.mark.parametrize("ns,echo", [
    ("", ""), ("x y", "x y"), ("a/b", "a/b"), ("a.b", "a.b"),
    ("\u00e9" * 200, "\u00e9" * 127), ("n" * 256, "n" * 255),
    ('q"\n', 'q"\n')])
def test_invalid_namespaces(engine, ns, echo):
    error(send(engine, json.dumps({**OK, "namespace": ns})), 400,
          "invalid_request", f"Invalid namespace '{echo}'")


@pytest.mark.parametrize("ctype,status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200),
    ("Application/JSON", 200), ("text/plain", 415),
    ("application/x-www-form-urlencoded", 415),
    ("application/octet", 415), ("application/jsonx", 415), (";", 415),
    ("", 200)])
def test_content_type(engine, ctype, status):
    r = send(engine, json.dumps(OK), headers={"Content-Type": ctype})
    assert r.status_code == status
    if status == 415:
        error(r, 415, "unsupported_media_type",
              "Content-Type must be application/json, application/octet-stream "
              "or application/x-npy")


def test_content_type_may_be_absent(engine):
    r = send(engine, json.dumps(OK), headers={"Content-Type": None})
    assert r.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_content_encoding_is_415(engine, encoding):
    error(send(engine, json.dumps(OK),
               headers={"Content-Encoding": encoding}), 415,
          "unsupported_media_type")
