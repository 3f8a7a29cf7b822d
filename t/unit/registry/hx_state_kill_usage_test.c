/*
 * hx_state_kill_usage_test.c -- kill -9 while usage is on its way to the store:
 * what is billed in the end is what was charged, for all months; and while a
 * base or a name is being written.
 */

#include "hx_test_state_kill.h"

#define HX_MONTHS     8

static hx_state_ask_t     test_an_ask;
static hx_state_answer_t  test_answer;


static void
test_nothing(void)
{
}


static void
test_op_ask(void)
{
    (void) hx_state_ask(test_st, &test_an_ask, &test_answer);
}


/* A store that keeps a month's row in place of the last one of its source. */
typedef struct {
    uint32_t   source;
    unsigned   month;
    uint64_t   tenths;
} test_row_t;

static test_row_t       test_rows[16], test_rows_kept[16];
static unsigned         test_n_rows, test_n_rows_kept;
static hx_state_used_t  test_copy;
static uint64_t         test_due[HX_MONTHS];        /* what is to be billed */


static void
test_store(const hx_state_used_t *used)
{
    unsigned     i, k;
    test_row_t  *row;

    for (i = 0; i < used->n; i++) {
        for (k = 0; k < test_n_rows; k++) {
            row = &test_rows[k];

            if (row->source == used->incarnation
                && row->month == used->entry[i].month)
            {
                break;
            }
        }

        assert_true(k < hx_nelts(test_rows));
        row = &test_rows[k];

        if (k == test_n_rows) {
            test_n_rows++;
        }

        row->source = used->incarnation;
        row->month = used->entry[i].month;
        row->tenths = 0;
    }

    for (i = 0; i < used->n; i++) {
        for (k = 0; k < test_n_rows; k++) {
            row = &test_rows[k];

            if (row->source == used->incarnation
                && row->month == used->entry[i].month)
            {
                row->tenths += used->entry[i].tenths;
            }
        }
    }
}


static void
test_flush(void)
{
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;

    while (hx_state_unsaved(test_st, &cursor, &used) == HX_OK) {
        test_store(&used);
        hx_state_saved(test_st, &used);
    }
}


static uint64_t
test_billed(unsigned month)
{
    unsigned  k;
    uint64_t  sum;

    for (k = 0, sum = 0; k < test_n_rows; k++) {
        sum += test_rows[k].month == month ? test_rows[k].tenths : 0;
    }

    return sum;
}


static void
test_op_saved(void)
{
    hx_state_saved(test_st, &test_copy);
}


/* What is stored from here on is what was charged, for all months. */
static void
test_bills_are_right(void)
{
    unsigned  i, op;

    memcpy(test_rows, test_rows_kept, sizeof(test_rows));
    test_n_rows = test_n_rows_kept;

    for (op = 1; op <= 3; op++) {
        test_charge("a", op, 1);
        test_flush();
    }

    test_flush();

    for (i = 0; i < HX_MONTHS; i++) {
        assert_int_equal(test_billed(HX_MONTH - 3 + i),
                         test_due[i] + (i == 3 ? 3 : 0));
    }
}


static void
saved_killed(void **state)
{
    unsigned  i, op;
    uint32_t  cursor;

    static const test_scene_t  scene = {
        { NULL, test_op_saved }, test_nothing, test_bills_are_right, 0
    };

    /* four months, in many blocks: two are to go */

    memset(test_due, 0, sizeof(test_due));

    for (i = 0; i < 4; i++) {
        for (op = 1; op <= 10; op++) {
            assert_int_equal(test_charge_in("a", op, HX_MONTH - 3 + i,
                                            100 * i + op), HX_OK);
            test_due[i] += 100 * i + op;
        }
    }

    cursor = 0;
    test_n_rows = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &test_copy), HX_OK);
    test_store(&test_copy);
    memcpy(test_rows_kept, test_rows, sizeof(test_rows));
    test_n_rows_kept = test_n_rows;
    test_kill_all(&scene);
}


static void
test_op_turn_back(void)
{
    test_charge("a", 2, 50);
}


/* All months are billed as they are due, but for what this one has more. */
static void
test_due_and(uint64_t more, uint64_t or_more)
{
    unsigned  i;
    uint64_t  is;

    for (i = 0; i < HX_MONTHS; i++) {
        is = test_billed(HX_MONTH - 3 + i);
        assert_true(is == test_due[i] + (i == 3 ? more : 0)
                    || is == test_due[i] + (i == 3 ? or_more : 0));
    }
}


/* The charge counts or not; all that was before it is billed once. */
static void
test_turned_back(void)
{
    memcpy(test_rows, test_rows_kept, sizeof(test_rows));
    test_n_rows = test_n_rows_kept;
    test_flush();
    test_due_and(0, 50);

    test_charge("a", 2, 1);
    test_flush();
    test_due_and(1, 51);

    assert_int_equal(test_charge_in("a", 2, HX_MONTH + 1, 0), HX_OK);
    test_flush();
    test_due_and(1, 51);
}


static void
turning_back_killed(void **state)
{
    unsigned  op;

    static const test_scene_t  scene = {
        { NULL, test_op_turn_back }, test_nothing, test_turned_back, 0
    };

    memset(test_due, 0, sizeof(test_due));
    test_n_rows = 0;

    for (op = 1; op <= 10; op++) {
        test_charge("a", op, op);
        test_due[3] += op;
    }

    test_flush();

    for (op = 1; op <= 10; op++) {
        assert_int_equal(test_charge_in("a", op, HX_MONTH + 4, op), HX_OK);
        test_due[7] += op;
    }

    test_flush();
    memcpy(test_rows_kept, test_rows, sizeof(test_rows));
    test_n_rows_kept = test_n_rows;
    test_kill_all(&scene);
}


static void
test_op_base(void)
{
    (void) hx_state_base(test_st, &test_an_ask.id, test_answer.incarnation,
                         HX_MONTH, 70);
}


static void
test_base_or_none(void)
{
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_an_ask;
    ask.look = 1;
    ask.cost = 31;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);

    if (answer.verdict == HX_STATE_BASE) {
        return;
    }

    assert_int_equal(answer.verdict, HX_STATE_QUOTA);
    ask.cost = 30;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
}


static void
base_killed(void **state)
{
    static const test_scene_t  scene = {
        { NULL, test_op_base }, test_base_or_none, NULL, 0
    };

    /* it was known for another month */

    test_an_ask = test_question("a", 0, 0);
    test_an_ask.quota = 100;
    test_op_ask();
    assert_int_equal(hx_state_base(test_st, &test_an_ask.id,
                                   test_answer.incarnation, HX_MONTH - 1, 5),
                     HX_OK);
    test_kill_all(&scene);
}


static void
test_op_name(void)
{
    hx_str_t  name;

    name = test_str("query_similarity");
    (void) hx_state_operation(test_st, &name);
}


static void
test_numbers_stay(void)
{
    hx_str_t  name;

    name = hx_state_operation_name(test_st, 1);
    assert_int_equal(name.len, 3);
    assert_memory_equal(name.data, "put", 3);

    name = hx_state_operation_name(test_st, 2);
    assert_true(name.len == 0 || name.len == 16);

    if (name.len != 0) {
        assert_memory_equal(name.data, "query_similarity", 16);
    }
}


static void
test_numbers_go_on(void)
{
    hx_str_t  name;

    name = test_str("query_similarity");
    assert_int_equal(hx_state_operation(test_st, &name), 2);
    name = test_str("get");
    assert_int_equal(hx_state_operation(test_st, &name), 3);
}


static void
name_killed(void **state)
{
    hx_str_t  name;

    static const test_scene_t  scene = {
        { NULL, test_op_name }, test_numbers_stay, test_numbers_go_on, 0
    };

    name = test_str("put");
    assert_int_equal(hx_state_operation(test_st, &name), 1);
    test_kill_all(&scene);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make_none,        \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(saved_killed), T(turning_back_killed), T(base_killed),
        T(name_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
