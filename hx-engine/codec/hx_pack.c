/*
 * hx_pack.c -- see the header.  Blocks begin at multiples of HX_PACK_BLOCK of
 * the value; the shuffle starts behind the header of a .npy ("skew"), whose
 * own bytes are part of the first block and are left where they are.
 */

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "hx_le.h"
#include "hx_pack.h"

#define HX_PACK_LEVEL     3
#define HX_PACK_RAW       0x80000000u
#define HX_PACK_SAMPLES   5
#define HX_PACK_SAMPLED   (4u * 1048576)    /* values from this size on */
#define HX_PACK_SKEW_MAX  0xffffu

struct hx_unpack_s {
    ZSTD_DCtx      *zstd;
    unsigned        size;           /* of an element */
    size_t          skew;
    uint64_t        left;           /* bytes of the value */
    int             first;
    unsigned char   block[HX_PACK_BLOCK];
};


size_t
hx_pack_limit(size_t len)
{
    return len < HX_PACK_MIN ? 0 : len - len / 8;
}


/*
 * Bytes of equal weight side by side, or (back) where they were: n elements of
 * "size" bytes are a matrix, which is transposed; what is no whole element
 * stays.
 */
static void
hx_pack_shuffle(unsigned char *out, const unsigned char *in, size_t len,
    unsigned size, size_t skew, int back)
{
    size_t  i, k, n, rows, cols;

    skew = skew < len ? skew : len;
    n = (len - skew) / size;
    rows = back ? size : n;
    cols = back ? n : size;
    memcpy(out, in, skew);
    out += skew;
    in += skew;

    for (k = 0; k < cols; k++) {
        for (i = 0; i < rows; i++) {
            out[k * rows + i] = in[i * cols + k];
        }
    }

    memcpy(out + n * size, in + n * size, len - skew - n * size);
}


/* One block to cap bytes at out: its bytes, or 0 when it does not fit there. */
static size_t
hx_pack_block(ZSTD_CCtx *zstd, unsigned char *scratch, const unsigned char *in,
    size_t len, unsigned size, size_t skew, unsigned char *out, size_t cap)
{
    size_t  n;

    hx_pack_shuffle(scratch, in, len, size, skew, 0);
    n = ZSTD_compressCCtx(zstd, out, cap, scratch, len, HX_PACK_LEVEL);

    return ZSTD_isError(n) ? 0 : n;
}


/* Do a few blocks from all over the value become small enough? */
static int
hx_pack_promises(ZSTD_CCtx *zstd, unsigned char *scratch,
    const unsigned char *in, size_t len, unsigned size, unsigned char *out)
{
    size_t    i, at, n, got;

    if (len < HX_PACK_SAMPLED) {
        return 1;
    }

    got = 0;

    for (i = 0; i < HX_PACK_SAMPLES; i++) {
        at = (len - HX_PACK_BLOCK) / (HX_PACK_SAMPLES - 1) * i;
        at -= at % HX_PACK_BLOCK;
        n = hx_pack_block(zstd, scratch, in + at, HX_PACK_BLOCK, size, 0, out,
                          HX_PACK_BLOCK);
        got += n != 0 ? n : HX_PACK_BLOCK;
    }

    return got <= hx_pack_limit(HX_PACK_SAMPLES * HX_PACK_BLOCK);
}


/*
 * The element size to shuffle by: 1, which is no shuffle, where few different
 * values come again and again (text, too).
 */
static unsigned
hx_pack_size(ZSTD_CCtx *zstd, unsigned char *scratch, const unsigned char *in,
    size_t len, unsigned size, unsigned char *out)
{
    size_t  at, piece, mixed, plain;

    at = len / 2 - len / 2 % HX_PACK_BLOCK;
    piece = len - at < HX_PACK_BLOCK ? len - at : HX_PACK_BLOCK;
    mixed = hx_pack_block(zstd, scratch, in + at, piece, size, 0, out,
                          HX_PACK_BLOCK);
    plain = hx_pack_block(zstd, scratch, in + at, piece, 1, 0, out,
                          HX_PACK_BLOCK);

    return plain != 0 && (mixed == 0 || plain < mixed) ? 1 : size;
}


static hx_rc_t
hx_pack_all(ZSTD_CCtx *zstd, unsigned char *scratch, const unsigned char *in,
    size_t len, unsigned size, size_t skew, unsigned char *out, size_t cap,
    size_t *n)
{
    size_t  off, piece, got;

    for (off = 0; off < len; off += piece) {
        piece = len - off < HX_PACK_BLOCK ? len - off : HX_PACK_BLOCK;

        if (cap - *n < HX_PACK_PREFIX) {
            return HX_NO;
        }

        got = hx_pack_block(zstd, scratch, in + off, piece, size,
                            off == 0 ? skew : 0, out + *n + HX_PACK_PREFIX,
                            cap - *n - HX_PACK_PREFIX);

        if (got != 0 && got < piece) {
            hx_put_le32(out + *n, (uint32_t) got);

        } else {
            got = piece;

            if (cap - *n - HX_PACK_PREFIX < got) {
                return HX_NO;
            }
            hx_put_le32(out + *n, (uint32_t) got | HX_PACK_RAW);
            memcpy(out + *n + HX_PACK_PREFIX, in + off, got);
        }

        *n += HX_PACK_PREFIX + got;
    }

    return HX_OK;
}


hx_rc_t
hx_pack(const unsigned char *in, size_t len, unsigned size, size_t skew,
    unsigned char *out, size_t cap, size_t *n)
{
    hx_rc_t         rc;
    ZSTD_CCtx      *zstd;
    unsigned char  *scratch;

    if (cap < HX_PACK_HEADER) {
        return HX_NO;
    }

    skew = skew < HX_PACK_SKEW_MAX ? skew : HX_PACK_SKEW_MAX;
    zstd = ZSTD_createCCtx();
    scratch = malloc(2 * HX_PACK_BLOCK);
    rc = zstd == NULL || scratch == NULL ? HX_FAIL : HX_OK;

    if (rc == HX_OK && size != 1) {
        size = hx_pack_size(zstd, scratch, in, len, size,
                            scratch + HX_PACK_BLOCK);
    }

    if (rc == HX_OK
        && !hx_pack_promises(zstd, scratch, in, len, size,
                             scratch + HX_PACK_BLOCK))
    {
        rc = HX_NO;
    }

    if (rc == HX_OK) {
        out[0] = 1;
        out[1] = (unsigned char) size;
        out[2] = (unsigned char) skew;
        out[3] = (unsigned char) (skew >> 8);
        hx_put_le32(out + 4, HX_PACK_BLOCK);
        *n = HX_PACK_HEADER;
        rc = hx_pack_all(zstd, scratch, in, len, size, skew, out, cap, n);
    }

    free(scratch);
    ZSTD_freeCCtx(zstd);

    return rc;
}


int
hx_unpack_header(const unsigned char *header)
{
    return header[0] == 1 && header[1] <= 8 && header[1] != 0
           && (header[1] & (header[1] - 1)) == 0
           && hx_get_le32(header + 4) == HX_PACK_BLOCK;
}


hx_unpack_t *
hx_unpack_create(const unsigned char *header, uint64_t length)
{
    hx_unpack_t  *u;

    u = malloc(sizeof(hx_unpack_t));
    if (u == NULL) {
        return NULL;
    }

    u->zstd = ZSTD_createDCtx();
    u->size = header[1];
    u->skew = (size_t) header[2] | (size_t) header[3] << 8;
    u->left = length;
    u->first = 1;

    if (u->zstd == NULL) {
        free(u);
        return NULL;
    }

    return u;
}


void
hx_unpack_free(hx_unpack_t *u)
{
    if (u != NULL) {
        ZSTD_freeDCtx(u->zstd);
        free(u);
    }
}


size_t
hx_unpack_size(const unsigned char *prefix)
{
    uint32_t  n;

    n = hx_get_le32(prefix) & ~HX_PACK_RAW;

    return n <= HX_PACK_BLOCK_MAX ? n : 0;
}


size_t
hx_unpack_block(hx_unpack_t *u, const unsigned char *prefix,
    const unsigned char *in, unsigned char *out)
{
    size_t  n, len;

    n = hx_unpack_size(prefix);
    len = u->left < HX_PACK_BLOCK ? (size_t) u->left : HX_PACK_BLOCK;

    if (n == 0 || len == 0) {
        return 0;
    }

    if (hx_get_le32(prefix) & HX_PACK_RAW) {
        if (n != len) {
            return 0;
        }
        memcpy(out, in, n);

    } else {
        if (ZSTD_decompressDCtx(u->zstd, u->block, len, in, n) != len) {
            return 0;
        }
        hx_pack_shuffle(out, u->block, len, u->size, u->first ? u->skew : 0,
                        1);
    }

    u->first = 0;
    u->left -= len;

    return len;
}


hx_rc_t
hx_unpack(const unsigned char *in, size_t len, unsigned char *out,
    size_t length)
{
    size_t          off, n, got;
    hx_unpack_t    *u;
    unsigned char  *last;

    if (len < HX_PACK_HEADER || !hx_unpack_header(in)) {
        return HX_NO;
    }

    u = hx_unpack_create(in, length);
    last = u != NULL ? malloc(HX_PACK_BLOCK) : NULL;

    if (last == NULL) {
        hx_unpack_free(u);
        return HX_FAIL;
    }

    off = HX_PACK_HEADER;
    got = 0;

    while (len - off >= HX_PACK_PREFIX && got < length) {
        n = hx_unpack_size(in + off);

        if (n == 0 || n > len - off - HX_PACK_PREFIX) {
            break;
        }

        /* blocks are written where they belong, the last one might not fit */

        if (length - got >= HX_PACK_BLOCK) {
            n = hx_unpack_block(u, in + off, in + off + HX_PACK_PREFIX,
                                out + got);

        } else {
            n = hx_unpack_block(u, in + off, in + off + HX_PACK_PREFIX, last);
            memcpy(out + got, last, n);
        }

        if (n == 0) {
            break;
        }

        got += n;
        off += HX_PACK_PREFIX + hx_unpack_size(in + off);
    }

    hx_unpack_free(u);
    free(last);

    return got == length && off == len ? HX_OK : HX_NO;
}
