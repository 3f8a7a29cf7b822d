/*
 * hx_test_reply.h -- replies of Redis that no server has sent.
 */

#ifndef HX_TEST_REPLY_H
#define HX_TEST_REPLY_H

#include "hx_test.h"

#include "hx_fleet_script.h"


/* A string, or an error or status with a text; text is not copied. */

static inline hx_reply_t
said(hx_reply_type_t type, const char *text)
{
    hx_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.type = type;
    r.text = test_str(text);

    return r;
}


static inline hx_reply_t
said_text(const char *text)
{
    return said(HX_REPLY_STRING, text);
}


static inline hx_reply_t
said_number(int64_t v)
{
    hx_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.type = HX_REPLY_INTEGER;
    r.integer = v;

    return r;
}


static inline hx_reply_t
said_array(const hx_reply_t *element, size_t n)
{
    hx_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.type = HX_REPLY_ARRAY;
    r.element = element;
    r.n = n;

    return r;
}


#endif
