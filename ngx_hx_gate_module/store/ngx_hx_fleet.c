/*
 * ngx_hx_fleet.c -- this worker's part in a fleet: see the header.
 */

#include "ngx_hx_fleet.h"


#define NGX_HX_FLEET_NOTE    100        /* ms between two notes */


ngx_hx_fleet_t  ngx_hx_fleet;


void
ngx_hx_fleet_complain(ngx_uint_t level, const char *what, const char *err)
{
    if (ngx_hx_fleet.logged == ngx_time()) {
        return;
    }

    ngx_hx_fleet.logged = ngx_time();

    ngx_log_error(level, ngx_hx_fleet.log, 0,
                  "hx_gate: the registry in Redis %s: %s", what, err);
}


ngx_uint_t
ngx_hx_fleet_on(void)
{
    return ngx_hx_fleet.conf != NULL;
}


ngx_msec_t
ngx_hx_fleet_staleness(void)
{
    ngx_msec_int_t  age;

    if (ngx_hx_fleet.shared->fleet_at == 0) {
        return NGX_HX_FLEET_NEVER;
    }

    /* of another worker's clock, which is the same but may be ahead a little */

    age = (ngx_msec_int_t) (ngx_current_msec
                            - (ngx_msec_t) ngx_hx_fleet.shared->fleet_at);

    return (ngx_msec_t) ngx_max(age, 0);
}


/*
 * When the replica was known to be where Redis is, for a nginx that is started
 * while Redis is away: beside the replica, a number of ms of the clock that
 * goes on until the machine is booted (and a replica of another boot is no
 * longer one).  Nothing waits for a disk here.
 */

static void
ngx_hx_fleet_note_open(void)
{
    u_char           path[NGX_MAX_PATH];
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    *ngx_snprintf(path, sizeof(path) - 1, "%V/seen",
                  &f->registry_conf->dir) = '\0';

    f->note = open((char *) path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);
}


static void
ngx_hx_fleet_note_read(void)
{
    uint64_t         at;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;
    ngx_hx_fleet_note_open();

    if (f->note == -1 || pread(f->note, &at, sizeof(at), 0) != sizeof(at)
        || at == 0 || at > (uint64_t) ngx_current_msec)
    {
        return;
    }

    (void) ngx_atomic_cmp_set(&f->shared->fleet_at, 0, (ngx_atomic_uint_t) at);
}


/*
 * A reload may lead to another registry, whose replica is as old as it is by
 * itself.
 */

static void
ngx_hx_fleet_claim(void)
{
    ngx_hx_shared_t    *sh;
    ngx_atomic_uint_t   of;

    sh = ngx_hx_fleet.shared;
    of = sh->fleet_of;

    if (of != ngx_hx_fleet.of
        && ngx_atomic_cmp_set(&sh->fleet_of, of, ngx_hx_fleet.of))
    {
        sh->fleet_at = 0;
        sh->fleet_tried = 0;
    }
}


void
ngx_hx_fleet_seen(ngx_msec_t at)
{
    uint64_t         ms;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (f->shared->fleet_of != f->of) {
        return;         /* we are of the configuration before, and what workers
                         * of this one see is not where our Redis is */
    }

    f->shared->fleet_at = (ngx_atomic_uint_t) ngx_max(at, 1);

    if (at - f->noted < NGX_HX_FLEET_NOTE) {
        return;
    }

    f->noted = at;
    ms = (uint64_t) at;

    if (f->note == -1) {
        ngx_hx_fleet_note_open();
    }

    if (f->note != -1 && pwrite(f->note, &ms, sizeof(ms), 0) != sizeof(ms)) {
        (void) close(f->note);          /* then there is none: it is an extra */
        f->note = -1;
    }
}


ngx_uint_t
ngx_hx_fleet_trusted(void)
{
    const ngx_hx_fleet_conf_t  *conf;

    conf = ngx_hx_fleet.conf;

    if (conf == NULL) {
        return 1;
    }

    return conf->open || ngx_hx_fleet_staleness() <= conf->max_stale;
}


ngx_uint_t
ngx_hx_fleet_turn(ngx_atomic_t *tried, ngx_msec_t every, ngx_msec_t *wait)
{
    ngx_msec_int_t      age;
    ngx_atomic_uint_t   last;

    last = *tried;
    *wait = every;

    /* another worker's clock may be ahead a little */

    age = (ngx_msec_int_t) (ngx_current_msec - (ngx_msec_t) last);
    age = ngx_max(age, 0);

    if (last != 0 && age < (ngx_msec_int_t) every) {
        *wait = every - (ngx_msec_t) age;
        return 0;
    }

    return ngx_atomic_cmp_set(tried, last,
                              (ngx_atomic_uint_t) ngx_current_msec);
}


static void
ngx_hx_fleet_tick(ngx_event_t *ev)
{
    ngx_msec_t       wait;
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;

    if (ngx_hx_fleet_turn(&f->shared->fleet_tried, f->conf->resync, &wait)) {
        ngx_hx_fleet_sync();
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, wait);
    }
}


static void
ngx_hx_fleet_message(void *data, const hx_str_t *message)
{
    char             err[HX_REGISTRY_ERR];
    hx_epoch_t       told, stand;
    hx_registry_t   *reg;

    if (hx_fleet_push(message, &told) != HX_OK) {
        return;
    }

    reg = ngx_hx_registry_borrow();

    if (reg != NULL) {
        if (hx_replica_epoch(reg, &stand, err) == HX_OK
            && hx_epoch_same(&stand, &told))
        {
            ngx_hx_registry_return();
            return;                     /* our own */
        }

        ngx_hx_registry_return();
    }

    ngx_hx_fleet_sync();
}


/* What was published while nobody listened is looked for. */

static void
ngx_hx_fleet_subscribed(void *data, ngx_uint_t up)
{
    if (up) {
        ngx_hx_fleet_sync();
    }
}


static void
ngx_hx_fleet_event(ngx_event_t *ev, ngx_event_handler_pt handler,
    ngx_cycle_t *cycle)
{
    ev->handler = handler;
    ev->data = &ngx_hx_fleet.dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;
}


ngx_int_t
ngx_hx_fleet_init(const ngx_hx_registry_conf_t *conf, ngx_hx_shared_t *shared,
    ngx_thread_pool_t *threads, ngx_cycle_t *cycle)
{
    ngx_hx_fleet_t  *f;

    f = &ngx_hx_fleet;
    ngx_memzero(f, sizeof(ngx_hx_fleet_t));

    if (conf->fleet == NULL) {
        return NGX_OK;
    }

    f->registry_conf = conf;
    f->shared = shared;
    f->threads = threads;
    f->log = cycle->log;
    f->dummy.fd = (ngx_socket_t) -1;
    ngx_queue_init(&f->waiting);
    ngx_queue_init(&f->next);

    f->redis = ngx_hx_redis_create(&conf->fleet->redis, cycle->log);

    if (f->redis == NULL
        || ngx_hx_fleet_task_init(&f->task, threads, cycle->pool, cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->conf = conf->fleet;
    f->of = ngx_crc32_long(conf->dir.data, conf->dir.len);

    ngx_hx_fleet_claim();
    ngx_hx_fleet_note_read();

    /* one listener is enough: when it is gone, the clock does its work */

    if (ngx_worker == 0) {
        f->sub = ngx_hx_redis_subscribe(f->redis, &f->conf->names.push,
                                        ngx_hx_fleet_message,
                                        ngx_hx_fleet_subscribed, NULL);
        if (f->sub == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_hx_fleet_event(&f->tick, ngx_hx_fleet_tick, cycle);
    ngx_hx_fleet_event(&f->soon, ngx_hx_fleet_soon, cycle);

    ngx_add_timer(&f->tick, 1);

    return NGX_OK;
}


void
ngx_hx_fleet_exit(void)
{
    if (ngx_hx_fleet.conf == NULL) {
        return;
    }

    /* threads are gone by now */

    ngx_hx_fleet_load_drop();

    if (ngx_hx_fleet.sub != NULL) {
        ngx_hx_redis_unsubscribe(ngx_hx_fleet.sub);
    }

    ngx_hx_redis_close(ngx_hx_fleet.redis);
    if (ngx_hx_fleet.note != -1) {
        (void) close(ngx_hx_fleet.note);
    }

    ngx_hx_fleet.redis = NULL;
    ngx_hx_fleet.conf = NULL;
}


ngx_hx_redis_t *
ngx_hx_fleet_redis(void)
{
    return ngx_hx_fleet.redis;
}
