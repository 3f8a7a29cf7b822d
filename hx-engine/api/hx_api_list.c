/*
 * hx_api_list.c -- GET /v1/list/{ns}: live keys in bytewise order, in pages.
 *
 * The cursor is the last key of the page before: it stays right whatever is
 * written or deleted between two pages.
 */

#include <string.h>

#include "hx_api_op.h"
#include "hx_check.h"

typedef struct {
    hx_buf_t       *b;
    uint64_t        limit;
    uint64_t        n;
    int             more;
    size_t          last_len;
    unsigned char   last[HX_KEY_MAX];
} hx_list_t;


static int
hx_list_each(void *data, const hx_str_t *key)
{
    hx_list_t  *l;

    l = data;

    if (l->n == l->limit) {
        l->more = 1;
        return 0;
    }

    if (l->n++ != 0) {
        hx_buf_byte(l->b, ',');
    }

    hx_json_string(l->b, key->data, key->len);
    memcpy(l->last, key->data, key->len);
    l->last_len = key->len;

    return 1;
}


static int
hx_list_args(hx_req_t *r, uint64_t *limit, hx_str_t *prefix, hx_str_t *after,
    unsigned char *mem)
{
    prefix->data = mem;
    prefix->len = 0;
    after->data = mem + HX_KEY_MAX;
    after->len = 0;

    if (hx_arg_number(r, "limit", 1, HX_LIST_MAX, limit) == HX_FAIL
        || hx_arg(r, "prefix", mem, HX_KEY_MAX, prefix) == HX_FAIL
        || hx_arg(r, "cursor", mem + HX_KEY_MAX, HX_KEY_MAX, after)
           == HX_FAIL)
    {
        return -1;
    }

    if ((prefix->len != 0 && !hx_check_key(prefix->data, prefix->len))
        || (after->len != 0 && !hx_check_key(after->data, after->len)))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Invalid argument 'prefix' or 'cursor'");
        return -1;
    }

    return 0;
}


hx_rc_t
hx_list_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_str_t         prefix, after;
    uint64_t         limit;
    hx_list_t        l;
    hx_store_rc_t    rc;
    unsigned char    mem[HX_KEY_MAX * 2];
    hx_store_view_t  v;

    (void) crypto;
    limit = HX_LIST_DEFAULT;

    if (hx_list_args(r, &limit, &prefix, &after, mem) != 0
        || hx_req_view(r, &v) != 0)
    {
        return HX_OK;
    }

    memset(&l, 0, sizeof(l));
    l.limit = limit;
    l.b = hx_reply_open(&r->reply, 200,
                        HX_JSON_COMMON_MAX + limit * (HX_KEY_MAX + 3));
    rc = HX_STORE_OK;

    if (l.b != NULL) {
        hx_buf_lit(l.b, "{\"namespace\":");
        hx_json_string(l.b, r->ns.data, r->ns.len);
        hx_buf_lit(l.b, ",\"keys\":[");

        rc = hx_store_list(&v, &r->ns, &prefix, &after, hx_list_each, &l);

        hx_buf_lit(l.b, "],\"count\":");
        hx_text_u64(l.b, l.n);
        hx_buf_lit(l.b, ",\"next_cursor\":");

        if (l.more) {
            hx_json_string(l.b, l.last, l.last_len);

        } else {
            hx_buf_lit(l.b, "null");
        }

        hx_buf_byte(l.b, '}');
    }

    hx_store_view_end(&v);

    if (rc == HX_STORE_CORRUPT) {
        hx_reply_error(&r->reply, HX_E_INTERNAL,
                       "Stored list of namespace '%V' is corrupt", &r->ns);

    } else if (rc != HX_STORE_OK) {
        hx_req_store_error(r, rc, 0, "list");

    } else if (l.b != NULL && !hx_buf_ok(l.b)) {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Listing does not fit");
    }

    return HX_OK;
}
