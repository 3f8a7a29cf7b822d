/*
 * fuzz_stripe.c -- policy/hx_stripe.h: the first line is a Stripe-Signature,
 * the rest a body.  What is read is what a naive reader finds; a header that
 * is made for the body is accepted, with every scheme beside it that the first
 * line has, and not any more when one byte of time, body or signature is
 * another one.
 *
 * sources: hx_stripe.c hx_hmac.c
 */

#include "hx_fuzz_in.h"
#include "hx_stripe.h"
#include "hx_text.h"

static const char  secret[] = "whsec_fuzz";


/* The next part before a comma; 0: there is none. */
static int
part(const uint8_t **p, const uint8_t *end, hx_str_t *s)
{
    const uint8_t  *q;

    if (*p == NULL) {
        return 0;
    }

    for (q = *p; q < end && *q != ','; q++) { /* void */ }

    s->data = *p;
    s->len = (size_t) (q - *p);
    *p = q < end ? q + 1 : NULL;

    return 1;
}


static size_t
span(const hx_str_t *s, size_t from, const char *set)
{
    size_t  i;

    for (i = from; i < s->len && s->data[i] != '\0'
                   && strchr(set, s->data[i]) != NULL; i++) { /* void */ }

    return i;
}


/* By the words of the header file: is it one, and what does it say? */
static int
naive(const hx_str_t *header, hx_str_t *t, unsigned *v1)
{
    size_t          i;
    hx_str_t        s;
    const uint8_t  *p;

    t->data = NULL;
    *v1 = 0;

    if (header->len == 0 || header->len > HX_STRIPE_HEADER_MAX) {
        return 0;
    }

    for (p = header->data; part(&p, header->data + header->len, &s); ) {
        if (hx_text_after(&s, "t=", &s)) {
            if (t->data != NULL || s.len == 0 || s.len > 12
                || span(&s, 0, "0123456789") != s.len
                || (s.len > 1 && s.data[0] == '0'))
            {
                return 0;
            }
            *t = s;

        } else if (hx_text_after(&s, "v1=", &s)) {
            if (s.len != 64 || span(&s, 0, "0123456789abcdef") != 64
                || ++*v1 > HX_STRIPE_SIGNATURES)
            {
                return 0;
            }

        } else {
            i = span(&s, 1, "0123456789");

            if (s.len == 0 || s.data[0] != 'v' || i < 2 || i == s.len
                || s.data[i] != '=')
            {
                return 0;
            }

            for ( /* void */ ; i < s.len; i++) {
                if (s.data[i] < 0x21 || s.data[i] > 0x7e) {
                    return 0;
                }
            }
        }
    }

    return t->data != NULL && *v1 != 0
           && (t->len < 12
               || memcmp(t->data, "253402300799", 12) <= 0);
}


static hx_rc_t
judge(const hx_stripe_signature_t *s, const hx_str_t *body)
{
    hx_rc_t     rc;
    hx_hmac_t  *h;

    h = hx_hmac_create(secret, sizeof(secret) - 1);
    hx_fuzz_check(h != NULL && hx_stripe_begin(s, &h, 1) == HX_OK);
    hx_fuzz_check(hx_hmac_update(h, body->data, body->len) == HX_OK);
    rc = hx_stripe_end(s, &h, 1);
    hx_hmac_free(h);
    hx_fuzz_check(rc != HX_FAIL);

    return rc;
}


static void
sign(const hx_str_t *t, const hx_str_t *body, uint8_t hex[64])
{
    uint8_t     sum[HX_HMAC_LEN];
    hx_hmac_t  *h;

    h = hx_hmac_create(secret, sizeof(secret) - 1);
    hx_fuzz_check(h != NULL
                  && hx_hmac_update(h, t->data, t->len) == HX_OK
                  && hx_hmac_update(h, ".", 1) == HX_OK
                  && hx_hmac_update(h, body->data, body->len) == HX_OK
                  && hx_hmac_finish(h, sum) == HX_OK);
    hx_hmac_free(h);
    hx_text_hex(hex, sum, sizeof(sum));
}


/* A header whose last signature is put right; then something is put wrong. */
static void
check_signed(uint8_t *header, size_t len, uint8_t *body, size_t body_len,
    uint64_t seed)
{
    size_t                  at;
    hx_str_t                t, text = { body, body_len };
    hx_stripe_signature_t   s;

    hx_fuzz_check(hx_stripe_parse(&s, header, len) == HX_OK);
    t = s.text;

    for (at = len; at-- != 0; ) {
        if (len - at >= 67 && memcmp(header + at, "v1=", 3) == 0
            && (at == 0 || header[at - 1] == ','))
        {
            break;
        }
    }

    hx_fuzz_check(at < len);
    sign(&t, &text, header + at + 3);
    hx_fuzz_check(hx_stripe_parse(&s, header, len) == HX_OK);
    hx_fuzz_check(judge(&s, &text) == HX_OK);

    if (body_len != 0) {
        body[seed % body_len] ^= 1;
        hx_fuzz_check(judge(&s, &text) == HX_NO);
        body[seed % body_len] ^= 1;
    }

    /* another digit of the last signature; the others are of nobody */

    at += 3 + seed % 64;
    header[at] = header[at] == '0' ? '1' : '0';
    hx_fuzz_check(hx_stripe_parse(&s, header, len) == HX_OK);
    hx_fuzz_check(judge(&s, &text) == HX_NO);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int                     ok;
    uint8_t                *header, *body;
    hx_str_t                line, rest, t = { NULL, 0 };
    unsigned                v1;
    hx_fuzz_in_t            in;
    hx_stripe_signature_t   s;

    hx_fuzz_in(&in, data, len);
    line = hx_fuzz_line(&in);
    rest = hx_fuzz_rest(&in);
    header = hx_fuzz_copy(line.data, line.len);
    body = hx_fuzz_copy(rest.data, rest.len);
    line.data = header;

    ok = hx_stripe_parse(&s, header, line.len) == HX_OK;
    hx_fuzz_check(ok == naive(&line, &t, &v1));

    if (ok) {
        hx_fuzz_check(s.text.data == t.data && s.text.len == t.len);
        hx_fuzz_check(s.n == v1);
        hx_fuzz_check(hx_stripe_fresh(&s, s.t, 0) == HX_OK);
        hx_fuzz_check(hx_stripe_fresh(&s, s.t + 301, 300) == HX_NO);
        hx_fuzz_check(s.t < 301
                      || hx_stripe_fresh(&s, s.t - 301, 300) == HX_NO);
        hx_fuzz_check(s.t < 300
                      || hx_stripe_fresh(&s, s.t - 300, 300) == HX_OK);
        check_signed(header, line.len, body, rest.len,
                     hx_fuzz_seed(data, len));
    }

    free(header);
    free(body);

    return 0;
}
