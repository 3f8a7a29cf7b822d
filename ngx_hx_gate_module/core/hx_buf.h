/*
 * hx_buf.h -- append-only writer into memory of the caller.
 *
 * Never grows, never writes past the end: the first append that does not fit
 * writes nothing, sets "full", and every later append is ignored.  Callers
 * check hx_buf_ok() once at the end.
 */

#ifndef HX_BUF_H
#define HX_BUF_H

#include <string.h>

#include "hx_types.h"

typedef struct {
    unsigned char  *start;
    unsigned char  *last;       /* one past what was written */
    unsigned char  *end;
    int             full;
} hx_buf_t;


/* mem may be NULL where cap is 0. */
static inline void
hx_buf_init(hx_buf_t *b, void *mem, size_t cap)
{
    b->start = mem;
    b->last = mem;
    b->end = cap != 0 ? b->start + cap : b->start;
    b->full = 0;
}


static inline int
hx_buf_ok(const hx_buf_t *b)
{
    return !b->full;
}


static inline size_t
hx_buf_len(const hx_buf_t *b)
{
    return (size_t) (b->last - b->start);
}


/* 1 when there is room for n bytes, or 0 (and "full" is set). */
static inline int
hx_buf_fits(hx_buf_t *b, size_t n)
{
    if (b->full || (size_t) (b->end - b->last) < n) {
        b->full = 1;
        return 0;
    }

    return 1;
}


/* Room for n bytes, or NULL (and "full" is set). */
static inline unsigned char *
hx_buf_reserve(hx_buf_t *b, size_t n)
{
    return hx_buf_fits(b, n) ? b->last : NULL;
}


static inline void
hx_buf_add(hx_buf_t *b, const void *p, size_t n)
{
    if (hx_buf_fits(b, n) && n != 0) {
        memcpy(b->last, p, n);
        b->last += n;
    }
}


static inline void
hx_buf_byte(hx_buf_t *b, unsigned char c)
{
    if (hx_buf_fits(b, 1)) {
        /* of no bytes is also full.  NOLINTNEXTLINE(clang-analyzer-core.*) */
        *b->last++ = c;
    }
}


#define hx_buf_lit(b, lit)   hx_buf_add((b), (lit), sizeof(lit) - 1)

#endif /* HX_BUF_H */
