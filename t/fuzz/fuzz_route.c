/*
 * fuzz_route.c -- policy/hx_route.h, hx_route_regex.h and hx_adminpath.h: the
 * first line is a method, the second a pattern (a template, or "~" and a
 * regular expression; a "-" in front: the namespace is not in the path), the
 * third a request target.
 *
 * A template matches what a naive reader says it does; namespace and key are
 * where the path is, no slash that was encoded is outside the key; a decoded
 * path has one operation of the built-in ones at most.
 *
 * sources: hx_route.c hx_route_regex.c hx_adminpath.c hx_path.c
 */

#include "hx_adminpath.h"
#include "hx_fuzz_in.h"
#include "hx_fuzz_route.h"

#define FUZZ_PATTERN   512              /* bytes; PCRE2 is not what is tested */


/* NULL: no more; else the part up to the next slash, and behind it. */
static const uint8_t *
cut(const uint8_t *p, const uint8_t *end, hx_str_t *part)
{
    const uint8_t  *slash;

    slash = p < end ? memchr(p, '/', (size_t) (end - p)) : NULL;
    part->data = p;
    part->len = (size_t) ((slash != NULL ? slash : end) - p);

    return slash != NULL ? slash + 1 : NULL;
}


/* Does a template that was compiled match the decoded text? */
static int
naive(const hx_str_t *pattern, const hx_str_t *text, hx_str_t *ns,
    hx_str_t *key)
{
    hx_str_t        want, part;
    const uint8_t  *p, *q;

    *ns = (hx_str_t) { NULL, 0 };
    *key = *ns;
    p = pattern->data + 1;
    q = text->data + 1;

    do {
        if (q == NULL || text->len == 1) {
            return 0;
        }

        p = cut(p, pattern->data + pattern->len, &want);

        if (want.len == 5 && memcmp(want.data, "{key}", 5) == 0) {
            key->data = q;
            key->len = (size_t) (text->data + text->len - q);
            return 1;
        }

        q = cut(q, text->data + text->len, &part);

        if (want.len == 4 && memcmp(want.data, "{ns}", 4) == 0) {
            *ns = part;

        } else if (want.data[0] != '{' && !hx_fuzz_same(&want, &part)) {
            return 0;
        }
    } while (p != NULL);

    return q == NULL;
}


static void
check_inside(const hx_path_t *path, const hx_route_t *r)
{
    const uint8_t  *start, *end, *first, *last;

    start = path->text.data;
    end = start + path->text.len;

    if (r->ns.data != NULL) {
        hx_fuzz_check(r->ns.data >= start && r->ns.data + r->ns.len <= end);
    }

    if (r->key.data != NULL) {
        hx_fuzz_check(r->key.data >= start && r->key.data + r->key.len <= end);
    }

    if (path->encoded_slash_end != 0) {
        first = start + path->encoded_slash;
        last = start + path->encoded_slash_end;
        hx_fuzz_check(r->key.data != NULL && first >= r->key.data
                      && last <= r->key.data + r->key.len);
    }
}


static void
check_pattern(const hx_operation_t *op, const hx_str_t *method,
    const hx_path_t *path)
{
    int         fits, slash;
    hx_rc_t     rc;
    hx_str_t    ns, key;
    hx_route_t  r;

    rc = hx_route_match(&r, op, 1, method, path);

    if (rc == HX_OK) {
        hx_fuzz_check(r.operation == op);
        hx_fuzz_check((op->ns == HX_NS_PATH) == (r.ns.data != NULL));
        check_inside(path, &r);
    }

    if (op->regex != NULL) {
        return;
    }

    hx_fuzz_check(rc != HX_FAIL);
    fits = naive(&op->pattern, &path->text, &ns, &key);
    slash = path->encoded_slash_end == 0
            || (key.data != NULL
                && path->text.data + path->encoded_slash >= key.data);

    hx_fuzz_check((rc == HX_OK)
                  == (fits && slash && hx_fuzz_same(method, &op->method)));
    hx_fuzz_check(!(fits && !slash) || r.bad_slash);

    if (rc == HX_OK) {
        hx_fuzz_check(ns.data == r.ns.data && key.data == r.key.data);
        hx_fuzz_check(ns.data == NULL || ns.len == r.ns.len);
        hx_fuzz_check(key.data == NULL || key.len == r.key.len);
    }
}


static void
check_built_in(const hx_str_t *method, const hx_path_t *path)
{
    char             text[256];
    hx_rc_t          rc;
    hx_buf_t         b;
    unsigned         i, n, found;
    hx_route_t       r;
    hx_operation_t  *ops;

    ops = hx_fuzz_operations(&n);

    for (i = 0, found = 0; i < n; i++) {
        if (ops[i].member.data == NULL) {
            found += hx_route_match(&r, &ops[i], 1, method, path) == HX_OK;
        }
    }

    hx_fuzz_check(found <= 1);

    rc = hx_route_match(&r, ops, n, method, path);
    hx_fuzz_check(rc != HX_FAIL && (rc == HX_OK) == (found == 1));

    hx_buf_init(&b, text, sizeof(text));
    hx_route_allow(&b, ops, n, path);
    hx_fuzz_check(hx_buf_ok(&b));
    hx_fuzz_check(hx_buf_len(&b) != 0
                  || (rc != HX_OK && r.allow.data == NULL));

    i = hx_adminpath_match(path->text.data, path->text.len);
    hx_fuzz_check(i < HX_ADMINPATHS);
    hx_fuzz_check(i == 0 || rc == HX_NO);
    hx_fuzz_check(i == 0 || hx_adminpath(i)->pattern.len != 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char            err[256];
    uint8_t        *pattern, *target, *out;
    hx_rc_t         rc;
    hx_str_t        method, line, raw;
    hx_path_t       path;
    hx_fuzz_in_t    in;
    hx_operation_t  op;

    hx_fuzz_in(&in, data, len);
    method = hx_fuzz_line(&in);
    line = hx_fuzz_line(&in);
    raw = hx_fuzz_rest(&in);

    if (line.len > FUZZ_PATTERN) {
        return 0;
    }

    memset(&op, 0, sizeof(op));
    op.method = method;
    op.ns = line.len != 0 && line.data[0] == '-' ? HX_NS_NONE : HX_NS_PATH;
    op.pattern.len = line.len - (op.ns == HX_NS_NONE);
    pattern = hx_fuzz_copy(line.data + (op.ns == HX_NS_NONE), op.pattern.len);
    op.pattern.data = pattern;
    target = hx_fuzz_copy(raw.data, raw.len);
    out = malloc(raw.len + 1);
    hx_fuzz_check(out != NULL);

    memset(err, 0, sizeof(err));
    rc = hx_route_compile(&op, err, sizeof(err));
    hx_fuzz_check(rc == HX_OK || (rc == HX_NO && err[0] != '\0'));

    if (hx_path_parse(&path, target, raw.len, out) == HX_PATH_OK) {
        check_built_in(&method, &path);

        if (rc == HX_OK) {
            check_pattern(&op, &method, &path);
        }
    }

    hx_route_free(&op);
    free(pattern);
    free(target);
    free(out);

    return 0;
}
