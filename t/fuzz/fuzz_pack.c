/*
 * fuzz_pack.c -- codec/hx_pack.h: three bytes say how, the rest is a packed
 * value, and as another reading of the same bytes what a value is made of.
 * Damaged values are refused or fill just the bytes that were promised; blocks
 * one by one give the same as the whole; what is packed comes back, and does
 * not any more when it is cut.
 *
 * sources: hx_pack.c
 */

#include "hx_fuzz_in.h"
#include "hx_pack.h"

#define FUZZ_VALUE   (2 * HX_PACK_BLOCK + 4096)     /* bytes, at most */

static uint8_t  whole[FUZZ_VALUE], block[HX_PACK_BLOCK];
static uint8_t  value[FUZZ_VALUE], packed[FUZZ_VALUE];


/* The same block by block: 1, and the same bytes; or 0. */
static int
in_blocks(const uint8_t *p, size_t len, size_t length)
{
    int           same;
    size_t        n, at, done;
    uint8_t      *in, prefix[HX_PACK_PREFIX];
    hx_unpack_t  *u;

    if (len < HX_PACK_HEADER || !hx_unpack_header(p)) {
        return 0;
    }

    u = hx_unpack_create(p, length);
    hx_fuzz_check(u != NULL);
    at = HX_PACK_HEADER;
    done = 0;
    same = 1;

    while (done < length) {
        if (len - at < HX_PACK_PREFIX) {
            break;
        }

        memcpy(prefix, p + at, HX_PACK_PREFIX);
        at += HX_PACK_PREFIX;
        n = hx_unpack_size(prefix);

        if (n == 0 || n > len - at) {
            break;
        }

        in = hx_fuzz_copy(p + at, n);
        at += n;
        n = hx_unpack_block(u, prefix, in, block);
        free(in);

        if (n == 0) {
            break;
        }

        hx_fuzz_check(n <= HX_PACK_BLOCK && n <= length - done);
        same = same && memcmp(block, whole + done, n) == 0;
        done += n;
    }

    hx_unpack_free(u);

    if (done == length && at == len) {
        hx_fuzz_check(same);
        return 1;
    }

    return 0;
}


static void
check_damaged(const hx_str_t *bytes, size_t length)
{
    hx_rc_t   rc;
    uint8_t  *p, *out;

    p = hx_fuzz_copy(bytes->data, bytes->len);
    out = malloc(length + 1);
    hx_fuzz_check(out != NULL);

    rc = hx_unpack(p, bytes->len, out, length);
    hx_fuzz_check(rc != HX_FAIL);

    if (rc == HX_OK) {
        memcpy(whole, out, length);
    }

    hx_fuzz_check(in_blocks(p, bytes->len, length) == (rc == HX_OK));
    free(out);
    free(p);
}


static void
check_packed(const hx_str_t *seed, size_t length, unsigned size, size_t skew)
{
    size_t    i, n, cap;
    hx_rc_t   rc;
    uint8_t  *in, *p;

    for (i = 0; i < length; i++) {
        value[i] = seed->len != 0
                   ? (uint8_t) (seed->data[i % seed->len] + i / 4096) : 0;
    }

    in = hx_fuzz_copy(value, length);
    cap = hx_pack_limit(length);
    rc = hx_pack(in, length, size, skew, packed, cap, &n);
    free(in);
    hx_fuzz_check(rc != HX_FAIL);

    if (rc != HX_OK) {
        return;
    }

    hx_fuzz_check(n <= cap);
    p = hx_fuzz_copy(packed, n);
    hx_fuzz_check(hx_unpack_header(p));
    memset(whole, 0, length);
    hx_fuzz_check(hx_unpack(p, n, whole, length) == HX_OK);
    hx_fuzz_check(memcmp(whole, value, length) == 0);
    hx_fuzz_check(in_blocks(p, n, length));
    hx_fuzz_check(hx_unpack(p, n - 1, whole, length) == HX_NO);
    free(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t        length;
    unsigned      how;
    hx_str_t      rest;
    hx_fuzz_in_t  in;

    hx_fuzz_in(&in, data, len);
    how = hx_fuzz_byte(&in);
    length = 1 + hx_fuzz_number(&in, 2) * (1 + (how >> 2 & 1)) % FUZZ_VALUE;
    rest = hx_fuzz_rest(&in);

    check_damaged(&rest, length);

    if (how & 128) {
        check_packed(&rest, length, 1u << (how & 3), how >> 3 & 15);
    }

    return 0;
}
