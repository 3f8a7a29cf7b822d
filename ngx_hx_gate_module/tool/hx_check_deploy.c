/*
 * hx_check_deploy.c -- questions about the deployment; contracts in
 * hx_check_deploy.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hx_check_deploy.h"
#include "hx_check_text.h"
#include "hx_crypto.h"

#define HX_DEPLOY_TEXTS   4         /* that hold at the same time */


static char *
hx_deploy_text(void)
{
    static char      texts[HX_DEPLOY_TEXTS][HX_LINE_TEXT / 2];
    static unsigned  i;

    return texts[i++ % HX_DEPLOY_TEXTS];
}


hx_rc_t
hx_deploy_env(const hx_deploy_t *dp, const char *name, hx_str_t *value)
{
    const char  *s;
    hx_str_t     text;

    if (dp->env_file != NULL) {
        text.data = dp->env;
        text.len = dp->env_len;

        return hx_environ_file(&text, name, value) && value->len != 0 ? HX_OK
                                                                  : HX_NO;
    }

    if (!dp->own_env) {
        return HX_FAIL;
    }

    s = getenv(name);

    if (s == NULL || *s == '\0') {
        return HX_NO;
    }

    value->data = (const unsigned char *) s;
    value->len = strlen(s);

    return HX_OK;
}


static hx_rc_t
hx_deploy_keep(hx_secret_t *s, const unsigned char *data, size_t len)
{
    if (len > sizeof(s->data)) {
        (void) snprintf(s->why, sizeof(s->why), "is too long");
        return HX_FAIL;
    }

    if (len != 0) {
        memcpy(s->data, data, len);
    }

    s->len = len;

    return len != 0 ? HX_OK : HX_NO;
}


static hx_rc_t
hx_deploy_secret_file(const hx_deploy_t *dp, const hx_str_t *path,
    hx_secret_t *s)
{
    size_t          len;
    hx_rc_t         rc;
    unsigned char  *data;

    (void) snprintf(s->source, sizeof(s->source), "file %.*s", hx_arg(*path));

    if (!hx_deploy_path(dp, path, 1, s->path)) {
        (void) snprintf(s->why, sizeof(s->why), "its directory is not known, "
                        "say --prefix");
        return HX_FAIL;
    }

    if (hx_sys_read(s->path, HX_DEPLOY_SECRET, &data, &len, s->why) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_deploy_keep(s, data, len != 0 && data[len - 1] == '\n' ? len - 1
                                                                   : len);
    hx_cleanse(data, len);
    free(data);

    return rc;
}


hx_rc_t
hx_deploy_secret(const hx_deploy_t *dp, const hx_str_t *spec, hx_secret_t *s)
{
    char      name[256];
    hx_rc_t   rc;
    hx_str_t  rest;

    memset(s, 0, sizeof(hx_secret_t));

    if (hx_text_after(spec, "file:", &rest)) {
        return hx_deploy_secret_file(dp, &rest, s);
    }

    if (!hx_text_after(spec, "env:", &rest) || rest.len >= sizeof(name)) {
        /* what stands there may be the secret */
        (void) snprintf(s->source, sizeof(s->source), "neither env: nor file:");
        (void) snprintf(s->why, sizeof(s->why), "must be one of them");
        return HX_FAIL;
    }

    (void) snprintf(name, sizeof(name), "%.*s", hx_arg(rest));
    (void) snprintf(s->source, sizeof(s->source), "variable %s", name);

    rc = hx_deploy_env(dp, name, &rest);

    if (rc == HX_FAIL) {
        (void) snprintf(s->why, sizeof(s->why), "the environment of nginx is "
                        "not known");
    }

    return rc == HX_OK ? hx_deploy_keep(s, rest.data, rest.len) : rc;
}


void
hx_deploy_forget(hx_secret_t *s)
{
    hx_cleanse(s->data, sizeof(s->data));
    s->len = 0;
}


int
hx_deploy_path(const hx_deploy_t *dp, const hx_str_t *path, int conf,
    char full[HX_SYS_PATH])
{
    int          n;
    const char  *dir;

    dir = conf ? dp->conf_dir : dp->dir;

    if (path->len == 0) {
        return 0;
    }

    if (path->data[0] == '/') {
        n = snprintf(full, HX_SYS_PATH, "%.*s", hx_arg(*path));

    } else {
        if (dir[0] == '\0') {
            return 0;
        }

        n = snprintf(full, HX_SYS_PATH, "%s/%.*s", dir, hx_arg(*path));
    }

    return n > 0 && n < HX_SYS_PATH;
}


const char *
hx_deploy_where(const hx_deploy_t *dp, unsigned node)
{
    char      *text;
    hx_str_t   file;

    text = hx_deploy_text();

    if (node == 0) {
        (void) snprintf(text, HX_LINE_TEXT / 2, "the configuration");

    } else {
        file = hx_dump_file(dp->dump, node);
        (void) snprintf(text, HX_LINE_TEXT / 2, "%.*s:%u", hx_arg(file),
                        hx_dump_line(dp->dump, node));
    }

    return text;
}


const char *
hx_deploy_addr(const hx_addr_t *a)
{
    char  *text;

    text = hx_deploy_text();

    if (a->path.data != NULL) {
        (void) snprintf(text, HX_LINE_TEXT / 2, "unix:%.*s", hx_arg(a->path));

    } else {
        (void) snprintf(text, HX_LINE_TEXT / 2,
                        memchr(a->host.data, ':', a->host.len) != NULL
                        ? "[%.*s]:%u" : "%.*s:%u", hx_arg(a->host), a->port);
    }

    return text;
}


const char *
hx_deploy_name(const hx_deploy_t *dp, unsigned server)
{
    size_t        i;
    unsigned      id;
    hx_str_t      word;
    static char   name[256];

    id = hx_dump_find(dp->dump, server, "server_name", 0);
    word = hx_dump_word(dp->dump, id, 1);

    if (word.len < 2 || word.len >= sizeof(name)) {     /* "_" */
        return NULL;
    }

    for (i = 0; i < word.len; i++) {
        if (word.data[i] <= ' ' || word.data[i] > '~' || word.data[i] == '*'
            || word.data[i] == '~' || word.data[i] == '$')
        {
            return NULL;
        }
    }

    memcpy(name, word.data, word.len);
    name[word.len] = '\0';

    return name;
}


int
hx_deploy_target(const hx_deploy_t *dp, unsigned location, const char *below,
    char path[HX_SYS_PATH])
{
    int       exact;
    size_t    i;
    hx_str_t  word, mark;

    mark = hx_dump_word(dp->dump, location, 1);
    word = hx_dump_words(dp->dump, location) > 2
           ? hx_dump_word(dp->dump, location, 2) : mark;
    exact = hx_text_is(&mark, "=");

    if (word.len == 0 || word.data[0] != '/' || word.len > 1024
        || mark.data[0] == '~')
    {
        return 0;
    }

    for (i = 0; i < word.len; i++) {
        if (word.data[i] <= ' ' || word.data[i] > '~') {
            return 0;
        }
    }

    if (exact || word.data[word.len - 1] != '/') {
        below = "";
    }

    (void) snprintf(path, HX_SYS_PATH, "%.*s%s", hx_arg(word), below);

    return 1;
}


hx_rc_t
hx_deploy_ask(const hx_deploy_t *dp, unsigned location, const char *method,
    const char *path, const char *more, hx_probe_t *p, hx_probe_rc_t *rc)
{
    char                     request[HX_SYS_PATH * 2];
    unsigned                 i, server;
    const char              *name;
    const hx_site_listen_t  *l;

    server = hx_site_server(dp->dump, location);
    name = hx_deploy_name(dp, server);

    for (i = 0; i < dp->site.n_listens; i++) {
        l = &dp->site.listens[i];

        if (l->server != server || l->quic) {
            continue;
        }

        memset(p, 0, sizeof(hx_probe_t));
        p->addr = l->addr;
        p->timeout = dp->timeout;
        p->tls = l->ssl;
        p->proxy = l->proxy;
        p->sni = name;
        p->request = request;

        (void) snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n"
                        "Host: %s\r\nUser-Agent: hx-gate-check\r\n"
                        "Connection: close\r\n%s\r\n", method, path,
                        name != NULL ? name : "localhost", more);

        *rc = hx_probe_run(p);
        p->request = NULL;

        return HX_OK;
    }

    return HX_NO;
}
