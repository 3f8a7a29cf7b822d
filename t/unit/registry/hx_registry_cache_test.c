/*
 * hx_registry_cache_test.c -- cached answers of the registry: never one of
 * another key, never one of another version, whatever is put in; and a change,
 * by this process or another, is in force with the next question.
 */

#include "hx_test_dir.h"
#include "hx_test_tenant.h"

#include "hx_registry.h"
#include "hx_registry_cache.h"


static unsigned char  bytes[HX_CACHE_RECORD + 1];


/* Key i; those with the same place begin at the same slot. */

static const unsigned char *
test_hash(uint32_t place, uint32_t i)
{
    static unsigned char  hash[HX_SHA256_LEN];

    memset(hash, 0, sizeof(hash));
    memcpy(hash, &place, sizeof(place));
    memcpy(hash + HX_SHA256_LEN - sizeof(i), &i, sizeof(i));

    return hash;
}


static hx_str_t
test_record(uint32_t i, size_t len)
{
    hx_str_t  r;

    memset(bytes, (int) i & 0xff, len);
    memcpy(bytes, &i, len < sizeof(i) ? len : sizeof(i));
    r.data = bytes;
    r.len = len;

    return r;
}


static void
test_put(hx_registry_cache_t *c, uint64_t version, uint32_t place, uint32_t i,
    size_t len)
{
    const hx_str_t  r = test_record(i, len);

    hx_registry_cache_put(c, version, test_hash(place, i), &r);
}


/* Is it there?  When it is, it is right. */

static int
test_has(hx_registry_cache_t *c, uint64_t version, uint32_t place, uint32_t i,
    size_t len)
{
    hx_rc_t   rc;
    hx_str_t  got, r;

    rc = hx_registry_cache_get(c, version, test_hash(place, i), &got);
    r = test_record(i, len);

    if (rc == HX_OK) {
        assert_true(test_same(&got, &r));
    }

    return rc == HX_OK;
}


static void
what_was_put_is_found(void **state)
{
    hx_registry_cache_t  *c;

    c = hx_registry_cache_create();
    assert_non_null(c);

    assert_false(test_has(c, 7, 1, 1, 100));

    test_put(c, 7, 1, 1, 100);
    test_put(c, 7, 0, 2, 0);
    test_put(c, 7, UINT32_MAX, 3, HX_CACHE_RECORD);

    assert_true(test_has(c, 7, 1, 1, 100));
    assert_true(test_has(c, 7, 0, 2, 0));
    assert_true(test_has(c, 7, UINT32_MAX, 3, HX_CACHE_RECORD));
    assert_false(test_has(c, 7, 1, 2, 100));

    hx_registry_cache_free(c);
    hx_registry_cache_free(NULL);
}


static void
a_longer_record_is_not_kept(void **state)
{
    hx_registry_cache_t  *c;

    c = hx_registry_cache_create();
    assert_non_null(c);

    test_put(c, 7, 1, 1, HX_CACHE_RECORD + 1);
    assert_false(test_has(c, 7, 1, 1, HX_CACHE_RECORD + 1));

    hx_registry_cache_free(c);
}


static void
another_version_drops_everything(void **state)
{
    hx_registry_cache_t  *c;

    c = hx_registry_cache_create();
    assert_non_null(c);

    test_put(c, 7, 1, 1, 100);
    test_put(c, 7, 2, 2, 100);

    assert_false(test_has(c, 8, 1, 1, 100));

    /* and does not bring it back: 7 could be another 7 by then */

    assert_false(test_has(c, 7, 2, 2, 100));
    assert_false(test_has(c, 7, 1, 1, 100));

    /* also when it is a put that brings the version */

    test_put(c, 7, 1, 1, 100);
    test_put(c, 6, 2, 2, 100);
    assert_true(test_has(c, 6, 2, 2, 100));
    assert_false(test_has(c, 6, 1, 1, 100));

    hx_registry_cache_free(c);
}


static void
keys_of_one_place_are_told_apart(void **state)
{
    uint32_t              i, n;
    hx_registry_cache_t  *c;

    c = hx_registry_cache_create();
    assert_non_null(c);

    /* all have the same first 28 bytes; the last place runs over the end */

    for (i = 0; i < 100; i++) {
        test_put(c, 7, HX_CACHE_SLOTS - 1, i, 40);
        assert_true(test_has(c, 7, HX_CACHE_SLOTS - 1, i, 40));
    }

    for (i = 0, n = 0; i < 200; i++) {
        n += (uint32_t) test_has(c, 7, HX_CACHE_SLOTS - 1, i, 40);
    }

    assert_in_range(n, 2, 99);

    hx_registry_cache_free(c);
}


static void
a_full_block_begins_anew(void **state)
{
    uint32_t              i, n;
    hx_registry_cache_t  *c;

    c = hx_registry_cache_create();
    assert_non_null(c);

    n = 0;

    for (i = 0; i < 4 * HX_CACHE_BYTES / HX_CACHE_RECORD; i++) {
        test_put(c, 7, i, i, HX_CACHE_RECORD);
        assert_true(test_has(c, 7, i, i, HX_CACHE_RECORD));
        n += !test_has(c, 7, 0, 0, HX_CACHE_RECORD);
    }

    assert_true(n != 0);

    hx_registry_cache_free(c);
}


static void
random_questions_agree_with_what_was_put(void **state)
{
    uint32_t              i, k, hits;
    uint64_t              version;
    hx_registry_cache_t  *c;

    /* the version in which each key was put last, 0 = never */

    static uint64_t  put[4096];

    c = hx_registry_cache_create();
    assert_non_null(c);

    memset(put, 0, sizeof(put));
    version = 1;
    hits = 0;

    for (i = 0; i < 300000; i++) {
        k = (uint32_t) test_below(4096);

        if (test_below(20000) == 0) {
            version++;
        }

        if (test_has(c, version, k * 5 % 2048, k, 16 + k % 300)) {
            assert_true(put[k] == version);
            hits++;

        } else if (test_below(2)) {
            test_put(c, version, k * 5 % 2048, k, 16 + k % 300);
            put[k] = version;
        }
    }

    assert_true(hits > 100000);

    hx_registry_cache_free(c);
}


/* ------------------------------------------------------- the registry -- */

static hx_registry_conf_t  conf = {
    .dir = test_dir, .map_size = 4194304, .max_readers = 16
};


static void
test_change_init(hx_change_t *c, const char *id, hx_change_op_t op,
    unsigned char key)
{
    memset(c, 0, sizeof(hx_change_t));

    c->op = op;
    c->now = 1000;
    c->id = test_str(id);
    c->plan = test_str("pro");
    c->n_namespaces = 1;
    c->namespaces[0] = test_str("default");
    memset(c->hash, key, HX_SHA256_LEN);
}


static int
test_change_of(hx_registry_t *reg, const char *id, hx_change_op_t op,
    unsigned char key)
{
    char                  err[HX_REGISTRY_ERR];
    size_t                len;
    hx_change_t           c;
    hx_change_result_t    result;

    static unsigned char  record[HX_TENANT_RECORD_MAX];

    test_change_init(&c, id, op, key);

    return hx_registry_change(reg, &c, &result, record, &len, NULL, NULL, err)
           == HX_OK && result == HX_CHANGED;
}


static int
test_change(hx_registry_t *reg, hx_change_op_t op, unsigned char key)
{
    return test_change_of(reg, "acme", op, key);
}


/* The status of the tenant with this key, -1 when there is none. */

static int
test_find(hx_registry_t *reg, unsigned char key)
{
    int             status;
    char            err[HX_REGISTRY_ERR];
    hx_rc_t         rc;
    hx_str_t        record;
    hx_tenant_t     t;
    unsigned char   hash[HX_SHA256_LEN];

    memset(hash, key, sizeof(hash));

    rc = hx_registry_find(reg, hash, &record, err);
    assert_true(rc == HX_OK || rc == HX_NO);
    status = -1;

    if (rc == HX_OK) {
        assert_int_equal(hx_tenant_decode(&t, record.data, record.len), HX_OK);
        assert_int_equal(hx_tenant_key_valid(&t, hash, 1000), HX_OK);
        status = (int) t.status;
    }

    hx_registry_release(reg);

    return status;
}


static hx_registry_t *
test_open(void)
{
    char            err[HX_REGISTRY_ERR];
    hx_registry_t  *reg;

    return hx_registry_open(&reg, &conf, err) == HX_OK ? reg : NULL;
}


static void
a_change_is_seen_by_the_next_question(void **state)
{
    int             i;
    hx_registry_t  *reg;

    reg = test_open();
    assert_non_null(reg);

    /* somebody else, so that the registry is never empty */

    assert_true(test_change_of(reg, "other", HX_CHANGE_CREATE, 9));

    assert_int_equal(test_find(reg, 1), -1);
    assert_true(test_change(reg, HX_CHANGE_CREATE, 1));

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_find(reg, 1), HX_TENANT_ACTIVE);
    }

    assert_true(test_change(reg, HX_CHANGE_SUSPEND, 0));
    assert_int_equal(test_find(reg, 1), HX_TENANT_SUSPENDED);

    assert_true(test_change(reg, HX_CHANGE_ACTIVATE, 0));
    assert_int_equal(test_find(reg, 1), HX_TENANT_ACTIVE);

    assert_true(test_change(reg, HX_CHANGE_ROTATE, 2));
    assert_int_equal(test_find(reg, 1), -1);
    assert_int_equal(test_find(reg, 2), HX_TENANT_ACTIVE);

    assert_true(test_change(reg, HX_CHANGE_DELETE, 0));
    assert_int_equal(test_find(reg, 2), -1);

    hx_registry_close(reg);
}


/* An operator's process; the children of fork() may not use our environment. */

static int
test_operator(void *data)
{
    int             done;
    hx_registry_t  *reg;

    reg = test_open();
    if (reg == NULL) {
        return 2;
    }

    done = test_change(reg, *(const hx_change_op_t *) data, 2);
    hx_registry_close(reg);

    return done ? 0 : 3;
}


static void
a_change_by_another_process_is_seen_too(void **state)
{
    unsigned         i;
    hx_registry_t   *reg;
    hx_change_op_t   op;

    op = HX_CHANGE_ROTATE;

    reg = test_open();
    assert_non_null(reg);
    assert_true(test_change(reg, HX_CHANGE_CREATE, 1));
    assert_int_equal(test_find(reg, 1), HX_TENANT_ACTIVE);
    assert_int_equal(test_find(reg, 1), HX_TENANT_ACTIVE);

    assert_int_equal(test_in_child(test_operator, &op), 0);
    assert_int_equal(test_find(reg, 1), -1);
    assert_int_equal(test_find(reg, 2), HX_TENANT_ACTIVE);

    for (i = 0; i < 10; i++) {
        op = HX_CHANGE_SUSPEND;
        assert_int_equal(test_in_child(test_operator, &op), 0);
        assert_int_equal(test_find(reg, 2), HX_TENANT_SUSPENDED);

        op = HX_CHANGE_ACTIVATE;
        assert_int_equal(test_in_child(test_operator, &op), 0);
        assert_int_equal(test_find(reg, 2), HX_TENANT_ACTIVE);
    }

    hx_registry_close(reg);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(a_longer_record_is_not_kept),
        cmocka_unit_test(another_version_drops_everything),
        cmocka_unit_test(keys_of_one_place_are_told_apart),
        cmocka_unit_test(a_full_block_begins_anew),
        cmocka_unit_test(random_questions_agree_with_what_was_put),
        cmocka_unit_test_setup_teardown(a_change_is_seen_by_the_next_question,
                                        test_dir_make, test_dir_remove),
        cmocka_unit_test_setup_teardown(
            a_change_by_another_process_is_seen_too,
            test_dir_make, test_dir_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
