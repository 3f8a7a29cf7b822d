#!/bin/sh
# The stock nginx with an instrumented module (make gate BUILD=asan): stands
# where the nginx binary is expected.  The runtime has to be loaded first;
# reports go to files in HX_SAN_DIR, because servers throw their logs away.
# Undefined behaviour in the module traps (SIGILL), which is reported like any
# other crash.  nginx frees nothing at exit (leaks), and every dynamic module
# defines "ngx_modules" (one definition rule).  The quarantine of freed memory
# is kept small enough for tests that look at a worker's size.  What a test wants
# loaded besides comes behind it.
set -eu

LD_PRELOAD=$(gcc -print-file-name=libasan.so)${LD_PRELOAD:+:$LD_PRELOAD}
ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:handle_sigill=1
ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16
ASAN_OPTIONS=$ASAN_OPTIONS:log_path=${HX_SAN_DIR:?}/nginx
export LD_PRELOAD ASAN_OPTIONS

exec "${HX_NGINX_BIN:-/usr/sbin/nginx}" "$@"
