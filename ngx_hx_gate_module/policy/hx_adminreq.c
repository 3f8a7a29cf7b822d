/*
 * hx_adminreq.c -- see the header.  Which members a call knows is one table;
 * the events of the scanner fill the change.
 */

#include <stdio.h>
#include <string.h>

#include "hx_adminreq.h"
#include "hx_check.h"
#include "hx_json_scan.h"
#include "hx_text.h"
#include "hx_window.h"


typedef enum {
    M_TENANT = 0,
    M_PLAN,
    M_NAMESPACES,
    M_NAMESPACE,
    M_EMAIL,
    M_GRACE,
    M_EXPIRES,
    M_QUOTA,
    M_RATE,
    M_REQUESTS,             /* inside rate_limit */
    M_WINDOW,
    M_COUNT
} hx_member_t;

#define M(m)   (1u << (m))

static const hx_str_t  hx_members[M_COUNT] = {
    hx_string("tenant_id"),
    hx_string("plan"),
    hx_string("namespaces"),
    hx_string("namespace"),
    hx_string("email"),
    hx_string("grace_s"),
    hx_string("expires_at"),
    hx_string("monthly_quota"),
    hx_string("rate_limit"),
    hx_string("requests"),
    hx_string("window_s"),
};


typedef struct {
    hx_change_op_t   op;
    unsigned         known;
    unsigned         required;
} hx_admin_row_t;

static const hx_admin_row_t  hx_calls[HX_ADMIN_CALLS] = {
    [HX_ADMIN_CREATE] = { HX_CHANGE_CREATE,
        M(M_TENANT)|M(M_PLAN)|M(M_NAMESPACES)|M(M_EMAIL)|M(M_EXPIRES),
        M(M_TENANT) },
    [HX_ADMIN_ROTATE_KEY] = { HX_CHANGE_ROTATE,
        M(M_TENANT)|M(M_GRACE)|M(M_EXPIRES), M(M_TENANT) },
    [HX_ADMIN_ADD_NAMESPACE] = { HX_CHANGE_ADD_NAMESPACE,
        M(M_TENANT)|M(M_NAMESPACE), M(M_TENANT)|M(M_NAMESPACE) },
    [HX_ADMIN_REMOVE_NAMESPACE] = { HX_CHANGE_REMOVE_NAMESPACE,
        M(M_TENANT)|M(M_NAMESPACE), M(M_TENANT)|M(M_NAMESPACE) },
    [HX_ADMIN_SUSPEND] = { HX_CHANGE_SUSPEND, M(M_TENANT), M(M_TENANT) },
    [HX_ADMIN_ACTIVATE] = { HX_CHANGE_ACTIVATE, M(M_TENANT), M(M_TENANT) },
    [HX_ADMIN_UPDATE_TIER] = { HX_CHANGE_UPDATE_TIER,
        M(M_TENANT)|M(M_PLAN)|M(M_QUOTA)|M(M_RATE), M(M_TENANT)|M(M_PLAN) },
    [HX_ADMIN_DELETE] = { HX_CHANGE_DELETE, M(M_TENANT), M(M_TENANT) },
};

#define HX_RATE_MEMBERS     (M(M_REQUESTS)|M(M_WINDOW))

#define HX_REQUESTS_MAX     1000000000U         /* requests a window */
#define HX_TIME_MAX         253402300799ULL     /* the year 9999 */


typedef struct {
    hx_adminreq_t         *req;
    const hx_plan_t       *plans;
    unsigned               n_plans;
    const hx_admin_row_t  *row;
    unsigned               seen;
    hx_member_t            current;     /* M_COUNT: none */
    unsigned               opened:1;
    unsigned               in_array:1;
    unsigned               in_rate:1;
} hx_admin_parse_t;


static hx_json_verdict_t
hx_admin_bad(hx_admin_parse_t *p, const char *before, const unsigned char *s,
    size_t len, const char *after)
{
    hx_buf_t  b;

    hx_buf_init(&b, p->req->detail, sizeof(p->req->detail));
    hx_buf_add(&b, before, strlen(before));
    hx_buf_add(&b, s, len < HX_DETAIL_ECHO_MAX ? len : HX_DETAIL_ECHO_MAX);
    hx_buf_add(&b, after, strlen(after));

    p->req->message.data = b.start;
    p->req->message.len = hx_buf_len(&b);

    return HX_JSON_STOP;
}


static hx_json_verdict_t
hx_admin_bad_member(hx_admin_parse_t *p, const char *after)
{
    return hx_admin_bad(p, "Field '", hx_members[p->current].data,
                        hx_members[p->current].len, after);
}


static hx_json_verdict_t
hx_admin_bad_plan(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    hx_buf_t   b;
    hx_str_t  *m;

    (void) hx_admin_bad(p, "Unknown plan '", s, len, "', known: ");

    /* behind that; there is room for all of it */

    m = &p->req->message;
    hx_buf_init(&b, p->req->detail + m->len, sizeof(p->req->detail) - m->len);
    hx_plan_names(&b, p->plans, p->n_plans);
    m->len += hx_buf_len(&b);

    return HX_JSON_STOP;
}


static hx_str_t
hx_admin_keep(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    hx_str_t  kept;

    /* decoded strings are never longer than the body they stand in */

    kept.data = p->req->text + p->req->used;
    kept.len = len;
    memcpy(p->req->text + p->req->used, s, len);
    p->req->used += len;

    return kept;
}


static hx_json_verdict_t
hx_admin_key(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    unsigned  i, known;

    known = p->in_rate ? HX_RATE_MEMBERS : p->row->known;

    for (i = 0; i < M_COUNT; i++) {
        if ((known & M(i)) && hx_members[i].len == len
            && memcmp(hx_members[i].data, s, len) == 0)
        {
            break;
        }
    }

    if (i == M_COUNT) {
        return hx_admin_bad(p, "Unknown field '", s, len, "'");
    }

    if (p->seen & M(i)) {
        return hx_admin_bad(p, "Duplicate field '", s, len, "'");
    }

    p->seen |= M(i);
    p->current = (hx_member_t) i;

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_admin_namespace(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    hx_change_t  *c;

    c = &p->req->change;

    if (!hx_check_namespace(s, len)) {
        return hx_admin_bad(p, "Invalid namespace '", s, len, "'");
    }

    if (c->n_namespaces == HX_TENANT_NAMESPACES) {
        return hx_admin_bad_member(p, "' has too many entries");
    }

    c->namespaces[c->n_namespaces++] = hx_admin_keep(p, s, len);

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_admin_string(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    hx_change_t  *c;

    c = &p->req->change;

    switch (p->current) {

    case M_TENANT:
        if (!hx_check_tenant(s, len)) {
            return hx_admin_bad(p, "Invalid tenant_id '", s, len, "'");
        }

        c->id = hx_admin_keep(p, s, len);
        return HX_JSON_GO;

    case M_PLAN:
        if (hx_plan_find(p->plans, p->n_plans, s, len) == NULL) {
            return hx_admin_bad_plan(p, s, len);
        }

        c->plan = hx_admin_keep(p, s, len);
        return HX_JSON_GO;

    case M_EMAIL:
        if (!hx_check_email(s, len)) {
            return hx_admin_bad(p, "Invalid email '", s, len, "'");
        }

        c->email = hx_admin_keep(p, s, len);
        return HX_JSON_GO;

    case M_NAMESPACE:
        return hx_admin_namespace(p, s, len);

    case M_NAMESPACES:
        if (p->in_array) {
            return hx_admin_namespace(p, s, len);
        }

        return hx_admin_bad_member(p, "' must be an array of strings");

    case M_RATE:
        return hx_admin_bad_member(p, "' must be an object");

    default:
        return hx_admin_bad_member(p, "' must be a number");
    }
}


static hx_json_verdict_t
hx_admin_number(hx_admin_parse_t *p, const unsigned char *s, size_t len)
{
    uint64_t      v;
    hx_change_t  *c;

    c = &p->req->change;

    switch (p->current) {

    case M_GRACE:
        if (hx_text_parse_u64(s, len, HX_GRACE_MAX, &c->grace_s) != HX_OK) {
            return hx_admin_bad_member(p, "' must be an integer from 0 to "
                                       "2592000");
        }

        return HX_JSON_GO;

    case M_EXPIRES:
        if (hx_text_parse_u64(s, len, HX_TIME_MAX, &c->expires) != HX_OK
            || c->expires <= c->now)
        {
            return hx_admin_bad_member(p, "' must be Unix seconds in the "
                                       "future");
        }

        return HX_JSON_GO;

    case M_QUOTA:
        if (hx_text_parse_u64(s, len, HX_QUOTA_MAX, &v) != HX_OK) {
            return hx_admin_bad_member(p, "' must be an integer from 0 to "
                                       "1000000000000, or null");
        }

        c->quota = v * 10;
        c->set_quota = 1;
        return HX_JSON_GO;

    case M_REQUESTS:
        if (hx_text_parse_u64(s, len, HX_REQUESTS_MAX, &v) != HX_OK
            || v == 0)
        {
            return hx_admin_bad_member(p, "' must be an integer from 1 to "
                                       "1000000000");
        }

        c->requests = (uint32_t) v;
        return HX_JSON_GO;

    case M_WINDOW:
        if (hx_text_parse_u64(s, len, HX_WINDOW_SECONDS_MAX, &v) != HX_OK
            || v == 0)
        {
            return hx_admin_bad_member(p, "' must be an integer from 1 to "
                                       "2678400");
        }

        c->window_s = (uint32_t) v;
        return HX_JSON_GO;

    case M_NAMESPACES:
        return hx_admin_bad_member(p, "' must be an array of strings");

    case M_RATE:
        return hx_admin_bad_member(p, "' must be an object");

    default:
        return hx_admin_bad_member(p, "' must be a string");
    }
}


/* null takes an override back: monthly_quota and rate_limit only */

static hx_json_verdict_t
hx_admin_null(hx_admin_parse_t *p)
{
    hx_change_t  *c;

    c = &p->req->change;

    if (p->current == M_QUOTA) {
        c->quota = HX_TENANT_NONE;
        c->set_quota = 1;
        return HX_JSON_GO;
    }

    if (p->current == M_RATE && !p->in_rate) {
        c->requests = 0;
        c->window_s = 0;
        c->set_rate = 1;
        return HX_JSON_GO;
    }

    return hx_admin_bad_member(p, "' must not be null");
}


static hx_json_verdict_t
hx_admin_container(hx_admin_parse_t *p, hx_json_event_t ev)
{
    hx_change_t  *c;

    c = &p->req->change;

    switch (ev) {

    case HX_JSON_MAP_START:
        if (p->current == M_RATE && !p->in_rate) {
            p->in_rate = 1;
            return HX_JSON_GO;
        }

        break;

    case HX_JSON_MAP_END:
        p->in_rate = 0;

        if ((p->seen & HX_RATE_MEMBERS) != HX_RATE_MEMBERS) {
            p->current = M_RATE;
            return hx_admin_bad_member(p, "' needs 'requests' and "
                                       "'window_s'");
        }

        c->set_rate = 1;
        return HX_JSON_GO;

    case HX_JSON_ARRAY_START:
        if (p->current == M_NAMESPACES && !p->in_array) {
            p->in_array = 1;
            return HX_JSON_GO;
        }

        break;

    default:
        p->in_array = 0;

        if (c->n_namespaces == 0) {
            return hx_admin_bad_member(p, "' must not be empty");
        }

        return HX_JSON_GO;
    }

    return hx_admin_bad_member(p, "' has the wrong type");
}


static hx_json_verdict_t
hx_admin_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_admin_parse_t  *p = data;

    if (depth == 0) {
        if (ev == HX_JSON_MAP_START || ev == HX_JSON_MAP_END) {
            return HX_JSON_GO;
        }

        return hx_admin_bad(p, "", (const unsigned char *) "", 0,
                            "Request body must be a JSON object");
    }

    switch (ev) {

    case HX_JSON_KEY:
        return hx_admin_key(p, s, len);

    case HX_JSON_STRING:
        return hx_admin_string(p, s, len);

    case HX_JSON_NUMBER:
        return hx_admin_number(p, s, len);

    case HX_JSON_NULL:
        return hx_admin_null(p);

    case HX_JSON_TRUE:
    case HX_JSON_FALSE:
        return hx_admin_bad_member(p, "' must not be a boolean");

    case HX_JSON_LONG_START:
    case HX_JSON_LONG_DATA:
    case HX_JSON_LONG_END:
        return hx_admin_bad_member(p, "' is too long");

    default:
        return hx_admin_container(p, ev);
    }
}


static hx_rc_t
hx_admin_scan(hx_admin_parse_t *p, const unsigned char *body, size_t len)
{
    hx_json_err_t    e;
    hx_json_scan_t  *scan;

    scan = hx_json_scan_create(hx_admin_event, p);
    if (scan == NULL) {
        return HX_FAIL;
    }

    e = hx_json_scan_feed(scan, body, len);

    if (e == HX_JSON_OK) {
        e = hx_json_scan_finish(scan);
    }

    hx_json_scan_free(scan);

    if (e == HX_JSON_E_NOMEM) {
        return HX_FAIL;
    }

    if (e != HX_JSON_OK && e != HX_JSON_E_STOPPED) {
        (void) hx_admin_bad(p, "", (const unsigned char *) "", 0,
                            "Invalid JSON body");
    }

    return e == HX_JSON_OK ? HX_OK : HX_NO;
}


hx_rc_t
hx_adminreq_parse(hx_adminreq_t *req, hx_admin_call_t call,
    const unsigned char *body, size_t len, uint64_t now,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_rc_t            rc;
    unsigned           i;
    hx_admin_parse_t   p;

    memset(req, 0, offsetof(hx_adminreq_t, text));
    memset(&p, 0, sizeof(hx_admin_parse_t));

    p.req = req;
    p.plans = plans;
    p.n_plans = n_plans;
    p.row = &hx_calls[call];
    p.current = M_TENANT;

    req->change.op = p.row->op;
    req->change.now = now;

    if (len > HX_ADMIN_BODY_MAX) {
        (void) hx_admin_bad(&p, "", (const unsigned char *) "", 0,
                            "Request body is too large");
        return HX_NO;
    }

    rc = hx_admin_scan(&p, body, len);
    if (rc != HX_OK) {
        return rc;
    }

    for (i = 0; i < M_COUNT; i++) {
        if ((p.row->required & M(i)) && !(p.seen & M(i))) {
            (void) hx_admin_bad(&p, "Missing required field '",
                                hx_members[i].data, hx_members[i].len, "'");
            return HX_NO;
        }
    }

    if (call == HX_ADMIN_CREATE) {
        if (req->change.plan.len == 0) {
            req->change.plan = (hx_str_t) hx_string(HX_PLAN_DEFAULT);
        }

        if (req->change.n_namespaces == 0) {
            req->change.namespaces[0] = (hx_str_t) hx_string("default");
            req->change.n_namespaces = 1;
        }
    }

    return HX_OK;
}
