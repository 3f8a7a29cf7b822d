#!/bin/sh
# version.sh: prints the version of this tree.  It stands in one place, which
# the programs are compiled with.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^#define HX_VERSION *"\([0-9][0-9.]*\)"$/\1/p' \
    "$here/../ngx_hx_gate_module/core/hx_version.h")
if [ -z "$version" ]; then
    echo "version.sh: no version in core/hx_version.h" >&2
    exit 1
fi
printf '%s\n' "$version"
