/*
 * hx_flush.c -- see the header.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_flush.h"


#define HX_FLUSH_TENANTS   128          /* of one transaction, at most */
#define HX_FLUSH_ENTRIES   4096
#define HX_FLUSH_ROWS      1024


typedef struct {
    unsigned           n_used;
    unsigned           n_entries;
    unsigned           n_rows;
    hx_state_used_t    used[HX_FLUSH_TENANTS];
    hx_usage_entry_t   entry[HX_FLUSH_ENTRIES];
    hx_usage_row_t     row[HX_FLUSH_ROWS];
} hx_flush_batch_t;


/* The row of one month. */

static void
hx_flush_row(const hx_state_t *st, hx_flush_batch_t *b,
    const hx_state_used_t *used, unsigned month)
{
    unsigned           i;
    hx_usage_row_t    *row;
    hx_usage_entry_t  *e;

    row = &b->row[b->n_rows++];

    row->month = month;
    row->id.data = used->id;
    row->id.len = used->id_len;
    hx_state_source(st, used->incarnation, row->source);
    row->entries = &b->entry[b->n_entries];
    row->n = 0;

    for (i = 0; i < used->n; i++) {
        if (used->entry[i].month == month) {
            e = &b->entry[b->n_entries++];
            e->operation = hx_state_operation_name(st,
                                                   used->entry[i].operation);
            e->tenths = used->entry[i].tenths;
            row->n++;
        }
    }
}


static int
hx_flush_seen(const hx_state_used_t *used, unsigned i)
{
    unsigned  k;

    for (k = 0; k < i; k++) {
        if (used->entry[k].month == used->entry[i].month) {
            return 1;
        }
    }

    return 0;
}


static unsigned
hx_flush_months(const hx_state_used_t *used)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < used->n; i++) {
        n += !hx_flush_seen(used, i);
    }

    return n;
}


static void
hx_flush_rows(const hx_state_t *st, hx_flush_batch_t *b,
    const hx_state_used_t *used)
{
    unsigned  i;

    for (i = 0; i < used->n; i++) {
        if (!hx_flush_seen(used, i)) {
            hx_flush_row(st, b, used, used->entry[i].month);
        }
    }
}


/* 1 = there is one more batch; what did not fit begins the next one. */

static int
hx_flush_collect(hx_state_t *st, hx_flush_batch_t *b, uint32_t *cursor)
{
    uint32_t          before;
    hx_state_used_t  *used;

    b->n_used = 0;
    b->n_entries = 0;
    b->n_rows = 0;

    while (b->n_used < HX_FLUSH_TENANTS) {
        used = &b->used[b->n_used];
        before = *cursor;

        if (hx_state_unsaved(st, cursor, used) != HX_OK) {
            break;
        }

        if (b->n_used != 0
            && (b->n_entries + used->n > HX_FLUSH_ENTRIES
                || b->n_rows + hx_flush_months(used) > HX_FLUSH_ROWS))
        {
            *cursor = before;
            break;
        }

        hx_flush_rows(st, b, used);
        b->n_used++;
    }

    return b->n_used != 0;
}


static hx_rc_t
hx_flush_all(hx_state_t *st, hx_usage_t *u, hx_flush_batch_t *b,
    hx_flush_result_t *result, char *err)
{
    unsigned  i;
    uint32_t  cursor;

    cursor = 0;

    while (hx_flush_collect(st, b, &cursor)) {

        if (b->n_rows != 0) {
            if (hx_usage_put(u, b->row, b->n_rows, err) != HX_OK) {
                return HX_FAIL;
            }

            result->rows += b->n_rows;
            result->transactions++;
        }

        for (i = 0; i < b->n_used; i++) {
            hx_state_saved(st, &b->used[i]);
        }
    }

    return HX_OK;
}


hx_rc_t
hx_flush(hx_state_t *st, hx_usage_t *u, int wait, hx_flush_result_t *result,
    char *err)
{
    hx_rc_t            rc;
    hx_flush_batch_t  *b;

    memset(result, 0, sizeof(hx_flush_result_t));

    rc = hx_state_save_lock(st, wait);

    if (rc != HX_OK) {
        (void) snprintf(err, HX_USAGE_ERR, "the lock of flushes");
        return rc;
    }

    b = malloc(sizeof(hx_flush_batch_t));

    if (b != NULL) {
        rc = hx_flush_all(st, u, b, result, err);
        free(b);

    } else {
        (void) snprintf(err, HX_USAGE_ERR, "no memory");
        rc = HX_FAIL;
    }

    hx_state_save_unlock(st);

    return rc;
}
