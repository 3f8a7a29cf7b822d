/*
 * hx_base64.h -- standard base64 (RFC 4648 section 4), streaming, validating.
 *
 * Accepts exactly what a canonical encoder writes: the alphabet A-Z a-z 0-9 + /
 * with padding to a multiple of four, nothing after the padding, zero bits
 * behind the last byte.  Blanks, line ends, the URL-safe alphabet, missing
 * padding and non-zero trailing bits are refused.  Uses AVX-512 VBMI or AVX2
 * where the processor has it, else plain C, with the same results.
 */

#ifndef HX_BASE64_H
#define HX_BASE64_H

#include "hx_types.h"

typedef enum {
    HX_BASE64_OK = 0,
    HX_BASE64_E_INPUT,      /* not canonical base64, or cut short (finish) */
    HX_BASE64_E_SPACE       /* the decoded bytes do not fit the output */
} hx_base64_err_t;

/* Opaque to callers; no resources behind it, so nothing to free. */
typedef struct {
    unsigned char    quad[4];   /* characters of a group not yet complete */
    unsigned         n;         /* how many of them: 0..3 */
    unsigned         ended;     /* the padding has been seen */
    hx_base64_err_t  err;       /* sticky */
} hx_base64_dec_t;

/* Most bytes one feed of n characters can decode to. */
#define hx_base64_dec_max(n)  (((n) + 3) / 4 * 3)

/* Characters that n bytes encode to. */
#define hx_base64_enc_len(n)  (((n) + 2) / 3 * 4)


void hx_base64_dec_init(hx_base64_dec_t *d);

/*
 * Decodes the next len characters, split anywhere.  *written <= cap bytes are
 * stored at out (bytes between out + *written and out + cap may be changed as
 * well, beyond cap nothing is).  in and out must not overlap.
 *
 * HX_BASE64_OK: all of in was taken.  After an error *written bytes before it
 * are valid, and every further call returns the same error: E_SPACE is not
 * resumable, it is the caller's "payload too large".
 */
hx_base64_err_t hx_base64_dec_feed(hx_base64_dec_t *d, const unsigned char *in,
    size_t len, unsigned char *out, size_t cap, size_t *written);

/* The text is complete: HX_BASE64_OK, E_INPUT when a group is incomplete, or
 * the earlier error.  The empty text is OK. */
hx_base64_err_t hx_base64_dec_finish(const hx_base64_dec_t *d);

/*
 * Encodes len bytes to exactly hx_base64_enc_len(len) characters at out
 * (returned); out must have that room, nothing beyond it is written.  Padding
 * appears only when len is not a multiple of 3: a stream is encoded in pieces
 * that are multiples of 3, the last one excepted.
 */
size_t hx_base64_encode(unsigned char *out, const unsigned char *in,
    size_t len);

/* What this processor runs: "avx512", "avx2" or "scalar"; for logs. */
const char *hx_base64_impl(void);

#endif /* HX_BASE64_H */
