/*
 * hx_check.h -- which names are valid (contract, section 5).  Pure; 1 = valid.
 */

#ifndef HX_CHECK_H
#define HX_CHECK_H

#include "hx_types.h"

/* 1..255 of [A-Za-z0-9_-] */
int hx_check_namespace(const unsigned char *s, size_t len);

/* 1..255 of [A-Za-z0-9._:/@+=~-] */
int hx_check_key(const unsigned char *s, size_t len);

/*
 * A key that can stand in a path as well: as above, and no part between
 * slashes is empty, "." or "..", which hx_path_parse refuses.
 */
int hx_check_key_path(const unsigned char *s, size_t len);

/* 1..64 of [A-Za-z0-9_-] */
int hx_check_tenant(const unsigned char *s, size_t len);

/* 1..128 of [A-Za-z0-9._-] */
int hx_check_request_id(const unsigned char *s, size_t len);

/* something@something, 3..254 printable ASCII bytes without blanks */
int hx_check_email(const unsigned char *s, size_t len);

/* min..max printable ASCII characters, no blank (0x21..0x7e) */
int hx_check_printable(const unsigned char *s, size_t len, size_t min,
    size_t max);

#endif /* HX_CHECK_H */
