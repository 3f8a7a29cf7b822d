#!/bin/bash
# matrix.sh RELEASE...: builds the tree and runs its tests in other releases of
# Debian, with their nginx and their libraries (make matrix).  Run as root.
#
# A release is a directory below CACHE, made once by mmdebstrap (about 1.5 GB)
# and brought up to date when it is older than a day.  "make test-deps" fetches
# what tests need; only that has a network.  Build and tests run in namespaces
# of their own (mounts, processes, loopback and no other network): nothing stays
# mounted or running, also when this is killed.
#
# Environment: CACHE, TEST_GROUPS, JOBS, MIRROR, RESULTS (logs and the table).
# Every group of every release runs; exit 0: all passed.
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)

: "${CACHE:=$top/build/matrix}"
: "${TEST_GROUPS:=unit gate engine e2e fleet valkey}"
: "${JOBS:=2}"
: "${RESULTS:=$CACHE/results}"

die() {
    printf 'matrix: %s\n' "$*" >&2
    exit 2
}

[ $# -gt 0 ] || die "no release named"
[ "$(id -u)" = 0 ] || die "needs root: it makes Debian trees and enters them"
for release in "$@"; do
    case $release in
    bullseye|bookworm|trixie|forky) ;;
    *) die "unknown release $release" ;;
    esac
done
for group in $TEST_GROUPS; do
    case $group in
    unit|gate|engine|e2e|fleet|valkey) ;;
    *) die "unknown group $group" ;;
    esac
done
if ! mkdir -p "$CACHE" "$RESULTS" || ! CACHE=$(cd "$CACHE" && pwd -P) ||
   ! RESULTS=$(cd "$RESULTS" && pwd -P)
then
    die "cannot use CACHE=$CACHE, RESULTS=$RESULTS"
fi

if [ -z "${MIRROR:-}" ]; then
    MIRROR=$("$top/packaging/dev/debian-mirror.sh") ||
        die "name a mirror of Debian: MIRROR="
fi

# ---- the trees --------------------------------------------------------------

child=
trap '[ -z "$child" ] || kill -KILL "$child"; exit 130' INT TERM HUP

# enter ROOT COMMAND OPTION...: COMMAND in ROOT, with mounts and processes of
# its own, which end with it, and what unshare's options say.  The first of the
# processes is the shell, which stays: it reaps daemons.  /dev/shm is the
# tree's own: the gate keeps its state there.
enter() {
    local root=$1 command=$2
    shift 2
    # shellcheck disable=SC2016    # the inner shell expands them
    unshare --mount --pid --fork --kill-child "$@" bash -c '
        mount --make-rprivate / && mount -t proc proc "$1/proc" &&
        mount --rbind /dev "$1/dev" &&
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm" || exit 1
        ip link set lo up || exit 1
        exec chroot "$1" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive \
            PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -c "$2"' _ "$root" "($command); exit \$?" </dev/null &
    child=$!
    wait "$child"
    set -- $?
    child=
    return "$1"
}

# online: for packages.  alone: loopback only.
online() {
    cp -L /etc/resolv.conf "$1/etc/resolv.conf" && enter "$1" "$2"
}

alone() {
    enter "$1" "$2" --net
}

make_tree() {
    local release=$1 root=$CACHE/$1
    rm -rf --one-file-system "$root"
    # a mirror frozen at a date has signed lists past their "valid until"
    mmdebstrap --quiet --variant=minbase \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='Acquire::Check-Date "false"' \
        "$release" "$root" "$MIRROR" || return 1
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"      # start no service
    if [ "$release" = bullseye ]; then          # no nginx-dev yet
        sed 's/^deb /deb-src /' "$root/etc/apt/sources.list" \
            > "$root/etc/apt/sources.list.d/src.list" || return 1
    fi
    # "localhost" is a name that tests resolve; nobody else would say it
    printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' > "$root/etc/hosts" &&
        touch "$root/.ready"
}

fresh_tree() {
    local root=$CACHE/$1
    if [ ! -e "$root/.ready" ]; then
        make_tree "$1" || return 1
    elif [ -z "$(find "$root/.ready" -mtime -1)" ]; then
        online "$root" 'apt-get -q update && apt-get -q -y dist-upgrade' ||
            return 1
        touch "$root/.ready"
    fi
}

# The tree under test, without what was built here; of what was built there
# only the packages that npm fetched stay.
copy_source() {
    local to=$1/srv/hx-gate
    mkdir -p "$to/build" || return 1
    find "$to" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + &&
    find "$to/build" -mindepth 1 -maxdepth 1 ! -exec test -e {}/installed \; \
        -exec rm -rf {} + || return 1
    tar -C "$top" --exclude=./build --exclude=./.git --exclude=__pycache__ \
        -cf - . | tar -C "$to" --no-same-owner -xf -
}

# What the groups will need, as "make test" would fetch it.
install_packages() {
    local root=$1 redis=
    if [[ " $TEST_GROUPS " == *' valkey '* ]]; then
        redis=REDIS=valkey-server
    fi
    # the certificates this machine trusts, for its way to npm's registry
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/srv/ca.crt" || return 1
    online "$root" "command -v make >/dev/null || {
            apt-get -q update && apt-get -q -y install make; }
        cd /srv/hx-gate && npm_config_cafile=/srv/ca.crt make test-deps $redis" ||
        return 1
    if [ "$release" = bullseye ] && [ ! -e "$root/usr/src/nginx" ]; then
        online "$root" 'cd /usr/src && apt-get -q update &&
            apt-get -q source nginx && mv nginx-1.18.0 nginx' || return 1
    fi
}

# ---- one release ------------------------------------------------------------

write_versions() {
    # shellcheck disable=SC2016    # bash in the tree expands them
    alone "$1" '
        echo "nginx=$(nginx -v 2>&1 | sed "s,.*nginx/,,; s, .*,,")"
        echo "OpenSSL=$(openssl version | cut -d" " -f2)"
        echo "hiredis=$(pkg-config --modversion hiredis 2>/dev/null ||
            dpkg-query -W -f "\${Version}" libhiredis-dev | sed "s/-.*//")"
        echo "gcc=$(gcc -dumpfullversion)"
        echo "Python=$(/usr/bin/python3 -c "import platform
print(platform.python_version())")"
        for redis in redis-server valkey-server; do
            if command -v $redis >/dev/null; then
                echo "$redis=$($redis --version | sed "s/.* v=//; s/ .*//")"
            fi
        done'
}

# run_group ROOT LOGS GROUP: its output in LOGS/GROUP.log, its exit in .rc
run_group() {
    local root=$1 logs=$2 group=$3 target=$3 env=
    if [ "$group" = valkey ]; then
        [ -x "$root/usr/bin/valkey-server" ] || return 0
        target=fleet env=REDIS=valkey-server
    fi
    echo "==> $release: $group"
    alone "$root" "cd /srv/hx-gate && $env make $target JOBS=$JOBS $build" \
        > "$logs/$group.log" 2>&1
    echo $? > "$logs/$group.rc"
}

run_release() {
    local root=$CACHE/$1 logs=$RESULTS/$1 build='' group
    rm -rf "$logs"
    mkdir -p "$logs"
    echo "==> $1: tree and packages"
    if ! { fresh_tree "$1" && copy_source "$root" &&
           install_packages "$root"; } > "$logs/prepare.log" 2>&1
    then
        tail -n 20 "$logs/prepare.log"
        return
    fi
    if [ "$1" = bullseye ]; then
        install -m 755 "$here/nginx-without-e.sh" "$root/usr/local/bin/"
        build='NGX_SRC=/usr/src/nginx'
        build+=' NGINX_BIN=/usr/local/bin/nginx-without-e.sh'
    fi
    write_versions "$root" > "$logs/versions"
    echo "==> $1: build"
    if ! alone "$root" "cd /srv/hx-gate && make $build" > "$logs/build.log" 2>&1
    then
        tail -n 20 "$logs/build.log"
        return
    fi
    for group in $TEST_GROUPS; do
        run_group "$root" "$logs" "$group"
    done
}

for release in "$@"; do
    run_release "$release"
done

# shellcheck disable=SC2086    # word splitting wanted: a list of groups
/usr/bin/python3 "$here/table.py" "$RESULTS" "$*" $TEST_GROUPS |
    tee "$RESULTS/table.md"
