/*
 * hx_route_test.c -- operations given as templates: which ones compile, the
 * documented table, and random paths against a model that splits before it
 * decodes, as a careful reader of the raw path would.
 */

#include "hx_test.h"

#include "hx_route.h"

static unsigned char  text[HX_PATH_MAX];


static void
test_op(hx_operation_t *op, const char *method, const char *pattern,
    hx_ns_source_t ns)
{
    memset(op, 0, sizeof(hx_operation_t));
    op->name = test_str("op");
    op->method = test_str(method);
    op->pattern = test_str(pattern);
    op->ns = ns;
}


static hx_rc_t
test_match(hx_route_t *r, const hx_operation_t *ops, unsigned n,
    const char *method, const char *target)
{
    hx_path_t       path;
    const hx_str_t  m = test_str(method);

    assert_int_equal(hx_path_parse(&path, (const unsigned char *) target,
                                   strlen(target), text), HX_PATH_OK);

    return hx_route_match(r, ops, n, &m, &path);
}


static void
assert_text(const hx_str_t *s, const char *want)
{
    const hx_str_t  w = test_str(want);

    assert_non_null(s->data);
    assert_true(test_same(s, &w));
}


static void
templates(void **state)
{
    size_t          i;
    hx_operation_t  op;
    char            err[128];

    static const struct {
        const char      *pattern;
        hx_ns_source_t   ns;
        unsigned         parts;
    } good[] = {
        { "/a", HX_NS_NONE, 1 },
        { "/v1/put", HX_NS_BODY, 2 },
        { "/v1/get/{ns}/{key}", HX_NS_PATH, 4 },
        { "/{ns}", HX_NS_PATH, 1 },
        { "/{key}", HX_NS_NONE, 1 },
        { "/{other}/x/{ns2}", HX_NS_NONE, 3 },
        { "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", HX_NS_NONE, 16 }
    };
    static const struct {
        const char      *pattern;
        hx_ns_source_t   ns;
        const char      *why;
    } bad[] = {
        { "", HX_NS_NONE, "must begin with \"/\"" },
        { "/", HX_NS_NONE, "must begin with \"/\"" },
        { "v1/put", HX_NS_NONE, "must begin with \"/\"" },
        { "/v1/", HX_NS_NONE, "has an empty segment" },
        { "//v1", HX_NS_NONE, "has an empty segment" },
        { "/v1//x", HX_NS_NONE, "has an empty segment" },
        { "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", HX_NS_NONE,
          "has too many segments" },
        { "/a{ns}", HX_NS_PATH, "has a placeholder that is not a whole "
          "segment" },
        { "/{ns}b", HX_NS_PATH, "has a placeholder that is not a whole "
          "segment" },
        { "/{}", HX_NS_NONE, "has a placeholder that is not a whole segment" },
        { "/{", HX_NS_NONE, "has a placeholder that is not a whole segment" },
        { "/}", HX_NS_NONE, "has a placeholder that is not a whole segment" },
        { "/{a}{b}", HX_NS_NONE, "has a placeholder that is not a whole "
          "segment" },
        { "/{{a}}", HX_NS_NONE, "has a placeholder that is not a whole "
          "segment" },
        { "/{key}/x", HX_NS_NONE, "has {key} before its end" },
        { "/{key}/{key}", HX_NS_NONE, "has {key} before its end" },
        { "/{ns}/{ns}", HX_NS_PATH, "has a placeholder twice" },
        { "/{ns}/x", HX_NS_NONE, "has {ns} without namespace=path" },
        { "/{ns}/x", HX_NS_BODY, "has {ns} without namespace=path" },
        { "/x/{key}", HX_NS_PATH, "has namespace=path but no {ns}" }
    };

    for (i = 0; i < hx_nelts(good); i++) {
        test_op(&op, "GET", good[i].pattern, good[i].ns);
        assert_int_equal(hx_route_compile(&op, err, sizeof(err)), HX_OK);
        assert_int_equal(op.n_parts, good[i].parts);
        assert_null(op.regex);
        hx_route_free(&op);
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        test_op(&op, "GET", bad[i].pattern, bad[i].ns);
        err[0] = '\0';
        assert_int_equal(hx_route_compile(&op, err, sizeof(err)), HX_NO);
        assert_string_equal(err, bad[i].why);
        hx_route_free(&op);
    }
}


/* The table that clients know, a second time on purpose. */
static void
documented_operations(void **state)
{
    char                   err[128];
    size_t                 i, k;
    unsigned               n;
    hx_route_t             r;
    hx_operation_t         ops[16];
    const hx_operation_t  *sdp;

    static const struct {
        const char      *name;
        const char      *method;
        const char      *target;
        hx_ns_source_t   ns;
        hx_scope_t       scope;
        unsigned         cost;
    } rows[] = {
        { "put", "POST", "/v1/put", HX_NS_BODY, HX_SCOPE_WRITE, 10 },
        { "put_cores", "POST", "/v1/put_cores", HX_NS_BODY, HX_SCOPE_WRITE,
          10 },
        { "put_cores_batch", "POST", "/v1/put_cores_batch", HX_NS_BODY,
          HX_SCOPE_WRITE, 20 },
        { "get", "GET", "/v1/get/n/k", HX_NS_PATH, HX_SCOPE_READ, 1 },
        { "serve", "POST", "/v1/serve", HX_NS_BODY, HX_SCOPE_READ, 5 },
        { "search", "POST", "/v1/search", HX_NS_BODY, HX_SCOPE_READ, 5 },
        { "delete", "DELETE", "/v1/delete/n/k", HX_NS_PATH, HX_SCOPE_WRITE,
          1 },
        { "list", "GET", "/v1/list/n", HX_NS_PATH, HX_SCOPE_READ, 1 },
        { "query_similarity", "POST", "/v1/query/similarity", HX_NS_BODY,
          HX_SCOPE_READ, 10 },
        { "query_topk", "POST", "/v1/query/topk", HX_NS_BODY, HX_SCOPE_READ,
          10 },
        { "query_vector", "POST", "/v1/query/vector", HX_NS_BODY,
          HX_SCOPE_READ, 10 }
    };

    n = hx_route_hx_sdp(&sdp);
    assert_int_equal(n, hx_nelts(rows) + 1);        /* and one variant */
    memcpy(ops, sdp, n * sizeof(hx_operation_t));

    for (i = 0; i < n; i++) {
        assert_int_equal(hx_route_compile(&ops[i], err, sizeof(err)), HX_OK);
        assert_true(ops[i].name.len <= HX_ROUTE_NAME_MAX);
    }

    for (i = 0; i < hx_nelts(rows); i++) {
        assert_int_equal(test_match(&r, ops, n, rows[i].method,
                                    rows[i].target), HX_OK);
        assert_text(&r.operation->name, rows[i].name);
        assert_int_equal(r.operation->ns, rows[i].ns);
        assert_int_equal(r.operation->scope, rows[i].scope);
        assert_int_equal(r.operation->cost, rows[i].cost);

        if (rows[i].ns == HX_NS_PATH) {
            assert_text(&r.ns, "n");

        } else {
            assert_null(r.ns.data);
        }
    }

    /* serve_gpu follows serve and is never found by itself */

    for (i = 0, k = 0; i < n; i++) {
        if (ops[i].member.data != NULL) {
            assert_text(&ops[i].name, "serve_gpu");
            assert_text(&ops[i - 1].name, "serve");
            assert_text(&ops[i].member, "mode");
            assert_text(&ops[i].value, "gpu");
            assert_int_equal(ops[i].cost, 20);
            k++;
        }
    }

    assert_int_equal(k, 1);
}


typedef struct {
    const char  *method;
    const char  *target;
    hx_rc_t      rc;
    const char  *ns;
    const char  *key;
    const char  *allow;
    int          bad_slash;
} hx_match_row_t;

static const hx_match_row_t  matches[] = {
    { "GET", "/v1/get/n/k", HX_OK, "n", "k", NULL, 0 },
    { "HEAD", "/v1/get/n/k", HX_OK, "n", "k", NULL, 0 },
    { "GET", "/v1/get/n/k/l/m", HX_OK, "n", "k/l/m", NULL, 0 },
    { "GET", "/v1/get/n/k%2Fl", HX_OK, "n", "k/l", NULL, 0 },
    { "GET", "/v1/get/n/k%2Fl/m%2fo", HX_OK, "n", "k/l/m/o", NULL, 0 },
    { "GET", "/v1/get/n/k?x=y", HX_OK, "n", "k", NULL, 0 },
    { "GET", "/%76%31/get/%6e/%6b", HX_OK, "n", "k", NULL, 0 },

    /* case counts, and so does every segment */
    { "GET", "/V1/get/n/k", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/v1/get/n", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/v1/get", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/v1/list/n/k", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/x/v1/get/n/k", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/v1/gets/n/k", HX_NO, NULL, NULL, NULL, 0 },
    { "GET", "/v1/ge/n/k", HX_NO, NULL, NULL, NULL, 0 },

    /* the method alone is wrong */
    { "POST", "/v1/get/n/k", HX_NO, NULL, NULL, "GET", 0 },
    { "get", "/v1/get/n/k", HX_NO, NULL, NULL, "GET", 0 },
    { "GE", "/v1/get/n/k", HX_NO, NULL, NULL, "GET", 0 },
    { "HEAD", "/v1/put", HX_NO, NULL, NULL, "POST", 0 },
    { "HEADS", "/v1/list/n", HX_NO, NULL, NULL, "GET", 0 },
    { "DELETE", "/v1/list/n", HX_NO, NULL, NULL, "GET", 0 },

    /* a slash that was written %2F is no separator, except inside a key */
    { "GET", "/v1%2Fget/n/k", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v1/get%2Fn/k", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v1/get/n%2Fk", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v1/get/n%2Fk/l", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v1/get/n%2Fk/l%2Fm", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v1%2Flist/n", HX_NO, NULL, NULL, NULL, 1 },
    { "POST", "/v1%2Fput", HX_NO, NULL, NULL, NULL, 1 },
    { "GET", "/v2%2Fget/n/k", HX_NO, NULL, NULL, NULL, 0 }
};


static void
known_paths(void **state)
{
    char                    err[128];
    size_t                  i;
    unsigned                n;
    hx_rc_t                 rc;
    hx_route_t              r;
    hx_operation_t          ops[16];
    const hx_operation_t   *sdp;
    const hx_match_row_t   *m;

    n = hx_route_hx_sdp(&sdp);
    memcpy(ops, sdp, n * sizeof(hx_operation_t));

    for (i = 0; i < n; i++) {
        assert_int_equal(hx_route_compile(&ops[i], err, sizeof(err)), HX_OK);
    }

    for (i = 0; i < hx_nelts(matches); i++) {
        m = &matches[i];
        rc = test_match(&r, ops, n, m->method, m->target);

        if (rc != m->rc || (r.operation != NULL) != (rc == HX_OK)
            || r.bad_slash != (unsigned) m->bad_slash)
        {
            fail_msg("%s %s: %d, bad slash %u", m->method, m->target, rc,
                     r.bad_slash);
        }

        if (rc == HX_OK) {
            assert_text(&r.ns, m->ns);
            assert_text(&r.key, m->key);

        } else if (m->allow != NULL) {
            assert_text(&r.allow, m->allow);

        } else {
            assert_null(r.allow.data);
        }
    }
}


/* The first one in the list wins, and a right method beats a wrong one. */
static void
order(void **state)
{
    char            err[128];
    unsigned        i;
    hx_route_t      r;
    hx_operation_t  ops[4];

    test_op(&ops[0], "POST", "/a/{x}", HX_NS_NONE);
    test_op(&ops[1], "GET", "/a/{ns}", HX_NS_PATH);
    test_op(&ops[2], "GET", "/a/b", HX_NS_NONE);
    test_op(&ops[3], "POST", "/a/b", HX_NS_NONE);

    for (i = 0; i < 4; i++) {
        assert_int_equal(hx_route_compile(&ops[i], err, sizeof(err)), HX_OK);
    }

    assert_int_equal(test_match(&r, ops, 4, "GET", "/a/b"), HX_OK);
    assert_true(r.operation == &ops[1]);
    assert_text(&r.ns, "b");
    assert_int_equal(test_match(&r, ops, 4, "POST", "/a/b"), HX_OK);
    assert_true(r.operation == &ops[0]);
    assert_null(r.ns.data);
    assert_int_equal(test_match(&r, ops, 4, "PUT", "/a/b"), HX_NO);
    assert_text(&r.allow, "POST");
    assert_int_equal(test_match(&r, ops, 0, "GET", "/a/b"), HX_NO);
}


/* A path of more segments than there is room for still has its whole key. */
static void
long_keys(void **state)
{
    char            err[128], target[HX_PATH_MAX];
    size_t          i, n;
    hx_route_t      r;
    hx_operation_t  op;

    test_op(&op, "GET", "/{ns}/{key}", HX_NS_PATH);
    assert_int_equal(hx_route_compile(&op, err, sizeof(err)), HX_OK);

    n = (size_t) snprintf(target, sizeof(target), "/ns");

    for (i = 0; i < 1000; i++) {
        n += (size_t) snprintf(target + n, sizeof(target) - n, "/%zu",
                               i % 10);
        assert_int_equal(test_match(&r, &op, 1, "GET", target), HX_OK);
        assert_text(&r.key, target + 4);
    }

    /* without a key nothing takes them */

    test_op(&op, "GET", "/{ns}", HX_NS_PATH);
    assert_int_equal(hx_route_compile(&op, err, sizeof(err)), HX_OK);
    assert_int_equal(test_match(&r, &op, 1, "GET", target), HX_NO);
}


#define HX_OPS       6
#define HX_SEGMENTS  6

/* Segments as written, '|' where a slash is encoded. */
typedef struct {
    unsigned      n;
    const char   *segment[HX_SEGMENTS];
} hx_raw_t;

typedef struct {
    int    op;              /* -1 = none */
    int    allow;
    char   ns[64];
    char   key[64];
} hx_want_t;


static void
naive_decode(char *to, const char *from)
{
    for (to += strlen(to); *from != '\0'; from++) {
        *to++ = *from == '|' ? '/' : *from;
    }

    *to = '\0';
}


static int
naive_path(hx_want_t *w, const char *const *parts, unsigned n,
    const hx_raw_t *raw)
{
    unsigned  i, k;

    w->ns[0] = w->key[0] = '\0';

    for (i = 0; i < n; i++) {
        if (i >= raw->n) {
            return 0;
        }

        if (strcmp(parts[i], "{key}") == 0) {
            for (k = i; k < raw->n; k++) {
                naive_decode(w->key, k > i ? "/" : "");
                naive_decode(w->key, raw->segment[k]);
            }

            return 1;
        }

        if (strcmp(parts[i], "{ns}") == 0) {
            naive_decode(w->ns, raw->segment[i]);
        }

        if ((parts[i][0] != '{' && strcmp(parts[i], raw->segment[i]) != 0)
            || strchr(raw->segment[i], '|') != NULL)
        {
            return 0;
        }
    }

    return raw->n == n;
}


static void
test_random_raw(hx_raw_t *raw, char *target)
{
    unsigned     i;
    const char  *p;

    static const char *const  segments[] = {
        "a", "b", "v1", "a|b", "b|", "|a", "a|v1", "x"
    };

    raw->n = 1 + (unsigned) test_below(HX_SEGMENTS);

    for (i = 0; i < raw->n; i++) {
        raw->segment[i] = segments[test_below(test_below(3) ? 3 : 8)];
        *target++ = '/';

        for (p = raw->segment[i]; *p != '\0'; p++) {
            if (*p == '|') {
                memcpy(target, test_below(2) ? "%2F" : "%2f", 3);
                target += 3;

            } else {
                *target++ = *p;
            }
        }
    }

    *target = '\0';
}


/* A template of random parts; returns how many. */
static unsigned
test_random_template(char *pattern, const char **parts, hx_ns_source_t *ns)
{
    unsigned  i, n;

    static const char *const  choice[] = {
        "a", "b", "v1", "{x}", "{ns}", "{key}"
    };

    n = 1 + (unsigned) test_below(4);
    *ns = HX_NS_NONE;

    for (i = 0; i < n; i++) {
        do {
            parts[i] = choice[test_below(6)];
        } while ((i + 1 < n && strcmp(parts[i], "{key}") == 0)
                 || (*ns == HX_NS_PATH && strcmp(parts[i], "{ns}") == 0));

        *ns = strcmp(parts[i], "{ns}") == 0 ? HX_NS_PATH : *ns;
        *pattern++ = '/';
        memcpy(pattern, parts[i], strlen(parts[i]));
        pattern += strlen(parts[i]);
    }

    *pattern = '\0';

    return n;
}


static void
against_the_model(void **state)
{
    char             pattern[HX_OPS][64], target[128], err[128];
    size_t           i, k;
    hx_raw_t         raw;
    unsigned         n, ops_n, parts_n[HX_OPS], hits, slashes;
    hx_rc_t          rc;
    hx_want_t        w, one;
    hx_route_t       r;
    const char      *parts[HX_OPS][HX_SEGMENTS], *method;
    hx_operation_t   ops[HX_OPS];
    hx_path_t        path;
    hx_ns_source_t   ns;

    static const char *const  methods[] = { "GET", "POST", "DELETE" };
    static const char *const  asked[] = { "GET", "POST", "DELETE", "HEAD" };

    hits = slashes = 0;

    for (i = 0; i < 60000; i++) {
        ops_n = 1 + (unsigned) test_below(HX_OPS);

        for (n = 0; n < ops_n; n++) {
            parts_n[n] = test_random_template(pattern[n], parts[n], &ns);
            test_op(&ops[n], methods[test_below(3)], pattern[n], ns);
            assert_int_equal(hx_route_compile(&ops[n], err, sizeof(err)),
                             HX_OK);
        }

        for (k = 0; k < 4; k++) {
            test_random_raw(&raw, target);

            if (hx_path_parse(&path, (unsigned char *) target,
                              strlen(target), text) != HX_PATH_OK)
            {
                continue;           /* "a%2F" has an empty segment */
            }

            method = asked[test_below(4)];
            w.op = w.allow = -1;

            for (n = 0; n < ops_n && w.op < 0; n++) {
                if (!naive_path(&one, parts[n], parts_n[n], &raw)) {
                    continue;
                }

                if (strcmp((const char *) ops[n].method.data, method) == 0
                    || (strcmp(method, "HEAD") == 0
                        && strcmp((const char *) ops[n].method.data, "GET")
                           == 0))
                {
                    memcpy(w.ns, one.ns, sizeof(w.ns));
                    memcpy(w.key, one.key, sizeof(w.key));
                    w.op = (int) n;

                } else if (w.allow < 0) {
                    w.allow = (int) n;
                }
            }

            rc = test_match(&r, ops, ops_n, method, target);

            if ((rc == HX_OK) != (w.op >= 0) || rc == HX_FAIL) {
                fail_msg("%s %s: %d", method, target, rc);
            }

            slashes += r.bad_slash;

            if (rc == HX_NO) {
                assert_true(r.allow.data
                            == (w.allow < 0 ? NULL
                                            : ops[w.allow].method.data));
                continue;
            }

            hits++;
            assert_true(r.operation == &ops[w.op]);
            assert_int_equal(r.ns.data != NULL, ops[w.op].ns == HX_NS_PATH);

            if (r.ns.data != NULL) {
                assert_text(&r.ns, w.ns);
            }

            assert_int_equal(r.key.data != NULL, w.key[0] != '\0');

            if (r.key.data != NULL) {
                assert_text(&r.key, w.key);
            }
        }
    }

    assert_true(hits > 5000 && slashes > 500);
}


/* Each method once, variants and all, HEAD behind GET. */
static void
all_methods(void **state)
{
    unsigned               n;
    hx_buf_t               b;
    unsigned char          list[64];
    const hx_operation_t  *sdp;
    static hx_operation_t  three[3];

    n = hx_route_hx_sdp(&sdp);
    hx_buf_init(&b, list, sizeof(list));
    hx_route_methods(&b, sdp, n);
    assert_int_equal(hx_buf_len(&b), 23);
    assert_memory_equal(list, "GET, HEAD, POST, DELETE", 23);

    three[0].method = (hx_str_t) hx_string("PATCH");
    three[1].method = (hx_str_t) hx_string("HEAD");
    three[2].method = (hx_str_t) hx_string("GET");
    hx_buf_init(&b, list, sizeof(list));
    hx_route_methods(&b, three, 3);
    assert_int_equal(hx_buf_len(&b), 16);
    assert_memory_equal(list, "PATCH, HEAD, GET", 16);

    hx_buf_init(&b, list, 22);
    hx_route_methods(&b, sdp, n);
    assert_false(hx_buf_ok(&b));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(templates),
        cmocka_unit_test(documented_operations),
        cmocka_unit_test(known_paths),
        cmocka_unit_test(order),
        cmocka_unit_test(all_methods),
        cmocka_unit_test(long_keys),
        cmocka_unit_test(against_the_model)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
