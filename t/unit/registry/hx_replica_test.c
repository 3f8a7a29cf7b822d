/*
 * hx_replica_test.c -- a replica follows, and is loaded; drafts write what the
 * changes they are of would have written.
 */

#include "hx_test_registry.h"

#include "hx_replica.h"

#define HX_TEST_CHANGES   3000

static hx_registry_conf_t  replica_conf = {
    .map_size = 16777216, .max_readers = 32, .replica = 1
};
static char                replica_dir[sizeof(test_dir) + 16];
static hx_epoch_t          zero, at;


static int
test_setup(void **state)
{
    hx_epoch_zero(&zero);
    at = zero;

    if (test_dir_make(state) != 0) {
        return 1;
    }

    (void) snprintf(replica_dir, sizeof(replica_dir), "%s-r", test_dir);
    replica_conf.dir = replica_dir;

    return 0;
}


static int
test_teardown(void **state)
{
    char      path[sizeof(replica_dir) + 16];
    unsigned  i;

    static const char *const  names[] = {
        "data.mdb", "lock.mdb", "open.lock", "load.lock"
    };

    for (i = 0; i < hx_nelts(names); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", replica_dir, names[i]);
        (void) unlink(path);
    }

    (void) rmdir(replica_dir);

    return test_dir_remove(state);
}


static hx_registry_t *
test_replica(void)
{
    hx_registry_t  *reg;

    if (hx_registry_open(&reg, &replica_conf, test_err) != HX_OK) {
        fail_msg("%s", test_err);
    }

    return reg;
}


static void
test_next(hx_epoch_t *e, const hx_epoch_t *base)
{
    unsigned  i;

    e->number = base->number + 1;

    for (i = 0; i < HX_EPOCH_TOKEN; i++) {
        e->token[i] = (unsigned char) "0123456789abcdef"[test_below(16)];
    }
}


static void
test_entry(hx_replica_entry_t *entry, const hx_registry_draft_t *d)
{
    entry->base = d->base;
    test_next(&entry->epoch, &d->base);
    entry->writeset.data = d->writes.data;
    entry->writeset.len = d->writes.len;
}


static void
test_apply_draft(hx_registry_t *reg, const hx_registry_draft_t *d)
{
    hx_replica_entry_t   entry;
    hx_replica_result_t  result;

    test_entry(&entry, d);

    if (hx_replica_apply(reg, &entry, &result, test_err) != HX_OK) {
        fail_msg("%d %s", result, test_err);
    }

    assert_int_equal(result, HX_REPLICA_APPLIED);
    at = entry.epoch;
}


static uint64_t  *digest_sum;         /* shared with a child */


static int
test_digest_in(void *data)
{
    const char  *dir = data;
    unsigned     i;
    uint64_t     sum;
    MDB_env     *env;
    MDB_dbi      dbi;
    MDB_txn     *txn;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    static const char *const  dbs[] = { "meta", "keys", "tenants", "billing" };

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, dir, MDB_NOTLS | MDB_RDONLY, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);

    sum = 0;

    for (i = 0; i < hx_nelts(dbs); i++) {
        assert_int_equal(mdb_dbi_open(txn, dbs[i], 0, &dbi), 0);
        assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);

        while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
            if (i == 0 && k.mv_size > 8
                && memcmp(k.mv_data, "replica-", 8) == 0)
            {
                continue;
            }

            sum = sum * 31 + hx_crc32(i, k.mv_data, k.mv_size);
            sum = sum * 31 + hx_crc32(7, v.mv_data, v.mv_size);
        }

        mdb_cursor_close(cursor);
    }

    mdb_txn_abort(txn);
    mdb_env_close(env);
    *digest_sum = sum;

    return 0;
}


/*
 * A number that is of all records, but what a replica has for itself.  In a
 * child, since a process must not open an environment twice.
 */
static uint64_t
test_digest(char *dir)
{
    if (digest_sum == NULL) {
        digest_sum = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(digest_sum != MAP_FAILED);
    }

    assert_int_equal(test_in_child(test_digest_in, dir), 0);

    return *digest_sum;
}


static void
assert_epoch(hx_registry_t *reg, const hx_epoch_t *want)
{
    hx_epoch_t  e;

    assert_int_equal(hx_replica_epoch(reg, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, want));
    assert_int_equal(hx_replica_read_epoch(reg, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, want));
}


/* One thing that can be asked of a registry. */
typedef struct {
    unsigned               what;
    hx_change_t            change;
    hx_billing_intent_t    intent;
    hx_registry_event_t    ev;
    hx_str_t               id;
    uint64_t               now;
    char                   name[4][16];
} test_step_t;


static void
test_step(test_step_t *s, unsigned n)
{
    static const hx_change_op_t  ops[] = {
        HX_CHANGE_CREATE, HX_CHANGE_CREATE, HX_CHANGE_ROTATE, HX_CHANGE_ROTATE,
        HX_CHANGE_ADD_NAMESPACE, HX_CHANGE_REMOVE_NAMESPACE, HX_CHANGE_SUSPEND,
        HX_CHANGE_ACTIVATE, HX_CHANGE_UPDATE_TIER, HX_CHANGE_DELETE
    };

    memset(s, 0, sizeof(test_step_t));

    s->what = (unsigned) test_below(8);
    s->now = HX_TEST_NOW + n * (HX_EVENT_KEEP / 500);
    (void) snprintf(s->name[0], 16, "t%zu", test_below(12));
    (void) snprintf(s->name[1], 16, "ns%zu", test_below(6));
    (void) snprintf(s->name[2], 16, "evt_%zu", test_below(400));
    (void) snprintf(s->name[3], 16, "sub_%zu", test_below(20));

    test_change(&s->change, ops[test_below(hx_nelts(ops))], s->name[0], n);
    s->change.now = s->now;
    s->change.grace_s = test_below(2) ? 0 : 100000;
    s->change.namespaces[0] = test_str(s->name[1]);
    s->change.plan = test_str(test_below(2) ? "pro" : "builder");

    s->id = test_str(s->name[2]);

    s->intent.kind = test_below(3) ? HX_STRIPE_CHECKOUT
                                   : HX_STRIPE_UNSUBSCRIBED;
    s->intent.customer = test_str(s->name[1]);
    s->intent.at = s->now;
    s->intent.says = 1;
    s->intent.sub.id = test_str(s->name[3]);
    s->intent.sub.plan = s->change.plan;
    s->intent.sub.at = s->now;
    s->intent.sub.plan_at = s->now;
    s->intent.sub.started = s->now;
    s->intent.sub.live = s->intent.kind == HX_STRIPE_CHECKOUT;

    if (s->intent.sub.live) {
        s->intent.tenant = s->change.id;
        s->intent.creates = 1;

    } else {
        s->intent.sub.rank = HX_STRIPE_UNSUBSCRIBED;
    }

    s->ev.id = s->id;
    s->ev.intent = &s->intent;
    s->ev.plans = hx_plan_builtin(&s->ev.n_plans);
    s->ev.now = s->now;
    test_hash(s->ev.hash, 100000 + n);
}


/* What came of it, as one number. */
static uint32_t
test_take(hx_registry_t *reg, const test_step_t *s, hx_registry_draft_t *d)
{
    hx_rc_t              rc;
    hx_change_result_t   changed;
    hx_billing_result_t  billed;
    hx_registry_came_t   came;
    hx_audit_change_t    digest;

    memset(&digest, 0, sizeof(digest));
    changed = HX_CHANGED;
    billed = HX_BILLING_NONE;
    memset(&came, 0, sizeof(came));
    test_len = 0;

    switch (s->what) {

    case 0:
        rc = hx_registry_claim(reg, &s->id, s->now, s->now % 3, &billed, d,
                               test_err);
        break;

    case 1:
        rc = hx_registry_settle(reg, &s->id, s->now, s->now % 3,
                                (int) (s->now % 2), d, test_err);
        break;

    case 2:
    case 3:
        rc = hx_registry_event(reg, &s->ev, &came, d, test_err);
        break;

    default:
        rc = hx_registry_change(reg, &s->change, &changed, test_bytes,
                                &test_len, &digest, d, test_err);
    }

    if (rc != HX_OK) {
        fail_msg("%u: %s", s->what, test_err);
    }

    return hx_crc32(hx_crc32(changed * 16 + billed, &came, sizeof(came)),
                    &digest, sizeof(digest))
           + (changed == HX_CHANGED ? hx_crc32(0, test_bytes, test_len) : 0);
}


static void
test_drafts(void **state)
{
    unsigned             n, empty;
    uint32_t             said;
    uint64_t             before;
    hx_registry_t       *reg, *rep;
    test_step_t          step;
    hx_registry_draft_t  draft;

    memset(&draft, 0, sizeof(draft));
    reg = test_registry();
    rep = test_replica();
    empty = 0;
    before = test_digest(replica_dir);

    for (n = 0; n < HX_TEST_CHANGES; n++) {
        test_step(&step, n);
        said = test_take(reg, &step, NULL);

        assert_int_equal(test_take(rep, &step, &draft), said);
        assert_true(hx_epoch_same(&draft.base, &at));
        assert_epoch(rep, &at);

        if (n % 16 == 0) {
            assert_int_equal(test_digest(replica_dir), before);
        }

        if (draft.writes.n == 0) {
            assert_int_equal(draft.writes.len, 0);
            empty++;

        } else {
            test_apply_draft(rep, &draft);
            assert_epoch(rep, &at);
        }

        if (n % 16 == 15) {
            before = test_digest(replica_dir);
            assert_int_equal(before, test_digest(test_dir));
        }
    }

    assert_true(empty > HX_TEST_CHANGES / 20
                && empty < HX_TEST_CHANGES * 3 / 4);
    test_consistent();
    hx_registry_draft_free(&draft);
    hx_registry_close(reg);
    hx_registry_close(rep);
}


/* A draft of an ordinary registry writes nothing either. */
static void
test_draft_of_none(void **state)
{
    uint64_t             before;
    test_step_t          step;
    hx_registry_t       *reg;
    hx_registry_draft_t  draft;

    memset(&draft, 0, sizeof(draft));
    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    before = test_digest(test_dir);

    test_step(&step, 1);
    step.what = 7;
    test_change(&step.change, HX_CHANGE_DELETE, "acme", 1);
    (void) test_take(reg, &step, &draft);
    assert_true(draft.writes.n != 0);
    assert_true(hx_epoch_same(&draft.base, &zero));
    assert_int_equal(test_digest(test_dir), before);

    /* refused: nothing */
    test_change(&step.change, HX_CHANGE_CREATE, "acme", 2);
    (void) test_take(reg, &step, &draft);
    assert_int_equal(draft.writes.n, 0);
    assert_int_equal(draft.writes.len, 0);

    hx_registry_draft_free(&draft);
    hx_registry_close(reg);
}


/* A tenant with n in its name, as somebody else would have written it. */
static void
test_make(hx_registry_t *rep, hx_registry_draft_t *d, unsigned n)
{
    char         id[16];
    test_step_t  step;

    (void) snprintf(id, sizeof(id), "acme-%u", n);
    test_step(&step, n);
    step.what = 7;
    test_change(&step.change, HX_CHANGE_CREATE, id, n);
    (void) test_take(rep, &step, d);
    assert_true(d->writes.n != 0);
}


static void
test_places(void **state)
{
    hx_rc_t              rc;
    hx_epoch_t           e;
    hx_registry_t       *rep;
    hx_change_t          c;
    hx_change_result_t   changed;
    hx_replica_entry_t   entry[3], other;
    hx_replica_result_t  result;
    hx_registry_draft_t  d[3];
    char                 id[HX_TENANT_MAX + 1];

    memset(d, 0, sizeof(d));
    rep = test_replica();
    assert_epoch(rep, &zero);
    assert_int_equal(test_who(rep, 1, id), HX_FAIL);    /* never a tenant */

    /* not without the log */
    test_change(&c, HX_CHANGE_CREATE, "acme", 1);
    assert_int_equal(test_apply(rep, &c, &changed), HX_FAIL);
    assert_non_null(strstr(test_err, "follows Redis"));

    test_make(rep, &d[0], 1);
    test_entry(&entry[0], &d[0]);
    other = entry[0];
    test_next(&other.epoch, &zero);

#define apply(entry, want_rc, want)                                           \
    rc = hx_replica_apply(rep, entry, &result, test_err);                     \
    assert_int_equal(rc, want_rc);                                            \
    assert_int_equal(result, HX_REPLICA_##want)

    apply(&entry[0], HX_OK, APPLIED);
    apply(&entry[0], HX_NO, ALREADY);
    apply(&other, HX_NO, AHEAD);
    assert_epoch(rep, &entry[0].epoch);
    assert_int_equal(test_who(rep, 1, id), HX_OK);
    assert_int_equal(test_who(rep, 2, id), HX_NO);

    /* two more that it has not seen */
    test_make(rep, &d[1], 2);
    test_entry(&entry[1], &d[1]);
    test_make(rep, &d[2], 3);
    d[2].base = entry[1].epoch;
    test_entry(&entry[2], &d[2]);
    apply(&entry[2], HX_NO, BEHIND);

    /* the log: own entry first; one that skips, is another's, or is cut */
    assert_int_equal(hx_replica_log(rep, entry, 0, &e, test_err), HX_NO);
    assert_int_equal(hx_replica_log(rep, &other, 1, &e, test_err), HX_NO);
    assert_int_equal(hx_replica_log(rep, &entry[2], 1, &e, test_err), HX_NO);
    other = entry[1];
    entry[1].base.token[0] ^= 1;
    assert_int_equal(hx_replica_log(rep, entry, 3, &e, test_err), HX_NO);
    entry[1] = other;
    entry[1].writeset.len--;
    assert_int_equal(hx_replica_log(rep, entry, 3, &e, test_err), HX_FAIL);
    entry[1] = other;
    assert_epoch(rep, &entry[0].epoch);
    assert_int_equal(test_who(rep, 2, id), HX_NO);

    assert_int_equal(hx_replica_log(rep, entry, 1, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, &entry[0].epoch));
    assert_int_equal(hx_replica_log(rep, entry, 3, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, &entry[2].epoch));
    assert_epoch(rep, &e);
    assert_int_equal(test_who(rep, 3, id), HX_OK);

    /* what another process was quicker with */
    assert_int_equal(hx_replica_log(rep, entry, 2, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, &entry[2].epoch));
    apply(&entry[0], HX_NO, AHEAD);

    hx_registry_draft_free(&d[0]);
    hx_registry_draft_free(&d[1]);
    hx_registry_draft_free(&d[2]);
    hx_registry_close(rep);
}


static hx_rc_t
test_one_write(hx_registry_t *rep, unsigned db, const char *key,
    const char *value)
{
    hx_rc_t              rc;
    hx_str_t             k, v;
    hx_registry_draft_t  d;
    hx_replica_entry_t   entry;
    hx_replica_result_t  result;

    memset(&d, 0, sizeof(d));
    d.base = at;
    k = test_str(key);

    if (value != NULL) {
        v = test_str(value);
        hx_writeset_put(&d.writes, db, &k, &v);

    } else {
        hx_writeset_delete(&d.writes, db, &k);
    }

    assert_int_equal(hx_writeset_finish(&d.writes), HX_OK);
    test_entry(&entry, &d);
    rc = hx_replica_apply(rep, &entry, &result, test_err);

    if (rc == HX_OK) {
        at = entry.epoch;
    }

    hx_registry_draft_free(&d);

    return rc;
}


static void
test_meta(void **state)
{
    hx_registry_t  *rep;

    rep = test_replica();

    assert_int_equal(test_one_write(rep, 0, "version", "1"), HX_OK);
    assert_int_equal(test_one_write(rep, 0, "version", "2"), HX_FAIL);
    assert_non_null(strstr(test_err, "another layout"));
    assert_int_equal(test_one_write(rep, 0, "version", NULL), HX_FAIL);
    assert_int_equal(test_one_write(rep, 0, "replica-epoch", "x"), HX_FAIL);
    assert_int_equal(test_one_write(rep, 0, "replica-new", NULL), HX_FAIL);
    assert_int_equal(test_one_write(rep, 0, "deleted", "1"), HX_OK);
    assert_int_equal(test_one_write(rep, 3, "nowhere", NULL), HX_OK);
    assert_epoch(rep, &at);
    hx_registry_close(rep);
}


static int
test_each(void *data, const hx_tenant_t *t)
{
    return 0;
}


/* Being loaded it answers nothing to nobody. */
static void
assert_loading(hx_registry_t *rep)
{
    char                 id[HX_TENANT_MAX + 1];
    hx_str_t             after = hx_string("");
    hx_epoch_t           e;
    hx_tenant_t          t;
    test_step_t          step;
    hx_change_result_t   changed;
    hx_registry_draft_t  d;

    memset(&d, 0, sizeof(d));
    assert_int_equal(hx_replica_epoch(rep, &e, test_err), HX_NO);
    assert_int_equal(hx_replica_epoch(rep, &e, test_err), HX_NO);
    assert_int_equal(hx_replica_read_epoch(rep, &e, test_err), HX_NO);
    assert_int_equal(test_who(rep, 1, id), HX_FAIL);
    assert_non_null(strstr(test_err, "being loaded"));
    assert_int_equal(test_get(rep, "acme-1", &t), HX_FAIL);
    assert_int_equal(hx_registry_list(rep, &after, test_each, NULL, test_err),
                     HX_FAIL);
    test_change(&step.change, HX_CHANGE_CREATE, "acme-1", 1);
    assert_int_equal(hx_registry_change(rep, &step.change, &changed,
                                        test_bytes, &test_len, NULL, &d,
                                        test_err), HX_FAIL);
    assert_int_equal(test_one_write(rep, 0, "deleted", "1"), HX_NO);
}


static void
test_load(void **state)
{
    hx_epoch_t           e, e0;
    hx_registry_t       *rep, *second;
    hx_replica_load_t   *load, *other;
    hx_replica_pair_t    pair[2];
    hx_replica_entry_t   entry;
    hx_replica_diff_t    diff;
    hx_registry_draft_t  d;
    uint64_t             n;
    char                 id[HX_TENANT_MAX + 1];

    memset(&d, 0, sizeof(d));
    rep = test_replica();
    second = test_replica();
    test_make(rep, &d, 1);
    test_apply_draft(rep, &d);
    assert_int_equal(test_who(rep, 1, id), HX_OK);
    assert_int_equal(test_who(rep, 1, id), HX_OK);      /* of the cache */

    e0.number = 77;
    memcpy(e0.token, "00000000000000aa", 16);
    assert_int_equal(hx_replica_load_begin(rep, &e0, NULL, &load,
                                           test_err), HX_OK);
    assert_loading(rep);
    assert_loading(second);
    assert_int_equal(hx_replica_load_begin(second, &e0, NULL, &other,
                                           test_err),
                     HX_NO);
    assert_null(other);

    pair[0].key = test_str("k0");
    pair[0].value = test_str("v0");
    pair[1].key = test_str("k1");
    pair[1].value = test_str("");
    assert_int_equal(hx_replica_load_add(load, HX_WRITESET_BILLING, pair, 2,
                                         test_err), HX_OK);
    pair[1].key = test_str("replica-epoch");
    assert_int_equal(hx_replica_load_add(load, HX_WRITESET_META, &pair[1], 1,
                                         test_err), HX_FAIL);
    assert_loading(rep);

    /* given up, and begun by the other one */
    hx_replica_load_drop(load);
    assert_loading(rep);
    assert_int_equal(hx_replica_load_begin(second, &e0, NULL, &load,
                                           test_err),
                     HX_OK);
    assert_int_equal(hx_replica_count(second, HX_WRITESET_BILLING, &n,
                                      test_err), HX_OK);
    assert_int_equal(n, 0);
    pair[1].key = test_str("k1");
    assert_int_equal(hx_replica_load_add(load, HX_WRITESET_BILLING, pair, 2,
                                         test_err), HX_OK);

    /* the log leads on from where it began, or it does not */
    assert_int_equal(hx_replica_load_log(load, NULL, 0, &e, test_err), HX_NO);
    d.base = e0;
    test_entry(&entry, &d);
    entry.base.token[0] ^= 1;
    assert_int_equal(hx_replica_load_log(load, &entry, 1, &e, test_err),
                     HX_NO);
    entry.base.token[0] ^= 1;
    assert_int_equal(hx_replica_load_log(load, &entry, 1, &e, test_err),
                     HX_OK);
    assert_loading(rep);
    assert_int_equal(hx_replica_load_end(load, &e, test_err), HX_OK);
    assert_true(hx_epoch_same(&e, &entry.epoch));
    assert_epoch(rep, &entry.epoch);
    assert_epoch(second, &entry.epoch);
    assert_int_equal(test_who(rep, 1, id), HX_OK);
    assert_int_equal(hx_replica_count(rep, HX_WRITESET_BILLING, &n, test_err),
                     HX_OK);
    assert_int_equal(n, 2);

    memset(&diff, 0, sizeof(diff));
    pair[1].value = test_str("x");
    assert_int_equal(hx_replica_check(rep, HX_WRITESET_BILLING, pair, 2, &diff,
                                      test_err), HX_OK);
    pair[1].key = test_str("k2");
    assert_int_equal(hx_replica_check(rep, HX_WRITESET_BILLING, pair, 2, &diff,
                                      test_err), HX_OK);
    assert_int_equal(diff.same, 2);
    assert_int_equal(diff.differ, 1);
    assert_int_equal(diff.missing, 1);

    /* an empty Redis */
    assert_int_equal(hx_replica_load_begin(rep, &zero, NULL, &load,
                                           test_err),
                     HX_OK);
    assert_int_equal(hx_replica_load_log(load, NULL, 0, &e, test_err), HX_OK);
    assert_int_equal(hx_replica_load_end(load, &e, test_err), HX_OK);
    assert_epoch(rep, &zero);
    assert_int_equal(test_who(rep, 1, id), HX_FAIL);
    assert_non_null(strstr(test_err, "never was a tenant"));

    /* who saw it elsewhere does not empty what another one has just loaded */
    assert_int_equal(hx_replica_load_begin(rep, &e0, &e0, &load, test_err),
                     HX_PENDING);
    assert_null(load);
    assert_epoch(second, &zero);
    assert_int_equal(hx_replica_load_begin(second, &e0, &zero, &load,
                                           test_err), HX_OK);
    assert_loading(rep);
    hx_replica_load_drop(load);
    assert_int_equal(hx_replica_load_begin(rep, &e0, &zero, &load, test_err),
                     HX_OK);
    hx_replica_load_drop(load);

    hx_registry_draft_free(&d);
    hx_registry_close(rep);
    hx_registry_close(second);
}


/* Where there is no room, a draft forgets old events with what it adds. */
static void
test_no_room(void **state)
{
    char                  name[16], id[200];
    hx_rc_t               rc;
    unsigned              n;
    hx_str_t              event;
    hx_registry_t        *rep;
    hx_registry_conf_t    conf;
    hx_billing_result_t   result;
    hx_registry_draft_t   d;

    memset(&d, 0, sizeof(d));
    conf = replica_conf;
    conf.map_size = 1048576;
    assert_int_equal(hx_registry_open(&rep, &conf, test_err), HX_OK);
    event.data = (unsigned char *) id;
    event.len = sizeof(id);
    memset(id, 'e', sizeof(id));

    for (n = 0; /* void */ ; n++) {
        memcpy(id, name, (size_t) snprintf(name, sizeof(name), "%u", n));
        rc = hx_registry_claim(rep, &event, HX_TEST_NOW, n, &result, &d,
                               test_err);

        /* no room, and nothing that is old enough to go */
        if (rc != HX_OK) {
            break;
        }

        assert_int_equal(d.writes.n, n == 0 ? 3 : 2);
        test_apply_draft(rep, &d);
    }

    assert_true(n > 1000 && n < 20000);
    assert_non_null(strstr(test_err, "map_size"));
    assert_int_equal(d.writes.n, 0);
    assert_int_equal(hx_registry_claim(rep, &event,
                                       HX_TEST_NOW + HX_EVENT_KEEP - 1, 1,
                                       &result, &d, test_err), HX_FAIL);
    assert_int_equal(hx_registry_claim(rep, &event,
                                       HX_TEST_NOW + HX_EVENT_KEEP, 1,
                                       &result, &d, test_err), HX_OK);
    assert_int_equal(result, HX_BILLING_NONE);
    assert_true(d.writes.n > 2000);
    test_apply_draft(rep, &d);

    memset(id, 'f', sizeof(id));
    assert_int_equal(hx_registry_claim(rep, &event,
                                       HX_TEST_NOW + HX_EVENT_KEEP, 1,
                                       &result, &d, test_err), HX_OK);
    assert_true(d.writes.n < 100);
    test_apply_draft(rep, &d);

    hx_registry_draft_free(&d);
    hx_registry_close(rep);
}


/* Loaded again and again it needs no more room than its records do. */
static void
test_reloaded(void **state)
{
    char                 key[16];
    unsigned             i, n;
    hx_epoch_t           e;
    hx_registry_t       *rep;
    hx_registry_conf_t   conf;
    hx_replica_pair_t    pair;
    hx_replica_load_t   *load;

    static unsigned char  value[1000];

    conf = replica_conf;
    conf.map_size = 4194304;
    assert_int_equal(hx_registry_open(&rep, &conf, test_err), HX_OK);

    for (n = 0; n < 10; n++) {
        assert_int_equal(hx_replica_load_begin(rep, &zero, NULL, &load,
                                           test_err),
                         HX_OK);
        test_fill(value, sizeof(value));

        for (i = 0; i < 2500; i++) {
            (void) snprintf(key, sizeof(key), "%u", i * 7919 % 2500);
            pair.key = test_str(key);
            pair.value.data = value;
            pair.value.len = sizeof(value);

            if (hx_replica_load_add(load, HX_WRITESET_TENANTS, &pair, 1,
                                    test_err)
                != HX_OK)
            {
                fail_msg("%u %u %s", n, i, test_err);
            }
        }

        assert_int_equal(hx_replica_load_log(load, NULL, 0, &e, test_err),
                         HX_OK);
        assert_int_equal(hx_replica_load_end(load, &e, test_err), HX_OK);
    }

    hx_registry_close(rep);
}


static void
test_open_refused(const hx_registry_conf_t *conf, const char *why)
{
    hx_registry_t  *reg;

    assert_int_equal(hx_registry_open(&reg, conf, test_err), HX_FAIL);
    assert_null(reg);
    assert_non_null(strstr(test_err, why));
}


static void
test_opening(void **state)
{
    int                  fd;
    char                 path[sizeof(replica_dir) + 16];
    MDB_dbi              meta;
    MDB_env             *env;
    MDB_txn             *txn;
    MDB_val              k, v;
    struct stat          st;
    hx_registry_t       *reg;
    hx_registry_conf_t   conf;
    hx_registry_draft_t  d;

    memset(&d, 0, sizeof(d));
    reg = test_replica();
    test_make(reg, &d, 1);
    test_apply_draft(reg, &d);
    hx_registry_close(reg);

    assert_int_equal(stat(replica_dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    (void) snprintf(path, sizeof(path), "%s/data.mdb", replica_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    (void) snprintf(path, sizeof(path), "%s/open.lock", replica_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    /* it is there again */
    reg = test_replica();
    assert_epoch(reg, &at);
    hx_registry_close(reg);

    /* each is what it is */
    conf = replica_conf;
    conf.replica = 0;
    test_open_refused(&conf, "replica of a registry");
    reg = test_registry();
    hx_registry_close(reg);
    conf.dir = test_dir;
    conf.replica = 1;
    test_open_refused(&conf, "no replica's");

    /* another boot */
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, replica_dir, MDB_NOTLS, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    k.mv_data = "replica-boot";
    k.mv_size = 12;
    v.mv_data = "00000000-0000-0000-0000-000000000000";
    v.mv_size = 36;
    assert_int_equal(mdb_put(txn, meta, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);

    reg = test_replica();
    assert_epoch(reg, &zero);
    at = zero;
    test_make(reg, &d, 1);
    test_apply_draft(reg, &d);
    hx_registry_close(reg);

    /* damage */
    (void) snprintf(path, sizeof(path), "%s/data.mdb", replica_dir);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "garbage!garbage!garbage!", 24, 16), 24);
    (void) close(fd);
    reg = test_replica();
    assert_epoch(reg, &zero);
    hx_registry_close(reg);

    /* others could read it */
    assert_int_equal(chmod(replica_dir, 0750), 0);
    test_open_refused(&replica_conf, "mode 0700");
    assert_int_equal(chmod(replica_dir, 0700), 0);

    hx_registry_draft_free(&d);
}


static int
test_opener(void *data)
{
    hx_registry_t  *reg;

    if (hx_registry_open(&reg, &replica_conf, test_err) != HX_OK) {
        return 2;
    }

    (void) usleep(40000);

    return hx_registry_probe(reg) == HX_OK ? 0 : 3;
}


/* Workers that start together: none throws away what another one has made. */
static void
test_together(void **state)
{
    int       fd, status;
    char      path[sizeof(replica_dir) + 16];
    pid_t     pid[8];
    unsigned  i, n;

    (void) snprintf(path, sizeof(path), "%s/data.mdb", replica_dir);

    for (n = 0; n < 10; n++) {
        (void) fflush(NULL);

        for (i = 0; i < hx_nelts(pid); i++) {
            pid[i] = fork();

            if (pid[i] == 0) {
                test_default_signals();
                _exit(test_opener(NULL));
            }
        }

        for (i = 0; i < hx_nelts(pid); i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }

        /* gone, or of no use, the next time */
        if (n % 2) {
            assert_int_equal(unlink(path), 0);

        } else {
            fd = open(path, O_WRONLY);
            assert_int_equal(pwrite(fd, "garbage!garbage!garbage!", 24, 16),
                             24);
            (void) close(fd);
        }
    }
}


/* Every entry n says n in two databases; so does what is loaded. */
static int
test_busy(void *data)
{
    char                 n[24];
    hx_str_t             k, v;
    hx_epoch_t           e;
    hx_registry_t       *rep;
    hx_writeset_t        ws;
    hx_replica_pair_t    pair;
    hx_replica_load_t   *load;
    hx_replica_entry_t   entry;
    hx_replica_result_t  result;

    static const unsigned  dbs[] = { HX_WRITESET_TENANTS, HX_WRITESET_BILLING };
    unsigned               i;

    memset(&ws, 0, sizeof(ws));
    test_seed = (uint64_t) getpid();
    k = test_str("n");

    if (hx_registry_open(&rep, &replica_conf, test_err) != HX_OK) {
        return 2;
    }

    for ( ;; ) {
        if (hx_replica_read_epoch(rep, &e, test_err) == HX_NO
            || test_below(4) == 0)
        {
            e.number += 5 + test_below(3);
            (void) snprintf(n, sizeof(n), "%llu",
                            (unsigned long long) e.number);

            if (hx_replica_load_begin(rep, &e, NULL, &load,
                                           test_err) != HX_OK) {
                return 3;
            }

            pair.key = k;
            pair.value = test_str(n);

            for (i = 0; i < 2; i++) {
                if (hx_replica_load_add(load, dbs[i], &pair, 1, test_err)
                    != HX_OK)
                {
                    return 4;
                }
            }

            if (hx_replica_load_end(load, &e, test_err) != HX_OK) {
                return 5;
            }
        }

        entry.base = e;
        test_next(&entry.epoch, &e);
        (void) snprintf(n, sizeof(n), "%llu",
                        (unsigned long long) entry.epoch.number);
        v = test_str(n);
        hx_writeset_reset(&ws);
        hx_writeset_put(&ws, dbs[0], &k, &v);
        hx_writeset_put(&ws, dbs[1], &k, &v);
        (void) hx_writeset_finish(&ws);
        entry.writeset.data = ws.data;
        entry.writeset.len = ws.len;

        if (hx_replica_apply(rep, &entry, &result, test_err) != HX_OK) {
            return 6;
        }
    }

    return 0;
}


static void
test_killed(void **state)
{
    int                 status;
    char                n[24];
    pid_t               pid;
    unsigned            i, marked;
    hx_rc_t             rc;
    uint64_t            most;
    hx_epoch_t          e;
    hx_registry_t      *rep;
    hx_replica_pair_t   pair;
    hx_replica_diff_t   diff;

    marked = 0;
    most = 0;

    for (i = 0; i < 120; i++) {
        (void) fflush(NULL);
        pid = fork();

        if (pid == 0) {
            test_default_signals();
            _exit(test_busy(NULL));
        }

        (void) usleep((useconds_t) (3000 + test_below(12000)));
        (void) kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        rep = test_replica();
        rc = hx_replica_epoch(rep, &e, test_err);

        if (rc == HX_NO) {
            marked++;

        } else {
            assert_int_equal(rc, HX_OK);
            most = e.number > most ? e.number : most;
            (void) snprintf(n, sizeof(n), "%llu",
                            (unsigned long long) e.number);
            memset(&diff, 0, sizeof(diff));
            pair.key = test_str("n");
            pair.value = test_str(n);

            if (e.number != 0) {
                assert_int_equal(hx_replica_check(rep, HX_WRITESET_TENANTS,
                                                  &pair, 1, &diff, test_err),
                                 HX_OK);
                assert_int_equal(hx_replica_check(rep, HX_WRITESET_BILLING,
                                                  &pair, 1, &diff, test_err),
                                 HX_OK);
                assert_int_equal(diff.same, 2);
            }
        }

        hx_registry_close(rep);
    }

    assert_true(most > 100);
    print_message("%u of 120 killed while loading\n", marked);
}


int
main(void)
{
#define test(name)                                                            \
    cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

    const struct CMUnitTest  tests[] = {
        test(test_drafts),
        test(test_draft_of_none),
        test(test_places),
        test(test_meta),
        test(test_load),
        test(test_no_room),
        test(test_reloaded),
        test(test_opening),
        test(test_together),
        test(test_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
