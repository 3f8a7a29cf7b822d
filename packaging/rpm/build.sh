#!/bin/sh
# build.sh OUT: the RPM packages, in OUT/RPMS and OUT/SRPMS, from the tarball
# that is made of this tree.  On a system without nginx-mod-devel (Debian) with
# macros that stand in for it, and without asking rpm's data base.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$("$top/packaging/version.sh")
SOURCE_DATE_EPOCH=$("$top/packaging/dist/epoch.sh")
export SOURCE_DATE_EPOCH LC_ALL=C

rm -rf "$1"
mkdir -p "$1/SOURCES" "$1/BUILD"
out=$(cd "$1" && pwd)
"$top/packaging/dist/tarball.sh" "$out/SOURCES" > /dev/null

unset MAKEFLAGS MFLAGS MAKEOVERRIDES BUILD BUILDDIR
set -- -ba "$here/hx-gate.spec" --define "_topdir $out" \
    --define "_smp_mflags -j${JOBS:-2}" --define "hx_version $version" \
    --define "hx_date $(date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" \
    --define "use_source_date_epoch_as_buildtime 1" \
    --define "clamp_mtime_to_source_date_epoch 1"
if [ -z "$(rpm --eval '%{?nginx_modbuild}')" ]; then
    macros=$(rpm --eval '%{_rpmconfigdir}')/macros
    set -- --nodeps --load "$macros" --load "$here/macros.debian" "$@"
fi
rpmbuild "$@" > "$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    echo "build.sh: failed, see $out/build.log" >&2
    exit 1
}
find "$out/RPMS" "$out/SRPMS" -name '*.rpm'
