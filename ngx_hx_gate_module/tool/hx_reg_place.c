/*
 * hx_reg_place.c -- places of hx-gate-registry: lmdb:DIR, or an address of
 * Redis and its options; see hx_reg.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_crypto.h"
#include "hx_reg.h"
#include "hx_replica.h"


#define HX_REG_READERS   126


static hx_rc_t
hx_place_fail(hx_place_t *p, const char *text)
{
    (void) snprintf(p->err, sizeof(p->err), "%s", text);

    return HX_FAIL;
}


hx_rc_t
hx_place_parse(hx_place_t *p, const char *name, char **words, int *n,
    const hx_reg_opt_t *opt)
{
    int       i;
    hx_rc_t   rc;
    hx_str_t  prefix;

    memset(p, 0, sizeof(hx_place_t));
    p->name = name;
    p->opt = opt;

    if (strncmp(words[0], "lmdb:", 5) == 0) {
        *n = 1;

        if (words[0][5] == '\0' || strlen(words[0] + 5) >= sizeof(p->dir)) {
            return hx_place_fail(p, "lmdb: takes a directory");
        }

        (void) snprintf(p->dir, sizeof(p->dir), "%s", words[0] + 5);

        return HX_OK;
    }

    if (hx_redis_target(&p->conf, words[0], p->err) != HX_OK) {
        return HX_FAIL;
    }

    for (i = 1; words[i] != NULL; i++) {
        rc = hx_redis_option(&p->conf, words[i], p->err);

        if (rc == HX_FAIL) {
            return HX_FAIL;
        }

        if (rc == HX_NO) {
            break;
        }
    }

    *n = i;

    prefix.data = (const unsigned char *) p->conf.prefix;
    prefix.len = strlen(p->conf.prefix);

    if (hx_fleet_names(&p->names, &prefix) != HX_OK) {
        return hx_place_fail(p, "prefix= takes printable characters but "
                             "braces");
    }

    return HX_OK;
}


static hx_rc_t
hx_place_lmdb(hx_place_t *p, int make)
{
    hx_registry_conf_t  conf;

    memset(&conf, 0, sizeof(hx_registry_conf_t));
    conf.dir = p->dir;
    conf.map_size = p->opt->map_size;
    conf.max_readers = HX_REG_READERS;
    conf.existing = !make;

    return hx_registry_open(&p->reg, &conf, p->err);
}


/* A directory of our own, in memory where there is such a place. */

static hx_rc_t
hx_place_tmp(hx_place_t *p)
{
    const char  *tmp;

    tmp = p->opt->tmp;

    if (tmp == NULL) {
        tmp = getenv("TMPDIR");
    }

    if (tmp == NULL || *tmp == '\0') {
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }

    if ((size_t) snprintf(p->tmp, sizeof(p->tmp), "%s/hx-registry-XXXXXX", tmp)
        >= sizeof(p->tmp)
        || mkdtemp(p->tmp) == NULL)
    {
        p->tmp[0] = '\0';
        (void) snprintf(p->err, sizeof(p->err), "a directory in %.150s: %s",
                        tmp, strerror(errno));
        return HX_FAIL;
    }

    return HX_OK;
}


void
hx_place_clean(const char *dir)
{
    char      path[HX_REG_PATH + 16];
    unsigned  i;

    static const char *const  names[] = {
        "data.mdb", "lock.mdb", "open.lock", "load.lock"
    };

    if (dir[0] == '\0') {
        return;
    }

    for (i = 0; i < hx_nelts(names); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void) unlink(path);
    }

    (void) rmdir(dir);
}


hx_rc_t
hx_place_open(hx_place_t *p, int make)
{
    hx_registry_conf_t  conf;

    if (p->dir[0] != '\0') {
        return hx_place_lmdb(p, make);
    }

    if (hx_redis_open(&p->redis, &p->conf, p->err) != HX_OK
        || hx_place_tmp(p) != HX_OK)
    {
        return HX_FAIL;
    }

    memset(&conf, 0, sizeof(hx_registry_conf_t));
    conf.dir = p->tmp;
    conf.map_size = HX_REG_TMP_MAP;
    conf.max_readers = HX_REG_READERS;
    conf.replica = 1;

    if (hx_registry_open(&p->reg, &conf, p->err) != HX_OK) {
        return HX_FAIL;
    }

    return hx_place_load(p);
}


void
hx_place_close(hx_place_t *p)
{
    hx_registry_close(p->reg);
    hx_redis_close(p->redis);
    hx_place_clean(p->tmp);
    hx_reg_set_free(&p->touched);
    hx_cleanse(p->conf.password, sizeof(p->conf.password));
}
