/*
 * ngx_hx_fleet_usage_run.c -- one run of the exchange of usage: rows that this
 * node has stored go to Redis, rows of the others come from there into the same
 * store (hx_fleet_usage.h, hx_usage.h).
 *
 *     what Redis has not acknowledged -> push -> off the list, and again until
 *     there is nothing; then pull from where we stand -> merge, and again until
 *     there is nothing new.
 *
 * Rows are sums that only grow, so all of it may be done twice, by two, or
 * half.  The list of what is to be sent, and where we stand, lie in the store,
 * in the transactions of what they are about.
 *
 * Each question says where we stand and which of our pushes came behind that.
 * A Redis that does not know the one or the other has lost something (a
 * failover, a restart): then all is sent again, and read again.
 */

#include "ngx_hx_fleet_usage.h"

#include "hx_crypto.h"
#include "hx_month.h"


#define NGX_HX_FLEET_RESEND   10000     /* rows in one transaction */


static void ngx_hx_fleet_usage_pull(void);


/* The oldest month that is exchanged. */

static unsigned
ngx_hx_fleet_usage_oldest(void)
{
    unsigned  month;

    month = hx_month_of((int64_t) ngx_time());

    return hx_month_at(hx_month_count(month) - HX_FLEET_USAGE_MONTHS);
}


/* -------------------------------------------------------- once more, all -- */

static void
ngx_hx_fleet_usage_resend(void)
{
    int                    more;
    unsigned               month;
    hx_epoch_t             zero;
    hx_usage_position_t    at;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;
    month = ngx_hx_fleet_usage_oldest();

    hx_epoch_zero(&zero);
    ngx_memzero(&at, sizeof(hx_usage_position_t));

    do {
        u->rc = hx_usage_resend(u->usage, month, &at, NGX_HX_FLEET_RESEND,
                                &more, u->err);
    } while (u->rc == HX_OK && more);

    /* only then: who is killed before that begins again */

    if (u->rc == HX_OK) {
        u->rc = hx_usage_cursor_set(u->usage, &zero, u->err);
    }
}


/* Once in a run: what is lost again is found by the next one. */

static void
ngx_hx_fleet_usage_again(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (u->resent) {
        ngx_hx_fleet_usage_end(HX_FAIL, "Redis goes on losing it");
        return;
    }

    u->resent = 1;
    ngx_hx_fleet_usage_post(ngx_hx_fleet_usage_resend,
                            ngx_hx_fleet_usage_look);
}


static void
ngx_hx_fleet_usage_lost(void)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_hx_fleet_usage.log, 0, "hx_gate: Redis "
                  "does not have all usage that this node has sent or seen, "
                  "all of it is exchanged again");

    ngx_hx_fleet_usage_again();
}


/* ----------------------------------------------------------------- push -- */

static void
ngx_hx_fleet_usage_acknowledge(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    u->rc = hx_usage_sent(u->usage, u->pack, &u->pushed.head, u->err);
}


static void
ngx_hx_fleet_usage_pushed(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    char                   text[HX_FLEET_ERR];
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (!ngx_hx_fleet_usage_keep(reply, err)) {
        return;
    }

    if (hx_fleet_usage_pushed(u->reply, u->token, u->pack->n, &u->pushed, text)
        != HX_OK)
    {
        ngx_hx_fleet_usage_end(HX_FAIL, text);
        return;
    }

    if (u->pushed.state == HX_FLEET_USAGE_OTHER) {
        ngx_hx_fleet_usage_lost();
        return;
    }

    hx_metrics_add(&u->zone->shared->metrics, HX_METRICS_FLEET_USAGE_SENT,
                   u->pack->n);

    ngx_hx_fleet_usage_post(ngx_hx_fleet_usage_acknowledge,
                            ngx_hx_fleet_usage_look);
}


static void
ngx_hx_fleet_usage_push(void)
{
    u_char                 rnd[HX_EPOCH_TOKEN / 2];
    hx_fleet_cmd_t         cmd;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (hx_random_secret(rnd, sizeof(rnd)) != HX_OK) {
        ngx_hx_fleet_usage_end(HX_FAIL, "no random bytes");
        return;
    }

    (void) ngx_hex_dump(u->token, rnd, sizeof(rnd));

    ngx_hx_fleet_usage_ask(hx_fleet_usage_push(&cmd, &u->names, &u->behind,
                                               u->token,
                                               ngx_hx_fleet_usage_oldest(),
                                               u->pack->row, u->pack->n),
                           &cmd, &u->push, ngx_hx_fleet_usage_pushed);
}


/* Where do we stand, and what is there to send? */

static void
ngx_hx_fleet_usage_read(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    ngx_hx_fleet_usage_drop();

    u->joined = 1;
    u->rc = hx_usage_cursor(u->usage, &u->cursor, &u->behind, u->err);

    if (u->rc == HX_NO) {
        u->joined = 0;                  /* nothing from before was noted */
        return;
    }

    if (u->rc == HX_OK) {
        u->rc = hx_usage_unsent(u->usage, HX_FLEET_USAGE_ROWS,
                                HX_FLEET_USAGE_BYTES, &u->pack, u->err);
    }
}


static void
ngx_hx_fleet_usage_had(void)
{
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (!u->joined) {
        ngx_hx_fleet_usage_again();
        return;
    }

    if (u->rc == HX_NO) {
        ngx_hx_fleet_usage_pull();
        return;
    }

    if (u->pack->damaged != 0) {
        ngx_hx_fleet_usage_complain(u->err);
        hx_metrics_add(&u->zone->shared->metrics,
                       HX_METRICS_FLEET_USAGE_DAMAGED, u->pack->damaged);
    }

    ngx_hx_fleet_usage_push();
}


void
ngx_hx_fleet_usage_look(void)
{
    ngx_hx_fleet_usage_post(ngx_hx_fleet_usage_read, ngx_hx_fleet_usage_had);
}


/* ----------------------------------------------------------------- pull -- */

/*
 * A tenant's quota is held against what others have used, too: the next request
 * looks it up again.
 */

static void
ngx_hx_fleet_usage_forget(const hx_usage_raw_t *row)
{
    hx_str_t  id;

    if (hx_usage_raw_id(row, &id) == HX_OK) {
        hx_state_base_void(ngx_hx_fleet_usage.zone->state, &id);
    }
}


static void
ngx_hx_fleet_usage_merge(void)
{
    size_t                  i;
    unsigned char           changed[2 * HX_FLEET_USAGE_ROWS];
    ngx_hx_fleet_usage_t   *u;
    hx_fleet_usage_page_t  *page;

    u = &ngx_hx_fleet_usage;
    page = &u->page;

    if (page->n > sizeof(changed)) {    /* hx_fleet_usage_pull() says 256 */
        return;
    }

    u->rc = hx_usage_merge(u->usage, page->row, page->n, &page->cursor,
                           changed, &u->merged, u->err);

    for (i = 0; u->rc == HX_OK && i < page->n; i++) {
        if (changed[i]) {
            ngx_hx_fleet_usage_forget(&page->row[i]);
        }
    }
}


static void
ngx_hx_fleet_usage_merged(void)
{
    hx_metrics_t          *m;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;
    m = &u->zone->shared->metrics;

    if (u->rc == HX_NO) {
        ngx_hx_fleet_usage_end(HX_FAIL, "another worker begins anew");
        return;
    }

    hx_metrics_add(m, HX_METRICS_FLEET_USAGE_MERGED, u->merged.stored);

    u->damaged += u->merged.damaged;

    if (u->damaged != 0) {
        ngx_hx_fleet_usage_complain("a row in Redis is damaged");
        hx_metrics_add(m, HX_METRICS_FLEET_USAGE_DAMAGED, u->damaged);
    }

    u->cursor = u->page.cursor;

    if (hx_epoch_same(&u->cursor, &u->page.head)) {
        ngx_hx_fleet_usage_end(HX_OK, NULL);
        return;
    }

    ngx_hx_fleet_usage_pull();
}


static void
ngx_hx_fleet_usage_pulled(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    char                   text[HX_FLEET_ERR];
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    if (!ngx_hx_fleet_usage_keep(reply, err)) {
        return;
    }

    free(u->page.row);
    u->page.row = NULL;

    if (hx_fleet_usage_pulled(u->reply, &u->cursor, &u->page, text) != HX_OK) {
        ngx_hx_fleet_usage_end(HX_FAIL, text);
        return;
    }

    u->damaged = u->page.damaged;

    switch (u->page.state) {

    case HX_FLEET_USAGE_SAME:
        ngx_hx_fleet_usage_end(HX_OK, NULL);
        return;

    case HX_FLEET_USAGE_OTHER:
        ngx_hx_fleet_usage_lost();
        return;

    default:
        ngx_hx_fleet_usage_post(ngx_hx_fleet_usage_merge,
                                ngx_hx_fleet_usage_merged);
    }
}


static void
ngx_hx_fleet_usage_pull(void)
{
    hx_fleet_cmd_t         cmd;
    ngx_hx_fleet_usage_t  *u;

    u = &ngx_hx_fleet_usage;

    ngx_hx_fleet_usage_ask(hx_fleet_usage_pull(&cmd, &u->names, &u->cursor,
                                               &u->behind),
                           &cmd, &u->pull, ngx_hx_fleet_usage_pulled);
}
