/*
 * fuzz_writeset.c -- store/hx_writeset.h: any bytes, as they are and behind a
 * checksum that fits.  What is read is written again as the same bytes.
 */

#include "hx_crypto.h"
#include "hx_fuzz.h"
#include "hx_le.h"
#include "hx_writeset.h"


static void
walk(const hx_str_t *bytes)
{
    hx_write_t            w;
    hx_writeset_t         ws;
    hx_writeset_reader_t  r;

    if (hx_writeset_open(&r, bytes) != HX_OK) {
        hx_fuzz_check(!hx_writeset_next(&r, &w));
        return;
    }

    memset(&ws, 0, sizeof(ws));

    while (hx_writeset_next(&r, &w)) {
        if (w.op == HX_WRITESET_PUT) {
            hx_writeset_put(&ws, w.db, &w.key, &w.value);

        } else {
            hx_writeset_delete(&ws, w.db, &w.key);
        }
    }

    hx_fuzz_check(hx_writeset_finish(&ws) == HX_OK);
    hx_fuzz_check(ws.len == bytes->len
                  && memcmp(ws.data, bytes->data, ws.len) == 0);
    hx_writeset_free(&ws);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t   *p;
    hx_str_t   bytes;

    p = malloc(len + 4);
    hx_fuzz_check(p != NULL);

    if (len != 0) {
        memcpy(p, data, len);
    }

    bytes.data = p;
    bytes.len = len;
    walk(&bytes);

    hx_put_le32(p + len, hx_crc32(0, p, len));
    bytes.len = len + 4;
    walk(&bytes);

    free(p);

    return 0;
}
