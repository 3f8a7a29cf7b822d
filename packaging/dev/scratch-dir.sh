#!/bin/sh
# scratch-dir.sh DIR: creates and prints a directory that the workers of a
# server started by us can enter.
#
# It is DIR itself where that works.  Started by root, nginx's workers are
# www-data: when a directory above DIR is closed to others (a checkout in
# /root), it is a directory of ours in /tmp instead, the same at every call.
set -eu

dir=$1
mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)

reachable=yes
if [ "$(id -u)" = 0 ]; then
    up=$dir
    while [ "$up" != / ]; do
        case $(stat -c %A "$up") in
        *[xt]) ;;
        *) reachable=no ;;
        esac
        up=$(dirname "$up")
    done
fi

if [ $reachable = yes ]; then
    printf '%s\n' "$dir"
    exit 0
fi

sum=$(printf %s "$dir" | cksum | cut -d' ' -f1)
tmp=/tmp/hx-gate-$(id -u)-$sum

# in /tmp anybody may have made the name before us
mkdir -m 755 "$tmp" 2>/dev/null || true
if [ -L "$tmp" ] || [ "$(stat -c '%u %A' "$tmp")" != "$(id -u) drwxr-xr-x" ]
then
    echo "scratch-dir.sh: $tmp is not ours, mode 755: remove it" >&2
    exit 1
fi

printf '%s\n' "$tmp"
