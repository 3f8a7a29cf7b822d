/*
 * ngx_hx_metrics_job.c -- the text for Prometheus, in a thread: looking through
 * 100,000 tenants for those that deserve series of their own is no work for an
 * event loop.
 *
 * Series of their own have at most HX_METRICS_TENANTS tenants, those that have
 * used most this month, as far as nobody loses his to a narrow lead.
 */

#include "ngx_hx_admin.h"

#include <stdlib.h>


#define NGX_HX_METRICS_AHEAD    50          /* tenths of a CU */


typedef struct {
    uint64_t   tenths;
    uint32_t   block;
    uint32_t   incarnation;
    uint32_t   place;
    size_t     id_len;
    u_char     id[HX_TENANT_MAX];
} ngx_hx_metrics_tenant_t;


typedef struct {
    ngx_uint_t                n;
    ngx_uint_t                n_placed;
    hx_state_used_t           used;     /* the one that is looked at */
    ngx_hx_metrics_tenant_t   top[HX_METRICS_TENANTS];
    ngx_hx_metrics_tenant_t   placed[HX_METRICS_TENANTS];
} ngx_hx_metrics_work_t;


static void
ngx_hx_metrics_tenant(ngx_hx_metrics_tenant_t *t, const hx_state_used_t *used,
    uint64_t tenths)
{
    t->tenths = tenths;
    t->block = used->block;
    t->incarnation = used->incarnation;
    t->place = used->place;
    t->id_len = used->id_len;
    ngx_memcpy(t->id, used->id, used->id_len);
}


/* A heap with the least of them on top. */

static void
ngx_hx_metrics_sift(ngx_hx_metrics_work_t *w, ngx_uint_t i)
{
    ngx_uint_t               child;
    ngx_hx_metrics_tenant_t  t;

    for ( ;; ) {
        child = 2 * i + 1;

        if (child >= w->n) {
            break;
        }

        if (child + 1 < w->n
            && w->top[child + 1].tenths < w->top[child].tenths)
        {
            child++;
        }

        if (w->top[i].tenths <= w->top[child].tenths) {
            break;
        }

        t = w->top[i];
        w->top[i] = w->top[child];
        w->top[child] = t;
        i = child;
    }
}


static void
ngx_hx_metrics_offer(ngx_hx_metrics_work_t *w, uint64_t tenths)
{
    ngx_uint_t  i;

    if (w->n < HX_METRICS_TENANTS) {
        ngx_hx_metrics_tenant(&w->top[w->n++], &w->used, tenths);

        if (w->n == HX_METRICS_TENANTS) {
            for (i = w->n / 2; i-- > 0; /* void */) {
                ngx_hx_metrics_sift(w, i);
            }
        }

        return;
    }

    if (tenths > w->top[0].tenths) {
        ngx_hx_metrics_tenant(&w->top[0], &w->used, tenths);
        ngx_hx_metrics_sift(w, 0);
    }
}


static void
ngx_hx_metrics_look(ngx_hx_job_t *job, ngx_hx_metrics_work_t *w)
{
    uint32_t  cursor;
    uint64_t  tenths;

    cursor = 0;

    while (hx_state_next(job->state, &cursor, &w->used) == HX_OK) {

        tenths = hx_state_used_in(&w->used, job->month);

        if (w->used.place != 0 && w->n_placed < HX_METRICS_TENANTS) {
            ngx_hx_metrics_tenant(&w->placed[w->n_placed++], &w->used, tenths);

        } else if (tenths != 0) {
            ngx_hx_metrics_offer(w, tenths);
        }
    }
}


static ngx_uint_t
ngx_hx_metrics_is_placed(const ngx_hx_metrics_work_t *w, uint64_t handle)
{
    ngx_uint_t  i;

    for (i = 0; i < w->n_placed; i++) {
        if (w->placed[i].place == handle) {
            return 1;
        }
    }

    return 0;
}


/* Places whose tenants are not in this memory: it is another one by now. */

static void
ngx_hx_metrics_forget(ngx_hx_job_t *job, const ngx_hx_metrics_work_t *w)
{
    unsigned            i;
    hx_metrics_place_t  place;

    for (i = 1; i <= HX_METRICS_TENANTS; i++) {
        if (hx_metrics_place(job->metrics, i, &place)
            && !ngx_hx_metrics_is_placed(w, place.owner))
        {
            hx_metrics_retire(job->metrics, (uint32_t) place.owner);
        }
    }
}


/*
 * Handles that are not of these metrics: the memory is shared with another
 * nginx, the one before while its binary is upgraded.
 */

static void
ngx_hx_metrics_renew(ngx_hx_job_t *job, ngx_hx_metrics_work_t *w)
{
    hx_str_t                  id;
    uint32_t                  place;
    ngx_uint_t                i;
    ngx_hx_metrics_tenant_t  *t;

    for (i = 0; i < w->n_placed; i++) {
        t = &w->placed[i];
        id.data = t->id;
        id.len = t->id_len;

        place = hx_metrics_expose(job->metrics, &id);

        if (place != t->place) {
            hx_state_place(job->state, t->block, t->incarnation, place);
            t->place = place;
        }
    }
}


static int
ngx_hx_metrics_more(const void *one, const void *two)
{
    const ngx_hx_metrics_tenant_t  *a, *b;

    a = one;
    b = two;

    return (a->tenths < b->tenths) - (a->tenths > b->tenths);
}


/*
 * Who has a place keeps it until another one has used twice as much, and 10 CU
 * more: a series that comes and goes with the rank of its tenant is of no use,
 * and when a month begins, whoever comes first would take the places of all.
 */

static void
ngx_hx_metrics_places(ngx_hx_job_t *job, ngx_hx_metrics_work_t *w)
{
    hx_str_t                        id;
    uint32_t                        place;
    ngx_uint_t                      i, last;
    const ngx_hx_metrics_tenant_t  *t, *least;

    ngx_hx_metrics_forget(job, w);
    ngx_hx_metrics_renew(job, w);

    qsort(w->top, w->n, sizeof(ngx_hx_metrics_tenant_t), ngx_hx_metrics_more);
    qsort(w->placed, w->n_placed, sizeof(ngx_hx_metrics_tenant_t),
          ngx_hx_metrics_more);

    last = w->n_placed;

    for (i = 0; i < w->n; i++) {
        t = &w->top[i];
        id.data = t->id;
        id.len = t->id_len;

        if (id.len == 5 && ngx_memcmp(id.data, "other", 5) == 0) {
            continue;                       /* that name has never one */
        }

        place = hx_metrics_expose(job->metrics, &id);

        if (place == 0 && last != 0) {
            least = &w->placed[last - 1];

            if (t->tenths / 2 < least->tenths + NGX_HX_METRICS_AHEAD) {
                break;
            }

            last--;

            hx_state_place(job->state, least->block, least->incarnation, 0);
            hx_metrics_retire(job->metrics, least->place);

            place = hx_metrics_expose(job->metrics, &id);
        }

        if (place != 0) {
            hx_state_place(job->state, t->block, t->incarnation, place);
        }
    }
}


hx_rc_t
ngx_hx_metrics_job(ngx_hx_job_t *job)
{
    hx_buf_t                b;
    hx_state_info_t         info;
    ngx_hx_metrics_work_t  *w;

    /* another process may be at it, then the places are as it leaves them */

    if (hx_state_save_lock(job->state, 0) == HX_OK) {

        w = calloc(1, sizeof(ngx_hx_metrics_work_t));

        if (w != NULL) {
            ngx_hx_metrics_look(job, w);
            ngx_hx_metrics_places(job, w);
            free(w);
        }

        hx_state_save_unlock(job->state);
    }

    hx_state_info(job->state, &info);

    job->gauges.zone_blocks_used = info.blocks_used;
    job->gauges.zone_blocks_free = info.blocks - info.blocks_used;
    job->gauges.zone_bytes = info.bytes;
    job->gauges.zone_tenants = info.tenants;
    job->gauges.zone_unflushed = info.unsaved;

    hx_buf_init(&b, job->out, HX_METRICS_TEXT_MAX);
    hx_metrics_text(&b, job->metrics, &job->gauges);

    if (job->fleet != NULL) {
        hx_metrics_fleet_text(&b, job->fleet, &job->fleet_now);
    }

    job->len = hx_buf_len(&b);

    return hx_buf_ok(&b) ? HX_OK : HX_FAIL;
}
