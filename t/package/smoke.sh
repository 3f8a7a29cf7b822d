#!/bin/bash
# smoke.sh [systemd]: in a system where the packages are installed and no
# service runs: does what README.Debian says, starts hx-engine as its unit
# would, then nginx, and sends something through.  Ends what it started.
# With "systemd" the services are started by it, and left running.
set -eu -o pipefail

work=$(mktemp -d)
engine='' nginx=''

stop() {
    local rc=$?
    [ $rc = 0 ] ||
        tail -n 5 /var/log/nginx/error.log "$work"/engine.log >&2 || true
    for pid in $nginx $engine; do
        kill "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    done
    rm -rf "$work"
    exit $rc
}
trap stop EXIT

until_true() {
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "smoke: never: $*" >&2
    return 1
}

# what README.Debian tells the operator to type, unless it was typed before
if [ ! -e /etc/hx-gate/tls.crt ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout /etc/hx-gate/tls.key -out /etc/hx-gate/tls.crt -days 30 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
    sed -n 's/^     \(install -m 600\|ln -s\) /\1 /p' \
        /usr/share/doc/libnginx-mod-http-hx-gate/README.Debian > "$work/typed"
    [ "$(wc -l < "$work/typed")" = 5 ]
    bash -eu "$work/typed"
fi

# the engine: user, key and environment of its unit
start_engine() {
    local unit=/lib/systemd/system/hx-engine.service
    install -o hx-engine -m 400 /etc/hx-engine/service.key "$work/service-key"
    chmod 711 "$work"
    grep -q '^LoadCredential=service-key:/etc/hx-engine/service.key$' $unit
    set -a
    # shellcheck disable=SC1091
    . /etc/hx-engine/hx-engine.env
    set +a
    HX_GATE_ENGINE_SERVICE_KEY_FILE=$work/service-key \
        setpriv --reuid hx-engine --regid hx-engine --clear-groups -- \
        "$(sed -n 's/^ExecStart=//p' $unit)" > "$work/engine.log" 2>&1 &
    engine=$!
    until_true curl -sf http://127.0.0.1:8000/ready
}

if [ "${1:-}" = systemd ]; then
    systemctl restart hx-engine     # it is ready when that returns
    curl -sf http://127.0.0.1:8000/ready > /dev/null
    nginx -t -q
    systemctl restart nginx
else
    start_engine
    nginx -t -q
    nginx
    nginx=$(cat /run/nginx.pid)
fi
gate=(curl -sSf --cacert /etc/hx-gate/tls.crt)
until_true "${gate[@]}" https://localhost/ready

# a tenant, a value, and back; the second time all of that is there already
if [ ! -e /root/tenant.key ]; then
    "${gate[@]}" -d '{"tenant_id":"t","plan":"pro","namespaces":["n"]}' \
        -H 'Content-Type: application/json' \
        -H "Authorization: Bearer $(cat /etc/hx-gate/service.key)" \
        https://localhost/gate/onboard/create |
        sed -n 's/.*"api_key" *: *"\([^"]*\)".*/\1/p' > /root/tenant.key
    head -c 100000 /dev/urandom > /root/value
    printf '{"namespace":"n","key":"k","data_b64":"%s"}' \
        "$(base64 -w0 /root/value)" > "$work/put"
    "${gate[@]}" -H "X-Api-Key: $(cat /root/tenant.key)" \
        -H 'Content-Type: application/json' --data-binary @"$work/put" \
        https://localhost/v1/put > /dev/null
fi
"${gate[@]}" -H "X-Api-Key: $(cat /root/tenant.key)" \
    -H 'Content-Type: application/json' \
    -H 'Accept: application/octet-stream' -d '{"namespace":"n","key":"k"}' \
    https://localhost/v1/serve > "$work/back"
cmp /root/value "$work/back"
[ "$(curl -s -o /dev/null -w '%{http_code}' --cacert /etc/hx-gate/tls.crt \
    -H 'X-Api-Key: wrong' https://localhost/v1/list/n)" = 401 ]

# the trail has it, and goes on in a new file after a rotation
until_true grep -q /v1/serve /var/log/hx-gate/audit.jsonl
hx-audit stats /var/log/hx-gate/audit.jsonl > "$work/stats"
grep -qw t "$work/stats"
rm -f /var/log/hx-gate/audit.jsonl-*
logrotate -f /etc/logrotate.d/hx-gate
"${gate[@]}" -H "X-Api-Key: $(cat /root/tenant.key)" \
    https://localhost/v1/list/n > /dev/null
until_true grep -q /v1/list /var/log/hx-gate/audit.jsonl
[ "$(stat -c '%U %G %a' /var/log/hx-gate/audit.jsonl)" = 'www-data adm 640' ]

# the checklist runs and agrees about what packages are responsible for
hx-gate-check --json --skip updates > "$work/check" || [ $? = 1 ]
cat "$work/check"
