#!/bin/sh
# valgrind-run.sh PROGRAM [ARGUMENT...]: the program under memcheck; a script
# runs as it is.  Findings go to files in HX_SAN_DIR, which are empty without
# one, and t/lib/sanitizer-check.sh reads them: the program's exit code stays
# its own.  Children it forks are watched too, what it executes is not.  At exit
# only what nothing points to any more is a leak: nginx frees nothing.
#
# Libraries that a test wants loaded come into valgrind's client as well.
set -eu

case $(head -c 4 "$1" | tail -c 3) in
ELF) ;;
*) exec "$@" ;;
esac

# the map of 64 GB does not fit beside what memcheck keeps
HOLONOMIX_MAP_SIZE=${HOLONOMIX_MAP_SIZE:-4294967296}
export HOLONOMIX_MAP_SIZE

leaks=no
case ${1##*/} in
hx-*) leaks=full ;;
esac

exec valgrind -q --log-file="${HX_SAN_DIR:?}/${1##*/}.%p" \
    --suppressions="${HX_VALGRIND_SUPP:?}" --num-callers=24 \
    --leak-check=$leaks --show-leak-kinds=definite \
    --child-silent-after-fork=no "$@"
