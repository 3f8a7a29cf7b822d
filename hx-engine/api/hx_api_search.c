/*
 * hx_api_search.c -- POST /v1/search: live keys whose metadata matches a
 * filter, bytewise ascending, in pages.
 *
 * The cursor is the last key of the page before, as in a list.  A page is put
 * together from several short views of the store; each decides about a part of
 * the keys for good.  A request that has done HX_SEARCH_MOST of work without
 * filling its page ends there: the page is short, and its cursor is the last
 * key that was looked at.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_op.h"
#include "hx_check.h"

/*
 * Work is counted in entries looked at; metadata counts more, by its length
 * and the conditions it is compared with.
 */
#define HX_SEARCH_STEPS   8192          /* of one view */
#define HX_SEARCH_MOST    1000000       /* of one request */
#define HX_SEARCH_BYTES   1024          /* bytes x conditions that count one */

typedef struct {
    const hx_filter_t  *filter;         /* NULL: all match */
    hx_buf_t           *b;
    uint64_t            limit;
    uint64_t            n;
    uint64_t            work;           /* in this view */
    int                 more;           /* a key beyond the page */
    size_t              last_len;
    unsigned char       last[HX_KEY_MAX];
} hx_found_t;


void
hx_search_check(hx_req_t *r)
{
    hx_str_t    s;
    uint64_t    limit;
    hx_body_t  *b;

    b = r->body;

    if (hx_body_has(b, HX_F_LIMIT)) {
        limit = hx_body_number(b, HX_F_LIMIT);

        if (limit == 0 || limit > HX_LIST_MAX) {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Field 'limit' must be a whole number from 1 to "
                           "%L", (uint64_t) HX_LIST_MAX);
            return;
        }
    }

    if (hx_body_has(b, HX_F_CURSOR)) {
        s = hx_body_string(b, HX_F_CURSOR);

        if (s.len != 0 && !hx_check_key(s.data, s.len)) {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Invalid field 'cursor'");
            return;
        }
    }

    (void) hx_req_filter(r);
}


static int
hx_search_found(void *data, const hx_str_t *key, const hx_record_t *rec)
{
    hx_found_t  *f;

    f = data;

    if (f->filter != NULL) {
        f->work += rec->metadata.len * f->filter->n / HX_SEARCH_BYTES;

        if (!hx_filter_match(f->filter, rec->metadata.data,
                             rec->metadata.len))
        {
            return f->work < HX_SEARCH_STEPS;
        }
    }

    if (f->n == f->limit) {
        f->more = 1;
        return 0;
    }

    if (f->n++ != 0) {
        hx_buf_byte(f->b, ',');
    }

    hx_json_string(f->b, key->data, key->len);
    memcpy(f->last, key->data, key->len);
    f->last_len = key->len;

    return 1;
}


/*
 * Fills the page; 0, or -1: the reply is an error.  What the store gathers
 * before it gives keys is work as well, but each view gets on by a key at
 * least, and so does each request.
 */
static int
hx_search_pages(hx_req_t *r, hx_store_search_t *s, hx_found_t *f)
{
    hx_str_t         key;
    uint64_t         work;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    for (work = 0; !s->done && !f->more;
         work += f->work + HX_SEARCH_STEPS)
    {
        f->work = 0;

        if (work + s->gathered >= HX_SEARCH_MOST && s->after_len != 0) {
            f->more = 1;
            memcpy(f->last, s->after, s->after_len);
            f->last_len = s->after_len;
            break;
        }

        if (hx_req_view(r, &v) != 0) {
            return -1;
        }

        rc = hx_store_search(&v, s);
        hx_store_view_end(&v);

        if (rc == HX_STORE_CORRUPT && s->after_len == 0) {
            hx_reply_error(&r->reply, HX_E_INTERNAL,
                           "Stored list of namespace '%V' is corrupt", &r->ns);
            return -1;
        }

        if (rc != HX_STORE_OK) {
            key.data = s->after;
            key.len = s->after_len;
            r->key = key;
            hx_req_store_error(r, rc, 0, "search");
            return -1;
        }
    }

    return 0;
}


static void
hx_search_answer(hx_req_t *r, hx_store_search_t *s, hx_found_t *f)
{
    f->b = hx_reply_open(&r->reply, 200,
                         HX_JSON_COMMON_MAX + f->limit * (HX_KEY_MAX + 3));

    if (f->b == NULL) {
        return;
    }

    hx_buf_lit(f->b, "{\"namespace\":");
    hx_json_string(f->b, r->ns.data, r->ns.len);
    hx_buf_lit(f->b, ",\"keys\":[");

    if (hx_search_pages(r, s, f) != 0) {
        return;
    }

    hx_buf_lit(f->b, "],\"count\":");
    hx_text_u64(f->b, f->n);
    hx_buf_lit(f->b, ",\"next_cursor\":");

    if (f->more) {
        hx_json_string(f->b, f->last, f->last_len);

    } else {
        hx_buf_lit(f->b, "null");
    }

    hx_buf_byte(f->b, '}');

    if (!hx_buf_ok(f->b)) {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Page does not fit");
    }
}


hx_rc_t
hx_search_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_str_t            after;
    hx_asks_t          *asks;
    hx_found_t          f;
    hx_store_search_t   s;

    (void) crypto;
    memset(&f, 0, offsetof(hx_found_t, last));
    memset(&s, 0, offsetof(hx_store_search_t, after));
    f.filter = r->filter;
    f.limit = hx_body_has(r->body, HX_F_LIMIT)
              ? hx_body_number(r->body, HX_F_LIMIT) : HX_LIST_DEFAULT;
    s.ns = r->ns;
    s.wanted = (unsigned) f.limit;
    s.steps = HX_SEARCH_STEPS;
    s.each = hx_search_found;
    s.data = &f;
    s.done = 0;

    if (hx_body_has(r->body, HX_F_CURSOR)) {
        after = hx_body_string(r->body, HX_F_CURSOR);
        memcpy(s.after, after.data, after.len);
        s.after_len = after.len;
    }

    asks = NULL;

    if (r->filter != NULL) {
        asks = malloc(sizeof(hx_asks_t));

        if (asks == NULL) {
            hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
            return HX_OK;
        }

        hx_term_asks(asks, r->filter);
        s.ask = asks->ask;
        s.n = asks->n;
    }

    hx_search_answer(r, &s, &f);
    hx_store_search_end(&s);
    free(asks);

    return HX_OK;
}
