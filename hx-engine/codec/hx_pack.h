/*
 * hx_pack.h -- values packed without loss: byte shuffle, then Zstandard.
 *
 * For what a tensor train cannot hold (steps, counters, text).  The bytes of
 * equal weight of a block's elements are put side by side first, which is what
 * makes most numbers compress (as Blosc does; where it does not, that is left
 * out); a block is HX_PACK_BLOCK bytes of
 * the value and stands for itself, so a reader needs no more memory than one.
 *
 * Format: 8 bytes of header (1, element size, le16 skew, le32 block), then
 * for each block a le32 with the number of bytes that follow, and these; the
 * highest bit of the le32 says that they are the block itself, as it came.
 */

#ifndef HX_PACK_H
#define HX_PACK_H

#include "hx_types.h"

#define HX_PACK_HEADER   8
#define HX_PACK_PREFIX   4              /* the le32 in front of a block */
#define HX_PACK_BLOCK    65536          /* bytes of the value */
#define HX_PACK_MIN      4097           /* smaller values are not worth it */

/* The most bytes a packed block can have, its prefix not counted. */
#define HX_PACK_BLOCK_MAX   HX_PACK_BLOCK

/* Opaque; for one thread at a time. */
typedef struct hx_unpack_s  hx_unpack_t;


/*
 * The most bytes that packing has to stay within to be worth it: 7/8 of the
 * value; 0 when the value is too small to try.
 */
size_t hx_pack_limit(size_t len);

/*
 * Packs len bytes of elements of "size" bytes (1, 2, 4, 8; "skew" bytes before
 * the first of them) to at most cap bytes at out.  HX_OK and *n; HX_NO: they
 * do not fit, out is undefined (a few samples are tried first, so that this is
 * usually known soon); HX_FAIL: out of memory.
 */
hx_rc_t hx_pack(const unsigned char *in, size_t len, unsigned size,
    size_t skew, unsigned char *out, size_t cap, size_t *n);

/* 1 when these HX_PACK_HEADER bytes are a header of ours. */
int hx_unpack_header(const unsigned char *header);

/* A header of ours, and the bytes of the whole value.  NULL: out of memory. */
hx_unpack_t *hx_unpack_create(const unsigned char *header, uint64_t length);
void hx_unpack_free(hx_unpack_t *u);            /* NULL is fine */

/* Bytes of the next block by its prefix; 0: not one of ours. */
size_t hx_unpack_size(const unsigned char *prefix);

/*
 * The next block: in = the bytes behind its prefix.  The number of bytes at
 * out, which has room for HX_PACK_BLOCK; 0: damaged, or there is none.
 */
size_t hx_unpack_block(hx_unpack_t *u, const unsigned char *prefix,
    const unsigned char *in, unsigned char *out);

/*
 * A whole packed value to exactly length bytes at out: HX_OK; HX_NO: damaged;
 * HX_FAIL: out of memory.
 */
hx_rc_t hx_unpack(const unsigned char *in, size_t len, unsigned char *out,
    size_t length);

#endif /* HX_PACK_H */
