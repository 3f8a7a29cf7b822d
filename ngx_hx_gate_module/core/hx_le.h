/*
 * hx_le.h -- little-endian numbers in stored records, at any address.
 *
 * Written out: the compiler makes one load or store of each, of a loop it does
 * not.
 */

#ifndef HX_LE_H
#define HX_LE_H

#include <stdint.h>


static inline uint32_t
hx_get_le16(const unsigned char *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8;
}


static inline uint32_t
hx_get_le32(const unsigned char *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


static inline uint64_t
hx_get_le64(const unsigned char *p)
{
    return hx_get_le32(p) | (uint64_t) hx_get_le32(p + 4) << 32;
}


static inline void
hx_put_le32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char) v;
    p[1] = (unsigned char) (v >> 8);
    p[2] = (unsigned char) (v >> 16);
    p[3] = (unsigned char) (v >> 24);
}


static inline void
hx_put_le64(unsigned char *p, uint64_t v)
{
    hx_put_le32(p, (uint32_t) v);
    hx_put_le32(p + 4, (uint32_t) (v >> 32));
}

#endif /* HX_LE_H */
