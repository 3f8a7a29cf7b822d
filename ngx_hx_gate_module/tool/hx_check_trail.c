/*
 * hx_check_trail.c -- is every gated request recorded?  Asked, too: a request
 * without a key is sent to each gated location, and its record looked for.
 */

#define _GNU_SOURCE         /* memmem() */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_check_items.h"
#include "hx_crypto.h"
#include "hx_text.h"

#define HX_TRAIL_ON      "HX_GATE_AUDIT_ENABLED"
#define HX_TRAIL_PATH    "HX_GATE_AUDIT_LOG_PATH"
#define HX_TRAIL_DFLT    "/var/log/hx-gate/audit.jsonl"
#define HX_TRAIL_FIX     "hx_gate_audit_log /var/log/hx-gate/audit.jsonl;"
#define HX_TRAIL_BLOCK   65536
#define HX_TRAIL_PAUSE   50000000       /* ns */
#define HX_TRAIL_WAIT    60000          /* ms, for a long flush= */
#define HX_TRAIL_ID      48


hx_rc_t
hx_trail_of(const hx_deploy_t *dp, unsigned location, hx_trail_t *t)
{
    hx_rc_t         rc;
    hx_str_t        value;
    const hx_str_t  dflt = hx_string(HX_TRAIL_DFLT);

    memset(t, 0, sizeof(hx_trail_t));
    t->node = hx_dump_up(dp->dump, location, "hx_gate_audit_log");

    if (t->node != 0) {
        t->path = hx_dump_word(dp->dump, t->node, 1);
        t->off = hx_text_is(&t->path, "off") != 0;
        return HX_OK;
    }

    rc = hx_deploy_env(dp, HX_TRAIL_ON, &value);

    if (rc == HX_FAIL) {
        return HX_FAIL;
    }

    if (rc == HX_OK && !hx_text_ieq(value.data, value.len, "true", 4)) {
        t->off = 1;
        return HX_OK;
    }

    rc = hx_deploy_env(dp, HX_TRAIL_PATH, &value);
    t->path = rc == HX_OK ? value : dflt;

    return HX_OK;
}


/*
 * Who can read it, who can put another in its place?  nginx makes files that
 * everybody may read: then the directory has to be closed.  0 after a failure.
 */

static int
hx_trail_file(const char *path, hx_line_t *l)
{
    char         dir[HX_SYS_PATH], fix[HX_SYS_PATH + 32];
    struct stat  st, up;

    if (stat(path, &st) != 0) {
        if (errno == ENOENT) {
            hx_line_fail(l, "kill -USR1 of nginx's master makes it anew; "
                         HX_TRAIL_FIX, "%s is not there", path);

        } else {
            hx_line_unknown(l, "run it as root", "%s: %s", path,
                            strerror(errno));
        }

        return 0;
    }

    if (!S_ISREG(st.st_mode)) {
        hx_line_fail(l, HX_TRAIL_FIX, "%s is no regular file", path);
        return 0;
    }

    (void) snprintf(dir, sizeof(dir), "%s", path);

    if (!hx_text_dir(dir) || stat(dir, &up) != 0) {
        hx_line_unknown(l, "run it as root", "%s: %s", dir, strerror(errno));
        return 0;
    }

    if ((st.st_mode & 006) != 0 && (up.st_mode & 001) != 0) {
        (void) snprintf(fix, sizeof(fix), "chmod 750 %s", dir);
        hx_line_fail(l, fix, "%s has mode %04o, in an open directory: "
                     "everybody gets at it", path,
                     (unsigned) st.st_mode & 07777);
        return 0;
    }

    if ((up.st_mode & 002) != 0 && (up.st_mode & S_ISVTX) == 0) {
        (void) snprintf(fix, sizeof(fix), "chmod o-w %s", dir);
        hx_line_fail(l, fix, "everybody can take %s away", path);
        return 0;
    }

    return 1;
}


/* Is the text in what was written from *from on?  1, 0, -1 = errno. */

static int
hx_trail_look(const char *path, off_t *from, const char *id)
{
    int            fd, found;
    ssize_t        n;
    const size_t   len = strlen(id);
    static char    block[HX_TRAIL_BLOCK];

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1) {
        return -1;
    }

    found = 0;

    while (!found && (n = pread(fd, block, sizeof(block), *from)) > 0) {
        found = memmem(block, (size_t) n, id, len) != NULL;

        /* it may be cut by the end of the block, or not all be there yet */

        if ((size_t) n <= len) {
            break;
        }

        *from += n - (ssize_t) len;
    }

    (void) close(fd);

    return found;
}


static int
hx_trail_wait(const char *path, off_t from, const char *id, unsigned ms)
{
    int              found;
    unsigned         waited;
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = HX_TRAIL_PAUSE;

    for (waited = 0; /* void */ ; waited += HX_TRAIL_PAUSE / 1000000) {
        found = hx_trail_look(path, &from, id);

        if (found != 0 || waited >= ms) {
            return found;
        }

        (void) nanosleep(&pause, NULL);
    }
}


static unsigned
hx_trail_patience(const hx_deploy_t *dp, const hx_trail_t *t)
{
    unsigned  ms;
    hx_str_t  flush;

    ms = 1000;

    if (hx_site_param(dp->dump, t->node, "flush=", &flush)) {
        ms = hx_site_ms(&flush, ms);
    }

    ms = ms < HX_TRAIL_WAIT ? ms : HX_TRAIL_WAIT;

    return dp->timeout + ms;
}


/* 0 after a failure. */

static int
hx_trail_ask(const hx_deploy_t *dp, unsigned location, const hx_trail_t *t,
    const char *path, hx_line_t *l)
{
    char            target[HX_SYS_PATH], id[HX_TRAIL_ID];
    char            header[HX_TRAIL_ID + 32];
    hx_probe_t      p;
    struct stat     st;
    hx_probe_rc_t   rc;
    unsigned char   rnd[8], hex[17];

    if (!hx_deploy_target(dp, location, "list/default", target)) {
        return 1;                   /* a pattern */
    }

    if (hx_random_secret(rnd, sizeof(rnd)) != HX_OK || stat(path, &st) != 0) {
        hx_line_unknown(l, NULL, "%s: %s", path, strerror(errno));
        return 0;
    }

    hx_text_hex(hex, rnd, sizeof(rnd));
    hex[16] = '\0';
    (void) snprintf(id, sizeof(id), "hx-gate-check-%s", (char *) hex);
    (void) snprintf(header, sizeof(header), "X-Request-Id: %s\r\n", id);

    if (hx_deploy_ask(dp, location, "GET", target, header, &p, &rc) != HX_OK) {
        return 1;
    }

    if (rc != HX_PROBE_OK) {
        hx_line_unknown(l, "nginx must be running, see --timeout", "%s: %s",
                        hx_deploy_addr(&p.addr), p.why);
        return 0;
    }

    switch (hx_trail_wait(path, st.st_size, id, hx_trail_patience(dp, t))) {

    case 1:
        return 1;

    case 0:
        hx_line_fail(l, "nginx -s reload, if the configuration was changed; "
                     "a disk with room; nginx's error log says more",
                     "a request of %s is not recorded in %s", target, path);
        return 0;

    default:
        hx_line_unknown(l, "run it as root", "%s: %s", path, strerror(errno));
        return 0;
    }
}


static void
hx_trail_location(const hx_deploy_t *dp, unsigned node, int ask, hx_line_t *l)
{
    char        path[HX_SYS_PATH];
    hx_trail_t  t;

    if (hx_trail_of(dp, node, &t) != HX_OK) {
        hx_line_unknown(l, HX_TRAIL_FIX " or " HX_DEPLOY_ENV_FIX, "the "
                        "environment of nginx is not known, and may have "
                        HX_TRAIL_ON);
        return;
    }

    if (t.off) {
        hx_line_fail(l, HX_TRAIL_FIX, "%s: requests are not recorded",
                     hx_deploy_where(dp, t.node != 0 ? t.node : node));
        return;
    }

    if (!hx_deploy_path(dp, &t.path, 0, path)) {
        hx_line_unknown(l, "--prefix DIR", "%.*s: its directory is not known",
                        hx_arg(t.path));
        return;
    }

    if (!hx_trail_file(path, l)) {
        return;
    }

    if (ask && !hx_trail_ask(dp, node, &t, path, l)) {
        return;
    }

    if (ask) {
        hx_line_pass(l, "%s takes records", path);

    } else if (strstr(l->found, path) == NULL) {
        hx_line_pass(l, "records go to %s", path);
    }
}


void
hx_item_audit(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned  i;

    if (dp->site.n_locations + dp->site.n_admins == 0) {
        hx_line_na(l, "no gated location");
    }

    /* after a failure no other is waited for */

    for (i = 0; i < dp->site.n_locations; i++) {
        hx_trail_location(dp, dp->site.locations[i].node,
                          i < HX_ITEM_ASKED && l->result <= HX_LINE_PASS, l);
    }

    /* calls of operators are recorded as well */

    for (i = 0; i < dp->site.n_admins; i++) {
        hx_trail_location(dp, hx_dump_parent(dp->dump, dp->site.admins[i]), 0,
                          l);
    }
}
