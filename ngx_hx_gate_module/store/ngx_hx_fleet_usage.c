/*
 * ngx_hx_fleet_usage.c -- what all nodes have charged, on all nodes: this
 * worker's part in the exchange through Redis.  One worker at a time does it,
 * whichever finds it due.
 */

#include "ngx_hx_fleet_usage.h"


ngx_hx_fleet_usage_t  ngx_hx_fleet_usage;


void
ngx_hx_fleet_usage_complain(const char *err)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (u->logged != ngx_time()) {
        u->logged = ngx_time();
        ngx_log_error(NGX_LOG_ERR, u->log, 0, "hx_gate: usage could not be "
                      "exchanged with Redis, it is kept: %s", err);
    }
}


void
ngx_hx_fleet_usage_drop(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    hx_usage_pack_free(u->pack);
    u->pack = NULL;

    free(u->page.row);
    u->page.row = NULL;

    free(u->reply);
    u->reply = NULL;
}


void
ngx_hx_fleet_usage_end(hx_rc_t rc, const char *err)
{
    ngx_hx_shared_t       *sh;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;
    sh = u->zone->shared;

    ngx_hx_fleet_usage_drop();

    if (u->usage != NULL) {
        ngx_hx_usage_return();
        u->usage = NULL;
    }

    if (rc == HX_OK) {
        sh->fleet_usage_at = (ngx_atomic_uint_t) ngx_time();
        return;
    }

    hx_metrics_add(&sh->metrics, HX_METRICS_FLEET_USAGE_FAILED, 1);
    ngx_hx_fleet_usage_complain(err);
}


static void
ngx_hx_fleet_usage_thread(void *data)
{
    ngx_hx_fleet_usage.run();
}


static void
ngx_hx_fleet_usage_threaded(void *data)
{
    if (ngx_hx_fleet_usage.rc == HX_FAIL) {
        ngx_hx_fleet_usage_end(HX_FAIL, ngx_hx_fleet_usage.err);
        return;
    }

    ngx_hx_fleet_usage.done();
}


void
ngx_hx_fleet_usage_post(void (*run)(void), void (*done)(void))
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    u->run = run;
    u->done = done;
    u->rc = HX_FAIL;
    u->err[0] = '\0';

    if (ngx_hx_fleet_task_post(&u->task, ngx_hx_fleet_usage_thread,
                               ngx_hx_fleet_usage_threaded, NULL)
        != NGX_OK)
    {
        ngx_hx_fleet_usage_end(HX_FAIL, "the thread pool is full");
    }
}


void
ngx_hx_fleet_usage_ask(hx_rc_t made, hx_fleet_cmd_t *cmd,
    const ngx_hx_redis_script_t *script, ngx_hx_redis_done_pt done)
{
    hx_str_t             *argv;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_ask_t   *ask;

    if (made != HX_OK) {
        ngx_hx_fleet_usage_end(HX_FAIL, "no memory");
        return;
    }

    /* long runs are not taken for ones that are gone */

    ngx_hx_fleet_usage.zone->shared->fleet_usage_tried =
                                          (ngx_atomic_uint_t) ngx_current_msec;
    ask = NULL;
    err = NGX_HX_REDIS_MEMORY;
    argv = malloc(cmd->argc * sizeof(hx_str_t));

    if (argv != NULL && ngx_hx_fleet_argv(cmd, argv, cmd->argc) == NGX_OK) {
        ask = ngx_hx_redis_eval(ngx_hx_fleet_redis(), script,
                                HX_FLEET_USAGE_KEYS, argv,
                                cmd->argc - HX_FLEET_USAGE_KEYS,
                                argv + HX_FLEET_USAGE_KEYS, 0, done, NULL,
                                &err);
    }

    free(argv);
    hx_fleet_cmd_free(cmd);

    if (ask == NULL) {
        ngx_hx_fleet_usage_end(HX_FAIL, ngx_hx_redis_word(err));
    }
}


ngx_uint_t
ngx_hx_fleet_usage_keep(const redisReply *reply, ngx_hx_redis_err_t err)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (reply == NULL) {
        ngx_hx_fleet_usage_end(HX_FAIL, ngx_hx_redis_word(err));
        return 0;
    }

    free(u->reply);
    u->reply = ngx_hx_fleet_reply(reply);

    if (u->reply == NULL) {
        ngx_hx_fleet_usage_end(HX_FAIL, "no memory, or no such answer");
        return 0;
    }

    return 1;
}


static void
ngx_hx_fleet_usage_begin(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (u->usage != NULL) {
        return;                         /* still at it */
    }

    u->resent = 0;
    u->usage = ngx_hx_usage_borrow();

    if (u->usage == NULL) {
        ngx_hx_fleet_usage_end(HX_FAIL, "the store is not open");
        return;
    }

    ngx_hx_fleet_usage_look();
}


static void
ngx_hx_fleet_usage_tick(ngx_event_t *ev)
{
    ngx_msec_t             wait;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (ngx_hx_fleet_turn(&u->zone->shared->fleet_usage_tried,
                         u->conf->fleet->resync, &wait))
    {
        ngx_hx_fleet_usage_begin();
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, wait);
    }
}


static void
ngx_hx_fleet_usage_script(ngx_hx_redis_script_t *script, const char *text,
    const char *sha1)
{
    script->text.data = (const u_char *) text;
    script->text.len = ngx_strlen(text);
    script->sha1.data = (const u_char *) sha1;
    script->sha1.len = HX_FLEET_SHA1;
}


ngx_int_t
ngx_hx_fleet_usage_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_zone_t *zone, ngx_thread_pool_t *threads, ngx_cycle_t *cycle)
{
    hx_str_t               prefix;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;
    ngx_memzero(u, sizeof(ngx_hx_fleet_usage_t));

    if (conf->fleet == NULL) {
        return NGX_OK;
    }

    u->conf = conf;
    u->zone = zone;
    u->log = cycle->log;
    u->dummy.fd = (ngx_socket_t) -1;

    prefix.data = conf->fleet->prefix.data;
    prefix.len = conf->fleet->prefix.len;

    if (hx_fleet_usage_names(&u->names, &prefix) != HX_OK
        || ngx_hx_fleet_task_init(&u->task, threads, cycle->pool, cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_hx_fleet_usage_script(&u->push, hx_fleet_usage_push_script,
                              hx_fleet_usage_push_sha1);
    ngx_hx_fleet_usage_script(&u->pull, hx_fleet_usage_pull_script,
                              hx_fleet_usage_pull_sha1);

    u->tick.handler = ngx_hx_fleet_usage_tick;
    u->tick.data = &u->dummy;
    u->tick.log = cycle->log;
    u->tick.cancelable = 1;

    ngx_add_timer(&u->tick, 1);

    return NGX_OK;
}


/* Threads are gone by now. */

void
ngx_hx_fleet_usage_exit(void)
{
    if (ngx_hx_fleet_usage.conf != NULL) {
        ngx_hx_fleet_usage_drop();
        ngx_hx_fleet_usage.conf = NULL;
    }
}
