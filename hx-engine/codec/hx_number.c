/*
 * hx_number.c -- see the header.  The program never sets a locale, so the C
 * library writes a point.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hx_number.h"


void
hx_number_f8(hx_buf_t *b, double v)
{
    int   digits, n;
    char  text[HX_NUMBER_MAX];

    if (!isfinite(v)) {
        hx_buf_lit(b, "null");
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
