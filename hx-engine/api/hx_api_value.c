/*
 * hx_api_value.c -- the payload of a body, as it arrives: decoded from base64,
 * or as it is, into one buffer whose pages come from the in-flight budget.
 *
 * Called by hx_api_body.c.  What is wrong is reported as a finished reply.
 *
 * Most of a large buffer is huge pages, where the kernel gives them: entering
 * small ones costs several times what is done with the bytes.  The first
 * HX_VALUE_SMALL bytes are small pages, so that a client that announces much
 * and sends nothing holds little; behind them the budget is taken in steps of
 * a huge page.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hx_api_body.h"

#define HX_VALUE_MALLOC   1048576       /* larger values are mapped */
#define HX_VALUE_FREE     65536         /* bytes that need no budget */
#define HX_VALUE_SMALL    262144        /* bytes in front of huge pages */
#define HX_VALUE_HUGE     2097152       /* bytes of one */
#define HX_VALUE_ROUND    4194304       /* from here on the last one is whole */
#define HX_VALUE_PAGES    65536         /* a multiple of any page size */

/* Bytes of the value that are taken from the budget at a time. */
#define hx_value_step(b)                                                      \
    ((b)->taken + HX_VALUE_FREE < HX_VALUE_SMALL                              \
     ? HX_VALUE_SMALL - HX_VALUE_FREE : HX_VALUE_HUGE)


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
    hx_reply_no_budget(b->reply);

    return -1;
}


/* Bytes mapped for a value. */
static size_t
hx_value_mapped(const hx_body_t *b)
{
    size_t  n;

    n = b->value_cap;

    if (n < HX_VALUE_ROUND) {
        return (n + HX_VALUE_PAGES - 1) / HX_VALUE_PAGES * HX_VALUE_PAGES;
    }

    n += HX_VALUE_HUGE - 1;

    return n - (n - HX_VALUE_SMALL) % HX_VALUE_HUGE;
}


/* Bytes of it that count: the rest of the last huge page as well, unless only
 * that makes it too much for a budget that is empty. */
static size_t
hx_value_counted(const hx_body_t *b)
{
    size_t  n;

    n = b->value_cap < HX_VALUE_ROUND ? b->value_cap : hx_value_mapped(b);

    return n <= b->budget->max ? n : b->value_cap;
}


/*
 * Memory for n bytes of value in all.  Taken as they arrive: a client that
 * declares much and sends nothing must not keep others out.
 */
static int
hx_value_take(hx_body_t *b, size_t n)
{
    size_t  step, all;

    all = hx_value_counted(b);
    n = n < b->value_cap ? n : b->value_cap;

    while (n > HX_VALUE_FREE + b->taken) {
        step = all - HX_VALUE_FREE - (size_t) b->taken;
        step = step < hx_value_step(b) ? step : hx_value_step(b);

        if (hx_budget_take(b->budget, step) != HX_OK) {
            return hx_value_no_budget(b);
        }

        b->taken += step;
    }

    return 0;
}


/* HX_VALUE_SMALL bytes behind them begins a huge page.  NULL: no memory. */
static unsigned char *
hx_value_map(const hx_body_t *b)
{
    size_t          size, before;
    unsigned char  *p;

    size = hx_value_mapped(b);

    p = mmap(NULL, size + HX_VALUE_HUGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    before = (HX_VALUE_HUGE - ((uintptr_t) p + HX_VALUE_SMALL))
             % HX_VALUE_HUGE;

    if (before != 0) {
        (void) munmap(p, before);
    }

    (void) munmap(p + before + size, HX_VALUE_HUGE - before);
    p += before;

    if (size >= HX_VALUE_SMALL + HX_VALUE_HUGE) {
        (void) madvise(p + HX_VALUE_SMALL, size - HX_VALUE_SMALL,
                       MADV_HUGEPAGE);
    }

    return p;
}


/* The buffer for the decoded payload; its size is known or bounded. */
static int
hx_value_alloc(hx_body_t *b)
{
    if (b->value != NULL) {
        return 0;
    }

    if (b->value_cap <= HX_VALUE_MALLOC) {
        b->value = malloc(b->value_cap + 1);

    } else {
        b->value = hx_value_map(b);
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
        n = b->value_len + hx_value_step(b);

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
    size_t  n;

    n = hx_value_counted(b);

    if (n > HX_VALUE_FREE && !hx_budget_fits(b->budget, n - HX_VALUE_FREE)) {
        return hx_value_no_budget(b);
    }

    return 0;
}


void
hx_value_free(hx_body_t *b)
{
    if (b->value_mapped) {
        if (b->value != NULL) {
            (void) munmap(b->value, hx_value_mapped(b));
        }

    } else {
        free(b->value);
    }

    hx_budget_give(b->budget, b->taken);
    b->value = NULL;
    b->taken = 0;
}
