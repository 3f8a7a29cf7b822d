/*
 * ngx_hx_admin_job.c -- the half of the admin plane that blocks: the registry
 * transaction and the text of the answer.  Runs in a thread of nginx's pool.
 */

#include "ngx_hx_admin.h"

#include "hx_json_write.h"


#define NGX_HX_JOB_TAIL   256             /* bytes of what ends a list */


static void
ngx_hx_job_member(hx_buf_t *b, const char *name, const hx_str_t *s)
{
    hx_buf_byte(b, '"');
    hx_buf_add(b, name, ngx_strlen(name));
    hx_buf_lit(b, "\":");
    hx_json_string(b, s->data, s->len);
}


static void
ngx_hx_job_namespaces(hx_buf_t *b, const hx_tenant_t *t)
{
    size_t    pos;
    hx_str_t  ns;
    unsigned  n;

    hx_buf_lit(b, "\"namespaces\":[");

    n = 0;

    for (pos = 0; hx_tenant_namespace(t, &pos, &ns); /* void */) {
        if (n++ != 0) {
            hx_buf_byte(b, ',');
        }

        hx_json_string(b, ns.data, ns.len);
    }

    hx_buf_byte(b, ']');
}


void
ngx_hx_job_quota(hx_buf_t *b, uint64_t quota)
{
    hx_buf_lit(b, "\"monthly_quota\":");

    if (quota == HX_QUOTA_UNLIMITED) {
        hx_buf_lit(b, "null");

    } else if (quota % 10 == 0) {
        hx_text_u64(b, quota / 10);

    } else {
        hx_text_tenths(b, quota);
    }
}


/* What holds for this tenant: its own override, its plan, the default. */

static void
ngx_hx_job_limits(hx_buf_t *b, const ngx_hx_job_t *job, const hx_tenant_t *t)
{
    hx_limit_t  limit;

    hx_limit_resolve(&limit, t, job->plans, job->n_plans, job->default_rate);

    ngx_hx_job_quota(b, limit.quota);
    hx_buf_lit(b, ",\"rate_limit\":{\"requests\":");
    hx_text_u64(b, limit.rate.requests);
    hx_buf_lit(b, ",\"window_s\":");
    hx_text_u64(b, limit.rate.window_s);
    hx_buf_byte(b, '}');
}


static void
ngx_hx_job_time(hx_buf_t *b, const char *name, uint64_t sec)
{
    u_char  text[24];

    hx_text_time(text, (int64_t) sec, 0);

    hx_buf_lit(b, ",\"");
    hx_buf_add(b, name, ngx_strlen(name));
    hx_buf_lit(b, "\":\"");
    hx_buf_add(b, text, sizeof(text));
    hx_buf_byte(b, '"');
}


/* A tenant as an operator may see it: never a key, never a hash. */

static void
ngx_hx_job_tenant(hx_buf_t *b, const ngx_hx_job_t *job, const hx_tenant_t *t)
{
    hx_buf_byte(b, '{');
    ngx_hx_job_member(b, "tenant_id", &t->id);
    hx_buf_byte(b, ',');
    ngx_hx_job_member(b, "plan", &t->plan);
    hx_buf_lit(b, ",\"status\":");

    if (t->status == HX_TENANT_SUSPENDED) {
        hx_buf_lit(b, "\"suspended\",");

    } else {
        hx_buf_lit(b, "\"active\",");
    }

    ngx_hx_job_namespaces(b, t);
    hx_buf_lit(b, ",\"email\":");

    if (t->email.len == 0) {
        hx_buf_lit(b, "null,");

    } else {
        hx_json_string(b, t->email.data, t->email.len);
        hx_buf_byte(b, ',');
    }

    ngx_hx_job_limits(b, job, t);
    hx_buf_lit(b, ",\"api_keys\":");
    hx_text_u64(b, t->n_keys);
    ngx_hx_job_time(b, "created_at", t->created);
    ngx_hx_job_time(b, "updated_at", t->updated);
    hx_buf_byte(b, '}');
}


static void
ngx_hx_job_changed(hx_buf_t *b, const ngx_hx_job_t *job, const hx_tenant_t *t)
{
    hx_str_t  key;

    hx_buf_byte(b, '{');
    ngx_hx_job_member(b, "tenant_id", &t->id);

    switch (job->change->op) {

    case HX_CHANGE_CREATE:
        hx_buf_byte(b, ',');
        key.data = job->key;
        key.len = HX_APIKEY_LEN;
        ngx_hx_job_member(b, "api_key", &key);
        hx_buf_byte(b, ',');
        ngx_hx_job_member(b, "plan", &t->plan);
        hx_buf_byte(b, ',');
        ngx_hx_job_namespaces(b, t);
        hx_buf_byte(b, ',');
        ngx_hx_job_limits(b, job, t);
        break;

    case HX_CHANGE_ROTATE:
        hx_buf_byte(b, ',');
        key.data = job->key;
        key.len = HX_APIKEY_LEN;
        ngx_hx_job_member(b, "api_key", &key);
        break;

    case HX_CHANGE_ADD_NAMESPACE:
    case HX_CHANGE_REMOVE_NAMESPACE:
        hx_buf_byte(b, ',');
        ngx_hx_job_namespaces(b, t);
        break;

    case HX_CHANGE_UPDATE_TIER:
        hx_buf_byte(b, ',');
        ngx_hx_job_member(b, "plan", &t->plan);
        hx_buf_byte(b, ',');
        ngx_hx_job_limits(b, job, t);
        break;

    case HX_CHANGE_SUSPEND:
        hx_buf_lit(b, ",\"status\":\"suspended\"");
        break;

    case HX_CHANGE_ACTIVATE:
        hx_buf_lit(b, ",\"status\":\"active\"");
        break;

    case HX_CHANGE_DELETE:
        hx_buf_lit(b, ",\"deleted\":true");
        break;
    }

    hx_buf_byte(b, '}');
}


void
ngx_hx_job_list_begin(hx_buf_t *b, const ngx_hx_job_t *job)
{
    hx_buf_init(b, job->out, NGX_HX_ADMIN_OUT - NGX_HX_JOB_TAIL);
}


hx_rc_t
ngx_hx_job_list_end(hx_buf_t *b, ngx_hx_job_t *job, ngx_uint_t n,
    const hx_str_t *next)
{
    b->end += NGX_HX_JOB_TAIL;

    hx_buf_lit(b, "],\"count\":");
    hx_text_u64(b, n);
    hx_buf_lit(b, ",\"next_cursor\":");

    if (next != NULL) {
        hx_json_string(b, next->data, next->len);

    } else {
        hx_buf_lit(b, "null");
    }

    hx_buf_byte(b, '}');
    job->len = hx_buf_len(b);

    return hx_buf_ok(b) ? HX_OK : HX_FAIL;
}


typedef struct {
    const ngx_hx_job_t  *job;
    hx_buf_t             out;
    ngx_uint_t           limit;
    ngx_uint_t           n;
    size_t               id_len;
    u_char               id[HX_TENANT_MAX];     /* of the last one listed */
    unsigned             more:1;
} ngx_hx_job_page_t;


static int
ngx_hx_job_each(void *data, const hx_tenant_t *t)
{
    hx_buf_t            before;
    ngx_hx_job_page_t  *page = data;

    if (page->n == page->limit) {
        page->more = 1;
        return 1;
    }

    before = page->out;

    if (page->n != 0) {
        hx_buf_byte(&page->out, ',');
    }

    ngx_hx_job_tenant(&page->out, page->job, t);

    if (!hx_buf_ok(&page->out)) {

        /* many namespaces: the page ends early, the cursor goes on */

        page->out = before;
        page->more = 1;
        return 1;
    }

    ngx_memcpy(page->id, t->id.data, t->id.len);
    page->id_len = t->id.len;
    page->n++;

    return 0;
}


static hx_rc_t
ngx_hx_job_list(ngx_hx_job_t *job)
{
    hx_rc_t             rc;
    hx_str_t            last;
    ngx_hx_job_page_t   page;

    ngx_memzero(&page, sizeof(ngx_hx_job_page_t));

    ngx_hx_job_list_begin(&page.out, job);
    page.job = job;
    page.limit = job->limit;

    hx_buf_lit(&page.out, "{\"tenants\":[");

    rc = hx_registry_list(job->registry, &job->after, ngx_hx_job_each, &page,
                          job->err);
    if (rc != HX_OK) {
        return rc;
    }

    last.data = page.id;
    last.len = page.id_len;

    return ngx_hx_job_list_end(&page.out, job, page.n,
                               page.more ? &last : NULL);
}


/* A tenant that is new gets its place before it is anywhere else. */

static hx_rc_t
ngx_hx_job_change(ngx_hx_job_t *job, u_char *record, size_t *len)
{
    hx_rc_t  rc;

    if (job->change->op == HX_CHANGE_CREATE
        && hx_state_reserve(job->state, &job->change->id) != HX_OK)
    {
        job->zone_full = 1;
        (void) ngx_cpystrn((u_char *) job->err,
                           (u_char *) "the zone is full", HX_REGISTRY_ERR);
        return HX_FAIL;
    }

    rc = hx_registry_change(job->registry, job->change, &job->result, record,
                            len, &job->digest, job->draft, job->err);

    return rc == HX_OK && job->result != HX_CHANGED ? HX_NO : rc;
}


static hx_rc_t
ngx_hx_job_one(ngx_hx_job_t *job, u_char *record)
{
    size_t        len;
    hx_rc_t       rc;
    hx_buf_t      b;
    hx_tenant_t   t;

    if (job->type == NGX_HX_JOB_GET) {
        rc = hx_registry_get(job->registry, &job->id, record, &len, job->err);
        job->result = HX_CHANGE_NO_TENANT;

    } else {
        rc = ngx_hx_job_change(job, record, &len);
    }

    if (rc != HX_OK) {
        return rc;
    }

    hx_buf_init(&b, job->out, NGX_HX_ADMIN_OUT);

    if (hx_tenant_decode(&t, record, len) == HX_OK) {
        if (job->type == NGX_HX_JOB_GET) {
            ngx_hx_job_tenant(&b, job, &t);

        } else {
            ngx_hx_job_changed(&b, job, &t);
        }
    }

    job->len = hx_buf_len(&b);

    if (job->len == 0 || !hx_buf_ok(&b)) {
        (void) ngx_cpystrn((u_char *) job->err,
                           (u_char *) "the answer could not be written",
                           HX_REGISTRY_ERR);
        return HX_FAIL;
    }

    return HX_OK;
}


static hx_rc_t
ngx_hx_job_by_type(ngx_hx_job_t *job, u_char *record)
{
    switch (job->type) {

    case NGX_HX_JOB_LIST:
        return ngx_hx_job_list(job);

    case NGX_HX_JOB_USAGE:
        return ngx_hx_usage_job_one(job, record);

    case NGX_HX_JOB_USAGE_LIST:
        return ngx_hx_usage_job_list(job);

    case NGX_HX_JOB_METRICS:
        return ngx_hx_metrics_job(job);

    case NGX_HX_JOB_EVENT:
    case NGX_HX_JOB_CLAIM:
        return ngx_hx_webhook_job(job, record);

    default:
        return ngx_hx_job_one(job, record);
    }
}


/* Bytes of the answer. */

static size_t
ngx_hx_job_room(ngx_hx_job_type_t type)
{
    switch (type) {

    case NGX_HX_JOB_METRICS:
        return HX_METRICS_TEXT_MAX;

    case NGX_HX_JOB_EVENT:
    case NGX_HX_JOB_CLAIM:
        return 1;                       /* it is said elsewhere */

    default:
        return NGX_HX_ADMIN_OUT;
    }
}


void
ngx_hx_job_again(ngx_hx_job_t *job)
{
    if (job->out != NULL) {
        hx_cleanse(job->out, job->len);
        free(job->out);
        job->out = NULL;
    }

    job->len = 0;
    job->zone_full = 0;
    ngx_memzero(&job->digest, sizeof(hx_audit_change_t));
    ngx_memzero(&job->came, sizeof(hx_registry_came_t));
}


void
ngx_hx_job_run(ngx_hx_job_t *job)
{
    u_char  *record;

    job->out = malloc(ngx_hx_job_room(job->type));
    record = malloc(HX_TENANT_RECORD_MAX);

    if (job->out == NULL || record == NULL) {
        (void) ngx_cpystrn((u_char *) job->err, (u_char *) "no memory",
                           HX_REGISTRY_ERR);
        job->rc = HX_FAIL;

    } else {
        job->rc = ngx_hx_job_by_type(job, record);
    }

    free(record);
}
