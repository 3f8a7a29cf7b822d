/*
 * hx_http_parse_test.c -- request heads, framing and chunked bodies: vectors,
 * limits to the byte, and the property that any split of the same bytes gives
 * the same result (over random and mutated requests, before a guard page).
 */

#include "hx_test.h"
#include "hx_http_parse.h"

#define OK      0
#define BAD     1
#define MORE    2

typedef struct {
    int          rc;
    const char  *text;
} vector_t;

static const vector_t  heads[] = {
    { OK, "GET / HTTP/1.1\r\nHost: x\r\n\r\n" },
    { OK, "GET / HTTP/1.0\r\n\r\n" },
    { OK, "M-SEARCH /a?b#c HTTP/1.1\r\n\r\n" },
    { OK, "GET / HTTP/1.1\r\nA:\r\n\r\n" },
    { OK, "GET / HTTP/1.1\r\nA: \t b \t c \t\r\n\r\n" },
    { OK, "GET / HTTP/1.1\r\nA: \x80\xff\r\n\r\nrest" },
    { OK, "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n" },
    { MORE, "" },
    { MORE, "G" },
    { MORE, "GET /" },
    { MORE, "GET / HTTP/1.1\r" },
    { MORE, "GET / HTTP/1.1\r\nA" },
    { MORE, "GET / HTTP/1.1\r\nA: b\r\n\r" },
    { BAD, " GET / HTTP/1.1\r\n\r\n" },
    { BAD, "\r\nGET / HTTP/1.1\r\n\r\n" },
    { BAD, "GET  / HTTP/1.1\r\n\r\n" },
    { BAD, "GET /  HTTP/1.1\r\n\r\n" },
    { BAD, "GET\t/ HTTP/1.1\r\n\r\n" },
    { BAD, "GE(T / HTTP/1.1\r\n\r\n" },
    { BAD, "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n\r\n" },
    { BAD, "GET x HTTP/1.1\r\n\r\n" },
    { BAD, "GET * HTTP/1.1\r\n\r\n" },
    { BAD, "GET http://x/ HTTP/1.1\r\n\r\n" },
    { BAD, "GET /\x7f HTTP/1.1\r\n\r\n" },
    { BAD, "GET /\xc3\xa9 HTTP/1.1\r\n\r\n" },
    { BAD, "GET /\r\n\r\n" },
    { BAD, "GET / http/1.1\r\n\r\n" },
    { BAD, "GET / HTTP/1.2\r\n\r\n" },
    { BAD, "GET / HTTP/2.0\r\n\r\n" },
    { BAD, "GET / HTTP/1.11\r\n\r\n" },
    { BAD, "GET / HTTP/1.1 \r\n\r\n" },
    { BAD, "GET / HTTP/1.1\n\n" },
    { BAD, "GET / HTTP/1.1\r\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: b\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\n A: b\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA : b\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\n: b\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA\xc3: b\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: \x01\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n" },
    { BAD, "GET / HTTP/1.1\r\nA: b\r\n\rx" }
};


static int
kind(hx_http_rc_t rc)
{
    return rc == HX_HTTP_DONE ? OK : rc == HX_HTTP_BAD ? BAD : MORE;
}


static void
test_heads(void **state)
{
    size_t                i, len;
    hx_http_head_t        h;
    const unsigned char  *p;

    for (i = 0; i < hx_nelts(heads); i++) {
        len = strlen(heads[i].text);
        p = test_edge(heads[i].text, len);
        hx_http_head_init(&h);

        if (kind(hx_http_head_parse(&h, p, len)) != heads[i].rc) {
            fail_msg("wrong result for: %s", heads[i].text);
        }

        assert_int_equal(h.why != NULL, heads[i].rc == BAD);
    }
}


static void
test_classes(void **state)
{
    int  ch, token;

    for (ch = 0; ch < 256; ch++) {
        token = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z')
                || (ch >= 'A' && ch <= 'Z')
                || (ch != 0 && strchr("!#$%&'*+-.^_`|~", ch) != NULL);
        assert_int_equal(hx_http_token((unsigned char) ch) != 0, token);
        assert_int_equal(hx_http_text((unsigned char) ch) != 0,
                         ch == '\t' || (ch >= ' ' && ch != 0x7f));
    }
}


static void
test_nul_bytes(void **state)
{
    size_t                i;
    hx_http_head_t        h;
    unsigned char         text[] = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
    const unsigned char  *p;

    for (i = 0; i < sizeof(text) - 1; i++) {
        const unsigned char  kept = text[i];

        text[i] = '\0';
        p = test_edge(text, sizeof(text) - 1);
        hx_http_head_init(&h);
        assert_int_equal(hx_http_head_parse(&h, p, sizeof(text) - 1),
                         HX_HTTP_BAD);
        assert_int_equal(h.pos, i);
        text[i] = kept;
    }
}


static void
test_pieces(void **state)
{
    hx_str_t              v;
    hx_http_head_t        h;
    static const char     text[] = "POST /a/b?c HTTP/1.1\r\nHost:h\r\n"
                                   "X-Two:  a b \t\r\nx-TWO: c\r\nE:\r\n\r\n+";
    const unsigned char  *p = (const unsigned char *) text;

    hx_http_head_init(&h);
    assert_int_equal(hx_http_head_parse(&h, p, sizeof(text) - 1),
                     HX_HTTP_DONE);
    assert_int_equal(h.pos, sizeof(text) - 2);
    assert_int_equal(h.method.len, 4);
    assert_memory_equal(p + h.target.off, "/a/b?c", 6);
    assert_int_equal(h.target.len, 6);
    assert_int_equal(h.minor, 1);
    assert_int_equal(h.n_headers, 4);

    assert_int_equal(hx_http_header(&h, p, "host", &v), HX_OK);
    assert_int_equal(v.len, 1);
    assert_int_equal(hx_http_header(&h, p, "e", &v), HX_OK);
    assert_int_equal(v.len, 0);
    assert_int_equal(hx_http_header(&h, p, "x-two", &v), HX_FAIL);
    assert_int_equal(hx_http_header(&h, p, "x-tw", &v), HX_NO);

    assert_int_equal(h.header[1].value.len, 3);
    assert_memory_equal(p + h.header[1].value.off, "a b", 3);
}


/* A head of exactly n bytes. */
static hx_http_rc_t
sized(size_t n, int *too_large)
{
    static const char      start[] = "GET / HTTP/1.1\r\nA: ";
    static unsigned char   text[HX_HTTP_HEAD_MAX + 16];
    hx_http_rc_t           rc;
    hx_http_head_t         h;

    memset(text, 'x', sizeof(text));
    memcpy(text, start, sizeof(start) - 1);
    memcpy(text + n - 4, "\r\n\r\n", 4);
    hx_http_head_init(&h);
    rc = hx_http_head_parse(&h, text, n);
    *too_large = h.too_large;

    return rc;
}


static void
test_limits(void **state)
{
    int             i, large;
    char            text[8192];
    size_t          n;
    hx_http_head_t  h;

    assert_int_equal(sized(HX_HTTP_HEAD_MAX, &large), HX_HTTP_DONE);
    assert_int_equal(sized(HX_HTTP_HEAD_MAX + 1, &large), HX_HTTP_BAD);
    assert_int_equal(large, 1);

    n = (size_t) snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");

    for (i = 0; i < HX_HTTP_HEADERS_MAX; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "A: b\r\n");
    }

    memcpy(text + n, "\r\n", 3);
    hx_http_head_init(&h);
    assert_int_equal(hx_http_head_parse(&h, (unsigned char *) text, n + 2),
                     HX_HTTP_DONE);

    memcpy(text + n, "A: b\r\n\r\n", 9);
    hx_http_head_init(&h);
    assert_int_equal(hx_http_head_parse(&h, (unsigned char *) text, n + 8),
                     HX_HTTP_BAD);
    assert_int_equal(h.too_large, 1);
}


typedef struct {
    const char       *lines;
    hx_rc_t           rc;
    hx_http_frame_t   f;
} frame_vector_t;

static const frame_vector_t  frames[] = {
    { "1 Host: x\r\n", HX_OK, { 0, 0, 0, 1, 0 } },
    { "1 ", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nHost: x\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "0 ", HX_OK, { 0, 0, 0, 0, 0 } },
    { "0 Connection: Keep-Alive\r\n", HX_OK, { 0, 0, 0, 1, 0 } },
    { "1 Host: x\r\nConnection: close\r\n", HX_OK, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nConnection: a , CLOSE ,b\r\n", HX_OK, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nConnection: closed\r\n", HX_OK, { 0, 0, 0, 1, 0 } },
    { "1 Host: x\r\nConnection: a\r\nConnection: close\r\n", HX_OK,
      { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 0\r\n", HX_OK, { 0, 1, 0, 1, 0 } },
    { "1 Host: x\r\nContent-Length: 123\r\n", HX_OK, { 0, 1, 123, 1, 0 } },
    { "1 Host: x\r\nContent-Length: 0123\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: -1\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: +1\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 1 1\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 1,1\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 0x1\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length:\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 18446744073709551616\r\n", HX_NO,
      { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n", HX_NO,
      { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nTransfer-Encoding: Chunked\r\n", HX_OK,
      { 1, 0, 0, 1, 0 } },
    { "1 Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n",
      HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nTransfer-Encoding: gzip, chunked\r\n", HX_NO,
      { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nTransfer-Encoding: identity\r\n", HX_NO,
      { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nTransfer-Encoding: chunked\r\n"
      "Transfer-Encoding: chunked\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "0 Transfer-Encoding: chunked\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nExpect: 100-Continue\r\n", HX_OK, { 0, 0, 0, 1, 1 } },
    { "0 Expect: 100-continue\r\n", HX_OK, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nExpect: 200-ok\r\n", HX_NO, { 0, 0, 0, 0, 0 } },
    { "1 Host: x\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n", HX_NO,
      { 0, 0, 0, 0, 0 } }
};


static void
test_frames(void **state)
{
    char             text[512];
    size_t           i, n;
    hx_rc_t          rc;
    hx_http_head_t   h;
    hx_http_frame_t  f;

    for (i = 0; i < hx_nelts(frames); i++) {
        n = (size_t) snprintf(text, sizeof(text), "GET / HTTP/1.%c\r\n%s\r\n",
                              frames[i].lines[0], frames[i].lines + 2);
        hx_http_head_init(&h);
        assert_int_equal(hx_http_head_parse(&h, (unsigned char *) text, n),
                         HX_HTTP_DONE);
        rc = hx_http_frame(&f, &h, (unsigned char *) text);

        if (rc != frames[i].rc
            || (rc == HX_OK && (f.chunked != frames[i].f.chunked
                || f.has_length != frames[i].f.has_length
                || f.length != frames[i].f.length
                || f.keep_alive != frames[i].f.keep_alive
                || f.expect_continue != frames[i].f.expect_continue)))
        {
            fail_msg("wrong framing for: %s", frames[i].lines);
        }

        assert_int_equal(h.why != NULL, rc != HX_OK);
    }
}


/* Some request, often with something wrong in it. */
static size_t
random_head(unsigned char *out)
{
    size_t                    n, i, k;
    static const char *const  part[] = {
        "GET", "POST", " ", "/", "/v1/put", " HTTP/1.1", " HTTP/1.0", "\r\n",
        "Host: x", "Content-Length: 12", "Transfer-Encoding: chunked", "A",
        ":", ": ", "\t", "b c", "\r", "\n", "\x80", "\r\n\r\n", "%41"
    };

    n = 0;

    if (test_below(4) != 0) {
        memcpy(out, "GET /a HTTP/1.1\r\nHost: x\r\nAb: c d\r\n\r\nx", 39);
        n = 39;

        for (k = test_below(3); k != 0; k--) {
            out[test_below(n)] = (unsigned char) test_random();
        }

        return n;
    }

    for (k = test_below(14); k != 0; k--) {
        i = test_below(hx_nelts(part));
        memcpy(out + n, part[i], strlen(part[i]));
        n += strlen(part[i]);
    }

    return n;
}


static void
test_any_split_of_a_head(void **state)
{
    int                   i;
    size_t                n, len;
    hx_http_rc_t          a, b;
    hx_http_head_t        x, y;
    unsigned char         text[512];
    const unsigned char  *p;

    for (i = 0; i < 200000; i++) {
        len = random_head(text);
        p = test_edge(text, len);

        hx_http_head_init(&x);
        a = hx_http_head_parse(&x, p, len);

        hx_http_head_init(&y);
        b = HX_HTTP_MORE;

        for (n = 0; b == HX_HTTP_MORE && n < len; /* void */ ) {
            n += 1 + test_below(len - n);
            b = hx_http_head_parse(&y, p, n);
        }

        assert_int_equal(a, b);
        assert_int_equal(x.pos, y.pos);
        assert_true(x.why == y.why);
        assert_int_equal(x.n_headers, y.n_headers);
        assert_int_equal(x.target.len, y.target.len);
        assert_memory_equal(x.header, y.header,
                            x.n_headers * sizeof(x.header[0]));
    }
}


/* Takes a chunked body in pieces; the payload goes to out. */
static hx_http_rc_t
unchunk(const unsigned char *p, size_t len, size_t most, unsigned char *out,
    size_t *n, size_t *consumed, const char **why)
{
    size_t             i, step, used;
    hx_str_t           data;
    hx_http_rc_t       rc;
    hx_http_chunked_t  c;

    hx_http_chunked_init(&c);
    rc = HX_HTTP_MORE;
    *n = 0;

    for (i = 0; rc == HX_HTTP_MORE && i < len; i += used) {
        step = most == 0 ? len - i : 1 + test_below(most);
        step = step < len - i ? step : len - i;
        rc = hx_http_chunked_parse(&c, p + i, step, &used, &data);
        assert_true(used <= step && data.len <= used);
        assert_true(used != 0);
        memcpy(out + *n, data.data != NULL ? data.data : p, data.len);
        *n += data.len;
    }

    *consumed = i;
    *why = c.why;

    return rc;
}


static const vector_t  bodies[] = {
    { OK, "0\r\n\r\n" },
    { OK, "000\r\n\r\n" },
    { OK, "5\r\nhello\r\n0\r\n\r\nrest" },
    { OK, "A\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n" },
    { OK, "5;a=\"b\"\r\nhello\r\n0;x\r\n\r\n" },
    { OK, "0\r\nX-T: a\r\nY: \r\n\r\n" },
    { MORE, "" },
    { MORE, "5" },
    { MORE, "5\r\nhello\r\n0\r\n" },
    { BAD, "\r\n" },
    { BAD, "g\r\n" },
    { BAD, " 5\r\n" },
    { BAD, "5 \r\n" },
    { BAD, "-5\r\n" },
    { BAD, "0x5\r\n" },
    { BAD, "5\nhello" },
    { BAD, "5\r\nhellox\r\n" },
    { BAD, "5\r\nhello\n" },
    { BAD, "5\r\nhello\rx" },
    { BAD, "5\r\nhello\r\n\r\n" },
    { BAD, "1234567890abc\r\n" },
    { BAD, "5;\x01\r\n" },
    { BAD, "5;a\n" },
    { BAD, "0\r\n x\r\n\r\n" },
    { BAD, "0\r\nX\x01: y\r\n\r\n" },
    { BAD, "0\r\nX: y\n\r\n" },
    { BAD, "0\r\n\n" },
    { BAD, "0\r\n\rx" }
};


static void
test_bodies(void **state)
{
    size_t          i, len, n, consumed;
    const char     *why;
    unsigned char   out[256];

    for (i = 0; i < hx_nelts(bodies); i++) {
        len = strlen(bodies[i].text);

        if (kind(unchunk(test_edge(bodies[i].text, len), len, 0, out, &n,
                         &consumed, &why)) != bodies[i].rc)
        {
            fail_msg("wrong result for: %s", bodies[i].text);
        }
    }

    len = strlen(bodies[2].text);
    (void) unchunk((const unsigned char *) bodies[2].text, len, 0, out, &n,
                   &consumed, &why);
    assert_int_equal(consumed, len - 4);
    assert_int_equal(n, 5);
    assert_memory_equal(out, "hello", 5);
}


static void
test_chunk_limits(void **state)
{
    size_t         n, len, consumed;
    const char    *why;
    unsigned char  text[4 * HX_HTTP_TRAILER_MAX], out[16];

    memset(text, 'x', sizeof(text));
    memcpy(text, "0;", 2);
    memcpy(text + 2 + HX_HTTP_EXT_MAX, "\r\n\r\n", 4);
    len = 6 + HX_HTTP_EXT_MAX;
    assert_int_equal(unchunk(text, len, 0, out, &n, &consumed, &why),
                     HX_HTTP_DONE);

    memset(text, 'x', sizeof(text));
    memcpy(text, "0;", 2);
    memcpy(text + 3 + HX_HTTP_EXT_MAX, "\r\n\r\n", 4);
    assert_int_equal(unchunk(text, len + 1, 0, out, &n, &consumed, &why),
                     HX_HTTP_BAD);

    /* many short trailers count like one long one */

    memcpy(text, "0\r\n", 3);

    for (len = 3; len + 3 <= sizeof(text); len += 3) {
        memcpy(text + len, "x\r\n", 3);
    }

    assert_int_equal(unchunk(text, 3 + 3 * HX_HTTP_TRAILER_MAX, 0, out, &n,
                             &consumed, &why), HX_HTTP_MORE);
    assert_int_equal(unchunk(text, len, 0, out, &n, &consumed, &why),
                     HX_HTTP_BAD);
    assert_int_equal(consumed, 3 + 3 * HX_HTTP_TRAILER_MAX + 1);

    memset(text + 3, 'x', sizeof(text) - 3);
    assert_int_equal(unchunk(text, sizeof(text), 0, out, &n, &consumed, &why),
                     HX_HTTP_BAD);
    assert_int_equal(consumed, 3 + HX_HTTP_TRAILER_MAX + 1);
}


static void
test_any_split_of_a_body(void **state)
{
    int                   i;
    size_t                k, len, n1, n2, c1, c2;
    const char           *w1, *w2;
    hx_http_rc_t          a, b;
    unsigned char         text[512], x[512], y[512];
    const unsigned char  *p;

    for (i = 0; i < 200000; i++) {
        len = (size_t) snprintf((char *) text, sizeof(text),
                                "%zx;a\r\n%.*s\r\n3\r\nabc\r\n0\r\nT: u\r\n"
                                "\r\n", test_below(20), (int) test_below(20),
                                "0123456789\r\n0123456789");

        for (k = test_below(3); k != 0; k--) {
            text[test_below(len)] = (unsigned char) test_random();
        }

        p = test_edge(text, len);
        a = unchunk(p, len, 0, x, &n1, &c1, &w1);
        b = unchunk(p, len, 1 + test_below(8), y, &n2, &c2, &w2);
        assert_int_equal(a, b);
        assert_int_equal(c1, c2);
        assert_int_equal(n1, n2);
        assert_true(w1 == w2);
        assert_memory_equal(x, y, n1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_any_split_of_a_head),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_chunk_limits),
        cmocka_unit_test(test_any_split_of_a_body)
    };

    return cmocka_run_group_tests_name("hx_http_parse", tests, NULL, NULL);
}
