/*
 * hx_lease_test.c -- leases on one node: who asks when and for how much, that
 * no permit is used after its life, twice, or in spite of a refusal, and that a
 * holder who is killed loses permits at most.  What a fleet of them does is
 * hx_fleet_lease_test.c's.
 */

#include "hx_test_lease.h"


static void
small_limits_are_asked_one_by_one(void **state)
{
    unsigned  i;

    need.rate.requests = HX_LEASE_STRICT;

    for (i = 0; i < 10000; i++) {
        now += MS / 10;
        assert_int_equal(take(), HX_LEASE_ASK);
        assert_int_equal(question.number, 0);
        assert_int_equal(question.permits, 1);
        assert_int_equal(question.life, 0);
        tell(HX_OK, 1, 50, 0);
        assert_int_equal(rest.permits, 0);
    }
}


static void
slow_tenants_too(void **state)
{
    unsigned  i;

    for (i = 0; i < 100; i++) {
        now += SECOND;
        assert_int_equal(take(), HX_LEASE_ASK);
        assert_int_equal(question.permits, 1);
        tell(HX_OK, 1, 99000, 0);
    }
}


static void
busy_ones_have_leases(void **state)
{
    unsigned  asked, i;

    warm(5000);
    asked = 0;

    for (i = 0; i < 50000; i++) {
        now += SECOND / 5000;

        switch (take()) {

        case HX_LEASE_ASK:
        case HX_LEASE_AHEAD:
            asked++;
            assert_true(question.permits >= HX_LEASE_MIN);
            assert_true(question.permits <= need.rate.requests / 16 + 1);
            assert_true(question.life >= 10000 / 64);
            assert_true(question.life <= 10000 / 16);
            tell(HX_OK, question.permits, 50000, 0);
            assert_int_equal(rest.permits, 0);
            break;

        case HX_LEASE_ADMITTED:
            break;

        default:
            fail();
        }
    }

    assert_true(asked >= 10);
    assert_true(asked <= 500);
}


static void
what_others_hold_makes_them_small(void **state)
{
    uint32_t  large;

    warm(50000);
    assert_int_equal(take(), HX_LEASE_ASK);
    large = question.permits;
    tell(HX_OK, question.permits, 8000, 0);
    lease.part[0].left = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.permits <= 8000 / 4 + 1);
    assert_true(question.permits < large);
    tell(HX_OK, question.permits, 10, 0);
    lease.part[0].left = 0;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(question.permits, 100000 / 64 + 1);
}


static void
nothing_is_used_after_its_life(void **state)
{
    uint64_t  sent;

    warm(5000);
    sent = now;
    assert_int_equal(take(), HX_LEASE_ASK);
    now += 3 * MS;
    tell(HX_OK, question.permits, 50000, 0);
    assert_int_equal(rest.permits, 0);

    now = sent + lease.part[0].life * MS - 1;
    assert_true(take() == HX_LEASE_AHEAD);
    now++;
    assert_true(take() == HX_LEASE_ASK);
    assert_int_equal(question.permits, 1);  /* one is on its way */

    now = lease.asked + HX_LEASE_PATIENCE;
    assert_true(take() == HX_LEASE_ASK);
    assert_true(question.permits >= 1);
    assert_int_not_equal(lease.asked, now - HX_LEASE_PATIENCE);
}


static void
an_answer_that_comes_too_late_is_a_rest(void **state)
{
    hx_lease_question_t  first;

    warm(5000);
    assert_int_equal(take(), HX_LEASE_ASK);
    first = question;
    now += question.life * MS;
    tell(HX_OK, question.permits, 50000, 0);
    assert_int_equal(rest.permits, first.permits - 1);
    assert_int_equal(rest.ticket, 700 + first.number);
    assert_int_equal(hx_lease_look(&lease, &need, now, &view), HX_LEASE_ASK);

    /* told twice: the second one is nobody's */
    tell(HX_OK, question.permits, 50000, 0);
    assert_int_equal(rest.permits, first.permits - 1);
    assert_int_equal(hx_lease_look(&lease, &need, now, &view), HX_LEASE_ASK);
}


static void
a_question_that_was_given_up_is_nobodys(void **state)
{
    hx_lease_question_t  first;

    need.rate.window_s = 3600;
    need.rate.requests = 40000000;
    warm(5000);
    assert_int_equal(take(), HX_LEASE_ASK);
    first = question;
    assert_true(first.number != 0);

    now += HX_LEASE_PATIENCE;
    lease.seen = 5000;
    lease.pace = 5000 * 1024;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_not_equal(question.number, first.number);
    assert_int_not_equal(question.number, 0);

    question = first;
    tell(HX_OK, first.permits, 50000, 0);
    assert_int_equal(rest.permits, first.permits - 1);
}


static void
refused_nobody_asks_before_the_time(void **state)
{
    unsigned  i;

    need.rate.requests = 50;
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_NO, 0, 0, 1234);
    assert_int_equal(view.retry, 1234 * MS);
    assert_int_equal(view.remaining, 0);

    for (i = 0; i < 1234; i++) {
        assert_int_equal(take(), HX_LEASE_RATE);
        assert_int_equal(view.retry, (1234 - i) * MS);
        assert_int_equal(hx_lease_look(&lease, &need, now, &view),
                         HX_LEASE_RATE);
        assert_false(hx_lease_idle(&lease, now));
        now += MS;
    }

    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_NO, 0, 0, 1000);

    /* another limit: nobody knows */
    need.rate.requests = 60;
    assert_int_equal(take(), HX_LEASE_ASK);
}


static void
one_asks_for_a_crowd_that_was_refused(void **state)
{
    unsigned             i;
    hx_lease_question_t  first;

    warm(5000);
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_NO, 0, 0, 100);
    now += 100 * MS;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.number != 0);
    first = question;

    for (i = 0; i < 100; i++) {
        assert_int_equal(take(), HX_LEASE_RATE);
        assert_int_equal(view.retry, MS);
    }

    /* but not when the refusal is long past */
    now += 10 * SECOND / 64;
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_int_equal(question.number, 0);

    /* no answer: the next one asks, at the latest when it is given up */
    now += HX_LEASE_PATIENCE;
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_FAIL, 0, 0, 0);
    assert_int_equal(take(), HX_LEASE_ASK);
    tell(HX_OK, question.permits, 0, 0);
    assert_int_equal(take(), HX_LEASE_ADMITTED);
    question = first;
    tell(HX_FAIL, 0, 0, 0);
    assert_int_equal(take(), HX_LEASE_ADMITTED);
}


static void
no_answer_changes_nothing(void **state)
{
    warm(5000);
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.number != 0);
    tell(HX_FAIL, 0, 0, 0);
    assert_int_equal(rest.permits, 0);
    assert_int_equal(hx_lease_look(&lease, &need, now, &view), HX_LEASE_ASK);
    assert_int_equal(take(), HX_LEASE_ASK);
    assert_true(question.number != 0);
}


static void
rests_are_given_back_once(void **state)
{
    uint32_t  permits;
    uint64_t  until;

    warm(5000);
    assert_int_equal(take(), HX_LEASE_ASK);
    permits = question.permits - 1;
    tell(HX_OK, question.permits, 50000, 0);
    until = lease.part[0].until;
    assert_int_equal(hx_lease_spare(&lease, now, &rest), HX_NO);

    now = until - lease.part[0].life * MS / 4;
    assert_int_equal(hx_lease_spare(&lease, now, &rest), HX_OK);
    assert_int_equal(rest.permits, permits);
    assert_true(rest.ticket > 700);
    assert_int_equal(hx_lease_spare(&lease, now, &rest), HX_NO);
    assert_int_equal(hx_lease_look(&lease, &need, now, &view), HX_LEASE_ASK);
    assert_true(hx_lease_idle(&lease, now + HX_LEASE_PATIENCE));
}


/* Whatever happens, permits used are permits that were told, and in time. */
static void
none_is_there_twice(void **state)
{
    unsigned       i, n;
    uint64_t       before, left;
    hx_lease_rc_t  rc;

    struct { hx_lease_question_t question; uint64_t at; }  way[64];

    n = 0;
    test_seed = 5;

    for (i = 0; i < 400000; i++) {
        now += test_below(SECOND / 4000);

        if (test_below(5000) == 0) {
            now += test_below(2 * SECOND);
        }

        while (n != 0 && (way[0].at <= now || n == 64)) {
            question = way[0].question;
            n--;
            memmove(way, way + 1, n * sizeof(way[0]));

            if (test_below(50) == 0) {
                tell(HX_FAIL, 0, 0, 0);

            } else if (test_below(20) == 0) {
                tell(HX_NO, 0, 0, test_below(50));

            } else {
                tell(HX_OK, 1 + (uint32_t) test_below(question.permits),
                     (uint32_t) test_below(need.rate.requests), 0);
            }
        }

        before = (uint64_t) lease.part[0].left + lease.part[1].left;
        rc = take();
        left = (uint64_t) lease.part[0].left + lease.part[1].left;

        if (rc == HX_LEASE_ADMITTED || rc == HX_LEASE_AHEAD) {
            assert_int_equal(left, before - 1);

        } else {
            assert_int_equal(left, before);
        }

        if (rc == HX_LEASE_ASK || rc == HX_LEASE_AHEAD) {
            assert_int_equal(question.own, rc == HX_LEASE_ASK);
            assert_true(question.permits >= 1);
            way[n].question = question;
            way[n++].at = now + test_below(20 * MS);
        }

        if (test_below(100) == 0
            && hx_lease_spare(&lease, now, &rest) == HX_OK)
        {
            assert_int_equal(lease.part[0].left + lease.part[1].left,
                             left - rest.permits);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(small_limits_are_asked_one_by_one, begin),
        cmocka_unit_test_setup(slow_tenants_too, begin),
        cmocka_unit_test_setup(busy_ones_have_leases, begin),
        cmocka_unit_test_setup(what_others_hold_makes_them_small, begin),
        cmocka_unit_test_setup(nothing_is_used_after_its_life, begin),
        cmocka_unit_test_setup(an_answer_that_comes_too_late_is_a_rest, begin),
        cmocka_unit_test_setup(a_question_that_was_given_up_is_nobodys, begin),
        cmocka_unit_test_setup(refused_nobody_asks_before_the_time, begin),
        cmocka_unit_test_setup(one_asks_for_a_crowd_that_was_refused, begin),
        cmocka_unit_test_setup(no_answer_changes_nothing, begin),
        cmocka_unit_test_setup(rests_are_given_back_once, begin),
        cmocka_unit_test_setup(none_is_there_twice, begin)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
