/*
 * hx_api_tags.c -- entity tags: preconditions of writes, and If-None-Match of
 * reads.
 *
 * Our tags are version numbers in quotes.  A write takes one tag or "*" and is
 * refused for anything else, as a condition that was not understood must not
 * count as met.  A read takes a list; there an element that is not ours, or
 * one too many, can only cause an answer in full.
 */

#include <string.h>

#include "hx_api_op.h"


/* "<number>" with its quotes. */
static hx_rc_t
hx_tag_version(const unsigned char *p, size_t len, uint64_t *version)
{
    if (len < 3 || p[0] != '"' || p[len - 1] != '"'
        || hx_text_parse_u64(p + 1, len - 2, INT64_MAX, version) != HX_OK)
    {
        return HX_NO;
    }

    return *version != 0 ? HX_OK : HX_NO;
}


static int
hx_tag_any(const hx_str_t *v)
{
    return v->len == 1 && v->data[0] == '*';
}


/* Tags of a list, compared weakly: W/ is of no account. */
static void
hx_tag_list(hx_req_t *r, const hx_str_t *list)
{
    uint64_t              version;
    const unsigned char  *p, *end, *close;

    p = list->data;
    end = p + list->len;

    while (p < end && r->n_tags < HX_TAGS_MAX) {
        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }

        if (end - p > 2 && p[0] == 'W' && p[1] == '/') {
            p += 2;
        }

        close = *p == '"' ? memchr(p + 1, '"', (size_t) (end - p - 1)) : NULL;

        if (close == NULL) {
            return;                     /* no list from here on */
        }

        close++;

        if (hx_tag_version(p, (size_t) (close - p), &version) == HX_OK) {
            r->tag[r->n_tags++] = version;
        }

        p = close;
    }
}


int
hx_req_unchanged(const hx_req_t *r, uint64_t version)
{
    unsigned  i;

    for (i = 0; i < r->n_tags; i++) {
        if (r->tag[i] == version) {
            return 1;
        }
    }

    return r->any_tag;
}


int
hx_req_conditions(hx_req_t *r, const hx_str_t *match,
    const hx_str_t *none_match)
{
    if (r->method == HX_GET || r->method == HX_HEAD) {
        if (none_match->data != NULL) {
            r->any_tag = hx_tag_any(none_match);
            hx_tag_list(r, none_match);
        }
        return 0;
    }

    if (r->op->finish == NULL) {
        return 0;
    }

    if (match->data != NULL) {
        if (hx_tag_any(match)) {
            r->check = HX_STORE_EXISTS;

        } else if (hx_tag_version(match->data, match->len, &r->expected)
                   == HX_OK)
        {
            r->check = HX_STORE_VERSION;

        } else {
            hx_req_invalid_header(r, HX_H_IF_MATCH);
            return -1;
        }
    }

    if (none_match->data != NULL) {
        if (match->data != NULL || !hx_tag_any(none_match)) {
            hx_req_invalid_header(r, HX_H_IF_NONE_MATCH);
            return -1;
        }
        r->check = HX_STORE_VERSION;
        r->expected = 0;
    }

    return 0;
}
