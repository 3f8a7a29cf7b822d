/*
 * hx_route_regex_test.c -- operations given as regular expressions: messages of
 * bad ones, matching from end to end, what a hostile path may cost, and the
 * same answers as the template that says the same.
 */

#include "hx_test.h"

#include "hx_route.h"

static unsigned char  text[HX_PATH_MAX];


static void
test_op(hx_operation_t *op, const char *pattern, hx_ns_source_t ns)
{
    memset(op, 0, sizeof(hx_operation_t));
    op->name = test_str("op");
    op->method = test_str("GET");
    op->pattern = test_str(pattern);
    op->ns = ns;
}


static void
test_compile(hx_operation_t *op, const char *pattern, hx_ns_source_t ns)
{
    char  err[128];

    test_op(op, pattern, ns);
    err[0] = '\0';

    if (hx_route_compile(op, err, sizeof(err)) != HX_OK) {
        fail_msg("%s: %s", pattern, err);
    }
}


static hx_rc_t
test_match(hx_route_t *r, const hx_operation_t *op, const char *target)
{
    hx_path_t       path;
    const hx_str_t  method = test_str("GET");

    assert_int_equal(hx_path_parse(&path, (const unsigned char *) target,
                                   strlen(target), text), HX_PATH_OK);

    return hx_route_match(r, op, 1, &method, &path);
}


static void
assert_text(const hx_str_t *s, const char *want)
{
    hx_str_t  w;

    if (want == NULL) {
        assert_null(s->data);
        return;
    }

    w = test_str(want);
    assert_non_null(s->data);
    assert_true(test_same(s, &w));
}


static void
bad_patterns(void **state)
{
    char            err[128];
    size_t          i, cap;
    hx_operation_t  op;

    static const struct {
        const char      *pattern;
        hx_ns_source_t   ns;
        const char      *why;
    } rows[] = {
        { "~/a(", HX_NS_NONE, "is a bad regular expression at offset 3: " },
        { "~[", HX_NS_NONE, "is a bad regular expression at offset 1: " },
        /* 0 or 1: PCRE2's releases see it in another place */
        { "~*", HX_NS_NONE, "is a bad regular expression at offset " },
        { "~(?<ns>a)(?<ns>b)", HX_NS_PATH, "is a bad regular expression at " },
        { "~/a/(?<key>.+)", HX_NS_PATH,
          "has namespace=path but no group (?<ns>...)" },
        { "~/a/(.+)", HX_NS_PATH,
          "has namespace=path but no group (?<ns>...)" },
        { "~/a/(?<ns>.+)", HX_NS_BODY,
          "has a group (?<ns>...) without namespace=path" },
        { "~/a/(?<ns>.+)", HX_NS_NONE,
          "has a group (?<ns>...) without namespace=path" }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        test_op(&op, rows[i].pattern, rows[i].ns);
        err[0] = '\0';
        assert_int_equal(hx_route_compile(&op, err, sizeof(err)), HX_NO);

        if (strncmp(err, rows[i].why, strlen(rows[i].why)) != 0) {
            fail_msg("%s: %s", rows[i].pattern, err);
        }

        assert_null(op.regex);
        hx_route_free(&op);

        /* the text is cut where the room ends, never beyond */

        for (cap = 1; cap < 60; cap += 7) {
            memset(err, '#', sizeof(err));
            assert_int_equal(hx_route_compile(&op, err, cap), HX_NO);
            assert_non_null(memchr(err, '\0', cap));
            assert_int_equal(err[cap], '#');
        }
    }
}


static void
whole_paths_only(void **state)
{
    hx_route_t      r;
    hx_operation_t  op;

    test_compile(&op, "~/v1/(?<ns>[a-z]+)", HX_NS_PATH);
    assert_non_null(op.regex);
    assert_int_equal(test_match(&r, &op, "/v1/abc"), HX_OK);
    assert_text(&r.ns, "abc");
    assert_text(&r.key, NULL);
    assert_int_equal(test_match(&r, &op, "/v1/abc/d"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/v1/abC"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/x/v1/abc"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/v1/abc%0a"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/v1/abc?x=y"), HX_OK);
    hx_route_free(&op);

    /* neither a dollar nor an alternative lets a line feed or a rest through */

    test_compile(&op, "~^/v1/(?<ns>[a-z]+)$", HX_NS_PATH);
    assert_int_equal(test_match(&r, &op, "/v1/abc"), HX_OK);
    assert_int_equal(test_match(&r, &op, "/v1/abc%0a"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/v1/abc%0ax"), HX_NO);
    hx_route_free(&op);

    test_compile(&op, "~/a|/b|/c/d", HX_NS_NONE);
    assert_int_equal(test_match(&r, &op, "/a"), HX_OK);
    assert_int_equal(test_match(&r, &op, "/c/d"), HX_OK);
    assert_int_equal(test_match(&r, &op, "/a/d"), HX_NO);
    assert_int_equal(test_match(&r, &op, "/x/b"), HX_NO);
    hx_route_free(&op);

    test_compile(&op, "~", HX_NS_NONE);
    assert_int_equal(test_match(&r, &op, "/a"), HX_NO);
    hx_route_free(&op);
}


/* A group that took no part names nothing, so this is no operation of ours. */
static void
optional_groups(void **state)
{
    hx_route_t      r;
    hx_operation_t  op;

    test_compile(&op, "~/v1/(?:all|ns/(?<ns>[a-z]+))(?:/(?<key>.+))?",
                 HX_NS_PATH);
    assert_int_equal(test_match(&r, &op, "/v1/ns/a/k"), HX_OK);
    assert_text(&r.ns, "a");
    assert_text(&r.key, "k");
    assert_int_equal(test_match(&r, &op, "/v1/ns/a"), HX_OK);
    assert_text(&r.ns, "a");
    assert_text(&r.key, NULL);
    assert_int_equal(test_match(&r, &op, "/v1/all"), HX_NO);
    assert_null(r.operation);
    assert_int_equal(test_match(&r, &op, "/v1/all/k"), HX_NO);
    hx_route_free(&op);
}


/* A key may end before the path does: slashes behind it count as well. */
static void
encoded_slashes(void **state)
{
    hx_route_t      r;
    hx_operation_t  op;

    test_compile(&op, "~/t/(?<ns>[^/]+)/(?<key>.+)/rows/(?:[^/]+)",
                 HX_NS_PATH);

    assert_int_equal(test_match(&r, &op, "/t/n/k/rows/1"), HX_OK);
    assert_int_equal(test_match(&r, &op, "/t/n/k%2Fl/rows/1"), HX_OK);
    assert_text(&r.key, "k/l");
    assert_int_equal(test_match(&r, &op, "/t/n/k%2Fl%2Fm/rows/1"), HX_OK);

    assert_int_equal(test_match(&r, &op, "/t/n/k/rows%2F1"), HX_NO);
    assert_int_equal(r.bad_slash, 1);
    assert_int_equal(test_match(&r, &op, "/t/n/k%2Fl/rows%2F1"), HX_NO);
    assert_int_equal(r.bad_slash, 1);
    assert_int_equal(test_match(&r, &op, "/t/n/k%2Frows/1"), HX_NO);
    assert_int_equal(r.bad_slash, 1);
    assert_int_equal(test_match(&r, &op, "/t%2Fn/k/rows/1"), HX_NO);
    assert_int_equal(r.bad_slash, 1);
    assert_int_equal(test_match(&r, &op, "/t/n%2Fk/rows/1"), HX_NO);
    hx_route_free(&op);
}


/* Backtracking is cut off far below PCRE2's own limit, and that is trouble,
 * not "no". */
static void
match_limit(void **state)
{
    char            target[64];
    size_t          n;
    hx_rc_t         rc;
    hx_route_t      r;
    hx_operation_t  op;

    test_compile(&op, "~/v1/(?<ns>(?:a+)+)x", HX_NS_PATH);

    /* each a doubles the work: 2^8 ways are few, 2^20 are not */

    for (n = 1; n < 40; n++) {
        (void) snprintf(target, sizeof(target), "/v1/%.*s!x", (int) n,
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        rc = test_match(&r, &op, target);
        assert_null(r.operation);
        assert_true(n > 8 || rc == HX_NO);
        assert_true(n < 20 || rc == HX_FAIL);
    }

    /* and the next one is served */

    assert_int_equal(test_match(&r, &op, "/v1/aaax"), HX_OK);
    hx_route_free(&op);
}


/* As long as a path may be, with groups that repeat. */
static void
long_paths(void **state)
{
    char            target[HX_PATH_MAX + 1];
    size_t          i;
    hx_route_t      r;
    hx_operation_t  op;

    memcpy(target, "/v1", 3);

    for (i = 3; i + 3 <= HX_PATH_MAX; i += 3) {
        memcpy(target + i, "/ab", 3);
    }

    target[i] = '\0';

    test_compile(&op, "~/v1/(?<ns>[a-z]+)/(?<key>(?:[a-z]+/)*[a-z]+)",
                 HX_NS_PATH);
    assert_int_equal(test_match(&r, &op, target), HX_OK);
    assert_text(&r.ns, "ab");
    assert_text(&r.key, target + 7);
    hx_route_free(&op);
}


/* What a template means, written as a regular expression. */
static void
same_as_templates(void **state)
{
    char             target[256];
    size_t           i, k;
    unsigned         p, hits;
    hx_rc_t          rc;
    hx_route_t       a, b;
    const char      *piece;
    hx_operation_t   template, regex;

    static const char *const  pairs[][2] = {
        { "/v1/get/{ns}/{key}", "~/v1/get/(?<ns>[^/]+)/(?<key>(?s:.+))" },
        { "/v1/{ns}", "~/v1/(?<ns>[^/]+)" },
        { "/{ns}/get/{x}/{key}",
          "~/(?<ns>[^/]+)/get/[^/]+/(?<key>(?s:.+))" },
        { "/{x}/{ns}/get", "~/[^/]+/(?<ns>[^/]+)/get" }
    };
    static const char *const  pieces[] = {
        "/v1", "/get", "/n", "/k", "%2Fk", "x", "%0a", "%2e5", "%C3%A9"
    };

    hits = 0;

    for (p = 0; p < hx_nelts(pairs); p++) {
        test_compile(&template, pairs[p][0], HX_NS_PATH);
        test_compile(&regex, pairs[p][1], HX_NS_PATH);

        for (i = 0; i < 30000; i++) {
            memcpy(target, "/v1", 4);

            for (k = test_below(8); k != 0; k--) {
                piece = pieces[test_below(hx_nelts(pieces))];
                memcpy(target + strlen(target), piece, strlen(piece) + 1);
            }

            rc = test_match(&a, &template, target);
            assert_int_equal(test_match(&b, &regex, target), rc);

            if (a.bad_slash != b.bad_slash) {
                fail_msg("%s: %s", pairs[p][0], target);
            }

            if (rc == HX_OK) {
                assert_true(test_same(&a.ns, &b.ns));
                assert_true(test_same(&a.key, &b.key));
                hits++;
            }
        }

        hx_route_free(&template);
        hx_route_free(&regex);
    }

    assert_true(hits > 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(bad_patterns),
        cmocka_unit_test(whole_paths_only),
        cmocka_unit_test(optional_groups),
        cmocka_unit_test(encoded_slashes),
        cmocka_unit_test(match_limit),
        cmocka_unit_test(long_paths),
        cmocka_unit_test(same_as_templates)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
