/*
 * hx_route.c -- templates, and the choice of an operation; see the header.
 * Regular expressions are in hx_route_regex.c.
 */

#include <stdio.h>
#include <string.h>

#include "hx_route.h"
#include "hx_route_regex.h"


#define HX_OP(name, method, pattern, ns, scope, cost)                         \
    { hx_string(name), hx_string(method), hx_string(pattern), ns, scope,      \
      cost, { NULL, 0 }, { NULL, 0 }, 0, { { 0, { NULL, 0 } } }, NULL,        \
      0, 0, 0 }

#define HX_VARIANT(name, method, pattern, ns, scope, cost, member, value)     \
    { hx_string(name), hx_string(method), hx_string(pattern), ns, scope,      \
      cost, hx_string(member), hx_string(value), 0,                           \
      { { 0, { NULL, 0 } } }, NULL, 0, 0, 0 }


static const hx_operation_t  hx_sdp[] = {
    HX_OP("get", "GET", "/v1/get/{ns}/{key}", HX_NS_PATH, HX_SCOPE_READ, 1),
    HX_OP("put", "POST", "/v1/put", HX_NS_BODY, HX_SCOPE_WRITE, 10),
    HX_OP("serve", "POST", "/v1/serve", HX_NS_BODY, HX_SCOPE_READ, 5),
    HX_VARIANT("serve_gpu", "POST", "/v1/serve", HX_NS_BODY, HX_SCOPE_READ,
               20, "mode", "gpu"),
    HX_OP("search", "POST", "/v1/search", HX_NS_BODY, HX_SCOPE_READ, 5),
    HX_OP("delete", "DELETE", "/v1/delete/{ns}/{key}", HX_NS_PATH,
          HX_SCOPE_WRITE, 1),
    HX_OP("list", "GET", "/v1/list/{ns}", HX_NS_PATH, HX_SCOPE_READ, 1),
    HX_OP("put_cores", "POST", "/v1/put_cores", HX_NS_BODY, HX_SCOPE_WRITE,
          10),
    HX_OP("put_cores_batch", "POST", "/v1/put_cores_batch", HX_NS_BODY,
          HX_SCOPE_WRITE, 20),
    HX_OP("query_similarity", "POST", "/v1/query/similarity", HX_NS_BODY,
          HX_SCOPE_READ, 10),
    HX_OP("query_topk", "POST", "/v1/query/topk", HX_NS_BODY, HX_SCOPE_READ,
          10),
    HX_OP("query_vector", "POST", "/v1/query/vector", HX_NS_BODY,
          HX_SCOPE_READ, 10),
};


unsigned
hx_route_hx_sdp(const hx_operation_t **ops)
{
    *ops = hx_sdp;

    return hx_nelts(hx_sdp);
}


static hx_rc_t
hx_route_bad(char *err, size_t cap, const char *why)
{
    (void) snprintf(err, cap, "%s", why);

    return HX_NO;
}


static hx_rc_t
hx_route_part(hx_operation_t *op, const unsigned char *s, size_t len,
    char *err, size_t cap)
{
    hx_part_t  *part;

    if (len == 0) {
        return hx_route_bad(err, cap, "has an empty segment");
    }

    if (op->n_parts == HX_ROUTE_PARTS) {
        return hx_route_bad(err, cap, "has too many segments");
    }

    part = &op->part[op->n_parts++];
    part->text.data = s;
    part->text.len = len;
    part->type = HX_PART_LITERAL;

    if (memchr(s, '{', len) == NULL && memchr(s, '}', len) == NULL) {
        return HX_OK;
    }

    if (len < 3 || s[0] != '{' || s[len - 1] != '}'
        || memchr(s + 1, '{', len - 1) != NULL
        || memchr(s, '}', len - 1) != NULL)
    {
        return hx_route_bad(err, cap, "has a placeholder that is not a whole "
                            "segment");
    }

    if (len == 4 && memcmp(s, "{ns}", 4) == 0) {
        part->type = HX_PART_NS;

    } else if (len == 5 && memcmp(s, "{key}", 5) == 0) {
        part->type = HX_PART_KEY;

    } else {
        part->type = HX_PART_ANY;
    }

    return HX_OK;
}


static hx_rc_t
hx_route_template(hx_operation_t *op, char *err, size_t cap)
{
    hx_rc_t               rc;
    unsigned              i, ns, key;
    const unsigned char  *s, *p, *end;

    s = op->pattern.data;
    end = s + op->pattern.len;

    if (op->pattern.len < 2 || s[0] != '/') {
        return hx_route_bad(err, cap, "must begin with \"/\"");
    }

    op->n_parts = 0;

    for (s++; /* void */ ; s = p + 1) {
        for (p = s; p < end && *p != '/'; p++) { /* void */ }

        rc = hx_route_part(op, s, (size_t) (p - s), err, cap);
        if (rc != HX_OK) {
            return rc;
        }

        if (p == end) {
            break;
        }
    }

    ns = 0;
    key = 0;

    for (i = 0; i < op->n_parts; i++) {
        ns += op->part[i].type == HX_PART_NS;
        key += op->part[i].type == HX_PART_KEY;

        if (op->part[i].type == HX_PART_KEY && i + 1 != op->n_parts) {
            return hx_route_bad(err, cap, "has {key} before its end");
        }
    }

    if (ns > 1 || key > 1) {
        return hx_route_bad(err, cap, "has a placeholder twice");
    }

    if ((op->ns == HX_NS_PATH) != (ns == 1)) {
        return hx_route_bad(err, cap, ns ? "has {ns} without namespace=path"
                                         : "has namespace=path but no {ns}");
    }

    return HX_OK;
}


hx_rc_t
hx_route_compile(hx_operation_t *op, char *err, size_t cap)
{
    op->regex = NULL;
    op->n_parts = 0;

    if (op->pattern.len != 0 && op->pattern.data[0] == '~') {
        return hx_regex_compile(&op->regex, &op->pattern,
                                op->ns == HX_NS_PATH, err, cap);
    }

    return hx_route_template(op, err, cap);
}


void
hx_route_free(hx_operation_t *op)
{
    hx_regex_free(op->regex);
    op->regex = NULL;
}


/*
 * An encoded slash is data, and only a key may hold one: wherever else it
 * stands, a reader that splits before decoding would see other segments.
 */

static hx_rc_t
hx_route_slash(hx_route_t *r, const hx_path_t *path)
{
    if (path->encoded_slash_end == 0
        || (r->key.data != NULL
            && path->text.data + path->encoded_slash >= r->key.data
            && path->text.data + path->encoded_slash_end
               <= r->key.data + r->key.len))
    {
        return HX_OK;
    }

    r->bad_slash = 1;

    return HX_NO;
}


static hx_rc_t
hx_route_parts(hx_route_t *r, const hx_operation_t *op, const hx_path_t *path)
{
    unsigned          i;
    const hx_str_t   *seg;
    const hx_part_t  *part;

    r->ns.data = NULL;
    r->key.data = NULL;

    if (path->n < op->n_parts) {
        return HX_NO;
    }

    for (i = 0; i < op->n_parts; i++) {
        part = &op->part[i];
        seg = &path->segment[i];

        switch (part->type) {

        case HX_PART_LITERAL:
            if (part->text.len != seg->len
                || memcmp(part->text.data, seg->data, seg->len) != 0)
            {
                return HX_NO;
            }

            break;

        case HX_PART_NS:
            r->ns = *seg;
            break;

        case HX_PART_KEY:
            r->key.data = seg->data;
            r->key.len = (size_t) (path->text.data + path->text.len
                                   - seg->data);
            break;

        case HX_PART_ANY:
            break;
        }
    }

    if (path->n > op->n_parts && r->key.data == NULL) {
        return HX_NO;
    }

    return hx_route_slash(r, path);
}


static int
hx_route_method(const hx_operation_t *op, const hx_str_t *method)
{
    if (op->method.len == method->len
        && memcmp(op->method.data, method->data, method->len) == 0)
    {
        return 1;
    }

    return op->method.len == 3 && memcmp(op->method.data, "GET", 3) == 0
           && method->len == 4 && memcmp(method->data, "HEAD", 4) == 0;
}


static hx_rc_t
hx_route_one(hx_route_t *r, const hx_operation_t *op, const hx_path_t *path)
{
    hx_rc_t  rc;

    if (op->regex == NULL) {
        return hx_route_parts(r, op, path);
    }

    rc = hx_regex_match(op->regex, path, &r->ns, &r->key);

    return rc == HX_OK ? hx_route_slash(r, path) : rc;
}


hx_rc_t
hx_route_match(hx_route_t *r, const hx_operation_t *ops, unsigned n,
    const hx_str_t *method, const hx_path_t *path)
{
    hx_rc_t   rc;
    unsigned  i;

    memset(r, 0, sizeof(hx_route_t));

    for (i = 0; i < n; i++) {
        if (ops[i].member.data != NULL) {
            continue;
        }

        /* when the method is wrong anyway, the path is looked at only until
         * one operation is known to allow the answer 405 */

        if (r->allow.data != NULL && !hx_route_method(&ops[i], method)) {
            continue;
        }

        rc = hx_route_one(r, &ops[i], path);

        if (rc == HX_FAIL) {
            return HX_FAIL;
        }

        if (rc != HX_OK) {
            continue;
        }

        if (hx_route_method(&ops[i], method)) {
            r->operation = &ops[i];
            return HX_OK;
        }

        r->allow = ops[i].method;
    }

    return HX_NO;
}


/* Adds "m" to a list of distinct words, ", " between them. */

static void
hx_route_word(hx_buf_t *b, const hx_str_t *m)
{
    size_t                len;
    const unsigned char  *p, *end;

    for (p = b->start; p < b->last; p = end + 2) {
        end = memchr(p, ',', (size_t) (b->last - p));
        if (end == NULL) {
            end = b->last;
        }

        len = (size_t) (end - p);

        if (len == m->len && memcmp(p, m->data, len) == 0) {
            return;
        }

        if (end == b->last) {
            break;
        }
    }

    if (b->last != b->start) {
        hx_buf_lit(b, ", ");
    }

    hx_buf_add(b, m->data, m->len);
}


/* The method of an operation; GET brings HEAD along. */

static void
hx_route_add_method(hx_buf_t *b, const hx_operation_t *op)
{
    static const hx_str_t  get = hx_string("GET");
    static const hx_str_t  head = hx_string("HEAD");

    hx_route_word(b, &op->method);

    if (hx_route_method(op, &get)) {
        hx_route_word(b, &head);
    }
}


void
hx_route_allow(hx_buf_t *b, const hx_operation_t *ops, unsigned n,
    const hx_path_t *path)
{
    unsigned    i;
    hx_route_t  r;

    memset(&r, 0, sizeof(hx_route_t));

    for (i = 0; i < n; i++) {
        if (ops[i].member.data == NULL
            && hx_route_one(&r, &ops[i], path) == HX_OK)
        {
            hx_route_add_method(b, &ops[i]);
        }
    }
}


void
hx_route_methods(hx_buf_t *b, const hx_operation_t *ops, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        hx_route_add_method(b, &ops[i]);
    }
}
