/*
 * hx_test_redis.h -- a redis-server of a test's own, in the test's directory
 * and on a socket there, never on a port; it ends with the test, however that
 * ends.  And the limits' script in it, as it is or with the test's own clock.
 */

#ifndef HX_TEST_REDIS_H
#define HX_TEST_REDIS_H

#include "hx_test_dir.h"

#include <hiredis/hiredis.h>

#include "hx_fleet_limit.h"

static pid_t          redis_pid;
static redisContext  *redis;

/* The clock of the script that redis_load_clocked() loads: us; 1 = this is but
 * a look ahead, no key expires; and its text's SHA-1. */
static uint64_t  redis_now;
static int       redis_ahead;
static char      redis_sha1[HX_FLEET_LIMIT_SHA1 + 1];


static inline int
redis_start(void **state)
{
    int          i;
    const char  *socket;

    if (test_dir_make(state) != 0) {
        return 1;
    }

    socket = test_path("redis");
    redis_pid = fork();

    if (redis_pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) execlp("redis-server", "redis-server", "--port", "0",
                      "--unixsocket", socket, "--save", "", "--appendonly",
                      "no", "--dir", test_dir, "--logfile",
                      "redis.log", (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 500; i++) {
        redis = redisConnectUnix(socket);

        if (redis != NULL && redis->err == 0) {
            return 0;
        }

        redisFree(redis);
        (void) usleep(10000);
    }

    return 1;
}


static inline int
redis_stop(void **state)
{
    redisFree(redis);
    (void) kill(redis_pid, SIGKILL);
    (void) waitpid(redis_pid, NULL, 0);

    return test_dir_remove(state);
}


static inline redisReply *
redis_reply(redisReply *reply)
{
    assert_non_null(reply);

    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("redis: %s", reply->str);
    }

    return reply;
}


/* An integer answer; -1 = it is none. */
static inline long long
redis_integer(const char *format, const char *key)
{
    long long    n;
    redisReply  *reply;

    reply = redis_reply(redisCommand(redis, format, key));
    n = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);

    return n;
}


static inline void
redis_flush(void)
{
    freeReplyObject(redis_reply(redisCommand(redis, "FLUSHALL")));
}


static inline void
redis_load(const char *text)
{
    redisReply  *reply;

    reply = redis_reply(redisCommand(redis, "SCRIPT LOAD %s", text));
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    (void) snprintf(redis_sha1, sizeof(redis_sha1), "%s", reply->str);
    freeReplyObject(reply);
}


static inline void
redis_replace(char *text, size_t size, const char *what, const char *by)
{
    char   *at, *rest;

    at = strstr(text, what);
    assert_non_null(at);
    assert_null(strstr(at + 1, what));

    rest = strdup(at + strlen(what));
    assert_non_null(rest);
    assert_true((size_t) (at - text) + strlen(by) + strlen(rest) < size);
    (void) memcpy(at, by, strlen(by));
    (void) memcpy(at + strlen(by), rest, strlen(rest) + 1);
    free(rest);
}


/*
 * The same text, but TIME is the last argument, and keys expire by that, too:
 * when they are due is written down, and looked up before anything else.
 */
static inline void
redis_load_clocked(void)
{
    size_t   size;
    char    *text;

    static const char  clock[] =
        "local at = tonumber(ARGV[#ARGV])\n"
        "for _, k in ipairs(KEYS) do\n"
        "  local due = tonumber(redis.call('HGET', 'due', k) or at + 1)\n"
        "  if ARGV[#ARGV - 1] == '0' and due <= at then\n"
        "    redis.call('DEL', k)\n"
        "    redis.call('HDEL', 'due', k)\n"
        "  end\n"
        "end\n"
        "local clock = {math.floor(at / 1000000), at % 1000000}\n";

    size = strlen(hx_fleet_limit_script) + 1024;
    text = malloc(size);
    assert_non_null(text);
    (void) snprintf(text, size, "%s", hx_fleet_limit_script);

    redis_replace(text, size, "local clock = redis.call('TIME')\n", clock);
    redis_replace(text, size,
                  "redis.call('PEXPIRE', key, int(ceil(us / 1000) + 1))",
                  "redis.call('HSET', 'due', key,\n"
                  "    int(real + (ceil(us / 1000) + 1) * 1000))");
    redis_load(text);
    free(text);
}


/* Asks, by the clock of the test or (redis_sha1 is empty) by Redis' own. */
static inline hx_fleet_limit_answer_t
redis_ask(const hx_fleet_limit_ask_t *ask)
{
    size_t                   i;
    int64_t                  value[HX_FLEET_LIMIT_ANSWER];
    redisReply              *reply;
    hx_fleet_limit_cmd_t     cmd;
    hx_fleet_limit_answer_t  answer;

    assert_int_equal(hx_fleet_limit_command(&cmd, ask, 0), HX_OK);

    if (redis_sha1[0] != '\0') {
        cmd.argv[1] = redis_sha1;
        cmd.argv[cmd.argc] = redis_ahead ? "1" : "0";
        cmd.argvlen[cmd.argc] = 1;
        cmd.argc++;
        cmd.argv[cmd.argc] = cmd.number[0];
        cmd.argvlen[cmd.argc] = (size_t) snprintf(cmd.number[0], 24, "%llu",
                                                  (unsigned long long)
                                                  redis_now);
        cmd.argc++;
    }

    reply = redis_reply(redisCommandArgv(redis, cmd.argc, cmd.argv,
                                         cmd.argvlen));
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, HX_FLEET_LIMIT_ANSWER);

    for (i = 0; i < reply->elements; i++) {
        assert_int_equal(reply->element[i]->type, REDIS_REPLY_INTEGER);
        value[i] = reply->element[i]->integer;
    }

    assert_int_equal(hx_fleet_limit_answer(&answer, ask, value,
                                           reply->elements), HX_OK);
    freeReplyObject(reply);

    return answer;
}

#endif /* HX_TEST_REDIS_H */
