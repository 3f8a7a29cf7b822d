/*
 * ngx_hx_fleet_sync.c -- one run: where is Redis, where are we, what lies
 * between (see ngx_hx_fleet.h).
 *
 *     GET epoch -> same: done
 *               -> another: XRANGE from our own entry on -> a thread applies
 *                  what follows -> once more, until nothing follows
 *               -> our entry is not there, or is another one's: full load
 *
 * Whoever waits is told by a run that began after he came.
 */

#include "ngx_hx_fleet.h"


#define NGX_HX_FLEET_ARGC   16          /* of the commands of a run */


static void ngx_hx_fleet_epoch(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err);
static void ngx_hx_fleet_read(void);


static void
ngx_hx_fleet_begin(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    f->again = 0;
    f->state = NGX_HX_FLEET_EPOCH;
    f->began = ngx_current_msec;
    f->shared->fleet_tried = (ngx_atomic_uint_t) f->began;

    if (!ngx_queue_empty(&f->next)) {
        ngx_queue_add(&f->waiting, &f->next);
        ngx_queue_init(&f->next);
    }

    f->registry = ngx_hx_registry_borrow();

    if (f->registry == NULL) {
        ngx_hx_fleet_end(HX_FAIL, "the replica is not open");
        return;
    }

    ngx_hx_fleet_look();
}


void
ngx_hx_fleet_look(void)
{
    hx_fleet_cmd_t   cmd;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;
    f->state = NGX_HX_FLEET_EPOCH;

    ngx_hx_fleet_ask(hx_fleet_ask_epoch(&cmd, &f->conf->names), &cmd,
                     ngx_hx_fleet_epoch);
}


/* Soon, not at once: who calls may be in the middle of something. */

static void
ngx_hx_fleet_due(void)
{
    if (ngx_hx_fleet.state == NGX_HX_FLEET_IDLE) {
        ngx_post_event(&ngx_hx_fleet.soon, &ngx_posted_events);
    }
}


void
ngx_hx_fleet_soon(ngx_event_t *ev)
{
    if (ngx_hx_fleet.state == NGX_HX_FLEET_IDLE) {
        ngx_hx_fleet_begin();
    }
}


void
ngx_hx_fleet_sync(void)
{
    ngx_hx_fleet.again = 1;
    ngx_hx_fleet_due();
}


void
ngx_hx_fleet_end(hx_rc_t rc, const char *err)
{
    ngx_queue_t           *q, told;
    ngx_hx_fleet_t        *f;
    ngx_hx_fleet_wait_t   *w;

    f = &ngx_hx_fleet;

    ngx_hx_fleet_load_drop();

    free(f->reply);
    f->reply = NULL;

    if (f->registry != NULL) {
        ngx_hx_registry_return();
        f->registry = NULL;
    }

    if (rc == HX_OK) {
        ngx_hx_fleet_seen(f->began);

    } else {
        ngx_hx_fleet_complain(NGX_LOG_ERR, "could not be followed", err);
    }

    f->state = NGX_HX_FLEET_IDLE;

    /* who is told may ask again at once: not in this list */

    ngx_queue_init(&told);

    if (!ngx_queue_empty(&f->waiting)) {
        ngx_queue_add(&told, &f->waiting);
        ngx_queue_init(&f->waiting);
    }

    while (!ngx_queue_empty(&told)) {
        q = ngx_queue_head(&told);
        ngx_queue_remove(q);

        w = ngx_queue_data(q, ngx_hx_fleet_wait_t, queue);
        w->waiting = 0;
        f->n_waiting--;

        w->done(w->data, rc, err);
    }

    /* a push or a question that came meanwhile; the clock tries the rest */

    if (!ngx_queue_empty(&f->next) || (f->again && rc == HX_OK)) {
        ngx_hx_fleet_due();
    }
}


ngx_int_t
ngx_hx_fleet_confirm(ngx_hx_fleet_wait_t *w)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (f->n_waiting == NGX_HX_FLEET_WAITING) {
        return NGX_ERROR;
    }

    f->n_waiting++;
    w->waiting = 1;
    ngx_queue_insert_tail(&f->next, &w->queue);

    ngx_hx_fleet_due();

    return NGX_OK;
}


void
ngx_hx_fleet_forget(ngx_hx_fleet_wait_t *w)
{
    if (w->waiting) {
        ngx_queue_remove(&w->queue);
        w->waiting = 0;
        ngx_hx_fleet.n_waiting--;
    }
}


void
ngx_hx_fleet_ask(hx_rc_t made, hx_fleet_cmd_t *cmd, ngx_hx_redis_done_pt done)
{
    hx_str_t              argv[NGX_HX_FLEET_ARGC];
    ngx_hx_fleet_t       *f;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_ask_t   *ask;

    f = &ngx_hx_fleet;

    if (made != HX_OK) {
        ngx_hx_fleet_end(HX_FAIL, "no memory");
        return;
    }

    ask = NULL;
    err = NGX_HX_REDIS_TOO_LARGE;

    if (ngx_hx_fleet_argv(cmd, argv, NGX_HX_FLEET_ARGC) == NGX_OK) {
        ask = ngx_hx_redis_ask(f->redis, (ngx_uint_t) cmd->argc, argv,
                               &f->conf->names.epoch, 0, done, NULL, &err);
    }

    hx_fleet_cmd_free(cmd);

    if (ask == NULL) {
        ngx_hx_fleet_end(HX_FAIL, ngx_hx_redis_word(err));
    }
}


ngx_uint_t
ngx_hx_fleet_keep(const redisReply *reply, ngx_hx_redis_err_t err)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (reply == NULL) {
        ngx_hx_fleet_end(HX_FAIL, ngx_hx_redis_word(err));
        return 0;
    }

    free(f->reply);
    f->reply = ngx_hx_fleet_reply(reply);

    if (f->reply == NULL) {
        ngx_hx_fleet_end(HX_FAIL, "no memory, or no such answer");
        return 0;
    }

    return 1;
}


static void
ngx_hx_fleet_thread(void *data)
{
    ngx_hx_fleet.job.run();
}


static void
ngx_hx_fleet_threaded(void *data)
{
    ngx_hx_fleet.job.done();
}


void
ngx_hx_fleet_post(void (*run)(void), void (*done)(void))
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    f->job.run = run;
    f->job.done = done;
    f->job.rc = HX_FAIL;
    f->job.err[0] = '\0';

    if (ngx_hx_fleet_task_post(&f->task, ngx_hx_fleet_thread,
                               ngx_hx_fleet_threaded, NULL)
        != NGX_OK)
    {
        ngx_hx_fleet_end(HX_FAIL, "the thread pool is full");
    }
}


/* ------------------------------------------------------------ the epoch -- */

static void
ngx_hx_fleet_epoch(void *data, const redisReply *reply, ngx_hx_redis_err_t err)
{
    char             text[HX_REGISTRY_ERR];
    hx_rc_t          rc;
    hx_epoch_t       zero;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (!ngx_hx_fleet_keep(reply, err)) {
        return;
    }

    if (hx_fleet_epoch(f->reply, &f->target, text) != HX_OK) {
        ngx_hx_fleet_end(HX_FAIL, text);
        return;
    }

    rc = hx_replica_epoch(f->registry, &f->stand, text);

    if (rc == HX_FAIL) {
        ngx_hx_fleet_end(HX_FAIL, text);
        return;
    }

    if (rc == HX_OK && hx_epoch_same(&f->stand, &f->target)) {
        ngx_hx_fleet_end(HX_OK, NULL);
        return;
    }

    hx_epoch_zero(&zero);

    if (hx_epoch_same(&f->target, &zero)) {

        /* an empty Redis in place of the one that was: what is here may be all
         * that is left, and nobody is to be told that he is unknown */

        ngx_hx_fleet_end(HX_FAIL, "Redis has lost the registry; see "
                         "hx-gate-registry to copy a replica back");
        return;
    }

    if (rc == HX_NO) {
        f->stand = zero;                /* nowhere, until it is loaded */
        ngx_hx_fleet_load();
        return;
    }

    /* a new replica, too, as long as the log goes back to the first change */

    ngx_hx_fleet_read();
}


/* -------------------------------------------------------------- the log -- */

static void
ngx_hx_fleet_apply(void)
{
    ngx_hx_fleet_t       *f;
    ngx_hx_fleet_job_t   *job;
    hx_replica_entry_t   *entry;

    f = &ngx_hx_fleet;
    job = &f->job;
    entry = NULL;

    job->rc = hx_fleet_log(f->reply, &entry, &f->entries, job->err);

    if (job->rc == HX_OK) {
        job->rc = hx_replica_log(f->registry, entry, f->entries, &f->stand,
                                 job->err);
    }

    free(entry);
}


static void
ngx_hx_fleet_applied(void)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    switch (f->job.rc) {

    case HX_OK:
        if (hx_epoch_same(&f->stand, &f->target)
            || f->entries < NGX_HX_FLEET_LOG)
        {
            ngx_hx_fleet_end(HX_OK, NULL);
            return;
        }

        ngx_hx_fleet_read();
        return;

    case HX_NO:
        ngx_log_error(NGX_LOG_NOTICE, f->log, 0, "hx_gate: the log in Redis "
                      "does not lead on from the replica, all is loaded anew");
        ngx_hx_fleet_load();
        return;

    default:
        ngx_hx_fleet_end(HX_FAIL, f->job.err);
    }
}


static void
ngx_hx_fleet_entries(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    if (ngx_hx_fleet_keep(reply, err)) {
        ngx_hx_fleet.state = NGX_HX_FLEET_APPLY;
        ngx_hx_fleet_post(ngx_hx_fleet_apply, ngx_hx_fleet_applied);
    }
}


static void
ngx_hx_fleet_read(void)
{
    hx_fleet_cmd_t   cmd;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;
    f->state = NGX_HX_FLEET_READ;

    ngx_hx_fleet_ask(hx_fleet_ask_log(&cmd, &f->conf->names, f->stand.number,
                                      NGX_HX_FLEET_LOG),
                     &cmd, ngx_hx_fleet_entries);
}
