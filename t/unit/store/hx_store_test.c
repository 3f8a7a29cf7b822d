/*
 * hx_store_test.c -- what every store behind hx_store.h must do: versions,
 * conditions, reading by pieces, listing, order of answers; and what the LMDB
 * one promises about its files.
 */

#include "hx_crypto.h"
#include "hx_test_store.h"

static int
setup(void **state)
{
    if (test_dir_make(state) != 0) {
        return -1;
    }

    open_store((size_t) 256 << 20, 64);

    return 0;
}


static int
teardown(void **state)
{
    hx_store_close(store);
    store = NULL;

    return test_dir_remove(state);
}


static void
test_sizes(void **state)
{
    size_t                i;
    unsigned char        *p;
    static const size_t   size[] = {
        1, HX_RECORD_INLINE_MAX, HX_RECORD_INLINE_MAX + 1, HX_CHUNK_DATA - 1,
        HX_CHUNK_DATA, HX_CHUNK_DATA + 1, 3 * HX_CHUNK_DATA,
        (8u << 20), (8u << 20) + 1, 20u * 1000 * 1000
    };

    p = malloc(size[hx_nelts(size) - 1] + hx_nelts(size));
    assert_non_null(p);
    test_fill(p, size[hx_nelts(size) - 1] + hx_nelts(size));

    for (i = 0; i < hx_nelts(size); i++) {
        assert_int_equal(put("k", p + i, size[i] - i % 2), i + 1);
    }

    for (i = 0; i < hx_nelts(size); i++) {
        check_value("k", i + 1, p + i, size[i] - i % 2);
    }

    /* and after the store was opened anew */

    hx_store_close(store);
    open_store((size_t) 256 << 20, 64);

    for (i = 0; i < hx_nelts(size); i++) {
        check_value("k", i + 1, p + i, size[i] - i % 2);
    }

    free(p);
}


static void
test_versions_and_conditions(void **state)
{
    uint64_t  v;

    assert_int_equal(write_one(HX_STORE_DELETE, "k", NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_NO);
    assert_int_equal(write_one(HX_STORE_PUT, "k", "a", 1, HX_STORE_EXISTS, 0,
                               &v), HX_STORE_CONFLICT);
    assert_int_equal(v, 0);
    assert_int_equal(write_one(HX_STORE_PUT, "k", "a", 1, HX_STORE_VERSION, 0,
                               &v), HX_STORE_OK);
    assert_int_equal(v, 1);
    assert_int_equal(write_one(HX_STORE_PUT, "k", "b", 1, HX_STORE_VERSION, 0,
                               &v), HX_STORE_CONFLICT);
    assert_int_equal(v, 1);
    assert_int_equal(write_one(HX_STORE_PUT, "k", "b", 1, HX_STORE_EXISTS, 0,
                               &v), HX_STORE_OK);
    assert_int_equal(v, 2);
    assert_int_equal(write_one(HX_STORE_DELETE, "k", NULL, 0,
                               HX_STORE_VERSION, 1, &v), HX_STORE_CONFLICT);
    assert_int_equal(v, 2);
    assert_int_equal(write_one(HX_STORE_DELETE, "k", NULL, 0,
                               HX_STORE_VERSION, 2, &v), HX_STORE_OK);
    assert_int_equal(v, 2);
    assert_int_equal(write_one(HX_STORE_DELETE, "k", NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_NO);
    assert_int_equal(write_one(HX_STORE_PUT, "k", "c", 1, HX_STORE_VERSION, 0,
                               &v), HX_STORE_OK);
    assert_int_equal(v, 3);

    check_value("k", 0, (const unsigned char *) "c", 1);
    check_value("k", 1, (const unsigned char *) "a", 1);
    check_value("k", 2, (const unsigned char *) "b", 1);
}


static void
test_absent(void **state)
{
    hx_record_t      r;
    hx_store_view_t  v;

    assert_int_equal(get("k", 0, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);

    (void) put("k", "x", 1);

    assert_int_equal(get("other", 0, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);
    assert_int_equal(get("k", 2, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);

    /* a key must not be taken for another one's prefix */

    assert_int_equal(get("", 0, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);
    assert_int_equal(get("kk", 1, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);
}


static void
test_a_view_is_a_moment(void **state)
{
    hx_record_t      r;
    hx_store_view_t  v;

    (void) put("k", "one", 3);
    assert_int_equal(get("k", 0, &r, &v), HX_STORE_OK);
    (void) put("k", "two!", 4);
    assert_int_equal(hx_store_verify(&v, &r), HX_STORE_OK);
    assert_memory_equal(r.value.data, "one", 3);
    hx_store_view_end(&v);

    assert_int_equal(get("k", 0, &r, &v), HX_STORE_OK);
    assert_int_equal(r.version, 2);
    hx_store_view_end(&v);
}


typedef struct {
    char      text[256];
    size_t    len;
    unsigned  limit;
} seen_t;


static int
see(void *data, const hx_str_t *key)
{
    seen_t  *s = data;

    if (s->limit-- == 0) {
        return 0;
    }

    memcpy(s->text + s->len, key->data, key->len);
    s->len += key->len;
    s->text[s->len++] = ' ';

    return 1;
}


static void
check_list(const char *ns, const char *prefix, const char *after,
    unsigned limit, const char *want)
{
    seen_t           s;
    hx_str_t         n, p, a;
    hx_store_view_t  v;

    n = test_str(ns);
    p = test_str(prefix);
    a = test_str(after);
    memset(&s, 0, sizeof(s));
    s.limit = limit;

    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_list(&v, &n, &p, &a, see, &s), HX_STORE_OK);
    hx_store_view_end(&v);
    assert_string_equal(s.text, want);
}


static void
test_list(void **state)
{
    size_t                    i;
    uint64_t                  v;
    static const char *const  key[] = { "b", "ab", "a", "a/b", "~", "B", "aa" };

    check_list(NS, "", "", 10, "");

    for (i = 0; i < hx_nelts(key); i++) {
        (void) put(key[i], "x", 1);
    }

    check_list(NS, "", "", 10, "B a a/b aa ab b ~ ");
    check_list(NS, "", "", 2, "B a ");
    check_list(NS, "a", "", 10, "a a/b aa ab ");
    check_list(NS, "a", "a", 10, "a/b aa ab ");
    check_list(NS, "a", "B", 10, "a a/b aa ab ");
    check_list(NS, "a", "a/", 10, "a/b aa ab ");
    check_list(NS, "aa", "a", 10, "aa ");
    check_list(NS, "a", "ab", 10, "");
    check_list(NS, "a", "b", 10, "");
    check_list(NS, "", "~", 10, "");
    check_list("n", "", "", 10, "");
    check_list("ns2", "", "", 10, "");

    assert_int_equal(write_one(HX_STORE_DELETE, "aa", NULL, 0, HX_STORE_ANY,
                               0, &v), HX_STORE_OK);
    check_list(NS, "a", "", 10, "a a/b ab ");
    check_list(NS, "a", "aa", 10, "ab ");
}


/* Many at once: every one answered once, few commits, versions in a row. */
static void
test_group_commit(void **state)
{
    int                    calls[60];
    unsigned               i;
    uint64_t               seen;
    hx_store_stats_t       before, after;
    static hx_store_op_t   op[60];

    memset(calls, 0, sizeof(calls));
    hx_store_stats(store, &before);

    for (i = 0; i < hx_nelts(op); i++) {
        fill(&op[i], HX_STORE_PUT, "k", "value", 5, &calls[i]);
        assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
    }

    wait_all(hx_nelts(op));
    seen = 0;

    for (i = 0; i < hx_nelts(op); i++) {
        assert_int_equal(calls[i], 1);
        assert_int_equal(op[i].rc, HX_STORE_OK);
        assert_int_equal(op[i].version, i + 1);
        seen++;
    }

    hx_store_stats(store, &after);
    assert_int_equal(after.puts - before.puts, seen);
    assert_true(after.commits - before.commits < seen);
    assert_true(after.batch_max > 1);
}


static void
test_queue_is_bounded(void **state)
{
    int                    calls[40];
    unsigned               i, busy, taken;
    unsigned char         *big;
    static hx_store_op_t   op[40];

    hx_store_close(store);
    open_store((size_t) 256 << 20, 4);
    memset(calls, 0, sizeof(calls));
    big = calloc(1, 4u << 20);
    assert_non_null(big);
    busy = 0;
    taken = 0;

    /* megabytes are written more slowly than pointers are queued */

    for (i = 0; i < hx_nelts(op); i++) {
        fill(&op[i], HX_STORE_PUT, "k", big, 4u << 20, &calls[i]);

        switch (hx_store_submit(store, &op[i])) {
        case HX_STORE_OK:
            taken++;
            break;
        case HX_STORE_BUSY:
            busy++;
            op[i].done = NULL;
            break;
        default:
            fail();
        }
    }

    wait_all(taken);
    assert_true(busy != 0);
    assert_true(taken >= 4);

    for (i = 0; i < hx_nelts(op); i++) {
        assert_int_equal(calls[i], op[i].done != NULL);
    }

    assert_int_equal(put("k", "x", 1), taken + 1);
    free(big);
}


/* What does not fit fails alone; its neighbours in the batch do not. */
static void
test_full_map(void **state)
{
    int                    calls[32];
    unsigned               i, ok, full;
    unsigned char         *p;
    static hx_store_op_t   op[32];

    hx_store_close(store);
    open_store((size_t) 4 << 20, 64);
    memset(calls, 0, sizeof(calls));
    p = calloc(1, 1u << 20);
    assert_non_null(p);
    ok = 0;
    full = 0;

    for (i = 0; i < hx_nelts(op); i++) {
        fill(&op[i], HX_STORE_PUT, i % 2 ? "large" : "small", p,
             i % 2 ? 1u << 20 : 100, &calls[i]);
        assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
    }

    wait_all(hx_nelts(op));

    for (i = 0; i < hx_nelts(op); i++) {
        assert_int_equal(calls[i], 1);

        if (i % 2 == 0) {
            assert_int_equal(op[i].rc, HX_STORE_OK);
            assert_int_equal(op[i].version, i / 2 + 1);

        } else if (op[i].rc == HX_STORE_OK) {
            ok++;

        } else {
            assert_int_equal(op[i].rc, HX_STORE_FULL);
            assert_non_null(op[i].why);
            full++;
        }
    }

    assert_true(ok >= 1 && full >= 10);
    check_value("large", ok, p, 1u << 20);
    free(p);
}


static int
second_store(void *data)
{
    char             err[256];
    hx_store_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = 1u << 20;
    conf.max_views = 1;
    conf.queue_max = 1;

    return hx_store_open(&conf, err, sizeof(err)) != NULL
           || strstr(err, "in use by another hx-engine") == NULL;
}


static void
test_one_process_only(void **state)
{
    assert_int_equal(test_in_child(second_store, NULL), 0);
    assert_int_equal(put("k", "x", 1), 1);
}


static void
test_views_are_bounded(void **state)
{
    unsigned         i;
    hx_store_view_t  v[9];

    for (i = 0; i < 8; i++) {
        assert_int_equal(hx_store_view(store, &v[i]), HX_STORE_OK);
    }

    assert_int_equal(hx_store_view(store, &v[8]), HX_STORE_FAIL);

    for (i = 0; i < 8; i++) {
        hx_store_view_end(&v[i]);
    }

    assert_int_equal(hx_store_view(store, &v[0]), HX_STORE_OK);
    hx_store_view_end(&v[0]);
}


#define T(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_sizes),
        T(test_versions_and_conditions),
        T(test_absent),
        T(test_a_view_is_a_moment),
        T(test_list),
        T(test_group_commit),
        T(test_queue_is_bounded),
        T(test_full_map),
        T(test_one_process_only),
        T(test_views_are_bounded)
    };

    return cmocka_run_group_tests_name("hx_store", tests, NULL, NULL);
}
