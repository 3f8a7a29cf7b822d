/*
 * ngx_hx_step.h -- the steps of a request: each says NGX_HX_NEXT, NGX_HX_WAIT,
 * or a status to refuse with.  Steps never call steps.
 */

#ifndef NGX_HX_STEP_H
#define NGX_HX_STEP_H

#include "ngx_hx_gate.h"


typedef ngx_int_t (*ngx_hx_step_pt)(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);

/* In the order of the table in module/ngx_hx_access.c. */

ngx_int_t ngx_hx_step_preflight(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_trail(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_cors(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_auth(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_input(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_rate(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_namespace(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_acl(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_admit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_step_forward(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);

/*
 * A redirect or subrequest of a granted request came into a location where the
 * gate is on: the service key goes with it.  NGX_ERROR = no memory.
 */
ngx_int_t ngx_hx_forward_enter(ngx_http_request_t *r);

/*
 * Takes our Authorization out again: where the gate is not on, and for
 * $hx_gate_service_key, whose use in a proxy_set_header replaces it.
 */
void ngx_hx_forward_drop_authorization(ngx_http_request_t *r);

/* The route of a request's path; shared by the input step and subrequests. */
ngx_int_t ngx_hx_input_route(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_route_t *route);

#endif /* NGX_HX_STEP_H */
