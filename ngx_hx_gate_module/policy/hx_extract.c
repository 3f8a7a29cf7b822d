/*
 * hx_extract.c -- see the header.
 */

#include <string.h>

#include "hx_check.h"
#include "hx_extract.h"


#define X_OTHER     0
#define X_NS        1
#define X_VARIANT   2


static hx_json_verdict_t
hx_extract_bad(hx_extract_t *x, hx_extract_err_t e, const char *member)
{
    x->error = e;
    x->member = member;

    return HX_JSON_STOP;
}


static const char *
hx_extract_name(const hx_extract_t *x)
{
    return x->current == X_NS ? "namespace"
                              : (const char *) x->variant.data;
}


static hx_json_verdict_t
hx_extract_key(hx_extract_t *x, const unsigned char *s, size_t len)
{
    x->current = X_OTHER;

    if (len == 9 && memcmp(s, "namespace", 9) == 0) {
        x->current = X_NS;

        if (x->seen_ns) {
            return hx_extract_bad(x, HX_EXTRACT_E_DUPLICATE,
                                  hx_extract_name(x));
        }

        x->seen_ns = 1;

    } else if (x->variant.len != 0 && len == x->variant.len
               && memcmp(s, x->variant.data, len) == 0)
    {
        x->current = X_VARIANT;

        if (x->seen_variant) {
            return hx_extract_bad(x, HX_EXTRACT_E_DUPLICATE,
                                  hx_extract_name(x));
        }

        x->seen_variant = 1;
    }

    return HX_JSON_GO;
}


static hx_json_verdict_t
hx_extract_string(hx_extract_t *x, const unsigned char *s, size_t len)
{
    size_t  n;

    if (x->current == X_NS) {
        n = len < sizeof(x->ns) ? len : sizeof(x->ns);
        memcpy(x->ns, s, n);
        x->ns_len = n;

        if (!hx_check_namespace(s, len)) {
            return hx_extract_bad(x, HX_EXTRACT_E_NAMESPACE, "namespace");
        }

    } else if (x->current == X_VARIANT) {

        /* a value too long to be one of ours is none of ours */

        x->value_len = len <= sizeof(x->value) ? len : 0;
        memcpy(x->value, s, x->value_len);
    }

    x->current = X_OTHER;

    return HX_JSON_GO;
}


/*
 * A long string is no namespace and no variant, but the refusal quotes the
 * beginning of what stood there as the namespace.
 */

static hx_json_verdict_t
hx_extract_long(hx_extract_t *x)
{
    if (x->current == X_NS) {
        x->ns_len = 0;
        return HX_JSON_GO;
    }

    x->current = X_OTHER;

    return HX_JSON_SKIP;
}


static hx_json_verdict_t
hx_extract_long_data(hx_extract_t *x, const unsigned char *s, size_t len)
{
    size_t  n;

    n = sizeof(x->ns) - x->ns_len;
    n = len < n ? len : n;
    memcpy(x->ns + x->ns_len, s, n);
    x->ns_len += n;

    return x->ns_len < sizeof(x->ns)
           ? HX_JSON_GO
           : hx_extract_bad(x, HX_EXTRACT_E_NAMESPACE, "namespace");
}


static hx_json_verdict_t
hx_extract_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_extract_t  *x = data;

    if (depth == 0) {
        if (ev == HX_JSON_MAP_START) {
            x->opened = 1;
            return HX_JSON_GO;
        }

        return x->opened ? HX_JSON_GO
                         : hx_extract_bad(x, HX_EXTRACT_E_OBJECT, NULL);
    }

    if (depth != 1) {
        return ev == HX_JSON_LONG_START ? HX_JSON_SKIP : HX_JSON_GO;
    }

    switch (ev) {

    case HX_JSON_KEY:
        return hx_extract_key(x, s, len);

    case HX_JSON_STRING:
        return hx_extract_string(x, s, len);

    case HX_JSON_LONG_START:
        return hx_extract_long(x);

    case HX_JSON_LONG_DATA:
        return hx_extract_long_data(x, s, len);

    case HX_JSON_MAP_END:
    case HX_JSON_ARRAY_END:
        return HX_JSON_GO;

    case HX_JSON_LONG_END:
        return x->current != X_NS
               ? HX_JSON_GO
               : hx_extract_bad(x, HX_EXTRACT_E_NAMESPACE, "namespace");

    default:
        if (x->current != X_OTHER) {
            return hx_extract_bad(x, HX_EXTRACT_E_TYPE, hx_extract_name(x));
        }

        return HX_JSON_GO;
    }
}


hx_rc_t
hx_extract_start(hx_extract_t *x, const hx_str_t *variant)
{
    memset(x, 0, offsetof(hx_extract_t, ns));

    if (variant != NULL) {
        x->variant = *variant;
    }

    memcpy(x->ns, "default", 7);
    x->ns_len = 7;

    x->scan = hx_json_scan_create(hx_extract_event, x);
    if (x->scan == NULL) {
        x->error = HX_EXTRACT_E_MEMORY;
        return HX_FAIL;
    }

    return HX_OK;
}


static hx_rc_t
hx_extract_result(hx_extract_t *x, hx_json_err_t e)
{
    switch (e) {

    case HX_JSON_OK:
        return HX_OK;

    case HX_JSON_E_NOMEM:
        x->error = HX_EXTRACT_E_MEMORY;
        return HX_FAIL;

    case HX_JSON_E_STOPPED:
        return HX_NO;               /* x->error was set on the way */

    default:
        x->error = HX_EXTRACT_E_JSON;
        x->scan_error = e;
        return HX_NO;
    }
}


hx_rc_t
hx_extract_feed(hx_extract_t *x, const unsigned char *p, size_t len)
{
    return hx_extract_result(x, hx_json_scan_feed(x->scan, p, len));
}


hx_rc_t
hx_extract_finish(hx_extract_t *x)
{
    return hx_extract_result(x, hx_json_scan_finish(x->scan));
}


void
hx_extract_end(hx_extract_t *x)
{
    hx_json_scan_free(x->scan);
    x->scan = NULL;
}
