/*
 * fuzz_stripe_event.c -- policy/hx_stripe_event.h and hx_billing.h: an event
 * means the same in whatever pieces it comes, its values are printable, and
 * what it does to empty books gives books that can be stored and read again.
 *
 * sources: hx_stripe_event.c hx_billing.c hx_billing_read.c hx_billing_book.c
 * sources: hx_billing_tenant.c
 */

#include "hx_billing.h"
#include "hx_fuzz_in.h"

static const hx_billing_price_t  prices[] = {
    { hx_string("price_1"), hx_string("builder") },
    { hx_string("price_2"), hx_string("pro") }
};


static hx_rc_t
read_event(hx_stripe_reader_t *r, hx_stripe_event_t *e, const uint8_t *data,
    size_t len, uint64_t *seed)
{
    size_t    n;
    hx_rc_t   rc;
    uint8_t  *piece;

    rc = HX_OK;

    while (len != 0 && rc == HX_OK) {
        n = seed != NULL ? hx_fuzz_piece(seed, len) : len;
        piece = hx_fuzz_copy(data, n);
        rc = hx_stripe_reader_feed(r, piece, n);
        free(piece);
        data += n;
        len -= n;
    }

    rc = rc == HX_OK ? hx_stripe_reader_finish(r, e) : rc;
    hx_fuzz_check(rc != HX_FAIL);

    return rc;
}


static void
check_value(const hx_str_t *a, const hx_str_t *b)
{
    size_t  i;

    hx_fuzz_check((a->data == NULL) == (b->data == NULL));
    hx_fuzz_check(hx_fuzz_same(a, b));
    hx_fuzz_check(a->len <= HX_STRIPE_TEXT_MAX);

    for (i = 0; i < a->len; i++) {
        hx_fuzz_check(a->data[i] > ' ' && a->data[i] <= '~');
    }
}


static void
check_same(const hx_stripe_event_t *a, const hx_stripe_event_t *b)
{
    unsigned  i;

#define X(name)  check_value(&a->name, &b->name);
    HX_STRIPE_VALUES(X)
#undef X

    hx_fuzz_check(a->n_prices == b->n_prices && a->odd == b->odd);
    hx_fuzz_check(a->kind == b->kind && a->at == b->at);
    hx_fuzz_check(a->since == b->since);
    hx_fuzz_check(a->n_prices <= HX_STRIPE_PRICES);

    for (i = 0; i < a->n_prices; i++) {
        check_value(&a->prices[i], &b->prices[i]);
    }

    hx_fuzz_check(a->id.len != 0 && a->type.len != 0);
    hx_fuzz_check(hx_stripe_type_name(a->kind) != NULL);
}


/* Stored and read again it is the same, and is stored as the same bytes. */
static void
check_book(const hx_billing_book_t *b)
{
    size_t             n;
    uint8_t           *first;
    hx_billing_book_t  again;

    static uint8_t  out[HX_BILLING_BOOK_MAX];

    n = hx_billing_encode(b, out);
    hx_fuzz_check(n != 0 && n <= sizeof(out));
    first = hx_fuzz_copy(out, n);
    hx_fuzz_check(hx_billing_decode(&again, first, n) == HX_OK);
    hx_fuzz_check(hx_billing_encode(&again, out) == n);
    hx_fuzz_check(memcmp(out, first, n) == 0);

    first[n - 1] ^= 1;
    hx_fuzz_check(hx_billing_decode(&again, first, n) == HX_FAIL);
    free(first);
}


static void
check_books(const hx_stripe_event_t *e)
{
    hx_rc_t              rc;
    unsigned             n;
    const char          *bad;
    const hx_plan_t     *plans;
    hx_billing_result_t  result;
    hx_billing_intent_t  in;

    static hx_billing_books_t  b;

    bad = NULL;
    plans = hx_plan_builtin(&n);
    memset(&in, 0, sizeof(in));
    rc = hx_billing_read(&in, e, prices, hx_nelts(prices), plans, n, &bad);
    hx_fuzz_check(rc != HX_FAIL || bad != NULL);

    if (rc != HX_OK) {
        return;
    }

    memset(&b, 0, sizeof(b));
    hx_billing_whose(&b, &in);
    result = hx_billing_apply(&b, &in, plans, n, 1700000000);
    hx_fuzz_check(result < HX_BILLING_RESULT_COUNT);
    hx_fuzz_check(hx_billing_word(result) != NULL);

    if (b.put_sub) {
        check_book(&b.sub);
    }

    if (b.put_customer) {
        check_book(&b.customer);
    }

    if (b.own.put) {
        check_book(&b.own.book);
    }

    hx_fuzz_check(!b.own.change
                  || hx_plan_find(plans, n, b.own.new_plan.data,
                                  b.own.new_plan.len) != NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    hx_rc_t              rc;
    uint64_t             seed;
    hx_stripe_event_t    whole, pieces;
    hx_stripe_reader_t  *r, *p;

    r = hx_stripe_reader_create();
    p = hx_stripe_reader_create();
    hx_fuzz_check(r != NULL && p != NULL);
    seed = hx_fuzz_seed(data, len);

    rc = read_event(r, &whole, data, len, NULL);
    hx_fuzz_check(read_event(p, &pieces, data, len, &seed) == rc);

    if (rc == HX_OK) {
        check_same(&whole, &pieces);
        check_books(&whole);
    }

    hx_stripe_reader_free(r);
    hx_stripe_reader_free(p);

    return 0;
}
