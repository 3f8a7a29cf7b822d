/*
 * hx_state_kill_twice_test.c -- kill -9 of whoever cleans up after one who was
 * killed: the next at its lock or box, the one that repairs the memory alone,
 * the one that opens its file or moves it, at each of its system calls.
 */

#include "hx_test_state_kill.h"

#define HX_WINDOW_S   60
#define HX_AUDIT      "/nowhere/audit"
#define HX_RECORD     10                    /* bytes */

static hx_box_t           test_box;
static hx_state_ask_t     test_an_ask;
static hx_state_charge_t  test_a_charge;
static uint32_t           test_saved_hash;      /* of the tenant looked at */


static void
test_begin_record(void)
{
    size_t    room;
    uint32_t  last;

    if (hx_box_claim(&test_box, test_st, HX_AUDIT, HX_BOX) != HX_OK) {
        _exit(4);
    }

    memset(hx_box_room(&test_box, &last, &room), 'x', HX_RECORD);
    test_a_charge.box = &test_box;
    test_a_charge.box_last = last + HX_RECORD;
}


static void
test_op_charge(void)
{
    (void) hx_state_charge(test_st, &test_a_charge);
}


/* One was killed when entry and box were written, and counted not yet. */
static hx_stripe_t *
test_stripe(void)
{
    return &test_st->stripe[test_saved_hash & (HX_STATE_STRIPES - 1)];
}


static int
test_half_charged(void)
{
    return test_stripe()->undo == HX_UNDO_CHARGE
           && hx_state_box(test_st, 0)->last == HX_RECORD;
}


static void
test_charge_half(void)
{
    static const test_victim_t  victim = { test_begin_record, test_op_charge };

    test_charge("a", 1, 5);
    memset(&test_a_charge, 0, sizeof(test_a_charge));
    test_a_charge.id = test_str("a");
    test_saved_hash = hx_state_hash(&test_a_charge.id);
    test_a_charge.month = HX_MONTH;
    test_a_charge.operation = 1;
    test_a_charge.tenths = 10;
    test_kill_when(&victim, test_half_charged);
}


static void
test_not_charged(void)
{
    size_t    room;
    uint32_t  last;
    hx_box_t  box;

    if (test_other_way) {
        assert_int_equal(test_used("a", 1), 5);
    }

    assert_int_equal(hx_box_claim(&box, test_st, HX_AUDIT, HX_BOX), HX_OK);
    (void) hx_box_room(&box, &last, &room);
    hx_box_release(&box);
    assert_int_equal(last, 0);
    assert_int_equal(test_used("a", 1), 5);
}


static void
test_op_lock(void)
{
    hx_str_t  id;

    id = test_str("a");
    (void) hx_state_reserve(test_st, &id);
}


static void
test_op_claim(void)
{
    (void) hx_box_claim(&test_box, test_st, HX_AUDIT, HX_BOX);
}


static void
takeover_of_a_lock_killed(void **state)
{
    static const test_scene_t  scene = {
        { NULL, test_op_lock }, test_not_charged, NULL, 0
    };

    test_charge_half();
    test_kill_all(&scene);
}


static void
takeover_of_a_box_killed(void **state)
{
    static const test_scene_t  scene = {
        { NULL, test_op_claim }, test_not_charged, NULL, 0
    };

    test_charge_half();
    test_kill_all(&scene);
}


/* ---- a window whose bits are in pieces */

static int  test_written_over;              /* bits, not only the window */


static void
test_op_ask(void)
{
    hx_state_answer_t  answer;

    (void) hx_state_ask(test_st, &test_an_ask, &answer);
}


/* The window is being counted anew, in bits that are its old ones or not. */
static int
test_in_pieces(void)
{
    size_t              at;
    const hx_stripe_t  *s;
    hx_tenant_block_t  *t;

    s = test_stripe();
    t = &hx_state_block(test_st, s->block)->tenant;

    if (s->undo != HX_UNDO_WINDOW || s->window.requests != 100
        || t->window.requests != 80)
    {
        return 0;
    }

    at = (size_t) ((unsigned char *) hx_state_block(test_st, t->bits[0])
                   - (unsigned char *) test_st->head);

    return !test_written_over
           || memcmp((unsigned char *) test_st->head + at, test_saved + at,
                     HX_STATE_BLOCK) != 0;
}


static void
test_full(void)
{
    assert_int_equal(test_remaining("a", 80, 50), 0);
}


static void
test_empties(void)
{
    test_now += 51 * HX_SECOND;
    assert_int_equal(test_remaining("a", 80, 50), 80);
}


static void
test_window_killed(int written_over)
{
    unsigned  i;

    static const test_victim_t  victim = { NULL, test_op_ask };
    static const test_scene_t   scene = {
        { NULL, test_op_ask }, test_full, test_empties, 0
    };

    for (i = 0; i < 60; i++) {
        assert_int_equal(test_ask("a", 100, HX_WINDOW_S), HX_STATE_ADMITTED);
        test_now += HX_SECOND / 4;
    }

    test_an_ask = test_question("a", 80, 50);
    test_saved_hash = hx_state_hash(&test_an_ask.id);
    test_keep();
    test_written_over = written_over;
    test_kill_when(&victim, test_in_pieces);
    test_kill_all(&scene);
}


static void
takeover_of_a_window_killed(void **state)
{
    test_window_killed(0);
}


static void
takeover_of_bits_in_pieces_killed(void **state)
{
    test_window_killed(1);
}


/* ---- repair */

static void
test_op_repair(void)
{
    (void) hx_state_repair(test_st, test_st_err);
}


static uint32_t  test_left_b;               /* in the window of "b" */


static void
test_repaired(void)
{
    unsigned  i;

    test_not_charged();
    assert_int_equal(test_remaining("b", 100, HX_WINDOW_S), test_left_b);

    for (i = 1; i <= 40; i++) {
        assert_int_equal(test_used("b", i), 1);
    }
}


/* Of a memory with blocks that are free, and some that nobody knows. */
static void
test_repair_killed(int rebooted)
{
    unsigned  i;

    static const test_scene_t  scene = {
        { NULL, test_op_repair }, test_repaired, NULL, 1
    };

    for (i = 1; i <= 40; i++) {
        assert_int_equal(test_ask("b", 100, HX_WINDOW_S), HX_STATE_ADMITTED);
        test_charge("b", i, 1);
    }

    for (i = 0; i < 6; i++) {
        (void) hx_state_alloc(test_st, HX_BLOCK_MORE);
    }

    hx_state_free(test_st, test_st->head->fresh - 2);
    hx_state_free(test_st, test_st->head->fresh - 4);
    test_charge_half();

    test_left_b = 60;

    if (rebooted) {
        test_st->head->boot[5] ^= 1;
        test_left_b = 100;
    }

    test_kill_all(&scene);
}


static void
repair_killed(void **state)
{
    test_repair_killed(0);
}


static void
repair_after_another_boot_killed(void **state)
{
    test_repair_killed(1);
}


/* ---- opening */

/* Runs up to the nth stop at a system call; 0 = it came to its end. */
static int
test_run_calls(pid_t pid, unsigned n)
{
    int  status;

    for ( /* void */ ; n != 0; n--) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));

        if (WSTOPSIG(status) == SIGSTOP) {
            return 0;
        }
    }

    return 1;
}


static void
test_op_open(void)
{
    (void) test_try_open();
}


static void
test_op_open_and_charge(void)
{
    test_st = test_open();
    test_charge("a", 1, 1);
}


static int
test_is_there(void *data)
{
    if (hx_state_open(&test_st, &test_st_conf, test_st_err) != HX_OK) {
        print_error("%s\n", test_st_err);
        return 2;
    }

    return test_used("a", 1) == 5 && test_used("a", 40) == 1
           && test_remaining("a", 100, HX_WINDOW_S) == 60 ? 0 : 3;
}


/* Another one comes while the first is at it, and goes on when it is dead. */
static void
test_open_killed(size_t before, size_t after)
{
    int       on, status;
    pid_t     pid, next;
    unsigned  n;

    static const test_victim_t  victim = { NULL, test_op_open };

    for (on = 1, n = 1; on; n++) {
        test_st_conf.size = before;
        test_reopen();
        test_shut();
        test_st_conf.size = after;
        (void) alarm(HX_HANGS);
        pid = test_victim(&victim);
        on = test_run_calls(pid, n);

        (void) fflush(NULL);
        next = fork();
        assert_true(next >= 0);

        if (next == 0) {
            test_default_signals();
            _exit(test_is_there(NULL));
        }

        test_slay(pid);
        assert_int_equal(waitpid(next, &status, 0), next);
        assert_int_equal(status, 0);

        test_st = test_open();
        test_whole(test_st);
        assert_int_equal(access(test_path("state.new"), F_OK), -1);
        (void) alarm(0);
    }

    print_message("# killed at %u stops\n", n - 1);
    assert_true(n > 20);
}


static void
opening_killed(void **state)
{
    unsigned  i;

    test_st = test_open();
    test_charge("a", 1, 4);

    for (i = 1; i <= 40; i++) {
        assert_int_equal(test_ask("a", 100, HX_WINDOW_S), HX_STATE_ADMITTED);
        test_charge("a", i, 1);
    }

    test_open_killed(HX_ZONE, HX_ZONE);
    test_open_killed(HX_ZONE, 2 * HX_ZONE);
}


/*
 * The file is moved away under one that has opened it, and has no lock yet: it
 * must not go on with the old one.
 */
static void
moved_while_opened(void **state)
{
    int       status;
    pid_t     pid;
    unsigned  n;

    static const test_victim_t  victim = { NULL, test_op_open_and_charge };

    test_st = test_open();
    test_shut();

    /* behind openat(), before fstat(), behind fstat() */

    for (n = 2; n <= 4; n++) {
        test_st_conf.size = n % 2 ? HX_ZONE : 2 * HX_ZONE;
        pid = test_victim(&victim);
        assert_int_equal(test_run_calls(pid, n), 1);

        test_st = test_open();
        test_charge("a", 1, 10);
        test_shut();

        assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        test_slay(pid);

        test_st = test_open();
        assert_int_equal(test_used("a", 1), 11 * (n - 1));
        test_shut();
    }
}


/* Nothing is lost where nothing was. */
static void
making_killed(void **state)
{
    int       on, status;
    pid_t     pid;
    unsigned  n;

    static const test_victim_t  victim = { NULL, test_op_open };

    for (on = 1, n = 1; on; n++) {
        (void) unlink(test_st_path);
        pid = test_victim(&victim);
        on = test_run_calls(pid, n);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);

        test_st = test_open();
        test_whole(test_st);
        test_charge("a", 1, 1);
        test_shut();
    }

    print_message("# killed at %u stops\n", n - 1);
    assert_true(n > 10);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make_none,        \
                                              test_state_remove)
#define F(f)  cmocka_unit_test_setup_teardown(f, test_state_file,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(takeover_of_a_lock_killed), T(takeover_of_a_box_killed),
        T(takeover_of_a_window_killed), T(takeover_of_bits_in_pieces_killed),
        T(repair_killed),
        T(repair_after_another_boot_killed), F(opening_killed),
        F(moved_while_opened), F(making_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
