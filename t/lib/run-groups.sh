#!/bin/bash
# run-groups.sh LOGDIR GROUP...: runs "make GROUP" for each, whatever the ones
# before it said, keeps what each printed in LOGDIR, and ends with the summary
# lines the runners (prove, pytest) themselves printed.  Exit 0: all passed.
set -u -o pipefail

logs=$1
shift
mkdir -p "$logs"

failed=
for group in "$@"; do
    echo "==> $group"
    "${MAKE:-make}" "$group" BUILD="$BUILD" 2>&1 | tee "$logs/$group.log" ||
        failed="$failed $group"
done

echo
for group in "$@"; do
    echo "==> $group"
    grep -aE -e '^(All tests successful|Files=|Result: |Failed )' \
         -e '^(=+ )?[0-9]+ (passed|failed|error|skipped|deselected)' \
         -e '^no tests ran|^sanitizers: ' "$logs/$group.log" ||
        echo "no summary: the group did not run"
done

if [ -n "$failed" ]; then
    echo "FAILED:$failed (output in $logs)"
    exit 1
fi
