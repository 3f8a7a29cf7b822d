/*
 * hx_tenant_test.c -- the stored form of a tenant: fixed byte for byte, there
 * and back for random records, and nothing changed is ever accepted.
 */

#include "hx_test_tenant.h"

#define HX_GOLDEN   169

static unsigned char  record[HX_TENANT_RECORD_MAX + 1];


static size_t
test_encode(const hx_tenant_edit_t *e)
{
    const size_t  len = hx_tenant_encode(e, record, sizeof(record));

    assert_true(len != 0);

    return len;
}


static void
test_golden(hx_tenant_edit_t *e)
{
    unsigned  i;

    memset(e, 0, sizeof(hx_tenant_edit_t));

    e->status = HX_TENANT_SUSPENDED;
    e->created = 1700000000;
    e->updated = 1700000001;
    e->quota = HX_TENANT_NONE;
    e->requests = 7;
    e->window_s = 60;
    e->id = test_str("acme-corp");
    e->plan = test_str("pro");
    e->email = test_str("a@b");
    e->n_namespaces = 2;
    e->namespaces[0] = test_str("default");
    e->namespaces[1] = test_str("x");
    e->n_keys = 2;

    for (i = 0; i < HX_SHA256_LEN; i++) {
        e->keys[0].hash[i] = (unsigned char) i;
        e->keys[1].hash[i] = 0xff;
    }

    e->keys[0].created = 1700000000;
    e->keys[1].created = 1600000000;
    e->keys[1].expires = 1700003600;
}


/* Written down by hand: records on disk outlive the program. */
static void
stored_form(void **state)
{
    hx_tenant_edit_t  e;

    static const unsigned char  head[] = {
        'H', 'T', 1, 1,  0x75, 0x64, 0xe9, 0xd0,
        0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0,
        0x01, 0xf1, 0x53, 0x65, 0, 0, 0, 0,
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        7, 0, 0, 0,  60, 0, 0, 0,
        2, 0,  2, 0,  3, 9, 3, 0
    };
    static const unsigned char  times[] = {
        0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,
        0x00, 0x10, 0x5e, 0x5f, 0, 0, 0, 0,
        0x10, 0xff, 0x53, 0x65, 0, 0, 0, 0
    };
    static const char  tail[] = "proacme-corpa@b\7default\1x";

    test_golden(&e);
    assert_int_equal(test_encode(&e), HX_GOLDEN);
    assert_memory_equal(record, head, 48);
    assert_memory_equal(record + 48, e.keys[0].hash, 32);
    assert_memory_equal(record + 80, times, 16);
    assert_memory_equal(record + 96, e.keys[1].hash, 32);
    assert_memory_equal(record + 128, times + 16, 16);
    assert_memory_equal(record + 144, tail, sizeof(tail) - 1);
}


static void
there_and_back(void **state)
{
    size_t                    i, len;
    hx_tenant_t               t;
    hx_tenant_edit_t          back;
    const unsigned char      *p;
    static hx_test_tenant_t   tenant;

    for (i = 0; i < 2000; i++) {
        test_tenant(&tenant, i % 50 != 0);
        len = test_encode(&tenant.e);
        p = test_edge(record, len);

        assert_int_equal(hx_tenant_decode(&t, p, len), HX_OK);
        assert_int_equal(hx_tenant_edit(&back, &t), HX_OK);
        assert_true(test_same_tenant(&tenant.e, &back));

        /* the room it takes is the room it asks for */

        assert_int_equal(hx_tenant_encode(&back, record, len - 1), 0);
        assert_int_equal(hx_tenant_encode(&back, record, len), len);
        assert_memory_equal(record, p, len);
    }
}


static void
walking_namespaces(void **state)
{
    size_t            len, pos;
    hx_str_t          ns;
    hx_tenant_t       t;
    hx_tenant_edit_t  e;

    test_golden(&e);
    len = test_encode(&e);
    assert_int_equal(hx_tenant_decode(&t, test_edge(record, len), len),
                     HX_OK);

    pos = 0;
    memset(&ns, 0, sizeof(ns));
    assert_true(hx_tenant_namespace(&t, &pos, &ns));
    assert_true(test_same(&ns, &e.namespaces[0]));
    assert_true(hx_tenant_namespace(&t, &pos, &ns));
    assert_true(test_same(&ns, &e.namespaces[1]));
    assert_false(hx_tenant_namespace(&t, &pos, &ns));
    assert_false(hx_tenant_namespace(&t, &pos, &ns));

    e.n_namespaces = 0;
    len = test_encode(&e);
    assert_int_equal(hx_tenant_decode(&t, test_edge(record, len), len),
                     HX_OK);
    pos = 0;
    assert_false(hx_tenant_namespace(&t, &pos, &ns));
}


static void
keys_and_their_time(void **state)
{
    size_t            len;
    hx_tenant_t       t;
    unsigned char     hash[HX_SHA256_LEN];
    hx_tenant_edit_t  e;

    test_golden(&e);
    len = test_encode(&e);
    assert_int_equal(hx_tenant_decode(&t, record, len), HX_OK);

    /* no end */

    assert_int_equal(hx_tenant_key_valid(&t, e.keys[0].hash, 0), HX_OK);
    assert_int_equal(hx_tenant_key_valid(&t, e.keys[0].hash, UINT64_MAX),
                     HX_OK);

    /* an end: that second is already too late */

    assert_int_equal(hx_tenant_key_valid(&t, e.keys[1].hash, 1700003599),
                     HX_OK);
    assert_int_equal(hx_tenant_key_valid(&t, e.keys[1].hash, 1700003600),
                     HX_NO);
    assert_int_equal(hx_tenant_key_valid(&t, e.keys[1].hash, UINT64_MAX),
                     HX_NO);

    /* a hash that the record does not know is trouble, whatever it is */

    memcpy(hash, e.keys[0].hash, sizeof(hash));
    hash[31] ^= 1;
    assert_int_equal(hx_tenant_key_valid(&t, hash, 0), HX_FAIL);

    e.n_keys = 0;
    len = test_encode(&e);
    assert_int_equal(hx_tenant_decode(&t, record, len), HX_OK);
    assert_int_equal(hx_tenant_key_valid(&t, e.keys[0].hash, 0), HX_FAIL);
}


static void
too_long_to_store(void **state)
{
    static char               text[HX_TENANT_RECORD_MAX];
    static unsigned char      out[2 * HX_TENANT_RECORD_MAX];
    static hx_tenant_edit_t   e;

    memset(text, 'x', sizeof(text));

    test_golden(&e);
    e.id.data = (unsigned char *) text;
    e.id.len = HX_TENANT_MAX;
    assert_true(hx_tenant_encode(&e, out, sizeof(out)) != 0);
    e.id.len = HX_TENANT_MAX + 1;
    assert_int_equal(hx_tenant_encode(&e, out, sizeof(out)), 0);
    e.id.len = 0;
    assert_int_equal(hx_tenant_encode(&e, out, sizeof(out)), 0);

    test_golden(&e);
    e.email.data = (unsigned char *) text;
    e.email.len = HX_EMAIL_MAX + 1;
    assert_int_equal(hx_tenant_encode(&e, out, sizeof(out)), 0);

    test_golden(&e);
    e.plan.data = (unsigned char *) text;
    e.plan.len = 256;
    assert_int_equal(hx_tenant_encode(&e, out, sizeof(out)), 0);

    /* one byte holds the length: 256 would become 0, and then another list */

    test_golden(&e);
    e.namespaces[1].data = (unsigned char *) text;
    e.namespaces[1].len = HX_NAMESPACE_MAX;
    assert_true(hx_tenant_encode(&e, out, sizeof(out)) != 0);
    e.namespaces[1].len = HX_NAMESPACE_MAX + 1;
    assert_int_equal(hx_tenant_encode(&e, out, sizeof(out)), 0);
}


/* The largest tenant there can be fits, and so does its edit. */
static void
largest(void **state)
{
    size_t                    len;
    unsigned                  i;
    hx_tenant_t               t;
    hx_tenant_edit_t          back;
    static hx_test_tenant_t   tenant;

    test_tenant(&tenant, 0);
    tenant.e.n_keys = HX_TENANT_KEYS;
    tenant.e.n_namespaces = HX_TENANT_NAMESPACES;
    tenant.e.id = test_text(tenant.id, HX_TENANT_MAX);
    tenant.e.email = test_text(tenant.email, HX_EMAIL_MAX);

    for (i = 0; i < HX_TENANT_NAMESPACES; i++) {
        tenant.e.namespaces[i] = test_text(tenant.ns[i], HX_NAMESPACE_MAX);
    }

    len = hx_tenant_encode(&tenant.e, record, HX_TENANT_RECORD_MAX);
    assert_true(len > 65536);
    assert_int_equal(hx_tenant_decode(&t, record, len), HX_OK);
    assert_int_equal(hx_tenant_edit(&back, &t), HX_OK);
    assert_true(test_same_tenant(&tenant.e, &back));

    /* more than an edit can hold is refused, not cut */

    t.n_keys = HX_TENANT_KEYS + 1;
    assert_int_equal(hx_tenant_edit(&back, &t), HX_FAIL);
    t.n_keys = HX_TENANT_KEYS;
    t.n_namespaces = HX_TENANT_NAMESPACES + 1;
    assert_int_equal(hx_tenant_edit(&back, &t), HX_FAIL);
}


/* Each bit of a record, each length, each pair of bits near each other. */
static void
every_flipped_bit(void **state)
{
    size_t            bit, other, len;
    hx_tenant_t       t;
    unsigned char    *p;
    hx_tenant_edit_t  e;

    test_golden(&e);
    len = test_encode(&e);
    p = test_edge(record, len);

    for (bit = 0; bit < len * 8; bit++) {
        p[bit / 8] ^= (unsigned char) (1u << bit % 8);

        if (hx_tenant_decode(&t, p, len) != HX_FAIL) {
            fail_msg("byte %zu, bit %zu", bit / 8, bit % 8);
        }

        for (other = bit + 1; other < bit + 40 && other < len * 8; other++) {
            p[other / 8] ^= (unsigned char) (1u << other % 8);
            assert_int_equal(hx_tenant_decode(&t, p, len), HX_FAIL);
            p[other / 8] ^= (unsigned char) (1u << other % 8);
        }

        p[bit / 8] ^= (unsigned char) (1u << bit % 8);
    }

    assert_int_equal(hx_tenant_decode(&t, p, len), HX_OK);

    for (bit = 0; bit < len; bit++) {
        assert_int_equal(hx_tenant_decode(&t, test_edge(record, bit), bit),
                         HX_FAIL);
    }

    record[len] = 0;
    assert_int_equal(hx_tenant_decode(&t, record, len + 1), HX_FAIL);
}


/* Without the checksum damage may pass, but only what is there is read. */
static void
test_view(const unsigned char *p, size_t n)
{
    size_t            pos;
    hx_str_t          ns;
    hx_tenant_t       t;
    hx_tenant_key_t   key;
    unsigned          i;

    if (hx_tenant_view(&t, p, n) != HX_OK) {
        return;
    }

    for (i = 0; i < t.n_keys; i++) {
        hx_tenant_key(&t, i, &key);
        assert_int_not_equal(hx_tenant_key_valid(&t, key.hash, 0), HX_FAIL);
    }

    for (pos = 0, i = 0; hx_tenant_namespace(&t, &pos, &ns); i++) {
        assert_true(ns.data >= p && ns.data + ns.len <= p + n);
    }

    assert_int_equal(i, t.n_namespaces);
    assert_true(t.id.data >= p && t.email.data + t.email.len <= p + n);
}


static void
random_damage(void **state)
{
    size_t                    i, k, len, n;
    hx_tenant_t               t;
    unsigned char            *p;
    static hx_test_tenant_t   tenant;

    for (i = 0; i < 20000; i++) {
        test_tenant(&tenant, i % 200 != 0);
        n = len = test_encode(&tenant.e);

        if (test_below(8) == 0) {
            n = test_below(len);
        }

        p = test_edge(record, n);

        for (k = 1 + test_below(8); k != 0 && n != 0; k--) {
            p[test_below(n)] = (unsigned char) test_random();
        }

        if (n != len || memcmp(p, record, n) != 0) {
            assert_int_equal(hx_tenant_decode(&t, p, n), HX_FAIL);
            assert_true(!hx_tenant_intact(p, n)
                        || hx_tenant_view(&t, p, n) == HX_FAIL);
        }

        test_view(p, n);
    }
}


/* Forged so that only the lengths are wrong: the checksum fits. */
static void
forged_lengths(void **state)
{
    size_t            i, k, len, pos;
    uint32_t          crc;
    hx_str_t          ns;
    unsigned          n, ok;
    hx_tenant_t       t;
    unsigned char    *p;
    hx_tenant_edit_t  e;

    test_golden(&e);
    len = test_encode(&e);
    ok = 0;

    for (i = 0; i < 200000; i++) {
        p = test_edge(record, len);

        for (k = 1 + test_below(3); k != 0; k--) {
            p[test_below(2) ? 40 + test_below(8) : 144 + test_below(25)] =
                              (unsigned char) (test_below(2) ? test_below(16)
                                                             : test_random());
        }

        crc = hx_crc32(hx_crc32(0, p, 4), p + 8, len - 8);
        p[4] = (unsigned char) crc;
        p[5] = (unsigned char) (crc >> 8);
        p[6] = (unsigned char) (crc >> 16);
        p[7] = (unsigned char) (crc >> 24);

        if (hx_tenant_decode(&t, p, len) != HX_OK) {
            continue;
        }

        /* accepted: then all of it lies inside and adds up */

        ok++;
        n = 0;

        for (pos = 0; hx_tenant_namespace(&t, &pos, &ns); n++) {
            assert_true(ns.data + ns.len <= p + len);
        }

        assert_int_equal(n, t.n_namespaces);
        assert_true(t.id.len >= 1 && t.id.len <= HX_TENANT_MAX);
        assert_true(t.email.len <= HX_EMAIL_MAX);
        assert_int_equal(48 + 48 * t.n_keys + t.plan.len + t.id.len
                         + t.email.len + pos, len);
        (void) hx_tenant_key_valid(&t, e.keys[0].hash, 0);
        (void) hx_tenant_edit(&e, &t);
        test_golden(&e);
    }

    assert_true(ok > 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(stored_form),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(walking_namespaces),
        cmocka_unit_test(keys_and_their_time),
        cmocka_unit_test(too_long_to_store),
        cmocka_unit_test(largest),
        cmocka_unit_test(every_flipped_bit),
        cmocka_unit_test(random_damage),
        cmocka_unit_test(forged_lengths)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
