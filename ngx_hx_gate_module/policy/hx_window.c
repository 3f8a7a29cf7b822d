/*
 * hx_window.c -- see hx_window.h: admitting, telling where a tenant stands, and
 * counting anew when the limit changes.  How groups are kept is
 * hx_window_queue.c's.
 *
 * held = groups * unit + partial, and a request is admitted when that is less
 * than the limit.  Only hx_window_fill() makes a partial of a whole unit or
 * more; there are no groups then, and it is at least the limit, so that nothing
 * is added to it before it has left.
 */

#include <string.h>

#include "hx_window_impl.h"

/* A window on its way from one limit to another. */
typedef struct {
    hx_window_t              to;
    const hx_window_bits_t  *bits;          /* of "to" */
    uint64_t                 skip;          /* oldest requests, left out */
    uint64_t                 quantum;       /* of the limit before */
    uint64_t                 into;          /* ns since its bucket began */
    uint64_t                 to_quantum;
    uint64_t                 to_into;
    uint64_t                 to_unit;
} hx_window_move_t;


/* Nanoseconds of a bucket: hx_window_quantum(), where it can be inlined. */
static inline uint64_t
hx_window_bucket(uint32_t window_s)
{
    return (uint64_t) window_s * (1000000000 / HX_WINDOW_BUCKETS);
}


/* Requests of a group: ceil(requests / HX_WINDOW_GROUPS). */
static uint32_t
hx_window_unit(uint32_t requests)
{
    return 1 + (requests - 1) / HX_WINDOW_GROUPS;
}


static inline uint64_t
hx_window_held(const hx_window_t *w, uint32_t unit)
{
    return (uint64_t) w->groups * unit + w->partial;
}


/* Age of the newest request; there must be one. */
static uint32_t
hx_window_newest(const hx_window_t *w)
{
    return hx_window_age(w, w->partial != 0 ? w->partial_at
                                : hx_window_stamp(w, w->ring_length - 1U));
}


/*
 * Adds "count" requests of one "age" under the limit before; the oldest come
 * first.  Returns 0 when that takes more than a ring.
 */
static int
hx_window_move(hx_window_move_t *m, uint32_t age, uint32_t count)
{
    uint16_t  stamp;
    uint64_t  ago, held;

    if (count <= m->skip) {
        m->skip -= count;
        return 1;
    }

    /* the least that the last of them can be old: to its bucket's end */
    ago = age != 0 ? m->into + (age - 1) * m->quantum + 1 : 0;
    ago = ago > m->to_into ? (ago - m->to_into - 1) / m->to_quantum + 1 : 0;

    held = m->to.partial + (count - m->skip);
    m->skip = 0;

    if (ago > HX_WINDOW_BUCKETS) {
        return 1;
    }

    stamp = (uint16_t) (m->to.tail - ago);

    for ( /* void */ ; held >= m->to_unit; held -= m->to_unit) {
        if (m->to.ring_length == HX_WINDOW_STAMPS && m->bits == NULL) {
            return 0;
        }

        hx_window_push(&m->to, m->bits, stamp);
    }

    m->to.partial = (uint32_t) held;
    m->to.partial_at = stamp;

    return 1;
}


/* All that "w" holds, its queue being "from", the oldest first. */
static int
hx_window_move_all(hx_window_move_t *m, const hx_window_t *w,
    const uint64_t *from)
{
    uint32_t  age, at, i, unit;

    unit = hx_window_unit(w->requests);
    age = w->length != 0 ? hx_window_oldest(w) : 0;

    for (i = 0; i < w->length; i++) {
        at = (w->head + i) % HX_WINDOW_BITS;

        if ((from[at / 64] >> at % 64 & 1) == 0) {
            age--;

        } else if (!hx_window_move(m, age, unit)) {
            return 0;
        }
    }

    for (i = 0; i < w->ring_length; i++) {
        age = hx_window_age(w, hx_window_stamp(w, i));

        if (!hx_window_move(m, age, unit)) {
            return 0;
        }
    }

    return w->partial == 0
           || hx_window_move(m, hx_window_age(w, w->partial_at), w->partial);
}


/* Counts anew what counts, for another limit. */
static hx_window_rc_t
hx_window_recount(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now)
{
    uint32_t          i;
    uint64_t          held, most;
    uint64_t          from[HX_WINDOW_WORDS];
    hx_window_t       old;
    hx_window_move_t  m;

    memset(&m, 0, sizeof(hx_window_move_t));
    m.bits = bits;
    m.quantum = hx_window_bucket(w->window_s);
    m.to_quantum = hx_window_bucket(rate->window_s);
    m.to_unit = hx_window_unit(rate->requests);

    if (now < w->tail * m.quantum) {
        now = w->tail * m.quantum;
    }

    m.into = now - w->tail * m.quantum;
    m.to_into = now % m.to_quantum;
    m.to.tail = now / m.to_quantum;
    m.to.requests = rate->requests;
    m.to.window_s = rate->window_s;
    m.to.long_form = w->long_form;

    held = hx_window_held(w, hx_window_unit(w->requests));
    most = HX_WINDOW_GROUPS * m.to_unit;

    if (w->groups == 0 && held >= rate->requests) {
        /* from hx_window_fill(): all or nothing of it counts */
        m.to_unit = UINT64_MAX;

    } else if (held > most) {
        m.skip = held - most;
    }

    old = *w;

    if (w->length != 0) {
        for (i = 0; i < HX_WINDOW_WORDS; i++) {
            from[i] = *hx_window_word(bits, i);
        }

        /* what holds while the bits are being rewritten */
        hx_window_fill(w, rate, now);
        w->long_form = 1;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }

    if (!hx_window_move_all(&m, &old, from)) {
        return HX_WINDOW_GROW;
    }

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *w = m.to;

    return HX_WINDOW_ADMITTED;
}


/* The limit is not what it was at the last call. */
static hx_window_rc_t
hx_window_change(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now)
{
    uint32_t  unit;

    unit = hx_window_unit(rate->requests);

    if (rate->window_s == w->window_s && unit == hx_window_unit(w->requests)
        && w->partial < unit)
    {
        w->requests = rate->requests;
        return HX_WINDOW_ADMITTED;
    }

    if (w->window_s != 0) {
        hx_window_settle(w, bits, now / hx_window_bucket(w->window_s));
    }

    return hx_window_recount(w, bits, rate, now);
}


/* What every call begins with: the limit as of "rate", the time as of "now". */
static inline hx_window_rc_t
hx_window_enter(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now)
{
    if (bits != NULL) {
        w->long_form = 1;

    } else if (w->long_form) {
        return HX_WINDOW_GROW;
    }

    if ((rate->requests != w->requests || rate->window_s != w->window_s)
        && hx_window_change(w, bits, rate, now) != HX_WINDOW_ADMITTED)
    {
        return HX_WINDOW_GROW;
    }

    /* a second at least.  NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    hx_window_settle(w, bits, now / hx_window_bucket(rate->window_s));

    return HX_WINDOW_ADMITTED;
}


/* Nanoseconds until what has this age has left. */
static inline uint64_t
hx_window_until(const hx_window_t *w, uint32_t age, uint64_t now)
{
    return (w->tail + (HX_WINDOW_BUCKETS + 1 - age))
           * hx_window_bucket(w->window_s) - now;
}


/* The limit is held or, after it was lowered, more. */
static hx_window_rc_t
hx_window_refused(const hx_window_t *w, const hx_window_bits_t *bits,
    uint32_t unit, uint64_t held, uint64_t now, hx_window_view_t *view)
{
    uint32_t  age, newest;
    uint64_t  over;

    over = held - w->requests;
    newest = hx_window_newest(w);

    /* of that with which less than the limit will be held */
    if (over < unit && w->groups != 0) {
        age = hx_window_oldest(w);

    } else if (over / unit < w->groups) {
        age = hx_window_nth(w, bits, (uint32_t) (over / unit) + 1);

    } else {
        age = newest;
    }

    view->remaining = 0;
    view->reset = hx_window_until(w, newest, now);
    view->retry = hx_window_until(w, age, now);

    return HX_WINDOW_REFUSED;
}


/* Is there room for one more?  When there is: requests of a group, and held. */
static inline hx_window_rc_t
hx_window_room(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now, hx_window_view_t *view,
    uint32_t *unit, uint64_t *held)
{
    if (hx_window_enter(w, bits, rate, now) != HX_WINDOW_ADMITTED) {
        return HX_WINDOW_GROW;
    }

    *unit = hx_window_unit(w->requests);
    *held = hx_window_held(w, *unit);

    return *held < w->requests
           ? HX_WINDOW_ADMITTED
           : hx_window_refused(w, bits, *unit, *held, now, view);
}


hx_window_rc_t
hx_window_take(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now, hx_window_view_t *view)
{
    uint32_t        unit;
    uint64_t        held;
    hx_window_rc_t  rc;

    rc = hx_window_room(w, bits, rate, now, view, &unit, &held);
    if (rc != HX_WINDOW_ADMITTED) {
        return rc;
    }

    if (w->partial + 1 < unit) {
        w->partial++;
        w->partial_at = (uint16_t) w->tail;

    } else {
        if (w->ring_length == HX_WINDOW_STAMPS && bits == NULL) {
            return HX_WINDOW_GROW;
        }

        hx_window_push(w, bits, (uint16_t) w->tail);
        w->partial = 0;
    }

    view->remaining = w->requests - (uint32_t) held - 1;
    view->reset = hx_window_until(w, 0, now);
    view->retry = 0;

    return HX_WINDOW_ADMITTED;
}


hx_window_rc_t
hx_window_peek(hx_window_t *w, const hx_window_bits_t *bits,
    const hx_rate_t *rate, uint64_t now, hx_window_view_t *view)
{
    uint32_t        unit;
    uint64_t        held;
    hx_window_rc_t  rc;

    rc = hx_window_room(w, bits, rate, now, view, &unit, &held);
    if (rc != HX_WINDOW_ADMITTED) {
        return rc;
    }

    view->remaining = w->requests - (uint32_t) held;
    view->reset = held == 0 ? 0 : hx_window_until(w, hx_window_newest(w), now);
    view->retry = 0;

    return HX_WINDOW_ADMITTED;
}


int
hx_window_idle(const hx_window_t *w, uint64_t now)
{
    uint64_t  bucket;

    if (w->groups == 0 && w->partial == 0) {
        return 1;
    }

    bucket = now / hx_window_bucket(w->window_s);

    return bucket > w->tail
           && bucket - w->tail > HX_WINDOW_BUCKETS - hx_window_newest(w);
}


int
hx_window_release(hx_window_t *w)
{
    if (!w->long_form || w->groups != 0 || w->partial != 0) {
        return 0;
    }

    w->long_form = 0;

    return 1;
}


void
hx_window_fill(hx_window_t *w, const hx_rate_t *rate, uint64_t now)
{
    memset(w, 0, sizeof(hx_window_t));

    w->tail = now / hx_window_bucket(rate->window_s);
    w->requests = rate->requests;
    w->window_s = rate->window_s;
    w->partial = rate->requests;
    w->partial_at = (uint16_t) w->tail;
}


uint64_t
hx_window_quantum(uint32_t window_s)
{
    return hx_window_bucket(window_s);
}
