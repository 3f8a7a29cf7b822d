/*
 * hx_audit_replay.h -- what today's policy would decide for yesterday's
 * records.  No I/O: the registry is asked through a function; the clock is the
 * records' own.
 */

#ifndef HX_AUDIT_REPLAY_H
#define HX_AUDIT_REPLAY_H

#include "hx_audit_ops.h"
#include "hx_audit_record_read.h"
#include "hx_limit.h"
#include "hx_outcome.h"

#define HX_REPLAY_TENANTS   65536

/* What was decided then, as far as a record tells. */
typedef enum {
    HX_OLD_ALLOWED = 0,
    HX_OLD_401,
    HX_OLD_403,
    HX_OLD_404,
    HX_OLD_429,
    HX_OLD_COUNT
} hx_old_t;

/* HX_OK and *t, whose strings hold for ever, HX_NO, or HX_FAIL. */
typedef hx_rc_t (*hx_replay_tenant_pt)(void *data, const hx_str_t *id,
    hx_tenant_t *t);

typedef struct {
    hx_replay_tenant_pt   tenant;       /* NULL: there is no registry; then
                                         * existence, state, namespaces, plans
                                         * and quotas are not judged */
    void                 *data;
    const hx_plan_t      *plans;
    unsigned              n_plans;
    hx_rate_t             dflt;
    unsigned              rate:1;       /* judge the window */
    unsigned              quota:1;      /* judge the quota */
    uint64_t              seed;         /* random */
} hx_replay_conf_t;

typedef struct {
    unsigned              judged:1;     /* 0: the record does not tell enough */
    unsigned              differs:1;
    hx_old_t              old;
    hx_outcome_t          outcome;      /* now */
} hx_replay_answer_t;

typedef struct hx_replay_s  hx_replay_t;

/* NULL = no memory.  What conf points to must outlive it. */
hx_replay_t *hx_replay_create(const hx_replay_conf_t *conf);

/* NULL is fine. */
void hx_replay_free(hx_replay_t *rp);

/*
 * The next record.  HX_OK; HX_NO = more than HX_REPLAY_TENANTS; HX_FAIL = the
 * registry, or no memory.
 */
hx_rc_t hx_replay_record(hx_replay_t *rp, const hx_record_t *r,
    hx_replay_answer_t *a);

/* The status a decision goes with; 0 = allowed. */
unsigned hx_replay_status(hx_outcome_t o);
unsigned hx_replay_old_status(hx_old_t old);

#endif /* HX_AUDIT_REPLAY_H */
