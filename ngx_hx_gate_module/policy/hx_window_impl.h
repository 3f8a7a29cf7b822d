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
 * A call writes bits only when it moves stamps to the queue's end, and these
 * were in the ring before the call.  What queue and ring held when the
 * last call ended is 5,000 bits at most; the other 184 keep the end from
 * reaching the old head even though whole words are written.
 */

#ifndef HX_WINDOW_IMPL_H
#define HX_WINDOW_IMPL_H

#include "hx_window.h"

#define HX_WINDOW_WORDS  (HX_WINDOW_PARTS * HX_WINDOW_PART_WORDS)
#define HX_WINDOW_BITS   (HX_WINDOW_WORDS * 64)

_Static_assert(sizeof(hx_window_t) == 64, "a line of a processor's cache");
_Static_assert(1000000000 % HX_WINDOW_BUCKETS == 0, "a bucket is exact");
_Static_assert(HX_WINDOW_GROUPS + HX_WINDOW_BUCKETS + 2 * 64 < HX_WINDOW_BITS,
               "the queue's end stays clear of its head");
_Static_assert(2 * HX_WINDOW_BUCKETS < UINT16_MAX, "ages are unambiguous");


/* hx_window_queue.c */

/*
 * Age of the n-th oldest group (1 ..); there must be so many.
 */
uint32_t hx_window_nth(const hx_window_t *w, const hx_window_bits_t *bits,
    uint32_t n);

/*
 * The oldest group is in the queue and "over" buckets (1 ..) too old: takes
 * away from the queue all that have left.
 */
void hx_window_drop(hx_window_t *w, const hx_window_bits_t *bits,
    uint32_t over);

/*
 * Moves the oldest half of a full ring to the end of the queue.
 */
void hx_window_spill(hx_window_t *w, const hx_window_bits_t *bits);

/*
 * "bucket" is before the newest one, or so far after it that all has left:
 * forgets everything, or moves it back with the clock.
 */
void hx_window_leap(hx_window_t *w, uint64_t bucket);


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


/* Word n (0 .. 2 * HX_WINDOW_WORDS - 1) of the memory, which is circular. */
static inline uint64_t *
hx_window_word(const hx_window_bits_t *bits, uint32_t n)
{
    n = n < HX_WINDOW_WORDS ? n : n - HX_WINDOW_WORDS;

    return &bits->part[n / HX_WINDOW_PART_WORDS][n % HX_WINDOW_PART_WORDS];
}


static inline void
hx_window_clear(hx_window_t *w)
{
    w->partial = 0;
    w->length = 0;
    w->groups = 0;
    w->ring_length = 0;
}


/*
 * Makes "bucket" the newest one and takes away what has left; bits may be NULL
 * in the short form.
 */
static inline void
hx_window_settle(hx_window_t *w, const hx_window_bits_t *bits, uint64_t bucket)
{
    uint32_t  age;

    if (bucket == w->tail) {
        return;
    }

    /* modulo 2^64: backwards is far as well */
    if (bucket - w->tail > HX_WINDOW_BUCKETS) {
        hx_window_leap(w, bucket);
        return;
    }

    w->tail = bucket;

    if (w->partial != 0
        && hx_window_age(w, w->partial_at) > HX_WINDOW_BUCKETS)
    {
        hx_window_clear(w);
        return;
    }

    if (w->length != 0) {
        age = hx_window_oldest(w);

        if (age > HX_WINDOW_BUCKETS) {
            hx_window_drop(w, bits, age - HX_WINDOW_BUCKETS);
        }

        if (w->length != 0) {
            return;
        }
    }

    while (w->ring_length != 0
           && hx_window_age(w, hx_window_stamp(w, 0)) > HX_WINDOW_BUCKETS)
    {
        w->ring_first = (w->ring_first + 1) % HX_WINDOW_STAMPS;
        w->ring_length--;
        w->groups--;
    }
}


/*
 * Adds a group, not older than any other.  bits may be NULL unless the ring is
 * full.
 */
static inline void
hx_window_push(hx_window_t *w, const hx_window_bits_t *bits, uint16_t stamp)
{
    if (w->ring_length == HX_WINDOW_STAMPS) {
        hx_window_spill(w, bits);
    }

    w->stamp[(w->ring_first + w->ring_length) % HX_WINDOW_STAMPS] = stamp;
    w->ring_length++;
    w->groups++;
}

#endif /* HX_WINDOW_IMPL_H */
