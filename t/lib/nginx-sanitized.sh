#!/bin/sh
# The stock nginx with an instrumented module (make gate BUILD=asan): stands
# where the nginx binary is expected.  The runtimes have to be loaded first;
# reports go to files in HX_SAN_DIR, because servers throw their logs away.
# nginx frees nothing at exit (leaks), and every dynamic module defines
# "ngx_modules" (one definition rule).
set -eu

dir=${HX_SAN_DIR:?}
LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)
ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:log_path=$dir/nginx
UBSAN_OPTIONS=print_stacktrace=1:log_path=$dir/nginx
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS

exec "${HX_NGINX_BIN:-/usr/sbin/nginx}" "$@"
