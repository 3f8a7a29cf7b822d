/*
 * hx_registry_crash_test.c -- kill -9 in the middle of changes.  What was
 * answered is there afterwards, the one change under way is there whole or not
 * at all, keys and tenants agree, and the next process can go on at once.
 */

#include "hx_test_registry.h"

#include <time.h>

#define HX_TENANTS   4
#define HX_ROUNDS    40

typedef struct {
    int                exists;
    hx_tenant_edit_t   e;
} hx_model_t;

static const char *const  ids[HX_TENANTS] = { "a", "b", "c", "d" };

static hx_model_t   model[HX_TENANTS];      /* what must be there */
static hx_model_t   after[HX_TENANTS];      /* the same one change later */
static char         names[50][8];


/* Change number n, the same in every process. */
static unsigned
test_nth(hx_change_t *c, unsigned n)
{
    uint64_t  z, keep;
    unsigned  who;

    static const hx_change_op_t  ops[] = {
        HX_CHANGE_CREATE, HX_CHANGE_CREATE, HX_CHANGE_CREATE,
        HX_CHANGE_ROTATE, HX_CHANGE_ROTATE, HX_CHANGE_ROTATE,
        HX_CHANGE_ADD_NAMESPACE, HX_CHANGE_ADD_NAMESPACE,
        HX_CHANGE_REMOVE_NAMESPACE, HX_CHANGE_SUSPEND, HX_CHANGE_ACTIVATE,
        HX_CHANGE_DELETE
    };

    keep = test_seed;
    test_seed = n;
    z = test_random();
    who = (unsigned) test_below(HX_TENANTS);
    test_change(c, ops[z % hx_nelts(ops)], ids[who], n);
    c->now += n;
    c->grace_s = test_below(2) ? 0 : 50;
    c->namespaces[0] = test_str(names[test_below(50)]);
    test_seed = keep;

    return who;
}


static void
test_model(hx_model_t *m, unsigned n)
{
    unsigned             who;
    static hx_change_t   c;

    who = test_nth(&c, n);

    /* namespaces of a change point to names[], which stays */

    if (hx_tenant_apply(&m[who].e, m[who].exists, &c) == HX_CHANGED) {
        m[who].exists = (c.op != HX_CHANGE_DELETE);
    }
}


/* Goes on from change n until it is killed; a byte after each answer. */
static void
test_worker(unsigned n, int fd)
{
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        print_error("change %u: open: %s\n", n, test_err);
        _exit(2);
    }

    for ( ;; n++) {
        (void) test_nth(&c, n);

        if (test_apply(reg, &c, &result) != HX_OK) {
            print_error("change %u: %s\n", n, test_err);
            _exit(3);
        }

        if (write(fd, "", 1) != 1) {
            _exit(4);
        }
    }
}


static int
test_is(hx_registry_t *reg, const hx_model_t *m)
{
    hx_rc_t           rc;
    unsigned          i;
    hx_tenant_t       t;
    hx_tenant_edit_t  e;

    for (i = 0; i < HX_TENANTS; i++) {
        rc = test_get(reg, ids[i], &t);
        assert_int_not_equal(rc, HX_FAIL);

        if ((rc == HX_OK) != m[i].exists) {
            return 0;
        }

        if (rc == HX_OK) {
            assert_int_equal(hx_tenant_edit(&e, &t), HX_OK);

            if (!test_same_tenant(&e, &m[i].e)) {
                return 0;
            }
        }
    }

    return 1;
}


/* Any moment of the change that is under way is as likely as another. */
static void
test_moment(void)
{
    struct timespec  t;

    t.tv_sec = 0;
    t.tv_nsec = (long) test_below(400000);
    (void) nanosleep(&t, NULL);
}


static void
killed_while_changing(void **state)
{
    int             fd[2], status, in_flight, early;
    char            bytes[4096];
    pid_t           pid;
    ssize_t         got;
    unsigned        round, n, wanted, answered;
    hx_registry_t  *reg;

    for (n = 0; n < hx_nelts(names); n++) {
        (void) snprintf(names[n], sizeof(names[n]), "ns%u", n);
    }

    n = 1;
    in_flight = 0;
    memset(model, 0, sizeof(model));

    for (round = 0; round < HX_ROUNDS; round++) {
        /* who is alive when the writer dies goes on, and who comes later */

        reg = round % 2 ? test_registry() : NULL;

        assert_int_equal(pipe(fd), 0);
        (void) fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            test_default_signals();
            (void) close(fd[0]);
            test_worker(n, fd[1]);
        }

        (void) close(fd[1]);
        wanted = 1 + (unsigned) test_below(40);

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

        for ( /* void */ ; answered != 0; answered--) {
            test_model(model, n++);
        }

        memcpy(after, model, sizeof(model));
        test_model(after, n);
        reg = reg != NULL ? reg : test_registry();

        /*
         * Killed between the file's commit and the lock file's knowing of it,
         * the change shows only when the next writer comes.  It never goes
         * away again.
         */

        early = !test_is(reg, model);
        assert_true(!early || test_is(reg, after));

        test_do(reg, HX_CHANGE_CREATE, "extra", 1000000 + round);
        test_do(reg, HX_CHANGE_DELETE, "extra", 0);

        if (early || !test_is(reg, model)) {
            assert_true(test_is(reg, after));
            memcpy(model, after, sizeof(model));
            n++;
            in_flight++;
        }

        hx_registry_close(reg);
        test_consistent();
    }

    print_message("# %u changes, %d of %d under way were there\n", n,
                  in_flight, HX_ROUNDS);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(killed_while_changing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
