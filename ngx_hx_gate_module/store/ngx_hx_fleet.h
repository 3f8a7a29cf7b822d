/*
 * ngx_hx_fleet.h -- a registry that many nodes share: Redis has it, and this
 * node a replica (hx_replica.h) that all its workers read.  Here it is kept
 * where Redis is, and changes are committed there first.
 *
 *   ngx_hx_fleet.c         this worker's part: begin, end, clock, staleness
 *   ngx_hx_fleet_sync.c    one run of catching up: epoch, log
 *   ngx_hx_fleet_load.c    the whole registry, when the log does not reach
 *   ngx_hx_fleet_commit.c  a change: Redis, then the replica, then the answer
 *   ngx_hx_fleet_reply.c   answers of Redis as threads may have them
 *   ngx_hx_fleet_task.c    what a thread does for them
 *
 * A run ends with OK when the replica stood, at some moment after the run
 * began, where Redis stood.  Runs begin when a message tells of a change, when
 * somebody waits for one, and each "resync" in whichever worker is first, so
 * that a message that was lost, or a worker that is gone, holds nothing up
 * for longer.  Several workers may run at once: what one has applied the others
 * pass over.
 */

#ifndef NGX_HX_FLEET_H
#define NGX_HX_FLEET_H

#include "ngx_hx_store.h"

#include "hx_fleet_script.h"
#include "hx_replica.h"
#include "ngx_hx_redis.h"


#define NGX_HX_FLEET_WAITING   8192     /* questions that wait in a worker */
#define NGX_HX_FLEET_TRIES     8        /* times a change is computed */
#define NGX_HX_FLEET_LOG       128      /* entries of the log at a time */
#define NGX_HX_FLEET_PAGE      500      /* records of a hash at a time */
#define NGX_HX_FLEET_FEW       8        /* tenants that may be lost unasked */


struct ngx_hx_fleet_conf_s {
    hx_redis_conf_t       url;
    ngx_hx_redis_conf_t   redis;
    ngx_str_t             prefix;
    hx_fleet_names_t      names;
    ngx_msec_t            resync;
    ngx_msec_t            max_stale;
    unsigned              open:1;       /* on_error=open */
};


/* Called once: OK, or FAIL and a text for the log (static or valid now). */
typedef void (*ngx_hx_fleet_pt)(void *data, hx_rc_t rc, const char *err);

/* Somebody waits for a run; the caller's memory. */
typedef struct {
    ngx_queue_t        queue;
    ngx_hx_fleet_pt    done;
    void              *data;
    unsigned           waiting:1;
} ngx_hx_fleet_wait_t;


/* ngx_hx_fleet_task.c */

typedef struct {
    ngx_thread_pool_t    *threads;
    ngx_thread_task_t    *task;
    void                (*run)(void *data);
    void                (*done)(void *data);
    void                 *data;
} ngx_hx_fleet_task_t;

/* NGX_OK or NGX_ERROR: no memory.  *t must not be moved. */
ngx_int_t ngx_hx_fleet_task_init(ngx_hx_fleet_task_t *t,
    ngx_thread_pool_t *threads, ngx_pool_t *pool, ngx_log_t *log);

/*
 * Has a thread run it, then the event loop is done with it.  One at a time.
 * NGX_ERROR: the thread pool is full, nothing is called.
 */
ngx_int_t ngx_hx_fleet_task_post(ngx_hx_fleet_task_t *t,
    void (*run)(void *data), void (*done)(void *data), void *data);


/* ngx_hx_fleet.c */

ngx_int_t ngx_hx_fleet_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_shared_t *shared, ngx_thread_pool_t *threads, ngx_cycle_t *cycle);
void ngx_hx_fleet_exit(void);

/* This worker's client; NULL without a fleet. */
ngx_hx_redis_t *ngx_hx_fleet_redis(void);

/* 1 when the registry is one of a fleet. */
ngx_uint_t ngx_hx_fleet_on(void);

/*
 * May the replica be believed?  Not when it was last seen where Redis was
 * longer ago than max_stale, unless "open".
 */
ngx_uint_t ngx_hx_fleet_trusted(void);

/* ms since then; NGX_HX_FLEET_NEVER */
ngx_msec_t ngx_hx_fleet_staleness(void);
#define NGX_HX_FLEET_NEVER   ((ngx_msec_t) -1)


/* ngx_hx_fleet_sync.c */

/*
 * Waits for a run that begins from now on.  NGX_OK, and w->done is called later
 * (never from inside this call); NGX_ERROR: too many wait already.
 */
ngx_int_t ngx_hx_fleet_confirm(ngx_hx_fleet_wait_t *w);

/* Who waited is gone. */
void ngx_hx_fleet_forget(ngx_hx_fleet_wait_t *w);

/* A run is due: begins one, or another one after the one under way. */
void ngx_hx_fleet_sync(void);


/* ngx_hx_fleet_commit.c */

typedef struct {
    hx_registry_draft_t   *draft;       /* not empty */
    ngx_hx_fleet_pt        done;        /* OK: committed, and in the replica;
                                         * NO: compute it again, the replica
                                         * stands elsewhere; FAIL */
    void                  *data;

    /* private */
    unsigned char          token[HX_EPOCH_TOKEN];
    hx_replica_entry_t     entry;
    ngx_uint_t             asked;       /* times */
    ngx_hx_fleet_wait_t    wait;
    ngx_hx_fleet_task_t    task;
    hx_registry_t         *registry;    /* borrowed */
    hx_rc_t                rc;
    hx_replica_result_t    result;
    char                   err[HX_REGISTRY_ERR];
} ngx_hx_fleet_commit_t;

/*
 * Zeroed but for draft, done and data; in memory that lives until done.  pool:
 * of the same life.  NGX_OK, and done is called later; NGX_ERROR: nothing was
 * begun, c->err says why.
 */
ngx_int_t ngx_hx_fleet_commit(ngx_hx_fleet_commit_t *c, ngx_pool_t *pool);


/* ngx_hx_fleet_usage.c: what all nodes have used (ngx_hx_fleet_usage.h) */

ngx_int_t ngx_hx_fleet_usage_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_zone_t *zone, ngx_thread_pool_t *threads, ngx_cycle_t *cycle);
void ngx_hx_fleet_usage_exit(void);


/* -------------------------------------------- between the files of above -- */

typedef enum {
    NGX_HX_FLEET_IDLE = 0,
    NGX_HX_FLEET_EPOCH,                 /* asked for the epoch */
    NGX_HX_FLEET_READ,                  /* asked for the log */
    NGX_HX_FLEET_APPLY,                 /* a thread applies it */
    NGX_HX_FLEET_LOADING                /* see ngx_hx_fleet_load.c */
} ngx_hx_fleet_state_t;

/* What a thread is to do for the run; one at a time. */
typedef struct {
    void              (*run)(void);     /* in the thread */
    void              (*done)(void);    /* in the event loop */
    hx_rc_t             rc;
    char                err[HX_REGISTRY_ERR];
} ngx_hx_fleet_job_t;

typedef struct {
    const ngx_hx_fleet_conf_t      *conf;
    const ngx_hx_registry_conf_t   *registry_conf;
    ngx_hx_shared_t                *shared;
    ngx_atomic_uint_t               of;         /* which registry it is */
    ngx_hx_redis_t                 *redis;
    ngx_hx_redis_sub_t             *sub;
    ngx_thread_pool_t              *threads;
    ngx_log_t                      *log;
    ngx_event_t                     tick;
    ngx_event_t                     soon;
    ngx_connection_t                dummy;
    time_t                          logged;
    ngx_fd_t                        note;       /* of when it was, -1 */
    ngx_msec_t                      noted;

    /* the run */
    ngx_hx_fleet_state_t            state;
    unsigned                        again:1;
    ngx_msec_t                      began;
    hx_registry_t                  *registry;   /* borrowed for it */
    hx_epoch_t                      target;     /* where Redis was */
    hx_epoch_t                      stand;      /* where the replica is */
    hx_reply_t                     *reply;      /* a copy, for the thread */
    size_t                          entries;    /* in it */
    ngx_hx_fleet_task_t             task;
    ngx_hx_fleet_job_t              job;
    ngx_queue_t                     waiting;    /* for the run under way */
    ngx_queue_t                     next;       /* for one that begins later */
    ngx_uint_t                      n_waiting;

    /* a full load */
    uint64_t                        tenants;    /* that Redis has */
    hx_replica_load_t              *load;
    unsigned                        db;
    hx_fleet_cursor_t               cursor;
    unsigned                        last:1;     /* page of it */
} ngx_hx_fleet_t;

extern ngx_hx_fleet_t  ngx_hx_fleet;

/* Says it, once a second at most. */
void ngx_hx_fleet_complain(ngx_uint_t level, const char *what,
    const char *err);

/* The replica was, at that moment, where Redis is. */
void ngx_hx_fleet_seen(ngx_msec_t at);

/* The event that begins a run. */
void ngx_hx_fleet_soon(ngx_event_t *ev);

/* The run is over. */
void ngx_hx_fleet_end(hx_rc_t rc, const char *err);

/* Asks Redis for the run; done is called, or the run has ended. */
void ngx_hx_fleet_ask(hx_rc_t made, hx_fleet_cmd_t *cmd,
    ngx_hx_redis_done_pt done);

/*
 * What some worker does each "every" ms, the first that finds it due: 1, and it
 * is this one; 0.  All look again after *wait, as the one that did it last may
 * be gone.
 */
ngx_uint_t ngx_hx_fleet_turn(ngx_atomic_t *tried, ngx_msec_t every,
    ngx_msec_t *wait);

/* Has a thread do the job; or the run has ended. */
void ngx_hx_fleet_post(void (*run)(void), void (*done)(void));

/* Keeps a copy of the reply for the thread: 1, or the run has ended. */
ngx_uint_t ngx_hx_fleet_keep(const redisReply *reply, ngx_hx_redis_err_t err);

/* ngx_hx_fleet_sync.c: once more from the epoch on, in the same run. */
void ngx_hx_fleet_look(void);

/* ngx_hx_fleet_load.c: begins a full load inside the run. */
void ngx_hx_fleet_load(void);
void ngx_hx_fleet_load_drop(void);

/* ngx_hx_fleet_reply.c: a copy in one piece, to be freed; NULL = no memory. */
hx_reply_t *ngx_hx_fleet_reply(const redisReply *reply);

/* "argv" of a command as ngx_hx_redis_ask() takes it; in the pool of none. */
ngx_int_t ngx_hx_fleet_argv(const hx_fleet_cmd_t *cmd, hx_str_t *argv,
    ngx_uint_t max);

#endif /* NGX_HX_FLEET_H */
