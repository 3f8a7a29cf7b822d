/*
 * ngx_hx_fleet_usage.h -- between the files of the exchange of usage:
 *
 *   ngx_hx_fleet_usage.c        this worker's part: clock, threads, questions
 *   ngx_hx_fleet_usage_run.c    one run of it, step by step
 */

#ifndef NGX_HX_FLEET_USAGE_H
#define NGX_HX_FLEET_USAGE_H

#include "ngx_hx_fleet.h"

#include "hx_fleet_usage.h"
#include "hx_usage.h"


typedef struct {
    const ngx_hx_registry_conf_t   *conf;
    ngx_hx_zone_t                  *zone;
    ngx_log_t                      *log;
    hx_fleet_usage_names_t          names;
    ngx_hx_redis_script_t           push;
    ngx_hx_redis_script_t           pull;
    ngx_event_t                     tick;
    ngx_connection_t                dummy;  /* ngx_event_ident() wants it */
    time_t                          logged;

    /* the run */
    hx_usage_t                     *usage;  /* borrowed; NULL = there is none */
    unsigned                        resent:1;   /* all, in this run */
    unsigned                        joined:1;   /* there is a cursor */
    hx_epoch_t                      cursor;     /* where this node stands */
    hx_epoch_t                      behind;     /* our newest push behind it */
    unsigned char                   token[HX_EPOCH_TOKEN];
    hx_usage_pack_t                *pack;       /* what is pushed */
    hx_fleet_usage_pushed_t         pushed;
    hx_fleet_usage_page_t           page;       /* what was pulled */
    hx_usage_merged_t               merged;
    uint64_t                        damaged;    /* rows of that page */
    hx_reply_t                     *reply;      /* a copy, for the thread */

    /* what a thread does for it */
    ngx_hx_fleet_task_t             task;
    void                          (*run)(void);
    void                          (*done)(void);
    hx_rc_t                         rc;
    char                            err[HX_USAGE_ERR];
} ngx_hx_fleet_usage_t;

extern ngx_hx_fleet_usage_t  ngx_hx_fleet_usage;


/* ngx_hx_fleet_usage.c */

/* Says it, once a second at most. */
void ngx_hx_fleet_usage_complain(const char *err);

/* The run is over. */
void ngx_hx_fleet_usage_end(hx_rc_t rc, const char *err);

/* Frees what the step before has left. */
void ngx_hx_fleet_usage_drop(void);

/* Has a thread run it; done is called unless rc is FAIL: then the run ends. */
void ngx_hx_fleet_usage_post(void (*run)(void), void (*done)(void));

/* A script, made or not: done is called, or the run has ended. */
void ngx_hx_fleet_usage_ask(hx_rc_t made, hx_fleet_cmd_t *cmd,
    const ngx_hx_redis_script_t *script, ngx_hx_redis_done_pt done);

/* Keeps a copy of the reply: 1, or the run has ended. */
ngx_uint_t ngx_hx_fleet_usage_keep(const redisReply *reply,
    ngx_hx_redis_err_t err);


/* ngx_hx_fleet_usage_run.c: the first step */
void ngx_hx_fleet_usage_look(void);

#endif /* NGX_HX_FLEET_USAGE_H */
