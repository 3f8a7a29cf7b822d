#!/bin/sh
# build.sh OUT BIN: what a release consists of, in OUT: the tarball, an SBOM of
# the programs in BIN, SHA256SUMS, and with SIGN=<key id> SHA256SUMS.asc, which
# gpg makes.  Debian and RPM packages that are in OUT are in the sums, too.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
version=$("$here/../version.sh")
mkdir -p "$1"
out=$(cd "$1" && pwd)
bin=$2

rm -f "$out/SHA256SUMS" "$out/SHA256SUMS.asc"
"$here/tarball.sh" "$out" >/dev/null
"$here/sbom.py" "$version" "$("$here/epoch.sh")" \
    "$bin/ngx_http_hx_gate_module.so" "$bin/hx-engine" "$bin/hx-audit" \
    "$bin/hx-gate-check" "$bin/hx-gate-registry" \
    > "$out/hx-gate-$version.cdx.json.new"
mv "$out/hx-gate-$version.cdx.json.new" "$out/hx-gate-$version.cdx.json"

cd "$out"
sums=$(mktemp)
trap 'rm -f "$sums"' EXIT
find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' -printf '%f\0' | sort -z |
    xargs -0 sha256sum -- > "$sums"
install -m 644 "$sums" SHA256SUMS

if [ -n "${SIGN:-}" ]; then
    gpg --batch --armor --local-user "$SIGN" --output SHA256SUMS.asc \
        --detach-sign SHA256SUMS
fi
ls
