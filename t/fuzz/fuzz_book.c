/*
 * fuzz_book.c -- stored books of subscriptions (policy/hx_billing.h) and rows
 * of usage (store/hx_usage_row.h), as the bytes are and behind a checksum that
 * fits.  What is read is written again as the same bytes; totals are the sums
 * of their parts.
 *
 * The first byte: how many of the next ones are the key of the row.
 *
 * sources: hx_billing_book.c hx_usage_row.c hx_month.c
 */

#include "hx_billing.h"
#include "hx_crypto.h"
#include "hx_fuzz_in.h"
#include "hx_le.h"
#include "hx_usage_row.h"


static void
check_book(const uint8_t *p, size_t len)
{
    unsigned           i, n;
    hx_str_t           plan;
    const hx_plan_t   *plans;

    static uint8_t             out[HX_BILLING_BOOK_MAX];
    static hx_billing_book_t   b;

    if (hx_billing_decode(&b, p, len) != HX_OK) {
        return;
    }

    hx_fuzz_check(hx_billing_encode(&b, out) == len);
    hx_fuzz_check(memcmp(out, p, len) == 0);

    plans = hx_plan_builtin(&n);
    plan = hx_billing_plan(&b, plans, n);
    hx_fuzz_check(plan.len <= HX_PLAN_MAX);

    for (i = 0; i < b.n; i++) {
        hx_fuzz_check(hx_billing_find(&b, &b.sub[i].id) != NULL);
        (void) hx_billing_worth(&b.sub[i]);
    }

    if (b.n != 0) {
        hx_billing_forget(&b, &b.sub[0].id);
        hx_fuzz_check(hx_billing_encode(&b, out) != 0);
    }
}


/* Each entry by itself, so that a sum has something to be compared with. */
static int
naive(const hx_str_t *value, uint64_t *total, size_t *n)
{
    size_t    pos;
    uint64_t  v;

    *total = 0;
    *n = 0;

    for (pos = 4; pos < value->len; pos += 9 + value->data[pos]) {
        v = hx_get_le64(value->data + pos + 1 + value->data[pos]);

        if (*total + v < v) {
            return 0;
        }

        *total += v;
        ++*n;
    }

    return 1;
}


static void
check_row(const hx_str_t *key, const hx_str_t *value)
{
    int               fits;
    size_t            i, n;
    hx_rc_t           rc;
    uint64_t          want, total, sum;
    hx_str_t          id;
    unsigned          month;

    static hx_usage_sum_t  s;

    rc = hx_usage_key_parse(key, &month, &id);

    if (rc == HX_OK) {
        hx_fuzz_check(hx_month_valid(month));
        hx_fuzz_check(id.data == key->data + HX_USAGE_MONTH);
        hx_fuzz_check(hx_usage_key_id(key, &id) == HX_OK);
    }

    if (!hx_usage_value_intact(key, value)) {
        return;
    }

    fits = naive(value, &want, &n);
    hx_fuzz_check(n >= 1 && n <= HX_USAGE_OPERATIONS);

    total = 0;
    hx_fuzz_check((hx_usage_value_total(value, &total) == HX_OK) == fits);

    memset(&s, 0, sizeof(s));
    hx_fuzz_check((hx_usage_value_add(value, &s) == HX_OK) == fits);

    if (!fits) {
        return;
    }

    hx_fuzz_check(total == want && s.tenths == want && s.n <= n);

    for (i = 0, sum = 0; i < s.n; i++) {
        sum += s.entries[i].tenths;
    }

    hx_fuzz_check(sum == want);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t       *p, *k;
    hx_str_t       key, value;
    uint32_t       crc;
    hx_fuzz_in_t   in;

    p = hx_fuzz_copy(data, len);
    check_book(p, len);

    if (len >= 8) {
        hx_put_le32(p + 4, hx_crc32(hx_crc32(0, p, 4), p + 8, len - 8));
        check_book(p, len);
    }

    free(p);

    hx_fuzz_in(&in, data, len);
    key = hx_fuzz_text(&in);
    value = hx_fuzz_rest(&in);
    k = hx_fuzz_copy(key.data, key.len);
    p = hx_fuzz_copy(value.data, value.len);
    key.data = k;
    value.data = p;
    check_row(&key, &value);

    if (value.len >= 4) {
        crc = hx_crc32(hx_crc32(0, k, key.len), p + 4, value.len - 4);
        hx_put_le32(p, crc);
        check_row(&key, &value);
    }

    free(p);
    free(k);

    return 0;
}
