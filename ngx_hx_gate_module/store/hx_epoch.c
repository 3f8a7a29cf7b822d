/*
 * hx_epoch.c -- see the header.
 */

#include <string.h>

#include "hx_buf.h"
#include "hx_epoch.h"
#include "hx_text.h"


static int
hx_epoch_token_valid(const unsigned char *p)
{
    unsigned  i;

    for (i = 0; i < HX_EPOCH_TOKEN; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


int
hx_epoch_valid(const hx_epoch_t *e)
{
    return hx_epoch_token_valid(e->token);
}


hx_rc_t
hx_epoch_parse(hx_epoch_t *e, const hx_str_t *text)
{
    size_t                n;
    const unsigned char  *p;

    if (text->len < HX_EPOCH_TOKEN + 2 || text->len > HX_EPOCH_MAX) {
        return HX_NO;
    }

    n = text->len - HX_EPOCH_TOKEN - 1;
    p = text->data + n;

    if (*p++ != '-' || !hx_epoch_token_valid(p)) {
        return HX_NO;
    }

    memcpy(e->token, p, HX_EPOCH_TOKEN);

    return hx_text_parse_u64(text->data, n, HX_EPOCH_LAST, &e->number);
}


size_t
hx_epoch_text(const hx_epoch_t *e, unsigned char text[HX_EPOCH_MAX])
{
    hx_buf_t  b;

    hx_buf_init(&b, text, HX_EPOCH_MAX);
    hx_text_u64(&b, e->number);
    hx_buf_byte(&b, '-');
    hx_buf_add(&b, e->token, HX_EPOCH_TOKEN);

    return hx_buf_len(&b);
}


void
hx_epoch_zero(hx_epoch_t *e)
{
    e->number = 0;
    memset(e->token, '0', HX_EPOCH_TOKEN);
}


int
hx_epoch_same(const hx_epoch_t *a, const hx_epoch_t *b)
{
    return a->number == b->number
           && memcmp(a->token, b->token, HX_EPOCH_TOKEN) == 0;
}
