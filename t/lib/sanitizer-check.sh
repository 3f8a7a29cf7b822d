#!/bin/sh
# sanitizer-check.sh DIR: fails when a sanitizer report in DIR names a source
# of ours.  Reports of nginx alone are shown and pass: they are not ours.
set -eu

dir=$1
ours='ngx_hx_gate_module/|hx-engine/|hx_[a-z0-9_]*\.[ch]|ngx_http_hx_'
bad=0

for report in "$dir"/*; do
    [ -s "$report" ] || continue
    if grep -qE "$ours" "$report"; then
        bad=$((bad + 1))
        echo "sanitizer report:"
    else
        echo "sanitizer report without a source of ours:"
    fi
    head -n 40 "$report" | sed 's/^/    /'
done

if [ $bad != 0 ]; then
    echo "sanitizers: $bad reports name our sources (in $dir)"
    exit 1
fi
echo "sanitizers: no report names our sources"
