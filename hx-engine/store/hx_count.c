/*
 * hx_count.c -- see the header.
 */

#include "hx_count.h"
#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_record.h"

#define HX_COUNT_MAGIC  0x314e5848u         /* "HXN1" */


static uint32_t
hx_count_crc(const unsigned char *p, uint32_t ns)
{
    unsigned char  be[4];

    hx_put_be32(be, ns);

    return hx_crc32(hx_crc32(0, be, sizeof(be)), p, HX_COUNT_LEN - 4);
}


void
hx_count_encode(unsigned char out[HX_COUNT_LEN], const hx_count_t *c,
    uint32_t ns)
{
    hx_put_le32(out, HX_COUNT_MAGIC);
    hx_put_le64(out + 4, c->keys);
    hx_put_le64(out + 12, c->versions);
    hx_put_le64(out + 20, c->bytes);
    hx_put_le64(out + 28, c->changes);
    hx_put_le32(out + HX_COUNT_LEN - 4, hx_count_crc(out, ns));
}


hx_rc_t
hx_count_decode(hx_count_t *c, const unsigned char *p, size_t len, uint32_t ns)
{
    if (len != HX_COUNT_LEN || hx_get_le32(p) != HX_COUNT_MAGIC
        || hx_get_le32(p + HX_COUNT_LEN - 4) != hx_count_crc(p, ns))
    {
        return HX_NO;
    }

    c->keys = hx_get_le64(p + 4);
    c->versions = hx_get_le64(p + 12);
    c->bytes = hx_get_le64(p + 20);
    c->changes = hx_get_le64(p + 28);

    return HX_OK;
}
