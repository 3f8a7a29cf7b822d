/*
 * fuzz_base64.c -- codec/hx_base64.h: any split gives the same; what is
 * accepted is exactly what the encoder writes for the decoded bytes; with one
 * byte less room it does not fit.
 */

#include "hx_fuzz.h"
#include "hx_base64.h"


static hx_base64_err_t
decode(const uint8_t *data, size_t len, uint64_t *seed, uint8_t *out,
    size_t cap, size_t *total)
{
    size_t           n, written;
    uint8_t         *piece;
    hx_base64_err_t  err;
    hx_base64_dec_t  d;

    hx_base64_dec_init(&d);
    err = HX_BASE64_OK;
    *total = 0;

    while (len != 0 && err == HX_BASE64_OK) {
        n = seed != NULL ? hx_fuzz_piece(seed, len) : len;
        piece = hx_fuzz_copy(data, n);
        err = hx_base64_dec_feed(&d, piece, n, out + *total, cap - *total,
                                 &written);
        free(piece);
        hx_fuzz_check(written <= cap - *total);
        *total += written;
        data += n;
        len -= n;
    }

    return err != HX_BASE64_OK ? err : hx_base64_dec_finish(&d);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t           cap, n, m;
    uint8_t         *whole, *pieces, *text;
    uint64_t         seed;
    hx_base64_err_t  err;

    cap = hx_base64_dec_max(len);
    whole = malloc(cap + 1);
    pieces = malloc(cap + 1);
    text = malloc(hx_base64_enc_len(cap) + 1);
    hx_fuzz_check(whole != NULL && pieces != NULL && text != NULL);
    seed = hx_fuzz_seed(data, len);

    err = decode(data, len, NULL, whole, cap, &n);
    hx_fuzz_check(err != HX_BASE64_E_SPACE);
    hx_fuzz_check(decode(data, len, &seed, pieces, cap, &m) == err);
    hx_fuzz_check(n == m && !memcmp(whole, pieces, n));

    if (err == HX_BASE64_OK) {
        hx_fuzz_check(hx_base64_encode(text, whole, n) == len);
        hx_fuzz_check(len == 0 || !memcmp(text, data, len));

        if (n != 0) {
            hx_fuzz_check(decode(data, len, &seed, pieces, n - 1, &m)
                          == HX_BASE64_E_SPACE);
            hx_fuzz_check(decode(data, len, &seed, pieces, n, &m)
                          == HX_BASE64_OK);
        }
    }

    free(whole);
    free(pieces);
    free(text);

    return 0;
}
