/*
 * hx_audit_verify_test.c -- what the bounded lists of the verification do when
 * they are full, and that one record out of place is told by its name.  (Every
 * kind of change, by a generator of its own: t/e2e/test_hx_audit.py.)
 */

#include "hx_test.h"

#include "hx_audit_verify.h"
#include "hx_text.h"

#define TEST_LINES   20000
#define TEST_LINE    400

typedef struct {
    size_t          len;
    unsigned char   data[TEST_LINE];
} test_line_t;

static hx_crypto_t   *crypto;
static test_line_t   *lines;        /* begin, records, end */


static int
test_setup(void **state)
{
    size_t            i;
    hx_buf_t          b;
    hx_chain_t        chain, next;
    hx_checkpoint_t   cp;

    crypto = hx_crypto_create();
    assert_non_null(crypto);
    lines = calloc(TEST_LINES, sizeof(test_line_t));
    assert_non_null(lines);
    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);

    for (i = 0; i < TEST_LINES; i++) {
        hx_buf_init(&b, lines[i].data, TEST_LINE);

        if (i == 0 || i == TEST_LINES - 1) {
            cp.kind = i == 0 ? HX_CHAIN_BEGIN : HX_CHAIN_END;
            cp.node = test_str("n");
            cp.lost = 0;
            cp.key = NULL;

            assert_int_equal(hx_chain_checkpoint(crypto, &b, &cp,
                             (const unsigned char *) "2026-01-31T23:59:59.123Z",
                             &chain, &next), HX_OK);
            b.last--;

        } else {
            hx_buf_lit(&b, "{\"ts\":\"2026-01-31T23:59:59.123Z\",\"n\":");
            hx_text_u64(&b, i);
            assert_int_equal(hx_chain_link(crypto, &b, lines[i].data, &chain,
                                           &next), HX_OK);
            hx_buf_byte(&b, '}');
        }

        assert_true(hx_buf_ok(&b));
        lines[i].len = hx_buf_len(&b);
        chain = next;
    }

    return 0;
}


static int
test_end(void **state)
{
    free(lines);
    hx_crypto_free(crypto);

    return 0;
}


static hx_verify_t *
test_begin(void)
{
    hx_verify_t        *v;
    hx_verify_conf_t    conf;

    memset(&conf, 0, sizeof(conf));
    v = hx_verify_create(&conf);
    assert_non_null(v);
    hx_verify_file(v);

    return v;
}


static void
test_feed(hx_verify_t *v, size_t i, uint64_t number)
{
    assert_int_equal(hx_verify_line(v, test_edge(lines[i].data, lines[i].len),
                                    lines[i].len, number), HX_OK);
}


/* Findings of a kind, the number of them, and nothing else. */

static void
test_only(const hx_verify_result_t *r, hx_finding_t kind, uint64_t count,
    uint64_t line)
{
    assert_int_equal(r->finding[kind].count, count);
    assert_int_equal(hx_verify_findings(r), count);
    assert_int_equal(r->finding[kind].first.line, line);
}


static void
test_whole(void **state)
{
    size_t                     i;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    v = test_begin();

    for (i = 0; i < TEST_LINES; i++) {
        test_feed(v, i, i + 1);
    }

    r = hx_verify_end(v);
    assert_int_equal(hx_verify_findings(r), 0);
    assert_int_equal(r->records, TEST_LINES - 2);
    assert_int_equal(r->checkpoints, 2);
    assert_int_equal(r->unsigned_tail, TEST_LINES - 2);
    hx_verify_free(v);
}


/* More gaps than the list holds: all are found, the first is the first. */

static void
test_gaps(void **state)
{
    size_t                     i, n;
    uint64_t                   gaps;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    v = test_begin();
    gaps = 0;

    for (i = 0, n = 0; i < TEST_LINES; i++) {
        if (i % 3 == 1 && i < TEST_LINES - 1) {
            gaps++;

        } else {
            test_feed(v, i, ++n);
        }
    }

    assert_true(gaps > HX_VERIFY_GAPS);
    r = hx_verify_end(v);
    test_only(r, HX_FINDING_DELETE, gaps, 2);
    assert_int_equal(r->finding[HX_FINDING_DELETE].first.seq, 2);
    assert_int_equal(r->finding[HX_FINDING_DELETE].number, 1);
    hx_verify_free(v);
}


/* Late records from behind, which break one gap into many. */

static void
test_gap_in_pieces(void **state)
{
    size_t                     i, n;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    v = test_begin();
    test_feed(v, 0, 1);
    test_feed(v, TEST_LINES - 1, 2);

    for (i = 2, n = 2; i < TEST_LINES - 1; i += 2) {
        test_feed(v, i, ++n);
    }

    r = hx_verify_end(v);
    assert_int_equal(r->finding[HX_FINDING_EDIT].count, 0);
    assert_int_equal(r->finding[HX_FINDING_DELETE].count, TEST_LINES / 2 - 1);
    assert_int_equal(r->finding[HX_FINDING_SWAP].count, TEST_LINES / 2 - 1);
    hx_verify_free(v);
}


/* A late record that was changed as well. */

static void
test_late_and_edited(void **state)
{
    size_t                     i;
    test_line_t                saved;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    saved = lines[50];
    v = test_begin();

    for (i = 0; i < TEST_LINES; i++) {
        if (i == 51) {
            test_feed(v, 51, 51);
            lines[50].data[30] ^= 1;
            test_feed(v, 50, 52);
            lines[50] = saved;

        } else if (i != 50) {
            test_feed(v, i, i + 1);
        }
    }

    r = hx_verify_end(v);
    assert_int_equal(r->finding[HX_FINDING_SWAP].count, 1);
    assert_int_equal(r->finding[HX_FINDING_EDIT].count, 1);
    assert_int_equal(hx_verify_findings(r), 2);
    assert_int_equal(r->finding[HX_FINDING_EDIT].first.seq, 51);
    hx_verify_free(v);
}


/* More torn lines than the list holds: the oldest become findings. */

static void
test_torn(void **state)
{
    size_t                     i;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    v = test_begin();
    test_feed(v, 0, 1);

    for (i = 0; i < HX_VERIFY_TORN + 5; i++) {
        assert_int_equal(hx_verify_line(v, lines[1 + i].data, 45, 2 + i),
                         HX_OK);
    }

    for (i = 1; i < TEST_LINES; i++) {
        test_feed(v, i, 100 + i);
    }

    r = hx_verify_end(v);
    test_only(r, HX_FINDING_INSERT, 5, 2);
    assert_int_equal(r->note[HX_NOTE_TORN].count, HX_VERIFY_TORN);
    hx_verify_free(v);
}


/* The ring tells a copy from a forgery as far back as promised. */

static void
test_ring(void **state)
{
    size_t                     i;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    v = test_begin();

    for (i = 0; i < 5000; i++) {
        test_feed(v, i, i + 1);
    }

    for (i = 0; i < HX_VERIFY_RING; i++) {
        test_feed(v, 4999 - i, 5001 + i);
    }

    r = hx_verify_end(v);
    assert_int_equal(r->finding[HX_FINDING_DUPLICATE].count, HX_VERIFY_RING);
    assert_int_equal(r->finding[HX_FINDING_INSERT].count, 0);
    hx_verify_free(v);

    v = test_begin();

    for (i = 0; i < 5000; i++) {
        test_feed(v, i, i + 1);
    }

    test_feed(v, 4999 - HX_VERIFY_RING, 5001);
    r = hx_verify_end(v);
    assert_int_equal(r->finding[HX_FINDING_DUPLICATE].count, 0);
    assert_int_equal(r->finding[HX_FINDING_INSERT].count, 1);
    hx_verify_free(v);
}


/* Any two lines in each other's place, any line left out, any one doubled. */

static void
test_small_changes(void **state)
{
    size_t                     a, b, i, k, n;
    unsigned                   how;
    hx_verify_t               *v;
    const hx_verify_result_t  *r;

    n = 12;

    for (how = 0; how < 3; how++) {
        for (a = 0; a < n; a++) {
            for (b = a + 1; b < n; b++) {
                v = test_begin();

                for (i = 0; i < n; i++) {
                    k = i;

                    if (how == 0) {
                        k = i == a ? b : i == b ? a : i;

                    } else if (how == 1 && i >= a && i < b) {
                        continue;
                    }

                    if (how == 2 && i == b) {
                        test_feed(v, a, 90);
                    }

                    test_feed(v, k == n - 1 ? TEST_LINES - 1 : k, i + 1);
                }

                r = hx_verify_end(v);

                /* the jump from n - 2 to the end is a finding of its own */

                if (how == 1 && a == 0 && b == n - 1) {

                    /* the end alone: it may be of an older file */

                    assert_int_equal(hx_verify_findings(r), 0);
                    assert_int_equal(r->note[HX_NOTE_CONTINUED].count, 1);

                } else if (hx_verify_findings(r)
                           < (how == 1 && b == n - 1 ? 1 : 2))
                {
                    fail_msg("how %u: %zu %zu", how, a, b);
                }

                hx_verify_free(v);
            }
        }
    }
}


static void
test_words(void **state)
{
    assert_string_equal(hx_finding_word(HX_FINDING_EDIT), "edit");
    assert_string_equal(hx_finding_word(HX_FINDING_COUNT), "-");
    assert_string_equal(hx_note_word(HX_NOTE_TORN), "torn");
    assert_string_equal(hx_note_word(HX_NOTE_COUNT), "-");
    hx_verify_free(NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_gap_in_pieces),
        cmocka_unit_test(test_late_and_edited),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_small_changes),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, test_setup, test_end);
}
