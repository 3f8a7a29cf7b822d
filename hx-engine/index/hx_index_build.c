/*
 * hx_index_build.c -- the columns at start: every live key of the store, in a
 * thread of its own, while writes go on.
 *
 * A view lasts for a batch of keys.  A version that is read here may be old by
 * the time it arrives in the columns; the writer has then been there before,
 * and hx_index_apply() leaves it out.  A damaged record is counted, told, and
 * is no candidate; a store that cannot be read is asked again for a while.
 */

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "hx_index_impl.h"

#define HX_BUILD_NICE      10
#define HX_BUILD_KEYS      256              /* of a batch */
#define HX_BUILD_BYTES     (16u << 20)      /* stored, of a batch */
#define HX_BUILD_EVENT_NS  1000000000u
#define HX_BUILD_TRIES     100              /* with HX_BUILD_WAIT between */
#define HX_BUILD_WAIT      100000000        /* ns */

typedef struct {
    hx_index_t       *ix;
    hx_store_view_t   view;
    hx_str_t          ns;               /* in ns_mem */
    hx_str_t          after;            /* in after_mem */
    unsigned          n;                /* of the batch */
    uint64_t          bytes;
    int               more;             /* the batch was full */
    hx_store_rc_t     rc;
    uint64_t          told_ns;
    unsigned char     ns_mem[HX_NAMESPACE_MAX];
    unsigned char     after_mem[HX_KEY_MAX];
} hx_build_t;


static uint64_t
hx_build_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}


static void
hx_build_tell(hx_build_t *b, const char *why)
{
    hx_index_t           *ix;
    hx_index_progress_t   p;

    ix = b->ix;
    b->told_ns = hx_build_now();

    if (ix->event == NULL) {
        return;
    }

    p.state = atomic_load(&ix->state);
    p.done = atomic_load(&ix->done);
    p.total = atomic_load(&ix->total);
    p.corrupt = atomic_load(&ix->corrupt);
    ix->event(ix->event_data, &p, why);
}


static hx_store_rc_t
hx_build_cores(hx_build_t *b, const hx_record_t *r, hx_index_item_t **item)
{
    void           *mem;
    hx_str_t        value;
    hx_store_rc_t   rc;

    mem = NULL;

    if (r->stored > HX_CHUNK_DATA) {
        mem = malloc((size_t) r->stored);

        if (mem == NULL) {
            return HX_STORE_FAIL;
        }
    }

    rc = hx_store_value(&b->view, r, 1, mem, &value);

    if (rc == HX_STORE_OK) {
        rc = hx_item_make(b->ix, r, &value, NULL, item);
    }

    free(mem);

    return rc;
}


static hx_store_rc_t
hx_build_item(hx_build_t *b, const hx_record_t *r, hx_index_item_t **item)
{
    hx_values_t    v;
    hx_store_rc_t  rc;

    if (r->codec == HX_CODEC_TT) {
        return hx_build_cores(b, r, item);
    }

    rc = hx_values_open(&v, &b->view, r, 1);

    if (rc == HX_STORE_OK) {
        rc = hx_item_dense(b->ix, &v, NULL, item);
        hx_values_close(&v);
    }

    return rc;
}


static hx_store_rc_t
hx_build_key(hx_build_t *b, const hx_str_t *key)
{
    hx_record_t         r;
    hx_store_rc_t       rc;
    hx_index_change_t   c;

    rc = hx_store_get(&b->view, &b->ns, key, 0, &r);

    if (rc != HX_STORE_OK) {
        return rc;
    }

    b->bytes += r.stored;

    if (!hx_values_usable(&r)) {
        return HX_STORE_OK;
    }

    rc = hx_build_item(b, &r, &c.item);

    if (rc == HX_STORE_OK) {
        c.key = *key;
        c.version = r.version;
        hx_index_apply(b->ix, &b->ns, &c, 1);
    }

    return rc;
}


static int
hx_build_each(void *data, const hx_str_t *key, hx_store_rc_t rc)
{
    hx_build_t  *b;

    b = data;

    if (atomic_load(&b->ix->stop)) {
        b->rc = HX_STORE_OK;
        b->more = 0;
        return 0;
    }

    if (rc == HX_STORE_OK) {
        rc = hx_build_key(b, key);
    }

    if (rc == HX_STORE_FAIL) {
        b->rc = rc;                         /* and once more from here */
        return 0;
    }

    if (rc == HX_STORE_CORRUPT) {
        atomic_fetch_add(&b->ix->corrupt, 1);
        hx_build_tell(b, "a stored record is corrupt");
    }

    atomic_fetch_add(&b->ix->done, 1);
    memcpy(b->after_mem, key->data, key->len);
    b->after.len = key->len;
    b->n++;

    if (b->n >= HX_BUILD_KEYS || b->bytes >= HX_BUILD_BYTES) {
        b->more = 1;
        return 0;
    }

    return 1;
}


/* One batch: OK, and b->more, or FAIL. */
static hx_store_rc_t
hx_build_batch(hx_build_t *b)
{
    hx_store_rc_t  rc;

    b->n = 0;
    b->bytes = 0;
    b->more = 0;
    b->rc = HX_STORE_OK;

    if (hx_store_view(b->ix->store, &b->view) != HX_STORE_OK) {
        return HX_STORE_FAIL;
    }

    rc = hx_store_keys(&b->view, &b->ns, &b->after, hx_build_each, b);
    hx_store_view_end(&b->view);

    if (hx_build_now() - b->told_ns > HX_BUILD_EVENT_NS) {
        hx_build_tell(b, NULL);
    }

    return rc != HX_STORE_OK ? rc : b->rc;
}


/* What cannot be read now may be a moment later. */
static int
hx_build_again(hx_build_t *b, unsigned *tries)
{
    struct timespec  ts = { 0, HX_BUILD_WAIT };

    if (++*tries > HX_BUILD_TRIES || atomic_load(&b->ix->stop)) {
        return 0;
    }

    (void) nanosleep(&ts, NULL);

    return 1;
}


static hx_store_rc_t
hx_build_namespace(hx_build_t *b)
{
    unsigned       tries;
    hx_store_rc_t  rc;

    tries = 0;
    b->after.data = b->after_mem;
    b->after.len = 0;

    for ( ;; ) {
        rc = hx_build_batch(b);

        if (rc == HX_STORE_OK) {
            tries = 0;

            if (!b->more) {
                return rc;
            }

        } else if (!hx_build_again(b, &tries)) {
            return rc;
        }
    }
}


static int
hx_build_take_name(void *data, const hx_store_ns_t *ns)
{
    hx_build_t  *b;

    b = data;
    memcpy(b->ns_mem, ns->name.data, ns->name.len);
    b->ns.data = b->ns_mem;
    b->ns.len = ns->name.len;
    b->more = 1;

    return 0;
}


/* The namespace behind b->ns: OK and b->more, or FAIL. */
static hx_store_rc_t
hx_build_next_name(hx_build_t *b)
{
    hx_str_t       after;
    hx_store_rc_t  rc;
    unsigned char  mem[HX_NAMESPACE_MAX];

    if (hx_store_view(b->ix->store, &b->view) != HX_STORE_OK) {
        return HX_STORE_FAIL;
    }

    after.data = mem;
    after.len = b->ns.len;
    memcpy(mem, b->ns_mem, b->ns.len);
    b->more = 0;
    rc = hx_store_namespaces(&b->view, &after, hx_build_take_name, b);
    hx_store_view_end(&b->view);

    return rc;
}


static hx_store_rc_t
hx_build_all(hx_build_t *b)
{
    unsigned       tries;
    hx_store_rc_t  rc;

    tries = 0;

    while (!atomic_load(&b->ix->stop)) {
        rc = hx_build_next_name(b);

        if (rc != HX_STORE_OK) {
            if (!hx_build_again(b, &tries)) {
                return rc;
            }
            continue;
        }

        if (!b->more) {
            return HX_STORE_OK;
        }

        rc = hx_build_namespace(b);

        if (rc != HX_STORE_OK) {
            return rc;
        }
    }

    return HX_STORE_OK;
}


static void
hx_build_finish(hx_index_t *ix, hx_store_rc_t rc)
{
    pthread_mutex_lock(&ix->writing);

    if (atomic_load(&ix->state) == HX_INDEX_BUILDING) {
        hx_map_forget(ix);
        atomic_store(&ix->state, rc == HX_STORE_OK ? HX_INDEX_READY
                                                   : HX_INDEX_FAILED);
    }

    pthread_mutex_unlock(&ix->writing);
}


static void *
hx_build_main(void *data)
{
    hx_build_t     b;
    hx_index_t    *ix;
    hx_store_rc_t  rc;

    ix = data;
    memset(&b, 0, sizeof(b));
    b.ix = ix;

    /* of this thread; requests go first */

    (void) setpriority(PRIO_PROCESS, 0, HX_BUILD_NICE);

    rc = hx_build_all(&b);

    if (!atomic_load(&ix->stop)) {
        hx_build_finish(ix, rc);
        hx_build_tell(&b, rc == HX_STORE_OK ? NULL
                                            : "the store cannot be read");
    }

    return NULL;
}


static int
hx_build_count(void *data, const hx_store_ns_t *ns)
{
    uint64_t  *total;

    total = data;
    *total += ns->known ? ns->keys : 1;

    return 1;
}


int
hx_index_start(hx_index_t *ix)
{
    uint64_t          total;
    hx_str_t          all;
    hx_store_rc_t     rc;
    hx_store_view_t   view;

    total = 0;
    all.data = NULL;
    all.len = 0;
    rc = hx_store_view(ix->store, &view);

    if (rc == HX_STORE_OK) {
        rc = hx_store_namespaces(&view, &all, hx_build_count, &total);
        hx_store_view_end(&view);
    }

    atomic_store(&ix->total, total);

    if (rc == HX_STORE_OK && total == 0) {
        hx_build_finish(ix, rc);
        return 0;
    }

    if (pthread_create(&ix->thread, NULL, hx_build_main, ix) != 0) {
        return -1;
    }

    ix->started = 1;

    return 0;
}
