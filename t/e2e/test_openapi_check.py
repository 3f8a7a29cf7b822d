"""packaging/openapi by itself: OpenAPI 3.1 by its own schema, examples that
fit, paths and errors that are those of the sources; and that openapi_check.py
finds what is wrong with a document or an answer."""

import copy
import json
import re
import subprocess

import pytest
import yaml
from conftest import TOP
from node import installed
from openapi_check import PLANES, Spec, escaped, load
from openapi_gate import Answer, Call

GATE = TOP / "ngx_hx_gate_module"
BOTH = sorted(PLANES)


# ------------------------------------------------------- the documents --

def by_openapi(*files):
    place = installed("openapi", "judge.mjs")
    run = subprocess.run(["node", "judge.mjs", *files], cwd=place, check=False,
                         capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_openapi_says_so():
    for verdict in by_openapi(*PLANES.values()):
        assert verdict == {"valid": True, "version": "3.1", "errors": []}


@pytest.mark.parametrize("spoil", [
    lambda d: d["info"].pop("version"),
    lambda d: d["paths"]["/health"]["get"].update(responces={}),
    lambda d: d["paths"]["/health"]["get"]["responses"].update({"2": {}}),
    lambda d: d["components"]["headers"]["Allow"].pop("schema")])
def test_openapi_says_no(tmp_path, spoil):
    document = copy.deepcopy(load("admin"))
    spoil(document)
    file = tmp_path / "spoilt.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    [verdict] = by_openapi(file)
    assert verdict["valid"] is False and verdict["errors"]


def nodes(node, pointer="#"):
    yield pointer, node
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from nodes(inner, f"{pointer}/{escaped(name)}")
    elif isinstance(node, list):
        for i, inner in enumerate(node):
            yield from nodes(inner, f"{pointer}/{i}")


@pytest.mark.parametrize("name", BOTH)
def test_references_lead_somewhere_and_all_is_used(name):
    spec = Spec(load(name))
    used = {node["$ref"] for _, node in nodes(spec.document)
            if isinstance(node, dict) and isinstance(node.get("$ref"), str)}
    for pointer in used:
        assert spec.at(pointer) is not None, pointer
    for kind, entries in spec.document["components"].items():
        if kind != "securitySchemes":
            for entry in entries:
                assert f"#/components/{kind}/{entry}" in used


@pytest.mark.parametrize("name", BOTH)
def test_examples_fit(name):
    spec = Spec(load(name))
    found = 0
    for pointer, node in nodes(spec.document):
        if isinstance(node, dict) and "example" in node and "schema" in node:
            assert spec.problems(f"{pointer}/schema", node["example"]) == []
            found += 1
    assert found > 5


@pytest.mark.parametrize("name", BOTH)
def test_answers_have_no_open_objects(name):
    document = load(name)
    assert Spec(document).open_objects() == set()
    del document["components"]["schemas"]["Error"]["additionalProperties"]
    assert Spec(document).open_objects() == {"#/components/schemas/Error"}


@pytest.mark.parametrize("name", BOTH)
def test_names_of_operations_are_unique(name):
    ids = [node["operationId"] for _, method, _, node in
           Spec(load(name)).operations() if method != "options"]
    assert len(ids) == len(set(ids))


def paths(name):
    return {(method.upper(), re.sub(r"\{namespace\}", "{ns}", path))
            for path, method, _, _ in Spec(load(name)).operations()
            if method not in ("options", "head")}


def test_paths_are_those_of_the_gate():
    source = (GATE / "policy" / "hx_route.c").read_text(encoding="utf-8")
    table = set(re.findall(r'"([A-Z]+)",\s+"(/v1/[^"]+)"', source))
    assert len(table) == 11
    data = paths("data")
    assert {entry for entry in data if entry[1].startswith("/v1/")} == table
    readme = (GATE / "README.md").read_text(encoding="utf-8")
    calls = re.findall(r"^\| (POST|GET) (/gate/[^|]+) \|", readme, re.M)
    told = set()
    for method, named in calls:
        first, *others = named.replace("{id}", "{tenant_id}").split(", ")
        told.add((method, first))
        told |= {(method, first.rpartition("/")[0] + "/" + other)
                 for other in others}
    admin = {entry for entry in paths("admin") if entry[1][:6] == "/gate/"}
    assert len(admin) == 12 and admin == told


def test_costs_are_those_of_the_gate():
    source = (GATE / "policy" / "hx_route.c").read_text(encoding="utf-8")
    costs = {}
    for path, cost in re.findall(r'"(/v1/[^"]+)",[^)]*?\s(\d+)[,)]', source):
        costs.setdefault(path, []).append(int(cost) / 10)
    told = {}
    for path, _, _, node in Spec(load("data")).operations():
        if path.startswith("/v1/") and "operationId" in node:
            told[path.replace("{namespace}", "{ns}")] = [
                float(cost) for cost in
                re.findall(r"(\d\.\d) CU", node["summary"])]
    assert told == costs


def test_errors_are_those_of_the_sources():
    source = (GATE / "core" / "hx_errors.h").read_text(encoding="utf-8")
    words = {word: status for status, word in
             re.findall(r"X\(\w+,\s+(\d+), \"(\w+)\"\)", source)}
    unused = load("data")["x-unused-errors"]
    seen = set()
    for name in BOTH:
        spec = Spec(load(name))
        for _, _, operation, node in spec.operations():
            for status in node["responses"]:
                _, response = spec.resolved(f"{operation}/responses/{status}")
                schema = response.get("content", {}).get(
                    "application/json", {}).get("schema", {})
                for word in (schema.get("properties", {}).get("error", {})
                             .get("enum", [])):
                    assert words[word] == status
                    seen.add(word)
    assert seen | set(unused) == set(words) and not seen & set(unused)


# --------------------------------------------------------- the checker --

CALL = Call("GET", "/v1/list/ns?limit=1", {"x-api-key": "k"}, b"")
ANSWER = Answer(200, {
    "server": "nginx", "content-type": "application/json",
    "x-request-id": "r", "x-hx-cus": "0.1", "x-ratelimit-limit": "5",
    "x-ratelimit-remaining": "4", "x-ratelimit-reset": "1700000000"},
    b'{"namespace":"ns","keys":["a"],"count":1,"next_cursor":"a"}')
LIST = "/v1/list/{namespace}"


def changed(answer, body=None, status=None, **headers):
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {**answer.headers, **more}
    return Answer(status or answer.status,
                  {k: v for k, v in merged.items() if v is not None},
                  answer.body if body is None else body)


def test_a_good_answer_is_good():
    spec = Spec(load("data"))
    before = len(spec.unseen())
    assert spec.judge(CALL, ANSWER) == []
    assert len(spec.unseen()) < before
    assert ("status", f"GET {LIST}", "200") in spec.seen
    assert "('sent', '#/paths/~1v1~1list~1{namespace}/get/parameters/1')" in \
        spec.unseen()                   # prefix: nobody has sent it


@pytest.mark.parametrize("answer,why", [
    (changed(ANSWER, status=418), "status 418 is not documented"),
    (changed(ANSWER, x_new="1"), "header x-new is not documented"),
    (changed(ANSWER, x_hx_cus=None), "header x-hx-cus is missing"),
    (changed(ANSWER, x_hx_cus="1"), "does not match"),
    (changed(ANSWER, x_ratelimit_limit="many"), "is no number"),
    (changed(ANSWER, content_type="text/html"), "content type text/html"),
    (changed(ANSWER, body=b"{"), "body: "),
    (changed(ANSWER, body=b'{"namespace":"ns","keys":[],"count":0}'),
     "'next_cursor' is a required property"),
    (changed(ANSWER, body=ANSWER.body.replace(b"}", b',"more":1}')),
     "'more' was unexpected"),
    (changed(ANSWER, body=ANSWER.body.replace(b":1,", b':"1",')),
     "is not of type 'integer'")])
def test_an_answer_that_is_not_as_documented(answer, why):
    problems = Spec(load("data")).judge(CALL, answer)
    assert any(why in problem for problem in problems), problems


def removed_status(document):
    del document["paths"][LIST]["get"]["responses"]["200"]


def renamed_member(document):
    members = document["components"]["schemas"]["Keys"]["properties"]
    members["number"] = members.pop("count")


def other_type(document):
    document["components"]["schemas"]["Keys"]["properties"]["count"] = {
        "type": "string"}


def removed_header(document):
    del document["components"]["responses"]["Keys"]["headers"]["X-HX-CUs"]


def removed_path(document):
    del document["paths"][LIST]


@pytest.mark.parametrize("doctor", [removed_status, renamed_member, other_type,
                                    removed_header, removed_path])
def test_a_document_that_is_not_as_the_gate(doctor):
    document = load("data")
    doctor(document)
    assert Spec(document).judge(CALL, ANSWER)


@pytest.mark.parametrize("name", ["Stored", "Entry", "Served"])
def test_members_of_several_schemas_are_counted_together(name):
    """unevaluatedProperties: closed over all that is put together."""
    spec = Spec(load("data"))
    [problem] = spec.problems(f"#/components/schemas/{name}", {
        "key": "k", "namespace": "ns", "version": 1, "compressed": True,
        "verdict": "exact", "compression_ratio": 2.0, "original_bytes": 8,
        "stored_core_bytes": 4, "n_cores": 1, "rel_error": 0.0,
        "encoding": "tt", "dtype": None, "shape": None, "fortran_order": False,
        "metadata": {}, "domain": "d", "ranks": [], "max_rank": 0,
        "sha256": "0" * 64, "created_at": "2026-01-31T23:59:59.123Z",
        "mode": "dense", "data_b64": "", "surprise": 1})
    assert "surprise" in problem


@pytest.mark.parametrize("add", [
    lambda d: d["paths"][LIST]["get"]["responses"].update(
        {"418": {"description": "A teapot."}}),
    lambda d: d["components"]["schemas"]["Keys"]["properties"].update(
        {"extra": {}}),
    lambda d: d["components"]["responses"]["Keys"]["headers"].update(
        {"X-Extra": {"schema": {}}}),
    lambda d: d["components"]["schemas"]["Metric"]["enum"].append("l1"),
    lambda d: d["paths"][LIST]["get"]["parameters"].append(
        {"name": "extra", "in": "query", "schema": {}})])
def test_what_is_documented_only_is_missed(add):
    """As if a run had shown everything: what is added now was not seen."""
    spec = Spec(load("data"))
    spec.seen = spec.expected()
    assert spec.unseen() == []
    add(spec.document)
    assert len(spec.unseen()) >= 1


def test_a_reason_excuses():
    """Admin's 500 has one, and nothing else of that plane but the 503 of
    metrics."""
    spec = Spec(load("admin"))
    excused = {pointer for pointer, node in nodes(spec.document)
               if isinstance(node, dict) and "x-not-provoked" in node}
    assert excused == {"#/components/responses/Internal",
                       "#/paths/~1metrics/get/responses/503"}
    assert not [node for _, node in nodes(load("data"))
                if isinstance(node, dict) and "x-not-provoked" in node]
