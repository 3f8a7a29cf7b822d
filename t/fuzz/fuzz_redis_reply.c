/*
 * fuzz_redis_reply.c -- what Redis says: bytes through store/hx_redis_scan.h
 * and hiredis' reader, as the gate does it, and the replies through
 * hx_fleet_script.h, hx_fleet_usage.h and hx_fleet_limit.h.
 *
 * The scanner answers the same whatever pieces the bytes come in, and no reply
 * is begun with more elements than it lets pass.  What is taken from a reply
 * is whole, inside it, and an answer to the question.
 *
 * sources: hx_redis_scan.c hx_fleet_reply.c hx_fleet_usage.c hx_epoch.c
 * sources: hx_fleet_limit.c
 */

#include <hiredis/hiredis.h>

#include "hx_fleet_limit.h"
#include "hx_fleet_usage.h"
#include "hx_fuzz_in.h"
#include "hx_redis_scan.h"

#define FUZZ_DEPTH   4
#define FUZZ_TEXT    65536              /* bytes of a string, at most */
#define FUZZ_ROWS    3                  /* of the push that is answered */

static const unsigned char  token[] = "0123456789abcdef";

static char  err[HX_FLEET_ERR];


static void
check_failed(void)
{
    size_t  i;

    for (i = 0; i < sizeof(err) && err[i] != '\0'; i++) {
        hx_fuzz_check(err[i] >= ' ' && err[i] <= '~');
    }

    hx_fuzz_check(i != 0 && i < sizeof(err));
}


/* A copy with blocks of their own; 0: deeper than the gate copies. */
static int
copy(hx_reply_t *to, const redisReply *from, unsigned depth)
{
    size_t       i;
    hx_reply_t  *e;

    memset(to, 0, sizeof(hx_reply_t));

    switch (from->type) {

    case REDIS_REPLY_ARRAY:
        e = calloc(from->elements + 1, sizeof(hx_reply_t));
        hx_fuzz_check(e != NULL);
        to->type = HX_REPLY_ARRAY;
        to->n = from->elements;
        to->element = e;

        for (i = 0; i < to->n; i++) {
            if (depth == FUZZ_DEPTH
                || !copy(&e[i], from->element[i], depth + 1))
            {
                to->n = i + (depth != FUZZ_DEPTH);
                return 0;
            }
        }

        return 1;

    case REDIS_REPLY_INTEGER:
        to->type = HX_REPLY_INTEGER;
        to->integer = from->integer;
        return 1;

    case REDIS_REPLY_STRING:
        to->type = HX_REPLY_STRING;
        break;

    case REDIS_REPLY_STATUS:
        to->type = HX_REPLY_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        to->type = HX_REPLY_ERROR;
        break;

    default:
        to->type = HX_REPLY_NIL;
        return 1;
    }

    to->text.data = hx_fuzz_copy((const uint8_t *) from->str,
                                 (size_t) from->len);
    to->text.len = (size_t) from->len;

    return 1;
}


static void
drop(const hx_reply_t *r)
{
    size_t  i;

    for (i = 0; i < r->n; i++) {
        drop(&r->element[i]);
    }

    free((void *) (uintptr_t) r->element);
    free((void *) (uintptr_t) r->text.data);
}


static void
check_epoch(const hx_epoch_t *e)
{
    hx_str_t       text;
    hx_epoch_t     again;
    unsigned char  mem[HX_EPOCH_MAX];

    text.data = mem;
    text.len = hx_epoch_text(e, mem);
    hx_fuzz_check(hx_epoch_valid(e));
    hx_fuzz_check(hx_epoch_parse(&again, &text) == HX_OK);
    hx_fuzz_check(hx_epoch_same(e, &again));
}


static void
check_registry(const hx_reply_t *r)
{
    int                  last;
    size_t               i, n;
    uint64_t             count;
    hx_epoch_t           base, epoch;
    hx_fleet_commit_t    result;
    hx_fleet_cursor_t    cursor;
    hx_replica_pair_t   *pair;
    hx_replica_entry_t  *entry;

    base.number = 7;
    memset(base.token, 'a', HX_EPOCH_TOKEN);

    if (hx_fleet_committed(r, &base, token, &result, &epoch, err) != HX_OK) {
        check_failed();

    } else if (result != HX_FLEET_NOSCRIPT) {
        check_epoch(&epoch);
        hx_fuzz_check(result == HX_FLEET_MOVED
                      || (epoch.number == 8
                          && memcmp(epoch.token, token, HX_EPOCH_TOKEN) == 0));
        hx_fuzz_check(!hx_epoch_same(&epoch, &base));
    }

    if (hx_fleet_log(r, &entry, &n, err) == HX_OK) {
        for (i = 0; i < n; i++) {
            check_epoch(&entry[i].epoch);
            check_epoch(&entry[i].base);
            hx_fuzz_check(entry[i].epoch.number == entry[i].base.number + 1);
        }
        free(entry);

    } else {
        check_failed();
    }

    hx_fleet_cursor(&cursor);

    if (hx_fleet_page(r, &pair, &n, &cursor, &last, err) == HX_OK) {
        hx_fuzz_check(cursor.len >= 1 && cursor.len <= HX_FLEET_CURSOR);
        hx_fuzz_check(last == (cursor.len == 1 && cursor.text[0] == '0'));

        for (i = 0; i < n; i++) {
            hx_fuzz_check(pair[i].key.len >= 1
                          && pair[i].key.len <= HX_WRITESET_KEY);
        }
        free(pair);

    } else {
        check_failed();
    }

    if (hx_fleet_epoch(r, &epoch, err) == HX_OK) {
        check_epoch(&epoch);
    }

    if (hx_fleet_count(r, &count, err) == HX_OK) {
        hx_fuzz_check(count == (uint64_t) r->integer);
    }

    if (hx_fleet_push(&r->text, &epoch) == HX_OK) {
        check_epoch(&epoch);
    }
}


static void
check_usage(const hx_reply_t *r)
{
    size_t                    i;
    hx_epoch_t                cursor;
    hx_fleet_usage_page_t     page;
    hx_fleet_usage_pushed_t   pushed;

    if (hx_fleet_usage_pushed(r, token, FUZZ_ROWS, &pushed, err) == HX_OK) {
        check_epoch(&pushed.head);
        hx_fuzz_check(pushed.stored + pushed.skipped
                      == (pushed.state == HX_FLEET_USAGE_SAME
                          ? FUZZ_ROWS : 0));
    } else {
        check_failed();
    }

    cursor.number = 7;
    memset(cursor.token, 'a', HX_EPOCH_TOKEN);

    if (hx_fleet_usage_pulled(r, &cursor, &page, err) != HX_OK) {
        check_failed();
        free(page.row);
        return;
    }

    check_epoch(&page.head);
    check_epoch(&page.cursor);
    hx_fuzz_check(page.cursor.number <= page.head.number);
    hx_fuzz_check(page.cursor.number >= cursor.number);
    hx_fuzz_check((page.state == HX_FLEET_USAGE_ROWS_FOLLOW)
                  || (page.n == 0 && page.damaged == 0));

    for (i = 0; i < page.n; i++) {
        hx_fuzz_check(page.row[i].tenths <= HX_USAGE_SEND_MAX);
        hx_fuzz_check(page.row[i].value.data != NULL);
    }

    free(page.row);
}


static void
check_limit(const hx_reply_t *r)
{
    size_t                    i;
    int64_t                   v[HX_FLEET_LIMIT_ANSWER + 1];
    hx_fleet_limit_ask_t      ask;
    hx_fleet_limit_answer_t   a;

    memset(&ask, 0, sizeof(ask));
    ask.permits = 5;
    ask.permits_min = 1;
    ask.life = 1000;
    ask.tenths = 10;

    if (r->type != HX_REPLY_ARRAY || r->n > hx_nelts(v)) {
        return;
    }

    for (i = 0; i < r->n; i++) {
        v[i] = r->element[i].integer;
    }

    if (hx_fleet_limit_answer(&a, &ask, v, r->n) == HX_OK) {
        hx_fuzz_check(a.permits <= ask.permits && a.tenths <= ask.tenths);
        hx_fuzz_check(a.verdict <= HX_FLEET_LIMIT_QUOTA);
        hx_fuzz_check(a.life <= ask.life || a.verdict != 0);
        hx_fuzz_check((a.permits != 0) == (a.verdict == 0));
    }
}


/* Elements of what there is of a reply that is not complete yet. */
static uint64_t
begun(const redisReply *r)
{
    size_t    i;
    uint64_t  n;

    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        return 0;
    }

    for (i = 0, n = r->elements; i < r->elements; i++) {
        n += r->element != NULL ? begun(r->element[i]) : 0;
    }

    return n;
}


static void
answer(void *reply)
{
    hx_reply_t  r;

    if (copy(&r, reply, 0)) {
        check_registry(&r);
        check_usage(&r);
        check_limit(&r);
    }

    drop(&r);
    freeReplyObject(reply);
}


/* As the gate reads; 0: it closes the connection. */
static int
take(redisReader *reader, hx_redis_scan_t *scan, const uint8_t *p, size_t n)
{
    void  *reply;

    if (hx_redis_scan(scan, p, n, FUZZ_TEXT) != HX_OK
        || redisReaderFeed(reader, (const char *) p, n) != REDIS_OK)
    {
        return 0;
    }

    for ( ;; ) {
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            return 0;
        }

        hx_fuzz_check(begun(reply != NULL ? reply : reader->reply)
                      <= HX_REDIS_ELEMENTS_MAX);

        if (reply == NULL) {
            return 1;
        }

        scan->elements = 0;
        answer(reply);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t            n, left;
    hx_rc_t           rc;
    uint8_t          *piece;
    uint64_t          seed;
    redisReader      *reader;
    const uint8_t    *p;
    hx_redis_scan_t   scan, pieces;

    seed = hx_fuzz_seed(data, len);
    hx_redis_scan_init(&scan);
    hx_redis_scan_init(&pieces);
    rc = HX_OK;

    for (p = data, left = len; left != 0 && rc == HX_OK; p += n, left -= n) {
        n = hx_fuzz_piece(&seed, left);
        rc = hx_redis_scan(&pieces, p, n, FUZZ_TEXT);
    }

    hx_fuzz_check(hx_redis_scan(&scan, data, len, FUZZ_TEXT) == rc);

    reader = redisReaderCreate();
    hx_fuzz_check(reader != NULL);
    hx_redis_scan_init(&scan);

    for (p = data, left = len; left != 0; p += n, left -= n) {
        n = hx_fuzz_piece(&seed, left);
        piece = hx_fuzz_copy(p, n);
        n = take(reader, &scan, piece, n) ? n : left;
        free(piece);
    }

    redisReaderFree(reader);

    return 0;
}
