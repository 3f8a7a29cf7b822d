/*
 * hx_redis_host.c -- one member of a list of hosts: a name or an address, and
 * a port; and what the parser of URLs needs besides.
 */

#include "hx_redis_url_impl.h"

#include <string.h>

#include "hx_text.h"


hx_rc_t
hx_redis_bad(hx_redis_url_err_t *err, const char *what, const hx_str_t *where)
{
    static const hx_str_t  hidden = { NULL, 0 };

    err->what = what;
    err->where = where != NULL ? *where : hidden;

    return HX_NO;
}


int
hx_redis_cut(hx_str_t *s, int byte, hx_str_t *rest)
{
    const unsigned char  *p;

    p = s->len != 0 ? memchr(s->data, byte, s->len) : NULL;

    if (p == NULL) {
        return 0;
    }

    rest->data = p + 1;
    rest->len = s->len - (size_t) (p + 1 - s->data);
    s->len = (size_t) (p - s->data);

    return 1;
}


static int
hx_redis_digit(unsigned char ch)
{
    return ch >= '0' && ch <= '9';
}


static int
hx_redis_hex(unsigned char ch)
{
    return hx_redis_digit(ch) || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f');
}


int
hx_redis_name_byte(unsigned char ch)
{
    return hx_redis_digit(ch) || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
           || ch == '-' || ch == '_';
}


/* Four numbers up to 255, without zeroes in front. */
static int
hx_redis_v4(const hx_str_t *s)
{
    hx_str_t  part, rest;
    uint64_t  v;
    unsigned  n;

    rest = *s;

    for (n = 0; n < 4; n++) {
        part = rest;

        if (hx_redis_cut(&part, '.', &rest) != (n < 3)) {
            return 0;
        }

        if (hx_text_parse_u64(part.data, part.len, 255, &v) != HX_OK) {
            return 0;
        }
    }

    return 1;
}


/*
 * Groups of one to four hex digits, eight of them, or fewer and one "::"; the
 * last two may be written as an IPv4 address.
 */
static int
hx_redis_v6(const hx_str_t *s)
{
    size_t    i, n;
    hx_str_t  tail;
    unsigned  groups, gap;

    groups = 0;
    gap = 0;
    i = 0;

    if (s->len >= 2 && s->data[0] == ':' && s->data[1] == ':') {
        gap = 1;
        i = 2;
    }

    while (i < s->len) {
        tail.data = s->data + i;
        tail.len = s->len - i;

        if (memchr(tail.data, ':', tail.len) == NULL
            && memchr(tail.data, '.', tail.len) != NULL)
        {
            groups += 2;
            return hx_redis_v4(&tail) && (gap ? groups < 8 : groups == 8);
        }

        for (n = 0; i < s->len && hx_redis_hex(s->data[i]); i++) {
            n++;
        }

        if (n < 1 || n > 4 || ++groups > 8) {
            return 0;
        }

        if (i == s->len) {
            break;
        }

        if (s->data[i++] != ':' || i == s->len) {
            return 0;
        }

        if (s->data[i] == ':') {
            if (gap++) {
                return 0;
            }

            i++;
        }
    }

    return gap ? groups < 8 : groups == 8;
}


/* Labels of 1 to 63 bytes, 253 in all; a last one of digits is no name. */
static int
hx_redis_name(const hx_str_t *s)
{
    size_t    i;
    hx_str_t  label, rest;
    unsigned  digits;

    if (s->len == 0 || s->len > 253) {
        return 0;
    }

    rest = *s;

    do {
        label = rest;
        rest.len = 0;
        digits = 0;

        (void) hx_redis_cut(&label, '.', &rest);

        if (label.len == 0 || label.len > 63 || label.data[0] == '-'
            || label.data[label.len - 1] == '-')
        {
            return 0;
        }

        for (i = 0; i < label.len; i++) {
            if (!hx_redis_name_byte(label.data[i])) {
                return 0;
            }

            digits += (unsigned) hx_redis_digit(label.data[i]);
        }

        /* a dot at the very end makes the name absolute */

    } while (rest.len != 0);

    return digits != label.len;
}


/* "[" address "]" and what is behind it. */
static hx_rc_t
hx_redis_bracket(hx_redis_host_t *host, const hx_str_t *member, hx_str_t *port,
    hx_redis_url_err_t *err)
{
    hx_str_t  rest;

    host->name.data = member->data + 1;
    host->name.len = member->len - 1;
    host->form = HX_REDIS_HOST_V6;

    if (!hx_redis_cut(&host->name, ']', &rest)) {
        return hx_redis_bad(err, "no \"]\" behind the IPv6 address", member);
    }

    if (!hx_redis_v6(&host->name)) {
        return hx_redis_bad(err, "not an IPv6 address", member);
    }

    if (rest.len != 0) {
        if (rest.data[0] != ':') {
            return hx_redis_bad(err, "a port has to follow the \"]\"", member);
        }

        port->data = rest.data + 1;
        port->len = rest.len - 1;
    }

    return HX_OK;
}


hx_rc_t
hx_redis_host(hx_redis_host_t *host, const hx_str_t *member, unsigned dflt,
    hx_redis_url_err_t *err)
{
    uint64_t  v;
    hx_str_t  port;

    port.data = NULL;
    port.len = 0;
    host->port = dflt;

    if (member->len == 0) {
        return hx_redis_bad(err, "a host is missing", NULL);
    }

    if (member->data[0] == '[') {
        if (hx_redis_bracket(host, member, &port, err) != HX_OK) {
            return HX_NO;
        }

    } else {
        host->name = *member;
        (void) hx_redis_cut(&host->name, ':', &port);

        if (port.len != 0 && memchr(port.data, ':', port.len) != NULL) {
            return hx_redis_bad(err, "an IPv6 address has to stand in brackets",
                                member);
        }

        if (host->name.len == 0) {
            return hx_redis_bad(err, "a host is missing", member);
        }

        host->form = hx_redis_v4(&host->name) ? HX_REDIS_HOST_V4
                                              : HX_REDIS_HOST_NAME;

        if (host->form == HX_REDIS_HOST_NAME && !hx_redis_name(&host->name)) {
            return hx_redis_bad(err, "not a host name or address", member);
        }
    }

    if (port.data != NULL) {
        if (hx_text_parse_u64(port.data, port.len, 65535, &v) != HX_OK
            || v == 0)
        {
            return hx_redis_bad(err, "not a port (1 to 65535)", member);
        }

        host->port = (unsigned) v;
    }

    return HX_OK;
}
