/*
 * hx_check_site_test.c -- where the gate is on, who listens, which engine is
 * behind it, and what leads past it; addresses and times as nginx writes them.
 */

#include "hx_test.h"

#include "hx_check_site.h"

#define MAIN  "# configuration file /etc/nginx/nginx.conf:\n"

static hx_dump_t  *dump;
static hx_site_t   site;
static char        err[HX_DUMP_ERR];


static hx_rc_t
test_read(const char *text)
{
    hx_dump_free(dump);
    assert_int_equal(hx_dump_parse(&dump, (const unsigned char *) text,
                                   strlen(text), err), HX_OK);

    return hx_site_read(&site, dump, err);
}


static int
test_done(void **state)
{
    hx_dump_free(dump);
    dump = NULL;

    return 0;
}


static unsigned
test_line(unsigned id)
{
    return hx_dump_line(dump, id);
}


static void
test_is(const hx_str_t *s, const char *want)
{
    assert_int_equal(s->len, strlen(want));
    assert_memory_equal(s->data, want, s->len);
}


static void
test_nothing_of_ours(void **state)
{
    assert_int_equal(test_read(MAIN "http { server { location / { proxy_pass "
                               "http://127.0.0.1:8000; } } }"), HX_NO);
}


/* "hx_gate" is inherited, and the nearest one counts. */

static void
test_gated(void **state)
{
    assert_int_equal(test_read(MAIN
        "http { hx_gate on;\n"
        "server { location /a { }\n"                                /* 2 */
        "location /b { hx_gate off; location /b/c { hx_gate shadow; } }\n"
        "location /d { if ($x) { set $y 1; } } }\n"                 /* 4 */
        "server { hx_gate off; location /e { } } }"), HX_OK);

    assert_int_equal(site.n_locations, 3);
    assert_int_equal(test_line(site.locations[0].node), 2);
    assert_int_equal(site.locations[0].shadow, 0);
    assert_int_equal(test_line(site.locations[1].node), 3);
    assert_int_equal(site.locations[1].shadow, 1);
    assert_int_equal(test_line(site.locations[2].node), 4);
    assert_int_equal(test_line(site.locations[2].server), 2);
}


static void
test_listeners(void **state)
{
    assert_int_equal(test_read(MAIN
        "http { server { listen 443 ssl; listen [::1]:444 proxy_protocol;\n"
        "listen unix:/run/x; listen a.example; listen *:1;\n"
        "location / { hx_gate on; } location /b { hx_gate on; } }\n"
        "server { ssl on; location /c { hx_gate on; } }\n"
        "server { listen 5; location / { return 404; } }\n"
        "server { listen 6 quic; location /h { hx_gate_stripe_webhook; } }\n"
        "server { listen 7; location /h { hx_gate_admin; } }\n"
        "}"), HX_OK);

    assert_int_equal(site.n_listens, 8);
    assert_int_equal(site.listens[0].addr.port, 443);
    assert_true(hx_addr_any(&site.listens[0].addr));
    assert_int_equal(site.listens[0].ssl, 1);
    test_is(&site.listens[1].addr.host, "::1");
    assert_int_equal(site.listens[1].ssl, 0);
    assert_int_equal(site.listens[1].proxy, 1);
    test_is(&site.listens[2].addr.path, "/run/x");
    test_is(&site.listens[3].addr.host, "a.example");
    assert_int_equal(site.listens[3].addr.port, 80);
    assert_int_equal(site.listens[5].addr.port, 80);        /* has none */
    assert_int_equal(site.listens[5].ssl, 1);
    assert_int_equal(site.listens[6].addr.port, 7);
    assert_int_equal(site.listens[7].quic, 1);
    assert_int_equal(site.n_admins, 1);
    assert_int_equal(site.n_hooks, 1);
}


static void
test_engines(void **state)
{
    assert_int_equal(test_read(MAIN
        "http { upstream e { server 127.0.0.1:8000 weight=2;\n"
        "server unix:/run/e; server 10.0.0.1; server 10.0.0.2 down; }\n"
        "server { location /a { hx_gate on; proxy_pass http://e; }\n"
        "location /b { hx_gate on; proxy_pass https://[fd00::1]:9/x; }\n"
        "location /c { hx_gate on; proxy_pass http://$host; }\n"
        "location /d { hx_gate on; proxy_pass http://unix:/run/f:/x$uri; }\n"
        "location /e { hx_gate on; if ($x) { proxy_pass https://f.example; } "
        "} } }"), HX_OK);

    assert_int_equal(site.n_engines, 7);
    assert_int_equal(site.engines[0].addr.port, 8000);
    assert_int_equal(site.engines[0].tls, 0);
    test_is(&site.engines[1].addr.path, "/run/e");
    assert_int_equal(site.engines[2].addr.port, 80);
    test_is(&site.engines[3].addr.host, "fd00::1");
    assert_int_equal(site.engines[3].addr.port, 9);
    assert_int_equal(site.engines[3].tls, 1);
    assert_int_equal(site.engines[4].unknown, 1);
    test_is(&site.engines[5].addr.path, "/run/f");
    test_is(&site.engines[6].addr.host, "f.example");
    assert_int_equal(site.engines[6].addr.port, 443);
    assert_int_equal(test_line(site.engines[6].location), 7);
    assert_int_equal(site.n_ways, 0);
}


/* Past the gate: another location, another server, "stream". */

static void
test_ways(void **state)
{
    assert_int_equal(test_read(MAIN
        "stream { server { listen 9000; proxy_pass localhost:8000; } }\n"
        "http { upstream e { server 127.0.0.1:8000; }\n"
        "upstream f { server 127.0.0.1:8001; }\n"
        "server { location /a { hx_gate on; proxy_pass http://e; }\n"
        "location /b { proxy_pass http://e/; }\n"                   /* 5 */
        "location /c { proxy_pass http://f; } }\n"
        "server { location / { proxy_pass http://127.0.0.1:8000; } } }"),
        HX_OK);

    assert_int_equal(site.n_engines, 1);
    assert_int_equal(site.n_ways, 3);
    assert_int_equal(test_line(site.ways[0]), 1);
    assert_int_equal(test_line(site.ways[1]), 5);
    assert_int_equal(test_line(site.ways[2]), 7);
}


static void
test_too_many(void **state)
{
    size_t         n;
    unsigned       i;
    static char    text[262144];

    n = (size_t) snprintf(text, sizeof(text), MAIN "http { hx_gate on;"
                          " server {\n");

    for (i = 0; i <= HX_SITE_LOCATIONS; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "location /%u { }\n", i);
    }

    (void) snprintf(text + n, sizeof(text) - n, "} }\n");

    assert_int_equal(test_read(text), HX_FAIL);
    assert_string_equal(err, "too many gated locations");
}


static void
test_addresses(void **state)
{
    size_t     i;
    hx_str_t   s;
    hx_addr_t  a, b;

    static const char *const  bad[] = {
        "", "[::1", "[]:1", "[::1]x", "a:", "a:0", "a:65536", "a:b", ":1",
        "unix:"
    };

    static const char *const  near[] = {
        "127.0.0.1:1", "127.9.9.9", "localhost:80", "[::1]:2", "unix:/x"
    };

    static const char *const  far[] = {
        "127.evil.example", "10.0.0.1", "0.0.0.0:1", "[::]:1", "*:1",
        "localhost.example", "[::ffff:10.0.0.1]:1"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        s = test_str(bad[i]);
        assert_int_equal(hx_addr_parse(&a, &s, 80, 0), HX_NO);
    }

    for (i = 0; i < hx_nelts(near); i++) {
        s = test_str(near[i]);
        assert_int_equal(hx_addr_parse(&a, &s, 80, 0), HX_OK);
        assert_true(hx_addr_loopback(&a));
        assert_false(hx_addr_any(&a));
    }

    for (i = 0; i < hx_nelts(far); i++) {
        s = test_str(far[i]);
        assert_int_equal(hx_addr_parse(&a, &s, 80, 0), HX_OK);
        assert_false(hx_addr_loopback(&a));
    }

    s = test_str("8080");
    assert_int_equal(hx_addr_parse(&a, &s, 80, 1), HX_OK);
    assert_true(hx_addr_any(&a));
    assert_int_equal(a.port, 8080);
    assert_int_equal(hx_addr_parse(&a, &s, 80, 0), HX_OK);
    test_is(&a.host, "8080");

    s = test_str("127.0.0.1:7");
    assert_int_equal(hx_addr_parse(&a, &s, 80, 0), HX_OK);
    s = test_str("localhost:7");
    assert_int_equal(hx_addr_parse(&b, &s, 80, 0), HX_OK);
    assert_true(hx_addr_same(&a, &b));
    s = test_str("localhost:8");
    assert_int_equal(hx_addr_parse(&b, &s, 80, 0), HX_OK);
    assert_false(hx_addr_same(&a, &b));
}


static void
test_times(void **state)
{
    size_t    i;
    hx_str_t  s;

    static const struct {
        const char  *text;
        unsigned     ms;
    } times[] = {
        { "1s", 1000 }, { "0", 0 }, { "10", 10000 }, { "500ms", 500 },
        { "1m30s", 90000 }, { "1h", 3600000 }, { "1d", 86400000 },
        { "", 7 }, { "s", 7 }, { "1x", 7 }, { "99999999999s", 7 },
        { "30d", 7 }                /* beyond 31 bits */
    };

    for (i = 0; i < hx_nelts(times); i++) {
        s = test_str(times[i].text);
        assert_int_equal(hx_site_ms(&s, 7), times[i].ms);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_nothing_of_ours),
        cmocka_unit_test(test_gated),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_engines),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, test_done);
}
