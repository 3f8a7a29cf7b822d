/*
 * hx_terms_gather_test.c -- what a search gathers before it gives keys: how
 * many entries it looks at for that, whatever is asked and in how many calls,
 * and that a set which was gathered earlier does for a later view.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <lmdb.h>

#include "hx_filter.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB     (1u << 20)
#define MANY   40000u
#define TEXT   256u

typedef int (*cursor_get_pt)(MDB_cursor *cur, MDB_val *k, MDB_val *v,
    MDB_cursor_op op);

typedef struct {
    unsigned       calls;
    unsigned       n;
    unsigned       stop;                /* at so many; 0: never */
    unsigned       last;
    unsigned       entries;             /* looked at */
    unsigned char  hit[MANY + 1];
} seen_t;

static atomic_uint        entries;      /* of all tables, by cursors */
static hx_filter_t        filter;
static hx_filter_error_t  wrong;
static hx_asks_t          asks;
static hx_store_search_t  search;
static seen_t             seen;


/* In front of LMDB's: counts what is looked at. */
int
mdb_cursor_get(MDB_cursor *cur, MDB_val *k, MDB_val *v, MDB_cursor_op op)
{
    static cursor_get_pt  real;

    if (real == NULL) {
        *(void **) &real = dlsym(RTLD_NEXT, "mdb_cursor_get");
    }

    atomic_fetch_add(&entries, 1);

    return real(cur, k, v, op);
}


static void
write_keys(unsigned from, unsigned n)
{
    unsigned  i;

    static int            calls[250];
    static char           key[250][16], text[250][TEXT];
    static hx_store_op_t  op[250];

    for (i = 0; i < n; i++) {
        (void) snprintf(key[i], sizeof(key[i]), "k%05u", from + i);
        (void) snprintf(text[i], sizeof(text[i]),
                        "{\"n\":%u,\"back\":%u,\"a\":{\"b\":{\"c\":1}},"
                        "\"d\":0,\"e\":%u,\"half\":%u%s}", from + i,
                        MANY - from - i, from + i, (from + i) % 2,
                        from + i == 30000 ? ",\"rare\":1" : "");
        fill(&op[i], HX_STORE_PUT, key[i], "v", 1, &calls[i]);
        op[i].record.metadata = test_str(text[i]);
        assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
    }

    wait_all(n);
    assert_int_equal(op[0].rc, HX_STORE_OK);
}


static int
begin(void **state)
{
    unsigned  i;

    if (test_dir_make(state) != 0) {
        return -1;
    }

    open_store((size_t) 256 * MB, 250);

    for (i = 0; i < MANY; i += 250) {
        write_keys(i, 250);
    }

    return 0;
}


static int
end(void **state)
{
    hx_store_close(store);
    store = NULL;

    return test_dir_remove(state);
}


static int
see(void *data, const hx_str_t *key, const hx_record_t *r)
{
    char      name[8];
    unsigned  i;

    assert_ptr_equal(data, &seen);
    assert_int_equal(key->len, 6);
    memcpy(name, key->data + 1, 5);
    name[5] = '\0';
    i = (unsigned) strtoul(name, NULL, 10);
    assert_true(i < MANY && (seen.last == 0 || i > seen.last - 1));
    seen.last = i + 1;

    if (hx_filter_match(&filter, r->metadata.data, r->metadata.len)) {
        seen.hit[i] = 1;
        seen.n++;
    }

    return seen.stop == 0 || seen.n % seen.stop != 0;
}


static void
ask(const char *text, unsigned wanted, unsigned steps)
{
    memset(&seen, 0, sizeof(seen));
    memset(&search, 0, sizeof(search));
    assert_int_equal(hx_filter_parse(&filter, (const unsigned char *) text,
                                     strlen(text), &wrong), HX_FILTER_OK);
    hx_term_asks(&asks, &filter);
    search.ns = test_str(NS);
    search.ask = asks.ask;
    search.n = asks.n;
    search.wanted = wanted;
    search.steps = steps;
    search.each = see;
    search.data = &seen;
}


/* One call, with a view of its own. */
static void
call(void)
{
    size_t           len;
    unsigned         before;
    unsigned char    after[HX_KEY_MAX];
    hx_store_view_t  v;

    len = search.after_len;
    memcpy(after, search.after, len);
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    before = atomic_load(&entries);
    assert_int_equal(hx_store_search(&v, &search), HX_STORE_OK);
    seen.entries += atomic_load(&entries) - before;
    seen.calls++;
    hx_store_view_end(&v);

    /* it gets on */

    assert_true(search.done || len < search.after_len
                || memcmp(after, search.after, len) < 0);
}


/* All calls; returns the entries that were looked at. */
static unsigned
run(void)
{
    while (!search.done) {
        call();
        assert_true(seen.calls <= MANY + 1);
    }

    hx_store_search_end(&search);
    hx_store_search_end(&search);
    assert_null(search.held);

    return seen.entries;
}


/* What is as large as all keys: not much more than reading these. */
static void
test_sets_of_all_keys(void **state)
{
    unsigned  i;

    static const char  *text[] = {
        "{\"zz\":{\"$ne\":null},\"a.b.c\":{\"$exists\":true}}",
        "{\"zz\":{\"$ne\":null},\"e\":{\"$gte\":0}}",
        "{\"zz\":{\"$ne\":null},\"back\":{\"$gte\":0}}",

        /* one field, and several */

        "{\"zz\":{\"$ne\":null},\"a.b.c\":{\"$exists\":true},"
        "\"a\":{\"b\":{\"c\":{\"$exists\":true}},\"b.c\":{\"$exists\":true}},"
        "\"a.b\":{\"c\":{\"$exists\":true}}}",
        "{\"zz\":{\"$ne\":null},\"n\":{\"$exists\":true},"
        "\"back\":{\"$exists\":true},\"d\":{\"$exists\":true},"
        "\"e\":{\"$exists\":true},\"half\":{\"$exists\":true},"
        "\"a.b.c\":{\"$exists\":true}}",

        /* beside a stream */

        "{\"zz\":{\"$ne\":null},\"d\":0,\"n\":{\"$exists\":true},"
        "\"back\":{\"$exists\":true},\"e\":{\"$exists\":true}}"
    };

    for (i = 0; i < hx_nelts(text); i++) {
        ask(text[i], 10, 8192);
        assert_in_range(run(), MANY, 2 * MANY + 12000);
        assert_int_equal(seen.n, 0);
        assert_in_range(search.gathered, 0, MANY + 8500);

        ask(text[i], MANY, 8192);       /* of a query with a filter */
        assert_in_range(run(), MANY, 2 * MANY + 12000);
        assert_int_equal(seen.n, 0);
    }

    /* calls that the caller ends early, for what else they cost */

    ask("{\"d\":{\"$exists\":true},\"e\":{\"$exists\":true}}", 10, 8192);
    seen.stop = 16;
    assert_in_range(run(), MANY, 2 * MANY + 12000);
    assert_int_equal(seen.n, MANY);
    assert_true(seen.calls >= MANY / 16);
}


/* What fits is gathered once for all calls, and is counted. */
static void
test_a_set_is_gathered_once(void **state)
{
    unsigned  i;

    ask("{\"back\":{\"$lte\":10000}}", MANY, 60);
    call();
    assert_non_null(search.held);
    assert_in_range(search.gathered, 10001, 10010);
    assert_in_range(run(), 10001, 10100);
    assert_in_range(seen.calls, 160, 600);
    assert_in_range(search.gathered, 10001, 10010);
    assert_int_equal(seen.n, 10000);

    for (i = 0; i < MANY; i++) {
        assert_int_equal(seen.hit[i], i >= 30000);
    }

    /* with a stream, each taking its turn */

    ask("{\"back\":{\"$lte\":10000},\"half\":1}", MANY, 60);
    assert_true(run() < 10100 + 5000 + 1000 + 8 * seen.calls);
    assert_int_equal(seen.n, 5000);

    /* one that is left behind */

    ask("{\"back\":{\"$lte\":10000}}", MANY, 60);
    call();
    call();
    hx_store_search_end(&search);
    assert_null(search.held);
}


/* The smallest of several, whatever its place and whatever the others are. */
static void
test_the_smallest_set(void **state)
{
    ask("{\"n\":{\"$exists\":true},\"back\":{\"$exists\":true},"
        "\"d\":{\"$exists\":true},\"e\":{\"$exists\":true},"
        "\"rare\":{\"$exists\":true}}", 10, 8192);
    assert_in_range(run(), 1, 1000);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.hit[30000], 1);

    ask("{\"n\":{\"$gte\":1000},\"back\":{\"$lt\":200},"
        "\"e\":{\"$exists\":true}}", MANY, 8192);
    assert_in_range(run(), 200, 5000);
    assert_int_equal(seen.n, 199);
}


/* More than a set holds, in few keys of many: still all are found. */
static void
test_sets_that_are_cut(void **state)
{
    unsigned  i;

    ask("{\"back\":{\"$lte\":20000}}", MANY, 500);
    assert_in_range(run(), 20000, 2 * MANY + 12000);
    assert_int_equal(seen.n, 20000);
    assert_in_range(search.gathered, 20000, MANY + 8500);

    for (i = 0; i < MANY; i++) {
        assert_int_equal(seen.hit[i], i >= 20000);
    }
}


static void
write_again(unsigned i, const char *metadata)
{
    int            calls;
    char           key[16];
    hx_store_op_t  op;

    calls = 0;
    (void) snprintf(key, sizeof(key), "k%05u", i);
    fill(&op, metadata == NULL ? HX_STORE_DELETE : HX_STORE_PUT, key, "w", 1,
         &calls);

    if (metadata != NULL) {
        op.record.metadata = test_str(metadata);
    }

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_OK);
}


/* A set is older than the view: records decide, as they are now. */
static void
test_writes_between_calls(void **state)
{
    unsigned  i;

    ask("{\"back\":{\"$lte\":1000},\"zz\":null}", MANY, 20);
    call();
    assert_non_null(search.held);
    assert_true(seen.n < 100);

    for (i = 39500; i < 39600; i++) {
        write_again(i, i % 4 == 0 ? NULL
                       : i % 4 == 1 ? "{\"back\":5000}"
                       : i % 4 == 2 ? "{\"back\":7}"
                       : "{\"back\":7,\"zz\":1}");
    }

    (void) run();
    assert_true(seen.calls > 10);

    for (i = 0; i < MANY; i++) {
        assert_int_equal(seen.hit[i], i >= 39000 && (i < 39500 || i >= 39600
                                                     || i % 4 == 2));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sets_of_all_keys),
        cmocka_unit_test(test_a_set_is_gathered_once),
        cmocka_unit_test(test_the_smallest_set),
        cmocka_unit_test(test_sets_that_are_cut),
        cmocka_unit_test(test_writes_between_calls)
    };

    return cmocka_run_group_tests_name("hx_terms_gather", tests, begin, end);
}
