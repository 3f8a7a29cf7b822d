/*
 * hx_payload.h -- what the bytes of a put are (contract, section 5, Decoding).
 *
 * In this order: .npy magic -> its dtype and shape; else the request's own
 * "dtype" and "shape" -> the length must match exactly; else a length that is
 * a multiple of 8 with only finite values -> one-dimensional float64; else
 * opaque bytes.  Called by api/ with the decoded payload in one piece; an
 * error is a 400 whose text hx_payload_detail() writes.
 */

#ifndef HX_PAYLOAD_H
#define HX_PAYLOAD_H

#include "hx_buf.h"
#include "hx_npy.h"

typedef enum {
    HX_PAYLOAD_NPY = 0,
    HX_PAYLOAD_FIELDS,
    HX_PAYLOAD_VECTOR,
    HX_PAYLOAD_OPAQUE
} hx_payload_form_t;

typedef enum {
    HX_PAYLOAD_OK = 0,
    HX_PAYLOAD_E_EMPTY,     /* no bytes, or an array without elements */
    HX_PAYLOAD_E_NPY,       /* damaged or unknown .npy header */
    HX_PAYLOAD_E_DTYPE,     /* .npy of a type we do not have: p->descr */
    HX_PAYLOAD_E_SHAPE,     /* shape out of range */
    HX_PAYLOAD_E_LENGTH,    /* bytes are not exactly shape * itemsize */
    HX_PAYLOAD_E_CONFLICT   /* "dtype" or "shape" contradicts the .npy header */
} hx_payload_err_t;

#define HX_PAYLOAD_HAS_DTYPE   1u
#define HX_PAYLOAD_HAS_SHAPE   2u

typedef struct {
    hx_payload_form_t  form;
    hx_array_t         array;
    size_t             data_off;    /* 0 unless NPY: header bytes before */
    size_t             data_len;    /* bytes of the array itself */
    hx_str_t           descr;       /* E_DTYPE: inside data, else empty */
} hx_payload_t;


/*
 * data: the whole payload.  has: which of hint->dtype and hint->ndim/dim the
 * request gave (hint may be NULL when has is 0).  A dtype alone means one
 * dimension; a shape alone means float64.  hint->fortran is ignored (C order).
 * *p is complete for HX_PAYLOAD_OK; for E_DTYPE only descr is set.
 */
hx_payload_err_t hx_payload_decide(hx_payload_t *p, const unsigned char *data,
    size_t len, const hx_array_t *hint, unsigned has);

/*
 * HX_PAYLOAD_VECTOR is a guess that the contract asks for, and bytes of another
 * kind can pass for it.  1 when a few thousand of them, from all over the
 * payload, look like float64: the largest magnitude is 0 or in 1e-30 .. 1e30
 * (text lies outside), and they do not look like pairs of float32.  Where they
 * do not, nothing may be done that changes a bit.
 */
int hx_payload_plausible(const unsigned char *data, size_t len);

/*
 * Appends the sentence for the client's "detail": printable ASCII without
 * '"' and '\\', at most 255 bytes; e.g. Unsupported dtype '>f8' in 'data_b64'.
 * member: the JSON member that held the payload.
 */
void hx_payload_detail(hx_buf_t *b, hx_payload_err_t e, const hx_payload_t *p,
    const char *member);

#endif /* HX_PAYLOAD_H */
