/*
 * hx_api_body_test.c -- put's body reader fed in any pieces: the same members,
 * value, metadata, or the same error; and nothing left in the budget.
 */

#include "hx_test.h"
#include "hx_api_body.h"

#define FIELDS                                                                \
    (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_NAMESPACE)                    \
     | hx_field_bit(HX_F_DATA) | hx_field_bit(HX_F_METADATA)                  \
     | hx_field_bit(HX_F_SHAPE) | hx_field_bit(HX_F_EXPECTED))

typedef struct {
    unsigned        seen;
    unsigned        status;
    size_t          value_len;
    uint32_t        value_sum;
    size_t          meta_len;
    unsigned char   meta[1024];
    unsigned char   error[1024];
    size_t          error_len;
    unsigned        ndim;
} result_t;

static hx_budget_t  budget;
static hx_reply_t   reply;


/* The whole text, in pieces of 1 .. most bytes (0 = at once). */
static void
take(result_t *out, const char *text, size_t len, size_t most,
    uint64_t max_upload, int known_length)
{
    int         rc;
    size_t      i, n;
    hx_body_t  *b;

    memset(out, 0, sizeof(*out));
    hx_reply_init(&reply);
    reply.request_id = test_str("id");
    rc = 0;

    b = hx_body_create(&reply, &budget, max_upload, FIELDS,
                       known_length ? len : UINT64_MAX);

    if (b != NULL) {
        for (i = 0; rc == 0 && i < len; i += n) {
            n = most == 0 ? len - i : 1 + test_below(most);
            n = n < len - i ? n : len - i;
            rc = hx_body_feed(b, test_edge(text + i, n), n);
        }

        if (rc == 0) {
            rc = hx_body_finish(b);
        }
    }

    if (b == NULL || rc != 0) {
        assert_int_not_equal(reply.status, 0);
        out->status = reply.status;
        out->error_len = hx_buf_len(&reply.body);
        memcpy(out->error, reply.body.start, out->error_len);

    } else {
        out->seen = b->seen;
        out->value_len = b->value_len;
        out->ndim = b->hint.ndim;

        for (i = 0; i < b->value_len; i++) {
            out->value_sum = out->value_sum * 31 + b->value[i];
        }

        if (hx_body_has(b, HX_F_METADATA)) {
            out->meta_len = hx_buf_len(&b->meta);
            memcpy(out->meta, b->meta.start, out->meta_len < 1024
                                             ? out->meta_len : 1024);
        }
    }

    hx_body_free(b);
    hx_reply_clear(&reply);
    assert_int_equal(atomic_load(&budget.used), 0);
}


static void
test_splits_do_not_matter(void **state)
{
    int            i;
    size_t         k, n, len;
    result_t       a, b;
    static char    text[20000];
    static char    data[8001];
    static const char  form[] =
        "{\"data_b64\":\"%.*s\",\"key\":\"k\\u0041\",\"extra\":{\"a\":[%d]},"
        "\"metadata\":{\"\\u00e9\":[1.50,\"\xc3\xa9\\n\",{\"x\":null}],"
        "\"t\":true},\"shape\":[1,2,3],\"expected_version\":7}";

    for (i = 0; i < 3000; i++) {
        n = i % 3 == 0 ? 4 * test_below(2000) : 4 * test_below(8);
        memset(data, 'A', n);

        for (k = 0; k < n; k += 1 + test_below(64)) {
            data[k] = "bcdefghijk+/0123"[test_below(16)];
        }

        len = (size_t) snprintf(text, sizeof(text), form, (int) n, data, i);

        for (k = test_below(4) == 0 ? test_below(3) : 0; k != 0; k--) {
            text[test_below(len)] = (char) test_random();
        }

        take(&a, text, len, 0, 100000, 1);
        take(&b, text, len, i % 2 ? 3 : 700, 100000, i % 5 != 0);
        assert_memory_equal(&a, &b, sizeof(a));
    }
}


static void
test_metadata_is_compact(void **state)
{
    result_t           r;
    static const char  text[] =
        "{ \"metadata\" : { \"a\" : [ 1 , -2.50e+3 , [ ] , { } ] , "
        "\"b\\/\" : \"\\u00e9\\ud83d\\ude00\\u0000\\\"\" } }";
    static const char  want[] =
        "{\"a\":[1,-2.50e+3,[],{}],\"b/\":\"\xc3\xa9\xf0\x9f\x98\x80"
        "\\u0000\\\"\"}";

    take(&r, text, sizeof(text) - 1, 1, 1000, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.meta_len, sizeof(want) - 1);
    assert_memory_equal(r.meta, want, sizeof(want) - 1);
}


static void
test_limits(void **state)
{
    result_t     r;
    static char  text[1400];

    memset(text, ' ', sizeof(text));
    memcpy(text, "{\"data_b64\":\"AAAA\"}", 19);

    take(&r, text, 19, 0, 3, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.value_len, 3);
    take(&r, text, 19, 0, 2, 1);
    assert_int_equal(r.status, 413);

}


/* The first 64 KiB of a value are free, all others are taken when they come. */
static void
test_budget_of_values(void **state)
{
    size_t       n;
    result_t     r;
    hx_body_t   *b;
    static char  text[100000 / 3 * 4 + 100];

    memset(text, 'A', sizeof(text));
    memcpy(text, "{\"data_b64\":\"", 13);
    n = 65000 / 3 * 4;
    memcpy(text + 13 + n, "\"}", 2);
    budget.max = 0;

    take(&r, text, n + 15, 0, 100000, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.value_len, 64998);
    take(&r, text, n + 15, 100, 100000, 0);
    assert_int_equal(r.status, 0);

    memset(text + 13 + n, 'A', 1000);
    memcpy(text + 13 + n + 1000, "\"}", 2);
    take(&r, text, n + 1015, 0, 100000, 1);
    assert_int_equal(r.status, 503);
    take(&r, text, n + 1015, 100, 100000, 0);
    assert_int_equal(r.status, 503);

    /* announced only */

    budget.max = UINT64_C(1) << 40;
    hx_reply_init(&reply);
    b = hx_body_create(&reply, &budget, 100000, FIELDS, 120000);
    assert_non_null(b);
    assert_int_equal(hx_body_feed(b, (unsigned char *) text, 1000), 0);
    assert_int_equal(atomic_load(&budget.used), 0);
    assert_int_equal(hx_body_feed(b, (unsigned char *) text + 1000, n - 1000),
                     0);
    assert_int_equal(atomic_load(&budget.used), 0);
    assert_int_equal(hx_body_feed(b, (unsigned char *) text + 1000, 1000), 0);
    assert_true(atomic_load(&budget.used) >= 500);
    hx_body_free(b);
    assert_int_equal(atomic_load(&budget.used), 0);
}


/* Takes n bytes where the body says, else by copying; 0 or -1. */
static int
take_raw(hx_body_t *b, const unsigned char *p, size_t n)
{
    size_t          len, cap;
    unsigned char  *room;

    for ( /* void */ ; n != 0; p += len, n -= len) {
        len = 1 + test_below(300000);
        len = len < n ? len : n;
        room = test_below(3) != 0 ? hx_value_room(b, &cap) : NULL;

        if (room != NULL) {
            len = len < cap ? len : cap;
            memcpy(room, p, len);
        }

        if (reply.status != 0
            || hx_body_feed(b, room != NULL ? room : p, len) != 0)
        {
            return -1;
        }
    }

    return hx_body_finish(b);
}


/* Every size has its pages and its share of the budget: not less than it
 * takes, a huge page more at most, and all of an empty budget if need be. */
static void
test_raw_values(void **state)
{
    static const size_t  sizes[] = {
        1, 65536, 65537, 262144, 262145, 1048576, 1048577, 2359296, 2359297,
        4194303, 4194304, 10000001
    };

    size_t          i, n, extra, counted;
    hx_body_t      *b;
    unsigned char  *data;

    data = malloc(10000001);
    assert_non_null(data);
    test_fill(data, 10000001);

    for (i = 0; i < hx_nelts(sizes) * 2; i++) {
        n = sizes[i / 2];
        extra = i % 2;
        counted = n > 65536 ? n - 65536 : 0;

        hx_reply_init(&reply);
        budget.max = UINT64_C(1) << 40;
        b = hx_body_create_raw(&reply, &budget, UINT64_C(1) << 24, FIELDS,
                               extra ? UINT64_MAX : n, HX_RAW_OCTETS);
        assert_non_null(b);
        assert_int_equal(take_raw(b, data, n), 0);
        assert_int_equal(b->value_len, n);
        assert_memory_equal(b->value, data, n);
        assert_true(atomic_load(&budget.used) >= counted);
        assert_true(atomic_load(&budget.used) <= counted + 2097152);
        hx_body_free(b);
        assert_int_equal(atomic_load(&budget.used), 0);

        /* as much as there is, and one byte less */

        hx_reply_init(&reply);
        budget.max = counted != 0 ? counted - extra : 0;
        b = hx_body_create_raw(&reply, &budget, UINT64_C(1) << 24, FIELDS, n,
                               HX_RAW_OCTETS);

        if (counted != 0 && extra) {
            assert_null(b);
            assert_int_equal(reply.status, 503);

        } else {
            assert_non_null(b);
            assert_int_equal(take_raw(b, data, n), 0);
            hx_body_free(b);
        }

        assert_int_equal(atomic_load(&budget.used), 0);
        hx_reply_clear(&reply);
    }

    free(data);
    budget.max = UINT64_C(1) << 40;
}


static void
test_errors(void **state)
{
    size_t             i;
    result_t           r;
    static const char *const  bad[][2] = {
        { "{\"key\":1}", "Field 'key' must be a string" },
        { "{\"key\":\"a\",\"k\\u0065y\":\"b\"}", "Duplicate field 'key'" },
        { "{\"data_b64\":\"A\"}", "Invalid base64 in 'data_b64'" },
        { "{\"shape\":[1,[2]]}",
          "Field 'shape' must be an array of whole numbers" },
        { "[1]", "Request body must be a JSON object" },
        { "{\"key\":\"a\"", "Invalid JSON body" }
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        take(&r, bad[i][0], strlen(bad[i][0]), 1, 1000, 1);
        assert_int_equal(r.status, 400);
        assert_non_null(strstr((char *) r.error, bad[i][1]));
    }
}


static void
test_budget(void **state)
{
    hx_budget_t  b;

    atomic_init(&b.used, 0);
    b.max = 10;
    assert_int_equal(hx_budget_take(&b, 11), HX_NO);
    assert_int_equal(hx_budget_take(&b, UINT64_MAX), HX_NO);
    assert_int_equal(hx_budget_take(&b, 6), HX_OK);
    assert_int_equal(hx_budget_take(&b, 5), HX_NO);
    assert_int_equal(hx_budget_take(&b, 4), HX_OK);
    assert_int_equal(hx_budget_take(&b, 1), HX_NO);
    hx_budget_give(&b, 6);
    assert_int_equal(hx_budget_take(&b, 6), HX_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_splits_do_not_matter),
        cmocka_unit_test(test_metadata_is_compact),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_budget_of_values),
        cmocka_unit_test(test_raw_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_budget)
    };

    budget.max = UINT64_C(1) << 40;

    return cmocka_run_group_tests_name("hx_api_body", tests, NULL, NULL);
}
