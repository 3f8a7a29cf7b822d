/*
 * hx_reg_line.c -- one line of hx-gate-registry import: a JSON object, each
 * member checked as the gate checks what an operator sends; see hx_reg.h.
 */

#include <stdio.h>
#include <string.h>

#include "hx_check.h"
#include "hx_json_scan.h"
#include "hx_reg.h"
#include "hx_text.h"


#define HX_LINE_EXPIRES   UINT64_C(253402300799)    /* the year 9999 */

typedef enum {
    L_TENANT,
    L_KEYS,
    L_NAMESPACES,
    L_PLAN,
    L_STATUS,
    L_EMAIL,
    L_NONE
} hx_line_member_t;

static const char *const  hx_line_names[L_NONE] = {
    "tenant_id", "key_sha256", "namespaces", "plan", "status", "email"
};

typedef struct {
    hx_reg_line_t      *line;
    hx_line_member_t    current;
    unsigned            seen;
    unsigned            opened:1;
    unsigned            in_list:1;
} hx_line_parse_t;


static hx_json_verdict_t
hx_line_bad(hx_line_parse_t *p, const char *why)
{
    if (p->line->why[0] == '\0') {
        (void) snprintf(p->line->why, sizeof(p->line->why), "%s%s%s",
                        p->current < L_NONE ? hx_line_names[p->current] : "",
                        p->current < L_NONE ? ": " : "", why);
    }

    return HX_JSON_STOP;
}


/* Decoded text is never longer than the line that it stands in. */

static hx_str_t
hx_line_keep(hx_reg_line_t *line, const unsigned char *s, size_t len)
{
    hx_str_t  kept;

    kept.data = line->text + line->used;
    kept.len = len;
    memcpy(line->text + line->used, s, len);
    line->used += len;

    return kept;
}


static hx_json_verdict_t
hx_line_name(hx_line_parse_t *p, const unsigned char *s, size_t len)
{
    unsigned  i;

    for (i = 0; i < L_NONE; i++) {
        if (strlen(hx_line_names[i]) == len
            && memcmp(s, hx_line_names[i], len) == 0)
        {
            p->current = (hx_line_member_t) i;

            if (p->seen & (1U << i)) {
                return hx_line_bad(p, "twice");
            }

            p->seen |= 1U << i;

            return HX_JSON_GO;
        }
    }

    p->current = L_NONE;

    return hx_line_bad(p, "an unknown member (known: tenant_id, key_sha256, "
                       "namespaces, plan, status, email)");
}


/* 64 hex digits, and "@second" behind them for one that expires. */

static hx_json_verdict_t
hx_line_key(hx_line_parse_t *p, const unsigned char *s, size_t len)
{
    unsigned           i;
    hx_tenant_key_t   *key;
    hx_tenant_edit_t  *e = &p->line->e;

    if (e->n_keys == HX_TENANT_KEYS) {
        return hx_line_bad(p, "more than 8 keys");
    }

    key = &e->keys[e->n_keys];
    memset(key, 0, sizeof(hx_tenant_key_t));

    if (len < 2 * HX_SHA256_LEN
        || hx_text_unhex(key->hash, s, HX_SHA256_LEN) != HX_OK
        || (len > 2 * HX_SHA256_LEN
            && (s[2 * HX_SHA256_LEN] != '@'
                || hx_text_parse_u64(s + 2 * HX_SHA256_LEN + 1,
                                     len - 2 * HX_SHA256_LEN - 1,
                                     HX_LINE_EXPIRES, &key->expires)
                   != HX_OK)))
    {
        return hx_line_bad(p, "64 hex digits, of the SHA-256 of a key");
    }

    for (i = 0; i < e->n_keys; i++) {
        if (memcmp(e->keys[i].hash, key->hash, HX_SHA256_LEN) == 0) {
            return hx_line_bad(p, "the same key twice");
        }
    }

    e->n_keys++;

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_line_namespace(hx_line_parse_t *p, const unsigned char *s, size_t len)
{
    hx_tenant_edit_t  *e = &p->line->e;

    if (!hx_check_namespace(s, len)) {
        return hx_line_bad(p, "a namespace is 1 to 255 of A-Z a-z 0-9 _ -");
    }

    if (hx_text_find(e->namespaces, e->n_namespaces, s, len) != NULL) {
        return hx_line_bad(p, "the same namespace twice");
    }

    if (e->n_namespaces == HX_TENANT_NAMESPACES) {
        return hx_line_bad(p, "more than 256 namespaces");
    }

    e->namespaces[e->n_namespaces++] = hx_line_keep(p->line, s, len);

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_line_string(hx_line_parse_t *p, const unsigned char *s, size_t len)
{
    hx_str_t           text;
    hx_tenant_edit_t  *e = &p->line->e;

    text.data = s;
    text.len = len;

    switch (p->current) {

    case L_TENANT:
        if (!hx_check_tenant(s, len)) {
            return hx_line_bad(p, "1 to 64 of A-Z a-z 0-9 _ -");
        }

        e->id = hx_line_keep(p->line, s, len);
        break;

    case L_KEYS:
        return hx_line_key(p, s, len);

    case L_NAMESPACES:
        return hx_line_namespace(p, s, len);

    case L_PLAN:
        if (len > HX_PLAN_MAX || !hx_check_namespace(s, len)) {
            return hx_line_bad(p, "1 to 64 of A-Z a-z 0-9 _ -");
        }

        e->plan = hx_line_keep(p->line, s, len);
        break;

    case L_STATUS:
        if (!hx_text_is(&text, "active") && !hx_text_is(&text, "suspended")) {
            return hx_line_bad(p, "active or suspended");
        }

        e->status = text.data[0] == 'a' ? HX_TENANT_ACTIVE
                                        : HX_TENANT_SUSPENDED;
        break;

    case L_EMAIL:
        if (!hx_check_email(s, len)) {
            return hx_line_bad(p, "something@something, printable, at most 254 "
                               "bytes");
        }

        e->email = hx_line_keep(p->line, s, len);
        break;

    default:
        return hx_line_bad(p, "not a line of import");
    }

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_line_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_line_parse_t  *p = data;

    switch (ev) {

    case HX_JSON_MAP_START:
        if (p->opened) {
            return hx_line_bad(p, "an object where none belongs");
        }

        p->opened = 1;

        return HX_JSON_GO;

    case HX_JSON_MAP_END:
        return HX_JSON_GO;

    case HX_JSON_KEY:
        return hx_line_name(p, s, len);

    case HX_JSON_ARRAY_START:
        if (!p->opened || p->in_list
            || (p->current != L_KEYS && p->current != L_NAMESPACES))
        {
            return hx_line_bad(p, "a list where none belongs");
        }

        p->in_list = 1;

        return HX_JSON_GO;

    case HX_JSON_ARRAY_END:
        p->in_list = 0;

        return HX_JSON_GO;

    case HX_JSON_STRING:
        if (!p->opened || (p->current == L_NAMESPACES && !p->in_list)) {
            return hx_line_bad(p, "no text here");
        }

        return hx_line_string(p, s, len);

    case HX_JSON_NULL:
        return p->opened && !p->in_list && p->current == L_EMAIL
               ? HX_JSON_GO : hx_line_bad(p, "null is no value");

    default:
        return hx_line_bad(p, "a text is wanted");
    }
}


hx_rc_t
hx_reg_line(hx_reg_line_t *line, const unsigned char *s, size_t len)
{
    hx_json_err_t     err;
    hx_json_scan_t   *scan;
    hx_line_parse_t   p;

    line->used = 0;
    line->why[0] = '\0';
    memset(&line->e, 0, sizeof(hx_tenant_edit_t));
    line->e.quota = HX_TENANT_NONE;

    memset(&p, 0, sizeof(hx_line_parse_t));
    p.line = line;
    p.current = L_NONE;

    if (len > HX_REG_LINE) {
        (void) hx_line_bad(&p, "longer than 1 MiB");
        return HX_NO;
    }

    scan = hx_json_scan_create(hx_line_event, &p);

    if (scan == NULL) {
        (void) hx_line_bad(&p, "no memory");
        return HX_NO;
    }

    err = hx_json_scan_feed(scan, s, len);

    if (err == HX_JSON_OK) {
        err = hx_json_scan_finish(scan);
    }

    hx_json_scan_free(scan);

    if (err == HX_JSON_OK && !(p.seen & (1U << L_TENANT))) {
        p.current = L_TENANT;
        (void) hx_line_bad(&p, "missing");
        return HX_NO;
    }

    if (err != HX_JSON_OK) {
        p.current = L_NONE;
        (void) hx_line_bad(&p, "no JSON object");
        return HX_NO;
    }

    line->has_keys = (p.seen & (1U << L_KEYS)) != 0;
    line->has_namespaces = (p.seen & (1U << L_NAMESPACES)) != 0;
    line->has_plan = (p.seen & (1U << L_PLAN)) != 0;
    line->has_status = (p.seen & (1U << L_STATUS)) != 0;
    line->has_email = (p.seen & (1U << L_EMAIL)) != 0;

    return HX_OK;
}
