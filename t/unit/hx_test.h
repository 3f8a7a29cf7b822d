/*
 * hx_test.h -- what the unit tests of core, policy and registry share: cmocka
 * and what it wants before it, a generator of reproducible random numbers, and
 * memory that ends at a guard page, so that one byte read or written too many
 * ends the program.
 */

#ifndef HX_TEST_H
#define HX_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* cmocka 2 has one for each sign in place of it, and warns of the old name */
#ifdef assert_uint_in_range
#undef assert_in_range
#define assert_in_range  assert_uint_in_range
#endif

#include "hx_types.h"

#define HX_TEST_AREA   262144       /* bytes in front of each guard page */

static uint64_t  test_seed = 42;


static inline uint64_t
test_random(void)
{
    uint64_t  z;

    z = (test_seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}


/* 0 .. n - 1 */
static inline size_t
test_below(size_t n)
{
    return (size_t) (test_random() % n);
}


static inline void
test_fill(void *p, size_t n)
{
    size_t          i;
    unsigned char  *b = p;

    for (i = 0; i < n; i++) {
        b[i] = (unsigned char) test_random();
    }
}


/* One past HX_TEST_AREA writable bytes; what follows cannot be touched. */
static inline unsigned char *
test_guard(void)
{
    unsigned char  *p;
    const size_t    page = (size_t) sysconf(_SC_PAGESIZE);

    p = mmap(NULL, HX_TEST_AREA + page, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + HX_TEST_AREA, page, PROT_NONE), 0);

    return p + HX_TEST_AREA;
}


/*
 * A copy whose last byte lies right before a guard page; good until the next
 * call.
 */
static inline unsigned char *
test_edge(const void *p, size_t len)
{
    static unsigned char  *end;

    if (end == NULL) {
        end = test_guard();
    }

    assert_true(len <= HX_TEST_AREA);

    if (len != 0) {
        memcpy(end - len, p, len);
    }

    return end - len;
}


static inline hx_str_t
test_str(const char *s)
{
    hx_str_t  str;

    str.data = (const unsigned char *) s;
    str.len = strlen(s);

    return str;
}


static inline int
test_same(const hx_str_t *a, const hx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

#endif /* HX_TEST_H */
