/*
 * hx_check_items.h -- the checks.  Each looks at the deployment and says into
 * its line what it has found; none changes anything, and none believes what it
 * could not look at.
 */

#ifndef HX_CHECK_ITEMS_H
#define HX_CHECK_ITEMS_H

#include "hx_check_deploy.h"
#include "hx_check_text.h"

/* hx_check_secrets.c */
void hx_item_service_key(const hx_deploy_t *dp, hx_line_t *l);
void hx_item_stripe(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_engine.c */
void hx_item_engine_auth(const hx_deploy_t *dp, hx_line_t *l);
void hx_item_engine_tls(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_tls.c */
void hx_item_tls(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_ports.c */
void hx_item_ports(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_gate.c */
void hx_item_gate(const hx_deploy_t *dp, hx_line_t *l);
void hx_item_cors(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_log.c */
void hx_item_log_level(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_trail.c */
void hx_item_audit(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_ship.c */
void hx_item_audit_shipped(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_tenants.c */
void hx_item_rate_limit(const hx_deploy_t *dp, hx_line_t *l);
void hx_item_key_age(const hx_deploy_t *dp, hx_line_t *l);

/* hx_check_host.c */
void hx_item_images(const hx_deploy_t *dp, hx_line_t *l);
void hx_item_updates(const hx_deploy_t *dp, hx_line_t *l);


#define HX_ITEM_ASKED   32          /* locations asked by one check */

/* The audit trail of a location. */
typedef struct {
    unsigned    node;               /* directive; 0 = the environment's */
    unsigned    off:1;
    hx_str_t    path;
} hx_trail_t;

/* HX_OK; HX_FAIL: the environment would have to be known. */
hx_rc_t hx_trail_of(const hx_deploy_t *dp, unsigned location, hx_trail_t *t);

/* The listening sockets of a port, at most max: how many; -1 and why. */
int hx_item_sockets(const hx_deploy_t *dp, unsigned port, hx_socket_t *sockets,
    unsigned max, char *why);

#endif /* HX_CHECK_ITEMS_H */
