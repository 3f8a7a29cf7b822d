/*
 * hx_stripe.h -- is a webhook from Stripe?  The Stripe-Signature header and the
 * HMAC over "<t>.<body>" (contract, section 7).  Pure: the time is an argument,
 * the body comes in pieces.
 *
 * Header:  t=<unix seconds>,v1=<64 hex>[,v1=<64 hex>...][,v<n>=<...>...]
 *
 * in any order (https://docs.stripe.com/webhooks#verify-manually: "schemes
 * start with v, followed by an integer").  What Stripe sends is accepted, and
 * nothing of what one of its libraries refuses: one t, without sign or leading
 * zero; hex digits in lower case; no blanks; schemes but v1 are passed over.
 * Stricter than they are: names that are no scheme, and a timestamp in the
 * future, are refused.
 */

#ifndef HX_STRIPE_H
#define HX_STRIPE_H

#include "hx_hmac.h"
#include "hx_types.h"

#define HX_STRIPE_SECRETS      4        /* while one is rolled */
#define HX_STRIPE_SIGNATURES   16       /* v1 in one header */
#define HX_STRIPE_HEADER_MAX   2048     /* bytes */
#define HX_STRIPE_BODY_MAX     1048576  /* bytes */
#define HX_STRIPE_TOLERANCE    300      /* seconds, by default */
#define HX_STRIPE_TIME_MAX     UINT64_C(253402300799)   /* the year 9999 */

typedef struct {
    hx_str_t       text;                /* of t, in the header: it is signed */
    uint64_t       t;
    unsigned       n;
    unsigned char  v1[HX_STRIPE_SIGNATURES][HX_HMAC_LEN];
} hx_stripe_signature_t;

/* HX_OK, or HX_NO: not such a header. */
hx_rc_t hx_stripe_parse(hx_stripe_signature_t *s, const unsigned char *header,
    size_t len);

/* HX_OK when t is within the tolerance of now, HX_NO when it is not. */
hx_rc_t hx_stripe_fresh(const hx_stripe_signature_t *s, uint64_t now,
    uint64_t tolerance);

/*
 * The n HMACs (HX_STRIPE_SECRETS at most) begin with what stands before the
 * body; the caller updates them with it.  HX_OK or HX_FAIL.
 */
hx_rc_t hx_stripe_begin(const hx_stripe_signature_t *s, hx_hmac_t *const *h,
    unsigned n);

/*
 * HX_OK when one of the signatures is by one of the secrets; HX_NO; HX_FAIL.
 * All are compared, in constant time.
 */
hx_rc_t hx_stripe_end(const hx_stripe_signature_t *s, hx_hmac_t *const *h,
    unsigned n);

#endif /* HX_STRIPE_H */
