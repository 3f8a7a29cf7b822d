"""search: filters on metadata, against a reference in Python; pages that stay
right while others write; the index after restarts, kills and damage."""

import json
import threading

import filter_model as model
import pytest
from conftest import b64, error, head, read_response, wait_for


def search(e, filters=None, raw=None, **fields):
    """filters: of the model, or None; raw: the member's text."""
    body = {k: json.dumps(v) for k, v in fields.items()}
    if filters is not None:
        body["filters"] = model.text(filters)
    if raw is not None:
        body["filters"] = raw
    text = "{" + ",".join(f'"{k}":{v}' for k, v in body.items()) + "}"
    return e.request("POST", "/v1/search", data=text.encode())


def keys(e, filters=None, **fields):
    """All pages."""
    out, cursor = [], None
    while True:
        if cursor is not None:
            fields["cursor"] = cursor
        r = search(e, filters, **fields)
        assert r.status_code == 200, r.text
        page = r.json()
        assert list(page) == ["namespace", "keys", "count", "next_cursor"]
        assert page["count"] == len(page["keys"])
        out += page["keys"]
        cursor = page["next_cursor"]
        if cursor is None:
            return out
        assert page["count"] == fields.get("limit", 100)


def put(s, key, doc, ns="default"):
    """One put on an open connection."""
    body = ('{"key":"%s","namespace":"%s","data_b64":"QUFB","metadata":%s}'
            % (key, ns, model.text(doc))).encode()
    s.sendall(head("POST", "/v1/put", f"Content-Length: {len(body)}") + body)
    status, _, answer, _ = read_response(s)
    assert status == 200, answer


def delete(s, key, ns="default"):
    s.sendall(head("DELETE", f"/v1/delete/{ns}/{key}"))
    assert read_response(s)[0] in (200, 404)


def fill(engine, r, docs, n):
    """n random puts and deletes, in docs and in the engine."""
    with engine.connect() as s:
        for _ in range(n):
            key = f"k{r.randrange(400):03}"
            if r.randrange(8) == 0:
                delete(s, key)
                docs.pop(key, None)
            else:
                docs[key] = model.document(r)
                put(s, key, docs[key])


def compare(engine, r, docs, n):
    hits = 0
    for _ in range(n):
        f = model.query(r)
        want = sorted(k for k, d in docs.items() if model.matches(d, f))
        limit = r.choice([1, 7, 100, 1000])
        if limit == 1 and len(want) > 20:
            limit = 50
        assert keys(engine, f, limit=limit) == want, model.text(f)
        hits += bool(want)
    return hits


@pytest.mark.parametrize("seed", range(3))
def test_against_the_reference(engine, seed):
    r = model.generator(seed)
    docs = {}
    fill(engine, r, docs, 400)
    hits = compare(engine, r, docs, 500)
    fill(engine, r, docs, 400)          # many of them overwrite
    hits += compare(engine, r, docs, 500)
    assert hits > 300
    engine.stop()
    engine.start()
    compare(engine, r, docs, 100)


@pytest.fixture
def filled(engine):
    for i in range(25):
        engine.put(f"k{i:02}", b"x", metadata={
            "n": i, "even": i % 2 == 0, "tag": ["t%d" % (i % 3), "all"],
            "o": {"m": i % 5}})
    return engine


def names(*numbers):
    return [f"k{i:02}" for i in numbers]


@pytest.mark.parametrize("filters,want", [
    ('{}', range(25)),
    ('null', range(25)),
    ('{"n":7}', [7]),
    ('{"n":7.0}', [7]),
    ('{"n":{"$gte":20}}', range(20, 25)),
    ('{"n":{"$gt":20,"$lt":22}}', [21]),
    ('{"n":{"$in":[3,1,2,99]}}', [1, 2, 3]),
    ('{"tag":"t1"}', range(1, 25, 3)),
    ('{"tag":"all","even":true,"n":{"$lt":5}}', [0, 2, 4]),
    ('{"o.m":4,"even":true}', [4, 14, 24]),
    ('{"o":{"m":4},"even":{"$ne":true}}', [9, 19]),
    ('{"n":{"$ne":3},"o.m":3}', [8, 13, 18, 23]),
    ('{"none":{"$exists":false},"n":{"$lte":1}}', [0, 1]),
    ('{"none":{"$exists":true}}', []),
    ('{"none":null,"n":0}', [0])])
def test_examples(filled, filters, want):
    r = search(filled, raw=filters)
    assert r.json() == {"namespace": "default", "keys": names(*want),
                        "count": len(list(want)), "next_cursor": None}


def test_without_filters_it_is_a_list(filled):
    assert search(filled).json() == filled.list().json()
    assert search(filled, limit=3).json() == filled.list(limit=3).json()


@pytest.mark.parametrize("limit", [1, 2, 12, 13, 24, 25, 1000])
def test_pages(filled, limit):
    assert keys(filled, limit=limit) == names(*range(25))
    f = {"even": True}
    assert keys(filled, f, limit=limit) == names(*range(0, 25, 2))


def test_default_limit_is_100(engine):
    with engine.connect() as s:
        for i in range(101):
            put(s, f"k{i:03}", {"a": model.Number("1")})
    page = search(engine, raw='{"a":1}').json()
    assert page["count"] == 100 and page["next_cursor"] == "k099"
    assert search(engine, raw='{"a":1}', cursor="k099").json()["keys"] == [
        "k100"]


def test_namespaces_are_apart(engine):
    engine.put("a", b"x", namespace="n1", metadata={"x": 1})
    engine.put("b", b"x", namespace="n2", metadata={"x": 1})
    r = search(engine, raw='{"x":1}', namespace="n2")
    assert r.json() == {"namespace": "n2", "keys": ["b"], "count": 1,
                        "next_cursor": None}
    assert search(engine, raw='{"x":1}', namespace="n3").json()["count"] == 0
    r = engine.request("POST", "/v1/search", json={"namespace": "n1"},
                       headers={"X-HX-Namespace": "n2"})
    error(r, 400, "invalid_request")


def test_only_the_latest_live_version_counts(engine):
    engine.put("k", b"x", metadata={"v": 1, "same": "s"})
    engine.put("k", b"x", metadata={"v": 2, "same": "s"})
    assert search(engine, raw='{"v":1}').json()["count"] == 0
    assert search(engine, raw='{"v":2,"same":"s"}').json()["keys"] == ["k"]
    engine.put("k", b"x")
    assert search(engine, raw='{"same":"s"}').json()["count"] == 0
    engine.put("k", b"x", metadata={"v": 2})
    engine.delete("k")
    for f in ('{"v":2}', '{"v":{"$gt":0}}', '{"v":{"$exists":true}}', '{}',
              '{"v":{"$ne":7}}'):
        assert search(engine, raw=f).json()["count"] == 0
    engine.put("k", b"x", metadata={"v": 3})
    assert search(engine, raw='{"v":{"$gt":0}}').json()["keys"] == ["k"]


def test_large_values_are_found(engine):
    engine.put("big", bytes(9_000_000), metadata={"size": "big"})
    assert search(engine, raw='{"size":"big"}').json()["keys"] == ["big"]
    engine.put("big", bytes(9_000_000), metadata={"size": "other"})
    assert search(engine, raw='{"size":"big"}').json()["keys"] == []


def test_many_values_of_one_record(engine):
    engine.put("list", b"x", metadata={"a": list(range(5000)), "b": 1})
    engine.put("wide", b"x", metadata={f"f{i}": i for i in range(1000)})
    engine.put("few", b"x", metadata={"a": [4999], "b": 2, "f999": 999})
    assert search(engine, raw='{"a":4999}').json()["keys"] == ["few", "list"]
    assert search(engine, raw='{"b":1}').json()["keys"] == ["list"]
    assert search(engine, raw='{"f999":999}').json()["keys"] == ["few",
                                                                 "wide"]
    assert search(engine, raw='{"f998":{"$gt":997}}').json()["keys"] == [
        "wide"]


def test_a_list_of_many_values(engine):
    with engine.connect() as s:
        for i in range(300):
            put(s, f"k{i:03}", {"n": model.Number(str(i % 150))})
    f = {"n": {"$in": [model.Number(str(i)) for i in range(0, 1024)]}}
    assert len(keys(engine, f, limit=70)) == 300
    f = {"n": {"$in": [model.Number(str(i)) for i in range(149, 1000)]}}
    assert keys(engine, f) == ["k149", "k299"]


@pytest.mark.parametrize("filters,detail", [
    ('[]', "Field 'filters' must be an object"),
    ('"x"', "Field 'filters' must be an object"),
    ('{"$or":[]}', "Unknown operator '$or' in 'filters'"),
    ('{"a":{"$nin":[1]}}', "Unknown operator '$nin' in 'filters'"),
    ('{"$gt":1}', "Operator '$gt' in 'filters' stands without a field"),
    ('{"a":{"$gt":1,"b":2}}',
     "Field 'a' in 'filters' has operators and fields"),
    ('{"a":{"b":{}}}', "Field 'a.b' in 'filters' has an empty condition"),
    ('{"a":{"$gt":null}}', "Operator '$gt' of field 'a' in 'filters' needs a "
     "number or a string"),
    ('{"a":{"$in":7}}', "Operator '$in' of field 'a' in 'filters' needs an "
     "array of strings, numbers, booleans or null"),
    ('{"a":{"$exists":"yes"}}', "Operator '$exists' of field 'a' in "
     "'filters' needs true or false"),
    ('{"a":{"$eq":{"b":1}}}', "Operator '$eq' of field 'a' in 'filters' "
     "needs a string, a number, a boolean, null or an array of these"),
    ('{"a":[[1]]}', "Operator '$eq' of field 'a' in 'filters' needs a string, "
     "a number, a boolean, null or an array of these"),
    ('{"a":1,"\\u0061":2}', "Duplicate field 'filters.a'"),
    ('{"a":{"$gt":1,"$gt":2}}', "Duplicate field 'filters.a.$gt'"),
    ('{' + ",".join(f'"f{i}":1' for i in range(65)) + '}',
     "More than 64 conditions in 'filters'"),
    ('{"a":{"$in":[' + ",".join(["1"] * 1025) + ']}}',
     "More than 1024 values in 'filters'"),
    ('{"%s":1}' % ("x" * 1025),
     "Name of a field in 'filters' exceeds 1024 bytes"),
    ('{"a":"%s"}' % ("x" * 65536), "Filters exceed 65536 bytes"),
    ('{"a":' * 16 + '{"b":1}' + "}" * 16,
     "Filters are nested deeper than 16 levels"),
    ('{"a":' * 1000 + "1" + "}" * 1000,
     "Filters are nested deeper than 16 levels"),
    ('{"a":' + "[" * 1000 + "]" * 1000 + "}",
     "Filters are nested deeper than 16 levels"),
    ('{"a":"\\ud800"}', "Invalid JSON body"),
    ('{"a":01}', "Invalid JSON body"),
    ('{"a":', "Invalid JSON body")])
def test_bad_filters(engine, filters, detail):
    error(search(engine, raw=filters), 400, "invalid_request", detail)


def test_filters_at_their_limits(engine):
    deep = '{"a":' * 15 + '{"b":1}' + "}" * 15
    meta = json.loads(deep)
    assert engine.put("k", b"x", metadata=meta).status_code == 200
    assert search(engine, raw=deep).json()["keys"] == ["k"]
    many = '{' + ",".join(f'"f{i}":null' for i in range(64)) + '}'
    assert search(engine, raw=many).json()["keys"] == ["k"]
    long = "x" * (65536 - len('{"s":""}'))
    engine.put("long", b"x", metadata={"s": long})
    assert search(engine, raw='{"s":"%s"}' % long).json()["keys"] == ["long"]


@pytest.mark.parametrize("fields,detail", [
    ({"limit": 0}, "Field 'limit' must be a whole number from 1 to 1000"),
    ({"limit": 1001}, "Field 'limit' must be a whole number from 1 to 1000"),
    ({"limit": -1}, "Field 'limit' must be a whole number"),
    ({"limit": 1.5}, "Field 'limit' must be a whole number"),
    ({"limit": "1"}, "Field 'limit' must be a whole number"),
    ({"cursor": 1}, "Field 'cursor' must be a string"),
    ({"cursor": "a b"}, "Invalid field 'cursor'"),
    ({"cursor": "x" * 256}, "Invalid field 'cursor'"),
    ({"namespace": "a b"}, "Invalid namespace 'a b'")])
def test_bad_fields(engine, fields, detail):
    error(search(engine, **fields), 400, "invalid_request", detail)


def test_null_fields_are_absent(filled):
    assert search(filled, limit=None, cursor=None, namespace=None).json()[
        "count"] == 25
    assert search(filled, cursor="").json()["count"] == 25


def test_a_get_is_refused(engine):
    r = engine.request("GET", "/v1/search")
    assert r.status_code == 405 and r.headers["Allow"] == "POST"


@pytest.mark.parametrize("meta,name", [
    ('{"a":1,"a":2}', "metadata.a"),
    ('{"a":1,"\\u0061":2}', "metadata.a"),
    ('{"x":[0,{"y":{"a":1,"b":2,"a":3}}]}', "metadata.x.y.a"),
    ('{' + ",".join(f'"m{i}":0' for i in range(2000)) + ',"m77":1}',
     "metadata.m77")])
def test_members_named_twice_in_metadata(engine, meta, name):
    r = engine.request("POST", "/v1/put", data='{"key":"k","data_b64":"QQ==",'
                       '"metadata":%s}' % meta)
    error(r, 400, "invalid_request", f"Duplicate field '{name}'")
    assert engine.get("k").status_code == 404


def test_a_search_that_is_too_much_work_comes_in_pieces(engine):
    """64 conditions on 64 KB each: pages may be short, even empty, but lead
    on to what matches."""
    wide = model.text({f"m{i:04}": model.Number(str(i))
                       for i in range(4500)})
    with engine.connect() as s:
        for i in range(420):
            meta = wide if i % 200 != 199 else '{"x":1}'
            body = ('{"key":"k%03d","data_b64":"QUFB","metadata":%s}'
                    % (i, meta)).encode()
            s.sendall(head("POST", "/v1/put", f"Content-Length: {len(body)}")
                      + body)
            assert read_response(s)[0] == 200
    raw = "{" + ",".join(f'"n{i}":{{"$exists":false}}' for i in range(63)) + (
        ',"x":{"$ne":null}}')
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = search(engine, raw=raw, cursor=cursor).json()
        assert page["count"] == len(page["keys"])
        assert cursor < (page["next_cursor"] or "~")
        found += page["keys"]
        cursor = page["next_cursor"]
        pages += 1
    assert found == ["k199", "k399"]
    assert 1 < pages < 10


def test_pages_while_others_write(engine):
    """Keys that match all the time are all there, each once, in order; keys
    that never do are not."""
    with engine.connect() as s:
        for i in range(600):
            put(s, f"k{i:03}", {"stay": i % 3 == 0, "n": model.Number(
                str(i % 50))})
    stop = threading.Event()

    def write(seed):
        r = model.generator(seed)
        with engine.connect() as s:
            while not stop.is_set():
                i = r.randrange(200) * 3 + 1
                if r.randrange(3) == 0:
                    delete(s, f"k{i:03}")
                else:
                    put(s, f"k{i:03}", {"stay": r.random() < 0.5,
                                        "n": model.Number("25")})

    threads = [threading.Thread(target=write, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    try:
        for _ in range(15):
            for f, want in (
                    ({"stay": True}, lambda i: i % 3 == 0),
                    ({"n": {"$gte": model.Number("40")}},
                     lambda i: i % 3 != 1 and i % 50 >= 40),
                    ({"n": {"$in": [model.Number("7"), model.Number("8")]}},
                     lambda i: i % 3 != 1 and i % 50 in (7, 8)),
                    ({"n": {"$ne": model.Number("25")}},
                     lambda i: i % 3 != 1 and i % 50 != 25)):
                got = keys(engine, f, limit=23)
                assert got == sorted(set(got))
                # of those that nobody writes
                assert [k for k in got if int(k[1:]) % 3 != 1] == [
                    f"k{i:03}" for i in range(600) if i % 3 != 1 and want(i)]
    finally:
        stop.set()
        for t in threads:
            t.join()


def test_kill_9_leaves_records_and_index_alike(engine):
    r = model.generator(9)

    def write(seed):
        rr = model.generator(seed)
        try:
            with engine.connect() as s:
                while True:
                    key = f"k{rr.randrange(60):02}"
                    if rr.randrange(6) == 0:
                        delete(s, key)
                    else:
                        put(s, key, model.document(rr))
        except (OSError, AssertionError):
            return

    for round_ in range(4):
        threads = [threading.Thread(target=write, args=(round_ * 10 + i,))
                   for i in range(4)]
        for t in threads:
            t.start()
        for _ in range(40):             # meanwhile some commits happen
            engine.list()
        engine.kill()
        for t in threads:
            t.join()
        engine.start()
        docs = {}
        for key in engine.list(limit=1000).json()["keys"]:
            meta = engine.get(key).text.split('"metadata":', 1)[1]
            docs[key], _ = json.JSONDecoder(
                parse_int=model.Number,
                parse_float=model.Number).raw_decode(meta)
        compare(engine, r, docs, 60)


def test_a_damaged_index_is_made_anew(make_engine):
    """Its entries are found in the file by what they hold."""
    e = make_engine().start()
    for i in range(200):
        e.put(f"key{i:03}", b"x", metadata={"needle": "thread%03d" % (i % 5)})
    want = [f"key{i:03}" for i in range(200) if i % 5 == 3]
    assert search(e, raw='{"needle":"thread003"}').json()["keys"] == want
    e.stop()
    path = e.data / "data.mdb"
    data = bytearray(path.read_bytes())
    at, n = data.find(b"thread003\0key"), 0
    while at != -1:                     # live pages and old ones alike
        data[at + 9 + 4 - 1] ^= 0x01    # "kex": another key, or none
        n += 1
        at = data.find(b"thread003\0key", at + 1)
    assert n >= 40
    path.write_bytes(data)
    e.start()
    for _ in range(2):
        assert search(e, raw='{"needle":"thread003"}').json()["keys"] == want
    e.put("new", b"x", metadata={"needle": "thread003"})
    wait_for(lambda: e.log("store_failed"), "the log line")
    assert [x["reason"] for x in e.log("store_failed")] == [
        "the index of metadata is damaged"]
    gauge = "\nhx_engine_search_index_complete "
    assert gauge + "0\n" in e.request("GET", "/metrics").text
    e.stop()
    e.start()
    assert gauge + "1\n" in e.request("GET", "/metrics").text
    assert search(e, raw='{"needle":"thread003"}').json()["keys"] == (
        want + ["new"])
    assert not e.log("store_failed")[1:]


def test_a_damaged_record_is_named(make_engine):
    e = make_engine().start()
    for i in range(20):
        e.put(f"key{i:02}", b"x", metadata={"a": 1, "s": "needle%02d" % i})
    e.stop()
    path = e.data / "data.mdb"
    data = path.read_bytes()
    assert b'"s":"needle07"' in data
    path.write_bytes(data.replace(b'"s":"needle07"', b'"s":"needle77"'))
    e.start()
    error(search(e, raw='{"a":1}'), 500, "internal",
          "Stored record for key 'key07' is corrupt")
    assert search(e, raw='{"s":"needle08"}').json()["keys"] == ["key08"]
    e.put("key07", b"x", metadata={"a": 1})
    assert search(e, raw='{"a":1}').json()["count"] == 20


def test_search_needs_the_key(engine):
    r = engine.request("POST", "/v1/search", data="{}",
                       headers={"Authorization": "Bearer " + "x" * 40})
    assert r.status_code == 401


def test_an_empty_body_is_refused(engine):
    error(engine.request("POST", "/v1/search", data=b""), 400,
          "invalid_request")


def test_metadata_through_a_raw_body(engine):
    r = engine.request("POST", "/v1/put?key=raw", data=b64(b"x").encode(),
                       headers={"Content-Type": "application/octet-stream",
                                "X-HX-Metadata": '{"way":"raw"}'})
    assert r.status_code == 200
    assert search(engine, raw='{"way":"raw"}').json()["keys"] == ["raw"]
