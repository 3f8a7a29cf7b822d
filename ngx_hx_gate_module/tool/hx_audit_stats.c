/*
 * hx_audit_stats.c -- see the header.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_stats.h"


#define HX_STATS_TABLE   (2 * HX_STATS_GROUPS)
#define HX_STATS_EXACT   128            /* ms */
#define HX_STATS_PARTS   64             /* of each doubling above */
#define HX_STATS_STEP    256            /* classes that memory grows by */

struct hx_stats_s {
    uint64_t            seed;
    unsigned            n;
    uint32_t           *table;          /* number + 1 of a group */
    hx_stats_group_t   *group;
    hx_stats_group_t    rest;
    hx_stats_group_t    total;
};


hx_stats_t *
hx_stats_create(uint64_t seed)
{
    hx_stats_t  *s;

    s = calloc(1, sizeof(hx_stats_t));
    if (s == NULL) {
        return NULL;
    }

    s->seed = seed;
    s->table = calloc(HX_STATS_TABLE, sizeof(uint32_t));
    s->group = calloc(HX_STATS_GROUPS, sizeof(hx_stats_group_t));

    if (s->table == NULL || s->group == NULL) {
        hx_stats_free(s);
        return NULL;
    }

    return s;
}


void
hx_stats_free(hx_stats_t *s)
{
    unsigned  i;

    if (s == NULL) {
        return;
    }

    for (i = 0; i < s->n; i++) {
        free((void *) s->group[i].name.data);
        free(s->group[i].latency);
    }

    free(s->rest.latency);
    free(s->total.latency);
    free(s->group);
    free(s->table);
    free(s);
}


static size_t
hx_stats_class(uint64_t ms)
{
    unsigned  bits;

    if (ms < HX_STATS_EXACT) {
        return (size_t) ms;
    }

    bits = 63 - (unsigned) __builtin_clzll(ms);         /* 7 and above */

    return HX_STATS_EXACT + (bits - 7) * HX_STATS_PARTS
           + (size_t) (ms >> (bits - 6)) % HX_STATS_PARTS;
}


/* The longest latency of a class. */

static uint64_t
hx_stats_longest(size_t class)
{
    size_t  part;

    if (class < HX_STATS_EXACT) {
        return class;
    }

    part = class - HX_STATS_EXACT;

    return ((uint64_t) (HX_STATS_PARTS + part % HX_STATS_PARTS + 1)
            << (part / HX_STATS_PARTS + 1)) - 1;
}


static hx_rc_t
hx_stats_count_latency(hx_stats_group_t *g, uint64_t ms)
{
    size_t     class, n;
    uint64_t  *p;

    class = hx_stats_class(ms);

    if (class >= g->n_latencies) {
        n = (class / HX_STATS_STEP + 1) * HX_STATS_STEP;

        p = realloc(g->latency, n * sizeof(uint64_t));
        if (p == NULL) {
            return HX_FAIL;
        }

        memset(p + g->n_latencies, 0, (n - g->n_latencies) * sizeof(uint64_t));
        g->latency = p;
        g->n_latencies = n;
    }

    g->latency[class]++;

    if (ms > g->latency_max) {
        g->latency_max = ms;
    }

    return HX_OK;
}


static hx_rc_t
hx_stats_count(hx_stats_group_t *g, const hx_record_t *r)
{
    if (r->amends) {
        g->aborted++;
        return HX_OK;
    }

    if (g->requests == 0 || r->ms < g->first) {
        g->first = r->ms;
        memcpy(g->first_ts, r->ts.data, sizeof(g->first_ts));
    }

    if (g->requests == 0 || r->ms >= g->last) {
        g->last = r->ms;
        memcpy(g->last_ts, r->ts.data, sizeof(g->last_ts));
    }

    g->requests++;
    g->ok += r->status / 100 == 2;
    g->client += r->status / 100 == 4;
    g->limited += r->status == 429;
    g->server += r->status / 100 == 5;
    g->cus += r->cus;

    return hx_stats_count_latency(g, r->latency_ms);
}


static int
hx_stats_same(const hx_str_t *a, const hx_str_t *b)
{
    if (a->data == NULL || b->data == NULL) {
        return a->data == b->data;
    }

    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static uint32_t
hx_stats_place(const hx_stats_t *s, const hx_str_t *name)
{
    size_t    i;
    uint64_t  h;

    h = s->seed ^ name->len;

    for (i = 0; i < name->len; i++) {
        h = (h ^ name->data[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 31;
    }

    return (uint32_t) (h >> 20) & (HX_STATS_TABLE - 1);
}


/* The group of the name; NULL = no memory. */

static hx_stats_group_t *
hx_stats_group(hx_stats_t *s, const hx_str_t *name)
{
    uint32_t           i;
    unsigned char     *p;
    hx_stats_group_t  *g;

    if (name->len > HX_STATS_NAME_MAX) {
        return &s->rest;
    }

    for (i = hx_stats_place(s, name); s->table[i] != 0;
         i = (i + 1) & (HX_STATS_TABLE - 1))
    {
        g = &s->group[s->table[i] - 1];

        if (hx_stats_same(&g->name, name)) {
            return g;
        }
    }

    if (s->n == HX_STATS_GROUPS) {
        return &s->rest;
    }

    g = &s->group[s->n];

    if (name->data != NULL) {
        p = malloc(name->len + 1);
        if (p == NULL) {
            return NULL;
        }

        memcpy(p, name->data, name->len);
        g->name.data = p;
        g->name.len = name->len;
    }

    s->table[i] = ++s->n;

    return g;
}


hx_rc_t
hx_stats_add(hx_stats_t *s, const hx_str_t *name, const hx_record_t *r)
{
    hx_stats_group_t  *g;

    g = hx_stats_group(s, name);

    if (g == NULL || hx_stats_count(g, r) != HX_OK) {
        return HX_FAIL;
    }

    return hx_stats_count(&s->total, r);
}


static int
hx_stats_order(const void *a, const void *b)
{
    int                      rc;
    const hx_stats_group_t  *x = a, *y = b;

    if (x->requests != y->requests) {
        return x->requests > y->requests ? -1 : 1;
    }

    if (x->name.data == NULL || y->name.data == NULL) {
        return (x->name.data != NULL) - (y->name.data != NULL);
    }

    rc = memcmp(x->name.data, y->name.data,
                x->name.len < y->name.len ? x->name.len : y->name.len);

    return rc != 0 ? rc
           : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}


unsigned
hx_stats_groups(hx_stats_t *s, hx_stats_group_t **groups)
{
    uint32_t  i, k;

    qsort(s->group, s->n, sizeof(hx_stats_group_t), hx_stats_order);

    /* the groups are in other places now */

    memset(s->table, 0, HX_STATS_TABLE * sizeof(uint32_t));

    for (i = 0; i < s->n; i++) {
        for (k = hx_stats_place(s, &s->group[i].name); s->table[k] != 0;
             k = (k + 1) & (HX_STATS_TABLE - 1))
        {
            /* void */
        }

        s->table[k] = i + 1;
    }

    *groups = s->group;

    return s->n;
}


const hx_stats_group_t *
hx_stats_rest(const hx_stats_t *s)
{
    return &s->rest;
}


const hx_stats_group_t *
hx_stats_total(const hx_stats_t *s)
{
    return &s->total;
}


uint64_t
hx_stats_latency(const hx_stats_group_t *g, unsigned permille)
{
    size_t    i;
    uint64_t  rank, sum, ms;

    if (g->requests == 0) {
        return 0;
    }

    rank = g->requests / 1000 * permille
           + (g->requests % 1000 * permille + 999) / 1000;
    sum = 0;

    for (i = 0; i < g->n_latencies; i++) {
        sum += g->latency[i];

        if (sum >= rank) {
            break;
        }
    }

    ms = hx_stats_longest(i);

    return ms < g->latency_max ? ms : g->latency_max;
}
