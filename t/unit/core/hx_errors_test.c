/*
 * hx_errors_test.c -- words and statuses are documented: this table is a second
 * copy on purpose, so that no edit of the first goes unseen.
 */

#include "hx_test.h"

#include "hx_errors.h"

typedef struct {
    hx_error_t   e;
    unsigned     status;
    const char  *word;
} hx_documented_t;

static const hx_documented_t  rows[] = {
    { HX_E_NONE, 0, "" },
    { HX_E_INVALID_REQUEST, 400, "invalid_request" },
    { HX_E_INVALID_SIGNATURE, 400, "invalid_signature" },
    { HX_E_UNAUTHORIZED, 401, "unauthorized" },
    { HX_E_FORBIDDEN, 403, "forbidden" },
    { HX_E_NOT_FOUND, 404, "not_found" },
    { HX_E_METHOD_NOT_ALLOWED, 405, "method_not_allowed" },
    { HX_E_REQUEST_TIMEOUT, 408, "request_timeout" },
    { HX_E_CONFLICT, 409, "conflict" },
    { HX_E_PRECONDITION, 412, "precondition_failed" },
    { HX_E_TOO_LARGE, 413, "too_large" },
    { HX_E_URI_TOO_LONG, 414, "uri_too_long" },
    { HX_E_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type" },
    { HX_E_RATE_LIMITED, 429, "rate_limited" },
    { HX_E_QUOTA_EXCEEDED, 429, "quota_exceeded" },
    { HX_E_INTERNAL, 500, "internal" },
    { HX_E_NOT_AVAILABLE, 501, "not_available" },
    { HX_E_ENGINE_UNREACHABLE, 502, "engine_unreachable" },
    { HX_E_UNAVAILABLE, 503, "unavailable" },
    { HX_E_ENGINE_TIMEOUT, 504, "engine_timeout" }
};


static void
table(void **state)
{
    size_t  i;

    assert_int_equal(hx_nelts(rows), HX_E_COUNT);

    for (i = 0; i < hx_nelts(rows); i++) {
        assert_int_equal(rows[i].e, i);
        assert_int_equal(hx_error_status(rows[i].e), rows[i].status);
        assert_string_equal(hx_error_word(rows[i].e), rows[i].word);
    }
}


/* A number that is no error is treated as our own fault, never as "none". */
static void
outside(void **state)
{
    assert_int_equal(hx_error_status(HX_E_COUNT), 500);
    assert_string_equal(hx_error_word(HX_E_COUNT), "internal");
    assert_int_equal(hx_error_status((hx_error_t) -1), 500);
    assert_string_equal(hx_error_word((hx_error_t) -1), "internal");
}


static void
of_status(void **state)
{
    size_t      i;
    unsigned    status;
    hx_error_t  want;

    for (status = 400; status < 600; status++) {
        want = status >= 500 ? HX_E_INTERNAL : HX_E_INVALID_REQUEST;

        for (i = hx_nelts(rows); i-- != 0; /* void */) {
            if (rows[i].status == status) {
                want = rows[i].e;
            }
        }

        assert_int_equal(hx_error_of_status(status), want);

        /* the kind of trouble never changes: 5xx stays 5xx, 4xx stays 4xx */
        assert_int_equal(hx_error_status(want) / 100, status / 100);
    }

    assert_int_equal(hx_error_of_status(429), HX_E_RATE_LIMITED);
    assert_int_equal(hx_error_of_status(0), HX_E_INVALID_REQUEST);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(outside),
        cmocka_unit_test(of_status)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
