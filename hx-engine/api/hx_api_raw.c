/*
 * hx_api_raw.c -- put with the payload itself as the body: what a JSON body
 * says in members stands in query arguments, "metadata" there or in a header.
 *
 * Called by hx_api.c before the body is read.  The arguments fill the slots
 * the members would, so everything behind is the same for both.
 */

#include <string.h>

#include "hx_api_op.h"

static const char  hx_raw_octets[] = "application/octet-stream";
static const char  hx_raw_npy[] = "application/x-npy";


int
hx_media_is(const hx_str_t *type, const char *name)
{
    size_t                len;
    const unsigned char  *semi;

    semi = memchr(type->data, ';', type->len);
    len = semi != NULL ? (size_t) (semi - type->data) : type->len;

    while (len != 0 && (type->data[len - 1] == ' '
                        || type->data[len - 1] == '\t'))
    {
        len--;
    }

    return hx_text_ieq(type->data, len, name, strlen(name));
}


hx_raw_t
hx_raw_media(const hx_str_t *type)
{
    if (hx_media_is(type, hx_raw_octets)) {
        return HX_RAW_OCTETS;
    }

    return hx_media_is(type, hx_raw_npy) ? HX_RAW_NPY : HX_RAW_NONE;
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
        return header->data != NULL ? hx_body_metadata(r->body, header) : 0;
    }

    if (header->data != NULL) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Metadata stands in both the argument 'metadata' and "
                       "the header 'x-hx-metadata'");
        return -1;
    }

    return hx_body_metadata(r->body, &v);
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
