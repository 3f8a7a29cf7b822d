/*
 * hx_lease_quota_test.c -- tenths of a quota that come with a lease's permits.
 */

#include "hx_test_lease.h"


static void
tenths_come_with_the_permits(void **state)
{
    uint32_t  tenths;

    need.month = 202611;
    need.cost = 7;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(question.tenths, 7);
    assert_int_equal(question.tenths_min, 7);
    tell(HX_OK, 1, 50000, 0);
    assert_int_equal(lease.tenths, 0);

    warm(5000);
    lease.tenths = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.tenths >= 7 * question.permits);
    tell(HX_OK, question.permits, 50000, 0);
    assert_int_equal(lease.tenths, question.tenths - 7);

    tenths = lease.tenths;
    assert_int_equal(take(), HX_LEASE_ADMITTED);
    assert_int_equal(lease.tenths, tenths - 7);

    /* who is not charged leaves them alone */
    need.month = 0;
    tenths = lease.tenths;
    assert_int_equal(take(), HX_LEASE_ADMITTED);
    need.month = 202611;
    assert_int_equal(lease.tenths, tenths);

    /* more than there is: permits alone do not help */
    need.cost = 1000000;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(question.own_tenths, 1000000);

    need.cost = 7;
    lease.tenths = 10;
    assert_int_equal(hx_lease_refund(&lease, 202611, 5), HX_OK);
    assert_int_equal(lease.tenths, 15);
    assert_int_equal(hx_lease_refund(&lease, 202612, 5), HX_NO);

    /* nobody comes: they go back, without a ticket */
    lease.part[0].left = 0;
    lease.part[1].left = 0;
    now += 2 * HX_LEASE_PATIENCE;
    assert_int_equal(hx_lease_spare(&lease, now, &rest), HX_OK);
    assert_int_equal(rest.permits, 0);
    assert_int_equal(rest.ticket, 0);
    assert_int_equal(rest.tenths, 15);
    assert_int_equal(rest.month, 202611);
    assert_true(hx_lease_idle(&lease, now));
}


/* Little of the quota is left: others are to find some of it. */
static void
few_tenths_are_shared(void **state)
{
    unsigned             i;
    hx_lease_question_t  asked;

    need.month = 202611;
    need.cost = 7;
    warm(5000);

    quota_left = 1000;
    lease.tenths = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_OK, 1, 50000, 0);
    lease.tenths = 0;
    lease.part[0].left = 0;
    lease.part[1].left = 0;

    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.number != 0 && question.permits > 100);
    assert_int_equal(question.tenths, (1000 + lease.tenths) / 4
                                      - lease.tenths);
    tell(HX_OK, question.permits, 50000, 0);
    assert_true(lease.tenths <= 250);

    /* what it has counts: it does not heap them up */
    lease.part[0].left = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.tenths + lease.tenths <= 1250 / 4 + 7);
    tell(HX_OK, question.permits, 50000, 0);

    /* permits and no tenths: one lease more, then tenths alone, and no permit
     * is taken that cannot be put away */
    lease.tenths = 0;
    lease.part[1].left = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_OK, question.permits, 50000, 0);
    assert_int_equal(rest.permits, 0);

    lease.tenths = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_not_equal(question.number, 0);
    assert_int_equal(question.permits, 1);
    assert_int_equal(question.life, 0);
    assert_int_equal(question.tenths, 250);
    asked = question;

    for (i = 0; i < 20; i++) {          /* by one at a time */
        assert_int_equal(take(), HX_LEASE_ASK);
        assert_int_equal(question.number, 0);
        assert_int_equal(question.permits, 1);
        assert_int_equal(question.tenths, 7);
        tell(HX_OK, 1, 50000, 0);
    }

    question = asked;
    tell(HX_OK, 1, 50000, 0);
    assert_int_equal(rest.permits, 0);
    assert_int_equal(lease.tenths, 243);
    assert_int_equal(take(), HX_LEASE_ADMITTED);

    quota_left = 0;
    lease.tenths = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_OK, 1, 50000, 0);
    lease.tenths = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(question.tenths, 7);
    tell(HX_OK, 1, 50000, 0);

    need.month = 202612;                /* another month, another sum */
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(lease.rest, 0);
}


static void
a_refusal_by_the_quota_is_remembered(void **state)
{
    hx_lease_answer_t  answer;

    need.month = 202611;
    need.cost = 7;
    assert_int_equal(take(), HX_LEASE_ASK);

    memset(&answer, 0, sizeof(answer));
    answer.rc = HX_NO;
    answer.quota = 1;
    answer.remaining = 12;
    hx_lease_told(&lease, &question, &answer, now, &view, &rest);

    assert_int_equal(take(), HX_LEASE_QUOTA);
    assert_int_equal(hx_lease_look(&lease, &need, now, &view),
                     HX_LEASE_QUOTA);
    now += HX_LEASE_QUOTA_WAIT - 1;
    assert_int_equal(take(), HX_LEASE_QUOTA);
    now++;
    assert_int_equal(take(), HX_LEASE_ASK);

    hx_lease_told(&lease, &question, &answer, now, &view, &rest);
    assert_int_equal(take(), HX_LEASE_QUOTA);
    need.month = 202612;
    assert_int_equal(take(), HX_LEASE_ASK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(tenths_come_with_the_permits, begin),
        cmocka_unit_test_setup(few_tenths_are_shared, begin),
        cmocka_unit_test_setup(a_refusal_by_the_quota_is_remembered, begin)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
