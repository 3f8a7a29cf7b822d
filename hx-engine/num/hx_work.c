/*
 * hx_work.c -- see the header.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hx_work.h"

#define HX_WORK_FIRST   ((size_t) 1 << 20)


void
hx_work_init(hx_work_t *w, size_t max)
{
    memset(w, 0, sizeof(*w));
    w->max = max;
}


/*
 * A new chunk behind the last one, large enough for n bytes: a small one, for
 * small jobs, then all that is allowed.  What is not touched of that is only
 * addresses, while many chunks would leave gaps at their ends.
 */
static int
hx_work_grow(hx_work_t *w, size_t n)
{
    void    *data;
    size_t   size, left;

    left = w->max > w->size ? w->max - w->size : 0;

    if (w->n == HX_WORK_CHUNKS || n > left) {
        return 0;
    }

    size = w->n == 0 && n <= HX_WORK_FIRST && left > HX_WORK_FIRST
           ? HX_WORK_FIRST : left;
    size &= ~(size_t) (HX_WORK_ALIGN - 1);

    data = aligned_alloc(HX_WORK_ALIGN, size);

    if (data == NULL) {
        w->broken = 1;
        return 0;
    }

    w->chunk[w->n].data = data;
    w->chunk[w->n].size = size;
    w->n++;
    w->size += size;

    return 1;
}


/* Bytes given out, with what was left over at the ends of chunks. */
static size_t
hx_work_given(const hx_work_t *w)
{
    size_t    sum;
    unsigned  i;

    for (i = 0, sum = w->used; i < w->at; i++) {
        sum += w->chunk[i].size;
    }

    return sum;
}


void *
hx_work_get(hx_work_t *w, size_t n)
{
    size_t  given;
    void   *p;

    if (++w->calls == w->refuse || n > SIZE_MAX / 2) {
        return NULL;
    }

    n = (n + HX_WORK_ALIGN - 1) & ~(size_t) (HX_WORK_ALIGN - 1);

    while (w->at == w->n || n > w->chunk[w->at].size - w->used) {

        if (w->at == w->n || w->at + 1 == w->n) {
            if (!hx_work_grow(w, n)) {
                return NULL;
            }

            if (w->at + 1 == w->n) {
                continue;               /* it is the first one */
            }
        }

        w->at++;
        w->used = 0;
    }

    p = w->chunk[w->at].data + w->used;
    w->used += n;

    given = hx_work_given(w);
    w->peak = given > w->peak ? given : w->peak;

    return p;
}


double *
hx_work_doubles(hx_work_t *w, size_t n)
{
    return n > SIZE_MAX / 2 / sizeof(double)
           ? NULL : hx_work_get(w, n * sizeof(double));
}


void
hx_work_trim(hx_work_t *w, const void *p, size_t n)
{
    n = (n + HX_WORK_ALIGN - 1) & ~(size_t) (HX_WORK_ALIGN - 1);
    w->used = (size_t) ((const unsigned char *) p - w->chunk[w->at].data) + n;
}


hx_work_mark_t
hx_work_mark(const hx_work_t *w)
{
    hx_work_mark_t  mark;

    mark.at = w->at;
    mark.used = w->used;

    return mark;
}


void
hx_work_back(hx_work_t *w, hx_work_mark_t mark)
{
    w->at = mark.at;
    w->used = mark.used;
}


void
hx_work_reset(hx_work_t *w, size_t max, size_t keep)
{
    unsigned  i;
    size_t    size;

    keep = keep < max ? keep : max;

    for (i = 0, size = 0; i < w->n && w->chunk[i].size <= keep - size; i++) {
        size += w->chunk[i].size;
    }

    while (w->n > i) {
        free(w->chunk[--w->n].data);
    }

    w->size = size;
    w->max = max;
    w->at = 0;
    w->used = 0;
    w->peak = 0;
    w->broken = 0;
    w->calls = 0;
}


void
hx_work_free(hx_work_t *w)
{
    hx_work_reset(w, 0, 0);
}
