/*
 * hx_fleet_usage_sim_test.c -- three nodes, each with a store of its own, and a
 * Redis: they count, push and pull in any order, answers are lost, nodes are
 * killed between any two steps, Redis is emptied, set back to what it was
 * before, or loses one of its keys.  When it is quiet again every node has to
 * say, of every tenant and month, what was counted: no tenth more or less.
 */

#include "hx_test_fleet_usage.h"

#include <time.h>

#define SIM_SECONDS   8                 /* at most */
#define SIM_ROUNDS    300
#define SIM_STEPS     150
#define SIM_NODES     3
#define SIM_LIVES     3                 /* sources of a node */
#define SIM_MONTHS    2
#define SIM_TENANTS   3
#define SIM_SOURCES   (SIM_NODES * SIM_LIVES)
#define SIM_QUIET     400               /* rounds until then, at most */


typedef struct {
    hx_usage_t   *usage;
    char          dir[sizeof(test_dir) + 8];
    unsigned      life;
} sim_node_t;

/* What was counted, by source. */
typedef struct {
    uint64_t   put[SIM_SOURCES];
    uint64_t   query[SIM_SOURCES];
} sim_count_t;

static sim_node_t         nodes[SIM_NODES];
static sim_count_t        counted[SIM_MONTHS][SIM_TENANTS];
static unsigned           lost, killed, others, troubles;

/* What Redis had at some time. */
static redisReply        *saved[3];

static const char *const  ids[SIM_TENANTS] = { "acme", "beta", "gamma" };
static const unsigned     months[SIM_MONTHS] = { 202601, 202602 };
static const char *const  keys[3] = {
    "{sim}:usage", "{sim}:usage-order", "{sim}:usage-heads"
};


static int
sim_chance(unsigned n)
{
    return test_below(n) == 0;
}


static void
sim_open(sim_node_t *node)
{
    test_conf.dir = node->dir;
    node->usage = test_usage();
    test_conf.dir = test_dir;
}


/* Killed: nothing but what is in the file goes on. */
static void
sim_kill(sim_node_t *node)
{
    killed++;
    hx_usage_close(node->usage);
    sim_open(node);
}


static void
sim_remove(const char *dir)
{
    char      path[sizeof(test_dir) + 32];
    unsigned  i;

    static const char *const  files[] = { "usage.mdb", "usage.mdb-lock" };

    for (i = 0; i < hx_nelts(files); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        (void) unlink(path);
    }

    (void) rmdir(dir);
}


static void
sim_begin(void)
{
    unsigned  i;

    redis_flush();
    redis_load_usage(1 + (unsigned) test_below(12));
    redis_page = 18 + (unsigned) test_below(20);
    memset(counted, 0, sizeof(counted));

    for (i = 0; i < SIM_NODES; i++) {
        (void) snprintf(nodes[i].dir, sizeof(nodes[i].dir), "%s/n%u", test_dir,
                        i);
        assert_int_equal(mkdir(nodes[i].dir, 0700), 0);
        nodes[i].life = 0;
        sim_open(&nodes[i]);
    }
}


static void
sim_end(void)
{
    unsigned  i;

    for (i = 0; i < SIM_NODES; i++) {
        hx_usage_close(nodes[i].usage);
        nodes[i].usage = NULL;
        sim_remove(nodes[i].dir);
    }
}


static int
sim_stop(void **state)
{
    unsigned  i;

    for (i = 0; i < SIM_NODES; i++) {
        if (nodes[i].usage != NULL) {
            hx_usage_close(nodes[i].usage);
            sim_remove(nodes[i].dir);
        }
    }

    for (i = 0; i < 3; i++) {
        if (saved[i] != NULL) {
            freeReplyObject(saved[i]);
        }
    }

    return redis_stop(state);
}


/* A flush of one to three tenants. */
static void
sim_count(unsigned n)
{
    size_t             i, rows, month, tenant, source;
    sim_count_t       *c;
    hx_usage_row_t     row[3];
    hx_usage_entry_t   e[3][2];

    if (sim_chance(12)) {
        nodes[n].life = (nodes[n].life + 1) % SIM_LIVES;
    }

    source = n * SIM_LIVES + nodes[n].life;
    rows = 1 + test_below(3);

    for (i = 0; i < rows; i++) {
        month = test_below(SIM_MONTHS);
        tenant = test_below(SIM_TENANTS);
        c = &counted[month][tenant];
        c->put[source] += test_below(4);
        c->query[source] += sim_chance(3) ? test_below(100) : 0;

        e[i][0].operation = test_str("put");
        e[i][0].tenths = c->put[source];
        e[i][1].operation = test_str("query");
        e[i][1].tenths = c->query[source];
        test_row(&row[i], ids[tenant], 1 + (unsigned) source, e[i], 2);
        row[i].month = months[month];
    }

    assert_int_equal(test_put_rows(nodes[n].usage, row, rows), HX_OK);
}


/* All is sent, and heard, again; 0 = killed in between. */
static int
sim_again(sim_node_t *node)
{
    int                   more;
    hx_usage_position_t   at;

    others++;
    at.len = 0;

    do {
        assert_int_equal(hx_usage_resend(node->usage, TEST_CUTOFF, &at,
                                         1 + test_below(9), &more, test_err),
                         HX_OK);

        if (sim_chance(troubles)) {
            sim_kill(node);
            return 0;
        }
    } while (more);

    assert_int_equal(hx_usage_cursor_set(node->usage, &zero, test_err), HX_OK);

    return 1;
}


/* 1 and where it is; 0 = nowhere, and killed before it was anywhere. */
static int
sim_place(sim_node_t *node, hx_epoch_t *cursor, hx_epoch_t *pushed)
{
    hx_rc_t  rc;

    rc = hx_usage_cursor(node->usage, cursor, pushed, test_err);
    assert_int_not_equal(rc, HX_FAIL);

    return rc == HX_OK || sim_again(node);
}


/* 1 = there was something to send. */
static int
sim_push(sim_node_t *node)
{
    hx_rc_t                   rc;
    hx_epoch_t                cursor, pushed;
    hx_usage_pack_t          *pack;
    hx_fleet_usage_pushed_t   answer;

    if (!sim_place(node, &cursor, &pushed)) {
        return 1;
    }

    rc = hx_usage_unsent(node->usage, 1 + test_below(8), SIZE_MAX, &pack,
                         test_err);
    if (rc == HX_NO) {
        return 0;
    }

    assert_int_equal(rc, HX_OK);

    if (sim_chance(troubles)) {
        sim_count((unsigned) (node - nodes));
    }

    answer = redis_push_rows(&pushed, TEST_CUTOFF, pack->row, pack->n);

    if (sim_chance(troubles)) {         /* done, and nobody has heard of it */
        lost++;

    } else if (answer.state == HX_FLEET_USAGE_OTHER) {
        (void) sim_again(node);

    } else if (sim_chance(troubles)) {
        sim_kill(node);

    } else {
        assert_int_equal(hx_usage_sent(node->usage, pack, &answer.head,
                                       test_err), HX_OK);
    }

    hx_usage_pack_free(pack);

    return 1;
}


/* 1 = there was something to hear. */
static int
sim_pull(sim_node_t *node)
{
    hx_epoch_t              cursor, pushed;
    redisReply             *r;
    hx_usage_merged_t       merged;
    hx_fleet_usage_page_t   page;

    if (!sim_place(node, &cursor, &pushed)) {
        return 1;
    }

    r = redis_pull_rows(&cursor, &pushed, &page);

    if (page.state != HX_FLEET_USAGE_SAME) {

        if (sim_chance(troubles)) {
            lost++;

        } else if (page.state == HX_FLEET_USAGE_OTHER) {
            (void) sim_again(node);

        } else if (sim_chance(troubles)) {
            sim_kill(node);

        } else {
            assert_int_equal(hx_usage_merge(node->usage, page.row, page.n,
                                            &page.cursor, NULL, &merged,
                                            test_err), HX_OK);
            assert_int_equal(merged.damaged + page.damaged, 0);
        }
    }

    free(page.row);
    freeReplyObject(r);

    return page.state != HX_FLEET_USAGE_SAME;
}


static void
sim_save(void)
{
    unsigned  i;

    for (i = 0; i < 3; i++) {
        if (saved[i] != NULL) {
            freeReplyObject(saved[i]);
        }

        saved[i] = redis_reply(redisCommand(redis, "DUMP %s", keys[i]));
    }
}


static void
sim_restore(void)
{
    unsigned  i;

    for (i = 0; i < 3; i++) {
        redis_do("DEL %s", keys[i]);

        if (saved[i] != NULL && saved[i]->type == REDIS_REPLY_STRING) {
            freeReplyObject(redis_reply(redisCommand(redis,
                                                     "RESTORE %s 0 %b",
                                                     keys[i], saved[i]->str,
                                                     saved[i]->len)));
        }
    }
}


static void
sim_disaster(void)
{
    unsigned  i;

    switch (test_below(4)) {

    case 0:
        for (i = 0; i < 3; i++) {
            redis_do("DEL %s", keys[i]);
        }

        break;

    case 1:
        redis_do("DEL %s", keys[test_below(3)]);
        break;

    default:
        sim_restore();
    }
}


static void
sim_step(unsigned disasters)
{
    unsigned  n;

    n = (unsigned) test_below(SIM_NODES);

    switch (test_below(8)) {

    case 0: case 1:
        sim_count(n);
        break;

    case 2: case 3: case 4:
        (void) sim_push(&nodes[n]);
        break;

    case 5: case 6:
        (void) sim_pull(&nodes[n]);
        break;

    default:
        if (sim_chance(3)) {
            sim_save();
        }

        if (disasters && sim_chance(4)) {
            sim_disaster();
        }
    }
}


/* No trouble any more, until nobody has anything to say or to hear. */
static void
sim_until_quiet(void)
{
    int       busy;
    unsigned  i, n;

    troubles = UINT32_MAX;

    for (n = 0, busy = 1; busy; n++) {
        assert_true(n < SIM_QUIET);
        busy = 0;

        for (i = 0; i < SIM_NODES; i++) {
            busy |= sim_push(&nodes[i]);
            busy |= sim_pull(&nodes[i]);
        }
    }
}


static void
sim_compare(unsigned round)
{
    size_t                 i, m, t, s;
    hx_rc_t                rc;
    uint64_t               put, query;
    static hx_usage_sum_t  sum;

    for (m = 0; m < SIM_MONTHS; m++) {
        for (t = 0; t < SIM_TENANTS; t++) {
            put = 0;
            query = 0;

            for (s = 0; s < SIM_SOURCES; s++) {
                put += counted[m][t].put[s];
                query += counted[m][t].query[s];
            }

            for (i = 0; i < SIM_NODES; i++) {
                rc = test_get(nodes[i].usage, months[m], ids[t], 0, &sum);
                assert_int_not_equal(rc, HX_FAIL);

                if (sum.tenths != put + query
                    || (rc == HX_OK && (test_of(&sum, "put") != put
                                        || test_of(&sum, "query") != query)))
                {
                    fail_msg("round %u: node %zu says %ju of %s in %u, not %ju",
                             round, i, (uintmax_t) sum.tenths, ids[t],
                             months[m], (uintmax_t) (put + query));
                }
            }
        }
    }
}


/* In every second round nothing happens to Redis, but few heads are kept. */
static void
exactly_once(void **state)
{
    time_t           until;
    unsigned         round, step, again;
    const hx_str_t   prefix = hx_string("sim");

    assert_int_equal(hx_fleet_usage_names(&names, &prefix), HX_OK);
    until = time(NULL) + SIM_SECONDS;

    for (round = 0; round < SIM_ROUNDS && time(NULL) < until; round++) {
        sim_begin();
        sim_save();
        troubles = 8;
        again = others;

        for (step = 0; step < SIM_STEPS; step++) {
            sim_step(round % 2);
        }

        sim_until_quiet();
        sim_compare(round);
        assert_true(others - again >= SIM_NODES);
        sim_end();
    }

    print_message("%u rounds: %u answers lost, %u kills, %u times all again\n",
                  round, lost, killed, others);
    assert_true(lost > 0 && killed > 0);
}


static int
sim_start(void **state)
{
    test_conf.fleet = 1;

    return redis_start(state);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(exactly_once, sim_start, sim_stop)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
