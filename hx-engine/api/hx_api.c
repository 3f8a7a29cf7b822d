/*
 * hx_api.c -- the life of a request, from its headers to its answer.
 *
 * The server calls the steps in order (hx_api.h); the operations hang in the
 * table of hx_api_route.c.  Store trouble becomes 5xx here, in one place.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_api_op.h"
#include "hx_check.h"

static const hx_str_t  hx_default_ns = hx_string("default");

static const char *const  hx_header_names[HX_H_COUNT] = {
    "x-hx-namespace", "if-match", "if-none-match", "accept", "content-type",
    "content-encoding", "x-hx-metadata", "x-hx-tenant"
};


const char *
hx_api_header_name(hx_header_t h)
{
    return hx_header_names[h];
}


hx_req_t *
hx_req_create(hx_api_t *api, const hx_str_t *id)
{
    hx_req_t  *r;

    r = malloc(sizeof(hx_req_t));
    if (r == NULL) {
        return NULL;
    }

    /* the large buffers at the end need no clearing */

    memset(r, 0, offsetof(hx_req_t, reply));
    memset(&r->ns, 0, offsetof(hx_req_t, ns_header_mem)
                      - offsetof(hx_req_t, ns));
    hx_reply_init(&r->reply);
    r->reply.request_id = *id;
    r->api = api;

    return r;
}


void
hx_req_free(hx_req_t *r)
{
    if (r == NULL) {
        return;
    }

    free(r->filter);
    hx_body_free(r->body);
    hx_encoded_free(&r->encoded);
    hx_req_index_free(r);
    free(r->batch);
    hx_reply_clear(&r->reply);
    free(r);
}


int
hx_req_open(const hx_req_t *r)
{
    return r->op != NULL && r->op->open;
}


int
hx_req_wants_body(const hx_req_t *r)
{
    return r->body != NULL;
}


void
hx_req_invalid_header(hx_req_t *r, hx_header_t h)
{
    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid header '%s'",
                   hx_header_names[h]);
}


static int
hx_req_names(hx_req_t *r)
{
    if (!hx_check_namespace(r->ns.data, r->ns.len)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Invalid namespace '%V'", &r->ns);
        return -1;
    }

    if (r->key.data != NULL && !hx_check_key_path(r->key.data, r->key.len)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid key");
        return -1;
    }

    /* the gate has checked the tenant's right to this name, to no other */

    if (r->has_ns_header
        && (r->ns.len != r->ns_header.len
            || memcmp(r->ns.data, r->ns_header.data, r->ns.len) != 0))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Namespace '%V' does not match the header "
                       "X-HX-Namespace", &r->ns);
        return -1;
    }

    return 0;
}


/* Key and namespace as the body says; -1: the reply is set. */
static int
hx_req_body_names(hx_req_t *r)
{
    hx_body_t  *b;

    b = r->body;

    if ((r->op->fields & hx_field_bit(HX_F_KEY)) && !hx_body_has(b, HX_F_KEY))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required %s 'key'",
                       b->raw != HX_RAW_NONE ? "argument" : "field");
        return -1;
    }

    if (hx_body_has(b, HX_F_KEY)) {
        r->key = hx_body_string(b, HX_F_KEY);
    }

    r->ns = hx_body_has(b, HX_F_NAMESPACE) ? hx_body_string(b, HX_F_NAMESPACE)
                                           : hx_default_ns;

    return hx_req_names(r);
}


/* A raw body: all it says beside its bytes is known before them. */
static void
hx_req_begin_raw(hx_req_t *r, const hx_str_t *metadata, uint64_t length,
    hx_raw_t raw)
{
    r->body = hx_body_create_raw(&r->reply, &r->api->budget,
                                 r->api->max_upload, r->op->fields, length,
                                 raw);

    if (r->body != NULL && hx_raw_args(r, metadata) == 0) {
        (void) hx_req_body_names(r);
    }
}


void
hx_req_begin(hx_req_t *r, const hx_str_t header[HX_H_COUNT], uint64_t length)
{
    hx_raw_t         raw;
    const hx_str_t  *ns;

    ns = &header[HX_H_NAMESPACE];

    if (hx_req_media(r, &header[HX_H_CONTENT_TYPE],
                     &header[HX_H_CONTENT_ENCODING], &raw) != 0
        || hx_req_conditions(r, &header[HX_H_IF_MATCH],
                             &header[HX_H_IF_NONE_MATCH]) != 0)
    {
        return;
    }

    if (ns->data != NULL) {
        if (!hx_check_namespace(ns->data, ns->len)) {
            hx_req_invalid_header(r, HX_H_NAMESPACE);
            return;
        }
        memcpy(r->ns_header_mem, ns->data, ns->len);
        r->ns_header.data = r->ns_header_mem;
        r->ns_header.len = ns->len;
        r->has_ns_header = 1;
    }

    r->has_tenant = header[HX_H_TENANT].data != NULL;
    r->octet_stream = header[HX_H_ACCEPT].data != NULL
                      && hx_req_octets(&header[HX_H_ACCEPT]);

    if (raw != HX_RAW_NONE) {
        hx_req_begin_raw(r, &header[HX_H_METADATA], length, raw);
        return;
    }

    if (r->op->fields != 0) {
        r->body = hx_body_create(&r->reply, &r->api->budget,
                                 r->api->max_upload, r->op->fields, length);
        return;
    }

    if (r->op->form != HX_FORM_EXACT && hx_req_names(r) != 0) {
        return;
    }

    if (r->op->check != NULL) {
        r->op->check(r);
    }
}


unsigned char *
hx_req_body_room(hx_req_t *r, size_t *cap)
{
    return r->body->raw != HX_RAW_NONE ? hx_value_room(r->body, cap) : NULL;
}


void
hx_req_body(hx_req_t *r, const unsigned char *p, size_t len)
{
    (void) hx_body_feed(r->body, p, len);
}


static uint64_t
hx_req_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


double
hx_req_seconds(const hx_req_t *r)
{
    return r->ready_ns != 0 ? (double) (hx_req_now() - r->ready_ns) * 1e-9 : 0;
}


void
hx_req_body_end(hx_req_t *r)
{
    r->ready_ns = hx_req_now();

    if (hx_body_finish(r->body) != 0) {
        return;
    }

    /* those of a raw body are checked already */

    if (r->body->raw != HX_RAW_NONE || hx_req_body_names(r) == 0) {
        r->op->check(r);
    }
}


int
hx_req_heavy(const hx_req_t *r)
{
    return r->op->heavy || hx_store_blocks(r->api->store)
           || (r->body != NULL && r->body->value_len >= HX_API_HEAVY);
}


uint64_t
hx_req_work(const hx_req_t *r)
{
    if (r->body == NULL || r->body->value_len < HX_API_HEAVY) {
        return 0;
    }

    return hx_budget_work((uint64_t) r->body->value_len);
}


hx_rc_t
hx_req_run(hx_req_t *r, hx_crypto_t *crypto)
{
    return r->op->run(r, crypto);
}


void
hx_req_finish(hx_req_t *r)
{
    r->op->finish(r);
}


void
hx_req_count(const hx_req_t *r)
{
    hx_counts_request(&r->api->counts, hx_op_index(r->op),
                       r->reply.status);
}


static void
hx_req_store_done(hx_store_op_t *op)
{
    hx_req_t  *r;

    r = op->data;
    hx_req_index_done(r);
    r->done(r);
}


hx_rc_t
hx_req_submit(hx_req_t *r)
{
    hx_store_rc_t  rc;

    r->store_op.ns = r->ns;
    r->store_op.key = r->key;
    r->store_op.check = r->check;
    r->store_op.expected = r->expected;
    r->store_op.done = hx_req_store_done;
    r->store_op.data = r;

    if (hx_req_index_prepare(r) != 0) {
        return HX_OK;
    }

    rc = hx_store_submit(r->api->store, &r->store_op);

    /* once it is queued the request may already be answered elsewhere */

    if (rc == HX_STORE_OK) {
        return HX_PENDING;
    }

    hx_req_index_free(r);
    hx_req_store_error(r, rc, 0, "submit");

    return HX_OK;
}


int
hx_req_view(hx_req_t *r, hx_store_view_t *v)
{
    if (hx_store_view(r->api->store, v) == HX_STORE_OK) {
        return 0;
    }

    hx_req_store_error(r, HX_STORE_FAIL, 0, "no view");

    return -1;
}


void
hx_req_store_error(hx_req_t *r, hx_store_rc_t rc, uint64_t version,
    const char *why)
{
    hx_reply_t  *p;

    p = &r->reply;

    switch (rc) {

    case HX_STORE_NO:
        if (version != 0) {
            hx_reply_error(p, HX_E_NOT_FOUND,
                           "Version %L of key '%V' not found in namespace "
                           "'%V'", version, &r->key, &r->ns);
        } else {
            hx_reply_error(p, HX_E_NOT_FOUND,
                           "Key '%V' not found in namespace '%V'", &r->key,
                           &r->ns);
        }
        return;

    case HX_STORE_CONFLICT:
        if (r->check == HX_STORE_EXISTS) {
            hx_reply_error(p, HX_E_CONFLICT,
                           "Version conflict for key '%V': expected *, "
                           "current %L", &r->key, r->store_op.current);
        } else {
            hx_reply_error(p, HX_E_CONFLICT,
                           "Version conflict for key '%V': expected %L, "
                           "current %L", &r->key, r->expected,
                           r->store_op.current);
        }
        return;

    case HX_STORE_CORRUPT:
        hx_reply_error(p, HX_E_INTERNAL,
                       "Stored record for key '%V' is corrupt", &r->key);
        break;

    case HX_STORE_BUSY:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Too many writes are waiting");
        break;

    case HX_STORE_FULL:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Storage is full");
        break;

    default:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Storage is unavailable");
    }

    p->reason = why;
}
