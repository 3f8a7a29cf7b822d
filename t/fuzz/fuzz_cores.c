/*
 * fuzz_cores.c -- the TT cores of put_cores: the input is a train (its number
 * of cores, ranks, dtype, shape, values), as a client would send it.  It is
 * refused, or what is stored of it is what was sent; the norm that is measured
 * is that of a naive contraction; what is read in pieces is what is read at
 * once; its record comes back from the store's form.
 *
 * sources: hx_api_cores.c hx_api_put_cores.c hx_tt_dense.c hx_tt_dense_plan.c
 * sources: hx_tt.c
 */

#include <math.h>

#include "hx_api_op.h"
#include "hx_base64.h"
#include "hx_fuzz_in.h"
#include "hx_tt_compress.h"
#include "hx_tt_dense.h"
#include "hx_work.h"

#define FUZZ_CORES   9
#define FUZZ_RANK    5
#define FUZZ_VALUES  ((size_t) FUZZ_CORES * 2 * FUZZ_RANK * FUZZ_RANK)
#define FUZZ_BODY    65536

static const unsigned char  dbkey[] = "\0\0\0\1key\0\0\0\0\0\0\0\0\1";
static const char *const    dtypes[] = { "f8", "f4", "i1", "i8", "u2", "u8" };

typedef struct {
    unsigned   d;
    unsigned   rank[FUZZ_CORES + 1];
    double     value[FUZZ_VALUES];
    size_t     n;
    unsigned   wild;                    /* not everything goes together */
    unsigned   far;                     /* products may be beyond what a double
                                         * tells apart */
} train_t;

static train_t        train;
static unsigned char  text[FUZZ_BODY];


/* Any bits, or, mostly, a number as others send it. */
static double
number(hx_fuzz_in_t *in)
{
    double    v;
    uint64_t  bits;

    if (hx_fuzz_byte(in) != 255) {
        return (double) (int8_t) hx_fuzz_byte(in) / 8;
    }

    bits = hx_fuzz_number(in, 8);
    memcpy(&v, &bits, sizeof(v));
    train.far |= v != 0 && !(fabs(v) > 1e-30 && fabs(v) < 1e30);

    return v;
}


static void
add_core(hx_buf_t *b, unsigned k, const double *v, size_t n, hx_fuzz_in_t *in)
{
    unsigned  left;

    left = train.rank[k];

    if (hx_fuzz_byte(in) == 200) {
        left = hx_fuzz_byte(in);
        train.wild = 1;
    }

    hx_buf_add(b, ",", k != 0);
    hx_buf_lit(b, "{\"shape\":[");
    hx_text_u64(b, left);
    hx_buf_lit(b, ",2,");
    hx_text_u64(b, train.rank[k + 1]);
    hx_buf_lit(b, "],\"data_b64\":\"");

    if (hx_buf_fits(b, hx_base64_enc_len(n * sizeof(double)))) {
        b->last += hx_base64_encode(b->last, (const unsigned char *) v,
                                    n * sizeof(double));
    }

    hx_buf_lit(b, "\"}");
}


static void
add_form(hx_buf_t *b, hx_fuzz_in_t *in)
{
    unsigned  i, n, flags;

    flags = hx_fuzz_byte(in);

    if (flags & 1) {
        hx_buf_lit(b, ",\"length\":");
        hx_text_u64(b, hx_fuzz_number(in, 2));
    }

    if (flags & 2) {
        n = hx_fuzz_byte(in) % 5;
        hx_buf_lit(b, ",\"shape\":[");

        for (i = 0; i < n; i++) {
            hx_buf_add(b, ",", i != 0);
            hx_text_u64(b, hx_fuzz_byte(in));
        }

        hx_buf_byte(b, ']');
    }

    if (flags & 4) {
        i = hx_fuzz_byte(in) % hx_nelts(dtypes);
        hx_buf_lit(b, ",\"dtype\":\"");
        hx_buf_add(b, dtypes[i], 2);
        hx_buf_byte(b, '"');
    }
}


/* The body of the request. */
static hx_str_t
make(hx_fuzz_in_t *in)
{
    size_t    i, n;
    hx_buf_t  b;
    hx_str_t  body;
    unsigned  k;

    train.wild = 0;
    train.far = 0;
    train.n = 0;
    train.d = 1 + hx_fuzz_byte(in) % FUZZ_CORES;
    train.rank[0] = 1;

    hx_buf_init(&b, text, sizeof(text));
    hx_buf_lit(&b, "{\"key\":\"k\"");
    add_form(&b, in);
    hx_buf_lit(&b, ",\"cores\":[");

    for (k = 0; k < train.d; k++) {
        train.rank[k + 1] = k + 1 == train.d ? 1
                            : 1 + hx_fuzz_byte(in) % FUZZ_RANK;
        n = (size_t) 2 * train.rank[k] * train.rank[k + 1];

        for (i = 0; i < n; i++) {
            train.value[train.n + i] = number(in);
        }

        add_core(&b, k, train.value + train.n, n, in);
        train.n += n;
    }

    hx_buf_lit(&b, "]}");
    hx_fuzz_check(hx_buf_ok(&b));
    body.data = text;
    body.len = hx_buf_len(&b);

    return body;
}


/* One value by the definition, and the sum of the sizes of what it is of. */
static double
naive(size_t index, double *size)
{
    size_t         i, j, bit;
    double         v[FUZZ_RANK], w[FUZZ_RANK], s[FUZZ_RANK], t[FUZZ_RANK], c;
    unsigned       k, left, right;
    const double  *core;

    core = train.value;
    v[0] = 1;
    s[0] = 1;

    for (k = 0; k < train.d; k++) {
        left = train.rank[k];
        right = train.rank[k + 1];
        bit = index >> (train.d - 1 - k) & 1;

        for (j = 0; j < right; j++) {
            w[j] = 0;
            t[j] = 0;

            for (i = 0; i < left; i++) {
                c = core[(i * 2 + bit) * right + j];
                w[j] += v[i] * c;
                t[j] += s[i] * fabs(c);
            }
        }

        memcpy(v, w, right * sizeof(double));
        memcpy(s, t, right * sizeof(double));
        core += (size_t) 2 * left * right;
    }

    *size = s[0];

    return v[0];
}


/* Element by element, of a dtype that rounds nothing, and at once and one by
 * one: to the last bit. */
static void
check_values(const hx_tt_t *tt, const hx_array_t *a, double norm)
{
    void           *mem;
    double          want, size, sum, slack, all[1u << FUZZ_CORES], one;
    size_t          i, n, bytes;
    uint64_t        elements;
    hx_tt_dense_t   dn;

    hx_fuzz_check(hx_array_size(a, &elements, NULL) == HX_OK);
    n = (size_t) elements;
    bytes = hx_tt_dense_work(tt, a);
    hx_fuzz_check(bytes != 0 && n <= hx_nelts(all));
    mem = malloc(bytes);
    hx_fuzz_check(mem != NULL);
    hx_tt_dense_init(&dn, tt, a, mem);
    hx_tt_dense_raw(&dn, 0, n, all);
    sum = 0;
    slack = 0;

    for (i = 0; i < n; i++) {
        hx_tt_dense_raw(&dn, i, 1, &one);
        hx_fuzz_check(memcmp(&one, &all[i], sizeof(one)) == 0);
        want = naive(i, &size);
        sum += want * want;
        slack += size * size;
        hx_fuzz_check(train.far || fabs(want - one) <= size * 1e-12);
    }

    free(mem);

    /* of others the norm is that of what is served: rounded */

    if (a->dtype == HX_DTYPE_F8 && !train.far && slack < 1e250) {
        hx_fuzz_check(fabs(sqrt(sum) - norm) <= 1e-7 * sqrt(slack) + 1e-150);
    }
}


static void
check_record(const hx_record_t *rec)
{
    hx_buf_t      b;
    hx_record_t   again;

    static unsigned char  out[HX_RECORD_MAX];

    hx_buf_init(&b, out, sizeof(out));
    hx_record_encode(&b, rec, dbkey, sizeof(dbkey));
    hx_fuzz_check(hx_buf_ok(&b));
    hx_fuzz_check(hx_record_decode(&again, out, hx_buf_len(&b), dbkey,
                                   sizeof(dbkey)) == HX_OK);
    hx_fuzz_check(again.tt.d == rec->tt.d);
    hx_fuzz_check(memcmp(again.tt.rank, rec->tt.rank,
                         (rec->tt.d + 1) * sizeof(uint32_t)) == 0);
    hx_fuzz_check(again.array.dtype == rec->array.dtype
                  && again.array.ndim == rec->array.ndim
                  && again.length == rec->length);
}


static void
measure(hx_req_t *r)
{
    hx_rc_t        rc;
    hx_work_t      w;
    hx_record_t   *rec;

    rec = &r->store_op.record;
    hx_fuzz_check(rec->tt.d == train.d && r->body->value_len
                  == train.n * sizeof(double));
    hx_fuzz_check(memcmp(rec->tt.core, train.value, r->body->value_len) == 0);

    hx_work_init(&w, hx_tt_compress_work(rec->length + r->body->value_len));
    rc = hx_tt_measure(&rec->tt, &rec->array, &rec->norm, &rec->cast_error,
                       &w);
    hx_work_free(&w);

    if (rc == HX_OK) {
        hx_fuzz_check(rec->norm >= 0 && rec->norm < 1e150);
        hx_fuzz_check(rec->cast_error >= 0);
        check_values(&rec->tt, &rec->array, rec->norm);
        rec->version = 1;
        rec->value_id = 9;
        rec->stored = r->body->value_len;
        check_record(rec);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    hx_req_t      *r;
    hx_str_t       body;
    hx_fuzz_in_t   in;

    static hx_api_t        api;
    static const hx_str_t  id = hx_string("id");
    static const hx_str_t  post = hx_string("POST");
    static const hx_str_t  target = hx_string("/v1/put_cores");
    static const hx_str_t  none[HX_H_COUNT];

    hx_fuzz_in(&in, data, len);
    body = make(&in);

    api.max_upload = 65536;
    api.budget.max = UINT64_C(1) << 30;
    r = hx_req_create(&api, &id);
    hx_fuzz_check(r != NULL);
    hx_req_route(r, &post, &target);
    hx_fuzz_check(r->reply.status == 0);
    hx_req_begin(r, none, body.len);
    hx_fuzz_check(r->reply.status == 0);
    hx_req_body(r, body.data, body.len);

    if (r->reply.status == 0) {
        hx_req_body_end(r);
    }

    hx_fuzz_check(r->reply.status == 0 || r->reply.status == 400
                  || r->reply.status == 413);

    if (r->reply.status == 0) {
        hx_fuzz_check(!train.wild
                      || r->body->value_len == train.n * sizeof(double));
        measure(r);
    }

    hx_req_free(r);
    hx_fuzz_check(api.budget.used == 0);

    return 0;
}
