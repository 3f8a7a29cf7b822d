/*
 * hx_audit.c -- see the header.  The members and their order are documented:
 * new ones are appended, behind a switch, never put between.
 */

#include "hx_audit.h"
#include "hx_json_write.h"
#include "hx_text.h"


/*
 * A string or null, with the literals around it: the quotes are part of those,
 * as an append costs more than the bytes.
 */

#define hx_audit_nullable(b, before, s, after)                                \
                                                                              \
    if ((s)->data == NULL) {                                                  \
        hx_buf_lit(b, before "null" after);                                   \
                                                                              \
    } else {                                                                  \
        hx_buf_lit(b, before "\"");                                           \
        hx_json_escape(b, (s)->data, (s)->len);                               \
        hx_buf_lit(b, "\"" after);                                            \
    }


static void
hx_audit_path(hx_buf_t *b, const hx_str_t *target)
{
    size_t                len;
    const unsigned char  *q;

    len = target->len;

    if (len != 0) {
        q = memchr(target->data, '?', len);

        if (q != NULL) {
            len = (size_t) (q - target->data);
        }
    }

    if (len > HX_AUDIT_PATH_MAX) {
        hx_json_escape(b, target->data, HX_AUDIT_PATH_MAX);
        hx_buf_lit(b, "...");

    } else {
        hx_json_escape(b, target->data, len);
    }
}


static void
hx_audit_digest(hx_buf_t *b, int there, const unsigned char *digest)
{
    if (!there) {
        hx_buf_lit(b, "null");
        return;
    }

    hx_buf_lit(b, "\"sha256:");
    hx_text_hex_add(b, digest, HX_SHA256_LEN);
    hx_buf_byte(b, '"');
}


static void
hx_audit_before(hx_buf_t *b, const hx_audit_change_t *c)
{
    hx_audit_digest(b, c != NULL && c->has_before,
                    c != NULL ? c->before : NULL);
}


static void
hx_audit_after(hx_buf_t *b, const hx_audit_change_t *c)
{
    hx_audit_digest(b, c != NULL && c->has_after,
                    c != NULL ? c->after : NULL);
}


static void
hx_audit_extended(hx_buf_t *b, const hx_audit_extended_t *e)
{
    hx_str_t  agent, error;

    agent = e->user_agent;
    agent.len = agent.len < HX_AUDIT_AGENT_MAX ? agent.len
                                               : HX_AUDIT_AGENT_MAX;

    error.data = (const unsigned char *) e->error;
    error.len = e->error != NULL ? strlen(e->error) : 0;

    if (error.len == 0) {
        error.data = NULL;
    }

    hx_audit_nullable(b, ",\"operation\":", &e->operation, ",\"outcome\":\"");
    hx_buf_add(b, e->outcome, strlen(e->outcome));
    hx_audit_nullable(b, "\",\"client_ip\":", &e->client,
                      ",\"user_agent\":");
    hx_audit_nullable(b, "", &agent, ",\"bytes_in\":");
    hx_text_u64(b, e->bytes_in);
    hx_buf_lit(b, ",\"bytes_out\":");
    hx_text_u64(b, e->bytes_out);
    hx_buf_lit(b, ",\"upstream_ms\":");

    if (e->upstream_ms < 0) {
        hx_buf_lit(b, "null");

    } else {
        hx_text_u64(b, (uint64_t) e->upstream_ms);
    }

    hx_audit_nullable(b, ",\"error\":", &error, "");

    if (e->admin) {
        hx_buf_lit(b, ",\"before\":");
        hx_audit_before(b, e->change);
        hx_buf_lit(b, ",\"after\":");
        hx_audit_after(b, e->change);
    }

    if (e->event_result != NULL) {
        hx_audit_nullable(b, ",\"webhook_type\":", &e->event_type,
                          ",\"webhook_id\":");
        hx_audit_nullable(b, "", &e->event_id, ",\"webhook_result\":\"");
        hx_buf_add(b, e->event_result, strlen(e->event_result));
        hx_buf_byte(b, '"');
    }

    if (e->other.data != NULL) {
        hx_audit_nullable(b, ",\"moved_from\":", &e->other,
                          ",\"moved_before\":");
        hx_audit_before(b, e->other_change);
        hx_buf_lit(b, ",\"moved_after\":");
        hx_audit_after(b, e->other_change);
    }
}


void
hx_audit_members(hx_buf_t *b, const hx_audit_record_t *r,
    const unsigned char ts[24])
{
    hx_buf_lit(b, "{\"ts\":\"");
    hx_buf_add(b, ts, 24);
    hx_audit_nullable(b, "\",\"tenant_id\":", &r->tenant, ",\"method\":\"");
    hx_json_escape(b, r->method.data, r->method.len);
    hx_buf_lit(b, "\",\"path\":\"");
    hx_audit_path(b, &r->path);
    hx_audit_nullable(b, "\",\"namespace\":", &r->ns, ",\"status\":");
    hx_text_u64(b, r->status);
    hx_buf_lit(b, ",\"cus\":");
    hx_text_tenths(b, r->cus);
    hx_buf_lit(b, ",\"latency_ms\":");
    hx_text_u64(b, r->latency_ms);
    hx_buf_lit(b, ",\"request_id\":\"");
    hx_json_escape(b, r->request_id.data, r->request_id.len);
    hx_buf_byte(b, '"');

    if (r->extended != NULL) {
        hx_audit_extended(b, r->extended);

    } else if (r->outcome != NULL) {
        hx_buf_lit(b, ",\"outcome\":\"");
        hx_buf_add(b, r->outcome, strlen(r->outcome));
        hx_buf_byte(b, '"');
    }

    if (r->amends) {
        hx_buf_lit(b, ",\"amends\":\"");
        hx_json_escape(b, r->request_id.data, r->request_id.len);
        hx_buf_byte(b, '"');
    }
}
