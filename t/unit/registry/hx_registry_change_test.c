/*
 * hx_registry_change_test.c -- changing, getting and listing: answers of the
 * rules, a full map, keys that belong to somebody, pages of a list, several
 * threads and processes at once.
 */

#include "hx_test_registry.h"

#include <pthread.h>

#define HX_CHANGES   150            /* of one thread or process */


static void
test_result(hx_registry_t *reg, hx_change_op_t op, const char *id,
    unsigned key, hx_change_result_t want)
{
    hx_change_result_t   result;
    static hx_change_t   c;

    test_change(&c, op, id, key);
    assert_int_equal(test_apply(reg, &c, &result), HX_OK);
    assert_int_equal(result, want);
}


static void
a_tenants_life(void **state)
{
    char            id[HX_TENANT_MAX + 1];
    hx_tenant_t     t;
    hx_registry_t  *reg;

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "other", 99);
    assert_int_equal(test_get(reg, "acme", &t), HX_NO);
    test_result(reg, HX_CHANGE_ROTATE, "acme", 1, HX_CHANGE_NO_TENANT);
    test_result(reg, HX_CHANGE_DELETE, "acme", 1, HX_CHANGE_NO_TENANT);
    assert_int_equal(test_who(reg, 1, id), HX_NO);

    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    assert_int_equal(test_get(reg, "acme", &t), HX_OK);
    assert_int_equal(t.n_keys, 1);
    test_result(reg, HX_CHANGE_CREATE, "acme", 2, HX_CHANGE_EXISTS);
    assert_int_equal(test_who(reg, 2, id), HX_NO);

    /* the record comes back as it is now */

    test_do(reg, HX_CHANGE_SUSPEND, "acme", 0);
    assert_int_equal(hx_tenant_decode(&t, test_bytes, test_len), HX_OK);
    assert_int_equal(t.status, HX_TENANT_SUSPENDED);

    test_do(reg, HX_CHANGE_ROTATE, "acme", 2);
    assert_int_equal(test_who(reg, 1, id), HX_NO);
    assert_int_equal(test_who(reg, 2, id), HX_OK);

    test_result(reg, HX_CHANGE_REMOVE_NAMESPACE, "acme", 0,
                HX_CHANGE_LAST_NAMESPACE);
    test_do(reg, HX_CHANGE_DELETE, "acme", 0);
    assert_int_equal(hx_tenant_decode(&t, test_bytes, test_len), HX_OK);
    assert_int_equal(test_who(reg, 2, id), HX_NO);
    assert_int_equal(test_get(reg, "acme", &t), HX_NO);

    /* a name may come again, with nothing of the one before */

    test_do(reg, HX_CHANGE_CREATE, "acme", 3);
    assert_int_equal(test_get(reg, "acme", &t), HX_OK);
    assert_int_equal(t.status, HX_TENANT_ACTIVE);
    assert_int_equal(test_who(reg, 2, id), HX_NO);
    hx_registry_close(reg);
    test_consistent();
}


static void
keys_with_grace(void **state)
{
    char                 id[HX_TENANT_MAX + 1];
    unsigned             i, k;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);

    for (i = 2; i < 30; i++) {
        test_change(&c, HX_CHANGE_ROTATE, "acme", i);
        c.grace_s = 100;
        assert_int_equal(test_apply(reg, &c, &result), HX_OK);
        assert_int_equal(result, HX_CHANGED);

        /* the index knows the newest eight */

        for (k = 1; k <= i; k++) {
            assert_int_equal(test_who(reg, k, id),
                             k + HX_TENANT_KEYS > i ? HX_OK : HX_NO);
        }
    }

    test_do(reg, HX_CHANGE_ROTATE, "acme", 100);

    for (k = 1; k < 30; k++) {
        assert_int_equal(test_who(reg, k, id), HX_NO);
    }

    assert_int_equal(test_who(reg, 100, id), HX_OK);
    hx_registry_close(reg);
    test_consistent();
}


/* A key belongs to one tenant; that two get the same one changes nothing. */
static void
a_key_of_somebody(void **state)
{
    char                 id[HX_TENANT_MAX + 1];
    hx_tenant_t          t;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    test_do(reg, HX_CHANGE_CREATE, "beta", 2);

    test_change(&c, HX_CHANGE_CREATE, "gamma", 1);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
    assert_non_null(strstr(test_err, "MDB_KEYEXIST"));
    assert_int_equal(test_get(reg, "gamma", &t), HX_NO);

    test_change(&c, HX_CHANGE_ROTATE, "beta", 1);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);

    /* its own, while the old one lives on, is no new key either */

    test_change(&c, HX_CHANGE_ROTATE, "beta", 2);
    c.grace_s = 100;
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);

    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_string_equal(id, "acme");
    assert_int_equal(test_who(reg, 2, id), HX_OK);
    assert_string_equal(id, "beta");
    hx_registry_close(reg);
    test_consistent();
}


/* Names LMDB has no place for. */
static void
impossible_names(void **state)
{
    char                 name[600];
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    reg = test_registry();

    test_change(&c, HX_CHANGE_CREATE, name, 1);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
    test_change(&c, HX_CHANGE_CREATE, "", 1);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);

    name[HX_TENANT_MAX + 1] = '\0';
    test_change(&c, HX_CHANGE_CREATE, name, 1);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
    assert_non_null(strstr(test_err, "encoding the record"));

    name[HX_TENANT_MAX] = '\0';
    test_do(reg, HX_CHANGE_CREATE, name, 1);
    hx_registry_close(reg);
    test_consistent();
}


static void
a_full_map(void **state)
{
    char                 id[HX_TENANT_MAX + 1], name[16];
    hx_rc_t              rc;
    unsigned             i, k, n;
    hx_tenant_t          t;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static char          ns[200][HX_NAMESPACE_MAX];
    static hx_change_t   c;

    test_conf.map_size = 1048576;
    reg = test_registry();

    for (n = 0, rc = HX_OK; n < 100 && rc == HX_OK; n++) {
        (void) snprintf(name, sizeof(name), "t%u", n);
        test_change(&c, HX_CHANGE_CREATE, name, n);
        c.n_namespaces = 200;

        for (k = 0; k < 200; k++) {
            c.namespaces[k] = test_text(ns[k], HX_NAMESPACE_MAX);
        }

        rc = test_apply(reg, &c, &result);
    }

    assert_int_equal(rc, HX_FAIL);
    assert_non_null(strstr(test_err, "MDB_MAP_FULL"));
    assert_in_range(n, 3, 99);
    n--;

    /* nothing of the last one, everything of the others, again and again */

    for (k = 0; k < 3; k++) {
        assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
        assert_int_equal(test_who(reg, n, id), HX_NO);
        assert_int_equal(test_get(reg, name, &t), HX_NO);

        for (i = 0; i < n; i++) {
            assert_int_equal(test_who(reg, i, id), HX_OK);
        }
    }

    test_consistent();

    /* with a larger map it goes on */

    hx_registry_close(reg);
    test_conf.map_size = 16777216;
    reg = test_registry();
    assert_int_equal(test_apply(reg, &c, &result), HX_OK);
    assert_int_equal(result, HX_CHANGED);
    assert_int_equal(test_who(reg, n, id), HX_OK);
    hx_registry_close(reg);
    test_consistent();
}


typedef struct {
    unsigned   n;
    unsigned   stop;
    char       id[64][16];
} hx_page_t;


static int
test_page(void *data, const hx_tenant_t *t)
{
    hx_page_t  *p = data;

    assert_true(p->n < hx_nelts(p->id) && t->id.len < sizeof(p->id[0]));
    memcpy(p->id[p->n], t->id.data, t->id.len);
    p->id[p->n][t->id.len] = '\0';

    return ++p->n == p->stop;
}


static int
test_by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}


static void
lists(void **state)
{
    char            want[40][16], after[16];
    hx_str_t        from;
    unsigned        i, k, n, pages;
    hx_page_t       page;
    hx_registry_t  *reg;

    reg = test_registry();
    memset(&page, 0, sizeof(page));
    from = test_str("");
    assert_int_equal(hx_registry_list(reg, &from, test_page, &page,
                                      test_err), HX_OK);
    assert_int_equal(page.n, 0);

    for (i = 0; i < hx_nelts(want); i++) {
        (void) snprintf(want[i], sizeof(want[i]), "%c%u%s",
                        "aB-_z"[i % 5], i * 7, i % 3 ? "" : "x");
        test_do(reg, HX_CHANGE_CREATE, want[i], i);
    }

    qsort(want, hx_nelts(want), sizeof(want[0]), test_by_name);

    /* pages of every size make up the whole */

    for (n = 1; n < hx_nelts(want) + 3; n++) {
        after[0] = '\0';

        for (i = 0, pages = 0; pages < 100; pages++) {
            page.n = 0;
            page.stop = n;
            from = test_str(after);
            assert_int_equal(hx_registry_list(reg, &from, test_page, &page,
                                              test_err), HX_OK);

            for (k = 0; k < page.n; k++) {
                assert_string_equal(page.id[k], want[i++]);
            }

            if (page.n < n) {
                break;
            }

            memcpy(after, page.id[n - 1], sizeof(after));
        }

        assert_int_equal(i, hx_nelts(want));
    }

    /* a cursor need not be a tenant that exists */

    for (i = 0; want[i][0] != 'B'; i++) { /* void */ }

    page.n = 0;
    page.stop = 1;
    from = test_str("A");
    assert_int_equal(hx_registry_list(reg, &from, test_page, &page,
                                      test_err), HX_OK);
    assert_string_equal(page.id[0], want[i]);
    page.n = 0;
    from = test_str("zz");
    assert_int_equal(hx_registry_list(reg, &from, test_page, &page,
                                      test_err), HX_OK);
    assert_int_equal(page.n, 0);
    hx_registry_close(reg);
}


/* Changes of one writer: creates, rotates and deletes its own two tenants. */
static int
test_writer(hx_registry_t *reg, unsigned who, unsigned n)
{
    char                 id[16], err[HX_REGISTRY_ERR];
    size_t               len;
    hx_rc_t              rc;
    unsigned             i;
    hx_change_t         *c;
    unsigned char       *record;
    hx_change_result_t   result;

    c = malloc(sizeof(hx_change_t));
    record = malloc(HX_TENANT_RECORD_MAX);

    if (c == NULL || record == NULL) {
        return 2;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "w%u-%u", who, i % 2);
        test_change(c, i % 7 == 6 ? HX_CHANGE_DELETE : HX_CHANGE_ROTATE, id,
                    who * 10000 + i);
        rc = hx_registry_change(reg, c, &result, record, &len, NULL, NULL,
                                err);

        if (rc == HX_OK && result == HX_CHANGE_NO_TENANT) {
            c->op = HX_CHANGE_CREATE;
            rc = hx_registry_change(reg, c, &result, record, &len, NULL, NULL,
                                    err);
        }

        if (rc != HX_OK || result != HX_CHANGED) {
            break;
        }
    }

    free(c);
    free(record);

    return i == n ? 0 : 3;
}


typedef struct {
    hx_registry_t  *reg;
    unsigned        who;
    int             rc;
    int             done;
} hx_thread_t;


static void *
test_thread(void *data)
{
    hx_thread_t  *t = data;

    t->rc = test_writer(t->reg, t->who, HX_CHANGES);
    __atomic_store_n(&t->done, 1, __ATOMIC_RELEASE);

    return NULL;
}


/* What a worker does: threads change, the event loop asks on and on. */
static void
threads(void **state)
{
    char            id[HX_TENANT_MAX + 1];
    hx_rc_t         rc;
    unsigned        i, busy, asked;
    pthread_t       tid[3];
    hx_thread_t     t[3];
    hx_registry_t  *reg;

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "always", 9);

    for (i = 0; i < 3; i++) {
        t[i].reg = reg;
        t[i].who = i + 1;
        t[i].done = 0;
        assert_int_equal(pthread_create(&tid[i], NULL, test_thread, &t[i]),
                         0);
    }

    for (asked = 0, busy = 1; busy; asked++) {
        assert_int_equal(test_who(reg, 9, id), HX_OK);
        assert_string_equal(id, "always");
        rc = test_who(reg, 10000 * (1 + asked % 3) + asked % HX_CHANGES, id);
        assert_true(rc == HX_OK || rc == HX_NO);
        assert_int_equal(hx_registry_refresh(reg, test_err), HX_OK);

        for (i = 0, busy = 0; i < 3; i++) {
            busy += !__atomic_load_n(&t[i].done, __ATOMIC_ACQUIRE);
        }
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(tid[i], NULL), 0);
        assert_int_equal(t[i].rc, 0);
    }

    hx_registry_close(reg);
    test_consistent();
}


static int
test_process(void *data)
{
    int             rc;
    hx_registry_t  *reg;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    rc = test_writer(reg, *(unsigned *) data, HX_CHANGES);
    hx_registry_close(reg);

    return rc;
}


static void
processes(void **state)
{
    int             status;
    pid_t           pid[3];
    unsigned        i;
    hx_tenant_t     t;
    hx_registry_t  *reg;

    (void) fflush(NULL);

    for (i = 0; i < 3; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);

        if (pid[i] == 0) {
            test_default_signals();
            _exit(test_process(&i));
        }
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }

    test_consistent();

    /* each one's last change is what is left of it */

    reg = test_registry();

    for (i = 0; i < 3; i++) {
        char            id[HX_TENANT_MAX + 1], name[16];
        const unsigned  last = HX_CHANGES - 1;

        (void) snprintf(name, sizeof(name), "w%u-%u", i, last % 2);
        assert_int_equal(test_get(reg, name, &t), HX_OK);
        assert_int_equal(test_who(reg, i * 10000 + last, id), HX_OK);
        assert_string_equal(id, name);
        assert_int_equal(test_who(reg, i * 10000 + last - 2, id), HX_NO);
    }

    hx_registry_close(reg);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(a_tenants_life),
        T(keys_with_grace),
        T(a_key_of_somebody),
        T(impossible_names),
        T(a_full_map),
        T(lists),
        T(threads),
        T(processes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
