/*
 * ngx_hx_audit.c -- the audit trail: records collected in a box of the shared
 * memory (hx_box.h), handed to the file in whole lines.
 *
 * One write() takes all of them: when the box is full, when the flush timer
 * fires (at once with flush=0 and with durability=write), before the file is
 * reopened (USR1) and when the worker exits.
 *
 * A write that fails keeps the records; they are tried again five times a
 * second.  When the box is full meanwhile, new records are lost, counted
 * (audit_lost) and reported once a second.
 */

#include "ngx_hx_audit.h"


#define NGX_HX_AUDIT_SYSLOG   512       /* bytes of a header, nginx has 311 */


typedef struct {
    time_t   sec;
    u_char   text[24];
} ngx_hx_audit_ts_t;


static ngx_hx_audit_ts_t  ngx_hx_audit_ts = { -1, { 0 } };


static void
ngx_hx_audit_count(const ngx_hx_trail_t *t, hx_metrics_counter_t counter)
{
    hx_metrics_add(&ngx_hx_shared(t->mcf)->metrics, counter, 1);
}


ngx_uint_t
ngx_hx_audit_complain(ngx_hx_trail_t *t, ngx_err_t err, const char *what)
{
    if (t->complained == ngx_time()) {
        return 0;
    }

    t->complained = ngx_time();

    ngx_log_error(NGX_LOG_ALERT, t->log, err, "hx_gate: audit log \"%V\": %s",
                  &t->audit->file->name, what);

    return 1;
}


void
ngx_hx_audit_arm(ngx_hx_trail_t *t)
{
    if (t->timer.timer_set
        || (ngx_exiting && ngx_queue_empty(&t->waiting)))
    {
        return;
    }

    if (t->failing) {
        ngx_add_timer(&t->timer, NGX_HX_AUDIT_RETRY);

    } else if (t->syncing) {
        ngx_add_timer(&t->timer, NGX_HX_AUDIT_HOLD);

    } else if (!hx_box_empty(&t->box)) {
        ngx_add_timer(&t->timer, ngx_max(t->audit->flush, 1));
    }
}


static void
ngx_hx_audit_disarm(ngx_hx_trail_t *t)
{
    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }
}


void
ngx_hx_audit_failed(ngx_hx_trail_t *t, ngx_err_t err, const char *what)
{
    ngx_hx_audit_count(t, HX_METRICS_AUDIT_ERRORS);
    (void) ngx_hx_audit_complain(t, err, what);

    if (!t->failing) {
        t->failing = 1;
        ngx_hx_audit_disarm(t);         /* it may be a long one */
    }

    ngx_hx_audit_arm(t);
    ngx_hx_hold_wake(t);
}


void
ngx_hx_audit_recovered(ngx_hx_trail_t *t)
{
    if (t->failing) {
        t->failing = 0;

        ngx_log_error(NGX_LOG_NOTICE, t->log, 0, "hx_gate: audit log \"%V\" "
                      "takes records again", &t->audit->file->name);
    }

    ngx_hx_hold_wake(t);
}


/* One try to empty the box. */

static hx_box_rc_t
ngx_hx_audit_write(ngx_hx_trail_t *t)
{
    int          unsure;
    unsigned     cut;
    ngx_err_t    err;
    hx_box_rc_t  rc;

    cut = 0;
    unsure = 0;

    rc = hx_box_drain(&t->box, t->audit->file->fd, &unsure, &cut);
    err = ngx_errno;

    for ( /* void */ ; cut != 0; cut--) {
        ngx_hx_audit_count(t, HX_METRICS_AUDIT_ERRORS);
        (void) ngx_hx_audit_complain(t, 0, "write() was short, disk full?");
    }

    if (unsure) {
        ngx_log_error(NGX_LOG_ALERT, t->log, 0, "hx_gate: audit log \"%V\": "
                      "the file that a killed worker was writing cannot be "
                      "read, its last records may be there twice",
                      &t->audit->file->name);
    }

    ngx_set_errno(err);

    return rc;
}


ngx_int_t
ngx_hx_audit_flush(ngx_hx_trail_t *t)
{
    ngx_err_t    err;
    hx_box_rc_t  rc;

    rc = ngx_hx_audit_write(t);

    if (rc == HX_BOX_ERROR && ngx_errno == NGX_ENOENT
        && ngx_hx_audit_reopen(t) == NGX_OK)
    {
        rc = ngx_hx_audit_write(t);
    }

    err = ngx_errno;

    ngx_hx_audit_disarm(t);

    if (rc != HX_BOX_DONE) {
        ngx_hx_audit_failed(t, err, err == NGX_ENOENT
                                    ? "the file was removed"
                                    : "write() failed");
        return NGX_ERROR;
    }

    t->written = t->put;

    if (t->audit->durability == NGX_HX_FSYNC && !t->ending) {
        ngx_hx_audit_sync(t);

    } else {
        ngx_hx_audit_recovered(t);
    }

    return NGX_OK;
}


/* The time for a flush has come, or for another try. */

void
ngx_hx_audit_timer(ngx_event_t *ev)
{
    ngx_hx_trail_t  *t;

    t = ev->data;

    if (t->syncing && ngx_current_msec - t->sync_at >= NGX_HX_AUDIT_HOLD) {
        ngx_hx_audit_failed(t, 0, "fdatasync() does not return");
        return;
    }

    (void) ngx_hx_audit_flush(t);
}


void
ngx_hx_audit_commit(ngx_event_t *ev)
{
    (void) ngx_hx_audit_flush(ev->data);
}


/* Told apart from the failed write, which would hide it: both come at once. */

void
ngx_hx_audit_lose(const ngx_hx_audit_t *a, ngx_log_t *log)
{
    ngx_hx_trail_t  *t;

    if (a == NULL) {
        return;
    }

    t = a->trail;

    ngx_hx_audit_count(t, HX_METRICS_AUDIT_RECORDS);
    ngx_hx_audit_count(t, HX_METRICS_AUDIT_LOST);
    t->lost++;
    t->gap++;

    if (t->lost_told != ngx_time()) {
        t->lost_told = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": the "
                      "buffer is full, %ui records lost by this worker so far",
                      &a->file->name, t->lost);
    }
}


const u_char *
ngx_hx_audit_time(int64_t sec, unsigned msec)
{
    if (ngx_hx_audit_ts.sec != sec) {
        ngx_hx_audit_ts.sec = sec;
        hx_text_time(ngx_hx_audit_ts.text, sec, msec);

    } else {
        ngx_hx_audit_ts.text[20] = (u_char) ('0' + msec / 100);
        ngx_hx_audit_ts.text[21] = (u_char) ('0' + msec / 10 % 10);
        ngx_hx_audit_ts.text[22] = (u_char) ('0' + msec % 10);
    }

    return ngx_hx_audit_ts.text;
}


hx_box_t *
ngx_hx_audit_box(const ngx_hx_audit_t *a)
{
    return &a->trail->box;
}


/* NGX_OK; NGX_DECLINED: it does not fit; NGX_ERROR: it cannot be chained. */

static ngx_int_t
ngx_hx_audit_put_one(ngx_hx_trail_t *t, const hx_audit_record_t *rec,
    uint32_t *last)
{
    size_t      room;
    u_char     *p;
    hx_buf_t    b;
    ngx_int_t   rc;

    if (t->audit->chain) {
        rc = ngx_hx_chain_before(t);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    p = hx_box_room(&t->box, last, &room);
    t->line = *last;

    hx_buf_init(&b, p, room);
    hx_audit_members(&b, rec, ngx_hx_audit_time(rec->sec, rec->msec));

    if (t->audit->chain) {
        rc = ngx_hx_chain_record(t, &b, *last);
        if (rc != NGX_OK) {
            return rc;
        }

    } else {
        hx_buf_lit(&b, "}\n");
    }

    if (!hx_buf_ok(&b)) {
        return NGX_DECLINED;
    }

    *last += (uint32_t) hx_buf_len(&b);

    return NGX_OK;
}


ngx_int_t
ngx_hx_audit_put(const ngx_hx_audit_t *a, const hx_audit_record_t *rec,
    uint32_t *last, ngx_log_t *log)
{
    ngx_int_t        rc;
    ngx_hx_trail_t  *t;

    t = a->trail;

    rc = ngx_hx_audit_claim(t);

    if (rc == NGX_OK) {
        rc = ngx_hx_audit_put_one(t, rec, last);

        if (rc == NGX_DECLINED && ngx_hx_audit_flush(t) == NGX_OK) {
            rc = ngx_hx_audit_put_one(t, rec, last);
        }
    }

    if (rc != NGX_OK) {
        ngx_hx_audit_lose(a, log);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A datagram each; one that cannot be sent is counted, the file has it. */

static void
ngx_hx_audit_syslog(ngx_hx_trail_t *t)
{
    u_char             *p, *line;
    size_t              len, room;
    uint32_t            last;
    ngx_syslog_peer_t  *peer;

    static u_char  datagram[NGX_HX_AUDIT_SYSLOG + HX_AUDIT_LINE_MAX];

    peer = t->audit->syslog;

    line = hx_box_room(&t->box, &last, &room);
    len = last - t->line - 1;                   /* but for its line feed */
    line -= last - t->line;

    p = ngx_syslog_add_header(peer, datagram);

    if (len > (size_t) (datagram + sizeof(datagram) - p)) {
        ngx_hx_audit_count(t, HX_METRICS_AUDIT_SYSLOG);
        return;
    }

    p = ngx_cpymem(p, line, len);

    if (ngx_syslog_send(peer, datagram, (size_t) (p - datagram)) < 0) {
        ngx_hx_audit_count(t, HX_METRICS_AUDIT_SYSLOG);
    }
}


void
ngx_hx_audit_count_one(ngx_hx_trail_t *t)
{
    t->put++;

    if (t->audit->syslog != NULL) {
        ngx_hx_audit_syslog(t);
    }
}


void
ngx_hx_audit_put_done(const ngx_hx_audit_t *a, ngx_uint_t waits)
{
    ngx_hx_trail_t  *t;

    t = a->trail;
    t->since++;

    ngx_hx_audit_count(t, HX_METRICS_AUDIT_RECORDS);
    ngx_hx_audit_count_one(t);

    if (t->failing) {
        return;                                 /* the next try is for all */
    }

    if (a->durability == NGX_HX_BUFFERED && a->flush != 0) {
        ngx_hx_audit_arm(t);

    } else if (waits && a->durability != NGX_HX_FSYNC) {
        (void) ngx_hx_audit_flush(t);

    } else if (!t->syncing && !t->commit.posted) {

        /* all that end in this round of events, and while a sync is on its
         * way, are one group: streams may be reset by the hundred */

        ngx_post_event(&t->commit, &ngx_posted_events);
    }
}


ngx_int_t
ngx_hx_audit_ready(const ngx_hx_audit_t *a)
{
    ngx_hx_trail_t  *t;

    t = a->trail;

    if (t->failing) {
        return NGX_DECLINED;
    }

    if (ngx_hx_audit_claim(t) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* there may be room still for those that are under way */

    if (ngx_hx_audit_room(t) != NGX_OK) {
        if (ngx_hx_audit_complain(t, ngx_errno, "it takes no records")) {
            ngx_hx_audit_count(t, HX_METRICS_AUDIT_ERRORS);
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}
