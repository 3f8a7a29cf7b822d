/*
 * hx_adminreq.h -- the JSON body of an admin call, checked member by member.
 * Pure.
 *
 * Unknown, repeated, ill-typed and missing members are named in the message.
 * The body is small (HX_ADMIN_BODY_MAX), so it is read in one piece.
 */

#ifndef HX_ADMINREQ_H
#define HX_ADMINREQ_H

#include "hx_plan.h"
#include "hx_tenant.h"
#include "hx_types.h"

/* Calls and their names in /gate/onboard/<name>; X(constant, name) */
#define HX_ADMIN_CALL_NAMES(X)                                                \
    X(CREATE, "create")                                                       \
    X(ROTATE_KEY, "rotate-key")                                               \
    X(ADD_NAMESPACE, "add-namespace")                                         \
    X(REMOVE_NAMESPACE, "remove-namespace")                                   \
    X(SUSPEND, "suspend")                                                     \
    X(ACTIVATE, "activate")                                                   \
    X(UPDATE_TIER, "update-tier")                                             \
    X(DELETE, "delete")

typedef enum {
#define X(call, name)  HX_ADMIN_##call,
    HX_ADMIN_CALL_NAMES(X)
#undef X
    HX_ADMIN_CALLS
} hx_admin_call_t;

#define HX_ADMINREQ_TEXT   HX_ADMIN_BODY_MAX

typedef struct {
    hx_change_t      change;        /* strings point into text[] */

    hx_str_t         message;       /* after HX_NO, in detail[] */
    unsigned char    detail[512];

    size_t           used;
    unsigned char    text[HX_ADMINREQ_TEXT];
} hx_adminreq_t;

/*
 * Fills req->change but for "hash".  plans: the n_plans there are; without a
 * word on it a new tenant is on HX_PLAN_DEFAULT.
 *
 * HX_OK; HX_NO and req->message, a text for the client; HX_FAIL = no memory.
 * change.id is set as soon as a valid tenant_id was read, also when HX_NO
 * follows (for the audit record).
 */
hx_rc_t hx_adminreq_parse(hx_adminreq_t *req, hx_admin_call_t call,
    const unsigned char *body, size_t len, uint64_t now,
    const hx_plan_t *plans, unsigned n_plans);

#endif /* HX_ADMINREQ_H */
