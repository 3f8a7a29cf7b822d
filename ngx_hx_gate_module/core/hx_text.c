/*
 * hx_text.c -- numbers, hex, base62, UUID, UTF-8 and time as text; see the
 * header.  Paths are in hx_path.c.
 */

#include <endian.h>

#include "hx_text.h"


static const char  hx_hex[] = "0123456789abcdef";


void
hx_text_u64(hx_buf_t *b, uint64_t v)
{
    size_t          n;
    uint64_t        rest;
    unsigned char  *p;

    for (n = 1, rest = v; rest >= 10; rest /= 10) {
        n++;
    }

    p = hx_buf_reserve(b, n);
    if (p == NULL) {
        return;
    }

    b->last = p + n;

    while (n-- != 0) {
        p[n] = (unsigned char) ('0' + v % 10);
        v /= 10;
    }
}


void
hx_text_tenths(hx_buf_t *b, uint64_t tenths)
{
    hx_text_u64(b, tenths / 10);
    hx_buf_byte(b, '.');
    hx_buf_byte(b, (unsigned char) ('0' + tenths % 10));
}


hx_rc_t
hx_text_parse_u64(const unsigned char *s, size_t len, uint64_t max,
    uint64_t *v)
{
    size_t    i;
    uint64_t  n, d;

    if (len == 0 || len > 20 || (len > 1 && s[0] == '0')) {
        return HX_NO;
    }

    n = 0;

    for (i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return HX_NO;
        }

        d = (uint64_t) (s[i] - '0');

        if (n > (UINT64_MAX - d) / 10) {
            return HX_NO;
        }

        n = n * 10 + d;
    }

    if (n > max) {
        return HX_NO;
    }

    *v = n;

    return HX_OK;
}


void
hx_text_hex(unsigned char *out, const unsigned char *in, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        out[2 * i] = (unsigned char) hx_hex[in[i] >> 4];
        out[2 * i + 1] = (unsigned char) hx_hex[in[i] & 15];
    }
}


static int
hx_hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


hx_rc_t
hx_text_unhex(unsigned char *out, const unsigned char *in, size_t n)
{
    int     hi, lo;
    size_t  i;

    for (i = 0; i < n; i++) {
        hi = hx_hex_digit(in[2 * i]);
        lo = hx_hex_digit(in[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return HX_NO;
        }

        out[i] = (unsigned char) (hi << 4 | lo);
    }

    return HX_OK;
}


void
hx_text_base62(unsigned char *out, size_t width, const unsigned char *in,
    size_t n)
{
    static const char  digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t             i;
    uint64_t           v;
    unsigned           rem;
    unsigned char      num[32];

    if (n <= sizeof(v)) {
        for (i = 0, v = 0; i < n; i++) {
            v = v << 8 | in[i];
        }

        while (width != 0) {
            out[--width] = (unsigned char) digits[v % 62];
            v /= 62;
        }

        return;
    }

    if (n > sizeof(num)) {
        n = sizeof(num);
    }

    memcpy(num, in, n);

    /* schoolbook: divide the number by 62, the remainder is the next digit */

    while (width != 0) {
        rem = 0;

        for (i = 0; i < n; i++) {
            rem = rem << 8 | num[i];
            num[i] = (unsigned char) (rem / 62);
            rem %= 62;
        }

        out[--width] = (unsigned char) digits[rem];
    }
}


/*
 * Four bytes as eight hex digits, all at once: each nibble gets a byte of a
 * word, and what is above 9 the distance from '9' + 1 to 'a' as well.
 */

static void
hx_text_hex4(unsigned char out[8], const unsigned char in[4])
{
    uint64_t  v, letters;

    v = (uint64_t) in[0] | (uint64_t) in[1] << 16 | (uint64_t) in[2] << 32
        | (uint64_t) in[3] << 48;

    v = (v >> 4 & UINT64_C(0x000f000f000f000f))
        | (v & UINT64_C(0x000f000f000f000f)) << 8;

    letters = (v + UINT64_C(0x0606060606060606)) >> 4
              & UINT64_C(0x0101010101010101);

    v += UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1);

    v = htole64(v);
    memcpy(out, &v, 8);
}


void
hx_text_uuid4(unsigned char out[36], const unsigned char rnd[16])
{
    unsigned char  b[16], hex[32];

    memcpy(b, rnd, 16);
    b[6] = (unsigned char) (0x40 | (b[6] & 0x0f));    /* version 4 */
    b[8] = (unsigned char) (0x80 | (b[8] & 0x3f));    /* RFC 4122 variant */

    hx_text_hex4(hex, b);
    hx_text_hex4(hex + 8, b + 4);
    hx_text_hex4(hex + 16, b + 8);
    hx_text_hex4(hex + 24, b + 12);

    memcpy(out, hex, 8);
    out[8] = '-';
    memcpy(out + 9, hex + 8, 4);
    out[13] = '-';
    memcpy(out + 14, hex + 12, 4);
    out[18] = '-';
    memcpy(out + 19, hex + 16, 4);
    out[23] = '-';
    memcpy(out + 24, hex + 20, 12);
}


static unsigned char *
hx_text_digits(unsigned char *p, unsigned v, unsigned width)
{
    unsigned  i;

    for (i = width; i-- != 0; v /= 10) {
        p[i] = (unsigned char) ('0' + v % 10);
    }

    return p + width;
}


void
hx_text_time(unsigned char out[24], int64_t sec, unsigned msec)
{
    int64_t         days, era, y;
    unsigned        doe, yoe, doy, mp, d, m, rest;
    unsigned char  *p;

    if (sec < 0) {
        sec = 0;
    }

    days = sec / 86400;
    rest = (unsigned) (sec % 86400);

    /* proleptic Gregorian date from days, H. Hinnant, "chrono-Compatible
     * Low-Level Date Algorithms": years begin in March, eras of 400 years */

    days += 719468;
    era = days / 146097;
    doe = (unsigned) (days - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    y = (int64_t) yoe + era * 400;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    d = doy - (153 * mp + 2) / 5 + 1;
    m = mp < 10 ? mp + 3 : mp - 9;
    y += m <= 2;

    p = hx_text_digits(out, (unsigned) (y % 10000), 4);
    *p++ = '-';
    p = hx_text_digits(p, m, 2);
    *p++ = '-';
    p = hx_text_digits(p, d, 2);
    *p++ = 'T';
    p = hx_text_digits(p, rest / 3600, 2);
    *p++ = ':';
    p = hx_text_digits(p, rest / 60 % 60, 2);
    *p++ = ':';
    p = hx_text_digits(p, rest % 60, 2);
    *p++ = '.';
    p = hx_text_digits(p, msec % 1000, 3);
    *p = 'Z';
}


/* Length of the valid UTF-8 character at s, 0 if there is none. */

static size_t
hx_utf8_char(const unsigned char *s, size_t len)
{
    size_t         i, n;
    unsigned char  lo, hi;

    lo = 0x80;
    hi = 0xbf;

    if (s[0] < 0x80) {
        return 1;

    } else if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2;

    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        n = 3;

        if (s[0] == 0xe0) {
            lo = 0xa0;              /* overlong */

        } else if (s[0] == 0xed) {
            hi = 0x9f;              /* surrogates */
        }

    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4;

        if (s[0] == 0xf0) {
            lo = 0x90;              /* overlong */

        } else if (s[0] == 0xf4) {
            hi = 0x8f;              /* above U+10FFFF */
        }

    } else {
        return 0;
    }

    if (len < n || s[1] < lo || s[1] > hi) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }

    return n;
}


size_t
hx_text_utf8(const unsigned char *s, size_t len)
{
    size_t  i, n;

    for (i = 0; i < len; i += n) {
        n = hx_utf8_char(s + i, len - i);

        if (n == 0) {
            break;
        }
    }

    return i;
}


int
hx_text_ieq(const unsigned char *s, size_t len, const char *lower,
    size_t llen)
{
    size_t         i;
    unsigned char  c;

    if (len != llen) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = s[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (unsigned char) lower[i]) {
            return 0;
        }
    }

    return 1;
}
