/*
 * hx_reg_plan.c -- what hx-gate-registry is to write, and writing it; see
 * hx_reg.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_crypto.h"
#include "hx_reg.h"
#include "hx_text.h"


/* One commit is one script: others wait for it, a few milliseconds. */
#define HX_REGPLAN_BYTES    65536
#define HX_REGPLAN_WRITES   250

#define HX_REGPLAN_TRIES    1000        /* of a commit, when others commit */


void
hx_regplan_init(hx_regplan_t *plan, hx_place_t *to)
{
    static const hx_str_t  name = hx_string("version");
    static const hx_str_t  version = hx_string(HX_REGISTRY_VERSION);

    memset(plan, 0, sizeof(hx_regplan_t));
    plan->state = hx_registry_state(to->reg);
    hx_reg_set_free(&to->touched);
    to->reloaded = 0;

    /* the first that ever writes says which layout it is */

    if (to->dir[0] == '\0' && to->epoch.number == 0) {
        hx_regplan_put(plan, HX_WRITESET_META, &name, &version);
        plan->writes = 0;
    }
}


void
hx_regplan_free(hx_regplan_t *plan)
{
    size_t  i;

    for (i = 0; i < plan->n; i++) {
        hx_writeset_free(&plan->ws[i]);
    }

    free(plan->ws);
    memset(plan, 0, sizeof(hx_regplan_t));
}


static hx_writeset_t *
hx_regplan_add(hx_regplan_t *plan)
{
    size_t          cap;
    hx_writeset_t  *ws;

    if (plan->n == plan->cap) {
        cap = plan->cap != 0 ? plan->cap * 2 : 16;
        ws = realloc(plan->ws, cap * sizeof(hx_writeset_t));

        if (ws == NULL) {
            plan->failed = 1;
            return NULL;
        }

        plan->ws = ws;
        plan->cap = cap;
    }

    ws = &plan->ws[plan->n++];
    memset(ws, 0, sizeof(hx_writeset_t));

    return ws;
}


static hx_writeset_t *
hx_regplan_last(hx_regplan_t *plan)
{
    return plan->n != 0 && !plan->ws[plan->n - 1].finished
           ? &plan->ws[plan->n - 1] : hx_regplan_add(plan);
}


void
hx_regplan_put(hx_regplan_t *plan, unsigned db, const hx_str_t *key,
    const hx_str_t *value)
{
    hx_writeset_t  *ws;

    ws = hx_regplan_last(plan);

    if (ws != NULL) {
        hx_writeset_put(ws, db, key, value);
        plan->writes++;
    }
}


void
hx_regplan_delete(hx_regplan_t *plan, unsigned db, const hx_str_t *key)
{
    hx_writeset_t  *ws;

    ws = hx_regplan_last(plan);

    if (ws != NULL) {
        hx_writeset_delete(ws, db, key);
        plan->writes++;
    }
}


void
hx_regplan_break(hx_regplan_t *plan)
{
    hx_writeset_t  *ws;

    if (plan->n == 0) {
        return;
    }

    ws = &plan->ws[plan->n - 1];

    if (!ws->finished
        && (ws->len >= HX_REGPLAN_BYTES || ws->n >= HX_REGPLAN_WRITES)
        && hx_writeset_finish(ws) != HX_OK)
    {
        plan->failed = 1;
    }
}


static hx_rc_t
hx_regplan_token(unsigned char token[HX_EPOCH_TOKEN])
{
    unsigned char  bytes[HX_EPOCH_TOKEN / 2];

    if (hx_random_secret(bytes, sizeof(bytes)) != HX_OK) {
        return HX_FAIL;
    }

    hx_text_hex(token, bytes, sizeof(bytes));

    return HX_OK;
}


static hx_rc_t
hx_regplan_say(hx_place_t *to, const hx_str_t *writeset,
    const unsigned char token[HX_EPOCH_TOKEN], int eval,
    hx_fleet_commit_t *result, hx_epoch_t *epoch)
{
    hx_rc_t         rc;
    hx_reply_t     *reply;
    hx_fleet_cmd_t  cmd;

    reply = NULL;
    rc = hx_fleet_commit(&cmd, &to->names, &to->epoch, token, writeset,
                         HX_FLEET_LOG, eval);

    if (rc == HX_OK) {
        /* may be said twice: the token tells */
        rc = hx_place_ask(to, &cmd, &reply);
        hx_fleet_cmd_free(&cmd);
    }

    if (rc == HX_OK) {
        rc = hx_fleet_committed(reply, &to->epoch, token, result, epoch,
                                to->err);
    }

    hx_redis_free(reply);

    return rc;
}


hx_rc_t
hx_place_commit(hx_place_t *to, const hx_str_t *writeset)
{
    hx_rc_t              rc;
    hx_epoch_t           epoch;
    unsigned char        token[HX_EPOCH_TOKEN];
    hx_fleet_commit_t    result;
    hx_replica_entry_t   entry;
    hx_replica_result_t  applied;

    if (hx_regplan_token(token) != HX_OK) {
        (void) snprintf(to->err, sizeof(to->err), "no random numbers");
        return HX_FAIL;
    }

    rc = hx_regplan_say(to, writeset, token, 0, &result, &epoch);

    if (rc == HX_OK && result == HX_FLEET_NOSCRIPT) {
        rc = hx_regplan_say(to, writeset, token, 1, &result, &epoch);
    }

    if (rc != HX_OK) {
        return HX_FAIL;
    }

    if (result != HX_FLEET_COMMITTED && result != HX_FLEET_BEFORE) {
        return HX_NO;
    }

    entry.base = to->epoch;
    entry.epoch = epoch;
    entry.writeset = *writeset;

    if (hx_replica_apply(to->reg, &entry, &applied, to->err) != HX_OK) {
        return HX_FAIL;
    }

    to->epoch = epoch;

    return HX_OK;
}


/* Others have written something of it: it was planned for another state. */

static int
hx_regplan_touched(const hx_place_t *to, const hx_str_t *writeset)
{
    hx_write_t            w;
    hx_writeset_reader_t  r;

    if (to->reloaded || hx_writeset_open(&r, writeset) != HX_OK) {
        return 1;
    }

    while (hx_writeset_next(&r, &w)) {
        if (hx_reg_set_has(&to->touched, w.db, &w.key)) {
            return 1;
        }
    }

    return 0;
}


/* HX_NO: it is to be planned anew. */

static hx_rc_t
hx_regplan_insist(hx_place_t *to, const hx_str_t *writeset)
{
    hx_rc_t   rc;
    unsigned  i;

    rc = HX_NO;

    for (i = 0; rc == HX_NO && i < HX_REGPLAN_TRIES; i++) {
        if (hx_regplan_touched(to, writeset)) {
            return HX_NO;
        }

        rc = hx_place_commit(to, writeset);

        if (rc == HX_NO && hx_place_follow(to) != HX_OK) {
            return HX_FAIL;
        }
    }

    return rc;
}


static hx_rc_t
hx_regplan_redis(hx_regplan_t *plan, const hx_str_t *ws, hx_place_t *to)
{
    size_t    i;
    hx_rc_t   rc;
    uint64_t  done;

    done = 0;

    for (i = 0; i < plan->n; i++) {
        rc = hx_regplan_insist(to, &ws[i]);

        if (rc != HX_OK) {
            return rc;
        }

        done += plan->ws[i].n;
        hx_reg_progress(to->opt, "written", done, plan->writes);
    }

    return HX_OK;
}


hx_rc_t
hx_regplan_commit(hx_regplan_t *plan, hx_place_t *to)
{
    size_t     i;
    hx_rc_t    rc;
    hx_str_t  *ws;

    ws = calloc(plan->n + 1, sizeof(hx_str_t));

    for (i = 0; ws != NULL && i < plan->n; i++) {
        if (hx_writeset_finish(&plan->ws[i]) != HX_OK) {
            plan->failed = 1;
        }

        ws[i].data = plan->ws[i].data;
        ws[i].len = plan->ws[i].len;
    }

    if (ws == NULL || plan->failed) {
        free(ws);
        (void) snprintf(to->err, sizeof(to->err), "no memory for what is to "
                        "be written, or a record beyond all limits");
        return HX_FAIL;
    }

    if (to->dir[0] == '\0') {
        rc = hx_regplan_redis(plan, ws, to);

    } else {
        rc = hx_registry_restore(to->reg, ws, plan->n, plan->state, to->err);
    }

    free(ws);

    return rc;
}
