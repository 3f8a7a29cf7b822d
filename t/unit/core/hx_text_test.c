/*
 * hx_text_test.c -- numbers, hex, base62, UUIDs, UTF-8 and time: against the C
 * library where it can do the same, else against a naive second way.
 */

#include "hx_test.h"

#include <strings.h>
#include <time.h>

#include "hx_text.h"

#define T(s)   ((const unsigned char *) (s))


/* A buffer of just the room for n bytes in front of a guard page. */
static void
test_tight(hx_buf_t *b, size_t n)
{
    static unsigned char  *end;

    end = end != NULL ? end : test_guard();
    hx_buf_init(b, end - n, n);
}


static void
test_number(uint64_t v)
{
    char      want[40];
    size_t    n;
    hx_buf_t  b;
    uint64_t  back;

    n = (size_t) snprintf(want, sizeof(want), "%ju", (uintmax_t) v);
    test_tight(&b, n);
    hx_text_u64(&b, v);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), n);
    assert_memory_equal(b.start, want, n);

    test_tight(&b, n - 1);
    hx_text_u64(&b, v);
    assert_false(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), 0);

    assert_int_equal(hx_text_parse_u64(test_edge(want, n), n, UINT64_MAX,
                                       &back), HX_OK);
    assert_true(back == v);

    if (v != 0) {
        assert_int_equal(hx_text_parse_u64(test_edge(want, n), n, v - 1,
                                           &back), HX_NO);
    }

    n = (size_t) snprintf(want, sizeof(want), "%ju.%u", (uintmax_t) (v / 10),
                          (unsigned) (v % 10));
    test_tight(&b, n);
    hx_text_tenths(&b, v);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), n);
    assert_memory_equal(b.start, want, n);

    test_tight(&b, n - 1);
    hx_text_tenths(&b, v);
    assert_false(hx_buf_ok(&b));
}


static void
numbers(void **state)
{
    unsigned  i;
    uint64_t  p;

    for (i = 0; i < 2000; i++) {
        test_number(i);
        test_number(UINT64_MAX - i);
        test_number(test_random() >> test_below(64));
    }

    for (i = 0, p = 1; i < 20; i++, p *= 10) {
        test_number(p - 1);
        test_number(p);
        test_number(p + 1);
    }

    for (i = 0; i < 64; i++) {
        test_number((UINT64_C(1) << i) - 1);
        test_number(UINT64_C(1) << i);
        test_number((UINT64_C(1) << i) + 1);
    }
}


/* What does not fit leaves nothing behind, and the buffer says so. */
static void
full_buffers(void **state)
{
    size_t          cap;
    hx_buf_t        b;
    unsigned char  *mem, *end;

    end = test_guard();

    for (cap = 0; cap < 8; cap++) {
        mem = end - cap;
        hx_buf_init(&b, mem, cap);
        hx_text_u64(&b, 1234567);
        assert_int_equal(hx_buf_ok(&b), cap >= 7);
        assert_int_equal(hx_buf_len(&b), cap >= 7 ? 7 : 0);

        hx_buf_init(&b, mem, cap);
        hx_text_tenths(&b, 12345);
        assert_int_equal(hx_buf_ok(&b), cap >= 6);
    }

    /* and nothing that comes later is taken, even if it would fit */

    hx_buf_init(&b, end - 4, 4);
    hx_buf_lit(&b, "abcde");
    hx_buf_lit(&b, "a");
    hx_buf_byte(&b, 'a');
    assert_int_equal(hx_buf_len(&b), 0);
    assert_false(hx_buf_ok(&b));
}


static void
numbers_refused(void **state)
{
    size_t    i, len;
    uint64_t  v;

    static const char *const  bad[] = {
        "", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1.0", "1e3", "a",
        "18446744073709551616", "18446744073709551620",
        "28446744073709551615", "99999999999999999999",
        "100000000000000000000", "1844674407370955161500", "1_000", "1,000",
        "\xd9\xa1", "1/", "1:"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        len = strlen(bad[i]);
        v = 77;

        if (hx_text_parse_u64(test_edge(bad[i], len), len, UINT64_MAX, &v)
            != HX_NO || v != 77)
        {
            fail_msg("\"%s\" was read as %ju", bad[i], (uintmax_t) v);
        }
    }

    assert_int_equal(hx_text_parse_u64(T("1\0002"), 3, UINT64_MAX, &v), HX_NO);
}


static void
hex(void **state)
{
    size_t         i, c;
    hx_buf_t       b;
    unsigned char  in[256], out[640], back[256], text[3];

    for (i = 0; i < 256; i++) {
        in[i] = (unsigned char) i;
        hx_text_hex(out, in + i, 1);
        (void) snprintf((char *) text, 3, "%02x", (unsigned) i);
        assert_memory_equal(out, text, 2);
    }

    hx_text_hex(out, test_edge(in, 256), 256);

    /* appended: all of it, or nothing */

    hx_buf_init(&b, out + 600, 9);
    hx_buf_byte(&b, '-');
    hx_text_hex_add(&b, in + 0xa9, 4);
    assert_true(hx_buf_ok(&b));
    assert_memory_equal(out + 600, "-a9aaabac", 9);
    hx_buf_init(&b, out + 600, 7);
    hx_text_hex_add(&b, in, 4);
    assert_false(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), 0);

    assert_int_equal(hx_text_unhex(back, test_edge(out, 512), 256), HX_OK);
    assert_memory_equal(in, back, 256);

    for (i = 0; i < 512; i++) {
        out[i] = (unsigned char) (out[i] >= 'a' ? out[i] - 32 : out[i]);
    }

    assert_int_equal(hx_text_unhex(back, out, 256), HX_OK);
    assert_memory_equal(in, back, 256);

    for (c = 0; c < 256; c++) {
        for (i = 0; i < 4; i++) {
            memcpy(text, "00", 2);
            memcpy(out, "0000", 4);
            out[i] = (unsigned char) c;
            assert_int_equal(hx_text_unhex(back, out, 2),
                             c != 0 && strchr("0123456789abcdefABCDEF",
                                              (int) c) ? HX_OK : HX_NO);
        }
    }
}


/* out = out * 62 + digit, over 48 bytes big-endian */
static void
test_base62_back(unsigned char num[48], const unsigned char *s, size_t width)
{
    size_t       i, k;
    unsigned     carry;
    const char  *at;

    static const char  digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    memset(num, 0, 48);

    for (i = 0; i < width; i++) {
        at = memchr(digits, s[i], 62);
        assert_non_null(at);
        carry = (unsigned) (at - digits);

        for (k = 48; k-- != 0; /* void */) {
            carry += num[k] * 62u;
            num[k] = (unsigned char) carry;
            carry >>= 8;
        }

        assert_int_equal(carry, 0);
    }
}


static void
base62(void **state)
{
    size_t         i, n, width;
    unsigned char  in[48], num[48], out[64], wide[64];

    for (i = 0; i < 5000; i++) {
        n = 1 + test_below(32);
        width = (n * 43 + 31) / 32 + 1;
        test_fill(in, n);

        if (i % 3 == 0) {
            memset(in, i % 2 ? 0xff : 0, test_below(n + 1));
        }

        hx_text_base62(out, width, test_edge(in, n), n);
        test_base62_back(num, out, width);
        assert_memory_equal(num + 48 - n, in, n);

        /* a narrower one is its tail */

        memcpy(wide, out, width);
        hx_text_base62(out, width - 2, in, n);
        assert_memory_equal(out, wide + 2, width - 2);
    }

    /* computed elsewhere */

    memset(in, 0xff, 32);
    hx_text_base62(out, 43, in, 32);
    assert_memory_equal(out, "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1",
                        43);
    hx_text_base62(out, 6, in, 4);
    assert_memory_equal(out, "4gfFC3", 6);
    hx_text_base62(out, 3, in, 0);
    assert_memory_equal(out, "000", 3);
    hx_text_base62(out, 1, T("\x3d"), 1);
    assert_memory_equal(out, "z", 1);
}


/* Read back, and every byte that is no digit refused at every place. */
static void
unbase62(void **state)
{
    size_t         i, k, n, width;
    unsigned       c;
    uint64_t       v, back, want;
    unsigned char  in[8], out[10];
    const char    *at;

    static const char  digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    for (i = 0; i < 20000; i++) {
        v = test_random() >> (5 + test_below(59));

        for (k = 0; k < 8; k++) {
            in[k] = (unsigned char) (v >> (56 - 8 * k));
        }

        hx_text_base62(out, 10, in, 8);
        assert_int_equal(hx_text_unbase62(test_edge(out, 10), 10, &back),
                         HX_OK);
        assert_true(back == v);
    }

    for (i = 0; i < 20000; i++) {
        width = test_below(11);
        want = 0;

        for (k = 0; k < width; k++) {
            n = test_below(62);
            out[k] = (unsigned char) digits[n];
            want = want * 62 + n;
        }

        assert_int_equal(hx_text_unbase62(test_edge(out, width), width,
                                          &back), HX_OK);
        assert_true(back == want);
    }

    for (k = 0; k < 10; k++) {
        for (c = 0; c < 256; c++) {
            memset(out, 'z', sizeof(out));
            out[k] = (unsigned char) c;
            back = 77;
            at = memchr(digits, (int) c, 62);
            assert_int_equal(hx_text_unbase62(out, 10, &back),
                             at != NULL ? HX_OK : HX_NO);
            assert_true(at != NULL || back == 77);
        }
    }
}


static void
uuid4(void **state)
{
    size_t         i, k;
    unsigned char  rnd[16], bits[16], *text, *end;
    char           want[37], hexed[33];

    end = test_guard();
    text = end - 36;

    for (i = 0; i < 3000; i++) {
        test_fill(rnd, 16);
        hx_text_uuid4(text, test_edge(rnd, 16));

        memcpy(bits, rnd, 16);
        bits[6] = (unsigned char) ((bits[6] & 0x0f) | 0x40);
        bits[8] = (unsigned char) ((bits[8] & 0x3f) | 0x80);

        for (k = 0; k < 16; k++) {
            (void) snprintf(hexed + 2 * k, 3, "%02x", bits[k]);
        }

        (void) snprintf(want, sizeof(want), "%.8s-%.4s-%.4s-%.4s-%.12s",
                        hexed, hexed + 8, hexed + 12, hexed + 16, hexed + 20);
        assert_memory_equal(text, want, 36);
        assert_true(text[14] == '4' && memchr("89ab", text[19], 4) != NULL);
    }
}


static void
test_instant(int64_t sec, unsigned msec)
{
    char           want[64];
    time_t         t;
    struct tm      tm;
    unsigned char  out[25];

    t = (time_t) sec;
    assert_non_null(gmtime_r(&t, &tm));
    assert_int_equal(snprintf(want, sizeof(want),
                              "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                              tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                              tm.tm_hour, tm.tm_min, tm.tm_sec, msec), 24);
    out[24] = '#';
    hx_text_time(out, sec, msec);

    if (memcmp(out, want, 24) != 0 || out[24] != '#') {
        fail_msg("%jd: %.24s, not %s", (intmax_t) sec, out, want);
    }
}


static void
times(void **state)
{
    int64_t        day;
    size_t         i;
    unsigned char  out[24];

    const int64_t  last = INT64_C(253402300799);    /* the year 9999 */

    for (i = 0; i < 100000; i++) {
        test_instant((int64_t) test_below((size_t) last + 1),
                     (unsigned) test_below(1000));
    }

    /* both ends of every day for a bit more than 400 years */

    for (day = 0; day < 147000; day++) {
        test_instant(day * 86400, 0);
        test_instant(day * 86400 + 86399, 999);
    }

    test_instant(last, 999);
    hx_text_time(out, -1, 0);
    assert_memory_equal(out, "1970-01-01T00:00:00.000Z", 24);
    hx_text_time(out, INT64_MIN, 0);
    assert_memory_equal(out, "1970-01-01T00:00:00.000Z", 24);

    /* out of reach, but inside the 24 bytes */
    hx_text_time(out, INT64_MAX, UINT32_MAX);
    assert_int_equal(out[23], 'Z');
}


/* Decoded without a table of ranges: shortest form, no surrogate, in reach. */
static size_t
test_utf8_naive(const unsigned char *s, size_t len)
{
    size_t    n, i;
    uint32_t  c;

    n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3
        : s[0] >> 3 == 30 ? 4 : 0;

    if (n == 0 || n > len) {
        return 0;
    }

    c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) {
            return 0;
        }

        c = c << 6 | (s[i] & 0x3fu);
    }

    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }

    i = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    return i == n ? n : 0;
}


static size_t
test_utf8_prefix(const unsigned char *s, size_t len)
{
    size_t  i, n;

    for (i = 0; i < len; i += n) {
        n = test_utf8_naive(s + i, len - i);

        if (n == 0) {
            break;
        }
    }

    return i;
}


static void
test_utf8(const unsigned char *s, size_t len)
{
    const size_t  got = hx_text_utf8(test_edge(s, len), len);
    const size_t  want = test_utf8_prefix(s, len);

    if (got != want) {
        fail_msg("%02x %02x %02x %02x (%zu): %zu, not %zu", s[0], s[1], s[2],
                 s[3], len, got, want);
    }
}


static void
utf8(void **state)
{
    size_t         i, k, n;
    uint32_t       c;
    unsigned char  s[64];

    static const unsigned char  lead[] = {
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
        0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3,
        0xf4, 0xf5, 0xf8, 0xfe, 0xff
    };

    /* all that two bytes can be, and their neighbourhood */

    memset(s, 0x80, sizeof(s));

    for (c = 0; c < 65536; c++) {
        s[0] = (unsigned char) (c >> 8);
        s[1] = (unsigned char) c;

        for (n = 1; n <= 4; n++) {
            test_utf8(s, n);
        }
    }

    /* mixtures of bytes that matter */

    for (i = 0; i < 300000; i++) {
        n = 1 + test_below(12);

        for (k = 0; k < n; k++) {
            s[k] = test_below(3) ? (unsigned char) (0x80 | test_below(64))
                                 : lead[test_below(sizeof(lead))];
        }

        test_utf8(s, n);
    }

    assert_int_equal(hx_text_utf8(s, 0), 0);
}


/* Every scalar value is valid, every surrogate is not. */
static void
utf8_all_characters(void **state)
{
    size_t         n;
    uint32_t       c;
    unsigned char  s[4];

    for (c = 0; c < 0x110000; c++) {
        if (c < 0x80) {
            s[0] = (unsigned char) c;
            n = 1;

        } else if (c < 0x800) {
            s[0] = (unsigned char) (0xc0 | c >> 6);
            n = 2;

        } else if (c < 0x10000) {
            s[0] = (unsigned char) (0xe0 | c >> 12);
            s[1] = (unsigned char) (0x80 | (c >> 6 & 63));
            n = 3;

        } else {
            s[0] = (unsigned char) (0xf0 | c >> 18);
            s[1] = (unsigned char) (0x80 | (c >> 12 & 63));
            s[2] = (unsigned char) (0x80 | (c >> 6 & 63));
            n = 4;
        }

        if (n > 1) {
            s[n - 1] = (unsigned char) (0x80 | (c & 63));
        }

        if (hx_text_utf8(s, n) != (c >= 0xd800 && c < 0xe000 ? 0 : n)) {
            fail_msg("U+%04X", c);
        }
    }
}


static void
ignoring_case(void **state)
{
    size_t   i, k, n;
    char     lower[9], text[9];

    for (i = 0; i < 100000; i++) {
        n = test_below(8);

        for (k = 0; k < n; k++) {
            lower[k] = "az-@[`{9\x7f"[test_below(9)];
            text[k] = test_below(4) ? lower[k] : "azAZ-@[`{9"[test_below(10)];

            if (text[k] >= 'a' && text[k] <= 'z' && test_below(2)) {
                text[k] = (char) (text[k] - 32);
            }
        }

        lower[n] = text[n] = '\0';
        assert_int_equal(hx_text_ieq(test_edge(text, n), n, lower, n),
                         strcasecmp(text, lower) == 0);
        assert_false(hx_text_ieq(T(text), n, lower, n + 1));
    }

    /* no other byte has a case */
    assert_false(hx_text_ieq(T("\xc3\x89"), 2, "\xc3\xa9", 2));
}


/* Against memcmp(): every length up to 70, every byte that may differ. */
static void
same_bytes(void **state)
{
    size_t         len, at;
    unsigned char  a[80], b[80];

    for (len = 0; len <= 70; len++) {
        memset(a, 0x5a, sizeof(a));
        memset(b, 0x5a, sizeof(b));
        memset(b + len + 3, 0xa5, sizeof(b) - len - 3);

        assert_true(hx_text_same(a + 3, b + 3, len));

        for (at = 0; at < len; at++) {
            b[3 + at] ^= (unsigned char) (1U << at % 8);
            assert_false(hx_text_same(a + 3, b + 3, len));
            b[3 + at] ^= (unsigned char) (1U << at % 8);
        }
    }
}


/* Every length, every place: what is there is found, and nothing behind it. */
static void
parts(void **state)
{
    char      other[40];
    size_t    i, n, len;
    hx_str_t  s, t, rest;

    static const char  text[] = "abcdefghijklmnopqrstuvwxyz";

    for (len = 0; len < sizeof(text); len++) {
        s.data = test_edge(text, len);
        s.len = len;
        t.data = T(text);
        t.len = len;

        assert_true(hx_text_eq(&s, &t));
        t.len++;
        assert_false(hx_text_eq(&s, &t));

        for (n = 0; n < sizeof(text); n++) {
            memcpy(other, text, n);
            other[n] = '\0';

            assert_int_equal(hx_text_is(&s, other), n == len);
            assert_int_equal(hx_text_begins(&s, other), n <= len);
            rest = s;
            assert_int_equal(hx_text_after(&s, other, &rest), n <= len);
            assert_ptr_equal(rest.data, n <= len ? s.data + n : s.data);
            assert_int_equal(rest.len, n <= len ? len - n : len);

            for (i = 0; i < n; i++) {
                assert_int_equal(hx_text_has(&s, other + i), n <= len);
                other[i] ^= 0x20;
                assert_false(hx_text_is(&s, other));
                assert_false(hx_text_begins(&s, other));
                assert_false(hx_text_has(&s, other));
                other[i] ^= 0x20;
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(parts),
        cmocka_unit_test(numbers),
        cmocka_unit_test(full_buffers),
        cmocka_unit_test(numbers_refused),
        cmocka_unit_test(hex),
        cmocka_unit_test(base62),
        cmocka_unit_test(unbase62),
        cmocka_unit_test(uuid4),
        cmocka_unit_test(times),
        cmocka_unit_test(utf8),
        cmocka_unit_test(utf8_all_characters),
        cmocka_unit_test(ignoring_case)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
