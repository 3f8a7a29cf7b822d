/*
 * hx_window_impl.h -- inside the sliding window: how its groups are kept.  For
 * hx_window.c and hx_window_queue.c only.
 *
 * The newest groups, up to HX_WINDOW_STAMPS, are in the ring of stamps, in
 * either form.  Older ones stand in the queue of bits: a 1 for a group, then a
 * 0 for each bucket from it to the next group, at the end to the oldest in the
 * ring.  So a queue that is not empty begins with a 1, has a 0 for each bucket
 * from its first group to the ring's first stamp, and a 1 for each of
 * "groups - ring_length".
 *
 * A call writes bits only when it moves a stamp to the queue's end, and that
 * stamp was in the ring before the call.  What queue and ring held when the
 * last call ended is 5,000 bits at most; the other 184 keep the end from
 * reaching the old head even though whole words are written.
 */

#ifndef HX_WINDOW_IMPL_H
#define HX_WINDOW_IMPL_H

#include "hx_window.h"

#define HX_WINDOW_WORDS  (HX_WINDOW_PARTS * HX_WINDOW_PART_WORDS)
#define HX_WINDOW_BITS   (HX_WINDOW_WORDS * 64)


/* Buckets from a stamp to the newest bucket. */
static inline uint32_t
hx_window_age(const hx_window_t *w, uint16_t stamp)
{
    return (uint16_t) ((uint16_t) w->tail - stamp);
}


static inline uint16_t
hx_window_stamp(const hx_window_t *w, uint32_t i)
{
    return w->stamp[(w->ring_first + i) % HX_WINDOW_STAMPS];
}


/* Age of the oldest group; there must be one. */
static inline uint32_t
hx_window_oldest(const hx_window_t *w)
{
    return hx_window_age(w, hx_window_stamp(w, 0))
           + w->length - (w->groups - w->ring_length);
}


static inline uint64_t *
hx_window_word(const hx_window_bits_t *bits, uint32_t n)
{
    n = n < HX_WINDOW_WORDS ? n : n - HX_WINDOW_WORDS;

    return &bits->part[n / HX_WINDOW_PART_WORDS][n % HX_WINDOW_PART_WORDS];
}


/* hx_window_queue.c */

/*
 * Age of the n-th oldest group (1 ..); there must be so many.
 */
uint32_t hx_window_nth(const hx_window_t *w, const hx_window_bits_t *bits,
    uint32_t n);

/*
 * Adds a group, not older than any other.  bits may be NULL unless the ring is
 * full.
 */
void hx_window_push(hx_window_t *w, const hx_window_bits_t *bits,
    uint16_t stamp);

/*
 * Makes "bucket" the newest one and takes away what has left; bits may be NULL
 * in the short form.
 */
void hx_window_settle(hx_window_t *w, const hx_window_bits_t *bits,
    uint64_t bucket);

#endif /* HX_WINDOW_IMPL_H */
