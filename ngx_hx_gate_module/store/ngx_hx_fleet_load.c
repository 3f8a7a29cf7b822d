/*
 * ngx_hx_fleet_load.c -- the whole registry, inside a run: a node that is new,
 * that was away for longer than the log reaches, or whose Redis is another one.
 *
 * What is scanned changes meanwhile; the log from the epoch on that was read
 * before the first page makes it whole (hx_replica.h).  Until the end the
 * replica answers nobody.
 */

#include "ngx_hx_fleet.h"


static void ngx_hx_fleet_load_page(void);
static void ngx_hx_fleet_load_read(void);


void
ngx_hx_fleet_load_drop(void)
{
    hx_replica_load_drop(ngx_hx_fleet.load);
    ngx_hx_fleet.load = NULL;
}


/* -------------------------------------------------------------- the end -- */

static void
ngx_hx_fleet_load_close(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    f->job.rc = hx_replica_load_end(f->load, &f->stand, f->job.err);
    f->load = NULL;
}


static void
ngx_hx_fleet_load_closed(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (f->job.rc == HX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, f->log, 0, "hx_gate: the registry was "
                      "loaded from Redis, it stands at change %uL",
                      f->stand.number);
    }

    ngx_hx_fleet_end(f->job.rc, f->job.err);
}


/* -------------------------------------------------------------- the log -- */

static void
ngx_hx_fleet_load_log(void)
{
    ngx_hx_fleet_t       *f;
    ngx_hx_fleet_job_t   *job;
    hx_replica_entry_t   *entry;

    f = &ngx_hx_fleet;
    job = &f->job;
    entry = NULL;

    job->rc = hx_fleet_log(f->reply, &entry, &f->entries, job->err);

    if (job->rc == HX_OK) {
        job->rc = hx_replica_load_log(f->load, entry, f->entries, &f->stand,
                                      job->err);
    }

    free(entry);
}


static void
ngx_hx_fleet_load_logged(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    switch (f->job.rc) {

    case HX_OK:
        if (f->entries == NGX_HX_FLEET_LOG) {
            ngx_hx_fleet_load_read();
            return;
        }

        ngx_hx_fleet_post(ngx_hx_fleet_load_close, ngx_hx_fleet_load_closed);
        return;

    case HX_NO:
        ngx_hx_fleet_end(HX_FAIL, "the log was cut while all was loaded");
        return;

    default:
        ngx_hx_fleet_end(HX_FAIL, f->job.err);
    }
}


static void
ngx_hx_fleet_load_entries(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    if (ngx_hx_fleet_keep(reply, err)) {
        ngx_hx_fleet_post(ngx_hx_fleet_load_log, ngx_hx_fleet_load_logged);
    }
}


static void
ngx_hx_fleet_load_read(void)
{
    hx_fleet_cmd_t   cmd;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    ngx_hx_fleet_ask(hx_fleet_ask_log(&cmd, &f->conf->names, f->stand.number,
                                      NGX_HX_FLEET_LOG),
                     &cmd, ngx_hx_fleet_load_entries);
}


/* ---------------------------------------------------------------- pages -- */

static void
ngx_hx_fleet_load_add(void)
{
    int                   last;
    size_t                n;
    ngx_hx_fleet_t       *f;
    hx_replica_pair_t    *pair;
    ngx_hx_fleet_job_t   *job;

    f = &ngx_hx_fleet;
    job = &f->job;
    pair = NULL;
    last = 0;

    job->rc = hx_fleet_page(f->reply, &pair, &n, &f->cursor, &last, job->err);

    if (job->rc == HX_OK) {
        job->rc = hx_replica_load_add(f->load, f->db, pair, n, job->err);
    }

    f->last = last ? 1 : 0;
    free(pair);
}


static void
ngx_hx_fleet_load_added(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (f->job.rc != HX_OK) {
        ngx_hx_fleet_end(HX_FAIL, f->job.err);
        return;
    }

    if (f->last) {
        f->db++;
        hx_fleet_cursor(&f->cursor);
    }

    if (f->db < HX_WRITESET_DBS) {
        ngx_hx_fleet_load_page();

    } else {
        ngx_hx_fleet_load_read();
    }
}


static void
ngx_hx_fleet_load_pairs(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    if (ngx_hx_fleet_keep(reply, err)) {
        ngx_hx_fleet_post(ngx_hx_fleet_load_add, ngx_hx_fleet_load_added);
    }
}


static void
ngx_hx_fleet_load_page(void)
{
    hx_fleet_cmd_t   cmd;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    ngx_hx_fleet_ask(hx_fleet_ask_page(&cmd, &f->conf->names, f->db,
                                       &f->cursor, NGX_HX_FLEET_PAGE),
                     &cmd, ngx_hx_fleet_load_pairs);
}


/* ------------------------------------------------------------ beginning -- */

/*
 * Another Redis in place of the one that was, nearly empty, looks like a change
 * of everything: keys that work would be told that they are unknown.  So one
 * that has fewer than half of the tenants which are known here is not followed.
 */

static ngx_uint_t
ngx_hx_fleet_load_lost(ngx_hx_fleet_t *f)
{
    hx_rc_t     rc;
    uint64_t    here;
    hx_epoch_t  stand;

    here = 0;
    rc = hx_replica_read_epoch(f->registry, &stand, f->job.err);

    if (rc == HX_OK) {
        rc = hx_replica_count(f->registry, HX_WRITESET_TENANTS, &here,
                              f->job.err);
    }

    if (rc != HX_OK || here < NGX_HX_FLEET_FEW || f->tenants >= here / 2) {
        return rc == HX_FAIL;           /* NO: a load was given up, there is
                                         * nothing here to lose */
    }

    *ngx_snprintf((u_char *) f->job.err, sizeof(f->job.err) - 1,
                  "Redis has lost the registry: it has %uL tenants of %uL; "
                  "restore it, or remove the replica if that is right",
                  f->tenants, here) = '\0';

    return 1;
}


static void
ngx_hx_fleet_load_open(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    f->job.rc = HX_FAIL;

    if (!ngx_hx_fleet_load_lost(f)) {
        f->job.rc = hx_replica_load_begin(f->registry, &f->target, &f->stand,
                                          &f->load, f->job.err);
    }
}


static void
ngx_hx_fleet_load_opened(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (f->job.rc == HX_PENDING) {
        ngx_hx_fleet_look();            /* another worker was faster */
        return;
    }

    if (f->job.rc != HX_OK) {
        f->load = NULL;
        ngx_hx_fleet_end(HX_FAIL, f->job.rc == HX_NO
                                  ? "another worker loads it" : f->job.err);
        return;
    }

    f->db = 0;
    f->stand = f->target;
    hx_fleet_cursor(&f->cursor);

    ngx_hx_fleet_load_page();
}


static void
ngx_hx_fleet_load_counted(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    char             text[HX_FLEET_ERR];
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (!ngx_hx_fleet_keep(reply, err)) {
        return;
    }

    if (hx_fleet_count(f->reply, &f->tenants, text) != HX_OK) {
        ngx_hx_fleet_end(HX_FAIL, text);
        return;
    }

    ngx_hx_fleet_post(ngx_hx_fleet_load_open, ngx_hx_fleet_load_opened);
}


void
ngx_hx_fleet_load(void)
{
    hx_fleet_cmd_t   cmd;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;
    f->state = NGX_HX_FLEET_LOADING;

    ngx_hx_fleet_ask(hx_fleet_ask_count(&cmd, &f->conf->names,
                                        HX_WRITESET_TENANTS),
                     &cmd, ngx_hx_fleet_load_counted);
}
