/*
 * hx_test_store.h -- a store in the test's directory, and writes that are
 * waited for.
 */

#ifndef HX_TEST_STORE_H
#define HX_TEST_STORE_H

#include <errno.h>
#include <pthread.h>

#include "hx_test_dir.h"
#include "hx_store.h"

#define NS   "ns"

typedef struct {
    pthread_mutex_t  lock;
    pthread_cond_t   more;
    unsigned         done;
} wait_t;

static wait_t       waiting = { PTHREAD_MUTEX_INITIALIZER,
                                PTHREAD_COND_INITIALIZER, 0 };
static hx_store_t  *store;


static inline void
answered(hx_store_op_t *op)
{
    pthread_mutex_lock(&waiting.lock);
    waiting.done++;
    *(int *) op->data += 1;
    pthread_cond_broadcast(&waiting.more);
    pthread_mutex_unlock(&waiting.lock);
}


static inline void
wait_all(unsigned n)
{
    pthread_mutex_lock(&waiting.lock);

    while (waiting.done < n) {
        pthread_cond_wait(&waiting.more, &waiting.lock);
    }

    waiting.done = 0;
    pthread_mutex_unlock(&waiting.lock);
}


static inline void
open_store(size_t map, unsigned queue)
{
    char             err[256];
    hx_store_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = map;
    conf.max_views = 8;
    conf.queue_max = queue;
    store = hx_store_open(&conf, err, sizeof(err));

    if (store == NULL) {
        fail_msg("%s", err);
    }
}


static inline void
fill(hx_store_op_t *op, hx_store_kind_t kind, const char *key,
    const void *value, size_t len, int *calls)
{
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    op->ns = test_str(NS);
    op->key = test_str(key);
    op->record.array.ndim = 1;
    op->record.array.dim[0] = len;
    op->record.length = len;
    op->value.data = value;
    op->value.len = len;
    op->done = answered;
    op->data = calls;
}


/* One write, waited for. */
static inline hx_store_rc_t
write_one(hx_store_kind_t kind, const char *key, const void *value,
    size_t len, hx_store_check_t check, uint64_t expected, uint64_t *version)
{
    int            calls;
    hx_store_op_t  op;

    calls = 0;
    fill(&op, kind, key, value, len, &calls);
    op.check = check;
    op.expected = expected;
    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(calls, 1);
    *version = op.rc == HX_STORE_CONFLICT ? op.current : op.version;

    return op.rc;
}


static inline uint64_t
put(const char *key, const void *value, size_t len)
{
    uint64_t  v;

    assert_int_equal(write_one(HX_STORE_PUT, key, value, len, HX_STORE_ANY, 0,
                               &v), HX_STORE_OK);
    return v;
}


static inline hx_store_rc_t
get(const char *key, uint64_t version, hx_record_t *r, hx_store_view_t *v)
{
    hx_str_t  ns, k;

    ns = test_str(NS);
    k = test_str(key);
    assert_int_equal(hx_store_view(store, v), HX_STORE_OK);

    return hx_store_get(v, &ns, &k, version, r);
}


/* The value, piece by piece, each through a view of its own. */
static inline void
check_value(const char *key, uint64_t version, const unsigned char *want,
    size_t len)
{
    size_t           off;
    uint64_t         id;
    hx_str_t         piece;
    hx_record_t      r;
    hx_store_view_t  v;

    assert_int_equal(get(key, version, &r, &v), HX_STORE_OK);
    assert_int_equal(hx_store_verify(&v, &r), HX_STORE_OK);
    assert_int_equal(r.length, len);
    id = r.value_id;

    if (id == 0) {
        assert_int_equal(r.value.len, len);
        assert_memory_equal(r.value.data, want, len);
        hx_store_view_end(&v);
        return;
    }

    hx_store_view_end(&v);

    for (off = 0; off < len; off += piece.len) {
        assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
        assert_int_equal(hx_store_piece(&v, id, len, off, &piece),
                         HX_STORE_OK);
        assert_true(piece.len != 0 && piece.len <= len - off);
        assert_memory_equal(piece.data, want + off, piece.len);
        hx_store_view_end(&v);
    }

    /* from the middle of a chunk as well */

    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_piece(&v, id, len, len - 1, &piece),
                     HX_STORE_OK);
    assert_int_equal(piece.len, 1);
    assert_int_equal(piece.data[0], want[len - 1]);
    hx_store_view_end(&v);
}

#endif /* HX_TEST_STORE_H */
