/*
 * hx_check.c -- character classes of the names that clients choose.  One
 * table, one bit a class; used by gate and engine, so that both call the same
 * names valid.
 */

#include <string.h>

#include "hx_check.h"
#include "hx_limits.h"


#define C_NAME   0x01     /* namespace, tenant: [A-Za-z0-9_-] */
#define C_KEY    0x02     /* key:               [A-Za-z0-9._:/@+=~-] */
#define C_REQID  0x04     /* request id:        [A-Za-z0-9._-] */
#define C_PRINT  0x08     /* 0x21..0x7e */

#define C_ALL    (C_NAME|C_KEY|C_REQID|C_PRINT)


static const unsigned char  hx_class[256] = {
    ['!' ... '*'] = C_PRINT,
    ['+'] = C_KEY|C_PRINT,
    [','] = C_PRINT,
    ['-'] = C_ALL,
    ['.'] = C_KEY|C_REQID|C_PRINT,
    ['/'] = C_KEY|C_PRINT,
    ['0' ... '9'] = C_ALL,
    [':'] = C_KEY|C_PRINT,
    [';'] = C_PRINT,
    ['<'] = C_PRINT,
    ['='] = C_KEY|C_PRINT,
    ['>'] = C_PRINT,
    ['?'] = C_PRINT,
    ['@'] = C_KEY|C_PRINT,
    ['A' ... 'Z'] = C_ALL,
    ['[' ... '^'] = C_PRINT,
    ['_'] = C_ALL,
    ['`'] = C_PRINT,
    ['a' ... 'z'] = C_ALL,
    ['{' ... '}'] = C_PRINT,
    ['~'] = C_KEY|C_PRINT,
};


static int
hx_check_class(const unsigned char *s, size_t len, size_t min, size_t max,
    unsigned char class)
{
    size_t         i;
    unsigned char  all;

    if (len < min || len > max) {
        return 0;
    }

    all = class;

    for (i = 0; i < len; i++) {
        all &= hx_class[s[i]];
    }

    return all != 0;
}


int
hx_check_namespace(const unsigned char *s, size_t len)
{
    return hx_check_class(s, len, 1, HX_NAMESPACE_MAX, C_NAME);
}


int
hx_check_key(const unsigned char *s, size_t len)
{
    return hx_check_class(s, len, 1, HX_KEY_MAX, C_KEY);
}


int
hx_check_key_path(const unsigned char *s, size_t len)
{
    size_t                n;
    const unsigned char  *end, *slash;

    if (!hx_check_key(s, len)) {
        return 0;
    }

    for (end = s + len; /* void */ ; s = slash + 1) {
        slash = memchr(s, '/', (size_t) (end - s));
        n = (size_t) ((slash != NULL ? slash : end) - s);

        if (n == 0 || (n <= 2 && s[0] == '.' && s[n - 1] == '.')) {
            return 0;
        }

        if (slash == NULL) {
            return 1;
        }
    }
}


int
hx_check_tenant(const unsigned char *s, size_t len)
{
    return hx_check_class(s, len, 1, HX_TENANT_MAX, C_NAME);
}


int
hx_check_request_id(const unsigned char *s, size_t len)
{
    return hx_check_class(s, len, 1, HX_REQUEST_ID_MAX, C_REQID);
}


int
hx_check_printable(const unsigned char *s, size_t len, size_t min, size_t max)
{
    return hx_check_class(s, len, min, max, C_PRINT);
}


int
hx_check_email(const unsigned char *s, size_t len)
{
    size_t    i, at;
    unsigned  n;

    if (!hx_check_class(s, len, 3, HX_EMAIL_MAX, C_PRINT)) {
        return 0;
    }

    n = 0;
    at = 0;

    for (i = 0; i < len; i++) {
        if (s[i] == '@') {
            at = i;
            n++;
        }
    }

    return n == 1 && at > 0 && at < len - 1;
}
