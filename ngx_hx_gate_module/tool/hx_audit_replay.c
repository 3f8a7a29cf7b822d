/*
 * hx_audit_replay.c -- see the header.  The order of questions is that of the
 * gate's steps; the answers come from the same functions.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_acl.h"
#include "hx_audit_replay.h"
#include "hx_check.h"
#include "hx_month.h"


#define HX_REPLAY_TABLE   (2 * HX_REPLAY_TENANTS)

typedef struct {
    size_t               id_len;
    unsigned char       *id;
    hx_rc_t              known;
    hx_tenant_t          tenant;
    hx_limit_t           limit;
    hx_window_t          window;
    hx_window_bits_t     bits;
    uint64_t            *words;         /* of the bits, NULL: none */
    unsigned             month;
    uint64_t             used;          /* tenths, in that month */
} hx_replay_one_t;

struct hx_replay_s {
    hx_replay_conf_t     conf;
    unsigned             n;
    hx_replay_one_t    **table;
    hx_ops_t             ops;
};


hx_replay_t *
hx_replay_create(const hx_replay_conf_t *conf)
{
    hx_replay_t  *rp;

    rp = calloc(1, sizeof(hx_replay_t));
    if (rp == NULL) {
        return NULL;
    }

    rp->conf = *conf;
    rp->table = calloc(HX_REPLAY_TABLE, sizeof(hx_replay_one_t *));

    if (rp->table == NULL || hx_ops_init(&rp->ops) != HX_OK) {
        hx_replay_free(rp);
        return NULL;
    }

    return rp;
}


static void
hx_replay_one_free(hx_replay_one_t *one)
{
    free(one->words);
    free(one->id);
    free(one);
}


void
hx_replay_free(hx_replay_t *rp)
{
    size_t  i;

    if (rp == NULL) {
        return;
    }

    for (i = 0; rp->table != NULL && i < HX_REPLAY_TABLE; i++) {
        if (rp->table[i] != NULL) {
            hx_replay_one_free(rp->table[i]);
        }
    }

    free(rp->table);
    free(rp);
}


unsigned
hx_replay_status(hx_outcome_t o)
{
    switch (o) {

    case HX_OUTCOME_MISSING_KEY:
    case HX_OUTCOME_INVALID_KEY:
        return 401;

    case HX_OUTCOME_SUSPENDED:
    case HX_OUTCOME_NAMESPACE_DENIED:
        return 403;

    case HX_OUTCOME_UNKNOWN_OPERATION:
        return 404;

    case HX_OUTCOME_METHOD:
        return 405;

    case HX_OUTCOME_INVALID_REQUEST:
        return 400;

    case HX_OUTCOME_RATE_LIMITED:
    case HX_OUTCOME_QUOTA_EXCEEDED:
        return 429;

    default:
        return 0;
    }
}


unsigned
hx_replay_old_status(hx_old_t old)
{
    static const unsigned  status[HX_OLD_COUNT] = { 0, 401, 403, 404, 429 };

    return status[old];
}


/*
 * What the gate decided then.  A status that it may have made, or the engine,
 * is told apart by the outcome, where there is one, else by the path.  0: it
 * refused for something that the record does not hold (the body, the size), or
 * may have.
 */

static int
hx_replay_old(const hx_record_t *r, const hx_ops_answer_t *op, hx_old_t *old)
{
    unsigned  i;

    *old = HX_OLD_ALLOWED;

    if (r->status < 400) {
        return 1;
    }

    if (r->outcome.data != NULL) {
        if (hx_text_is(&r->outcome, hx_outcome_word(HX_OUTCOME_ALLOWED))) {
            return 1;
        }

        /* with another status it was only looked at (shadow) */

        for (i = 0; i < HX_OUTCOME_COUNT; i++) {
            if (hx_text_is(&r->outcome, hx_outcome_word((hx_outcome_t) i))
                && hx_replay_status((hx_outcome_t) i) != 0
                && hx_replay_status((hx_outcome_t) i) != r->status)
            {
                return 1;
            }
        }
    }

    switch (r->status) {

    case 401:
        *old = HX_OLD_401;
        return 1;

    case 403:
        *old = HX_OLD_403;
        return 1;

    case 404:
        if (r->outcome.data != NULL
            || op->outcome == HX_OUTCOME_UNKNOWN_OPERATION)
        {
            *old = HX_OLD_404;
        }

        return 1;

    case 429:
        *old = HX_OLD_429;
        return 1;

    case 400:
    case 405:
    case 408:
    case 413:
    case 414:
    case 415:
    case 503:
        return 0;

    default:
        return 1;
    }
}


static size_t
hx_replay_place(const hx_replay_t *rp, const hx_str_t *id)
{
    size_t    i;
    uint64_t  h;

    h = rp->conf.seed ^ id->len;

    for (i = 0; i < id->len; i++) {
        h = (h ^ id->data[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 31;
    }

    return (size_t) (h >> 20) & (HX_REPLAY_TABLE - 1);
}


static hx_rc_t
hx_replay_make(hx_replay_t *rp, const hx_str_t *id, hx_replay_one_t **out)
{
    hx_replay_one_t  *one;

    one = calloc(1, sizeof(hx_replay_one_t));
    if (one == NULL) {
        return HX_FAIL;
    }

    one->id = malloc(id->len + 1);
    if (one->id == NULL) {
        hx_replay_one_free(one);
        return HX_FAIL;
    }

    memcpy(one->id, id->data, id->len);
    one->id_len = id->len;
    one->known = HX_OK;
    one->limit.rate = rp->conf.dflt;
    one->limit.quota = HX_QUOTA_UNLIMITED;

    if (rp->conf.tenant != NULL) {
        one->known = rp->conf.tenant(rp->conf.data, id, &one->tenant);

        if (one->known == HX_FAIL) {
            hx_replay_one_free(one);
            return HX_FAIL;
        }

        if (one->known == HX_OK) {
            hx_limit_resolve(&one->limit, &one->tenant, rp->conf.plans,
                             rp->conf.n_plans, &rp->conf.dflt);
        }
    }

    *out = one;

    return HX_OK;
}


static hx_rc_t
hx_replay_tenant(hx_replay_t *rp, const hx_str_t *id, hx_replay_one_t **out)
{
    size_t            i;
    hx_rc_t           rc;
    hx_replay_one_t  *one;

    for (i = hx_replay_place(rp, id); rp->table[i] != NULL;
         i = (i + 1) & (HX_REPLAY_TABLE - 1))
    {
        one = rp->table[i];

        if (one->id_len == id->len && memcmp(one->id, id->data, id->len) == 0) {
            *out = one;
            return HX_OK;
        }
    }

    if (rp->n == HX_REPLAY_TENANTS) {
        return HX_NO;
    }

    rc = hx_replay_make(rp, id, out);

    if (rc == HX_OK) {
        rp->table[i] = *out;
        rp->n++;
    }

    return rc;
}


/* 1 = admitted, 0 = refused, -1 = no memory */

static int
hx_replay_window(hx_replay_one_t *one, int64_t ms)
{
    unsigned          i;
    uint64_t          now;
    hx_window_rc_t    rc;
    hx_window_view_t  view;

    now = ms > 0 ? (uint64_t) ms * 1000000 : 0;

    rc = hx_window_take(&one->window, one->words != NULL ? &one->bits : NULL,
                        &one->limit.rate, now, &view);

    if (rc == HX_WINDOW_GROW && one->words == NULL) {

        one->words = calloc(HX_WINDOW_PARTS * HX_WINDOW_PART_WORDS,
                            sizeof(uint64_t));
        if (one->words == NULL) {
            return -1;
        }

        for (i = 0; i < HX_WINDOW_PARTS; i++) {
            one->bits.part[i] = one->words + i * HX_WINDOW_PART_WORDS;
        }

        rc = hx_window_take(&one->window, &one->bits, &one->limit.rate, now,
                            &view);
    }

    return rc == HX_WINDOW_ADMITTED;
}


/* Window and quota, both or neither, as hx_state_ask() has it. */

static hx_rc_t
hx_replay_admit(hx_replay_t *rp, hx_replay_one_t *one, const hx_record_t *r,
    const hx_ops_answer_t *op, hx_replay_answer_t *a)
{
    int       rc;
    unsigned  month, cost;

    cost = op->operation->cost;
    month = hx_month_of(r->ms / 1000);

    if (month != one->month) {
        one->month = month;
        one->used = 0;
    }

    if (rp->conf.quota && !one->limit.overage
        && one->limit.quota != HX_QUOTA_UNLIMITED
        && (one->used > one->limit.quota
            || cost > one->limit.quota - one->used))
    {
        a->outcome = HX_OUTCOME_QUOTA_EXCEEDED;
        return HX_OK;
    }

    if (rp->conf.rate) {
        rc = hx_replay_window(one, r->ms);

        if (rc == -1) {
            return HX_FAIL;
        }

        if (rc == 0) {
            a->outcome = HX_OUTCOME_RATE_LIMITED;
            return HX_OK;
        }
    }

    /* what it was charged then; what was refused then is taken to succeed */

    one->used += a->old == HX_OLD_ALLOWED ? r->cus : cost;

    return HX_OK;
}


/* What was refused before anything else for want of a tenant. */

static hx_rc_t
hx_replay_nobody(const hx_record_t *r, hx_replay_answer_t *a)
{
    a->judged = r->status == 401;
    a->old = HX_OLD_401;
    a->outcome = HX_OUTCOME_INVALID_KEY;

    return HX_OK;
}


static hx_rc_t
hx_replay_decide(hx_replay_t *rp, const hx_record_t *r,
    const hx_ops_answer_t *op, hx_replay_answer_t *a)
{
    hx_rc_t           rc;
    hx_str_t          ns;
    hx_replay_one_t  *one;

    rc = hx_replay_tenant(rp, &r->tenant, &one);
    if (rc != HX_OK) {
        return rc;
    }

    a->outcome = HX_OUTCOME_ALLOWED;

    if (one->known != HX_OK) {
        a->outcome = HX_OUTCOME_INVALID_KEY;
        return HX_OK;
    }

    if (rp->conf.tenant != NULL && one->tenant.status == HX_TENANT_SUSPENDED) {
        a->outcome = HX_OUTCOME_SUSPENDED;
        return HX_OK;
    }

    if (op->operation == NULL) {
        a->outcome = op->outcome;
        return HX_OK;
    }

    /* the namespace of a body is known when the gate had got so far */

    ns = op->operation->ns == HX_NS_PATH ? op->ns : r->ns;

    if (rp->conf.tenant != NULL && op->operation->ns != HX_NS_NONE
        && ns.data != NULL && hx_acl_namespace(&one->tenant, &ns) != HX_OK)
    {
        a->outcome = HX_OUTCOME_NAMESPACE_DENIED;
        return HX_OK;
    }

    return hx_replay_admit(rp, one, r, op, a);
}


hx_rc_t
hx_replay_record(hx_replay_t *rp, const hx_record_t *r, hx_replay_answer_t *a)
{
    hx_rc_t          rc;
    hx_ops_answer_t  op;

    static const char  admin[] = "/gate/";

    memset(a, 0, sizeof(hx_replay_answer_t));

    if (r->amends || r->checkpoint
        || (r->path.len >= sizeof(admin) - 1
            && memcmp(r->path.data, admin, sizeof(admin) - 1) == 0))
    {
        return HX_OK;
    }

    if (r->tenant.data == NULL) {
        return hx_replay_nobody(r, a);
    }

    hx_ops_ask(&rp->ops, &op, r);

    if (op.unknown || !hx_replay_old(r, &op, &a->old)) {
        return HX_OK;
    }

    a->judged = 1;

    rc = hx_replay_decide(rp, r, &op, a);

    a->differs = hx_replay_status(a->outcome) != hx_replay_old_status(a->old);

    return rc;
}
