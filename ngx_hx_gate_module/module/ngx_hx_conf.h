/*
 * ngx_hx_conf.h -- between the files that read the configuration:
 * ngx_hx_conf.c (table, merging), ngx_hx_conf_check.c (combinations),
 * ngx_hx_conf_{lint,disk}.c (what is of others, and on the disk) and
 * ngx_hx_conf_{values,audit,cors,limits,operations,webhook}.c (parsers).  Every
 * function reports what is wrong itself, unless it says that the caller does.
 */

#ifndef NGX_HX_CONF_H
#define NGX_HX_CONF_H

#include "ngx_hx_gate.h"

#include "hx_conf_text.h"
#include "hx_stripe.h"

#define NGX_HX_SERVICE_KEY_ENV   "HX_GATE_ENGINE_SERVICE_KEY"
#define NGX_HX_AUDIT_PATH        "/var/log/hx-gate/audit.jsonl"
#define NGX_HX_AUDIT_BUFFER      65536      /* bytes */
#define NGX_HX_AUDIT_FLUSH       1000       /* ms */
#define NGX_HX_UPLOAD_MAX        ((size_t) 1 << 40)     /* bytes */
#define NGX_HX_MAP_SIZE          (1024 * 1024 * 1024)
#define NGX_HX_MAX_READERS       1024
#define NGX_HX_USAGE_MAP_SIZE    ((size_t) 8 << 30)     /* bytes */
#define NGX_HX_USAGE_FLUSH       5000       /* ms */
#define NGX_HX_STATE_DIR         "/dev/shm"

/* Does the argument begin with the literal? */
#define ngx_hx_has(v, lit)                                                    \
    ((v)->len >= sizeof(lit) - 1                                              \
     && ngx_strncmp((v)->data, lit, sizeof(lit) - 1) == 0)


/* The text behind "name=". */

static ngx_inline ngx_str_t
ngx_hx_after(const ngx_str_t *v, size_t n)
{
    ngx_str_t  rest;

    rest.data = v->data + n;
    rest.len = v->len - n;

    return rest;
}


/*
 * ngx_hx_conf_values.c: of a file as many bytes as fit; NGX_ERROR and a
 * message.
 */
ngx_int_t ngx_hx_conf_read(ngx_conf_t *cf, const ngx_str_t *name, u_char *buf,
    size_t size, size_t *len);

/*
 * ngx_hx_conf_values.c: a file that holds one secret; name becomes its full
 * name, a line end after the secret is none of it.  buf is the caller's to
 * cleanse.
 */
ngx_int_t ngx_hx_conf_read_secret(ngx_conf_t *cf, ngx_str_t *name, u_char *buf,
    size_t size, size_t *len);

/* ngx_hx_conf_values.c: one that is there, its full name, NUL-terminated. */
char *ngx_hx_conf_directory(ngx_conf_t *cf, ngx_str_t *dir, const char *what);

/*
 * ngx_hx_conf_fleet.c: a URL of Redis makes it a fleet's; then the words beside
 * it (1: it was one of ours, and *rv), then the check; when all is read, files
 * and addresses.
 */
char *ngx_hx_conf_fleet_url(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *url);
ngx_uint_t ngx_hx_conf_fleet_option(ngx_conf_t *cf,
    ngx_hx_registry_conf_t *conf, const ngx_str_t *v, char **rv);
char *ngx_hx_conf_fleet_check(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf);
ngx_int_t ngx_hx_conf_fleet_prepare(ngx_conf_t *cf,
    ngx_hx_registry_conf_t *conf);

/* ngx_hx_conf.c: the module is used here, first or not. */
void ngx_hx_conf_use(ngx_hx_main_conf_t *mcf, const ngx_hx_loc_conf_t *lcf);

/* NGX_CONF_ERROR, and a message that names the argument. */
char *ngx_hx_bad_parameter(ngx_conf_t *cf, const ngx_str_t *v);

/*
 * What an environment variable says: 1 for "true", 0 for "false" (in any case),
 * dflt when it is not set; NGX_ERROR for another text.
 */
ngx_int_t ngx_hx_conf_env_flag(ngx_conf_t *cf, const char *name,
    ngx_int_t dflt);

/*
 * "1", "0.5", at most one decimal, as tenths up to max; NGX_ERROR, and the
 * caller says what is wrong.
 */
ngx_int_t ngx_hx_conf_tenths(const ngx_str_t *s, uint64_t max,
    uint64_t *tenths);

/* The built-in plans, before anything is configured. */
ngx_int_t ngx_hx_conf_limits_init(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf);

/* Refuses what must not stand together where the gate is in force. */
char *ngx_hx_conf_check_gate(ngx_conf_t *cf, const ngx_hx_loc_conf_t *lcf);

/* The same where webhooks are. */
char *ngx_hx_conf_check_webhook(ngx_conf_t *cf);

/*
 * Until ngx_hx_conf_leave() messages name the place: where a block began, of
 * which merging knows the end only.  saved: the caller's.
 */
void ngx_hx_conf_enter(ngx_conf_t *cf, const ngx_hx_place_t *place,
    ngx_conf_file_t *here, ngx_conf_file_t **saved);
void ngx_hx_conf_leave(ngx_conf_t *cf, ngx_conf_file_t *saved);

/* Warns of an environment in which nothing is recorded, once. */
void ngx_hx_conf_warn_unrecorded(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf);

/*
 * ngx_hx_conf_disk.c: what directives name on the disk.  Returns how many
 * errors it has told.
 */
ngx_uint_t ngx_hx_conf_disk(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf,
    const hx_conf_dir_t *http);

/* ngx_hx_conf_lint.c: NGX_ERROR, and messages, where something is dangerous. */
ngx_int_t ngx_hx_conf_lint(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf);

char *ngx_hx_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_service_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_max_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_plan(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_default_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_hx_conf_operation(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_operations(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_audit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_hx_conf_price(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Who answers where events come in; the same in "if" and "limit_except". */
char *ngx_hx_conf_webhook_merge(ngx_conf_t *cf, const ngx_hx_loc_conf_t *prev,
    ngx_hx_loc_conf_t *conf);

/* Every price has a plan that there is. */
ngx_int_t ngx_hx_conf_prices_check(ngx_conf_t *cf,
    const ngx_hx_main_conf_t *mcf);

/* What holds when there is no directive: environment, then built-in. */
ngx_int_t ngx_hx_conf_audit_default(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_conf_service_key_default(ngx_conf_t *cf,
    ngx_hx_main_conf_t *mcf);
ngx_int_t ngx_hx_conf_default_rate_limit_default(ngx_conf_t *cf,
    ngx_hx_main_conf_t *mcf);
ngx_int_t ngx_hx_conf_billing_default(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf);

/*
 * Where the gate is in force: what the environment says when there is no
 * directive, and the methods that a preflight is told.
 */
char *ngx_hx_conf_cors_ready(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_hx_loc_conf_t *lcf);

#endif /* NGX_HX_CONF_H */
