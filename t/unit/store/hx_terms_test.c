/*
 * hx_terms_test.c -- the metadata index: after any writes, crashes and full
 * maps its table holds exactly the terms of the live records, and a search
 * finds what comparing all records finds.
 */

#include "hx_filter_model.h"
#include "hx_terms.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB     (1u << 20)
#define KEYS   150u
#define MANY   40000u
#define ROOM   1200u                    /* bytes of a document's text */

typedef struct {
    int            live;
    size_t         len;
    unsigned char  text[ROOM];
} doc_t;

static doc_t              doc[KEYS];
static hx_filter_t        filter;
static hx_filter_error_t  wrong;
static hx_asks_t          asks;
static hx_terms_t         terms;


static int
begin(void **state)
{
    memset(doc, 0, sizeof(doc));
    crash_at = 0;

    return test_dir_make(state);
}


static int
end(void **state)
{
    hx_store_close(store);
    store = NULL;

    return test_dir_remove(state);
}


static void
reopen(size_t map)
{
    hx_store_close(store);
    open_store(map, 64);
}


/* Keys of all lengths; longer ones sort between shorter ones. */
static const char *
key_name(unsigned i)
{
    int          n, pad;
    static char  name[4][HX_KEY_MAX + 1];
    static int   turn;
    char        *p;

    p = name[turn = (turn + 1) % 4];
    n = snprintf(p, HX_KEY_MAX + 1, "k%u", i * 7 % 97);
    pad = i % 3 == 0 ? 0 : i % 3 == 1 ? HX_KEY_MAX - 4 - n : (int) i % 50;
    memset(p + n, 'x', (size_t) pad);
    (void) snprintf(p + n + pad, 5, "~%03u", i);

    return p;
}


static void
random_document(doc_t *d)
{
    hx_buf_t  b;

    do {
        model_used = 0;
        hx_buf_init(&b, d->text, sizeof(d->text));
        model_write(&b, model_document());
    } while (!hx_buf_ok(&b));

    d->len = hx_buf_len(&b);
    d->live = 1;
}


static hx_store_rc_t
write_doc(unsigned i, hx_store_kind_t kind, const doc_t *d)
{
    int            calls;
    char           key[HX_KEY_MAX + 1];
    hx_store_op_t  op;

    calls = 0;
    (void) snprintf(key, sizeof(key), "%s", key_name(i));
    fill(&op, kind, key, "v", 1, &calls);

    if (kind == HX_STORE_PUT) {
        op.record.metadata.data = d->text;
        op.record.metadata.len = d->len;
    }

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);

    return op.rc;
}


static void
random_writes(unsigned n)
{
    doc_t     d;
    unsigned  i;

    for ( /* void */ ; n != 0; n--) {
        i = (unsigned) test_below(KEYS);

        if (test_below(5) == 0) {
            assert_int_equal(write_doc(i, HX_STORE_DELETE, NULL),
                             doc[i].live ? HX_STORE_OK : HX_STORE_NO);
            doc[i].live = 0;
            continue;
        }

        random_document(&d);
        assert_int_equal(write_doc(i, HX_STORE_PUT, &d), HX_STORE_OK);
        doc[i] = d;
    }
}


/* Entries that the table lacks; *n: that it should have. */
static unsigned
missing(const hx_store_view_t *v, size_t *n)
{
    unsigned  i, some, all;
    hx_str_t  key, metadata;

    for (i = 0, all = 0, *n = 0; i < KEYS; i++) {
        if (doc[i].live) {
            key = test_str(key_name(i));
            metadata.data = doc[i].text;
            metadata.len = doc[i].len;
            assert_int_equal(hx_terms_missing(store, v->txn, 1, &key,
                                              &metadata, &terms, &some), 0);
            all += some;
            *n += terms.n;
        }
    }

    return all;
}


/* The table holds the terms of all documents and nothing else. */
static void
check_table(void)
{
    size_t            n;
    MDB_stat          st;
    hx_store_view_t   v;

    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(missing(&v, &n), 0);
    assert_int_equal(mdb_stat(v.txn, store->dbi[HX_DB_TERMS], &st), 0);
    assert_int_equal(st.ms_entries, n);
    hx_store_view_end(&v);
}


typedef struct {
    unsigned       n;
    unsigned       most;
    unsigned       candidates;
    hx_str_t       last;
    unsigned char  mem[HX_KEY_MAX + 1];
    unsigned char  hit[MANY];           /* by the number at the key's end */
} seen_t;

static seen_t  seen;


static int
see(void *data, const hx_str_t *key, const hx_record_t *r)
{
    int      cmp;
    size_t   n;
    seen_t  *s;

    s = data;
    s->candidates++;
    n = s->last.len < key->len ? s->last.len : key->len;
    cmp = n == 0 ? 0 : memcmp(s->last.data, key->data, n);
    assert_true(cmp < 0 || (cmp == 0 && s->last.len < key->len));
    memcpy(s->mem, key->data, key->len);
    s->mem[key->len] = '\0';
    s->last.data = s->mem;
    s->last.len = key->len;

    if (!hx_filter_match(&filter, r->metadata.data, r->metadata.len)) {
        return 1;
    }

    if (s->n == s->most) {
        return 0;
    }

    for (n = key->len; n != 0 && key->data[n - 1] != '~'; n--) { /* void */ }

    s->hit[strtoul((const char *) s->mem + n, NULL, 10)]++;
    s->n++;

    return 1;
}


/* All that the filter finds, in calls of so many steps; returns the calls. */
static unsigned
run_search(unsigned wanted, unsigned steps)
{
    unsigned           calls;
    hx_store_view_t    v;
    hx_store_search_t  s;

    memset(&s, 0, sizeof(s));
    memset(&seen, 0, sizeof(seen));
    hx_term_asks(&asks, &filter);
    s.ns = test_str(NS);
    s.ask = asks.ask;
    s.n = asks.n;
    s.wanted = wanted;
    s.steps = steps;
    s.each = see;
    s.data = &seen;
    seen.most = wanted;
    seen.last.len = 0;

    for (calls = 0; !s.done && seen.n < wanted; calls++) {
        assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
        assert_int_equal(hx_store_search(&v, &s), HX_STORE_OK);
        hx_store_view_end(&v);
        assert_true(calls < 4 * MANY);
    }

    hx_store_search_end(&s);

    return calls;
}


static void
check_searches(unsigned n)
{
    size_t    len;
    hx_buf_t  b;
    unsigned  i;

    static const unsigned  steps[] = { 1, 2, 7, 60, 8192 };
    static unsigned char   text[MODEL_TEXT];
    static model_filter_t  mf;

    for ( /* void */ ; n != 0; n--) {
        model_used = 0;
        hx_buf_init(&b, text, sizeof(text));
        model_filter(&mf, &b);
        len = hx_buf_len(&b);
        assert_int_equal(hx_filter_parse(&filter, text, len, &wrong),
                         HX_FILTER_OK);
        (void) run_search(MANY, steps[test_below(hx_nelts(steps))]);

        for (i = 0; i < KEYS; i++) {
            if (seen.hit[i] != (doc[i].live
                                && hx_filter_match(&filter, doc[i].text,
                                                   doc[i].len)))
            {
                fail_msg("%.*s: %s %u times", (int) len, (char *) text,
                         key_name(i), seen.hit[i]);
            }
        }
    }
}


static void
test_random_writes(void **state)
{
    unsigned  i;

    open_store(64 * MB, 64);

    for (i = 0; i < 12; i++) {
        random_writes(250);
        check_table();
        check_searches(150);

        if (i % 4 == 3) {
            reopen(64 * MB);
            check_table();
        }
    }
}


/* Several writes of one key in one transaction, and refused ones. */
static void
test_writes_together(void **state)
{
    int            calls[40];
    char           key[40][HX_KEY_MAX + 1];
    doc_t          d[40];
    unsigned       i, k, round;
    hx_store_op_t  op[40];

    open_store(64 * MB, 64);

    for (round = 0; round < 25; round++) {
        memset(calls, 0, sizeof(calls));

        for (i = 0; i < 40; i++) {
            k = (unsigned) test_below(6);
            (void) snprintf(key[i], sizeof(key[i]), "%s", key_name(k));
            random_document(&d[i]);
            fill(&op[i], test_below(4) ? HX_STORE_PUT : HX_STORE_DELETE,
                 key[i], "v", 1, &calls[i]);
            op[i].record.metadata.data = d[i].text;
            op[i].record.metadata.len = d[i].len;
            op[i].check = test_below(4) ? HX_STORE_ANY : HX_STORE_VERSION;
            op[i].expected = test_below(3);
            op[i].current = k;
            assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
        }

        wait_all(40);

        for (i = 0; i < 40; i++) {
            for (k = 0; strcmp(key[i], key_name(k)) != 0; k++) { /* void */ }

            if (op[i].rc == HX_STORE_OK) {
                doc[k] = d[i];
                doc[k].live = op[i].kind == HX_STORE_PUT;
            }
        }

        check_table();
        check_searches(20);
    }
}


/* A batch whose last item is refused leaves nothing in the index. */
static void
test_a_refused_batch(void **state)
{
    int            calls;
    char           key[3][HX_KEY_MAX + 1];
    unsigned       i;
    hx_store_op_t  op, item[3];

    open_store(64 * MB, 64);
    random_document(&doc[0]);
    assert_int_equal(write_doc(0, HX_STORE_PUT, &doc[0]), HX_STORE_OK);
    calls = 0;
    fill(&op, HX_STORE_BATCH, "", NULL, 0, &calls);
    op.items = item;
    op.n_items = 3;

    for (i = 0; i < 3; i++) {
        (void) snprintf(key[i], sizeof(key[i]), "%s", key_name(2 - i));
        fill(&item[i], HX_STORE_PUT, key[i], "v", 1, &calls);
        item[i].record.metadata = test_str("{\"batch\":1}");
        item[i].check = i == 2 ? HX_STORE_VERSION : HX_STORE_ANY;
    }

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_CONFLICT);
    check_table();

    item[2].check = HX_STORE_ANY;
    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_OK);

    for (i = 0; i < 3; i++) {
        doc[i].live = 1;
        doc[i].len = 11;
        memcpy(doc[i].text, "{\"batch\":1}", 11);
    }

    check_table();
}


/* Keys ~0 ... in the order of their numbers; "n" is the number, "back" goes
 * the other way, "mod" is spread. */
static void
fill_many(void)
{
    unsigned  i, k;

    static int            calls[250];
    static char           key[250][16], text[250][80];
    static hx_store_op_t  op[250];

    open_store((size_t) 256 * MB, 250);

    for (i = 0; i < MANY; i += 250) {
        for (k = 0; k < 250; k++) {
            (void) snprintf(key[k], sizeof(key[k]), "k~%05u", i + k);
            (void) snprintf(text[k], sizeof(text[k]),
                            "{\"n\":%u,\"back\":%u,\"mod\":%u,\"half\":%u}",
                            i + k, MANY - i - k, (i + k) % 100,
                            (i + k) % 2);
            fill(&op[k], HX_STORE_PUT, key[k], "v", 1, &calls[k]);
            op[k].record.metadata = test_str(text[k]);
            assert_int_equal(hx_store_submit(store, &op[k]), HX_STORE_OK);
        }
        wait_all(250);
        assert_int_equal(op[0].rc, HX_STORE_OK);
    }
}


static unsigned
search_many(const char *text, unsigned wanted)
{
    assert_int_equal(hx_filter_parse(&filter, (const unsigned char *) text,
                                     strlen(text), &wrong), HX_FILTER_OK);

    return run_search(wanted, 8192);
}


static void
check_numbers(unsigned from, unsigned step, unsigned n)
{
    unsigned  i;

    assert_int_equal(seen.n, n);

    for (i = 0; i < n; i++) {
        assert_int_equal(seen.hit[from + i * step], 1);
    }
}


/* Ranges too large to be gathered, or to be kept; little work is done. */
static void
test_many_keys(void **state)
{
    fill_many();

    (void) search_many("{\"n\":{\"$gte\":39990}}", 100);
    check_numbers(39990, 1, 10);
    assert_int_equal(seen.candidates, 10);

    (void) search_many("{\"back\":{\"$lt\":11}}", 100);
    check_numbers(39990, 1, 10);
    assert_int_equal(seen.candidates, 11);      /* the bound itself */

    (void) search_many("{\"n\":{\"$gte\":100,\"$lt\":110},\"mod\":5}", 100);
    check_numbers(105, 1, 1);
    assert_in_range(seen.candidates, 1, 10);

    (void) search_many("{\"mod\":5,\"half\":1}", 1000);
    check_numbers(5, 100, 400);
    assert_int_equal(seen.candidates, 400);

    /* at the end of the keys: the keys before it are not all read */

    (void) search_many("{\"n\":{\"$gte\":30000}}", 10);
    check_numbers(30000, 1, 10);
    assert_true(seen.candidates < 9000);

    /* more than a set holds */

    (void) search_many("{\"back\":{\"$lte\":30000}}", MANY);
    check_numbers(10000, 1, 30000);
    (void) search_many("{\"n\":{\"$exists\":true}}", MANY);
    check_numbers(0, 1, MANY);

    /* nothing else finds it either */

    (void) search_many("{\"n\":{\"$gte\":0},\"mod\":{\"$ne\":7}}", 500);
    assert_int_equal(seen.n, 500);
    (void) search_many("{\"mod\":{\"$gt\":98},\"half\":{\"$lt\":1}}", 500);
    assert_int_equal(seen.n, 0);
    (void) search_many("{\"mod\":{\"$in\":[]}}", 500);
    assert_int_equal(seen.candidates, 0);
    (void) search_many("{\"mod\":{\"$in\":[3,1,2]}}", MANY);
    assert_int_equal(seen.n, 1200);
    assert_int_equal(seen.candidates, 1200);
}


/* n values of a field each, all different from those of other documents. */
static void
wide_document(doc_t *d, unsigned i, unsigned n)
{
    char      part[32];
    hx_buf_t  b;
    unsigned  k;

    hx_buf_init(&b, d->text, sizeof(d->text));

    for (k = 0; k < n; k++) {
        (void) snprintf(part, sizeof(part), "%s\"%x\":%u", k == 0 ? "{" : ",",
                        k, (i * 2654435761u + k * 40503u) % 10000);
        hx_buf_add(&b, part, strlen(part));
    }

    hx_buf_byte(&b, '}');
    assert_true(hx_buf_ok(&b));
    d->len = hx_buf_len(&b);
    d->live = 1;
}


/* Wherever the map ends: refused writes leave nothing, deletes always work. */
static void
test_a_full_map(void **state)
{
    doc_t          d;
    unsigned       i, n, step;
    hx_store_rc_t  rc;

    for (step = 0; step < 12; step++) {
        memset(doc, 0, sizeof(doc));
        open_store((1024 + step * 37) * 4096, 64);
        rc = HX_STORE_OK;

        for (i = 0, n = 0; n < 3000 && rc == HX_STORE_OK; n++) {
            i = n % KEYS;
            wide_document(&d, n, 100);
            rc = write_doc(i, HX_STORE_PUT, &d);

            if (rc == HX_STORE_OK) {
                doc[i] = d;
            }
        }

        assert_int_equal(rc, HX_STORE_FULL);
        assert_true(n > 100);
        check_table();
        reopen((1024 + step * 37) * 4096);
        check_table();

        for (i = 0; i < KEYS; i++) {
            if (doc[i].live) {
                assert_int_equal(write_doc(i, HX_STORE_DELETE, NULL),
                                 HX_STORE_OK);
                doc[i].live = 0;
            }
        }

        check_table();
        hx_store_close(store);
        store = NULL;
        assert_int_equal(unlink(test_path("data.mdb")), 0);
    }
}


static int
write_and_crash(void *data)
{
    doc_t     d;
    unsigned  i;

    open_store(64 * MB, 4);
    crash_at = *(int *) data;

    for (i = 0; i < 200; i++) {
        random_document(&d);
        (void) write_doc((unsigned) test_below(20), test_below(4)
                         ? HX_STORE_PUT : HX_STORE_DELETE, &d);
    }

    return 3;
}


/* What the store itself says its documents are. */
static void
read_documents(void)
{
    unsigned         i;
    hx_record_t      r;
    hx_store_view_t  v;

    for (i = 0; i < KEYS; i++) {
        doc[i].live = get(key_name(i), 0, &r, &v) == HX_STORE_OK;

        if (doc[i].live) {
            assert_true(r.metadata.len <= sizeof(doc[i].text));
            doc[i].len = r.metadata.len;

            if (r.metadata.len != 0) {
                memcpy(doc[i].text, r.metadata.data, r.metadata.len);
            }
        }

        hx_store_view_end(&v);
    }
}


static void
test_crashes(void **state)
{
    int       at;
    unsigned  i;

    for (i = 0; i < 15; i++) {
        at = 2 + (int) test_below(120);
        assert_int_equal(test_in_child(write_and_crash, &at), 0);
        open_store(64 * MB, 4);
        read_documents();
        check_table();
        check_searches(20);
        test_seed += 77;
        hx_store_close(store);
        store = NULL;
    }
}


/* As a store is that was made before there was an index. */
static void
forget_index(unsigned some)
{
    MDB_txn     *txn;
    MDB_val      k, v;
    MDB_cursor  *cur;

    assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
    k.mv_data = "terms";
    k.mv_size = 5;
    assert_int_equal(mdb_del(txn, store->dbi[HX_DB_META], &k, NULL), 0);
    assert_int_equal(mdb_cursor_open(txn, store->dbi[HX_DB_TERMS], &cur), 0);

    while (some-- != 0 && mdb_cursor_get(cur, &k, &v, MDB_NEXT) == 0) {
        assert_int_equal(mdb_cursor_del(cur, 0), 0);
    }

    mdb_cursor_close(cur);
    assert_int_equal(mdb_txn_commit(txn), 0);
}


static void
test_a_store_without_an_index(void **state)
{
    hx_store_stats_t  st;

    open_store(64 * MB, 64);
    random_writes(400);
    forget_index(UINT32_MAX);
    reopen(64 * MB);
    check_table();
    forget_index(17);                   /* and with half of one */
    reopen(64 * MB);
    check_table();
    check_searches(50);
    hx_store_stats(store, &st);
    assert_int_equal(st.indexed, 1);
}


/* In a map that other things fill: it grows, and can be emptied afterwards. */
static void
test_an_index_that_does_not_fit(void **state)
{
    char           key[16];
    size_t         map;
    unsigned       i;
    uint64_t       version;
    hx_store_rc_t  rc;

    map = 3000 * 4096;
    open_store(map, 64);

    for (i = 0; i < KEYS; i++) {
        wide_document(&doc[i], i, 100);
        assert_int_equal(write_doc(i, HX_STORE_PUT, &doc[i]), HX_STORE_OK);
    }

    check_table();
    forget_index(UINT32_MAX);

    for (i = 0, rc = HX_STORE_OK; rc == HX_STORE_OK; i++) {
        (void) snprintf(key, sizeof(key), "f%u~%u", i, MANY - 1);
        rc = write_one(HX_STORE_PUT, key, doc[0].text, ROOM, HX_STORE_ANY, 0,
                       &version);
    }

    assert_int_equal(rc, HX_STORE_FULL);
    assert_true(i > 1000);
    reopen(map);
    check_table();
    check_searches(10);
    reopen(map);

    for (i = 0; i < KEYS; i++) {
        assert_int_equal(write_doc(i, HX_STORE_DELETE, NULL), HX_STORE_OK);
        doc[i].live = 0;
    }

    check_table();
}


/* All of a field: it meets whatever is damaged there. */
static void
search_field(uint64_t path)
{
    hx_ask_t           q;
    hx_store_view_t    v;
    hx_store_search_t  s;

    memset(&q, 0, sizeof(q));
    memset(&s, 0, sizeof(s));
    memset(&seen, 0, sizeof(seen));
    q.kind = HX_ASK_EXISTS;
    q.path = path;
    s.ns = test_str(NS);
    s.ask = &q;
    s.n = 1;
    s.wanted = MANY;
    s.steps = 8192;
    s.each = see;
    s.data = &seen;
    assert_int_equal(hx_filter_parse(&filter, (const unsigned char *) "{}", 2,
                                     &wrong), HX_FILTER_OK);
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_search(&v, &s), HX_STORE_OK);
    hx_store_search_end(&s);
    hx_store_view_end(&v);
}


/* A damaged entry: results stay right, and the next start makes it anew. */
static void
test_damage(void **state)
{
    size_t             n;
    MDB_txn           *txn;
    MDB_val            k, v;
    uint64_t           path;
    unsigned           i, at;
    MDB_cursor        *cur;
    hx_store_view_t    view;
    hx_store_stats_t   st;

    open_store(64 * MB, 64);
    random_writes(300);

    for (i = 0; i < 10; i++) {
        assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_cursor_open(txn, store->dbi[HX_DB_TERMS], &cur),
                         0);

        for (at = 1 + (unsigned) test_below(200); at != 0; at--) {
            assert_int_equal(mdb_cursor_get(cur, &k, &v, MDB_NEXT), 0);
        }

        path = hx_get_be64((const unsigned char *) k.mv_data + 4);
        v.mv_data = "oops";
        assert_int_equal(mdb_cursor_put(cur, &k, &v, MDB_CURRENT), 0);
        mdb_cursor_close(cur);
        assert_int_equal(mdb_txn_commit(txn), 0);
        assert_int_equal(hx_store_view(store, &view), HX_STORE_OK);
        assert_int_equal(missing(&view, &n), 1);
        hx_store_view_end(&view);

        /* one of many may look there, one for the field does */

        for (at = 0; at < 10; at++) {
            check_searches(20);
            hx_store_stats(store, &st);

            if (!st.indexed) {
                break;
            }
        }

        search_field(path);
        hx_store_stats(store, &st);
        assert_int_equal(st.indexed, 0);
        check_searches(5);

        /* a write that changes something: it notes down that there is damage */

        random_document(&doc[0]);
        assert_int_equal(write_doc(0, HX_STORE_PUT, &doc[0]), HX_STORE_OK);
        check_searches(5);
        reopen(64 * MB);
        check_table();
        hx_store_stats(store, &st);
        assert_int_equal(st.indexed, 1);
    }
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_random_writes),
        T(test_writes_together),
        T(test_a_refused_batch),
        T(test_many_keys),
        T(test_a_full_map),
        T(test_crashes),
        T(test_a_store_without_an_index),
        T(test_an_index_that_does_not_fit),
        T(test_damage)
    };

    return cmocka_run_group_tests_name("hx_terms", tests, NULL, NULL);
}
