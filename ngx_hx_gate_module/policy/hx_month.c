/*
 * hx_month.c -- see the header.
 */

#include "hx_month.h"


#define HX_MONTH_DAY      86400             /* seconds */
#define HX_MONTH_END      INT64_C(253402300800)     /* 10000-01-01 */

/* The calendar repeats after 400 years. */
#define HX_MONTH_CYCLE        4800          /* months */
#define HX_MONTH_CYCLE_DAYS   146097


/*
 * Days from 1970-01-01 to the first of the n-th month after January 1970.
 * Years begin in March here, so that the leap day is the last of its year and
 * the months before it have their days by one formula.
 */

static int64_t
hx_month_first(int64_t n)
{
    int64_t  year, month;

    n += 1970 * 12 - 2;
    year = n / 12;
    month = n % 12;             /* 0 = March */

    return year * 365 + year / 4 - year / 100 + year / 400
           + (month * 153 + 2) / 5 - 719468;
}


int
hx_month_valid(unsigned month)
{
    return month >= 197001 && month <= 999912
           && month % 100 >= 1 && month % 100 <= 12;
}


unsigned
hx_month_of(int64_t unix_sec)
{
    int64_t  n, day;

    if (unix_sec < 0 || unix_sec >= HX_MONTH_END) {
        return HX_MONTH_NONE;
    }

    /* by the mean length of a month, then the one or two it may be off */

    day = unix_sec / HX_MONTH_DAY;
    n = day * HX_MONTH_CYCLE / HX_MONTH_CYCLE_DAYS;

    while (hx_month_first(n) > day) {
        n--;
    }

    while (hx_month_first(n + 1) <= day) {
        n++;
    }

    return hx_month_at((unsigned) n);
}


int64_t
hx_month_end(unsigned month)
{
    if (!hx_month_valid(month)) {
        return 0;
    }

    return hx_month_first((int64_t) hx_month_count(month) + 1) * HX_MONTH_DAY;
}


hx_rc_t
hx_month_parse(const unsigned char *s, size_t len, unsigned *month)
{
    size_t    i;
    unsigned  m;

    if (len != HX_MONTH_TEXT || s[4] != '-') {
        return HX_NO;
    }

    m = 0;

    for (i = 0; i < HX_MONTH_TEXT; i++) {
        if (i == 4) {
            continue;
        }

        if (s[i] < '0' || s[i] > '9') {
            return HX_NO;
        }

        m = m * 10 + (unsigned) (s[i] - '0');
    }

    if (!hx_month_valid(m)) {
        return HX_NO;
    }

    *month = m;

    return HX_OK;
}


void
hx_month_text(unsigned char out[HX_MONTH_TEXT], unsigned month)
{
    size_t  i;

    for (i = HX_MONTH_TEXT; i-- != 0; /* void */) {
        if (i == 4) {
            out[i] = '-';
            continue;
        }

        out[i] = (unsigned char) ('0' + month % 10);
        month /= 10;
    }
}
