/*
 * hx_month.h -- the UTC calendar months that usage is counted in.  Pure.
 *
 * A month is one number, year * 100 + month: 202601 is January 2026.  Months
 * go from 197001 to 999912, in the proleptic Gregorian calendar; a Unix day
 * has 86400 seconds.
 */

#ifndef HX_MONTH_H
#define HX_MONTH_H

#include "hx_types.h"

#define HX_MONTH_NONE     0     /* no month */
#define HX_MONTH_TEXT     7     /* bytes of "2026-01" */

/* Months since January 1970, of which that is 0; and back. */

static inline unsigned
hx_month_count(unsigned month)
{
    return (month / 100 - 1970) * 12 + month % 100 - 1;
}


static inline unsigned
hx_month_at(unsigned count)
{
    return (count / 12 + 1970) * 100 + count % 12 + 1;
}


/* 1 when it is a month as above, else 0. */
int hx_month_valid(unsigned month);

/*
 * The month of a Unix second; HX_MONTH_NONE before 1970 and from year 10000 on.
 */
unsigned hx_month_of(int64_t unix_sec);

/*
 * The Unix second at which the next month begins (the first one that is not in
 * this one any more); 0 when it is no month.
 */
int64_t hx_month_end(unsigned month);

/*
 * "YYYY-MM", digits only and nothing around it.  HX_OK and *month, or HX_NO:
 * anything else, and *month is left alone.
 */
hx_rc_t hx_month_parse(const unsigned char *s, size_t len, unsigned *month);

/* "YYYY-MM" without NUL; month must be one. */
void hx_month_text(unsigned char out[HX_MONTH_TEXT], unsigned month);

#endif /* HX_MONTH_H */
