#!/bin/sh
# container-conf.sh FROM TO ENGINE REDIS PORT: makes of nginx-conf/ (FROM) what
# a gate in a container uses (TO): the fleet's configuration, with the engine
# (HOST:PORT), Redis (its URL) and secrets where Compose puts them.  The test of
# the topology uses the same, so what it proves is what runs.
set -eu

from=$1
to=$2
engine=$3
redis=$4
port=$5

mkdir -p "$to"
cp -R "$from" "$to/hx-gate"

sed -i \
    -e "s|redis://127\.0\.0\.1:6379/0|$redis|" \
    -e "s|127\.0\.0\.1:8000;|$engine;|" \
    -e "s|^\( *listen  *\)443 |\1$port |" \
    -e "s|/etc/hx-gate/|/run/secrets/|" \
    -e "s|redis\.key|redis_key|; s|service\.key|service_key|" \
    -e "s|tls\.crt|tls_crt|; s|tls\.key|tls_key|" \
    "$to"/hx-gate/*.conf "$to"/hx-gate/snippets/*.conf

cat > "$to/nginx.conf" <<'END'
# A gate in a container: everything it writes is below /var/lib/hx-gate,
# /var/log/hx-gate, /dev/shm and /tmp; the rest of the file system is read-only.
include hx-gate/snippets/hx-gate-main.conf;
worker_processes auto;
worker_shutdown_timeout 30s;
pid /tmp/nginx.pid;
error_log stderr notice;

events {
    worker_connections 4096;
}

http {
    client_body_temp_path /tmp/body;
    proxy_temp_path       /tmp/proxy;
    fastcgi_temp_path     /tmp/fastcgi;
    uwsgi_temp_path       /tmp/uwsgi;
    scgi_temp_path        /tmp/scgi;

    include hx-gate/hx-gate-fleet.conf;
    include hx-gate/hx-gate-server.conf;
    include hx-gate/hx-gate-metrics.conf;
}
END
