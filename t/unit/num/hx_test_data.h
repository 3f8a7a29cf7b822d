/*
 * hx_test_data.h -- kinds of arrays for the tests of compression, and the
 * judge: what comes back is measured here again, in long double, and held
 * against the verdict.
 */

#ifndef HX_TEST_DATA_H
#define HX_TEST_DATA_H

#include "hx_test_tt.h"
#include "hx_tt_compress.h"
#include "hx_tt_dense.h"

typedef enum {
    TEST_SMOOTH, TEST_NOISY, TEST_STEPS, TEST_SPIKES, TEST_RANDOM,
    TEST_LOW_RANK, TEST_INTEGERS, TEST_CONSTANT, TEST_ZEROS, TEST_HUGE,
    TEST_TINY, TEST_DENORMAL, TEST_RAMP, TEST_MIXED, TEST_SINGLE, TEST_PLANE,
    TEST_KINDS
} test_kind_t;


static inline void
test_data_smooth(double *x, size_t n)
{
    int     i, terms;
    double  f, g, h;
    size_t  k;

    terms = 1 + (int) test_below(5);
    memset(x, 0, n * sizeof(double));

    for (i = 0; i < terms; i++) {
        f = test_uniform() * 40;
        g = test_uniform() * 3;
        h = test_normal();

        for (k = 0; k < n; k++) {
            x[k] += h * sin(f * (double) k / (double) n + g);
        }
    }
}


static inline void
test_data_add_noise(double *x, size_t n, double level)
{
    size_t  k;

    for (k = 0; k < n; k++) {
        x[k] += level * test_normal();
    }
}


static inline void
test_data_steps(double *x, size_t n, int steps)
{
    int     i;
    double  h;
    size_t  k;

    memset(x, 0, n * sizeof(double));

    for (i = 0; i < steps; i++) {
        h = test_normal();

        for (k = test_below(n); k < n; k++) {
            x[k] += h;
        }
    }
}


/* a sum of few outer products of random vectors, cut somewhere */
static inline void
test_data_low_rank(double *x, size_t n)
{
    int     i, terms;
    size_t  k, width;
    double  u[64], v[64];

    width = (size_t) 1 << (1 + test_below(6));
    terms = 1 + (int) test_below(4);
    memset(x, 0, n * sizeof(double));

    for (i = 0; i < terms; i++) {
        for (k = 0; k < 64; k++) {
            u[k] = test_normal();
            v[k] = test_normal();
        }

        for (k = 0; k < n; k++) {
            x[k] += u[k / width % 64] * v[k % width];
        }
    }
}


/* a function of two coordinates: cheap in one order of bits, or the other */
static inline void
test_data_plane(double *x, const hx_array_t *a, size_t n)
{
    int       kind;
    double    u, v;
    size_t    k;
    uint64_t  width;

    width = a->ndim == 0 ? 1 : a->dim[a->fortran ? 0 : a->ndim - 1];
    kind = (int) test_below(4);

    for (k = 0; k < n; k++) {
        u = (double) (k / width) / (double) (n / width);
        v = (double) (k % width) / (double) width;

        x[k] = kind == 0 ? fabs(u - v)
               : kind == 1 ? exp(-10 * u) * sin(9 * v)
               : kind == 2 ? 1 / (fabs(u - v) + 0.05)
                           : (u * u + v * v < 0.7);
    }
}


static inline void
test_data(double *x, const hx_array_t *a, size_t n, test_kind_t kind)
{
    double  h;
    size_t  k;

    switch (kind) {

    case TEST_SMOOTH:
        test_data_smooth(x, n);
        break;

    case TEST_NOISY:
        test_data_smooth(x, n);
        test_data_add_noise(x, n, pow(10, -14 + 12 * fabs(test_uniform())));
        break;

    case TEST_STEPS:
        test_data_steps(x, n, 1 + (int) test_below(20));
        break;

    case TEST_SPIKES:
        memset(x, 0, n * sizeof(double));
        for (k = 1 + test_below(30); k != 0; k--) {
            x[test_below(n)] = test_normal();
        }
        break;

    case TEST_RANDOM:
        memset(x, 0, n * sizeof(double));
        test_data_add_noise(x, n, 1);
        break;

    case TEST_LOW_RANK:
        test_data_low_rank(x, n);
        if (test_below(2)) {
            test_data_add_noise(x, n, pow(10, -14 + 13 * fabs(test_uniform())));
        }
        break;

    case TEST_INTEGERS:
        test_data_smooth(x, n);
        h = pow(10, 12 * fabs(test_uniform()));
        for (k = 0; k < n; k++) {
            x[k] = nearbyint(x[k] * h);
        }
        break;

    case TEST_CONSTANT:
        h = test_normal() * 100;
        for (k = 0; k < n; k++) {
            x[k] = h;
        }
        break;

    case TEST_ZEROS:
        for (k = 0; k < n; k++) {
            x[k] = test_below(2) ? 0.0 : -0.0;
        }
        break;

    case TEST_HUGE:
    case TEST_TINY:
    case TEST_DENORMAL:
        test_data_smooth(x, n);
        h = kind == TEST_HUGE ? 1e306 : kind == TEST_TINY ? 1e-140 : 1e-310;
        h *= test_below(2) ? 1 : kind == TEST_HUGE ? 1e-160 : 1;
        for (k = 0; k < n; k++) {
            x[k] *= h;
        }
        break;

    case TEST_RAMP:
        h = nearbyint(test_uniform() * 1000);
        for (k = 0; k < n; k++) {
            x[k] = h + (double) k * (kind + 1);
        }
        break;

    case TEST_MIXED:
        test_data_smooth(x, n);
        for (k = 1 + test_below(5); k != 0; k--) {
            x[test_below(n)] += pow(10, 3 - 15 * fabs(test_uniform()));
        }
        break;

    case TEST_SINGLE:
        memset(x, 0, n * sizeof(double));
        x[test_below(n)] = test_normal();
        break;

    default:
        test_data_plane(x, a, n);
        break;
    }
}


/*
 * The array in bytes, one off a multiple of 8; free(result - 1).  Doubles in x
 * are scaled into the range of an integer type first.
 */
static inline unsigned char *
test_bytes(double *x, const hx_array_t *a, size_t n)
{
    double         most, room;
    size_t         k, size;
    unsigned char *p;

    size = hx_dtype_size(a->dtype);

    if (a->dtype != HX_DTYPE_F8 && a->dtype != HX_DTYPE_F4 && test_below(4)) {
        for (k = 0, most = 0; k < n; k++) {
            most = fmax(most, fabs(x[k]));
        }

        room = ldexp(1, (int) size * 8 - 1) * (test_below(2) ? 0.9 : 0.01);

        for (k = 0; k < n && most > 0; k++) {
            x[k] *= room / most;
        }
    }

    p = malloc(n * size + 1);
    assert_non_null(p);
    hx_store_f8(a->dtype, x, n, p + 1);

    return p + 1;
}


/* 1 / 2^63 apart at most, for integers that float64 cannot hold */
static inline long double
test_element(const hx_array_t *a, const unsigned char *p, size_t i)
{
    double    x;
    int64_t   s;
    uint64_t  u;

    if (a->dtype == HX_DTYPE_I8) {
        memcpy(&s, p + i * 8, 8);
        return (long double) s;
    }

    if (a->dtype == HX_DTYPE_U8) {
        memcpy(&u, p + i * 8, 8);
        return (long double) u;
    }

    hx_load_f8(a->dtype, p + i * hx_dtype_size(a->dtype), 1, &x);

    return (long double) x;
}


typedef struct {
    long double  error;
    long double  norm;
    long double  served;
    long double  cast;
} test_measure_t;


/* Decodes and compares, element by element. */
static inline void
test_measure(test_measure_t *m, const hx_tt_t *t, const hx_array_t *a,
    const unsigned char *data)
{
    void           *mem;
    double         *raw;
    size_t          i, n, k, part, size;
    long double     x, y;
    unsigned char  *bytes;
    hx_tt_dense_t   dn;

    n = (size_t) test_elements(a);
    size = hx_dtype_size(a->dtype);
    mem = malloc(hx_tt_dense_work(t, a));
    raw = malloc(HX_TT_DENSE_STEP * sizeof(double));
    bytes = malloc(HX_TT_DENSE_STEP * 8);
    assert_true(mem != NULL && raw != NULL && bytes != NULL);

    hx_tt_dense_init(&dn, t, a, mem);
    memset(m, 0, sizeof(*m));

    for (i = 0; i < n; i += part) {
        part = n - i < HX_TT_DENSE_STEP ? n - i : HX_TT_DENSE_STEP;
        hx_tt_dense_raw(&dn, i, part, raw);
        hx_tt_dense_read(&dn, i, part, bytes);

        for (k = 0; k < part; k++) {
            x = test_element(a, bytes, k);
            y = test_element(a, data + i * size, k);
            m->error += (x - y) * (x - y);
            m->norm += y * y;
            m->served += x * x;
            m->cast += (x - (long double) raw[k]) * (x - (long double) raw[k]);
        }
    }

    m->error = sqrtl(m->error);
    m->norm = sqrtl(m->norm);
    m->served = sqrtl(m->served);
    m->cast = sqrtl(m->cast);

    free(mem);
    free(raw);
    free(bytes);
}


static inline void
test_plain_array(hx_array_t *a, uint64_t n)
{
    memset(a, 0, sizeof(*a));
    a->dtype = HX_DTYPE_F8;
    a->ndim = 1;
    a->dim[0] = n;
}


static inline int
test_near(long double a, long double b, long double relative)
{
    return fabsl(a - b) <= relative * fabsl(b);
}


/*
 * Compresses and judges.  Returns the verdict; *r is good until the work is
 * reset.
 */
static inline hx_verdict_t
test_judge(hx_tt_result_t *r, const hx_array_t *a, const unsigned char *data,
    double tol, double ratio, hx_work_t *w)
{
    double          limit;
    uint64_t        n, bytes;
    hx_tt_want_t    want;
    test_measure_t  m;

    want.tol_max = tol;
    want.ratio_min = ratio;

    assert_int_equal(hx_array_size(a, &n, &bytes), HX_OK);
    hx_work_reset(w, hx_tt_compress_work(bytes), 1 << 20);
    assert_int_equal(hx_tt_compress(r, a, data, &want, w), HX_OK);
    assert_true(w->peak <= hx_tt_compress_work(bytes));

    if (r->verdict == HX_VERDICT_PASSTHROUGH) {
        assert_true(r->reason != HX_TT_REASON_NONE);
        assert_true(r->rel_error == 0);
        return r->verdict;
    }

    assert_int_equal(r->reason, HX_TT_REASON_NONE);
    assert_int_equal(hx_tt_values(&r->tt), r->n_values);
    assert_true((double) r->n_values * 8
                <= (double) bytes / ratio * (1 + 1e-15));
    assert_true(r->core == r->tt.core);

    limit = r->verdict == HX_VERDICT_EXACT ? HX_TT_EXACT_BELOW
            : r->verdict == HX_VERDICT_SAFE ? HX_TT_SAFE_BELOW
                                            : HX_TT_WEAK_BELOW;
    assert_true(limit <= tol);

    test_measure(&m, &r->tt, a, data);

    if (m.norm == 0) {
        assert_true(m.error == 0 && r->rel_error == 0 && r->norm == 0);
        return r->verdict;
    }

    if (!(m.error / m.norm < limit)) {
        fail_msg("error %Lg is too good to be verdict %d", m.error / m.norm,
                 (int) r->verdict);
    }

    assert_true(test_near(r->rel_error, m.error / m.norm, 0.01L));
    assert_true(test_near(r->norm, m.served, 1e-9L));

    /* 64-bit integers at the end of their range are not float64's by 1 */
    assert_true(r->cast_error >= (double) m.cast * 0.999
                                 - 1e-18 * (double) m.served);

    if (a->dtype == HX_DTYPE_F8 && m.norm > 0 && r->cast_error > 0) {
        assert_true(r->cast_error > 2e-7 * r->norm);        /* padding */
    }

    return r->verdict;
}

#endif /* HX_TEST_DATA_H */
