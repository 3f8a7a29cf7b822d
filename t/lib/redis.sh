#!/bin/bash
# Redis or Valkey for tests, on loopback only, all state under one directory.
#   redis.sh single|tls|sentinel|cluster  DIR BASEPORT [OPTION...]  start, wait
#   redis.sh tls-sentinel|tls-cluster DIR BASEPORT [OPTION...]  all of it by TLS
#   redis.sh certs DIR                    only certificates, into DIR/tls
#   redis.sh stop DIR                     stop what DIR holds, by process id
# Options go to every server ("--maxmemory 1mb").  Ports from BASEPORT on have
# to be free: one for single, two for tls (the second is it), 13 for sentinel
# (master, replicas +1 +2, sentinels +10..12, the master's name is "hx"), 26 for
# cluster (nodes +0..5, their bus +20..25).  Nothing is saved to disk unless an
# option says so.  REDIS=redis-server (or valkey-server, with its client beside
# it).  What cannot start or does not answer within seconds is an error.
set -eu

REDIS=${REDIS:-redis-server}
CLI=${CLI:-$(dirname "$(command -v "$REDIS")")/$(basename "$REDIS" -server)-cli}
mode=${1:-}
dir=${2:-}
base=${3:-0}
shift $(($# < 3 ? $# : 3))
options=("$@")
secure=()               # what a server needs to speak nothing but TLS
client=()               # and its client

node() {    # node NAME PORT [more options]: one server, detached, pid in DIR/NAME/pid
    local name=$1 listen=(--port "$2")
    [ ${#secure[@]} = 0 ] || listen=(--port 0 --tls-port "$2" "${secure[@]}")
    shift 2
    mkdir -p "$dir/$name"
    "$REDIS" --bind 127.0.0.1 "${listen[@]}" --daemonize yes \
        --dir "$dir/$name" --pidfile "$dir/$name/pid" --logfile "$dir/$name/log" \
        --save '' --appendonly no --repl-diskless-sync-delay 0 \
        "$@" ${options[@]+"${options[@]}"} >/dev/null
}

cli() {     # cli PORT WORDS
    "$CLI" -h 127.0.0.1 ${client[@]+"${client[@]}"} -p "$@"
}

up() {      # up PORT [client options]: wait until it answers (10 s at most)
    local _ port=$1
    shift
    for _ in $(seq 500); do
        case $(cli "$port" "$@" ping 2>&1) in
        *PONG*|*NOAUTH*|*LOADING*) return 0 ;;
        esac
        sleep 0.02
    done
    echo "redis.sh: port $port does not answer" >&2
    return 1
}

key() {     # key NAME: a private key
    openssl ecparam -genkey -name prime256v1 -noout -out "$dir/tls/$1.key" 2>/dev/null
    chmod 644 "$dir/tls/$1.key"     # servers of tests run as anybody
}

ca() {      # ca NAME: a certificate authority
    key "$1"
    openssl req -x509 -new -key "$dir/tls/$1.key" -days 30 -subj "/CN=test-$1" \
        -addext keyUsage=critical,keyCertSign,cRLSign -out "$dir/tls/$1.crt"
}

signed() {  # signed NAME SUBJECTALTNAMES: a certificate of the CA
    local d=$dir/tls
    key "$1"
    openssl req -new -key "$d/$1.key" -subj /CN=test -out "$d/$1.csr"
    printf 'subjectAltName=%s\n' "$2" > "$d/ext"
    openssl x509 -req -in "$d/$1.csr" -CA "$d/ca.crt" -CAkey "$d/ca.key" \
        -CAcreateserial -days 30 -extfile "$d/ext" -out "$d/$1.crt" 2>/dev/null
}

certs() {   # two authorities; certificates for name and address, for each, for a client
    [ -f "$dir/tls/client.crt" ] && return 0
    mkdir -p "$dir/tls"
    ca ca
    ca other
    signed server DNS:localhost,IP:127.0.0.1
    signed name DNS:localhost
    signed address IP:127.0.0.1
    signed client DNS:client
}

sentinel_ready() {  # every sentinel sees both replicas and both others
    local s n=0
    for s in 10 11 12; do
        cli $((base + s)) info sentinel |
            grep -q 'status=ok.*slaves=2,sentinels=3' && n=$((n + 1))
    done
    [ $n = 3 ]
}

cluster_ready() {   # a replica that never synced will not take over later
    local k n=0
    for k in 0 1 2 3 4 5; do
        cli $((base + k)) cluster info | grep -q cluster_state:ok || continue
        cli $((base + k)) info replication |
            grep -q -e role:master -e master_link_status:up && n=$((n + 1))
    done
    [ $n = 6 ]
}

wait_for() {        # wait_for CONDITION: 25 s at most
    local _
    for _ in $(seq 500); do
        "$1" && return 0
        sleep 0.05
    done
    echo "redis.sh: not in time: $1" >&2
    return 1
}

gone() {            # gone PID TENTHS: it has ended, or is a zombie
    local _ state
    for _ in $(seq $(($2 * 5))); do
        state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
        [ -n "$state" ] && [ "$state" != Z ] || return 0
        sleep 0.02
    done
    return 1
}

case $mode in
tls-sentinel|tls-cluster)
    certs
    mode=${mode#tls-}
    secure=(--tls-cert-file "$dir/tls/server.crt"
            --tls-key-file "$dir/tls/server.key"
            --tls-ca-cert-file "$dir/tls/ca.crt" --tls-auth-clients no
            --tls-replication yes)
    client=(--tls --cacert "$dir/tls/ca.crt")
    ;;
esac

case $mode in
single)
    node single "$base"
    up "$base"
    ;;

certs)
    certs
    ;;

tls)
    certs
    node tls "$base" --tls-port $((base + 1)) --tls-auth-clients no \
        --tls-cert-file "$dir/tls/server.crt" --tls-key-file "$dir/tls/server.key" \
        --tls-ca-cert-file "$dir/tls/ca.crt"
    up "$base"
    up $((base + 1)) --tls --cacert "$dir/tls/ca.crt"
    ;;

sentinel)
    node master "$base"
    up "$base"
    node replica1 $((base + 1)) --replicaof 127.0.0.1 "$base"
    node replica2 $((base + 2)) --replicaof 127.0.0.1 "$base"
    # by TLS sentinels are slower to greet a new master than to miss it: with
    # 500 ms they would exchange it again at once
    down_after=500
    [ ${#secure[@]} = 0 ] || down_after=2000
    for i in 0 1 2; do
        mkdir -p "$dir/sentinel$i"
        port=$((base + 10 + i))
        if [ ${#secure[@]} = 0 ]; then
            echo "port $port"
        else
            # the words of a command line as lines of a file
            printf '%s\n' 0 "tls-port $port" "${secure[*]}" |
                sed '1s/^/port /; s/^--//; s/ --/\n/g'
        fi > "$dir/sentinel$i/conf"
        cat >> "$dir/sentinel$i/conf" <<END
bind 127.0.0.1
daemonize yes
dir $dir/sentinel$i
pidfile $dir/sentinel$i/pid
logfile $dir/sentinel$i/log
sentinel monitor hx 127.0.0.1 $base 2
sentinel down-after-milliseconds hx $down_after
sentinel failover-timeout hx 3000
END
        "$REDIS" "$dir/sentinel$i/conf" --sentinel >/dev/null
    done
    for i in 0 1 2; do up $((base + 10 + i)); done
    wait_for sentinel_ready
    ;;

cluster)
    nodes=()
    more=()
    [ ${#secure[@]} = 0 ] || more=(--tls-cluster yes)
    for i in 0 1 2 3 4 5; do
        node "node$i" $((base + i)) --cluster-enabled yes \
            ${more[@]+"${more[@]}"} \
            --cluster-config-file nodes.conf --cluster-node-timeout 1000 \
            --cluster-require-full-coverage no \
            --cluster-port $((base + 20 + i))
        nodes+=("127.0.0.1:$((base + i))")
    done
    for i in 0 1 2 3 4 5; do up $((base + i)); done
    "$CLI" ${client[@]+"${client[@]}"} --cluster create "${nodes[@]}" --cluster-replicas 1 --cluster-yes > "$dir/create.log"
    wait_for cluster_ready
    ;;

stop)
    for p in "$dir"/*/pid; do
        [ -f "$p" ] || continue
        pid=$(cat "$p")
        # the number may be another's by now
        grep -qa -e redis -e valkey "/proc/$pid/cmdline" 2>/dev/null || continue
        kill "$pid" 2>/dev/null || continue
        kill -CONT "$pid" 2>/dev/null || true
        gone "$pid" 50 || { kill -KILL "$pid" 2>/dev/null || true; gone "$pid" 50; }
        rm -f "$p"
    done
    ;;

*)
    echo "usage: $0 single|[tls-]sentinel|[tls-]cluster|tls DIR BASEPORT [OPTION...] | stop DIR" >&2
    exit 2
    ;;
esac
