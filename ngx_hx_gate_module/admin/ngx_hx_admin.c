/*
 * ngx_hx_admin.c -- the admin plane: /gate/onboard/<call>,
 * /gate/admin/tenants[/<id>], /gate/admin/usage[/<id>], and for tenants
 * /gate/usage.
 *
 * The service key only, compared in constant time.  Whatever may block (a
 * durable commit takes milliseconds) is a job for nginx's thread pool; the
 * answer is sent when the commit has returned, so the change is in force in
 * every worker before the operator reads "200".
 */

#include "ngx_hx_admin.h"

#include "hx_month.h"


static void ngx_hx_admin_body(ngx_http_request_t *r);


static ngx_int_t
ngx_hx_admin_auth(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    u_char                    *p;
    size_t                     len;
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_hx_main_conf(r);

    p = NULL;
    len = 0;

    if (ctx->n_authorizations == 1) {
        p = ctx->authorization->value.data;
        len = ctx->authorization->value.len;
    }

    if (len > 7 && ngx_strncasecmp(p, (u_char *) "Bearer ", 7) == 0
        && hx_secret_equal(p + 7, len - 7, mcf->service_key.data,
                           mcf->service_key.len))
    {
        return NGX_OK;
    }

    return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_SERVICE_KEY,
                         "Invalid service key");
}


static ngx_int_t
ngx_hx_admin_bad_method(ngx_hx_ctx_t *ctx, const char *allow)
{
    ctx->allow.data = (u_char *) allow;
    ctx->allow.len = ngx_strlen(allow);

    return ngx_hx_refuse(ctx, HX_E_METHOD_NOT_ALLOWED, HX_OUTCOME_METHOD,
                         "Method not allowed");
}


/* The body in one piece; it is at most HX_ADMIN_BODY_MAX. */

static ngx_int_t
ngx_hx_admin_collect(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_str_t *body)
{
    u_char       *p;
    size_t        size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        body->len += (size_t) ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, body->len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = (size_t) ngx_buf_size(b);

        if (size == 0) {
            /* the end of an empty body: neither in memory nor in a file */
            continue;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);
        if (n != (ssize_t) size) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_admin_new_key(ngx_hx_job_t *job)
{
    u_char   rnd[HX_APIKEY_ENTROPY];
    hx_rc_t  rc;

    if (job->change->op != HX_CHANGE_CREATE
        && job->change->op != HX_CHANGE_ROTATE)
    {
        return NGX_OK;
    }

    rc = HX_FAIL;

    if (ngx_hx_crypto() != NULL
        && hx_random_secret(rnd, sizeof(rnd)) == HX_OK)
    {
        hx_apikey_make(job->key, rnd);
        job->has_key = 1;

        rc = hx_sha256(ngx_hx_crypto(), job->key, HX_APIKEY_LEN,
                       job->change->hash);
    }

    hx_cleanse(rnd, sizeof(rnd));

    return rc == HX_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_hx_admin_change(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_rc_t                    rc;
    ngx_str_t                  body;
    ngx_int_t                  status;
    ngx_hx_job_t              *job;
    hx_adminreq_t             *req;
    const ngx_hx_main_conf_t  *mcf;

    status = ngx_hx_admin_collect(r, ctx, &body);
    if (status != NGX_OK) {
        return status;
    }

    req = ngx_palloc(r->pool, sizeof(hx_adminreq_t));
    job = ngx_hx_admin_job(r, NGX_HX_JOB_CHANGE);

    if (req == NULL || job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mcf = ngx_hx_main_conf(r);

    rc = hx_adminreq_parse(req, hx_adminpath_call(ctx->admin_path),
                           body.data, body.len,
                           (uint64_t) ngx_time(), mcf->plans.elts,
                           (unsigned) mcf->plans.nelts);

    ctx->tenant.id = req->change.id;        /* for the audit record */

    if (rc == HX_NO) {
        status = ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                               HX_OUTCOME_INVALID_REQUEST, "");

        /* what it echoes was cut there, and it is still to end with a quote */

        ctx->detail.data = (u_char *) req->message.data;
        ctx->detail.len = req->message.len;

        return status;
    }

    if (rc != HX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->change = &req->change;

    if (ngx_hx_admin_new_key(job) != NGX_OK) {
        return ngx_hx_admin_unavailable(r, ctx, "no random bytes");
    }

    return ngx_hx_admin_post(r, ctx, job);
}


static void
ngx_hx_admin_body(ngx_http_request_t *r)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);
    rc = ngx_hx_admin_change(r, ctx);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_hx_admin_onboard(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (hx_adminpath_call(ctx->admin_path) == HX_ADMIN_CALLS) {
        return ngx_hx_refuse(ctx, HX_E_NOT_FOUND,
                             HX_OUTCOME_UNKNOWN_OPERATION,
                             "No such operation");
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_hx_admin_bad_method(ctx, "POST");
    }

    if (ctx->encoded || !ngx_hx_is_json(r)) {
        return ngx_hx_refuse(ctx, HX_E_UNSUPPORTED_MEDIA_TYPE,
                             HX_OUTCOME_MEDIA_TYPE,
                             "Content-Type must be application/json");
    }

    ctx->body_cap = HX_ADMIN_BODY_MAX;  /* without a length, it is counted */

    if (r->headers_in.content_length_n > (off_t) ctx->body_cap) {
        return ngx_hx_refuse_size(r, ctx);
    }

    rc = ngx_http_read_client_request_body(r, ngx_hx_admin_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_int_t
ngx_hx_admin_page(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_hx_job_t *job)
{
    uint64_t   limit;
    ngx_str_t  arg;

    job->limit = HX_LIST_DEFAULT;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &arg) == NGX_OK) {
        if (hx_text_parse_u64(arg.data, arg.len, HX_LIST_MAX, &limit) != HX_OK
            || limit == 0)
        {
            return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                                 HX_OUTCOME_INVALID_REQUEST,
                                 "Argument 'limit' must be an integer from 1 "
                                 "to 1000");
        }

        job->limit = limit;
    }

    if (ngx_http_arg(r, (u_char *) "cursor", 6, &arg) == NGX_OK) {
        if (!hx_check_tenant(arg.data, arg.len)) {
            return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                                 HX_OUTCOME_INVALID_REQUEST,
                                 "Invalid argument 'cursor'");
        }

        job->after.data = arg.data;
        job->after.len = arg.len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_admin_get(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, size_t skip,
    hx_str_t *id)
{
    u_char  *p;
    size_t   len;

    p = r->uri.data + skip;
    len = r->uri.len - skip;

    id->data = NULL;
    id->len = 0;

    if (len != 0 && *p != '/') {
        return ngx_hx_refuse(ctx, HX_E_NOT_FOUND,
                             HX_OUTCOME_UNKNOWN_OPERATION,
                             "No such operation");
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_hx_admin_bad_method(ctx, "GET, HEAD");
    }

    if (len != 0) {
        id->data = p + 1;
        id->len = len - 1;

        if (!hx_check_tenant(id->data, id->len)) {
            return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                                 HX_OUTCOME_INVALID_REQUEST,
                                 "Invalid tenant_id");
        }

        ctx->tenant.id = *id;               /* for the audit record */
    }

    return ngx_http_discard_request_body(r);
}


ngx_int_t
ngx_hx_admin_wait(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_hx_job_t *job)
{
    ngx_int_t  rc;

    rc = ngx_hx_admin_post(r, ctx, job);

    if (rc == NGX_OK) {
        r->main->count++;
        return NGX_DONE;
    }

    return rc;
}


/*
 * A job for what is read behind "skip" bytes of the path: "one" when an id
 * follows, else "list", with the arguments of one.  NGX_OK and *out, or a
 * status.
 */

static ngx_int_t
ngx_hx_admin_read(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, size_t skip,
    ngx_hx_job_type_t one, ngx_hx_job_type_t list, ngx_hx_job_t **out)
{
    hx_str_t       id;
    ngx_int_t      rc;
    ngx_hx_job_t  *job;

    rc = ngx_hx_admin_get(r, ctx, skip, &id);
    if (rc != NGX_OK) {
        return rc;
    }

    job = ngx_hx_admin_job(r, id.data != NULL ? one : list);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->id = id;
    *out = job;

    return NGX_OK;
}


static ngx_int_t
ngx_hx_admin_tenants(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t      rc;
    ngx_hx_job_t  *job;

    rc = ngx_hx_admin_read(r, ctx, sizeof(HX_PATH_TENANTS) - 1,
                           NGX_HX_JOB_GET, NGX_HX_JOB_LIST, &job);

    if (rc == NGX_OK && job->type == NGX_HX_JOB_LIST) {
        rc = ngx_hx_admin_page(r, ctx, job);
    }

    return rc == NGX_OK ? ngx_hx_admin_wait(r, ctx, job) : rc;
}


/* ?period=YYYY-MM, else this month */

static ngx_int_t
ngx_hx_admin_period(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_job_t *job)
{
    ngx_str_t  arg;

    job->month = ngx_hx_month(ngx_time());

    if (ngx_http_arg(r, (u_char *) "period", 6, &arg) == NGX_OK
        && hx_month_parse(arg.data, arg.len, &job->month) != HX_OK)
    {
        return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                             HX_OUTCOME_INVALID_REQUEST,
                             "Argument 'period' must be a month, YYYY-MM");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_admin_usage(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t      rc;
    ngx_hx_job_t  *job;

    rc = ngx_hx_admin_read(r, ctx, sizeof(HX_PATH_USAGE) - 1,
                           NGX_HX_JOB_USAGE, NGX_HX_JOB_USAGE_LIST, &job);

    if (rc == NGX_OK) {
        rc = ngx_hx_admin_period(r, ctx, job);
    }

    if (rc == NGX_OK && job->type == NGX_HX_JOB_USAGE_LIST) {
        rc = ngx_hx_admin_page(r, ctx, job);
    }

    return rc == NGX_OK ? ngx_hx_admin_wait(r, ctx, job) : rc;
}


static ngx_uint_t
ngx_hx_admin_under(const ngx_http_request_t *r, const char *prefix, size_t len)
{
    return r->uri.len >= len && ngx_memcmp(r->uri.data, prefix, len) == 0;
}


ngx_uint_t
ngx_hx_admin_is_own(const ngx_http_request_t *r)
{
    return r->uri.len == sizeof(HX_PATH_OWN) - 1
           && ngx_memcmp(r->uri.data, HX_PATH_OWN, sizeof(HX_PATH_OWN) - 1)
              == 0;
}


/* The access phase has seen the tenant's key, and its window. */

static ngx_int_t
ngx_hx_admin_own(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t      rc;
    ngx_hx_job_t  *job;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_hx_admin_bad_method(ctx, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    job = ngx_hx_admin_job(r, NGX_HX_JOB_USAGE);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->id = ctx->tenant.id;

    rc = ngx_hx_admin_period(r, ctx, job);

    return rc == NGX_OK ? ngx_hx_admin_wait(r, ctx, job) : rc;
}


ngx_int_t
ngx_hx_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    /* an operator's call is never the work of a subrequest or redirect */

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->own && ngx_hx_admin_is_own(r)) {

        /* "satisfy any" lets other rules override a refusal, not us */

        return ctx->error == HX_E_NONE && ctx->outcome == HX_OUTCOME_ALLOWED
               ? ngx_hx_admin_own(r, ctx)
               : (ngx_int_t) hx_error_status(ctx->error != HX_E_NONE
                                             ? ctx->error : HX_E_INTERNAL);
    }

    if (ctx->decided || ngx_hx_admin_is_own(r)) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx->lcf = ngx_hx_loc_conf(r);
    ctx->admin = 1;
    ctx->decided = 1;
    ctx->admin_path = hx_adminpath_match(r->uri.data, r->uri.len);

    if (ngx_hx_read_headers(r, ctx) != NGX_OK) {
        return ngx_hx_admin_unavailable(r, ctx, "no random bytes");
    }

    rc = ngx_hx_admin_auth(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_hx_admin_under(r, HX_PATH_ONBOARD, sizeof(HX_PATH_ONBOARD) - 1)) {
        return ngx_hx_admin_onboard(r, ctx);
    }

    if (ngx_hx_admin_under(r, HX_PATH_TENANTS, sizeof(HX_PATH_TENANTS) - 1)) {
        return ngx_hx_admin_tenants(r, ctx);
    }

    if (ngx_hx_admin_under(r, HX_PATH_USAGE, sizeof(HX_PATH_USAGE) - 1)) {
        return ngx_hx_admin_usage(r, ctx);
    }

    return ngx_hx_refuse(ctx, HX_E_NOT_FOUND, HX_OUTCOME_UNKNOWN_OPERATION,
                         "No such operation");
}
