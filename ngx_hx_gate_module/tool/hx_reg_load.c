/*
 * hx_reg_load.c -- the replica that hx-gate-registry looks at a Redis through;
 * see hx_reg.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_reg.h"
#include "hx_replica.h"


#define HX_REG_PAGE    1000             /* entries of a hash at once */
#define HX_REG_LOG     500              /* of the log */
#define HX_REG_TRIES   5                /* full loads */


static const char *const  hx_reg_dbs[HX_WRITESET_DBS] = {
    "meta", "keys", "tenants", "billing"
};


/* Asks, and does not wait for ever for a Redis that has gone away. */

hx_rc_t
hx_place_ask(hx_place_t *p, hx_fleet_cmd_t *cmd, hx_reply_t **reply)
{
    if (hx_redis_ask(p->redis, cmd, reply, p->err) == HX_OK) {
        return HX_OK;
    }

    hx_redis_close(p->redis);
    p->redis = NULL;

    if (hx_redis_open(&p->redis, &p->conf, p->err) != HX_OK) {
        return HX_FAIL;
    }

    return hx_redis_ask(p->redis, cmd, reply, p->err);
}


static hx_rc_t
hx_place_epoch(hx_place_t *p, hx_epoch_t *epoch)
{
    hx_rc_t         rc;
    hx_reply_t     *reply;
    hx_fleet_cmd_t  cmd;

    reply = NULL;
    rc = hx_fleet_ask_epoch(&cmd, &p->names);

    if (rc == HX_OK) {
        rc = hx_place_ask(p, &cmd, &reply);
        hx_fleet_cmd_free(&cmd);
    }

    if (rc == HX_OK) {
        rc = hx_fleet_epoch(reply, epoch, p->err);
    }

    hx_redis_free(reply);

    return rc;
}


static hx_rc_t
hx_place_page(hx_place_t *p, hx_replica_load_t *load, unsigned db,
    hx_fleet_cursor_t *cursor, int *last, uint64_t *n)
{
    size_t              k;
    hx_rc_t             rc;
    hx_reply_t         *reply;
    hx_fleet_cmd_t      cmd;
    hx_replica_pair_t  *pair;

    reply = NULL;
    pair = NULL;
    k = 0;

    rc = hx_fleet_ask_page(&cmd, &p->names, db, cursor, HX_REG_PAGE);

    if (rc == HX_OK) {
        /* not over another connection: it may be another Redis */
        rc = hx_redis_ask(p->redis, &cmd, &reply, p->err);
        hx_fleet_cmd_free(&cmd);
    }

    if (rc == HX_OK) {
        rc = hx_fleet_page(reply, &pair, &k, cursor, last, p->err);
    }

    if (rc == HX_OK) {
        rc = hx_replica_load_add(load, db, pair, k, p->err);
    }

    *n += k;
    free(pair);
    hx_redis_free(reply);

    return rc;
}


static hx_rc_t
hx_place_hash(hx_place_t *p, hx_replica_load_t *load, unsigned db)
{
    int                last;
    uint64_t           n;
    hx_fleet_cursor_t  cursor;

    n = 0;
    hx_fleet_cursor(&cursor);

    do {
        if (hx_place_page(p, load, db, &cursor, &last, &n) != HX_OK) {
            return HX_FAIL;
        }

        hx_reg_progress(p->opt, hx_reg_dbs[db], n, 0);
    } while (!last);

    return HX_OK;
}


/* Remembers what others write. */

static hx_rc_t
hx_place_touch(hx_place_t *p, const hx_replica_entry_t *entry, size_t n)
{
    size_t                i;
    hx_write_t            w;
    hx_writeset_reader_t  r;

    for (i = 0; i < n; i++) {
        if (entry[i].epoch.number <= p->epoch.number) {
            continue;
        }

        (void) hx_writeset_open(&r, &entry[i].writeset);

        while (hx_writeset_next(&r, &w)) {
            if (hx_reg_set_add(&p->touched, w.db, &w.key) == HX_FAIL) {
                (void) snprintf(p->err, sizeof(p->err), "no memory");
                return HX_FAIL;
            }
        }
    }

    return HX_OK;
}


/*
 * The next piece of the log, into the load, or (NULL) the replica.  HX_OK and
 * how many there were; HX_NO: the log does not lead on.
 */

static hx_rc_t
hx_place_log(hx_place_t *p, hx_replica_load_t *load, hx_epoch_t *epoch,
    size_t *n)
{
    hx_rc_t              rc;
    hx_reply_t          *reply;
    hx_fleet_cmd_t       cmd;
    hx_replica_entry_t  *entry;

    reply = NULL;
    entry = NULL;
    *n = 0;

    rc = hx_fleet_ask_log(&cmd, &p->names, epoch->number, HX_REG_LOG);

    if (rc == HX_OK) {
        rc = hx_place_ask(p, &cmd, &reply);
        hx_fleet_cmd_free(&cmd);
    }

    if (rc == HX_OK) {
        rc = hx_fleet_log(reply, &entry, n, p->err);
    }

    if (rc == HX_OK && load == NULL) {
        rc = hx_place_touch(p, entry, *n);
    }

    if (rc == HX_OK) {
        rc = load != NULL
             ? hx_replica_load_log(load, entry, *n, epoch, p->err)
             : hx_replica_log(p->reg, entry, *n, epoch, p->err);
    }

    free(entry);
    hx_redis_free(reply);

    return rc;
}


/* Where nothing was committed meanwhile the log may as well be gone. */

static hx_rc_t
hx_place_still(hx_place_t *p, const hx_epoch_t *epoch)
{
    hx_epoch_t  now;

    if (hx_place_epoch(p, &now) != HX_OK) {
        return HX_FAIL;
    }

    return hx_epoch_same(&now, epoch) ? HX_OK : HX_NO;
}


static hx_rc_t
hx_place_catch_up(hx_place_t *p, hx_replica_load_t *load, hx_epoch_t *epoch)
{
    size_t   n;
    hx_rc_t  rc;

    for ( ;; ) {
        rc = hx_place_log(p, load, epoch, &n);

        if (rc == HX_NO && n == 0) {
            return hx_place_still(p, epoch);
        }

        if (rc != HX_OK || n < HX_REG_LOG) {
            return rc;
        }
    }
}


static hx_rc_t
hx_place_load_once(hx_place_t *p)
{
    hx_rc_t             rc;
    unsigned            db;
    hx_epoch_t          epoch;
    hx_replica_load_t  *load;

    if (hx_place_epoch(p, &epoch) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_replica_load_begin(p->reg, &epoch, NULL, &load, p->err);
    if (rc != HX_OK) {
        return HX_FAIL;
    }

    for (db = 0; rc == HX_OK && db < HX_WRITESET_DBS; db++) {
        rc = hx_place_hash(p, load, db);
    }

    if (rc == HX_OK) {
        rc = hx_place_catch_up(p, load, &epoch);
    }

    if (rc != HX_OK) {
        hx_replica_load_drop(load);
        return rc;
    }

    return hx_replica_load_end(load, &p->epoch, p->err);
}


hx_rc_t
hx_place_load(hx_place_t *p)
{
    hx_rc_t   rc;
    unsigned  i;

    rc = HX_NO;
    p->reloaded = 1;

    for (i = 0; rc == HX_NO && i < HX_REG_TRIES; i++) {
        rc = hx_place_load_once(p);
    }

    if (rc == HX_NO) {
        (void) snprintf(p->err, sizeof(p->err), "it changes faster than it "
                        "can be read");
    }

    return rc == HX_OK ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_place_follow(hx_place_t *p)
{
    hx_rc_t  rc;

    rc = hx_place_catch_up(p, NULL, &p->epoch);

    return rc == HX_NO ? hx_place_load(p) : rc;
}
