/*
 * hx_api_media.c -- what a request says its body is, and what it wants for an
 * answer: Content-Type, Content-Encoding, Accept.  Called by hx_api.c.
 */

#include <string.h>

#include "hx_api_op.h"

static const char  hx_raw_octets[] = "application/octet-stream";
static const char  hx_raw_npy[] = "application/x-npy";


/* A media type, parameters apart. */
static int
hx_media_is(const hx_str_t *type, const char *name)
{
    size_t                len;
    const unsigned char  *semi;

    semi = memchr(type->data, ';', type->len);
    len = semi != NULL ? (size_t) (semi - type->data) : type->len;

    while (len != 0 && (type->data[len - 1] == ' '
                        || type->data[len - 1] == '\t'))
    {
        len--;
    }

    return hx_text_ieq(type->data, len, name, strlen(name));
}


static hx_raw_t
hx_raw_media(const hx_str_t *type)
{
    if (hx_media_is(type, hx_raw_octets)) {
        return HX_RAW_OCTETS;
    }

    return hx_media_is(type, hx_raw_npy) ? HX_RAW_NPY : HX_RAW_NONE;
}


int
hx_req_media(hx_req_t *r, const hx_str_t *type, const hx_str_t *encoding,
    hx_raw_t *raw)
{
    int  takes_raw;

    *raw = HX_RAW_NONE;

    if (encoding->data != NULL) {
        hx_reply_error(&r->reply, HX_E_UNSUPPORTED_MEDIA_TYPE,
                       "Request Content-Encoding is not supported");
        return -1;
    }

    if (r->op->fields == 0 || type->len == 0
        || hx_media_is(type, "application/json"))
    {
        return 0;
    }

    takes_raw = (r->op->fields & HX_FIELD_RAW) != 0;
    *raw = takes_raw ? hx_raw_media(type) : HX_RAW_NONE;

    if (*raw == HX_RAW_NONE) {
        hx_reply_error(&r->reply, HX_E_UNSUPPORTED_MEDIA_TYPE,
                       "Content-Type must be application/json%s",
                       takes_raw ? ", application/octet-stream or "
                                   "application/x-npy" : "");
        return -1;
    }

    return 0;
}


/* One element of Accept: application/octet-stream, and not with q=0? */
static int
hx_req_octet_range(const unsigned char *p, size_t len)
{
    static const char  name[] = "application/octet-stream";
    size_t             i, n;

    n = sizeof(name) - 1;

    if (len < n || !hx_text_ieq(p, n, name, n)) {
        return 0;
    }

    for (i = n; i < len && (p[i] == ' ' || p[i] == '\t'); i++) { /* void */ }

    if (i == len) {
        return 1;
    }

    if (p[i] != ';') {
        return 0;
    }

    for (i++; i < len && (p[i] == ' ' || p[i] == '\t'); i++) { /* void */ }

    if (len - i < 3 || (p[i] | 0x20) != 'q' || p[i + 1] != '=') {
        return 1;
    }

    for (i += 2; i < len; i++) {
        if (p[i] >= '1' && p[i] <= '9') {
            return 1;
        }
    }

    return 0;                                   /* q=0, q=0.0, ... */
}


int
hx_req_octets(const hx_str_t *accept)
{
    const unsigned char  *p, *end, *comma;

    end = accept->data + accept->len;

    for (p = accept->data; p < end; p = comma + 1) {
        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        comma = memchr(p, ',', (size_t) (end - p));
        comma = comma != NULL ? comma : end;

        if (hx_req_octet_range(p, (size_t) (comma - p))) {
            return 1;
        }
    }

    return 0;
}
