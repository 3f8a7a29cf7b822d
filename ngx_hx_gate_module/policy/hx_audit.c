/*
 * hx_audit.c -- see the header.  The members and their order are documented:
 * new ones are appended, behind a switch, never put between.
 */

#include "hx_audit.h"
#include "hx_json_write.h"
#include "hx_text.h"


static void
hx_audit_nullable(hx_buf_t *b, const hx_str_t *s)
{
    if (s->data == NULL) {
        hx_buf_lit(b, "null");

    } else {
        hx_json_string(b, s->data, s->len);
    }
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

    hx_buf_byte(b, '"');

    if (len > HX_AUDIT_PATH_MAX) {
        hx_json_escape(b, target->data, HX_AUDIT_PATH_MAX);
        hx_buf_lit(b, "...");

    } else {
        hx_json_escape(b, target->data, len);
    }

    hx_buf_byte(b, '"');
}


void
hx_audit_line(hx_buf_t *b, const hx_audit_record_t *r,
    const unsigned char ts[24])
{
    hx_buf_lit(b, "{\"ts\":\"");
    hx_buf_add(b, ts, 24);
    hx_buf_lit(b, "\",\"tenant_id\":");
    hx_audit_nullable(b, &r->tenant);
    hx_buf_lit(b, ",\"method\":");
    hx_json_string(b, r->method.data, r->method.len);
    hx_buf_lit(b, ",\"path\":");
    hx_audit_path(b, &r->path);
    hx_buf_lit(b, ",\"namespace\":");
    hx_audit_nullable(b, &r->ns);
    hx_buf_lit(b, ",\"status\":");
    hx_text_u64(b, r->status);
    hx_buf_lit(b, ",\"cus\":");
    hx_text_tenths(b, r->cus);
    hx_buf_lit(b, ",\"latency_ms\":");
    hx_text_u64(b, r->latency_ms);
    hx_buf_lit(b, ",\"request_id\":");
    hx_json_string(b, r->request_id.data, r->request_id.len);

    if (r->outcome != NULL) {
        hx_buf_lit(b, ",\"outcome\":\"");
        hx_buf_add(b, r->outcome, strlen(r->outcome));
        hx_buf_byte(b, '"');
    }

    hx_buf_lit(b, "}\n");
}
