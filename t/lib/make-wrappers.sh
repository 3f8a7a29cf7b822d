#!/bin/sh
# make-wrappers.sh DIR RUNNER NAME=PROGRAM...: writes DIR/NAME for each, a
# program that starts RUNNER with PROGRAM and the arguments it got.  No PROGRAM:
# with the arguments alone.
set -eu

dir=$1
runner=$2
shift 2
mkdir -p "$dir"

for pair in "$@"; do
    file=$dir/${pair%%=*}
    program=${pair#*=}
    printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$runner" \
        "${program:+\"$program\"}" > "$file.$$"
    chmod 755 "$file.$$"
    mv "$file.$$" "$file"
done
