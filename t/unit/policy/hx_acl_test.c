/*
 * hx_acl_test.c -- a namespace is permitted when it stands in the list, letter
 * for letter; everything that is nearly it is not.
 */

#include "hx_test_tenant.h"

#include "hx_acl.h"

static unsigned char  record[HX_TENANT_RECORD_MAX];


static void
test_open(hx_tenant_t *t, const hx_tenant_edit_t *e)
{
    const size_t  len = hx_tenant_encode(e, record, sizeof(record));

    assert_true(len != 0);
    assert_int_equal(hx_tenant_decode(t, test_edge(record, len), len), HX_OK);
}


static void
near_misses(void **state)
{
    size_t              i;
    hx_str_t            ns;
    hx_tenant_t         t;
    hx_test_tenant_t   *tenant;

    static const char *const  good[] = { "prod", "prod-eu", "a" };
    static const char *const  bad[] = {
        "", "p", "pro", "prod-", "prod-e", "prod-eu1", "Prod", "PROD",
        "prod ", " prod", "rod", "eu", "prod-eua", "aa", "A", "*", "prod*",
        "\4prod", "prod-eu\1a", "b"
    };

    tenant = calloc(1, sizeof(hx_test_tenant_t));
    assert_non_null(tenant);
    test_tenant(tenant, 1);
    tenant->e.n_namespaces = hx_nelts(good);

    for (i = 0; i < hx_nelts(good); i++) {
        tenant->e.namespaces[i] = test_str(good[i]);
    }

    test_open(&t, &tenant->e);

    for (i = 0; i < hx_nelts(good); i++) {
        ns = test_str(good[i]);
        assert_int_equal(hx_acl_namespace(&t, &ns), HX_OK);
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        ns = test_str(bad[i]);

        if (hx_acl_namespace(&t, &ns) != HX_NO) {
            fail_msg("\"%s\" was let in", bad[i]);
        }
    }

    tenant->e.n_namespaces = 0;
    test_open(&t, &tenant->e);
    ns = test_str("");
    assert_int_equal(hx_acl_namespace(&t, &ns), HX_NO);
    ns = test_str("prod");
    assert_int_equal(hx_acl_namespace(&t, &ns), HX_NO);
    free(tenant);
}


static void
random_lists(void **state)
{
    char                      text[HX_NAMESPACE_MAX];
    size_t                    i, k, n;
    int                       in;
    unsigned                  yes;
    hx_str_t                  ns;
    hx_tenant_t               t;
    static hx_test_tenant_t   tenant;

    yes = 0;

    for (i = 0; i < 3000; i++) {
        test_tenant(&tenant, 1);

        /* short ones of few letters, so that many are nearly the same */

        for (k = 0; k < tenant.e.n_namespaces; k++) {
            tenant.e.namespaces[k].len = 1 + test_below(2);
        }

        test_open(&t, &tenant.e);

        for (k = 0; k < 30; k++) {
            ns = test_text(text, 1 + test_below(2));

            for (n = 0, in = 0; n < tenant.e.n_namespaces; n++) {
                in |= test_same(&ns, &tenant.e.namespaces[n]);
            }

            assert_int_equal(hx_acl_namespace(&t, &ns), in ? HX_OK : HX_NO);
            yes += in != 0;
        }
    }

    assert_true(yes > 1000 && yes < 80000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(near_misses),
        cmocka_unit_test(random_lists)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
