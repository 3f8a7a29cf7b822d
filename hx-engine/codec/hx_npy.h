/*
 * hx_npy.h -- NumPy's .npy format, versions 1.0, 2.0 and 3.0.
 *
 * The header is a Python dictionary literal; it is read by a strict small
 * parser (the keys descr, fortran_order and shape in any order, each exactly
 * once, no other).  The data must follow it completely and end the file.
 * Written headers are version 1.0 and byte for byte NumPy's own (1.23 and
 * later).  Pure: reads and writes only memory of the caller.
 */

#ifndef HX_NPY_H
#define HX_NPY_H

#include "hx_dtype.h"

#define HX_NPY_MAGIC_LEN    6       /* \x93NUMPY */
#define HX_NPY_PARSE_MAX    65536   /* bytes of a header that is read */
#define HX_NPY_EMIT_MAX     1024    /* bytes of a header that is written */

typedef enum {
    HX_NPY_OK = 0,
    HX_NPY_NOT,             /* does not begin with the magic */
    HX_NPY_E_VERSION,       /* not 1.0, 2.0, 3.0 */
    HX_NPY_E_HEADER,        /* cut short, too long, not the dictionary */
    HX_NPY_E_DTYPE,         /* descr is none of ours: see hx_npy_t.descr */
    HX_NPY_E_SHAPE,         /* more than HX_DIMS_MAX dimensions, overflow */
    HX_NPY_E_LENGTH         /* data bytes are not exactly shape * itemsize */
} hx_npy_err_t;

typedef struct {
    hx_array_t  array;
    size_t      data_off;   /* bytes of magic and header */
    size_t      data_len;   /* bytes behind them, = hx_array_size() */
    hx_str_t    descr;      /* text of descr, without quotes, inside the
                             * file; raw bytes, sanitise before echoing */
} hx_npy_t;


/* 1 when the bytes begin with the magic. */
int hx_npy_is(const unsigned char *p, size_t len);

/*
 * The whole file.  *n is complete for HX_NPY_OK; for E_DTYPE descr is set; it
 * is undefined for the other errors.
 */
hx_npy_err_t hx_npy_parse(hx_npy_t *n, const unsigned char *p, size_t len);

/*
 * Magic and header for an array of a real dtype, at most HX_NPY_EMIT_MAX
 * bytes at out.  Its length, or 0 when the array is not valid (HX_DTYPE_NONE,
 * too many dimensions) or cap is too small; out is then undefined.
 */
size_t hx_npy_emit(const hx_array_t *a, unsigned char *out, size_t cap);

#endif /* HX_NPY_H */
