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
#include "hx_api_weak.h"
#include "hx_pack.h"
#include "hx_tt_compress.h"

#define HX_ENCODE_RATIO   1.1           /* what a train has to save [5] */


/* The train of the array, if it has one that is small enough. */
static hx_rc_t
hx_encode_train(hx_encoded_t *e, hx_record_t *rec,
    const unsigned char *payload, const hx_payload_t *p, int weak)
{
    hx_rc_t          rc;
    hx_work_t        work;
    hx_tt_want_t     want;
    hx_tt_result_t   tt;

    want.tol_max = weak ? HX_TT_WEAK_BELOW : HX_TT_SAFE_BELOW;
    want.ratio_min = HX_ENCODE_RATIO;

    hx_work_init(&work, hx_tt_compress_work(p->data_len));
    rc = hx_tt_compress(&tt, &p->array, payload + p->data_off, &want, &work);

    if (rc == HX_OK) {
        rec->norm = tt.norm;
    }

    if (rc == HX_OK && tt.verdict != HX_VERDICT_PASSTHROUGH) {
        e->value.len = tt.n_values * sizeof(double);
        e->mem = malloc(e->value.len);

        if (e->mem == NULL) {
            rc = HX_FAIL;

        } else {
            memcpy(e->mem, tt.core, e->value.len);
            e->value.data = e->mem;
            rec->codec = HX_CODEC_TT;
            rec->verdict = tt.verdict;
            rec->rel_error = tt.rel_error;
            rec->cast_error = tt.cast_error;
            rec->tt = tt.tt;
            rec->tt.core = NULL;
        }
    }

    hx_work_free(&work);

    return rc;
}


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

    if (less != NULL) {
        mem = less;
    }

    e->mem = mem;
    e->value.data = mem;
    e->value.len = n;
    rec->codec = HX_CODEC_PACKED;
}


hx_rc_t
hx_encode_payload(hx_encoded_t *e, hx_record_t *rec,
    const unsigned char *payload, const hx_payload_t *p,
    const char *allow_weak, const hx_str_t *ns)
{
    hx_rc_t  rc;

    rec->codec = HX_CODEC_PASSTHROUGH;
    rec->verdict = HX_VERDICT_PASSTHROUGH;
    rec->rel_error = 0;
    rec->norm = 0;
    rec->cast_error = 0;
    e->mem = NULL;

    if (p->array.dtype != HX_DTYPE_NONE
        && (p->form != HX_PAYLOAD_VECTOR
            || hx_payload_plausible(payload, p->data_len)))
    {
        rc = hx_encode_train(e, rec, payload, p,
                             hx_weak_allowed(allow_weak, ns, &rec->domain));
        if (rc != HX_OK) {
            return rc;
        }
    }

    if (rec->codec != HX_CODEC_TT) {
        hx_encode_bytes(e, rec, payload, p);
    }

    return HX_OK;
}


void
hx_encoded_free(hx_encoded_t *e)
{
    free(e->mem);
    e->mem = NULL;
}
