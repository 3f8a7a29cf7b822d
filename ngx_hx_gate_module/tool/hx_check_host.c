/*
 * hx_check_host.c -- around the gate: are images pinned, and are security
 * updates installed?
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hx_check_items.h"
#include "hx_check_text.h"

#define HX_IMAGES_FILE     4194304      /* bytes */
#define HX_IMAGES_FIX      "image: NAME@sha256:DIGEST (docker buildx " \
                           "imagetools inspect NAME:TAG tells it)"
#define HX_UPDATES_MAX     16777216     /* bytes of what apt-get says */
#define HX_UPDATES_TIME    60000        /* ms */
#define HX_UPDATES_OLD     (7 * 86400)  /* seconds, of the lists */
#define HX_UPDATES_NAMED   5


static int
hx_images_docker(const char *path)
{
    const char  *name;

    name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;

    return strstr(name, "ockerfile") != NULL
           || strstr(name, "ontainerfile") != NULL;
}


/* How many references; the file's own failures go to the line. */

static unsigned
hx_images_file(const char *path, hx_line_t *l)
{
    char            why[HX_SYS_WHY];
    size_t          len;
    unsigned        n;
    hx_str_t        ref;
    hx_images_t     im;
    unsigned char  *data;

    if (hx_sys_read(path, HX_IMAGES_FILE, &data, &len, why) != HX_OK) {
        hx_line_unknown(l, NULL, "%s: %s", path, why);
        return 0;
    }

    memset(&im, 0, sizeof(im));
    im.text.data = data;
    im.text.len = len;
    im.docker = hx_images_docker(path) != 0;

    for (n = 0; hx_image_next(&im, &ref); n++) {
        if (!hx_image_pinned(&ref)) {
            hx_line_fail(l, HX_IMAGES_FIX, "%s:%u: %.*s%s", path, im.line,
                         ref.len < 200 ? (int) ref.len : 200,
                         (const char *) ref.data,
                         ref.len == 0 ? "an image without a reference"
                                      : " has no digest");
        }
    }

    free(data);

    return n;
}


void
hx_item_images(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned  i, n;

    if (dp->n_images == 0) {
        hx_line_na(l, "no file of images was given (--images)");
        return;
    }

    for (i = 0, n = 0; i < dp->n_images; i++) {
        n += hx_images_file(dp->images[i], l);
    }

    if (n == 0) {
        hx_line_na(l, "the files name no image");

    } else {
        hx_line_pass(l, "%u image%s pinned by digest", n,
                     n == 1 ? " is" : "s are");
    }
}


/* When apt last got its lists: the youngest of what lies there; 0: none. */

static time_t
hx_updates_when(const char *dir)
{
    DIR            *d;
    char            path[HX_SYS_PATH];
    time_t          when;
    unsigned        lists;
    struct stat     st;
    struct dirent  *e;

    if (stat(dir, &st) != 0 || (d = opendir(dir)) == NULL) {
        return 0;
    }

    when = st.st_mtime;
    lists = 0;

    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, "..") == 0) {
            continue;
        }

        (void) snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);

        if (stat(path, &st) != 0) {
            continue;
        }

        lists |= S_ISREG(st.st_mode) && strstr(e->d_name, "Release") != NULL;

        if (st.st_mtime > when) {
            when = st.st_mtime;
        }
    }

    (void) closedir(d);

    return lists ? when : 0;
}


static void
hx_updates_read(const hx_sys_command_t *c, hx_line_t *l)
{
    char      names[HX_LINE_TEXT];
    size_t    pos, at;
    unsigned  n;
    hx_str_t  text, line, package;

    text.data = c->out;
    text.len = c->len;
    names[0] = '\0';

    for (pos = 0, at = 0, n = 0; hx_scan_line(&text, &pos, &line); /* void */ )
    {
        if (!hx_apt_security(&line, &package)) {
            continue;
        }

        if (n++ < HX_UPDATES_NAMED && package.len < 100) {
            at += (size_t) snprintf(names + at, sizeof(names) - at, "%s%.*s",
                                    at != 0 ? ", " : "", hx_arg(package));
        }
    }

    if (n != 0) {
        hx_line_fail(l, "apt-get upgrade", "%u security update%s not installed:"
                     " %s%s", n, n == 1 ? " is" : "s are", names,
                     n > HX_UPDATES_NAMED ? ", ..." : "");

    } else {
        hx_line_pass(l, "no security update is waiting");
    }
}


void
hx_item_updates(const hx_deploy_t *dp, hx_line_t *l)
{
    char              why[HX_SYS_WHY];
    time_t            when, now;
    hx_rc_t           rc;
    hx_sys_command_t  c;

    /* dist-upgrade: a new kernel is a package of another name */

    static const char *const  argv[] = {
        "apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade", NULL
    };

    memset(&c, 0, sizeof(c));
    c.argv = (char **) argv;
    c.max = HX_UPDATES_MAX;
    c.timeout = HX_UPDATES_TIME;

    rc = hx_sys_run(&c, why);

    if (rc == HX_NO) {
        hx_line_na(l, "there is no apt-get");

    } else if (rc != HX_OK || c.status != 0) {
        hx_line_unknown(l, "apt-get -s dist-upgrade says why", "apt-get: %s",
                        rc != HX_OK ? why : "it fails");

    } else {
        when = hx_updates_when(dp->apt_lists);
        now = time(NULL);

        if (when < now - HX_UPDATES_OLD) {
            hx_line_fail(l, "apt-get update", "the package lists are %s",
                         when == 0 ? "not there" : "older than 7 days");

        } else {
            hx_updates_read(&c, l);
        }
    }

    free(c.out);
}
