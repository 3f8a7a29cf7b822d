/*
 * hx_test_kill.h -- kill -9 at an instruction of choice.  An operation runs in
 * a child that is traced: once one step at a time, to learn its way, then it is
 * killed after 0, 1, 2 ... steps, and what it leaves is the parent's to look
 * at.
 *
 * A step costs tens of microseconds, so a child goes to a place that it comes
 * to once, or seldom, in one go (a breakpoint), and steps from there.  Who is
 * not allowed to trace fails here, it does not pass.
 */

#ifndef HX_TEST_KILL_H
#define HX_TEST_KILL_H

#include "hx_test.h"
#include "hx_test_dir.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#define HX_TRACE       250000           /* steps of one operation, at most */
#define HX_PLACES      65536            /* a power of 2 */

/* In steps, of about 35 us: a child and what else a kill takes, and all kills
 * of one operation. */
#if defined(__SANITIZE_ADDRESS__)
#define HX_KILL_PRICE    80
#define HX_KILL_BUDGET   20000
#else
#define HX_KILL_PRICE    16
#define HX_KILL_BUDGET   40000
#endif

typedef struct {
    void  (*prepare)(void);             /* in the child, before; may be NULL */
    void  (*op)(void);                  /* to be killed in */
} test_victim_t;

typedef struct {
    unsigned   n;                       /* steps to the end */
    uint64_t   pc[HX_TRACE + 1];        /* where it is after each */
    unsigned   nth[HX_TRACE + 1];       /* which time it is there, from 1 */
    unsigned   at[HX_PLACES];           /* the last step at a place, hashed */
} test_trace_t;

static test_trace_t  test_way;


static inline void
test_stop(void)
{
    (void) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
}


static inline pid_t
test_victim(const test_victim_t *v)
{
    int    status;
    pid_t  pid;

    (void) fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        test_default_signals();
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(3);
        }

        if (v->prepare != NULL) {
            v->prepare();
        }

        test_stop();
        v->op();
        test_stop();
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) {
        print_error("the child cannot be traced (status %x)\n",
                    (unsigned) status);
        fail();
    }

    return pid;
}


/* 1 = at the next step or breakpoint, 0 = at the end. */
static inline int
test_go(pid_t pid, int one)
{
    int  status;

    assert_int_equal(ptrace(one ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, NULL,
                            NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFSTOPPED(status)
        || (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP))
    {
        print_error("the child stopped with status %x\n", (unsigned) status);
        fail();
    }

    return WSTOPSIG(status) == SIGTRAP;
}


static inline void
test_slay(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}


#if defined(__x86_64__)

static inline uint64_t
test_pc(pid_t pid)
{
    struct user_regs_struct  regs;

    assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);

    return regs.rip;
}


static inline void
test_set_pc(pid_t pid, uint64_t pc)
{
    struct user_regs_struct  regs;

    assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);
    regs.rip = pc;
    assert_int_equal(ptrace(PTRACE_SETREGS, pid, NULL, &regs), 0);
}


/* To the nth time that it comes to a place; 0 = it did not. */
static inline int
test_run_to(pid_t pid, uint64_t pc, unsigned nth)
{
    long      was, trap;
    unsigned  i;

    errno = 0;
    was = ptrace(PTRACE_PEEKTEXT, pid, (void *) pc, NULL);
    assert_int_equal(errno, 0);
    trap = (was & ~0xffL) | 0xcc;

    for (i = 1; ; i++) {
        assert_int_equal(ptrace(PTRACE_POKETEXT, pid, (void *) pc, trap), 0);

        if (!test_go(pid, 0)) {
            return 0;
        }

        assert_int_equal(ptrace(PTRACE_POKETEXT, pid, (void *) pc, was), 0);
        assert_true(test_pc(pid) == pc + 1);
        test_set_pc(pid, pc);

        if (i == nth) {
            return 1;
        }

        if (!test_go(pid, 1)) {
            return 0;
        }
    }
}

#else

/* Steps alone do it too, it takes longer. */

static inline uint64_t
test_pc(pid_t pid)
{
    return 0;
}


static inline int
test_run_to(pid_t pid, uint64_t pc, unsigned nth)
{
    return 0;
}

#endif


/* The last step at the same place, or the slot for it with 0. */
static inline unsigned *
test_last_at(test_trace_t *t, uint64_t pc)
{
    uint64_t  i;

    i = pc * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for ( /* void */ ; ; i++) {
        i &= HX_PLACES - 1;

        if (t->at[i] == 0 || t->pc[t->at[i]] == pc) {
            return &t->at[i];
        }
    }
}


/* The way of the operation, from what is there now; its steps. */
static inline unsigned
test_learn(const test_victim_t *v)
{
    pid_t           pid;
    unsigned        i, *last;
    test_trace_t   *t = &test_way;

    pid = test_victim(v);
    t->pc[0] = test_pc(pid);

    for (t->n = 0; test_go(pid, 1); t->n++) {
        assert_true(t->n < HX_TRACE);
        t->pc[t->n + 1] = test_pc(pid);
    }

    test_slay(pid);

    /* the place it starts from is not come to */

    t->nth[0] = 0;
    memset(t->at, 0, sizeof(t->at));

    for (i = 1; i <= t->n; i++) {
        last = test_last_at(t, t->pc[i]);
        t->nth[i] = *last != 0 ? t->nth[*last] + 1 : 1;
        *last = i;
    }

    return t->n;
}


/*
 * The best place to go to in one go on the way to a step; 0 = the start.  What
 * it costs to come to the step is in steps.
 */
static inline unsigned
test_halt(unsigned step, unsigned *price)
{
    unsigned             i, best, cost, least;
    const test_trace_t  *t = &test_way;

    best = 0;
    least = step;

    for (i = step; i >= 1; i--) {
        cost = step - i + 4 * t->nth[i];

        if (cost < least && t->pc[i] != t->pc[0]) {
            least = cost;
            best = i;
        }

        if (step - i > least) {
            break;
        }
    }

    *price = least;

    return best;
}


/*
 * The distance between steps to be killed after: one, or as many as it takes
 * for all kills together to last about a second and a half.
 */
static inline unsigned
test_stride(void)
{
    unsigned  step, price;
    uint64_t  sum;

    for (step = 0, sum = 0; step <= test_way.n; step++) {
        (void) test_halt(step, &price);
        sum += HX_KILL_PRICE + price;
    }

    return 1 + (unsigned) (sum / HX_KILL_BUDGET);
}


static inline unsigned
test_next_step(unsigned step, unsigned stride)
{
    /* not always as far, so that no loop's length hides anything */

    return step + (stride > 2 ? stride - 1 + (unsigned) test_below(3)
                              : stride);
}


/*
 * Killed after so many steps of the way learned.  NULL is not it: "again" puts
 * back what was there before, when the child took another way.
 */
static inline void
test_kill_after(const test_victim_t *v, unsigned steps, void (*again)(void))
{
    pid_t     pid;
    unsigned  i, price;

    i = test_halt(steps, &price);
    pid = test_victim(v);

    if (i != 0 && !test_run_to(pid, test_way.pc[i], test_way.nth[i])) {
        test_slay(pid);
        again();
        pid = test_victim(v);
        i = 0;
    }

    for ( /* void */ ; i < steps && test_go(pid, 1); i++) { /* void */ }

    test_slay(pid);
}

#endif /* HX_TEST_KILL_H */
