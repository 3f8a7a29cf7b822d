/*
 * Tests of groups by their number of elements: found in a few steps however
 * many there are, and removed without losing others.
 */

#include <stdlib.h>

#include "hx_test_index.h"
#include "hx_index_impl.h"

#define GROUPS  40000


/* Places that are looked at to find them all. */
static size_t
steps(const hx_name_t *name)
{
    size_t  i, n, run;

    /* a place is passed at most once by each of the run before it */

    for (i = 0, n = 0, run = 0; i <= name->group_mask; i++) {
        run = name->group[i] != NULL ? run + 1 : 0;
        n += run;
    }

    return n;
}


static hx_name_t *
create_name(void)
{
    hx_name_t  *name;

    create_index(1);
    name = hx_name_get(ix, &ns);
    assert_non_null(name);

    return name;
}


static void
check(const hx_name_t *name, uint64_t first, uint64_t step)
{
    uint64_t     n;
    hx_group_t  *g;

    for (n = 1; n <= GROUPS; n++) {
        g = hx_group_find(name, n);
        assert_int_equal(g != NULL, n >= first && (n - first) % step == 0);
        assert_true(g == NULL || g->elements == n);
    }
}


static void
many_groups_are_found(void **state)
{
    uint64_t    n;
    hx_name_t  *name;

    name = create_name();

    for (n = 1; n <= GROUPS; n++) {
        assert_non_null(hx_group_get(ix, name, n));
    }

    assert_int_equal(name->groups, GROUPS);
    check(name, 1, 1);
    assert_true(steps(name) < GROUPS * (size_t) 16);

    for (n = 1; n <= GROUPS; n++) {
        if (n % 3 != 0) {
            hx_group_remove(ix, hx_group_find(name, n));
        }
    }

    assert_int_equal(name->groups, GROUPS / 3);
    check(name, 3, 3);
    hx_index_free(ix);
}


/* Those that were removed make room: the table does not grow. */
static void
groups_come_and_go(void **state)
{
    uint64_t    n;
    hx_name_t  *name;

    name = create_name();

    for (n = 1; n <= GROUPS; n++) {
        assert_non_null(hx_group_get(ix, name, n));

        if (n > 10) {
            hx_group_remove(ix, hx_group_find(name, n - 10));
        }
    }

    assert_int_equal(name->groups, 10);
    assert_true(name->group_mask < 64);
    check(name, GROUPS - 9, 1);
    hx_index_free(ix);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(many_groups_are_found),
        cmocka_unit_test(groups_come_and_go)
    };

    return cmocka_run_group_tests_name("hx_index_map", tests, NULL, NULL);
}
