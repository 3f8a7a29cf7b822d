/*
 * fuzz_adminreq.c -- policy/hx_adminreq.h: the first byte is an admin call,
 * the rest its body; and the same body as a line of hx-gate-registry import
 * (tool/hx_reg.h).  What is accepted is valid in every part and can be stored;
 * a refusal has a sentence; the same body is read the same again.
 *
 * sources: hx_adminreq.c hx_change.c hx_reg_line.c hx_check.c
 */

#include "hx_adminreq.h"
#include "hx_check.h"
#include "hx_fuzz_in.h"
#include "hx_reg.h"
#include "hx_text.h"

#define FUZZ_NOW   UINT64_C(1700000000)

static hx_adminreq_t  req, again;


static void
check_change(const hx_change_t *c)
{
    unsigned          i, n;
    const hx_plan_t  *plans;

    plans = hx_plan_builtin(&n);
    hx_fuzz_check(c->now == FUZZ_NOW);
    hx_fuzz_check(hx_check_tenant(c->id.data, c->id.len));
    hx_fuzz_check(c->n_namespaces <= HX_TENANT_NAMESPACES);
    hx_fuzz_check(c->grace_s <= HX_GRACE_MAX);

    if (c->plan.len != 0) {
        hx_fuzz_check(hx_plan_find(plans, n, c->plan.data, c->plan.len)
                      != NULL);
    }

    if (c->email.len != 0) {
        hx_fuzz_check(hx_check_email(c->email.data, c->email.len));
    }

    for (i = 0; i < c->n_namespaces; i++) {
        hx_fuzz_check(hx_check_namespace(c->namespaces[i].data,
                                         c->namespaces[i].len));
    }

    if (c->set_rate) {
        hx_fuzz_check((c->requests == 0) == (c->window_s == 0));
    }

    if (c->set_quota) {
        hx_fuzz_check(c->quota <= HX_QUOTA_MAX * 10
                      || c->quota == HX_QUOTA_UNLIMITED
                      || c->quota == HX_TENANT_NONE);
    }
}


static void
check_same(const hx_change_t *a, const hx_change_t *b)
{
    unsigned  i;

    hx_fuzz_check(a->op == b->op && a->n_namespaces == b->n_namespaces);
    hx_fuzz_check(hx_fuzz_same(&a->id, &b->id));
    hx_fuzz_check(hx_fuzz_same(&a->plan, &b->plan));
    hx_fuzz_check(hx_fuzz_same(&a->email, &b->email));
    hx_fuzz_check(a->quota == b->quota && a->requests == b->requests);
    hx_fuzz_check(a->window_s == b->window_s && a->expires == b->expires);
    hx_fuzz_check(a->grace_s == b->grace_s);

    for (i = 0; i < a->n_namespaces; i++) {
        hx_fuzz_check(hx_fuzz_same(&a->namespaces[i], &b->namespaces[i]));
    }
}


/* A tenant that is made by it is a record that can be stored. */
static void
check_stored(const hx_change_t *c)
{
    size_t        n;
    hx_tenant_t   t;

    static hx_tenant_edit_t  edit;
    static unsigned char     out[HX_TENANT_RECORD_MAX];

    if (c->op != HX_CHANGE_CREATE) {
        return;
    }

    memset(&edit, 0, sizeof(edit));
    hx_fuzz_check(hx_tenant_apply(&edit, 0, c) == HX_CHANGED);
    n = hx_tenant_encode(&edit, out, sizeof(out));
    hx_fuzz_check(n != 0 && hx_tenant_decode(&t, out, n) == HX_OK);
    hx_fuzz_check(hx_fuzz_same(&t.id, &c->id));
    hx_fuzz_check(t.n_namespaces >= 1
                  && t.n_namespaces <= c->n_namespaces);
}


static void
check_line(const uint8_t *p, size_t len)
{
    size_t    n;
    unsigned  i;

    static hx_reg_line_t  line;
    static unsigned char  out[HX_TENANT_RECORD_MAX];

    if (hx_reg_line(&line, p, len) != HX_OK) {
        hx_fuzz_check(memchr(line.why, '\0', sizeof(line.why)) != NULL);
        hx_fuzz_check(line.why[0] != '\0');
        return;
    }

    hx_fuzz_check(hx_check_tenant(line.e.id.data, line.e.id.len));
    hx_fuzz_check(line.e.n_keys <= HX_TENANT_KEYS);
    hx_fuzz_check(line.e.n_namespaces <= HX_TENANT_NAMESPACES);

    for (i = 0; i < line.e.n_namespaces; i++) {
        hx_fuzz_check(hx_check_namespace(line.e.namespaces[i].data,
                                         line.e.namespaces[i].len));
    }

    hx_fuzz_check(!line.has_email || line.e.email.len == 0
                  || hx_check_email(line.e.email.data, line.e.email.len));

    n = hx_tenant_encode(&line.e, out, sizeof(out));
    hx_fuzz_check(n != 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t            i;
    hx_rc_t           rc;
    uint8_t          *body;
    hx_str_t          rest;
    unsigned          n;
    hx_fuzz_in_t      in;
    const hx_plan_t  *plans;
    hx_admin_call_t   call;

    hx_fuzz_in(&in, data, len);
    call = (hx_admin_call_t) (hx_fuzz_byte(&in) % HX_ADMIN_CALLS);
    rest = hx_fuzz_rest(&in);
    body = hx_fuzz_copy(rest.data, rest.len);
    plans = hx_plan_builtin(&n);

    rc = hx_adminreq_parse(&req, call, body, rest.len, FUZZ_NOW, plans, n);
    hx_fuzz_check(rc != HX_FAIL);
    hx_fuzz_check(hx_adminreq_parse(&again, call, body, rest.len, FUZZ_NOW,
                                    plans, n) == rc);
    hx_fuzz_check(req.used <= sizeof(req.text));

    if (rc == HX_OK) {
        check_change(&req.change);
        check_same(&req.change, &again.change);
        check_stored(&req.change);

    } else {
        hx_fuzz_check(req.message.len != 0
                      && req.message.len <= sizeof(req.detail));
        hx_fuzz_check(hx_fuzz_same(&req.message, &again.message));

        for (i = 0; i < req.message.len; i++) {
            hx_fuzz_check(req.message.data[i] >= ' '
                          || memchr(body, req.message.data[i], rest.len)
                             != NULL
                          || memchr(body, '\\', rest.len) != NULL);
        }
    }

    check_line(body, rest.len);
    free(body);

    return 0;
}
