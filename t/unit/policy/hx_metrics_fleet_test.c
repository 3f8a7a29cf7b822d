/*
 * hx_metrics_fleet_test.c -- the numbers of a node that shares Redis: each is
 * where its name says, and all fit beside the others.
 */

#include "hx_test_metrics.h"

#include "hx_metrics_fleet.h"

static const char *const  words[] = { "none", "refused", "timeout" };

static hx_metrics_fleet_t      fleet;
static hx_metrics_fleet_now_t  now_is;


static void
scrape(test_scrape_t *s)
{
    char         mem[16384];
    hx_buf_t     b;
    const char  *why;

    hx_buf_init(&b, mem, sizeof(mem));
    hx_metrics_fleet_text(&b, &fleet, &now_is);
    assert_true(hx_buf_ok(&b));

    why = test_read(s, b.start, hx_buf_len(&b));

    if (why != NULL) {
        fail_msg("%s: after %zu samples", why, s->n);
    }
}


static int
begin(void **state)
{
    size_t     i;
    uint64_t  *word;

    word = (uint64_t *) &fleet;

    for (i = 0; i < sizeof(fleet) / sizeof(uint64_t); i++) {
        word[i] = i + 1;
    }

    memset(&now_is, 0, sizeof(now_is));
    now_is.reason = words;
    now_is.n_reasons = 3;

    return 0;
}


static void
names(void **state)
{
    test_scrape_t  s;

    scrape(&s);

#define is(name, v)                                                           \
    assert_true(test_value(&s, name) == (__int128) (v) * 1000)

    is("hx_gate_redis_operations_total", fleet.redis.asked);
    is("hx_gate_redis_replies_total", fleet.redis.answered);
    is("hx_gate_redis_error_replies_total", fleet.redis.errors);
    is("hx_gate_redis_late_replies_total", fleet.redis.late);
    is("hx_gate_redis_cancelled_total", fleet.redis.cancelled);
    is("hx_gate_redis_connections_total", fleet.redis.connects);
    is("hx_gate_redis_reconnects_total", fleet.redis.reconnects);
    is("hx_gate_redis_breaker_openings_total", fleet.redis.openings);
    is("hx_gate_redis_redirects_total", fleet.redis.redirects);
    is("hx_gate_redis_scripts_loaded_total", fleet.redis.scripts);
    is("hx_gate_redis_messages_total", fleet.redis.messages);
    is("hx_gate_redis_failures_total{reason=\"refused\"}",
       fleet.redis.failed[1]);
    is("hx_gate_redis_failures_total{reason=\"timeout\"}",
       fleet.redis.failed[2]);
    is("hx_gate_redis_breaker_open", 0);
    is("hx_gate_limit_fallbacks_total{on_error=\"local\"}",
       fleet.fallback[HX_METRICS_FALLBACK_LOCAL]);
    is("hx_gate_limit_fallbacks_total{on_error=\"closed\"}",
       fleet.fallback[HX_METRICS_FALLBACK_CLOSED]);
    is("hx_gate_limit_fallbacks_total{on_error=\"open\"}",
       fleet.fallback[HX_METRICS_FALLBACK_OPEN]);
    is("hx_gate_limit_given_back_total{what=\"permits\"}", fleet.permits);
    is("hx_gate_limit_given_back_total{what=\"tenths\"}", fleet.tenths);

    assert_int_equal(s.n, 19);
    test_scrape_free(&s);
}


static void
leases(void **state)
{
    test_scrape_t  s;

    now_is.breaker_open = 7;
    now_is.leases = 1;
    now_is.places = 100;
    now_is.places_used = 30;
    now_is.full = 4;
    now_is.evicted = 5;
    now_is.recovered = 6;

    scrape(&s);
    is("hx_gate_redis_breaker_open", 1);
    is("hx_gate_lease_places{state=\"used\"}", 30);
    is("hx_gate_lease_places{state=\"free\"}", 70);
    is("hx_gate_lease_full_total", 4);
    is("hx_gate_lease_evicted_total", 5);
    is("hx_gate_lease_recovered_total", 6);

#undef is

    assert_int_equal(s.n, 24);
    test_scrape_free(&s);
}


/* More reasons than there is room for, numbers as long as they can be. */

static void
longest(void **state)
{
    unsigned       i;
    test_scrape_t  s;

    static char         word[HX_METRICS_REDIS_REASONS + 1][24];
    static const char  *many[HX_METRICS_REDIS_REASONS + 1];

    for (i = 0; i <= HX_METRICS_REDIS_REASONS; i++) {
        (void) snprintf(word[i], sizeof(word[i]), "%023u", i);
        many[i] = word[i];
    }

    memset(&fleet, 0xff, sizeof(fleet));
    memset(&now_is, 0xff, sizeof(now_is));
    now_is.reason = many;
    now_is.n_reasons = hx_nelts(many);

    scrape(&s);
    assert_int_equal(s.n, 24 + HX_METRICS_REDIS_REASONS - 1 - 2);
    test_scrape_free(&s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(names, begin),
        cmocka_unit_test_setup(leases, begin),
        cmocka_unit_test_setup(longest, begin)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
