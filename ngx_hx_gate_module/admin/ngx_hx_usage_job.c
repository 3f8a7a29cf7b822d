/*
 * ngx_hx_usage_job.c -- what tenants have used, for /gate/admin/usage and
 * /gate/usage.  Runs in a thread of nginx's pool.
 *
 * Stored sums and what the shared memory counts are put together: an answer
 * holds every charge that was made before the call.
 */

#include "ngx_hx_admin.h"

#include "hx_cost.h"
#include "hx_flush.h"
#include "hx_json_write.h"


typedef struct {
    u_char     id[HX_TENANT_MAX];
    size_t     len;
    uint64_t   quota;                   /* tenths, HX_QUOTA_UNLIMITED */
} ngx_hx_usage_tenant_t;


typedef struct {
    ngx_hx_job_t            *job;
    ngx_uint_t               n;
    ngx_hx_usage_tenant_t    tenant[HX_LIST_MAX + 1];
} ngx_hx_usage_page_t;


/*
 * What a reload has put aside is stored first, so that it is found there; for a
 * list this memory's, too.
 */

static hx_rc_t
ngx_hx_usage_flush_first(ngx_hx_job_t *job, ngx_uint_t all)
{
    hx_flush_result_t  result;

    if (job->retired != NULL
        && hx_flush(job->retired, job->usage, 1, &result, job->err) != HX_OK)
    {
        return HX_FAIL;
    }

    return all ? hx_flush(job->state, job->usage, 1, &result, job->err)
               : HX_OK;
}


/* Months that are long past are in the store alone. */

static ngx_uint_t
ngx_hx_usage_counts(const hx_state_used_t *used, unsigned month)
{
    unsigned  i;

    for (i = 0; i < used->n; i++) {
        if (used->entry[i].month == month) {
            return 1;
        }
    }

    return 0;
}


/*
 * What is stored, and what this memory counts: its own is left out of the
 * former where it has it itself.
 */

static hx_rc_t
ngx_hx_usage_sum(ngx_hx_job_t *job, const hx_str_t *id, hx_usage_sum_t *sum,
    hx_state_used_t *used)
{
    u_char     source[HX_STATE_SOURCE], *exclude;
    hx_rc_t    rc;
    hx_str_t   name;
    unsigned   i;

    exclude = NULL;
    rc = hx_state_used(job->state, id, used);

    if (rc == HX_OK && ngx_hx_usage_counts(used, job->month)) {
        hx_state_source(job->state, used->incarnation, source);
        exclude = source;
    }

    if (rc == HX_FAIL
        || hx_usage_get(job->usage, job->month, id, exclude, sum, job->err)
           == HX_FAIL)
    {
        return HX_FAIL;
    }

    for (i = 0; exclude != NULL && i < used->n; i++) {
        if (used->entry[i].month == job->month) {
            name = hx_state_operation_name(job->state,
                                           used->entry[i].operation);

            if (hx_usage_sum_add(sum, &name, used->entry[i].tenths) != HX_OK) {
                (void) ngx_cpystrn((u_char *) job->err,
                                   (u_char *) "usage does not fit into one "
                                   "sum", HX_REGISTRY_ERR);
                return HX_FAIL;
            }
        }
    }

    return HX_OK;
}


static void
ngx_hx_usage_period(hx_buf_t *b, unsigned month)
{
    u_char  text[HX_MONTH_TEXT];

    hx_month_text(text, month);

    hx_buf_lit(b, "\"period\":\"");
    hx_buf_add(b, text, sizeof(text));
    hx_buf_byte(b, '"');
}


static void
ngx_hx_usage_breakdown(hx_buf_t *b, const hx_usage_sum_t *sum)
{
    size_t      i;
    ngx_uint_t  n;

    n = 0;

    for (i = 0; i < sum->n; i++) {
        if (sum->entries[i].tenths == 0) {
            continue;
        }

        if (n++ != 0) {
            hx_buf_byte(b, ',');
        }

        hx_json_string(b, sum->entries[i].operation.data,
                       sum->entries[i].operation.len);
        hx_buf_byte(b, ':');
        hx_text_tenths(b, sum->entries[i].tenths);
    }
}


static void
ngx_hx_usage_object(hx_buf_t *b, const ngx_hx_job_t *job, const hx_str_t *id,
    uint64_t quota, const hx_usage_sum_t *sum)
{
    u_char    digits[4];
    uint64_t  part;

    hx_buf_lit(b, "{\"tenant_id\":");
    hx_json_string(b, id->data, id->len);
    hx_buf_byte(b, ',');
    ngx_hx_usage_period(b, job->month);
    hx_buf_lit(b, ",\"cus_used\":");
    hx_text_tenths(b, sum->tenths);
    hx_buf_byte(b, ',');
    ngx_hx_job_quota(b, quota);

    part = hx_cost_utilization(sum->tenths, quota);

    hx_buf_lit(b, ",\"utilization\":");
    hx_text_u64(b, part / 10000);
    hx_buf_byte(b, '.');

    digits[0] = (u_char) ('0' + part / 1000 % 10);
    digits[1] = (u_char) ('0' + part / 100 % 10);
    digits[2] = (u_char) ('0' + part / 10 % 10);
    digits[3] = (u_char) ('0' + part % 10);
    hx_buf_add(b, digits, sizeof(digits));

    hx_buf_lit(b, ",\"breakdown\":{");
    ngx_hx_usage_breakdown(b, sum);
    hx_buf_lit(b, "}}");
}


static hx_rc_t
ngx_hx_usage_one_in(ngx_hx_job_t *job, u_char *record, hx_usage_sum_t *sum,
    hx_state_used_t *used)
{
    size_t        len;
    hx_rc_t       rc;
    hx_buf_t      b;
    uint64_t      quota;
    hx_limit_t    limit;
    hx_tenant_t   t;

    quota = HX_QUOTA_UNLIMITED;

    rc = hx_registry_get(job->registry, &job->id, record, &len, job->err);

    if (rc == HX_FAIL) {
        return rc;
    }

    if (rc == HX_OK && hx_tenant_decode(&t, record, len) == HX_OK) {
        hx_limit_resolve(&limit, &t, job->plans, job->n_plans,
                         job->default_rate);
        quota = limit.quota;
    }

    if (ngx_hx_usage_sum(job, &job->id, sum, used) != HX_OK) {
        return HX_FAIL;
    }

    /* a deleted tenant is known as long as it has used something */

    if (rc == HX_NO && sum->n == 0) {
        job->result = HX_CHANGE_NO_TENANT;
        return HX_NO;
    }

    hx_buf_init(&b, job->out, NGX_HX_ADMIN_OUT);
    ngx_hx_usage_object(&b, job, &job->id, quota, sum);
    job->len = hx_buf_len(&b);

    return hx_buf_ok(&b) ? HX_OK : HX_FAIL;
}


hx_rc_t
ngx_hx_usage_job_one(ngx_hx_job_t *job, u_char *record)
{
    hx_rc_t           rc;
    hx_usage_sum_t   *sum;
    hx_state_used_t  *used;

    sum = malloc(sizeof(hx_usage_sum_t));
    used = malloc(sizeof(hx_state_used_t));
    rc = HX_FAIL;

    if (sum != NULL && used != NULL
        && ngx_hx_usage_flush_first(job, 0) == HX_OK)
    {
        rc = ngx_hx_usage_one_in(job, record, sum, used);
    }

    free(sum);
    free(used);

    return rc;
}


static int
ngx_hx_usage_each_tenant(void *data, const hx_tenant_t *t)
{
    hx_limit_t              limit;
    ngx_hx_usage_page_t    *page = data;
    ngx_hx_usage_tenant_t  *u;

    u = &page->tenant[page->n++];

    ngx_memcpy(u->id, t->id.data, t->id.len);
    u->len = t->id.len;

    hx_limit_resolve(&limit, t, page->job->plans, page->job->n_plans,
                     page->job->default_rate);
    u->quota = limit.quota;

    return page->n == page->job->limit + 1;
}


static int
ngx_hx_usage_each_used(void *data, const hx_str_t *id,
    const hx_usage_sum_t *sum)
{
    ngx_hx_usage_page_t    *page = data;
    ngx_hx_usage_tenant_t  *u;

    u = &page->tenant[page->n++];

    ngx_memcpy(u->id, id->data, id->len);
    u->len = id->len;
    u->quota = HX_QUOTA_UNLIMITED;

    return page->n == page->job->limit + 1;
}


static int
ngx_hx_usage_order(const ngx_hx_usage_tenant_t *a,
    const ngx_hx_usage_tenant_t *b)
{
    int  rc;

    rc = ngx_memcmp(a->id, b->id, ngx_min(a->len, b->len));

    return rc != 0 ? rc : a->len < b->len ? -1 : a->len > b->len;
}


/* Tenants of the registry and tenants that used something, in one order. */

typedef struct {
    const ngx_hx_usage_page_t  *page[2];
    ngx_uint_t                  at[2];
} ngx_hx_usage_merge_t;


static const ngx_hx_usage_tenant_t *
ngx_hx_usage_merged(ngx_hx_usage_merge_t *m)
{
    int                           rc;
    const ngx_hx_usage_tenant_t  *a, *b;

    a = m->at[0] < m->page[0]->n ? &m->page[0]->tenant[m->at[0]] : NULL;
    b = m->at[1] < m->page[1]->n ? &m->page[1]->tenant[m->at[1]] : NULL;

    if (a == NULL && b == NULL) {
        return NULL;
    }

    rc = a == NULL ? 1 : b == NULL ? -1 : ngx_hx_usage_order(a, b);

    m->at[0] += rc <= 0;
    m->at[1] += rc >= 0;

    return rc <= 0 ? a : b;
}


static hx_rc_t
ngx_hx_usage_write(ngx_hx_job_t *job, ngx_hx_usage_merge_t *m,
    hx_usage_sum_t *sum, hx_state_used_t *used)
{
    hx_buf_t                      b, before;
    hx_str_t                      id;
    ngx_uint_t                    n;
    const ngx_hx_usage_tenant_t  *u, *last;

    ngx_hx_job_list_begin(&b, job);

    hx_buf_byte(&b, '{');
    ngx_hx_usage_period(&b, job->month);
    hx_buf_lit(&b, ",\"tenants\":[");

    last = NULL;

    for (n = 0; (u = ngx_hx_usage_merged(m)) != NULL && n < job->limit; n++) {
        before = b;

        if (n != 0) {
            hx_buf_byte(&b, ',');
        }

        id.data = u->id;
        id.len = u->len;

        if (ngx_hx_usage_sum(job, &id, sum, used) != HX_OK) {
            return HX_FAIL;
        }

        ngx_hx_usage_object(&b, job, &id, u->quota, sum);

        if (!hx_buf_ok(&b)) {
            b = before;             /* the page ends early */
            break;
        }

        last = u;
    }

    if (last != NULL) {
        id.data = last->id;
        id.len = last->len;
    }

    return ngx_hx_job_list_end(&b, job, n,
                               u != NULL && last != NULL ? &id : NULL);
}


static hx_rc_t
ngx_hx_usage_list_in(ngx_hx_job_t *job, ngx_hx_usage_page_t *page,
    hx_usage_sum_t *sum, hx_state_used_t *used)
{
    ngx_hx_usage_merge_t  m;

    page[0].job = job;
    page[0].n = 0;
    page[1].job = job;
    page[1].n = 0;

    /* so that tenants that were deleted a second ago are listed, too */

    if (ngx_hx_usage_flush_first(job, 1) != HX_OK
        || hx_registry_list(job->registry, &job->after,
                            ngx_hx_usage_each_tenant, &page[0], job->err)
           != HX_OK
        || hx_usage_list(job->usage, job->month, &job->after,
                         ngx_hx_usage_each_used, &page[1], job->err)
           != HX_OK)
    {
        return HX_FAIL;
    }

    m.page[0] = &page[0];
    m.page[1] = &page[1];
    m.at[0] = 0;
    m.at[1] = 0;

    return ngx_hx_usage_write(job, &m, sum, used);
}


hx_rc_t
ngx_hx_usage_job_list(ngx_hx_job_t *job)
{
    hx_rc_t               rc;
    hx_usage_sum_t       *sum;
    hx_state_used_t      *used;
    ngx_hx_usage_page_t  *page;

    page = malloc(2 * sizeof(ngx_hx_usage_page_t));
    sum = malloc(sizeof(hx_usage_sum_t));
    used = malloc(sizeof(hx_state_used_t));
    rc = HX_FAIL;

    if (page != NULL && sum != NULL && used != NULL) {
        rc = ngx_hx_usage_list_in(job, page, sum, used);
    }

    free(page);
    free(sum);
    free(used);

    return rc;
}
