/*
 * fuzz_api.c -- a request to hx-engine without its socket (api/hx_api.h): the
 * first line is a method and a target, lines up to an empty one are headers,
 * the rest is the body; every operation, so every kind of body and every query
 * argument.  In whatever pieces the body comes, the answer and what was read
 * are the same; what is accepted has valid names, gives its memory back, and
 * its metadata mean the same when they are read again.
 *
 * sources: hx_api.c hx_api_route.c hx_api_args.c hx_api_body.c hx_api_meta.c
 * sources: hx_api_raw.c hx_api_media.c hx_api_tags.c hx_api_value.c
 * sources: hx_api_filter.c hx_api_put.c hx_api_search.c hx_api_query.c
 * sources: hx_api_serve.c
 */

#include "hx_api_op.h"
#include "hx_check.h"
#include "hx_fuzz_in.h"

#define FUZZ_BODY     262144
#define FUZZ_UPLOAD   65536

static hx_api_t  api;

static const char *const  args[] = { "prefix", "cursor", "limit", "version" };


/* The headers of the request; the same one twice: the last one counts. */
static void
read_headers(hx_fuzz_in_t *in, hx_str_t header[HX_H_COUNT])
{
    size_t        n;
    unsigned      i;
    hx_str_t      line;
    const char   *name;

    memset(header, 0, HX_H_COUNT * sizeof(hx_str_t));

    for (line = hx_fuzz_line(in); line.len != 0; line = hx_fuzz_line(in)) {
        for (i = 0; i < HX_H_COUNT; i++) {
            name = hx_api_header_name((hx_header_t) i);
            n = strlen(name);

            if (line.len > n + 1 && memcmp(line.data, name, n) == 0
                && line.data[n] == ':')
            {
                header[i].data = line.data + n + 2;
                header[i].len = line.len - n - 2;
            }
        }
    }
}


static int
hex(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


/* An argument: how often it is there, -1: once, but not decodable. */
static int
naive(const hx_str_t *query, const char *name, uint8_t *out, size_t *len)
{
    int             found, bad;
    size_t          n;
    const uint8_t  *p, *end, *q;

    found = 0;
    bad = 0;
    n = strlen(name);
    end = query->data + query->len;

    for (p = query->data; p < end; p = q + 1) {
        for (q = p; q < end && *q != '&'; q++) { /* void */ }

        if ((size_t) (q - p) < n || memcmp(p, name, n) != 0
            || ((size_t) (q - p) > n && p[n] != '='))
        {
            continue;
        }

        found++;
        p += (size_t) (q - p) > n ? n + 1 : n;

        for (*len = 0; p < q; p++) {
            out[*len] = *p;

            if (*p == '%') {
                if (q - p < 3 || hex(p[1]) < 0 || hex(p[2]) < 0
                    || (p[1] | p[2]) == '0')
                {
                    bad = 1;
                    break;
                }

                out[*len] = (uint8_t) (hex(p[1]) * 16 + hex(p[2]));
                p += 2;
            }

            ++*len;
        }
    }

    return bad ? -1 : found;
}


static void
check_args(hx_req_t *r)
{
    int        found;
    size_t     i, n;
    hx_rc_t    rc;
    uint8_t    mem[HX_KEY_MAX];
    uint64_t   v;
    hx_str_t   s;

    static uint8_t  want[HX_PATH_MAX];

    n = 0;

    for (i = 0; i < hx_nelts(args); i++) {
        hx_reply_clear(&r->reply);
        hx_reply_init(&r->reply);
        r->reply.request_id = (hx_str_t) hx_string("id");

        rc = hx_arg(r, args[i], mem, sizeof(mem), &s);
        hx_fuzz_check((rc == HX_FAIL) == (r->reply.status == 400));
        found = naive(&r->query, args[i], want, &n);

        if (rc == HX_OK) {
            hx_fuzz_check(found == 1 && n == s.len
                          && memcmp(want, s.data, n) == 0);
        } else {
            hx_fuzz_check(rc == HX_NO ? found == 0
                          : found < 0 || found > 1 || n > sizeof(mem));
        }

        v = 77;
        hx_reply_clear(&r->reply);
        hx_reply_init(&r->reply);
        r->reply.request_id = (hx_str_t) hx_string("id");
        rc = hx_arg_number(r, args[i], 1, 1000, &v);
        hx_fuzz_check(rc == HX_OK ? v >= 1 && v <= 1000 : v == 77);
    }
}


static hx_req_t *
ask(const hx_str_t *method, const hx_str_t *target,
    const hx_str_t header[HX_H_COUNT], const hx_str_t *body, uint64_t *seed)
{
    size_t          n, left;
    uint8_t        *piece;
    hx_req_t       *r;
    const uint8_t  *p;

    static const hx_str_t  id = hx_string("id");

    r = hx_req_create(&api, &id);
    hx_fuzz_check(r != NULL);
    hx_req_route(r, method, target);

    if (r->reply.status != 0) {
        return r;
    }

    hx_fuzz_check(r->op != NULL);
    hx_req_begin(r, header, seed != NULL ? UINT64_MAX : body->len);

    if (r->reply.status != 0 || !hx_req_wants_body(r)) {
        return r;
    }

    p = body->data;

    for (left = body->len; left != 0 && r->reply.status == 0; left -= n) {
        n = seed != NULL ? hx_fuzz_piece(seed, left) : left;
        piece = hx_fuzz_copy(p, n);
        hx_req_body(r, piece, n);
        free(piece);
        p += n;
    }

    if (r->reply.status == 0) {
        hx_req_body_end(r);
    }

    return r;
}


/* Text that is JSON means the same when it is a member once more. */
static void
check_meta(const hx_body_t *b, hx_field_t f)
{
    hx_str_t     want, s;
    hx_body_t   *again;
    hx_reply_t   reply;

    hx_reply_init(&reply);
    again = hx_body_create(&reply, &api.budget, FUZZ_UPLOAD, hx_field_bit(f),
                           UINT64_MAX);
    hx_fuzz_check(again != NULL);
    want.data = b->meta.start;
    want.len = hx_buf_len(&b->meta);

    hx_fuzz_check(hx_body_feed(again, (const uint8_t *) "{\"", 2) == 0
                  && hx_body_feed(again, (const uint8_t *) hx_field_name(f),
                                  strlen(hx_field_name(f))) == 0
                  && hx_body_feed(again, (const uint8_t *) "\":", 2) == 0
                  && hx_body_feed(again, want.data, want.len) == 0
                  && hx_body_feed(again, (const uint8_t *) "}", 1) == 0
                  && hx_body_finish(again) == 0);

    s.data = again->meta.start;
    s.len = hx_buf_len(&again->meta);
    hx_fuzz_check(hx_fuzz_same(&want, &s));
    hx_body_free(again);
    hx_reply_clear(&reply);
}


static void
check_accepted(const hx_req_t *r)
{
    const hx_body_t  *b;

    hx_fuzz_check(r->op->open || hx_check_namespace(r->ns.data, r->ns.len));
    hx_fuzz_check(r->key.data == NULL
                  || hx_check_key_path(r->key.data, r->key.len));
    b = r->body;

    if (b == NULL) {
        return;
    }

    hx_fuzz_check(b->value_len <= FUZZ_UPLOAD);

    /* the data of a core counts as data, too */

    hx_fuzz_check((b->seen & ~(r->op->fields | hx_field_bit(HX_F_DATA)))
                  == 0);

    if (b->n_items == 0 && hx_body_has(b, HX_F_METADATA)) {
        check_meta(b, HX_F_METADATA);
    }

    if (hx_body_has(b, HX_F_FILTERS)) {
        check_meta(b, HX_F_FILTERS);
    }
}


static void
check_same(const hx_req_t *a, const hx_req_t *b)
{
    hx_field_t  f;
    hx_str_t    x, y;

    hx_fuzz_check(a->op == b->op && a->reply.status == b->reply.status);

    x.data = a->reply.body.start;
    x.len = hx_buf_len(&a->reply.body);
    y.data = b->reply.body.start;
    y.len = hx_buf_len(&b->reply.body);
    hx_fuzz_check(a->reply.status == 0 || hx_fuzz_same(&x, &y));

    if (a->reply.status != 0) {
        return;
    }

    hx_fuzz_check(hx_fuzz_same(&a->ns, &b->ns));
    hx_fuzz_check(hx_fuzz_same(&a->key, &b->key));
    hx_fuzz_check((a->body == NULL) == (b->body == NULL));
    hx_fuzz_check(a->check == b->check && a->expected == b->expected);

    if (a->body == NULL) {
        return;
    }

    hx_fuzz_check(a->body->seen == b->body->seen);
    hx_fuzz_check(a->body->n_items == b->body->n_items
                  && a->body->n_cores == b->body->n_cores);
    hx_fuzz_check(a->body->value_len == b->body->value_len
                  && (a->body->value_len == 0
                      || memcmp(a->body->value, b->body->value,
                                a->body->value_len) == 0));

    for (f = 0; f < HX_F_STRINGS; f++) {
        x = hx_body_string(a->body, f);
        y = hx_body_string(b->body, f);
        hx_fuzz_check(hx_fuzz_same(&x, &y));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t        *copy;
    hx_req_t       *a, *b;
    uint64_t        seed;
    hx_str_t        line, method, target, body, header[HX_H_COUNT];
    hx_fuzz_in_t    in;
    const uint8_t  *blank;

    api.max_upload = FUZZ_UPLOAD;
    api.budget.max = UINT64_C(1) << 30;
    seed = hx_fuzz_seed(data, len);
    hx_fuzz_in(&in, data, len);
    line = hx_fuzz_line(&in);
    blank = line.len != 0 ? memchr(line.data, ' ', line.len) : NULL;

    if (blank == NULL || len > FUZZ_BODY) {
        return 0;
    }

    method.data = line.data;
    method.len = (size_t) (blank - line.data);
    target.len = line.len - method.len - 1;
    copy = hx_fuzz_copy(blank + 1, target.len);
    target.data = copy;
    read_headers(&in, header);
    body = hx_fuzz_rest(&in);

    a = ask(&method, &target, header, &body, NULL);
    b = ask(&method, &target, header, &body, &seed);

    /* without a length more is allowed to be said first */

    if (a->reply.status != 413 && b->reply.status != 413) {
        check_same(a, b);
    }

    if (a->reply.status == 0) {
        check_accepted(a);
    }

    if (a->op != NULL) {
        check_args(a);
    }

    hx_req_free(a);
    hx_req_free(b);
    free(copy);
    hx_fuzz_check(api.budget.used == 0);

    return 0;
}
