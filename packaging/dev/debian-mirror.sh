#!/bin/sh
# debian-mirror.sh: the mirror that this machine has its own packages from, for
# whoever makes a fresh Debian.  Exit 1: apt names none.
set -eu

# shellcheck disable=SC2016    # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)' \
             'Identifier: Packages' 'Component: main' |
         grep -v -e security -e updates -e backports | head -n 1 |
         cut -d'|' -f1) || true

if [ -z "$mirror" ]; then
    echo 'debian-mirror.sh: apt knows no source of "main"' >&2
    exit 1
fi

printf '%s\n' "$mirror"
