/*
 * hx_main_index.c -- the index of queries: made at start, its progress in the
 * log.
 */

#include "hx_conn.h"

#define HX_CORRUPT_US   1000000     /* between two lines about damage */


/* From the building thread. */
static void
hx_main_index_event(void *data, const hx_index_progress_t *p, const char *why)
{
    hx_log_t         l;
    uint64_t         now;
    hx_server_t     *s;
    hx_log_level_t   level;

    static const char *const  words[] = {
        [HX_INDEX_BUILDING] = "building",
        [HX_INDEX_READY] = "ready",
        [HX_INDEX_FAILED] = "failed"
    };

    s = data;
    now = hx_loop_us();

    if (why != NULL && p->state == HX_INDEX_BUILDING) {
        if (s->corrupt_us != 0 && now - s->corrupt_us < HX_CORRUPT_US) {
            return;                         /* it is in "corrupt" next time */
        }
        s->corrupt_us = now;
    }

    level = p->state == HX_INDEX_FAILED ? HX_LOG_ERROR
            : why != NULL ? HX_LOG_WARN : HX_LOG_INFO;

    hx_log_start(&l, level, "index");
    hx_log_cstr(&l, "state", words[p->state]);
    hx_log_u64(&l, "done", p->done);
    hx_log_u64(&l, "total", p->total);
    hx_log_u64(&l, "corrupt", p->corrupt);

    if (why != NULL) {
        hx_log_cstr(&l, "reason", why);
    }

    hx_log_end(&l);
}


int
hx_main_index(hx_server_t *s)
{
    hx_index_conf_t  conf;

    conf.store = s->api.store;
    conf.bytes = s->conf->index_bytes;
    conf.event = hx_main_index_event;
    conf.event_data = s;
    s->api.index = hx_index_create(&conf);

    return s->api.index != NULL ? 0 : -1;
}
