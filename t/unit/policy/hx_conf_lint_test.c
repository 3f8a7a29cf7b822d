/*
 * hx_conf_lint_test.c -- the rules on texts: paths, inheritance, places, what
 * is told once; large and random configurations.  What each rule says is tested
 * with nginx, in t/gate/conf_lint_*.t.
 */

#include "hx_test_conf.h"

#include "hx_conf_lint.h"

#include <time.h>


#define TEST_SAID     65536     /* bytes of all findings of a text */
#define TEST_ROUNDS   20000
#define TEST_LINES    10000     /* of a large configuration */

static char      test_said[TEST_SAID];
static size_t    test_said_len;
/* What else would be said of every location. */
#define TEST_DEFAULTS                                                         \
    "client_max_body_size 0; proxy_ignore_client_abort on;"

static unsigned  test_warnings;
static unsigned  test_errors;


static void
test_say(void *data, hx_lint_level_t level, const hx_conf_dir_t *at,
    const hx_str_t *text)
{
    int  n;

    assert_true(text->len != 0 && text->len <= HX_LINT_TEXT);
    assert_true(at->n != 0 && at->line != 0);

    test_warnings += level == HX_LINT_WARN;
    test_errors += level == HX_LINT_ERROR;

    n = snprintf(test_said + test_said_len, TEST_SAID - test_said_len,
                 "%c%u: %.*s\n", level == HX_LINT_ERROR ? 'E' : 'W', at->line,
                 (int) text->len, (const char *) text->data);

    if (n > 0 && (size_t) n < TEST_SAID - test_said_len) {
        test_said_len += (size_t) n;
    }
}


static hx_rc_t
test_lint(const void *text, size_t len)
{
    hx_rc_t         rc;
    hx_conf_text_t  t;
    hx_conf_lint_t  lint;

    memset(&lint, 0, sizeof(lint));
    lint.say = test_say;
    lint.prefix = (hx_str_t) hx_string("/prefix/");
    lint.conf_prefix = (hx_str_t) hx_string("/etc/nginx/");

    test_said_len = 0;
    test_said[0] = '\0';
    test_warnings = 0;
    test_errors = 0;

    rc = test_conf_parse(&t, text, len);

    return rc == HX_OK ? hx_conf_lint(&t, &lint) : rc;
}


/* Every finding of an http block with this in it, from line 2 on. */

static void
test_is(const char *text, const char *said)
{
    int          n;
    static char  whole[TEST_SAID];

    n = snprintf(whole, sizeof(whole), "http { " TEST_DEFAULTS "\n%s\n}", text);

    assert_int_equal(test_lint(test_edge(whole, (size_t) n), (size_t) n),
                     HX_OK);
    assert_string_equal(test_said, said);
}


#define GATED(line)                                                           \
    "server { listen 127.0.0.1:1; hx_gate_operations hx-sdp;\n"               \
    "location /v1/ { hx_gate on;\n" line "\n"                                 \
    "proxy_pass http://engine; } }"


/* Relative paths begin where nginx begins them. */
static void
paths(void **state)
{
    test_is("hx_gate_service_key file:keys/service;\n"
            GATED("") " server { location / { root /etc/nginx/keys; } }",
            "E6: \"root\" serves the key in \"/etc/nginx/keys/service\" to "
            "everybody\n");
    test_is("hx_gate_service_key file:keys/service;\n"
            GATED("") " server { location / { root keys; } }", "");
    test_is("hx_gate_registry lmdb:data;\n"
            GATED("") " server { location / { root .; alias data/; } }",
            "E6: \"root\" serves the registry in \"/prefix/data\" to "
            "everybody\n"
            "E6: \"alias\" serves the registry in \"/prefix/data\" to "
            "everybody\n");
    test_is("hx_gate_audit_log logs/a chain key=file:audit.pem;\n"
            GATED("access_log logs/a;") " server { root /etc/nginx/; }",
            "W5: \"access_log\" writes into the audit log \"/prefix/logs/a\", "
            "too: its lines are no records\n"
            "E6: \"root\" serves the key in \"/etc/nginx/audit.pem\" to "
            "everybody\n");
    test_is("hx_gate_registry lmdb:/data/registry;\n"
            GATED("") " server { root /data/reg; alias /data/registry2; }",
            "");
    test_is("hx_gate_registry lmdb:/data/registry;\n"
            GATED("") " server { root /; }",
            "E6: \"root\" serves the registry in \"/data/registry\" to "
            "everybody\n");
    test_is("hx_gate_registry lmdb:/data/./x/..//registry/;\n"
            GATED("") " server { root //data/.; alias ../data; }",
            "E6: \"root\" serves the registry in \"/data/registry\" to "
            "everybody\n"
            "E6: \"alias\" serves the registry in \"/data/registry\" to "
            "everybody\n");
    test_is("hx_gate_registry lmdb:/data/registry;\n"
            GATED("") " server { root /data/registry/..x; alias /../dat/; }",
            "");
    test_is(GATED("location /x { hx_gate off; hx_gate_stripe_webhook "
                  "secret=file:stripe/s; client_max_body_size 1m; }")
            " server { root /etc//nginx/stripe; }",
            "E5: \"root\" serves the key in \"/etc/nginx/stripe/s\" to "
            "everybody\n");
}


/* The innermost level replaces those around it. */
static void
levels(void **state)
{
    test_is("expires 1h;\n" GATED("expires off;"), "");
    test_is("expires off;\n" GATED("expires 1h;"),
            "W5: \"expires\" lets caches between here and the clients give "
            "answers to whoever asks next, past \"hx_gate\"\n");
    test_is(GATED("location /v1/get/ { hx_gate off; expires 1h; }"), "");
    test_is(GATED("location /v1/get/ {\nexpires 1h; }"),
            "W5: \"expires\" lets caches between here and the clients give "
            "answers to whoever asks next, past \"hx_gate\"\n");
    test_is(GATED("if ($a) {\nexpires 1h; }"),
            "W5: \"expires\" lets caches between here and the clients give "
            "answers to whoever asks next, past \"hx_gate\"\n");
    test_is("hx_gate on; hx_gate_operations hx-sdp; expires 1h;\n"
            "server { listen 127.0.0.1:1; hx_gate off; location / { } }", "");
    test_is("hx_gate on; hx_gate_operations hx-sdp; expires 1h;\n"
            "server { listen 127.0.0.1:1; }",
            "W2: \"expires\" lets caches between here and the clients give "
            "answers to whoever asks next, past \"hx_gate\"\n");
}


/* Without the gate nothing is anybody's business. */
static void
others(void **state)
{
    test_is("expires 1h; log_format a $hx_gate_service_key; ssi on;\n"
            "server { listen 80; set $a $http_x_api_key; location / { "
            "proxy_pass http://$host; proxy_set_header X $http_x_api_key; } }",
            "");
    test_is("server { location / { hx_gate_health; ssi on; } }\n"
            GATED(""), "");
    test_is("map $a $b { proxy_method x; server 1; location /; }\n" GATED(""),
            "");
}


/* A long word is cut, not the text behind it. */
static void
long_words(void **state)
{
    size_t       n;
    static char  text[16384];

    n = (size_t) snprintf(text, sizeof(text), "http { client_max_body_size 0;\n"
                          "server { listen 127.0.0.1:1; hx_gate on; "
                          "hx_gate_operations hx-sdp; proxy_method ");
    memset(text + n, 'a', 8000);
    n += 8000;
    n += (size_t) snprintf(text + n, sizeof(text) - n,
                           "; proxy_pass http://engine; } }");

    assert_int_equal(test_lint(text, n), HX_OK);
    assert_int_equal(test_errors, 1);
    assert_non_null(strstr(test_said, "aaa...\": the engine would get"));
    assert_true(test_said_len < HX_LINT_TEXT);
}


/* One server after the other, all of them gated and in good order. */

static size_t
test_large(char *text, size_t cap)
{
    int       n;
    size_t    len;
    unsigned  i;

    len = (size_t) snprintf(text, cap, "http {\n" TEST_DEFAULTS "\n"
                            "hx_gate_operations hx-sdp;\nhx_gate on;\n");

    for (i = 0; i < TEST_LINES / 10; i++) {
        n = snprintf(text + len, cap - len, "server {\nlisten 127.0.0.1:%u;\n"
                     "server_name s%u.example;\n"
                     "location /v1/put {\nproxy_pass http://engine%u;\n"
                     "proxy_set_header Host engine;\n}\n"
                     "location /x/ {\nhx_gate off; }\n}\n", i, i, i);
        assert_true(n > 0);
        len += (size_t) n;
    }

    text[len++] = '}';

    return len;
}


/* As large as a fleet's: silent, and told once what concerns all of it. */
static void
large(void **state)
{
    size_t                len;
    static char           text[TEST_LINES * 80];

    len = test_large(text, sizeof(text) - 100);
    assert_int_equal(test_lint(text, len), HX_OK);
    assert_int_equal(test_warnings + test_errors, 0);

    len--;
    len += (size_t) snprintf(text + len, 100, "expires 1h;\n}");
    assert_int_equal(test_lint(text, len), HX_OK);
    assert_int_equal(test_warnings, 1);
    assert_int_equal(test_errors, 0);
}


/* What is near: nginx would ask a resolver for these names. */
static void
near_and_far(void **state)
{
    size_t  i;
    char    text[512], said[512];

    static const char *const  near[] = {
        "127.0.0.1:8", "localhost", "LocalHost:8", "a.localhost", "engine:80",
        "engine.internal", "a.b.local:80", "engine.ns.svc",
        "engine.ns.svc.cluster.local", "10.0.0.1", "172.16.0.1", "172.31.1.1",
        "192.168.1.1:80", "169.254.1.1", "[::1]:8", "[fd00::1]", "[fe80::1]"
    };
    static const char *const  far[] = {
        "127.example", "10.example.com", "localhost.example",
        "engine.localhost-of.example", "api.internal-tools.example",
        "internal.example.com", "engine.notlocal", "172.32.0.1", "172.1.0.1",
        "172.160.0.1", "10.0.0.1.example", "10.0.0", "192.168.example",
        "[fc::1]", "[2001:db8::1]"
    };

    for (i = 0; i < hx_nelts(near); i++) {
        snprintf(text, sizeof(text), "server { hx_gate on; listen 127.0.0.1:1; "
                 "proxy_pass http://%s; }", near[i]);
        test_is(text, "");
    }

    for (i = 0; i < hx_nelts(far); i++) {
        snprintf(text, sizeof(text), "server { hx_gate on; listen 127.0.0.1:1; "
                 "proxy_pass http://%s; }", far[i]);
        snprintf(said, sizeof(said), "W2: \"proxy_pass\" without TLS to \"%s\":"
                 " the service key and what tenants send are in the clear\n",
                 far[i]);
        test_is(text, said);
    }
}


/* A long list is not gone through for each location and rule. */
static void
long_lists(void **state)
{
    size_t       len;
    clock_t      start;
    unsigned     i;
    static char  text[TEST_LINES * 100];

    len = (size_t) snprintf(text, sizeof(text), "http { "
                            TEST_DEFAULTS "\nallow 10.0.0.0/8;\n");

    for (i = 0; i < TEST_LINES / 2; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "deny 192.0.%u.%u;\n", i / 250, i % 250);
    }

    len += (size_t) snprintf(text + len, sizeof(text) - len, "deny all; server "
                             "{ listen 127.0.0.1:1; hx_gate_operations "
                             "hx-sdp;\nlocation /gate/ { hx_gate_admin; }\n");

    for (i = 0; i < TEST_LINES / 2; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len, "location "
                                 "/v1/get/%u/ { hx_gate on; proxy_pass "
                                 "http://127.0.0.1:%u; }\n", i, 1000 + i);
    }

    text[len++] = '}';
    text[len++] = '}';

    start = clock();
    assert_int_equal(test_lint(text, len), HX_OK);
    assert_int_equal(test_warnings + test_errors, 0);
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}


/* Words that rules look for, in any order. */

static const char *const  test_words[] = {
    "http", "server", "location", "if", "{", "{", "}", "}", ";", ";", ";",
    "hx_gate", "on", "off", "shadow", "hx_gate_admin", "hx_gate_metrics",
    "hx_gate_operation", "hx_gate_operations", "hx-sdp", "a", "GET", "POST",
    "\"/v1/{ns}/{key}\"", "/v1/", "/gate/", "=", "~", "@a", "namespace=body",
    "proxy_pass", "http://$host", "http://engine", "proxy_set_header",
    "X-HX-Tenant", "$http_x_api_key", "$hx_gate_service_key", "add_header",
    "expires", "1h", "proxy_cache", "proxy_cache_key", "proxy_cache_methods",
    "upstream", "engine", "listen", "80", "ssl", "ssl_ciphers", ":RC4:!a:",
    "root", "/", "hx_gate_registry", "lmdb:/a", "hx_gate_audit_log", "/a",
    "key=b", "access_log", "log_format", "error_page", "401", "try_files",
    "mirror", "client_max_body_size", "1m", "hx_gate_max_upload", "\"\"",
    "allow", "deny", "set_real_ip_from", "0.0.0.0/0", "$", "${", "rewrite",
    "error_log", "debug", "hx_gate_service_key", "file:", "limit_except",
    "fastcgi_param", "HTTP_", "HTTP_X_HX_TENANT", "hx_gate_cors", "set",
    "internal", "/v1/$1", "last", "return", "map", "all", "auth_basic",
    "ssl_verify_client", "http://unix:/a:/b", "unix:", "http://[::1", "alias",
    "hx_gate_stripe_webhook", "secret=file:/../a", "..", "http://10.0.0.:"
};


/* Whatever is read is looked at to the end. */
static void
random_words(void **state)
{
    size_t       len, n;
    unsigned     i, read, found;
    const char  *w;
    static char  text[8192];

    for (i = 0, read = 0, found = 0; i < TEST_ROUNDS; i++) {
        len = (size_t) snprintf(text, sizeof(text), "%s", test_below(2)
                                ? "http { server { hx_gate on; "
                                  "hx_gate_operations hx-sdp; "
                                : "http { server { ");

        for (n = test_below(60); n != 0; n--) {
            w = test_words[test_below(hx_nelts(test_words))];
            len += (size_t) snprintf(text + len, sizeof(text) - len, "%s ", w);
        }

        len += (size_t) snprintf(text + len, sizeof(text) - len, "; } }");

        switch (test_lint(test_edge(text, len), len)) {

        case HX_OK:
            read++;
            found += test_warnings + test_errors != 0;
            break;

        case HX_NO:
            break;

        default:
            fail();
        }
    }

    assert_true(read > 100 && found > 50);
}


/* Good text with a few bytes of it changed. */
static void
changed(void **state)
{
    size_t    len, k;
    unsigned  i, read;
    char      text[1024];

    static const char  good[] =
        "user www; http { hx_gate_registry lmdb:/r; hx_gate_audit_log /a/b;\n"
        "upstream e { server 192.0.2.1:8; } log_format f '$http_x_api_key';\n"
        "server { listen 443 ssl; hx_gate_operation a GET \"/v1/{ns}/{key}\";\n"
        "location /v1/ { hx_gate on; access_log /l f; proxy_pass http://e; }\n"
        "location = /gate/usage { hx_gate_admin; } error_page 401 = @x;\n"
        "location @x { proxy_pass http://e; } ssl_ciphers HIGH:!RC4; } }\n";

    len = sizeof(good) - 1;

    for (i = 0, read = 0; i < TEST_ROUNDS; i++) {
        memcpy(text, good, len);

        for (k = 1 + test_below(4); k != 0; k--) {
            text[test_below(len)] = test_below(2)
                                    ? good[test_below(len)]
                                    : (char) test_random();
        }

        k = test_below(8) == 0 ? test_below(len) : len;

        read += test_lint(test_edge(text, k), k) == HX_OK;
    }

    assert_true(read > TEST_ROUNDS / 4 && read < TEST_ROUNDS);
}


static void
no_memory(void **state)
{
    size_t  fits;

    static const char  text[] =
        "http { hx_gate_registry lmdb:r; server { root w; hx_gate on;\n"
        "hx_gate_operations hx-sdp; proxy_pass http://a; } }";

    assert_int_equal(test_lint(text, sizeof(text) - 1), HX_OK);
    fits = test_conf_used;

    for (test_conf_limit = 0; test_conf_limit < fits; test_conf_limit += 16) {
        assert_int_equal(test_lint(text, sizeof(text) - 1), HX_FAIL);
    }

    test_conf_limit = TEST_CONF_MEMORY;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(levels),
        cmocka_unit_test(others),
        cmocka_unit_test(long_words),
        cmocka_unit_test(large),
        cmocka_unit_test(near_and_far),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(random_words),
        cmocka_unit_test(changed),
        cmocka_unit_test(no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
