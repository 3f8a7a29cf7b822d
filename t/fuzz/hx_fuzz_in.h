/*
 * hx_fuzz_in.h -- an input taken apart by harnesses that need more than its
 * bytes: numbers, texts, lines, in the order in which they are asked for.
 * What is not there any more is 0, or empty.
 */

#ifndef HX_FUZZ_IN_H
#define HX_FUZZ_IN_H

#include "hx_fuzz.h"
#include "hx_types.h"

typedef struct {
    const uint8_t  *p;
    size_t          left;
} hx_fuzz_in_t;


static inline void
hx_fuzz_in(hx_fuzz_in_t *in, const uint8_t *data, size_t len)
{
    in->p = data;
    in->left = len;
}


static inline unsigned
hx_fuzz_byte(hx_fuzz_in_t *in)
{
    if (in->left == 0) {
        return 0;
    }

    in->left--;

    return *in->p++;
}


/* Of n bytes, the least significant first. */
static inline uint64_t
hx_fuzz_number(hx_fuzz_in_t *in, unsigned n)
{
    unsigned  i;
    uint64_t  v;

    for (v = 0, i = 0; i < n; i++) {
        v |= (uint64_t) hx_fuzz_byte(in) << (8 * i);
    }

    return v;
}


/* Exactly n bytes, or as many as there are. */
static inline hx_str_t
hx_fuzz_bytes(hx_fuzz_in_t *in, size_t n)
{
    hx_str_t  s;

    s.data = in->p;
    s.len = n < in->left ? n : in->left;
    in->p += s.len;
    in->left -= s.len;

    return s;
}


/* A byte says how long it is. */
static inline hx_str_t
hx_fuzz_text(hx_fuzz_in_t *in)
{
    return hx_fuzz_bytes(in, hx_fuzz_byte(in));
}


/* Up to the next line feed, which is taken, too. */
static inline hx_str_t
hx_fuzz_line(hx_fuzz_in_t *in)
{
    size_t          n;
    hx_str_t        s;
    const uint8_t  *end;

    end = in->left != 0 ? memchr(in->p, '\n', in->left) : NULL;
    n = end != NULL ? (size_t) (end - in->p) : in->left;
    s = hx_fuzz_bytes(in, n);
    (void) hx_fuzz_byte(in);

    return s;
}


static inline hx_str_t
hx_fuzz_rest(hx_fuzz_in_t *in)
{
    return hx_fuzz_bytes(in, in->left);
}


/* Both the same bytes, or both none? */
static inline int
hx_fuzz_same(const hx_str_t *a, const hx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

#endif /* HX_FUZZ_IN_H */
