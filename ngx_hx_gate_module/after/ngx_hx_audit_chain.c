/*
 * ngx_hx_audit_chain.c -- the chain of a worker's records, and its checkpoints:
 * at the beginning and the end, around a rotation, every so many records or
 * seconds, after a gap, and where a killed worker's chain goes on.
 */

#include "ngx_hx_audit.h"


/* The chain as it stands; a new one where there is none. */

static ngx_int_t
ngx_hx_chain_get(ngx_hx_trail_t *t, hx_chain_t *chain)
{
    if (hx_box_chain(&t->box, chain) == HX_OK) {
        return NGX_OK;
    }

    hx_box_chain_end(&t->box);          /* nothing of an earlier one */
    t->due = HX_CHAIN_BEGIN;

    return ngx_hx_crypto() != NULL
           && hx_chain_start(ngx_hx_crypto(), chain) == HX_OK
           ? NGX_OK : NGX_ERROR;
}


/* A checkpoint into a box; *end is behind it.  As ngx_hx_chain_before(). */

static ngx_int_t
ngx_hx_chain_write(const ngx_hx_audit_t *a, hx_box_t *box,
    const hx_chain_t *chain, hx_chain_kind_t kind, ngx_uint_t lost,
    uint32_t *end)
{
    size_t            room;
    u_char           *p;
    hx_buf_t          b;
    hx_chain_t        next;
    ngx_time_t       *tp;
    hx_checkpoint_t   cp;

    p = hx_box_room(box, end, &room);
    hx_buf_init(&b, p, room);

    cp.kind = kind;
    cp.node.data = a->node.data;
    cp.node.len = a->node.len;
    cp.lost = lost;
    cp.key = a->key;

    tp = ngx_timeofday();

    if (hx_chain_checkpoint(ngx_hx_crypto(), &b, &cp,
                            ngx_hx_audit_time(tp->sec, (unsigned) tp->msec),
                            chain, &next)
        != HX_OK)
    {
        return NGX_ERROR;
    }

    if (!hx_buf_ok(&b)) {
        return NGX_DECLINED;
    }

    *end += (uint32_t) hx_buf_len(&b);

    /* the end is no state to go on from */

    if (kind != HX_CHAIN_END) {
        hx_box_chain_at(box, *end, &next);
    }

    hx_box_advance(box, *end);

    return NGX_OK;
}


static ngx_int_t
ngx_hx_chain_put(ngx_hx_trail_t *t, const hx_chain_t *chain,
    hx_chain_kind_t kind)
{
    size_t      room;
    uint32_t    end;
    ngx_int_t   rc;

    (void) hx_box_room(&t->box, &t->line, &room);

    rc = ngx_hx_chain_write(t->audit, &t->box, chain, kind, t->gap, &end);

    if (rc == NGX_OK) {
        t->since = 0;
        t->gap = 0;
        t->due = HX_CHAIN_KIND_COUNT;
        ngx_hx_audit_count_one(t);
    }

    return rc;
}


ngx_int_t
ngx_hx_chain_before(ngx_hx_trail_t *t)
{
    hx_chain_t       chain;
    hx_chain_kind_t  kind;

    if (ngx_hx_chain_get(t, &chain) != NGX_OK) {
        return NGX_ERROR;
    }

    kind = t->due;

    if (kind == HX_CHAIN_KIND_COUNT) {
        if (t->gap != 0) {
            kind = HX_CHAIN_GAP;

        } else if (t->since >= t->audit->checkpoint) {
            kind = HX_CHAIN_MARK;

        } else {
            return NGX_OK;
        }
    }

    return ngx_hx_chain_put(t, &chain, kind);
}


ngx_int_t
ngx_hx_chain_record(ngx_hx_trail_t *t, hx_buf_t *b, uint32_t end)
{
    hx_chain_t  chain, next;

    if (hx_box_chain(&t->box, &chain) != HX_OK
        || hx_chain_link(ngx_hx_crypto(), b, b->start, &chain, &next) != HX_OK)
    {
        return NGX_ERROR;
    }

    hx_buf_lit(b, "}\n");

    if (hx_buf_ok(b)) {
        hx_box_chain_at(&t->box, end + (uint32_t) hx_buf_len(b), &next);

        if (!t->mark.timer_set && !ngx_exiting) {
            ngx_add_timer(&t->mark, t->audit->interval);
        }
    }

    return NGX_OK;
}


/* One that is put out of turn; when there is no room it comes later. */

static void
ngx_hx_chain_now(ngx_hx_trail_t *t, hx_chain_kind_t kind)
{
    hx_chain_t  chain;

    if (hx_box_chain(&t->box, &chain) != HX_OK) {
        return;
    }

    if (ngx_hx_chain_put(t, &chain, kind) == NGX_DECLINED
        && ngx_hx_audit_flush(t) == NGX_OK)
    {
        (void) ngx_hx_chain_put(t, &chain, kind);
    }
}


static void
ngx_hx_chain_timer(ngx_event_t *ev)
{
    ngx_hx_trail_t  *t;

    t = ev->data;

    if (t->since == 0 && t->gap == 0) {
        return;                         /* the next record sets it again */
    }

    ngx_hx_chain_now(t, t->due != HX_CHAIN_KIND_COUNT ? t->due
                        : t->gap != 0 ? HX_CHAIN_GAP : HX_CHAIN_MARK);

    if (!t->failing) {
        (void) ngx_hx_audit_flush(t);
    }
}


void
ngx_hx_chain_init(ngx_hx_trail_t *t)
{
    hx_chain_t  chain;

    t->mark.data = t;
    t->mark.handler = ngx_hx_chain_timer;
    t->mark.log = t->log;
    t->mark.cancelable = 1;

    t->due = HX_CHAIN_KIND_COUNT;

    if (t->audit->chain && hx_box_chain(&t->box, &chain) == HX_OK) {
        t->due = HX_CHAIN_RESUME;

    } else {
        hx_box_chain_end(&t->box);
    }
}


void
ngx_hx_chain_rotate(ngx_hx_trail_t *t)
{
    hx_chain_t  chain;

    if (!t->audit->chain || t->due == HX_CHAIN_OPEN
        || hx_box_chain(&t->box, &chain) != HX_OK)
    {
        return;
    }

    ngx_hx_chain_now(t, HX_CHAIN_ROTATE);
    t->due = HX_CHAIN_OPEN;
}


void
ngx_hx_chain_end(ngx_hx_trail_t *t)
{
    if (t->audit->chain) {
        ngx_hx_chain_now(t, HX_CHAIN_END);
        hx_box_chain_end(&t->box);
    }
}


void
ngx_hx_chain_rescue(const ngx_hx_main_conf_t *mcf, hx_state_t *st)
{
    int                    unsure;
    unsigned               cut;
    hx_box_t               box;
    uint32_t               number, end;
    hx_chain_t             chain;
    const ngx_hx_audit_t  *a;

    cut = 0;
    number = 0;

    while (hx_box_unended(st, &number, &box) == HX_OK) {
        a = ngx_hx_audit_find(mcf, hx_box_path(&box));

        if (a != NULL && a->chain && ngx_hx_crypto() != NULL
            && hx_box_chain(&box, &chain) == HX_OK
            && ngx_hx_chain_write(a, &box, &chain, HX_CHAIN_END, 0, &end)
               == NGX_OK)
        {
            /* what does not go now is rescued with other records */

            (void) hx_box_drain(&box, a->file->fd, &unsure, &cut);
        }

        hx_box_chain_end(&box);
        hx_box_release(&box);
    }
}
