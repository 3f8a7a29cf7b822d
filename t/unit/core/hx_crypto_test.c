/*
 * hx_crypto_test.c -- SHA-256 against NIST's vectors, whole and in pieces; the
 * random pool; comparisons that must look at every byte; CRC-32.
 */

#include "hx_test.h"

#include <sys/wait.h>

#include "hx_crypto.h"
#include "hx_text.h"

#define HX_IDS   4096

static hx_crypto_t  *crypto;


static int
test_setup(void **state)
{
    crypto = hx_crypto_create();

    return crypto == NULL;
}


static int
test_teardown(void **state)
{
    hx_crypto_free(crypto);
    hx_crypto_free(NULL);

    return 0;
}


static void
test_digest(const unsigned char got[HX_SHA256_LEN], const char *hex)
{
    unsigned char  text[2 * HX_SHA256_LEN];

    hx_text_hex(text, got, HX_SHA256_LEN);
    assert_memory_equal(text, hex, sizeof(text));
}


/* FIPS 180-2, appendix B, and the empty message */
static void
nist_vectors(void **state)
{
    size_t         i, n, left;
    unsigned char  out[HX_SHA256_LEN], block[1000];

    static const char *const  vectors[][2] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb924"
              "27ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223"
                 "b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
          "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" }
    };

    for (i = 0; i < hx_nelts(vectors); i++) {
        n = strlen(vectors[i][0]);
        assert_int_equal(hx_sha256(crypto, test_edge(vectors[i][0], n), n,
                                   out), HX_OK);
        test_digest(out, vectors[i][1]);
    }

    memset(block, 'a', sizeof(block));
    assert_int_equal(hx_sha256_start(crypto), HX_OK);

    for (left = 1000000; left != 0; left -= n) {
        n = test_below(sizeof(block) + 1);
        n = n < left ? n : left;
        assert_int_equal(hx_sha256_update(crypto, block, n), HX_OK);
    }

    assert_int_equal(hx_sha256_finish(crypto, out), HX_OK);
    test_digest(out, "cdc76e5c9914fb9281a1c7e284d73e67"
                     "f1809a48a497200e046d39ccc7112cd0");
}


/* In one go, or in pieces through the incremental form: the same digest. */
static void
whole_and_pieces(void **state)
{
    size_t         i, n, at, len;
    unsigned char  block[400], whole[HX_SHA256_LEN], pieces[HX_SHA256_LEN];

    for (i = 0; i < 3000; i++) {
        len = i < sizeof(block) ? i : test_below(sizeof(block));
        test_fill(block, len);
        assert_int_equal(hx_sha256(crypto, test_edge(block, len), len, whole),
                         HX_OK);

        assert_int_equal(hx_sha256_start(crypto), HX_OK);

        for (at = 0; at < len; at += n) {
            n = 1 + test_below(len - at);
            assert_int_equal(hx_sha256_update(crypto, block + at, n), HX_OK);
        }

        assert_int_equal(hx_sha256_finish(crypto, pieces), HX_OK);
        assert_memory_equal(whole, pieces, sizeof(whole));
    }
}


/* A digest that was given up leaves nothing in the next one. */
static void
handle_starts_anew(void **state)
{
    unsigned char  out[HX_SHA256_LEN];

    assert_int_equal(hx_sha256_start(crypto), HX_OK);
    assert_int_equal(hx_sha256_update(crypto, "rubbish", 7), HX_OK);
    assert_int_equal(hx_sha256(crypto, "abc", 3, out), HX_OK);
    test_digest(out, "ba7816bf8f01cfea414140de5dae2223"
                     "b00361a396177a9cb410ff61f20015ad");

    assert_int_equal(hx_sha256_start(crypto), HX_OK);
    assert_int_equal(hx_sha256_update(crypto, "a", 1), HX_OK);
    assert_int_equal(hx_sha256_update(crypto, "", 0), HX_OK);
    assert_int_equal(hx_sha256_update(crypto, "bc", 2), HX_OK);
    assert_int_equal(hx_sha256_finish(crypto, out), HX_OK);
    test_digest(out, "ba7816bf8f01cfea414140de5dae2223"
                     "b00361a396177a9cb410ff61f20015ad");
}


static int
test_id_compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}


/* Ids stay different over many refills, whatever was drawn between. */
static void
pool_never_repeats(void **state)
{
    size_t                i;
    unsigned char         sink[256];
    static unsigned char  ids[HX_IDS][16];

    for (i = 0; i < HX_IDS; i++) {
        assert_int_equal(hx_random_pooled(crypto, ids[i], 16), HX_OK);
        assert_int_equal(hx_random_pooled(crypto, sink,
                                          test_below(sizeof(sink))), HX_OK);
    }

    qsort(ids, HX_IDS, 16, test_id_compare);

    for (i = 1; i < HX_IDS; i++) {
        assert_memory_not_equal(ids[i - 1], ids[i], 16);
    }
}


/* Every bit is set about as often as not: nothing of a block is left out. */
static void
pool_fills_all(void **state)
{
    size_t         i, k;
    unsigned       ones[64 * 8];
    unsigned char  b[64];

    memset(ones, 0, sizeof(ones));

    for (i = 0; i < 4000; i++) {
        assert_int_equal(hx_random_pooled(crypto, b, sizeof(b)), HX_OK);

        for (k = 0; k < sizeof(b) * 8; k++) {
            ones[k] += b[k / 8] >> k % 8 & 1;
        }
    }

    /* 2000 expected, standard deviation 32: beyond ten of them is no chance */

    for (k = 0; k < sizeof(b) * 8; k++) {
        assert_in_range(ones[k], 1680, 2320);
    }
}


static void
pool_limits(void **state)
{
    static unsigned char  b[HX_RANDOM_POOL + 1], zero[HX_RANDOM_POOL];

    assert_int_equal(hx_random_pooled(crypto, b, HX_RANDOM_POOL), HX_OK);
    assert_memory_not_equal(b, zero, HX_RANDOM_POOL);
    assert_int_equal(hx_random_pooled(crypto, b, 0), HX_OK);
    assert_int_equal(hx_random_pooled(crypto, b, HX_RANDOM_POOL + 1),
                     HX_FAIL);
    assert_int_equal(hx_random_secret(b, HX_RANDOM_POOL), HX_OK);
    assert_int_equal(hx_random_secret(b, HX_RANDOM_POOL + 1), HX_FAIL);
}


/* Two handles, as in two workers, never hand out the same bytes. */
static void
handles_differ(void **state)
{
    hx_crypto_t    *other;
    unsigned char   a[32], b[32];

    other = hx_crypto_create();
    assert_non_null(other);
    assert_int_equal(hx_random_pooled(crypto, a, sizeof(a)), HX_OK);
    assert_int_equal(hx_random_pooled(other, b, sizeof(b)), HX_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    hx_crypto_free(other);

    assert_int_equal(hx_random_secret(a, sizeof(a)), HX_OK);
    assert_int_equal(hx_random_secret(b, sizeof(b)), HX_OK);
    assert_memory_not_equal(a, b, sizeof(a));
}


/* A handle made after fork is on its own, though the parent had one before. */
static void
made_after_fork(void **state)
{
    int            fd[2], status;
    pid_t          pid;
    hx_crypto_t   *own;
    unsigned char  mine[64], theirs[64];

    assert_int_equal(hx_random_pooled(crypto, mine, sizeof(mine)), HX_OK);
    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        own = hx_crypto_create();
        status = own == NULL
                 || hx_random_pooled(own, theirs, sizeof(theirs)) != HX_OK
                 || write(fd[1], theirs, sizeof(theirs)) != sizeof(theirs);
        _exit(status);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(fd[0], theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(hx_random_pooled(crypto, mine, sizeof(mine)), HX_OK);
    assert_memory_not_equal(mine, theirs, sizeof(mine));
    (void) close(fd[0]);
    (void) close(fd[1]);
}


static void
equality(void **state)
{
    size_t         i, n;
    unsigned       bit;
    unsigned char  a[64], b[64];

    test_fill(a, sizeof(a));

    for (n = 0; n <= sizeof(a); n++) {
        memcpy(b, a, sizeof(b));
        assert_int_equal(hx_equal(a, b, n), 1);
        assert_int_equal(hx_secret_equal(a, n, b, n), n != 0);

        for (i = 0; i < n; i++) {
            for (bit = 0; bit < 8; bit++) {
                b[i] ^= (unsigned char) (1u << bit);
                assert_int_equal(hx_equal(a, b, n), 0);
                assert_int_equal(hx_secret_equal(a, n, b, n), 0);
                b[i] ^= (unsigned char) (1u << bit);
            }
        }

        /* neither a beginning nor a continuation is the secret */

        for (i = 0; i <= sizeof(a); i++) {
            if (i != n) {
                assert_int_equal(hx_secret_equal(test_edge(a, i), i, b, n),
                                 0);
            }
        }
    }

    assert_int_equal(hx_secret_equal(a, 0, a, 0), 0);
}


static void
cleansing(void **state)
{
    unsigned char  b[32], zero[32] = { 0 };

    test_fill(b, sizeof(b));
    hx_cleanse(b, 31);
    assert_memory_equal(b, zero, 31);
    hx_cleanse(b, 0);
}


static uint32_t
test_crc_bitwise(const unsigned char *p, size_t n)
{
    unsigned  k;
    uint32_t  c;

    for (c = 0xffffffff; n-- != 0; p++) {
        c ^= *p;

        for (k = 0; k < 8; k++) {
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        }
    }

    return ~c;
}


static void
crc32_values(void **state)
{
    size_t         i, n, cut;
    unsigned char  b[300];

    assert_int_equal(hx_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(hx_crc32(0, "", 0), 0);

    for (i = 0; i < 2000; i++) {
        n = test_below(sizeof(b));
        test_fill(b, n);
        cut = test_below(n + 1);
        assert_int_equal(hx_crc32(0, test_edge(b, n), n),
                         test_crc_bitwise(b, n));
        assert_int_equal(hx_crc32(hx_crc32(0, b, cut), b + cut, n - cut),
                         test_crc_bitwise(b, n));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(nist_vectors),
        cmocka_unit_test(whole_and_pieces),
        cmocka_unit_test(handle_starts_anew),
        cmocka_unit_test(pool_never_repeats),
        cmocka_unit_test(pool_fills_all),
        cmocka_unit_test(pool_limits),
        cmocka_unit_test(handles_differ),
        cmocka_unit_test(made_after_fork),
        cmocka_unit_test(equality),
        cmocka_unit_test(cleansing),
        cmocka_unit_test(crc32_values)
    };

    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
