/*
 * hx_redis_block.c -- see the header.  Formatter and reader are hiredis'; the
 * connection is hx_redis_wire.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "hx_redis_block.h"
#include "hx_text.h"


#define HX_REDIS_READ    65536
#define HX_REDIS_MOVED   4              /* redirections that are followed */


struct hx_redis_s {
    const hx_redis_conf_t  *conf;
    hx_wire_t              *wire;
    redisReader            *reader;
    char                    buffer[HX_REDIS_READ];
};

/* An answer as hiredis has made it, and what points into it. */
typedef struct {
    redisReply  *from;
    hx_reply_t   node[];                /* the first is the answer */
} hx_redis_answer_t;


void
hx_redis_free(hx_reply_t *reply)
{
    hx_redis_answer_t  *a;

    if (reply == NULL) {
        return;
    }

    a = (hx_redis_answer_t *) (void *)
            ((char *) reply - offsetof(hx_redis_answer_t, node));
    freeReplyObject(a->from);
    free(a);
}


static size_t
hx_redis_nodes(const redisReply *r)
{
    size_t  i, n;

    n = 1;

    for (i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        n += hx_redis_nodes(r->element[i]);
    }

    return n;
}


/* Of an array the elements lie together; then come theirs. */

static hx_reply_t *
hx_redis_fill(hx_reply_t *node, const redisReply *r, hx_reply_t *next)
{
    size_t       i;
    hx_reply_t  *list;

    node->integer = 0;
    node->text.data = (const unsigned char *) r->str;
    node->text.len = r->str != NULL ? r->len : 0;
    node->n = 0;
    node->element = NULL;

    switch (r->type) {

    case REDIS_REPLY_STRING:
        node->type = HX_REPLY_STRING;
        break;

    case REDIS_REPLY_STATUS:
        node->type = HX_REPLY_STATUS;
        break;

    case REDIS_REPLY_INTEGER:
        node->type = HX_REPLY_INTEGER;
        node->integer = r->integer;
        break;

    case REDIS_REPLY_NIL:
        node->type = HX_REPLY_NIL;
        break;

    case REDIS_REPLY_ARRAY:
        node->type = HX_REPLY_ARRAY;
        node->n = r->elements;
        node->element = list = next;
        next += r->elements;

        for (i = 0; i < r->elements; i++) {
            next = hx_redis_fill(&list[i], r->element[i], next);
        }

        break;

    default:
        node->type = HX_REPLY_ERROR;
    }

    return next;
}


static hx_rc_t
hx_redis_answer(redisReply *r, hx_reply_t **reply, char *err)
{
    hx_redis_answer_t  *a;

    a = malloc(sizeof(hx_redis_answer_t)
               + hx_redis_nodes(r) * sizeof(hx_reply_t));

    if (a == NULL) {
        freeReplyObject(r);
        (void) snprintf(err, HX_FLEET_ERR, "no memory for an answer");
        return HX_FAIL;
    }

    a->from = r;
    (void) hx_redis_fill(&a->node[0], r, &a->node[1]);
    *reply = &a->node[0];

    return HX_OK;
}


static hx_rc_t
hx_redis_say(hx_redis_t *redis, int argc, const char **argv,
    const size_t *argvlen, char *err)
{
    char       *text;
    hx_rc_t     rc;
    long long   len;

    len = redisFormatCommandArgv(&text, argc, argv, argvlen);

    if (len < 0) {
        (void) snprintf(err, HX_FLEET_ERR, "no memory for a command");
        return HX_FAIL;
    }

    rc = hx_wire_write(redis->wire, text, (size_t) len, err);
    redisFreeCommand(text);

    return rc;
}


static hx_rc_t
hx_redis_hear(hx_redis_t *redis, hx_reply_t **reply, char *err)
{
    size_t  n;
    void   *r;

    for ( ;; ) {
        r = NULL;

        if (redisReaderGetReply(redis->reader, &r) != REDIS_OK) {
            (void) snprintf(err, HX_FLEET_ERR, "this is no Redis: %s",
                            redis->reader->errstr);
            return HX_FAIL;
        }

        if (r != NULL) {
            return hx_redis_answer(r, reply, err);
        }

        if (hx_wire_read(redis->wire, redis->buffer, HX_REDIS_READ, &n, err)
            != HX_OK)
        {
            return HX_FAIL;
        }

        if (redisReaderFeed(redis->reader, redis->buffer, n) != REDIS_OK) {
            (void) snprintf(err, HX_FLEET_ERR, "no memory for an answer");
            return HX_FAIL;
        }
    }
}


hx_rc_t
hx_redis_ask(hx_redis_t *redis, const hx_fleet_cmd_t *cmd, hx_reply_t **reply,
    char *err)
{
    *reply = NULL;

    if (hx_redis_say(redis, (int) cmd->argc, cmd->argv, cmd->argvlen, err)
        != HX_OK)
    {
        return HX_FAIL;
    }

    return hx_redis_hear(redis, reply, err);
}


/* A command of words; HX_FAIL for an error that Redis answers, too. */

static hx_rc_t
hx_redis_words(hx_redis_t *redis, int argc, const char **argv,
    hx_reply_t **reply, char *err)
{
    *reply = NULL;

    if (hx_redis_say(redis, argc, argv, NULL, err) != HX_OK
        || hx_redis_hear(redis, reply, err) != HX_OK)
    {
        return HX_FAIL;
    }

    if ((*reply)->type == HX_REPLY_ERROR) {
        (void) snprintf(err, HX_FLEET_ERR, "%s: %.*s", argv[0],
                        (int) ((*reply)->text.len < 160 ? (*reply)->text.len
                                                         : 160),
                        (const char *) (*reply)->text.data);
        hx_redis_free(*reply);
        *reply = NULL;
        return HX_FAIL;
    }

    return HX_OK;
}


static hx_rc_t
hx_redis_auth(hx_redis_t *redis, char *err)
{
    hx_rc_t      rc;
    hx_reply_t  *reply;
    const char  *argv[3];

    if (redis->conf->password[0] == '\0') {
        return HX_OK;
    }

    argv[0] = "AUTH";
    argv[1] = redis->conf->user[0] != '\0' ? redis->conf->user
                                           : redis->conf->password;
    argv[2] = redis->conf->password;

    rc = hx_redis_words(redis, redis->conf->user[0] != '\0' ? 3 : 2, argv,
                        &reply, err);
    hx_redis_free(reply);

    return rc;
}


static hx_rc_t
hx_redis_select(hx_redis_t *redis, char *err)
{
    char         db[16];
    hx_rc_t      rc;
    hx_reply_t  *reply;
    const char  *argv[2];

    if (redis->conf->db == 0) {
        return HX_OK;
    }

    (void) snprintf(db, sizeof(db), "%u", redis->conf->db);
    argv[0] = "SELECT";
    argv[1] = db;
    rc = hx_redis_words(redis, 2, argv, &reply, err);
    hx_redis_free(reply);

    return rc;
}


void
hx_redis_close(hx_redis_t *redis)
{
    if (redis == NULL) {
        return;
    }

    hx_wire_close(redis->wire);
    redisReaderFree(redis->reader);
    free(redis);
}


/* sentinel: a password is for the master, where the sentinel wants none. */

static hx_rc_t
hx_redis_connect(hx_redis_t **out, const hx_redis_conf_t *conf,
    const hx_redis_host_t *host, int sentinel, char *err)
{
    hx_rc_t      rc;
    hx_redis_t  *redis;

    *out = NULL;

    redis = calloc(1, sizeof(hx_redis_t));
    if (redis != NULL) {
        redis->reader = redisReaderCreate();
    }

    if (redis == NULL || redis->reader == NULL) {
        free(redis);
        (void) snprintf(err, HX_FLEET_ERR, "no memory");
        return HX_FAIL;
    }

    redis->conf = conf;
    rc = hx_wire_open(&redis->wire, conf, host, err);

    if (rc == HX_OK && !sentinel) {
        rc = hx_redis_auth(redis, err);

        if (rc == HX_OK) {
            rc = hx_redis_select(redis, err);
        }
    }

    if (rc != HX_OK) {
        hx_redis_close(redis);
        return HX_FAIL;
    }

    *out = redis;

    return HX_OK;
}


static int
hx_redis_copy_name(hx_redis_host_t *host, const hx_reply_t *name)
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
hx_redis_sentinel(const hx_redis_conf_t *conf, const hx_redis_host_t *host,
    hx_redis_host_t *master, char *err)
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
            (void) snprintf(err, HX_FLEET_ERR, "%s:%u: no master of that name",
                            host->name, host->port);
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


static hx_rc_t
hx_redis_by_sentinel(hx_redis_t **redis, const hx_redis_conf_t *conf,
    char *err)
{
    unsigned         i;
    hx_redis_host_t  master;

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
    hx_redis_host_t *host, char *err)
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


static hx_rc_t
hx_redis_by_cluster(hx_redis_t **redis, const hx_redis_conf_t *conf, char *err)
{
    hx_rc_t           rc;
    unsigned          i, moved;
    hx_str_t          prefix;
    hx_fleet_cmd_t    cmd;
    hx_redis_host_t   host;
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


hx_rc_t
hx_redis_open(hx_redis_t **redis, const hx_redis_conf_t *conf, char *err)
{
    *redis = NULL;

    switch (conf->kind) {

    case HX_REDIS_SENTINEL:
        return hx_redis_by_sentinel(redis, conf, err);

    case HX_REDIS_CLUSTER:
        return hx_redis_by_cluster(redis, conf, err);

    default:
        return hx_redis_connect(redis, conf, &conf->host[0], 0, err);
    }
}
