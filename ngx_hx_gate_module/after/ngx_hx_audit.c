/*
 * ngx_hx_audit.c -- the audit trail: one line a request, written in whole
 * lines.
 *
 * Each worker collects lines in a buffer and hands them to the file in one
 * write() when the buffer is full, when the flush timer fires, before the file
 * is reopened (USR1) and when the worker exits.  The file is opened O_APPEND,
 * so lines of several workers never overwrite each other.
 *
 * A write that fails keeps the lines; they are tried again with the next flush.
 * When the buffer is full meanwhile, new records are dropped, counted
 * (audit_lost) and reported once a second.  A write that ends inside a line
 * (full disk) is repaired by starting anew on a line of its own: the fragment
 * stays as a line that does not parse, the whole record follows.
 */

#include "ngx_hx_gate.h"


#define NGX_HX_AUDIT_METHOD_MAX   32        /* bytes; longer ones are cut */


typedef struct {
    time_t   sec;
    u_char   text[24];
} ngx_hx_audit_ts_t;


static ngx_hx_audit_ts_t  ngx_hx_audit_ts = { -1, { 0 } };


static ngx_hx_shared_t *
ngx_hx_audit_shared(void)
{
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_hx_gate_module);

    return mcf != NULL ? ngx_hx_shared(mcf) : NULL;
}


static void
ngx_hx_audit_count(size_t offset, ngx_atomic_int_t n)
{
    ngx_hx_shared_t  *sh;

    sh = ngx_hx_audit_shared();

    if (sh != NULL) {
        (void) ngx_atomic_fetch_add((ngx_atomic_t *) ((u_char *) sh + offset),
                                    n);
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


/* Where the line begins that offset n of the buffer lies in. */

static u_char *
ngx_hx_audit_line_start(ngx_hx_audit_t *a, size_t n)
{
    u_char  *p;

    for (p = a->start + n; p > a->start && p[-1] != LF; p--) { /* void */ }

    return p;
}


/*
 * Makes sure that the next write begins a line, and says whether it does.  A
 * file that was rotated or emptied since has no fragment at its end.
 */

static ngx_uint_t
ngx_hx_audit_mend(ngx_hx_audit_t *a)
{
    ngx_file_info_t  fi;

    static u_char  lf = LF;

    if (a->torn
        && ((ngx_fd_info(a->file->fd, &fi) != NGX_FILE_ERROR
             && ngx_file_size(&fi) == 0)
            || write(a->file->fd, &lf, 1) == 1))
    {
        a->torn = 0;
    }

    return !a->torn;
}


static void
ngx_hx_audit_flush(ngx_hx_audit_t *a, ngx_log_t *log)
{
    size_t    len;
    u_char   *keep;
    ssize_t   n;

    while (a->last > a->start) {
        len = (size_t) (a->last - a->start);

        n = ngx_hx_audit_mend(a) ? write(a->file->fd, a->start, len) : -1;

        if (n == (ssize_t) len) {
            a->last = a->start;
            break;
        }

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        ngx_hx_audit_count(offsetof(ngx_hx_shared_t, audit_errors), 1);

        if (n == -1) {
            ngx_hx_audit_complain(a, log, ngx_errno, "write() failed");
            break;
        }

        /* short: whole lines that went out go, the one cut is kept whole */

        keep = ngx_hx_audit_line_start(a, (size_t) n);
        a->torn = keep != a->start + n;
        a->last = ngx_movemem(a->start, keep, (size_t) (a->last - keep));

        ngx_hx_audit_complain(a, log, 0, "write() was short, disk full?");

        if (n == 0) {
            break;
        }
    }

    if (a->event->timer_set) {
        ngx_del_timer(a->event);
    }

    if (a->last > a->start && !ngx_exiting) {
        ngx_add_timer(a->event, a->flush);
    }
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

    /* the master reopens too, but holds no lines */

    if (a->last > a->start) {
        ngx_hx_audit_flush(a, log);
    }
}


void
ngx_hx_audit_exit(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_hx_audit_t  **audit, *a;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        a = audit[i];
        ngx_hx_audit_flush(a, log);

        len = (size_t) (a->last - a->start);

        if (len != 0 || a->lost != 0) {
            ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": "
                          "%ui records were lost by this worker, and %uz bytes "
                          "of records at its exit", &a->file->name, a->lost,
                          len);
        }
    }
}


/* Told apart from the failed write, which would hide it: both come at once. */

static void
ngx_hx_audit_lose(ngx_hx_audit_t *a, ngx_log_t *log)
{
    ngx_hx_audit_count(offsetof(ngx_hx_shared_t, audit_lost), 1);
    a->lost++;

    if (a->lost_told != ngx_time()) {
        a->lost_told = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: audit log \"%V\": the "
                      "buffer is full, %ui records lost by this worker so far",
                      &a->file->name, a->lost);
    }
}


static void
ngx_hx_audit_append(ngx_hx_audit_t *a, const hx_audit_record_t *rec,
    ngx_log_t *log)
{
    hx_buf_t     b;
    ngx_uint_t   tries;

    if (ngx_hx_audit_ts.sec != rec->sec) {
        ngx_hx_audit_ts.sec = rec->sec;
        hx_text_time(ngx_hx_audit_ts.text, rec->sec, rec->msec);

    } else {
        ngx_hx_audit_ts.text[20] = (u_char) ('0' + rec->msec / 100);
        ngx_hx_audit_ts.text[21] = (u_char) ('0' + rec->msec / 10 % 10);
        ngx_hx_audit_ts.text[22] = (u_char) ('0' + rec->msec % 10);
    }

    ngx_hx_audit_count(offsetof(ngx_hx_shared_t, audit_lines), 1);

    for (tries = 0; tries < 2; tries++) {
        hx_buf_init(&b, a->last, (size_t) (a->end - a->last));
        hx_audit_line(&b, rec, ngx_hx_audit_ts.text);

        if (hx_buf_ok(&b)) {
            a->last = b.last;

            if (!a->event->timer_set) {
                ngx_add_timer(a->event, a->flush);
            }

            return;
        }

        ngx_hx_audit_flush(a, log);
    }

    ngx_hx_audit_lose(a, log);
}


static ngx_uint_t
ngx_hx_audit_status(const ngx_http_request_t *r)
{
    if (r->err_status) {
        return r->err_status;
    }

    if (r->headers_out.status) {
        return r->headers_out.status;
    }

    return r->http_version == NGX_HTTP_VERSION_9 ? 9 : 0;
}


/* From the request line: an error_page turns r->method_name into GET. */

static void
ngx_hx_audit_method(const ngx_http_request_t *r, hx_str_t *method)
{
    size_t         len;
    const u_char  *p;

    p = r->request_line.data;
    len = ngx_min(r->request_line.len, NGX_HX_AUDIT_METHOD_MAX);

    method->data = p;

    for (method->len = 0; method->len < len && p[method->len] != ' ';
         method->len++)
    {
        /* void */
    }
}


static void
ngx_hx_audit_fill(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    hx_audit_record_t *rec)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (ngx_msec_int_t) (tp->msec - r->start_msec));

    rec->sec = tp->sec;
    rec->msec = (unsigned) tp->msec;
    rec->tenant = ctx->tenant.id;
    ngx_hx_audit_method(r, &rec->method);
    rec->path.data = r->unparsed_uri.data;
    rec->path.len = r->unparsed_uri.len;
    rec->ns.data = ctx->ns.data;
    rec->ns.len = ctx->ns.len;
    rec->status = (unsigned) ngx_hx_audit_status(r);
    rec->cus = ctx->cus;
    rec->latency_ms = (uint64_t) ngx_max(ms, 0);
    rec->request_id.data = ctx->request_id.data;
    rec->request_id.len = ctx->request_id.len;
}


ngx_int_t
ngx_hx_audit_handler(ngx_http_request_t *r)
{
    ngx_hx_ctx_t             *ctx;
    ngx_hx_shared_t          *sh;
    hx_audit_record_t         rec;
    const ngx_hx_loc_conf_t  *lcf;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL) {
        lcf = ngx_hx_loc_conf(r);

        if (!lcf->gated && lcf->handler != NGX_HX_HANDLER_ADMIN) {
            return NGX_OK;
        }

        ctx = ngx_hx_ctx_make(r);
        if (ctx == NULL) {
            ngx_hx_audit_count(offsetof(ngx_hx_shared_t, audit_lost), 1);
            return NGX_OK;
        }
    }

    lcf = ctx->lcf;

    if (!lcf->gated && lcf->handler != NGX_HX_HANDLER_ADMIN) {
        return NGX_OK;
    }

    sh = ngx_hx_audit_shared();

    if (sh != NULL) {
        (void) ngx_atomic_fetch_add(&sh->outcome[ctx->outcome], 1);
    }

    if (lcf->audit == NULL) {
        return NGX_OK;
    }

    (void) ngx_hx_read_headers(r, ctx);

    ngx_hx_audit_fill(r, ctx, &rec);
    ngx_hx_audit_append(lcf->audit, &rec, r->connection->log);

    return NGX_OK;
}


ngx_int_t
ngx_hx_audit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **audit, *a;

    audit = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        a = audit[i];

        a->event->data = a;
        a->event->handler = ngx_hx_audit_timer;
        a->event->log = log;
        a->event->cancelable = 1;
    }

    return NGX_OK;
}
