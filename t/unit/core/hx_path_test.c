/*
 * hx_path_test.c -- the one decoder of request paths: a table of what attackers
 * send, and random targets against a naive splitter that shares no method.
 */

#include "hx_test.h"

#include <ctype.h>

#include "hx_text.h"

typedef struct {
    const char     *target;
    hx_path_err_t   err;
    const char     *segments;       /* joined by '|' */
} hx_path_row_t;

static unsigned char  *guard;       /* what is decoded ends here at most */


static int
test_setup(void **state)
{
    guard = test_guard();

    return 0;
}


static hx_path_err_t
test_parse(hx_path_t *p, const char *target, size_t len)
{
    const size_t  room = len < HX_PATH_MAX ? len : HX_PATH_MAX;

    memset(p, 0x5a, sizeof(hx_path_t));

    return hx_path_parse(p, test_edge(target, len), len, guard - room);
}


static void
test_row(const hx_path_row_t *row)
{
    char           joined[512];
    size_t         n;
    unsigned       i;
    hx_path_t      p;
    hx_path_err_t  err;

    err = test_parse(&p, row->target, strlen(row->target));

    if (err != row->err) {
        fail_msg("%s: error %d, not %d", row->target, err, row->err);
    }

    if (err != HX_PATH_OK) {
        return;
    }

    for (i = 0, n = 0; i < p.n; i++) {
        n += (size_t) snprintf(joined + n, sizeof(joined) - n, "%s%.*s",
                               i ? "|" : "", (int) p.segment[i].len,
                               p.segment[i].data);
    }

    joined[n] = '\0';
    assert_string_equal(joined, row->segments);
}


static void
known_targets(void **state)
{
    size_t  i;

    static const hx_path_row_t  rows[] = {
        { "/", HX_PATH_OK, "" },
        { "/?a=/../", HX_PATH_OK, "" },
        { "/a", HX_PATH_OK, "a" },
        { "/v1/get/ns/k", HX_PATH_OK, "v1|get|ns|k" },
        { "/v1/get?x=%zz%00", HX_PATH_OK, "v1|get" },
        { "/v1/get#/../x", HX_PATH_OK, "v1|get" },
        { "/%76%31/%67et", HX_PATH_OK, "v1|get" },
        { "/a%2fb", HX_PATH_OK, "a|b" },
        { "/a%3Fb%23c", HX_PATH_OK, "a?b#c" },
        { "/a%3f/../b", HX_PATH_E_SEGMENT, "" },
        { "/a+b%20c", HX_PATH_OK, "a+b c" },
        { "/...", HX_PATH_OK, "..." },
        { "/..a/.b", HX_PATH_OK, "..a|.b" },
        { "/a%0d%0ab", HX_PATH_OK, "a\r\nb" },
        { "/%c3%a9", HX_PATH_OK, "\xc3\xa9" },

        { "", HX_PATH_E_FORM, "" },
        { "a", HX_PATH_E_FORM, "" },
        { "*", HX_PATH_E_FORM, "" },
        { "?/", HX_PATH_E_FORM, "" },
        { "%2Fa", HX_PATH_E_FORM, "" },
        { "http://h/a", HX_PATH_E_FORM, "" },

        { "/%", HX_PATH_E_ESCAPE, "" },
        { "/%2", HX_PATH_E_ESCAPE, "" },
        { "/%2?", HX_PATH_E_ESCAPE, "" },
        { "/%?2", HX_PATH_E_ESCAPE, "" },
        { "/%2g", HX_PATH_E_ESCAPE, "" },
        { "/%G2", HX_PATH_E_ESCAPE, "" },
        { "/%+1", HX_PATH_E_ESCAPE, "" },
        { "/% 1", HX_PATH_E_ESCAPE, "" },
        { "/%u0041", HX_PATH_E_ESCAPE, "" },
        { "/a%00", HX_PATH_E_ESCAPE, "" },
        { "/%00/../", HX_PATH_E_ESCAPE, "" },

        { "/%252e%252e/", HX_PATH_E_DOUBLE, "" },
        { "/a%252Fb", HX_PATH_E_DOUBLE, "" },
        { "/a%25", HX_PATH_E_DOUBLE, "" },
        { "/%25%00", HX_PATH_E_DOUBLE, "" },

        { "//", HX_PATH_E_SEGMENT, "" },
        { "/a/", HX_PATH_E_SEGMENT, "" },
        { "/a//b", HX_PATH_E_SEGMENT, "" },
        { "//a", HX_PATH_E_SEGMENT, "" },
        { "/.", HX_PATH_E_SEGMENT, "" },
        { "/..", HX_PATH_E_SEGMENT, "" },
        { "/a/./b", HX_PATH_E_SEGMENT, "" },
        { "/a/../b", HX_PATH_E_SEGMENT, "" },
        { "/a/%2e%2E/b", HX_PATH_E_SEGMENT, "" },
        { "/a/.%2e", HX_PATH_E_SEGMENT, "" },
        { "/a/%2e/", HX_PATH_E_SEGMENT, "" },
        { "/a%2f..%2fb", HX_PATH_E_SEGMENT, "" },
        { "/a%2f", HX_PATH_E_SEGMENT, "" },
        { "/%2f", HX_PATH_E_SEGMENT, "" },
        { "/a%2f/b", HX_PATH_E_SEGMENT, "" },
        { "/a/..?b", HX_PATH_E_SEGMENT, "" },
        { "/a/?b", HX_PATH_E_SEGMENT, "" }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        test_row(&rows[i]);
    }
}


static void
encoded_slash(void **state)
{
    hx_path_t  p;

    assert_int_equal(test_parse(&p, "/a/b", 4), HX_PATH_OK);
    assert_int_equal(p.encoded_slash, 4);
    assert_int_equal(p.encoded_slash_end, 0);

    assert_int_equal(test_parse(&p, "/a%2Fb/c%2fd", 12), HX_PATH_OK);
    assert_int_equal(p.text.len, 8);
    assert_int_equal(p.encoded_slash, 2);
    assert_int_equal(p.encoded_slash_end, 7);

    /* what stands behind the path does not count */
    assert_int_equal(test_parse(&p, "/a?%2F", 6), HX_PATH_OK);
    assert_int_equal(p.encoded_slash, 2);
    assert_int_equal(p.encoded_slash_end, 0);
}


static void
limits(void **state)
{
    char       target[3 * HX_PATH_MAX + 4];
    size_t     i;
    unsigned   n;
    hx_path_t  p;

    /* HX_PATH_MAX bytes as they come out, however they were written */

    target[0] = '/';
    memset(target + 1, 'a', sizeof(target) - 1);
    assert_int_equal(test_parse(&p, target, HX_PATH_MAX), HX_PATH_OK);
    assert_int_equal(p.text.len, HX_PATH_MAX);
    assert_int_equal(test_parse(&p, target, HX_PATH_MAX + 1),
                     HX_PATH_E_FORM);

    target[HX_PATH_MAX] = '?';
    assert_int_equal(test_parse(&p, target, sizeof(target)), HX_PATH_OK);
    assert_int_equal(p.text.len, HX_PATH_MAX);

    for (i = 1; i + 3 <= sizeof(target); i += 3) {
        memcpy(target + i, "%61", 3);
    }

    assert_int_equal(test_parse(&p, target, 1 + 3 * (HX_PATH_MAX - 1)),
                     HX_PATH_OK);
    assert_int_equal(p.text.len, HX_PATH_MAX);
    assert_int_equal(test_parse(&p, target, 1 + 3 * HX_PATH_MAX),
                     HX_PATH_E_FORM);

    /* the last segment takes what has no place */

    for (n = 1; n < 3 * HX_PATH_SEGMENTS; n++) {
        for (i = 0; i < n; i++) {
            memcpy(target + 2 * i, "/x", 2);
        }

        assert_int_equal(test_parse(&p, target, 2 * n), HX_PATH_OK);
        assert_int_equal(p.n, n < HX_PATH_SEGMENTS ? n : HX_PATH_SEGMENTS);
        assert_int_equal(p.segment[p.n - 1].len,
                         n < HX_PATH_SEGMENTS
                         ? 1 : 2 * (n - HX_PATH_SEGMENTS) + 1);

        memcpy(target + 2 * n, "/..", 3);
        assert_int_equal(test_parse(&p, target, 2 * n + 3),
                         HX_PATH_E_SEGMENT);
    }
}


/* Two passes over arrays; the first decodes and marks, the second splits. */
typedef struct {
    hx_path_err_t   err;
    size_t          len;
    size_t          n;              /* segments, all of them */
    size_t          first;          /* encoded slash */
    size_t          end;
    char            text[HX_PATH_MAX + 1];
    size_t          start[HX_PATH_MAX + 1];
    size_t          stop[HX_PATH_MAX + 1];
} hx_naive_t;


static void
naive_decode(hx_naive_t *v, const char *target, size_t len)
{
    char    two[3];
    size_t  i, step;

    for (i = 0; i < len && target[i] != '?' && target[i] != '#'; i += step) {
        step = target[i] == '%' ? 3 : 1;

        if (v->len == HX_PATH_MAX) {
            v->err = HX_PATH_E_FORM;
            return;
        }

        if (target[i] == '\0') {
            v->err = HX_PATH_E_ESCAPE;
            return;
        }

        if (step == 1) {
            v->text[v->len++] = target[i];
            continue;
        }

        if (i + 2 >= len || !isxdigit((unsigned char) target[i + 1])
            || !isxdigit((unsigned char) target[i + 2])
            || memcmp(target + i, "%00", 3) == 0)
        {
            v->err = HX_PATH_E_ESCAPE;
            return;
        }

        memcpy(two, target + i + 1, 2);
        two[2] = '\0';
        v->text[v->len++] = (char) strtol(two, NULL, 16);

        if (v->text[v->len - 1] == '%') {
            v->err = HX_PATH_E_DOUBLE;
            return;
        }

        if (v->text[v->len - 1] == '/') {
            v->first = v->end ? v->first : v->len - 1;
            v->end = v->len;
        }
    }

    v->first = v->end ? v->first : v->len;
}


static void
naive_parse(hx_naive_t *v, const char *target, size_t len)
{
    size_t  i, n;

    v->len = v->n = v->end = v->first = 0;
    v->err = len != 0 && target[0] == '/' ? HX_PATH_OK : HX_PATH_E_FORM;

    if (v->err == HX_PATH_OK) {
        naive_decode(v, target, len);
    }

    if (v->err != HX_PATH_OK || v->len == 1) {
        return;
    }

    for (i = 0; i < v->len; i++) {
        if (v->text[i] == '/') {
            v->start[v->n++] = i + 1;
        }

        v->stop[v->n - 1] = i + 1;
    }

    for (i = 0; i < v->n; i++) {
        n = v->stop[i] - v->start[i];

        if (n == 0 || (n < 3 && memcmp(v->text + v->start[i], "..", n) == 0)) {
            v->err = HX_PATH_E_SEGMENT;
        }
    }
}


static void
test_compare(const char *target, size_t len)
{
    size_t             i, stop;
    hx_path_t          p;
    hx_path_err_t      err;
    static hx_naive_t  v;

    naive_parse(&v, target, len);
    err = test_parse(&p, target, len);

    if (err != v.err) {
        fail_msg("%.*s: error %d, not %d", (int) len, target, err, v.err);
    }

    if (err != HX_PATH_OK) {
        return;
    }

    assert_int_equal(p.text.len, v.len);
    assert_memory_equal(p.text.data, v.text, v.len);
    assert_int_equal(p.encoded_slash, v.first);
    assert_int_equal(p.encoded_slash_end, v.end);
    assert_int_equal(p.n,
                     v.n < HX_PATH_SEGMENTS ? v.n : HX_PATH_SEGMENTS);

    for (i = 0; i < p.n; i++) {
        stop = i + 1 == p.n ? v.stop[v.n - 1] : v.stop[i];
        assert_int_equal(p.segment[i].data - p.text.data, v.start[i]);
        assert_int_equal(p.segment[i].len, stop - v.start[i]);
    }
}


static void
against_the_model(void **state)
{
    char         target[16384];
    size_t       i, k, n, parts, len;
    size_t       good, bad;
    const char  *part;
    hx_path_t    p;

    static const char *const  pieces[] = {
        "/", "/a", "/v1", "b", "cc", "-_.~", "%41", "%7e", "/%c3%A9",
        "a..", "/.a", "%2Fx", "/k%2fy", "//", "/.", "..", "%2e", "%2E",
        "%00", "%25", "%", "%2", "%zz", "%0g", "?", "#", "\\", ";x=1", "%2F"
    };

    good = bad = 0;

    for (i = 0; i < 200000; i++) {
        len = 0;
        target[len++] = '/';
        target[len++] = 'r';
        len = test_below(50) ? len : 0;

        /* mostly from the harmless half, or nothing would be valid */

        parts = test_below(i % 1000 ? 12 : 3000);
        n = test_below(3) ? 14 : hx_nelts(pieces);

        for (k = 0; k < parts; k++) {
            part = pieces[test_below(n)];
            memcpy(target + len, part, strlen(part));
            len += strlen(part);
        }

        test_compare(target, len);

        if (test_parse(&p, target, len) == HX_PATH_OK) {
            good++;

        } else {
            bad++;
        }
    }

    assert_true(good > 20000 && bad > 20000);
}


static void
any_bytes(void **state)
{
    char    target[64];
    size_t  i, len;

    for (i = 0; i < 200000; i++) {
        len = test_below(sizeof(target));
        test_fill(target, len);

        if (len != 0) {
            target[0] = '/';
            target[test_below(len)] = '%';
        }

        test_compare(target, len);
    }
}


/* Every byte at every place of targets of all lengths that are told apart. */
static void
every_place(void **state)
{
    char      target[50];
    size_t    at, len;
    unsigned  c;

    for (len = 1; len < sizeof(target); len++) {
        for (at = 0; at < len; at++) {
            for (c = 0; c < 256; c++) {
                memset(target, 'a' + (int) (at % 26), len);
                target[0] = '/';
                target[at] = (char) c;
                test_compare(target, len);
            }
        }
    }
}


/* What stands around the place where the room ends. */
static void
at_the_limit(void **state)
{
    char    target[HX_PATH_MAX + 40];
    size_t  i, at, len;

    static const char *const  pieces[] = {
        "b", "/", "?", "#", "%41", "%2F", "%", "%4", "%zz", "%25", "%00"
    };

    for (i = 0; i < hx_nelts(pieces); i++) {
        for (at = HX_PATH_MAX - 36; at < HX_PATH_MAX + 36; at++) {
            for (len = at + 3; len <= sizeof(target); len += 7) {
                memset(target, 'a', sizeof(target));
                target[0] = '/';
                memcpy(target + at, pieces[i], strlen(pieces[i]));
                test_compare(target, len);

                target[at] = i % 2 ? '\0' : target[at];
                test_compare(target, len);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(known_targets),
        cmocka_unit_test(encoded_slash),
        cmocka_unit_test(limits),
        cmocka_unit_test(against_the_model),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(every_place),
        cmocka_unit_test(at_the_limit)
    };

    return cmocka_run_group_tests(tests, test_setup, NULL);
}
