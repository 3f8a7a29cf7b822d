/*
 * hx_fleet_limit_test.c -- the limits' script, its command and its answer, in a
 * real Redis and by its clock: what is taken and given back, quotas, two
 * windows, keys and when they expire, what a tenant takes up, and what is not
 * asked or believed.  Windows are held against a model by
 * hx_fleet_limit_model_test.c.
 */

#include "hx_test_redis.h"

#include <inttypes.h>
#include <openssl/sha.h>

static hx_fleet_limit_ask_t     ask;
static hx_fleet_limit_answer_t  answer;


static void
begin(uint32_t requests, uint32_t window_s)
{
    redis_flush();
    redis_load(hx_fleet_limit_script);
    assert_string_equal(redis_sha1, hx_fleet_limit_sha1);
    redis_sha1[0] = '\0';

    memset(&ask, 0, sizeof(ask));
    ask.prefix = test_str("hx-gate");
    ask.tenant = test_str("acme");
    ask.node = test_str("n1");
    ask.permits = 1;
    ask.permits_min = 1;
    ask.quota = UINT64_MAX;
    ask.window[0].requests = requests;
    ask.window[0].window_s = window_s;
}


static void
take(uint32_t permits)
{
    ask.mode = HX_FLEET_LIMIT_TAKE;
    ask.permits = permits;
    answer = redis_ask(&ask);
}


static void
the_digest_is_of_the_text(void **state)
{
    size_t         i;
    char           hex[HX_FLEET_LIMIT_SHA1 + 1];
    unsigned char  digest[20];

    (void) SHA1((const unsigned char *) hx_fleet_limit_script,
                strlen(hx_fleet_limit_script), digest);

    for (i = 0; i < sizeof(digest); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }

    assert_string_equal(hx_fleet_limit_sha1, hex);
}


static void
questions_have_bounds(void **state)
{
    hx_fleet_limit_ask_t  good;
    hx_fleet_limit_cmd_t  cmd;

    begin(10, 60);
    good = ask;
    assert_int_equal(hx_fleet_limit_command(&cmd, &ask, 1), HX_OK);
    assert_string_equal(cmd.argv[0], "EVAL");
    assert_ptr_equal(cmd.argv[1], hx_fleet_limit_script);
    assert_string_equal(cmd.argv[3], "{hx-gate:acme}:l");
    assert_string_equal(cmd.argv[5], "{hx-gate:acme}:w");

#define REFUSED(change)                                                       \
    ask = good;                                                               \
    change;                                                                   \
    assert_int_equal(hx_fleet_limit_command(&cmd, &ask, 0), HX_NO)

    REFUSED(ask.prefix.len = 0);
    REFUSED(ask.prefix = test_str("a}b"));
    REFUSED(ask.tenant = test_str("a}b"));
    REFUSED(ask.tenant.len = HX_TENANT_MAX + 1);
    REFUSED(ask.tenant.len = 0);
    REFUSED(ask.node.len = HX_FLEET_LIMIT_NODE + 1);
    REFUSED(ask.permits_min = 0);
    REFUSED(ask.permits_min = 2);
    REFUSED(ask.tenths_min = 1);
    REFUSED(ask.quota = 5);
    REFUSED(ask.month = 1000000);
    REFUSED(ask.window[0].window_s = 0);
    REFUSED(ask.window[1].requests = 1);
    REFUSED(ask.window[0].window_s = HX_WINDOW_SECONDS_MAX + 1);

    /* all that is longest */
    ask = good;
    ask.prefix.len = HX_FLEET_LIMIT_PREFIX;
    ask.prefix.data = (const unsigned char *)
        "0123456789012345678901234567890123456789012345678901234567890123";
    ask.tenant = ask.prefix;
    ask.node = ask.prefix;
    ask.month = 202611;
    ask.quota = UINT64_MAX - 1;
    ask.known = UINT64_MAX;
    ask.ticket = UINT64_MAX;
    ask.window[1] = ask.window[0];
    assert_int_equal(hx_fleet_limit_command(&cmd, &ask, 0), HX_OK);
    assert_true(cmd.argc <= HX_FLEET_LIMIT_ARGC);
    assert_int_equal(strlen(cmd.key[1]), cmd.argvlen[4]);
    assert_string_equal(cmd.key[1] + cmd.argvlen[4] - 9, ":q:202611");
}


static void
answers_are_not_believed_blindly(void **state)
{
    size_t   i;
    int64_t  v[HX_FLEET_LIMIT_ANSWER] = { 0, 1, 0, 10, 9, 1, 0, 0, 0, 0 };

    begin(10, 60);
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_OK);
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 9), HX_FAIL);

    for (i = 0; i < 10; i++) {
        int64_t  was = v[i];

        v[i] = -1;
        assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
        v[i] = was;
    }

    v[0] = 3;
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
    v[0] = 1;
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
    v[0] = 0;
    v[1] = 2;
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
    v[1] = 0;
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
    v[1] = 1;
    v[8] = 1;
    assert_int_equal(hx_fleet_limit_answer(&answer, &ask, v, 10), HX_FAIL);
}


static void
permits_and_their_rest(void **state)
{
    uint64_t  first;

    begin(100, 60);
    ask.life = 2000;
    take(60);
    assert_int_equal(answer.permits, 60);
    assert_int_equal(answer.remaining, 40);
    assert_int_equal(answer.limit, 100);
    assert_int_equal(answer.life, 2000);
    first = answer.ticket;

    ask.node = test_str("n2");
    take(60);
    assert_int_equal(answer.permits, 40);
    take(60);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
    assert_true(answer.retry > 60000 && answer.retry < 63000);

    /* another's ticket, a wrong one, more than there was, and twice */
    ask.mode = HX_FLEET_LIMIT_GIVE;
    ask.permits = 70;
    ask.ticket = first;
    assert_int_equal(redis_ask(&ask).permits, 0);
    ask.node = test_str("n1");
    ask.ticket = first - 1;
    assert_int_equal(redis_ask(&ask).permits, 0);
    ask.ticket = first;
    assert_int_equal(redis_ask(&ask).permits, 60);
    assert_int_equal(redis_ask(&ask).permits, 0);

    ask.permits_min = 61;
    take(70);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
    ask.permits_min = 60;
    take(70);
    assert_int_equal(answer.permits, 60);
}


static void
quotas(void **state)
{
    begin(1000, 60);
    ask.month = 202611;
    ask.quota = 1000;
    ask.known = 400;
    ask.tenths = 100;
    ask.tenths_min = 100;
    take(1);
    assert_int_equal(answer.tenths, 100);
    assert_int_equal(answer.used, 500);

    /* for a lease as many as there are, and permits as they are worth */
    ask.tenths = 1000;
    ask.tenths_min = 10;
    take(100);
    assert_int_equal(answer.tenths, 500);
    assert_int_equal(answer.permits, 50);
    assert_int_equal(answer.used, 1000);
    assert_int_equal(answer.remaining, 949);

    /* both or neither; free ones are served up to the quota */
    take(100);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_QUOTA);
    assert_int_equal(answer.remaining, 949);
    ask.tenths = 0;
    ask.tenths_min = 0;
    take(1);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_ADMITTED);
    ask.known = 1001;
    take(1);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_QUOTA);
    ask.known = 0;

    ask.window[0].requests = 51;
    ask.tenths = 5;
    ask.quota = 2000;
    take(1);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
    assert_int_equal(answer.used, 1000);

    ask.mode = HX_FLEET_LIMIT_GIVE;
    ask.permits = 0;
    ask.tenths = 300;
    answer = redis_ask(&ask);
    assert_int_equal(answer.tenths, 300);
    assert_int_equal(answer.used, 700);
    ask.tenths = 800;
    assert_int_equal(redis_ask(&ask).tenths, 700);

    /* another month, and a sum without a quota */
    ask.mode = HX_FLEET_LIMIT_TAKE;
    ask.permits = 1;
    ask.window[0].requests = 0;
    ask.month = 202612;
    ask.quota = UINT64_MAX;
    answer = redis_ask(&ask);
    assert_int_equal(answer.used, 800);
    assert_int_equal(answer.limit, 0);
    assert_int_equal(answer.permits, 1);
    assert_true(redis_integer("PTTL %s", "{hx-gate:acme}:q:202612")
                > 61LL * 86400000);
}


static void
two_windows(void **state)
{
    unsigned  i;

    begin(10, 1);
    ask.window[1].requests = 25;
    ask.window[1].window_s = 3600;

    take(10);
    assert_int_equal(answer.permits, 10);
    assert_int_equal(answer.limit, 10);
    assert_int_equal(answer.remaining, 0);
    take(1);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
    assert_true(answer.retry <= 1002);

    for (i = 0; i < 2; i++) {
        (void) usleep(1100000);
        take(10);
    }

    assert_int_equal(answer.permits, 5);
    assert_int_equal(answer.limit, 25);
    take(1);
    assert_true(answer.retry > 3590000);

    /* the first window is as it was: both or neither */
    ask.mode = HX_FLEET_LIMIT_LOOK;
    ask.window[1].requests = 0;
    ask.permits = 10;
    assert_int_equal(redis_ask(&ask).permits, 5);

    ask.window[1].requests = 25;
    ask.life = 100;
    ask.window[1].requests = 40;
    take(3);
    ask.mode = HX_FLEET_LIMIT_GIVE;
    ask.ticket = answer.ticket;
    ask.permits = 2;
    assert_int_equal(redis_ask(&ask).permits, 2);
    ask.life = 0;
    take(100);
    assert_int_equal(answer.permits, 4);
}


static void
idle_tenants_vanish(void **state)
{
    long long  ms;

    begin(10, 1);
    ask.life = 200;
    take(5);
    ms = redis_integer("PTTL %s", "{hx-gate:acme}:w");
    assert_true(ms > 1100 && ms <= 1255);
    assert_true(redis_integer("PTTL %s", "{hx-gate:acme}:l") > 1000);
    assert_int_equal(answer.reset + 2 > (uint64_t) ms, 1);

    ask.mode = HX_FLEET_LIMIT_LOOK;
    (void) redis_ask(&ask);
    assert_true(redis_integer("PTTL %s", "{hx-gate:acme}:w") <= ms);

    (void) usleep(1600000);
    assert_int_equal(redis_integer("EXISTS %s", "{hx-gate:acme}:w"), 0);
    assert_int_equal(redis_integer("EXISTS %s", "{hx-gate:acme}:l"), 0);
}


/* The clock at the last change of the window, as its head has it. */
static uint64_t
changed(void)
{
    uint64_t     q, now;
    redisReply  *reply;

    reply = redis_reply(redisCommand(redis, "LINDEX {hx-gate:acme}:w -1"));
    assert_int_equal(sscanf(reply->str, "%" SCNu64 " %" SCNu64, &q, &now), 2);
    freeReplyObject(reply);

    return now;
}


/* By Redis' clock and in its own time: never more than N, and hardly fewer. */
static void
in_real_time(void **state)
{
    size_t    first, i, n;
    uint64_t  at[1024];

    begin(150, 1);
    n = 0;
    first = 0;

    do {
        take(1);

        if (answer.verdict == HX_FLEET_LIMIT_ADMITTED) {
            assert_true(n < hx_nelts(at));
            at[n++] = changed();

        } else {
            (void) usleep(300);
        }
    } while (n < 500);

    for (i = 0; i < n; i++) {
        while (at[first] + 1000000 <= at[i]) {
            first++;
        }

        assert_true(i - first < 150);
    }
}


/* Coarse for a while, but not for longer than W, nor coarser than W / 16. */
static void
a_window_becomes_shorter(void **state)
{
    begin(100, 2678400);
    redis_load_clocked();
    redis_now = UINT64_C(1795000000000000);
    take(60);
    assert_int_equal(answer.permits, 60);

    redis_now += 5000000;
    ask.window[0].window_s = 60;
    take(100);
    assert_int_equal(answer.permits, 40);
    take(1);
    assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
    assert_true(answer.retry <= 60000 + 60000 / 16);

    redis_now += 10000000;
    ask.window[0].window_s = 55;
    take(1);
    assert_true(answer.retry <= 50000 + 60000 / 16);

    redis_now += 62000000;
    take(10);
    assert_int_equal(answer.permits, 10);
    take(100);
    assert_int_equal(answer.permits, 90);
    take(1);
    assert_true(answer.retry > 54990 && answer.retry <= 55000 + 55000 / 2048);
    redis_sha1[0] = '\0';
}


static void
what_a_tenant_takes_up(void **state)
{
    unsigned   i;
    long long  busy, leases;

    begin(1000000, 60);
    redis_load_clocked();

    /* a whole window, each bucket of it in use */
    redis_now = UINT64_C(1795000000000000);

    for (i = 0; i < 12000; i++) {
        redis_now += 10000;
        take(3);
        assert_int_equal(answer.permits, 3);
    }

    busy = redis_integer("MEMORY USAGE %s SAMPLES 0", "{hx-gate:acme}:w");

    ask.tenant = test_str("leases");
    ask.life = 60000 / 16;

    for (i = 0; i < 12000; i++) {
        redis_now += 10000;
        take(3);
        assert_int_equal(answer.permits, 3);
    }

    leases = redis_integer("MEMORY USAGE %s SAMPLES 0", "{hx-gate:leases}:w");
    print_message("bytes in Redis: %lld at most, %lld with leases\n", busy,
                  leases);
    assert_true(busy > 0 && busy < 60000);
    assert_true(leases > 0 && leases < 2000);
    redis_sha1[0] = '\0';
}


int
main(void)
{
#define TEST(t)  cmocka_unit_test_setup_teardown(t, redis_start, redis_stop)

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_digest_is_of_the_text),
        TEST(questions_have_bounds),
        TEST(answers_are_not_believed_blindly),
        TEST(permits_and_their_rest),
        TEST(quotas),
        TEST(two_windows),
        TEST(idle_tenants_vanish),
        TEST(in_real_time),
        TEST(a_window_becomes_shorter),
        TEST(what_a_tenant_takes_up)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
