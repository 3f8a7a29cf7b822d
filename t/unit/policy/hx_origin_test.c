/*
 * hx_origin_test.c -- texts that are and are not an origin, beside a model made
 * of regular expressions and the C library's addresses; lists; Vary.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <regex.h>
#include <strings.h>

#include "hx_test.h"

#include "hx_origin.h"
#include "hx_text.h"


#define TEST_ROUNDS   60000
#define TEST_TEXT     512       /* bytes of a text */


static hx_rc_t
test_check(const char *text, const char **why)
{
    size_t          len;
    unsigned char  *s;

    len = strlen(text);
    s = test_edge(text, len);

    return hx_origin_check(s, len, why);
}


static void
valid(void **state)
{
    size_t       i;
    char         text[TEST_TEXT];
    const char  *why;

    static const char *const  good[] = {
        "https://a", "https://example.com", "http://localhost",
        "http://localhost:3000", "https://example.com:8443",
        "https://example.com:80", "http://example.com:443",
        "https://sub.domain.example.com:1", "https://example.com:65535",
        "https://xn--bcher-kva.example", "https://my_host", "https://1and1.com",
        "https://127.0.0.1", "https://0.0.0.0:8", "https://255.255.255.255",
        "https://1.2.3.4.example", "https://[::]", "https://[::1]:8443",
        "https://[2001:db8::1]", "https://[1:2:3:4:5:6:7:8]",
        "https://[1:0:3:4:5:6:7:8]", "https://[fe80::abcd:0:0:1]",
        "https://[1::8]", "https://[::8]", "https://[1::]",
        "https://[::ffff:102:304]", "https://[1:0:0:4:5::]",
        "https://0xyz", "https://a.0xg"
    };

    for (i = 0; i < hx_nelts(good); i++) {
        if (test_check(good[i], &why) != HX_OK) {
            fail_msg("%s: %s", good[i], why);
        }

        assert_null(why);
    }

    /* 63 bytes of a label, 253 of a host */

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    text[8 + 63] = '\0';
    assert_int_equal(test_check(text, &why), HX_OK);
    text[8 + 63] = 'a';
    text[8 + 64] = '\0';
    assert_int_equal(test_check(text, &why), HX_NO);

    memset(text + 8, 'a', sizeof(text) - 8);

    for (i = 8 + 60; i < 8 + 250; i += 61) {
        text[i] = '.';
    }

    text[8 + 253] = '\0';
    assert_int_equal(test_check(text, &why), HX_OK);
    text[8 + 253] = 'a';
    text[8 + 254] = '\0';
    assert_int_equal(test_check(text, &why), HX_NO);
}


static void
invalid(void **state)
{
    size_t       i;
    const char  *why;

    static const struct {
        const char  *text;
        const char  *why;
    } bad[] = {
        { "", "begin with https" },
        { "*", "wildcard" },
        { "https://*.example.com", "wildcard" },
        { "https://*", "wildcard" },
        { "null", "sandboxed" },
        { "example.com", "begin with https" },
        { "//example.com", "begin with https" },
        { "https:example.com", "begin with https" },
        { "https:/example.com", "begin with https" },
        { "ftp://example.com", "begin with https" },
        { "wss://example.com", "begin with https" },
        { "file://", "begin with https" },
        { " https://example.com", "begin with https" },
        { "HTTPS://example.com", "lower case" },
        { "https://Example.com", "lower case" },
        { "https://[2001:DB8::1]", "lower case" },
        { "https://b\xc3\xbc" "cher.example", "xn--" },
        { "https://user@example.com", "user name" },
        { "https://user:pw@example.com", "user name" },
        { "https://example.com/", "path" },
        { "https://example.com/a", "path" },
        { "https://example.com:8443/", "path" },
        { "https:///example.com", "path" },
        { "https://", "no valid host" },
        { "https://:8443", "no valid host" },
        { "https://a..b", "no valid host" },
        { "https://.a", "no valid host" },
        { "https://a b", "no valid host" },
        { "https://example.com ", "no valid host" },
        { "https://example.com?x", "no valid host" },
        { "https://example.com#x", "no valid host" },
        { "https://example.com,https", "no valid host" },
        { "https://example.com\\", "no valid host" },
        { "https://ex%61mple.com", "no valid host" },
        { "https://example.com\t", "no valid host" },
        { "https://example.com.", "dot at the end" },
        { "https://example.com.:1", "dot at the end" },
        { "https://example.com:", "no valid port" },
        { "https://example.com:0", "no valid port" },
        { "https://example.com:08443", "no valid port" },
        { "https://example.com:65536", "no valid port" },
        { "https://example.com:99999999999999999999", "no valid port" },
        { "https://example.com:+1", "no valid port" },
        { "https://example.com:8443x", "no valid port" },
        { "https://example.com:1:2", "no valid port" },
        { "https://example.com:443", "leave that out" },
        { "http://example.com:80", "leave that out" },
        { "https://[::1]:443", "leave that out" },
        { "https://1", "IPv4" },
        { "https://127.1", "IPv4" },
        { "https://256.0.0.1", "IPv4" },
        { "https://01.2.3.4", "IPv4" },
        { "https://1.2.3.00", "IPv4" },
        { "https://1.2.3.4.5", "IPv4" },
        { "https://0x7f000001", "IPv4" },
        { "https://0x", "IPv4" },
        { "https://a.0x1", "IPv4" },
        { "https://example.7", "IPv4" },
        { "https://[", "IPv6" },
        { "https://[]", "IPv6" },
        { "https://[::1", "IPv6" },
        { "https://[:]", "IPv6" },
        { "https://[:::]", "IPv6" },
        { "https://[1::2::3]", "IPv6" },
        { "https://[1:2:3:4:5:6:7]", "IPv6" },
        { "https://[1:2:3:4:5:6:7:8:9]", "IPv6" },
        { "https://[1:2:3:4:5:6:7::8]", "IPv6" },
        { "https://[1:2:3:4::5:6:7:8]", "IPv6" },
        { "https://[1:2:3:4:5:6:7::]", "IPv6" },
        { "https://[0:0:0:0:0:0:0:1]", "IPv6" },
        { "https://[1:0:0:4:5:0:0:0]", "IPv6" },
        { "https://[1::4:5:0:0:0]", "IPv6" },

        { "https://[::01]", "IPv6" },
        { "https://[::12345]", "IPv6" },
        { "https://[::1%251]", "IPv6" },
        { "https://[::1.2.3.4]", "IPv6" },
        { "https://[1:2:3:4:5:6:7:]", "IPv6" },
        { "https://[:1:2:3:4:5:6:7]", "IPv6" },
        { "https://[::g]", "IPv6" },
        { "https://[::1]x", "is not \"scheme" },
        { "https://[::1]8443", "is not \"scheme" },
        { "https://[::1]:", "no valid port" }
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        if (test_check(bad[i].text, &why) != HX_NO
            || strstr(why, bad[i].why) == NULL)
        {
            fail_msg("%s: %s", bad[i].text, why == NULL ? "taken" : why);
        }
    }
}


/* A NUL ends nothing. */
static void
not_a_c_string(void **state)
{
    const char  *why;

    assert_int_equal(hx_origin_check((const unsigned char *)
                                     "https://example.com\0.evil", 24, &why),
                     HX_NO);
    assert_int_equal(hx_origin_check((const unsigned char *)
                                     "https://example.com\0", 20, &why),
                     HX_NO);
}


/* ---------------------------------------------------------- the model -- */

static regex_t  test_named, test_bracketed;


static int
model_host(const char *host)
{
    int             number;
    size_t          i;
    char            text[64];
    const char     *last;
    struct in_addr  a;

    last = strrchr(host, '.');
    last = last == NULL ? host : last + 1;
    i = strncmp(last, "0x", 2) == 0 ? 2 : 0;
    number = 1;

    for ( /* void */ ; last[i] != '\0'; i++) {
        if (last[0] == '0' && last[1] == 'x' ? !isxdigit(last[i])
                                             : !isdigit(last[i]))
        {
            number = 0;
        }
    }

    if (!number) {
        return strlen(host) <= 253;
    }

    return inet_pton(AF_INET, host, &a) == 1
           && inet_ntop(AF_INET, &a, text, sizeof(text)) != NULL
           && strcmp(text, host) == 0;
}


static int
model_v6(const char *host, int *unsure)
{
    char             text[64];
    struct in6_addr  a;

    if (inet_pton(AF_INET6, host, &a) != 1
        || inet_ntop(AF_INET6, &a, text, sizeof(text)) == NULL)
    {
        return 0;
    }

    /* the library writes some with an IPv4 address at the end */

    *unsure = strchr(text, '.') != NULL && strchr(host, '.') == NULL;

    return strcmp(text, host) == 0 && strchr(host, '.') == NULL;
}


/* 1, 0, or -1: the model does not know. */

static int
model_check(const char *text)
{
    int         unsure, port, dflt, ok;
    char        host[TEST_TEXT];
    long        n;
    regmatch_t  m[8];

    unsure = 0;

    if (regexec(&test_named, text, 8, m, 0) == 0) {
        snprintf(host, sizeof(host), "%.*s", (int) (m[2].rm_eo - m[2].rm_so),
                 text + m[2].rm_so);
        ok = model_host(host);
        port = m[5].rm_so;

    } else if (regexec(&test_bracketed, text, 8, m, 0) == 0) {
        snprintf(host, sizeof(host), "%.*s", (int) (m[2].rm_eo - m[2].rm_so),
                 text + m[2].rm_so);
        ok = model_v6(host, &unsure);
        port = m[4].rm_so;

    } else {
        return 0;
    }

    if (unsure) {
        return -1;
    }

    dflt = text[4] == 's' ? 443 : 80;

    n = port < 0 ? 1 : strtol(text + port, NULL, 10);

    return ok && n <= 65535 && n != dflt;
}


static void
test_random_origin(char *text)
{
    size_t  i, n, k;
    char    host[256];

    static const char *const  words[] = {
        "a", "example", "com", "0", "7", "255", "256", "localhost", "xn--a",
        "0x7f", "my_host", "-", "00", "1a"
    };

    host[0] = '\0';

    if (test_below(3) == 0) {
        snprintf(host, sizeof(host), "[");
        n = 5 + test_below(5);

        for (i = 0; i < n; i++) {
            k = test_below(4);
            snprintf(host + strlen(host), 8, "%s%s",
                     i == 0 ? (test_below(4) ? "" : ":") : ":",
                     k == 0 ? "" : k == 1 ? "0" : k == 2 ? "db8" : "1");
        }

        snprintf(host + strlen(host), 2, "]");

    } else {
        n = 1 + test_below(5);

        for (i = 0; i < n; i++) {
            snprintf(host + strlen(host), 32, "%s%s", i ? "." : "",
                     words[test_below(hx_nelts(words))]);
        }
    }

    snprintf(text, TEST_TEXT, "http%s://%s", test_below(2) ? "s" : "", host);

    if (test_below(2)) {
        static const unsigned  ports[] = { 0, 1, 80, 443, 8443, 65535, 65536 };

        snprintf(text + strlen(text), 8, ":%u", ports[test_below(7)]);
    }
}


static void
against_the_model(void **state)
{
    int          want;
    size_t       i, len, n[2];
    char         text[TEST_TEXT];
    const char  *why;

    static const char  bytes[] = "a0.:/[]@*A- _x1";

    assert_int_equal(regcomp(&test_named, "^http(s?)://([a-z0-9_-]{1,63}"
                             "([.][a-z0-9_-]{1,63})*)(:([1-9][0-9]{0,4}))?$",
                             REG_EXTENDED), 0);
    assert_int_equal(regcomp(&test_bracketed, "^http(s?)://\\[([0-9a-f:]*)\\]"
                             "(:([1-9][0-9]{0,4}))?$", REG_EXTENDED), 0);

    n[0] = n[1] = 0;

    for (i = 0; i < TEST_ROUNDS; i++) {
        test_random_origin(text);
        len = strlen(text);

        switch (test_below(4)) {

        case 0:
            text[test_below(len)] = bytes[test_below(sizeof(bytes) - 1)];
            break;

        case 1:
            text[test_below(len)] = '\0';
            break;

        default:
            break;
        }

        want = model_check(text);

        if (want < 0) {
            continue;
        }

        if (test_check(text, &why) != (want ? HX_OK : HX_NO)) {
            fail_msg("\"%s\": %s", text, want ? why : "taken");
        }

        assert_int_equal(why == NULL, want);
        n[want]++;
    }

    assert_true(n[0] > 5000 && n[1] > 5000);

    regfree(&test_named);
    regfree(&test_bracketed);
}


/* -------------------------------------------------------------- lists -- */

static void
in_the_clear(void **state)
{
    size_t    i;
    hx_str_t  s;

    static const struct {
        const char  *text;
        int          clear;
    } t[] = {
        { "https://example.com", 0 }, { "http://example.com", 1 },
        { "http://localhost", 0 }, { "http://localhost:3000", 0 },
        { "http://127.0.0.1:8", 0 }, { "http://[::1]", 0 },
        { "http://[::1]:8080", 0 }, { "http://localhost.example.com", 1 },
        { "http://localhosts", 1 }, { "http://127.0.0.11", 1 },
        { "http://127.0.0.2", 1 }, { "http://a", 1 },
        { "https://localhost", 0 }
    };

    for (i = 0; i < hx_nelts(t); i++) {
        s.len = strlen(t[i].text);
        s.data = test_edge(t[i].text, s.len);
        assert_int_equal(hx_origin_in_the_clear(&s), t[i].clear);
    }
}


static void
found(void **state)
{
    char             text[32], pool[64][32];
    size_t           i, k, n, len, hits;
    hx_str_t         list[64];
    const hx_str_t  *want;
    unsigned char   *s;

    hits = 0;

    for (i = 0; i < 20000; i++) {
        n = test_below(65);

        for (k = 0; k < n; k++) {
            snprintf(pool[k], sizeof(pool[k]), "https://%c%c.example:%zu",
                     (int) ('a' + test_below(3)), (int) ('a' + test_below(3)),
                     1 + test_below(12));
            list[k].data = (unsigned char *) pool[k];
            list[k].len = strlen(pool[k]);
        }

        snprintf(text, sizeof(text), "https://%c%c.example:%zu",
                 (int) ('a' + test_below(3)), (int) ('a' + test_below(3)),
                 1 + test_below(12));

        if (test_below(3) == 0) {
            text[test_below(strlen(text))] ^= (char) (1 << test_below(7));
        }

        len = strnlen(text, sizeof(text)) - test_below(2);
        s = test_edge(text, len);
        want = NULL;

        for (k = 0; k < n && want == NULL; k++) {
            if (list[k].len == len && memcmp(list[k].data, text, len) == 0) {
                want = &list[k];
            }
        }

        assert_true(hx_text_find(list, n, s, len) == want);
        hits += want != NULL;
    }

    assert_true(hits > 500);
    assert_null(hx_text_find(list, 0, (const unsigned char *) "", 0));
}


/* --------------------------------------------------------------- Vary -- */

static void
vary_members(void **state)
{
    size_t  i;

    static const struct {
        const char  *value;
        int          origin, star;
    } t[] = {
        { "", 0, 0 }, { "Origin", 1, 0 }, { "origin", 1, 0 },
        { "ORIGIN", 1, 0 }, { "Accept-Encoding, Origin", 1, 0 },
        { "Origin,Accept", 1, 0 }, { "\tOrigin ,", 1, 0 },
        { ",, Origin", 1, 0 }, { "Origins", 0, 0 }, { "X-Origin", 0, 0 },
        { "Ori gin", 0, 0 }, { "Origi", 0, 0 }, { "*", 0, 1 },
        { "Accept, *", 0, 1 }, { "*Origin", 0, 0 }, { "Origin, *", 1, 1 },
        { "\"Origin\"", 0, 0 }, { " ", 0, 0 }, { ",", 0, 0 },
        { "Origin;q=1", 0, 0 }
    };

    for (i = 0; i < hx_nelts(t); i++) {
        size_t          len = strlen(t[i].value);
        unsigned char  *s = test_edge(t[i].value, len);

        assert_int_equal(hx_vary_has(s, len, "Origin", 6), t[i].origin);
        assert_int_equal(hx_vary_has(s, len, "*", 1), t[i].star);
    }
}


static int
model_vary(const char *value, const char *name)
{
    char   copy[256], *p, *save, *end;

    snprintf(copy, sizeof(copy), "%s", value);

    for (p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        p += strspn(p, " \t");
        end = p + strlen(p);

        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            *--end = '\0';
        }

        if (strcasecmp(p, name) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
vary_against_the_model(void **state)
{
    char            value[128];
    size_t          i, k, n, hits;
    unsigned char  *s;

    static const char *const  parts[] = {
        "Origin", "oRIGIN", ",", ", ", " ", "\t", "Accept", "*", "Or", "igin"
    };

    hits = 0;

    for (i = 0; i < TEST_ROUNDS; i++) {
        value[0] = '\0';
        n = test_below(9);

        for (k = 0; k < n; k++) {
            snprintf(value + strlen(value), 16, "%s",
                     parts[test_below(hx_nelts(parts))]);
        }

        s = test_edge(value, strlen(value));
        k = (size_t) model_vary(value, "origin");
        assert_int_equal(hx_vary_has(s, strlen(value), "Origin", 6), k);
        hits += k;
        assert_int_equal(hx_vary_has(s, strlen(value), "*", 1),
                         model_vary(value, "*"));
    }

    assert_true(hits > 1000);
}


static void
vary_list(void **state)
{
    hx_buf_t        b;
    unsigned char  *p;

    p = test_edge("123456789012345", 15);
    hx_buf_init(&b, p, 15);
    hx_vary_add(&b, (const unsigned char *) "", 0);
    assert_int_equal(hx_buf_len(&b), 0);
    hx_vary_add(&b, (const unsigned char *) "Accept", 6);
    hx_vary_add(&b, (const unsigned char *) "", 0);
    hx_vary_add(&b, (const unsigned char *) "Origins", 7);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), 15);
    assert_memory_equal(p, "Accept, Origins", 15);
    hx_vary_add(&b, (const unsigned char *) "x", 1);
    assert_false(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), 15);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(valid),
        cmocka_unit_test(invalid),
        cmocka_unit_test(not_a_c_string),
        cmocka_unit_test(against_the_model),
        cmocka_unit_test(in_the_clear),
        cmocka_unit_test(found),
        cmocka_unit_test(vary_members),
        cmocka_unit_test(vary_against_the_model),
        cmocka_unit_test(vary_list)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
