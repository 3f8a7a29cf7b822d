/*
 * ngx_hx_step_input.c -- which operation is this, and is the request one that
 * the engine could read?
 *
 * The path is taken from the bytes that the engine will get: the raw target,
 * or, after a rewrite, the new URI (which nginx escapes again).  The raw target
 * must also agree with the normalised URI that nginx chose the location by.
 */

#include "ngx_hx_step.h"


#define NGX_HX_ALLOW_MAX   256      /* bytes of an Allow header */


static ngx_int_t
ngx_hx_input_path_error(ngx_hx_ctx_t *ctx, hx_path_err_t err)
{
    const char  *detail;

    switch (err) {

    case HX_PATH_E_ESCAPE:
        detail = "Invalid percent-encoding in path";
        break;

    case HX_PATH_E_DOUBLE:
        detail = "Path is percent-encoded twice";
        break;

    case HX_PATH_E_SEGMENT:
        detail = "Path has an empty or relative segment";
        break;

    default:
        detail = "Invalid path";
    }

    return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                         HX_OUTCOME_INVALID_REQUEST, detail);
}


/*
 * A fragment has no place in a request.  nginx and the gate stop reading at
 * it, but it is forwarded as it came, and the engine's side might take it for
 * a part of the key.
 */

static ngx_uint_t
ngx_hx_input_fragment(const ngx_http_request_t *r)
{
    u_char           *hash, *query;
    const ngx_str_t  *target;

    if (!r->valid_unparsed_uri || !r->complex_uri) {
        return 0;
    }

    target = &r->unparsed_uri;
    hash = ngx_strlchr(target->data, target->data + target->len, '#');

    if (hash == NULL) {
        return 0;
    }

    query = ngx_strlchr(target->data, hash, '?');

    return query == NULL;
}


/*
 * No name has a control character, and a line end would break out of a
 * "proxy_pass http://engine$uri".  nginx refuses the bare ones.
 */

static ngx_uint_t
ngx_hx_input_control(const ngx_http_request_t *r, const hx_path_t *path)
{
    size_t  i;

    if (!r->quoted_uri) {
        return 0;
    }

    for (i = 0; i < path->text.len; i++) {
        if (path->text.data[i] < 0x20 || path->text.data[i] == 0x7f) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_hx_input_path(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, hx_path_t *path)
{
    u_char         *out;
    ngx_str_t      *target;
    hx_path_err_t   err;

    target = r->valid_unparsed_uri ? &r->unparsed_uri : &r->uri;

    if (!r->valid_unparsed_uri
        && (ngx_strlchr(target->data, target->data + target->len, '?')
            || ngx_strlchr(target->data, target->data + target->len, '#')))
    {
        /* would be cut here, but reaches the engine as %3F or %23 */
        return ngx_hx_input_path_error(ctx, HX_PATH_E_FORM);
    }

    if (ngx_hx_input_fragment(r)) {
        return ngx_hx_input_path_error(ctx, HX_PATH_E_FORM);
    }

    out = ngx_pnalloc(r->pool, ngx_min(target->len + 1, HX_PATH_MAX));
    if (out == NULL) {
        return ngx_hx_refuse(ctx, HX_E_INTERNAL, HX_OUTCOME_INTERNAL,
                             "Internal error");
    }

    err = hx_path_parse(path, target->data, target->len, out);
    if (err != HX_PATH_OK) {
        return ngx_hx_input_path_error(ctx, err);
    }

    if (ngx_hx_input_control(r, path)
        || path->text.len != r->uri.len
        || ngx_memcmp(path->text.data, r->uri.data, r->uri.len) != 0)
    {
        return ngx_hx_input_path_error(ctx, HX_PATH_E_FORM);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_input_method(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, const hx_path_t *path)
{
    u_char    *p;
    hx_buf_t   b;

    p = ngx_pnalloc(r->pool, NGX_HX_ALLOW_MAX);

    if (p != NULL) {
        hx_buf_init(&b, p, NGX_HX_ALLOW_MAX);
        hx_route_allow(&b, lcf->operations->elts,
                       (unsigned) lcf->operations->nelts, path);

        ctx->allow.data = p;
        ctx->allow.len = hx_buf_ok(&b) ? hx_buf_len(&b) : 0;
    }

    return ngx_hx_refuse(ctx, HX_E_METHOD_NOT_ALLOWED, HX_OUTCOME_METHOD,
                         "Method not allowed");
}


ngx_int_t
ngx_hx_input_route(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_route_t *route)
{
    hx_rc_t    rc;
    hx_str_t   method;
    hx_path_t  path;
    ngx_int_t  status;

    status = ngx_hx_input_path(r, ctx, &path);
    if (status != NGX_OK) {
        return status;
    }

    method.data = r->method_name.data;
    method.len = r->method_name.len;

    rc = hx_route_match(route, lcf->operations->elts,
                        (unsigned) lcf->operations->nelts, &method, &path);

    if (rc == HX_OK) {
        return NGX_OK;
    }

    if (rc == HX_FAIL) {
        return ngx_hx_refuse(ctx, HX_E_INTERNAL, HX_OUTCOME_INTERNAL,
                             "Internal error");
    }

    if (route->bad_slash) {
        return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                             HX_OUTCOME_INVALID_REQUEST,
                             "Encoded slash outside the key");
    }

    if (route->allow.data != NULL) {
        return ngx_hx_input_method(r, ctx, lcf, &path);
    }

    return ngx_hx_refuse(ctx, HX_E_NOT_FOUND, HX_OUTCOME_UNKNOWN_OPERATION,
                         "No such operation");
}


static ngx_uint_t
ngx_hx_input_variants(const ngx_hx_loc_conf_t *lcf, const hx_operation_t *op)
{
    ngx_uint_t             n;
    const hx_operation_t  *end;

    end = (const hx_operation_t *) lcf->operations->elts
          + lcf->operations->nelts;

    for (n = 0; op + 1 + n < end && op[1 + n].member.data != NULL; n++) {
        /* void */
    }

    return n;
}


ngx_int_t
ngx_hx_step_input(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t   rc;
    hx_route_t  route;

    rc = ngx_hx_input_route(r, ctx, lcf, &route);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->operation = route.operation;
    ctx->n_variants = ngx_hx_input_variants(lcf, route.operation);
    ctx->path_ns.data = (u_char *) route.ns.data;
    ctx->path_ns.len = route.ns.len;
    ctx->body_cap = hx_body_cap(lcf->max_upload);

    if (route.key.data != NULL
        && !hx_check_key(route.key.data, route.key.len))
    {
        return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                             HX_OUTCOME_INVALID_REQUEST, "Invalid key");
    }

    if (ctx->encoded) {
        return ngx_hx_refuse(ctx, HX_E_UNSUPPORTED_MEDIA_TYPE,
                             HX_OUTCOME_MEDIA_TYPE,
                             "Content-Encoding is not supported");
    }

    if (route.operation->ns == HX_NS_BODY && !ngx_hx_is_json(r)) {
        return ngx_hx_refuse(ctx, HX_E_UNSUPPORTED_MEDIA_TYPE,
                             HX_OUTCOME_MEDIA_TYPE,
                             "Content-Type must be application/json");
    }

    if (r->headers_in.content_length_n > (off_t) ctx->body_cap) {
        return ngx_hx_refuse_size(r, ctx);
    }

    return NGX_HX_NEXT;
}
