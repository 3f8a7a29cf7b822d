/*
 * hx_counts.c -- see the header.
 *
 * Called by operations and by the server when a request ends.  A domain joins
 * under a lock, once; it is found without one afterwards.
 */

#include <string.h>

#include "hx_counts.h"

const hx_bounds_t  hx_bounds_seconds = {
    14, { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1, 0.25, 0.5, 1, 5 }
};

const hx_bounds_t  hx_bounds_ratio = {
    13, { 1, 1.1, 1.5, 2, 3, 5, 10, 30, 100, 300, 1000, 10000, 100000 }
};

static const char *const  hx_kinds[HX_COUNTS_KINDS] = {
    "cosine", "euclidean", "dot"
};

static const char *const  hx_verdicts[HX_COUNTS_VERDICTS] = {
    [HX_VERDICT_PASSTHROUGH] = "passthrough",
    [HX_VERDICT_EXACT] = "exact",
    [HX_VERDICT_SAFE] = "safe",
    [HX_VERDICT_WEAK] = "weak"
};

/* the first stands for all that are not here */
static const unsigned  hx_statuses[HX_COUNTS_STATUSES] = {
    0, 200, 304, 400, 401, 404, 405, 408, 409, 413, 414, 415, 500, 501, 503,
    504
};


const char *
hx_counts_kind(unsigned i)
{
    return hx_kinds[i];
}


const char *
hx_counts_verdict(unsigned i)
{
    return hx_verdicts[i];
}


unsigned
hx_counts_status(unsigned i)
{
    return hx_statuses[i];
}


void
hx_counts_init(hx_counts_t *m)
{
    pthread_mutex_init(&m->lock, NULL);
    memcpy(m->other.name, "other", 5);
    m->other.len = 5;
}


static void
hx_histogram_add(hx_histogram_t *h, const hx_bounds_t *bounds, double v)
{
    double    sum;
    unsigned  i;

    for (i = 0; i < bounds->n && v > bounds->le[i]; i++) { /* void */ }

    atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
    sum = atomic_load_explicit(&h->sum, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(&h->sum, &sum, sum + v,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
    {
        /* void */
    }
}


static hx_counts_domain_t *
hx_domain_find(hx_counts_t *m, const hx_str_t *name, uint32_t hash)
{
    unsigned              i, n;
    hx_counts_domain_t  *d;

    if (name->len == m->other.len
        && memcmp(name->data, m->other.name, name->len) == 0)
    {
        return &m->other;               /* there is one series of that name */
    }

    n = atomic_load_explicit(&m->n_domains, memory_order_acquire);

    for (i = 0; i < n; i++) {
        d = &m->domain[i];

        if (d->hash == hash && d->len == name->len
            && memcmp(d->name, name->data, name->len) == 0)
        {
            return d;
        }
    }

    return n == HX_COUNTS_DOMAINS ? &m->other : NULL;
}


static hx_counts_domain_t *
hx_domain_join(hx_counts_t *m, const hx_str_t *name, uint32_t hash)
{
    unsigned              n;
    hx_counts_domain_t  *d;

    pthread_mutex_lock(&m->lock);

    d = hx_domain_find(m, name, hash);          /* by now somebody else may */

    if (d == NULL) {
        n = atomic_load(&m->n_domains);
        d = &m->domain[n];
        d->hash = hash;
        d->len = name->len;
        memcpy(d->name, name->data, name->len);
        atomic_store_explicit(&m->n_domains, n + 1, memory_order_release);
    }

    pthread_mutex_unlock(&m->lock);

    return d;
}


void
hx_counts_put(hx_counts_t *m, const hx_str_t *domain, hx_verdict_t verdict,
    double ratio, double seconds)
{
    size_t                i;
    uint32_t              hash;
    hx_counts_domain_t  *d;

    if (domain->len > HX_DOMAIN_MAX || verdict >= HX_COUNTS_VERDICTS) {
        return;
    }

    hash = 0x811c9dc5u;                                     /* FNV-1a */

    for (i = 0; i < domain->len; i++) {
        hash = (hash ^ domain->data[i]) * 0x01000193u;
    }

    d = hx_domain_find(m, domain, hash);
    d = d != NULL ? d : hx_domain_join(m, domain, hash);

    hx_histogram_add(&d->seconds, &hx_bounds_seconds, seconds);
    hx_histogram_add(&d->ratio[verdict], &hx_bounds_ratio, ratio);
}


void
hx_counts_query(hx_counts_t *m, const char *metric, double seconds)
{
    unsigned  i;

    for (i = 0; i < HX_COUNTS_KINDS; i++) {
        if (strcmp(hx_kinds[i], metric) == 0) {
            hx_histogram_add(&m->query[i], &hx_bounds_seconds, seconds);
        }
    }
}


void
hx_counts_request(hx_counts_t *m, unsigned op, unsigned status)
{
    unsigned  i;

    for (i = HX_COUNTS_STATUSES - 1; i != 0 && hx_statuses[i] != status; i--)
    {
        /* void */
    }

    if (op < HX_COUNTS_OPS) {
        atomic_fetch_add_explicit(&m->request[op][i], 1,
                                  memory_order_relaxed);
    }
}
