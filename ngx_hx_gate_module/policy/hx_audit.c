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


void
hx_audit_line(hx_buf_t *b, const hx_audit_record_t *r,
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

    if (r->outcome != NULL) {
        hx_buf_lit(b, "\",\"outcome\":\"");
        hx_buf_add(b, r->outcome, strlen(r->outcome));
    }

    hx_buf_lit(b, "\"}\n");
}
