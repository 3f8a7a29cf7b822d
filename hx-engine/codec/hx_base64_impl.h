/*
 * hx_base64_impl.h -- the block loops behind hx_base64.h.
 *
 * Private to hx_base64*.c and their test, which compares each with the plain
 * one.  A decoder takes groups of four characters as long as they are plain
 * alphabet and the output has room, and says how many characters it took (a
 * multiple of 4, 3/4 as many bytes are at out); where it stops short, and at
 * the padding, the caller looks closer.  It may write anything below out +
 * cap.  An encoder takes as many groups of three bytes as suit it and says how
 * many bytes (a multiple of 3); it writes exactly 4/3 as many characters.
 */

#ifndef HX_BASE64_IMPL_H
#define HX_BASE64_IMPL_H

#include "hx_types.h"

typedef size_t (*hx_base64_dec_pt)(const unsigned char *in, size_t len,
    unsigned char *out, size_t cap);
typedef size_t (*hx_base64_enc_pt)(unsigned char *out,
    const unsigned char *in, size_t len);

typedef struct {
    const char        *name;
    hx_base64_dec_pt   decode;
    hx_base64_enc_pt   encode;
} hx_base64_impl_t;

/*
 * Implementation i of those that run on this processor, the fastest first,
 * the plain one last; NULL when i is too large.  Static.
 */
const hx_base64_impl_t *hx_base64_impl_get(unsigned i);

size_t hx_base64_dec_scalar(const unsigned char *in, size_t len,
    unsigned char *out, size_t cap);
size_t hx_base64_enc_scalar(unsigned char *out, const unsigned char *in,
    size_t len);

#if defined(__x86_64__)

size_t hx_base64_dec_avx2(const unsigned char *in, size_t len,
    unsigned char *out, size_t cap);
size_t hx_base64_enc_avx2(unsigned char *out, const unsigned char *in,
    size_t len);

size_t hx_base64_dec_avx512(const unsigned char *in, size_t len,
    unsigned char *out, size_t cap);
size_t hx_base64_enc_avx512(unsigned char *out, const unsigned char *in,
    size_t len);

#endif

#endif /* HX_BASE64_IMPL_H */
