/*
 * hx_test_fleet_usage.h -- the scripts of usage in a redis-server of the test's
 * own: pushes and pulls in a line each.
 */

#ifndef HX_TEST_FLEET_USAGE_H
#define HX_TEST_FLEET_USAGE_H

#include "hx_test_redis.h"
#include "hx_test_usage.h"

#include "hx_fleet_usage.h"

#define TEST_CUTOFF   197001

static hx_fleet_usage_names_t  names;
static char                    err[HX_FLEET_ERR];

/* As loaded; redis_page: of a pull, and 0 = as the command has it. */
static char                    redis_push[HX_FLEET_SHA1 + 1];
static char                    redis_pull[HX_FLEET_SHA1 + 1];
static unsigned                redis_page;

static const hx_epoch_t        zero = {
    0, { [0 ... HX_EPOCH_TOKEN - 1] = '0' }
};


static inline void
test_token(unsigned char token[HX_EPOCH_TOKEN])
{
    unsigned  i;

    for (i = 0; i < HX_EPOCH_TOKEN; i++) {
        token[i] = (unsigned char) "0123456789abcdef"[test_below(16)];
    }
}


/* keep: heads, 0 = as many as the script says. */
static inline void
redis_load_usage(unsigned keep)
{
    size_t   size;
    char    *text, line[64];

    size = strlen(hx_fleet_usage_push_script) + 64;
    text = malloc(size);
    assert_non_null(text);
    (void) snprintf(text, size, "%s", hx_fleet_usage_push_script);

    if (keep != 0) {
        (void) snprintf(line, sizeof(line), "local KEEP = %u\n", keep);
        redis_replace(text, size, "local KEEP = 10000\n", line);
    }

    redis_load(text);
    memcpy(redis_push, redis_sha1, sizeof(redis_push));
    free(text);

    redis_load(hx_fleet_usage_pull_script);
    memcpy(redis_pull, redis_sha1, sizeof(redis_pull));
}


static inline redisReply *
redis_eval(const char *sha1, hx_fleet_cmd_t *cmd)
{
    size_t        i, len[3 + 3 + 3 + 3 * HX_FLEET_USAGE_ROWS];
    redisReply   *reply;
    const char   *arg[3 + 3 + 3 + 3 * HX_FLEET_USAGE_ROWS];

    arg[0] = "EVALSHA";
    arg[1] = sha1;
    arg[2] = "3";

    for (i = 0; i < 3; i++) {
        len[i] = strlen(arg[i]);
    }

    assert_true(cmd->argc + 3 <= hx_nelts(arg));

    for (i = 0; i < cmd->argc; i++) {
        arg[3 + i] = cmd->argv[i];
        len[3 + i] = cmd->argvlen[i];
    }

    reply = redisCommandArgv(redis, (int) cmd->argc + 3, arg, len);
    assert_non_null(reply);
    hx_fleet_cmd_free(cmd);

    return reply;
}


/* The same answer without hiredis; elements lie in "pool". */
static inline hx_reply_t
redis_said(const redisReply *r)
{
    size_t              i;
    hx_reply_t          reply, *list;
    static size_t       used;
    static hx_reply_t   pool[4096];

    memset(&reply, 0, sizeof(hx_reply_t));

    switch (r->type) {

    case REDIS_REPLY_STRING:
        reply.type = HX_REPLY_STRING;
        break;

    case REDIS_REPLY_INTEGER:
        reply.type = HX_REPLY_INTEGER;
        reply.integer = r->integer;
        return reply;

    case REDIS_REPLY_ARRAY:
        reply.type = HX_REPLY_ARRAY;
        used = used + r->elements > hx_nelts(pool) ? 0 : used;
        list = pool + used;
        used += r->elements;

        for (i = 0; i < r->elements; i++) {
            list[i] = redis_said(r->element[i]);
        }

        reply.element = list;
        reply.n = r->elements;
        return reply;

    default:
        reply.type = HX_REPLY_ERROR;
    }

    reply.text.data = (const unsigned char *) r->str;
    reply.text.len = r->len;

    return reply;
}


static inline hx_fleet_usage_pushed_t
redis_push_rows(const hx_epoch_t *pushed, unsigned cutoff,
    const hx_usage_raw_t *row, size_t n)
{
    hx_reply_t                reply;
    redisReply               *r;
    unsigned char             token[HX_EPOCH_TOKEN];
    hx_fleet_cmd_t            cmd;
    hx_fleet_usage_pushed_t   answer;

    test_token(token);
    assert_int_equal(hx_fleet_usage_push(&cmd, &names, pushed, token, cutoff,
                                         row, n), HX_OK);
    r = redis_eval(redis_push, &cmd);
    reply = redis_said(r);

    if (hx_fleet_usage_pushed(&reply, token, n, &answer, err) != HX_OK) {
        fail_msg("%s", err);
    }

    freeReplyObject(r);

    return answer;
}


/* The page points into the answer. */
static inline redisReply *
redis_pull_rows(const hx_epoch_t *cursor, const hx_epoch_t *pushed,
    hx_fleet_usage_page_t *page)
{
    char             number[16];
    hx_reply_t       reply;
    redisReply      *r;
    hx_fleet_cmd_t   cmd;

    assert_int_equal(hx_fleet_usage_pull(&cmd, &names, cursor, pushed), HX_OK);

    if (redis_page != 0) {
        (void) snprintf(number, sizeof(number), "%u", redis_page);
        cmd.argv[5] = number;
        cmd.argvlen[5] = strlen(number);
    }

    r = redis_eval(redis_pull, &cmd);
    reply = redis_said(r);

    if (hx_fleet_usage_pulled(&reply, cursor, page, err) != HX_OK) {
        fail_msg("%s", err);
    }

    return r;
}


static inline void
redis_do(const char *format, const char *arg)
{
    freeReplyObject(redis_reply(redisCommand(redis, format, arg)));
}

#endif /* HX_TEST_FLEET_USAGE_H */
