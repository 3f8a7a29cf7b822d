/*
 * hx_text.c -- numbers, hex, base62, UUID, UTF-8 and time as text; see the
 * header.  Paths are in hx_path.c.
 */

#include "hx_text.h"


/* 0 .. 99 and 0 .. 255: two digits come with one division and one store. */

static const char  hx_decimal[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

static const char  hx_hex[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";


/*
 * How many digits v has.  n bits are n * log10(2) digits, rounded down, or one
 * more: from that power of ten on.  1233 / 4096 is near enough for 64 bits.
 */

static size_t
hx_text_width(uint64_t v)
{
    size_t  n;

    static const uint64_t  power[] = {
        0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
        1000000000, 10000000000, 100000000000, 1000000000000,
        10000000000000, 100000000000000, 1000000000000000,
        10000000000000000, 100000000000000000, 1000000000000000000,
        UINT64_C(10000000000000000000)
    };

    n = (size_t) (64 - __builtin_clzll(v | 1)) * 1233 >> 12;

    return n + (v >= power[n]);
}


void
hx_text_u64(hx_buf_t *b, uint64_t v)
{
    size_t          n;
    uint32_t        w;
    unsigned char  *p;

    if (v < 10) {
        hx_buf_byte(b, (unsigned char) ('0' + v));
        return;
    }

    n = hx_text_width(v);

    if (!hx_buf_fits(b, n)) {
        return;
    }

    b->last += n;

    for (p = b->last; v > UINT32_MAX; v /= 100) {
        p -= 2;
        memcpy(p, hx_decimal + v % 100 * 2, 2);
    }

    /* the same in half the instructions */

    for (w = (uint32_t) v; w >= 10; w /= 100) {
        p -= 2;
        memcpy(p, hx_decimal + (size_t) (w % 100) * 2, 2);
    }

    if (n % 2 != 0) {
        p[-1] = (unsigned char) ('0' + w);
    }
}


void
hx_text_tenths(hx_buf_t *b, uint64_t tenths)
{
    unsigned char  *p;

    if (tenths < 100) {                 /* nearly every charge */
        if (hx_buf_fits(b, 3)) {
            p = b->last;
            p[0] = (unsigned char) ('0' + tenths / 10);
            p[1] = '.';
            p[2] = (unsigned char) ('0' + tenths % 10);
            b->last = p + 3;
        }

        return;
    }

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
        memcpy(out + 2 * i, hx_hex + (size_t) in[i] * 2, 2);
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


void
hx_text_hex_add(hx_buf_t *b, const unsigned char *in, size_t n)
{
    unsigned char  *p;

    p = hx_buf_reserve(b, 2 * n);

    if (p != NULL) {
        hx_text_hex(p, in, n);
        b->last += 2 * n;
    }
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


/* 64 = no digit: none of the values up to 61 has that bit. */

static const unsigned char  hx_base62_value[256] = {
    ['0'] = 0, ['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4, ['5'] = 5,
    ['6'] = 6, ['7'] = 7, ['8'] = 8, ['9'] = 9, ['A'] = 10, ['B'] = 11,
    ['C'] = 12, ['D'] = 13, ['E'] = 14, ['F'] = 15, ['G'] = 16, ['H'] = 17,
    ['I'] = 18, ['J'] = 19, ['K'] = 20, ['L'] = 21, ['M'] = 22, ['N'] = 23,
    ['O'] = 24, ['P'] = 25, ['Q'] = 26, ['R'] = 27, ['S'] = 28, ['T'] = 29,
    ['U'] = 30, ['V'] = 31, ['W'] = 32, ['X'] = 33, ['Y'] = 34, ['Z'] = 35,
    ['a'] = 36, ['b'] = 37, ['c'] = 38, ['d'] = 39, ['e'] = 40, ['f'] = 41,
    ['g'] = 42, ['h'] = 43, ['i'] = 44, ['j'] = 45, ['k'] = 46, ['l'] = 47,
    ['m'] = 48, ['n'] = 49, ['o'] = 50, ['p'] = 51, ['q'] = 52, ['r'] = 53,
    ['s'] = 54, ['t'] = 55, ['u'] = 56, ['v'] = 57, ['w'] = 58, ['x'] = 59,
    ['y'] = 60, ['z'] = 61,
    [0 ... '/'] = 64, [':' ... '@'] = 64, ['[' ... '`'] = 64,
    ['{' ... 255] = 64
};


hx_rc_t
hx_text_unbase62(const unsigned char *s, size_t n, uint64_t *v)
{
    size_t    i;
    uint64_t  num;
    unsigned  d, all;

    num = 0;
    all = 0;

    for (i = 0; i < n; i++) {
        d = hx_base62_value[s[i]];
        all |= d;
        num = num * 62 + d;
    }

    if (all & 64) {
        return HX_NO;
    }

    *v = num;

    return HX_OK;
}


/* Two bytes; written out, as loops of known length are not unrolled. */

static void
hx_text_hex2(unsigned char *out, const unsigned char *in)
{
    memcpy(out, hx_hex + (size_t) in[0] * 2, 2);
    memcpy(out + 2, hx_hex + (size_t) in[1] * 2, 2);
}


void
hx_text_uuid4(unsigned char out[36], const unsigned char rnd[16])
{
    unsigned char  bits[2][2];

    bits[0][0] = (unsigned char) (0x40 | (rnd[6] & 0x0f));  /* version 4 */
    bits[0][1] = rnd[7];
    bits[1][0] = (unsigned char) (0x80 | (rnd[8] & 0x3f));  /* RFC 4122 */
    bits[1][1] = rnd[9];

    hx_text_hex2(out, rnd);
    hx_text_hex2(out + 4, rnd + 2);
    out[8] = '-';
    hx_text_hex2(out + 9, rnd + 4);
    out[13] = '-';
    hx_text_hex2(out + 14, bits[0]);
    out[18] = '-';
    hx_text_hex2(out + 19, bits[1]);
    out[23] = '-';
    hx_text_hex2(out + 24, rnd + 10);
    hx_text_hex2(out + 28, rnd + 12);
    hx_text_hex2(out + 32, rnd + 14);
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


int
hx_text_has(const hx_str_t *s, const char *part)
{
    size_t  i, n;

    n = strlen(part);

    for (i = 0; i + n <= s->len; i++) {
        if (memcmp(s->data + i, part, n) == 0) {
            return 1;
        }
    }

    return 0;
}


int
hx_text_dir(char *path)
{
    char  *slash;

    slash = strrchr(path, '/');

    if (slash == NULL) {
        return 0;
    }

    slash[slash == path ? 1 : 0] = '\0';

    return 1;
}
