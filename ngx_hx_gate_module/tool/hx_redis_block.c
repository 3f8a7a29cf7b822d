/*
 * hx_redis_block.c -- see the header.  Formatter and reader are hiredis'; the
 * connection is hx_redis_wire.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "hx_redis_impl.h"


#define HX_REDIS_READ    65536


struct hx_redis_s {
    const hx_redis_target_t  *conf;
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


hx_rc_t
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


hx_rc_t
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


hx_rc_t
hx_redis_connect(hx_redis_t **out, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, int sentinel, char *err)
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


hx_rc_t
hx_redis_open(hx_redis_t **redis, const hx_redis_target_t *conf, char *err)
{
    *redis = NULL;

    switch (conf->kind) {

    case HX_REDIS_KIND_SENTINEL:
        return hx_redis_by_sentinel(redis, conf, err);

    case HX_REDIS_KIND_CLUSTER:
        return hx_redis_by_cluster(redis, conf, err);

    default:
        return hx_redis_connect(redis, conf, &conf->host[0], 0, err);
    }
}
