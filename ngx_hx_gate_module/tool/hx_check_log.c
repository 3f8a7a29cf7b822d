/*
 * hx_check_log.c -- no log at the level debug: nginx's shows request headers
 * there, credentials among them.
 */

#include <stdio.h>
#include <stdlib.h>

#include "hx_check_items.h"
#include "hx_check_text.h"
#include "hx_crypto.h"

#define HX_LOG_ENV       "HOLONOMIX_LOG_LEVEL"
#define HX_LOG_SOCKETS   16


static void
hx_log_nginx(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned  id;
    hx_str_t  word, level, rest;

    for (id = hx_site_walk(dp->dump, HX_DUMP_ROOT); id != 0;
         id = hx_site_walk(dp->dump, id))
    {
        word = hx_dump_word(dp->dump, id, 0);
        level = hx_dump_word(dp->dump, id, 2);

        if (hx_text_is(&word, "error_log")
            && hx_text_after(&level, "debug", &rest))
        {
            hx_line_fail(l, "error_log ... warn;", "%s: error_log at %.*s",
                         hx_deploy_where(dp, id), hx_arg(level));

        } else if (hx_text_is(&word, "debug_connection")) {
            hx_line_fail(l, "no debug_connection", "%s: debug_connection",
                         hx_deploy_where(dp, id));
        }
    }

    if (l->result < HX_LINE_PASS) {
        hx_line_pass(l, "nginx: no error_log at debug");
    }
}


/* The process that listens there; 0: not found. */

static pid_t
hx_log_process(const hx_deploy_t *dp, const hx_addr_t *a)
{
    int           n;
    char          why[HX_SYS_WHY];
    pid_t         pid;
    hx_socket_t   s[HX_LOG_SOCKETS];

    if (dp->engine_pid != 0 || a->path.data != NULL) {
        return dp->engine_pid;
    }

    n = hx_item_sockets(dp, a->port, s, HX_LOG_SOCKETS, why);
    pid = 0;

    while (n-- > 0 && pid == 0) {
        pid = hx_sys_owner(dp->proc, s[n].inode);
    }

    return pid;
}


static void
hx_log_engine(const hx_deploy_t *dp, const hx_addr_t *a, hx_line_t *l)
{
    char            path[HX_SYS_PATH], why[HX_SYS_WHY];
    pid_t           pid;
    size_t          len;
    hx_str_t        text, level;
    unsigned char  *data;

    pid = hx_log_process(dp, a);

    if (pid == 0) {
        hx_line_unknown(l, "--engine-pid PID, or run it as root", "the process "
                        "of the engine at %s is not found", hx_deploy_addr(a));
        return;
    }

    (void) snprintf(path, sizeof(path), "%s/%d/environ", dp->proc, (int) pid);

    if (hx_sys_read(path, HX_DEPLOY_ENV_MAX, &data, &len, why) != HX_OK) {
        hx_line_unknown(l, "run it as root", "%s: %s", path, why);
        return;
    }

    text.data = data;
    text.len = len;

    if (hx_environ_block(&text, HX_LOG_ENV, &level)
        && hx_text_is(&level, "debug"))
    {
        hx_line_fail(l, HX_LOG_ENV "=info for the engine", "the engine "
                     "(process %d) logs at debug", (int) pid);

    } else {
        hx_line_pass(l, "the engine (process %d) does not log at debug",
                     (int) pid);
    }

    hx_cleanse(data, len);
    free(data);
}


/* What is on another machine is that machine's. */

void
hx_item_log_level(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned                 i, k;
    const hx_site_engine_t  *e = dp->site.engines;

    hx_log_nginx(dp, l);

    for (i = 0; i < dp->site.n_engines; i++) {
        if (e[i].unknown || !hx_addr_loopback(&e[i].addr)) {
            continue;
        }

        for (k = 0; k < i && !hx_addr_same(&e[k].addr, &e[i].addr); k++) {
            /* void */
        }

        if (k == i) {
            hx_log_engine(dp, &e[i].addr, l);
        }
    }
}
