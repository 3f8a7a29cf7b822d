#!/bin/sh
# tarball.sh OUT: the source tarball OUT/hx-gate-VERSION.tar.gz, and its path on
# stdout.  The same tree gives the same bytes, whoever packs it, whenever and
# where: names sorted, one time, one owner, modes by "may be run" alone.
#
# What is packed: in a git checkout what git tracks, as it is on disk (a word on
# stderr if that is not what was committed); in an unpacked tarball everything
# but build/.  The time is SOURCE_DATE_EPOCH, else that of the commit, else
# (tarball) that of the Makefile, which tar has kept.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$("$here/../version.sh")
name=hx-gate-$version
mkdir -p "$1"
out=$(cd "$1" && pwd)
list=$(mktemp)
trap 'rm -f "$list"' EXIT

cd "$top"
epoch=$("$here/epoch.sh")
if [ -e .git ]; then
    git ls-files -z > "$list"
    if [ -n "$(git status --porcelain)" ]; then
        echo "tarball.sh: not what was committed; new files are left out" >&2
    fi
else
    find . -path ./build -prune -o \( -type f -o -type l \) -print0 |
        sed -z 's|^\./||' > "$list"
fi

# format gnu: pax headers have times and process ids
sort -z -o "$list" "$list"
tar --create --format=gnu --no-recursion --mtime="@$epoch" \
    --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' \
    --transform="flags=r;s|^|$name/|" --file="$out/$name.tar" \
    --null --files-from="$list"
gzip -9nf "$out/$name.tar"
printf '%s\n' "$out/$name.tar.gz"
