/*
 * hx_api_meta.c -- "metadata" or "filters" as compact JSON text, from scanner
 * events.
 *
 * Called by hx_api_body.c.  Numbers stay as written; strings are decoded and
 * escaped again, so the same value always gives the same text.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_body.h"
#include "hx_json_unique.h"
#include "hx_limits.h"


static int
hx_meta_fail(hx_body_t *b)
{
    hx_reply_error(b->reply, HX_E_INVALID_REQUEST, "%s %L bytes",
                   b->field == HX_F_FILTERS ? "Filters exceed"
                                            : "Metadata exceeds",
                   (uint64_t) HX_METADATA_MAX);
    return -1;
}


/* The text is complete: readers disagree about a member that stands twice. */
static int
hx_meta_unique(hx_body_t *b)
{
    hx_rc_t        rc;
    hx_buf_t       name;
    hx_str_t       text;
    unsigned char  mem[HX_DETAIL_ECHO_MAX];

    hx_buf_init(&name, mem, sizeof(mem));
    rc = hx_json_unique(b->meta.start, hx_buf_len(&b->meta), &name);

    if (rc == HX_OK) {
        return 0;
    }

    text.data = mem;
    text.len = hx_buf_len(&name);

    if (rc == HX_NO) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Duplicate field '%s.%V'", hx_field_name(b->field),
                       &text);
    } else {
        hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
    }

    return -1;
}


/* The comma in front of a key or an array element; levels count from 1. */
static void
hx_meta_separate(hx_body_t *b, unsigned level)
{
    if (b->meta_after_key) {
        b->meta_after_key = 0;
        return;
    }

    if (b->meta_more & (1u << level)) {
        hx_buf_byte(&b->meta, ',');
    }

    b->meta_more |= 1u << level;
}


static int
hx_meta_open(hx_body_t *b, unsigned char ch, unsigned depth)
{
    if (b->meta_mem == NULL) {
        b->meta_mem = malloc(HX_METADATA_MAX);

        if (b->meta_mem == NULL) {
            hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
            return -1;
        }

        hx_buf_init(&b->meta, b->meta_mem, HX_METADATA_MAX);
    }

    if (hx_buf_len(&b->meta) != 0) {
        hx_meta_separate(b, depth - 1);
    }

    /* the object itself stands at depth 1, so depth is its level */

    if (depth > HX_METADATA_DEPTH) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "%s nested deeper than %L levels",
                       b->field == HX_F_FILTERS ? "Filters are"
                                                : "Metadata is",
                       (uint64_t) HX_METADATA_DEPTH);
        return -1;
    }

    b->meta_more &= ~(1u << depth);
    hx_buf_byte(&b->meta, ch);

    return 0;
}


static int
hx_meta_long(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len)
{
    if (ev == HX_JSON_LONG_END) {
        hx_json_string(&b->meta, b->long_mem, b->long_len);
        b->long_len = 0;
        return 0;
    }

    if (b->long_mem == NULL) {
        b->long_mem = malloc(HX_METADATA_MAX);

        if (b->long_mem == NULL) {
            hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
            return -1;
        }
    }

    if (len > HX_METADATA_MAX - b->long_len) {
        return hx_meta_fail(b);
    }

    if (len != 0) {
        memcpy(b->long_mem + b->long_len, s, len);
        b->long_len += len;
    }

    return 0;
}


int
hx_meta_event(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    int  rc;

    rc = 0;

    /* values stand at depth = level of their container + 1 */

    switch (ev) {

    case HX_JSON_MAP_START:
    case HX_JSON_ARRAY_START:
        rc = hx_meta_open(b, ev == HX_JSON_MAP_START ? '{' : '[', depth);
        break;

    case HX_JSON_MAP_END:
        hx_buf_byte(&b->meta, '}');
        break;

    case HX_JSON_ARRAY_END:
        hx_buf_byte(&b->meta, ']');
        break;

    case HX_JSON_KEY:
        hx_meta_separate(b, depth - 1);
        hx_json_string(&b->meta, s, len);
        hx_buf_byte(&b->meta, ':');
        b->meta_after_key = 1;
        break;

    case HX_JSON_STRING:
        hx_meta_separate(b, depth - 1);
        hx_json_string(&b->meta, s, len);
        break;

    case HX_JSON_NUMBER:
        hx_meta_separate(b, depth - 1);
        hx_buf_add(&b->meta, s, len);
        break;

    case HX_JSON_TRUE:
        hx_meta_separate(b, depth - 1);
        hx_buf_lit(&b->meta, "true");
        break;

    case HX_JSON_FALSE:
        hx_meta_separate(b, depth - 1);
        hx_buf_lit(&b->meta, "false");
        break;

    case HX_JSON_NULL:
        hx_meta_separate(b, depth - 1);
        hx_buf_lit(&b->meta, "null");
        break;

    case HX_JSON_LONG_START:
        hx_meta_separate(b, depth - 1);
        rc = hx_meta_long(b, ev, s, 0);
        break;

    default:                                    /* LONG_DATA, LONG_END */
        rc = hx_meta_long(b, ev, s, len);
    }

    if (rc == 0 && !hx_buf_ok(&b->meta)) {
        return hx_meta_fail(b);
    }

    if (rc == 0 && ev == HX_JSON_MAP_END && depth == 1) {
        return hx_meta_unique(b);
    }

    return rc;
}
