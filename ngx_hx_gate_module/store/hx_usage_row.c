/*
 * hx_usage_row.c -- keys and values of the usage store; see hx_usage_row.h.
 * Bytes that come from the file are believed nothing before the checksum and
 * every length fit; a value that does not is never taken for a smaller one.
 */

#include <string.h>

#include "hx_check.h"
#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_route.h"
#include "hx_usage_row.h"


#define HX_USAGE_CRC     4              /* bytes */
#define HX_USAGE_COUNT   8

/* NOLINTNEXTLINE(misc-redundant-expression): in words alike */
_Static_assert(HX_USAGE_KEY == HX_USAGE_PREFIX + HX_USAGE_SOURCE, "a key");
_Static_assert(HX_ROUTE_NAME_MAX <= HX_USAGE_NAME_MAX,
               "an operation that can be configured can be stored");


/* The key belongs to it: under another one this is another tenant's usage. */

static uint32_t
hx_usage_crc(const hx_str_t *key, const unsigned char *value, size_t len)
{
    return hx_crc32(hx_crc32(0, key->data, key->len), value + HX_USAGE_CRC,
                    len - HX_USAGE_CRC);
}


int
hx_usage_row_valid(const hx_usage_row_t *row)
{
    size_t  i;

    if (!hx_month_valid(row->month)
        || !hx_check_tenant(row->id.data, row->id.len)
        || row->n == 0 || row->n > HX_USAGE_OPERATIONS)
    {
        return 0;
    }

    for (i = 0; i < row->n; i++) {
        if (row->entries[i].operation.len == 0
            || row->entries[i].operation.len > HX_USAGE_NAME_MAX)
        {
            return 0;
        }
    }

    return 1;
}


void
hx_usage_key_month(unsigned char key[HX_USAGE_MONTH], unsigned month)
{
    size_t  i;

    for (i = HX_USAGE_MONTH; i-- != 0; month /= 10) {
        key[i] = (unsigned char) ('0' + month % 10);
    }
}


size_t
hx_usage_key_prefix(unsigned char key[HX_USAGE_PREFIX], unsigned month,
    const hx_str_t *id)
{
    hx_usage_key_month(key, month);
    memcpy(key + HX_USAGE_MONTH, id->data, id->len);
    key[HX_USAGE_MONTH + id->len] = '\0';

    return HX_USAGE_MONTH + id->len + 1;
}


hx_rc_t
hx_usage_key_id(const hx_str_t *key, hx_str_t *id)
{
    if (key->len < HX_USAGE_MONTH + 1 + HX_USAGE_SOURCE) {
        return HX_FAIL;
    }

    id->data = key->data + HX_USAGE_MONTH;
    id->len = key->len - HX_USAGE_MONTH - 1 - HX_USAGE_SOURCE;

    return hx_check_tenant(id->data, id->len) && id->data[id->len] == '\0'
           ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_usage_key_parse(const hx_str_t *key, unsigned *month, hx_str_t *id)
{
    size_t    i;
    unsigned  m;

    if (hx_usage_key_id(key, id) != HX_OK) {
        return HX_FAIL;
    }

    for (i = 0, m = 0; i < HX_USAGE_MONTH; i++) {
        if (key->data[i] < '0' || key->data[i] > '9') {
            return HX_FAIL;
        }

        m = m * 10 + (unsigned) (key->data[i] - '0');
    }

    *month = m;

    return hx_month_valid(m) ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_usage_raw_id(const hx_usage_raw_t *row, hx_str_t *id)
{
    return hx_usage_key_id(&row->key, id);
}


size_t
hx_usage_value_size(const hx_usage_row_t *row)
{
    size_t  i, n;

    n = HX_USAGE_CRC;

    for (i = 0; i < row->n; i++) {
        n += 1 + row->entries[i].operation.len + HX_USAGE_COUNT;
    }

    return n;
}


void
hx_usage_value_write(unsigned char *out, const hx_str_t *key,
    const hx_usage_row_t *row)
{
    size_t                   i;
    unsigned char           *p;
    const hx_usage_entry_t  *e;

    p = out + HX_USAGE_CRC;

    for (i = 0; i < row->n; i++) {
        e = &row->entries[i];
        *p++ = (unsigned char) e->operation.len;
        memcpy(p, e->operation.data, e->operation.len);
        p += e->operation.len;
        hx_put_le64(p, e->tenths);
        p += HX_USAGE_COUNT;
    }

    hx_put_le32(out, hx_usage_crc(key, out, (size_t) (p - out)));
}


/* Steps through an intact value; *pos starts as 0.  1 and *e, 0 at the end. */

static int
hx_usage_value_next(const hx_str_t *value, size_t *pos, hx_usage_entry_t *e)
{
    const unsigned char  *p;

    *pos = *pos == 0 ? HX_USAGE_CRC : *pos;

    if (*pos == value->len) {
        return 0;
    }

    p = value->data + *pos;
    e->operation.len = *p;
    e->operation.data = p + 1;
    e->tenths = hx_get_le64(p + 1 + *p);
    *pos += 1 + e->operation.len + HX_USAGE_COUNT;

    return 1;
}


int
hx_usage_value_intact(const hx_str_t *key, const hx_str_t *value)
{
    size_t  pos, len, n;

    if (value->len <= HX_USAGE_CRC
        || hx_get_le32(value->data)
           != hx_usage_crc(key, value->data, value->len))
    {
        return 0;
    }

    for (pos = HX_USAGE_CRC, n = 0; pos < value->len; n++) {
        len = value->data[pos];

        if (len == 0 || len > HX_USAGE_NAME_MAX
            || value->len - pos < 1 + len + HX_USAGE_COUNT)
        {
            return 0;
        }

        pos += 1 + len + HX_USAGE_COUNT;
    }

    return n <= HX_USAGE_OPERATIONS;
}


hx_rc_t
hx_usage_value_total(const hx_str_t *value, uint64_t *tenths)
{
    size_t            pos;
    hx_usage_entry_t  e;

    for (pos = 0; hx_usage_value_next(value, &pos, &e); /* void */) {
        if (__builtin_add_overflow(*tenths, e.tenths, tenths)) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


/*
 * The entry of an operation, made when there is none.  Sources mostly list the
 * same operations in the same order: the search begins where it is expected.
 */

static hx_usage_entry_t *
hx_usage_sum_entry(hx_usage_sum_t *sum, const hx_str_t *operation, size_t at)
{
    size_t             i;
    hx_usage_entry_t  *e;

    for (i = 0; i < sum->n; i++) {
        e = &sum->entries[(at + i) % sum->n];

        if (e->operation.len == operation->len
            && memcmp(e->operation.data, operation->data, operation->len) == 0)
        {
            return e;
        }
    }

    if (sum->n == HX_USAGE_OPERATIONS) {
        return NULL;
    }

    e = &sum->entries[sum->n++];
    e->tenths = 0;
    e->operation.data = sum->text + sum->text_len;
    e->operation.len = operation->len;
    memcpy(sum->text + sum->text_len, operation->data, operation->len);
    sum->text_len += operation->len;

    return e;
}


static hx_rc_t
hx_usage_sum_put(hx_usage_sum_t *sum, const hx_str_t *operation,
    uint64_t tenths, size_t *at)
{
    hx_usage_entry_t  *e;

    e = hx_usage_sum_entry(sum, operation, *at);

    if (e == NULL
        || __builtin_add_overflow(sum->tenths, tenths, &sum->tenths))
    {
        return HX_FAIL;
    }

    /* not more than the sum of all, which did not overflow */

    e->tenths += tenths;
    *at = (size_t) (e - sum->entries) + 1;

    return HX_OK;
}


hx_rc_t
hx_usage_sum_add(hx_usage_sum_t *sum, const hx_str_t *operation,
    uint64_t tenths)
{
    size_t  at;

    at = 0;

    return hx_usage_sum_put(sum, operation, tenths, &at);
}


hx_rc_t
hx_usage_value_add(const hx_str_t *value, hx_usage_sum_t *sum)
{
    size_t             pos, at;
    hx_usage_entry_t   e;

    at = 0;

    for (pos = 0; hx_usage_value_next(value, &pos, &e); /* void */) {
        if (hx_usage_sum_put(sum, &e.operation, e.tenths, &at) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}
