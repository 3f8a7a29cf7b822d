/*
 * hx_test_index.h -- a store and the index of it, writes that go to both, and
 * the nearest by a plain loop.
 */

#ifndef HX_TEST_INDEX_H
#define HX_TEST_INDEX_H

#include <math.h>
#include <pthread.h>

#include "hx_test_dir.h"
#include "hx_query.h"

#define INDEX_KEYS   64             /* of a model, at most */

static hx_store_t     *store;
static hx_index_t     *ix;
static const hx_str_t  ns = hx_string("ns");

typedef struct {
    pthread_mutex_t    lock;
    pthread_cond_t     done;
    int                ended;
    hx_index_item_t   *item;
    hx_store_op_t      op;
} write_t;

/* What the store should hold: n = 0 is nothing that can be compared. */
typedef struct {
    char      key[16];
    size_t    n;
    double   *x;
} model_t;


static inline void
open_store(void)
{
    char             err[256];
    hx_store_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = 256u << 20;
    conf.max_views = 32;
    conf.queue_max = 64;
    conf.keep = 2;
    store = hx_store_open(&conf, err, sizeof(err));

    if (store == NULL) {
        fail_msg("%s", err);
    }
}


static inline void
create_index(uint64_t bytes)
{
    hx_index_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.store = store;
    conf.bytes = bytes;
    ix = hx_index_create(&conf);
    assert_non_null(ix);
}


static inline void
wait_ready(void)
{
    unsigned         i;
    struct timespec  ts = { 0, 1000000 };

    for (i = 0; hx_index_state(ix) == HX_INDEX_BUILDING; i++) {
        assert_true(i < 60000);
        (void) nanosleep(&ts, NULL);
    }

    assert_int_equal(hx_index_state(ix), HX_INDEX_READY);
}


static inline void
close_all(void)
{
    hx_index_stop(ix);
    hx_store_close(store);
    hx_index_free(ix);
}


/* As api/hx_api_index.c does it. */
static inline void
write_done(hx_store_op_t *op)
{
    write_t            *w;
    hx_index_change_t   c;

    w = op->data;

    if (op->rc == HX_STORE_OK) {
        c.key = op->key;
        c.version = op->version;
        c.item = w->item;
        hx_index_apply(ix, &ns, &c, 1);

    } else {
        hx_index_drop(w->item);
    }

    pthread_mutex_lock(&w->lock);
    w->ended = 1;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}


/* Waited for.  x NULL: a delete; t: of the n elements at x. */
static inline hx_store_rc_t
write_array(const char *key, hx_dtype_t t, const void *x, size_t n,
    uint64_t *version)
{
    write_t       w;
    hx_record_t  *r;

    memset(&w, 0, sizeof(w));
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.done, NULL);
    r = &w.op.record;
    w.op.kind = x != NULL ? HX_STORE_PUT : HX_STORE_DELETE;
    w.op.ns = ns;
    w.op.key = test_str(key);
    w.op.done = write_done;
    w.op.data = &w;

    if (x != NULL) {
        r->array.dtype = t;
        r->array.ndim = 1;
        r->array.dim[0] = n;
        r->length = n * hx_dtype_size(t);
        r->stored = r->length;
        w.op.value.data = x;
        w.op.value.len = (size_t) r->length;
        w.item = hx_index_prepare(ix, r, &w.op.value, NULL);
        assert_non_null(w.item);
    }

    while (hx_store_submit(store, &w.op) == HX_STORE_BUSY) { /* void */ }

    pthread_mutex_lock(&w.lock);

    while (!w.ended) {
        pthread_cond_wait(&w.done, &w.lock);
    }

    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.done);
    pthread_mutex_destroy(&w.lock);

    if (version != NULL) {
        *version = w.op.version;
    }

    return w.op.rc;
}


static inline double
naive(hx_metric_t m, const double *a, const double *b, size_t n)
{
    size_t       i;
    long double  ab, aa, bb, dd;

    ab = aa = bb = dd = 0;

    for (i = 0; i < n; i++) {
        ab += (long double) a[i] * b[i];
        aa += (long double) a[i] * a[i];
        bb += (long double) b[i] * b[i];
        dd += ((long double) a[i] - b[i]) * ((long double) a[i] - b[i]);
    }

    return (double) (m == HX_DOT ? ab : m == HX_EUCLIDEAN ? sqrtl(dd)
                     : aa == 0 || bb == 0 ? 0 : ab / sqrtl(aa * bb));
}


/* What rounding may make of a score. */
static inline double
leeway(hx_metric_t m, const double *a, const double *b, size_t n)
{
    double  na, nb;

    na = sqrt(naive(HX_DOT, a, a, n));
    nb = sqrt(naive(HX_DOT, b, b, n));

    return 1e-12 * (m == HX_COSINE ? 1 : m == HX_DOT ? na * nb
                                                     : naive(m, a, b, n));
}


/* One query against the model, whose scores are given for what was found. */
static inline void
check_query(const model_t *model, size_t keys, hx_metric_t m,
    const double *y, size_t n, unsigned k)
{
    char              key[16];
    double            want, room, last;
    size_t            i, j, count;
    unsigned          hits;
    uint64_t          candidates;
    hx_query_t       *q;
    hx_record_t       r;
    const hx_hit_t   *hit;
    hx_query_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.index = ix;
    conf.store = store;
    conf.ns = ns;
    conf.metric = m;
    conf.k = k;
    memset(&r, 0, sizeof(r));
    r.array.dtype = HX_DTYPE_F8;
    r.array.ndim = 1;
    r.array.dim[0] = n;
    r.length = n * sizeof(double);
    q = hx_query_create(&conf);
    assert_non_null(q);
    assert_int_equal(hx_query_data(q, &r, (const unsigned char *) y),
                     HX_QUERY_OK);
    assert_int_equal(hx_query_run(q, &hit, &hits, &candidates), HX_QUERY_OK);

    for (i = 0, count = 0; i < keys; i++) {
        count += model[i].n == n;
    }

    assert_int_equal(candidates, count);
    assert_int_equal(hits, count < k ? count : k);
    last = 0;

    for (j = 0; j < hits; j++) {
        memcpy(key, hit[j].key.data, hit[j].key.len);
        key[hit[j].key.len] = '\0';

        for (i = 0; i < keys && strcmp(model[i].key, key) != 0; i++) {
            /* void */
        }

        assert_true(i < keys && model[i].n == n);
        want = naive(m, y, model[i].x, n);
        assert_true(fabs(hit[j].score - want)
                    <= leeway(m, y, model[i].x, n));
        last = want;
    }

    /* whoever is better than the last one by more than rounding is there */

    for (i = 0; i < keys && hits == k; i++) {
        if (model[i].n != n) {
            continue;
        }

        want = naive(m, y, model[i].x, n);
        room = 2 * leeway(m, y, model[i].x, n);

        for (j = 0; j < hits; j++) {
            if (hit[j].key.len == strlen(model[i].key)
                && memcmp(hit[j].key.data, model[i].key, hit[j].key.len) == 0)
            {
                break;
            }
        }

        assert_true(j < hits || (m == HX_EUCLIDEAN ? want >= last - room
                                                   : want <= last + room));
    }

    for (j = 1; j < hits; j++) {
        assert_true(hit[j - 1].score != hit[j].score
                    ? (m == HX_EUCLIDEAN) == (hit[j - 1].score < hit[j].score)
                    : memcmp(hit[j - 1].key.data, hit[j].key.data,
                             hit[j].key.len < hit[j - 1].key.len
                             ? hit[j].key.len : hit[j - 1].key.len) <= 0);
    }

    hx_query_free(q);
}

#endif /* HX_TEST_INDEX_H */
