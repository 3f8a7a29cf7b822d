/*
 * hx_chain_test.c -- chained lines: what is written is read back, the hash is
 * the documented one, and no other spelling of a line is taken for it.
 */

#include "hx_test.h"

#include "hx_audit.h"
#include "hx_chain.h"
#include "hx_text.h"

static const char  secret[] = "0123456789abcdef0123456789abcdef";
static const char  ts[] = "2026-01-31T23:59:59.123Z";

static hx_crypto_t    *crypto;
static hx_sign_t      *key;
static unsigned char   mem[HX_AUDIT_LINE_MAX];


static int
test_setup(void **state)
{
    const char  *err;

    crypto = hx_crypto_create();
    assert_non_null(crypto);
    assert_int_equal(hx_sign_read(&key, (const unsigned char *) secret,
                                  strlen(secret), &err), HX_OK);

    return 0;
}


static int
test_end(void **state)
{
    hx_sign_free(key);
    hx_crypto_free(crypto);

    return 0;
}


/* A chained record, with what stands in front of its chain members. */

static hx_str_t
test_record(const char *head, const hx_chain_t *chain, hx_chain_t *next)
{
    hx_buf_t  b;
    hx_str_t  line;

    hx_buf_init(&b, mem, sizeof(mem));
    hx_buf_add(&b, head, strlen(head));
    assert_int_equal(hx_chain_link(crypto, &b, mem, chain, next), HX_OK);
    hx_buf_byte(&b, '}');
    assert_true(hx_buf_ok(&b));

    line.data = mem;
    line.len = hx_buf_len(&b);

    return line;
}


static hx_str_t
test_checkpoint(hx_chain_kind_t kind, const char *node, uint64_t lost,
    const hx_sign_t *by, const hx_chain_t *chain, hx_chain_t *next)
{
    hx_buf_t         b;
    hx_str_t         line;
    hx_checkpoint_t  cp;

    cp.kind = kind;
    cp.node = test_str(node);
    cp.lost = lost;
    cp.key = by;

    hx_buf_init(&b, mem, sizeof(mem));
    assert_int_equal(hx_chain_checkpoint(crypto, &b, &cp,
                                         (const unsigned char *) ts, chain,
                                         next), HX_OK);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(b.last[-1], '\n');

    line.data = mem;
    line.len = hx_buf_len(&b) - 1;

    return line;
}


static void
test_start(void **state)
{
    size_t      i;
    hx_chain_t  a, b;

    assert_int_equal(hx_chain_start(crypto, &a), HX_OK);
    assert_int_equal(hx_chain_start(crypto, &b), HX_OK);
    assert_memory_not_equal(a.writer, b.writer, HX_CHAIN_WRITER);
    assert_int_equal(a.seq, 0);

    for (i = 0; i < HX_CHAIN_HASH; i++) {
        assert_int_equal(a.hash[i], 0);
    }

    for (i = 0; i < HX_CHAIN_WRITER; i++) {
        assert_non_null(strchr("0123456789abcdef", a.writer[i]));
    }
}


/* SHA-256 of the hash before and the line up to ,"hash": and nothing else. */

static void
test_hash_is_the_documented_one(void **state)
{
    size_t           n;
    hx_str_t         line;
    hx_chain_t       chain, next;
    hx_chain_line_t  l;
    unsigned char    text[4096], want[HX_CHAIN_HASH];

    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);

    for (n = 1; n <= 3; n++) {
        line = test_record("{\"ts\":\"x\",\"a\":1", &chain, &next);

        assert_int_equal(hx_chain_parse(&l, line.data, line.len), HX_OK);
        assert_int_equal(line.len - l.head.len,
                         sizeof(",\"hash\":\"\"}") - 1 + 2 * HX_CHAIN_HASH);

        memcpy(text, chain.hash, HX_CHAIN_HASH);
        memcpy(text + HX_CHAIN_HASH, line.data, l.head.len);
        assert_int_equal(hx_sha256(crypto, text, HX_CHAIN_HASH + l.head.len,
                                   want), HX_OK);

        assert_memory_equal(l.hash, want, HX_CHAIN_HASH);
        assert_memory_equal(next.hash, want, HX_CHAIN_HASH);
        assert_int_equal(l.seq, n);
        chain = next;
    }
}


static void
test_record_round_trip(void **state)
{
    size_t           i;
    hx_str_t         line;
    hx_chain_t       chain, next;
    hx_chain_line_t  l;
    unsigned char    hash[HX_CHAIN_HASH];

    static const uint64_t  seqs[] = {
        0, 8, 9, 98, 4294967295, HX_CHAIN_SEQ_MAX - 1
    };

    for (i = 0; i < hx_nelts(seqs); i++) {
        assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);
        test_fill(chain.hash, HX_CHAIN_HASH);
        chain.seq = seqs[i];

        line = test_record("{\"ts\":\"\"", &chain, &next);
        line.data = test_edge(line.data, line.len);

        assert_int_equal(hx_chain_parse(&l, line.data, line.len), HX_OK);
        assert_int_equal(l.kind, HX_CHAIN_KIND_COUNT);
        assert_int_equal(l.seq, seqs[i] + 1);
        assert_int_equal(l.sig_len, 0);
        assert_int_equal(l.writer.len, HX_CHAIN_WRITER);
        assert_memory_equal(l.writer.data, chain.writer, HX_CHAIN_WRITER);
        assert_memory_equal(l.hash, next.hash, HX_CHAIN_HASH);
        assert_memory_equal(next.writer, chain.writer, HX_CHAIN_WRITER);
        assert_int_equal(next.seq, seqs[i] + 1);

        assert_int_equal(hx_chain_hash(crypto, chain.hash, &l, hash), HX_OK);
        assert_memory_equal(hash, l.hash, HX_CHAIN_HASH);
    }
}


/* A reader stops at HX_CHAIN_SEQ_MAX, and no tail is longer than promised. */

static void
test_limits(void **state)
{
    hx_str_t         line;
    hx_chain_t       chain, next;
    hx_chain_line_t  l;

    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);
    chain.seq = HX_CHAIN_SEQ_MAX - 1;
    line = test_record("{\"ts\":\"\"", &chain, &next);
    assert_true(line.len + 1 - strlen("{\"ts\":\"\"") <= HX_CHAIN_TAIL_MAX);

    chain.seq = HX_CHAIN_SEQ_MAX;
    line = test_record("{\"ts\":\"\"", &chain, &next);
    assert_int_equal(hx_chain_parse(&l, line.data, line.len), HX_NO);
}


static void
test_checkpoint_round_trip(void **state)
{
    unsigned          kind, by;
    hx_str_t          line;
    hx_chain_t        chain, next;
    const char       *node;
    hx_chain_line_t   l;
    char              name[HX_CHAIN_NODE_MAX + 1];

    memset(name, 'n', HX_CHAIN_NODE_MAX);
    name[HX_CHAIN_NODE_MAX] = '\0';

    for (kind = 0; kind < HX_CHAIN_KIND_COUNT; kind++) {
        for (by = 0; by < 2; by++) {
            node = kind % 2 ? name : "gate-1";
            assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);
            line = test_checkpoint((hx_chain_kind_t) kind, node, kind * 9,
                                   by ? key : NULL, &chain, &next);
            line.data = test_edge(line.data, line.len);

            assert_int_equal(hx_chain_parse(&l, line.data, line.len), HX_OK);
            assert_int_equal(l.kind, kind);
            assert_int_equal(l.lost, kind * 9);
            assert_int_equal(l.node.len, strlen(node));
            assert_memory_equal(l.node.data, node, l.node.len);
            assert_memory_equal(l.hash, next.hash, HX_CHAIN_HASH);
            assert_int_equal(l.seq, 1);

            if (by) {
                assert_int_equal(l.sig_len, 32);
                assert_int_equal(l.key.len, strlen(hx_sign_name(key)));
                assert_int_equal(hx_chain_signed(&l, key), HX_OK);

            } else {
                assert_null(l.key.data);
                assert_int_equal(l.sig_len, 0);
                assert_int_equal(hx_chain_signed(&l, key), HX_NO);
            }
        }
    }
}


/* Quotes, backslashes and commas in a name cannot be taken for members. */

static void
test_hostile_node(void **state)
{
    hx_str_t         line;
    hx_chain_t       chain, next;
    hx_chain_line_t  l;

    static const char  node[] = "\",\"lost\":7,\"key\":null,\"node\":\"\\";

    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);
    line = test_checkpoint(HX_CHAIN_MARK, node, 3, key, &chain, &next);

    assert_int_equal(hx_chain_parse(&l, line.data, line.len), HX_OK);
    assert_int_equal(l.lost, 3);
    assert_int_equal(l.kind, HX_CHAIN_MARK);
    assert_int_equal(hx_chain_signed(&l, key), HX_OK);
}


static int
test_line_same(const hx_chain_line_t *a, const hx_chain_line_t *b)
{
    return test_same(&a->head, &b->head) && a->seq == b->seq
           && test_same(&a->writer, &b->writer) && a->kind == b->kind
           && memcmp(a->hash, b->hash, HX_CHAIN_HASH) == 0
           && a->sig_len == b->sig_len
           && memcmp(a->sig, b->sig, a->sig_len) == 0;
}


/*
 * Whatever one byte is changed into, the line is none any more, or it says
 * something else.
 */

static void
test_every_byte(const hx_str_t *line)
{
    size_t            i;
    unsigned          c;
    unsigned char     text[1024];
    hx_chain_line_t   l, other;

    assert_true(line->len <= sizeof(text));
    memcpy(text, line->data, line->len);
    assert_int_equal(hx_chain_parse(&l, line->data, line->len), HX_OK);

    for (i = 0; i < line->len; i++) {
        for (c = 0; c < 256; c++) {
            if (c == line->data[i]) {
                continue;
            }

            text[i] = (unsigned char) c;

            if (hx_chain_parse(&other, text, line->len) == HX_OK
                && test_line_same(&l, &other))
            {
                fail_msg("byte %zu as %u", i, c);
            }
        }

        text[i] = line->data[i];

        /* nor is any beginning of it one */

        assert_int_equal(hx_chain_parse(&other, text, i), HX_NO);
    }
}


static void
test_changed_bytes(void **state)
{
    hx_str_t    line;
    hx_chain_t  chain, next;

    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);
    chain.seq = 1233;

    line = test_record("{\"ts\":\"2026-01-31T23:59:59.123Z\",\"tenant_id\":"
                       "null,\"status\":200", &chain, &next);
    test_every_byte(&line);

    line = test_checkpoint(HX_CHAIN_RESUME, "n", 12, NULL, &chain, &next);
    test_every_byte(&line);

    line = test_checkpoint(HX_CHAIN_MARK, "gate-1", 0, key, &chain, &next);
    test_every_byte(&line);
}


/* One way to write each: no blank, no sign, no zero in front, no upper case. */

static void
test_other_spellings(void **state)
{
    size_t           i;
    hx_chain_line_t  l;

#define HASH  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TAIL  "\"writer\":\"0123456789abcdef\",\"seq\":7,\"hash\":\"" HASH "\""

    static const char *const  good[] = {
        "{\"a\":1," TAIL "}", "{," TAIL "}"
    };
    static const char *const  bad[] = {
        "", "{", "}", "{}", "{" TAIL "}", "{\"a\":1," TAIL,
        " {\"a\":1," TAIL "}",
        "{\"a\":1," TAIL "} ", "{\"a\":1," TAIL "}}", "[\"a\":1," TAIL "}",
        "{\"a\":1," TAIL ",\"sig\":\"" HASH "\"}",
        "{\"a\":1," TAIL ",\"b\":1}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\",\"seq\":07,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\",\"seq\":0,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\",\"seq\":-7,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\",\"seq\":,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcde\",\"seq\":7,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"seq\":7,\"writer\":\"0123456789abcdef\",\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\", \"seq\":7,\"hash\":\"" HASH
        "\"}",
        "{\"a\":1,\"writer\":\"0123456789abcdef\",\"seq\":7,\"hash\":\"00112233"
        "445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"}"
    };

    for (i = 0; i < hx_nelts(good); i++) {
        assert_int_equal(hx_chain_parse(&l, test_edge(good[i],
                                                      strlen(good[i])),
                                        strlen(good[i])), HX_OK);
        assert_int_equal(l.seq, 7);
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        if (hx_chain_parse(&l, test_edge(bad[i], strlen(bad[i])),
                           strlen(bad[i])) != HX_NO)
        {
            fail_msg("%s", bad[i]);
        }
    }
}


static void
test_full_buffer(void **state)
{
    size_t        cap;
    hx_buf_t      b;
    hx_chain_t    chain, next;

    assert_int_equal(hx_chain_start(crypto, &chain), HX_OK);

    for (cap = 0; cap < 120; cap++) {
        hx_buf_init(&b, test_edge(mem, cap), cap);
        assert_int_equal(hx_chain_link(crypto, &b, b.start, &chain, &next),
                         HX_OK);

        if (hx_buf_ok(&b)) {
            break;
        }
    }

    assert_int_equal(cap, sizeof(",\"writer\":\"\",\"seq\":1,\"hash\":\"\"") - 1
                          + HX_CHAIN_WRITER + 2 * HX_CHAIN_HASH);
}


static void
test_words(void **state)
{
    assert_string_equal(hx_chain_word(HX_CHAIN_BEGIN), "begin");
    assert_string_equal(hx_chain_word(HX_CHAIN_END), "end");
    assert_string_equal(hx_chain_word(HX_CHAIN_KIND_COUNT), "-");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_hash_is_the_documented_one),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_checkpoint_round_trip),
        cmocka_unit_test(test_hostile_node),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_other_spellings),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, test_setup, test_end);
}
