/*
 * hx_api_source_test.c -- what a train's source charges to the turn of whoever
 * sends it: nothing for a smooth train; at large rank so much that a turn ends
 * after a few steps, and no call makes more than one.
 */

#include "hx_test_store.h"
#include "hx_api_stream.h"
#include "hx_base64.h"

#define TEST_D      20
#define TEST_TURN   1048576             /* HX_CONN_TURN */

typedef struct {
    unsigned  turns;
    unsigned  calls;                    /* into what computes */
    size_t    most;                     /* charged by one call */
    uint64_t  charged;
} test_count_t;

static hx_budget_t  budget = { 0, UINT64_C(256) << 20 };


static void
test_put_train(const char *key, hx_dtype_t dtype, uint32_t rank)
{
    int             calls;
    double         *core;
    size_t          i, n;
    unsigned        k;
    hx_tt_t        *t;
    hx_store_op_t   op;

    calls = 0;
    fill(&op, HX_STORE_PUT, key, NULL, 0, &calls);
    t = &op.record.tt;
    t->d = TEST_D;
    t->order = HX_TT_ROWS;

    for (k = 0; k <= TEST_D; k++) {
        n = (size_t) 1 << (k < TEST_D - k ? k : TEST_D - k);
        t->rank[k] = n < rank ? (uint32_t) n : rank;
    }

    n = (size_t) hx_tt_values(t);
    core = malloc(n * sizeof(double));
    assert_non_null(core);

    for (i = 0; i < n; i++) {
        core[i] = (double) test_below(1000) / 1000 - 0.5;
    }

    op.record.codec = HX_CODEC_TT;
    op.record.verdict = HX_VERDICT_EXACT;
    op.record.norm = 1;
    op.record.array.dtype = dtype;
    op.record.array.dim[0] = (UINT64_C(1) << TEST_D) - 1000;
    op.record.length = op.record.array.dim[0] * hx_dtype_size(dtype);
    op.value.data = (const unsigned char *) core;
    op.value.len = n * sizeof(double);

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_OK);
    free(core);
}


static void
test_turn(test_count_t *c, const hx_stream_t *st, size_t *turn)
{
    size_t  n;

    n = hx_stream_worked(st);
    c->most = n > c->most ? n : c->most;
    c->charged += n;
    c->calls++;
    *turn += n;
}


/* As hx_conn_pass() and hx_conn_encode() do it, to a socket that takes all. */
static size_t
test_send(test_count_t *c, const char *key, int base64, unsigned char *out)
{
    size_t           n, turn, len;
    hx_str_t         piece;
    hx_record_t      r;
    hx_stream_t      st;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    memset(&st, 0, sizeof(st));
    memset(c, 0, sizeof(*c));
    assert_int_equal(get(key, 0, &r, &v), HX_STORE_OK);
    assert_int_equal(hx_source_create(&st.source, &v, &r, &budget),
                     HX_STORE_OK);
    st.last = hx_source_length(st.source);
    assert_int_equal(st.last, r.length);

    for (len = 0; !hx_stream_done(&st); c->turns++) {
        for (turn = 0; turn < TEST_TURN && !hx_stream_done(&st); turn += n) {
            n = 0;

            if (base64) {
                assert_int_equal(hx_stream_encode(&st, &v, out + len, 65536,
                                                  &n), HX_STORE_OK);

            } else {
                rc = hx_stream_peek(&st, &v, &piece);
                assert_true(rc == HX_STORE_OK || rc == HX_STORE_BUSY);

                if (rc == HX_STORE_OK) {
                    /* a socket takes what it likes */
                    n = 1 + test_below(piece.len);
                    memcpy(out + len, piece.data, n);
                    st.pos += n;
                }
            }

            test_turn(c, &st, &turn);
            len += n;
        }
    }

    hx_source_free(st.source);
    hx_store_view_end(&v);
    assert_int_equal(atomic_load(&budget.used), 0);

    return len;
}


/* What was sent as base64 is what was sent as bytes. */
static void
test_train_sent(const char *key, test_count_t *raw, test_count_t *text)
{
    size_t          i, n, len, m;
    unsigned char  *bytes, *out, *back;

    bytes = malloc((size_t) 16 << 20);
    out = malloc((size_t) 16 << 20);
    assert_true(bytes != NULL && out != NULL);

    n = test_send(raw, key, 0, bytes);
    len = test_send(text, key, 1, out);
    assert_int_equal(len, (n + 2) / 3 * 4);

    back = malloc(len + 65536);
    assert_non_null(back);

    for (i = 0, m = 0; i < n; i += 3) {
        m += hx_base64_encode(back + m, bytes + i, n - i < 3 ? n - i : 3);
    }

    assert_memory_equal(out, back, len);
    free(bytes);
    free(out);
    free(back);
}


static void
test_smooth(void **state)
{
    test_count_t  raw, text;

    test_put_train("smooth", HX_DTYPE_F8, 12);
    test_train_sent("smooth", &raw, &text);

    assert_int_equal(raw.charged, 0);
    assert_int_equal(text.charged, 0);
    assert_true(raw.turns <= 8);

    test_put_train("bytes", HX_DTYPE_I1, 12);
    test_train_sent("bytes", &raw, &text);
    assert_int_equal(raw.charged, 0);
    assert_int_equal(text.charged, 0);
}


static void
test_wide(void **state)
{
    unsigned          i;
    test_count_t      raw, text;
    const hx_dtype_t  dtype[] = { HX_DTYPE_I1, HX_DTYPE_F8 };

    for (i = 0; i < hx_nelts(dtype); i++) {
        test_put_train("wide", dtype[i], 500);
        test_train_sent("wide", &raw, &text);

        /* a call: at most a step, a quarter of a turn; or a small one more */
        assert_true(raw.most != 0 && raw.most <= TEST_TURN / 4);
        assert_true(text.most != 0 && text.most <= TEST_TURN / 2);

        /* 2^20 x 500 multiply-adds, a third more for fetching R: 32 a byte */
        assert_true(raw.charged >= (UINT64_C(1) << TEST_D) * 500 / 32);
        assert_true(raw.charged <= (UINT64_C(1) << TEST_D) * 500 / 32 * 2);
        assert_true(raw.turns >= raw.charged / TEST_TURN / 2);
        assert_true(raw.turns > 8 && text.turns > 8);
    }
}


static int
test_open(void **state)
{
    assert_int_equal(test_dir_make(state), 0);
    open_store((size_t) 256 << 20, 16);

    return 0;
}


static int
test_close(void **state)
{
    hx_store_close(store);

    return test_dir_remove(state);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_smooth, test_open, test_close),
        cmocka_unit_test_setup_teardown(test_wide, test_open, test_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
