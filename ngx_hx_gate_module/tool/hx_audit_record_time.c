/*
 * hx_audit_record_time.c -- the time of a record, or of an option, as a number.
 */

#include "hx_audit_record_read.h"
#include "hx_month.h"


static int
hx_record_digits(const unsigned char *s, size_t n, unsigned *v)
{
    size_t  i;

    *v = 0;

    for (i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return 0;
        }

        *v = *v * 10 + (unsigned) (s[i] - '0');
    }

    return 1;
}


int64_t
hx_record_time(const unsigned char *s, size_t len)
{
    int64_t   sec, end;
    unsigned  month, day, h, m, second, ms, count;

    if ((len != 24 && len != 20) || s[len - 1] != 'Z' || s[7] != '-'
        || s[10] != 'T' || s[13] != ':' || s[16] != ':'
        || hx_month_parse(s, HX_MONTH_TEXT, &month) != HX_OK
        || !hx_record_digits(s + 8, 2, &day)
        || !hx_record_digits(s + 11, 2, &h)
        || !hx_record_digits(s + 14, 2, &m)
        || !hx_record_digits(s + 17, 2, &second))
    {
        return HX_RECORD_NONE;
    }

    ms = 0;

    if (len == 24 && (s[19] != '.' || !hx_record_digits(s + 20, 3, &ms))) {
        return HX_RECORD_NONE;
    }

    count = hx_month_count(month);
    sec = count == 0 ? 0 : hx_month_end(hx_month_at(count - 1));
    end = hx_month_end(month);
    sec += ((int64_t) day - 1) * 86400;

    if (day == 0 || sec >= end || h > 23 || m > 59 || second > 59) {
        return HX_RECORD_NONE;
    }

    sec += (int64_t) h * 3600 + (int64_t) m * 60 + second;

    return sec * 1000 + ms;
}
