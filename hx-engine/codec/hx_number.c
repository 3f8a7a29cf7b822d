/*
 * hx_number.c -- see the header.
 *
 * printf and strtod take half a microsecond each, and up to three of them are
 * needed for one number.  Where long double has 64 bits of mantissa most
 * numbers are done in it: scaled by a power of ten their digits are an integer
 * whose error is known, and so is that of the way back.  What comes too close
 * to the middle between two answers is left to the C library.  (The program
 * never sets a locale, so that writes a point.)
 */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hx_number.h"
#include "hx_text.h"

#define HX_NUMBER_WHOLE   1e15          /* below: %.15g writes no exponent */
#define HX_NUMBER_LEAST   15            /* digits */
#define HX_NUMBER_MOST    17


#if LDBL_MANT_DIG == 64

#define HX_NUMBER_SMALL   1e-22         /* with 17 digits 10^40 is needed */
#define HX_NUMBER_LARGE   1e28

static const long double  hx_ten[] = {
    1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L,
    1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L,
    1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L, 1e28L, 1e29L, 1e30L, 1e31L,
    1e32L, 1e33L, 1e34L, 1e35L, 1e36L, 1e37L, 1e38L, 1e39L, 1e40L, 1e41L
};

/* v = m * 10^(e - digits + 1) as near as that many digits come. */
typedef struct {
    uint64_t  m;
    int       e;
    int       digits;
} hx_decimal_form_t;


static long double
hx_number_scale(long double v, int k)
{
    /* |k| <= 41, see HX_NUMBER_SMALL and HX_NUMBER_LARGE */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    return k >= 0 ? v * hx_ten[k] : v / hx_ten[-k];
}


/*
 * Rounds a to f->digits digits.  The product is within 2^-63 of a's, relative,
 * which is 2^-6 of one in the last place of 17 digits.
 */
static hx_rc_t
hx_number_round(hx_decimal_form_t *f, double a)
{
    long double  t, rest;

    t = hx_number_scale(a, f->digits - 1 - f->e);

    if (t < hx_ten[f->digits - 1]) {            /* it was an estimate */
        t = hx_number_scale(a, f->digits - 1 - --f->e);

    } else if (t >= hx_ten[f->digits]) {
        t = hx_number_scale(a, f->digits - 1 - ++f->e);
    }

    f->m = (uint64_t) t;
    rest = t - (long double) f->m;

    if (fabsl(rest - 0.5L) < 0x1p-5L) {
        return HX_NO;
    }

    f->m += rest > 0.5L;

    if (f->m == (uint64_t) hx_ten[f->digits]) {
        f->m /= 10;
        f->e++;
    }

    return HX_OK;
}


/* Do these digits give a back?  HX_OK, HX_NO, or HX_FAIL: too close to say. */
static hx_rc_t
hx_number_back(const hx_decimal_form_t *f, double a)
{
    int          exponent;
    long double  off, half;

    /* below a power of two the doubles are closer */

    if (frexp(a, &exponent) == 0.5) {
        return HX_FAIL;
    }

    half = ldexpl(1, exponent - DBL_MANT_DIG - 1);
    off = fabsl(hx_number_scale((long double) f->m, f->e - f->digits + 1)
                - (long double) a);

    if (fabsl(off - half) < half * 0x1p-6L) {
        return HX_FAIL;
    }

    return off < half ? HX_OK : HX_NO;
}


/* As %.*g writes it. */
static void
hx_number_write(hx_buf_t *b, const hx_decimal_form_t *f)
{
    int             i, n, e;
    uint64_t        m;
    unsigned char   text[20];

    m = f->m;
    e = f->e;

    for (n = f->digits; n > 1 && m % 10 == 0; n--) {
        m /= 10;
    }

    for (i = n; i-- > 0; m /= 10) {
        text[i] = (unsigned char) ('0' + m % 10);
    }

    if (e < -4 || e >= f->digits) {
        hx_buf_byte(b, text[0]);

        if (n > 1) {
            hx_buf_byte(b, '.');
            hx_buf_add(b, text + 1, (size_t) n - 1);
        }

        hx_buf_byte(b, 'e');
        hx_buf_byte(b, e < 0 ? '-' : '+');
        e = abs(e);
        hx_buf_byte(b, (unsigned char) ('0' + e / 10));
        hx_buf_byte(b, (unsigned char) ('0' + e % 10));
        return;
    }

    if (e < 0) {
        hx_buf_lit(b, "0.");
        hx_buf_add(b, "000", (size_t) -e - 1);
        hx_buf_add(b, text, (size_t) n);
        return;
    }

    for (i = 0; i < n || i <= e; i++) {
        if (i == e + 1) {
            hx_buf_byte(b, '.');
        }
        hx_buf_byte(b, i < n ? text[i] : '0');
    }

    if (n <= e + 1) {
        hx_buf_lit(b, ".0");
    }
}


/* 1: written. */
static int
hx_number_fast(hx_buf_t *b, double v)
{
    double             a;
    hx_rc_t            rc;
    hx_decimal_form_t  f;

    a = fabs(v);

    if (a < HX_NUMBER_SMALL || a > HX_NUMBER_LARGE) {
        return 0;
    }

    f.e = (int) floor(log10(a));

    for (f.digits = HX_NUMBER_LEAST; ; f.digits++) {
        if (hx_number_round(&f, a) != HX_OK) {
            return 0;
        }

        rc = f.digits < HX_NUMBER_MOST ? hx_number_back(&f, a) : HX_OK;

        if (rc == HX_FAIL) {
            return 0;
        }

        if (rc == HX_OK) {
            break;
        }
    }

    if (v < 0) {
        hx_buf_byte(b, '-');
    }

    hx_number_write(b, &f);

    return 1;
}

#else

static int
hx_number_fast(hx_buf_t *b, double v)
{
    (void) b;
    (void) v;

    return 0;
}

#endif


void
hx_number_f8(hx_buf_t *b, double v)
{
    int   digits, n;
    char  text[HX_NUMBER_MAX];

    if (!isfinite(v)) {
        hx_buf_lit(b, "null");
        return;
    }

    if (fabs(v) < HX_NUMBER_WHOLE && v == (double) (int64_t) v
        && (v != 0 || !signbit(v)))
    {
        if (v < 0) {
            hx_buf_byte(b, '-');
        }
        hx_text_u64(b, (uint64_t) fabs(v));
        hx_buf_lit(b, ".0");
        return;
    }

    if (hx_number_fast(b, v)) {
        return;
    }

    n = 0;

    for (digits = HX_NUMBER_LEAST; digits <= HX_NUMBER_MOST; digits++) {
        n = snprintf(text, sizeof(text), "%.*g", digits, v);

        if (strtod(text, NULL) == v) {
            break;
        }
    }

    hx_buf_add(b, text, (size_t) n);

    if (strcspn(text, ".e") == (size_t) n) {
        hx_buf_lit(b, ".0");
    }
}
