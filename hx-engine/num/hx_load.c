/*
 * hx_load.c -- see the header.  One loop per type, plain enough for the
 * compiler to vectorise.
 */

#include <math.h>
#include <string.h>

#include "hx_load.h"

/* Elements as the stored bytes are: at any address, little-endian. */
#define HX_LOAD(name, type)                                                   \
                                                                              \
static void                                                                   \
hx_load_##name(const unsigned char *p, size_t n, double *dst)                 \
{                                                                             \
    type    v;                                                                \
    size_t  i;                                                                \
                                                                              \
    for (i = 0; i < n; i++) {                                                 \
        memcpy(&v, p + i * sizeof(v), sizeof(v));                             \
        dst[i] = (double) v;                                                  \
    }                                                                         \
}

/* min and max are the doubles at or just inside the ends of the type. */
#define HX_STORE(name, type, min, max, lowest, highest)                       \
                                                                              \
static void                                                                   \
hx_store_##name(const double *src, size_t n, unsigned char *p)                \
{                                                                             \
    type    v;                                                                \
    double  x;                                                                \
    size_t  i;                                                                \
                                                                              \
    for (i = 0; i < n; i++) {                                                 \
        x = nearbyint(src[i]);                                                \
        v = x != x ? 0 : x <= (min) ? (lowest) : x >= (max) ? (highest)       \
                                               : (type) x;                    \
        memcpy(p + i * sizeof(v), &v, sizeof(v));                             \
    }                                                                         \
}

HX_LOAD(f4, float)
HX_LOAD(i1, int8_t)
HX_LOAD(i2, int16_t)
HX_LOAD(i4, int32_t)
HX_LOAD(i8, int64_t)
HX_LOAD(u1, uint8_t)
HX_LOAD(u2, uint16_t)
HX_LOAD(u4, uint32_t)
HX_LOAD(u8, uint64_t)

HX_STORE(i1, int8_t, -128.0, 127.0, INT8_MIN, INT8_MAX)
HX_STORE(i2, int16_t, -32768.0, 32767.0, INT16_MIN, INT16_MAX)
HX_STORE(i4, int32_t, -0x1p31, 2147483647.0, INT32_MIN, INT32_MAX)
HX_STORE(i8, int64_t, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
HX_STORE(u1, uint8_t, 0.0, 255.0, 0, UINT8_MAX)
HX_STORE(u2, uint16_t, 0.0, 65535.0, 0, UINT16_MAX)
HX_STORE(u4, uint32_t, 0.0, 4294967295.0, 0, UINT32_MAX)
HX_STORE(u8, uint64_t, 0.0, 0x1p64, 0, UINT64_MAX)


static void
hx_store_f4(const double *src, size_t n, unsigned char *p)
{
    float   v;
    size_t  i;

    for (i = 0; i < n; i++) {
        v = (float) src[i];
        memcpy(p + i * sizeof(v), &v, sizeof(v));
    }
}


void
hx_load_f8(hx_dtype_t t, const void *src, size_t n, double *dst)
{
    switch (t) {
    case HX_DTYPE_F8: memcpy(dst, src, n * sizeof(double)); break;
    case HX_DTYPE_F4: hx_load_f4(src, n, dst); break;
    case HX_DTYPE_I1: hx_load_i1(src, n, dst); break;
    case HX_DTYPE_I2: hx_load_i2(src, n, dst); break;
    case HX_DTYPE_I4: hx_load_i4(src, n, dst); break;
    case HX_DTYPE_I8: hx_load_i8(src, n, dst); break;
    case HX_DTYPE_U1: hx_load_u1(src, n, dst); break;
    case HX_DTYPE_U2: hx_load_u2(src, n, dst); break;
    case HX_DTYPE_U4: hx_load_u4(src, n, dst); break;
    case HX_DTYPE_U8: hx_load_u8(src, n, dst); break;
    default: break;
    }
}


void
hx_store_f8(hx_dtype_t t, const double *src, size_t n, void *dst)
{
    switch (t) {
    case HX_DTYPE_F8: memcpy(dst, src, n * sizeof(double)); break;
    case HX_DTYPE_F4: hx_store_f4(src, n, dst); break;
    case HX_DTYPE_I1: hx_store_i1(src, n, dst); break;
    case HX_DTYPE_I2: hx_store_i2(src, n, dst); break;
    case HX_DTYPE_I4: hx_store_i4(src, n, dst); break;
    case HX_DTYPE_I8: hx_store_i8(src, n, dst); break;
    case HX_DTYPE_U1: hx_store_u1(src, n, dst); break;
    case HX_DTYPE_U2: hx_store_u2(src, n, dst); break;
    case HX_DTYPE_U4: hx_store_u4(src, n, dst); break;
    case HX_DTYPE_U8: hx_store_u8(src, n, dst); break;
    default: break;
    }
}
