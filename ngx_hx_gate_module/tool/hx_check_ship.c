/*
 * hx_check_ship.c -- does the audit trail leave the machine?  By a second sink
 * (syslog:), or by a shipper whose configuration names the file.
 */

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_items.h"
#include "hx_check_text.h"

#define HX_SHIP_FILE   1048576      /* bytes of one configuration */
#define HX_SHIP_FIX    "hx_gate_audit_log ... syslog:server=ADDRESS; or a " \
                       "shipper that reads the file (examples: siem/ of the " \
                       "documentation), its configuration with --shipper FILE"

/* Where the packages of shippers have theirs. */

static const char *const  hx_ship_places[] = {
    "/etc/rsyslog.conf",
    "/etc/rsyslog.d/*.conf",
    "/etc/syslog-ng/syslog-ng.conf",
    "/etc/syslog-ng/conf.d/*.conf",
    "/etc/vector/*.toml",
    "/etc/vector/*.y*ml",
    "/etc/fluent-bit/*.conf",
    "/etc/fluent-bit/*.y*ml",
    "/etc/fluent/*.conf",
    "/etc/td-agent/*.conf",
    "/etc/filebeat/*.yml",
    "/etc/filebeat/inputs.d/*.yml",
    "/etc/promtail/*.y*ml",
    "/etc/alloy/*.alloy",
    "/etc/otelcol*/*.yaml",
    "/etc/logstash/conf.d/*.conf",
    "/opt/splunkforwarder/etc/apps/*/local/inputs.conf",
    "/opt/splunkforwarder/etc/system/local/inputs.conf",
};


/* 1 = it names the path, 0, -1 and why. */

static int
hx_ship_file(const char *name, const char *path, char *why)
{
    int             found;
    size_t          len, pos;
    hx_str_t        text, line;
    unsigned char  *data;

    if (hx_sys_read(name, HX_SHIP_FILE, &data, &len, why) != HX_OK) {
        return -1;
    }

    text.data = data;
    text.len = len;
    pos = 0;
    found = 0;

    while (!found && hx_scan_line(&text, &pos, &line)) {
        found = hx_ship_names(&line, path);
    }

    free(data);

    return found;
}


/* Looks where shippers usually are; 1 after a success. */

static int
hx_ship_usual(const char *path, hx_line_t *l)
{
    int      found;
    char     why[HX_SYS_WHY];
    glob_t   g;
    size_t   i, k;

    found = 0;

    for (i = 0; i < hx_nelts(hx_ship_places) && !found; i++) {
        if (glob(hx_ship_places[i], 0, NULL, &g) != 0) {
            continue;
        }

        for (k = 0; k < g.gl_pathc && !found; k++) {
            found = hx_ship_file(g.gl_pathv[k], path, why) == 1;

            if (found) {
                hx_line_pass(l, "%s is read by %s", path, g.gl_pathv[k]);
            }
        }

        globfree(&g);
    }

    return found;
}


static void
hx_ship_trail(const hx_deploy_t *dp, const char *path, hx_line_t *l)
{
    char      why[HX_SYS_WHY];
    unsigned  i;

    for (i = 0; i < dp->n_shippers; i++) {
        switch (hx_ship_file(dp->shippers[i], path, why)) {

        case 1:
            hx_line_pass(l, "%s is read by %s", path, dp->shippers[i]);
            return;

        case -1:
            hx_line_unknown(l, NULL, "%s: %s", dp->shippers[i], why);
            return;

        default:
            break;
        }
    }

    if (!hx_ship_usual(path, l)) {
        hx_line_fail(l, HX_SHIP_FIX, "%s is read by no shipper", path);
    }
}


void
hx_item_audit_shipped(const hx_deploy_t *dp, hx_line_t *l)
{
    char        path[HX_SYS_PATH];
    unsigned    i;
    hx_str_t    value;
    hx_trail_t  t;

    if (dp->site.n_locations == 0) {
        hx_line_na(l, "no gated location");
    }

    for (i = 0; i < dp->site.n_locations; i++) {
        if (hx_trail_of(dp, dp->site.locations[i].node, &t) != HX_OK) {
            hx_line_unknown(l, HX_DEPLOY_ENV_FIX, "the environment of nginx is "
                            "not known");

        } else if (t.off) {
            hx_line_na(l, "nothing is recorded");

        } else if (hx_site_param(dp->dump, t.node, "syslog:", &value)) {
            hx_line_pass(l, "%.*s also goes to syslog", hx_arg(t.path));

        } else if (!hx_deploy_path(dp, &t.path, 0, path)) {
            hx_line_unknown(l, "--prefix DIR", "%.*s: its directory is not "
                            "known", hx_arg(t.path));

        } else {
            hx_ship_trail(dp, path, l);
        }
    }
}
