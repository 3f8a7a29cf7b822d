/*
 * hx_api_value.c -- the payload of a body, as it arrives: decoded from base64,
 * or as it is, into one buffer whose pages come from the in-flight budget.
 *
 * Called by hx_api_body.c.  What is wrong is reported as a finished reply.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hx_api_body.h"

#define HX_VALUE_MALLOC   131072        /* larger values are mapped */
#define HX_VALUE_FREE     65536         /* bytes that need no budget */
#define HX_VALUE_STEP     262144        /* taken from the budget at a time */


int
hx_value_too_large(hx_body_t *b)
{
    hx_reply_error(b->reply, HX_E_TOO_LARGE,
                   "Payload exceeds maximum upload size of %L bytes",
                   b->max_upload);
    return -1;
}


static int
hx_value_no_budget(hx_body_t *b)
{
    hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Too many payloads in flight");
    b->reply->reason = "in-flight budget";

    return -1;
}


/*
 * Memory for n bytes of value in all.  Taken as they arrive: a client that
 * declares much and sends nothing must not keep others out.
 */
static int
hx_value_take(hx_body_t *b, size_t n)
{
    size_t  step;

    n = n < b->value_cap ? n : b->value_cap;

    while (n > HX_VALUE_FREE + b->taken) {
        step = b->value_cap - HX_VALUE_FREE - (size_t) b->taken;
        step = step < HX_VALUE_STEP ? step : HX_VALUE_STEP;

        if (hx_budget_take(b->budget, step) != HX_OK) {
            return hx_value_no_budget(b);
        }

        b->taken += step;
    }

    return 0;
}


/* The buffer for the decoded payload; its size is known or bounded. */
static int
hx_value_alloc(hx_body_t *b)
{
    void  *p;

    if (b->value != NULL) {
        return 0;
    }

    if (b->value_cap <= HX_VALUE_MALLOC) {
        b->value = malloc(b->value_cap + 1);

    } else {
        p = mmap(NULL, b->value_cap, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        b->value = p == MAP_FAILED ? NULL : p;
        b->value_mapped = 1;
    }

    if (b->value == NULL) {
        hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    return 0;
}


int
hx_value_data(hx_body_t *b, const unsigned char *s, size_t len)
{
    size_t           n;
    hx_base64_err_t  rc;

    if (hx_value_alloc(b) != 0) {
        return -1;
    }

    if (hx_value_take(b, b->value_len + hx_base64_dec_max(len)) != 0) {
        return -1;
    }

    rc = hx_base64_dec_feed(&b->base64, s, len, b->value + b->value_len,
                            b->value_cap - b->value_len, &n);
    b->value_len += n;

    if (rc == HX_BASE64_E_SPACE) {
        return hx_value_too_large(b);
    }

    if (rc != HX_BASE64_OK) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Invalid base64 in 'data_b64'");
        return -1;
    }

    return 0;
}


int
hx_value_end(hx_body_t *b)
{
    if (hx_base64_dec_finish(&b->base64) != HX_BASE64_OK) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Invalid base64 in 'data_b64'");
        return -1;
    }

    b->seen |= hx_field_bit(HX_F_DATA);

    return 0;
}


unsigned char *
hx_value_room(hx_body_t *b, size_t *cap)
{
    size_t  n;

    if (b->stopped || b->value_len == b->value_cap || hx_value_alloc(b) != 0) {
        return NULL;
    }

    n = HX_VALUE_FREE + (size_t) b->taken;

    if (n <= b->value_len) {
        n = b->value_len + HX_VALUE_STEP;

        if (hx_value_take(b, n) != 0) {
            b->stopped = 1;
            return NULL;
        }
    }

    n = n < b->value_cap ? n : b->value_cap;
    *cap = n - b->value_len;

    return b->value + b->value_len;
}


int
hx_value_raw(hx_body_t *b, const unsigned char *p, size_t len)
{
    if (len > b->value_cap - b->value_len) {
        return hx_value_too_large(b);
    }

    if (hx_value_alloc(b) != 0 || hx_value_take(b, b->value_len + len) != 0) {
        return -1;
    }

    if (p != b->value + b->value_len) {
        memcpy(b->value + b->value_len, p, len);
    }

    b->value_len += len;

    return 0;
}


int
hx_value_expect(hx_body_t *b)
{
    if (b->value_cap > HX_VALUE_FREE
        && !hx_budget_fits(b->budget, b->value_cap - HX_VALUE_FREE))
    {
        return hx_value_no_budget(b);
    }

    return 0;
}


void
hx_value_free(hx_body_t *b)
{
    if (b->value_mapped) {
        if (b->value != NULL) {
            (void) munmap(b->value, b->value_cap);
        }

    } else {
        free(b->value);
    }

    hx_budget_give(b->budget, b->taken);
}
