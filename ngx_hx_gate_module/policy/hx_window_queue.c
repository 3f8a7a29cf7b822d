/*
 * hx_window_queue.c -- what a sliding window does less often than at every
 * call: moving groups to and from the queue of bits, and clocks that leap.  See
 * hx_window_impl.h.
 *
 * Work that grows with the number of buckets is done a word at a time.
 */

#include "hx_window_impl.h"

/* Buckets that "now" may be behind without the clock having been set back. */
#define HX_WINDOW_SLACK  (HX_WINDOW_BUCKETS / 100)

/* Stamps to move when the ring is full; one at least must stay. */
#define HX_WINDOW_SPILL  (HX_WINDOW_STAMPS / 2)

/* Which bits to look for: what turns them into ones. */
#define HX_WINDOW_ONE    UINT64_C(0)
#define HX_WINDOW_ZERO   UINT64_MAX


static uint32_t
hx_window_popcount(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333))
        + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);

    return (uint32_t) ((x * UINT64_C(0x0101010101010101)) >> 56);
}


/* Where the first one or zero is, from "at" on; "end" when there is none. */
static uint32_t
hx_window_first(const hx_window_bits_t *bits, uint32_t at, uint32_t end,
    uint64_t kind)
{
    uint64_t  x;

    while (at < end) {
        x = (*hx_window_word(bits, at / 64) ^ kind) >> at % 64;

        if (x != 0) {
            at += (uint32_t) __builtin_ctzll(x);
            break;
        }

        at = (at | 63) + 1;
    }

    return at < end ? at : end;
}


/* The same for the n-th (1 ..) of them. */
static uint32_t
hx_window_find(const hx_window_bits_t *bits, uint32_t at, uint32_t end,
    uint64_t kind, uint32_t n)
{
    uint32_t  count;
    uint64_t  x;

    while (at < end) {
        x = (*hx_window_word(bits, at / 64) ^ kind) >> at % 64;
        count = hx_window_popcount(x);

        if (count >= n) {
            for ( /* void */ ; n > 1; n--) {
                x &= x - 1;
            }

            at += (uint32_t) __builtin_ctzll(x);
            break;
        }

        n -= count;
        at = (at | 63) + 1;
    }

    return at < end ? at : end;
}


/* The queue begins at "at", which is "n" bits later. */
static inline void
hx_window_behead(hx_window_t *w, uint32_t at, uint32_t n)
{
    w->length = (uint16_t) (w->length - n);
    w->head = (uint16_t) (at < HX_WINDOW_BITS ? at : at - HX_WINDOW_BITS);
}


/* hx_window_drop(), however many buckets and groups that is. */
static void __attribute__((noinline))
hx_window_drop_many(hx_window_t *w, const hx_window_bits_t *bits, uint32_t over)
{
    uint32_t  at, end, n, ones;

    at = w->head;
    end = w->head + w->length;
    ones = w->groups - w->ring_length;

    if (over > w->length - ones) {
        at = end;
        ones = 0;

    } else {
        /* the first group's bucket; if that is not all, to the last's end */
        n = hx_window_first(bits, at, end, HX_WINDOW_ZERO);
        ones -= n - at;
        at = hx_window_first(bits, n, end, HX_WINDOW_ONE);

        if (at - n < over) {
            over -= at - n;
            n = hx_window_find(bits, at, end, HX_WINDOW_ZERO, over) + 1;
            ones -= n - at - over;
            at = hx_window_first(bits, n, end, HX_WINDOW_ONE);
        }
    }

    w->groups = (uint16_t) (w->ring_length + ones);
    hx_window_behead(w, at, at - w->head);
}


void
hx_window_drop(hx_window_t *w, const hx_window_bits_t *bits, uint32_t over)
{
    uint32_t  n, run;
    uint64_t  rest, x;

    x = *hx_window_word(bits, w->head / 64) >> w->head % 64;
    rest = x & (x + 1);         /* without the ones it begins with */

    if (rest != 0) {
        run = (uint32_t) __builtin_ctzll(~x);
        n = (uint32_t) __builtin_ctzll(rest);

        if (n - run >= over && n < w->length) {
            /* as a rule one bucket has left, and the next is near */
            w->groups = (uint16_t) (w->groups - run);
            hx_window_behead(w, w->head + n, n);
            return;
        }
    }

    hx_window_drop_many(w, bits, over);
}


void
hx_window_spill(hx_window_t *w, const hx_window_bits_t *bits)
{
    uint32_t   at, end, i;
    uint64_t   x;
    uint64_t  *word;

    at = w->head + w->length;
    word = hx_window_word(bits, at / 64);
    x = *word & ((UINT64_C(1) << at % 64) - 1);

    for (i = 0; i < HX_WINDOW_SPILL; i++) {
        x |= UINT64_C(1) << at % 64;
        end = at + 1
              + (uint16_t) (hx_window_stamp(w, i + 1) - hx_window_stamp(w, i));

        for ( /* void */ ; at / 64 != end / 64; at = (at | 63) + 1) {
            *word = x;
            word = hx_window_word(bits, at / 64 + 1);
            x = 0;
        }

        at = end;
    }

    *word = x;

    w->length = (uint16_t) (at - w->head);
    w->ring_first = (w->ring_first + HX_WINDOW_SPILL) % HX_WINDOW_STAMPS;
    w->ring_length = HX_WINDOW_STAMPS - HX_WINDOW_SPILL;
}


void
hx_window_leap(hx_window_t *w, uint64_t bucket)
{
    uint32_t  i;
    uint64_t  back;

    if (bucket > w->tail) {
        w->tail = bucket;
        hx_window_clear(w);
        return;
    }

    back = w->tail - bucket;

    if (back <= HX_WINDOW_SLACK) {
        return;
    }

    w->tail = bucket;
    w->partial_at = (uint16_t) (w->partial_at - back);

    for (i = 0; i < HX_WINDOW_STAMPS; i++) {
        w->stamp[i] = (uint16_t) (w->stamp[i] - back);
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

    /* younger by a bucket for each zero before it */
    return hx_window_oldest(w) + n - 1
           - (hx_window_find(bits, w->head, w->head + w->length,
                             HX_WINDOW_ONE, n) - w->head);
}
