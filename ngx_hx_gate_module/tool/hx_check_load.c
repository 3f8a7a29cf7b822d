/*
 * hx_check_load.c -- where the configuration comes from: a saved text, or
 * "nginx -T" of the nginx that runs here.  A process is believed only when it
 * belongs to root or to us: its program is run.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_check_deploy.h"
#include "hx_crypto.h"

#define HX_LOAD_TIMEOUT   30000     /* ms, of nginx -T */
#define HX_LOAD_TITLE     8192
#define HX_LOAD_ARGS      12

typedef struct {
    char          exe[HX_SYS_PATH];
    char          cwd[HX_SYS_PATH];
    char          title[HX_LOAD_TITLE];     /* words, each with a NUL */
    char          built[HX_SYS_PATH];       /* what nginx -V says */
    const char   *log;                      /* -e */
} hx_load_t;


/*
 * "nginx: master process nginx -p dir -c file": the words behind the name; what
 * the options say unless the command line of ours did.
 */

static void
hx_load_title(hx_deploy_t *dp, hx_load_t *load)
{
    char         *s, *save, *word;
    size_t        i, len;
    const char  **to, *value;

    static const char  options[] = "pce";

    len = strnlen(load->title, sizeof(load->title) - 1);
    save = NULL;
    to = NULL;

    for (s = load->title, load->title[len] = '\0';
         (word = strtok_r(s, " ", &save)) != NULL; s = NULL)
    {
        if (to != NULL) {
            value = word;

        } else {
            for (i = 0; i < 3; i++) {
                if (word[0] == '-' && word[1] == options[i]) {
                    to = i == 0 ? &dp->prefix : i == 1 ? &dp->conf
                                                       : &load->log;
                    break;
                }
            }

            if (to == NULL || word[2] == '\0') {
                continue;
            }

            value = word + 2;
        }

        if (*to == NULL) {
            *to = value;
        }

        to = NULL;
    }
}


/* Of the process, if there is one. */

static int
hx_load_process(hx_deploy_t *dp, hx_load_t *load)
{
    char            path[HX_SYS_PATH], why[HX_SYS_WHY];
    size_t          len;
    unsigned        n;
    unsigned char  *data;

    if (dp->pid == 0) {
        n = hx_sys_masters(dp->proc, &dp->pid);

        if (n > 1) {
            dp->pid = 0;

            if (dp->conf == NULL && dp->prefix == NULL) {
                return hx_check_fail("%u nginx are running here: say which "
                                     "one with --pid, or --conf", n);
            }
        }
    }

    if (dp->pid == 0) {
        return 0;
    }

    if (!hx_sys_trusted(dp->proc, dp->pid)) {
        return hx_check_fail("process %d is not there, or belongs to neither "
                             "root nor this user", (int) dp->pid);
    }

    if (hx_sys_link(dp->proc, dp->pid, "exe", load->exe) && dp->nginx == NULL
        && access(load->exe, X_OK) == 0)
    {
        dp->nginx = load->exe;
    }

    if (!hx_sys_link(dp->proc, dp->pid, "cwd", load->cwd)) {
        load->cwd[0] = '\0';
    }

    (void) snprintf(path, sizeof(path), "%s/%d/cmdline", dp->proc,
                    (int) dp->pid);

    if (hx_sys_read(path, HX_LOAD_TITLE, &data, &len, why) == HX_OK) {
        (void) snprintf(load->title, sizeof(load->title), "%s",
                        (const char *) data);
        free(data);
        hx_load_title(dp, load);
    }

    return 0;
}


/*
 * Where it is said what nginx did not like; what it quotes may be a secret and
 * is not told.
 */

static int
hx_load_refused(const hx_sys_command_t *c)
{
    size_t       i;
    const char  *at;

    at = NULL;

    for (i = 0; i + 4 < c->err_len; i++) {
        if (memcmp(c->err + i, " in /", 5) == 0) {
            at = c->err + i;
        }
    }

    i = at != NULL ? strcspn(at, "\n") : 0;

    return hx_check_fail("\"%s -T\" fails with exit code %d%.*s; \"nginx -t\" "
                         "says why", c->argv[0], c->status, (int) i,
                         at != NULL ? at : "");
}


static int
hx_load_run(hx_deploy_t *dp, const hx_load_t *load, unsigned char **text,
    size_t *len)
{
    char              why[HX_SYS_WHY], *argv[HX_LOAD_ARGS];
    hx_rc_t           rc;
    hx_str_t          env;
    unsigned          i, n;
    hx_sys_command_t  c;

    const char *const  options[] = { "-p", dp->prefix, "-c", dp->conf,
                                     "-e", load->log };

    memset(&c, 0, sizeof(c));

    argv[0] = (char *) (dp->nginx != NULL ? dp->nginx : "nginx");
    argv[1] = (char *) "-T";
    n = 2;

    for (i = 0; i < hx_nelts(options); i += 2) {
        if (options[i + 1] != NULL) {
            argv[n++] = (char *) options[i];
            argv[n++] = (char *) options[i + 1];
        }
    }

    argv[n] = NULL;
    env.data = dp->env;
    env.len = dp->env_len;

    c.argv = argv;
    c.dir = load->cwd[0] != '\0' ? load->cwd : NULL;
    c.env = dp->env != NULL ? &env : NULL;
    c.max = HX_DUMP_MAX;
    c.timeout = HX_LOAD_TIMEOUT;

    rc = hx_sys_run(&c, why);
    *text = c.out;
    *len = c.len;

    if (rc == HX_NO) {
        return hx_check_fail("%s: there is no such program; say --nginx or "
                             "--dump", argv[0]);
    }

    if (rc != HX_OK) {
        return hx_check_fail("%s -T: %s", argv[0], why);
    }

    return c.status == 0 ? 0 : hx_load_refused(&c);
}


/* "nginx -V" tells the prefix that it was built with; or NULL. */

static const char *
hx_load_built(const hx_deploy_t *dp, hx_load_t *load)
{
    char              why[HX_SYS_WHY], *argv[3], *s;
    hx_rc_t           rc;
    hx_sys_command_t  c;

    static const char  option[] = "--prefix=";

    memset(&c, 0, sizeof(c));
    argv[0] = (char *) (dp->nginx != NULL ? dp->nginx : "nginx");
    argv[1] = (char *) "-V";
    argv[2] = NULL;
    c.argv = argv;
    c.max = HX_SYS_PATH;
    c.timeout = HX_LOAD_TIMEOUT;

    rc = hx_sys_run(&c, why);
    free(c.out);

    if (rc != HX_OK || c.status != 0) {
        return NULL;
    }

    (void) snprintf(load->built, sizeof(load->built), "%.*s", (int) c.err_len,
                    c.err);
    s = strstr(load->built, option);

    if (s == NULL) {
        return NULL;
    }

    s += sizeof(option) - 1;
    s[strcspn(s, " \n")] = '\0';

    return s[0] == '/' ? s : NULL;
}


/* The directories that relative paths begin at. */

static void
hx_load_dirs(hx_deploy_t *dp, hx_load_t *load)
{
    char        path[HX_SYS_PATH];
    hx_str_t    name;

    name = hx_dump_main(dp->dump);

    while (name.len != 0 && name.data[name.len - 1] != '/') {
        name.len--;
    }

    if (name.len != 0 && name.data[0] == '/') {
        (void) snprintf(dp->conf_dir, sizeof(dp->conf_dir), "%.*s",
                        hx_arg(name));
    }

    if (dp->prefix == NULL && dp->dump_file == NULL) {
        dp->prefix = hx_load_built(dp, load);
    }

    if (dp->prefix == NULL) {
        return;
    }

    if (dp->prefix[0] == '/') {
        (void) snprintf(dp->dir, sizeof(dp->dir), "%s", dp->prefix);

    } else if (realpath(load->cwd[0] != '\0' ? load->cwd : ".", path) != NULL
               && strlen(path) + strlen(dp->prefix) + 2 < sizeof(dp->dir))
    {
        (void) snprintf(dp->dir, sizeof(dp->dir), "%.2000s/%.2000s", path,
                        dp->prefix);
    }
}


static int
hx_load_text(hx_deploy_t *dp, hx_load_t *load, unsigned char **text,
    size_t *len)
{
    int   rc;
    char  why[HX_SYS_WHY];

    if (dp->dump_file != NULL) {
        return hx_sys_read(dp->dump_file, HX_DUMP_MAX, text, len, why)
               == HX_OK ? 0 : hx_check_fail("%s: %s", dp->dump_file, why);
    }

    rc = hx_load_process(dp, load);

    return rc == 0 ? hx_load_run(dp, load, text, len) : rc;
}


int
hx_deploy_load(hx_deploy_t *dp)
{
    int             rc;
    char            err[HX_DUMP_ERR];
    size_t          len;
    hx_rc_t         found;
    unsigned char  *text;

    static hx_load_t  load;         /* options may point into it */

    text = NULL;

    if (dp->env_file != NULL
        && hx_sys_read(dp->env_file, HX_DEPLOY_ENV_MAX, &dp->env, &dp->env_len,
                       err) != HX_OK)
    {
        return hx_check_fail("%s: %s", dp->env_file, err);
    }

    rc = hx_load_text(dp, &load, &text, &len);

    if (rc == 0 && hx_dump_parse(&dp->dump, text, len, err) != HX_OK) {
        rc = hx_check_fail("%s", err);
    }

    free(text);

    if (rc != 0) {
        return rc;
    }

    hx_load_dirs(dp, &load);
    found = hx_site_read(&dp->site, dp->dump, err);

    if (found == HX_OK) {
        return 0;
    }

    return found == HX_NO
           ? hx_check_fail("there is no directive of HX Gate in this "
                           "configuration")
           : hx_check_fail("%s", err);
}


void
hx_deploy_free(hx_deploy_t *dp)
{
    hx_dump_free(dp->dump);

    if (dp->env != NULL) {
        hx_cleanse(dp->env, dp->env_len);
        free(dp->env);
    }
}
