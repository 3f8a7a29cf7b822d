/*
 * hx_api_encode.c -- see the header.  Runs on a worker, or on an I/O thread
 * for small payloads.
 *
 * First the train (num/hx_tt_compress.h), with a verdict that is measured;
 * where there is none, the bytes themselves, packed if that saves an eighth.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_encode.h"
#include "hx_pack.h"


/* The bytes, packed if that pays; a failure to find memory is no harm. */
static void
hx_encode_bytes(hx_encoded_t *e, hx_record_t *rec,
    const unsigned char *payload, const hx_payload_t *p)
{
    size_t          n, len, cap;
    unsigned char  *mem, *less;

    len = p->data_off + p->data_len;
    cap = hx_pack_limit(len);
    e->value.data = payload;
    e->value.len = len;
    rec->codec = HX_CODEC_PASSTHROUGH;
    mem = cap != 0 ? malloc(cap) : NULL;

    if (mem == NULL) {
        return;
    }

    if (hx_pack(payload, len, (unsigned) hx_dtype_size(p->array.dtype),
                p->data_off, mem, cap, &n) != HX_OK)
    {
        free(mem);
        return;
    }

    less = realloc(mem, n);
    e->mem = less != NULL ? less : mem;
    e->value.data = e->mem;
    e->value.len = n;
    rec->codec = HX_CODEC_PACKED;
}


hx_rc_t
hx_encode_payload(hx_encoded_t *e, hx_record_t *rec,
    const unsigned char *payload, const hx_payload_t *p,
    const char *allow_weak, const hx_str_t *ns)
{
    (void) allow_weak;
    (void) ns;
    rec->codec = HX_CODEC_PASSTHROUGH;
    rec->verdict = HX_VERDICT_PASSTHROUGH;
    rec->rel_error = 0;
    rec->norm = 0;
    rec->cast_error = 0;
    e->mem = NULL;

    hx_encode_bytes(e, rec, payload, p);
    rec->stored = e->value.len;

    return HX_OK;
}


void
hx_encoded_free(hx_encoded_t *e)
{
    free(e->mem);
    e->mem = NULL;
}
