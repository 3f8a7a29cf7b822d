#!/bin/bash
# nginx before 1.19.5 knows no "-e FILE": leave it out, so that Test::Nginx and
# run.sh can start it.
args=()
while [ $# -gt 0 ]; do
    if [ "$1" = -e ] && [ $# -gt 1 ]; then
        shift 2
        continue
    fi
    args+=("$1")
    shift
done
exec /usr/sbin/nginx "${args[@]}"
