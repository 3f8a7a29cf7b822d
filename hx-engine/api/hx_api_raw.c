/*
 * hx_api_raw.c -- put with the payload itself as the body: what a JSON body
 * says in members stands in query arguments, "metadata" there or in a header.
 *
 * Called by hx_api.c before the body is read.  The arguments fill the slots
 * the members would, so everything behind is the same for both.
 */

#include <string.h>

#include "hx_api_op.h"

hx_body_t *
hx_body_create_raw(hx_reply_t *reply, hx_budget_t *budget,
    uint64_t max_upload, unsigned allowed, uint64_t length, hx_raw_t raw)
{
    hx_body_t  *b;

    b = hx_body_new(reply, budget, max_upload, allowed);
    if (b == NULL) {
        return NULL;
    }

    b->raw = raw;
    b->value_cap = (size_t) (length != UINT64_MAX ? length : max_upload);

    if ((length != UINT64_MAX
         && (length > max_upload ? hx_value_too_large(b)
                                 : hx_value_expect(b)) != 0))
    {
        hx_body_free(b);
        return NULL;
    }

    return b;
}


static int
hx_raw_invalid(hx_req_t *r, hx_field_t f)
{
    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid argument '%s'",
                   hx_field_name(f));
    return -1;
}


static int
hx_raw_strings(hx_req_t *r)
{
    hx_rc_t      rc;
    hx_str_t     v;
    hx_body_t   *b;
    hx_field_t   f;

    b = r->body;

    for (f = 0; f < HX_F_STRINGS; f++) {
        if (!(b->allowed & hx_field_bit(f))) {
            continue;
        }

        rc = hx_arg(r, hx_field_name(f), b->string[f].text, HX_FIELD_MAX, &v);

        if (rc == HX_FAIL) {
            return -1;
        }

        if (rc == HX_OK) {
            b->string[f].len = v.len;
            b->seen |= hx_field_bit(f);
        }
    }

    return 0;
}


static int
hx_raw_numbers(hx_req_t *r)
{
    hx_rc_t      rc;
    hx_body_t   *b;
    hx_field_t   f;

    b = r->body;

    for (f = HX_F_STRINGS; f < HX_F_NUMBERS; f++) {
        if (!(b->allowed & hx_field_bit(f))) {
            continue;
        }

        rc = hx_arg_number(r, hx_field_name(f), 0, INT64_MAX,
                           &b->number[f - HX_F_STRINGS]);
        if (rc == HX_FAIL) {
            return -1;
        }

        if (rc == HX_OK) {
            b->seen |= hx_field_bit(f);
        }
    }

    return 0;
}


/* shape=2,3; an empty one has no dimensions, as [] has none. */
static int
hx_raw_shape(hx_req_t *r)
{
    size_t                len;
    hx_rc_t               rc;
    hx_str_t              v;
    hx_array_t           *a;
    const unsigned char  *p, *end, *comma;
    unsigned char         text[HX_DIMS_MAX * 20];

    rc = hx_arg(r, "shape", text, sizeof(text), &v);

    if (rc != HX_OK) {
        return rc == HX_NO ? 0 : -1;
    }

    a = &r->body->hint;
    end = v.data + v.len;

    for (p = v.data; v.len != 0 && p <= end; p = comma + 1) {
        comma = memchr(p, ',', (size_t) (end - p));
        comma = comma != NULL ? comma : end;
        len = (size_t) (comma - p);

        if (a->ndim == HX_DIMS_MAX
            || hx_text_parse_u64(p, len, INT64_MAX, &a->dim[a->ndim])
               != HX_OK)
        {
            return hx_raw_invalid(r, HX_F_SHAPE);
        }

        a->ndim++;
    }

    r->body->seen |= hx_field_bit(HX_F_SHAPE);

    return 0;
}


/* The text is the member's value: one level up from where a member's is. */
static hx_json_verdict_t
hx_raw_metadata_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_body_t  *b;

    b = data;

    if (hx_body_value(b, ev, s, len, depth + 1) != 0) {
        b->stopped = 1;
        return HX_JSON_STOP;
    }

    return HX_JSON_GO;
}


static int
hx_raw_metadata_text(hx_body_t *b, const hx_str_t *text)
{
    hx_json_err_t    rc;
    hx_json_scan_t  *scan;

    b->field = HX_F_METADATA;
    scan = hx_json_scan_create(hx_raw_metadata_event, b);

    if (scan == NULL) {
        hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    rc = hx_json_scan_feed(scan, text->data, text->len);
    rc = rc == HX_JSON_OK ? hx_json_scan_finish(scan) : rc;
    hx_json_scan_free(scan);

    if (rc == HX_JSON_OK) {
        return 0;
    }

    if (!b->stopped) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Invalid JSON in 'metadata'");
        b->reply->reason = hx_json_strerror(rc);
    }

    return -1;
}


static int
hx_raw_metadata(hx_req_t *r, const hx_str_t *header)
{
    hx_rc_t        rc;
    hx_str_t       v;
    unsigned char  text[HX_PATH_MAX];

    rc = hx_arg(r, "metadata", text, sizeof(text), &v);

    if (rc == HX_FAIL) {
        return -1;
    }

    if (rc == HX_NO) {
        return header->data != NULL ? hx_raw_metadata_text(r->body, header) : 0;
    }

    if (header->data != NULL) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Metadata stands in both the argument 'metadata' and "
                       "the header 'x-hx-metadata'");
        return -1;
    }

    return hx_raw_metadata_text(r->body, &v);
}


int
hx_raw_args(hx_req_t *r, const hx_str_t *metadata)
{
    if (hx_raw_strings(r) != 0 || hx_raw_numbers(r) != 0
        || hx_raw_shape(r) != 0)
    {
        return -1;
    }

    return hx_raw_metadata(r, metadata);
}
