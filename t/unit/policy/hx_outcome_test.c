/*
 * hx_outcome_test.c -- the words of $hx_gate_outcome stand in dashboards and
 * log filters: none is ever renamed, none stands for two decisions.
 */

#include "hx_test.h"

#include "hx_outcome.h"


static void
words(void **state)
{
    unsigned  i, k;

    static const char *const  known[] = {
        "-", "allowed", "missing_key", "invalid_key", "suspended",
        "invalid_request", "unknown_operation", "method_not_allowed",
        "too_large", "unsupported_media_type", "namespace_denied",
        "store_unavailable", "internal_error",
        "invalid_service_key", "admin", "rate_limited", "quota_exceeded",
        "audit_unavailable", "preflight"
    };

    assert_int_equal(HX_OUTCOME_NONE, 0);
    assert_true(HX_OUTCOME_COUNT >= hx_nelts(known));

    for (i = 0; i < hx_nelts(known); i++) {
        assert_string_equal(hx_outcome_word((hx_outcome_t) i), known[i]);
    }

    for (i = 0; i < HX_OUTCOME_COUNT; i++) {
        for (k = 0; k < i; k++) {
            assert_string_not_equal(hx_outcome_word((hx_outcome_t) i),
                                    hx_outcome_word((hx_outcome_t) k));
        }
    }

    assert_string_equal(hx_outcome_word(HX_OUTCOME_COUNT), "-");
    assert_string_equal(hx_outcome_word((hx_outcome_t) -1), "-");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(words)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
