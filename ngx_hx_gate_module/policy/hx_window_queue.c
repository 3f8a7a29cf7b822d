/*
 * hx_window_queue.c -- the groups of a sliding window: added at one end, taken
 * away at the other when they have left.  See hx_window_impl.h.
 *
 * Work that grows with the number of buckets is done a word at a time.
 */

#include "hx_window_impl.h"

/* Buckets that "now" may be behind without the clock having been set back. */
#define HX_WINDOW_SLACK  (HX_WINDOW_BUCKETS / 100)

/* hx_window_find() */
#define HX_WINDOW_ONE    UINT64_C(0)
#define HX_WINDOW_ZERO   UINT64_MAX

_Static_assert(HX_WINDOW_GROUPS + HX_WINDOW_BUCKETS + 2 * 64 < HX_WINDOW_BITS,
               "the queue's end stays clear of its head");
_Static_assert(2 * HX_WINDOW_BUCKETS < UINT16_MAX, "ages are unambiguous");


static uint32_t
hx_window_popcount(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333))
        + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);

    return (uint32_t) ((x * UINT64_C(0x0101010101010101)) >> 56);
}


/*
 * Bits from the queue's head to its n-th (1 ..) one or zero, with that; the
 * whole length when there are fewer.
 */
static uint32_t
hx_window_find(const hx_window_t *w, const hx_window_bits_t *bits, uint32_t n,
    uint64_t kind)
{
    uint32_t  at, count, end;
    uint64_t  x;

    end = w->head + w->length;

    for (at = w->head; at < end; at = (at | 63) + 1) {
        x = (*hx_window_word(bits, at / 64) ^ kind) >> at % 64;
        count = hx_window_popcount(x);

        if (count < n) {
            n -= count;
            continue;
        }

        for ( /* void */ ; n > 1; n--) {
            x &= x - 1;
        }

        at += (uint32_t) __builtin_ctzll(x) + 1;

        return (at < end ? at : end) - w->head;
    }

    return w->length;
}


static void
hx_window_skip(hx_window_t *w, uint32_t n)
{
    uint32_t  at;

    at = w->head + n;
    w->head = (uint16_t) (at < HX_WINDOW_BITS ? at : at - HX_WINDOW_BITS);
    w->length = (uint16_t) (w->length - n);
}


/* The queue's oldest group has left: takes away all that have. */
static void
hx_window_drop(hx_window_t *w, const hx_window_bits_t *bits)
{
    uint32_t  n, buckets, ones;

    ones = w->groups - w->ring_length;
    buckets = hx_window_oldest(w) - HX_WINDOW_BUCKETS;

    if (buckets <= w->length - ones) {
        n = hx_window_find(w, bits, buckets, HX_WINDOW_ZERO);
        ones -= n - buckets;
        hx_window_skip(w, n);

    } else {
        ones = 0;
    }

    n = ones != 0 ? hx_window_find(w, bits, 1, HX_WINDOW_ONE) - 1 : w->length;
    hx_window_skip(w, n);
    w->groups = (uint16_t) (w->ring_length + ones);
}


/* Moves the oldest stamp of a full ring to the end of the queue. */
static void
hx_window_spill(hx_window_t *w, const hx_window_bits_t *bits)
{
    uint16_t   stamp;
    uint32_t   at, end;
    uint64_t  *word;

    stamp = hx_window_stamp(w, 0);
    at = w->head + w->length;
    at = at < HX_WINDOW_BITS ? at : at - HX_WINDOW_BITS;

    w->ring_first = (w->ring_first + 1) % HX_WINDOW_STAMPS;
    w->ring_length--;
    end = at + 1 + (uint16_t) (hx_window_stamp(w, 0) - stamp);
    w->length = (uint16_t) (w->length + end - at);

    word = hx_window_word(bits, at / 64);
    *word = (*word & ((UINT64_C(1) << at % 64) - 1)) | UINT64_C(1) << at % 64;

    for (at = (at | 63) + 1; at < end; at += 64) {
        *hx_window_word(bits, at / 64) = 0;
    }
}


void
hx_window_push(hx_window_t *w, const hx_window_bits_t *bits, uint16_t stamp)
{
    if (w->ring_length == HX_WINDOW_STAMPS) {
        hx_window_spill(w, bits);
    }

    w->stamp[(w->ring_first + w->ring_length) % HX_WINDOW_STAMPS] = stamp;
    w->ring_length++;
    w->groups++;
}


static void
hx_window_clear(hx_window_t *w)
{
    w->partial = 0;
    w->length = 0;
    w->groups = 0;
    w->ring_length = 0;
}


/* The clock was set back: everything moves with it. */
static void
hx_window_set_back(hx_window_t *w, uint64_t bucket)
{
    uint16_t  by;
    uint32_t  i;

    by = (uint16_t) (w->tail - bucket);
    w->tail = bucket;
    w->partial_at = (uint16_t) (w->partial_at - by);

    for (i = 0; i < HX_WINDOW_STAMPS; i++) {
        w->stamp[i] = (uint16_t) (w->stamp[i] - by);
    }
}


void
hx_window_settle(hx_window_t *w, const hx_window_bits_t *bits, uint64_t bucket)
{
    uint64_t  steps;

    if (bucket <= w->tail) {
        if (w->tail - bucket > HX_WINDOW_SLACK) {
            hx_window_set_back(w, bucket);
        }

        return;
    }

    steps = bucket - w->tail;
    w->tail = bucket;

    if (steps > HX_WINDOW_BUCKETS
        || (w->partial != 0
            && hx_window_age(w, w->partial_at) > HX_WINDOW_BUCKETS))
    {
        hx_window_clear(w);
        return;
    }

    if (w->length != 0 && hx_window_oldest(w) > HX_WINDOW_BUCKETS) {
        hx_window_drop(w, bits);
    }

    while (w->ring_length != 0
           && hx_window_age(w, hx_window_stamp(w, 0)) > HX_WINDOW_BUCKETS)
    {
        w->ring_first = (w->ring_first + 1) % HX_WINDOW_STAMPS;
        w->ring_length--;
        w->groups--;
    }
}


uint32_t
hx_window_nth(const hx_window_t *w, const hx_window_bits_t *bits, uint32_t n)
{
    uint32_t  ones;

    ones = w->groups - w->ring_length;

    if (n > ones) {
        return hx_window_age(w, hx_window_stamp(w, n - ones - 1));
    }

    if (n == 1) {
        return hx_window_oldest(w);
    }

    /* a zero in front of it is a bucket that it is younger */
    return hx_window_oldest(w)
           - (hx_window_find(w, bits, n, HX_WINDOW_ONE) - n);
}
