/*
 * hx_fleet_usage_test.c -- what is said to Redis about usage, which answers are
 * believed, and what the two scripts do, each rule by itself, in Redis.
 */

#include "hx_test_fleet_usage.h"
#include "hx_test_reply.h"

#include <openssl/evp.h>


static const unsigned char  token[] = "00112233445566ff";


static int
test_begin(void **state)
{
    const hx_str_t  prefix = hx_string("hx-gate");

    assert_int_equal(hx_fleet_usage_names(&names, &prefix), HX_OK);
    redis_page = 0;

    if (redis_start(state) != 0) {
        return 1;
    }

    redis_load_usage(0);

    return 0;
}


static void
sha1_of(const char *text, char hex[HX_FLEET_SHA1 + 1])
{
    unsigned        i, len;
    unsigned char   md[EVP_MAX_MD_SIZE];

    assert_int_equal(EVP_Digest(text, strlen(text), md, &len, EVP_sha1(),
                                NULL), 1);
    assert_int_equal(len, HX_FLEET_SHA1 / 2);

    for (i = 0; i < len; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", md[i]);
    }
}


static void
digests(void **state)
{
    char  hex[HX_FLEET_SHA1 + 1];

    sha1_of(hx_fleet_usage_push_script, hex);
    assert_string_equal(hx_fleet_usage_push_sha1, hex);
    sha1_of(hx_fleet_usage_pull_script, hex);
    assert_string_equal(hx_fleet_usage_pull_sha1, hex);
}


static void
names_of_keys(void **state)
{
    size_t                   i;
    hx_str_t                 prefix;
    unsigned char            text[HX_FLEET_PREFIX + 1];
    hx_fleet_usage_names_t   n;

    static const char *const  want[] = {
        "{a}:usage", "{a}:usage-order", "{a}:usage-heads"
    };

    prefix = test_str("a");
    assert_int_equal(hx_fleet_usage_names(&n, &prefix), HX_OK);

    for (i = 0; i < 3; i++) {
        const hx_str_t  s = test_str(want[i]);

        assert_true(test_same(&n.key[i], &s));
    }

    memset(text, 'x', sizeof(text));
    prefix.data = text;
    prefix.len = HX_FLEET_PREFIX;
    assert_int_equal(hx_fleet_usage_names(&n, &prefix), HX_OK);
    assert_int_equal(n.key[2].len, HX_FLEET_PREFIX + 14);
    prefix.len++;
    assert_int_equal(hx_fleet_usage_names(&n, &prefix), HX_NO);
    prefix = test_str("a}b");
    assert_int_equal(hx_fleet_usage_names(&n, &prefix), HX_NO);
}


static void
assert_arg(const hx_fleet_cmd_t *cmd, size_t i, const char *want)
{
    assert_true(i < cmd->argc);
    assert_int_equal(cmd->argvlen[i], strlen(want));
    assert_memory_equal(cmd->argv[i], want, strlen(want));
}


static void
commands(void **state)
{
    hx_epoch_t       e;
    hx_str_t         prefix = hx_string("p");
    hx_test_raw_t    r[2];
    hx_usage_raw_t   rows[2];
    hx_fleet_cmd_t   cmd;

    assert_int_equal(hx_fleet_usage_names(&names, &prefix), HX_OK);
    test_make(&r[0], 202601, "acme", 1, 0);
    test_make(&r[1], 202601, "beta", 1, HX_USAGE_SEND_MAX);
    rows[0] = r[0].raw;
    rows[1] = r[1].raw;
    e = test_epoch(HX_EPOCH_LAST, 'a');

    assert_int_equal(hx_fleet_usage_push(&cmd, &names, &e, token, 202512, rows,
                                         2), HX_OK);
    assert_int_equal(cmd.argc, 3 + 3 + 6);
    assert_arg(&cmd, 0, "{p}:usage");
    assert_arg(&cmd, 1, "{p}:usage-order");
    assert_arg(&cmd, 2, "{p}:usage-heads");
    assert_arg(&cmd, 3, "00112233445566ff");
    assert_arg(&cmd, 4, "202512");
    assert_arg(&cmd, 5, "9007199254740991-aaaaaaaaaaaaaaaa");
    assert_true(cmd.argv[6] == (const char *) r[0].key);
    assert_int_equal(cmd.argvlen[6], 6 + 4 + 1 + 12);
    assert_arg(&cmd, 7, "0");
    assert_true(cmd.argv[8] == (const char *) r[0].value);
    assert_int_equal(cmd.argvlen[8], r[0].raw.value.len);
    assert_arg(&cmd, 10, "9007199254740991");
    hx_fleet_cmd_free(&cmd);

    e = test_epoch(7, 'b');
    assert_int_equal(hx_fleet_usage_pull(&cmd, &names, &e, &zero), HX_OK);
    assert_int_equal(cmd.argc, 3 + 4);
    assert_arg(&cmd, 2, "{p}:usage-heads");
    assert_arg(&cmd, 3, "7-bbbbbbbbbbbbbbbb");
    assert_arg(&cmd, 4, "0-0000000000000000");
    assert_arg(&cmd, 5, "257");
    assert_arg(&cmd, 6, "262144");
    hx_fleet_cmd_free(&cmd);
}


static hx_rc_t
test_push_cmd(const hx_epoch_t *pushed, const char *tok, unsigned cutoff,
    const hx_usage_raw_t *rows, size_t n)
{
    hx_rc_t         rc;
    hx_fleet_cmd_t  cmd;

    rc = hx_fleet_usage_push(&cmd, &names, pushed, (const unsigned char *) tok,
                             cutoff, rows, n);
    assert_int_equal(cmd.memory != NULL, rc == HX_OK);
    hx_fleet_cmd_free(&cmd);

    return rc;
}


static void
commands_refused(void **state)
{
    size_t                  i;
    hx_epoch_t              e;
    hx_test_raw_t           r;
    hx_fleet_cmd_t          cmd;
    hx_usage_raw_t          rows[HX_FLEET_USAGE_ROWS + 1];
    static unsigned char    big[HX_FLEET_USAGE_BYTES];
    const char             *t = (const char *) token;

    test_make(&r, 202601, "acme", 1, 5);

    for (i = 0; i < hx_nelts(rows); i++) {
        rows[i] = r.raw;
    }

    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 1), HX_OK);
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 128), HX_OK);
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 129), HX_FAIL);
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 0), HX_FAIL);
    assert_int_equal(test_push_cmd(&zero, t, 202613, rows, 1), HX_FAIL);
    assert_int_equal(test_push_cmd(&zero, t, 0, rows, 1), HX_FAIL);
    assert_int_equal(test_push_cmd(&zero, "00112233445566FF", 202601, rows, 1),
                     HX_FAIL);

    e = test_epoch(HX_EPOCH_LAST + 1, 'a');
    assert_int_equal(test_push_cmd(&e, t, 202601, rows, 1), HX_FAIL);
    assert_int_equal(hx_fleet_usage_pull(&cmd, &names, &e, &zero), HX_FAIL);
    assert_int_equal(hx_fleet_usage_pull(&cmd, &names, &zero, &e), HX_FAIL);
    e = test_epoch(1, 'g');
    assert_int_equal(test_push_cmd(&e, t, 202601, rows, 1), HX_FAIL);
    assert_int_equal(hx_fleet_usage_pull(&cmd, &names, &e, &zero), HX_FAIL);

    rows[1].tenths = HX_USAGE_SEND_MAX + 1;
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 2), HX_FAIL);
    rows[1].tenths = 5;

    rows[0].value.data = big;
    rows[0].value.len = sizeof(big) - 2 * r.raw.key.len - r.raw.value.len;
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 2), HX_OK);
    rows[0].value.len++;
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 2), HX_FAIL);
    rows[0].value.len = sizeof(big);
    assert_int_equal(test_push_cmd(&zero, t, 202601, rows, 1), HX_OK);
}


static hx_rc_t
test_pushed(int64_t state, const char *head, int64_t stored, int64_t skipped,
    size_t n)
{
    hx_reply_t                e[5], r;
    hx_fleet_usage_pushed_t   p;

    e[0] = said_number(state);
    e[1] = said_text(head);
    e[2] = said_number(stored);
    e[3] = said_number(skipped);
    e[4] = said_number(0);
    r = said_array(e, n);

    return hx_fleet_usage_pushed(&r, token, 3, &p, err);
}


static void
answers_to_a_push(void **state)
{
    hx_reply_t                r, e[4];
    hx_fleet_usage_pushed_t   p;

    const char  *own = "7-00112233445566ff";
    const char  *other = "7-aaaaaaaaaaaaaaaa";

    assert_int_equal(test_pushed(0, own, 3, 0, 4), HX_OK);
    assert_int_equal(test_pushed(0, own, 0, 3, 4), HX_OK);
    assert_int_equal(test_pushed(0, other, 0, 3, 4), HX_OK);
    assert_int_equal(test_pushed(0, HX_EPOCH_ZERO, 0, 3, 4), HX_OK);
    assert_int_equal(test_pushed(2, own, 0, 0, 1), HX_OK);

    assert_int_equal(test_pushed(0, other, 1, 2, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, "0-00112233445566ff", 1, 2, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, "0-aaaaaaaaaaaaaaaa", 0, 3, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 3, 1, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 2, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, -1, 4, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 4, -1, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, "7", 3, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, "", 3, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 3, 0, 3), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 3, 0, 5), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 3, 0, 1), HX_FAIL);
    assert_int_equal(test_pushed(1, own, 3, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(2, own, 0, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(3, own, 3, 0, 1), HX_FAIL);
    assert_int_equal(test_pushed(-1, own, 3, 0, 4), HX_FAIL);
    assert_int_equal(test_pushed(0, own, 0, 0, 0), HX_FAIL);

    e[0] = said_text("0");
    r = said_array(e, 1);
    assert_int_equal(hx_fleet_usage_pushed(&r, token, 3, &p, err), HX_FAIL);
    assert_string_equal(err, "Redis' answer to a push of usage is not what it "
                        "should be");

    r = said_text("READONLY You can't\r\nwrite");
    r.type = HX_REPLY_ERROR;
    assert_int_equal(hx_fleet_usage_pushed(&r, token, 3, &p, err), HX_FAIL);
    assert_string_equal(err, "Redis' answer to a push of usage: READONLY You "
                        "can't??write");
}


static hx_rc_t
test_pulled(int64_t state, const char *head, const char *cursor, size_t n,
    const hx_reply_t *rows, size_t n_rows)
{
    hx_rc_t                 rc;
    hx_reply_t              e[5], r;
    const hx_epoch_t        asked = test_epoch(5, 'a');
    hx_fleet_usage_page_t   page;

    e[0] = said_number(state);
    e[1] = said_text(head);
    e[2] = said_text(cursor);
    e[3] = said_array(rows, n_rows);
    e[4] = e[0];
    r = said_array(e, n);

    rc = hx_fleet_usage_pulled(&r, &asked, &page, err);
    assert_true(rc == HX_OK || page.row == NULL);
    assert_true(rc != HX_OK || state != 1
                || page.n + page.damaged == n_rows / 2);
    free(page.row);

    return rc;
}


static void
answers_to_a_pull(void **state)
{
    unsigned     i;
    hx_reply_t   rows[4];

    const char  *asked = "5-aaaaaaaaaaaaaaaa";
    const char  *later = "6-bbbbbbbbbbbbbbbb";
    const char  *head = "9-cccccccccccccccc";

    static const char *const  bad[] = {
        "", "5", " x", "-1 x", "01 x", "9007199254740992 x", "x 5",
        "99999999999999999999999 x"
    };

    for (i = 0; i < 4; i++) {
        rows[i] = said_text("5 value");
    }

    assert_int_equal(test_pulled(0, asked, asked, 3, NULL, 0), HX_OK);
    assert_int_equal(test_pulled(1, head, later, 4, rows, 4), HX_OK);
    assert_int_equal(test_pulled(1, head, head, 4, rows, 2), HX_OK);
    assert_int_equal(test_pulled(1, head, head, 4, NULL, 0), HX_OK);
    assert_int_equal(test_pulled(2, asked, asked, 1, NULL, 0), HX_OK);

    assert_int_equal(test_pulled(0, head, asked, 3, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(0, head, head, 3, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(0, asked, asked, 4, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(0, asked, asked, 1, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(2, asked, asked, 3, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(3, asked, asked, 1, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(-1, asked, asked, 3, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(0, asked, asked, 0, NULL, 0), HX_FAIL);
    assert_int_equal(test_pulled(1, head, later, 5, rows, 4), HX_FAIL);
    assert_int_equal(test_pulled(1, head, later, 3, rows, 4), HX_FAIL);
    assert_int_equal(test_pulled(1, head, later, 4, rows, 3), HX_FAIL);

    /* a cursor that stays, goes back, or is beyond the head */

    assert_int_equal(test_pulled(1, head, asked, 4, rows, 4), HX_FAIL);
    assert_int_equal(test_pulled(1, head, "4-aaaaaaaaaaaaaaaa", 4, rows, 4),
                     HX_FAIL);
    assert_int_equal(test_pulled(1, later, head, 4, rows, 4), HX_FAIL);
    assert_int_equal(test_pulled(1, head, "9-aaaaaaaaaaaaaaaa", 4, rows, 4),
                     HX_FAIL);
    assert_int_equal(test_pulled(1, head, "6", 4, rows, 4), HX_FAIL);
    assert_int_equal(test_pulled(1, "", later, 4, rows, 4), HX_FAIL);

    rows[3].type = HX_REPLY_NIL;
    assert_int_equal(test_pulled(1, head, later, 4, rows, 4), HX_FAIL);

    /* what somebody else has put there holds nobody up */

    for (i = 0; i < hx_nelts(bad); i++) {
        rows[3] = said_text(bad[i]);
        assert_int_equal(test_pulled(1, head, later, 4, rows, 4), HX_OK);
    }
}


static void
what_a_page_says(void **state)
{
    hx_reply_t              e[4], rows[4], r;
    hx_fleet_usage_page_t   page;

    rows[0] = said_text("k1");
    rows[1] = said_text("x");
    rows[2] = said_text("k2");
    rows[3] = said_text("9007199254740991 a b");
    e[0] = said_number(1);
    e[1] = said_text("9-cccccccccccccccc");
    e[2] = said_text("6-bbbbbbbbbbbbbbbb");
    e[3] = said_array(rows, 4);
    r = said_array(e, 4);

    assert_int_equal(hx_fleet_usage_pulled(&r, &zero, &page, err), HX_OK);
    assert_int_equal(page.state, HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(page.head.number, 9);
    assert_int_equal(page.cursor.number, 6);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.damaged, 1);
    assert_true(test_same(&page.row[0].key, &rows[2].text));
    assert_int_equal(page.row[0].tenths, HX_EPOCH_LAST);
    assert_int_equal(page.row[0].value.len, 3);
    assert_memory_equal(page.row[0].value.data, "a b", 3);
    free(page.row);

    r = said_text("BUSY");
    r.type = HX_REPLY_ERROR;
    assert_int_equal(hx_fleet_usage_pulled(&r, &zero, &page, err), HX_FAIL);
    assert_null(page.row);
    assert_string_equal(err, "Redis' answer to a pull of usage: BUSY");
}


/* Rows of one push, by their ids. */
static hx_fleet_usage_pushed_t
push(unsigned month, unsigned first, unsigned n, uint64_t tenths,
    unsigned cutoff)
{
    char                    id[16];
    unsigned                i;
    static hx_test_raw_t    r[HX_FLEET_USAGE_ROWS];
    static hx_usage_raw_t   rows[HX_FLEET_USAGE_ROWS];

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", first + i);
        test_make(&r[i], month, id, 1, tenths);
        rows[i] = r[i].raw;
    }

    return redis_push_rows(&zero, cutoff, rows, n);
}


static void
assert_pushed(const hx_fleet_usage_pushed_t *p, uint64_t number, size_t stored,
    size_t skipped)
{
    assert_int_equal(p->state, HX_FLEET_USAGE_SAME);
    assert_int_equal(p->head.number, number);
    assert_int_equal(p->stored, stored);
    assert_int_equal(p->skipped, skipped);
}


static hx_fleet_usage_state_t
pull(hx_epoch_t *cursor, const hx_epoch_t *pushed, size_t *n)
{
    redisReply             *r;
    hx_fleet_usage_page_t   page;

    r = redis_pull_rows(cursor, pushed, &page);
    *cursor = page.cursor;
    *n = page.n;
    assert_int_equal(page.damaged, 0);
    free(page.row);
    freeReplyObject(r);

    return page.state;
}


static void
pushed_and_pulled(void **state)
{
    size_t                    n;
    hx_epoch_t                at, other;
    hx_fleet_usage_pushed_t   p;

    at = zero;
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_SAME);
    assert_true(hx_epoch_same(&at, &zero));

    p = push(202601, 0, 3, 5, TEST_CUTOFF);
    assert_pushed(&p, 1, 3, 0);
    p = push(202601, 0, 3, 5, TEST_CUTOFF);
    assert_pushed(&p, 1, 0, 3);
    p = push(202601, 2, 2, 5, TEST_CUTOFF);
    assert_pushed(&p, 2, 1, 1);
    p = push(202601, 0, 4, 4, TEST_CUTOFF);
    assert_pushed(&p, 2, 0, 4);

    assert_int_equal(pull(&at, &p.head, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 4);
    assert_true(hx_epoch_same(&at, &p.head));
    assert_int_equal(pull(&at, &p.head, &n), HX_FLEET_USAGE_SAME);

    p = push(202601, 1, 1, 6, TEST_CUTOFF);
    assert_pushed(&p, 3, 1, 0);
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 1);
    assert_true(hx_epoch_same(&at, &p.head));

    /* places of another history, whoever is there */

    other = at;
    other.token[3] ^= 1;
    assert_int_equal(pull(&other, &zero, &n), HX_FLEET_USAGE_OTHER);
    other = test_epoch(2, 'f');
    assert_int_equal(pull(&at, &other, &n), HX_FLEET_USAGE_OTHER);
    other = test_epoch(9, 'f');
    assert_int_equal(pull(&other, &zero, &n), HX_FLEET_USAGE_OTHER);
    redis_flush();
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);
}


/* A push of who stands in another history changes nothing. */
static void
pushed_from_elsewhere(void **state)
{
    hx_epoch_t                other;
    hx_test_raw_t             r;
    hx_fleet_usage_pushed_t   p;

    other = test_epoch(1, 'f');
    test_make(&r, 202601, "acme", 1, 5);
    p = redis_push_rows(&other, TEST_CUTOFF, &r.raw, 1);
    assert_int_equal(p.state, HX_FLEET_USAGE_OTHER);
    assert_int_equal(redis_integer("DBSIZE", ""), 0);

    p = redis_push_rows(&zero, TEST_CUTOFF, &r.raw, 1);
    assert_pushed(&p, 1, 1, 0);
    p = redis_push_rows(&p.head, TEST_CUTOFF, &r.raw, 1);
    assert_pushed(&p, 1, 0, 1);
    r.raw.tenths = 6;
    p = redis_push_rows(&other, TEST_CUTOFF, &r.raw, 1);
    assert_int_equal(p.state, HX_FLEET_USAGE_OTHER);
    assert_int_equal(redis_integer("ZCARD {hx-gate}:usage-heads", ""), 1);
}


/* A page ends where a push ends. */
static void
pages(void **state)
{
    size_t                    n;
    unsigned                  i;
    hx_epoch_t                at;
    hx_test_raw_t             r;
    hx_usage_raw_t            row;
    hx_fleet_usage_pushed_t   p;
    static unsigned char      big[100000];

    static const size_t  want[] = { 256, 256, 188, 0 };

    for (i = 0; i < 5; i++) {
        p = push(202601, 1000 * i, 128, 5, TEST_CUTOFF);
        assert_pushed(&p, i + 1, 128, 0);
    }

    p = push(202601, 5000, 60, 5, TEST_CUTOFF);
    at = zero;

    for (i = 0; i < hx_nelts(want); i++) {
        assert_int_equal(pull(&at, &zero, &n), i < 3
                         ? HX_FLEET_USAGE_ROWS_FOLLOW : HX_FLEET_USAGE_SAME);
        assert_int_equal(n, want[i]);
    }

    assert_true(hx_epoch_same(&at, &p.head));

    /* of large rows there are fewer */

    for (i = 0; i < 7; i++) {
        test_make(&r, 202602, "big", i, 5);
        row = r.raw;
        row.value.data = big;
        row.value.len = sizeof(big);
        p = redis_push_rows(&zero, TEST_CUTOFF, &row, 1);
        assert_int_equal(p.stored, 1);
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
        assert_int_equal(n, i < 2 ? 3 : 1);
    }

    assert_true(hx_epoch_same(&at, &p.head));
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_SAME);
}


static void
old_months_go(void **state)
{
    size_t                    n;
    hx_epoch_t                at;
    hx_fleet_usage_pushed_t   p;

    (void) push(202511, 0, 100, 5, 202511);
    (void) push(202512, 0, 100, 5, 202511);
    p = push(202601, 0, 10, 5, 202511);
    assert_pushed(&p, 3, 10, 0);
    assert_int_equal(redis_integer("HLEN {hx-gate}:usage", ""), 210);

    /* too old to be stored: no push; twice as many rows and 16 go */

    p = push(202512, 200, 10, 5, 202601);
    assert_pushed(&p, 3, 0, 10);
    assert_int_equal(redis_integer("HLEN {hx-gate}:usage", ""), 210 - 36);
    p = push(202601, 0, 10, 6, 202512);
    assert_pushed(&p, 4, 10, 0);
    assert_int_equal(redis_integer("HLEN {hx-gate}:usage", ""), 210 - 72);
    assert_int_equal(redis_integer("ZCARD {hx-gate}:usage-order", ""),
                     210 - 72);

    while (redis_integer("HLEN {hx-gate}:usage", "") > 10) {
        p = push(202601, 0, 10, 6, 202601);
        assert_pushed(&p, 4, 0, 10);
    }

    at = zero;
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 10);

    /* the last one stays, or all would look as if it had been removed */

    p = push(202601, 0, 10, 6, 202602);
    assert_pushed(&p, 4, 0, 10);
    assert_int_equal(redis_integer("HLEN {hx-gate}:usage", ""), 1);
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_SAME);
    p = push(202602, 0, 1, 6, 202602);
    assert_pushed(&p, 5, 1, 0);
    assert_int_equal(redis_integer("HLEN {hx-gate}:usage", ""), 1);
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 1);
}


/* The newest heads, and those of rows that have not changed since. */
static void
heads_that_are_kept(void **state)
{
    size_t                    n;
    unsigned                  i;
    hx_epoch_t                first, moved, at;
    hx_fleet_usage_pushed_t   p;

    redis_load_usage(8);
    first = push(202601, 0, 2, 1, TEST_CUTOFF).head;
    moved = push(202601, 2, 1, 1, TEST_CUTOFF).head;

    for (i = 2; i < 100; i++) {
        p = push(202601, 2, 1, i, TEST_CUTOFF);
        assert_int_equal(redis_integer("ZCARD {hx-gate}:usage-heads", ""),
                         i < 8 ? i + 1 : 9);
    }

    at = first;
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 1);
    at = moved;
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);
    at = zero;
    redis_page = 3;
    assert_int_equal(pull(&at, &p.head, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
    assert_int_equal(n, 2);
    assert_true(hx_epoch_same(&at, &first));

    /* its rows go on: then it goes, too */

    (void) push(202601, 0, 1, 2, TEST_CUTOFF);
    assert_int_equal(redis_integer("ZCARD {hx-gate}:usage-heads", ""), 9);
    p = push(202601, 1, 1, 2, TEST_CUTOFF);
    assert_int_equal(p.head.number, 102);
    assert_int_equal(redis_integer("ZCARD {hx-gate}:usage-heads", ""), 8);
    at = first;
    assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);
}


/* A key that somebody has taken away, or a part of one. */
static void
keys_that_are_gone(void **state)
{
    size_t                    n;
    unsigned                  i;
    hx_epoch_t                at, from;
    hx_fleet_usage_pushed_t   p;

    static const struct {
        const char  *command;
        size_t       stored, pulled;
    } cases[] = {
        { "DEL {hx-gate}:usage", 40, 40 },
        { "DEL {hx-gate}:usage-order", 0, 100 },
        { "DEL {hx-gate}:usage-heads", 0, 100 },
        { "DEL {hx-gate}:usage {hx-gate}:usage-order", 40, 40 },
        { "DEL {hx-gate}:usage {hx-gate}:usage-heads", 40, 40 },
        { "DEL {hx-gate}:usage-order {hx-gate}:usage-heads", 0, 100 },
        { "HSET {hx-gate}:usage x y", 0, 101 },
        { "ZREMRANGEBYRANK {hx-gate}:usage-order 0 0", 0, 100 },
        { "ZADD {hx-gate}:usage-heads 99999 x", 0, 100 },
        { "ZADD {hx-gate}:usage-heads 9e15 9007199254740991-ab", 0, 100 }
    };

    for (i = 0; i < hx_nelts(cases); i++) {
        redis_flush();
        redis_load_usage(0);
        (void) push(202601, 0, 60, 5, TEST_CUTOFF);
        from = push(202601, 60, 40, 5, TEST_CUTOFF).head;
        redis_do(cases[i].command, "");

        /* nobody is told anything of it, before it is whole */

        at = from;
        assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);
        assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);
        at = zero;
        assert_int_equal(pull(&at, &from, &n), HX_FLEET_USAGE_OTHER);
        assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_SAME);
        assert_true(hx_epoch_same(&at, &zero));

        p = push(202601, 0, 40, 5, TEST_CUTOFF);
        assert_int_equal(p.state, HX_FLEET_USAGE_SAME);
        assert_int_equal(p.stored, cases[i].stored);

        at = from;
        assert_int_equal(pull(&at, &zero, &n), HX_FLEET_USAGE_OTHER);

        redis_page = 20;

        if (cases[i].stored == 0) {
            at = zero;
            assert_int_equal(pull(&at, &p.head, &n),
                             HX_FLEET_USAGE_ROWS_FOLLOW);
            assert_int_equal(n, 16);
        }

        redis_page = 0;
        at = zero;

        if (cases[i].pulled == 101) {       /* and what is no row */
            redis_do("HDEL {hx-gate}:usage x", "");
            redis_do("ZREM {hx-gate}:usage-order x", "");
        }

        assert_int_equal(pull(&at, &p.head, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
        assert_int_equal(n, cases[i].pulled - (cases[i].pulled == 101));
        assert_true(hx_epoch_same(&at, &p.head));
        p = push(202601, 0, 1, 6, TEST_CUTOFF);
        assert_int_equal(p.stored, 1);
        assert_int_equal(pull(&at, &p.head, &n), HX_FLEET_USAGE_ROWS_FOLLOW);
        assert_int_equal(n, 1);
    }
}


/* Somebody else's keys: an error, and nothing of ours beside them. */
static void
keys_of_another_kind(void **state)
{
    size_t           i, k;
    hx_reply_t       reply;
    redisReply      *r;
    hx_test_raw_t    row;
    hx_fleet_cmd_t   cmd;

    static const char *const  keys[] = {
        "{hx-gate}:usage", "{hx-gate}:usage-order", "{hx-gate}:usage-heads"
    };
    static const char *const  make[] = {
        "SET %s x", "RPUSH %s x", "SADD %s x", "HSET %s a b", "ZADD %s 1 x"
    };

    test_make(&row, 202601, "acme", 1, 5);

    for (i = 0; i < 3; i++) {
        for (k = 0; k < hx_nelts(make); k++) {
            if (k == (i == 0 ? 3 : 4)) {
                continue;               /* that is its kind */
            }

            redis_flush();
            redis_do(make[k], keys[i]);

            assert_int_equal(hx_fleet_usage_push(&cmd, &names, &zero, token,
                                                 TEST_CUTOFF, &row.raw, 1),
                             HX_OK);
            r = redis_eval(redis_push, &cmd);
            reply = redis_said(r);
            assert_int_equal(reply.type, HX_REPLY_ERROR);
            assert_non_null(strstr(r->str, "WRONGTYPE"));
            freeReplyObject(r);

            assert_int_equal(hx_fleet_usage_pull(&cmd, &names, &zero, &zero),
                             HX_OK);
            r = redis_eval(redis_pull, &cmd);
            assert_int_equal(r->type, REDIS_REPLY_ERROR);
            freeReplyObject(r);
            assert_int_equal(redis_integer("DBSIZE", ""), 1);
        }
    }
}


#define test(f)                                                               \
    cmocka_unit_test_setup_teardown(f, test_begin, redis_stop)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(names_of_keys),
        cmocka_unit_test(commands),
        cmocka_unit_test(commands_refused),
        cmocka_unit_test(answers_to_a_push),
        cmocka_unit_test(answers_to_a_pull),
        cmocka_unit_test(what_a_page_says),
        test(pushed_and_pulled),
        test(pushed_from_elsewhere),
        test(pages),
        test(old_months_go),
        test(heads_that_are_kept),
        test(keys_that_are_gone),
        test(keys_of_another_kind)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
