/*
 * hx_reg_export.c -- hx-gate-registry export: a tenant a line, as JSON; see
 * hx_reg.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_json_write.h"
#include "hx_reg.h"
#include "hx_text.h"


/* More than any record can become. */
#define HX_EXPORT_LINE   (HX_TENANT_NAMESPACES * (HX_NAMESPACE_MAX + 3) * 6   \
                          + 65536)

typedef struct {
    unsigned char      *line;
    const hx_reg_opt_t *opt;
    uint64_t            n;
    int                 error;
} hx_export_t;


static void
hx_export_text(hx_buf_t *b, const char *name, const hx_str_t *s)
{
    hx_buf_lit(b, ",\"");
    hx_buf_add(b, name, strlen(name));
    hx_buf_lit(b, "\":");
    hx_json_string(b, s->data, s->len);
}


/* Of a key that expires the second stands behind its hash. */

static void
hx_export_keys(hx_buf_t *b, const hx_tenant_t *t)
{
    unsigned         i;
    hx_tenant_key_t  key;

    hx_buf_lit(b, ",\"key_sha256\":[");

    for (i = 0; i < t->n_keys; i++) {
        hx_tenant_key(t, i, &key);

        if (i != 0) {
            hx_buf_byte(b, ',');
        }

        hx_buf_byte(b, '"');
        hx_text_hex_add(b, key.hash, HX_SHA256_LEN);

        if (key.expires != 0) {
            hx_buf_byte(b, '@');
            hx_text_u64(b, key.expires);
        }

        hx_buf_byte(b, '"');
    }

    hx_buf_byte(b, ']');
}


static void
hx_export_namespaces(hx_buf_t *b, const hx_tenant_t *t)
{
    size_t    pos;
    hx_str_t  ns;

    hx_buf_lit(b, ",\"namespaces\":[");

    pos = 0;

    while (hx_tenant_namespace(t, &pos, &ns)) {
        if (b->last[-1] != '[') {
            hx_buf_byte(b, ',');
        }

        hx_json_string(b, ns.data, ns.len);
    }

    hx_buf_byte(b, ']');
}


static int
hx_export_each(void *data, const hx_tenant_t *t)
{
    hx_buf_t      b;
    hx_export_t  *x = data;

    hx_buf_init(&b, x->line, HX_EXPORT_LINE);

    hx_buf_lit(&b, "{\"tenant_id\":");
    hx_json_string(&b, t->id.data, t->id.len);
    hx_export_keys(&b, t);
    hx_export_namespaces(&b, t);
    hx_export_text(&b, "plan", &t->plan);

    if (t->status == HX_TENANT_SUSPENDED) {
        hx_buf_lit(&b, ",\"status\":\"suspended\"");

    } else {
        hx_buf_lit(&b, ",\"status\":\"active\"");
    }

    if (t->email.len != 0) {
        hx_export_text(&b, "email", &t->email);
    }

    hx_buf_lit(&b, "}\n");

    if (!hx_buf_ok(&b)) {
        x->error = EOVERFLOW;

    } else if (fwrite(x->line, 1, hx_buf_len(&b), stdout) != hx_buf_len(&b)) {
        x->error = errno;
    }

    hx_reg_progress(x->opt, "exported", ++x->n, 0);

    return x->error != 0;
}


int
hx_reg_export(hx_place_t *from)
{
    hx_rc_t      rc;
    hx_export_t  x;

    static const hx_str_t  first = hx_string("");

    memset(&x, 0, sizeof(hx_export_t));
    x.opt = from->opt;
    x.line = malloc(HX_EXPORT_LINE);

    if (x.line == NULL) {
        return hx_reg_trouble("export", strerror(ENOMEM));
    }

    rc = hx_registry_list(from->reg, &first, hx_export_each, &x, from->err);

    free(x.line);

    if (rc != HX_OK) {
        return hx_reg_trouble(from->name, from->err);
    }

    if (x.error == 0 && fflush(stdout) != 0) {
        x.error = errno;
    }

    return x.error == 0 ? HX_REG_DONE
                        : hx_reg_trouble("export", strerror(x.error));
}
