/*
 * hx_json_token.c -- strings, numbers and literals of the JSON scanner.
 *
 * Gathers tokens in the batch until they are complete; a string value that
 * outgrows HX_JSON_STRING_MAX leaves the batch and is streamed instead.  A
 * number or string is never given to yajl in parts.
 */

#include "hx_json_token.h"


int
hx_json_sink_write(void *data, const unsigned char *p, size_t len)
{
    return hx_json_yajl_tell(data, HX_JSON_LONG_DATA, p, len)
           == HX_JSON_STOP;
}


hx_json_err_t
hx_json_flush(hx_json_scan_t *s)
{
    size_t         n, blank;
    hx_json_err_t  err;

    n = s->tok;

    if (n == 0) {
        return HX_JSON_OK;
    }

    /* yajl ends a number at the byte behind it.  That may have been a blank,
     * which is not kept, or is still to come; no other token begins before
     * it, so its place is free. */
    blank = (s->batch[n - 1] >= '0' && s->batch[n - 1] <= '9');

    if (blank) {
        s->batch[n] = ' ';
    }

    err = hx_json_yajl_feed(&s->yajl, s->batch, n + blank);

    s->len -= n;
    s->tok = 0;
    memmove(s->batch, s->batch + n, s->len);

    return err;
}


/* The string in the batch has outgrown the limit: everything before it goes
 * to the caller, who then knows where it stands; the string itself never
 * reaches yajl. */
static hx_json_err_t
hx_json_long_start(hx_json_scan_t *s)
{
    hx_json_err_t         err;
    hx_json_verdict_t     v;
    const unsigned char  *p, *end;

    err = hx_json_flush(s);

    if (err == HX_JSON_OK) {
        err = hx_json_yajl_hidden(&s->yajl);
    }

    if (err != HX_JSON_OK) {
        return err;
    }

    v = hx_json_yajl_tell(&s->yajl, HX_JSON_LONG_START, NULL, 0);

    if (v == HX_JSON_STOP) {
        return HX_JSON_E_STOPPED;
    }

    s->skip = (v == HX_JSON_SKIP);
    s->state = HX_JSON_S_LONG;

    /* What has been gathered was only checked so far: now decode it. */
    p = s->batch + 1;
    end = s->batch + s->len;
    s->len = 0;

    if (s->skip) {
        return HX_JSON_OK;
    }

    memset(&s->str, 0, sizeof(s->str));

    return hx_json_string_scan(&s->str, &p, end, &s->sink) == HX_JSON_STR_MORE
           ? HX_JSON_OK : HX_JSON_E_STOPPED;
}


static hx_json_err_t
hx_json_string_error(hx_json_str_rc_t rc)
{
    switch (rc) {

    case HX_JSON_STR_E_UTF8:
        return HX_JSON_E_UTF8;

    case HX_JSON_STR_E_STOPPED:
        return HX_JSON_E_STOPPED;

    default:
        return HX_JSON_E_SYNTAX;
    }
}


hx_json_err_t
hx_json_in_string(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    size_t                room;
    hx_json_err_t         err;
    hx_json_str_rc_t      rc;
    const unsigned char  *start, *stop;

    start = *p;
    room = HX_JSON_STRING_MAX + 1 - (s->len - s->tok);
    stop = ((size_t) (end - start) > room) ? start + room : end;

    rc = hx_json_string_scan(&s->str, p, stop, NULL);

    if (rc == HX_JSON_STR_MORE && *p == start + room && *p < end) {
        if (**p == '"' && hx_json_string_closable(&s->str)) {
            (*p)++;
            rc = HX_JSON_STR_END;

        } else if (s->in_key) {
            return HX_JSON_E_TOKEN;
        }
    }

    if (rc != HX_JSON_STR_MORE && rc != HX_JSON_STR_END) {
        return hx_json_string_error(rc);
    }

    err = hx_json_put(s, start, (size_t) (*p - start));

    if (err != HX_JSON_OK) {
        return err;
    }

    if (rc == HX_JSON_STR_MORE) {
        return *p < end ? hx_json_long_start(s) : HX_JSON_OK;
    }

    if (s->in_key) {
        s->tok = s->len;
        s->state = HX_JSON_S_COLON;

    } else {
        hx_json_value_done(s);
    }

    return HX_JSON_OK;
}


hx_json_err_t
hx_json_in_long(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    hx_json_str_rc_t  rc;

    rc = hx_json_string_scan(&s->str, p, end, s->skip ? NULL : &s->sink);

    if (hx_json_sink_flush(&s->sink)) {
        return HX_JSON_E_STOPPED;
    }

    if (rc == HX_JSON_STR_MORE) {
        return HX_JSON_OK;
    }

    if (rc != HX_JSON_STR_END) {
        return hx_json_string_error(rc);
    }

    hx_json_value_done(s);

    return hx_json_yajl_tell(&s->yajl, HX_JSON_LONG_END, NULL, 0)
           == HX_JSON_STOP ? HX_JSON_E_STOPPED : HX_JSON_OK;
}


hx_json_number_t
hx_json_number_next(hx_json_number_t n, unsigned char c)
{
    int  digit;

    digit = (c >= '0' && c <= '9');

    switch (n) {

    case HX_JSON_N_MINUS:
        return !digit ? HX_JSON_N_END
                      : c == '0' ? HX_JSON_N_ZERO : HX_JSON_N_INT;

    case HX_JSON_N_INT:
        if (digit) {
            return n;
        }

        /* fall through */

    case HX_JSON_N_ZERO:
        return c == '.' ? HX_JSON_N_DOT
                        : (c | 0x20) == 'e' ? HX_JSON_N_E : HX_JSON_N_END;

    case HX_JSON_N_DOT:
        return digit ? HX_JSON_N_FRAC : HX_JSON_N_END;

    case HX_JSON_N_FRAC:
        return digit ? n : (c | 0x20) == 'e' ? HX_JSON_N_E : HX_JSON_N_END;

    case HX_JSON_N_E:
        if (c == '+' || c == '-') {
            return HX_JSON_N_SIGN;
        }

        /* fall through */

    default:
        return digit ? HX_JSON_N_EXP : HX_JSON_N_END;
    }
}


int
hx_json_number_whole(hx_json_number_t n)
{
    return n == HX_JSON_N_ZERO || n == HX_JSON_N_INT || n == HX_JSON_N_FRAC
           || n == HX_JSON_N_EXP;
}


hx_json_err_t
hx_json_in_number(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    size_t                room;
    hx_json_err_t         err;
    hx_json_number_t      next;
    const unsigned char  *start;

    start = *p;
    room = HX_JSON_NUMBER_MAX - (s->len - s->tok);
    next = s->number;

    while (*p < end) {
        next = hx_json_number_next(s->number, **p);

        if (next == HX_JSON_N_END) {
            break;
        }

        if ((size_t) (*p - start) == room) {
            return HX_JSON_E_TOKEN;
        }

        s->number = next;
        (*p)++;
    }

    err = hx_json_put(s, start, (size_t) (*p - start));

    if (err != HX_JSON_OK || next != HX_JSON_N_END) {
        return err;
    }

    if (!hx_json_number_whole(s->number)) {
        return HX_JSON_E_SYNTAX;
    }

    hx_json_value_done(s);

    return HX_JSON_OK;
}


hx_json_err_t
hx_json_in_literal(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    hx_json_err_t         err;
    const unsigned char  *start;

    start = *p;

    while (*p < end && *s->literal != '\0') {
        if (**p != (unsigned char) *s->literal) {
            return HX_JSON_E_SYNTAX;
        }

        (*p)++;
        s->literal++;
    }

    err = hx_json_put(s, start, (size_t) (*p - start));

    if (err == HX_JSON_OK && *s->literal == '\0') {
        hx_json_value_done(s);
    }

    return err;
}
