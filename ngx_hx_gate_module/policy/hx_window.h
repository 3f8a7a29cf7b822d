/*
 * hx_window.h -- the arithmetic of an exact sliding window: at most N requests
 * in any interval of W seconds.  Pure: time is an argument, memory is the
 * caller's, who also keeps two callers from using one window at a time.
 *
 * What is kept is when each admitted request came, in units of a "bucket" of
 * W / HX_WINDOW_BUCKETS.  A request counts from its own instant until more than
 * W, and at most W and one bucket, later: time is quantised towards refusing
 * only (0.04 % of the window).  For N above HX_WINDOW_GROUPS requests are
 * counted in groups of u = ceil(N / HX_WINDOW_GROUPS), each with the time of
 * its last member: again towards refusing, by fewer than u requests (0.04 % of
 * N).
 *
 * Two forms:
 *  - short: up to HX_WINDOW_STAMPS groups as a ring of bucket numbers modulo
 *    2^16, inside hx_window_t;
 *  - long: these are the newest, older ones stand in a queue of bits in memory
 *    of its own (hx_window_bits_t), for each group a 1, for each bucket a 0:
 *    5,000 bits at most, whatever N is.
 *
 * All state but the bits is in the 64 bytes of hx_window_t, and bits in front
 * of the queue's end are never rewritten except for another limit.  So who
 * copies the 64 bytes before a call and puts them back has undone it, even if
 * the call was cut off at some instruction: a process may be killed.  When
 * long_form is 1 in the copy, and its requests or window_s are not those in the
 * window now, the bits may be in pieces; then call hx_window_fill() instead.
 *
 * Zeroed memory is a valid window that has never been used.
 */

#ifndef HX_WINDOW_H
#define HX_WINDOW_H

#include "hx_types.h"

#define HX_WINDOW_BUCKETS      2500
#define HX_WINDOW_GROUPS       2500
#define HX_WINDOW_STAMPS       16
#define HX_WINDOW_PARTS        3        /* pieces of the long form's memory */
#define HX_WINDOW_PART_WORDS   27       /* 64-bit words in each */

#define HX_WINDOW_SECONDS_MAX  2678400  /* of a window: 31 days */

/* At most "requests" (1 .. 2^32 - 1) in any "window_s" (1 .. 31 days). */
typedef struct {
    uint32_t   requests;
    uint32_t   window_s;
} hx_rate_t;

typedef struct {
    uint64_t   tail;            /* number of the newest bucket */
    uint32_t   requests;        /* the limit it is kept for, 0 = never used */
    uint32_t   window_s;
    uint32_t   partial;         /* requests that are no whole group yet */
    uint16_t   partial_at;      /* bucket of the newest of them, mod 2^16 */
    uint16_t   head;            /* of the queue: its first bit */
    uint16_t   length;          /* of the queue: bits */
    uint16_t   groups;          /* that count, in queue and ring */
    uint16_t   long_form;       /* 1 = the window owns memory for bits */
    uint8_t    ring_first;      /* the oldest stamp */
    uint8_t    ring_length;     /* stamps in use */
    uint16_t   stamp[HX_WINDOW_STAMPS];
} hx_window_t;

/* Memory of the long form; what it holds at first does not matter. */
typedef struct {
    uint64_t  *part[HX_WINDOW_PARTS];   /* HX_WINDOW_PART_WORDS words each */
} hx_window_bits_t;

typedef enum {
    HX_WINDOW_ADMITTED = 0,
    HX_WINDOW_REFUSED,
    HX_WINDOW_GROW              /* neither: needs the long form's memory */
} hx_window_rc_t;

/* Where the tenant stands after the call; times in nanoseconds from "now". */
typedef struct {
    uint32_t   remaining;       /* requests that would be admitted right now */
    uint64_t   reset;           /* until all that counts has left; 0 = nothing
                                 * counts */
    uint64_t   retry;           /* refused: until one more will be admitted if
                                 * nobody else comes; else 0 */
} hx_window_view_t;

/*
 * Admits one request or refuses it.  A refusal does not count.
 *
 * now: nanoseconds of a clock that should not go backwards.  When it does, by
 * however much, what counts keeps the age it had, so nobody is locked out for
 * more than one window; up to 1 % of the window it is taken to stand still
 * instead, so that callers whose clocks differ a little do not age what counts
 * by taking turns.  When it leaps ahead everything has left.
 *
 * rate: may differ from that of the last call; what counts is kept (as far as
 * the old window reached), the newest first where not all can be.  Each change
 * of the window, or of u, may make it up to a bucket of either window younger.
 *
 * bits: NULL while the short form is in use (w->long_form == 0).  On GROW what
 * counts is as before; get memory and call again with it.  It belongs to the
 * window, which is in the long form from then on, until hx_window_release() or
 * hx_window_fill().
 *
 * view: filled in unless GROW is returned.
 */
hx_window_rc_t hx_window_take(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now, hx_window_view_t *view);

/*
 * The same without admitting: what hx_window_take() would answer once it has
 * the memory it needs.  GROW only when counting anew for another limit takes
 * memory.
 */
hx_window_rc_t hx_window_peek(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now, hx_window_view_t *view);

/* Does nothing count any more at "now"?  1 or 0; changes nothing. */
int hx_window_idle(const hx_window_t *w, uint64_t now);

/*
 * 1 when the long form was in use and nothing counts any more: the window is
 * in the short form again and the caller may reuse the memory.  Else 0.
 * To be called after take or peek.
 */
int hx_window_release(hx_window_t *w);

/*
 * Counts the whole limit as used at "now", in the short form, whatever was in
 * "w": for a window that somebody was killed over.  Its memory is the caller's
 * again.  Nobody gets in too early; it lasts one window.
 */
void hx_window_fill(hx_window_t *w, const hx_rate_t *rate, uint64_t now);

/* Nanoseconds of one bucket: the quantum of time, exactly W / 2500. */
uint64_t hx_window_quantum(uint32_t window_s);

#endif /* HX_WINDOW_H */
