/*
 * hx_load_loops.h -- the loops of hx_load.h, plain enough for the compiler to
 * vectorise: no branch, no call, no NaN that could trap.
 *
 * Before it is included: HX_LOAD_TABLE, the name of the table, HX_LOAD_NAME,
 * its text, and what the compiler may use.
 */

#include <math.h>
#include <string.h>

#include "hx_load_impl.h"

/*
 * Adding and taking away 1.5 2^52 rounds to the nearest integer, ties to even,
 * what is up to 2^51; 2^52 does it for what is from 0 to 2^52, from where on
 * there are only integers.
 */
#define HX_LOAD_ROUND   0x1.8p52
#define HX_LOAD_WHOLE   0x1p52

/* Elements as the stored bytes are: at any address, little-endian. */
#define HX_LOAD(name, type)                                                   \
                                                                              \
static void                                                                   \
hx_loop_load_##name(const unsigned char *p, size_t n, double *dst)            \
{                                                                             \
    type    v;                                                                \
    size_t  i;                                                                \
                                                                              \
    for (i = 0; i < n; i++) {                                                 \
        memcpy(&v, p + i * sizeof(v), sizeof(v));                             \
        dst[i] = (double) v;                                                  \
    }                                                                         \
}

/* Types of at most 32 bits: "wide" is the one that is converted to. */
#define HX_STORE(name, type, wide, min, max)                                  \
                                                                              \
static void                                                                   \
hx_loop_store_##name(const double *src, size_t n, unsigned char *p)           \
{                                                                             \
    type    v;                                                                \
    double  x;                                                                \
    size_t  i;                                                                \
                                                                              \
    for (i = 0; i < n; i++) {                                                 \
        x = src[i];                                                           \
        x = x > (min) ? x : (min);          /* NaN, too: see below */         \
        x = x < (max) ? x : (max);                                            \
        x = src[i] == src[i] ? x : 0;                                         \
        x = (x + HX_LOAD_ROUND) - HX_LOAD_ROUND;                              \
        v = (type) (wide) x;                                                  \
        memcpy(p + i * sizeof(v), &v, sizeof(v));                             \
    }                                                                         \
}

/* Types of 64 bits; max is the first value that is too large. */
#define HX_STORE_WIDE(name, type, min, max, lowest, highest)                  \
                                                                              \
static void                                                                   \
hx_loop_store_##name(const double *src, size_t n, unsigned char *p)           \
{                                                                             \
    type    v;                                                                \
    double  x, y;                                                             \
    size_t  i;                                                                \
                                                                              \
    for (i = 0; i < n; i++) {                                                 \
        x = src[i];                                                           \
        y = copysign((fabs(x) + HX_LOAD_WHOLE) - HX_LOAD_WHOLE, x);           \
        x = fabs(x) < HX_LOAD_WHOLE ? y : x;                                  \
        v = x != x ? 0 : x <= (min) ? (lowest) : x >= (max) ? (highest)       \
                                               : (type) x;                    \
        memcpy(p + i * sizeof(v), &v, sizeof(v));                             \
    }                                                                         \
}

HX_LOAD(f4, float)
HX_LOAD(f8, double)
HX_LOAD(i1, int8_t)
HX_LOAD(i2, int16_t)
HX_LOAD(i4, int32_t)
HX_LOAD(i8, int64_t)
HX_LOAD(u1, uint8_t)
HX_LOAD(u2, uint16_t)
HX_LOAD(u4, uint32_t)
HX_LOAD(u8, uint64_t)

HX_STORE(i1, int8_t, int32_t, -128.0, 127.0)
HX_STORE(i2, int16_t, int32_t, -32768.0, 32767.0)
HX_STORE(i4, int32_t, int32_t, -0x1p31, 2147483647.0)
HX_STORE(u1, uint8_t, int32_t, 0.0, 255.0)
HX_STORE(u2, uint16_t, int32_t, 0.0, 65535.0)
HX_STORE(u4, uint32_t, int64_t, 0.0, 4294967295.0)

HX_STORE_WIDE(i8, int64_t, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
HX_STORE_WIDE(u8, uint64_t, 0.0, 0x1p64, 0, UINT64_MAX)


static void
hx_loop_store_f4(const double *src, size_t n, unsigned char *p)
{
    float   v;
    size_t  i;

    for (i = 0; i < n; i++) {
        v = (float) src[i];
        memcpy(p + i * sizeof(v), &v, sizeof(v));
    }
}


static void
hx_loop_store_f8(const double *src, size_t n, unsigned char *p)
{
    memcpy(p, src, n * sizeof(double));
}


const hx_load_impl_t  HX_LOAD_TABLE = {
    .name = HX_LOAD_NAME,

    .load = {
        [HX_DTYPE_F4] = hx_loop_load_f4,
        [HX_DTYPE_F8] = hx_loop_load_f8,
        [HX_DTYPE_I1] = hx_loop_load_i1,
        [HX_DTYPE_I2] = hx_loop_load_i2,
        [HX_DTYPE_I4] = hx_loop_load_i4,
        [HX_DTYPE_I8] = hx_loop_load_i8,
        [HX_DTYPE_U1] = hx_loop_load_u1,
        [HX_DTYPE_U2] = hx_loop_load_u2,
        [HX_DTYPE_U4] = hx_loop_load_u4,
        [HX_DTYPE_U8] = hx_loop_load_u8
    },

    .store = {
        [HX_DTYPE_F4] = hx_loop_store_f4,
        [HX_DTYPE_F8] = hx_loop_store_f8,
        [HX_DTYPE_I1] = hx_loop_store_i1,
        [HX_DTYPE_I2] = hx_loop_store_i2,
        [HX_DTYPE_I4] = hx_loop_store_i4,
        [HX_DTYPE_I8] = hx_loop_store_i8,
        [HX_DTYPE_U1] = hx_loop_store_u1,
        [HX_DTYPE_U2] = hx_loop_store_u2,
        [HX_DTYPE_U4] = hx_loop_store_u4,
        [HX_DTYPE_U8] = hx_loop_store_u8
    }
};
