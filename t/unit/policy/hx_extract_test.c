/*
 * hx_extract_test.c -- what the gate reads out of a body.  Random documents are
 * written from a model that knows the answer, in any spelling and in any
 * pieces; and the texts that two readers could understand differently.
 */

#include "hx_test.h"

#include "hx_check.h"
#include "hx_extract.h"

#define HX_DOC       131072
#define HX_MEMBERS   8

#define WHOLE        ((size_t) -1)
#define RANDOM       0

typedef enum {
    V_STRING,                   /* below HX_JSON_STRING_MAX as written */
    V_LONG,                     /* above it */
    V_OTHER                     /* no string */
} hx_value_t;

typedef struct {
    const char   *name;
    hx_value_t    type;
    size_t        len;
    char          text[6000];
} hx_member_model_t;

typedef struct {
    hx_extract_err_t   error;
    const char        *member;
    size_t             ns_len;
    char               ns[HX_NAMESPACE_MAX + 1];
    size_t             value_len;
    char               value[HX_VARIANT_MAX];
} hx_answer_t;

static const hx_str_t  mode = hx_string("mode");


/* piece: bytes a feed, WHOLE or RANDOM; the error, with *x still filled. */
static hx_extract_err_t
test_feed(hx_extract_t *x, const hx_str_t *variant, const char *text,
    size_t len, size_t piece)
{
    size_t   n;
    hx_rc_t  rc;

    memset(x, 0x5a, sizeof(hx_extract_t));
    assert_int_equal(hx_extract_start(x, variant), HX_OK);
    rc = HX_OK;

    while (len != 0 && rc == HX_OK) {
        n = piece == WHOLE ? len : piece != RANDOM ? piece
            : test_below(test_below(4) ? 20 : 3000);
        n = n < len ? n : len;
        rc = hx_extract_feed(x, test_edge(text, n), n);
        text += n;
        len -= n;
    }

    if (rc == HX_OK) {
        rc = hx_extract_finish(x);
    }

    hx_extract_end(x);
    hx_extract_end(x);

    assert_int_equal(rc, x->error == HX_EXTRACT_OK ? HX_OK : HX_NO);

    return x->error;
}


static void
test_row(const char *text, hx_extract_err_t want, const char *ns,
    const char *value)
{
    size_t        i;
    hx_extract_t  x;

    static const size_t  pieces[] = { WHOLE, 1, 2, 7, RANDOM };

    for (i = 0; i < hx_nelts(pieces); i++) {
        if (test_feed(&x, &mode, text, strlen(text), pieces[i]) != want) {
            fail_msg("%s: %d, not %d", text, x.error, want);
        }

        if (ns != NULL) {
            assert_int_equal(x.ns_len, strlen(ns));
            assert_memory_equal(x.ns, ns, x.ns_len);
        }

        if (value != NULL) {
            assert_int_equal(x.value_len, strlen(value));
            assert_memory_equal(x.value, value, x.value_len);
        }
    }
}


static void
good_bodies(void **state)
{
    test_row("{}", HX_EXTRACT_OK, "default", "");
    test_row(" \r\n\t{ } \n", HX_EXTRACT_OK, "default", "");
    test_row("{\"namespace\":\"prod\"}", HX_EXTRACT_OK, "prod", "");
    test_row("{\"mode\":\"gpu\",\"namespace\":\"prod\"}", HX_EXTRACT_OK,
             "prod", "gpu");
    test_row("{\"n\\u0061mespace\":\"pro\\u0064\"}", HX_EXTRACT_OK, "prod",
             "");
    test_row("{\"m\\u006fde\":\"g\\u0070u\"}", HX_EXTRACT_OK, "default",
             "gpu");

    /* only the top object counts, and only that name */

    test_row("{\"a\":{\"namespace\":\"x\",\"mode\":\"y\"},"
             "\"b\":[{\"namespace\":1}]}", HX_EXTRACT_OK, "default", "");
    test_row("{\"a\":{\"namespace\":\"x\"},\"namespace\":\"p\","
             "\"c\":{\"namespace\":\"x\"}}", HX_EXTRACT_OK, "p", "");
    test_row("{\"Namespace\":\"x\",\"namespace \":\"y\",\"namespac\":1,"
             "\"namespace\\u0000\":2,\"NAMESPACE\":{}}", HX_EXTRACT_OK,
             "default", "");
    test_row("{\"x\":\"namespace\",\"y\":\"mode\"}", HX_EXTRACT_OK, "default",
             "");

    /* a value too long for a variant is none */

    test_row("{\"mode\":\"0123456789abcdef0123456789abcdef\"}",
             HX_EXTRACT_OK, "default", "0123456789abcdef0123456789abcdef");
    test_row("{\"mode\":\"0123456789abcdef0123456789abcdef0\"}",
             HX_EXTRACT_OK, "default", "");
    test_row("{\"mode\":\"\"}", HX_EXTRACT_OK, "default", "");
}


static void
bad_bodies(void **state)
{
    size_t  i;

    static const char *const  duplicates[] = {
        "{\"namespace\":\"a\",\"namespace\":\"a\"}",
        "{\"namespace\":\"a\",\"x\":{},\"namespace\":\"b\"}",
        "{\"namespace\":\"a\",\"n\\u0061mespace\":\"b\"}",
        "{\"\\u006e\\u0061mespace\":\"a\",\"namespace\":1}",
        "{\"mode\":\"a\",\"mode\":\"b\"}",
        "{\"mode\":\"a\",\"\\u006dode\":\"b\"}"
    };
    static const char *const  types[] = {
        "{\"namespace\":1}", "{\"namespace\":null}", "{\"namespace\":true}",
        "{\"namespace\":[\"a\"]}", "{\"namespace\":{\"namespace\":\"a\"}}",
        "{\"namespace\":[]}", "{\"mode\":null}", "{\"mode\":{}}",
        "{\"mode\":-0.5e3}", "{\"mode\":false}", "{\"mode\":[\"gpu\"]}"
    };
    static const char *const  objects[] = {
        "[]", "\"x\"", "1", "true", "false", "null", " -1e5 ",
        "[{\"namespace\":\"a\"}]", "\"\""
    };
    static const char *const  json[] = {
        "", " ", "{", "{\"namespace\":\"a\"", "{\"namespace\":\"a\"}}",
        "{\"namespace\":\"a\"},", "{\"namespace\":\"a\"}{}", "{]", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{'a':1}", "{a:1}", "{\"a\":01}",
        "{\"a\":\"\\x\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}", "\xef\xbb\xbf{}", "{}\xc2\xa0", "{\"a\":\"\t\"}",
        "{/**/}", "x", "{\"a\":\"\xc0\xaf\"}"
    };

    for (i = 0; i < hx_nelts(duplicates); i++) {
        test_row(duplicates[i], HX_EXTRACT_E_DUPLICATE, NULL, NULL);
    }

    for (i = 0; i < hx_nelts(types); i++) {
        test_row(types[i], HX_EXTRACT_E_TYPE, NULL, NULL);
    }

    for (i = 0; i < hx_nelts(objects); i++) {
        test_row(objects[i], HX_EXTRACT_E_OBJECT, NULL, NULL);
    }

    for (i = 0; i < hx_nelts(json); i++) {
        test_row(json[i], HX_EXTRACT_E_JSON, NULL, NULL);
    }

    test_row("{\"namespace\":\"\"}", HX_EXTRACT_E_NAMESPACE, "", NULL);
    test_row("{\"namespace\":\"a b\"}", HX_EXTRACT_E_NAMESPACE, "a b", NULL);
    test_row("{\"namespace\":\"../x\"}", HX_EXTRACT_E_NAMESPACE, "../x", NULL);
    test_row("{\"namespace\":\"\\u00e9\"}", HX_EXTRACT_E_NAMESPACE,
             "\xc3\xa9", NULL);
    test_row("{\"namespace\":\"a\\u0000b\"}", HX_EXTRACT_E_NAMESPACE, NULL,
             NULL);
}


/* Around every limit on the length of the value; what is quoted is its
 * beginning, never something that did not stand there. */
static void
namespace_lengths(void **state)
{
    size_t                i, n, len;
    hx_extract_t          x;
    static char           text[HX_DOC], want[300];

    static const size_t   lengths[] = {
        1, 254, 255, 256, 257, 4094, 4095, 4096, 4097, 4098, 9000, 100000
    };

    memset(want, 'n', sizeof(want));

    for (i = 0; i < hx_nelts(lengths); i++) {
        n = lengths[i];
        len = (size_t) snprintf(text, sizeof(text), "{\"namespace\":\"");
        memset(text + len, 'n', n);
        memcpy(text + len + n, "\"}", 2);
        len += n + 2;

        assert_int_equal(test_feed(&x, NULL, text, len,
                                   n % 2 ? WHOLE : RANDOM),
                         n <= HX_NAMESPACE_MAX ? HX_EXTRACT_OK
                                               : HX_EXTRACT_E_NAMESPACE);
        assert_int_equal(x.ns_len, n < 256 ? n : 256);
        assert_memory_equal(x.ns, want, x.ns_len);
    }
}


/* What is no JSON behind a long value is found, deep nesting as well. */
static void
checked_to_the_end(void **state)
{
    size_t        i, len;
    hx_extract_t  x;
    static char   text[HX_DOC];

    static const char *const  ends[] = {
        "", "\"", "\",}", "\"}x", "\\q\"}", "\xff\"}", "\"]"
    };

    for (i = 0; i < hx_nelts(ends); i++) {
        len = (size_t) snprintf(text, sizeof(text), "{\"data_b64\":\"");
        memset(text + len, 'A', 50000);
        len += 50000;
        memcpy(text + len, ends[i], strlen(ends[i]));
        len += strlen(ends[i]);
        assert_int_equal(test_feed(&x, NULL, text, len, RANDOM),
                         HX_EXTRACT_E_JSON);
        assert_int_equal(x.scan_error, i == 5 ? HX_JSON_E_UTF8
                                              : HX_JSON_E_SYNTAX);
    }

    len = (size_t) snprintf(text, sizeof(text), "{\"a\":");
    memset(text + len, '[', 1000);
    assert_int_equal(test_feed(&x, NULL, text, len + 1000, WHOLE),
                     HX_EXTRACT_E_JSON);
    assert_int_equal(x.scan_error, HX_JSON_E_DEPTH);
}


/* Without a variant its name is a name like any other. */
static void
no_variant(void **state)
{
    const char    *text = "{\"mode\":1,\"mode\":{},\"namespace\":\"n\"}";
    hx_extract_t   x;

    assert_int_equal(test_feed(&x, NULL, text, strlen(text), WHOLE),
                     HX_EXTRACT_OK);
    assert_int_equal(x.value_len, 0);
    assert_int_equal(test_feed(&x, &mode, text, strlen(text), WHOLE),
                     HX_EXTRACT_E_TYPE);
    assert_string_equal(x.member, "mode");
}


static size_t
write_blank(char *to)
{
    size_t  i, n;

    n = test_below(3) ? 0 : test_below(4);

    for (i = 0; i < n; i++) {
        to[i] = " \t\r\n"[test_below(4)];
    }

    return n;
}


/* ASCII text as a JSON string, each character in one of its spellings. */
static size_t
write_string(char *to, const char *s, size_t len, int escapes)
{
    char         *p;
    size_t        i;

    p = to;
    *p++ = '"';

    for (i = 0; i < len; i++) {
        if (escapes && test_below(6) == 0) {
            p += snprintf(p, 7, test_below(2) ? "\\u%04x" : "\\u%04X",
                          (unsigned) (unsigned char) s[i]);

        } else if (s[i] == '/' && test_below(2)) {
            *p++ = '\\';
            *p++ = '/';

        } else {
            *p++ = s[i];
        }
    }

    *p++ = '"';

    return (size_t) (p - to);
}


static size_t
write_other(char *to)
{
    const char  *s;

    static const char *const  others[] = {
        "1", "-0.5e+10", "true", "false", "null", "[]", "{}",
        "{\"namespace\":\"inner\",\"mode\":\"inner\"}",
        "[\"namespace\",{\"namespace\":[1,2,{\"mode\":{}}]}]",
        "[[[[\"a\"],{\"namespace\":\"x\",\"namespace\":\"y\"}]]]"
    };

    s = others[test_below(hx_nelts(others))];
    memcpy(to, s, strlen(s));

    return strlen(s);
}


static void
model_member(hx_member_model_t *m)
{
    size_t       i;
    const char  *chars;

    static const char *const  names[] = {
        "namespace", "mode", "key", "data_b64", "Namespace", "namespaces",
        "name", "", "mod", "metadata"
    };

    m->name = names[test_below(test_below(2) ? 2 : hx_nelts(names))];
    m->type = test_below(10) ? V_STRING : test_below(2) ? V_LONG : V_OTHER;
    m->len = m->type == V_LONG ? 4200 + test_below(1500)
             : test_below(test_below(8) ? 40 : 300);
    chars = test_below(6) ? "abcXYZ09_-" : "ab /.:_-~@";

    for (i = 0; i < m->len; i++) {
        m->text[i] = chars[test_below(10)];
    }
}


/* What the members mean, one after the other; 0 when one of them is wrong. */
static int
model_read(hx_answer_t *a, const hx_member_model_t *m, unsigned seen)
{
    const int  is_ns = strcmp(m->name, "namespace") == 0;

    if (!is_ns && strcmp(m->name, "mode") != 0) {
        return 1;
    }

    a->member = m->name;

    if (seen) {
        a->error = HX_EXTRACT_E_DUPLICATE;

    } else if (m->type == V_OTHER) {
        a->error = HX_EXTRACT_E_TYPE;

    } else if (is_ns) {
        a->ns_len = m->len < sizeof(a->ns) ? m->len : sizeof(a->ns);
        memcpy(a->ns, m->text, a->ns_len);

        if (m->len < 1 || m->len > 255
            || strspn(m->text, "abcXYZ09_-") < m->len)
        {
            a->error = HX_EXTRACT_E_NAMESPACE;
        }

    } else {
        a->value_len = m->len <= HX_VARIANT_MAX ? m->len : 0;
        memcpy(a->value, m->text, a->value_len);
    }

    return a->error == HX_EXTRACT_OK;
}


static size_t
model_document(char *doc, hx_answer_t *a)
{
    size_t                     len;
    unsigned                   i, n, seen_ns, seen_mode;
    static hx_member_model_t   m;

    memset(a, 0, sizeof(hx_answer_t));
    memcpy(a->ns, "default", 7);
    a->ns_len = 7;
    seen_ns = seen_mode = 0;

    len = write_blank(doc);
    doc[len++] = '{';
    n = (unsigned) test_below(HX_MEMBERS);

    for (i = 0; i < n; i++) {
        memset(m.text, 0, sizeof(m.text));
        model_member(&m);

        len += write_blank(doc + len);
        len += write_string(doc + len, m.name, strlen(m.name),
                            (int) test_below(2));
        len += write_blank(doc + len);
        doc[len++] = ':';
        len += write_blank(doc + len);
        len += m.type == V_OTHER ? write_other(doc + len)
               : write_string(doc + len, m.text, m.len, (int) test_below(2));
        len += write_blank(doc + len);

        if (i + 1 < n) {
            doc[len++] = ',';
        }

        if (a->error == HX_EXTRACT_OK) {
            const int  ns = strcmp(m.name, "namespace") == 0;

            (void) model_read(a, &m, ns ? seen_ns : seen_mode);
            seen_ns |= ns != 0;
            seen_mode |= strcmp(m.name, "mode") == 0;
        }
    }

    len += write_blank(doc + len);
    doc[len++] = '}';

    return len;
}


static void
against_the_model(void **state)
{
    size_t              i, k, len, cut;
    unsigned            seen[HX_EXTRACT_E_MEMORY + 1];
    hx_answer_t         a;
    hx_extract_t        x;
    static char         doc[HX_DOC];

    memset(seen, 0, sizeof(seen));

    for (i = 0; i < 6000; i++) {
        len = model_document(doc, &a);

        for (k = 0; k < 3; k++) {
            if (test_feed(&x, &mode, doc, len,
                          k == 0 ? WHOLE : k == 1 && i % 10 == 0 ? 1 : RANDOM)
                != a.error)
            {
                fail_msg("%.*s: %d, not %d", (int) len, doc, x.error,
                         a.error);
            }

            assert_int_equal(x.ns_len, a.ns_len);
            assert_memory_equal(x.ns, a.ns, a.ns_len);
            assert_int_equal(x.value_len, a.value_len);
            assert_memory_equal(x.value, a.value, a.value_len);

            if (a.error == HX_EXTRACT_E_TYPE
                || a.error == HX_EXTRACT_E_DUPLICATE)
            {
                assert_string_equal(x.member, a.member);
            }
        }

        seen[a.error]++;

        /* a good one that ends early is no JSON */

        if (a.error == HX_EXTRACT_OK) {
            cut = test_below(len);
            assert_int_equal(test_feed(&x, &mode, doc, cut, RANDOM),
                             HX_EXTRACT_E_JSON);
        }
    }

    assert_true(seen[HX_EXTRACT_OK] > 500
                && seen[HX_EXTRACT_E_DUPLICATE] > 500
                && seen[HX_EXTRACT_E_TYPE] > 100
                && seen[HX_EXTRACT_E_NAMESPACE] > 500);
}


/* Bytes changed at random: whatever is let through names a valid namespace,
 * and the answer does not depend on the pieces. */
static void
random_damage(void **state)
{
    size_t              i, k, len;
    unsigned            ok;
    hx_answer_t         a;
    hx_extract_t        x, y;
    static char         doc[HX_DOC];

    for (i = 0, ok = 0; i < 6000; i++) {
        len = model_document(doc, &a);

        for (k = 1 + test_below(3); k != 0; k--) {
            doc[test_below(len)] = test_below(2)
                                   ? "{}[]\",:\\un \0e1"[test_below(15)]
                                   : (char) test_random();
        }

        (void) test_feed(&x, &mode, doc, len, WHOLE);
        (void) test_feed(&y, &mode, doc, len, RANDOM);

        assert_int_equal(x.error, y.error);
        assert_int_equal(x.scan_error, y.scan_error);
        assert_int_equal(x.ns_len, y.ns_len);
        assert_memory_equal(x.ns, y.ns, x.ns_len);
        assert_int_equal(x.value_len, y.value_len);

        if (x.error == HX_EXTRACT_OK) {
            assert_true(hx_check_namespace(x.ns, x.ns_len));
            ok++;
        }
    }

    assert_true(ok > 200);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(good_bodies),
        cmocka_unit_test(bad_bodies),
        cmocka_unit_test(namespace_lengths),
        cmocka_unit_test(checked_to_the_end),
        cmocka_unit_test(no_variant),
        cmocka_unit_test(against_the_model),
        cmocka_unit_test(random_damage)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
