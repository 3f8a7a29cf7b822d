/*
 * hx_load_avx512.c -- hx_load.h for processors with AVX-512 (F, DQ, BW, VL).
 * The whole file is compiled for them and only called where hx_load.c has found
 * one.
 */

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC optimize("O3", "no-trapping-math", "no-math-errno")
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl")

#define HX_LOAD_TABLE   hx_load_avx512
#define HX_LOAD_NAME    "avx512"

#include "hx_load_loops.h"

#pragma GCC pop_options

#else

typedef int  hx_load_no_avx512_t;

#endif
