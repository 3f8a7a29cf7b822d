/*
 * hx_route_regex.c -- operations given as regular expressions; see the header.
 *
 * Compiled anchored at both ends and with JIT where the platform has it.  The
 * match limit bounds what a hostile path can cost with a careless pattern.
 */

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "hx_route_regex.h"


struct hx_regex_s {
    pcre2_code           *code;
    pcre2_match_context  *context;
    pcre2_match_data     *match;
    int                   ns;           /* group number, 0 = none */
    int                   key;
};


static int
hx_regex_group(const pcre2_code *code, const char *name)
{
    int  n;

    n = pcre2_substring_number_from_name(code, (PCRE2_SPTR) name);

    return n > 0 ? n : 0;
}


hx_rc_t
hx_regex_compile(hx_regex_t **out, const hx_str_t *pattern, int want_ns,
    char *err, size_t cap)
{
    int          code;
    size_t       n;
    hx_regex_t  *re;
    PCRE2_SIZE   off;

    *out = NULL;

    re = calloc(1, sizeof(hx_regex_t));
    if (re == NULL) {
        return HX_FAIL;
    }

    re->code = pcre2_compile(pattern->data + 1, pattern->len - 1,
                             PCRE2_ANCHORED|PCRE2_ENDANCHORED
                             |PCRE2_DOLLAR_ENDONLY,
                             &code, &off, NULL);

    if (re->code == NULL) {
        n = (size_t) snprintf(err, cap, "is a bad regular expression at "
                              "offset %zu: ", (size_t) off);

        if (n < cap) {
            (void) pcre2_get_error_message(code, (PCRE2_UCHAR *) err + n,
                                           cap - n);
        }

        hx_regex_free(re);
        return HX_NO;
    }

    /* no JIT on this platform is no error: the interpreter takes over */
    (void) pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);

    re->context = pcre2_match_context_create(NULL);
    re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->ns = hx_regex_group(re->code, "ns");
    re->key = hx_regex_group(re->code, "key");

    if (re->context == NULL || re->match == NULL) {
        hx_regex_free(re);
        return HX_FAIL;
    }

    (void) pcre2_set_match_limit(re->context, HX_ROUTE_MATCH_LIMIT);

    if ((re->ns != 0) != (want_ns != 0)) {
        (void) snprintf(err, cap, "%s", want_ns
                        ? "has namespace=path but no group (?<ns>...)"
                        : "has a group (?<ns>...) without namespace=path");
        hx_regex_free(re);
        return HX_NO;
    }

    *out = re;

    return HX_OK;
}


static void
hx_regex_take(const hx_regex_t *re, int group, const hx_path_t *path,
    hx_str_t *s)
{
    const PCRE2_SIZE  *o;

    s->data = NULL;
    s->len = 0;

    if (group == 0) {
        return;
    }

    o = pcre2_get_ovector_pointer(re->match) + 2 * group;

    if (o[0] != PCRE2_UNSET) {
        s->data = path->text.data + o[0];
        s->len = o[1] - o[0];
    }
}


hx_rc_t
hx_regex_match(const hx_regex_t *re, const hx_path_t *path, hx_str_t *ns,
    hx_str_t *key)
{
    int  rc;

    rc = pcre2_match(re->code, path->text.data, path->text.len, 0, 0,
                     re->match, re->context);

    if (rc == PCRE2_ERROR_NOMATCH) {
        return HX_NO;
    }

    if (rc < 0) {
        return HX_FAIL;
    }

    hx_regex_take(re, re->ns, path, ns);
    hx_regex_take(re, re->key, path, key);

    /* an optional group that did not take part is no namespace: not ours */

    return re->ns != 0 && ns->data == NULL ? HX_NO : HX_OK;
}


void
hx_regex_free(hx_regex_t *re)
{
    if (re == NULL) {
        return;
    }

    pcre2_match_data_free(re->match);
    pcre2_match_context_free(re->context);
    pcre2_code_free(re->code);
    free(re);
}
