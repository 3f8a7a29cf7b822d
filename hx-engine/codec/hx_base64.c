/*
 * hx_base64.c -- base64 as a stream (see hx_base64.h).
 *
 * The block loops decode what is plain; everything that needs thought (the
 * padding, groups split between two feeds, the first bad group, the end of the
 * output) is done here, one group at a time, the same for all of them.
 */

#include "hx_base64.h"
#include "hx_base64_impl.h"

#define HX_BASE64_BAD   0xff

static const uint8_t  hx_base64_value[256] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0x3e, 0xff, 0xff, 0xff, 0x3f,
    0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b,
    0x3c, 0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
    0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
    0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
    0x17, 0x18, 0x19, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20,
    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30,
    0x31, 0x32, 0x33, 0xff, 0xff, 0xff, 0xff, 0xff,
    [128 ... 255] = HX_BASE64_BAD
};

static const unsigned char  hx_base64_alphabet[64 + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#if defined(__x86_64__)

static const hx_base64_impl_t  hx_base64_avx512 = {
    "avx512", hx_base64_dec_avx512, hx_base64_enc_avx512
};

static const hx_base64_impl_t  hx_base64_avx2 = {
    "avx2", hx_base64_dec_avx2, hx_base64_enc_avx2
};

#endif

static const hx_base64_impl_t  hx_base64_scalar = {
    "scalar", hx_base64_dec_scalar, hx_base64_enc_scalar
};


size_t
hx_base64_dec_scalar(const unsigned char *in, size_t len, unsigned char *out,
    size_t cap)
{
    size_t    i, o;
    uint32_t  a, b, c, d, v;

    for (i = 0, o = 0; len - i >= 4 && cap - o >= 3; i += 4, o += 3) {
        a = hx_base64_value[in[i]];
        b = hx_base64_value[in[i + 1]];
        c = hx_base64_value[in[i + 2]];
        d = hx_base64_value[in[i + 3]];

        if ((a | b | c | d) > 63) {
            break;
        }

        v = a << 18 | b << 12 | c << 6 | d;
        out[o] = (unsigned char) (v >> 16);
        out[o + 1] = (unsigned char) (v >> 8);
        out[o + 2] = (unsigned char) v;
    }

    return i;
}


size_t
hx_base64_enc_scalar(unsigned char *out, const unsigned char *in, size_t len)
{
    size_t    i;
    uint32_t  v;

    for (i = 0; len - i >= 3; i += 3) {
        v = (uint32_t) in[i] << 16 | (uint32_t) in[i + 1] << 8 | in[i + 2];
        *out++ = hx_base64_alphabet[v >> 18];
        *out++ = hx_base64_alphabet[v >> 12 & 63];
        *out++ = hx_base64_alphabet[v >> 6 & 63];
        *out++ = hx_base64_alphabet[v & 63];
    }

    return i;
}


const hx_base64_impl_t *
hx_base64_impl_get(unsigned i)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vbmi")
        && __builtin_cpu_supports("avx512bw") && i-- == 0)
    {
        return &hx_base64_avx512;
    }

    if (__builtin_cpu_supports("avx2") && i-- == 0) {
        return &hx_base64_avx2;
    }
#endif

    return i == 0 ? &hx_base64_scalar : NULL;
}


const char *
hx_base64_impl(void)
{
    return hx_base64_impl_get(0)->name;
}


void
hx_base64_dec_init(hx_base64_dec_t *d)
{
    d->n = 0;
    d->ended = 0;
    d->err = HX_BASE64_OK;
}


/* One whole group, the only place that knows about padding. */
static hx_base64_err_t
hx_base64_group(hx_base64_dec_t *d, const unsigned char *in,
    unsigned char *out, size_t cap, size_t *written)
{
    size_t         i, n;
    uint32_t       v;
    unsigned char  digit;

    if (d->ended) {
        return HX_BASE64_E_INPUT;
    }

    n = (in[3] != '=') ? 3 : (in[2] != '=') ? 2 : 1;

    for (i = 0, v = 0; i <= n; i++) {
        digit = hx_base64_value[in[i]];

        if (digit == HX_BASE64_BAD) {
            return HX_BASE64_E_INPUT;
        }

        v |= (uint32_t) digit << (18 - 6 * i);
    }

    /* Bits behind the last byte: a canonical encoder leaves them zero. */
    if (n < 3 && v << (8 + 8 * n) != 0) {
        return HX_BASE64_E_INPUT;
    }

    if (cap - *written < n) {
        return HX_BASE64_E_SPACE;
    }

    for (i = 0; i < n; i++) {
        out[(*written)++] = (unsigned char) (v >> (16 - 8 * i));
    }

    d->ended = (n < 3);

    return HX_BASE64_OK;
}


/* Fills the group begun by the last feed; the characters taken. */
static size_t
hx_base64_resume(hx_base64_dec_t *d, const unsigned char *in, size_t len)
{
    size_t  i;

    for (i = 0; i < len && d->n < 4; i++) {
        d->quad[d->n++] = in[i];
    }

    return i;
}


hx_base64_err_t
hx_base64_dec_feed(hx_base64_dec_t *d, const unsigned char *in, size_t len,
    unsigned char *out, size_t cap, size_t *written)
{
    size_t                   n;
    hx_base64_err_t          err;
    const hx_base64_impl_t  *impl;

    *written = 0;
    err = d->err;

    if (err == HX_BASE64_OK && d->ended && len != 0) {
        err = HX_BASE64_E_INPUT;
    }

    if (err == HX_BASE64_OK && d->n != 0) {
        n = hx_base64_resume(d, in, len);
        in += n;
        len -= n;

        if (d->n == 4) {
            err = hx_base64_group(d, d->quad, out, cap, written);
            d->n = 0;
        }
    }

    if (err == HX_BASE64_OK && len >= 4 && !d->ended) {
        impl = hx_base64_impl_get(0);
        n = impl->decode(in, len, out + *written, cap - *written);
        *written += n / 4 * 3;
        in += n;
        len -= n;

        n = hx_base64_dec_scalar(in, len, out + *written, cap - *written);
        *written += n / 4 * 3;
        in += n;
        len -= n;
    }

    if (err == HX_BASE64_OK && len >= 4) {
        err = hx_base64_group(d, in, out, cap, written);
        in += 4;
        len -= 4;
    }

    if (err == HX_BASE64_OK && len != 0) {
        if (d->ended || len >= 4) {
            err = HX_BASE64_E_INPUT;

        } else {
            (void) hx_base64_resume(d, in, len);
        }
    }

    d->err = err;

    return err;
}


hx_base64_err_t
hx_base64_dec_finish(const hx_base64_dec_t *d)
{
    if (d->err == HX_BASE64_OK && d->n != 0) {
        return HX_BASE64_E_INPUT;
    }

    return d->err;
}


size_t
hx_base64_encode(unsigned char *out, const unsigned char *in, size_t len)
{
    size_t          n;
    uint32_t        v;
    unsigned char  *start;

    start = out;
    n = hx_base64_impl_get(0)->encode(out, in, len);
    n += hx_base64_enc_scalar(out + n / 3 * 4, in + n, len - n);
    out += n / 3 * 4;
    in += n;
    len -= n;

    if (len != 0) {
        v = (uint32_t) in[0] << 16;
        v |= (len == 2) ? (uint32_t) in[1] << 8 : 0;
        *out++ = hx_base64_alphabet[v >> 18];
        *out++ = hx_base64_alphabet[v >> 12 & 63];
        *out++ = (len == 2) ? hx_base64_alphabet[v >> 6 & 63] : '=';
        *out++ = '=';
    }

    return (size_t) (out - start);
}
