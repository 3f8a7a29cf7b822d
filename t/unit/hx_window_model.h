/*
 * hx_window_model.h -- what hx_window is held against: every admitted request
 * with its instant in nanoseconds, counted one interval at a time; and a window
 * whose memory lies between guards, for whom calls are repeated with memory
 * when they ask for it.
 *
 * Test times are "real" nanoseconds that only grow.  They begin at MODEL_BEGIN,
 * so that an interval's beginning is never below zero.
 */

#ifndef HX_WINDOW_MODEL_H
#define HX_WINDOW_MODEL_H

#include "hx_test.h"

#include "hx_window.h"

#define MODEL_SECOND   UINT64_C(1000000000)
#define MODEL_MONTH    (HX_WINDOW_SECONDS_MAX * MODEL_SECOND)
#define MODEL_BEGIN    (8 * MODEL_MONTH)
#define MODEL_EVENTS   ((size_t) 1 << 20)       /* kept at a time */

#define MODEL_CANARY   UINT64_C(0xa5c396695aa55aa5)
#define MODEL_PART     (HX_WINDOW_PART_WORDS * sizeof(uint64_t))

/* An instant at which requests were admitted, and how many in all up to it. */
typedef struct {
    uint64_t   at;
    uint64_t   total;
} model_event_t;

typedef struct {
    model_event_t  *events;         /* a ring */
    size_t          first;          /* free-running */
    size_t          end;
    uint64_t        gone;           /* total before "first" */
    uint64_t        floor;          /* total that does not count any more */
} model_t;

typedef struct {
    hx_window_t       *w;
    hx_window_bits_t   bits;
    int                has;         /* the bits are the window's */
    unsigned           grown;
} model_window_t;

typedef hx_window_rc_t (*model_call_pt)(hx_window_t *w,
    const hx_window_bits_t *bits, const hx_rate_t *rate, uint64_t now,
    hx_window_view_t *view);


/* As a new model. */
static inline void
model_reset(model_t *m)
{
    if (m->events == NULL) {
        m->events = malloc(MODEL_EVENTS * sizeof(model_event_t));
        assert_non_null(m->events);
    }

    m->first = 0;
    m->end = 0;
    m->gone = 0;
    m->floor = 0;
}


static inline const model_event_t *
model_at(const model_t *m, size_t i)
{
    return &m->events[i % MODEL_EVENTS];
}


static inline uint64_t
model_total(const model_t *m)
{
    return m->end == m->first ? m->gone : model_at(m, m->end - 1)->total;
}


static inline void
model_add(model_t *m, uint64_t at, uint64_t count)
{
    model_event_t  *e;
    const uint64_t  total = model_total(m) + count;

    if (m->end - m->first == MODEL_EVENTS) {
        m->gone = model_at(m, m->first++)->total;
    }

    e = &m->events[m->end++ % MODEL_EVENTS];
    e->at = at;
    e->total = total;
}


/* Requests that count, admitted after "at". */
static inline uint64_t
model_after(const model_t *m, uint64_t at)
{
    size_t    low, high, middle;
    uint64_t  before;

    low = m->first;
    high = m->end;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (model_at(m, middle)->at > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }

    before = low == m->first ? m->gone : model_at(m, low - 1)->total;

    return model_total(m) - (before > m->floor ? before : m->floor);
}


/* What was admitted at or before "at" will not be asked for again. */
static inline void
model_forget(model_t *m, uint64_t at)
{
    while (m->first != m->end && model_at(m, m->first)->at <= at) {
        m->gone = model_at(m, m->first++)->total;
    }
}


/* Only the newest "count" count from now on. */
static inline void
model_keep(model_t *m, uint64_t count)
{
    const uint64_t  total = model_total(m);

    if (total > count && total - count > m->floor) {
        m->floor = total - count;
    }
}


static inline uint64_t *
model_guarded(size_t size)
{
    uint64_t  *p;

    p = (uint64_t *) (void *) (test_guard() - size);
    p[-1] = MODEL_CANARY;
    p[-2] = MODEL_CANARY;

    return p;
}


/* A window never used; memory for the long form with noise in it. */
static inline void
model_window(model_window_t *s)
{
    size_t  i;

    if (s->w == NULL) {
        s->w = (hx_window_t *) (void *) model_guarded(sizeof(hx_window_t));

        for (i = 0; i < HX_WINDOW_PARTS; i++) {
            s->bits.part[i] = model_guarded(MODEL_PART);
        }
    }

    memset(s->w, 0, sizeof(hx_window_t));
    s->has = 0;
}


static inline void
model_untouched(const model_window_t *s)
{
    size_t           i;
    const uint64_t  *p;

    for (i = 0; i <= HX_WINDOW_PARTS; i++) {
        p = i < HX_WINDOW_PARTS ? s->bits.part[i]
                                : (const uint64_t *) (const void *) s->w;
        assert_true(p[-1] == MODEL_CANARY && p[-2] == MODEL_CANARY);
    }
}


/*
 * GROW did nothing but take away what had left: as a look does with the limit
 * that the window now has, the old one or the one asked for.
 */
static inline void
model_grow(model_window_t *s, const hx_window_t *before, uint64_t now)
{
    size_t            i;
    hx_rate_t         rate;
    hx_window_t       copy;
    hx_window_view_t  view;

    assert_false(s->has);
    copy = *before;
    rate.requests = s->w->requests;
    rate.window_s = s->w->window_s;
    assert_int_not_equal(hx_window_peek(&copy, NULL, &rate, now, &view),
                         HX_WINDOW_GROW);
    assert_memory_equal(&copy, s->w, sizeof(hx_window_t));

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        test_fill(s->bits.part[i], MODEL_PART);
    }

    s->has = 1;
    s->grown++;
}


/* Calls take or peek, again with memory if asked, and gives memory back. */
static inline hx_window_rc_t
model_call(model_window_t *s, model_call_pt call, const hx_rate_t *rate,
    uint64_t now, hx_window_view_t *view)
{
    hx_window_t     before;
    hx_window_rc_t  rc;

    before = *s->w;
    rc = call(s->w, s->has ? &s->bits : NULL, rate, now, view);

    if (rc == HX_WINDOW_GROW) {
        model_grow(s, &before, now);
        rc = call(s->w, &s->bits, rate, now, view);
    }

    assert_true(rc == HX_WINDOW_ADMITTED || rc == HX_WINDOW_REFUSED);
    assert_int_equal(s->w->long_form, s->has);

    if (hx_window_release(s->w)) {
        assert_true(s->has);
        s->has = 0;
    }

    assert_int_equal(s->w->long_form, s->has);

    return rc;
}


/* What a look would say, which leaves the window as it is. */
static inline hx_window_rc_t
model_look(const model_window_t *s, const hx_rate_t *rate, uint64_t now,
    hx_window_view_t *view)
{
    hx_window_t     copy;
    hx_window_rc_t  rc;

    copy = *s->w;
    rc = hx_window_peek(&copy, s->has ? &s->bits : NULL, rate, now, view);
    assert_int_not_equal(rc, HX_WINDOW_GROW);

    return rc;
}


/*
 * reset and retry are the first nanosecond at which what they tell is so.
 */
static inline void
model_truthful(const model_window_t *s, const hx_rate_t *rate, uint64_t now,
    const hx_window_view_t *view)
{
    hx_window_view_t  v;

    if (view->reset == 0) {
        assert_true(hx_window_idle(s->w, now));
        assert_int_equal(view->remaining, rate->requests);

    } else {
        assert_true(hx_window_idle(s->w, now + view->reset));
        assert_false(hx_window_idle(s->w, now + view->reset - 1));
    }

    if (view->retry != 0) {
        assert_true(view->retry <= view->reset);
        assert_int_equal(view->remaining, 0);
        assert_int_equal(model_look(s, rate, now + view->retry, &v),
                         HX_WINDOW_ADMITTED);
        assert_true(v.remaining != 0);
        assert_int_equal(model_look(s, rate, now + view->retry - 1, &v),
                         HX_WINDOW_REFUSED);
        assert_int_equal(v.retry, 1);
    }
}

#endif /* HX_WINDOW_MODEL_H */
