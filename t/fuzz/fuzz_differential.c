/*
 * fuzz_differential.c -- one HTTP request, read twice: by the gate's pure code
 * (core/hx_path.c, policy/hx_route.c, hx_extract.c), behind a loose reading of
 * the head and the body's framing as a lenient proxy has it, and by all of
 * hx-engine in front of its store.  Both name the same operation, namespace
 * and key and have read the same body, or one of them refuses.  And the header
 * that the gate adds guards it: with the namespace of the gate the engine goes
 * on, with another one it refuses.
 *
 * HX_FUZZ_WRONG makes the gate's view a wrong one in one of four ways, to show
 * that each is found (the programs control_differential_N).
 *
 * sources: hx_path.c hx_route.c hx_extract.c hx_http_parse.c hx_http_frame.c
 * sources: hx_http_chunked.c hx_api.c hx_api_route.c hx_api_body.c
 */

#define _GNU_SOURCE                 /* memmem, memrchr */

#include "hx_api_op.h"
#include "hx_check.h"
#include "hx_extract.h"
#include "hx_fuzz_proxy.h"
#include "hx_fuzz_route.h"
#include "hx_http_parse.h"

#ifndef HX_FUZZ_WRONG
#define HX_FUZZ_WRONG   0
#endif

#define FUZZ_UPLOAD   65536
#define FUZZ_NAME     64

typedef struct {
    int             accepts;
    char            operation[FUZZ_NAME];
    hx_str_t        ns;                 /* len 0: the operation has none */
    hx_str_t        key;                /* the same: it is in the body */
    hx_str_t        body;               /* as it was read */
    unsigned char   ns_mem[HX_NAMESPACE_MAX];
    unsigned char   key_mem[HX_KEY_MAX];
} view_t;

static hx_api_t       api;
static unsigned char  engine_body[1048576];


/* Whether the gate takes the body for JSON (request/ngx_hx_headers.c). */
static int
gate_json(const hx_proxy_head_t *h)
{
    hx_str_t        t;
    const uint8_t  *semi;

    t = h->type;
    semi = t.len != 0 ? memchr(t.data, ';', t.len) : NULL;
    t.len = semi != NULL ? (size_t) (semi - t.data) : t.len;

    while (t.len != 0 && (t.data[t.len - 1] == ' '
                          || t.data[t.len - 1] == '\t'))
    {
        t.len--;
    }

    return t.len == 0 || hx_text_ieq(t.data, t.len, "application/json", 16)
           || (t.len > 5
               && hx_text_ieq(t.data + t.len - 5, 5, "+json", 5));
}


static void
set(hx_str_t *to, unsigned char *mem, size_t cap, const unsigned char *p,
    size_t len)
{
    hx_fuzz_check(len <= cap);

    if (len != 0) {
        memcpy(mem, p, len);
    }

    to->data = mem;
    to->len = len;
}


/* A reader who looks for the name itself, where it is not escaped. */
static void
wrong_namespace(view_t *v)
{
    size_t          len;
    const uint8_t  *p, *end;

    p = v->body.len != 0 ? memmem(v->body.data, v->body.len,
                                  "\"namespace\":\"", 13) : NULL;

    if (p == NULL) {
        set(&v->ns, v->ns_mem, sizeof(v->ns_mem),
            (const unsigned char *) "default", 7);
        return;
    }

    p += 13;
    len = (size_t) (v->body.data + v->body.len - p);
    end = memchr(p, '"', len);
    len = end != NULL ? (size_t) (end - p) : len;
    set(&v->ns, v->ns_mem, sizeof(v->ns_mem), p,
        len < HX_NAMESPACE_MAX ? len : HX_NAMESPACE_MAX);
}


/* Namespace and variant of a body; 0: refused. */
static int
gate_extract(view_t *v, const hx_operation_t **op, unsigned n)
{
    int            ok;
    unsigned       i;
    hx_extract_t   x;

    hx_fuzz_check(hx_extract_start(&x, n > 1 && (*op)[1].member.data != NULL
                                       ? &(*op)[1].member : NULL) == HX_OK);
    ok = hx_extract_feed(&x, v->body.data, v->body.len) == HX_OK
         && hx_extract_finish(&x) == HX_OK;
    hx_extract_end(&x);

    if (!ok) {
        return 0;
    }

    for (i = 1; HX_FUZZ_WRONG != 3 && i < n && (*op)[i].member.data != NULL;
         i++)
    {
        if ((*op)[i].value.len == x.value_len
            && memcmp((*op)[i].value.data, x.value, x.value_len) == 0)
        {
            *op += i;
            break;
        }
    }

    set(&v->ns, v->ns_mem, sizeof(v->ns_mem), x.ns, x.ns_len);

    return 1;
}


/* What of the path names what. */
static int
gate_names(view_t *v, const hx_route_t *r)
{
    hx_str_t        key;
    const uint8_t  *slash;

    key = r->key;

    if (key.data != NULL && !hx_check_key(key.data, key.len)) {
        return 0;
    }

    if (HX_FUZZ_WRONG == 2 && key.data != NULL) {
        slash = memchr(key.data, '/', key.len);
        key.len = slash != NULL ? (size_t) (slash - key.data) : key.len;
    }

    if (key.data != NULL) {
        set(&v->key, v->key_mem, sizeof(v->key_mem), key.data, key.len);
    }

    if (r->operation->ns != HX_NS_PATH) {
        return 1;
    }

    if (!hx_check_namespace(r->ns.data, r->ns.len)) {
        return 0;
    }

    set(&v->ns, v->ns_mem, sizeof(v->ns_mem), r->ns.data, r->ns.len);

    return 1;
}


static void
gate_view(view_t *v, const uint8_t *data, size_t len)
{
    unsigned               n;
    hx_path_t              path;
    hx_route_t             r;
    hx_fuzz_in_t           in;
    hx_proxy_head_t        h;
    const hx_operation_t  *ops, *op;

    static unsigned char  out[HX_PATH_MAX];

    memset(v, 0, sizeof(view_t));
    hx_fuzz_in(&in, data, len);
    ops = hx_fuzz_operations(&n);

    if (!hx_proxy_head(&h, &in) || !hx_proxy_body(&h, &in, &v->body)
        || h.encoded
        || hx_path_parse(&path, h.target.data, h.target.len, out)
           != HX_PATH_OK
        || hx_route_match(&r, ops, n, &h.method, &path) != HX_OK
        || !gate_names(v, &r))
    {
        return;
    }

    op = r.operation;

    if (op->ns == HX_NS_BODY) {
        if (!gate_json(&h) || v->body.len > hx_body_cap(FUZZ_UPLOAD)
            || !gate_extract(v, &op, n - (unsigned) (op - ops)))
        {
            return;
        }

        if (HX_FUZZ_WRONG == 1) {
            wrong_namespace(v);
        }
    }

    hx_fuzz_check(op->name.len < FUZZ_NAME);
    memcpy(v->operation, op->name.data, op->name.len);
    v->accepts = 1;

    if (HX_FUZZ_WRONG == 4 && h.chunked) {
        v->body.len = 0;
    }
}


/* Feeds it what there is of a body; 0: it is not complete, or malformed. */
static int
engine_feed(hx_req_t *r, const hx_http_frame_t *f, hx_fuzz_in_t *in,
    hx_str_t *body)
{
    size_t             used, total;
    hx_str_t           piece;
    hx_http_rc_t       rc;
    hx_http_chunked_t  c;

    if (!f->chunked) {
        *body = hx_fuzz_bytes(in, f->length < in->left ? f->length
                                                       : in->left);

        if (body->len != 0 && hx_req_wants_body(r)) {
            hx_req_body(r, body->data, body->len);
        }

        return body->len == f->length;
    }

    hx_http_chunked_init(&c);
    total = 0;

    do {
        if (in->left == 0) {
            return 0;
        }

        piece.len = 0;
        rc = hx_http_chunked_parse(&c, in->p, in->left, &used, &piece);
        (void) hx_fuzz_bytes(in, used);
        hx_fuzz_check(piece.len <= sizeof(engine_body) - total);

        if (piece.len != 0) {
            memcpy(engine_body + total, piece.data, piece.len);
            total += piece.len;
        }

        if (piece.len != 0 && r->reply.status == 0 && hx_req_wants_body(r)) {
            hx_req_body(r, piece.data, piece.len);
        }
    } while (rc == HX_HTTP_MORE);

    body->data = engine_body;
    body->len = total;

    return rc == HX_HTTP_DONE;
}


/* The request as the engine has it in front of its store; NULL: no HTTP, or
 * not complete.  ns: the namespace header that the gate puts there, or NULL. */
static hx_req_t *
engine_ask(const uint8_t *data, size_t len, const hx_str_t *ns,
    hx_str_t *body)
{
    int               whole;
    unsigned          i;
    hx_req_t         *r;
    hx_str_t          method, target, header[HX_H_COUNT];
    hx_fuzz_in_t      in;
    hx_http_head_t    h;
    hx_http_frame_t   f;

    static const hx_str_t  id = hx_string("id");

    hx_http_head_init(&h);

    if (hx_http_head_parse(&h, data, len) != HX_HTTP_DONE
        || hx_http_frame(&f, &h, data) != HX_OK)
    {
        return NULL;
    }

    method.data = data + h.method.off;
    method.len = h.method.len;
    target.data = data + h.target.off;
    target.len = h.target.len;
    r = hx_req_create(&api, &id);
    hx_fuzz_check(r != NULL);
    hx_req_route(r, &method, &target);

    for (i = 0; i < HX_H_COUNT && r->reply.status == 0; i++) {
        if (hx_http_header(&h, data, hx_api_header_name((hx_header_t) i),
                           &header[i]) == HX_FAIL && i != HX_H_ACCEPT)
        {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Duplicate");
        }
    }

    /* the gate removes those of the client */

    header[HX_H_NAMESPACE].data = NULL;
    header[HX_H_NAMESPACE].len = 0;

    if (ns != NULL) {
        header[HX_H_NAMESPACE] = *ns;
    }

    if (r->reply.status == 0) {
        hx_req_begin(r, header, f.chunked ? UINT64_MAX : f.length);
    }

    hx_fuzz_in(&in, data + h.pos, len - h.pos);
    whole = engine_feed(r, &f, &in, body);

    if (!whole) {
        hx_req_free(r);
        return NULL;
    }

    if (r->reply.status == 0 && hx_req_wants_body(r)) {
        hx_req_body_end(r);
    }

    return r;
}


static void
engine_view(view_t *v, const uint8_t *data, size_t len)
{
    int        gpu;
    hx_req_t  *r;
    hx_buf_t   b;

    memset(v, 0, sizeof(view_t));
    r = engine_ask(data, len, NULL, &v->body);

    if (r == NULL) {
        return;
    }

    /* serve_gpu is one it knows and does not have */

    gpu = r->reply.status == 501;

    if (r->reply.status == 0 || gpu) {
        hx_buf_init(&b, v->operation, FUZZ_NAME - 1);
        hx_op_name(&b, hx_op_index(r->op));
        hx_buf_add(&b, "_gpu", gpu ? 4 : 0);
        hx_fuzz_check(hx_buf_ok(&b));
        v->accepts = 1;

        if (r->ns.data != NULL) {
            set(&v->ns, v->ns_mem, sizeof(v->ns_mem), r->ns.data, r->ns.len);
        }

        if (r->key.data != NULL) {
            set(&v->key, v->key_mem, sizeof(v->key_mem), r->key.data,
                r->key.len);
        }
    }

    hx_req_free(r);
}


/* The engine with the header that the gate puts there. */
static unsigned
guarded(const uint8_t *data, size_t len, const hx_str_t *ns)
{
    hx_req_t  *r;
    hx_str_t   body;
    unsigned   status;

    r = engine_ask(data, len, ns, &body);
    hx_fuzz_check(r != NULL);
    status = r->reply.status;
    hx_req_free(r);

    return status;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    unsigned  status;
    hx_str_t  other;

    static view_t          gate, engine;
    static const hx_str_t  a = hx_string("other-namespace");
    static const hx_str_t  b = hx_string("and-one-more");

    if (len > 262144) {
        return 0;
    }

    api.max_upload = FUZZ_UPLOAD;
    api.budget.max = UINT64_C(1) << 30;
    gate_view(&gate, data, len);
    engine_view(&engine, data, len);

    if (!gate.accepts || !engine.accepts) {
        return 0;
    }

    hx_fuzz_check(strcmp(gate.operation, engine.operation) == 0);
    hx_fuzz_check(hx_fuzz_same(&gate.ns, &engine.ns));
    hx_fuzz_check(gate.key.len == 0 || hx_fuzz_same(&gate.key, &engine.key));
    hx_fuzz_check(hx_fuzz_same(&gate.body, &engine.body));

    status = guarded(data, len, &gate.ns);
    hx_fuzz_check(status == 0 || status == 501);

    other = hx_fuzz_same(&gate.ns, &a) ? b : a;
    hx_fuzz_check(guarded(data, len, &other) == 400);
    hx_fuzz_check(api.budget.used == 0);

    return 0;
}
