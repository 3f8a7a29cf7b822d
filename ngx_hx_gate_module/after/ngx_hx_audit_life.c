/*
 * ngx_hx_audit_life.c -- the audit trail from the start of a worker to its end,
 * across rotations; and what killed workers have left.
 *
 * What a killed worker leaves in its box its successor finds there, and a timer
 * looks after those that have none.
 */

#include "ngx_hx_audit.h"


#define NGX_HX_AUDIT_RESCUE   1000      /* ms */


typedef struct {
    const ngx_hx_main_conf_t  *mcf;
    ngx_event_t                event;
    ngx_connection_t           dummy;   /* ngx_event_ident() wants it */
    time_t                     told;
} ngx_hx_audit_rescuer_t;


static ngx_hx_audit_rescuer_t  ngx_hx_audit_rescuer;

/*
 * Without an audit file: whoever finds this one's owner dead lets go what it
 * had set aside of quotas.
 */
static hx_box_t                ngx_hx_audit_alive;


/* The box, claimed with the first use: only then this process is a worker. */

ngx_int_t
ngx_hx_audit_claim(ngx_hx_trail_t *t)
{
    hx_rc_t                rc;
    const ngx_hx_audit_t  *a;

    if (t->box.head != NULL) {
        return NGX_OK;
    }

    a = t->audit;

    rc = hx_box_claim(&t->box, ngx_hx_state(t->mcf),
                      (const char *) a->file->name.data, a->size);

    if (rc == HX_NO) {
        ngx_log_error(NGX_LOG_WARN, t->log, 0, "hx_gate: audit log \"%V\": no "
                      "shared buffer is free for this worker, a kill -9 would "
                      "take its records along", &a->file->name);
    }

    return rc == HX_FAIL ? NGX_ERROR : NGX_OK;
}


void
ngx_hx_audit_flush_file(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_hx_trail_t  *t;

    t = ((ngx_hx_audit_t *) file->data)->trail;

    /* the master reopens too, but holds no records */

    if (t->box.head == NULL) {
        return;
    }

    ngx_hx_chain_rotate(t);

    if (!hx_box_empty(&t->box)) {
        (void) ngx_hx_audit_flush(t);
    }

    if (t->audit->durability == NGX_HX_FSYNC) {
        ngx_hx_audit_sync_old(t);
    }

    hx_box_rotated(&t->box);
}


static void
ngx_hx_audit_exit_one(ngx_hx_trail_t *t)
{
    const ngx_hx_audit_t  *a;

    a = t->audit;
    t->ending = 1;

    ngx_hx_chain_end(t);
    (void) ngx_hx_audit_flush(t);

    /* the thread pool has ended before */

    if (a->durability == NGX_HX_FSYNC && fdatasync(a->file->fd) != 0) {
        (void) ngx_hx_audit_complain(t, ngx_errno, "fdatasync() failed");
    }

    if (t->lost != 0) {
        ngx_log_error(NGX_LOG_ALERT, t->log, 0, "hx_gate: audit log \"%V\": "
                      "%ui records were lost by this worker",
                      &a->file->name, t->lost);
    }

    if (!hx_box_empty(&t->box)) {
        ngx_log_error(NGX_LOG_ALERT, t->log, 0, "hx_gate: audit log \"%V\": "
                      "this worker's last records are not written%s",
                      &a->file->name, hx_box_number(&t->box) != 0
                      ? ", they wait in shared memory" : "");
    }

    hx_box_release(&t->box);
}


void
ngx_hx_audit_exit(const ngx_hx_main_conf_t *mcf)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **audit;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (audit[i]->trail->box.head != NULL) {
            ngx_hx_audit_exit_one(audit[i]->trail);
        }
    }

    hx_box_release(&ngx_hx_audit_alive);

    if (ngx_hx_audit_rescuer.mcf != NULL) {
        ngx_hx_chain_rescue(mcf, ngx_hx_state(mcf));
    }
}


const ngx_hx_audit_t *
ngx_hx_audit_find(const ngx_hx_main_conf_t *mcf, const char *path)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **audit;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (ngx_strcmp(audit[i]->file->name.data, path) == 0) {
            return audit[i];
        }
    }

    return NULL;
}


static int
ngx_hx_audit_fd(void *data, const char *path)
{
    const ngx_hx_audit_t  *a;

    a = ngx_hx_audit_find(data, path);

    return a != NULL ? a->file->fd : -1;
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

    ngx_hx_chain_rescue(mcf, zone->state);
    left = hx_box_rescue(zone->state, ngx_hx_audit_fd, mcf);

    if (zone->retired != NULL) {
        ngx_hx_chain_rescue(mcf, zone->retired);
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


struct ngx_hx_trail_s *
ngx_hx_audit_trail(ngx_pool_t *pool)
{
    return ngx_pcalloc(pool, sizeof(ngx_hx_trail_t));
}


static ngx_int_t
ngx_hx_audit_init_one(const ngx_hx_main_conf_t *mcf, ngx_hx_audit_t *a,
    ngx_log_t *log)
{
    ngx_hx_trail_t  *t;

    t = a->trail;

    t->audit = a;
    t->mcf = mcf;
    t->log = log;
    t->sync_dir = 1;
    ngx_queue_init(&t->waiting);

    t->timer.data = t;
    t->timer.handler = ngx_hx_audit_timer;
    t->timer.log = log;
    t->timer.cancelable = 1;

    t->commit.data = t;
    t->commit.handler = ngx_hx_audit_commit;
    t->commit.log = log;

    if (ngx_hx_audit_claim(t) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_hx_chain_init(t);

    /* what a killed worker has left */

    if (!hx_box_empty(&t->box)) {
        (void) ngx_hx_audit_flush(t);
    }

    return NGX_OK;
}


ngx_int_t
ngx_hx_audit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_event_t      *ev;
    ngx_hx_audit_t  **audit;

    audit = mcf->audits.elts;

    /* a limit on the size of files is an error like any other, not the end */

    if (mcf->audits.nelts != 0 && signal(SIGXFSZ, SIG_IGN) == SIG_ERR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "signal(SIGXFSZ) failed");
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (ngx_hx_audit_init_one(mcf, audit[i], log) != NGX_OK) {
            return NGX_ERROR;
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
