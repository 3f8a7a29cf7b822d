/*
 * hx_origin.c -- see the header.  Hosts are read as browsers read and write
 * them (WHATWG URL): one whose last label is a number is an IPv4 address, and
 * addresses have one text only.
 */

#include <string.h>

#include "hx_origin.h"
#include "hx_text.h"


#define HX_HOST_MAX     253     /* bytes of a name */
#define HX_LABEL_MAX    63
#define HX_V6_GROUPS    8
#define HX_V6_TEXT      40      /* bytes of the longest address, and one */


static const char  hx_origin_form[] = "is not \"scheme://host[:port]\"";
static const char  hx_origin_host[] = "has no valid host";
static const char  hx_origin_v4[] = "has no valid IPv4 address";
static const char  hx_origin_v6[] =
    "has no IPv6 address in its shortest form";


static int
hx_origin_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}


/* What hosts are made of, apart from "." and addresses in brackets. */

static int
hx_origin_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || hx_origin_digit(c) || c == '-'
           || c == '_';
}


static int
hx_origin_begins(const unsigned char *s, size_t len, const char *with, size_t n)
{
    return len >= n && memcmp(s, with, n) == 0;
}


/* Mistakes that are better named than answered with "no valid host". */

static const char *
hx_origin_mistake(const unsigned char *s, size_t len)
{
    size_t  i;

    if (len == 4 && memcmp(s, "null", 4) == 0) {
        return "is what any sandboxed page sends, it cannot be allowed";
    }

    for (i = 0; i < len; i++) {
        if (s[i] >= 'A' && s[i] <= 'Z') {
            return "must be in lower case";
        }

        if (s[i] >= 0x80) {
            return "has bytes beyond ASCII, such a name is written xn--...";
        }

        if (s[i] == '*') {
            return "has a wildcard, origins are compared as a whole";
        }

        if (s[i] == '@') {
            return "has a user name, browsers send none";
        }
    }

    return NULL;
}


static int
hx_origin_v4_valid(const unsigned char *s, size_t len)
{
    size_t    i, digits;
    unsigned  n, value;

    n = 0;
    digits = 0;
    value = 0;

    for (i = 0; i <= len; i++) {
        if (i < len && hx_origin_digit(s[i])) {
            if (digits != 0 && value == 0) {
                return 0;                       /* a leading zero */
            }

            value = value * 10 + (unsigned) (s[i] - '0');
            digits++;

            if (value > 255) {
                return 0;
            }

            continue;
        }

        if ((i < len && s[i] != '.') || digits == 0) {
            return 0;
        }

        n++;
        digits = 0;
        value = 0;
    }

    return n == 4;
}


/* Is the last label a number ("7", "0x7f")? */

static int
hx_origin_is_number(const unsigned char *label, size_t len)
{
    size_t  i;

    if (len >= 2 && label[0] == '0' && label[1] == 'x') {
        for (i = 2; i < len; i++) {
            if (!hx_origin_digit(label[i])
                && !(label[i] >= 'a' && label[i] <= 'f'))
            {
                return 0;
            }
        }

        return 1;
    }

    for (i = 0; i < len; i++) {
        if (!hx_origin_digit(label[i])) {
            return 0;
        }
    }

    return 1;
}


static const char *
hx_origin_name(const unsigned char *s, size_t len)
{
    size_t  i, label;

    if (len == 0 || len > HX_HOST_MAX) {
        return hx_origin_host;
    }

    label = 0;

    for (i = 0; i <= len; i++) {
        if (i < len && s[i] != '.') {
            if (!hx_origin_letter(s[i])) {
                return hx_origin_host;
            }

            continue;
        }

        if (i == label) {
            return i == len ? "has a dot at the end of its host"
                            : hx_origin_host;
        }

        if (i - label > HX_LABEL_MAX) {
            return hx_origin_host;
        }

        if (i < len) {
            label = i + 1;
        }
    }

    if (hx_origin_is_number(s + label, len - label)
        && !hx_origin_v4_valid(s, len))
    {
        return hx_origin_v4;
    }

    return NULL;
}


/*
 * Groups of "1:2::3" into g; which ones "::" stood for is forgotten.  0: it is
 * no such list of 8.
 */

static int
hx_origin_v6_groups(const unsigned char *s, size_t len, unsigned *g)
{
    int       gap;
    size_t    i, k;
    unsigned  n, digits, value;

    n = 0;
    gap = -1;

    for (i = 0; i < len; /* void */) {
        if (s[i] == ':' && i + 1 < len && s[i + 1] == ':') {
            if (gap >= 0) {
                return 0;
            }

            gap = (int) n;
            i += 2;
            continue;
        }

        if (n != 0 && gap != (int) n) {
            if (s[i++] != ':') {
                return 0;
            }
        }

        value = 0;

        for (digits = 0; i < len && s[i] != ':'; digits++, i++) {
            if (digits == 4
                || !(hx_origin_digit(s[i]) || (s[i] >= 'a' && s[i] <= 'f')))
            {
                return 0;
            }

            value = value * 16 + (unsigned) (hx_origin_digit(s[i])
                                             ? s[i] - '0' : s[i] - 'a' + 10);
        }

        if (digits == 0 || n == HX_V6_GROUPS) {
            return 0;
        }

        g[n++] = value;
    }

    if (gap < 0) {
        return n == HX_V6_GROUPS;
    }

    if (n == HX_V6_GROUPS) {
        return 0;
    }

    k = HX_V6_GROUPS - n;

    memmove(g + gap + k, g + gap, (n - (unsigned) gap) * sizeof(unsigned));
    memset(g + gap, 0, k * sizeof(unsigned));

    return 1;
}


/* As browsers write it: the first of the longest runs of zeroes is "::". */

static void
hx_origin_v6_text(hx_buf_t *b, const unsigned *g)
{
    int       shift;
    unsigned  i, n, at, run;

    static const unsigned char  hex[] = "0123456789abcdef";

    at = HX_V6_GROUPS;
    run = 1;

    for (i = 0; i < HX_V6_GROUPS; i += n + 1) {
        for (n = 0; i + n < HX_V6_GROUPS && g[i + n] == 0; n++) { /* void */ }

        if (n > run) {
            at = i;
            run = n;
        }
    }

    for (i = 0; i < HX_V6_GROUPS; i++) {
        if (i == at) {
            hx_buf_lit(b, "::");
            i += run - 1;
            continue;
        }

        if (i != 0 && i != at + run) {
            hx_buf_byte(b, ':');
        }

        for (shift = 12; shift > 0 && g[i] >> shift == 0; shift -= 4) {
            /* void */
        }

        for ( /* void */ ; shift >= 0; shift -= 4) {
            hx_buf_byte(b, hex[g[i] >> shift & 15]);
        }
    }
}


static const char *
hx_origin_address(const unsigned char *s, size_t len)
{
    hx_buf_t       b;
    unsigned       g[HX_V6_GROUPS];
    unsigned char  text[HX_V6_TEXT];

    if (len < 2 || !hx_origin_v6_groups(s, len, g)) {
        return hx_origin_v6;
    }

    hx_buf_init(&b, text, sizeof(text));
    hx_origin_v6_text(&b, g);

    return hx_buf_ok(&b) && hx_buf_len(&b) == len
           && memcmp(text, s, len) == 0 ? NULL : hx_origin_v6;
}


static const char *
hx_origin_port(const unsigned char *s, size_t len, unsigned dflt)
{
    uint64_t  port;

    if (hx_text_parse_u64(s, len, 65535, &port) != HX_OK || port == 0) {
        return "has no valid port";
    }

    return port == dflt
           ? "has the port that is its scheme's own, leave that out" : NULL;
}


static const char *
hx_origin_wrong(const unsigned char *s, size_t len)
{
    unsigned              dflt;
    const char           *why;
    const unsigned char  *p, *end;

    why = hx_origin_mistake(s, len);
    if (why != NULL) {
        return why;
    }

    end = s + len;

    if (hx_origin_begins(s, len, "https://", 8)) {
        s += 8;
        dflt = 443;

    } else if (hx_origin_begins(s, len, "http://", 7)) {
        s += 7;
        dflt = 80;

    } else {
        return "does not begin with https:// or http://";
    }

    if (memchr(s, '/', (size_t) (end - s)) != NULL) {
        return "has a path, leave everything out from the slash on";
    }

    if (s < end && *s == '[') {
        p = memchr(s, ']', (size_t) (end - s));

        if (p == NULL) {
            return hx_origin_v6;
        }

        why = hx_origin_address(s + 1, (size_t) (p - s) - 1);
        p++;

    } else {
        p = memchr(s, ':', (size_t) (end - s));

        if (p == NULL) {
            p = end;
        }

        why = hx_origin_name(s, (size_t) (p - s));
    }

    if (why != NULL || p == end) {
        return why;
    }

    if (*p != ':') {
        return hx_origin_form;
    }

    return hx_origin_port(p + 1, (size_t) (end - p) - 1, dflt);
}


hx_rc_t
hx_origin_check(const unsigned char *s, size_t len, const char **why)
{
    *why = hx_origin_wrong(s, len);

    return *why == NULL ? HX_OK : HX_NO;
}


int
hx_origin_in_the_clear(const hx_str_t *origin)
{
    size_t                i, len;
    const unsigned char  *s;

    static const hx_str_t  here[] = {
        hx_string("localhost"), hx_string("127.0.0.1"), hx_string("[::1]")
    };

    if (!hx_origin_begins(origin->data, origin->len, "http://", 7)) {
        return 0;
    }

    s = origin->data + 7;
    len = origin->len - 7;

    for (i = 0; i < hx_nelts(here); i++) {
        if (len >= here[i].len && memcmp(s, here[i].data, here[i].len) == 0
            && (len == here[i].len || s[here[i].len] == ':'))
        {
            return 0;
        }
    }

    return 1;
}


static int
hx_vary_is(const unsigned char *s, size_t len, const char *name, size_t nlen)
{
    size_t         i;
    unsigned char  a, c;

    if (len != nlen) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        a = s[i];
        c = (unsigned char) name[i];

        a = a >= 'A' && a <= 'Z' ? a | 0x20 : a;
        c = c >= 'A' && c <= 'Z' ? c | 0x20 : c;

        if (a != c) {
            return 0;
        }
    }

    return 1;
}


int
hx_vary_has(const unsigned char *s, size_t len, const char *name, size_t nlen)
{
    const unsigned char  *p, *last, *end;

    for (end = s + len; s < end; s = p + 1) {
        while (s < end && (*s == ' ' || *s == '\t')) {
            s++;
        }

        for (p = s; p < end && *p != ','; p++) { /* void */ }

        for (last = p; last > s && (last[-1] == ' ' || last[-1] == '\t');
             last--)
        {
            /* void */
        }

        if (hx_vary_is(s, (size_t) (last - s), name, nlen)) {
            return 1;
        }

        if (p == end) {
            break;
        }
    }

    return 0;
}


void
hx_vary_add(hx_buf_t *b, const unsigned char *s, size_t len)
{
    if (len == 0) {
        return;
    }

    if (b->last != b->start) {
        hx_buf_lit(b, ", ");
    }

    hx_buf_add(b, s, len);
}
