/*
 * hx_store_examine_test.c -- the examination finds each kind of damage and
 * names it, finds nothing where nothing is wrong, also in a store that is being
 * written to, and survives whatever a file may hold.
 */

#include <math.h>

#include "hx_crypto.h"
#include "hx_limits.h"
#include "hx_store_admin.h"
#include "hx_store_impl.h"
#include "hx_test_store.h"

#define MB    (1u << 20)
#define PAGE  4096u

static unsigned char  *value;
static char            told[4096];      /* a line for each thing wrong */
static unsigned        n_told;


static void
tell(void *data, const hx_str_t *ns, const hx_str_t *key, uint64_t version,
    const char *why)
{
    size_t  n;

    n_told++;
    n = strlen(told);
    (void) snprintf(told + n, sizeof(told) - n, "%.*s/%.*s/%d %s\n",
                    ns != NULL ? (int) ns->len : 0,
                    ns != NULL ? (const char *) ns->data : "",
                    key != NULL ? (int) key->len : 0,
                    key != NULL ? (const char *) key->data : "",
                    (int) version, why);
}


/* What is wrong with the store in the test's directory: how many things. */
static unsigned
examine(hx_examined_t *sum)
{
    char                err[256];
    const char         *why;
    hx_store_t         *s;
    hx_store_rc_t       rc;
    hx_examine_conf_t   conf;

    told[0] = '\0';
    n_told = 0;
    memset(&conf, 0, sizeof(conf));
    conf.bad = tell;
    s = hx_store_peek(test_dir, 1, &rc, err, sizeof(err));

    if (s == NULL) {
        if (rc != HX_STORE_CORRUPT) {
            fail_msg("%s", err);
        }
        return 1;
    }

    rc = hx_store_examine(s, &conf, sum, &why);
    hx_store_close(s);

    if (rc != HX_STORE_OK) {
        assert_int_equal(rc, HX_STORE_FAIL);
        return 1;
    }

    assert_int_equal(sum->bad, n_told);

    return n_told;
}


static void
close_store(void)
{
    hx_store_close(store);
    store = NULL;
}


static int
begin(void **state)
{
    value = malloc(20 * MB);

    if (value == NULL || test_dir_make(state) != 0) {
        return -1;
    }

    test_fill(value, 20 * MB);
    open_store((size_t) 256 * MB, 64);

    return 0;
}


static int
end(void **state)
{
    close_store();
    free(value);

    return test_dir_remove(state);
}


/* A put with the right SHA-256. */
static void
put_whole(const char *key, size_t len)
{
    int            calls;
    hx_store_op_t  op;

    calls = 0;
    fill(&op, HX_STORE_PUT, key, value, len, &calls);
    op.record.metadata = test_str(len == 100 ? "{\"a\":1}" : "");
    assert_int_equal(hx_sha256_once(value, len, op.record.sha256), HX_OK);
    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_OK);
}


static void
del(const char *key)
{
    uint64_t  v;

    assert_int_equal(write_one(HX_STORE_DELETE, key, NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_OK);
}


/* Three live keys (inline, one chunk, three chunks) and a deleted one. */
static void
make(void)
{
    put_whole("in", 100);
    put_whole("one", 5000);
    put_whole("three", 600000);
    put_whole("three", 600001);
    put_whole("gone", 10);
    del("gone");
}


static int
examine_only(void *data)
{
    hx_examined_t  sum;

    return examine(&sum) != 0;
}


static void
test_nothing_is_wrong(void **state)
{
    unsigned       i;
    hx_examined_t  sum;

    /*
     * A child: with two environments of one file in a process LMDB takes who
     * closes the first for the last user, and destroys the writers' mutex.
     */

    assert_int_equal(test_in_child(examine_only, NULL), 0);
    make();

    for (i = 0; i < 2; i++) {
        assert_int_equal(examine(&sum), 0);
        assert_int_equal(sum.namespaces, 1);
        assert_int_equal(sum.keys, 3);
        assert_int_equal(sum.deleted, 1);
        assert_int_equal(sum.versions, 5);
        assert_int_equal(sum.bytes, 100 + 5000 + 600000 + 600001 + 10);
        close_store();
    }
}


/* ---- one kind of damage each ---- */

static MDB_txn  *txn;


/* The key of the record of a version, of the head, of a chunk. */
static MDB_val
record_key(const char *key, uint64_t version)
{
    MDB_val               k;
    hx_str_t              s;
    static unsigned char  mem[HX_RECORD_KEY_MAX];

    s = test_str(key);
    k.mv_data = mem;
    k.mv_size = hx_record_key(mem, 1, &s, version);

    return k;
}


static MDB_val
head_key(const char *key)
{
    MDB_val  k;

    k = record_key(key, 0);
    k.mv_size -= 9;

    return k;
}


static MDB_val
chunk_key(uint64_t id, uint32_t index)
{
    MDB_val               k;
    static unsigned char  mem[HX_CHUNK_KEY_LEN];

    hx_store_chunk_key(mem, id, index);
    k.mv_data = mem;
    k.mv_size = sizeof(mem);

    return k;
}


static void
set(hx_db_t db, MDB_val k, const void *p, size_t len)
{
    MDB_val  v;

    v.mv_data = (void *) p;
    v.mv_size = len;
    assert_int_equal(mdb_put(txn, store->dbi[db], &k, &v, 0), 0);
}


static void
drop(hx_db_t db, MDB_val k)
{
    assert_int_equal(mdb_del(txn, store->dbi[db], &k, NULL), 0);
}


/* One bit of a unit. */
static void
flip(hx_db_t db, MDB_val k, size_t at)
{
    MDB_val         v;
    unsigned char  *copy;

    assert_int_equal(mdb_get(txn, store->dbi[db], &k, &v), 0);
    assert_true(at < v.mv_size);
    copy = malloc(v.mv_size);
    assert_non_null(copy);
    memcpy(copy, v.mv_data, v.mv_size);
    copy[at] ^= 1;
    set(db, k, copy, v.mv_size);
    free(copy);
}


/* The record of a version, decoded, and encoded again after a change. */
static void
change(const char *key, uint64_t version, void (*fn)(hx_record_t *r))
{
    MDB_val         k, v;
    hx_buf_t        b;
    hx_record_t     r;
    unsigned char  *copy, mem[HX_RECORD_MAX];

    k = record_key(key, version);
    assert_int_equal(mdb_get(txn, store->dbi[HX_DB_RECORDS], &k, &v), 0);
    copy = malloc(v.mv_size);
    assert_non_null(copy);
    memcpy(copy, v.mv_data, v.mv_size);
    assert_int_equal(hx_record_decode(&r, copy, v.mv_size, k.mv_data,
                                      k.mv_size), HX_OK);
    fn(&r);
    hx_buf_init(&b, mem, sizeof(mem));
    hx_record_encode(&b, &r, k.mv_data, k.mv_size);
    assert_true(hx_buf_ok(&b));
    set(HX_DB_RECORDS, k, mem, hx_buf_len(&b));
    free(copy);
}


static void
other_sha(hx_record_t *r)
{
    r->sha256[5] ^= 1;
}


static void
other_value(hx_record_t *r)
{
    r->value_id = 1;                    /* of "one", 5000 bytes */
    r->stored = 5000;
    r->length = 5000;
    r->value.len = 0;
}


static void
packed(hx_record_t *r)
{
    r->codec = HX_CODEC_PACKED;
    r->length = 70000;
}


static void
train(hx_record_t *r)
{
    double  nan[2] = { 1, (double) NAN };

    memcpy(value + 19 * MB, nan, sizeof(nan));
    r->codec = HX_CODEC_TT;
    r->verdict = HX_VERDICT_EXACT;
    r->tt.d = 1;
    r->tt.rank[0] = 1;
    r->tt.rank[1] = 1;
    r->stored = 16;
    r->value.data = value + 19 * MB;
    r->value.len = 16;
}


static void d_chunk_gone(void)
{ drop(HX_DB_CHUNKS, chunk_key(3, 1)); }

static void d_chunk_bit(void)
{ flip(HX_DB_CHUNKS, chunk_key(3, 1), HX_CHUNK_HEADER + 77); }

static void d_chunk_header(void)
{ flip(HX_DB_CHUNKS, chunk_key(1, 0), 9); }

static void d_chunk_more(void)
{ set(HX_DB_CHUNKS, chunk_key(3, 3), "x", 1); }

static void d_record_bit(void)
{ flip(HX_DB_RECORDS, record_key("in", 1), 60); }

static void d_inline_bit(void)
{ flip(HX_DB_RECORDS, record_key("in", 1), 16 + 136 + 8 + 50); }

static void d_record_gone(void)
{ drop(HX_DB_RECORDS, record_key("in", 1)); }

static void d_record_old_gone(void)
{ drop(HX_DB_RECORDS, record_key("three", 1)); }

static void d_sha(void)
{ change("one", 1, other_sha); }

static void d_shared(void)
{ change("in", 1, other_value); }

static void d_packed(void)
{ change("one", 1, packed); }

static void d_train(void)
{ change("in", 1, train); }

static void d_head_bit(void)
{ flip(HX_DB_HEADS, head_key("one"), 5); }

static void d_head_gone(void)
{ drop(HX_DB_HEADS, head_key("one")); }

static void d_tomb_bit(void)
{ flip(HX_DB_TOMBS, head_key("gone"), 5); }

static void
d_head_back(void)
{
    MDB_val        k;
    unsigned char  head[HX_HEAD_LEN];

    k = head_key("three");
    hx_head_encode(head, 1, k.mv_data, k.mv_size);
    set(HX_DB_HEADS, k, head, sizeof(head));
}


static void
d_both(void)
{
    MDB_val        k;
    unsigned char  tomb[HX_TOMB_LEN];

    k = head_key("one");
    hx_tomb_encode(tomb, 1, 0, k.mv_data, k.mv_size);
    set(HX_DB_TOMBS, k, tomb, sizeof(tomb));
}


static void
d_due_gone(void)
{
    assert_int_equal(mdb_drop(txn, store->dbi[HX_DB_DUE], 0), 0);
}


static void
d_due_bit(void)
{
    MDB_val  k, v;

    assert_int_equal(hx_first(store, txn, HX_DB_DUE, &k, &v), 0);
    flip(HX_DB_DUE, k, 4);
}


static void
d_tomb_done(void)
{
    MDB_val        k;
    unsigned char  tomb[HX_TOMB_LEN];

    d_due_gone();
    k = head_key("gone");
    hx_tomb_encode(tomb, 1, 0, k.mv_data, k.mv_size);
    set(HX_DB_TOMBS, k, tomb, sizeof(tomb));
}


static void
listed(hx_db_t db, uint64_t id)
{
    MDB_val        k;
    unsigned char  be[8];

    hx_put_be64(be, id);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    set(db, k, "", 0);
}


static void d_staged(void)
{ listed(HX_DB_STAGING, 3); }

static void d_doomed(void)
{ listed(HX_DB_DOOMED, 3); }

static void
d_counts(void)
{
    hx_count_t  c;

    assert_int_equal(hx_count_get(store, txn, 1, &c), 0);
    c.bytes++;
    assert_int_equal(hx_count_put(store, txn, 1, &c), 0);
}


static void
d_counts_keys(void)
{
    hx_count_t  c;

    assert_int_equal(hx_count_get(store, txn, 1, &c), 0);
    c.keys--;
    assert_int_equal(hx_count_put(store, txn, 1, &c), 0);
}


static void
d_counts_bit(void)
{
    MDB_val        k;
    unsigned char  be[4] = { 0, 0, 0, 1 };

    k.mv_data = be;
    k.mv_size = 4;
    flip(HX_DB_COUNTS, k, 20);
}


static void
d_name(void)
{
    MDB_val  k;

    k.mv_data = "other";
    k.mv_size = 5;
    set(HX_DB_NS, k, "\0\0\0\1", 4);
}


static void
d_name_gone(void)
{
    MDB_val  k;

    k.mv_data = NS;
    k.mv_size = 2;
    set(HX_DB_NS, (MDB_val) { 1, "x" }, "\0\0\0\2", 4);
    drop(HX_DB_NS, k);
}


static void d_orphan(void)
{
    /* value 2 was the first one of "three" */

    drop(HX_DB_RECORDS, record_key("three", 1));
}


static void
first_term(MDB_val *k, MDB_val *v)
{
    assert_int_equal(hx_first(store, txn, HX_DB_TERMS, k, v), 0);
}


static void
d_term_gone(void)
{
    MDB_val  k, v;

    first_term(&k, &v);
    drop(HX_DB_TERMS, k);
}


static void
d_term_bit(void)
{
    MDB_val  k, v;

    first_term(&k, &v);
    flip(HX_DB_TERMS, k, 1);
}


static void
d_records_key(void)
{
    MDB_val  k;

    k.mv_data = "\0\0\0\1no-version";
    k.mv_size = 14;
    set(HX_DB_RECORDS, k, "x", 1);
}


static const struct {
    const char  *name;
    void       (*fn)(void);
    const char  *want;                  /* a line that is told */
    unsigned     most;                  /* lines */
} damage[] = {
    { "chunk gone", d_chunk_gone,
      "ns/three/2 chunk 2 of 3 of its value is missing\n", 1 },
    { "chunk bit", d_chunk_bit,
      "ns/three/2 chunk 2 of 3 of its value is damaged\n", 1 },
    { "chunk header", d_chunk_header,
      "ns/one/1 chunk 1 of 1 of its value is damaged\n", 1 },
    { "a chunk more", d_chunk_more,
      "ns/three/2 its value has too many chunks\n", 1 },
    { "record bit", d_record_bit, "ns/in/1 the record is damaged\n", 1 },
    { "inline bit", d_inline_bit, "ns/in/1 its value is damaged\n", 1 },
    { "record gone", d_record_gone,
      "ns/in/1 the latest version is missing\n", 2 },
    { "old record gone", d_record_old_gone, "//0 value 2: no version has it\n",
      2 },
    { "sha", d_sha, "ns/one/1 its value is not what was uploaded: SHA-256 "
      "differs\n", 1 },
    { "shared", d_shared, "ns/one/1 another version has the same value\n", 3 },
    { "packed", d_packed, "ns/one/1 its value cannot be unpacked\n", 1 },
    { "train", d_train, "ns/in/1 a core is not a finite number\n", 2 },
    { "head bit", d_head_bit, "ns/one/0 the entry that has its latest version "
      "is damaged\n", 1 },
    { "head gone", d_head_gone, "ns/one/1 a version of a key that is neither "
      "live nor deleted\n", 2 },
    { "head back", d_head_back, "ns/three/2 a version that was never given\n",
      1 },
    { "tomb bit", d_tomb_bit, "ns/gone/0 the entry that has its last version "
      "is damaged\n", 2 },
    { "live and deleted", d_both, "ns/one/0 it is live and deleted\n", 2 },
    { "due gone", d_due_gone, "ns/gone/1 deleted, but its versions will not "
      "be removed\n", 1 },
    { "due bit", d_due_bit, "ns/gone/0 the entry about its removal is "
      "damaged\n", 2 },
    { "not removed", d_tomb_done, "ns/gone/1 a version of a deleted key that "
      "should have been removed\n", 1 },
    { "staged", d_staged, "ns/three/2 its value is listed as unfinished\n",
      1 },
    { "doomed", d_doomed, "ns/three/2 its value is listed to be removed\n",
      1 },
    { "bytes", d_counts, "ns//0 its counters are not what there is\n", 1 },
    { "keys", d_counts_keys, "ns//0 its counters are not what there is\n", 1 },
    { "counts bit", d_counts_bit, "ns//0 its counters are damaged\n", 1 },
    { "two names", d_name, "//0 table namespaces: two names have the same "
      "number\n", 1 },
    { "no name", d_name_gone, "(namespace 1)/in/0 its namespace has no "
      "name\n", 9 },
    { "orphan", d_orphan, "//0 value 2: no version has it\n", 2 },
    { "term gone", d_term_gone, "ns/in/1 1 entries of its metadata are not in "
      "the index\n", 1 },
    { "term bit", d_term_bit, "//0 table terms: an entry is damaged\n", 2 },
    { "records key", d_records_key, "//0 table records: a key is "
      "ill-formed\n", 1 }
};


/* The tables without a writer behind them. */
static void
open_tables(void)
{
    hx_db_t  i;

    store = hx_store_create(1, 1);
    assert_non_null(store);
    assert_int_equal(mdb_env_create(&store->env), 0);
    assert_int_equal(mdb_env_set_maxdbs(store->env, HX_DB_COUNT), 0);
    assert_int_equal(mdb_env_set_mapsize(store->env, 64 * MB), 0);
    assert_int_equal(mdb_env_open(store->env, test_dir, MDB_NOTLS, 0600), 0);
    assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);

    for (i = 0; i < HX_DB_COUNT; i++) {
        assert_int_equal(mdb_dbi_open(txn, hx_store_table(i), 0,
                                      &store->dbi[i]), 0);
    }
}


static void
test_damage(void **state)
{
    size_t          i, len;
    unsigned        n;
    hx_examined_t   sum;
    unsigned char  *file;

    make();
    close_store();
    file = malloc(8 * MB);
    assert_non_null(file);
    len = test_slurp("data.mdb", file, 8 * MB);

    for (i = 0; i < hx_nelts(damage); i++) {
        test_spill("data.mdb", file, len);
        open_tables();
        damage[i].fn();
        assert_int_equal(mdb_txn_commit(txn), 0);
        close_store();
        n = examine(&sum);

        if (strstr(told, damage[i].want) == NULL || n > damage[i].most) {
            fail_msg("%s: %u things: %s", damage[i].name, n, told);
        }
    }

    free(file);
}


/* ---- a store that is being written to ---- */

typedef struct {
    hx_store_op_t  op[40];
    char           key[40][8];
    int            calls[40];
} load_t;


static void
load(load_t *l, unsigned round)
{
    size_t          len;
    unsigned        i;
    hx_store_op_t  *op;

    for (i = 0; i < hx_nelts(l->op); i++) {
        len = i % 10 == 0 ? 300000 : i % 20 == 1 ? 9 * MB : 10 + i;
        (void) snprintf(l->key[i], sizeof(l->key[0]), "k%u", i);
        op = &l->op[i];
        fill(op, (i + round) % 7 == 0 ? HX_STORE_DELETE : HX_STORE_PUT,
             l->key[i], value, len, &l->calls[i]);
        (void) hx_sha256_once(value, len, op->record.sha256);
        assert_int_equal(hx_store_submit(store, op), HX_STORE_OK);
    }
}


/* In another process: LMDB's environments must not be opened twice in one. */
static int
examine_beside(void *data)
{
    unsigned       n;
    hx_examined_t  sum;

    n = examine(&sum);

    if (n != 0) {
        (void) fprintf(stderr, "# %s", told);
    }

    return n != 0 ? 1 : sum.keys > *(unsigned *) data ? 0 : 2;
}


static void
test_while_it_is_written_to(void **state)
{
    unsigned          i, keys;
    static load_t     l;
    hx_store_conf_t   conf;
    char              err[256];

    close_store();
    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = (size_t) 512 * MB;
    conf.max_views = 4;
    conf.queue_max = 64;
    conf.keep = 2;
    conf.purge_ms = 1;
    store = hx_store_open(&conf, err, sizeof(err));
    assert_non_null(store);

    load(&l, 0);
    wait_all(hx_nelts(l.op));
    keys = 20;

    for (i = 1; i < 20; i++) {
        load(&l, i);
        assert_int_equal(test_in_child(examine_beside, &keys), 0);
        wait_all(hx_nelts(l.op));
    }
}


/* ---- files that are no store any more ---- */

static void
test_a_file_that_was_cut_short(void **state)
{
    int             rc;
    size_t          len, at;
    unsigned        wrong;
    unsigned char  *file;

    make();
    close_store();
    file = malloc(8 * MB);
    assert_non_null(file);
    len = test_slurp("data.mdb", file, 8 * MB);
    wrong = 0;

    for (at = 0; at < len; at += at < 40 * PAGE ? PAGE : 7 * PAGE) {
        test_spill("data.mdb", file, at);
        rc = test_in_child(examine_only, NULL);
        assert_true(rc == 0 || rc == 1);
        wrong += (unsigned) rc;
    }

    /* the last pages may be free */

    assert_true(wrong > len / PAGE / 14);
    free(file);
}


/* Pages overwritten with noise, zeros, and other pages: it ends, and by
 * itself; page 0 and 1 may show the state before. */
static void
test_damaged_pages(void **state)
{
    int             rc;
    size_t          len, page;
    unsigned        i, wrong;
    unsigned char  *file, *copy;

    make();

    for (i = 0; i < 200; i++) {
        put_whole(i % 2 ? "in" : "more", 900);
    }

    close_store();
    file = malloc(8 * MB);
    copy = malloc(8 * MB);
    assert_non_null(file);
    assert_non_null(copy);
    len = test_slurp("data.mdb", file, 8 * MB);
    wrong = 0;

    for (i = 0; i < 300; i++) {
        memcpy(copy, file, len);
        page = i * 7919u % (len / PAGE);

        switch (i % 3) {
        case 0:
            memcpy(copy + page * PAGE, value + i, PAGE);
            break;
        case 1:
            memset(copy + page * PAGE, 0, PAGE);
            break;
        default:
            memcpy(copy + page * PAGE + 16,
                   file + i * 104729u % (len / PAGE) * PAGE + 16, PAGE - 16);
        }

        test_spill("data.mdb", copy, len);
        rc = test_in_child(examine_only, NULL);
        assert_true(rc == 0 || rc == 1);
        wrong += (unsigned) rc;
    }

    assert_true(wrong > 50);
    free(file);
    free(copy);
}


static void
test_what_is_no_store(void **state)
{
    char            err[256];
    hx_store_rc_t   rc;

    close_store();
    assert_int_equal(unlink(test_path("data.mdb")), 0);
    assert_null(hx_store_peek(test_dir, 1, &rc, err, sizeof(err)));
    assert_int_equal(rc, HX_STORE_NO);
    assert_null(hx_store_peek("/nonexistent", 0, &rc, err, sizeof(err)));
    assert_int_equal(rc, HX_STORE_NO);
    assert_non_null(strstr(err, "/nonexistent"));

    test_spill("data.mdb", value, 100000);
    assert_null(hx_store_peek(test_dir, 1, &rc, err, sizeof(err)));
    assert_int_equal(rc, HX_STORE_CORRUPT);
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_nothing_is_wrong),
        T(test_damage),
        T(test_while_it_is_written_to),
        T(test_a_file_that_was_cut_short),
        T(test_damaged_pages),
        T(test_what_is_no_store)
    };

    return cmocka_run_group_tests_name("hx_store_examine", tests, NULL, NULL);
}
