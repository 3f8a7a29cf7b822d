/*
 * hx_writeset.c -- see the header.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_writeset.h"


#define HX_WRITESET_HEAD   1            /* bytes: the version */
#define HX_WRITESET_CRC    4
#define HX_WRITESET_WRITE  4            /* db, op, key length */
#define HX_WRITESET_VALUE  4            /* value length */


void
hx_writeset_reset(hx_writeset_t *ws)
{
    ws->len = 0;
    ws->n = 0;
    ws->failed = 0;
    ws->finished = 0;
}


void
hx_writeset_free(hx_writeset_t *ws)
{
    free(ws->data);
    memset(ws, 0, sizeof(hx_writeset_t));
}


/* Room for n bytes more, and for the checksum: 1, or 0. */

static int
hx_writeset_room(hx_writeset_t *ws, size_t n)
{
    size_t          cap;
    unsigned char  *data;

    n += ws->len + HX_WRITESET_CRC;

    if (n > HX_WRITESET_MAX) {
        return 0;
    }

    if (n <= ws->cap) {
        return 1;
    }

    cap = ws->cap != 0 ? ws->cap : 512;

    while (cap < n) {
        cap *= 2;
    }

    data = realloc(ws->data, cap);
    if (data == NULL) {
        return 0;
    }

    ws->data = data;
    ws->cap = cap;

    return 1;
}


static void
hx_writeset_add(hx_writeset_t *ws, unsigned db, unsigned op,
    const hx_str_t *key, const hx_str_t *value)
{
    size_t          n;
    unsigned char  *p;

    if (ws->failed || ws->finished || db >= HX_WRITESET_DBS || key->len == 0
        || key->len > HX_WRITESET_KEY
        || (value != NULL && value->len > HX_WRITESET_MAX))
    {
        ws->failed = 1;
        return;
    }

    n = HX_WRITESET_WRITE + key->len;

    if (value != NULL) {
        n += HX_WRITESET_VALUE + value->len;
    }

    if (!hx_writeset_room(ws, (ws->len == 0 ? HX_WRITESET_HEAD : 0) + n)) {
        ws->failed = 1;
        return;
    }

    if (ws->len == 0) {
        ws->data[ws->len++] = HX_WRITESET_VERSION;
    }

    p = ws->data + ws->len;

    *p++ = (unsigned char) db;
    *p++ = (unsigned char) op;
    *p++ = (unsigned char) key->len;
    *p++ = (unsigned char) (key->len >> 8);
    memcpy(p, key->data, key->len);
    p += key->len;

    if (value != NULL) {
        hx_put_le32(p, (uint32_t) value->len);

        if (value->len != 0) {
            memcpy(p + HX_WRITESET_VALUE, value->data, value->len);
        }
    }

    ws->len += n;
    ws->n++;
}


void
hx_writeset_put(hx_writeset_t *ws, unsigned db, const hx_str_t *key,
    const hx_str_t *value)
{
    hx_writeset_add(ws, db, HX_WRITESET_PUT, key, value);
}


void
hx_writeset_delete(hx_writeset_t *ws, unsigned db, const hx_str_t *key)
{
    hx_writeset_add(ws, db, HX_WRITESET_DELETE, key, NULL);
}


int
hx_writeset_fits(const hx_writeset_t *ws, size_t key, size_t value)
{
    return !ws->failed && key <= HX_WRITESET_KEY && value <= HX_WRITESET_MAX
           && (ws->len == 0 ? HX_WRITESET_HEAD : ws->len) + HX_WRITESET_WRITE
              + key + HX_WRITESET_VALUE + value + HX_WRITESET_CRC
              <= HX_WRITESET_MAX;
}


hx_rc_t
hx_writeset_finish(hx_writeset_t *ws)
{
    if (ws->failed) {
        return HX_FAIL;
    }

    if (ws->len != 0 && !ws->finished) {
        /* there is room: each write has left it */
        hx_put_le32(ws->data + ws->len, hx_crc32(0, ws->data, ws->len));
        ws->len += HX_WRITESET_CRC;
    }

    ws->finished = 1;

    return HX_OK;
}


/* 1 and the next write, 0 at the end, -1: it is none. */

static int
hx_writeset_read(hx_writeset_reader_t *r, hx_write_t *w)
{
    size_t                left;
    const unsigned char  *p;

    left = (size_t) (r->end - r->p);
    p = r->p;

    if (left == 0) {
        return 0;
    }

    if (left < HX_WRITESET_WRITE) {
        return -1;
    }

    w->db = p[0];
    w->op = p[1];
    w->key.len = hx_get_le16(p + 2);
    w->key.data = p + HX_WRITESET_WRITE;
    w->value.len = 0;
    w->value.data = NULL;

    left -= HX_WRITESET_WRITE;

    if (w->db >= HX_WRITESET_DBS
        || (w->op != HX_WRITESET_PUT && w->op != HX_WRITESET_DELETE)
        || w->key.len == 0 || w->key.len > HX_WRITESET_KEY
        || w->key.len > left)
    {
        return -1;
    }

    p = w->key.data + w->key.len;
    left -= w->key.len;

    if (w->op == HX_WRITESET_PUT) {
        if (left < HX_WRITESET_VALUE
            || hx_get_le32(p) > left - HX_WRITESET_VALUE)
        {
            return -1;
        }

        w->value.len = hx_get_le32(p);
        w->value.data = p + HX_WRITESET_VALUE;
        p = w->value.data + w->value.len;
    }

    r->p = p;

    return 1;
}


hx_rc_t
hx_writeset_open(hx_writeset_reader_t *r, const hx_str_t *bytes)
{
    int         rc;
    size_t      n;
    hx_write_t  w;

    r->p = bytes->data;
    r->end = bytes->data;

    if (bytes->len > HX_WRITESET_MAX
        || bytes->len < HX_WRITESET_HEAD + HX_WRITESET_WRITE + HX_WRITESET_CRC
        || bytes->data[0] != HX_WRITESET_VERSION)
    {
        return HX_NO;
    }

    n = bytes->len - HX_WRITESET_CRC;

    if (hx_get_le32(bytes->data + n) != hx_crc32(0, bytes->data, n)) {
        return HX_NO;
    }

    r->p = bytes->data + HX_WRITESET_HEAD;
    r->end = bytes->data + n;

    do {
        rc = hx_writeset_read(r, &w);
    } while (rc == 1);

    r->p = rc == 0 ? bytes->data + HX_WRITESET_HEAD : r->end;

    return rc == 0 ? HX_OK : HX_NO;
}


int
hx_writeset_next(hx_writeset_reader_t *r, hx_write_t *w)
{
    return hx_writeset_read(r, w) == 1;
}
