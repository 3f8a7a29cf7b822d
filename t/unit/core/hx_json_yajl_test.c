/*
 * hx_json_yajl_test.c -- yajl in its arena: events and depths, strings nobody
 * hears of, stopping, errors, and how much of the arena the worst text within
 * the scanner's limits takes.
 */

#include "hx_test.h"

#include "hx_json_yajl.h"

typedef struct {
    size_t            n;
    size_t            stop_at;
    hx_json_event_t   ev[512];
    unsigned          depth[512];
    size_t            len[512];
    unsigned char     last[16384];
} hx_events_t;

static hx_events_t      events;
static hx_json_yajl_t  *yajl;           /* large */


static hx_json_verdict_t
test_event(void *data, hx_json_event_t ev, const unsigned char *s, size_t len,
    unsigned depth)
{
    hx_events_t  *e = data;

    assert_true(e->n < hx_nelts(e->ev));
    e->ev[e->n] = ev;
    e->depth[e->n] = depth;
    e->len[e->n] = len;
    e->n++;

    if (len != 0) {
        memcpy(e->last, s, len);
    }

    return e->n == e->stop_at ? HX_JSON_STOP : HX_JSON_GO;
}


static int
test_setup(void **state)
{
    memset(&events, 0, sizeof(events));
    yajl = malloc(sizeof(hx_json_yajl_t));

    return yajl == NULL
           || hx_json_yajl_init(yajl, test_event, &events) != HX_JSON_OK;
}


static int
test_teardown(void **state)
{
    hx_json_yajl_done(yajl);
    free(yajl);

    return 0;
}


static hx_json_err_t
test_feed(const char *s)
{
    const size_t  n = strlen(s);

    return hx_json_yajl_feed(yajl, test_edge(s, n), n);
}


static void
events_and_depths(void **state)
{
    size_t  i;

    static const struct {
        hx_json_event_t   ev;
        unsigned          depth;
        size_t            len;
    } want[] = {
        { HX_JSON_MAP_START, 0, 0 }, { HX_JSON_KEY, 1, 1 },
        { HX_JSON_ARRAY_START, 1, 0 }, { HX_JSON_NUMBER, 2, 5 },
        { HX_JSON_TRUE, 2, 0 }, { HX_JSON_FALSE, 2, 0 },
        { HX_JSON_NULL, 2, 0 }, { HX_JSON_MAP_START, 2, 0 },
        { HX_JSON_MAP_END, 2, 0 }, { HX_JSON_ARRAY_END, 1, 0 },
        { HX_JSON_KEY, 1, 2 }, { HX_JSON_STRING, 1, 3 },
        { HX_JSON_MAP_END, 0, 0 }
    };

    assert_int_equal(test_feed("{\"a\":[-1e+2,true,"), HX_JSON_OK);
    assert_int_equal(test_feed("false,null,{}],\"\\u00e9\":"), HX_JSON_OK);
    assert_int_equal(test_feed("\"x\\u0000y\"}"), HX_JSON_OK);
    assert_int_equal(hx_json_yajl_finish(yajl), HX_JSON_OK);
    assert_int_equal(events.n, hx_nelts(want));

    for (i = 0; i < hx_nelts(want); i++) {
        assert_int_equal(events.ev[i], want[i].ev);
        assert_int_equal(events.depth[i], want[i].depth);
        assert_int_equal(events.len[i], want[i].len);
    }

    assert_memory_equal(events.last, "x\0y", 3);
}


/* Numbers pass as they were written, out of any range. */
static void
numbers_as_written(void **state)
{
    const char  *n = "[123456789012345678901234567890e-99999 ";

    assert_int_equal(test_feed(n), HX_JSON_OK);
    assert_int_equal(events.n, 2);
    assert_int_equal(events.len[1], strlen(n) - 2);
    assert_memory_equal(events.last, n + 1, events.len[1]);
}


static void
hidden_strings(void **state)
{
    assert_int_equal(test_feed("{\"a\":"), HX_JSON_OK);
    assert_int_equal(hx_json_yajl_hidden(yajl), HX_JSON_OK);
    assert_int_equal(events.n, 2);
    assert_int_equal(hx_json_yajl_tell(yajl, HX_JSON_LONG_DATA, "xyz", 3),
                     HX_JSON_GO);
    assert_int_equal(events.ev[2], HX_JSON_LONG_DATA);
    assert_int_equal(events.depth[2], 1);

    /* only that one: the next is heard again */

    assert_int_equal(test_feed(",\"b\":\"c\"}"), HX_JSON_OK);
    assert_int_equal(hx_json_yajl_finish(yajl), HX_JSON_OK);
    assert_int_equal(events.n, 6);
    assert_int_equal(events.ev[4], HX_JSON_STRING);
    assert_int_equal(events.len[4], 1);
}


/* Where a value cannot stand, a hidden one cannot either. */
static void
hidden_in_a_wrong_place(void **state)
{
    assert_int_equal(test_feed("{\"a\":1,"), HX_JSON_OK);
    assert_int_equal(hx_json_yajl_hidden(yajl), HX_JSON_OK);    /* a key */
    assert_int_equal(hx_json_yajl_hidden(yajl), HX_JSON_E_SYNTAX);
}


static void
errors(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "]", "{]", "[}", "{\"a\"}", "[1 2]", "[,]", "{1:2}", "[tru]", "[01]",
        "/**/", "[1,]", "[\"\x01\"]", "{}{"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        (void) test_teardown(state);
        assert_int_equal(test_setup(state), 0);

        if (test_feed(bad[i]) != HX_JSON_E_SYNTAX) {
            fail_msg("%s", bad[i]);
        }
    }

    (void) test_teardown(state);
    assert_int_equal(test_setup(state), 0);
    assert_int_equal(test_feed("[1,"), HX_JSON_OK);
    assert_int_equal(hx_json_yajl_finish(yajl), HX_JSON_E_SYNTAX);
}


/* Every event can stop it, and none comes after. */
static void
stopping(void **state)
{
    size_t       i;
    const char  *text = "{\"a\":[1,true,null,\"s\",{\"b\":false}]}";

    assert_int_equal(test_feed(text), HX_JSON_OK);
    assert_int_equal(events.n, 13);

    for (i = 1; i <= 13; i++) {
        (void) test_teardown(state);
        assert_int_equal(test_setup(state), 0);
        events.stop_at = i;
        assert_int_equal(test_feed(text), HX_JSON_E_STOPPED);
        assert_int_equal(events.n, i);
    }
}


/* The deepest text, then the longest string, each byte of it an escape. */
static void
arena_is_large_enough(void **state)
{
    size_t       i, n;
    static char  text[8 * HX_JSON_STRING_MAX];

    n = 0;

    for (i = 0; i < HX_JSON_DEPTH_MAX; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s",
                               i % 2 ? "[" : "{\"k\":");
    }

    text[n++] = '"';

    for (i = 0; i + 6 <= HX_JSON_STRING_MAX; i += 6) {
        memcpy(text + n, i % 12 ? "\\u20ac" : "\\n\\n\\n", 6);
        n += 6;
    }

    text[n++] = '"';
    text[n] = '\0';

    assert_int_equal(test_feed(text), HX_JSON_OK);
    assert_int_equal(events.ev[events.n - 1], HX_JSON_STRING);
    assert_int_equal(events.depth[events.n - 1], HX_JSON_DEPTH_MAX);
    assert_true(yajl->peak > 4096);
    assert_true(yajl->peak < HX_JSON_ARENA / 3);
    assert_true(yajl->used <= yajl->peak);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)
    const struct CMUnitTest  tests[] = {
        T(events_and_depths),
        T(numbers_as_written),
        T(hidden_strings),
        T(hidden_in_a_wrong_place),
        T(errors),
        T(stopping),
        T(arena_is_large_enough)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
