"""Judges answers by an OpenAPI 3.1 document, and remembers what of it was seen:
statuses, headers, members, words of enumerations; and of requests that were
granted, what was sent.  What was never seen is for the test to tell."""

import json
import re
from pathlib import Path

import yaml
from conftest import TOP
from jsonschema import Draft202012Validator

PLANES = {name: TOP / "packaging" / "openapi" / f"{name}.yaml"
          for name in ("data", "admin")}
METHODS = ("get", "head", "post", "put", "delete", "options", "patch", "trace")


def load(name):
    return yaml.safe_load(Path(PLANES[name]).read_text(encoding="utf-8"))


def escaped(name):
    return str(name).replace("~", "~0").replace("/", "~1")


class Spec:
    """One document, and what was seen of it."""

    def __init__(self, document):
        self.document = document
        self.seen = set()
        self.validators = {}
        self.server_headers = {name.lower() for name in
                               document["x-server-headers"]["names"]}
        self.paths = [(self.pattern(path), path) for path in document["paths"]]

    @staticmethod
    def pattern(path):
        """The key stands last and may have slashes."""
        text = re.escape(path).replace(r"\{key\}", ".+")
        return re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", text))

    def at(self, pointer):
        node = self.document
        for part in pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            node = node[int(part)] if isinstance(node, list) else node[part]
        return node

    def resolved(self, pointer):
        """Where it really stands, and what."""
        node = self.at(pointer)
        while isinstance(node, dict) and set(node) == {"$ref"}:
            pointer = node["$ref"]
            node = self.at(pointer)
        return pointer, node

    def problems(self, pointer, value):
        """What the schema there has against a value."""
        if pointer not in self.validators:
            self.validators[pointer] = Draft202012Validator(
                {**self.document, "$ref": pointer})
        return [f"{pointer}: {'/'.join(map(str, e.absolute_path))}: "
                f"{e.message[:300]}"
                for e in self.validators[pointer].iter_errors(value)]

    # ------------------------------------------------- what there is --

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield (path, method,
                           f"#/paths/{escaped(path)}/{method}", item[method])

    def parameters(self, path, operation):
        """Pointers of an operation's parameters and its path's."""
        where = f"#/paths/{escaped(path)}"
        for place, holder in ((where, self.document["paths"][path]),
                              (operation, self.at(operation))):
            for i in range(len(holder.get("parameters", []))):
                yield self.resolved(f"{place}/parameters/{i}")[0]

    def expected(self):
        """All that should have been seen."""
        want = set()
        for path, method, operation, node in self.operations():
            for parameter in self.parameters(path, operation):
                want.add(("sent", parameter))
            for kind in node.get("requestBody", {}).get("content", {}):
                self.collect("request", f"{operation}/requestBody/content/"
                             f"{escaped(kind)}/schema", want)
            for status in node["responses"]:
                where, response = self.resolved(
                    f"{operation}/responses/{status}")
                if "x-not-provoked" in response:
                    continue
                want.add(("status", f"{method.upper()} {path}", status))
                for name in response.get("headers", {}):
                    want.add(("header", where, name.lower()))
                for kind, media in response.get("content", {}).items():
                    want.add(("media", where, kind))
                    if "schema" in media:
                        self.collect("answer", f"{where}/content/"
                                     f"{escaped(kind)}/schema", want)
        return want

    def collect(self, side, pointer, want, been=None):
        been = set() if been is None else been
        if pointer in been:
            return
        been.add(pointer)
        schema = self.at(pointer)
        if "$ref" in schema:
            self.collect(side, schema["$ref"], want, been)
        for value in schema.get("enum", []):
            want.add((side, pointer, "enum", value))
        for name in schema.get("properties", {}):
            want.add((side, pointer, "member", name))
            self.collect(side, f"{pointer}/properties/{escaped(name)}", want,
                         been)
        for pointer_of in self.below(schema, pointer):
            self.collect(side, pointer_of, want, been)

    @staticmethod
    def below(schema, pointer):
        """Schemas within a schema that are not those of named members."""
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                yield f"{pointer}/{name}"
        for name in ("allOf", "anyOf", "prefixItems"):
            for i in range(len(schema.get(name, []))):
                yield f"{pointer}/{name}/{i}"

    def open_objects(self):
        """Schemas of answers that would let a member pass they do not name."""
        found = set()
        for _, _, operation, node in self.operations():
            for status in node["responses"]:
                where, response = self.resolved(
                    f"{operation}/responses/{status}")
                for kind, media in response.get("content", {}).items():
                    if "schema" in media:
                        self.find_open(f"{where}/content/{escaped(kind)}/"
                                       "schema", False, found)
        return found

    def find_open(self, pointer, closed, found):
        schema = self.at(pointer)
        closed = (closed or "additionalProperties" in schema
                  or schema.get("unevaluatedProperties") is False)
        if "$ref" in schema:
            self.find_open(schema["$ref"], closed, found)
        elif "properties" in schema and not closed:
            found.add(pointer)
        for i in range(len(schema.get("allOf", []))):
            self.find_open(f"{pointer}/allOf/{i}", closed, found)
        below = [f"{pointer}/properties/{escaped(name)}"
                 for name in schema.get("properties", {})
                 if "$ref" not in schema]
        below += [p for p in self.below(schema, pointer) if "/allOf/" not in
                  p[len(pointer):]]
        for inner in below:
            self.find_open(inner, False, found)

    # -------------------------------------------------- what is seen --

    def walk(self, side, pointer, value):
        schema = self.at(pointer)
        if "$ref" in schema:
            self.walk(side, schema["$ref"], value)
        for word in schema.get("enum", []):
            if word == value and isinstance(word, type(value)):
                self.seen.add((side, pointer, "enum", word))
        if isinstance(value, dict):
            self.walk_object(side, pointer, schema, value)
        if isinstance(value, list):
            first = len(schema.get("prefixItems", []))
            for i, element in enumerate(value):
                if i < first:
                    self.walk(side, f"{pointer}/prefixItems/{i}", element)
                elif "items" in schema:
                    self.walk(side, f"{pointer}/items", element)
        for i in range(len(schema.get("allOf", []))):
            self.walk(side, f"{pointer}/allOf/{i}", value)
        for i in range(len(schema.get("anyOf", []))):
            if not self.problems(f"{pointer}/anyOf/{i}", value):
                self.walk(side, f"{pointer}/anyOf/{i}", value)

    def walk_object(self, side, pointer, schema, value):
        named = schema.get("properties", {})
        for name, inner in value.items():
            if name in named:
                self.seen.add((side, pointer, "member", name))
                self.walk(side, f"{pointer}/properties/{escaped(name)}", inner)
            elif isinstance(schema.get("additionalProperties"), dict):
                self.walk(side, f"{pointer}/additionalProperties", inner)

    def judge(self, call, answer):
        """What the document has against this answer; [] if nothing."""
        name = call.target.partition("?")[0]
        path = next((path for pattern, path in self.paths
                     if pattern.fullmatch(name)), None)
        if path is None:
            return [f"{name}: no such path"]
        item = self.document["paths"][path]
        method = call.method.lower()
        if method in item:
            return self.judge_operation(call, answer, path, method)
        if answer.status != 405:
            return [f"{call.method} {path}: {answer.status}, undocumented"]
        bad = []
        for other in METHODS:           # each method's 405 is about the others
            if "405" in item.get(other, {}).get("responses", {}):
                bad += self.judge_operation(call, answer, path, other)
        return bad

    def judge_operation(self, call, answer, path, method):
        title = f"{method.upper()} {path}"
        operation = f"#/paths/{escaped(path)}/{method}"
        status = str(answer.status)
        if status not in self.at(operation)["responses"]:
            return [f"{title}: status {status} is not documented: "
                    f"{answer.body[:200]!r}"]
        self.seen.add(("status", title, status))
        where, response = self.resolved(f"{operation}/responses/{status}")
        bad = self.judge_headers(where, response, answer)
        bad += self.judge_body(where, response, answer)
        if answer.status < 400 or answer.status == 501:
            bad += self.judge_request(call, path, operation)
        return [f"{title} {status}: {problem}" for problem in bad]

    def judge_headers(self, where, response, answer):
        documented = {name.lower(): name for name in
                      response.get("headers", {})}
        bad = []
        for name, value in answer.headers.items():
            if name in self.server_headers:
                continue
            if name not in documented:
                bad.append(f"header {name} is not documented")
                continue
            self.seen.add(("header", where, name))
            pointer, header = self.resolved(
                f"{where}/headers/{escaped(documented[name])}")
            number = header["schema"].get("type") == "integer"
            if number and not re.fullmatch("[0-9]+", value):
                bad.append(f"header {name}: {value!r} is no number")
                continue
            bad += self.problems(f"{pointer}/schema",
                                 int(value) if number else value)
        for name, spelled in documented.items():
            header = self.resolved(f"{where}/headers/{escaped(spelled)}")[1]
            if header.get("required") and name not in answer.headers:
                bad.append(f"header {name} is missing")
        return bad

    def judge_body(self, where, response, answer):
        if "content" not in response:
            return ["a body that is not documented"] if answer.body else []
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind not in response["content"]:
            return [f"content type {kind} is not documented"]
        self.seen.add(("media", where, kind))
        if "schema" not in response["content"][kind]:
            return []
        pointer = f"{where}/content/{escaped(kind)}/schema"
        try:
            value = (json.loads(answer.body) if kind == "application/json"
                     else answer.body.decode())
        except ValueError as error:
            return [f"body: {error}"]
        self.walk("answer", pointer, value)
        return self.problems(pointer, value)

    def judge_request(self, call, path, operation):
        """A request with nothing wrong has to be as documented, too."""
        query = call.target.partition("?")[2]
        arguments = {part.partition("=")[0] for part in query.split("&")}
        for pointer in self.parameters(path, operation):
            parameter = self.at(pointer)
            if (parameter["in"] == "path"
                    or parameter["in"] == "query"
                    and parameter["name"] in arguments
                    or parameter["in"] == "header"
                    and parameter["name"].lower() in call.headers):
                self.seen.add(("sent", pointer))
        if "requestBody" not in self.at(operation):
            return []
        pointer = f"{operation}/requestBody/content/application~1json/schema"
        value = json.loads(call.body)
        self.walk("request", pointer, value)
        return self.problems(pointer, value)

    def unseen(self):
        """What the document says and nothing has shown, sorted."""
        return sorted(map(str, self.expected() - self.seen))
