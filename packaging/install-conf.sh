#!/bin/sh
# install-conf.sh FROM TO: copies the configuration folder; a file that is
# there and differs is left alone, the new one goes beside it as FILE.new.
set -eu

from=$1
to=$2

(cd "$from" && find . -name '*.conf' -o -name README.md) |
while read -r file; do
    install -d "$to/$(dirname "$file")"
    if [ ! -e "$to/$file" ] || cmp -s "$from/$file" "$to/$file"; then
        install -m 644 "$from/$file" "$to/$file"
    else
        install -m 644 "$from/$file" "$to/$file.new"
        echo "kept $to/$file; the new one is $file.new" >&2
    fi
done
