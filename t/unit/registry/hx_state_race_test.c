/*
 * hx_state_race_test.c -- several processes at once, with the real clock, and
 * kill -9 of one after the other at moments nobody chose.  In the end all that
 * was charged is in the audit file, each record once; and no window ever let
 * more in than it may.
 */

#include "hx_test_state.h"

#include <time.h>

#define HX_WORKERS    4
#define HX_TENANTS    3
#define HX_LIMIT      200                   /* requests in a second */
#define HX_RUN        1500                  /* ms */
#define HX_LOG        8192                  /* admissions of one tenant */
#define HX_LIVES      4096                  /* of workers, one after another */
#define HX_STRANGERS  3000
#define HX_HANGS      60                    /* s */

#define HX_RECORD     "%u %u %c %u %u end\n"

typedef struct {
    uint64_t   before;
    uint64_t   after;
} test_admission_t;

typedef struct {
    uint32_t           n[HX_TENANTS];
    uint32_t           strangers;
    uint32_t           refused;
    uint32_t           full;
    test_admission_t   log[HX_TENANTS][HX_LOG];
} test_shared_t;

static test_shared_t      *test_shared;
static char                test_file[sizeof(test_dir) + 16];
static const char *const   test_ids[HX_TENANTS] = { "a", "b", "c" };
static uint64_t          (*test_real)(void);


static uint64_t
test_time(void)
{
    return test_real();
}


/* ---- a worker */

typedef struct {
    unsigned   life;
    unsigned   seq;
    int        fd;
    hx_box_t   box;
} test_worker_t;


static void
test_write(test_worker_t *w)
{
    int  unsure;

    unsure = 0;

    if (hx_box_write(&w->box, w->fd, &unsure) != HX_BOX_DONE || unsure) {
        _exit(3);
    }
}


/* Charges and records; what the record says is read from the file later. */
static void
test_finish(test_worker_t *w, unsigned tenant, unsigned op, uint32_t tenths,
    const hx_state_answer_t *answer)
{
    int                 n;
    size_t              room;
    uint32_t            last;
    unsigned char      *p;
    hx_state_charge_t   c;

    p = hx_box_room(&w->box, &last, &room);

    if (room < 80) {
        test_write(w);
        p = hx_box_room(&w->box, &last, &room);
    }

    n = snprintf((char *) p, room, HX_RECORD, w->life, w->seq++,
                 test_ids[tenant][0], op, tenths);

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = test_str(test_ids[tenant]);
    c.answer = answer;
    c.month = HX_MONTH;
    c.operation = op;
    c.tenths = tenths;
    c.box = &w->box;
    c.box_last = last + (uint32_t) n;

    if (hx_state_charge(test_st, &c) != HX_OK) {
        _exit(4);
    }
}


static void
test_request(test_worker_t *w, unsigned tenant)
{
    uint32_t            n;
    hx_state_ask_t      ask;
    test_admission_t    a;
    hx_state_answer_t   answer;

    ask = test_question(test_ids[tenant], HX_LIMIT, 1);
    a.before = test_time();

    /* strangers may have taken all the memory there is */

    if (hx_state_ask(test_st, &ask, &answer) != HX_OK) {
        (void) __atomic_fetch_add(&test_shared->full, 1, __ATOMIC_RELAXED);
        return;
    }

    a.after = test_time();

    if (answer.verdict == HX_STATE_ADMITTED) {
        n = __atomic_fetch_add(&test_shared->n[tenant], 1, __ATOMIC_RELAXED);

        if (n < HX_LOG) {
            test_shared->log[tenant][n] = a;
        }

        test_finish(w, tenant, 1, 1 + w->seq % 7, &answer);

    } else {
        (void) __atomic_fetch_add(&test_shared->refused, 1, __ATOMIC_RELAXED);
    }
}


/* Comes and goes, so that places are taken all the time. */
static void
test_stranger(unsigned n)
{
    char                id[16];
    hx_state_ask_t      ask;
    hx_state_answer_t   answer;

    (void) snprintf(id, sizeof(id), "s%u", n);
    ask = test_question(id, 5, 1);

    if (hx_state_ask(test_st, &ask, &answer) == HX_OK) {
        (void) __atomic_fetch_add(&test_shared->strangers, 1,
                                  __ATOMIC_RELAXED);
    }
}


static void
test_work(unsigned life)
{
    unsigned        i;
    test_worker_t   w;

    memset(&w, 0, sizeof(test_worker_t));
    w.life = life;
    w.fd = open(test_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    test_seed = life;

    if (w.fd == -1
        || hx_box_claim(&w.box, test_st, test_file, HX_BOX) != HX_OK)
    {
        _exit(2);
    }

    test_write(&w);

    for (i = 0; ; i++) {
        test_request(&w, (unsigned) test_below(HX_TENANTS));
        test_finish(&w, (unsigned) test_below(HX_TENANTS),
                    2 + (unsigned) test_below(3), 3, NULL);
        test_stranger((unsigned) test_below(HX_STRANGERS));

        if (i % 64 == 0) {
            (void) hx_box_rescue(test_st, NULL, NULL);
        }

        if (i % 256 == 0 && hx_state_save_lock(test_st, 0) == HX_OK) {
            (void) test_save();
            hx_state_save_unlock(test_st);
        }
    }
}


static pid_t
test_spawn(unsigned life)
{
    pid_t  pid;

    (void) fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        test_default_signals();
        (void) alarm(HX_HANGS);
        test_work(life);
    }

    return pid;
}


static void
test_end(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        print_error("a worker ended with status %x\n", (unsigned) status);
        fail();
    }
}


/* ---- what is left */

static uint64_t  test_recorded[HX_TENANTS][5];
static unsigned  test_seen[HX_LIVES];


/*
 * Those of one life are in order, each once.  Who was killed inside a write()
 * may have left a part of a record, as a line: the whole one follows.
 */
static unsigned
test_read(unsigned *cut)
{
    int        fields;
    char       line[256], is[256], id;
    FILE      *f;
    unsigned   n, life, seq, op, tenths;

    f = fopen(test_file, "r");
    assert_non_null(f);
    memset(test_recorded, 0, sizeof(test_recorded));
    memset(test_seen, 0, sizeof(test_seen));
    *cut = 0;

    for (n = 0; fgets(line, sizeof(line), f) != NULL; n++) {
        fields = sscanf(line, "%u %u %c %u %u", &life, &seq, &id, &op,
                        &tenths);

        if (fields == 5) {
            (void) snprintf(is, sizeof(is), HX_RECORD, life, seq, id, op,
                            tenths);
        }

        if (fields != 5 || strcmp(is, line) != 0) {
            assert_true(strlen(line) < sizeof("9999 999999 a 4 9 end\n"));
            assert_null(strstr(line, "end\n"));
            ++*cut;
            continue;
        }

        assert_true(life < HX_LIVES && op >= 1 && op <= 4);
        assert_true(seq >= test_seen[life]);
        test_seen[life] = seq + 1;
        test_recorded[id - 'a'][op] += tenths;
    }

    (void) fclose(f);

    return n;
}


static void
test_sums_are_equal(void)
{
    unsigned  t, op;

    for (t = 0; t < HX_TENANTS; t++) {
        for (op = 1; op <= 4; op++) {
            assert_int_equal(test_used(test_ids[t], op),
                             test_recorded[t][op]);
        }
    }
}


static int
test_earlier(const void *a, const void *b)
{
    const test_admission_t  *x = a, *y = b;

    return x->before < y->before ? -1 : x->before > y->before;
}


/* More than the limit wholly within less than the window: never. */
static void
test_never_too_many(unsigned tenant)
{
    uint32_t           i, k, n, within;
    test_admission_t  *log;

    n = test_shared->n[tenant];
    assert_in_range(n, HX_LIMIT / 2, HX_LOG);
    log = test_shared->log[tenant];
    qsort(log, n, sizeof(test_admission_t), test_earlier);

    for (i = 0; i < n; i++) {
        if (log[i].after == 0) {
            continue;                   /* killed before it was written */
        }

        for (within = 0, k = i;
             k < n && log[k].before < log[i].before + HX_SECOND; k++)
        {
            within += log[k].after < log[i].before + HX_SECOND;
        }

        if (within > HX_LIMIT) {
            print_error("%u requests of \"%s\" in a second\n", within,
                        test_ids[tenant]);
            fail();
        }
    }
}


static void
killed_at_any_moment(void **state)
{
    pid_t            pid[HX_WORKERS];
    unsigned         i, life, records, admitted, cut;
    uint64_t         end;
    hx_str_t         id;
    struct timespec  t;

    hx_state_clock = test_real;
    test_shared = mmap(NULL, sizeof(test_shared_t), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(test_shared != MAP_FAILED);
    (void) snprintf(test_file, sizeof(test_file), "%s/audit", test_dir);
    (void) alarm(HX_HANGS);

    /* they are there before the memory is full */

    for (i = 0; i < HX_TENANTS; i++) {
        id = test_str(test_ids[i]);
        assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);
    }

    for (life = 0; life < HX_WORKERS; life++) {
        pid[life] = test_spawn(life);
    }

    end = test_time() + HX_RUN * (HX_SECOND / 1000);
    t.tv_sec = 0;

    while (test_time() < end) {
        t.tv_nsec = (long) test_below(6000000);
        (void) nanosleep(&t, NULL);
        i = (unsigned) test_below(HX_WORKERS);
        test_end(pid[i]);
        assert_true(life < HX_LIVES);
        pid[i] = test_spawn(life++);
    }

    for (i = 0; i < HX_WORKERS; i++) {
        test_end(pid[i]);
    }

    assert_int_equal(hx_box_rescue(test_st, NULL, NULL), 0);
    records = test_read(&cut);
    assert_in_range(cut, 0, life);
    test_sums_are_equal();

    for (i = 0, admitted = 0; i < HX_TENANTS; i++) {
        test_never_too_many(i);
        admitted += test_shared->n[i];
    }

    test_reopen();
    test_whole(test_st);
    test_sums_are_equal();
    (void) alarm(0);

    print_message("# %u kills, %u records (%u cut), %u admitted, %u refused, "
                  "%u without memory, %u strangers\n", life, records, cut,
                  admitted, test_shared->refused, test_shared->full,
                  test_shared->strangers);
}


/* More boxes than workers: who rescues one holds it for a moment. */
static int
test_real_clock(void **state)
{
    test_real = hx_state_clock;

    if (test_state_file(state) != 0) {
        return -1;
    }

    test_st_conf.n_boxes = 4 * HX_WORKERS;

    return hx_state_open(&test_st, &test_st_conf, test_st_err) != HX_OK;
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_real_clock,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(killed_at_any_moment)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
