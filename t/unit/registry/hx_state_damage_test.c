/*
 * hx_state_damage_test.c -- a shared memory that is damaged is refused, what is
 * missing nobody guesses; and who opens it while others do, or move it, never
 * ends up in one of its own.
 */

#include "hx_test_state.h"

#include <sys/resource.h>

#define HX_OPENERS   6
#define HX_TIMES     40


/* ---- damage */

static hx_tenant_block_t *
test_tenant(const char *id, uint32_t *block)
{
    hx_str_t            s;
    uint32_t            hash;
    hx_tenant_block_t  *t;

    s = test_str(id);
    hash = hx_state_hash(&s);
    t = hx_state_find(test_st, hash, &s, block);
    assert_non_null(t);

    return t;
}


/* "a" and "b" have blocks of all kinds. */
static void
test_furnish(void)
{
    unsigned  i;

    for (i = 1; i <= 60; i++) {
        (void) test_ask("a", 100, 60);
        (void) test_ask("b", 100, 60);
        test_charge("a", i, 1);
        test_charge("b", i, 1);
    }
}


typedef void (*test_damage_pt)(hx_tenant_block_t *a, uint32_t at,
    hx_tenant_block_t *b);

#define D(name, what)                                                         \
    static void                                                               \
    damage_ ## name(hx_tenant_block_t *a, uint32_t at, hx_tenant_block_t *b)  \
    {                                                                         \
        what;                                                                 \
    }

D(index_beyond, test_st->index[5] = test_st->head->fresh)
D(index_more, test_st->index[5] = a->more)
D(index_twice, test_st->index[(a->hash + 1) & (test_st->head->n_index - 1)]
               = at)
D(chain_loop, a->next = at)
D(hash, a->hash ^= 0x8000)
D(no_id, a->id_len = 0)
D(long_id, a->id_len = HX_TENANT_MAX + 1)
D(kind, a->kind = HX_BLOCK_MORE)
D(more_beyond, a->more = UINT32_MAX)
D(more_shared, a->more = b->more)
D(more_loop, hx_state_block(test_st, a->more)->more.next = a->more)
D(bits_beyond, a->bits[1] = test_st->head->fresh)
D(bits_shared, a->bits[0] = b->bits[0])
D(bits_missing, a->bits[1] = 0)
D(undo_unknown, test_st->stripe[3].undo = 99)
D(undo_window, test_st->stripe[3].undo = HX_UNDO_WINDOW;
               test_st->stripe[3].block = UINT32_MAX)
D(undo_no_tenant, test_st->stripe[3].undo = HX_UNDO_WINDOW;
                  test_st->stripe[3].block = a->more)
D(undo_renew, test_st->stripe[3].undo = HX_UNDO_RENEW)
D(undo_prune, test_st->stripe[3].undo = HX_UNDO_PRUNE)
D(undo_entry, test_st->stripe[3].undo = HX_UNDO_CHARGE;
              test_st->stripe[3].entry_block = UINT32_MAX)
D(undo_entry_at, test_st->stripe[3].undo = HX_UNDO_CHARGE;
                 test_st->stripe[3].entry_block = at;
                 test_st->stripe[3].entry_at = HX_STATE_INLINE)
D(undo_box, test_st->stripe[3].undo = HX_UNDO_CHARGE;
            test_st->stripe[3].entry_block = at;
            test_st->stripe[3].box = HX_BOXES + 1)
D(undo_box_last, test_st->stripe[3].undo = HX_UNDO_CHARGE;
                 test_st->stripe[3].entry_block = at;
                 test_st->stripe[3].box = 1;
                 test_st->stripe[3].box_last = HX_BOX + 1)
D(box_start, hx_state_box(test_st, 1)->last = 5;
             hx_state_box(test_st, 1)->start = 6)
D(box_last, hx_state_box(test_st, 1)->last = HX_BOX + 1)
D(box_path, memset(hx_state_box(test_st, 1)->path, 'x', 1024))
D(head_size, test_st->head->size = 0)
D(head_size_other, test_st->head->size += HX_STATE_PAGE)
D(head_boxes, test_st->head->n_boxes++)
D(head_many_boxes, test_st->head->n_boxes = UINT32_MAX)
D(head_index, test_st->head->n_index *= 2)
D(head_box_size, test_st->head->box_size = UINT64_MAX)
D(head_blocks, test_st->head->n_blocks++)
D(head_at_index, test_st->head->at_index += 4)
D(head_at_unsaved, test_st->head->at_unsaved += 8)
D(head_at_blocks, test_st->head->at_blocks ^= UINT64_C(1) << 63)
D(head_at_boxes, test_st->head->at_boxes = 0)
D(head_total, test_st->head->total += HX_STATE_PAGE)
D(head_fresh, test_st->head->fresh = 0)
D(head_fresh_beyond, test_st->head->fresh = UINT32_MAX)
D(head_names, test_st->head->n_names = HX_STATE_OPERATIONS + 1)

static const struct {
    const char      *name;
    test_damage_pt   damage;
} test_damages[] = {
#define E(name)  { #name, damage_ ## name }
    E(index_beyond), E(index_more), E(index_twice), E(chain_loop), E(hash),
    E(no_id), E(long_id), E(kind), E(more_beyond), E(more_shared),
    E(more_loop), E(bits_beyond), E(bits_shared), E(bits_missing),
    E(undo_unknown), E(undo_window), E(undo_no_tenant), E(undo_renew),
    E(undo_prune), E(undo_entry), E(undo_entry_at), E(undo_box),
    E(undo_box_last), E(box_start), E(box_last), E(box_path), E(head_size),
    E(head_size_other), E(head_boxes), E(head_many_boxes), E(head_index),
    E(head_box_size), E(head_blocks), E(head_at_index), E(head_at_unsaved),
    E(head_at_blocks), E(head_at_boxes), E(head_total), E(head_fresh),
    E(head_fresh_beyond), E(head_names)
};


static void
damage_is_refused(void **state)
{
    unsigned                i;
    uint32_t                at, other;
    hx_tenant_block_t      *a, *b;
    static unsigned char    whole[2 * HX_ZONE];
    size_t                  len;

    test_st = test_open();
    test_furnish();
    test_shut();
    len = test_slurp("state", whole, sizeof(whole));

    for (i = 0; i < hx_nelts(test_damages); i++) {
        test_spill("state", whole, len);
        test_st = test_open();
        test_whole(test_st);
        a = test_tenant("a", &at);
        b = test_tenant("b", &other);

        test_damages[i].damage(a, at, b);
        test_shut();

        if (test_try_open() != HX_FAIL
            || strstr(test_st_err, "is damaged") == NULL)
        {
            print_error("%s: %s\n", test_damages[i].name, test_st_err);
            fail();
        }

        /* and it does not become better by trying */

        test_refused("is damaged");
    }

    test_spill("state", whole, len - HX_STATE_PAGE);
    test_refused("was cut short");
    test_spill("state", whole, 100);
    test_refused("is no memory of a gate");
    test_spill("state", whole, len);
    test_st = test_open();
    assert_int_equal(test_used("a", 60), 1);
    assert_int_equal(test_remaining("a", 100, 60), 40);
}


/* In a memory that is in use a stripe that is damaged does not work. */
static void
damage_in_use(void **state)
{
    int           kid;
    hx_str_t      id;
    hx_stripe_t  *s;
    uint32_t      hash;

    test_st = test_open();
    id = test_str("a");
    hash = hx_state_hash(&id);
    kid = fork();
    assert_true(kid >= 0);

    if (kid == 0) {
        if (hx_state_lock(test_st, hash, &s) == HX_OK) {
            s->block = UINT32_MAX;
            s->undo = HX_UNDO_WINDOW;
        }

        (void) kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(kid, NULL, 0), kid);

    assert_int_equal(hx_state_reserve(test_st, &id), HX_FAIL);
    assert_int_equal(hx_state_reserve(test_st, &id), HX_FAIL);
    assert_int_equal(test_charge_in("a", 1, HX_MONTH, 1), HX_FAIL);

    /* the others do */

    assert_int_equal(test_ask("b", 1, 60), HX_STATE_ADMITTED);
}


/* ---- no room */

static int
test_small_disk(void *data)
{
    struct rlimit  limit;

    (void) signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = HX_ZONE / 2;
    limit.rlim_max = HX_ZONE / 2;

    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }

    if (test_try_open() != HX_FAIL) {
        return 3;
    }

    return strstr(test_st_err, "bytes of memory: File too large") != NULL
           ? 0 : 4;
}


static void
no_room_for_it(void **state)
{
    assert_int_equal(test_in_child(test_small_disk, NULL), 0);
    assert_int_equal(access(test_st_path, F_OK), -1);

    /* nor for another size: the old one stays */

    test_st = test_open();
    test_charge("a", 1, 7);
    test_shut();
    test_st_conf.size *= 4;
    assert_int_equal(test_in_child(test_small_disk, NULL), 0);
    assert_int_equal(access(test_path("state.new"), F_OK), -1);

    test_st_conf.size /= 4;
    test_st = test_open();
    assert_int_equal(test_used("a", 1), 7);
}


static void
names_too_long(void **state)
{
    static char  path[2048];

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    test_st_conf.path = path;
    test_refused("is too long");
    test_st_conf.path = "/nowhere/at/all";
    test_refused("No such file");
}


/* ---- at the same time */

typedef struct {
    uint32_t   go;
    uint32_t   charged[HX_OPENERS];
    uint32_t   refused[HX_OPENERS];
} test_race_t;

static test_race_t  *test_race;


static void
test_opener(unsigned n)
{
    unsigned  i, k;

    while (!__atomic_load_n(&test_race->go, __ATOMIC_ACQUIRE)) { /* void */ }

    for (i = 0; i < HX_TIMES; i++) {
        test_st_conf.size = (i + n) % 3 ? HX_ZONE : 2 * HX_ZONE;

        if (hx_state_open(&test_st, &test_st_conf, test_st_err) != HX_OK) {
            if (strstr(test_st_err, "another size") == NULL) {
                print_error("%s\n", test_st_err);
                _exit(2);
            }

            test_race->refused[n]++;
            continue;
        }

        /* some stay for longer, so that others find it in use */

        for (k = 0; k < (n % 2 ? 1 : 2000); k++) {
            if (test_charge_in("a", 1, HX_MONTH, 1) == HX_OK) {
                test_race->charged[n]++;
            }
        }

        test_shut();
    }

    _exit(0);
}


/*
 * Each finds the file there or makes it, repairs it, moves it, or is told that
 * it has another size: what was charged is in the one that is there at last.
 */
static void
opened_at_once(void **state)
{
    int       status;
    pid_t     pid[HX_OPENERS];
    unsigned  i;
    uint32_t  charged, refused;

    test_race = mmap(NULL, sizeof(test_race_t), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(test_race != MAP_FAILED);
    (void) fflush(NULL);

    for (i = 0; i < HX_OPENERS; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);

        if (pid[i] == 0) {
            test_default_signals();
            test_opener(i);
        }
    }

    __atomic_store_n(&test_race->go, 1, __ATOMIC_RELEASE);

    for (i = 0, charged = 0, refused = 0; i < HX_OPENERS; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
        charged += test_race->charged[i];
        refused += test_race->refused[i];
    }

    test_st_conf.size = HX_ZONE;
    test_st = test_open();
    test_whole(test_st);
    assert_true(charged != 0);
    assert_int_equal(test_used("a", 1), charged);
    print_message("# %u charged, %u found another size\n", charged, refused);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_file,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(damage_is_refused), T(damage_in_use), T(no_room_for_it),
        T(names_too_long), T(opened_at_once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
