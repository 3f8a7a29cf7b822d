/*
 * hx_json_scan.c -- JSON as a stream (see hx_json_scan.h).
 *
 * The scanner follows the grammar itself, byte by byte, so that it knows where
 * tokens end and where an error is; complete tokens are gathered without the
 * blanks between them and handed to yajl in batches, yajl makes the events.
 * Both must agree: whatever yajl dislikes is an error as well.  Before an
 * error is reported everything in front of it has been delivered, so neither
 * events nor errors depend on how the text was cut into feeds.
 *
 * One block of memory holds everything, yajl's allocations included.
 */

#include <stdlib.h>

#include "hx_json_token.h"

_Static_assert(sizeof(hx_json_scan_t) + 64 <= HX_JSON_SCAN_MEM,
               "a scanner must keep the limit its header promises");
_Static_assert(HX_JSON_DEPTH_MAX <= 64, "one bit per container");


static hx_json_err_t
hx_json_open(hx_json_scan_t *s, unsigned char c)
{
    if (s->depth == HX_JSON_DEPTH_MAX) {
        return HX_JSON_E_DEPTH;
    }

    if (c == '{') {
        s->objects |= UINT64_C(1) << s->depth;
        s->state = HX_JSON_S_MEMBER;

    } else {
        s->objects &= ~(UINT64_C(1) << s->depth);
        s->state = HX_JSON_S_ELEMENT;
    }

    s->depth++;

    return HX_JSON_OK;
}


static int
hx_json_in_object(const hx_json_scan_t *s)
{
    return s->depth != 0 && (s->objects >> (s->depth - 1) & 1);
}


static hx_json_err_t
hx_json_close(hx_json_scan_t *s, unsigned char c)
{
    if (s->depth == 0 || c != (hx_json_in_object(s) ? '}' : ']')) {
        return HX_JSON_E_SYNTAX;
    }

    s->depth--;
    s->state = s->depth ? HX_JSON_S_NEXT : HX_JSON_S_DONE;

    return HX_JSON_OK;
}


static hx_json_err_t
hx_json_open_string(hx_json_scan_t *s, unsigned char c, unsigned in_key)
{
    if (c != '"') {
        return HX_JSON_E_SYNTAX;
    }

    s->in_key = in_key;
    s->state = HX_JSON_S_STRING;
    memset(&s->str, 0, sizeof(s->str));

    return HX_JSON_OK;
}


static hx_json_err_t
hx_json_value(hx_json_scan_t *s, unsigned char c)
{
    switch (c) {

    case '{':
    case '[':
        return hx_json_open(s, c);

    case '"':
        return hx_json_open_string(s, c, 0);

    case 't':
    case 'f':
    case 'n':
        s->literal = (c == 't') ? "rue" : (c == 'f') ? "alse" : "ull";
        s->state = HX_JSON_S_LITERAL;
        return HX_JSON_OK;

    case '-':
        s->number = HX_JSON_N_MINUS;
        s->state = HX_JSON_S_NUMBER;
        return HX_JSON_OK;

    default:
        s->number = hx_json_number_next(HX_JSON_N_MINUS, c);
        s->state = HX_JSON_S_NUMBER;
        return s->number != HX_JSON_N_END ? HX_JSON_OK : HX_JSON_E_SYNTAX;
    }
}


/* One byte outside tokens that is no blank. */
static hx_json_err_t
hx_json_between(hx_json_scan_t *s, unsigned char c)
{
    switch (s->state) {

    case HX_JSON_S_ELEMENT:
        return c == ']' ? hx_json_close(s, c) : hx_json_value(s, c);

    case HX_JSON_S_VALUE:
        return hx_json_value(s, c);

    case HX_JSON_S_MEMBER:
        return c == '}' ? hx_json_close(s, c) : hx_json_open_string(s, c, 1);

    case HX_JSON_S_KEY:
        return hx_json_open_string(s, c, 1);

    case HX_JSON_S_COLON:
        s->state = HX_JSON_S_VALUE;
        return c == ':' ? HX_JSON_OK : HX_JSON_E_SYNTAX;

    case HX_JSON_S_NEXT:
        if (c != ',') {
            return hx_json_close(s, c);
        }

        s->state = hx_json_in_object(s) ? HX_JSON_S_KEY : HX_JSON_S_VALUE;
        return HX_JSON_OK;

    default:
        return HX_JSON_E_SYNTAX;
    }
}


static hx_json_err_t
hx_json_outside(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    hx_json_err_t  err;
    unsigned char  c;

    while (*p < end && s->state < HX_JSON_S_STRING) {
        c = **p;

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            err = hx_json_between(s, c);

            if (err == HX_JSON_OK) {
                err = hx_json_put_byte(s, c);
            }

            if (err != HX_JSON_OK) {
                return err;
            }

            if (s->state < HX_JSON_S_STRING) {
                s->tok = s->len;
            }
        }

        (*p)++;
    }

    return HX_JSON_OK;
}


static hx_json_err_t
hx_json_step(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end)
{
    switch (s->state) {

    case HX_JSON_S_STRING:
        return hx_json_in_string(s, p, end);

    case HX_JSON_S_LONG:
        return hx_json_in_long(s, p, end);

    case HX_JSON_S_NUMBER:
        return hx_json_in_number(s, p, end);

    case HX_JSON_S_LITERAL:
        return hx_json_in_literal(s, p, end);

    default:
        return hx_json_outside(s, p, end);
    }
}


static hx_json_err_t
hx_json_fail(hx_json_scan_t *s, hx_json_err_t err)
{
    hx_json_err_t  earlier;

    if (err != HX_JSON_E_STOPPED) {
        earlier = hx_json_flush(s);

        if (earlier != HX_JSON_OK) {
            err = earlier;
        }
    }

    s->err = err;

    return err;
}


hx_json_err_t
hx_json_scan_feed(hx_json_scan_t *s, const unsigned char *p, size_t len)
{
    hx_json_err_t         err;
    const unsigned char  *start, *end;

    start = p;
    end = p + len;
    err = s->err;

    if (err != HX_JSON_OK) {
        return err;
    }

    while (p < end && err == HX_JSON_OK) {
        err = hx_json_step(s, &p, end);
    }

    s->offset += (uint64_t) (p - start);

    return err != HX_JSON_OK ? hx_json_fail(s, err) : HX_JSON_OK;
}


hx_json_err_t
hx_json_scan_finish(hx_json_scan_t *s)
{
    hx_json_err_t  err;

    if (s->err != HX_JSON_OK) {
        return s->err;
    }

    /* Only a number can be complete without a byte that says so. */
    if (s->state == HX_JSON_S_NUMBER && hx_json_number_whole(s->number)) {
        hx_json_value_done(s);
    }

    if (s->state != HX_JSON_S_DONE) {
        return hx_json_fail(s, HX_JSON_E_SYNTAX);
    }

    err = hx_json_flush(s);

    if (err == HX_JSON_OK) {
        err = hx_json_yajl_finish(&s->yajl);
    }

    s->err = err;

    return err;
}


uint64_t
hx_json_scan_offset(const hx_json_scan_t *s)
{
    return s->offset;
}


hx_json_scan_t *
hx_json_scan_create(hx_json_event_pt event, void *data)
{
    hx_json_scan_t  *s;

    /* Not zeroed: most of it is never touched. */
    s = malloc(sizeof(*s));

    if (s == NULL) {
        return NULL;
    }

    s->err = HX_JSON_OK;
    s->state = HX_JSON_S_VALUE;
    s->depth = 0;
    s->objects = 0;
    s->offset = 0;
    s->len = 0;
    s->tok = 0;
    s->sink.write = hx_json_sink_write;
    s->sink.data = &s->yajl;
    s->sink.n = 0;

    if (hx_json_yajl_init(&s->yajl, event, data) != HX_JSON_OK) {
        free(s);
        return NULL;
    }

    return s;
}


void
hx_json_scan_free(hx_json_scan_t *s)
{
    if (s == NULL) {
        return;
    }

    hx_json_yajl_done(&s->yajl);
    free(s);
}


const char *
hx_json_strerror(hx_json_err_t e)
{
    switch (e) {

    case HX_JSON_OK:
        return "no error";

    case HX_JSON_E_SYNTAX:
        return "bad JSON syntax";

    case HX_JSON_E_UTF8:
        return "bad UTF-8";

    case HX_JSON_E_DEPTH:
        return "nested too deep";

    case HX_JSON_E_TOKEN:
        return "key or number too long";

    case HX_JSON_E_STOPPED:
        return "stopped by the reader";

    case HX_JSON_E_NOMEM:
        return "out of memory";

    default:
        return "unknown error";
    }
}
