#!/bin/sh
# build.sh OUT: the Debian packages, in OUT, from the tarball that is made of
# this tree and packaging/debian; OUT/tree is where they are built.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$("$top/packaging/version.sh")
SOURCE_DATE_EPOCH=$("$top/packaging/dist/epoch.sh")
export SOURCE_DATE_EPOCH LC_ALL=C

rm -rf "$1"
mkdir -p "$1"
out=$(cd "$1" && pwd)

tarball=$("$top/packaging/dist/tarball.sh" "$out")
mv "$tarball" "$out/hx-gate_$version.orig.tar.gz"
mkdir "$out/tree"
tar -x -f "$out/hx-gate_$version.orig.tar.gz" -C "$out/tree" \
    --strip-components=1

cd "$out/tree"
cp -r packaging/debian debian
rm debian/build.sh debian/arrange.sh
cat > debian/changelog <<END
hx-gate ($version-0hx1) unstable; urgency=medium

  * What is new stands in CHANGES.md.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

# what make has been told is for this tree's own build
unset MAKEFLAGS MFLAGS MAKEOVERRIDES BUILD BUILDDIR
dpkg-buildpackage -us -uc ${DEB_JOBS:+-j"$DEB_JOBS"} > "$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    echo "build.sh: failed, see $out/build.log" >&2
    exit 1
}
cd "$out"
ls ./*.deb
