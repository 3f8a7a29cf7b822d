#!/bin/sh
# install.sh GROUP...: makes sure that the Debian packages of the groups are
# there (the lists are the files named GROUP.list beside this script; what a
# release of Debian calls otherwise, or does not have, is in RELEASE.names).
#
# Nothing missing: silent, exit 0, no root needed.  As root: installs.  As
# another user: prints the one line root has to run and exits 1.  On a system
# without dpkg (or with HX_DEPS=skip) it trusts the builder and does nothing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

if [ "${HX_DEPS:-}" = skip ] || ! command -v dpkg-query >/dev/null; then
    exit 0
fi

want=
test_nginx=no
for group in "$@"; do
    if [ ! -f "$here/$group.list" ]; then
        echo "install.sh: no package list named $group" >&2
        exit 2
    fi
    want="$want $(sed 's/#.*//' "$here/$group.list" | tr '\n' ' ')"
    [ "$group" != test ] || test_nginx=yes
done

# "PACKAGE NAME..." of the release's file: what is installed in its place
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
names=$here/$codename.names
if [ -n "$codename" ] && [ -f "$names" ]; then
    want=$(printf '%s\n' "$want" | tr -s ' ' '\n' | awk -v names="$names" '
        BEGIN {
            while ((getline line < names) > 0) {
                sub(/#.*/, "", line)
                n = split(line, word, " ")
                if (n > 0) {
                    known[word[1]] = ""
                    for (i = 2; i <= n; i++)
                        known[word[1]] = known[word[1]] word[i] "\n"
                }
            }
        }
        $0 in known { printf "%s", known[$0]; next }
        { print }')
fi

have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
missing=
for package in $want; do
    # other builds of nodejs bring npm along, and bear with no other
    if [ "$package" = npm ] && command -v npm >/dev/null; then
        continue
    fi
    printf '%s\n' "$have" | grep -qxF -e "$package" || missing="$missing $package"
done

installer="$here/../../t/lib/install-test-nginx.sh"
need_installer=no
if [ $test_nginx = yes ] &&
   ! printf '%s\n' "$have" | grep -qxF -e libtest-nginx-perl; then
    need_installer=yes
fi

if [ -z "$missing" ] && [ $need_installer = no ]; then
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing. Run as root, then try again:" >&2
    if [ -n "$missing" ]; then
        echo "    apt-get install --no-install-recommends$missing" >&2
    fi
    if [ $need_installer = yes ]; then
        echo "    sh $(realpath "$installer")" >&2
    fi
    exit 1
fi

# The nginx package starts a public server on port 80 by itself.  Nobody asked
# for one: hold service starts back while we install, unless the machine has a
# policy of its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -y -o DPkg::Lock::Timeout=600"

if [ -n "$missing" ]; then
    echo "installing:$missing"
    # shellcheck disable=SC2086    # word splitting wanted: a list of names
    $apt install --no-install-recommends $missing </dev/null || {
        $apt update </dev/null       # no package lists yet, or old ones
        # shellcheck disable=SC2086
        $apt install --no-install-recommends $missing </dev/null
    }
fi

if [ $need_installer = yes ]; then
    sh "$installer" </dev/null
fi
