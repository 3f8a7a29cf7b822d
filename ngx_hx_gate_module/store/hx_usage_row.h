/*
 * hx_usage_row.h -- one row of the usage store as bytes, see hx_usage.h for the
 * layout; included by hx_usage_*.c alone.  No I/O.
 */

#ifndef HX_USAGE_ROW_H
#define HX_USAGE_ROW_H

#include "hx_usage.h"

#define HX_USAGE_MONTH     6            /* bytes of a month in a key */
#define HX_USAGE_PREFIX    (HX_USAGE_MONTH + HX_TENANT_MAX + 1)
#define HX_USAGE_KEY_MAX   HX_USAGE_KEY

/* 1 when the row may be stored, else 0. */
int hx_usage_row_valid(const hx_usage_row_t *row);

/* Six digits of a month. */
void hx_usage_key_month(unsigned char key[HX_USAGE_MONTH], unsigned month);

/*
 * What all keys of a tenant in a month begin with, the 0x00 included; its
 * length.  HX_USAGE_SOURCE bytes of source make it a key.
 */
size_t hx_usage_key_prefix(unsigned char key[HX_USAGE_PREFIX], unsigned month,
    const hx_str_t *id);

/* The tenant id inside a key: HX_OK, or HX_FAIL when it is no key. */
hx_rc_t hx_usage_key_id(const hx_str_t *key, hx_str_t *id);

/* The same, and a month that is one. */
hx_rc_t hx_usage_key_parse(const hx_str_t *key, unsigned *month, hx_str_t *id);

/* Bytes of the value, and the value itself: out has as many. */
size_t hx_usage_value_size(const hx_usage_row_t *row);
void hx_usage_value_write(unsigned char *out, const hx_str_t *key,
    const hx_usage_row_t *row);

/* 1 when checksum and lengths fit, else 0; the rest is for intact values. */
int hx_usage_value_intact(const hx_str_t *key, const hx_str_t *value);

/* Adds the tenths of all entries to *tenths: HX_OK, or HX_FAIL = too much. */
hx_rc_t hx_usage_value_total(const hx_str_t *value, uint64_t *tenths);

/*
 * Adds a value to a sum: HX_OK, or HX_FAIL = too many operations, or too much;
 * then the sum is of no use any more.
 */
hx_rc_t hx_usage_value_add(const hx_str_t *value, hx_usage_sum_t *sum);

#endif /* HX_USAGE_ROW_H */
