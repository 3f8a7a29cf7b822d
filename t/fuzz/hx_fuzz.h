/*
 * hx_fuzz.h -- what the harnesses share.
 *
 * A harness is one file with LLVMFuzzerTestOneInput(): it must never fail on
 * any input, and ends the program (hx_fuzz_check) when what it tests breaks a
 * promise.  Built with clang -fsanitize=fuzzer it fuzzes; linked with
 * hx_fuzz_driver.c it replays files.
 */

#ifndef HX_FUZZ_H
#define HX_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define hx_fuzz_check(what)                                                   \
    do {                                                                      \
        if (!(what)) {                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what);\
            abort();                                                          \
        }                                                                     \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);


/* Where to cut is taken from the input itself, so that a file reproduces it. */
static inline uint64_t
hx_fuzz_seed(const uint8_t *data, size_t len)
{
    size_t    i;
    uint64_t  h;

    h = UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < len; i++) {
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    }

    return h;
}


/* A length from 1 to the given bound, small ones more often. */
static inline size_t
hx_fuzz_piece(uint64_t *seed, size_t left)
{
    size_t  n;

    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    n = 1 + (*seed >> 33) % ((*seed >> 60) < 8 ? 4 : 200);

    return n < left ? n : left;
}


/* A block of exactly n bytes, so that a sanitizer sees one byte too far. */
static inline uint8_t *
hx_fuzz_copy(const uint8_t *data, size_t n)
{
    uint8_t  *p;

    p = calloc(n != 0 ? n : 1, 1);
    hx_fuzz_check(p != NULL);

    if (n != 0) {
        memcpy(p, data, n);
    }

    return p;
}

#endif /* HX_FUZZ_H */
