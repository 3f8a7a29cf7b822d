#!/bin/sh
# extras.sh PACKAGING PACKAGE ROOT MODULE: installs manual pages, completions,
# alert rules and dashboards of PACKAGE below ROOT and prints what it installed,
# a path a line.  A file belongs to the package of the program it is named
# after, all others to MODULE, the package of nginx's module.  A folder may be
# missing.
set -eu

from=$1
package=$2
root=$3
module=$4

owner() {
    case $(basename "$1" | sed 's/^_//') in
    hx-engine*) echo hx-engine ;;
    hx-audit*|hx-gate-check*|hx-gate-registry*) echo hx-gate-tools ;;
    *) echo "$module" ;;
    esac
}

put() {     # put FILE DIRECTORY [NAME]
    path=$2/${3:-$(basename "$1")}
    install -D -m 644 "$1" "$root$path"
}

for page in "$from"/man/*.[158]; do
    if [ ! -e "$page" ] || [ "$(owner "$page")" != "$package" ]; then
        continue
    fi
    put "$page" "/usr/share/man/man${page##*.}"
    gzip -9nf "$root$path"
    echo "$path.gz"
done

for file in "$from"/completion/*; do
    if [ ! -f "$file" ] || [ "$(owner "$file")" != "$package" ]; then
        continue
    fi
    name=$(basename "$file")
    case $name in
    *.md) continue ;;
    _*) put "$file" /usr/share/zsh/vendor-completions ;;
    *.fish) put "$file" /usr/share/fish/vendor_completions.d ;;
    *) put "$file" /usr/share/bash-completion/completions "${name%.bash}" ;;
    esac
    echo "$path"
done

if [ "$package" = "$module" ]; then
    for folder in prometheus grafana; do
        for file in "$from/$folder"/*; do
            [ -f "$file" ] || continue
            put "$file" "/usr/share/doc/hx-gate/packaging/$folder"
            echo "$path"
        done
    done
fi
