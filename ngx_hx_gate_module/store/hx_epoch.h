/*
 * hx_epoch.h -- where a registry in Redis stands: "<number>-<token>".  The
 * number counts its changes; the token, 16 lower-case hex digits, is another
 * one for each change, so that a Redis that lost its last changes and went on
 * is not taken for the one that was.  Pure.
 */

#ifndef HX_EPOCH_H
#define HX_EPOCH_H

#include "hx_types.h"

#define HX_EPOCH_TOKEN    16                    /* characters */
#define HX_EPOCH_MAX      33                    /* bytes of the text */
#define HX_EPOCH_LAST     UINT64_C(9007199254740991)    /* exact in Lua */
#define HX_EPOCH_ZERO     "0-0000000000000000"  /* nothing was ever written */

typedef struct {
    uint64_t        number;
    unsigned char   token[HX_EPOCH_TOKEN];
} hx_epoch_t;

/* HX_OK, or HX_NO: these bytes are no epoch. */
hx_rc_t hx_epoch_parse(hx_epoch_t *e, const hx_str_t *text);

/* Is the token one? */
int hx_epoch_valid(const hx_epoch_t *e);

/* Its text, not NUL-terminated; the length. */
size_t hx_epoch_text(const hx_epoch_t *e, unsigned char text[HX_EPOCH_MAX]);

/* HX_EPOCH_ZERO. */
void hx_epoch_zero(hx_epoch_t *e);

/* Number and token are the same? */
int hx_epoch_same(const hx_epoch_t *a, const hx_epoch_t *b);

#endif /* HX_EPOCH_H */
