/*
 * hx_metrics_test.c -- what is registered gets a place of its own while there
 * is one, what is counted lands in one known word, and no argument, however
 * wrong, touches any other memory.
 */

#include "hx_test_metrics.h"


static void
methods(void **state)
{
    size_t    i;
    hx_str_t  s;

    static const struct {
        const char           *name;
        hx_metrics_method_t   method;
    } known[] = {
        { "GET", HX_METRICS_GET }, { "HEAD", HX_METRICS_HEAD },
        { "POST", HX_METRICS_POST }, { "PUT", HX_METRICS_PUT },
        { "DELETE", HX_METRICS_DELETE }, { "PATCH", HX_METRICS_PATCH },
        { "OPTIONS", HX_METRICS_OPTIONS }
    };

    static const char *const  others[] = {
        "", "G", "GE", "get", "GEt", "GETS", "PUTT", "PU", "HEAT", "POSX",
        "PATCHX", "PATCX", "DELETX", "DELETES", "OPTIONX", "OPTIONSS", "TRACE",
        "CONNECT", "PROPFIND", "other"
    };

    for (i = 0; i < hx_nelts(known); i++) {
        s.len = strlen(known[i].name);
        s.data = test_edge(known[i].name, s.len);
        assert_int_equal(hx_metrics_method(&s), known[i].method);
    }

    for (i = 0; i < hx_nelts(others); i++) {
        s.len = strlen(others[i]);
        s.data = test_edge(others[i], s.len);
        assert_int_equal(hx_metrics_method(&s), HX_METRICS_OTHER_METHOD);
    }
}


static void
routes(void **state)
{
    char           path[32];
    unsigned       i;
    hx_metrics_t  *m;

    m = test_metrics();

    assert_int_equal(test_route(m, "POST", "/v1/put"), 1);
    assert_int_equal(test_route(m, "GET", "/v1/get/{ns}/{key}"), 2);
    assert_int_equal(test_route(m, "POST", "/v1/put"), 1);

    /* one path, several methods; HEAD is GET's */
    assert_int_equal(test_route(m, "DELETE", "/v1/put"), 3);
    assert_int_equal(test_route(m, "HEAD", "/v1/get/{ns}/{key}"), 2);
    assert_int_equal(test_route(m, "HEAD", "/only-head"), 4);
    assert_int_equal(test_route(m, "GET", "/only-head"), 4);
    assert_int_equal(test_route(m, "LOCK", "/lock"), 5);
    assert_int_equal(test_route(m, "UNLOCK", "/lock"), 5);

    /* these would be taken for the rest */
    assert_int_equal(test_route(m, "GET", "other"), 0);
    assert_int_equal(test_route(m, "GET", ""), 0);
    assert_int_equal(test_route(m, "GET", "others"), 6);
    assert_int_equal(test_route(m, "GET", "othe"), 7);

    for (i = 8; i <= HX_METRICS_ROUTES; i++) {
        (void) snprintf(path, sizeof(path), "/%u", i);
        assert_int_equal(test_route(m, "GET", path), i);
    }

    assert_int_equal(test_route(m, "GET", "/one-too-many"), 0);
    assert_int_equal(test_route(m, "PUT", "/8"), 0);
    assert_int_equal(test_route(m, "GET", "/8"), 8);
    assert_int_equal(test_route(m, "POST", "/v1/put"), 1);

    /* the last one counts too */
    hx_metrics_request(m, HX_METRICS_ROUTES, HX_METRICS_HEAD, 200, 0);
    assert_int_equal(m->cell[HX_METRICS_CELLS - 1]
                     .status[HX_METRICS_STATUS_200], 1);
}


static void
operations(void **state)
{
    char           name[32];
    unsigned       i;
    hx_metrics_t  *m;

    m = test_metrics();
    assert_int_equal(test_operation(m, "other"), 0);
    assert_int_equal(test_operation(m, ""), 0);

    for (i = 1; i <= HX_METRICS_OPERATIONS; i++) {
        (void) snprintf(name, sizeof(name), "op_%u", i);
        assert_int_equal(test_operation(m, name), i);
        assert_int_equal(test_operation(m, "op_1"), 1);
    }

    assert_int_equal(test_operation(m, "one_too_many"), 0);
    assert_int_equal(test_operation(m, "op_48"), 48);
}


/* Labels as they will be written. */

static void
label_is(const char *path, const char *label)
{
    char            text[HX_METRICS_LABEL_MAX];
    hx_str_t        s;
    hx_metrics_t   *m;
    const hx_str_t  get = test_str("GET");

    m = test_metrics();
    s.len = strlen(path);
    s.data = test_edge(path, s.len);
    assert_int_equal(hx_metrics_route(m, &get, &s), 1);
    memcpy(text, m->route[0].label, sizeof(text));

    assert_int_equal(hx_metrics_ready_len(m->route[0].ready), strlen(label));
    assert_memory_equal(text, label, strlen(label));
    assert_int_equal(munmap(m, sizeof(*m)), 0);
}


static void
labels(void **state)
{
    char  long_path[300], expected[300];

    label_is("/v1/list/{ns}", "/v1/list/{ns}");
    label_is("~^/x/(?<ns>\\w+)/\"q\"\n$", "~^/x/(?<ns>\\\\w+)/\\\"q\\\"\\n$");
    label_is("/\303\274\342\202\254\360\237\230\200",
             "/\303\274\342\202\254\360\237\230\200");
    label_is("/\377\303", "/??");
    label_is("/\342\202", "/??");
    label_is("/\300\257\355\240\200x", "/?????x");

    /* cut between characters, an escape is one */

    memset(long_path, 'a', sizeof(long_path));
    long_path[299] = '\0';
    memset(expected, 'a', 128);
    expected[128] = '\0';
    label_is(long_path, expected);

    memcpy(long_path + 127, "\303\274", 2);
    expected[127] = '\0';
    label_is(long_path, expected);

    memcpy(long_path + 127, "\"b", 2);
    label_is(long_path, expected);
}


static void
long_paths_share(void **state)
{
    char           path[200];
    hx_metrics_t  *m;

    m = test_metrics();
    memset(path, 'p', sizeof(path));

    path[HX_METRICS_LABEL_MAX] = '\0';
    assert_int_equal(test_route(m, "GET", path), 1);
    path[HX_METRICS_LABEL_MAX] = 'x';
    path[HX_METRICS_LABEL_MAX + 1] = '\0';
    assert_int_equal(test_route(m, "GET", path), 1);
    path[HX_METRICS_LABEL_MAX - 1] = 'x';
    assert_int_equal(test_route(m, "GET", path), 2);
}


/* A row that another label of the same hash was there first. */

static void
same_hash(void **state)
{
    uint64_t       hash;
    hx_metrics_t  *m;

    m = test_metrics();
    assert_int_equal(test_route(m, "GET", "/a"), 1);
    hash = m->route[0].hash;
    memset(m, 0, sizeof(*m));

    assert_int_equal(test_route(m, "GET", "/b"), 1);
    m->route[0].hash = hash;

    assert_int_equal(test_route(m, "GET", "/a"), 2);
    assert_int_equal(m->route[1].hash, hash);
    assert_int_equal(test_route(m, "GET", "/a"), 2);

    /* the same label for another method is another one */
    m->route[1].ready ^= 1 << 8;
    assert_int_equal(test_route(m, "GET", "/a"), 3);
}


/* A row whose process was killed is finished for its own label only. */

static void
half_registered(void **state)
{
    hx_metrics_t  *m;

    m = test_metrics();
    assert_int_equal(test_route(m, "POST", "/a"), 1);
    m->route[0].ready = 0;
    m->route[0].label[0] = 0;

    assert_int_equal(test_route(m, "GET", "/a"), 2);
    assert_int_equal(test_route(m, "POST", "/b"), 3);
    assert_int_equal(m->route[0].ready, 0);

    assert_int_equal(test_route(m, "POST", "/a"), 1);
    assert_memory_equal(m->route[0].label, "/a", 2);
    hx_metrics_request(m, 1, HX_METRICS_POST, 200, 0);
    assert_int_equal(m->cell[HX_METRICS_METHOD_COUNT]
                     .status[HX_METRICS_STATUS_200], 1);
}


static void
durations(void **state)
{
    size_t        k;
    uint64_t      ms;
    hx_metrics_t  *m;

    static const double  bounds[] = {
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
        30
    };

    m = test_metrics();

    for (ms = 0; ms < 70000; ms++) {
        for (k = 0; k < hx_nelts(bounds); k++) {
            if ((double) ms / 1000 <= bounds[k]) {
                break;
            }
        }

        hx_metrics_request(m, 0, HX_METRICS_PUT, 200, ms);

        if (m->cell[HX_METRICS_PUT].bucket[k] != 1
            || m->cell[HX_METRICS_PUT].sum != ms)
        {
            fail_msg("%llu ms", (unsigned long long) ms);
        }

        m->cell[HX_METRICS_PUT].bucket[k] = 0;
        m->cell[HX_METRICS_PUT].sum = 0;
    }

    for (k = 17; k < 64; k++) {
        hx_metrics_request(m, 0, HX_METRICS_GET, 200, UINT64_C(1) << k);
    }

    assert_int_equal(m->cell[HX_METRICS_GET].bucket[HX_METRICS_BUCKETS - 1],
                     64 - 17);
}


static void
statuses(void **state)
{
    size_t        i, k;
    unsigned      status;
    hx_metrics_t  *m;

    static const unsigned  exact[] = {
#define X(s)  s,
        HX_METRICS_STATUSES(X)
#undef X
    };

    m = test_metrics();

    for (status = 0; status < 1100; status++) {
        k = status >= 100 && status <= 599 ? status / 100 : 0;

        for (i = 0; i < hx_nelts(exact); i++) {
            if (exact[i] == status) {
                k = 6 + i;
            }
        }

        hx_metrics_request(m, 0, HX_METRICS_GET, status, 0);
        assert_int_equal(m->cell[HX_METRICS_GET].status[k], 1);
        m->cell[HX_METRICS_GET].status[k] = 0;
    }

    hx_metrics_request(m, 0, HX_METRICS_GET, (unsigned) -1, 0);
    assert_int_equal(m->cell[HX_METRICS_GET].status[HX_METRICS_CLASS_OTHER], 1);
}


static void
cells(void **state)
{
    unsigned       get, post, lock;
    hx_metrics_t  *m;

    m = test_metrics();
    get = test_route(m, "GET", "/a");
    post = test_route(m, "POST", "/a");
    lock = test_route(m, "LOCK", "/a");

    hx_metrics_request(m, get, HX_METRICS_GET, 200, 1);
    hx_metrics_request(m, get, HX_METRICS_HEAD, 201, 1);
    hx_metrics_request(m, get, HX_METRICS_PUT, 202, 1);
    hx_metrics_request(m, post, HX_METRICS_POST, 204, 1);
    hx_metrics_request(m, post, HX_METRICS_HEAD, 206, 1);
    hx_metrics_request(m, post, HX_METRICS_GET, 301, 1);
    hx_metrics_request(m, lock, HX_METRICS_OTHER_METHOD, 302, 1);
    hx_metrics_request(m, 0, HX_METRICS_OTHER_METHOD, 304, 1);

    assert_int_equal(m->cell[8].status[HX_METRICS_STATUS_200], 1);
    assert_int_equal(m->cell[9].status[HX_METRICS_STATUS_201], 1);
    assert_int_equal(m->cell[HX_METRICS_PUT].status[HX_METRICS_STATUS_202], 1);
    assert_int_equal(m->cell[10].status[HX_METRICS_STATUS_204], 1);
    assert_int_equal(m->cell[HX_METRICS_HEAD].status[HX_METRICS_STATUS_206],
                     1);
    assert_int_equal(m->cell[HX_METRICS_GET].status[HX_METRICS_STATUS_301], 1);
    assert_int_equal(m->cell[12].status[HX_METRICS_STATUS_302], 1);
    assert_int_equal(m->cell[HX_METRICS_OTHER_METHOD]
                     .status[HX_METRICS_STATUS_304], 1);
}


/* The last place stays what it was, and nothing lies behind it. */

static void
wrong_arguments(void **state)
{
    unsigned       i;
    hx_metrics_t  *m;

    static const unsigned  wild[] = {
        HX_METRICS_ROUTES + 1, 255, 256, 65536, 0x7fffffff, 0x80000000,
        0xfffffffe, 0xffffffff
    };

    m = (hx_metrics_t *) (void *) (test_guard() - sizeof(*m));

    for (i = 0; i < hx_nelts(wild); i++) {
        hx_metrics_request(m, wild[i], HX_METRICS_GET, wild[i], wild[i]);
        hx_metrics_request(m, 1, (hx_metrics_method_t) wild[i], 200, 0);
        hx_metrics_charge(m, wild[i], wild[i], 1);
        hx_metrics_rejected(m, wild[i]);
        hx_metrics_retire(m, wild[i]);
        hx_metrics_decision(m, (hx_outcome_t) wild[i], (int) wild[i]);
        hx_metrics_add(m, (hx_metrics_counter_t) wild[i], 1);
    }

    hx_metrics_decision(m, HX_OUTCOME_COUNT, 0);
    hx_metrics_decision(m, HX_OUTCOME_COUNT, 1);
    hx_metrics_add(m, HX_METRICS_COUNTER_COUNT, 1);

    /* a route nobody registered */
    hx_metrics_request(m, HX_METRICS_ROUTES, HX_METRICS_GET, 200, 0);

    assert_int_equal(m->cell[HX_METRICS_GET].status[HX_METRICS_CLASS_OTHER],
                     hx_nelts(wild) - 3);
    assert_int_equal(m->cell[HX_METRICS_GET].status[HX_METRICS_STATUS_200], 1);
    assert_int_equal(m->cell[HX_METRICS_OTHER_METHOD]
                     .status[HX_METRICS_STATUS_200], hx_nelts(wild));
    assert_int_equal(m->place[0].tenths[0], hx_nelts(wild));
    assert_int_equal(m->place[0].rejected, hx_nelts(wild));

    for (i = 0; i < HX_METRICS_OUTCOMES; i++) {
        assert_int_equal(m->decision[0][i] + m->decision[1][i], 0);
    }

    for (i = 0; i < hx_nelts(m->counter); i++) {
        assert_int_equal(m->counter[i], 0);
    }
}


static void
tenant_ids(void **state)
{
    char           id[66];
    size_t         i;
    hx_str_t       s;
    uint32_t       longest;
    hx_metrics_t  *m;

    static const char *const  bad[] = { "", "a b", "a\"", "a.b", "\303\274" };

    m = test_metrics();

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(test_expose(m, bad[i]), 0);
    }

    /* would be taken for the rest */
    assert_int_equal(test_expose(m, "other"), 0);

    assert_int_not_equal(test_expose(m, "others"), 0);
    assert_int_not_equal(test_expose(m, "Other"), 0);

    memset(id, 'x', sizeof(id));
    s.len = HX_TENANT_MAX;
    s.data = test_edge(id, s.len);
    longest = hx_metrics_expose(m, &s);
    assert_int_not_equal(longest, 0);
    assert_int_equal(hx_metrics_expose(m, &s), longest);

    s.len = HX_TENANT_MAX - 1;
    s.data = test_edge(id, s.len);
    assert_int_not_equal(hx_metrics_expose(m, &s), longest);

    id[65] = '\0';
    assert_int_equal(test_expose(m, id), 0);
}


static void
places(void **state)
{
    char                 id[16];
    unsigned             i, k;
    uint32_t             handle[HX_METRICS_TENANTS], again;
    hx_metrics_t        *m;
    hx_metrics_place_t   p;

    m = test_metrics();

    for (i = 0; i < HX_METRICS_TENANTS; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        handle[i] = test_expose(m, id);
        assert_int_not_equal(handle[i], 0);
        assert_int_equal(test_expose(m, id), handle[i]);

        for (k = 0; k < i; k++) {
            assert_int_not_equal(handle[k], handle[i]);
        }
    }

    assert_int_equal(test_expose(m, "late"), 0);
    hx_metrics_charge(m, 0, 0, 5);

    hx_metrics_charge(m, handle[41], 7, 10);
    hx_metrics_rejected(m, handle[41]);
    assert_int_equal(hx_metrics_place(m, 42, &p), 1);
    assert_int_equal(p.owner, handle[41]);
    assert_int_equal(p.id_len, 3);
    assert_memory_equal(p.id, "t41", 3);
    assert_int_equal(p.tenths[7], 10);
    assert_int_equal(p.rejected, 1);

    /* the next one begins at 0, the old handle counts for the rest */

    hx_metrics_retire(m, handle[41]);
    assert_int_equal(hx_metrics_place(m, 42, &p), 0);
    hx_metrics_charge(m, handle[41], 7, 1);
    assert_int_equal(m->place[0].tenths[7], 1);

    again = test_expose(m, "late");
    assert_int_not_equal(again, 0);
    assert_int_not_equal(again, handle[41]);

    hx_metrics_charge(m, handle[41], 7, 2);
    hx_metrics_rejected(m, handle[41]);
    hx_metrics_retire(m, handle[41]);
    assert_int_equal(hx_metrics_place(m, 42, &p), 1);
    assert_memory_equal(p.id, "late", 4);
    assert_int_equal(p.id_len, 4);
    assert_int_equal(p.tenths[7], 0);
    assert_int_equal(p.rejected, 0);
    assert_int_equal(m->place[0].tenths[7], 3);
    assert_int_equal(m->place[0].rejected, 1);

    /* found behind a place that is free */

    hx_metrics_retire(m, handle[3]);
    assert_int_equal(test_expose(m, "t77"), handle[77]);

    hx_metrics_retire(m, 0);
    assert_int_equal(hx_metrics_place(m, 0, &p), 1);
    assert_int_equal(p.tenths[0], 5);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(methods),
        cmocka_unit_test(routes),
        cmocka_unit_test(operations),
        cmocka_unit_test(labels),
        cmocka_unit_test(long_paths_share),
        cmocka_unit_test(same_hash),
        cmocka_unit_test(half_registered),
        cmocka_unit_test(durations),
        cmocka_unit_test(statuses),
        cmocka_unit_test(cells),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(tenant_ids),
        cmocka_unit_test(places)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
