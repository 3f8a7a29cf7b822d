/*
 * hx_billing_book.c -- books of subscriptions: what later words replace, and
 * their stored form.
 *
 * Stored form, version 1, all numbers little-endian:
 *
 *    0  "HB"  u8 version  u8 flags (1 = weak, 2 = guessed, 4 = managed,
 *       8 = set)
 *    4  u32 CRC-32 of everything but these four bytes
 *    8  u64 created  u64 named  u8 subscriptions
 *       u8 length and tenant, u8 length and base
 *       subscriptions x { u64 started, u64 at, u64 plan_at, u64 price_at,
 *       u8 rank, u8 plan_rank, u8 price_rank, u8 flags (1 = live, 2 = exact,
 *       4 = priced, 8 = weak), u8 length and id, u8 length and plan,
 *       u8 length and price }
 */

#include <string.h>

#include "hx_billing.h"
#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_text.h"


#define HX_BOOK_VERSION   1
#define HX_BOOK_HEAD      27
#define HX_BOOK_SUB       39            /* bytes without the texts */

/* flags of a book, and of a subscription */
#define HX_BOOK_WEAK      1
#define HX_BOOK_GUESSED   2
#define HX_BOOK_MANAGED   4
#define HX_BOOK_SET       8
#define HX_BOOK_FLAGS     15

#define HX_SUB_LIVE       1
#define HX_SUB_EXACT      2
#define HX_SUB_PRICED     4
#define HX_SUB_WEAK       8
#define HX_SUB_FLAGS      15

_Static_assert(HX_BOOK_HEAD + HX_TENANT_MAX + HX_PLAN_MAX
               + HX_BILLING_SUBS * (HX_BOOK_SUB + HX_STRIPE_TEXT_MAX
                                    + 2 * HX_PLAN_MAX)
               <= HX_BILLING_BOOK_MAX, "any book fits");


static uint32_t
hx_book_crc(const unsigned char *p, size_t len)
{
    return hx_crc32(hx_crc32(0, p, 4), p + 8, len - 8);
}


/* u8 length, bytes; NULL: not all there */

static const unsigned char *
hx_book_text(hx_str_t *s, const unsigned char *p, const unsigned char *end,
    size_t max)
{
    if (p == end || *p > max || (size_t) (end - p) - 1 < *p) {
        return NULL;
    }

    s->len = *p;
    s->data = p + 1;

    return p + 1 + s->len;
}


static const unsigned char *
hx_book_sub(hx_billing_sub_t *sub, const unsigned char *p,
    const unsigned char *end)
{
    if ((size_t) (end - p) < HX_BOOK_SUB || p[35] > HX_SUB_FLAGS) {
        return NULL;
    }

    sub->started = hx_get_le64(p);
    sub->at = hx_get_le64(p + 8);
    sub->plan_at = hx_get_le64(p + 16);
    sub->price_at = hx_get_le64(p + 24);
    sub->rank = p[32];
    sub->plan_rank = p[33];
    sub->price_rank = p[34];
    sub->live = (p[35] & HX_SUB_LIVE) != 0;
    sub->exact = (p[35] & HX_SUB_EXACT) != 0;
    sub->priced = (p[35] & HX_SUB_PRICED) != 0;
    sub->weak = (p[35] & HX_SUB_WEAK) != 0;

    p = hx_book_text(&sub->id, p + 36, end, HX_STRIPE_TEXT_MAX);

    if (p == NULL || sub->id.len == 0) {
        return NULL;
    }

    p = hx_book_text(&sub->plan, p, end, HX_PLAN_MAX);

    return p != NULL ? hx_book_text(&sub->price, p, end, HX_PLAN_MAX) : NULL;
}


hx_rc_t
hx_billing_decode(hx_billing_book_t *b, const unsigned char *p, size_t len)
{
    unsigned              i;
    const unsigned char  *end;

    memset(b, 0, sizeof(hx_billing_book_t));

    if (len < HX_BOOK_HEAD || len > HX_BILLING_BOOK_MAX
        || p[0] != 'H' || p[1] != 'B' || p[2] != HX_BOOK_VERSION
        || p[3] > HX_BOOK_FLAGS
        || p[24] > HX_BILLING_SUBS
        || hx_get_le32(p + 4) != hx_book_crc(p, len))
    {
        return HX_FAIL;
    }

    end = p + len;

    b->weak = (p[3] & HX_BOOK_WEAK) != 0;
    b->guessed = (p[3] & HX_BOOK_GUESSED) != 0;
    b->managed = (p[3] & HX_BOOK_MANAGED) != 0;
    b->set = (p[3] & HX_BOOK_SET) != 0;
    b->created = hx_get_le64(p + 8);
    b->named = hx_get_le64(p + 16);
    b->n = p[24];

    p = hx_book_text(&b->tenant, p + 25, end, HX_TENANT_MAX);

    if (p != NULL) {
        p = hx_book_text(&b->base, p, end, HX_PLAN_MAX);
    }

    for (i = 0; p != NULL && i < b->n; i++) {
        p = hx_book_sub(&b->sub[i], p, end);
    }

    return p == end ? HX_OK : HX_FAIL;
}


static unsigned char *
hx_book_put(unsigned char *p, const hx_str_t *s)
{
    *p++ = (unsigned char) s->len;

    if (s->len != 0) {
        memcpy(p, s->data, s->len);
    }

    return p + s->len;
}


size_t
hx_billing_encode(const hx_billing_book_t *b, unsigned char *out)
{
    unsigned                 i;
    unsigned char           *p;
    const hx_billing_sub_t  *sub;

    memcpy(out, "HB", 2);
    out[2] = HX_BOOK_VERSION;
    out[3] = (unsigned char) ((b->weak ? HX_BOOK_WEAK : 0)
                              | (b->guessed ? HX_BOOK_GUESSED : 0)
                              | (b->managed ? HX_BOOK_MANAGED : 0)
                              | (b->set ? HX_BOOK_SET : 0));
    hx_put_le64(out + 8, b->created);
    hx_put_le64(out + 16, b->named);
    out[24] = (unsigned char) b->n;

    p = hx_book_put(out + 25, &b->tenant);
    p = hx_book_put(p, &b->base);

    for (i = 0; i < b->n; i++) {
        sub = &b->sub[i];

        hx_put_le64(p, sub->started);
        hx_put_le64(p + 8, sub->at);
        hx_put_le64(p + 16, sub->plan_at);
        hx_put_le64(p + 24, sub->price_at);
        p[32] = sub->rank;
        p[33] = sub->plan_rank;
        p[34] = sub->price_rank;
        p[35] = (unsigned char) ((sub->live ? HX_SUB_LIVE : 0)
                                 | (sub->exact ? HX_SUB_EXACT : 0)
                                 | (sub->priced ? HX_SUB_PRICED : 0)
                                 | (sub->weak ? HX_SUB_WEAK : 0));
        p = hx_book_put(p + 36, &sub->id);
        p = hx_book_put(p, &sub->plan);
        p = hx_book_put(p, &sub->price);
    }

    hx_put_le32(out + 4, hx_book_crc(out, (size_t) (p - out)));

    return (size_t) (p - out);
}


const hx_billing_sub_t *
hx_billing_find(const hx_billing_book_t *b, const hx_str_t *id)
{
    unsigned  i;

    for (i = 0; i < b->n; i++) {
        if (hx_text_eq(&b->sub[i].id, id)) {
            return &b->sub[i];
        }
    }

    return NULL;
}


/*
 * Is a word later than the one that is known: 1; is it of the same moment: 0;
 * else -1.  The end of a subscription is its last word, whenever it is said.
 */

static int
hx_book_order(uint64_t at, unsigned rank, uint64_t than, unsigned than_rank)
{
    int  ends, ended;

    ends = rank == HX_STRIPE_UNSUBSCRIBED;
    ended = than_rank == HX_STRIPE_UNSUBSCRIBED;

    if (ends || ended) {
        return ends - ended;
    }

    if (at != than) {
        return at > than ? 1 : -1;
    }

    return (rank > than_rank) - (rank < than_rank);
}


static int
hx_book_take_live(hx_billing_sub_t *known, const hx_billing_sub_t *sub)
{
    int  order;

    order = hx_book_order(sub->at, sub->rank, known->at, known->rank);

    if (order < 0 || (order == 0 && sub->live == known->live)) {
        return 0;
    }

    known->live = sub->live;
    known->at = sub->at;
    known->rank = sub->rank;

    return 1;
}


/* One of the two words on a plan: is the other one to replace it? */

static int
hx_book_replaces(const hx_str_t *known, uint64_t at, unsigned rank,
    const hx_str_t *other, uint64_t other_at, unsigned other_rank)
{
    int  order;

    if (other_at == 0 || at == 0) {
        return other_at != 0;
    }

    order = hx_book_order(other_at, other_rank, at, rank);

    return order != 0 ? order > 0 : !hx_text_eq(known, other);
}


static int
hx_book_take_plan(hx_billing_sub_t *known, const hx_billing_sub_t *sub)
{
    int  news;

    news = 0;

    if (hx_book_replaces(&known->plan, known->plan_at, known->plan_rank,
                         &sub->plan, sub->plan_at, sub->plan_rank))
    {
        known->plan = sub->plan;
        known->plan_at = sub->plan_at;
        known->plan_rank = sub->plan_rank;
        news = 1;
    }

    if (hx_book_replaces(&known->price, known->price_at, known->price_rank,
                         &sub->price, sub->price_at, sub->price_rank))
    {
        known->price = sub->price;
        known->price_at = sub->price_at;
        known->price_rank = sub->price_rank;
        news = 1;
    }

    if (sub->priced && !known->priced) {
        known->priced = 1;
        news = 1;
    }

    return news;
}


/* Is a the one to go before b? */

static int
hx_book_worse(const hx_billing_sub_t *a, const hx_billing_sub_t *b)
{
    return b == NULL || a->live < b->live
           || (a->live == b->live && a->at < b->at);
}


/*
 * Room for one more.  The one that ended first is forgotten; where all live, a
 * weak one for one that is not.
 */

static hx_billing_sub_t *
hx_book_room(hx_billing_book_t *b, const hx_billing_sub_t *sub)
{
    unsigned           i;
    hx_billing_sub_t  *worst, *old;

    if (b->n < HX_BILLING_SUBS) {
        return &b->sub[b->n++];
    }

    worst = NULL;

    for (i = 0; i < b->n; i++) {
        old = &b->sub[i];

        if ((!old->live || (old->weak && !sub->weak))
            && hx_book_worse(old, worst))
        {
            worst = old;
        }
    }

    return worst;
}


hx_rc_t
hx_billing_take(hx_billing_book_t *b, const hx_billing_sub_t *sub)
{
    int                news;
    hx_billing_sub_t  *known;

    known = (hx_billing_sub_t *) hx_billing_find(b, &sub->id);

    if (known == NULL) {
        known = hx_book_room(b, sub);

        if (known == NULL) {
            return HX_FAIL;
        }

        *known = *sub;
        return HX_OK;
    }

    if (known->rank == HX_STRIPE_UNSUBSCRIBED) {
        return HX_NO;                   /* of it there is no more to say */
    }

    news = 0;

    if (sub->exact && !known->exact) {
        known->started = sub->started;
        known->exact = 1;
        news = 1;
    }

    news |= hx_book_take_live(known, sub);
    news |= hx_book_take_plan(known, sub);

    if (known->weak && !sub->weak) {
        known->weak = 0;
        news = 1;
    }

    return news ? HX_OK : HX_NO;
}


void
hx_billing_forget(hx_billing_book_t *b, const hx_str_t *id)
{
    size_t                   i;
    const hx_billing_sub_t  *sub;

    sub = hx_billing_find(b, id);

    if (sub != NULL) {
        i = (size_t) (sub - b->sub);

        b->n--;
        memmove(&b->sub[i], &b->sub[i + 1],
                (b->n - i) * sizeof(hx_billing_sub_t));
    }
}


uint64_t
hx_billing_quota(const hx_str_t *name, const hx_plan_t *plans, unsigned n)
{
    const hx_plan_t  *plan;

    plan = name->len != 0 ? hx_plan_find(plans, n, name->data, name->len)
                          : NULL;

    return plan != NULL ? plan->quota : 0;
}


hx_str_t
hx_billing_worth(const hx_billing_sub_t *sub)
{
    return sub->priced ? sub->price : sub->plan;
}


/* Of two that live and whose plans are known. */

static int
hx_book_better(const hx_billing_sub_t *a, const hx_billing_sub_t *b,
    const hx_plan_t *plans, unsigned n)
{
    hx_str_t  wa, wb;
    uint64_t  qa, qb;

    wa = hx_billing_worth(a);
    wb = hx_billing_worth(b);
    qa = hx_billing_quota(&wa, plans, n);
    qb = hx_billing_quota(&wb, plans, n);

    if (qa != qb) {
        return qa > qb;
    }

    if (a->started != b->started) {
        return a->started > b->started;
    }

    /* any order, but always the same one */

    return a->id.len != b->id.len ? a->id.len > b->id.len
           : memcmp(a->id.data, b->id.data, a->id.len) > 0;
}


const hx_billing_sub_t *
hx_billing_best(const hx_billing_book_t *b, unsigned weak,
    const hx_plan_t *plans, unsigned n_plans)
{
    unsigned                 i;
    const hx_billing_sub_t  *sub, *best;

    best = NULL;

    for (i = 0; i < b->n; i++) {
        sub = &b->sub[i];

        if (sub->live && sub->weak == weak && hx_billing_worth(sub).len != 0
            && (best == NULL || hx_book_better(sub, best, plans, n_plans)))
        {
            best = sub;
        }
    }

    return best;
}


hx_str_t
hx_billing_plan(const hx_billing_book_t *b, const hx_plan_t *plans,
    unsigned n_plans)
{
    hx_str_t                 plan, more;
    const hx_billing_sub_t  *best;

    static const hx_str_t  none = { NULL, 0 };

    if (!b->managed) {
        return none;
    }

    best = b->set ? NULL : hx_billing_best(b, 0, plans, n_plans);
    plan = best != NULL ? hx_billing_worth(best) : b->base;

    best = hx_billing_best(b, 1, plans, n_plans);

    if (best != NULL) {
        more = hx_billing_worth(best);

        if (hx_billing_quota(&more, plans, n_plans)
            > hx_billing_quota(&plan, plans, n_plans))
        {
            return more;
        }
    }

    return plan;
}


int
hx_billing_set(hx_billing_book_t *own, const hx_str_t *plan)
{
    if (!own->managed) {
        return 0;
    }

    own->set = 1;
    own->base = *plan;

    return 1;
}
