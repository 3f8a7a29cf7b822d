/*
 * ngx_hx_audit.h -- between the files of the audit trail: what a worker knows
 * of one audit file, and how far its records have come.
 *
 * Records of a worker are numbered as they are put: those up to "written" are
 * in the file, those up to "synced" on the disk.  Who waits for a record waits
 * for its number.
 */

#ifndef NGX_HX_AUDIT_H
#define NGX_HX_AUDIT_H

#include "ngx_hx_gate.h"

#include "hx_chain.h"

#define NGX_HX_AUDIT_RETRY    200       /* ms between two tries, when the disk
                                         * takes nothing */
#define NGX_HX_AUDIT_HOLD     2000      /* ms that a response waits for it */
#define NGX_HX_AUDIT_OLD      8         /* rotated files not synced yet */


typedef struct ngx_hx_sync_s  ngx_hx_sync_t;


typedef struct ngx_hx_trail_s {
    const ngx_hx_audit_t     *audit;
    const ngx_hx_main_conf_t *mcf;
    ngx_log_t                *log;      /* the cycle's */
    hx_box_t                  box;
    ngx_event_t               timer;    /* a flush, or another try */
    ngx_event_t               commit;   /* posted: write and sync what is new */
    time_t                    complained;
    ngx_uint_t                lost;     /* records, since the worker began */
    time_t                    lost_told;

    uint64_t                  put;      /* records that count */
    uint64_t                  written;
    uint64_t                  synced;
    ngx_queue_t               waiting;  /* of ngx_hx_hold_t, by number */
    unsigned                  failing:1;        /* the last try failed */
    unsigned                  ending:1;         /* the worker exits */
    uint32_t                  line;     /* where the last record begins */

    /* ngx_hx_audit_disk.c */
    ngx_hx_sync_t            *sync;     /* one at a time */
    unsigned                  syncing:1;
    ngx_msec_t                sync_at;  /* when the last one began */
    uint64_t                  unsure;   /* up to there a sync has failed, 0 =
                                         * none since the last good one */
    unsigned                  sync_dir:1;       /* the file is new */
    unsigned                  no_fallocate:1;
    unsigned                  told_shared:1;    /* see ngx_hx_audit_dup() */
    ngx_uint_t                n_old;
    int                       old[NGX_HX_AUDIT_OLD];
    uint64_t                  ensured;  /* room is there up to this size */
    off_t                     ensured_size;     /* of the file then */
    dev_t                     ensured_device;
    ino_t                     ensured_inode;

    /* ngx_hx_audit_chain.c */
    ngx_event_t               mark;
    ngx_uint_t                since;    /* records since the last checkpoint */
    ngx_uint_t                gap;      /* lost ones since it */
    hx_chain_kind_t           due;      /* checkpoint that comes next */
} ngx_hx_trail_t;


/* One response that waits (ngx_hx_hold.c). */
typedef struct ngx_hx_hold_s {
    ngx_queue_t               queue;
    ngx_http_request_t       *request;
    uint64_t                  number;   /* of its record */
    ngx_msec_t                since;
    ngx_event_t               event;    /* it may go on */
    ngx_chain_t              *out;      /* what is held back */
    unsigned                  header:1; /* the header, too */
    unsigned                  waiting:1;
    unsigned                  failed:1; /* nothing more will be sent */
} ngx_hx_hold_t;


/* ngx_hx_audit.c */

/* What lies in the box from t->line on counts now. */
void ngx_hx_audit_count_one(ngx_hx_trail_t *t);

/* Records into the file; NGX_OK: all of them. */
ngx_int_t ngx_hx_audit_flush(ngx_hx_trail_t *t);

void ngx_hx_audit_timer(ngx_event_t *ev);
void ngx_hx_audit_commit(ngx_event_t *ev);

/* Sets the timer to when there is something to do. */
void ngx_hx_audit_arm(ngx_hx_trail_t *t);

/* Into the error log, once a second: 1 = it was. */
ngx_uint_t ngx_hx_audit_complain(ngx_hx_trail_t *t, ngx_err_t err,
    const char *what);

/* A try has failed, with an error number; or one has not. */
void ngx_hx_audit_failed(ngx_hx_trail_t *t, ngx_err_t err, const char *what);
void ngx_hx_audit_recovered(ngx_hx_trail_t *t);

/* 24 characters; good until the next call. */
const u_char *ngx_hx_audit_time(int64_t sec, unsigned msec);


/* ngx_hx_audit_life.c */

/* The worker's box, claimed with the first use; NGX_ERROR = no memory. */
ngx_int_t ngx_hx_audit_claim(ngx_hx_trail_t *t);

/* Of the file with that name, or NULL. */
const ngx_hx_audit_t *ngx_hx_audit_find(const ngx_hx_main_conf_t *mcf,
    const char *path);


/* ngx_hx_audit_disk.c */

/* Starts to bring on the disk what is in the file. */
void ngx_hx_audit_sync(ngx_hx_trail_t *t);

/* The file is about to be another one. */
void ngx_hx_audit_sync_old(ngx_hx_trail_t *t);

/* Once more, of a file that was removed; NGX_OK: there is one again. */
ngx_int_t ngx_hx_audit_reopen(ngx_hx_trail_t *t);

/* Is there room for what may come?  NGX_OK, or NGX_ERROR and errno. */
ngx_int_t ngx_hx_audit_room(ngx_hx_trail_t *t);


/* ngx_hx_audit_chain.c */

void ngx_hx_chain_init(ngx_hx_trail_t *t);

/*
 * To be called before a record: puts the checkpoint that is due.  NGX_OK;
 * NGX_DECLINED: there is no room; NGX_ERROR: OpenSSL.
 */
ngx_int_t ngx_hx_chain_before(ngx_hx_trail_t *t);

/* Ends the members of a record in b, which began at its start, and the line. */
ngx_int_t ngx_hx_chain_record(ngx_hx_trail_t *t, hx_buf_t *b, uint32_t end);

/* Before the file is another one; before a worker ends. */
void ngx_hx_chain_rotate(ngx_hx_trail_t *t);
void ngx_hx_chain_end(ngx_hx_trail_t *t);

/* The same for the chains that killed workers have left in a memory. */
void ngx_hx_chain_rescue(const ngx_hx_main_conf_t *mcf, hx_state_t *st);


/* ngx_hx_hold.c */

/*
 * Some records have come further, or the disk takes nothing: who waited for
 * that goes on.
 */
void ngx_hx_hold_wake(ngx_hx_trail_t *t);


/* ngx_hx_hold_tail.c */

/* Does the response end with its connection? */
ngx_uint_t ngx_hx_hold_to_the_end(const ngx_http_request_t *r);

/*
 * Of such a one: *out is what is to go on now, in links of its own, a byte less
 * than there is, unless it is the end.  NGX_ERROR = no memory.
 */
ngx_int_t ngx_hx_hold_tail(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_chain_t *in, ngx_chain_t **out);

/* It has gone on. */
void ngx_hx_hold_tail_sent(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_chain_t *out);

#endif /* NGX_HX_AUDIT_H */
