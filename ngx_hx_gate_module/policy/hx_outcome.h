/*
 * hx_outcome.h -- one fixed word for each decision the gate can take: the
 * value of $hx_gate_outcome.  Words are never renamed; new ones are appended.
 */

#ifndef HX_OUTCOME_H
#define HX_OUTCOME_H

#define HX_OUTCOMES(X)                                                        \
    X(NONE,              "-")                                                 \
    X(ALLOWED,           "allowed")                                           \
    X(MISSING_KEY,       "missing_key")                                       \
    X(INVALID_KEY,       "invalid_key")                                       \
    X(SUSPENDED,         "suspended")                                         \
    X(INVALID_REQUEST,   "invalid_request")                                   \
    X(UNKNOWN_OPERATION, "unknown_operation")                                 \
    X(METHOD,            "method_not_allowed")                                \
    X(TOO_LARGE,         "too_large")                                         \
    X(MEDIA_TYPE,        "unsupported_media_type")                            \
    X(NAMESPACE_DENIED,  "namespace_denied")                                  \
    X(STORE,             "store_unavailable")                                 \
    X(INTERNAL,          "internal_error")                                    \
    X(SERVICE_KEY,       "invalid_service_key")                               \
    X(ADMIN,             "admin")                                             \
    X(RATE_LIMITED,      "rate_limited")                                      \
    X(QUOTA_EXCEEDED,    "quota_exceeded")                                    \
    X(AUDIT,             "audit_unavailable")                                 \
    X(PREFLIGHT,         "preflight")                                         \
    X(SIGNATURE,         "invalid_signature")                                 \
    X(WEBHOOK,           "webhook")

typedef enum {
#define X(name, word)  HX_OUTCOME_##name,
    HX_OUTCOMES(X)
#undef X
    HX_OUTCOME_COUNT
} hx_outcome_t;

/* Static, NUL-terminated. */
const char *hx_outcome_word(hx_outcome_t o);

#endif /* HX_OUTCOME_H */
