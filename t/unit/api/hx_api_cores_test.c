/*
 * hx_api_cores_test.c -- bodies of put_cores and put_cores_batch, fed in any
 * pieces: the same items, cores and values, or the same error; and nothing
 * left in the budget.
 */

#include "hx_test.h"
#include "hx_api_body.h"

#define BATCH   (hx_field_bit(HX_F_NAMESPACE) | hx_field_bit(HX_F_ITEMS))
#define SINGLE  (hx_field_bit(HX_F_NAMESPACE) | HX_ITEM_FIELDS)

typedef struct {
    unsigned        status;
    unsigned        n_items;
    unsigned        n_cores;
    uint32_t        sum;                /* of everything else */
    unsigned char   error[512];
    size_t          error_len;
} result_t;

static hx_budget_t  budget;
static hx_reply_t   reply;


static void
mix(result_t *out, const void *p, size_t len)
{
    size_t                i;
    const unsigned char  *b = p;

    for (i = 0; i < len; i++) {
        out->sum = out->sum * 16777619u + b[i] + 1;
    }
}


static void
mix_item(result_t *out, const hx_body_item_t *it)
{
    mix(out, it->key.data, it->key.len);
    mix(out, it->domain.data, it->domain.len);
    mix(out, it->dtype.data, it->dtype.len);
    mix(out, it->metadata.data, it->metadata.len);
    mix(out, &it->seen, sizeof(it->seen));
    mix(out, &it->expected, sizeof(it->expected));
    mix(out, &it->length, sizeof(it->length));
    mix(out, it->hint.dim, it->hint.ndim * sizeof(it->hint.dim[0]));
    mix(out, &it->first_core, sizeof(it->first_core));
    mix(out, &it->n_cores, sizeof(it->n_cores));
}


/* The whole text, in pieces of 1 .. most bytes (0 = at once). */
static void
take(result_t *out, unsigned allowed, const char *text, size_t most)
{
    int          rc;
    size_t       i, n, len;
    unsigned     k;
    hx_body_t   *b;

    len = strlen(text);
    memset(out, 0, sizeof(*out));
    hx_reply_init(&reply);
    reply.request_id = test_str("id");
    rc = 0;

    b = hx_body_create(&reply, &budget, 1 << 20, allowed, len);
    assert_non_null(b);

    for (i = 0; rc == 0 && i < len; i += n) {
        n = most == 0 ? len - i : 1 + test_below(most);
        n = n < len - i ? n : len - i;
        rc = hx_body_feed(b, test_edge(text + i, n), n);
    }

    if (rc == 0) {
        rc = hx_body_finish(b);
    }

    if (rc == 0 && allowed == SINGLE) {
        rc = hx_items_keep(b);
    }

    if (rc != 0) {
        assert_int_not_equal(reply.status, 0);
        out->status = reply.status;
        out->error_len = hx_buf_len(&reply.body);
        assert_true(out->error_len < sizeof(out->error));
        memcpy(out->error, reply.body.start, out->error_len);

    } else {
        out->n_items = b->n_items;
        out->n_cores = b->n_cores;
        mix(out, b->value, b->value_len);

        for (k = 0; k < b->n_items; k++) {
            mix_item(out, &b->item[k]);
        }

        for (k = 0; k < b->n_cores; k++) {
            mix(out, b->core[k].shape, sizeof(b->core[k].shape));
            mix(out, &b->core[k].off, sizeof(size_t));
            mix(out, &b->core[k].len, sizeof(size_t));
        }
    }

    hx_body_free(b);
    hx_reply_clear(&reply);
    assert_true(atomic_load(&budget.used) == 0);
}


#define C1  "{\"shape\":[1,2,1],\"data_b64\":\"AAAAAAAA8D8AAAAAAADwPw==\"}"
#define C2  "{\"x\":{\"shape\":[9],\"y\":[[1,{}]]},"                          \
            "\"data_b64\":\"AAAAAAAA8D8AAAAAAABAPw==\",\"shape\":[1, 2, 1],"  \
            "\"z\":\"data_b64\"}"

static const struct {
    unsigned     allowed;
    const char  *text;
    unsigned     items;                 /* 0: an error */
    unsigned     cores;
} bodies[] = {
    { SINGLE, "{\"key\":\"k\",\"cores\":[" C1 "," C2 "],\"length\":4}", 1, 2 },
    { SINGLE, "{\"cores\":[],\"metadata\":{\"a\":[1,{\"b\":null}]}}", 1, 0 },
    { SINGLE, "{\"cores\":null,\"domain\":null,\"shape\":[2,2]}", 1, 0 },
    { SINGLE, "{\"cores\":[" C1 ",[]]}", 0, 0 },
    { SINGLE, "{\"cores\":[{\"shape\":[1,2,1,1]}]}", 0, 0 },
    { SINGLE, "{\"cores\":[{\"shape\":[1,2]}]}", 0, 0 },
    { BATCH, "{\"items\":[{\"key\":\"a\",\"cores\":[" C1 "]},"
             "{\"cores\":[" C2 "," C1 "],\"metadata\":{\"m\":\"x\"},"
             "\"key\":\"b\",\"expected_version\":3,\"dtype\":\"<f4\"},{}],"
             "\"namespace\":\"n\"}", 3, 3 },
    { BATCH, "{\"items\":[{\"metadata\":{\"a\":1},\"key\":\"a\"},"
             "{\"metadata\":{\"b\":{\"c\":2}}}],\"other\":[{}]}", 2, 0 },
    { BATCH, "{\"items\":[{\"metadata\":{\"a\":1}},{\"metadata\":[]}]}", 0, 0 },
    { BATCH, "{\"items\":[{\"other\":{\"key\":\"q\",\"cores\":[5]}}]}", 1, 0 },
    { BATCH, "{\"items\":[{\"key\":1}]}", 0, 0 },
    { BATCH, "{\"items\":[{}],\"items\":[{}]}", 0, 0 },
    { BATCH, "{\"items\":[{},5]}", 0, 0 },
    { BATCH, "{\"items\":[{}]", 0, 0 }
};


static void
test_any_pieces(void **state)
{
    size_t     i, most;
    unsigned   round;
    result_t   want, got;

    for (i = 0; i < hx_nelts(bodies); i++) {
        take(&want, bodies[i].allowed, bodies[i].text, 0);
        assert_int_equal(want.n_items, bodies[i].items);
        assert_int_equal(want.n_cores, bodies[i].cores);
        assert_int_equal(want.status, bodies[i].items != 0 ? 0 : 400);

        for (most = 1; most < 40; most += 3) {
            for (round = 0; round < 10; round++) {
                take(&got, bodies[i].allowed, bodies[i].text, most);
                assert_memory_equal(&got, &want, sizeof(got));
            }
        }
    }
}


/* Any text with one character changed: an answer, and everything given back. */
static void
test_damaged_text(void **state)
{
    char      text[1024];
    size_t    i, at;
    unsigned  round;
    result_t  out;

    for (i = 0; i < hx_nelts(bodies); i++) {
        for (round = 0; round < 2000; round++) {
            memcpy(text, bodies[i].text, strlen(bodies[i].text) + 1);
            at = test_below(strlen(text));
            text[at] = "{}[],:\"0a\\n "[test_below(12)];
            take(&out, bodies[i].allowed, text, 1 + test_below(60));
            assert_true(out.status == 0 || out.status == 400);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_any_pieces),
        cmocka_unit_test(test_damaged_text)
    };

    budget.max = 1 << 22;

    return cmocka_run_group_tests_name("hx_api_cores", tests, NULL, NULL);
}
