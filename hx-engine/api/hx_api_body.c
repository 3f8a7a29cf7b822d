/*
 * hx_api_body.c -- see the header.  The event function is called by the
 * scanner (core/hx_json_scan.h) while the server feeds it.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_body.h"
#include "hx_text.h"

typedef struct {
    const char  *name;
    const char  *must;                  /* what a wrong type is told */
} hx_field_info_t;

static const hx_field_info_t  hx_field_info[HX_F_COUNT] = {
    [HX_F_KEY]       = { "key", "a string" },
    [HX_F_NAMESPACE] = { "namespace", "a string" },
    [HX_F_DOMAIN]    = { "domain", "a string" },
    [HX_F_DTYPE]     = { "dtype", "a string" },
    [HX_F_MODE]      = { "mode", "a string" },
    [HX_F_FORMAT]    = { "format", "a string" },
    [HX_F_CURSOR]    = { "cursor", "a string" },
    [HX_F_QUERY_KEY] = { "query_key", "a string" },
    [HX_F_KEY_A]     = { "key_a", "a string" },
    [HX_F_KEY_B]     = { "key_b", "a string" },
    [HX_F_METRIC]    = { "metric", "a string" },
    [HX_F_VERSION]   = { "version", "a whole number" },
    [HX_F_EXPECTED]  = { "expected_version", "a whole number" },
    [HX_F_LIMIT]     = { "limit", "a whole number" },
    [HX_F_DATA]      = { "data_b64", "a string" },
    [HX_F_METADATA]  = { "metadata", "an object" },
    [HX_F_FILTERS]   = { "filters", "an object" },
    [HX_F_K]         = { "k", "a whole number" },
    [HX_F_LENGTH]    = { "length", "a whole number" },
    [HX_F_SHAPE]     = { "shape", "an array of whole numbers" },
    [HX_F_CORES]     = { "cores", "an array of objects" },
    [HX_F_ITEMS]     = { "items", "an array of objects" }
};


const char *
hx_field_name(hx_field_t f)
{
    return hx_field_info[f].name;
}


const char *
hx_body_payload_name(const hx_body_t *b)
{
    return b->raw != HX_RAW_NONE ? "body" : hx_field_info[HX_F_DATA].name;
}


int
hx_body_has(const hx_body_t *b, hx_field_t f)
{
    return (b->seen & hx_field_bit(f)) != 0;
}


hx_str_t
hx_body_string(const hx_body_t *b, hx_field_t f)
{
    hx_str_t  s;

    s.data = b->string[f].text;
    s.len = b->string[f].len;

    return s;
}


uint64_t
hx_body_number(const hx_body_t *b, hx_field_t f)
{
    return b->number[f - HX_F_STRINGS];
}


int
hx_body_wrong_type(hx_body_t *b)
{
    hx_reply_error(b->reply, HX_E_INVALID_REQUEST, "Field '%s' must be %s",
                   hx_field_info[b->field].name, hx_field_info[b->field].must);
    return -1;
}


static uint64_t
hx_body_hash(const unsigned char *s, size_t len)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325u;                            /* FNV-1a */

    for (i = 0; i < len; i++) {
        h = (h ^ s[i]) * 0x100000001b3u;
    }

    return h;
}


static int
hx_body_member(hx_body_t *b, const unsigned char *s, size_t len)
{
    size_t       n;
    hx_str_t     name;
    unsigned     i;
    uint64_t     hash;
    hx_field_t   f;

    name.data = s;
    name.len = len;
    hash = hx_body_hash(s, len);

    for (i = 0; i < b->n_members; i++) {
        if (b->member[i] == hash) {
            hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                           "Duplicate field '%V'", &name);
            return -1;
        }
    }

    if (b->n_members == HX_BODY_MEMBERS) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "More than %L fields", (uint64_t) HX_BODY_MEMBERS);
        return -1;
    }

    b->member[b->n_members++] = hash;
    b->field = HX_F_UNKNOWN;

    for (f = 0; f < HX_F_COUNT; f++) {
        n = strlen(hx_field_info[f].name);

        if ((b->allowed & hx_field_bit(f)) && n == len
            && memcmp(hx_field_info[f].name, s, n) == 0)
        {
            b->field = f;
        }
    }

    return 0;
}


/* Keeps the first HX_FIELD_MAX bytes: more is invalid for every member. */
static void
hx_body_text(hx_body_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    n = HX_FIELD_MAX - b->string[b->field].len;
    n = len < n ? len : n;

    if (n != 0) {
        memcpy(b->string[b->field].text + b->string[b->field].len, s, n);
        b->string[b->field].len += n;
    }

    b->seen |= hx_field_bit(b->field);
}


static int
hx_body_shape(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    if (ev == HX_JSON_ARRAY_START && depth == 1) {
        b->seen |= hx_field_bit(HX_F_SHAPE);
        return 0;
    }

    if (ev == HX_JSON_ARRAY_END) {
        return 0;
    }

    if (ev != HX_JSON_NUMBER || depth != 2) {
        return hx_body_wrong_type(b);
    }

    if (b->hint.ndim == HX_DIMS_MAX) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Field 'shape' has more than %L dimensions",
                       (uint64_t) HX_DIMS_MAX);
        return -1;
    }

    if (hx_text_parse_u64(s, len, INT64_MAX, &b->hint.dim[b->hint.ndim])
        != HX_OK)
    {
        return hx_body_wrong_type(b);
    }

    b->hint.ndim++;

    return 0;
}


int
hx_body_value(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    /* null stands for an absent member, as many clients send it */

    if (ev == HX_JSON_NULL && depth == 1) {
        return 0;
    }

    if (b->field == HX_F_METADATA || b->field == HX_F_FILTERS) {
        if (depth == 1 && ev != HX_JSON_MAP_START && ev != HX_JSON_MAP_END) {
            return hx_body_wrong_type(b);
        }
        b->seen |= hx_field_bit(b->field);
        return hx_meta_event(b, ev, s, len, depth);
    }

    if (b->field == HX_F_CORES) {
        return hx_cores_event(b, ev, s, len, depth);
    }

    if (b->field == HX_F_SHAPE) {
        return hx_body_shape(b, ev, s, len, depth);
    }

    if (b->field >= HX_F_STRINGS && b->field < HX_F_NUMBERS) {
        if (ev != HX_JSON_NUMBER
            || hx_text_parse_u64(s, len, INT64_MAX,
                                 &b->number[b->field - HX_F_STRINGS])
               != HX_OK)
        {
            return hx_body_wrong_type(b);
        }
        b->seen |= hx_field_bit(b->field);
        return 0;
    }

    switch (ev) {

    case HX_JSON_LONG_START:
        return 0;

    case HX_JSON_STRING:
    case HX_JSON_LONG_DATA:
    case HX_JSON_LONG_END:
        break;

    default:
        return hx_body_wrong_type(b);
    }

    if (b->field != HX_F_DATA) {
        hx_body_text(b, s, len);
        return 0;
    }

    if (ev != HX_JSON_LONG_END && hx_value_data(b, s, len) != 0) {
        return -1;
    }

    return ev == HX_JSON_LONG_DATA ? 0 : hx_value_end(b);
}


static hx_json_verdict_t
hx_body_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    int         rc;
    hx_body_t  *b;

    b = data;

    if (depth == 0) {
        if (ev == HX_JSON_MAP_START || ev == HX_JSON_MAP_END) {
            return HX_JSON_GO;
        }

        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Request body must be a JSON object");
        b->stopped = 1;
        return HX_JSON_STOP;
    }

    if (depth <= b->base || (b->field == HX_F_ITEMS && b->base == 0
                             && ev != HX_JSON_KEY && ev != HX_JSON_NULL))
    {
        rc = hx_items_event(b, ev, depth);

    } else if (ev == HX_JSON_KEY && depth == b->base + 1) {
        rc = hx_body_member(b, s, len);

    } else if (b->field == HX_F_UNKNOWN) {
        return ev == HX_JSON_LONG_START ? HX_JSON_SKIP : HX_JSON_GO;

    } else {
        rc = hx_body_value(b, ev, s, len, depth - b->base);
    }

    if (rc != 0) {
        b->stopped = 1;
        return HX_JSON_STOP;
    }

    return HX_JSON_GO;
}


hx_body_t *
hx_body_new(hx_reply_t *reply, hx_budget_t *budget, uint64_t max_upload,
    unsigned allowed)
{
    hx_body_t  *b;

    b = calloc(1, sizeof(hx_body_t));
    if (b == NULL) {
        hx_reply_error(reply, HX_E_UNAVAILABLE, "Out of memory");
        return NULL;
    }

    b->reply = reply;
    b->budget = budget;
    b->max_upload = max_upload;
    b->allowed = allowed;
    b->field = HX_F_UNKNOWN;
    hx_base64_dec_init(&b->base64);

    return b;
}


hx_body_t *
hx_body_create(hx_reply_t *reply, hx_budget_t *budget, uint64_t max_upload,
    unsigned allowed, uint64_t length)
{
    uint64_t    cap;
    hx_body_t  *b;

    b = hx_body_new(reply, budget, max_upload, allowed);
    if (b == NULL) {
        return NULL;
    }

    b->left = hx_body_cap(max_upload);

    if (length != UINT64_MAX && length > b->left) {
        (void) hx_value_too_large(b);
        hx_body_free(b);
        return NULL;
    }

    cap = max_upload;

    if (length != UINT64_MAX && length / 4 * 3 + 3 < cap) {
        cap = length / 4 * 3 + 3;
    }

    b->value_cap = (size_t) cap;

    if (length != UINT64_MAX
        && (allowed & (hx_field_bit(HX_F_DATA) | hx_field_bit(HX_F_CORES)
                       | hx_field_bit(HX_F_ITEMS)))
        && hx_value_expect(b) != 0)
    {
        hx_body_free(b);
        return NULL;
    }

    b->scan = hx_json_scan_create(hx_body_event, b);
    if (b->scan == NULL) {
        hx_reply_error(reply, HX_E_UNAVAILABLE, "Out of memory");
        hx_body_free(b);
        return NULL;
    }

    return b;
}


void
hx_body_free(hx_body_t *b)
{
    if (b == NULL) {
        return;
    }

    hx_value_free(b);
    hx_items_free(b);
    hx_json_scan_free(b->scan);
    free(b->meta_mem);
    free(b->long_mem);
    free(b);
}


static int
hx_body_check(hx_body_t *b, hx_json_err_t rc)
{
    if (rc == HX_JSON_OK) {
        return 0;
    }

    if (rc == HX_JSON_E_NOMEM) {
        hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");

    } else if (!b->stopped) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST, "Invalid JSON body");
        b->reply->reason = hx_json_strerror(rc);
    }

    b->stopped = 1;

    return -1;
}


int
hx_body_feed(hx_body_t *b, const unsigned char *p, size_t len)
{
    if (b->raw != HX_RAW_NONE) {
        if (b->stopped || hx_value_raw(b, p, len) != 0) {
            b->stopped = 1;
            return -1;
        }
        return 0;
    }

    if (len > b->left) {
        b->stopped = 1;
        return hx_value_too_large(b);
    }

    b->left -= len;

    return hx_body_check(b, hx_json_scan_feed(b->scan, p, len));
}


int
hx_body_finish(hx_body_t *b)
{
    if (b->raw == HX_RAW_NONE) {
        return hx_body_check(b, hx_json_scan_finish(b->scan));
    }

    if (b->stopped) {
        return -1;
    }

    if (b->raw == HX_RAW_NPY && b->value_len != 0
        && !hx_npy_is(b->value, b->value_len))
    {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Invalid .npy header in 'body'");
        return -1;
    }

    b->seen |= hx_field_bit(HX_F_DATA);

    return 0;
}
