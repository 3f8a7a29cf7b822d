"""list pages in bytewise order; delete is soft and conditional."""

import pytest
from conftest import error

KEYS = sorted(["a", "a/1", "a/2", "a-b", "b", "B", "~", "0", "aa", "a=", "z"])


@pytest.fixture
def filled(engine):
    for key in reversed(KEYS):
        engine.put(key, b"x", namespace="ns")
    engine.put("other", b"x", namespace="nt")
    return engine


def test_all_in_bytewise_order(filled):
    assert filled.list("ns").json() == {
        "namespace": "ns", "keys": KEYS, "count": len(KEYS),
        "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 11, 12, 1000])
def test_pages(filled, limit):
    seen, cursor = [], None
    while True:
        params = {"limit": limit}
        if cursor is not None:
            params["cursor"] = cursor
        page = filled.list("ns", **params).json()
        assert page["count"] == len(page["keys"]) <= limit
        seen += page["keys"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert page["count"] == limit
    assert seen == KEYS


@pytest.mark.parametrize("prefix", ["a", "a/", "b", "B", "zz", "a/1", ""])
def test_prefix(filled, prefix):
    keys = filled.list("ns", prefix=prefix).json()["keys"]
    assert keys == [k for k in KEYS if k.startswith(prefix)]


def test_prefix_and_cursor(filled):
    p = filled.list("ns", prefix="a", limit=2).json()
    assert p["next_cursor"] == p["keys"][-1]
    q = filled.list("ns", prefix="a", cursor=p["next_cursor"]).json()
    assert p["keys"] + q["keys"] == [k for k in KEYS if k[0] == "a"]
    assert filled.list("ns", prefix="a", cursor="0").json()["count"] == 6
    assert filled.list("ns", prefix="a", cursor="b").json()["count"] == 0


def test_cursor_of_a_deleted_key_still_works(filled):
    cursor = filled.list("ns", limit=3).json()["next_cursor"]
    filled.delete(cursor, "ns")
    assert filled.list("ns", cursor=cursor).json()["keys"] == KEYS[3:]


@pytest.mark.parametrize("params,detail", [
    ({"limit": "0"}, "Invalid argument 'limit'"),
    ({"limit": "1001"}, "Invalid argument 'limit'"),
    ({"limit": "x"}, "Invalid argument 'limit'"),
    ({"limit": ["1", "2"]}, "Duplicate argument 'limit'"),
    ({"prefix": "a?b"}, "Invalid argument 'prefix' or 'cursor'"),
    ({"prefix": "p" * 256}, "Invalid argument 'prefix'"),
    ({"cursor": "\u00e9"}, "Invalid argument 'prefix' or 'cursor'")])
def test_bad_arguments(filled, params, detail):
    error(filled.list("ns", **params), 400, "invalid_request", detail)


def test_default_limit_is_100(engine):
    for i in range(101):
        engine.put(f"k{i:03}", b"x")
    page = engine.list().json()
    assert page["count"] == 100 and page["next_cursor"] == "k099"


def test_empty_namespace(engine):
    assert engine.list("nothing").json() == {
        "namespace": "nothing", "keys": [], "count": 0, "next_cursor": None}


def test_delete_hides_and_is_404_the_second_time(filled):
    r = filled.delete("a/1", "ns")
    assert r.json() == {"key": "a/1", "namespace": "ns", "deleted": True,
                        "version": 1}
    error(filled.delete("a/1", "ns"), 404, "not_found",
          "Key 'a/1' not found in namespace 'ns'")
    error(filled.get("a/1", "ns"), 404, "not_found")
    error(filled.serve("a/1", namespace="ns"), 404, "not_found")
    assert "a/1" not in filled.list("ns").json()["keys"]
    error(filled.delete("none", "ns"), 404, "not_found")
    error(filled.delete("k", "nowhere"), 404, "not_found")


def test_delete_with_if_match(engine):
    engine.put("k", b"x")
    engine.put("k", b"x")
    error(engine.delete("k", headers={"If-Match": '"1"'}), 409, "conflict",
          "Version conflict for key 'k': expected 1, current 2")
    assert engine.delete("k", headers={"If-Match": '"2"'}).status_code == 200
