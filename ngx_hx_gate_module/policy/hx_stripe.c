/*
 * hx_stripe.c -- see the header.
 */

#include <string.h>

#include "hx_crypto.h"
#include "hx_stripe.h"
#include "hx_text.h"


static int
hx_stripe_named(const hx_str_t *item, const char *name, size_t len,
    hx_str_t *value)
{
    if (item->len < len || memcmp(item->data, name, len) != 0) {
        return 0;
    }

    value->data = item->data + len;
    value->len = item->len - len;

    return 1;
}

#define hx_stripe_is(item, lit, value)                                        \
    hx_stripe_named(item, lit, sizeof(lit) - 1, value)


/* Lower case only: not every library takes the other one. */

static hx_rc_t
hx_stripe_hex(unsigned char out[HX_HMAC_LEN], const hx_str_t *s)
{
    size_t  i;

    if (s->len != 2 * HX_HMAC_LEN) {
        return HX_NO;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] >= 'A' && s->data[i] <= 'F') {
            return HX_NO;
        }
    }

    return hx_text_unhex(out, s->data, HX_HMAC_LEN);
}


/* Another scheme: "v" and a number, as all of them are, and what it likes. */

static int
hx_stripe_other(const hx_str_t *item)
{
    size_t  i;

    for (i = 1; i < item->len && item->data[i] >= '0'
                && item->data[i] <= '9'; i++)
    {
        /* void */
    }

    if (i < 2 || i >= item->len || item->data[0] != 'v'
        || item->data[i] != '=')
    {
        return 0;
    }

    for ( /* void */ ; i < item->len; i++) {
        if (item->data[i] <= ' ' || item->data[i] > '~') {
            return 0;
        }
    }

    return 1;
}


static hx_rc_t
hx_stripe_item(hx_stripe_signature_t *s, const hx_str_t *item)
{
    hx_str_t  value;

    if (hx_stripe_is(item, "t=", &value)) {
        if (s->text.data != NULL) {
            return HX_NO;
        }

        s->text = value;

        return hx_text_parse_u64(value.data, value.len, HX_STRIPE_TIME_MAX,
                                 &s->t);
    }

    if (hx_stripe_is(item, "v1=", &value)) {
        if (s->n == HX_STRIPE_SIGNATURES) {
            return HX_NO;
        }

        return hx_stripe_hex(s->v1[s->n++], &value);
    }

    return hx_stripe_other(item) ? HX_OK : HX_NO;
}


hx_rc_t
hx_stripe_parse(hx_stripe_signature_t *s, const unsigned char *header,
    size_t len)
{
    hx_str_t              item;
    const unsigned char  *p, *end, *comma;

    memset(s, 0, sizeof(hx_stripe_signature_t));

    if (len == 0 || len > HX_STRIPE_HEADER_MAX) {
        return HX_NO;
    }

    end = header + len;

    for (p = header; p != NULL; p = comma != end ? comma + 1 : NULL) {

        comma = memchr(p, ',', (size_t) (end - p));

        if (comma == NULL) {
            comma = end;
        }

        item.data = p;
        item.len = (size_t) (comma - p);

        if (hx_stripe_item(s, &item) != HX_OK) {
            return HX_NO;
        }
    }

    return s->text.data != NULL && s->n != 0 ? HX_OK : HX_NO;
}


hx_rc_t
hx_stripe_fresh(const hx_stripe_signature_t *s, uint64_t now,
    uint64_t tolerance)
{
    uint64_t  off;

    off = s->t < now ? now - s->t : s->t - now;

    return off <= tolerance ? HX_OK : HX_NO;
}


hx_rc_t
hx_stripe_begin(const hx_stripe_signature_t *s, hx_hmac_t *const *h,
    unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (hx_hmac_update(h[i], s->text.data, s->text.len) != HX_OK
            || hx_hmac_update(h[i], ".", 1) != HX_OK)
        {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


hx_rc_t
hx_stripe_end(const hx_stripe_signature_t *s, hx_hmac_t *const *h, unsigned n)
{
    int             same;
    unsigned        i, k;
    unsigned char   sum[HX_HMAC_LEN];

    same = 0;

    for (i = 0; i < n; i++) {
        if (hx_hmac_finish(h[i], sum) != HX_OK) {
            hx_cleanse(sum, sizeof(sum));
            return HX_FAIL;
        }

        for (k = 0; k < s->n; k++) {
            same |= hx_equal(sum, s->v1[k], HX_HMAC_LEN);
        }
    }

    /* whoever reads it could sign */

    hx_cleanse(sum, sizeof(sum));

    return same ? HX_OK : HX_NO;
}
