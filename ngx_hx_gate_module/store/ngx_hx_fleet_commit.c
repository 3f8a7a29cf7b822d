/*
 * ngx_hx_fleet_commit.c -- a change that was computed here: into Redis, if that
 * still stands where it was computed; into our own replica, so that whoever is
 * answered finds it in force here; then the answer.
 *
 * The token names the call: when no answer comes it is asked again, and Redis
 * says whether it had been done the first time.
 */

#include "ngx_hx_fleet.h"

#include "hx_crypto.h"


#define NGX_HX_COMMIT_ARGC   8192       /* EVALSHA with all of its items */
#define NGX_HX_COMMIT_ASKS   4          /* times, when no answer comes */


static ngx_hx_redis_err_t ngx_hx_fleet_commit_ask(ngx_hx_fleet_commit_t *c,
    ngx_uint_t eval);
static void ngx_hx_fleet_commit_caught(void *data, hx_rc_t rc,
    const char *err);


static void
ngx_hx_fleet_commit_end(ngx_hx_fleet_commit_t *c, hx_rc_t rc)
{
    if (c->registry != NULL) {
        ngx_hx_registry_return();
        c->registry = NULL;
    }

    c->done(c->data, rc, c->err);
}


static void
ngx_hx_fleet_commit_failed(ngx_hx_fleet_commit_t *c, const char *err)
{
    (void) ngx_cpystrn((u_char *) c->err, (u_char *) err, sizeof(c->err));
    ngx_hx_fleet_commit_end(c, HX_FAIL);
}


/* ------------------------------------------------------- our own replica -- */

static void
ngx_hx_fleet_commit_apply(void *data)
{
    ngx_hx_fleet_commit_t  *c = data;

    c->rc = hx_replica_apply(c->registry, &c->entry, &c->result, c->err);
}


/* It is in Redis; a run brings it here, when it was not to be had so easily. */

static void
ngx_hx_fleet_commit_follow(ngx_hx_fleet_commit_t *c)
{
    c->result = HX_REPLICA_BEHIND;
    c->wait.done = ngx_hx_fleet_commit_caught;
    c->wait.data = c;

    if (ngx_hx_fleet_confirm(&c->wait) != NGX_OK) {
        ngx_hx_fleet_commit_failed(c, "too many wait for the replica; it is "
                                   "done in Redis");
    }
}


static void
ngx_hx_fleet_commit_applied(void *data)
{
    ngx_hx_fleet_commit_t  *c = data;

    if (c->rc == HX_OK
        || (c->rc == HX_NO && (c->result == HX_REPLICA_ALREADY
                               || c->result == HX_REPLICA_AHEAD)))
    {
        ngx_hx_fleet_commit_end(c, HX_OK);
        return;
    }

    ngx_hx_fleet_commit_follow(c);
}


static void
ngx_hx_fleet_commit_here(ngx_hx_fleet_commit_t *c)
{
    if (ngx_hx_fleet_task_post(&c->task, ngx_hx_fleet_commit_apply,
                               ngx_hx_fleet_commit_applied, c)
        != NGX_OK)
    {
        ngx_hx_fleet_commit_follow(c);
    }
}


/* ----------------------------------------------------------------- Redis -- */

static void
ngx_hx_fleet_commit_again(ngx_hx_fleet_commit_t *c, ngx_uint_t eval)
{
    ngx_hx_redis_err_t  err;

    err = ngx_hx_fleet_commit_ask(c, eval);

    if (err != NGX_HX_REDIS_NONE) {
        ngx_hx_fleet_commit_failed(c, ngx_hx_redis_word(err));
    }
}


/* The run that was waited for: of a change that is done, or one to compute. */

static void
ngx_hx_fleet_commit_caught(void *data, hx_rc_t rc, const char *err)
{
    ngx_hx_fleet_commit_t  *c = data;

    if (rc != HX_OK) {
        ngx_hx_fleet_commit_failed(c, err);
        return;
    }

    ngx_hx_fleet_commit_end(c, c->result == HX_REPLICA_BEHIND ? HX_OK : HX_NO);
}


static void
ngx_hx_fleet_commit_moved(ngx_hx_fleet_commit_t *c)
{
    c->result = HX_REPLICA_AHEAD;
    c->wait.done = ngx_hx_fleet_commit_caught;
    c->wait.data = c;

    if (ngx_hx_fleet_confirm(&c->wait) != NGX_OK) {
        ngx_hx_fleet_commit_failed(c, "too many wait for the replica");
    }
}


static void
ngx_hx_fleet_commit_told(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    hx_rc_t                 rc;
    hx_reply_t             *copy;
    hx_fleet_commit_t       result;
    ngx_hx_fleet_commit_t  *c = data;

    if (reply == NULL) {

        /* it may have been done all the same: the token tells */

        if (err != NGX_HX_REDIS_BREAKER_OPEN && err != NGX_HX_REDIS_SHUTDOWN
            && c->asked < NGX_HX_COMMIT_ASKS)
        {
            ngx_hx_fleet_commit_again(c, 0);
            return;
        }

        ngx_hx_fleet_commit_failed(c, ngx_hx_redis_word(err));
        return;
    }

    copy = ngx_hx_fleet_reply(reply);

    if (copy == NULL) {
        ngx_hx_fleet_commit_failed(c, "no memory");
        return;
    }

    rc = hx_fleet_committed(copy, &c->draft->base, c->token, &result,
                            &c->entry.epoch, c->err);
    free(copy);

    if (rc != HX_OK) {
        ngx_hx_fleet_commit_end(c, HX_FAIL);
        return;
    }

    switch (result) {

    case HX_FLEET_COMMITTED:
        ngx_hx_fleet_commit_here(c);
        return;

    case HX_FLEET_BEFORE:
        ngx_hx_fleet_commit_follow(c);
        return;

    case HX_FLEET_NOSCRIPT:
        ngx_hx_fleet_commit_again(c, 1);
        return;

    default:
        ngx_hx_fleet_commit_moved(c);
    }
}


static ngx_hx_redis_err_t
ngx_hx_fleet_commit_ask(ngx_hx_fleet_commit_t *c, ngx_uint_t eval)
{
    hx_str_t             *argv, writeset;
    hx_fleet_cmd_t        cmd;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_ask_t   *ask;

    c->asked++;
    writeset.data = c->draft->writes.data;
    writeset.len = c->draft->writes.len;
    ask = NULL;
    err = NGX_HX_REDIS_MEMORY;

    if (hx_fleet_commit(&cmd, &ngx_hx_fleet.conf->names, &c->draft->base,
                        c->token, &writeset, HX_FLEET_LOG, (int) eval)
        == HX_OK)
    {
        argv = malloc(cmd.argc * sizeof(hx_str_t));

        if (argv != NULL
            && ngx_hx_fleet_argv(&cmd, argv, NGX_HX_COMMIT_ARGC) == NGX_OK)
        {
            ask = ngx_hx_redis_ask(ngx_hx_fleet.redis, (ngx_uint_t) cmd.argc,
                                   argv, &ngx_hx_fleet.conf->names.epoch, 0,
                                   ngx_hx_fleet_commit_told, c, &err);
        }

        free(argv);
        hx_fleet_cmd_free(&cmd);
    }

    return ask != NULL ? NGX_HX_REDIS_NONE : err;
}


static ngx_int_t
ngx_hx_fleet_commit_refused(ngx_hx_fleet_commit_t *c, const char *err)
{
    if (c->registry != NULL) {
        ngx_hx_registry_return();
        c->registry = NULL;
    }

    (void) ngx_cpystrn((u_char *) c->err, (u_char *) err, sizeof(c->err));

    return NGX_ERROR;
}


ngx_int_t
ngx_hx_fleet_commit(ngx_hx_fleet_commit_t *c, ngx_pool_t *pool)
{
    u_char               rnd[HX_EPOCH_TOKEN / 2];
    ngx_hx_redis_err_t   err;

    c->err[0] = '\0';
    c->asked = 0;

    c->registry = ngx_hx_registry_borrow();

    if (c->registry == NULL
        || (c->task.task == NULL
            && ngx_hx_fleet_task_init(&c->task, ngx_hx_fleet.threads, pool,
                                      ngx_hx_fleet.log)
               != NGX_OK))
    {
        return ngx_hx_fleet_commit_refused(c, "no memory, or no replica");
    }

    if (hx_random_secret(rnd, sizeof(rnd)) != HX_OK) {
        return ngx_hx_fleet_commit_refused(c, "no random bytes");
    }

    (void) ngx_hex_dump(c->token, rnd, sizeof(rnd));

    c->entry.base = c->draft->base;
    c->entry.writeset.data = c->draft->writes.data;
    c->entry.writeset.len = c->draft->writes.len;

    err = ngx_hx_fleet_commit_ask(c, 0);

    return err == NGX_HX_REDIS_NONE
           ? NGX_OK : ngx_hx_fleet_commit_refused(c, ngx_hx_redis_word(err));
}
