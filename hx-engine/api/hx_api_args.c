/*
 * hx_api_args.c -- arguments of the query string.
 *
 * Called by operations with the names they know; unknown arguments are
 * ignored.  A known one that is repeated or cannot be decoded is a 400.
 */

#include <string.h>

#include "hx_api_op.h"


/* Decodes [p, end) into out; the length, or cap + 1 when it is no good. */
static size_t
hx_arg_decode(const unsigned char *p, const unsigned char *end,
    unsigned char *out, size_t cap)
{
    size_t  n;

    for (n = 0; p < end; n++) {

        if (n == cap) {
            return cap + 1;
        }

        if (*p != '%') {
            out[n] = *p++;
            continue;
        }

        if (end - p < 3 || hx_text_unhex(&out[n], p + 1, 1) != HX_OK
            || out[n] == '\0')
        {
            return cap + 1;
        }

        p += 3;
    }

    return n;
}


static hx_rc_t
hx_arg_bad(hx_req_t *r, const char *what, const char *name)
{
    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "%s argument '%s'", what,
                   name);
    return HX_FAIL;
}


hx_rc_t
hx_arg(hx_req_t *r, const char *name, unsigned char *out, size_t cap,
    hx_str_t *v)
{
    size_t                len;
    hx_rc_t               rc;
    const unsigned char  *p, *end, *amp, *eq;

    rc = HX_NO;
    len = strlen(name);
    p = r->query.data;
    end = p + r->query.len;

    for ( /* void */ ; p < end; p = amp + 1) {
        amp = memchr(p, '&', (size_t) (end - p));
        amp = amp != NULL ? amp : end;
        eq = memchr(p, '=', (size_t) (amp - p));
        eq = eq != NULL ? eq : amp;

        if ((size_t) (eq - p) != len || memcmp(p, name, len) != 0) {
            continue;
        }

        if (rc == HX_OK) {
            return hx_arg_bad(r, "Duplicate", name);
        }

        rc = HX_OK;
        v->data = out;
        v->len = hx_arg_decode(eq < amp ? eq + 1 : amp, amp, out, cap);

        if (v->len > cap) {
            return hx_arg_bad(r, "Invalid", name);
        }
    }

    return rc;
}


hx_rc_t
hx_arg_number(hx_req_t *r, const char *name, uint64_t min, uint64_t max,
    uint64_t *v)
{
    hx_rc_t        rc;
    uint64_t       n;
    hx_str_t       s;
    unsigned char  mem[20];

    rc = hx_arg(r, name, mem, sizeof(mem), &s);

    if (rc == HX_OK) {
        if (hx_text_parse_u64(s.data, s.len, max, &n) != HX_OK || n < min) {
            return hx_arg_bad(r, "Invalid", name);
        }
        *v = n;
    }

    return rc;
}
