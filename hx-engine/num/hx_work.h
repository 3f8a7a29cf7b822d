/*
 * hx_work.h -- memory for one piece of work at a time: a bounded stack.
 *
 * Chunks from malloc(), a small one first and then all that is allowed, given
 * out from the bottom up and taken back from the top down.  Together they never
 * exceed "max" bytes; what does not fit is NULL, which is an answer: the work
 * goes on without, or says that it needs more.  A worker keeps one of these and
 * its chunks between jobs, so that small jobs touch no fresh pages.
 *
 * One thread at a time.  Nothing is cleared.
 */

#ifndef HX_WORK_H
#define HX_WORK_H

#include "hx_types.h"

#define HX_WORK_ALIGN    64             /* of everything given out */
#define HX_WORK_CHUNKS   4

typedef struct {
    unsigned char  *data;
    size_t          size;
} hx_work_chunk_t;

typedef struct {
    size_t           max;               /* bytes of all chunks together */
    size_t           size;              /* bytes of those there are */
    size_t           peak;              /* most bytes ever given out */
    unsigned         n;                 /* chunks there are */
    unsigned         at;                /* the one in use */
    size_t           used;              /* bytes of it */
    unsigned         broken;            /* malloc() failed since reset */
    unsigned         calls;             /* of hx_work_get() since reset */
    unsigned         refuse;            /* call that fails, 0 = none: tests */
    hx_work_chunk_t  chunk[HX_WORK_CHUNKS];
} hx_work_t;

typedef struct {
    unsigned         at;
    size_t           used;
} hx_work_mark_t;


/* Allocates nothing. */
void hx_work_init(hx_work_t *w, size_t max);

/* n bytes, or NULL: beyond max, or malloc() failed ("broken" is set). */
void *hx_work_get(hx_work_t *w, size_t n);

/* n doubles. */
double *hx_work_doubles(hx_work_t *w, size_t n);

/*
 * Of p, beyond which nothing has been given out since (or has been taken back),
 * only n bytes are needed any more; they stay where they are.
 */
void hx_work_trim(hx_work_t *w, const void *p, size_t n);

/* What was given out since the mark is free again. */
hx_work_mark_t hx_work_mark(const hx_work_t *w);
void hx_work_back(hx_work_t *w, hx_work_mark_t mark);

/*
 * Takes everything back for a new job with its own max; chunks that together
 * have at most "keep" bytes stay.
 */
void hx_work_reset(hx_work_t *w, size_t max, size_t keep);

void hx_work_free(hx_work_t *w);

#endif /* HX_WORK_H */
