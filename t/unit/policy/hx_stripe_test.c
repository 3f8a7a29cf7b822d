/*
 * hx_stripe_test.c -- signatures of webhooks: what is one, what is none, and a
 * million changes of a valid request, none of which is.
 */

#include "hx_test.h"

#include "hx_stripe.h"
#include "hx_text.h"

#define HX_NOW       UINT64_C(1735689599)
#define HX_MUTATIONS 1000000

static const char  test_body[] =
    "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"invoice.paid\","
    "\"created\":1735689590,\"data\":{\"object\":{\"id\":\"in_1\"}}}";

static const char *const  secrets[HX_STRIPE_SECRETS] = {
    "whsec_one", "whsec_two_which_is_longer_than_a_block_of_sixty-four_bytes",
    "whsec_3", "whsec_4"
};

static hx_hmac_t  *hmac[HX_STRIPE_SECRETS];


static int
test_setup(void **state)
{
    unsigned  i;

    for (i = 0; i < HX_STRIPE_SECRETS; i++) {
        hmac[i] = hx_hmac_create(secrets[i], strlen(secrets[i]));
        assert_non_null(hmac[i]);
    }

    return 0;
}


static int
test_teardown(void **state)
{
    unsigned  i;

    for (i = 0; i < HX_STRIPE_SECRETS; i++) {
        hx_hmac_free(hmac[i]);
    }

    return 0;
}


/* As Stripe would sign; 64 hex digits and a NUL. */
static void
test_sign(char hex[65], const char *secret, const char *t, const void *body,
    size_t len)
{
    hx_hmac_t      *h;
    unsigned char   sum[HX_HMAC_LEN];

    h = hx_hmac_create(secret, strlen(secret));
    assert_non_null(h);
    assert_int_equal(hx_hmac_update(h, t, strlen(t)), HX_OK);
    assert_int_equal(hx_hmac_update(h, ".", 1), HX_OK);
    assert_int_equal(hx_hmac_update(h, body, len), HX_OK);
    assert_int_equal(hx_hmac_finish(h, sum), HX_OK);
    hx_hmac_free(h);

    hx_text_hex((unsigned char *) hex, sum, sizeof(sum));
    hex[64] = '\0';
}


/* The whole judgement; the body in pieces of "piece" bytes. */
static hx_rc_t
test_judge(const void *header, size_t header_len, const unsigned char *body,
    size_t len, size_t piece, unsigned n)
{
    size_t                  at, k;
    hx_rc_t                 rc;
    unsigned                i;
    hx_stripe_signature_t   s;

    rc = hx_stripe_parse(&s, header, header_len);

    if (rc != HX_OK) {
        return rc;
    }

    if (hx_stripe_fresh(&s, HX_NOW, HX_STRIPE_TOLERANCE) != HX_OK) {
        return HX_NO;
    }

    assert_int_equal(hx_stripe_begin(&s, hmac, n), HX_OK);

    for (at = 0; at < len; at += k) {
        k = len - at < piece ? len - at : piece;

        for (i = 0; i < n; i++) {
            assert_int_equal(hx_hmac_update(hmac[i], body + at, k), HX_OK);
        }
    }

    return hx_stripe_end(&s, hmac, n);
}


static hx_rc_t
test_header(const char *header)
{
    return test_judge(test_edge(header, strlen(header)), strlen(header),
                      (const unsigned char *) test_body, strlen(test_body),
                      1 + test_below(40), HX_STRIPE_SECRETS);
}


static void
good(void **state)
{
    char      a[65], b[65], header[1024];
    unsigned  i;

    for (i = 0; i < HX_STRIPE_SECRETS; i++) {
        test_sign(a, secrets[i], "1735689599", test_body, strlen(test_body));
        (void) snprintf(header, sizeof(header), "t=1735689599,v1=%s", a);
        assert_int_equal(test_header(header), HX_OK);

        /* any of several, with other schemes between them, in any order */

        memset(b, 'b', 64);
        b[64] = '\0';
        (void) snprintf(header, sizeof(header),
                        "v0=old,v1=%s,t=1735689599,v1=%s,v2=x=y", b, a);
        assert_int_equal(test_header(header), HX_OK);
        (void) snprintf(header, sizeof(header), "v1=%s,v1=%s,t=1735689599", a,
                        b);
        assert_int_equal(test_header(header), HX_OK);
        (void) snprintf(header, sizeof(header), "v1=%s,t=1735689599", b);
        assert_int_equal(test_header(header), HX_NO);
    }

    /* a secret that is not among them any more */

    test_sign(a, secrets[3], "1735689599", test_body, strlen(test_body));
    (void) snprintf(header, sizeof(header), "t=1735689599,v1=%s", a);
    assert_int_equal(test_judge(header, strlen(header),
                                (const unsigned char *) test_body,
                                strlen(test_body), 7, 3), HX_NO);
    assert_int_equal(test_judge(header, strlen(header),
                                (const unsigned char *) test_body,
                                strlen(test_body), 7, 0), HX_NO);

    /* no body is a body */

    test_sign(a, secrets[0], "1735689599", "", 0);
    (void) snprintf(header, sizeof(header), "t=1735689599,v1=%s", a);
    assert_int_equal(test_judge(header, strlen(header), NULL, 0, 1, 1),
                     HX_OK);
}


static void
bad_headers(void **state)
{
    char      sig[65], header[4096], *p;
    size_t    i;
    unsigned  n;

    static const char *const  forms[] = {
        "", ",", "t=1735689599", "v1=%s", "t=1735689599,v1=", "t=,v1=%s",
        "t=1735689599,v1=%s,", ",t=1735689599,v1=%s", "t=1735689599,,v1=%s",
        "t=1735689599, v1=%s", " t=1735689599,v1=%s", "t=1735689599,v1=%s ",
        "t =1735689599,v1=%s", "t= 1735689599,v1=%s", "t=+1735689599,v1=%s",
        "t=-1735689599,v1=%s", "t=01735689599,v1=%s", "t=0x67748580,v1=%s",
        "t=1735689599.0,v1=%s", "t=1.735689599e9,v1=%s",
        "t=1735689599,t=1735689599,v1=%s", "t=1735689599;v1=%s",
        "T=1735689599,v1=%s", "t=1735689599,V1=%s", "t=1735689599,v1 =%s",
        "t=1735689599,v1=%s0", "t=1735689599,v1=0%s", "t=1735689599,v1=\"%s\"",
        "t=1735689599,v0=%s", "t=1735689599,v1:%s", "t=1735689599,v1%s",
        "t=1735689599,=%s", "t=1735689599,v1=%s,x", "t=1735689599,v1=%s,=",
        "t=1735689599,v1=%s,v0=\x01", "t=1735689599,v1=%s,v0=a b",
        "t=1735689599,v1=%s,v0=\xc3\xa4", "t=1735689599,v1=%s,x=y",
        "t=1735689599,v1=%s,v=y", "t=1735689599,v1=%s,v2x=y",
        "t=1735689599,v1=%s,v22", "t=1735689599,v1=%s,w2=x",
        "t=99999999999999999999,v1=%s",
        "t=253402300800,v1=%s", "t=1735689599,v1==%s", "t==1735689599,v1=%s",
        "t=1735689599&v1=%s", "t=1735689599,v1=%s\n", "t=1735689599\t,v1=%s"
    };

    test_sign(sig, secrets[0], "1735689599", test_body, strlen(test_body));

    for (i = 0; i < hx_nelts(forms); i++) {
        (void) snprintf(header, sizeof(header), "%s", forms[i]);
        p = strstr(header, "%s");

        if (p != NULL) {
            (void) snprintf(p, sizeof(header) - (size_t) (p - header), "%s%s",
                            sig, strstr(forms[i], "%s") + 2);
        }

        if (test_header(header) != HX_NO) {
            fail_msg("accepted: %s", header);
        }
    }

    /* upper case is the same number, but not to everybody */

    for (i = 0; i < 64; i++) {
        if (sig[i] >= 'a') {
            sig[i] = (char) (sig[i] - 32);
            (void) snprintf(header, sizeof(header), "t=1735689599,v1=%s", sig);
            assert_int_equal(test_header(header), HX_NO);
            sig[i] = (char) (sig[i] + 32);
        }
    }

    /* a bound for everything */

    for (n = 1; n <= HX_STRIPE_SIGNATURES + 1; n++) {
        p = header + snprintf(header, sizeof(header), "t=1735689599");

        for (i = 0; i < n; i++) {
            p += snprintf(p, sizeof(header) - (size_t) (p - header), ",v1=%s",
                          sig);
        }

        assert_int_equal(test_header(header),
                         n <= HX_STRIPE_SIGNATURES ? HX_OK : HX_NO);
        assert_true((size_t) (p - header) < HX_STRIPE_HEADER_MAX);
    }

    i = (size_t) snprintf(header, sizeof(header), "t=1735689599,v1=%s,v0=",
                          sig);
    memset(header + i, 'x', sizeof(header) - i);
    header[HX_STRIPE_HEADER_MAX] = '\0';
    assert_int_equal(test_header(header), HX_OK);
    header[HX_STRIPE_HEADER_MAX] = 'x';
    header[HX_STRIPE_HEADER_MAX + 1] = '\0';
    assert_int_equal(test_header(header), HX_NO);
}


static void
tolerance(void **state)
{
    size_t                  i;
    hx_stripe_signature_t   s;

    static const struct {
        uint64_t   t, now, tolerance;
        hx_rc_t    rc;
    } rows[] = {
        { 1000, 1000, 0, HX_OK }, { 1000, 1001, 0, HX_NO },
        { 1001, 1000, 0, HX_NO }, { 1000, 1300, 300, HX_OK },
        { 1000, 1301, 300, HX_NO }, { 1300, 1000, 300, HX_OK },
        { 1301, 1000, 300, HX_NO }, { 0, 300, 300, HX_OK },
        { 0, 301, 300, HX_NO }, { UINT64_MAX, 0, 300, HX_NO },
        { 0, UINT64_MAX, 300, HX_NO }
    };

    memset(&s, 0, sizeof(s));

    for (i = 0; i < hx_nelts(rows); i++) {
        s.t = rows[i].t;
        assert_int_equal(hx_stripe_fresh(&s, rows[i].now, rows[i].tolerance),
                         rows[i].rc);
    }
}


/*
 * One change of a valid request: of header or body, a byte set, taken out, put
 * in, two exchanged, an end cut off, a piece said twice.  None is accepted.
 */
static void
mutations(void **state)
{
    char            sig[65];
    size_t          len, at, other, n, body_len, header_len;
    unsigned        i, tried;
    unsigned char   header[256], body[256], *text, was;

    test_sign(sig, secrets[0], "1735689599", test_body, strlen(test_body));
    tried = 0;

    for (i = 0; i < HX_MUTATIONS; i++) {
        header_len = (size_t) snprintf((char *) header, 128,
                                       "t=1735689599,v1=%s", sig);
        body_len = strlen(test_body);
        memcpy(body, test_body, body_len);

        text = test_below(2) ? header : body;
        len = text == header ? header_len : body_len;
        at = test_below(len);
        other = test_below(len);
        was = text[at];

        switch (test_below(6)) {

        case 0:
            text[at] = (unsigned char) test_below(256);

            if (text[at] == was) {
                continue;
            }

            break;

        case 1:
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
            break;

        case 2:
            memmove(text + at + 1, text + at, len - at);
            text[at] = (unsigned char) test_below(256);
            len++;
            break;

        case 3:
            text[at] = text[other];
            text[other] = was;

            if (text[at] == text[other]) {
                continue;
            }

            break;

        case 4:
            len = at;
            break;

        default:
            n = 1 + test_below(len - at < 60 ? len - at : 60);
            memmove(text + at + n, text + at, len - at);
            len += n;
            break;
        }

        if (text == header) {
            header_len = len;
        } else {
            body_len = len;
        }

        if (test_judge(header, header_len, body, body_len, 64, 1) == HX_OK) {
            fail_msg("accepted: %.*s | %.*s", (int) header_len, header,
                     (int) body_len, body);
        }

        tried++;
    }

    assert_true(tried > HX_MUTATIONS / 10 * 9);

    /* the request itself is */

    header_len = (size_t) snprintf((char *) header, 128, "t=1735689599,v1=%s",
                                   sig);
    assert_int_equal(test_judge(header, header_len,
                                (const unsigned char *) test_body,
                                strlen(test_body), 64, 1), HX_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(tolerance),
        cmocka_unit_test(mutations)
    };

    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
