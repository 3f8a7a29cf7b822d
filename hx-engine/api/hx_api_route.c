/*
 * hx_api_route.c -- the table of operations and the way into it.
 *
 * The path is decoded by core's hx_path_parse, as in the gate, so both see the
 * same namespace and key.  %2F may only stand inside a key.
 */

#include <string.h>

#include "hx_api_op.h"

#define M(m)   (1u << HX_##m)

#define HX_PUT_FIELDS                                                         \
    (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_NAMESPACE)                    \
     | hx_field_bit(HX_F_DATA) | hx_field_bit(HX_F_METADATA)                  \
     | hx_field_bit(HX_F_DOMAIN) | hx_field_bit(HX_F_DTYPE)                   \
     | hx_field_bit(HX_F_SHAPE) | hx_field_bit(HX_F_EXPECTED)                 \
     | HX_FIELD_RAW)

#define HX_CORES_FIELDS                                                       \
    (HX_ITEM_FIELDS | hx_field_bit(HX_F_NAMESPACE))

#define HX_BATCH_FIELDS                                                       \
    (hx_field_bit(HX_F_NAMESPACE) | hx_field_bit(HX_F_ITEMS))

#define HX_SERVE_FIELDS                                                       \
    (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_NAMESPACE)                    \
     | hx_field_bit(HX_F_MODE) | hx_field_bit(HX_F_VERSION)                   \
     | hx_field_bit(HX_F_FORMAT))

#define HX_SEARCH_FIELDS                                                      \
    (hx_field_bit(HX_F_NAMESPACE) | hx_field_bit(HX_F_FILTERS)                \
     | hx_field_bit(HX_F_LIMIT) | hx_field_bit(HX_F_CURSOR))

#define HX_PAIR_FIELDS                                                        \
    (hx_field_bit(HX_F_KEY_A) | hx_field_bit(HX_F_KEY_B)                      \
     | hx_field_bit(HX_F_NAMESPACE) | hx_field_bit(HX_F_METRIC))

#define HX_QUERY_FIELDS                                                       \
    (hx_field_bit(HX_F_NAMESPACE) | hx_field_bit(HX_F_METRIC)                 \
     | hx_field_bit(HX_F_K) | hx_field_bit(HX_F_FILTERS))

#define HX_VECTOR_FIELDS                                                      \
    (HX_QUERY_FIELDS | hx_field_bit(HX_F_DATA) | hx_field_bit(HX_F_DTYPE)     \
     | hx_field_bit(HX_F_SHAPE))

static const hx_op_t  hx_ops[] = {
    { "/v1/put", HX_FORM_EXACT, M(POST), "POST", HX_PUT_FIELDS, 0, 0,
      hx_put_check, hx_put_run, hx_put_finish },
    { "/v1/put_cores", HX_FORM_EXACT, M(POST), "POST", HX_CORES_FIELDS, 0, 1,
      hx_cores_check, hx_cores_run, hx_put_finish },
    { "/v1/put_cores_batch", HX_FORM_EXACT, M(POST), "POST", HX_BATCH_FIELDS,
      0, 1, hx_batch_check, hx_batch_put_run, hx_batch_finish },
    { "/v1/get", HX_FORM_NS_KEY, M(GET) | M(HEAD), "GET, HEAD", 0, 0, 0,
      hx_get_check, hx_get_run, NULL },
    { "/v1/serve", HX_FORM_EXACT, M(POST), "POST", HX_SERVE_FIELDS, 0, 1,
      hx_serve_check, hx_serve_run, NULL },
    { "/v1/delete", HX_FORM_NS_KEY, M(DELETE), "DELETE", 0, 0, 0,
      NULL, hx_delete_run, hx_delete_finish },
    { "/v1/list", HX_FORM_NS, M(GET) | M(HEAD), "GET, HEAD", 0, 0, 1,
      NULL, hx_list_run, NULL },
    { "/health", HX_FORM_EXACT, M(GET) | M(HEAD), "GET, HEAD", 0, 1, 0,
      NULL, hx_health_run, NULL },
    { "/ready", HX_FORM_EXACT, M(GET) | M(HEAD), "GET, HEAD", 0, 1, 0,
      NULL, hx_ready_run, NULL },
    { "/metrics", HX_FORM_EXACT, M(GET) | M(HEAD), "GET, HEAD", 0, 1, 1,
      hx_metrics_check, hx_metrics_run, NULL },
    { "/v1/search", HX_FORM_EXACT, M(POST), "POST", HX_SEARCH_FIELDS, 0, 1,
      hx_search_check, hx_search_run, NULL },

    { "/v1/query/similarity", HX_FORM_EXACT, M(POST), "POST", HX_PAIR_FIELDS,
      0, 1, hx_similarity_check, hx_similarity_run, NULL },
    { "/v1/query/topk", HX_FORM_EXACT, M(POST), "POST",
      HX_QUERY_FIELDS | hx_field_bit(HX_F_QUERY_KEY), 0, 1, hx_topk_check,
      hx_topk_run, NULL },
    { "/v1/query/vector", HX_FORM_EXACT, M(POST), "POST", HX_VECTOR_FIELDS,
      0, 1, hx_vector_check, hx_vector_run, NULL }
};


_Static_assert(hx_nelts(hx_ops) < HX_COUNTS_OPS, "and one for none");


unsigned
hx_op_index(const hx_op_t *op)
{
    return op != NULL ? (unsigned) (op - hx_ops) : hx_nelts(hx_ops);
}


void
hx_op_name(hx_buf_t *b, unsigned index)
{
    const char  *s;

    if (index >= hx_nelts(hx_ops)) {
        hx_buf_lit(b, "none");
        return;
    }

    s = hx_ops[index].path + 1;
    s += strncmp(s, "v1/", 3) == 0 ? 3 : 0;

    for ( /* void */ ; *s != '\0'; s++) {
        hx_buf_byte(b, *s == '/' ? '_' : (unsigned char) *s);
    }
}


static hx_method_t
hx_route_method(const hx_str_t *m)
{
    static const struct {
        hx_str_t     name;
        hx_method_t  method;
    }  known[] = {
        { hx_string("GET"), HX_GET },
        { hx_string("HEAD"), HX_HEAD },
        { hx_string("POST"), HX_POST },
        { hx_string("DELETE"), HX_DELETE }
    };

    size_t  i;

    for (i = 0; i < hx_nelts(known); i++) {
        if (m->len == known[i].name.len
            && memcmp(m->data, known[i].name.data, m->len) == 0)
        {
            return known[i].method;
        }
    }

    return HX_OTHER;
}


/* Does the decoded path have the form of this operation? */
static int
hx_route_fits(hx_req_t *r, const hx_op_t *op)
{
    size_t            len;
    const hx_path_t  *p;

    p = &r->path;
    len = strlen(op->path);

    if (p->text.len < len || memcmp(p->text.data, op->path, len) != 0) {
        return 0;
    }

    if (op->form == HX_FORM_EXACT) {
        return p->text.len == len;
    }

    /* all of these paths are two segments */

    if (p->text.len == len || p->text.data[len] != '/' || p->n < 3
        || (op->form == HX_FORM_NS && p->n != 3)
        || (op->form == HX_FORM_NS_KEY && p->n < 4))
    {
        return 0;
    }

    r->ns = p->segment[2];

    if (op->form == HX_FORM_NS_KEY) {
        r->key.data = p->segment[3].data;
        r->key.len = (size_t) (p->text.data + p->text.len - r->key.data);
    }

    return 1;
}


static int
hx_route_slash_ok(const hx_req_t *r, const hx_op_t *op)
{
    size_t  key;

    key = op->form == HX_FORM_NS_KEY
          ? (size_t) (r->key.data - r->path.text.data) : r->path.text.len;

    return r->path.encoded_slash >= key;
}


static void
hx_route_found(hx_req_t *r, const hx_op_t *op)
{
    r->op = op;

    if (!hx_route_slash_ok(r, op)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid path");

    } else if (!(op->methods & (1u << r->method))) {
        hx_reply_error(&r->reply, HX_E_METHOD_NOT_ALLOWED,
                       "Method not allowed, use %s", op->allow);
        hx_reply_header(&r->reply, "Allow", op->allow);
    }
}


void
hx_req_route(hx_req_t *r, const hx_str_t *method, const hx_str_t *target)
{
    size_t                i;
    const unsigned char  *q, *end;

    r->method = hx_route_method(method);
    r->reply.no_body = r->method == HX_HEAD;

    if (target->len > sizeof(r->target)) {
        hx_reply_error(&r->reply, HX_E_URI_TOO_LONG,
                       "Request target exceeds %L bytes",
                       (uint64_t) sizeof(r->target));
        return;
    }

    memcpy(r->target, target->data, target->len);
    end = r->target + target->len;

    q = memchr(r->target, '#', target->len);
    end = q != NULL ? q : end;
    q = memchr(r->target, '?', (size_t) (end - r->target));

    r->query.data = q != NULL ? q + 1 : end;
    r->query.len = (size_t) (end - r->query.data);

    if (hx_path_parse(&r->path, r->target, target->len, r->path_mem)
        != HX_PATH_OK)
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid path");
        return;
    }

    for (i = 0; i < hx_nelts(hx_ops); i++) {
        if (hx_route_fits(r, &hx_ops[i])) {
            hx_route_found(r, &hx_ops[i]);
            return;
        }
    }

    hx_reply_error(&r->reply, HX_E_NOT_FOUND, "No such path");
}
