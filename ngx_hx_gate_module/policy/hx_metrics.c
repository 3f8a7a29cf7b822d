/*
 * hx_metrics.c -- registering and counting; see the header.
 *
 * Everything that two processes may touch is a naturally aligned 64-bit word,
 * read, written and added to with __atomic builtins; an addition is one
 * instruction, so a killed process leaves it done or not done.  Order matters
 * in two places only: a label is complete before its row is ready, a place is
 * complete before it has an owner.
 */

#include "hx_metrics.h"
#include "hx_check.h"
#include "hx_text.h"

#define hx_metrics_inc(p, n)                                                  \
    ((void) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED))

#define hx_metrics_store(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELAXED)

#define HX_METRICS_GET_OR_HEAD   (1U << HX_METRICS_GET | 1U << HX_METRICS_HEAD)

_Static_assert((int) HX_OUTCOME_COUNT <= (int) HX_METRICS_OUTCOMES,
               "outcomes have no room");
_Static_assert(HX_METRICS_TENANTS <= 0xff, "a handle has 8 bits for the place");
_Static_assert(HX_METRICS_LABEL_MAX <= 0xff, "the length has 8 bits");
_Static_assert(sizeof(hx_metrics_t) <= 262144, "more than 256 KiB");


void
hx_metrics_copy(uint64_t *to, const uint64_t *from, size_t words)
{
    size_t  i;

    for (i = 0; i < words; i++) {
        to[i] = hx_metrics_load(&from[i]);
    }
}


static void
hx_metrics_write(uint64_t *to, const uint64_t *from, size_t words)
{
    size_t  i;

    for (i = 0; i < words; i++) {
        hx_metrics_store(&to[i], from[i]);
    }
}


/* One character, or one byte that is none, as it stands in a label. */

static size_t
hx_metrics_character(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    switch (*s) {

    case '\\':
        hx_buf_lit(b, "\\\\");
        return 1;

    case '"':
        hx_buf_lit(b, "\\\"");
        return 1;

    case '\n':
        hx_buf_lit(b, "\\n");
        return 1;
    }

    n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

    if (len < n || hx_text_utf8(s, n) != n) {
        hx_buf_byte(b, '?');
        return 1;
    }

    hx_buf_add(b, s, n);

    return n;
}


/* The length of the label; the rest of it is zeros. */

static size_t
hx_metrics_label(uint64_t label[HX_METRICS_LABEL_MAX / 8], const hx_str_t *s)
{
    size_t    i;
    hx_buf_t  b;

    memset(label, 0, HX_METRICS_LABEL_MAX);
    hx_buf_init(&b, label, HX_METRICS_LABEL_MAX);

    for (i = 0; i < s->len && hx_buf_ok(&b); /* void */ ) {
        i += hx_metrics_character(&b, s->data + i, s->len - i);
    }

    return hx_buf_len(&b);
}


/* FNV-1a; never 0 */

static uint64_t
hx_metrics_hash(unsigned methods, const void *label, size_t len)
{
    size_t                i;
    uint64_t              h;
    const unsigned char  *p = label;

    h = (UINT64_C(0xcbf29ce484222325) ^ methods) * UINT64_C(0x100000001b3);

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }

    return h != 0 ? h : 1;
}


/*
 * Makes a claimed row say what it was claimed for.  0: it already says
 * something else, of the same hash.
 */

static int
hx_metrics_complete(hx_metrics_name_t *row, uint64_t ready,
    const uint64_t label[HX_METRICS_LABEL_MAX / 8])
{
    uint64_t  there, text[HX_METRICS_LABEL_MAX / 8];

    there = __atomic_load_n(&row->ready, __ATOMIC_ACQUIRE);

    if (there == 0) {
        hx_metrics_write(row->label, label, hx_nelts(row->label));
        __atomic_store_n(&row->ready, ready, __ATOMIC_RELEASE);
        return 1;
    }

    hx_metrics_copy(text, row->label, hx_nelts(text));

    return there == ready && memcmp(text, label, sizeof(text)) == 0;
}


/*
 * Rows are claimed in order and never freed: whoever looks for a name passes
 * the same rows, so that it cannot be claimed twice.
 */

static unsigned
hx_metrics_register(hx_metrics_name_t *rows, unsigned n, unsigned methods,
    const hx_str_t *name)
{
    size_t    len;
    uint64_t  hash, there, ready, label[HX_METRICS_LABEL_MAX / 8];
    unsigned  i;

    len = hx_metrics_label(label, name);

    if (len == 0 || (len == 5 && memcmp(label, "other", 5) == 0)) {
        return 0;
    }

    hash = hx_metrics_hash(methods, label, len);
    ready = (uint64_t) methods << 8 | len;

    for (i = 0; i < n; i++) {
        there = hx_metrics_load(&rows[i].hash);

        if (there == 0
            && __atomic_compare_exchange_n(&rows[i].hash, &there, hash, 0,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        {
            there = hash;
        }

        if (there == hash && hx_metrics_complete(&rows[i], ready, label)) {
            return i + 1;
        }
    }

    return 0;
}


unsigned
hx_metrics_route(hx_metrics_t *m, const hx_str_t *method,
    const hx_str_t *path)
{
    unsigned  methods;

    methods = 1U << hx_metrics_method(method);

    if (methods & HX_METRICS_GET_OR_HEAD) {
        methods = HX_METRICS_GET_OR_HEAD;
    }

    return hx_metrics_register(m->route, HX_METRICS_ROUTES, methods, path);
}


unsigned
hx_metrics_operation(hx_metrics_t *m, const hx_str_t *name)
{
    return hx_metrics_register(m->operation, HX_METRICS_OPERATIONS, 0, name);
}


/*
 * Killed before the last line: the place is still free.  The first fence and
 * the one in hx_metrics_place() keep a reader from taking what is written here
 * for its former owner's.
 */

static uint32_t
hx_metrics_occupy(hx_metrics_t *m, unsigned i, const uint64_t *id, size_t len)
{
    size_t               n;
    uint64_t             turn;
    uint32_t             handle;
    hx_metrics_place_t  *p;

    p = &m->place[i];
    turn = hx_metrics_load(&p->turn) + 1;
    handle = (uint32_t) (turn << 8) | i;

    __atomic_thread_fence(__ATOMIC_RELEASE);

    hx_metrics_store(&p->turn, turn);
    hx_metrics_store(&p->id_len, len);
    hx_metrics_write(p->id, id, hx_nelts(p->id));

    for (n = 0; n < hx_nelts(p->tenths); n++) {
        hx_metrics_store(&p->tenths[n], 0);
    }

    hx_metrics_store(&p->rejected, 0);
    __atomic_store_n(&p->owner, handle, __ATOMIC_RELEASE);

    return handle;
}


uint32_t
hx_metrics_expose(hx_metrics_t *m, const hx_str_t *tenant)
{
    uint64_t                   id[HX_TENANT_MAX / 8];
    unsigned                   i, vacant;
    const hx_metrics_place_t  *p;

    if (!hx_check_tenant(tenant->data, tenant->len)
        || (tenant->len == 5 && memcmp(tenant->data, "other", 5) == 0))
    {
        return 0;
    }

    memset(id, 0, sizeof(id));
    memcpy(id, tenant->data, tenant->len);
    vacant = 0;

    for (i = HX_METRICS_TENANTS; i != 0; i--) {
        p = &m->place[i];

        if (hx_metrics_load(&p->owner) == 0) {
            vacant = i;

        } else if (memcmp(p->id, id, sizeof(id)) == 0) {
            return (uint32_t) hx_metrics_load(&p->owner);
        }
    }

    return vacant != 0 ? hx_metrics_occupy(m, vacant, id, tenant->len) : 0;
}


/* Where a handle counts: its place, or that of "other". */

static hx_metrics_place_t *
hx_metrics_where(hx_metrics_t *m, uint32_t handle)
{
    hx_metrics_place_t  *p;

    if ((handle & 0xff) <= HX_METRICS_TENANTS) {
        p = &m->place[handle & 0xff];

        if (__atomic_load_n(&p->owner, __ATOMIC_ACQUIRE) == handle) {
            return p;
        }
    }

    return &m->place[0];
}


void
hx_metrics_retire(hx_metrics_t *m, uint32_t handle)
{
    /* "other" has no owner anyway */
    hx_metrics_store(&hx_metrics_where(m, handle)->owner, 0);
}


int
hx_metrics_place(const hx_metrics_t *m, unsigned i, hx_metrics_place_t *copy)
{
    uint64_t                   owner;
    const hx_metrics_place_t  *p;

    p = &m->place[i];
    owner = __atomic_load_n(&p->owner, __ATOMIC_ACQUIRE);

    if (owner == 0 && i != 0) {
        return 0;
    }

    hx_metrics_copy((uint64_t *) copy, (const uint64_t *) p,
                    sizeof(*copy) / sizeof(uint64_t));

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return hx_metrics_load(&p->owner) == owner;
}


hx_metrics_method_t
hx_metrics_method(const hx_str_t *name)
{
    const unsigned char  *p = name->data;

    switch (name->len) {

    case 3:
        return memcmp(p, "GET", 3) == 0 ? HX_METRICS_GET
               : memcmp(p, "PUT", 3) == 0 ? HX_METRICS_PUT
               : HX_METRICS_OTHER_METHOD;

    case 4:
        return memcmp(p, "POST", 4) == 0 ? HX_METRICS_POST
               : memcmp(p, "HEAD", 4) == 0 ? HX_METRICS_HEAD
               : HX_METRICS_OTHER_METHOD;

    case 5:
        return memcmp(p, "PATCH", 5) == 0 ? HX_METRICS_PATCH
               : HX_METRICS_OTHER_METHOD;

    case 6:
        return memcmp(p, "DELETE", 6) == 0 ? HX_METRICS_DELETE
               : HX_METRICS_OTHER_METHOD;

    case 7:
        return memcmp(p, "OPTIONS", 7) == 0 ? HX_METRICS_OPTIONS
               : HX_METRICS_OTHER_METHOD;
    }

    return HX_METRICS_OTHER_METHOD;
}


/* A row that is not ready counts no method. */

static hx_metrics_cell_t *
hx_metrics_cell(hx_metrics_t *m, unsigned route, hx_metrics_method_t method)
{
    unsigned  methods;

    if ((unsigned) method >= HX_METRICS_METHOD_COUNT) {
        return &m->cell[HX_METRICS_OTHER_METHOD];
    }

    if (route != 0 && route <= HX_METRICS_ROUTES) {
        methods = hx_metrics_ready_methods(
                      hx_metrics_load(&m->route[route - 1].ready));

        if (methods >> method & 1) {
            return &m->cell[HX_METRICS_METHOD_COUNT + 2 * (route - 1)
                            + (method == HX_METRICS_HEAD)];
        }
    }

    return &m->cell[method];
}


static unsigned
hx_metrics_status(unsigned status)
{
    static const unsigned char  exact[] = {
#define X(s)  [s] = HX_METRICS_STATUS_##s,
        HX_METRICS_STATUSES(X)
#undef X
    };

    if (status < sizeof(exact) && exact[status] != 0) {
        return exact[status];
    }

    return status >= 100 && status < 600
           ? HX_METRICS_CLASS_1XX + status / 100 - 1
           : HX_METRICS_CLASS_OTHER;
}


/*
 * Between two powers of two lies one upper bound at most: 1, 2 (2.5), 5, 10,
 * 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000 ms.  "first" is the
 * bucket of the power itself, "bound" the bound it has to be compared with.
 */

static unsigned
hx_metrics_bucket(uint64_t ms)
{
    unsigned  k;

    static const struct {
        uint16_t    bound;
        uint16_t    first;
    } power[] = {
        { 1, 0 }, { 2, 1 }, { 5, 2 }, { 10, 3 }, { 25, 4 }, { 50, 5 },
        { 100, 6 }, { 250, 7 }, { 500, 8 }, { 1000, 9 }, { 2047, 10 },
        { 2500, 10 }, { 5000, 11 }, { 10000, 12 }, { 30000, 13 }
    };

    k = 63 - (unsigned) __builtin_clzll(ms | 1);

    if (k >= hx_nelts(power)) {
        return HX_METRICS_BUCKETS - 1;
    }

    return power[k].first + (ms > power[k].bound);
}


void
hx_metrics_request(hx_metrics_t *m, unsigned route,
    hx_metrics_method_t method, unsigned status, uint64_t ms)
{
    hx_metrics_cell_t  *cell;

    cell = hx_metrics_cell(m, route, method);

    hx_metrics_inc(&cell->status[hx_metrics_status(status)], 1);
    hx_metrics_inc(&cell->bucket[hx_metrics_bucket(ms)], 1);
    hx_metrics_inc(&cell->sum, ms);
}


void
hx_metrics_charge(hx_metrics_t *m, uint32_t handle, unsigned operation,
    uint64_t tenths)
{
    if (operation > HX_METRICS_OPERATIONS) {
        operation = 0;
    }

    hx_metrics_inc(&hx_metrics_where(m, handle)->tenths[operation], tenths);
}


void
hx_metrics_rejected(hx_metrics_t *m, uint32_t handle)
{
    hx_metrics_inc(&hx_metrics_where(m, handle)->rejected, 1);
}


void
hx_metrics_decision(hx_metrics_t *m, hx_outcome_t outcome, int shadow)
{
    if ((unsigned) outcome < HX_OUTCOME_COUNT) {
        hx_metrics_inc(&m->decision[shadow != 0][outcome], 1);
    }
}


void
hx_metrics_webhook(hx_metrics_t *m, hx_stripe_type_t kind,
    hx_billing_result_t result)
{
    (void) __atomic_fetch_add(&m->webhook[kind][result], 1, __ATOMIC_RELAXED);
}


void
hx_metrics_add(hx_metrics_t *m, hx_metrics_counter_t counter, uint64_t n)
{
    if ((unsigned) counter < HX_METRICS_COUNTER_COUNT) {
        hx_metrics_inc(&m->counter[counter], n);
    }
}
