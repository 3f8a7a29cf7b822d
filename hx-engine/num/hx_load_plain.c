/*
 * hx_load_plain.c -- hx_load.h for any processor.
 */

#pragma GCC optimize("O3", "no-trapping-math", "no-math-errno")

#define HX_LOAD_TABLE   hx_load_plain
#define HX_LOAD_NAME    "plain"

#include "hx_load_loops.h"
