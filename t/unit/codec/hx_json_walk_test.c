/*
 * hx_json_walk_test.c -- compact JSON where it lies: strings in any spelling,
 * containers that are jumped over, members named twice.
 */

#include "hx_filter_model.h"
#include "hx_json_unique.h"


static int
compare(const char *a, const char *b)
{
    int       rc;
    hx_str_t  s, t;

    s = test_str(a);
    t = test_str(b);
    rc = hx_walk_compare(&s, &t);
    assert_true((rc < 0) == (hx_walk_compare(&t, &s) > 0));

    return rc < 0 ? -1 : rc > 0;
}


static void
test_strings_in_any_spelling(void **state)
{
    assert_int_equal(compare("", ""), 0);
    assert_int_equal(compare("a", "a"), 0);
    assert_int_equal(compare("a", "\\u0061"), 0);
    assert_int_equal(compare("\\/", "/"), 0);
    assert_int_equal(compare("\\n\\t\\r\\b\\f",
                             "\\u000A\\u0009\\u000d\\u0008\\u000c"), 0);
    assert_int_equal(compare("\303\251", "\\u00e9"), 0);
    assert_int_equal(compare("\342\202\254", "\\u20AC"), 0);
    assert_int_equal(compare("\360\237\230\200", "\\ud83d\\ude00"), 0);
    assert_int_equal(compare("\\u0000", ""), 1);
    assert_int_equal(compare("a\\u0000", "a"), 1);
    assert_int_equal(compare("a\\u0000", "a\\u0001"), -1);
    assert_int_equal(compare("\\\"", "#"), -1);     /* 0x22 < 0x23 */
    assert_int_equal(compare("\\\\", "]"), -1);     /* 0x5c < 0x5d */
    assert_int_equal(compare("\\n", "A"), -1);
    assert_int_equal(compare("ab", "b"), -1);
    assert_int_equal(compare("\303\251", "z"), 1);
}


static void
test_decoding(void **state)
{
    size_t         i, n;
    hx_buf_t       b;
    hx_str_t       s;
    unsigned char  raw[64], text[512], out[64];

    for (i = 0; i < 100000; i++) {
        n = test_below(sizeof(raw));
        s.data = text;

        for (s.len = 0; s.len < n; s.len++) {
            raw[s.len] = (unsigned char) test_below(0x80);
        }

        hx_buf_init(&b, text, sizeof(text));
        hx_json_escape(&b, raw, n);
        s.len = hx_buf_len(&b);
        s.data = test_edge(text, s.len);

        assert_int_equal(hx_walk_decode(&s, out, sizeof(out)), n);
        assert_memory_equal(out, raw, n);
        assert_int_equal(hx_walk_prefix(&s, raw, n), n);

        if (n != 0) {
            assert_int_equal(hx_walk_decode(&s, out, n - 1), n);
            assert_int_equal(hx_walk_prefix(&s, raw, n - 1), -1);
            raw[n - 1] ^= 1;
            assert_int_equal(hx_walk_prefix(&s, raw, n), -1);
        }
    }
}


/* Skipping a value stops where walking through it does. */
static const unsigned char *
walk(hx_walk_t *w)
{
    hx_str_t   name, text;
    hx_walk_t  other;

    other = *w;
    hx_walk_skip(&other, &text);
    assert_true(text.data == w->p && text.data + text.len == other.p);

    switch (hx_walk_type(w)) {

    case HX_JT_OBJECT:
    case HX_JT_ARRAY:
        if (hx_walk_enter(w, &name)) {
            do {
                (void) walk(w);
            } while (hx_walk_next(w, &name));
        }
        break;

    default:
        hx_walk_scalar(w, &text);
    }

    assert_true(w->p == other.p);

    return w->p;
}


static void
test_skipping(void **state)
{
    hx_buf_t   b;
    unsigned   n;
    hx_walk_t  w;

    static unsigned char  text[MODEL_TEXT];

    for (n = 0; n < 20000; n++) {
        model_used = 0;
        hx_buf_init(&b, text, sizeof(text));
        model_write(&b, model_document());
        hx_walk_init(&w, test_edge(text, hx_buf_len(&b)), hx_buf_len(&b));
        assert_true(walk(&w) == w.end);
    }
}


static void
check_unique(const char *text, hx_rc_t want, const char *path)
{
    hx_buf_t       b;
    unsigned char  out[32];

    hx_buf_init(&b, out, sizeof(out));
    assert_int_equal(hx_json_unique(test_edge(text, strlen(text)),
                                    strlen(text), &b), want);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), strlen(path));
    assert_memory_equal(out, path, strlen(path));
}


static void
test_members_named_twice(void **state)
{
    check_unique("{}", HX_OK, "");
    check_unique("{\"a\":1,\"b\":1,\"c\":{\"a\":1}}", HX_OK, "");
    check_unique("{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]}}", HX_OK, "");
    check_unique("{\"a\":1,\"b\":1,\"a\":2}", HX_NO, "a");
    check_unique("{\"\":1,\"\":2}", HX_NO, "");
    check_unique("{\"a\":{\"b\":[1,{\"c\":1,\"d\":0,\"c\":1}]}}", HX_NO,
                 "a.b.c");
    check_unique("{\"a\":[[{\"x\\n\":1,\"x\\n\":1}]]}", HX_NO, "a.x\\n");
    check_unique("{\"a123456789012345678901234567890\":{\"b\":1,\"b\":2}}",
                 HX_NO, "a123456789012345678901234567890.");
    check_unique("{\"a1234567890123456789012345678901\":{\"b\":1,\"b\":2}}",
                 HX_NO, "a1234567890123456789012345678901");
}


/* Objects of many members: none twice, then one of them. */
static void
test_many_members(void **state)
{
    char      name[32];
    hx_buf_t  b, path;
    unsigned  i, n, twice;

    static unsigned char  text[65536], out[32];

    for (n = 15; n < 5000; n += n < 20 ? 1 : 617) {
        for (twice = 0; twice < 2; twice++) {
            hx_buf_init(&b, text, sizeof(text));
            hx_buf_lit(&b, "{\"x\":{");

            for (i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "%s\"%u\":0",
                                i == 0 ? "" : ",",
                                twice && i == n - 1 ? n / 3 : i);
                hx_buf_add(&b, name, strlen(name));
            }

            hx_buf_lit(&b, "}}");
            assert_true(hx_buf_ok(&b));
            hx_buf_init(&path, out, sizeof(out));

            assert_int_equal(hx_json_unique(text, hx_buf_len(&b), &path),
                             twice ? HX_NO : HX_OK);
            (void) snprintf(name, sizeof(name), "x.%u", n / 3);
            assert_int_equal(hx_buf_len(&path), twice ? strlen(name) : 0);
            assert_memory_equal(out, name, hx_buf_len(&path));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_strings_in_any_spelling),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_members_named_twice),
        cmocka_unit_test(test_many_members)
    };

    return cmocka_run_group_tests_name("hx_json_walk", tests, NULL, NULL);
}
