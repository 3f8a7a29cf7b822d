/*
 * hx_redis_scan.c -- walks along the lines of RESP and leaves strings out.
 */

#include "hx_redis_scan.h"

#include <string.h>

enum {
    HX_REDIS_SCAN_TYPE = 0,     /* the first byte of a line */
    HX_REDIS_SCAN_STRING,       /* "$" and its length */
    HX_REDIS_SCAN_ARRAY,        /* "*" and how many there are */
    HX_REDIS_SCAN_PAIRS,        /* "%": twice as many */
    HX_REDIS_SCAN_LINE,         /* any other, up to its end */
    HX_REDIS_SCAN_CR            /* which is CR LF: a line feed alone is text,
                                 * behind which nothing is announced */
};

#define HX_REDIS_SCAN_DIGITS   10


void
hx_redis_scan_init(hx_redis_scan_t *scan)
{
    memset(scan, 0, sizeof(hx_redis_scan_t));
}


/* A line that announces something is complete. */
static hx_rc_t
hx_redis_scan_end(hx_redis_scan_t *scan, uint64_t max)
{
    const int  state = scan->state;

    scan->state = HX_REDIS_SCAN_TYPE;

    if (scan->negative) {
        return HX_OK;           /* nil */
    }

    if (state == HX_REDIS_SCAN_STRING) {
        scan->skip = scan->number + 2;

        return scan->number <= max ? HX_OK : HX_NO;
    }

    scan->elements += state == HX_REDIS_SCAN_PAIRS ? 2 * scan->number
                                                   : scan->number;

    return scan->elements <= HX_REDIS_ELEMENTS_MAX ? HX_OK : HX_NO;
}


static void
hx_redis_scan_type(hx_redis_scan_t *scan, unsigned char ch)
{
    scan->negative = 0;
    scan->digits = 0;
    scan->number = 0;

    /* the reader of hiredis 1.0 takes RESP3, whoever asked for it */

    switch (ch) {

    case '$':
    case '=':
        scan->state = HX_REDIS_SCAN_STRING;
        break;

    case '*':
    case '~':
    case '>':
        scan->state = HX_REDIS_SCAN_ARRAY;
        break;

    case '%':
    case '|':
        scan->state = HX_REDIS_SCAN_PAIRS;
        break;

    default:
        scan->state = HX_REDIS_SCAN_LINE;
    }
}


/* Some more of a line that announces nothing; what is behind it. */
static const unsigned char *
hx_redis_scan_line(hx_redis_scan_t *scan, const unsigned char *p,
    const unsigned char *end)
{
    if (scan->state == HX_REDIS_SCAN_LINE) {
        p = memchr(p, '\r', (size_t) (end - p));

        if (p == NULL) {
            return end;
        }

        scan->state = HX_REDIS_SCAN_CR;
        return p + 1;
    }

    if (*p == '\n') {
        scan->state = HX_REDIS_SCAN_TYPE;

    } else if (*p != '\r') {
        scan->state = HX_REDIS_SCAN_LINE;
    }

    return p + 1;
}


hx_rc_t
hx_redis_scan(hx_redis_scan_t *scan, const unsigned char *data, size_t len,
    uint64_t max)
{
    const unsigned char  *p, *end;

    p = data;
    end = data + len;

    while (p < end) {
        if (scan->skip != 0) {
            if (scan->skip >= (uint64_t) (end - p)) {
                scan->skip -= (uint64_t) (end - p);
                return HX_OK;
            }

            p += scan->skip;
            scan->skip = 0;
            continue;
        }

        if (scan->state == HX_REDIS_SCAN_TYPE) {
            hx_redis_scan_type(scan, *p++);
            continue;
        }

        if (scan->state >= HX_REDIS_SCAN_LINE) {
            p = hx_redis_scan_line(scan, p, end);
            continue;
        }

        if (*p == '\n') {
            if (hx_redis_scan_end(scan, max) != HX_OK) {
                return HX_NO;
            }

        } else if (*p == '-') {
            scan->negative = 1;

        } else if (*p >= '0' && *p <= '9') {
            if (++scan->digits > HX_REDIS_SCAN_DIGITS) {
                return HX_NO;
            }

            scan->number = scan->number * 10 + (*p - '0');
        }

        p++;
    }

    return HX_OK;
}
