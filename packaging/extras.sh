#!/bin/sh
# extras.sh PACKAGING PACKAGE ROOT MODULE: installs manual pages, completions,
# alert rules and dashboards of PACKAGE below ROOT and prints what it installed,
# a path a line.  A file belongs to the package of the program it is named
# after; a completion that is named after none, to each program it speaks of;
# everything else to MODULE, the package of nginx's module.  A folder may be
# missing.
set -eu

from=$1
package=$2
root=$3
module=$4

case $package in
hx-engine) programs=hx-engine ;;
hx-gate-tools) programs='hx-audit hx-gate-check hx-gate-registry' ;;
*) programs= ;;
esac

owner() {
    case $1 in
    hx-engine|hx-engine.*) echo hx-engine ;;
    hx-audit|hx-audit.*|hx-gate-check|hx-gate-check.*|hx-gate-registry|\
    hx-gate-registry.*) echo hx-gate-tools ;;
    *) echo "$module" ;;
    esac
}

put() {     # put FILE PATH
    install -D -m 644 "$1" "$root$2"
    echo "$2"
}

for page in "$from"/man/*.[158]; do
    if [ ! -e "$page" ] || [ "$(owner "${page##*/}")" != "$package" ]; then
        continue
    fi
    path=/usr/share/man/man${page##*.}/${page##*/}
    put "$page" "$path" > /dev/null
    gzip -9nf "$root$path"
    echo "$path.gz"
done

# speaks FILE PROGRAM: the file completes it
speaks() {
    name=$(basename "$1" | sed 's/^_//; s/\.\(bash\|fish\)$//')
    if [ "$(owner "$name")" = "$module" ]; then
        grep -qw -e "$2" "$1"
    else
        [ "$name" = "$2" ]
    fi
}

speaks_alone() {
    [ "$(owner "$(basename "$1" | sed 's/^_//')")" = hx-engine ]
}

# bash looks for a file of the program's name: one for several is there once,
# and links to it; zsh reads all there are
for file in "$from"/completion/*; do
    first=
    for program in $programs; do
        if [ ! -f "$file" ] || ! speaks "$file" "$program"; then
            continue
        fi
        case ${file##*/} in
        _*) zsh=/usr/share/zsh/vendor-completions/${file##*/}
            # one that speaks of several goes to the tools, once
            if [ "$package" = hx-gate-tools ] || speaks_alone "$file"; then
                [ -e "$root$zsh" ] || put "$file" "$zsh"
            fi ;;
        *.fish) put "$file" "/usr/share/fish/vendor_completions.d/$program.fish" ;;
        *.md) ;;
        *) bash=/usr/share/bash-completion/completions
            if [ -n "$first" ]; then
                ln -sf "$first" "$root$bash/$program"
                echo "$bash/$program"
            else
                put "$file" "$bash/$program"
                first=$program
            fi ;;
        esac
    done
done

if [ "$package" = "$module" ]; then
    for folder in prometheus grafana; do
        for file in "$from/$folder"/*; do
            if [ -f "$file" ]; then
                put "$file" \
                    "/usr/share/doc/hx-gate/packaging/$folder/${file##*/}"
            fi
        done
    done
fi
