/*
 * hx_test_state_kill.h -- runs an operation on the shared memory again and
 * again from the same state, killed one instruction later each time, and has
 * looked at what is left: by a process that goes on at once, or by one that
 * opens the memory alone.
 */

#ifndef HX_TEST_STATE_KILL_H
#define HX_TEST_STATE_KILL_H

#include "hx_test_kill.h"
#include "hx_test_state.h"

#define HX_HANGS   60                       /* s: a lock of the dead */
#define HX_LEAKS   1                        /* blocks that a kill may cost */

typedef struct {
    test_victim_t   victim;

    /*
     * Looks at what is left, without changing what it looks at.  Called before
     * and after a repair, or one of both; test_other_way: where it matters who
     * is looked at first, the other one is.
     */
    void          (*check)(void);

    /* Goes on from there; may be NULL. */
    void          (*go_on)(void);

    unsigned        alone;              /* nobody comes before the repair */
} test_scene_t;

static unsigned char  *test_saved;          /* the state that it starts from */
static uint64_t        test_saved_now;
static unsigned char  *test_dead;           /* and what one kill has left */
static int             test_other_way;
static int             test_in_use;         /* it is not repaired */
static unsigned        test_leaks = HX_LEAKS;


static inline void
test_keep(void)
{
    test_saved = realloc(test_saved, test_st->mapped);
    test_dead = realloc(test_dead, test_st->mapped);
    assert_true(test_saved != NULL && test_dead != NULL);
    memcpy(test_saved, test_st->head, test_st->mapped);
    test_saved_now = test_now;
}


static inline void
test_again(void)
{
    memcpy(test_st->head, test_saved, test_st->mapped);
    test_now = test_saved_now;
}


static inline void
test_repair(void)
{
    if (hx_state_repair(test_st, test_st_err) != HX_OK) {
        print_error("%s\n", test_st_err);
        fail();
    }

    test_whole(test_st);
}


/*
 * One way to go on: somebody else does, and maybe the memory is repaired later;
 * or it is repaired at once.
 */
static inline void
test_go_on(const test_scene_t *scene, unsigned way)
{
    test_walk_t  w;

    test_other_way = way % 2;
    test_in_use = way / 2 == 0 && !scene->alone;

    if (way / 2 != 2 && !scene->alone) {
        scene->check();
        test_walk(test_st, &w);

        if (w.lost > test_leaks) {
            print_error("%u blocks are lost\n", (unsigned) w.lost);
            fail();
        }
    }

    if (!test_in_use) {
        test_repair();
        scene->check();
    }

    if (scene->go_on != NULL) {
        scene->go_on();
        test_walk(test_st, &w);
    }
}


/* All ways, when something is to be taken back; else one after the other. */
static inline void
test_left(const test_scene_t *scene, unsigned number)
{
    unsigned  i, way, half;

    for (i = 0, half = 0; i < HX_STATE_STRIPES; i++) {
        half |= test_st->stripe[i].undo != HX_UNDO_NONE;
    }

    (void) alarm(HX_HANGS);

    if (!half) {
        test_go_on(scene, number % 6);

    } else {
        memcpy(test_dead, test_st->head, test_st->mapped);

        for (way = 0; way < 6; way++) {
            memcpy(test_st->head, test_dead, test_st->mapped);
            test_now = test_saved_now;
            test_go_on(scene, way);
        }
    }

    (void) alarm(0);
}


/*
 * Leaves the memory as the operation did that was killed as soon as "wanted"
 * said yes.
 */
static inline void
test_kill_when(const test_victim_t *v, int (*wanted)(void))
{
    pid_t  pid;

    pid = test_victim(v);

    while (!wanted()) {
        assert_true(test_go(pid, 1));
    }

    test_slay(pid);
}


/* The state is made by now. */
static inline void
test_kill_all(const test_scene_t *scene)
{
    unsigned  n, step, stride, kills;

    test_keep();
    n = test_learn(&scene->victim);
    stride = test_stride();
    kills = 0;

    for (step = 0; step <= n; step = test_next_step(step, stride)) {
        test_again();
        test_kill_after(&scene->victim, step, test_again);
        test_left(scene, kills++);
    }

    print_message("# killed %u times in %u instructions\n", kills, n);
}

#endif /* HX_TEST_STATE_KILL_H */
