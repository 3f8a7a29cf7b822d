/*
 * hx_json_unique.h -- is a member named twice in an object of compact JSON
 * text?  Readers disagree about what such an object means, so it is refused
 * where it comes in (hx_api_meta.c).
 */

#ifndef HX_JSON_UNIQUE_H
#define HX_JSON_UNIQUE_H

#include "hx_buf.h"

/*
 * text: an object as hx_api_meta.c writes it, so that equal names are written
 * alike.  HX_OK: no name is twice in one object.  HX_NO: one is; *path gets
 * the names that lead to it, as written, joined by dots, cut to the room there
 * is.  HX_FAIL: out of memory (only objects of more than 16 members need any:
 * 16 bytes a member).  Time: n log n in the members of one object, times the
 * depth.
 */
hx_rc_t hx_json_unique(const unsigned char *text, size_t len, hx_buf_t *path);

#endif /* HX_JSON_UNIQUE_H */
