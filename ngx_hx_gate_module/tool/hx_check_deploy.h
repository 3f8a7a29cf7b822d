/*
 * hx_check_deploy.h -- the deployment that is checked: what was asked for on
 * the command line, nginx's configuration, the environment, and a few questions
 * that several checks have.
 */

#ifndef HX_CHECK_DEPLOY_H
#define HX_CHECK_DEPLOY_H

#include <sys/types.h>

#include "hx_check_probe.h"
#include "hx_check_report.h"
#include "hx_check_site.h"
#include "hx_check_sys.h"
#include "hx_limits.h"

#define HX_DEPLOY_FILES     64      /* of one option */
#define HX_DEPLOY_ENV_MAX   1048576 /* bytes of an environment */
#define HX_DEPLOY_SECRET    1024

typedef struct {
    const char       *dump_file;
    const char       *nginx;
    const char       *conf;
    const char       *prefix;
    const char       *env_file;
    unsigned          own_env:1;
    const char       *proc;
    const char       *apt_lists;
    pid_t             pid;          /* nginx's master, 0 = look for it */
    pid_t             engine_pid;
    unsigned          timeout;      /* ms */
    unsigned          max_age;      /* days, of a tenant's key */
    uint64_t          max_rate;     /* requests a second, of a tenant */
    unsigned          n_images;
    unsigned          n_shippers;
    const char       *images[HX_DEPLOY_FILES];
    const char       *shippers[HX_DEPLOY_FILES];

    hx_dump_t        *dump;
    hx_site_t         site;
    unsigned char    *env;          /* text of env_file */
    size_t            env_len;
    char              dir[HX_SYS_PATH];     /* that paths are relative to;
                                             * "": not known */
    char              conf_dir[HX_SYS_PATH];
} hx_deploy_t;

/* A secret, for as short as can be; hx_deploy_forget() wipes it. */
typedef struct {
    size_t            len;
    unsigned char     data[HX_DEPLOY_SECRET];
    char              source[HX_LINE_TEXT / 2];     /* "file /etc/x", ... */
    char              path[HX_SYS_PATH];            /* of a file, or "" */
    char              why[HX_SYS_WHY];              /* it is not known */
} hx_secret_t;

/* 0, or 2 after a message: it cannot be examined. */
int hx_deploy_load(hx_deploy_t *dp);
void hx_deploy_free(hx_deploy_t *dp);

/*
 * A variable as nginx was started with it: HX_OK and *value (empty counts as
 * not set), HX_NO, or HX_FAIL: nobody told us the environment.
 */
hx_rc_t hx_deploy_env(const hx_deploy_t *dp, const char *name,
    hx_str_t *value);

#define HX_DEPLOY_ENV_FIX   "--env-file FILE, or --own-env where this program "\
                            "has the environment of nginx"

/*
 * "env:NAME" or "file:PATH": HX_OK; HX_NO: it is not there or empty; HX_FAIL:
 * it cannot be read.  s->source is set in any case.
 */
hx_rc_t hx_deploy_secret(const hx_deploy_t *dp, const hx_str_t *spec,
    hx_secret_t *s);
void hx_deploy_forget(hx_secret_t *s);

/*
 * A path of the configuration: absolute, or below the prefix (conf: below the
 * directory of nginx.conf).  1, or 0: not known.
 */
int hx_deploy_path(const hx_deploy_t *dp, const hx_str_t *path, int conf,
    char full[HX_SYS_PATH]);

/* "file:line" of a directive; good for four calls. */
const char *hx_deploy_where(const hx_deploy_t *dp, unsigned node);

/* An address as text; good for four calls. */
const char *hx_deploy_addr(const hx_addr_t *a);

/*
 * Sends a request for a path to a location, by the first listener of its
 * server that is none of QUIC; more: header lines, each with CRLF, or "".
 * HX_NO: there is no such listener; HX_OK: *rc and *p say what came of it.
 */
hx_rc_t hx_deploy_ask(const hx_deploy_t *dp, unsigned location,
    const char *method, const char *path, const char *more, hx_probe_t *p,
    hx_probe_rc_t *rc);

/* The path of a location as it is asked for, or 0: it is a pattern. */
int hx_deploy_target(const hx_deploy_t *dp, unsigned location,
    const char *below, char path[HX_SYS_PATH]);

/* For TLS: the name of a server, or NULL. */
const char *hx_deploy_name(const hx_deploy_t *dp, unsigned server);

#endif /* HX_CHECK_DEPLOY_H */
