#!/bin/bash
# run.sh start|stop|engine: a throw-away HX Gate on loopback (make run).
#
# start   makes a fresh state directory with a certificate and a service key,
#         starts hx-engine and nginx with the documented configuration
#         (nginx-conf/, only ports and paths replaced), onboards a tenant, puts
#         real series, gets them back and compares them bit for bit; then
#         stays until Ctrl-C, or returns with DETACH=1
# stop    ends what start left running
# engine  starts hx-engine again after it went away, same data, same key
#
# Environment: STATE, HX_GATE_PORT (8443), HX_ENGINE_PORT (8000),
# HX_METRICS_PORT (9145), DETACH, HX_MODULE, HX_ENGINE, HX_NGINX, HX_SCRATCH.  Every failure: one line, exit 1.
set -u -o pipefail
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)

gate_port=${HX_GATE_PORT:-8443}
engine_port=${HX_ENGINE_PORT:-8000}
metrics_port=${HX_METRICS_PORT:-9145}
nginx=${HX_NGINX:-/usr/sbin/nginx}
module=$(realpath -m "${HX_MODULE:-$top/build/ngx_http_hx_gate_module.so}")
engine=$(realpath -m "${HX_ENGINE:-$top/build/hx-engine}")
tenant=demo
namespace=measured

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'run: %s\n' "$*" >&2
    exit 1
}

# ---- processes --------------------------------------------------------------

# alive PID NAME: such a process of that name exists and is no zombie.
alive() {
    local name state
    [ -n "$1" ] && [ -r "/proc/$1/status" ] || return 1
    name=$(sed -n 's/^Name:\t//p' "/proc/$1/status" 2>/dev/null)
    state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    [ "$name" = "$2" ] && [ "$state" != Z ]
}

pid_of() {
    head -n 1 "$state/$1.pid" 2>/dev/null || true
}

# until_true SECONDS COMMAND...: looks ten times a second.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt "$end" ] || return 1
        sleep 0.1
    done
}

gone() {
    ! alive "$1" "$2"
}

# end NAME SIGNAL SECONDS: asks, waits, insists.
end() {
    local pid
    pid=$(pid_of "$1")
    if alive "$pid" "$1"; then
        kill "-$2" "$pid" 2>/dev/null
        if ! until_true "$3" gone "$pid" "$1"; then
            say "run: $1 (pid $pid) did not stop in $3 s, killing it" >&2
            kill -KILL "$pid" 2>/dev/null
            until_true 5 gone "$pid" "$1" || die "$1 (pid $pid) stays"
        fi
    fi
    rm -f "$state/$1.pid"
}

stop_all() {
    end nginx QUIT 15           # first the door, then the house
    end hx-engine TERM 35       # its drain time-out is 30 s
}

# ---- the state directory ----------------------------------------------------

find_state() {
    if [ -z "${STATE:-}" ]; then
        local base=${HX_SCRATCH:-}
        [ -n "$base" ] || base=$("$here/scratch-dir.sh" "$top/build") || exit 1
        STATE=$base/run
    fi
    state=$(realpath -m "$STATE")
    case $state in
    *[!A-Za-z0-9._/@+-]*)
        die "STATE=$state: only letters, digits and . _ / @ + - please" ;;
    esac
}

# The workers give up root: they have to get to the registry.
check_reachable() {
    local up=$state
    [ "$(id -u)" = 0 ] || return 0
    while [ "$up" != / ]; do
        up=$(dirname "$up")
        [ -e "$up" ] || continue
        case $(stat -c %A "$up") in
        *[xt]) ;;
        *) die "STATE=$state: $up is closed to www-data, whom nginx's workers" \
               "run as; choose a directory below /tmp or /var/tmp" ;;
        esac
    done
}

prepare_state() {
    local name pid
    if [ -e "$state" ] && [ ! -e "$state/.hx-gate-run" ]; then
        if [ ! -d "$state" ] || [ -n "$(ls -A "$state")" ]; then
            die "STATE=$state exists and was not made by make run;" \
                "remove it or choose another"
        fi
    fi
    for name in nginx hx-engine; do
        pid=$(pid_of $name)
        if alive "$pid" $name; then
            die "already running here: $name has pid $pid; make stop ends it"
        elif [ -n "$pid" ]; then
            say "run: $name (pid $pid) of an earlier run is gone, starting afresh"
        fi
    done

    check_reachable
    if ! mkdir -p "$state" 2>/dev/null || [ ! -w "$state" ]; then
        die "STATE=$state cannot be written"
    fi
    (cd "$state" && rm -rf bin conf etc registry data logs shm tmp demo \
        nginx.pid hx-engine.pid run.env) ||
        die "STATE=$state cannot be cleaned"
    : > "$state/.hx-gate-run"
    chmod 755 "$state"
    (cd "$state" && mkdir bin conf etc registry data logs shm tmp demo) ||
        die "STATE=$state cannot be written"
    chmod 700 "$state/etc" "$state/registry" "$state/data" "$state/shm" \
        "$state/demo"
    if [ "$(id -u)" = 0 ]; then
        chown www-data: "$state/registry" "$state/data" ||
            die "no user www-data: install nginx"
    fi
}

make_secrets() {
    (
        umask 077
        cd "$state/etc" || exit 1
        openssl rand -hex 32 > service.key || exit 1
        printf 'Authorization: Bearer %s\n' "$(cat service.key)" > service.header
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -keyout tls.key -out tls.crt -days 30 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>openssl.log ||
            exit 1
    ) || die "no certificate or key: $(tail -n 1 "$state/etc/openssl.log")"
}

# The documented files, with the values its README lists replaced.
make_conf() {
    local user=
    cp -r "$top/nginx-conf" "$state/conf/hx-gate" || die "no nginx-conf/"
    sed -i \
        -e "s|modules/ngx_http_hx_gate_module.so|$module|" \
        -e "s|/var/lib/hx-gate/registry|$state/registry|" \
        -e "s|/etc/hx-gate/|$state/etc/|" \
        -e "s|/var/log/hx-gate/|$state/logs/|" \
        -e "s|state=/dev/shm;|state=$state/shm;|" \
        -e "s|127\.0\.0\.1:9145;|127.0.0.1:$metrics_port;|" \
        -e "s|127\.0\.0\.1:8000;|127.0.0.1:$engine_port;|" \
        -e "s|^\( *listen  *\)443 |\1127.0.0.1:$gate_port |" \
        "$state"/conf/hx-gate/*.conf "$state"/conf/hx-gate/snippets/*.conf
    [ "$(id -u)" != 0 ] || user="user www-data;"

    cat > "$state/conf/nginx.conf" <<END
# made by make run; hx-gate/ is a copy of nginx-conf/
include hx-gate/snippets/hx-gate-main.conf;
$user
worker_processes 2;
worker_shutdown_timeout 10s;
pid $state/nginx.pid;
error_log $state/logs/error.log notice;

events {
    worker_connections 1024;
}

http {
    client_body_temp_path tmp/body;
    proxy_temp_path       tmp/proxy;
    fastcgi_temp_path     tmp/fastcgi;
    uwsgi_temp_path       tmp/uwsgi;
    scgi_temp_path        tmp/scgi;

    include hx-gate/hx-gate.conf;
    include hx-gate/hx-gate-server.conf;
    include hx-gate/hx-gate-metrics.conf;
}
END
}

# ---- the two servers --------------------------------------------------------

check_programs() {
    local command
    for command in "$nginx" openssl curl setsid setpriv; do
        command -v "$command" >/dev/null ||
            die "$command is missing: make deps installs what is needed"
    done
    [ -f "$module" ] || die "no module at $module: run make"
    [ -x "$engine" ] || die "no hx-engine at $engine: run make"
}

check_port() {
    case $2 in
    ''|*[!0-9]*) die "$1=$2 is not a port number" ;;
    esac
    if [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
        die "$1=$2 is not a port number"
    fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
        die "port $2 is in use; choose another with $1="
    fi
}

start_engine() {
    local as=
    if [ "$(id -u)" = 0 ]; then
        as="setpriv --reuid www-data --regid www-data --init-groups --"
    fi
    # shellcheck disable=SC2086    # word splitting wanted: a command
    HX_GATE_ENGINE_SERVICE_KEY=$(cat "$state/etc/service.key") \
    HOLONOMIX_HOST=127.0.0.1 HOLONOMIX_PORT=$engine_port \
    HOLONOMIX_DATA_DIR=$state/data \
        setsid $as "$state/bin/hx-engine" \
        >> "$state/logs/engine.log" 2>&1 </dev/null &
    engine_pid=$!
    echo "$engine_pid" > "$state/hx-engine.pid"
}

# The engine answers, or is gone and will not.
engine_settled() {
    curl -sf -o /dev/null "http://127.0.0.1:$engine_port/ready" ||
        gone "$engine_pid" hx-engine
}

wait_engine() {
    # it carries its name only after setpriv has made room for it
    until_true 5 alive "$engine_pid" hx-engine
    until_true 20 engine_settled
    curl -sf -o /dev/null "http://127.0.0.1:$engine_port/ready" ||
        fail "hx-engine is not ready: $(tail -n 1 "$state/logs/engine.log")"
}

gate_ready() {
    curl -sf -o /dev/null --cacert "$state/etc/tls.crt" "$url/ready"
}

start_nginx() {
    "$nginx" -e "$state/logs/error.log" -p "$state/" \
        -c "$state/conf/nginx.conf" 2>"$state/logs/start.log" </dev/null ||
        fail "nginx does not start: $(grep -m1 emerg "$state/logs/start.log")"
    until_true 20 gate_ready ||
        fail "nginx is not ready: $(tail -n 1 "$state/logs/error.log")"
}

# After something was started: ends it again.
fail() {
    stop_all
    die "$*"
}

# ---- the demonstration ------------------------------------------------------

# call NAME CURL-ARGUMENTS...: the answer goes to demo/NAME; not 2xx: the end.
call() {
    local name=$1 status
    shift
    status=$(curl -sS -o "$state/demo/$name" -w '%{http_code}' \
                 --cacert "$state/etc/tls.crt" "$@" 2>"$state/demo/curl.log") ||
        fail "$name: $(tail -n 1 "$state/demo/curl.log")"
    case $status in
    2*) ;;
    *) fail "$name: status $status: $(head -c 300 "$state/demo/$name")" ;;
    esac
}

onboard() {
    call onboard -H @"$state/etc/service.header" \
        -H 'Content-Type: application/json' \
        -d "{\"tenant_id\":\"$tenant\",\"plan\":\"pro\",\"namespaces\":[\"$namespace\"]}" \
        "$url/gate/onboard/create"
    key=$(sed -n 's/.*"api_key" *: *"\([^"]*\)".*/\1/p' "$state/demo/onboard")
    [ -n "$key" ] || fail "onboard: no api_key in the answer"
    (umask 077; printf 'X-Api-Key: %s\n' "$key" > "$state/etc/tenant.header")
}

# round_trip FILE: put, metadata, serve, compare.
round_trip() {
    local file=$1 name
    name=$(basename "$file" .npy)
    {
        printf '{"key":"%s","namespace":"%s","data_b64":"' "$name" "$namespace"
        base64 -w0 "$file"
        printf '","metadata":{"source":"NOAA"}}'
    } > "$state/demo/$name.json"

    call put -H @"$state/etc/tenant.header" -H 'Content-Type: application/json' \
        --data-binary @"$state/demo/$name.json" "$url/v1/put"
    call metadata -H @"$state/etc/tenant.header" \
        "$url/v1/get/$namespace/$name"
    request_id=make-run-$name-$$
    call "$name.npy" -H @"$state/etc/tenant.header" \
        -H 'Content-Type: application/json' \
        -H 'Accept: application/octet-stream' -H "X-Request-Id: $request_id" \
        -d "{\"key\":\"$name\",\"namespace\":\"$namespace\",\"format\":\"npy\"}" \
        "$url/v1/serve"
    cmp -s "$file" "$state/demo/$name.npy" ||
        fail "$name.npy did not come back as it was put"

    say "$name.npy: put, and served back bit for bit ($(stat -c %s "$file") bytes)"
    say "    $(cat "$state/demo/metadata")"
}

audited() {
    grep -q "\"$request_id\"" "$state/logs/audit.jsonl" 2>/dev/null
}

demonstrate() {
    local file
    onboard
    for file in "$top"/t/data/*.npy; do
        round_trip "$file"
    done
    until_true 10 audited || fail "no audit line of $request_id"
    say "audit line: $(grep "\"$request_id\"" "$state/logs/audit.jsonl")"
}

write_env() {
    (
        umask 077
        cat > "$state/run.env" <<END
URL=$url
CA=$state/etc/tls.crt
TENANT=$tenant
NAMESPACE=$namespace
API_KEY=$key
SERVICE_KEY_FILE=$state/etc/service.key
AUDIT_LOG=$state/logs/audit.jsonl
GATE_PORT=$gate_port
ENGINE_PORT=$engine_port
METRICS_PORT=$metrics_port
END
    )
}

explain() {
    cat <<END

HX Gate is up: $url (hx-engine on 127.0.0.1:$engine_port; all files in $state)
API key of tenant "$tenant": $key

Try:
  curl --cacert $state/etc/tls.crt -H 'X-Api-Key: $key' $url/v1/list/$namespace
  curl --cacert $state/etc/tls.crt -H 'X-Api-Key: $key' $url/v1/get/$namespace/sunspots
  curl --cacert $state/etc/tls.crt -H 'X-Api-Key: $key' -H 'Content-Type: application/json' -H 'Accept: application/octet-stream' -d '{"key":"sunspots","namespace":"$namespace","format":"npy"}' -o sunspots.npy $url/v1/serve
  curl --cacert $state/etc/tls.crt -H @$state/etc/service.header $url/gate/admin/tenants
  curl --cacert $state/etc/tls.crt -H 'X-Api-Key: $key' $url/gate/usage
  curl http://127.0.0.1:$metrics_port/metrics
  tail -f $state/logs/audit.jsonl
END
}

# ---- commands ---------------------------------------------------------------

start() {
    find_state
    check_programs
    prepare_state
    check_port HX_GATE_PORT "$gate_port"
    check_port HX_ENGINE_PORT "$engine_port"
    check_port HX_METRICS_PORT "$metrics_port"
    [ "$gate_port" != "$engine_port" ] || die "gate and engine on one port"
    case $metrics_port in
    "$gate_port"|"$engine_port") die "the metrics need a port of their own" ;;
    esac
    url=https://127.0.0.1:$gate_port

    make_secrets
    make_conf
    install -m 755 "$engine" "$state/bin/hx-engine" || die "cannot copy $engine"

    trap 'fail interrupted' INT TERM HUP
    start_engine
    wait_engine
    start_nginx
    demonstrate
    write_env
    explain

    if [ "${DETACH:-0}" = 1 ]; then
        say "make stop ends it."
        exit 0
    fi

    trap 'stop_all; say "stopped."; exit 0' INT TERM HUP
    say "Ctrl-C ends it."
    wait "$engine_pid"
    if [ -e "$state/hx-engine.pid" ]; then
        fail "hx-engine went away: $(tail -n 1 "$state/logs/engine.log")"
    fi
}

case ${1:-} in
start)
    start ;;
stop)
    find_state
    if [ ! -e "$state/nginx.pid" ] && [ ! -e "$state/hx-engine.pid" ]; then
        say "nothing runs in $state"
        exit 0
    fi
    stop_all
    say "stopped." ;;
engine)
    find_state
    [ -e "$state/run.env" ] || die "nothing was started in $state"
    engine_port=$(sed -n 's/^ENGINE_PORT=//p' "$state/run.env")
    alive "$(pid_of hx-engine)" hx-engine && die "hx-engine is running"
    start_engine
    fail() { die "$@"; }
    wait_engine ;;
*)
    die "start, stop or engine" ;;
esac
