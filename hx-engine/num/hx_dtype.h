/*
 * hx_dtype.h -- element types and shapes of stored arrays.
 *
 * Ten little-endian types.  Canonical names are NumPy's ("float64"); "<f8" and
 * "f8" are read as well.  Everything else (big-endian, bool, complex, text,
 * objects, structures) is no dtype here, and callers answer 400 for it.
 * Pure; all sizes in bytes; products of dimensions never overflow silently.
 */

#ifndef HX_DTYPE_H
#define HX_DTYPE_H

#include "hx_types.h"

#define HX_DIMS_MAX    32           /* dimensions of one array, NumPy's limit */

/* The numbers are part of the stored record format: never change one. */
typedef enum {
    HX_DTYPE_NONE = 0,              /* opaque bytes */
    HX_DTYPE_F4 = 1,
    HX_DTYPE_F8 = 2,
    HX_DTYPE_I1 = 3,
    HX_DTYPE_I2 = 4,
    HX_DTYPE_I4 = 5,
    HX_DTYPE_I8 = 6,
    HX_DTYPE_U1 = 7,
    HX_DTYPE_U2 = 8,
    HX_DTYPE_U4 = 9,
    HX_DTYPE_U8 = 10,
    HX_DTYPE_COUNT
} hx_dtype_t;

typedef struct {
    hx_dtype_t  dtype;              /* HX_DTYPE_NONE: ndim 1, dim[0] = bytes */
    unsigned    fortran;            /* 1 = first index varies fastest */
    unsigned    ndim;               /* 0 = a scalar (one element) */
    uint64_t    dim[HX_DIMS_MAX];
} hx_array_t;


/* Bytes of one element; 1 for HX_DTYPE_NONE; 0 for a number outside the enum */
size_t hx_dtype_size(hx_dtype_t t);

/* 1 for the integer types. */
int hx_dtype_whole(hx_dtype_t t);

/* Static, "float64" and so on; "" for HX_DTYPE_NONE and outside the enum. */
const char *hx_dtype_name(hx_dtype_t t);

/* NumPy's array-interface spelling, static: "<f8", "|u1"; "" like above. */
const char *hx_dtype_descr(hx_dtype_t t);

/*
 * "float64", "<f8", "f8" ("|i1", "<i1", ">i1" for one byte: order has no
 * meaning there).  HX_OK and *t, or HX_NO: not one of ours.
 */
hx_rc_t hx_dtype_parse(const unsigned char *s, size_t len, hx_dtype_t *t);

/*
 * Elements and bytes of an array.  HX_NO when ndim or dtype is out of range or
 * either number would exceed INT64_MAX.  Either pointer may be NULL.
 */
hx_rc_t hx_array_size(const hx_array_t *a, uint64_t *elements,
    uint64_t *bytes);

#endif /* HX_DTYPE_H */
