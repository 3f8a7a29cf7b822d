/*
 * ngx_hx_audit.c -- the audit trail: records collected in a box of the shared
 * memory (hx_box.h), handed to the file in whole lines.
 *
 * One write() takes all of them: when the box is full, when the flush timer
 * fires (at once with flush=0), before the file is reopened (USR1) and when the
 * worker exits.  What a killed worker leaves in its box its successor finds
 * there, and a timer looks after those that have none.
 *
 * A write that fails keeps the records; they are tried again with the next
 * flush.  When the box is full meanwhile, new records are lost, counted
 * (audit_lost) and reported once a second.
 */

#include "ngx_hx_gate.h"


#define NGX_HX_AUDIT_RESCUE   1000      /* ms */


typedef struct {
    time_t   sec;
    u_char   text[24];
} ngx_hx_audit_ts_t;


typedef struct {
    const ngx_hx_main_conf_t  *mcf;
    ngx_event_t                event;
    ngx_connection_t           dummy;   /* ngx_event_ident() wants it */
    time_t                     told;
} ngx_hx_audit_rescuer_t;


static void ngx_hx_audit_timer(ngx_event_t *ev);


static ngx_hx_audit_ts_t       ngx_hx_audit_ts = { -1, { 0 } };
static ngx_hx_audit_rescuer_t  ngx_hx_audit_rescuer;
static hx_metrics_t           *ngx_hx_audit_metrics;    /* of this worker */

/*
 * Without an audit file: whoever finds this one's owner dead lets go what it
 * had set aside of quotas.
 */
static hx_box_t                ngx_hx_audit_alive;


static void
ngx_hx_audit_count(hx_metrics_counter_t counter)
{
    if (ngx_hx_audit_metrics != NULL) {
        hx_metrics_add(ngx_hx_audit_metrics, counter, 1);
    }
}


static void
ngx_hx_audit_complain(ngx_hx_audit_t *a, ngx_log_t *log, ngx_err_t err,
    const char *what)
{
    if (a->complained == ngx_time()) {
        return;
    }

    a->complained = ngx_time();

    ngx_log_error(NGX_LOG_ALERT, log, err, "hx_gate: audit log \"%V\": %s",
                  &a->file->name, what);
}


/* The box, claimed with the first use: only then this process is a worker. */

static ngx_int_t
ngx_hx_audit_box(ngx_hx_audit_t *a, ngx_log_t *log)
{
    hx_rc_t                    rc;
    const ngx_hx_main_conf_t  *mcf;

    if (a->box.head != NULL) {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_hx_gate_module);

    rc = hx_box_claim(&a->box, ngx_hx_state(mcf),
                      (const char *) a->file->name.data, a->size);

    if (rc == HX_NO) {
        ngx_log_error(NGX_LOG_WARN, log, 0, "hx_gate: audit log \"%V\": no "
                      "shared buffer is free for this worker, a kill -9 would "
                      "take its records along", &a->file->name);
    }

    return rc == HX_FAIL ? NGX_ERROR : NGX_OK;
}


static void
ngx_hx_audit_arm(ngx_hx_audit_t *a)
{
    if (!hx_box_empty(&a->box) && !ngx_exiting && !a->event->timer_set) {
        ngx_add_timer(a->event, ngx_max(a->flush, 1));
    }
}


static void
ngx_hx_audit_flush(ngx_hx_audit_t *a, ngx_log_t *log)
{
    int          unsure;
    hx_box_rc_t  rc;

    unsure = 0;

    do {
        rc = hx_box_write(&a->box, a->file->fd, &unsure);

        if (rc == HX_BOX_SHORT) {
            ngx_hx_audit_count(HX_METRICS_AUDIT_ERRORS);
            ngx_hx_audit_complain(a, log, 0, "write() was short, disk full?");
        }

    } while (rc == HX_BOX_SHORT);

    if (rc == HX_BOX_ERROR) {
        ngx_hx_audit_count(HX_METRICS_AUDIT_ERRORS);
        ngx_hx_audit_complain(a, log, ngx_errno, "write() failed");
    }

    if (unsure) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": the "
                      "file that a killed worker was writing cannot be read, "
                      "its last records may be there twice", &a->file->name);
    }

    if (a->event->timer_set) {
        ngx_del_timer(a->event);
    }

    ngx_hx_audit_arm(a);
}


static void
ngx_hx_audit_timer(ngx_event_t *ev)
{
    ngx_hx_audit_flush(ev->data, ev->log);
}


void
ngx_hx_audit_flush_file(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_hx_audit_t  *a;

    a = file->data;

    /* the master reopens too, but holds no records */

    if (a->box.head != NULL && !hx_box_empty(&a->box)) {
        ngx_hx_audit_flush(a, log);
    }
}


void
ngx_hx_audit_exit(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **audit, *a;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        a = audit[i];

        if (a->box.head == NULL) {
            continue;
        }

        ngx_hx_audit_flush(a, log);

        if (a->lost != 0) {
            ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": "
                          "%ui records were lost by this worker",
                          &a->file->name, a->lost);
        }

        if (!hx_box_empty(&a->box)) {
            ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": "
                          "this worker's last records are not written%s",
                          &a->file->name, hx_box_number(&a->box) != 0
                          ? ", they wait in shared memory" : "");
        }

        hx_box_release(&a->box);
    }

    hx_box_release(&ngx_hx_audit_alive);
}


/* Told apart from the failed write, which would hide it: both come at once. */

void
ngx_hx_audit_lose(ngx_hx_audit_t *a, ngx_log_t *log)
{
    if (a == NULL) {
        return;
    }

    ngx_hx_audit_count(HX_METRICS_AUDIT_LOST);
    a->lost++;

    if (a->lost_told != ngx_time()) {
        a->lost_told = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": the "
                      "buffer is full, %ui records lost by this worker so far",
                      &a->file->name, a->lost);
    }
}


static void
ngx_hx_audit_time(const hx_audit_record_t *rec)
{
    if (ngx_hx_audit_ts.sec != rec->sec) {
        ngx_hx_audit_ts.sec = rec->sec;
        hx_text_time(ngx_hx_audit_ts.text, rec->sec, rec->msec);
        return;
    }

    ngx_hx_audit_ts.text[20] = (u_char) ('0' + rec->msec / 100);
    ngx_hx_audit_ts.text[21] = (u_char) ('0' + rec->msec / 10 % 10);
    ngx_hx_audit_ts.text[22] = (u_char) ('0' + rec->msec % 10);
}


ngx_int_t
ngx_hx_audit_put(ngx_hx_audit_t *a, const hx_audit_record_t *rec,
    uint32_t *last, ngx_log_t *log)
{
    size_t       room;
    u_char      *p;
    hx_buf_t     b;
    ngx_uint_t   tries;

    ngx_hx_audit_time(rec);
    ngx_hx_audit_count(HX_METRICS_AUDIT_RECORDS);

    if (ngx_hx_audit_box(a, log) != NGX_OK) {
        ngx_hx_audit_lose(a, log);
        return NGX_ERROR;
    }

    for (tries = 0; tries < 2; tries++) {
        p = hx_box_room(&a->box, last, &room);

        hx_buf_init(&b, p, room);
        hx_audit_line(&b, rec, ngx_hx_audit_ts.text);

        if (hx_buf_ok(&b)) {
            *last += (uint32_t) hx_buf_len(&b);
            return NGX_OK;
        }

        ngx_hx_audit_flush(a, log);
    }

    ngx_hx_audit_lose(a, log);

    return NGX_ERROR;
}


void
ngx_hx_audit_put_done(ngx_hx_audit_t *a, ngx_log_t *log)
{
    if (a->flush == 0) {
        ngx_hx_audit_flush(a, log);

    } else {
        ngx_hx_audit_arm(a);
    }
}


static int
ngx_hx_audit_fd(void *data, const char *path)
{
    ngx_uint_t                  i;
    ngx_hx_audit_t            **audit;
    const ngx_hx_main_conf_t   *mcf = data;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (ngx_strcmp(audit[i]->file->name.data, path) == 0) {
            return audit[i]->file->fd;
        }
    }

    return -1;
}


/*
 * A worker that is killed while it shuts down has no successor; and what was
 * left to a full disk waits for somebody.
 */

static void
ngx_hx_audit_rescue(ngx_event_t *ev)
{
    void                 *mcf;
    unsigned              left;
    const ngx_hx_zone_t  *zone;

    mcf = (void *) ngx_hx_audit_rescuer.mcf;
    zone = ngx_hx_zone(mcf);

    left = hx_box_rescue(zone->state, ngx_hx_audit_fd, mcf);

    if (zone->retired != NULL) {
        left += hx_box_rescue(zone->retired, ngx_hx_audit_fd, mcf);
    }

    if (left != 0 && ngx_time() - ngx_hx_audit_rescuer.told >= 60) {
        ngx_hx_audit_rescuer.told = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno, "hx_gate: audit "
                      "records of %ud ended workers cannot be written, they "
                      "wait in shared memory", left);
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HX_AUDIT_RESCUE);
    }
}


ngx_int_t
ngx_hx_audit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_event_t      *ev;
    ngx_hx_audit_t  **audit, *a;

    ngx_hx_audit_metrics = &ngx_hx_shared(mcf)->metrics;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        a = audit[i];

        a->event->data = a;
        a->event->handler = ngx_hx_audit_timer;
        a->event->log = log;
        a->event->cancelable = 1;

        if (ngx_hx_audit_box(a, log) != NGX_OK) {
            return NGX_ERROR;
        }

        /* what a killed worker has left */

        if (!hx_box_empty(&a->box)) {
            ngx_hx_audit_flush(a, log);
        }
    }

    if (mcf->audits.nelts == 0
        && hx_box_claim(&ngx_hx_audit_alive, ngx_hx_state(mcf), "", 1)
           == HX_FAIL)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&ngx_hx_audit_rescuer, sizeof(ngx_hx_audit_rescuer_t));

    ngx_hx_audit_rescuer.mcf = mcf;
    ngx_hx_audit_rescuer.dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_hx_audit_rescuer.event;
    ev->handler = ngx_hx_audit_rescue;
    ev->data = &ngx_hx_audit_rescuer.dummy;
    ev->log = log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HX_AUDIT_RESCUE);

    return NGX_OK;
}
