/*
 * hx_redis_find.c -- which Redis is meant: a sentinel says where its master is,
 * a cluster which node has the keys; see hx_redis_block.h.
 */

#include <stdio.h>
#include <string.h>

#include "hx_redis_impl.h"
#include "hx_text.h"


#define HX_REDIS_MOVED   4              /* redirections that are followed */


static int
hx_redis_copy_name(hx_redis_peer_t *host, const hx_reply_t *name)
{
    if (name->text.len == 0 || name->text.len >= sizeof(host->name)) {
        return 0;
    }

    memcpy(host->name, name->text.data, name->text.len);
    host->name[name->text.len] = '\0';

    return 1;
}


/* Where one sentinel says that the master is. */

static hx_rc_t
hx_redis_sentinel(const hx_redis_target_t *conf, const hx_redis_peer_t *host,
    hx_redis_peer_t *master, char *err)
{
    hx_rc_t            rc;
    uint64_t           port;
    hx_redis_t        *s;
    hx_reply_t        *reply;
    const hx_reply_t  *e;
    const char        *argv[3];

    if (hx_redis_connect(&s, conf, host, 1, err) != HX_OK) {
        return HX_FAIL;
    }

    argv[0] = "SENTINEL";
    argv[1] = "get-master-addr-by-name";
    argv[2] = conf->master;
    rc = hx_redis_words(s, 3, argv, &reply, err);

    if (rc != HX_OK && strstr(err, "NOAUTH") != NULL) {
        rc = hx_redis_auth(s, err);

        if (rc == HX_OK) {
            rc = hx_redis_words(s, 3, argv, &reply, err);
        }
    }

    if (rc == HX_OK) {
        e = reply->element;

        if (reply->type == HX_REPLY_ARRAY && reply->n == 2
            && hx_redis_copy_name(master, &e[0])
            && hx_text_parse_u64(e[1].text.data, e[1].text.len, 65535, &port)
               == HX_OK)
        {
            master->port = (unsigned) port;

        } else {
            (void) snprintf(err, HX_FLEET_ERR, "%.200s:%u: no master of that "
                            "name", host->name, host->port);
            rc = HX_FAIL;
        }
    }

    hx_redis_free(reply);
    hx_redis_close(s);

    return rc;
}


/* A sentinel may not know yet that its master is none any more. */

static hx_rc_t
hx_redis_is_master(hx_redis_t *redis, char *err)
{
    hx_rc_t      rc;
    hx_reply_t  *reply;
    const char  *argv[1];

    argv[0] = "ROLE";
    rc = hx_redis_words(redis, 1, argv, &reply, err);

    if (rc == HX_OK
        && (reply->type != HX_REPLY_ARRAY || reply->n == 0
            || !hx_text_is(&reply->element[0].text, "master")))
    {
        (void) snprintf(err, HX_FLEET_ERR, "the sentinel's master is none");
        rc = HX_FAIL;
    }

    hx_redis_free(reply);

    return rc;
}


hx_rc_t
hx_redis_by_sentinel(hx_redis_t **redis, const hx_redis_target_t *conf,
    char *err)
{
    unsigned         i;
    hx_redis_peer_t  master;

    for (i = 0; i < conf->n_hosts; i++) {
        if (hx_redis_sentinel(conf, &conf->host[i], &master, err) != HX_OK
            || hx_redis_connect(redis, conf, &master, 0, err) != HX_OK)
        {
            continue;
        }

        if (hx_redis_is_master(*redis, err) == HX_OK) {
            return HX_OK;
        }

        hx_redis_close(*redis);
        *redis = NULL;
    }

    return HX_FAIL;
}


/*
 * HX_OK: this node has the keys; HX_NO: *host has them, it says; HX_FAIL.  An
 * empty name is the node that was asked.
 */

static hx_rc_t
hx_redis_moved(hx_redis_t *redis, const hx_fleet_cmd_t *cmd,
    hx_redis_peer_t *host, char *err)
{
    char         text[HX_REDIS_TEXT], *name, *colon;
    size_t       n;
    uint64_t     port;
    hx_reply_t  *reply;

    if (hx_redis_ask(redis, cmd, &reply, err) != HX_OK) {
        return HX_FAIL;
    }

    if (reply->type != HX_REPLY_ERROR
        || !hx_text_begins(&reply->text, "MOVED "))
    {
        hx_redis_free(reply);
        return HX_OK;
    }

    n = reply->text.len < sizeof(text) ? reply->text.len : sizeof(text) - 1;
    memcpy(text, reply->text.data, n);
    text[n] = '\0';
    hx_redis_free(reply);

    name = strchr(text + 6, ' ');
    colon = name != NULL ? strrchr(name, ':') : NULL;

    if (colon == NULL
        || hx_text_parse_u64((unsigned char *) colon + 1, strlen(colon + 1),
                             65535, &port)
           != HX_OK)
    {
        (void) snprintf(err, HX_FLEET_ERR, "the cluster says no address");
        return HX_FAIL;
    }

    *colon = '\0';
    host->port = (unsigned) port;

    if (name[1] != '\0') {
        (void) snprintf(host->name, sizeof(host->name), "%s", name + 1);
    }

    return HX_NO;
}


hx_rc_t
hx_redis_by_cluster(hx_redis_t **redis, const hx_redis_target_t *conf,
    char *err)
{
    hx_rc_t           rc;
    unsigned          i, moved;
    hx_str_t          prefix;
    hx_fleet_cmd_t    cmd;
    hx_redis_peer_t   host;
    hx_fleet_names_t  names;

    prefix.data = (const unsigned char *) conf->prefix;
    prefix.len = strlen(conf->prefix);

    if (hx_fleet_names(&names, &prefix) != HX_OK
        || hx_fleet_ask_epoch(&cmd, &names) != HX_OK)
    {
        (void) snprintf(err, HX_FLEET_ERR, "bad prefix");
        return HX_FAIL;
    }

    rc = HX_FAIL;

    for (i = 0; i < conf->n_hosts && rc != HX_OK; i++) {
        host = conf->host[i];
        rc = HX_NO;

        for (moved = 0; rc == HX_NO && moved < HX_REDIS_MOVED; moved++) {
            rc = hx_redis_connect(redis, conf, &host, 0, err);

            if (rc == HX_OK) {
                rc = hx_redis_moved(*redis, &cmd, &host, err);
            }

            if (rc != HX_OK) {
                hx_redis_close(*redis);
                *redis = NULL;
            }
        }
    }

    hx_fleet_cmd_free(&cmd);

    if (rc == HX_NO) {
        (void) snprintf(err, HX_FLEET_ERR, "the cluster redirects for ever");
    }

    return rc == HX_OK ? HX_OK : HX_FAIL;
}
