/*
 * hx_test_state.h -- what the tests of the shared memory share: a clock that
 * they set, one memory of a test, short ways to ask and to charge, and a
 * checker that walks everything that is in it.
 */

#ifndef HX_TEST_STATE_H
#define HX_TEST_STATE_H

#include "hx_test.h"
#include "hx_test_dir.h"

#include "hx_box.h"
#include "hx_state_impl.h"

#define HX_MONTH     202607
#define HX_SECOND    UINT64_C(1000000000)
#define HX_ZONE      HX_STATE_SIZE_MIN
#define HX_BOXES     4
#define HX_BOX       4096
#define HX_ALARM     240                    /* s */

static uint64_t         test_now = 1000 * HX_SECOND;
static hx_state_t      *test_st;
static hx_state_conf_t  test_st_conf;
static char             test_st_path[sizeof(test_dir) + 16];
static char             test_st_err[HX_STATE_ERR];


static inline uint64_t
test_clock(void)
{
    return test_now;
}


static inline hx_state_t *
test_open(void)
{
    hx_state_t  *st;

    if (hx_state_open(&st, &test_st_conf, test_st_err) != HX_OK) {
        print_error("%s\n", test_st_err);
        fail();
    }

    return st;
}


static inline void
test_shut(void)
{
    hx_state_close(test_st);
    test_st = NULL;
}


/* Memory without a file, not open yet. */
static inline int
test_state_none(void **state)
{
    /* a lock of the dead ends a test, it does not hold it up */

    (void) alarm(HX_ALARM);

    hx_state_clock = test_clock;
    test_now = 1000 * HX_SECOND;

    test_st_conf.path = NULL;
    test_st_conf.size = HX_ZONE;
    test_st_conf.n_boxes = HX_BOXES;
    test_st_conf.box_size = HX_BOX;

    test_st = NULL;

    return test_dir_make(state);
}


static inline int
test_state_make_none(void **state)
{
    return test_state_none(state) != 0
           || hx_state_open(&test_st, &test_st_conf, test_st_err) != HX_OK;
}


/* A file that nobody has made yet. */
static inline int
test_state_file(void **state)
{
    if (test_state_none(state) != 0) {
        return -1;
    }

    (void) snprintf(test_st_path, sizeof(test_st_path), "%s/state", test_dir);
    test_st_conf.path = test_st_path;

    return 0;
}


static inline int
test_state_make(void **state)
{
    if (test_state_file(state) != 0) {
        return -1;
    }

    return hx_state_open(&test_st, &test_st_conf, test_st_err) != HX_OK;
}


static inline int
test_state_remove(void **state)
{
    (void) alarm(0);
    test_shut();

    return test_dir_remove(state);
}


/* All processes have gone, and one comes. */
static inline void
test_reopen(void)
{
    test_shut();
    test_st = test_open();
}


/* Opens and closes; the text is in test_st_err. */
static inline hx_rc_t
test_try_open(void)
{
    hx_state_t  *st;
    hx_rc_t      rc;

    test_st_err[0] = '\0';
    rc = hx_state_open(&st, &test_st_conf, test_st_err);

    if (rc == HX_OK) {
        hx_state_close(st);
    }

    return rc;
}


static inline void
test_refused(const char *why)
{
    assert_int_equal(test_try_open(), HX_FAIL);

    if (strstr(test_st_err, why) == NULL) {
        print_error("\"%s\" is not in \"%s\"\n", why, test_st_err);
        fail();
    }
}


static inline hx_str_t
test_id(unsigned n)
{
    static char  text[16];

    (void) snprintf(text, sizeof(text), "tenant-%u", n);

    return test_str(text);
}


static inline hx_state_ask_t
test_question(const char *id, uint32_t requests, uint32_t window_s)
{
    hx_state_ask_t  ask;

    memset(&ask, 0, sizeof(hx_state_ask_t));
    ask.id = test_str(id);
    ask.month = HX_MONTH;
    ask.rate.requests = requests;
    ask.rate.window_s = window_s;
    ask.quota = UINT64_MAX;

    return ask;
}


/* Asks for a place in the window; the verdict. */
static inline int
test_ask(const char *id, uint32_t requests, uint32_t window_s)
{
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question(id, requests, window_s);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_true(answer.windowed);

    return answer.verdict;
}


/* What of it would be admitted now. */
static inline uint32_t
test_remaining(const char *id, uint32_t requests, uint32_t window_s)
{
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question(id, requests, window_s);
    ask.look = 1;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_true(answer.windowed);

    return answer.view.remaining;
}


static inline hx_rc_t
test_charge_in(const char *id, unsigned operation, unsigned month,
    uint32_t tenths)
{
    hx_state_charge_t  c;

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = test_str(id);
    c.month = month;
    c.operation = operation;
    c.tenths = tenths;

    return hx_state_charge(test_st, &c);
}


static inline void
test_charge(const char *id, unsigned operation, uint32_t tenths)
{
    assert_int_equal(test_charge_in(id, operation, HX_MONTH, tenths), HX_OK);
}


/* What a tenant used of it; 0 when there is no such entry. */
static inline uint64_t
test_used_in(const char *id, unsigned operation, unsigned month)
{
    unsigned         i;
    hx_rc_t          rc;
    hx_str_t         s;
    uint64_t         tenths;
    hx_state_used_t  used;

    s = test_str(id);
    rc = hx_state_used(test_st, &s, &used);
    assert_int_not_equal(rc, HX_FAIL);
    tenths = 0;

    for (i = 0; rc == HX_OK && i < used.n; i++) {
        if (used.entry[i].operation == operation
            && used.entry[i].month == month)
        {
            tenths += used.entry[i].tenths;
        }
    }

    return tenths;
}


static inline uint64_t
test_used(const char *id, unsigned operation)
{
    return test_used_in(id, operation, HX_MONTH);
}


static inline int
test_there(const char *id)
{
    hx_str_t         s;
    hx_state_used_t  used;

    s = test_str(id);

    return hx_state_used(test_st, &s, &used) == HX_OK;
}


/* Stores everything that is unsaved: how many tenants were. */
static inline unsigned
test_save(void)
{
    unsigned         n;
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;

    for (n = 0; hx_state_unsaved(test_st, &cursor, &used) == HX_OK; n++) {
        hx_state_saved(test_st, &used);
    }

    return n;
}


/* ---- the checker */

typedef struct {
    hx_state_t     *st;
    unsigned char  *seen;
    uint64_t        used;               /* blocks of tenants that are listed */
    uint64_t        tenants;
    uint64_t        free;
    uint64_t        left;               /* of those that are not */
    uint64_t        lost;               /* that nothing leads to */
} test_walk_t;


static inline void
test_see(test_walk_t *w, uint32_t block, int kind)
{
    assert_true(block != 0 && block < w->st->head->fresh);
    assert_int_equal(w->seen[block], 0);
    assert_int_equal(hx_state_block(w->st, block)->tenant.kind, kind);
    w->seen[block] = 1;
}


/* What belongs to a tenant; the number of blocks. */
static inline uint64_t
test_see_tenant(test_walk_t *w, uint32_t block, int listed)
{
    unsigned            i;
    uint32_t            n;
    uint64_t            count;
    hx_tenant_block_t  *t;

    test_see(w, block, HX_BLOCK_TENANT);
    t = &hx_state_block(w->st, block)->tenant;
    assert_in_range(t->id_len, 1, HX_TENANT_MAX);
    count = 1;

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        if (t->bits[i] != 0) {
            test_see(w, t->bits[i], HX_BLOCK_BITS);
            count++;

        } else if (listed) {
            assert_int_equal(t->window.long_form, 0);
        }
    }

    for (n = t->more; n != 0; n = hx_state_block(w->st, n)->more.next) {
        test_see(w, n, HX_BLOCK_MORE);
        count++;
    }

    return count;
}


static inline void
test_see_listed(test_walk_t *w, uint32_t index, uint32_t block)
{
    uint32_t            n = 0;
    hx_str_t            id;
    hx_tenant_block_t  *t;

    w->used += test_see_tenant(w, block, 1);
    w->tenants++;

    t = &hx_state_block(w->st, block)->tenant;
    id.data = t->id;
    id.len = t->id_len;
    assert_int_equal(t->hash, hx_state_hash(&id));
    assert_int_equal(t->hash & (w->st->head->n_index - 1), index);
    assert_ptr_equal(hx_state_find(w->st, t->hash, &id, &n), t);
    assert_int_equal(n, block);
}


/*
 * Everything leads somewhere, nothing to two.  Who was killed may have left a
 * tenant that is not listed, and taken along a block that nothing leads to.
 */
static inline void
test_walk(hx_state_t *st, test_walk_t *w)
{
    uint32_t  i, n;

    memset(w, 0, sizeof(test_walk_t));
    w->st = st;
    w->seen = calloc(1, st->head->n_blocks);
    assert_non_null(w->seen);

    for (i = 0; i < st->head->n_index; i++) {
        for (n = st->index[i]; n != 0; n = hx_state_block(st, n)->tenant.next)
        {
            test_see_listed(w, i, n);
        }
    }

    for (n = st->head->free; n != 0; n = hx_state_block(st, n)->tenant.next) {
        test_see(w, n, HX_BLOCK_FREE);
        w->free++;
    }

    for (n = 0; n < st->head->n_blocks; n++) {
        if (hx_state_is_unsaved(st, n)) {
            assert_true(w->seen[n]);
            assert_int_equal(hx_state_block(st, n)->tenant.kind,
                             HX_BLOCK_TENANT);
        }
    }

    for (n = 1; n < st->head->fresh; n++) {
        if (!w->seen[n]
            && hx_state_block(st, n)->tenant.kind == HX_BLOCK_TENANT)
        {
            w->left += test_see_tenant(w, n, 0);
        }
    }

    w->lost = st->head->fresh - 1 - w->used - w->free - w->left;
    free(w->seen);
}


/* The same for a memory that nobody was killed over since it was opened. */
static inline void
test_whole(hx_state_t *st)
{
    uint32_t     i;
    test_walk_t  w;

    test_walk(st, &w);

    assert_int_equal(w.left, 0);
    assert_int_equal(w.lost, 0);
    assert_int_equal(st->head->used, w.used);
    assert_int_equal(st->head->tenants, w.tenants);

    for (i = 0; i < HX_STATE_STRIPES; i++) {
        assert_int_equal(st->stripe[i].undo, HX_UNDO_NONE);
    }
}

#endif /* HX_TEST_STATE_H */
