/*
 * hx_api_encode.h -- from an uploaded payload to what is stored of it.
 */

#ifndef HX_API_ENCODE_H
#define HX_API_ENCODE_H

#include "hx_payload.h"
#include "hx_record.h"

typedef struct {
    hx_str_t        value;              /* what to store */
    unsigned char  *mem;                /* it, or NULL: value is the payload */
} hx_encoded_t;

/*
 * payload: p->data_off + p->data_len bytes, which p describes.  Sets e, and in
 * the record codec, verdict, rel_error, norm, cast_error and tt; the record
 * has array, length, data_off and domain already.  allow_weak: see
 * hx_api_weak.h.  Takes time in proportion to the payload.  HX_OK, or HX_FAIL:
 * out of memory.
 */
hx_rc_t hx_encode_payload(hx_encoded_t *e, hx_record_t *rec,
    const unsigned char *payload, const hx_payload_t *p,
    const char *allow_weak, const hx_str_t *ns);

void hx_encoded_free(hx_encoded_t *e);

#endif /* HX_API_ENCODE_H */
