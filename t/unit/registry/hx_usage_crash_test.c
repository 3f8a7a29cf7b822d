/*
 * hx_usage_crash_test.c -- kill -9 in the middle of flushes.  What was answered
 * is there afterwards, the one flush under way is there with all of its rows or
 * with none, and the next process can go on at once.
 */

#include "hx_test_usage.h"

#include <time.h>

#define HX_TENANTS   12
#define HX_SOURCES   3
#define HX_MONTHS    2
#define HX_ROUNDS    60

/* tenths of each row, 0 = not there */
typedef struct {
    uint64_t  put[HX_MONTHS][HX_TENANTS][HX_SOURCES];
    uint64_t  get[HX_MONTHS][HX_TENANTS][HX_SOURCES];
} hx_model_t;

static const char *const  ids[HX_TENANTS] = {
    "a", "a-", "aa", "ab", "abc", "b", "b0", "ba", "c", "d", "dd", "e"
};
static const unsigned  months[HX_MONTHS] = { 202512, HX_TEST_MONTH };

static hx_model_t         model;        /* what must be there */
static hx_model_t         after;        /* the same one flush later */
static hx_usage_row_t     rows[HX_TENANTS * HX_SOURCES * HX_MONTHS];
static hx_usage_entry_t   entries[hx_nelts(rows)][2];


/*
 * Flush number n, the same in every process: some tenants, of all sources and
 * months, that have counted on since.  Its rows, and what becomes of the model.
 */
static size_t
test_nth(hx_model_t *m, unsigned n)
{
    size_t    i, k, s, at, rest;
    uint64_t  keep;

    keep = test_seed;
    test_seed = n;
    at = 0;
    rest = 1 + test_below(4);

    for (i = 0; i < HX_MONTHS; i++) {
        for (k = 0; k < HX_TENANTS; k++) {
            for (s = 0; s < HX_SOURCES; s++) {
                if (at != 0 && test_below(4) >= rest) {
                    continue;
                }

                entries[at][0].operation = test_str("put");
                entries[at][0].tenths = n;
                entries[at][1].operation = test_str("get");
                entries[at][1].tenths = n * (1 + test_below(100));
                test_row(&rows[at], ids[k], 1 + (unsigned) s, entries[at], 2);
                rows[at].month = months[i];

                if (m != NULL) {
                    m->put[i][k][s] = entries[at][0].tenths;
                    m->get[i][k][s] = entries[at][1].tenths;
                }

                at++;
            }
        }
    }

    test_seed = keep;

    return at;
}


/* Goes on from flush n until it is killed; a byte after each answer. */
static void
test_worker(unsigned n, int fd)
{
    size_t       count;
    hx_usage_t  *u;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        print_error("flush %u: open: %s\n", n, test_err);
        _exit(2);
    }

    for ( ;; n++) {
        count = test_nth(NULL, n);

        if (test_put_rows(u, rows, count) != HX_OK) {
            print_error("flush %u: %s\n", n, test_err);
            _exit(3);
        }

        if (write(fd, "", 1) != 1) {
            _exit(4);
        }
    }
}


/* One source: the others excluded one after the other gives it. */
static int
test_is(hx_usage_t *u, const hx_model_t *m)
{
    size_t                  i, k, s;
    uint64_t                put, get, all, without;
    static hx_usage_sum_t   sum;

    for (i = 0; i < HX_MONTHS; i++) {
        for (k = 0; k < HX_TENANTS; k++) {
            all = 0;
            put = 0;
            get = 0;

            for (s = 0; s < HX_SOURCES; s++) {
                put += m->put[i][k][s];
                get += m->get[i][k][s];
            }

            assert_int_not_equal(test_get(u, months[i], ids[k], 0, &sum),
                                 HX_FAIL);
            assert_int_equal(test_total(u, months[i], ids[k], 0, &all), HX_OK);
            assert_int_equal(all, sum.tenths);

            if (sum.tenths != put + get
                || (sum.n != 0 && (test_of(&sum, "put") != put
                                   || test_of(&sum, "get") != get)))
            {
                return 0;
            }

            for (s = 0; s < HX_SOURCES; s++) {
                assert_int_equal(test_total(u, months[i], ids[k],
                                            1 + (unsigned) s, &without),
                                 HX_OK);

                if (all - without != m->put[i][k][s] + m->get[i][k][s]) {
                    return 0;
                }
            }
        }
    }

    return 1;
}


/* Any moment of the flush that is under way is as likely as another. */
static void
test_moment(void)
{
    struct timespec  t;

    t.tv_sec = 0;
    t.tv_nsec = (long) test_below(400000);
    (void) nanosleep(&t, NULL);
}


/* Runs the writer until it has answered some; how many in the end. */
static unsigned
test_killed(unsigned n)
{
    int        fd[2], status;
    char       bytes[4096];
    pid_t      pid;
    ssize_t    got;
    unsigned   wanted, answered;

    assert_int_equal(pipe(fd), 0);
    (void) fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        /* not longer than the test, should that fail */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        test_default_signals();
        (void) close(fd[0]);
        test_worker(n, fd[1]);
    }

    (void) close(fd[1]);
    wanted = 1 + (unsigned) test_below(30);

    for (answered = 0; answered < wanted; answered += (unsigned) got) {
        got = read(fd[0], bytes, wanted - answered);
        assert_true(got > 0);
    }

    test_moment();
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    /* and what it still said before it died */

    while ((got = read(fd[0], bytes, sizeof(bytes))) > 0) {
        answered += (unsigned) got;
    }

    (void) close(fd[0]);

    return answered;
}


static void
killed_while_flushing(void **state)
{
    int          early;
    unsigned     round, n, answered, under_way;
    hx_usage_t  *u;

    n = 1;
    under_way = 0;
    memset(&model, 0, sizeof(model));

    for (round = 0; round < HX_ROUNDS; round++) {
        /* who is alive when the writer dies goes on, and who comes later */

        u = round % 2 ? test_usage() : NULL;

        for (answered = test_killed(n); answered != 0; answered--) {
            (void) test_nth(&model, n++);
        }

        after = model;
        (void) test_nth(&after, n);
        u = u != NULL ? u : test_usage();

        /*
         * Killed between the file's commit and the lock file's knowing of it,
         * the flush shows only when the next writer comes.  It never goes away
         * again.
         */

        early = !test_is(u, &model);
        assert_true(!early || test_is(u, &after));

        test_store(u, "extra", 1, "put", round);

        if (early || !test_is(u, &model)) {
            assert_true(test_is(u, &after));
            model = after;
            n++;
            under_way++;
        }

        assert_int_equal(test_used(u, "extra", 0), round);
        hx_usage_close(u);
    }

    print_message("# %u flushes, %u of %d under way were there\n", n - 1,
                  under_way, HX_ROUNDS);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(killed_while_flushing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
