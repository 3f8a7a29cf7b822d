/*
 * hx_api_serve.c -- POST /v1/serve: the values themselves.
 *
 * Runs on a worker: it reads the value once to compare checksums, so that a
 * damaged one is a clear error before the first byte of the answer, and so
 * that the pages are in memory when the I/O thread sends them.  What has to be
 * computed (a train, a packed value) gets a source, which does that while it
 * is sent.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_op.h"

#define HX_SERVE_NPY_MAX   HX_NPY_EMIT_MAX

static const hx_str_t  hx_serve_raw = hx_string("raw");


static int
hx_serve_word(hx_req_t *r, hx_field_t f, const char *a, const char *b)
{
    hx_str_t  s;

    if (!hx_body_has(r->body, f)) {
        return 0;
    }

    s = hx_body_string(r->body, f);

    if ((s.len == strlen(a) && memcmp(s.data, a, s.len) == 0)) {
        return 0;
    }

    if ((s.len == strlen(b) && memcmp(s.data, b, s.len) == 0)) {
        return 1;
    }

    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                   "Field '%s' must be '%s' or '%s'", hx_field_name(f), a, b);
    return -1;
}


void
hx_serve_check(hx_req_t *r)
{
    int  gpu;

    gpu = hx_serve_word(r, HX_F_MODE, "dense", "gpu");

    if (gpu == 1) {
        hx_reply_error(&r->reply, HX_E_NOT_AVAILABLE,
                       "GPU serving is not available on this engine");
        return;
    }

    if (gpu == -1 || hx_serve_word(r, HX_F_FORMAT, "raw", "npy") == -1) {
        return;
    }

    if (hx_body_has(r->body, HX_F_VERSION)) {
        r->expected = hx_body_number(r->body, HX_F_VERSION);

        if (r->expected == 0) {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Field 'version' must be a whole number above 0");
        }
    }
}


static int
hx_serve_npy(const hx_req_t *r)
{
    hx_str_t  s;

    if (!hx_body_has(r->body, HX_F_FORMAT)) {
        return 0;
    }

    s = hx_body_string(r->body, HX_F_FORMAT);

    return s.len != hx_serve_raw.len
           || memcmp(s.data, hx_serve_raw.data, s.len) != 0;
}


/*
 * Which bytes are asked for; a .npy that was not uploaded as one, or of which
 * only the numbers were kept, gets the header NumPy would write.
 */
static int
hx_serve_range(hx_req_t *r, const hx_record_t *rec, hx_stream_t *st)
{
    int  numbers;

    numbers = rec->codec == HX_CODEC_TT;
    st->value_id = rec->value_id;
    st->stored = rec->stored;
    st->first = numbers ? 0 : rec->data_off;
    st->last = numbers ? hx_source_length(st->source) : rec->length;

    if (!hx_serve_npy(r)) {
        return 0;
    }

    if (!numbers && rec->data_off != 0) {
        st->first = 0;                      /* the file as it was uploaded */
        return 0;
    }

    if (rec->array.dtype == HX_DTYPE_NONE) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Key '%V' holds opaque bytes, format 'npy' needs an "
                       "array", &r->key);
        return -1;
    }

    st->lead = malloc(HX_SERVE_NPY_MAX);

    if (st->lead == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    st->lead_len = hx_npy_emit(&rec->array, st->lead, HX_SERVE_NPY_MAX);

    if (st->lead_len == 0) {
        free(st->lead);
        st->lead = NULL;
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Cannot write a .npy header");
        return -1;
    }

    return 0;
}


static void
hx_serve_octet_headers(hx_reply_t *p, const hx_record_t *rec)
{
    unsigned  i;

    p->type = "application/octet-stream";

    if (rec->array.dtype == HX_DTYPE_NONE) {
        return;
    }

    hx_reply_header(p, "X-HX-Dtype", hx_dtype_name(rec->array.dtype));
    hx_buf_lit(&p->headers, "X-HX-Shape: ");

    for (i = 0; i < rec->array.ndim; i++) {
        if (i != 0) {
            hx_buf_byte(&p->headers, ',');
        }
        hx_text_u64(&p->headers, rec->array.dim[i]);
    }

    hx_buf_lit(&p->headers, "\r\n");
    hx_reply_header(p, "X-HX-Fortran-Order",
                    rec->array.fortran ? "true" : "false");
}


/* A value that lies in its record goes into the body at once. */
static void
hx_serve_small(hx_buf_t *b, const hx_record_t *rec, const hx_stream_t *st,
    int base64)
{
    size_t          len;
    unsigned char  *q, all[HX_SERVE_NPY_MAX + HX_RECORD_INLINE_MAX];

    len = st->lead_len;

    if (len != 0) {
        memcpy(all, st->lead, len);
    }

    memcpy(all + len, rec->value.data + st->first,
           (size_t) (st->last - st->first));
    len += (size_t) (st->last - st->first);

    if (!base64) {
        hx_buf_add(b, all, len);
        return;
    }

    q = hx_buf_reserve(b, hx_base64_enc_len(len));

    if (q != NULL) {
        b->last += hx_base64_encode(q, all, len);
    }
}


static void
hx_serve_answer(hx_req_t *r, const hx_record_t *rec, hx_stream_t *st)
{
    size_t      cap;
    hx_buf_t   *b;

    cap = HX_JSON_COMMON_MAX;

    if (st->value_id == 0 && st->source == NULL) {
        cap += hx_base64_enc_len(HX_SERVE_NPY_MAX + HX_RECORD_INLINE_MAX);
    }

    b = hx_reply_open(&r->reply, 200, cap);
    if (b == NULL) {
        hx_source_free(st->source);
        free(st->lead);
        return;
    }

    hx_reply_etag(&r->reply, rec->version);

    if (r->octet_stream) {
        hx_serve_octet_headers(&r->reply, rec);

    } else {
        hx_json_identity(b, &r->key, &r->ns, rec->version);
        hx_buf_lit(b, ",\"mode\":\"dense\"");
        hx_json_array(b, rec);
        hx_buf_lit(b, ",\"data_b64\":\"");
        r->reply.tail = "\"}";
    }

    if (st->value_id == 0 && st->source == NULL) {
        hx_serve_small(b, rec, st, !r->octet_stream);
        free(st->lead);

    } else {
        st->active = 1;
        st->base64 = !r->octet_stream;
        r->reply.stream = *st;
    }
}


/* The value is whole, and its source is ready if it needs one. */
static int
hx_serve_open(hx_req_t *r, const hx_store_view_t *v, const hx_record_t *rec,
    hx_stream_t *st)
{
    hx_store_rc_t  rc;

    memset(st, 0, sizeof(*st));

    rc = rec->codec == HX_CODEC_PASSTHROUGH
         ? hx_store_verify(v, rec)
         : hx_source_create(&st->source, v, rec, &r->api->budget);

    if (rc == HX_STORE_OK) {
        return 0;
    }

    if (rc == HX_STORE_BUSY) {
        hx_reply_no_budget(&r->reply);

    } else {
        hx_req_store_error(r, rc, r->expected, "serve");
    }

    return -1;
}


hx_rc_t
hx_serve_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_record_t      rec;
    hx_stream_t      st;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    (void) crypto;

    if (hx_req_view(r, &v) != 0) {
        return HX_OK;
    }

    rc = hx_store_get(&v, &r->ns, &r->key, r->expected, &rec);

    if (rc != HX_STORE_OK) {
        hx_req_store_error(r, rc, r->expected, "serve");

    } else if (hx_serve_open(r, &v, &rec, &st) == 0) {

        if (hx_serve_range(r, &rec, &st) == 0) {
            hx_serve_answer(r, &rec, &st);

        } else {
            hx_source_free(st.source);
        }
    }

    hx_store_view_end(&v);

    return HX_OK;
}
