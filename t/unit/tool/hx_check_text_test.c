/*
 * hx_check_text_test.c -- texts of other programs: sockets of the kernel,
 * references to images, apt-get, shippers, environments, secrets.
 */

#include "hx_test.h"

#include "hx_check_text.h"

#define DIGEST  "0123456789abcdef0123456789abcdef" \
                "0123456789abcdef0123456789abcdef"
#define PIN     "@sha256:" DIGEST

static const char  tcp[] =
    "   1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 "
    "00000000    33        0 4294967299 1 0000000000000000 100 0 0 10 0";

static const char  tcp6[] =
    "   0: 0000000000000000FFFF00000100000A:0050 "
    "00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 "
    "00000000     0        0 7 1 0000000000000000 100 0 0 10 0";


static void
test_sockets(void **state)
{
    char         text[512];
    hx_str_t     s;
    hx_socket_t  sock;

    static const unsigned char  loopback[4] = { 127, 0, 0, 1 };
    static const unsigned char  mapped[16] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1
    };

    s = test_str(tcp);
    assert_int_equal(hx_socket_parse(&sock, &s), HX_OK);
    assert_int_equal(sock.port, 8000);
    assert_int_equal(sock.len, 4);
    assert_memory_equal(sock.addr, loopback, 4);
    assert_int_equal(sock.inode, UINT64_C(4294967299));

    s = test_str(tcp6);
    assert_int_equal(hx_socket_parse(&sock, &s), HX_OK);
    assert_int_equal(sock.port, 80);
    assert_memory_equal(sock.addr, mapped, 16);
    assert_false(hx_socket_loopback(sock.addr, sock.len));
    assert_true(hx_socket_private(sock.addr, sock.len));

    /* a connection, not a listener */

    (void) snprintf(text, sizeof(text), "%s", tcp);
    memcpy(strstr(text, " 0A "), " 01 ", 4);
    s = test_str(text);
    assert_int_equal(hx_socket_parse(&sock, &s), HX_NO);

    s = test_str("  sl  local_address rem_address   st tx_queue rx_queue tr "
                 "tm->when retrnsmt   uid  timeout inode");
    assert_int_equal(hx_socket_parse(&sock, &s), HX_NO);
}


static void
test_address_kinds(void **state)
{
    size_t  i;

    static const struct {
        unsigned char  addr[16];
        unsigned       len;
        int            loopback, any, private;
    } kinds[] = {
        { { 127, 1, 2, 3 }, 4, 1, 0, 0 },
        { { 0, 0, 0, 0 }, 4, 0, 1, 0 },
        { { 10, 1, 1, 1 }, 4, 0, 0, 1 },
        { { 172, 31, 1, 1 }, 4, 0, 0, 1 },
        { { 172, 32, 1, 1 }, 4, 0, 0, 0 },
        { { 192, 168, 1, 1 }, 4, 0, 0, 1 },
        { { 8, 8, 8, 8 }, 4, 0, 0, 0 },
        { { [15] = 1 }, 16, 1, 0, 0 },
        { { [15] = 0 }, 16, 0, 1, 0 },
        { { 0xfd, 0, [15] = 1 }, 16, 0, 0, 1 },
        { { 0x20, 1, [15] = 1 }, 16, 0, 0, 0 },
    };

    for (i = 0; i < hx_nelts(kinds); i++) {
        assert_int_equal(hx_socket_loopback(kinds[i].addr, kinds[i].len),
                         kinds[i].loopback);
        assert_int_equal(hx_socket_any(kinds[i].addr, kinds[i].len),
                         kinds[i].any);
        assert_int_equal(hx_socket_private(kinds[i].addr, kinds[i].len),
                         kinds[i].private);
    }
}


/* "line:reference" of all of them, with blanks between. */

static const char *
test_images_of(const char *text, int docker)
{
    size_t        n;
    hx_str_t      ref;
    hx_images_t   im;
    static char   out[1024];

    memset(&im, 0, sizeof(im));
    im.text.data = test_edge(text, strlen(text));
    im.text.len = strlen(text);
    im.docker = docker != 0;
    out[0] = '\0';

    for (n = 0; hx_image_next(&im, &ref); /* void */ ) {
        n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%u:%.*s",
                               n != 0 ? " " : "", im.line, (int) ref.len,
                               (const char *) ref.data);
        assert_true(n < sizeof(out));
    }

    return out;
}


static void
test_images(void **state)
{
    assert_string_equal(test_images_of(
        "services:\n"
        "  a: # image: x\n"
        "    image: nginx:1.2 # image: y\n"
        "  b:\n"
        "    image: \"r.example:5000/b@sha256:1\"\r\n"
        "    baseimage: no\n"
        "    image_x: no\n"
        "    imagePullPolicy: Always\n"
        "  - image: c\n"
        "  {name: d, image: d, x: {\"image\": \"e\"}}\n"
        "    image:\n"
        "      repository: f\n", 0),
        "3:nginx:1.2 5:r.example:5000/b@sha256:1 9:c 10:d 10:e 11:");

    assert_string_equal(test_images_of(
        "# FROM no\n"
        "FROM debian:12 AS build\n"
        "FROM --platform=linux/amd64 b:1 as Next\n"
        "FROM scratch\n"
        "COPY --from=build /a /b\n"
        "COPY --chown=x --from=0 /a /b\n"
        "COPY --from=c:2 /a /b\n"
        "from build\n"
        "RUN echo FROM d\n"
        "FROM\n", 1), "2:debian:12 3:b:1 7:c:2");

    assert_string_equal(test_images_of("image", 0), "");
    assert_string_equal(test_images_of("image:", 0), "1:");
    assert_string_equal(test_images_of("", 1), "");
}


static void
test_pins(void **state)
{
    size_t    i;
    hx_str_t  s;

    static const char *const  bad[] = {
        "", "a", "a:1", PIN, "a@sha256:123", "a" PIN "0", "a@sha255:" DIGEST,
        "a@sha256:x123456789abcdef0123456789abcdef0123456789abcdef0123456789"
        "abcdef"
    };

    s = test_str("a" PIN);
    assert_true(hx_image_pinned(&s));
    s = test_str("r.example:5000/a:1.2" PIN);
    assert_true(hx_image_pinned(&s));

    for (i = 0; i < hx_nelts(bad); i++) {
        s = test_str(bad[i]);
        assert_false(hx_image_pinned(&s));
    }
}


static void
test_apt(void **state)
{
    hx_str_t  s, name;

    s = test_str("Inst libssl3 [3.0.11-1] (3.0.13-1 Debian-Security:12/"
                 "stable-security [amd64])");
    assert_true(hx_apt_security(&s, &name));
    assert_int_equal(name.len, 7);
    assert_memory_equal(name.data, "libssl3", 7);

    s = test_str("Inst curl [7.81] (7.82 Ubuntu:22.04/jammy-security [amd64])");
    assert_true(hx_apt_security(&s, &name));
    s = test_str("Inst curl [7.81] (7.82 Debian:12.5/stable [amd64])");
    assert_false(hx_apt_security(&s, &name));
    s = test_str("Conf libssl3 (3.0.13-1 Debian-Security:12/stable-security)");
    assert_false(hx_apt_security(&s, &name));
    s = test_str("Inst");
    assert_false(hx_apt_security(&s, &name));
}


static void
test_shippers(void **state)
{
    size_t             i;
    hx_str_t           s;
    static const char  path[] = "/var/log/hx-gate/audit.jsonl";

    static const char *const  named[] = {
        "include = [\"/var/log/hx-gate/audit.jsonl\"]",
        "    path /var/log/hx-gate/audit.jsonl",
        "Path    /var/log/hx-gate/*.jsonl",
        "[monitor:///var/log/hx-gate/audit.jsonl]",
        "input(type=\"imfile\" File=\"/var/log/hx-gate/audit.jsonl\")",
        "__path__: '/var/log/*/audit.jsonl'",
    };

    static const char *const  not[] = {
        "# path /var/log/hx-gate/audit.jsonl",
        "  ; path /var/log/hx-gate/audit.jsonl",
        "path /var/log/hx-gate/audit.jsonl.1",
        "path /var/log/hx-gate-syslog/audit.jsonl",
        "path /var/log/*.jsonl",        /* * is not for a slash */
        "", "/", "://", "audit.jsonl"
    };

    for (i = 0; i < hx_nelts(named); i++) {
        s = test_str(named[i]);
        assert_true(hx_ship_names(&s, path));
    }

    for (i = 0; i < hx_nelts(not); i++) {
        s = test_str(not[i]);
        assert_false(hx_ship_names(&s, path));
    }
}


static void
test_is(const hx_str_t *s, const char *want)
{
    assert_int_equal(s->len, strlen(want));
    assert_memory_equal(s->data, want, s->len);
}


static void
test_environments(void **state)
{
    hx_str_t  text, v;

    text.data = (const unsigned char *) "AB=1\0A=2\0A=3\0C=\0D=x=y";
    text.len = 21;
    assert_true(hx_environ_block(&text, "A", &v));
    test_is(&v, "2");
    assert_true(hx_environ_block(&text, "C", &v));
    test_is(&v, "");
    assert_true(hx_environ_block(&text, "D", &v));
    test_is(&v, "x=y");
    assert_false(hx_environ_block(&text, "B", &v));
    assert_false(hx_environ_block(&text, "AB=1", &v));

    text = test_str("# A=0\n A=1\nA=\"two words\" \r\nB='c'\n=x\nD=\nE=\"x\n");
    assert_true(hx_environ_file(&text, "A", &v));
    test_is(&v, "two words");
    assert_true(hx_environ_file(&text, "B", &v));
    test_is(&v, "c");
    assert_true(hx_environ_file(&text, "D", &v));
    test_is(&v, "");
    assert_true(hx_environ_file(&text, "E", &v));
    test_is(&v, "\"x");
    assert_false(hx_environ_file(&text, "# A", &v));
    assert_false(hx_environ_file(&text, "", &v));
}


static const char *
test_weak(const char *s)
{
    return hx_secret_weak(test_edge(s, strlen(s)), strlen(s));
}


static void
test_secrets(void **state)
{
    assert_null(test_weak("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"));
    assert_null(test_weak("kP3xq9Zr7LmT2vWb8NcYd5Gh1JsKf4Qe"));
    assert_non_null(test_weak("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_non_null(test_weak("abcabcabcabcabcabcabcabcabcabcabcabc"));
    assert_non_null(test_weak("0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f"));
    assert_non_null(test_weak("CHANGEME-kP3xq9Zr7LmT2vWb8NcYd5Gh1Js"));
    assert_non_null(test_weak("my-Secret-kP3xq9Zr7LmT2vWb8NcYd5Gh1J"));
    assert_non_null(test_weak(""));
}


/* No text is believed: all of it ends before a guard page. */

static void
test_mutations(void **state)
{
    size_t          i, k, n, len, pos, hits;
    hx_str_t        text, line, v;
    hx_images_t     im;
    hx_socket_t     sock;
    unsigned char   bytes[1024];

    static const char *const  seeds[] = {
        tcp, tcp6, "  - image: \"a" PIN "\"\n", "FROM --x=y a AS b\nCOPY "
        "--from=b c d\n", "Inst a [1] (2 Debian-Security:12 [amd64])\n",
        "A=1\nB=\"2\"\n", "path = \"monitor:///a/[b-c]*/d\"\n"
    };

    hits = 0;

    for (i = 0; i < 100000; i++) {
        len = strlen(seeds[i % hx_nelts(seeds)]);
        memcpy(bytes, seeds[i % hx_nelts(seeds)], len);

        for (n = 1 + test_below(3); n != 0; n--) {
            k = test_below(len);

            if (test_below(2) == 0) {
                bytes[k] = (unsigned char) test_random();

            } else {
                len = k + 1;
            }
        }

        text.data = test_edge(bytes, len);
        text.len = len;
        pos = 0;

        while (hx_scan_line(&text, &pos, &line)) {
            hits += hx_socket_parse(&sock, &line) == HX_OK;
            hits += hx_apt_security(&line, &v) != 0;
            hits += hx_ship_names(&line, "/a/b1/d") != 0;
        }

        hits += hx_environ_block(&text, "A", &v) != 0;
        hits += hx_environ_file(&text, "B", &v) != 0;
        hits += hx_secret_weak(text.data, text.len) == NULL;

        memset(&im, 0, sizeof(im));
        im.text = text;
        im.docker = i & 1;

        while (hx_image_next(&im, &v)) {
            hits += hx_image_pinned(&v) != 0;
        }
    }

    assert_true(hits > 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_address_kinds),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_apt),
        cmocka_unit_test(test_shippers),
        cmocka_unit_test(test_environments),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
