/*
 * hx_api_index.c -- writes and the columns that queries look at.
 *
 * What a write puts there is made before it is submitted, where there is time;
 * it gets there in the order of commits, before the client has its answer, so
 * that whoever was answered finds it.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_op.h"


static unsigned
hx_req_changes(const hx_req_t *r, hx_store_op_t **op)
{
    if (r->store_op.kind == HX_STORE_BATCH) {
        *op = r->store_op.items;
        return r->store_op.n_items;
    }

    *op = (hx_store_op_t *) &r->store_op;

    return 1;
}


/*
 * Copies stay until the write is committed.  What the work on the payload took
 * is given back by then, and is as good as free now.
 */
static int
hx_req_index_take(void *data, uint64_t bytes)
{
    hx_req_t  *r;

    r = data;

    if (hx_budget_take_after(&r->api->budget, bytes, hx_req_work(r)) != HX_OK) {
        return 0;
    }

    r->change_bytes += bytes;

    return 1;
}


static void
hx_req_index_give(void *data, uint64_t bytes)
{
    hx_req_t  *r;

    r = data;
    hx_budget_give(&r->api->budget, bytes);
    r->change_bytes -= bytes;
}


int
hx_req_index_prepare(hx_req_t *r)
{
    unsigned          i, n;
    hx_store_op_t    *op;
    hx_index_room_t   room;

    n = hx_req_changes(r, &op);
    r->change = calloc(n, sizeof(hx_index_change_t));

    room.take = hx_req_index_take;
    room.give = hx_req_index_give;
    room.data = r;

    /* less than 1 KiB each, be there room or not: who waits for the disk is
     * not to wait here too; copies are left out instead */

    r->change_bytes = n * hx_index_item_size();
    hx_budget_force(&r->api->budget, r->change_bytes);

    for (i = 0; r->change != NULL && i < n; i++) {
        r->n_changes = n;

        if (op[i].kind != HX_STORE_PUT) {
            continue;
        }

        /* the store says so too; the columns, and the answer, need it here */
        op[i].record.stored = op[i].value.len;
        r->change[i].item = hx_index_prepare(r->api->index, &op[i].record,
                                             &op[i].value, &room);

        if (r->change[i].item == NULL) {
            break;
        }
    }

    if (r->change != NULL && i == n) {
        return 0;
    }

    hx_req_index_free(r);
    hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
    r->reply.reason = "index";

    return -1;
}


void
hx_req_index_done(hx_req_t *r)
{
    unsigned        i, n;
    hx_store_op_t  *op;

    if (r->store_op.rc != HX_STORE_OK) {
        hx_req_index_free(r);
        return;
    }

    n = hx_req_changes(r, &op);

    for (i = 0; i < n; i++) {
        r->change[i].key = op[i].key;
        r->change[i].version = op[i].version;
    }

    hx_index_apply(r->api->index, &r->ns, r->change, n);
    r->n_changes = 0;                   /* their items are taken over */
    hx_req_index_free(r);
}


void
hx_req_index_free(hx_req_t *r)
{
    unsigned  i;

    for (i = 0; i < r->n_changes; i++) {
        hx_index_drop(r->change[i].item);
    }

    free(r->change);
    hx_budget_give(&r->api->budget, r->change_bytes);
    r->change = NULL;
    r->n_changes = 0;
    r->change_bytes = 0;
}
