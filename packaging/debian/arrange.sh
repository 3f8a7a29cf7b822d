#!/bin/sh
# arrange.sh TREE: what "make install" has put into TREE, as Debian has it:
# pages in /usr/share/doc, and a main snippet that leaves loading the module to
# /etc/nginx/modules-enabled, where dh_nginx does it.
set -eu

tree=$1
conf=$tree/etc/nginx/hx-gate
doc=$tree/usr/share/doc/hx-gate

rm "$conf/README.md"
for page in nginx-conf/README.md ngx_hx_gate_module/*.md \
        ngx_hx_gate_module/tool/*.md packaging/logrotate/hx-gate \
        CHANGES.md SECURITY.md; do
    install -D -m 644 "$page" "$doc/$page"
done

main=$conf/snippets/hx-gate-main.conf
sed -i -e 's|^load_module modules/ngx_http_hx_gate_module.so;$|# The module is loaded by modules-enabled/50-mod-http-hx-gate.conf.|' \
    -e 's|^\(# Main context .*\): loads the module\.$|\1.|' \
    -e 's|50-hx-gate.conf|60-hx-gate.conf|' "$main"
if grep -q '^load_module' "$main" || ! grep -q 60-hx-gate.conf "$main"; then
    echo "arrange.sh: $main is not what it was" >&2
    exit 1
fi
