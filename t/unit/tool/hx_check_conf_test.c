/*
 * hx_check_conf_test.c -- what "nginx -T" prints becomes the tree that nginx
 * sees; what nginx would not read is an error with its place; and no bytes do
 * harm.
 */

#include "hx_test.h"

#include "hx_check_conf.h"
#include "hx_check_site.h"
#include "hx_conf_text.h"

#define MAIN  "# configuration file /etc/nginx/nginx.conf:\n"

static hx_dump_t  *dump;
static char        err[HX_DUMP_ERR];


static hx_rc_t
test_parse(const char *text)
{
    hx_dump_free(dump);
    memset(err, 0, sizeof(err));

    return hx_dump_parse(&dump, test_edge(text, strlen(text)), strlen(text),
                         err);
}


static void
test_bad(const char *text, const char *want)
{
    assert_int_equal(test_parse(text), HX_FAIL);
    assert_null(dump);
    assert_string_equal(err, want);
}


static void
test_word(unsigned id, unsigned i, const char *want)
{
    hx_str_t  word;

    word = hx_dump_word(dump, id, i);
    assert_int_equal(word.len, strlen(want));
    assert_memory_equal(word.data, want, word.len);
}


static int
test_done(void **state)
{
    hx_dump_free(dump);
    dump = NULL;

    return 0;
}


static void
test_tree(void **state)
{
    unsigned  http, server, location, id;

    assert_int_equal(test_parse(MAIN
        "user www-data; # not this;\n"
        "http {\n"
        "    server { listen 80; listen [::]:443\n ssl;\n"
        "        location = /a { return 200 \"x; {y}\"; }\n"
        "        hx_gate on; }\n"
        "}\n"), HX_OK);

    id = hx_dump_child(dump, HX_DUMP_ROOT);
    assert_true(hx_dump_is(dump, id, "user"));
    test_word(id, 1, "www-data");
    test_word(id, 2, "");
    assert_int_equal(hx_dump_words(dump, id), 2);
    assert_int_equal(hx_dump_line(dump, id), 1);

    http = hx_dump_next(dump, id);
    assert_int_equal(hx_dump_next(dump, http), 0);
    assert_int_equal(hx_dump_parent(dump, http), HX_DUMP_ROOT);

    server = hx_dump_find(dump, http, "server", 0);
    id = hx_dump_find(dump, server, "listen", 0);
    test_word(id, 1, "80");
    id = hx_dump_find(dump, server, "listen", id);
    test_word(id, 1, "[::]:443");
    test_word(id, 2, "ssl");
    assert_int_equal(hx_dump_line(dump, id), 3);
    assert_int_equal(hx_dump_find(dump, server, "listen", id), 0);

    location = hx_dump_find(dump, server, "location", 0);
    test_word(location, 1, "=");
    id = hx_dump_child(dump, location);
    test_word(id, 2, "x; {y}");
    assert_int_equal(hx_dump_line(dump, id), 5);

    id = hx_dump_up(dump, location, "hx_gate");
    assert_int_equal(hx_dump_line(dump, id), 6);
    assert_int_equal(hx_dump_up(dump, location, "nothing"), 0);
}


/* Word for word as ngx_conf_read_token() does. */

static void
test_words(void **state)
{
    unsigned  id;

    assert_int_equal(test_parse(MAIN
        "a \"b \\\" c\" 'd \\' e' f\\ g ${h} i${j}k \"\" l#m n\\\"o \"\\t\\q\""
        " p'q \"r\ns\";b\tc\r\n;if ($x = \"y\") { z; }"
        "\na_by_lua_block { b = '}' -- }\n }\nc;"), HX_OK);

    id = hx_dump_child(dump, HX_DUMP_ROOT);
    test_word(id, 0, "a");
    test_word(id, 1, "b \" c");
    test_word(id, 2, "d ' e");
    test_word(id, 3, "f\\ g");
    test_word(id, 4, "${h}");
    test_word(id, 5, "i${j}k");
    test_word(id, 6, "");
    test_word(id, 7, "l#m");
    test_word(id, 8, "n\"o");
    test_word(id, 9, "\t\\q");
    test_word(id, 10, "p'q");
    test_word(id, 11, "r\ns");
    assert_int_equal(hx_dump_words(dump, id), 12);

    id = hx_dump_next(dump, id);
    test_word(id, 0, "b");
    test_word(id, 1, "c");
    assert_int_equal(hx_dump_line(dump, id), 2);

    id = hx_dump_next(dump, id);
    test_word(id, 1, "($x");
    test_word(id, 3, "y");
    test_word(id, 4, ")");
    assert_true(hx_dump_is(dump, hx_dump_child(dump, id), "z"));

    id = hx_dump_next(dump, id);
    assert_true(hx_dump_is(dump, id, "a_by_lua_block"));
    assert_int_equal(hx_dump_child(dump, id), 0);
    id = hx_dump_next(dump, id);
    assert_true(hx_dump_is(dump, id, "c"));
    assert_int_equal(hx_dump_line(dump, id), 6);
}


static void
test_errors(void **state)
{
    test_bad("user x;", ":1: this is no output of \"nginx -T\"");
    test_bad("", ":1: this is no output of \"nginx -T\"");
    test_bad("user x;\n" MAIN, ":1: this is no output of \"nginx -T\"");
    test_bad(MAIN "http {\n", "/etc/nginx/nginx.conf:2: a block is not closed");
    test_bad(MAIN "a\n", "/etc/nginx/nginx.conf:2: a directive is not ended");
    test_bad(MAIN "\n}", "/etc/nginx/nginx.conf:2: unexpected \"}\"");
    test_bad(MAIN "a }", "/etc/nginx/nginx.conf:1: unexpected \"}\"");
    test_bad(MAIN "a; ;", "/etc/nginx/nginx.conf:1: unexpected \";\"");
    test_bad(MAIN "{ a; }", "/etc/nginx/nginx.conf:1: unexpected \"{\"");
    test_bad(MAIN "a \"b\"c;", "/etc/nginx/nginx.conf:1: something follows "
             "a quote");
    test_bad(MAIN "a \"b;\n\n", "/etc/nginx/nginx.conf:3: a quote is not "
             "closed");
    test_bad(MAIN "a 'b\\'", "/etc/nginx/nginx.conf:1: a quote is not "
             "closed");
    test_bad(MAIN "include x.conf;", "/etc/nginx/nginx.conf:1: the file that "
             "is included is not in the text");
    test_bad(MAIN "include;", "/etc/nginx/nginx.conf:1: not a name for "
             "\"include\"");
    test_bad(MAIN "include *a*a*a*a*a*a*a*a*a*a;", "/etc/nginx/nginx.conf:1: "
             "too many \"*\"");
}


/* Files stand once in the text, and wherever they are included in the tree. */

static void
test_includes(void **state)
{
    unsigned  http, server, id;
    hx_str_t  file;

    assert_int_equal(test_parse(MAIN
        "include none/*.conf;\n"
        "http { include sites/*.conf;\n"
        "       server { include snip; b; } }\n"
        "\n# configuration file /etc/nginx/sites/a.conf:\n"
        "server { include /etc/nginx/snip; }\n"
        "\n# configuration file /etc/nginx/sites/sub/c.conf:\n"
        "never;\n"
        "\n# configuration file /etc/nginx/snip:\n"
        "a {\n# configuration file /only/a/comment:\n c; }\n"), HX_OK);

    http = hx_dump_child(dump, HX_DUMP_ROOT);
    assert_true(hx_dump_is(dump, http, "http"));
    assert_int_equal(hx_dump_next(dump, http), 0);

    server = hx_dump_find(dump, http, "server", 0);
    file = hx_dump_file(dump, server);
    assert_true(hx_text_is(&file, "/etc/nginx/sites/a.conf"));
    id = hx_dump_find(dump, server, "a", 0);
    file = hx_dump_file(dump, id);
    assert_true(hx_text_is(&file, "/etc/nginx/snip"));
    assert_int_equal(hx_dump_parent(dump, id), server);
    assert_int_equal(hx_dump_line(dump, hx_dump_child(dump, id)), 3);

    server = hx_dump_find(dump, http, "server", server);
    assert_int_not_equal(hx_dump_find(dump, server, "a", 0), 0);
    assert_int_not_equal(hx_dump_find(dump, server, "b", 0), 0);
    assert_int_equal(hx_dump_find(dump, http, "server", server), 0);
    assert_int_equal(hx_dump_find(dump, http, "never", 0), 0);
}


/* A file that includes itself ends; one that doubles itself, too. */

static void
test_include_bombs(void **state)
{
    static char  text[65536];
    size_t       n;
    unsigned     i;

    assert_int_equal(test_parse(MAIN "include nginx.conf;"), HX_FAIL);
    assert_non_null(strstr(err, "too many files include each other"));

    n = (size_t) snprintf(text, sizeof(text), MAIN "include f0;\n");

    for (i = 0; i < 30; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "# configuration file /etc/nginx/f%u:\n"
                               "include f%u; include f%u;\n", i, i + 1, i + 1);
    }

    (void) snprintf(text + n, sizeof(text) - n,
                    "# configuration file /etc/nginx/f30:\nx;\n");

    assert_int_equal(test_parse(text), HX_FAIL);
    assert_non_null(strstr(err, "too many includes"));
}


/* One file is read again wherever it is included: its size counts each time. */

static void
test_include_much(void **state)
{
    size_t        i, n;
    static char   text[HX_DUMP_MAX / 4];

    n = (size_t) snprintf(text, sizeof(text), MAIN);

    for (i = 0; i < 1000; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "include snip;\n");
    }

    n += (size_t) snprintf(text + n, sizeof(text) - n,
                           "# configuration file /etc/nginx/snip:\na;\n#");
    assert_int_equal(test_parse(text), HX_OK);
    assert_int_equal(hx_dump_end(dump), 2 + 2 * 1000);

    hx_dump_free(dump);
    memset(text + n, 'x', sizeof(text) - n);
    assert_int_equal(hx_dump_parse(&dump, (unsigned char *) text, sizeof(text),
                                   err), HX_FAIL);
    assert_non_null(strstr(err, "too many includes"));

    /* more directives than there is memory for */

    n = sizeof(MAIN) - 1;

    for (i = 0; n + i < sizeof(text); i++) {
        text[n + i] = i % 2 == 0 ? 'a' : ';';
    }

    assert_int_equal(hx_dump_parse(&dump, (unsigned char *) text, n + i / 2 * 2,
                                   err), HX_FAIL);
    assert_string_equal(err, "more directives than there is memory for");
}


static void
test_deep_blocks(void **state)
{
    char      text[4096];
    size_t    n;
    unsigned  i;

    n = (size_t) snprintf(text, sizeof(text), MAIN);

    for (i = 0; i < HX_CONF_BLOCKS; i++) {
        text[n++] = 'a';
        text[n++] = '{';
    }

    memset(text + n, '}', HX_CONF_BLOCKS);
    text[n + HX_CONF_BLOCKS] = '\0';
    assert_int_equal(test_parse(text), HX_OK);

    memmove(text + n + 2, text + n, HX_CONF_BLOCKS + 1);
    text[n] = 'a';
    text[n + 1] = '{';
    assert_int_equal(test_parse(text), HX_FAIL);
    assert_non_null(strstr(err, "too many blocks in each other"));
}


/* Every directive is looked at, and the limits of HX_SITE_* come up, too. */

static void
test_use(void)
{
    unsigned          id, i;
    hx_str_t          word;
    uint64_t          sum;
    static hx_site_t  site;

    sum = 0;

    for (id = hx_site_walk(dump, HX_DUMP_ROOT); id != 0;
         id = hx_site_walk(dump, id))
    {
        assert_int_not_equal(hx_dump_parent(dump, id), 0);

        for (i = 0; i < hx_dump_words(dump, id); i++) {
            word = hx_dump_word(dump, id, i);
            sum += word.len != 0 ? word.data[word.len - 1] : 1;
        }

        sum += hx_dump_file(dump, id).len + hx_dump_line(dump, id);
    }

    (void) hx_site_read(&site, dump, err);
    assert_true(sum != 0 || hx_dump_child(dump, HX_DUMP_ROOT) == 0);
}


static void
test_mutations(void **state)
{
    size_t          i, k, n, len, good;
    unsigned char   text[4096];

    static const char  seed[] =
        MAIN "user a; load_module \"x y\";\n"
        "http { include sites/*; hx_gate_audit_log /a/b flush=1s;\n"
        "upstream e { server 127.0.0.1:8000; server unix:/run/e; }\n"
        "server { listen 443 ssl; listen [::]:80; server_name a.b ~c;\n"
        "location /v1/ { hx_gate on; proxy_pass http://e; } } }\n"
        "\n# configuration file /etc/nginx/sites/a:\n"
        "server { location ~ \\.x$ { hx_gate shadow; if ($a = \"b\") {\n"
        "proxy_pass https://$host:1/; } } hx_gate_stripe_webhook; }\n";

    static const char  marks[] = "{};\"'\\ \n#$*/:[";

    good = 0;

    for (i = 0; i < 60000; i++) {
        len = sizeof(seed) - 1;
        memcpy(text, seed, len);

        for (n = 1 + test_below(4); n != 0; n--) {
            k = test_below(len);

            switch (test_below(4)) {

            case 0:
                text[k] = (unsigned char) test_random();
                break;

            case 1:
                text[k] = (unsigned char) marks[test_below(sizeof(marks) - 1)];
                break;

            case 2:
                len = k + 1;
                break;

            default:
                memmove(text + k, text + k + 1, len - k - 1);
                len -= len > 1;
                break;
            }
        }

        hx_dump_free(dump);

        if (hx_dump_parse(&dump, test_edge(text, len), len, err) == HX_OK) {
            good++;
            test_use();

        } else {
            assert_null(dump);
            assert_true(strlen(err) != 0);
        }
    }

    /* both ways were gone */
    assert_true(good > 1000 && good < 59000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_includes),
        cmocka_unit_test(test_include_bombs),
        cmocka_unit_test(test_include_much),
        cmocka_unit_test(test_deep_blocks),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, test_done);
}
