/*
 * hx_errors.h -- every error a client can see: the stable word of the "error"
 * member and the status it goes with (contract, section 4).  The table is the
 * only place where the two are joined.
 */

#ifndef HX_ERRORS_H
#define HX_ERRORS_H

#include "hx_types.h"

#define HX_ERRORS(X)                                                          \
    X(INVALID_REQUEST,        400, "invalid_request")                         \
    X(INVALID_SIGNATURE,      400, "invalid_signature")                       \
    X(UNAUTHORIZED,           401, "unauthorized")                            \
    X(FORBIDDEN,              403, "forbidden")                               \
    X(NOT_FOUND,              404, "not_found")                               \
    X(METHOD_NOT_ALLOWED,     405, "method_not_allowed")                      \
    X(REQUEST_TIMEOUT,        408, "request_timeout")                         \
    X(CONFLICT,               409, "conflict")                                \
    X(PRECONDITION,           412, "precondition_failed")                     \
    X(TOO_LARGE,              413, "too_large")                               \
    X(URI_TOO_LONG,           414, "uri_too_long")                            \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type")                  \
    X(RATE_LIMITED,           429, "rate_limited")                            \
    X(QUOTA_EXCEEDED,         429, "quota_exceeded")                          \
    X(INTERNAL,               500, "internal")                                \
    X(NOT_AVAILABLE,          501, "not_available")                           \
    X(ENGINE_UNREACHABLE,     502, "engine_unreachable")                      \
    X(UNAVAILABLE,            503, "unavailable")                             \
    X(ENGINE_TIMEOUT,         504, "engine_timeout")

typedef enum {
    HX_E_NONE = 0,
#define X(name, status, word)  HX_E_##name,
    HX_ERRORS(X)
#undef X
    HX_E_COUNT
} hx_error_t;

/* HTTP status of an error; 0 for HX_E_NONE. */
unsigned hx_error_status(hx_error_t e);

/* The stable word, static, NUL-terminated; "" for HX_E_NONE. */
const char *hx_error_word(hx_error_t e);

/*
 * The error that stands for a bare HTTP status, for answers that nginx itself
 * produced: the first in the table with that status, else INTERNAL for 5xx and
 * INVALID_REQUEST for other 4xx.
 */
hx_error_t hx_error_of_status(unsigned status);

#endif /* HX_ERRORS_H */
