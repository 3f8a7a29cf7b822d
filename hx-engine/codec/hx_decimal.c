/*
 * hx_decimal.c -- see the header.  strtod() would need a copy of the text, a
 * locale with a point, and round.
 */

#include <string.h>

#include "hx_decimal.h"

#define HX_EXP_MAX    1000000000000000000
#define HX_EXP_BIAS   32768


/* Digits with a sign or none, clamped. */
static int64_t
hx_decimal_exp(const unsigned char *p, const unsigned char *end)
{
    int      negative;
    int64_t  v;

    negative = p < end && *p == '-';

    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }

    for (v = 0; p < end && *p >= '0' && *p <= '9'; p++) {
        if (v >= HX_EXP_MAX / 10) {
            v = HX_EXP_MAX;
            break;
        }

        v = v * 10 + (*p - '0');
    }

    return negative ? -v : v;
}


void
hx_decimal_parse(hx_decimal_t *d, const hx_str_t *text)
{
    int64_t               shift;
    const unsigned char  *p, *end, *point, *stop, *first;

    p = text->data;
    end = p + text->len;
    d->negative = p < end && *p == '-';
    p += d->negative;
    point = NULL;
    first = NULL;

    for (stop = p; stop < end && (*stop | 0x20) != 'e'; stop++) {
        if (*stop == '.') {
            point = stop;

        } else if (first == NULL && *stop != '0') {
            first = stop;
        }
    }

    d->digits = first;
    d->len = 0;
    d->exp = 0;

    if (first == NULL) {
        d->negative = 0;
        return;
    }

    /* how far the point is behind the first digit, or before it */

    if (point == NULL) {
        shift = stop - first;

    } else if (point > first) {
        shift = point - first;

    } else {
        shift = -(int64_t) (first - point - 1);
    }

    d->exp = shift + (stop < end ? hx_decimal_exp(stop + 1, end) : 0);

    while (stop[-1] == '0' || stop[-1] == '.') {
        stop--;
    }

    d->len = (size_t) (stop - first);
}


/* The magnitudes of two that are not zero. */
static int
hx_decimal_magnitude(const hx_decimal_t *a, const hx_decimal_t *b)
{
    unsigned              x, y;
    const unsigned char  *p, *q, *p_end, *q_end;

    if (a->exp != b->exp) {
        return a->exp < b->exp ? -1 : 1;
    }

    p = a->digits;
    q = b->digits;
    p_end = p + a->len;
    q_end = q + b->len;

    while (p < p_end || q < q_end) {
        if (p < p_end && *p == '.') {
            p++;
            continue;
        }

        if (q < q_end && *q == '.') {
            q++;
            continue;
        }

        x = p < p_end ? *p++ : '0';
        y = q < q_end ? *q++ : '0';

        if (x != y) {
            return x < y ? -1 : 1;
        }
    }

    return 0;
}


static int
hx_decimal_sign(const hx_decimal_t *d)
{
    return d->len == 0 ? 0 : d->negative ? -1 : 1;
}


int
hx_decimal_compare(const hx_decimal_t *a, const hx_decimal_t *b)
{
    int  x, y;

    x = hx_decimal_sign(a);
    y = hx_decimal_sign(b);

    if (x != y) {
        return x < y ? -1 : 1;
    }

    return x == 0 ? 0 : x * hx_decimal_magnitude(a, b);
}


/* The first HX_DECIMAL_EXACT digits, zeroes behind them. */
static uint64_t
hx_decimal_head(const hx_decimal_t *d)
{
    size_t    i;
    unsigned  n;
    uint64_t  v;

    v = 0;
    n = 0;

    for (i = 0; i < d->len && n < HX_DECIMAL_EXACT; i++) {
        if (d->digits[i] != '.') {
            v = v * 10 + (uint64_t) (d->digits[i] - '0');
            n++;
        }
    }

    for ( /* void */ ; n < HX_DECIMAL_EXACT; n++) {
        v *= 10;
    }

    return v;
}


void
hx_decimal_encode(unsigned char out[HX_DECIMAL_CODE], const hx_decimal_t *d)
{
    int       sign;
    unsigned  i;
    uint64_t  exp, head;

    sign = hx_decimal_sign(d);
    memset(out, 0, HX_DECIMAL_CODE);
    out[0] = (unsigned char) (sign + 2);

    if (sign == 0) {
        return;
    }

    if (d->exp >= HX_EXP_BIAS) {
        exp = 2 * HX_EXP_BIAS - 1;
        head = UINT64_MAX;

    } else if (d->exp <= -HX_EXP_BIAS) {
        exp = 0;
        head = 0;

    } else {
        exp = (uint64_t) (d->exp + HX_EXP_BIAS);
        head = hx_decimal_head(d);
    }

    out[1] = (unsigned char) (exp >> 8);
    out[2] = (unsigned char) exp;

    for (i = 0; i < 8; i++) {
        out[3 + i] = (unsigned char) (head >> (56 - 8 * i));
    }

    for (i = 1; sign < 0 && i < HX_DECIMAL_CODE; i++) {
        out[i] = (unsigned char) ~out[i];
    }
}
