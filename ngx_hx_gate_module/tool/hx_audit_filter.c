/*
 * hx_audit_filter.c -- see the header.
 */

#include <stdio.h>
#include <string.h>

#include "hx_audit_filter.h"
#include "hx_text.h"


static int
hx_filter_equal(const hx_str_t *a, const hx_str_t *b)
{
    if (a->data == NULL || b->data == NULL) {
        return a->data == b->data;
    }

    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static int
hx_filter_tenant(const hx_filter_t *f, const hx_record_t *r)
{
    unsigned  i;

    for (i = 0; i < f->n_tenants; i++) {
        if (hx_filter_equal(&f->tenant[i], &r->tenant)) {
            return 1;
        }
    }

    return f->n_tenants == 0;
}


static int
hx_filter_of_status(const hx_filter_t *f, const hx_record_t *r)
{
    unsigned  i;

    for (i = 0; i < f->n_statuses; i++) {
        if (f->status[i].from <= r->status && r->status <= f->status[i].to) {
            return 1;
        }
    }

    return f->n_statuses == 0;
}


int
hx_audit_matches(const hx_filter_t *f, const hx_record_t *r)
{
    if ((f->has_since && r->ms < f->since)
        || (f->has_until && r->ms >= f->until))
    {
        return 0;
    }

    if (r->checkpoint) {
        return f->checkpoints;
    }

    if (f->ns.data != NULL && !hx_filter_equal(&f->ns, &r->ns)) {
        return 0;
    }

    if (f->path.data != NULL
        && (r->path.len < f->path.len
            || memcmp(r->path.data, f->path.data, f->path.len) != 0))
    {
        return 0;
    }

    if (f->request_id.data != NULL
        && !hx_filter_equal(&f->request_id, &r->request_id))
    {
        return 0;
    }

    if (f->outcome.data != NULL && !hx_filter_equal(&f->outcome, &r->outcome)) {
        return 0;
    }

    return hx_filter_tenant(f, r) && hx_filter_of_status(f, r);
}


hx_rc_t
hx_filter_status(hx_filter_status_t *out, const char *s)
{
    size_t                len;
    uint64_t              a, b;
    const unsigned char  *p;

    len = strlen(s);
    p = (const unsigned char *) s;

    if (len == 3 && s[0] >= '1' && s[0] <= '9' && strcmp(s + 1, "xx") == 0) {
        out->from = (unsigned) (s[0] - '0') * 100;
        out->to = out->from + 99;
        return HX_OK;
    }

    if (len == 3 && hx_text_parse_u64(p, 3, 999, &a) == HX_OK) {
        out->from = (unsigned) a;
        out->to = (unsigned) a;
        return HX_OK;
    }

    if (len == 7 && s[3] == '-' && hx_text_parse_u64(p, 3, 999, &a) == HX_OK
        && hx_text_parse_u64(p + 4, 3, 999, &b) == HX_OK && a <= b)
    {
        out->from = (unsigned) a;
        out->to = (unsigned) b;
        return HX_OK;
    }

    return HX_NO;
}


hx_rc_t
hx_filter_time(int64_t *out, const char *s, int64_t now)
{
    size_t       i, len;
    uint64_t     n;
    const char  *unit;
    char         text[24];

    static const char      units[] = "smhdw";
    static const uint64_t  ms[] = {
        1000, 60000, 3600000, 86400000, 604800000
    };

    len = strlen(s);

    if (len == 10) {
        (void) snprintf(text, sizeof(text), "%sT00:00:00Z", s);
        *out = hx_record_time((const unsigned char *) text, 20);
        return *out != HX_RECORD_NONE ? HX_OK : HX_NO;
    }

    if (len >= 20) {
        *out = hx_record_time((const unsigned char *) s, len);
        return *out != HX_RECORD_NONE ? HX_OK : HX_NO;
    }

    unit = len != 0 ? strchr(units, s[len - 1]) : NULL;

    if (unit == NULL
        || hx_text_parse_u64((const unsigned char *) s, len - 1, 1000000000,
                             &n) != HX_OK)
    {
        return HX_NO;
    }

    i = (size_t) (unit - units);
    *out = now - (int64_t) (n * ms[i]);

    return HX_OK;
}
