#!/bin/sh
# Installs Test::Nginx (Debian's libtest-nginx-perl) as root.
#
# Debian 12 and 13 do not carry the package, later releases do.  It is one
# architecture-independent .deb without special needs, so it is fetched from a
# later release of the mirror this machine already uses, checked by apt
# against Debian's signing key like any other package, and its dependencies
# come from the machine's own release.  The lists of the later release live in
# a temporary directory: nothing is left in /etc/apt.
set -eu

: "${TEST_NGINX_SUITES:=forky sid}"     # tried in this order
: "${APT_LOCK_WAIT:=600}"               # seconds

if perl -MTest::Nginx::Socket -e 1 2>/dev/null; then
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -y -o DPkg::Lock::Timeout=$APT_LOCK_WAIT"

# the machine's own release first; a bare machine has no package lists yet
if ! apt-cache show libtest-base-perl >/dev/null 2>&1; then
    $apt update
fi
if apt-cache show libtest-nginx-perl >/dev/null 2>&1; then
    exec $apt install --no-install-recommends libtest-nginx-perl
fi

# where "main" comes from on this machine, and the key that signs it
# shellcheck disable=SC2016    # apt expands them
source=$(apt-get indextargets --format '$(REPO_URI)|$(SIGNED_BY)|$(RELEASE)' \
             'Identifier: Packages' 'Component: main' |
         grep -v -e security -e updates -e backports | head -n 1)
uri=${source%%|*}
key=${source#*|}
key=${key%%|*}
if [ -z "$uri" ]; then
    echo "install-test-nginx.sh: apt knows no source of \"main\"" >&2
    exit 1
fi
case $key in
/*) ;;
*) key=/usr/share/keyrings/debian-archive-keyring.gpg ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
: > "$tmp/status"

# apt options: other sources, other lists, same keys.  A mirror frozen at a
# date has signed lists past their "valid until": the signature still counts.
later() {
    apt-get -q \
        -o Dir::Etc::SourceList="$tmp/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$tmp/lists" \
        -o Dir::State::Status="$tmp/status" \
        -o Dir::Cache="$tmp/cache" \
        -o Acquire::Languages=none \
        -o Acquire::Check-Valid-Until=false \
        -o Acquire::Check-Date=false \
        -o APT::Sandbox::User=root \
        "$@"
}

deb=
for suite in $TEST_NGINX_SUITES; do
    printf 'deb [signed-by=%s] %s %s main\n' "$key" "$uri" "$suite" \
        > "$tmp/sources.list"
    if later update &&
       (cd "$tmp" && later download libtest-nginx-perl); then
        for deb in "$tmp"/libtest-nginx-perl_*_all.deb; do :; done
        break
    fi
    echo "install-test-nginx.sh: not from $suite" >&2
done

if [ ! -f "$deb" ]; then
    echo "install-test-nginx.sh: libtest-nginx-perl not found in" \
         "$TEST_NGINX_SUITES of $uri" >&2
    exit 1
fi

$apt install --no-install-recommends "$deb"
perl -MTest::Nginx::Socket -e 1
