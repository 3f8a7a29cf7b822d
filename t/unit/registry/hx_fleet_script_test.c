/*
 * hx_fleet_script_test.c -- what is said to Redis, and which answers are
 * believed.  (What the script does is tested with Redis: t/e2e/test_fleet_*.)
 */

#include "hx_test_reply.h"

#include <openssl/evp.h>


static char  err[HX_FLEET_ERR];

static const unsigned char  token[] = "00112233445566ff";
static const hx_str_t       prefix = hx_string("hx-gate");


static void
test_sha1(void **state)
{
    unsigned         i;
    char             hex[HX_FLEET_SHA1 + 1];
    unsigned char    md[EVP_MAX_MD_SIZE];
    unsigned         len;
    const hx_str_t  *script = hx_fleet_script();

    assert_int_equal(EVP_Digest(script->data, script->len, md, &len,
                                EVP_sha1(), NULL), 1);
    assert_int_equal(len, HX_FLEET_SHA1 / 2);

    for (i = 0; i < len; i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", md[i]);
    }

    assert_string_equal(hx_fleet_script_sha1(), hex);
}


static void
assert_arg(const hx_fleet_cmd_t *cmd, size_t i, const char *want)
{
    assert_true(i < cmd->argc);
    assert_int_equal(cmd->argvlen[i], strlen(want));
    assert_memory_equal(cmd->argv[i], want, strlen(want));
}


static void
test_names(void **state)
{
    hx_str_t          s;
    unsigned char     text[HX_FLEET_PREFIX + 1];
    hx_fleet_names_t  names;

    static const hx_str_t  bad[] = {
        hx_string(""), hx_string("a b"), hx_string("{a"), hx_string("a}"),
        hx_string("a\n"), hx_string("\xc3\xa4")
    };
    size_t            i;

    assert_int_equal(hx_fleet_names(&names, &prefix), HX_OK);
    s = test_str("{hx-gate}:epoch");
    assert_true(test_same(&names.epoch, &s));
    s = test_str("{hx-gate}:push");
    assert_true(test_same(&names.push, &s));
    s = test_str("{hx-gate}:billing");
    assert_true(test_same(&names.db[HX_WRITESET_BILLING], &s));
    s = test_str("{hx-gate}:meta");
    assert_true(test_same(&names.db[HX_WRITESET_META], &s));

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(hx_fleet_names(&names, &bad[i]), HX_NO);
    }

    memset(text, 'x', sizeof(text));
    s.data = text;
    s.len = HX_FLEET_PREFIX;
    assert_int_equal(hx_fleet_names(&names, &s), HX_OK);
    s.len++;
    assert_int_equal(hx_fleet_names(&names, &s), HX_NO);
}


static void
test_commands(void **state)
{
    hx_epoch_t         base;
    hx_str_t           s;
    hx_writeset_t      ws;
    hx_fleet_cmd_t     cmd;
    hx_fleet_names_t   names;
    hx_fleet_cursor_t  cursor;

    const hx_str_t  key = hx_string("k1");
    const hx_str_t  value = hx_string("v1");

    assert_int_equal(hx_fleet_names(&names, &prefix), HX_OK);
    base.number = 41;
    memcpy(base.token, "aaaaaaaaaaaaaaaa", HX_EPOCH_TOKEN);

    memset(&ws, 0, sizeof(ws));
    hx_writeset_put(&ws, HX_WRITESET_TENANTS, &key, &value);
    hx_writeset_delete(&ws, HX_WRITESET_KEYS, &key);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);
    s.data = ws.data;
    s.len = ws.len;

    assert_int_equal(hx_fleet_commit(&cmd, &names, &base, token, &s, 10000, 0),
                     HX_OK);
    assert_int_equal(cmd.argc, 3 + 6 + 6 + 6);
    assert_arg(&cmd, 0, "EVALSHA");
    assert_arg(&cmd, 1, hx_fleet_script_sha1());
    assert_arg(&cmd, 2, "6");
    assert_arg(&cmd, 3, "{hx-gate}:epoch");
    assert_arg(&cmd, 4, "{hx-gate}:log");
    assert_arg(&cmd, 5, "{hx-gate}:meta");
    assert_arg(&cmd, 6, "{hx-gate}:keys");
    assert_arg(&cmd, 7, "{hx-gate}:tenants");
    assert_arg(&cmd, 8, "{hx-gate}:billing");
    assert_arg(&cmd, 9, "41-aaaaaaaaaaaaaaaa");
    assert_arg(&cmd, 10, "00112233445566ff");
    assert_arg(&cmd, 11, "42");
    assert_arg(&cmd, 12, "10000");
    assert_arg(&cmd, 13, "{hx-gate}:push");
    assert_true(cmd.argv[14] == (char *) ws.data);
    assert_int_equal(cmd.argvlen[14], ws.len);
    assert_arg(&cmd, 15, "2p");
    assert_arg(&cmd, 16, "k1");
    assert_arg(&cmd, 17, "v1");
    assert_arg(&cmd, 18, "1d");
    assert_arg(&cmd, 19, "k1");
    assert_arg(&cmd, 20, "");
    hx_fleet_cmd_free(&cmd);

    assert_int_equal(hx_fleet_commit(&cmd, &names, &base, token, &s, 1, 1),
                     HX_OK);
    assert_arg(&cmd, 0, "EVAL");
    assert_int_equal(cmd.argvlen[1], hx_fleet_script()->len);
    hx_fleet_cmd_free(&cmd);

    /* nothing, or nothing whole, is not committed */
    s.len--;
    assert_int_equal(hx_fleet_commit(&cmd, &names, &base, token, &s, 1, 1),
                     HX_FAIL);
    s.len = 0;
    assert_int_equal(hx_fleet_commit(&cmd, &names, &base, token, &s, 1, 1),
                     HX_FAIL);

    assert_int_equal(hx_fleet_ask_epoch(&cmd, &names), HX_OK);
    assert_int_equal(cmd.argc, 2);
    assert_arg(&cmd, 0, "GET");
    assert_arg(&cmd, 1, "{hx-gate}:epoch");
    hx_fleet_cmd_free(&cmd);

    assert_int_equal(hx_fleet_ask_count(&cmd, &names, HX_WRITESET_TENANTS),
                     HX_OK);
    assert_int_equal(cmd.argc, 2);
    assert_arg(&cmd, 0, "HLEN");
    assert_arg(&cmd, 1, "{hx-gate}:tenants");
    hx_fleet_cmd_free(&cmd);
    assert_int_equal(hx_fleet_ask_count(&cmd, &names, HX_WRITESET_DBS),
                     HX_FAIL);

    assert_int_equal(hx_fleet_ask_log(&cmd, &names, 7, 100), HX_OK);
    assert_int_equal(cmd.argc, 6);
    assert_arg(&cmd, 0, "XRANGE");
    assert_arg(&cmd, 2, "7-1");
    assert_arg(&cmd, 3, "+");
    assert_arg(&cmd, 5, "100");
    hx_fleet_cmd_free(&cmd);

    hx_fleet_cursor(&cursor);
    assert_int_equal(hx_fleet_ask_page(&cmd, &names, HX_WRITESET_KEYS, &cursor,
                                       500), HX_OK);
    assert_int_equal(cmd.argc, 5);
    assert_arg(&cmd, 0, "HSCAN");
    assert_arg(&cmd, 1, "{hx-gate}:keys");
    assert_arg(&cmd, 2, "0");
    assert_arg(&cmd, 4, "500");
    hx_fleet_cmd_free(&cmd);
    hx_writeset_free(&ws);
}


static hx_rc_t
test_said(int64_t code, const char *text, hx_fleet_commit_t *result)
{
    hx_epoch_t  base, epoch;
    hx_reply_t  pair[2], r;

    base.number = 41;
    memcpy(base.token, "aaaaaaaaaaaaaaaa", HX_EPOCH_TOKEN);

    pair[0] = said_number(code);
    pair[1] = said_text(text);
    r = said_array(pair, 2);

    return hx_fleet_committed(&r, &base, token, result, &epoch, err);
}


static void
test_committed(void **state)
{
    hx_epoch_t         base, epoch;
    hx_reply_t         r, one;
    hx_fleet_commit_t  result;

    assert_int_equal(test_said(1, "42-00112233445566ff", &result), HX_OK);
    assert_int_equal(result, HX_FLEET_COMMITTED);
    assert_int_equal(test_said(2, "42-00112233445566ff", &result), HX_OK);
    assert_int_equal(result, HX_FLEET_BEFORE);
    assert_int_equal(test_said(0, "50-00112233445566ff", &result), HX_OK);
    assert_int_equal(result, HX_FLEET_MOVED);
    assert_int_equal(test_said(0, "12-0000000000000001", &result), HX_OK);
    assert_int_equal(result, HX_FLEET_MOVED);

    /* committed, but not as what was asked for */
    assert_int_equal(test_said(1, "43-00112233445566ff", &result), HX_FAIL);
    assert_int_equal(test_said(1, "42-00112233445566fe", &result), HX_FAIL);
    assert_int_equal(test_said(2, "42-0011223344556600", &result), HX_FAIL);
    assert_int_equal(test_said(0, "41-aaaaaaaaaaaaaaaa", &result), HX_FAIL);
    assert_int_equal(test_said(3, "42-00112233445566ff", &result), HX_FAIL);
    assert_int_equal(test_said(-1, "42-00112233445566ff", &result), HX_FAIL);
    assert_int_equal(test_said(1, "42", &result), HX_FAIL);

    hx_epoch_zero(&base);

    r = said(HX_REPLY_ERROR, "NOSCRIPT No matching script.");
    assert_int_equal(hx_fleet_committed(&r, &base, token, &result, &epoch, err),
                     HX_OK);
    assert_int_equal(result, HX_FLEET_NOSCRIPT);

    r = said(HX_REPLY_ERROR, "READONLY You can't write\r\nagainst");
    assert_int_equal(hx_fleet_committed(&r, &base, token, &result, &epoch, err),
                     HX_FAIL);
    assert_string_equal(err, "Redis' answer to a commit: READONLY You can't "
                        "write??against");

    r = said(HX_REPLY_STATUS, "OK");
    assert_int_equal(hx_fleet_committed(&r, &base, token, &result, &epoch, err),
                     HX_FAIL);

    one = said_text("1");
    r = said_array(&one, 1);
    assert_int_equal(hx_fleet_committed(&r, &base, token, &result, &epoch, err),
                     HX_FAIL);
}


static void
test_count(void **state)
{
    uint64_t    n;
    hx_reply_t  r;

    r = said_number(7);
    assert_int_equal(hx_fleet_count(&r, &n, err), HX_OK);
    assert_int_equal(n, 7);

    r.integer = -1;
    assert_int_equal(hx_fleet_count(&r, &n, err), HX_FAIL);
    r = said_text("7");
    assert_int_equal(hx_fleet_count(&r, &n, err), HX_FAIL);
    r = said(HX_REPLY_ERROR, "WRONGTYPE it is a list");
    assert_int_equal(hx_fleet_count(&r, &n, err), HX_FAIL);
    assert_non_null(strstr(err, "WRONGTYPE"));
}


static void
test_epoch(void **state)
{
    hx_epoch_t  e;
    hx_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.type = HX_REPLY_NIL;
    assert_int_equal(hx_fleet_epoch(&r, &e, err), HX_OK);
    assert_int_equal(e.number, 0);

    r = said_text("9-0123456789abcdef");
    assert_int_equal(hx_fleet_epoch(&r, &e, err), HX_OK);
    assert_int_equal(e.number, 9);

    r = said_text("");
    assert_int_equal(hx_fleet_epoch(&r, &e, err), HX_FAIL);
    r = said(HX_REPLY_STATUS, "9-0123456789abcdef");
    assert_int_equal(hx_fleet_epoch(&r, &e, err), HX_FAIL);
    r = said(HX_REPLY_ERROR, "9-0123456789abcdef");
    assert_int_equal(hx_fleet_epoch(&r, &e, err), HX_FAIL);
}


/* An entry of the log as Redis says it, with one thing that is different. */
static hx_rc_t
test_entry(int what, const char *instead)
{
    size_t               n;
    hx_rc_t              rc;
    hx_reply_t           field[7], entry[2], list, r;
    hx_replica_entry_t  *e;

    static const char *const  right[] = {
        "t", "0123456789abcdef", "p", "8-aaaaaaaaaaaaaaaa", "w", "bytes"
    };
    unsigned             i;

    for (i = 0; i < 6; i++) {
        field[i] = said(HX_REPLY_STRING,
                             what == (int) i ? instead : right[i]);
    }

    field[6] = field[0];
    entry[0] = said_text(what == 10 ? instead : "9-1");
    entry[1] = said_array(field, what == 11 ? 5 : what == 12 ? 7 : 6);
    list = said_array(entry, what == 13 ? 1 : 2);
    r = said_array(&list, 1);

    if (what == 14) {
        field[5].type = HX_REPLY_NIL;
    }

    rc = hx_fleet_log(&r, &e, &n, err);

    if (rc == HX_OK) {
        assert_int_equal(n, 1);
        assert_int_equal(e->epoch.number, 9);
        assert_int_equal(e->base.number, 8);
        assert_memory_equal(e->epoch.token, "0123456789abcdef", 16);
        assert_memory_equal(e->base.token, "aaaaaaaaaaaaaaaa", 16);
        assert_int_equal(e->writeset.len, 5);
    } else {
        assert_null(e);
    }

    free(e);

    return rc;
}


static void
test_log(void **state)
{
    size_t               n;
    hx_reply_t           r;
    hx_replica_entry_t  *e;

    assert_int_equal(test_entry(-1, NULL), HX_OK);
    assert_int_equal(test_entry(0, "x"), HX_FAIL);
    assert_int_equal(test_entry(1, "0123456789abcde"), HX_FAIL);
    assert_int_equal(test_entry(1, "0123456789abcdeX"), HX_FAIL);
    assert_int_equal(test_entry(2, "q"), HX_FAIL);
    assert_int_equal(test_entry(3, "7-aaaaaaaaaaaaaaaa"), HX_FAIL);
    assert_int_equal(test_entry(3, "8"), HX_FAIL);
    assert_int_equal(test_entry(4, "W"), HX_FAIL);
    assert_int_equal(test_entry(10, "9-0"), HX_FAIL);
    assert_int_equal(test_entry(10, "9-11"), HX_FAIL);
    assert_int_equal(test_entry(10, "9"), HX_FAIL);
    assert_int_equal(test_entry(10, "-1"), HX_FAIL);
    assert_int_equal(test_entry(10, "10-1"), HX_FAIL);
    assert_int_equal(test_entry(11, NULL), HX_FAIL);
    assert_int_equal(test_entry(12, NULL), HX_FAIL);
    assert_int_equal(test_entry(13, NULL), HX_FAIL);
    assert_int_equal(test_entry(14, NULL), HX_FAIL);

    r = said_array(NULL, 0);
    assert_int_equal(hx_fleet_log(&r, &e, &n, err), HX_OK);
    assert_int_equal(n, 0);
    assert_null(e);

    r = said(HX_REPLY_ERROR, "WRONGTYPE");
    assert_int_equal(hx_fleet_log(&r, &e, &n, err), HX_FAIL);
}


static void
test_page(void **state)
{
    int                 last;
    size_t              n, len;
    unsigned            i;
    hx_reply_t          item[4], page[2], r;
    hx_fleet_cursor_t   cursor;
    hx_replica_pair_t  *pair;

    static const char *const  cursors[] = { "", "x", "1x", "01",
        "18446744073709551616", "-1" };

    for (i = 0; i < 4; i++) {
        item[i] = said_text(i % 2 ? "" : "key");
    }

    page[0] = said_text("18446744073709551615");
    page[1] = said_array(item, 4);
    r = said_array(page, 2);
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err), HX_OK);
    assert_int_equal(n, 2);
    assert_int_equal(pair[1].key.len, 3);
    assert_int_equal(pair[1].value.len, 0);
    assert_int_equal(last, 0);
    assert_int_equal(cursor.len, 20);
    free(pair);

    page[0] = said_text("0");
    page[1] = said_array(NULL, 0);
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err), HX_OK);
    assert_int_equal(n, 0);
    assert_int_equal(last, 1);

    /* no pair without its half, no key that LMDB could not have */
    for (len = 1; len < 4; len += 2) {
        page[1] = said_array(item, len);
        assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                         HX_FAIL);
        assert_null(pair);
    }

    page[1] = said_array(item, 4);
    item[2].text.len = 0;
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                     HX_FAIL);
    item[2].text.len = 512;
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                     HX_FAIL);
    item[2].text.len = 3;
    item[3].type = HX_REPLY_NIL;
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                     HX_FAIL);
    item[3].type = HX_REPLY_STRING;

    for (i = 0; i < hx_nelts(cursors); i++) {
        page[0] = said_text(cursors[i]);
        assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                         HX_FAIL);
    }

    r = said(HX_REPLY_ERROR, "LOADING");
    assert_int_equal(hx_fleet_page(&r, &pair, &n, &cursor, &last, err),
                     HX_FAIL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sha1),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_committed),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_epoch),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_page)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
