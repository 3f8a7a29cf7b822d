/*
 * hx_check_addr.c -- addresses and times as nginx's configuration writes them;
 * contracts in hx_check_site.h.
 */

#include <string.h>

#include "hx_check_site.h"
#include "hx_text.h"


static hx_rc_t
hx_addr_port(hx_addr_t *a, const unsigned char *s, size_t len)
{
    uint64_t  n;

    if (hx_text_parse_u64(s, len, 65535, &n) != HX_OK || n == 0) {
        return HX_NO;
    }

    a->port = (unsigned) n;

    return HX_OK;
}


static hx_rc_t
hx_addr_ipv6(hx_addr_t *a, const hx_str_t *s)
{
    size_t                n;
    const unsigned char  *close;

    close = memchr(s->data, ']', s->len);
    if (close == NULL) {
        return HX_NO;
    }

    n = (size_t) (close - s->data) + 1;
    a->host.data = s->data + 1;
    a->host.len = n - 2;

    if (a->host.len == 0) {
        return HX_NO;
    }

    if (n == s->len) {
        return HX_OK;
    }

    return s->data[n] == ':' ? hx_addr_port(a, s->data + n + 1, s->len - n - 1)
                             : HX_NO;
}


hx_rc_t
hx_addr_parse(hx_addr_t *a, const hx_str_t *s, unsigned port, int bare)
{
    hx_str_t              rest;
    const hx_str_t        any = hx_string("*");
    const unsigned char  *colon;

    memset(a, 0, sizeof(hx_addr_t));
    a->port = port;
    a->host = any;

    if (s->len == 0 || memchr(s->data, '\0', s->len) != NULL) {
        return HX_NO;
    }

    if (hx_text_after(s, "unix:", &rest)) {
        a->path = rest;
        a->port = 0;
        return rest.len != 0 ? HX_OK : HX_NO;
    }

    if (s->data[0] == '[') {
        return hx_addr_ipv6(a, s);
    }

    if (bare && hx_addr_port(a, s->data, s->len) == HX_OK) {
        return HX_OK;
    }

    colon = memchr(s->data, ':', s->len);
    a->host.data = s->data;
    a->host.len = colon != NULL ? (size_t) (colon - s->data) : s->len;

    if (a->host.len == 0 || a->host.len > 253) {
        return HX_NO;
    }

    return colon == NULL ? HX_OK
           : hx_addr_port(a, colon + 1, s->len - a->host.len - 1);
}


/* 127.a.b.c with nothing but digits: a name may begin so, too */

static int
hx_addr_127(const hx_str_t *host)
{
    size_t    i;
    hx_str_t  rest;

    if (!hx_text_after(host, "127.", &rest)) {
        return 0;
    }

    for (i = 0; i < rest.len; i++) {
        if (rest.data[i] != '.' && (rest.data[i] < '0' || rest.data[i] > '9')) {
            return 0;
        }
    }

    return rest.len != 0;
}


int
hx_addr_loopback(const hx_addr_t *a)
{
    return a->path.data != NULL || hx_addr_127(&a->host)
           || hx_text_is(&a->host, "localhost")
           || hx_text_is(&a->host, "::1");
}


int
hx_addr_any(const hx_addr_t *a)
{
    return a->path.data == NULL
           && (hx_text_is(&a->host, "*") || hx_text_is(&a->host, "0.0.0.0")
               || hx_text_is(&a->host, "::"));
}


int
hx_addr_same(const hx_addr_t *a, const hx_addr_t *b)
{
    if (a->path.data != NULL || b->path.data != NULL) {
        return a->path.data != NULL && b->path.data != NULL
               && hx_text_eq(&a->path, &b->path);
    }

    if (a->port != b->port) {
        return 0;
    }

    return (hx_addr_loopback(a) && hx_addr_loopback(b))
           || hx_text_eq(&a->host, &b->host);
}


/* Milliseconds of a unit, 0 = none of them; *n: its letters. */

static unsigned
hx_site_unit(const unsigned char *s, size_t len, size_t *n)
{
    *n = 1;

    if (len == 0) {
        *n = 0;
        return 1000;
    }

    if (s[0] == 'm' && len > 1 && s[1] == 's') {
        *n = 2;
        return 1;
    }

    switch (s[0]) {

    case 's':
        return 1000;

    case 'm':
        return 60000;

    case 'h':
        return 3600000;

    case 'd':
        return 86400000;

    default:
        return 0;
    }
}


unsigned
hx_site_ms(const hx_str_t *s, unsigned dflt)
{
    size_t    i, n, digits;
    uint64_t  sum, v;
    unsigned  unit;

    sum = 0;

    for (i = 0; i < s->len; i += n) {
        v = 0;

        for (digits = 0; i < s->len && s->data[i] >= '0' && s->data[i] <= '9';
             i++, digits++)
        {
            v = v * 10 + (unsigned) (s->data[i] - '0');

            if (v > 2147483647) {
                return dflt;
            }
        }

        unit = hx_site_unit(s->data + i, s->len - i, &n);
        sum += v * unit;

        if (digits == 0 || unit == 0 || sum > 2147483647) {
            return dflt;
        }
    }

    return s->len != 0 ? (unsigned) sum : dflt;
}
