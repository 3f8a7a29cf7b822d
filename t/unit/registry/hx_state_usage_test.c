/*
 * hx_state_usage_test.c -- what tenants used, in the shared memory: by month
 * and operation, unsaved until it is stored as it is, never counted twice or
 * not at all, whatever the clock does.
 */

#include "hx_test_state.h"

#define HX_OPS      255
#define HX_MONTHS   6


static uint32_t
test_incarnation(const char *id)
{
    hx_str_t         s;
    hx_state_used_t  used;

    s = test_str(id);
    assert_int_equal(hx_state_used(test_st, &s, &used), HX_OK);

    return used.incarnation;
}


static void
entries_by_month_and_operation(void **state)
{
    unsigned         op, month;
    hx_str_t         id;
    hx_state_used_t  used;
    hx_state_info_t  info;

    for (op = 1; op <= 40; op++) {
        for (month = HX_MONTH; month <= HX_MONTH + 1; month++) {
            assert_int_equal(test_charge_in("a", op, month, op), HX_OK);
            assert_int_equal(test_charge_in("a", op, month, 1), HX_OK);
            assert_int_equal(test_used_in("a", op, month), op + 1);
        }
    }

    id = test_str("a");
    assert_int_equal(hx_state_used(test_st, &id, &used), HX_OK);
    assert_int_equal(used.n, 80);
    assert_int_equal(used.id_len, 1);
    assert_memory_equal(used.id, "a", 1);

    /* 5 in the tenant's block, 27 in each further one */

    hx_state_info(test_st, &info);
    assert_int_equal(info.blocks_used, 1 + 3);
    assert_int_equal(info.tenants, 1);
    assert_int_equal(info.unsaved, 1);

    test_charge("a", 0, 100);
    test_charge("a", 1, 0);
    test_charge("nobody", 0, 100);
    assert_int_equal(test_used("a", 1), 2);
    assert_false(test_there("nobody"));
    test_whole(test_st);
}


static void
entry_stops_at_its_maximum(void **state)
{
    unsigned  i;

    test_charge("a", 2, 7);

    for (i = 0; i < 300; i++) {
        test_charge("a", 1, UINT32_MAX);
    }

    assert_true(test_used("a", 1) == HX_ENTRY_TENTHS);
    assert_int_equal(test_used("a", 2), 7);
    assert_int_equal(test_used_in("a", 1, HX_MONTH + 1), 0);
}


/* ---- on its way to the store */

static void
saved_when_it_is_the_same(void **state)
{
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_NO);

    test_charge("a", 1, 5);
    test_charge("b", 1, 6);
    assert_int_equal(test_save(), 2);
    assert_int_equal(test_save(), 0);

    test_charge("a", 1, 5);
    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
    assert_int_equal(used.n, 1);
    assert_int_equal(used.entry[0].tenths, 10);
    assert_int_equal(used.entry[0].operation, 1);
    assert_int_equal(used.entry[0].month, HX_MONTH);

    /* charged meanwhile: the same entry, then a new one */

    test_charge("a", 1, 1);
    hx_state_saved(test_st, &used);
    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
    assert_int_equal(used.entry[0].tenths, 11);

    test_charge("a", 2, 1);
    hx_state_saved(test_st, &used);
    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
    assert_int_equal(used.n, 2);

    /* stored twice is stored once; another life's is nobody's */

    used.incarnation++;
    hx_state_saved(test_st, &used);
    used.incarnation--;
    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
    hx_state_saved(test_st, &used);
    hx_state_saved(test_st, &used);
    assert_int_equal(test_save(), 0);
    assert_int_equal(test_used("a", 1), 11);
}


static void
cursor_passes_all_once(void **state)
{
    char             id[16];
    unsigned         i, n, place;
    uint32_t         cursor;
    unsigned char    seen[300];
    hx_state_used_t  used;

    for (i = 0; i < hx_nelts(seen); i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);

        if (i % 3 == 0) {
            test_charge(id, 1, i + 1);

        } else {
            (void) test_ask(id, 10, 60);
        }
    }

    for (place = 0; place < 2; place++) {
        memset(seen, 0, sizeof(seen));
        cursor = 0;

        for (n = 0; (place ? hx_state_next : hx_state_unsaved)(
                        test_st, &cursor, &used) == HX_OK; n++)
        {
            used.id[used.id_len] = '\0';
            i = (unsigned) strtoul((char *) used.id + 1, NULL, 10);
            assert_int_equal(seen[i]++, 0);
            assert_int_equal(used.n, i % 3 == 0);
        }

        assert_int_equal(n, place ? 300 : 100);
        assert_int_equal((place ? hx_state_next : hx_state_unsaved)(
                             test_st, &cursor, &used), HX_NO);
    }
}


static void
places_among_the_metrics(void **state)
{
    uint32_t           cursor;
    hx_state_ask_t     ask;
    hx_state_used_t    used;
    hx_state_answer_t  answer;

    ask = test_question("a", 10, 60);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.place, 0);

    cursor = 0;
    assert_int_equal(hx_state_next(test_st, &cursor, &used), HX_OK);
    assert_int_equal(used.place, 0);

    hx_state_place(test_st, used.block, used.incarnation + 1, 9);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.place, 0);

    hx_state_place(test_st, used.block, used.incarnation, 9);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.place, 9);

    cursor = 0;
    assert_int_equal(hx_state_next(test_st, &cursor, &used), HX_OK);
    assert_int_equal(used.place, 9);

    hx_state_place(test_st, used.block, used.incarnation, 0);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.place, 0);
}


static void
stored_months_go(void **state)
{
    unsigned  i;

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_charge_in("a", 1, HX_MONTH + i, 10 + i), HX_OK);
    }

    /* not before they are stored */

    assert_int_equal(test_used_in("a", 1, HX_MONTH), 10);
    assert_int_equal(test_save(), 1);
    assert_int_equal(test_used_in("a", 1, HX_MONTH), 0);
    assert_int_equal(test_used_in("a", 1, HX_MONTH + 1), 11);
    assert_int_equal(test_used_in("a", 1, HX_MONTH + 2), 12);

    /* over the end of a year */

    assert_int_equal(test_charge_in("a", 1, 202612, 20), HX_OK);
    assert_int_equal(test_charge_in("a", 1, 202701, 21), HX_OK);
    assert_int_equal(test_save(), 1);
    assert_int_equal(test_used_in("a", 1, HX_MONTH + 2), 0);
    assert_int_equal(test_used_in("a", 1, 202612), 20);
    assert_int_equal(test_used_in("a", 1, 202701), 21);
}


/* A store as it is meant: a month's row is stored in place of the last one. */
static uint64_t  test_store[HX_MONTHS][HX_OPS + 1];


static unsigned
test_flush(void)
{
    unsigned         i, n;
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;

    for (n = 0; hx_state_unsaved(test_st, &cursor, &used) == HX_OK; n++) {
        for (i = 0; i < used.n; i++) {
            memset(test_store[used.entry[i].month - HX_MONTH], 0,
                   sizeof(test_store[0]));
        }

        for (i = 0; i < used.n; i++) {
            test_store[used.entry[i].month - HX_MONTH]
                      [used.entry[i].operation] = used.entry[i].tenths;
        }

        hx_state_saved(test_st, &used);
    }

    return n;
}


static void
more_months_than_fit(void **state)
{
    unsigned         op, month, rounds;
    hx_str_t         id;
    hx_state_used_t  used;

    memset(test_store, 0, sizeof(test_store));

    for (month = 0; month < HX_MONTHS; month++) {
        for (op = 1; op <= HX_OPS; op++) {
            assert_int_equal(test_charge_in("a", op, HX_MONTH + month,
                                            1000 * month + op), HX_OK);
        }
    }

    /* who only looks sees the newest */

    id = test_str("a");
    assert_int_equal(hx_state_used(test_st, &id, &used), HX_OK);
    assert_int_equal(used.n, 2 * HX_OPS);
    assert_int_equal(used.entry[0].month >= HX_MONTH + HX_MONTHS - 2, 1);

    for (rounds = 0; test_flush() != 0; rounds++) {
        assert_true(rounds < 10);

        if (rounds == 0) {
            assert_int_equal(test_charge_in("a", 1, HX_MONTH + HX_MONTHS - 1,
                                            1), HX_OK);
        }
    }

    for (month = 0; month < HX_MONTHS; month++) {
        for (op = 1; op <= HX_OPS; op++) {
            assert_int_equal(test_store[month][op], 1000 * month + op
                             + (month == HX_MONTHS - 1 && op == 1));
            assert_int_equal(test_used_in("a", op, HX_MONTH + month),
                             month < HX_MONTHS - 2
                             ? 0 : test_store[month][op]);
        }
    }

    test_whole(test_st);
}


/*
 * The clock leaps while a copy is on its way to the store: what is left of the
 * month must not be stored in place of the whole.
 */
static void
months_are_stored_whole(void **state)
{
    int              meanwhile;
    uint32_t         cursor;
    hx_state_used_t  used;

    for (meanwhile = 0; meanwhile < 2; meanwhile++) {
        memset(test_store, 0, sizeof(test_store));
        assert_int_equal(test_charge_in("a", 1, HX_MONTH, 10), HX_OK);
        assert_int_equal(test_charge_in("a", 2, HX_MONTH, 20), HX_OK);

        cursor = 0;
        assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
        test_store[0][1] = 10;
        test_store[0][2] = 20;

        if (meanwhile) {
            assert_int_equal(test_charge_in("a", 2, HX_MONTH, 5), HX_OK);
        }

        assert_int_equal(test_charge_in("a", 1, HX_MONTH + 3, 7), HX_OK);
        hx_state_saved(test_st, &used);
        assert_int_equal(test_used("a", 1), meanwhile ? 10 : 0);
        assert_int_equal(test_used("a", 2), meanwhile ? 25 : 0);

        assert_int_equal(test_flush(), 1);
        assert_int_equal(test_flush(), 0);
        assert_int_equal(test_store[0][1], 10);
        assert_int_equal(test_store[0][2], meanwhile ? 25 : 20);
        assert_int_equal(test_store[3][1], 7);

        assert_int_equal(unlink(test_st_path), 0);
        test_reopen();
    }
}


/* ---- a clock that was months ahead */

static void
clock_comes_back(void **state)
{
    uint32_t  was;

    test_charge("a", 1, 10);
    assert_int_equal(test_charge_in("a", 1, 202701, 5), HX_OK);
    was = test_incarnation("a");

    /* not stored yet: no sum of a month that may be gone begins anew */

    test_charge("a", 1, 3);
    assert_int_equal(test_used("a", 1), 10);
    assert_int_equal(test_used_in("a", 1, 202612), 3);
    assert_int_equal(test_incarnation("a"), was);

    /* stored: a new life, whose sums are beside those of the old one */

    assert_int_equal(test_save(), 1);
    test_charge("a", 1, 4);
    assert_int_not_equal(test_incarnation("a"), was);
    assert_int_equal(test_used("a", 1), 4);
    assert_int_equal(test_used_in("a", 1, 202612), 0);
    assert_int_equal(test_used_in("a", 1, 202701), 0);

    /* one month back is what a midnight does */

    was = test_incarnation("a");
    assert_int_equal(test_charge_in("a", 1, HX_MONTH + 1, 1), HX_OK);
    assert_int_equal(test_save(), 1);
    test_charge("a", 1, 1);
    assert_int_equal(test_used("a", 1), 5);
    assert_int_equal(test_incarnation("a"), was);
    test_whole(test_st);
}


static void
quota_when_the_clock_comes_back(void **state)
{
    uint32_t           was;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question("a", 0, 0);
    ask.quota = 100;
    ask.cost = 1;

    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    was = answer.incarnation;
    assert_int_equal(hx_state_base(test_st, &ask.id, was, HX_MONTH, 50),
                     HX_OK);

    test_charge("a", 1, 50);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_QUOTA);

    /* what was charged goes from here once the clock is ahead */

    assert_int_equal(test_charge_in("a", 1, 202701, 5), HX_OK);
    assert_int_equal(test_save(), 1);

    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_BASE);
    assert_int_not_equal(answer.incarnation, was);
    assert_int_equal(hx_state_base(test_st, &ask.id, was, HX_MONTH, 50),
                     HX_NO);
    assert_int_equal(hx_state_base(test_st, &ask.id, answer.incarnation,
                                   HX_MONTH, 100), HX_OK);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_QUOTA);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(entries_by_month_and_operation), T(entry_stops_at_its_maximum),
        T(saved_when_it_is_the_same), T(cursor_passes_all_once),
        T(places_among_the_metrics), T(stored_months_go),
        T(more_months_than_fit), T(months_are_stored_whole),
        T(clock_comes_back), T(quota_when_the_clock_comes_back)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
