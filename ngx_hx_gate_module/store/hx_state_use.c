/*
 * hx_state_use.c -- a request's two visits: may it come in (hx_state_ask()),
 * and what did it cost (hx_state_charge()).
 *
 * The window's clock is read inside the lock, so no process ever sees it go
 * backwards because another one was faster.
 */

#include <time.h>

#include "hx_box.h"
#include "hx_state_impl.h"


static uint64_t
hx_state_monotonic(void)
{
    struct timespec  ts;

    /* no file and no network behind it: the kernel's page answers */

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


uint64_t (*hx_state_clock)(void) = hx_state_monotonic;


/* The tenant's place, made when there is none; the stripe stays locked. */

static inline hx_tenant_block_t * __attribute__((always_inline))
hx_state_enter(hx_state_t *st, const hx_str_t *id, hx_stripe_t **stripe,
    uint32_t *block)
{
    uint32_t            hash;
    hx_tenant_block_t  *t;

    hash = hx_state_hash(id);

    if (hx_state_lock(st, hash, stripe) != HX_OK) {
        return NULL;
    }

    t = hx_state_find(st, hash, id, block);

    if (t == NULL) {
        t = hx_state_create(st, hash, id, block);
    }

    if (t == NULL) {
        hx_state_unlock(*stripe);
    }

    return t;
}


hx_rc_t
hx_state_reserve(hx_state_t *st, const hx_str_t *id)
{
    uint32_t      block;
    hx_stripe_t  *s;

    if (hx_state_enter(st, id, &s, &block) == NULL) {
        return HX_FAIL;
    }

    hx_state_unlock(s);

    return HX_OK;
}


static const hx_window_bits_t *
hx_state_bits(const hx_state_t *st, const hx_tenant_block_t *t,
    hx_window_bits_t *bits)
{
    unsigned  i;

    if (t->bits[HX_WINDOW_PARTS - 1] == 0) {
        return NULL;
    }

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        bits->part[i] = hx_state_block(st, t->bits[i])->bits.word;
    }

    return bits;
}


/*
 * Memory for the long form.  What could be had stays with the tenant when not
 * all could: the last of the three tells.
 */

static hx_rc_t
hx_state_grow(hx_state_t *st, hx_tenant_block_t *t)
{
    unsigned  i;

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        if (t->bits[i] == 0) {
            t->bits[i] = hx_state_get(st, HX_BLOCK_BITS);

            if (t->bits[i] == 0) {
                return HX_FAIL;
            }
        }
    }

    return HX_OK;
}


/* Nothing counts, nor did a whole window ago: bursts are far between. */

static int
hx_state_calm(const hx_window_t *w, uint64_t now)
{
    uint64_t  window;

    window = (uint64_t) w->window_s * 1000000000;

    return now > window && hx_window_idle(w, now - window);
}


/*
 * The memory of a burst goes before others are counted, while nothing is in the
 * window.
 */

static void __attribute__((noinline))
hx_state_settle(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    const hx_state_ask_t *ask, uint64_t now)
{
    int                release;
    hx_window_bits_t   bits;
    hx_window_view_t   view;

    (void) hx_window_peek(&t->window, hx_state_bits(st, t, &bits), &ask->rate,
                          now, &view);

    release = hx_window_release(&t->window);

    hx_state_barrier();
    s->undo = HX_UNDO_NONE;
    hx_state_barrier();

    if (release) {
        hx_state_free_bits(st, t);
    }

    s->window = t->window;
    hx_state_barrier();
    s->undo = HX_UNDO_WINDOW;
    hx_state_barrier();
}


/* OK, NO = refused, FAIL = no memory. */

static hx_rc_t
hx_state_window(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    const hx_state_ask_t *ask, int look, hx_state_answer_t *answer)
{
    uint64_t                  now;
    hx_window_rc_t            rc;
    hx_window_bits_t          memory;
    const hx_window_bits_t   *bits;

    s->block = answer->block;
    s->rate = ask->rate;
    s->window = t->window;
    hx_state_barrier();
    s->undo = HX_UNDO_WINDOW;
    hx_state_barrier();

    now = hx_state_clock();

    if (t->window.long_form && hx_state_calm(&t->window, now)) {
        hx_state_settle(st, s, t, ask, now);
    }

    do {
        bits = hx_state_bits(st, t, &memory);

        rc = look ? hx_window_peek(&t->window, bits, &ask->rate, now,
                                   &answer->view)
                  : hx_window_take(&t->window, bits, &ask->rate, now,
                                   &answer->view);

    } while (rc == HX_WINDOW_GROW && hx_state_grow(st, t) == HX_OK);

    hx_state_barrier();
    s->undo = HX_UNDO_NONE;
    hx_state_barrier();

    if (rc == HX_WINDOW_GROW) {
        return HX_FAIL;
    }

    answer->windowed = 1;

    return rc == HX_WINDOW_ADMITTED ? HX_OK : HX_NO;
}


/* Is there a rest of the quota for this one? */

static int
hx_state_within(const hx_state_t *st, hx_tenant_block_t *t,
    const hx_state_ask_t *ask, hx_state_answer_t *answer)
{
    uint32_t  holding;
    uint64_t  used, rest;

    holding = __atomic_load_n(&st->head->holding, __ATOMIC_RELAXED);

    if (t->held_in != holding) {
        t->held = 0;
        t->held_in = holding;
    }

    used = hx_state_month_sum(st, t, ask->month);
    answer->used = t->base + used;

    if (t->base > ask->quota) {
        return 0;
    }

    rest = ask->quota - t->base;
    used += t->held;

    return used <= rest && ask->cost <= rest - used;
}


/* Sets the cost aside. */

static void
hx_state_hold(hx_tenant_block_t *t, uint32_t cost, hx_state_answer_t *answer)
{
    if (cost > UINT32_MAX - t->held) {
        cost = UINT32_MAX - t->held;
    }

    t->held += cost;
    answer->held = cost;
    answer->held_in = t->held_in;
}


static hx_rc_t
hx_state_decide(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    const hx_state_ask_t *ask, hx_state_answer_t *answer)
{
    int      look;
    hx_rc_t  rc;

    look = ask->look;

    if (ask->quota != UINT64_MAX) {

        if (t->newest > hx_month_count(ask->month) + 1) {
            hx_state_turn_back(st, s, t, answer->block);
            answer->incarnation = t->incarnation;
        }

        if (t->base_month != ask->month) {
            answer->verdict = HX_STATE_BASE;
            return HX_OK;
        }

        if (!hx_state_within(st, t, ask, answer)) {
            answer->verdict = HX_STATE_QUOTA;
            look = 1;
        }
    }

    if (ask->rate.requests != 0) {
        rc = hx_state_window(st, s, t, ask, look, answer);

        if (rc == HX_FAIL) {
            return rc;
        }

        if (rc == HX_NO && answer->verdict == HX_STATE_ADMITTED) {
            answer->verdict = HX_STATE_RATE;
        }
    }

    if (ask->quota != UINT64_MAX && !ask->look
        && (answer->verdict == HX_STATE_ADMITTED
            || (answer->verdict == HX_STATE_RATE && ask->force)))
    {
        hx_state_hold(t, ask->cost, answer);
    }

    return HX_OK;
}


hx_rc_t
hx_state_ask(hx_state_t *st, const hx_state_ask_t *ask,
    hx_state_answer_t *answer)
{
    hx_rc_t             rc;
    uint32_t            block;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    memset(answer, 0, sizeof(hx_state_answer_t));

    t = hx_state_enter(st, &ask->id, &s, &block);
    if (t == NULL) {
        return HX_FAIL;
    }

    answer->block = block;
    answer->incarnation = t->incarnation;
    answer->place = t->place;

    rc = hx_state_decide(st, s, t, ask, answer);

    hx_state_unlock(s);

    return rc;
}


/*
 * A month that the clock has left behind by more than one (it stepped back that
 * far) may be stored and gone from here: what is charged to it now would take
 * the place of what was.  Until all is stored, and the tenant can begin a new
 * life (hx_state_turn_back()), it is charged to the oldest that is still here.
 */

static unsigned
hx_state_charged_month(const hx_tenant_block_t *t, unsigned month)
{
    return t->newest > month + 1 ? t->newest - 1U : month;
}


static hx_rc_t
hx_state_add(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    uint32_t block, const hx_state_charge_t *c)
{
    uint64_t        sum;
    unsigned        month;
    hx_entry_t     *e;
    hx_box_head_t  *box;

    month = hx_month_count(c->month);

    if (t->newest > month + 1) {
        hx_state_turn_back(st, s, t, block);
        month = hx_state_charged_month(t, month);
    }

    e = hx_state_entry(st, t, block, hx_entry_make(c->operation, month),
                       &s->entry_block, &s->entry_at);
    if (e == NULL) {
        return HX_FAIL;
    }

    sum = hx_entry_tenths(*e) + c->tenths;

    if (sum > HX_ENTRY_TENTHS) {
        sum = HX_ENTRY_TENTHS;
    }

    hx_state_set_unsaved(st, block);

    s->entry = *e;
    s->box = 0;
    box = NULL;

    if (c->box != NULL) {
        box = c->box->head;

        if (c->box->st == st) {
            s->box = c->box->number;
            s->box_last = box->last;
        }
    }

    hx_state_barrier();
    s->undo = HX_UNDO_CHARGE;
    hx_state_barrier();

    *e = hx_entry_key(*e) | sum;

    if (box != NULL) {
        box->last = c->box_last;
    }

    hx_state_barrier();
    s->undo = HX_UNDO_NONE;         /* from here on both count */

    return HX_OK;
}


static void
hx_state_let_go(hx_tenant_block_t *t, const hx_state_answer_t *answer)
{
    if (t->incarnation == answer->incarnation
        && t->held_in == answer->held_in)
    {
        t->held -= answer->held < t->held ? answer->held : t->held;
    }
}


hx_rc_t
hx_state_charge(hx_state_t *st, const hx_state_charge_t *c)
{
    int                 charge, held;
    hx_rc_t             rc;
    uint32_t            hash, block;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    charge = c->operation != 0 && c->tenths != 0;
    held = c->answer != NULL && c->answer->held != 0;
    rc = charge ? HX_FAIL : HX_OK;

    if (!charge) {
        if (c->box != NULL) {
            hx_box_advance(c->box, c->box_last);
        }

        if (!held) {
            return HX_OK;
        }
    }

    hash = hx_state_hash(&c->id);

    if (hx_state_lock(st, hash, &s) != HX_OK) {
        return rc;
    }

    t = hx_state_find(st, hash, &c->id, &block);

    if (held && t != NULL) {
        hx_state_let_go(t, c->answer);
    }

    if (t == NULL && charge) {
        t = hx_state_create(st, hash, &c->id, &block);
    }

    if (t != NULL && charge) {
        rc = hx_state_add(st, s, t, block, c);

        if (c->place != NULL) {
            *c->place = t->place;
        }
    }

    hx_state_unlock(s);

    return rc;
}
