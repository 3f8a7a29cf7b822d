#!/bin/bash
# build-images.sh STORE: builds both images with buildah, without a Docker
# engine and without a registry, and lets each say that it works.  Needs root,
# buildah and mmdebstrap.  "FROM debian:12-slim" is made here of the mirror that
# this machine already uses.
set -eu -o pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
store=$(mkdir -p "$1" && cd "$1" && pwd)
base=docker.io/library/debian:12-slim

export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

b() {
    buildah --root "$store/images" --runroot "$store/run" "$@"
}

make_base() {
    local mirror c
    mirror=$("$top/packaging/dev/debian-mirror.sh")
    mmdebstrap --quiet --variant=minbase --format=tar bookworm \
        "$store/base.tar" "$mirror"
    c=$(b from scratch)
    b add --quiet "$c" "$store/base.tar" / >/dev/null
    b commit --quiet "$c" $base >/dev/null
    b rm "$c" >/dev/null
    rm "$store/base.tar"
}

# try IMAGE COMMAND...: in a container of it, as the image's user
try() {
    local c rc=0
    c=$(b from --pull-never "localhost/$1")
    shift
    b run "$c" -- "$@" || rc=$?
    b rm "$c" >/dev/null
    return $rc
}

# what Compose and Kubernetes set is no help where the image itself is root
not_root() {
    local user
    user=$(b inspect --type image --format '{{.OCIv1.Config.User}}' \
               "localhost/$1")
    case $user in
    ''|root|0|0:*) echo "$1 runs as root" >&2; return 1 ;;
    esac
}

b inspect --type image $base >/dev/null 2>&1 || make_base

for name in engine gate; do
    b bud --quiet --pull-never --network host -t "hx-$name" \
        -f "$top/packaging/docker/$name.Dockerfile" "$top" >/dev/null
    not_root "hx-$name"
done

try hx-engine hx-engine help >/dev/null
echo "hx-engine: built, and answers"

# the module loads, its libraries are there, the tools run; a configuration
# of one line, as engine and redis have no addresses here
# shellcheck disable=SC2016
try hx-gate sh -c '
    set -eu
    hx-audit --help >/dev/null
    hx-gate-registry --help >/dev/null
    printf "load_module modules/ngx_http_hx_gate_module.so;
        pid /tmp/pid; error_log stderr; events {} http {
        client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;
        fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi;
        scgi_temp_path /tmp/scgi;
        hx_gate_zone z 1m; hx_gate_registry lmdb:/var/lib/hx-gate/registry;
        server { listen 8443; location / { return 204; } } }" > /tmp/conf
    HX_GATE_ENGINE_SERVICE_KEY=0123456789abcdef0123456789abcdef \
        nginx -e stderr -t -c /tmp/conf 2>/tmp/said || { cat /tmp/said; exit 1; }
    test -r /etc/nginx/nginx.conf
    grep -q "server *engine:8000" /etc/nginx/hx-gate/hx-gate-fleet.conf'
echo "hx-gate: built, its module loads"
