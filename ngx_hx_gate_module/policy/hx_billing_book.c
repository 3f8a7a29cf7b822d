/*
 * hx_billing_book.c -- books of subscriptions: what later words replace, and
 * their stored form.
 *
 * Stored form, version 1, all numbers little-endian:
 *
 *    0  "HB"  u8 version  u8 flags (1 = weak, 2 = guessed)
 *    4  u32 CRC-32 of everything but these four bytes
 *    8  u64 created  u8 subscriptions  u8 tenant length, tenant
 *       subscriptions x { u64 started, u64 at, u64 plan_at, u8 rank,
 *       u8 plan_rank, u8 flags (1 = live, 2 = exact), u8 length and id,
 *       u8 length and plan }
 */

#include <string.h>

#include "hx_billing.h"
#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_text.h"


#define HX_BOOK_VERSION   1
#define HX_BOOK_HEAD      18
#define HX_BOOK_SUB       29            /* bytes without the texts */

#define HX_BOOK_WEAK      1
#define HX_BOOK_GUESSED   2

#define HX_BOOK_LIVE      1
#define HX_BOOK_EXACT     2

_Static_assert(HX_BOOK_HEAD + HX_TENANT_MAX
               + HX_BILLING_SUBS * (HX_BOOK_SUB + HX_STRIPE_TEXT_MAX
                                    + HX_PLAN_MAX)
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
    if ((size_t) (end - p) < HX_BOOK_SUB || p[26] > (HX_BOOK_LIVE
                                                     | HX_BOOK_EXACT))
    {
        return NULL;
    }

    sub->started = hx_get_le64(p);
    sub->at = hx_get_le64(p + 8);
    sub->plan_at = hx_get_le64(p + 16);
    sub->rank = p[24];
    sub->plan_rank = p[25];
    sub->live = (p[26] & HX_BOOK_LIVE) != 0;
    sub->exact = (p[26] & HX_BOOK_EXACT) != 0;

    p = hx_book_text(&sub->id, p + 27, end, HX_STRIPE_TEXT_MAX);

    return p != NULL && sub->id.len != 0
           ? hx_book_text(&sub->plan, p, end, HX_PLAN_MAX) : NULL;
}


hx_rc_t
hx_billing_decode(hx_billing_book_t *b, const unsigned char *p, size_t len)
{
    unsigned              i;
    const unsigned char  *end;

    memset(b, 0, sizeof(hx_billing_book_t));

    if (len < HX_BOOK_HEAD || len > HX_BILLING_BOOK_MAX
        || p[0] != 'H' || p[1] != 'B' || p[2] != HX_BOOK_VERSION
        || p[3] > (HX_BOOK_WEAK | HX_BOOK_GUESSED)
        || p[16] > HX_BILLING_SUBS
        || hx_get_le32(p + 4) != hx_book_crc(p, len))
    {
        return HX_FAIL;
    }

    end = p + len;

    b->weak = (p[3] & HX_BOOK_WEAK) != 0;
    b->guessed = (p[3] & HX_BOOK_GUESSED) != 0;
    b->created = hx_get_le64(p + 8);
    b->n = p[16];

    p = hx_book_text(&b->tenant, p + 17, end, HX_TENANT_MAX);

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
                              | (b->guessed ? HX_BOOK_GUESSED : 0));
    hx_put_le64(out + 8, b->created);
    out[16] = (unsigned char) b->n;

    p = hx_book_put(out + 17, &b->tenant);

    for (i = 0; i < b->n; i++) {
        sub = &b->sub[i];

        hx_put_le64(p, sub->started);
        hx_put_le64(p + 8, sub->at);
        hx_put_le64(p + 16, sub->plan_at);
        p[24] = sub->rank;
        p[25] = sub->plan_rank;
        p[26] = (unsigned char) ((sub->live ? HX_BOOK_LIVE : 0)
                                 | (sub->exact ? HX_BOOK_EXACT : 0));
        p = hx_book_put(p + 27, &sub->id);
        p = hx_book_put(p, &sub->plan);
    }

    hx_put_le32(out + 4, hx_book_crc(out, (size_t) (p - out)));

    return (size_t) (p - out);
}


const hx_billing_sub_t *
hx_billing_find(const hx_billing_book_t *b, const hx_str_t *id)
{
    unsigned  i;

    for (i = 0; i < b->n; i++) {
        if (b->sub[i].id.len == id->len
            && hx_text_same(b->sub[i].id.data, id->data, id->len))
        {
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


static int
hx_book_take_plan(hx_billing_sub_t *known, const hx_billing_sub_t *sub)
{
    int  order;

    if (sub->plan.len == 0) {
        return 0;
    }

    if (known->plan.len != 0) {
        order = hx_book_order(sub->plan_at, sub->plan_rank, known->plan_at,
                              known->plan_rank);

        if (order < 0
            || (order == 0 && sub->plan.len == known->plan.len
                && hx_text_same(sub->plan.data, known->plan.data,
                                sub->plan.len)))
        {
            return 0;
        }
    }

    known->plan = sub->plan;
    known->plan_at = sub->plan_at;
    known->plan_rank = sub->plan_rank;

    return 1;
}


/* Room for one more: the one that ended first is forgotten. */

static hx_billing_sub_t *
hx_book_room(hx_billing_book_t *b)
{
    unsigned           i;
    hx_billing_sub_t  *oldest;

    if (b->n < HX_BILLING_SUBS) {
        return &b->sub[b->n++];
    }

    oldest = NULL;

    for (i = 0; i < b->n; i++) {
        if (!b->sub[i].live
            && (oldest == NULL || b->sub[i].at < oldest->at))
        {
            oldest = &b->sub[i];
        }
    }

    return oldest;
}


hx_rc_t
hx_billing_take(hx_billing_book_t *b, const hx_billing_sub_t *sub)
{
    int                news;
    hx_billing_sub_t  *known;

    known = (hx_billing_sub_t *) hx_billing_find(b, &sub->id);

    if (known == NULL) {
        known = hx_book_room(b);

        if (known == NULL) {
            return HX_FAIL;
        }

        *known = *sub;
        return HX_OK;
    }

    news = 0;

    if (sub->exact && !known->exact) {
        known->started = sub->started;
        known->exact = 1;
        news = 1;
    }

    news |= hx_book_take_live(known, sub);
    news |= hx_book_take_plan(known, sub);

    return news ? HX_OK : HX_NO;
}


static uint64_t
hx_book_quota(const hx_str_t *name, const hx_plan_t *plans, unsigned n)
{
    const hx_plan_t  *plan;

    plan = hx_plan_find(plans, n, name->data, name->len);

    return plan != NULL ? plan->quota : 0;
}


/* Of two that live and whose plans are known. */

static int
hx_book_better(const hx_billing_sub_t *a, const hx_billing_sub_t *b,
    const hx_plan_t *plans, unsigned n)
{
    uint64_t  qa, qb;

    qa = hx_book_quota(&a->plan, plans, n);
    qb = hx_book_quota(&b->plan, plans, n);

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


hx_str_t
hx_billing_plan(const hx_billing_book_t *b, const hx_plan_t *plans,
    unsigned n_plans)
{
    unsigned                 i, ended;
    const hx_billing_sub_t  *best;

    static const hx_str_t  none = { NULL, 0 };

    best = NULL;
    ended = 0;

    for (i = 0; i < b->n; i++) {
        if (b->sub[i].plan.len == 0) {
            continue;
        }

        if (!b->sub[i].live) {
            ended = 1;

        } else if (best == NULL
                   || hx_book_better(&b->sub[i], best, plans, n_plans))
        {
            best = &b->sub[i];
        }
    }

    if (best != NULL) {
        return best->plan;
    }

    return ended ? hx_plan_default(plans, n_plans)->name : none;
}
