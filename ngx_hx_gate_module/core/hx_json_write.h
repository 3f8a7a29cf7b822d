/*
 * hx_json_write.h -- JSON text into a hx_buf_t.  Pure.
 *
 * Strings are escaped as RFC 8259 asks: '"', '\\' and everything below 0x20
 * (short forms where there are some, else \u00xx); DEL as \u007f; valid UTF-8
 * passes; every byte that is not part of valid UTF-8 becomes \ufffd.
 */

#ifndef HX_JSON_WRITE_H
#define HX_JSON_WRITE_H

#include "hx_buf.h"

/* Escaped text without the quotes. */
void hx_json_escape(hx_buf_t *b, const unsigned char *s, size_t len);

/* "..." with the quotes. */
void hx_json_string(hx_buf_t *b, const unsigned char *s, size_t len);

/* Worst case of hx_json_string for len input bytes. */
#define hx_json_string_max(len)   ((len) * 6 + 2)

#endif /* HX_JSON_WRITE_H */
