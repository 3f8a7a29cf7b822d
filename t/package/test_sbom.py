"""The SBOM: what CycloneDX's own schema says of it, and whether it is true."""

import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from conftest import BIN, PROGRAMS, TOP, run, version

sys.path.append(str(TOP / "t" / "lib"))

import npm                  # noqa: E402 (a folder of ours)

SBOM = TOP / "packaging/dist/sbom.py"
EPOCH = "1796000000"


def schema_folder():
    """CycloneDX's library, of the version in package-lock.json, has them."""
    place = Path(os.environ.get("HX_SCRATCH") or run(
        TOP / "packaging/dev/scratch-dir.sh", TOP / "build").stdout.strip())
    place = npm.installed(TOP / "t/package/sbom", place / "sbom")
    return place / "node_modules/@cyclonedx/cyclonedx-library/res/schema"


@pytest.fixture(scope="module")
def validator():
    folder = schema_folder()
    store = {}
    for path in folder.glob("*.schema.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        # they name each other as they are called once published
        store[schema["$id"]] = schema
        store["http://cyclonedx.org/schema/" + path.name] = schema
        store["http://cyclonedx.org/schema/"
              + path.name.replace(".SNAPSHOT", "")] = schema
    schema = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text(
        encoding="utf-8"))

    def refuse(uri):
        raise AssertionError(f"{uri} is not here")

    resolver = jsonschema.RefResolver.from_schema(
        schema, store=store, handlers={"http": refuse, "https": refuse})
    return jsonschema.Draft7Validator(
        schema, resolver=resolver, format_checker=jsonschema.FormatChecker())


def made(*programs):
    return run(SBOM, version(), EPOCH, *programs).stdout


@pytest.fixture(scope="module")
def bom():
    return json.loads(made(*(BIN / p for p in PROGRAMS)))


def test_it_is_cyclonedx(bom, validator):
    assert bom["specVersion"] == "1.6"
    assert [e.message for e in validator.iter_errors(bom)] == []


@pytest.mark.parametrize("damage", [
    lambda b: b.pop("bomFormat"),
    lambda b: b["components"][0].pop("name"),
    lambda b: b["components"][0].update(type="thing"),
    lambda b: b["components"][0]["licenses"][0]["license"].update(id="Apache"),
    lambda b: b["components"][0]["hashes"][0].update(content="abc"),
    lambda b: b.update(serialNumber="urn:uuid:1")])
def test_the_judge_finds_damage(bom, validator, damage):
    bad = copy.deepcopy(bom)
    damage(bad)
    assert list(validator.iter_errors(bad))


def test_every_library_is_there_with_package_and_version(bom):
    """ldd says it another way than the script finds it out."""
    components = {c["bom-ref"]: c for c in bom["components"]}
    edges = {d["ref"]: d.get("dependsOn", []) for d in bom["dependencies"]}
    for name in PROGRAMS:
        out = run("readelf", "-dW", BIN / name).stdout
        wanted = set(re.findall(r"NEEDED.*\[(.*)\]", out))
        found = set()
        for ref in edges[f"hx-gate/{name}"]:
            library = components[ref]
            found |= {p["value"] for p in library["properties"]
                      if p["name"] == "elf:soname"}
            have = run("dpkg-query", "-W", "-f", "${Version}",
                       library["name"]).stdout
            assert library["version"] == have
            assert library["licenses"]
            assert library["purl"].startswith(f"pkg:deb/debian/"
                                              f"{library['name']}@")
        assert wanted <= found and "libc.so.6" in wanted
        digest = hashlib.sha256((BIN / name).read_bytes()).hexdigest()
        assert components[f"hx-gate/{name}"]["hashes"][0]["content"] == digest
        assert components[f"hx-gate/{name}"]["version"] == version()
    assert edges["hx-gate"] == sorted(f"hx-gate/{p}" for p in PROGRAMS)
    assert set(edges) == set(components) | {"hx-gate"}


def test_the_licences_are_those_that_debian_names():
    """Each in the table is one that the package's own page speaks of."""
    said = {"Apache-2.0": "Apache", "BSD-3-Clause": "Redistribution and use",
            "ISC": "Permission to use, copy, modify, and/or distribute",
            "LGPL-2.1-or-later": "Lesser General Public",
            "OLDAP-2.8": "OpenLDAP Public License", "Zlib": "warranty",
            "GPL-2.0-only": "General Public License"}
    text = SBOM.read_text(encoding="utf-8")
    table = dict(re.findall(r'^    "([a-z0-9.-]+)": "([^"]+)",$', text, re.M))
    seen = 0
    for package, expression in table.items():
        page = Path(f"/usr/share/doc/{package}/copyright")
        if not page.exists():
            continue                # of another release of Debian
        seen += 1
        for licence in expression.split(" OR "):
            words = " ".join(page.read_text(encoding="utf-8").replace(
                "\n .\n", "\n").split())
            assert said[licence] in words, (package, licence)
    assert seen >= 8


def test_the_same_bytes_each_time():
    programs = [BIN / p for p in PROGRAMS]
    assert made(*programs) == made(*reversed(programs))


def test_a_library_of_unknown_licence_is_an_error(tmp_path):
    (tmp_path / "m.c").write_text("int main(void) { return 0; }\n")
    program = tmp_path / "m"
    run("gcc", "-o", program, tmp_path / "m.c", "-Wl,--no-as-needed",
        "-l:libstdc++.so.6")
    p = subprocess.run([SBOM, "1", EPOCH, program], capture_output=True,
                       text=True, timeout=60, check=False)
    assert p.returncode == 1 and p.stdout == ""
    assert "the licence of libstdc++6 is not in the table" in p.stderr
