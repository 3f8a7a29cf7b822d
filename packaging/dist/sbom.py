#!/usr/bin/python3
"""sbom.py VERSION EPOCH PROGRAM...: a CycloneDX 1.6 document on stdout about
the programs and what they are linked with: library, Debian package, its
version, licence.

What a program is linked with is read from it (readelf), which package that is
from dpkg.  The same programs on the same system give the same bytes.  A library
whose licence is not in the table below is an error: look it up, write it down.
"""

import hashlib
import json
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

# SPDX expressions, from /usr/share/doc/<package>/copyright: of the library
# itself, not of tools and tests in the same source package.
LICENCES = {
    "libc6": "LGPL-2.1-or-later",
    "libhiredis0.14": "BSD-3-Clause",
    "libhiredis1.1.0": "BSD-3-Clause",
    "liblmdb0": "OLDAP-2.8",
    "libpcre2-8-0": "BSD-3-Clause",
    "libssl3": "Apache-2.0",
    "libssl3t64": "Apache-2.0",
    "libyajl2": "ISC",
    "libzstd1": "BSD-3-Clause OR GPL-2.0-only",
    "zlib1g": "Zlib",
}

OURS = "Apache-2.0"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


def needed(program):
    """Names of the libraries that a program is linked with."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", program))


def paths():
    """{name: file} of the libraries that the loader finds."""
    found = {}
    for line in run("/sbin/ldconfig", "-p").splitlines():
        match = re.fullmatch(r"\t(\S+) \(.*x86-64.*\) => (\S+)|"
                             r"\t(\S+) \(.*AArch64.*\) => (\S+)", line)
        if match:
            name, path = [x for x in match.groups() if x]
            found.setdefault(name, path)
    return found


def package_of(path):
    """The package that a file belongs to; its paths may be those before the
    merge of /lib into /usr/lib."""
    real = str(Path(path).resolve())
    for name in (path, real, real.removeprefix("/usr")):
        p = subprocess.run(["dpkg-query", "-S", name], capture_output=True,
                           text=True, check=False)
        if p.returncode == 0:
            return p.stdout.split(":")[0]
    raise SystemExit(f"sbom.py: no package has {path}")


def library(package, names, release):
    """The component of a package, with the names of its libraries."""
    if package not in LICENCES:
        raise SystemExit(f"sbom.py: the licence of {package} is not in the "
                         f"table")
    version, arch, source = run(
        "dpkg-query", "-W", "-f",
        "${Version}\t${Architecture}\t${source:Package}\n",
        package).splitlines()[0].split("\t")
    quoted = version.replace("+", "%2B").replace(":", "%3A")
    purl = f"pkg:deb/debian/{package}@{quoted}?arch={arch}&distro={release}"
    return {
        "type": "library", "bom-ref": purl, "name": package,
        "version": version, "purl": purl, "licenses": licence(
            LICENCES[package]),
        "properties": [
            {"name": "debian:source", "value": source},
            *({"name": "elf:soname", "value": n} for n in sorted(names))]}


def licence(expression):
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def release_name():
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in text.splitlines()
                  if "=" in line)
    return (values["ID"] + "-" + values.get("VERSION_ID", "sid")).replace(
        '"', "")


def document(version, epoch, programs):
    where = paths()
    release = release_name()
    names = {}                  # package: names of its libraries
    uses = {}                   # program: packages
    for program in programs:
        uses[program] = set()
        for name in needed(program):
            package = package_of(where[name]) if name in where else None
            if package is None:
                raise SystemExit(f"sbom.py: {program.name} needs {name}, "
                                 f"which is not here")
            names.setdefault(package, set()).add(name)
            uses[program].add(package)

    libraries = {p: library(p, n, release) for p, n in sorted(names.items())}
    ours = [{
        "type": "library" if program.suffix == ".so" else "application",
        "bom-ref": f"hx-gate/{program.name}", "name": program.name,
        "version": version, "licenses": licence(OURS),
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(
            program.read_bytes()).hexdigest()}],
    } for program in programs]

    top = {"type": "application", "bom-ref": "hx-gate", "name": "hx-gate",
           "version": version, "licenses": licence(OURS)}
    edges = [{"ref": "hx-gate",
              "dependsOn": sorted(x["bom-ref"] for x in ours)}]
    edges += [{"ref": f"hx-gate/{program.name}",
               "dependsOn": sorted(libraries[p]["bom-ref"]
                                   for p in uses[program])}
              for program in programs]
    edges += [{"ref": x["bom-ref"]} for x in libraries.values()]

    body = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime(
                "%Y-%m-%dT%H:%M:%SZ"),
            "component": top},
        "components": ours + list(libraries.values()),
        "dependencies": sorted(edges, key=lambda x: x["ref"])}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode())
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX", "specVersion": "1.6",
            "serialNumber": uuid.UUID(bytes=digest.digest()[:16],
                                      version=5).urn,
            "version": 1, **body}


def main(version, epoch, *programs):
    found = sorted((Path(p) for p in programs), key=lambda p: p.name)
    print(json.dumps(document(version, int(epoch), found), indent=2))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("usage: sbom.py VERSION EPOCH PROGRAM...")
    main(*sys.argv[1:])
