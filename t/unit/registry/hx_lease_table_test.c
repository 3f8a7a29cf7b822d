/*
 * hx_lease_table_test.c -- leases by tenant in shared memory: places, who may
 * lose one, rests, processes at the same time, and kill -9 at any instruction:
 * permits are lost, never doubled.
 */

#include "hx_test_kill.h"

#include "hx_lease_table.h"

#define MS      UINT64_C(1000000)
#define SECOND  UINT64_C(1000000000)

static hx_lease_table_t     *table;
static size_t                size;
static unsigned char        *image;
static hx_lease_need_t       need;
static hx_lease_question_t   question;
static hx_lease_answer_t     answer;
static hx_lease_rest_t       rest;
static uint64_t              now;

static const unsigned char  name[] = { 0, 1, 0x23, 0x45, 0x67, 0x89, 0xab,
                                       0xef };


static void
begin(uint32_t tenants)
{
    void  *p;

    size = hx_lease_table_size(tenants);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);
    assert_true(p != MAP_FAILED);
    table = hx_lease_table_init(p, tenants, name);
    assert_non_null(table);

    image = malloc(size);
    assert_non_null(image);

    now = 5000 * SECOND;
    memset(&need, 0, sizeof(need));
    need.rate.requests = 100000;
    need.rate.window_s = 10;
}


static int
end(void **state)
{
    free(image);

    return munmap(table, size);
}


static hx_lease_t *
enter(const char *id)
{
    hx_str_t     s;
    hx_lease_t  *lease;

    s = test_str(id);

    return hx_lease_table_enter(table, &s, now, &lease) == HX_OK ? lease
                                                                 : NULL;
}


static void
leave(hx_lease_t *lease)
{
    hx_lease_table_leave(table, lease);
}


/* Puts so many permits there, which live for a second. */
static void
grant(const char *id, uint32_t permits)
{
    hx_lease_t         *l;
    hx_window_view_t    view;

    l = enter(id);
    assert_non_null(l);
    l->requests = need.rate.requests;
    l->window_s = need.rate.window_s;
    l->asked = now;
    l->question++;

    memset(&question, 0, sizeof(question));
    question.asked = now;
    question.number = l->question;
    question.permits = permits;

    memset(&answer, 0, sizeof(answer));
    answer.rc = HX_OK;
    answer.permits = permits;
    answer.life = 1000;
    answer.ticket = 7;
    hx_lease_told(l, &question, &answer, now, &view, &rest);
    assert_int_equal(rest.permits, 0);
    leave(l);
}


static uint32_t
permits(const char *id)
{
    uint32_t     n;
    hx_lease_t  *l;

    l = enter(id);
    assert_non_null(l);
    n = l->part[0].left + l->part[1].left;
    leave(l);

    return n;
}


static void
tenants_have_places(void **state)
{
    char                    id[16];
    unsigned                i, held;
    hx_lease_t             *l;
    hx_lease_table_info_t   info;

    begin(1000);
    held = 0;

    /* half of the table */
    for (i = 0; i < 500; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        l = enter(id);

        if (l != NULL) {
            leave(l);
            grant(id, i + 1);
            held++;
        }
    }

    hx_lease_table_info(table, &info);
    assert_int_equal(info.tenants, 1000);
    assert_int_equal(info.used, held);
    assert_int_equal(info.full, 500 - held);
    assert_true(held >= 480);

    for (i = 0; i < 500; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        l = enter(id);

        if (l != NULL) {
            assert_int_equal(l->part[0].left, i + 1);
            leave(l);
        }
    }
}


static void
who_is_not_idle_stays(void **state)
{
    char                    id[16];
    unsigned                i;
    hx_lease_table_info_t   info;

    begin(8);

    for (i = 0; i < 8; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        grant(id, 10);
        now += MS;
    }

    assert_null(enter("another"));
    hx_lease_table_info(table, &info);
    assert_int_equal(info.full, 1);
    assert_int_equal(info.evicted, 0);

    now += SECOND - 7 * MS;             /* the first two are void by now */
    grant("another", 3);
    grant("and another", 4);
    assert_null(enter("a third"));
    assert_int_equal(permits("another"), 3);
    assert_int_equal(permits("t2"), 10);
    hx_lease_table_info(table, &info);
    assert_int_equal(info.used, 8);
    assert_int_equal(info.evicted, 2);

    assert_null(enter(""));
    assert_null(enter("0123456789012345678901234567890123456789012345678901234"
                      "567890123"));
    assert_int_equal(permits("another"), 3);
}


static void
rests_are_found(void **state)
{
    char                id[16];
    size_t              len;
    hx_rc_t             rc;
    unsigned            i, calls;
    uint32_t            cursor, sum, most;
    unsigned char       whose[HX_TENANT_MAX];

    begin(4000);
    assert_false(hx_lease_table_busy(table));

    for (i = 0; i < 100; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        grant(id, 10);
        grant(id, 20);
    }

    assert_true(hx_lease_table_busy(table));

    now += 900 * MS;
    cursor = 0;
    calls = 0;
    sum = 0;
    most = 1;

    do {
        if (most == 0) {
            most = 1;
        }

        rc = hx_lease_table_spare(table, &cursor, &most, now, whose, &len,
                                  &rest);

        if (rc == HX_OK) {
            assert_true(len >= 2 && whose[0] == 't');
            assert_int_equal(rest.ticket, 7);
            assert_int_equal(rest.rate.requests, need.rate.requests);
            assert_int_equal(rest.rate.window_s, need.rate.window_s);
            sum += rest.permits;
        }

        calls += rc == HX_PENDING;
    } while (rc != HX_NO);

    assert_int_equal(sum, 100 * 30);
    assert_true(calls >= 50);

    /* another round finds that nobody has any more */
    cursor = 0;
    most = 1000;
    assert_int_equal(hx_lease_table_spare(table, &cursor, &most, now, whose,
                                          &len, &rest), HX_NO);
    assert_false(hx_lease_table_busy(table));

    assert_int_equal(permits("t42"), 0);
    assert_true(hx_lease_table_busy(table));
}


static void
who_looks_for_rests(void **state)
{
    hx_str_t  node;
    uint32_t  cursor;

    begin(1000);

    node = hx_lease_table_node(table);
    assert_int_equal(node.len, HX_LEASE_TABLE_NODE);
    assert_memory_equal(node.data, "00012345" "6789abef", 16);

    assert_int_equal(hx_lease_table_turn(table, now, 10 * MS, &cursor), HX_OK);
    assert_int_equal(cursor, 0);
    hx_lease_table_turned(table, 17);

    now += 10 * MS - 1;
    assert_int_equal(hx_lease_table_turn(table, now, 10 * MS, &cursor), HX_NO);
    now++;
    assert_int_equal(hx_lease_table_turn(table, now, 10 * MS, &cursor), HX_OK);
    assert_int_equal(cursor, 17);

    /* he was killed here: the next one goes on from there; at the end, from
     * the beginning */
    now += 10 * MS;
    assert_int_equal(hx_lease_table_turn(table, now, 10 * MS, &cursor), HX_OK);
    assert_int_equal(cursor, 17);
    hx_lease_table_turned(table, 125);
    now += 10 * MS;
    assert_int_equal(hx_lease_table_turn(table, now, 10 * MS, &cursor), HX_OK);
    assert_int_equal(cursor, 0);
}


/* ---- at the same time */

static int
use_all(void *data)
{
    hx_lease_t         *l;
    hx_lease_rc_t       rc;
    hx_window_view_t    view;
    uint64_t           *used = data;

    do {
        l = enter("shared");

        if (l == NULL) {
            return 2;
        }

        rc = hx_lease_take(l, &need, now, &view, &question);
        leave(l);

        if (rc == HX_LEASE_ADMITTED || rc == HX_LEASE_AHEAD) {
            (void) __atomic_fetch_add(used, 1, __ATOMIC_RELAXED);
        }
    } while (rc == HX_LEASE_ADMITTED || rc == HX_LEASE_AHEAD);

    return 0;
}


static void
processes_share_a_lease(void **state)
{
    int        status;
    pid_t      pid[4];
    uint64_t  *used;
    unsigned   i;

    begin(64);
    used = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
    assert_true(used != MAP_FAILED);
    grant("shared", 100000);
    grant("shared", 50000);
    (void) fflush(NULL);

    for (i = 0; i < 4; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);

        if (pid[i] == 0) {
            _exit(use_all(used));
        }
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }

    assert_int_equal(*used, 150000);
    assert_int_equal(munmap(used, 4096), 0);
}


/* ---- kill -9 */

static void
restore(void)
{
    memcpy(table, image, size);
}


static void
op_new_tenant(void)
{
    hx_lease_t  *l;

    l = enter("new");

    if (l != NULL) {
        leave(l);
    }
}


static void
op_take(void)
{
    hx_lease_t        *l;
    hx_window_view_t   view;

    l = enter("old");

    if (l != NULL) {
        (void) hx_lease_take(l, &need, now, &view, &question);
        leave(l);
    }
}


static void
op_told(void)
{
    hx_lease_t        *l;
    hx_window_view_t   view;

    l = enter("old");

    if (l != NULL) {
        hx_lease_told(l, &question, &answer, now, &view, &rest);
        leave(l);
    }
}


static void
op_spare(void)
{
    size_t         len;
    uint32_t       cursor, most;
    unsigned char  id[HX_TENANT_MAX];

    cursor = 0;
    most = 100;
    (void) hx_lease_table_spare(table, &cursor, &most, now, id, &len, &rest);
}


/* Whatever step it was killed at: what "old" holds then, and can go on. */
static void
kill_all(void (*op)(void), uint32_t before, uint32_t after)
{
    unsigned                step, stride, seen;
    uint32_t                n;
    uint64_t                recovered;
    hx_lease_t             *l;
    test_victim_t           victim;
    hx_lease_table_info_t   info;

    memcpy(image, table, size);
    victim.prepare = NULL;
    victim.op = op;
    (void) test_learn(&victim);
    stride = test_stride();
    seen = 0;
    recovered = 0;

    for (step = 0; step <= test_way.n; step = test_next_step(step, stride)) {
        restore();
        test_kill_after(&victim, step, restore);

        n = permits("old");
        assert_true(n == before || n == after);
        seen |= n == before ? 1 : 2;

        l = enter("new");
        assert_non_null(l);
        assert_int_equal(l->part[0].left + l->part[1].left, 0);
        leave(l);

        hx_lease_table_info(table, &info);
        recovered += info.recovered;
    }

    assert_int_equal(seen, before == after ? 1 : 3);
    assert_true(recovered != 0);
}


static void
killed_with_the_lock(void **state)
{
    hx_lease_t  *l;

    begin(8);
    grant("old", 10);
    kill_all(op_new_tenant, 10, 10);
    restore();
    kill_all(op_take, 10, 9);
    restore();

    /* an answer of 5 more, one of them for who asked */
    l = enter("old");
    l->asked = now;
    question.number = ++l->question;
    question.own = 1;
    answer.permits = 5;
    leave(l);
    kill_all(op_told, 10, 14);
    restore();

    now += 900 * MS;
    kill_all(op_spare, 10, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(tenants_have_places, end),
        cmocka_unit_test_teardown(who_is_not_idle_stays, end),
        cmocka_unit_test_teardown(rests_are_found, end),
        cmocka_unit_test_teardown(who_looks_for_rests, end),
        cmocka_unit_test_teardown(processes_share_a_lease, end),
        cmocka_unit_test_teardown(killed_with_the_lock, end)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
