/*
 * hx_number.c -- see the header.  The program never sets a locale, so the C
 * library writes a point.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hx_number.h"
#include "hx_text.h"

#define HX_NUMBER_WHOLE   1e15          /* below: printf writes no exponent */


void
hx_number_f8(hx_buf_t *b, double v)
{
    int   digits, n;
    char  text[HX_NUMBER_MAX];

    if (!isfinite(v)) {
        hx_buf_lit(b, "null");
        return;
    }

    /* ratios and errors of what was not compressed, counts: no printf */

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

    n = 0;

    for (digits = 15; digits <= 17; digits++) {
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
