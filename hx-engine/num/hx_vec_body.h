/*
 * hx_vec_body.h -- the source of the loops behind hx_vec.h and hx_scan.h, one
 * for each instruction set: the compiler makes of GCC's vector types what the
 * set has.
 *
 * Before it is included: hx_vec_impl.h; HX_W, the bytes of a vector register;
 * HX_VEC_TABLE, the name of the table, and HX_VEC_NAME, its text;
 * hx_vec_level(), the product of len bytes of a row and one level of a query:
 * len is a multiple of 64, at most HX_VEC_BLOCK, and both are aligned to 64.
 */

#include <string.h>

#define HX_D   (HX_W / 8)           /* float64 lanes */
#define HX_F   (HX_W / 4)           /* float32 lanes */

typedef double   hx_vd_t __attribute__((vector_size(HX_W)));
typedef double   hx_vdu_t __attribute__((vector_size(HX_W), aligned(8)));
typedef int64_t  hx_vi_t __attribute__((vector_size(HX_W)));
typedef int8_t   hx_vb_t __attribute__((vector_size(HX_D)));
typedef float    hx_vf_t __attribute__((vector_size(HX_W)));
typedef float    hx_vfu_t __attribute__((vector_size(HX_W), aligned(4)));
typedef float    hx_vh_t __attribute__((vector_size(HX_W / 2)));
typedef float    hx_vhu_t __attribute__((vector_size(HX_W / 2), aligned(4)));


/*
 * s + x * y, rounded once where the set can: said outright, because norms have
 * to tie with products, and what becomes of an addition and a multiplication
 * side by side is each compiler's choice at each place.
 */
HX_VEC_INLINE double
hx_vec_add_product(double s, double x, double y)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fma(x, y, s);
#else
    return s + x * y;
#endif
}


/* Four registers of lanes to one number. */
HX_VEC_INLINE double
hx_vec_lanes(const hx_vd_t v[4])
{
    size_t   k;
    double   sum;
    hx_vd_t  s;

    s = (v[0] + v[2]) + (v[1] + v[3]);
    sum = s[0];

#pragma GCC unroll 8
    for (k = 1; k < HX_D; k++) {
        sum += s[k];
    }

    return sum;
}


static void
hx_vec_pair(const double *a, const double *b, size_t n, double out[4])
{
    double   d;
    size_t   i, k;
    hx_vd_t  x, y, z, ab[4], aa[4], bb[4], dd[4];

#pragma GCC unroll 4
    for (k = 0; k < 4; k++) {
        ab[k] = aa[k] = bb[k] = dd[k] = (hx_vd_t) { 0 };
    }

    for (i = 0; i + 4 * HX_D <= n; i += 4 * HX_D) {
#pragma GCC unroll 4
        for (k = 0; k < 4; k++) {
            x = *(const hx_vdu_t *) (a + i + HX_D * k);
            y = *(const hx_vdu_t *) (b + i + HX_D * k);
            z = x - y;
            ab[k] += x * y;
            aa[k] += x * x;
            bb[k] += y * y;
            dd[k] += z * z;
        }
    }

    out[0] = hx_vec_lanes(ab);
    out[1] = hx_vec_lanes(aa);
    out[2] = hx_vec_lanes(bb);
    out[3] = hx_vec_lanes(dd);

    for ( /* void */ ; i < n; i++) {
        d = a[i] - b[i];
        out[0] = hx_vec_add_product(out[0], a[i], b[i]);
        out[1] = hx_vec_add_product(out[1], a[i], a[i]);
        out[2] = hx_vec_add_product(out[2], b[i], b[i]);
        out[3] = hx_vec_add_product(out[3], d, d);
    }
}


/* The sum of squares; *max and *bad are brought up to date. */
static double
hx_vec_stat(const double *x, size_t n, double *max, int *bad)
{
    double   v, m, sum;
    size_t   i, k;
    hx_vd_t  y, top, s[4];
    hx_vi_t  no, more;

    top = (hx_vd_t) { 0 };
    no = (hx_vi_t) { 0 };

#pragma GCC unroll 4
    for (k = 0; k < 4; k++) {
        s[k] = (hx_vd_t) { 0 };
    }

    for (i = 0; i + 4 * HX_D <= n; i += 4 * HX_D) {
#pragma GCC unroll 4
        for (k = 0; k < 4; k++) {
            y = *(const hx_vdu_t *) (x + i + HX_D * k);
            s[k] += y * y;
            y = (hx_vd_t) ((hx_vi_t) y & INT64_MAX);
            no |= ~(y <= 0x1.fffffffffffffp1023);
            more = y > top;
            top = (hx_vd_t) (((hx_vi_t) y & more)
                              | ((hx_vi_t) top & ~more));
        }
    }

    sum = hx_vec_lanes(s);
    m = *max;

#pragma GCC unroll 8
    for (k = 0; k < HX_D; k++) {
        m = top[k] > m ? top[k] : m;
        *bad |= no[k] != 0;
    }

    for ( /* void */ ; i < n; i++) {
        v = __builtin_fabs(x[i]);
        *bad |= !(v <= 0x1.fffffffffffffp1023);
        sum = hx_vec_add_product(sum, v, v);
        m = v > m ? v : m;
    }

    *max = m;

    return sum;
}


/* One row's bytes; returns the sum of squares of what is lost. */
static double
hx_vec_row(const double *x, size_t n, double inverse, double step,
    unsigned char *q)
{
    double   t, e, sum;
    size_t   i, k;
    hx_vd_t  v, w, d, s;
    hx_vb_t  b;

    s = (hx_vd_t) { 0 };

    for (i = 0; i + HX_D <= n; i += HX_D) {
        v = *(const hx_vdu_t *) (x + i);
        w = v * inverse + HX_VEC_ROUND;
        d = v - (w - HX_VEC_ROUND) * step;
        s += d * d;
        b = __builtin_convertvector((hx_vi_t) w + 128, hx_vb_t);
        memcpy(q + i, &b, sizeof(b));
    }

    sum = 0;

    for (k = 0; k < HX_D; k++) {
        sum += s[k];
    }

    for ( /* void */ ; i < n; i++) {
        t = x[i] * inverse + HX_VEC_ROUND - HX_VEC_ROUND;
        e = x[i] - t * step;
        sum += e * e;
        q[i] = (unsigned char) ((int) t + 128);
    }

    return sum;
}


/* The two levels of a query; returns the sum of squares of what is left, and
 * adds to *coarse what the first level leaves. */
static double
hx_vec_split(const double *x, size_t n, double step, int8_t *p, int8_t *r,
    double *coarse)
{
    double   t, e, sum, in, inverse, fine;
    size_t   i, k;
    hx_vd_t  v, w, z, d, s, c;
    hx_vb_t  b;

    s = (hx_vd_t) { 0 };
    c = (hx_vd_t) { 0 };
    fine = step / 254;
    in = 1 / step;
    inverse = 1 / fine;

    for (i = 0; i + HX_D <= n; i += HX_D) {
        v = *(const hx_vdu_t *) (x + i);
        w = v * in + HX_VEC_ROUND;
        d = v - (w - HX_VEC_ROUND) * step;
        c += d * d;
        z = d * inverse + HX_VEC_ROUND;
        d = d - (z - HX_VEC_ROUND) * fine;
        s += d * d;
        b = __builtin_convertvector((hx_vi_t) w, hx_vb_t);
        memcpy(p + i, &b, sizeof(b));
        b = __builtin_convertvector((hx_vi_t) z, hx_vb_t);
        memcpy(r + i, &b, sizeof(b));
    }

    sum = 0;

    for (k = 0; k < HX_D; k++) {
        sum += s[k];
        *coarse += c[k];
    }

    for ( /* void */ ; i < n; i++) {
        t = x[i] * in + HX_VEC_ROUND - HX_VEC_ROUND;
        e = x[i] - t * step;
        p[i] = (int8_t) t;
        *coarse += e * e;
        t = e * inverse + HX_VEC_ROUND - HX_VEC_ROUND;
        e = e - t * fine;
        r[i] = (int8_t) t;
        sum += e * e;
    }

    return sum;
}


/* One row times one level; the row's bytes are 128 too large. */
HX_VEC_INLINE int64_t
hx_vec_product(const unsigned char *row, const int8_t *p, int64_t p_sum,
    size_t stride)
{
    size_t   i, len;
    int64_t  sum;

    for (i = 0, sum = 0; i < stride; i += len) {
        len = stride - i < HX_VEC_BLOCK ? stride - i : HX_VEC_BLOCK;
        sum += hx_vec_level(row + i, p + i, len);
    }

    return sum - 128 * p_sum;
}


static void
hx_vec_coarse(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i;
    int64_t  p;

    for (i = 0; i < n; i++, rows += y->stride) {
        p = hx_vec_product(rows, y->p, y->p_sum, y->stride);
        out[i] = (float) (y->t * (double) p);
    }
}


static void
hx_vec_rows(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i;
    int64_t  p, r;

    for (i = 0; i < n; i++, rows += y->stride) {
        p = hx_vec_product(rows, y->p, y->p_sum, y->stride);
        r = hx_vec_product(rows, y->r, y->r_sum, y->stride);
        out[i] = (float) (y->t * (double) p + y->u * (double) r);
    }
}


static void
hx_vec_signatures(const float *rows, size_t n, const float *q, float *out)
{
    size_t   i, k;
    float    sum;
    hx_vf_t  s;

    for (i = 0; i < n; i++, rows += HX_SIG) {
        s = *(const hx_vfu_t *) rows * *(const hx_vfu_t *) q;

#pragma GCC unroll 16
        for (k = HX_F; k < HX_SIG; k += HX_F) {
            s += *(const hx_vfu_t *) (rows + k) * *(const hx_vfu_t *) (q + k);
        }

        sum = s[0];

#pragma GCC unroll 16
        for (k = 1; k < HX_F; k++) {
            sum += s[k];
        }

        out[i] = sum;
    }
}


static double
hx_vec_sum(const double *x, size_t n)
{
    size_t   i, k;
    double   sum;
    hx_vd_t  s[4];

#pragma GCC unroll 4
    for (k = 0; k < 4; k++) {
        s[k] = (hx_vd_t) { 0 };
    }

    for (i = 0; i + 4 * HX_D <= n; i += 4 * HX_D) {
#pragma GCC unroll 4
        for (k = 0; k < 4; k++) {
            s[k] += *(const hx_vdu_t *) (x + i + HX_D * k);
        }
    }

    sum = hx_vec_lanes(s);

    for ( /* void */ ; i < n; i++) {
        sum += x[i];
    }

    return sum;
}


/*
 * out[i] becomes scale[i] out[i].  Most often none of a register's lanes is
 * good enough, which one test says; else all go to row.
 */
static size_t
hx_vec_pick(const hx_scan_pick_t *p, float *out, size_t n, uint32_t *row)
{
    size_t   i, j, k, found;
    hx_vf_t  v, u;
    hx_vh_t  uh[2];
    hx_vd_t  x, norm;
    hx_vi_t  any;

    found = 0;

    for (i = 0; i + HX_F <= n; i += HX_F) {
        v = *(const hx_vfu_t *) (p->scale + i) * *(const hx_vfu_t *) (out + i);
        *(hx_vfu_t *) (out + i) = v;
        u = v + (*(const hx_vfu_t *) (p->error + i) * p->k + p->c);
        memcpy(uh, &u, sizeof(uh));
        any = (hx_vi_t) { 0 };

#pragma GCC unroll 2
        for (j = 0; j < 2; j++) {
            x = __builtin_convertvector(uh[j], hx_vd_t);

            if (p->norm != NULL) {
                norm = *(const hx_vdu_t *) (p->norm + i + HX_D * j);
                x = norm * (p->a * x - p->b * norm);
            }

            any |= x >= p->bar;
        }

        for (k = 1; k < HX_D; k++) {
            any[0] |= any[k];
        }

        if (any[0] == 0) {
            continue;
        }

        for (j = i; j < i + HX_F; j++) {
            row[found++] = (uint32_t) j;
        }
    }

    for ( /* void */ ; i < n; i++) {
        out[i] *= p->scale[i];
        row[found++] = (uint32_t) i;
    }

    return found;
}


const hx_vec_impl_t  HX_VEC_TABLE = {
    HX_VEC_NAME,
    hx_vec_pair,
    hx_vec_stat,
    hx_vec_row,
    hx_vec_split,
    hx_vec_coarse,
    hx_vec_rows,
    hx_vec_signatures,
    hx_vec_pick,
    hx_vec_sum
};
