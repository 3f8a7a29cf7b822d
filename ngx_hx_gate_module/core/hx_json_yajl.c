/*
 * hx_json_yajl.c -- yajl in a fixed piece of memory (see hx_json_yajl.h).
 *
 * yajl does not check what its allocator returns, and its buffers follow the
 * input.  So it lives in an arena inside the scanner that is more than large
 * enough for all that hx_json_scan.c lets through; one malloc per scanner, and
 * none can fail half way.
 */

#include <string.h>

#include "hx_json_yajl.h"


/* A stack of blocks: the newest can grow and go, older ones stay. */

static void *
hx_json_arena_alloc(void *ctx, size_t size)
{
    hx_json_yajl_t  *y = ctx;

    size = (size + 15) & ~(size_t) 15;

    if (size > HX_JSON_ARENA - y->used) {
        return NULL;
    }

    y->last = y->used;
    y->used += size;

    if (y->peak < y->used) {
        y->peak = y->used;
    }

    return y->arena + y->last;
}


static void
hx_json_arena_free(void *ctx, void *p)
{
    hx_json_yajl_t  *y = ctx;

    if (p == y->arena + y->last) {
        y->used = y->last;
    }
}


static void *
hx_json_arena_realloc(void *ctx, void *p, size_t size)
{
    void            *to;
    size_t           keep;
    hx_json_yajl_t  *y = ctx;

    if (p == NULL) {
        return hx_json_arena_alloc(y, size);
    }

    if (p == y->arena + y->last) {
        y->used = y->last;
        return hx_json_arena_alloc(y, size);
    }

    to = hx_json_arena_alloc(y, size);

    if (to != NULL) {
        /* The old size is not kept; what lies behind the old block is ours as
         * well, and yajl only ever grows one. */
        keep = (size_t) ((unsigned char *) to - (unsigned char *) p);
        memcpy(to, p, size < keep ? size : keep);
    }

    return to;
}


hx_json_verdict_t
hx_json_yajl_tell(const hx_json_yajl_t *y, hx_json_event_t ev, const void *p,
    size_t len)
{
    return y->event(y->data, ev, p, len, y->depth);
}


static int
hx_json_on_null(void *ctx)
{
    return hx_json_yajl_tell(ctx, HX_JSON_NULL, NULL, 0) != HX_JSON_STOP;
}


static int
hx_json_on_boolean(void *ctx, int value)
{
    hx_json_event_t  ev;

    ev = value ? HX_JSON_TRUE : HX_JSON_FALSE;

    return hx_json_yajl_tell(ctx, ev, NULL, 0) != HX_JSON_STOP;
}


static int
hx_json_on_number(void *ctx, const char *p, size_t len)
{
    return hx_json_yajl_tell(ctx, HX_JSON_NUMBER, p, len) != HX_JSON_STOP;
}


static int
hx_json_on_string(void *ctx, const unsigned char *p, size_t len)
{
    hx_json_yajl_t  *y = ctx;

    return y->hidden
           || hx_json_yajl_tell(y, HX_JSON_STRING, p, len) != HX_JSON_STOP;
}


static int
hx_json_on_key(void *ctx, const unsigned char *p, size_t len)
{
    return hx_json_yajl_tell(ctx, HX_JSON_KEY, p, len) != HX_JSON_STOP;
}


static int
hx_json_on_open(hx_json_yajl_t *y, hx_json_event_t ev)
{
    hx_json_verdict_t  v;

    v = hx_json_yajl_tell(y, ev, NULL, 0);
    y->depth++;

    return v != HX_JSON_STOP;
}


static int
hx_json_on_close(hx_json_yajl_t *y, hx_json_event_t ev)
{
    y->depth--;

    return hx_json_yajl_tell(y, ev, NULL, 0) != HX_JSON_STOP;
}


static int
hx_json_on_start_map(void *ctx)
{
    return hx_json_on_open(ctx, HX_JSON_MAP_START);
}


static int
hx_json_on_end_map(void *ctx)
{
    return hx_json_on_close(ctx, HX_JSON_MAP_END);
}


static int
hx_json_on_start_array(void *ctx)
{
    return hx_json_on_open(ctx, HX_JSON_ARRAY_START);
}


static int
hx_json_on_end_array(void *ctx)
{
    return hx_json_on_close(ctx, HX_JSON_ARRAY_END);
}


/* With yajl_number yajl never converts a number, so its range is no matter. */
static const yajl_callbacks  hx_json_callbacks = {
    hx_json_on_null,
    hx_json_on_boolean,
    NULL,
    NULL,
    hx_json_on_number,
    hx_json_on_string,
    hx_json_on_start_map,
    hx_json_on_key,
    hx_json_on_end_map,
    hx_json_on_start_array,
    hx_json_on_end_array
};


hx_json_err_t
hx_json_yajl_init(hx_json_yajl_t *y, hx_json_event_pt event, void *data)
{
    yajl_alloc_funcs  funcs;

    y->event = event;
    y->data = data;
    y->depth = 0;
    y->hidden = 0;
    y->used = 0;
    y->last = 0;
    y->peak = 0;

    funcs.malloc = hx_json_arena_alloc;
    funcs.realloc = hx_json_arena_realloc;
    funcs.free = hx_json_arena_free;
    funcs.ctx = y;

    /* All its options default to the strict side.  funcs is copied. */
    y->handle = yajl_alloc(&hx_json_callbacks, &funcs, y);

    return y->handle != NULL ? HX_JSON_OK : HX_JSON_E_NOMEM;
}


hx_json_err_t
hx_json_yajl_feed(hx_json_yajl_t *y, const unsigned char *p, size_t len)
{
    switch (yajl_parse(y->handle, p, len)) {

    case yajl_status_ok:
        return HX_JSON_OK;

    case yajl_status_client_canceled:
        return HX_JSON_E_STOPPED;

    default:
        return HX_JSON_E_SYNTAX;
    }
}


hx_json_err_t
hx_json_yajl_hidden(hx_json_yajl_t *y)
{
    hx_json_err_t  err;

    y->hidden = 1;
    err = hx_json_yajl_feed(y, (const unsigned char *) "\"\"", 2);
    y->hidden = 0;

    return err;
}


hx_json_err_t
hx_json_yajl_finish(hx_json_yajl_t *y)
{
    return yajl_complete_parse(y->handle) == yajl_status_ok
           ? HX_JSON_OK : HX_JSON_E_SYNTAX;
}


void
hx_json_yajl_done(hx_json_yajl_t *y)
{
    yajl_free(y->handle);
}
