/*
 * hx_errors.c -- status and word of every client-visible error; see the
 * header.  A table, nothing else.
 */

#include "hx_errors.h"


typedef struct {
    unsigned     status;
    const char  *word;
} hx_error_row_t;


static const hx_error_row_t  hx_error_rows[HX_E_COUNT] = {
    { 0, "" },
#define X(name, status, word)  { status, word },
    HX_ERRORS(X)
#undef X
};


unsigned
hx_error_status(hx_error_t e)
{
    return (unsigned) e < HX_E_COUNT ? hx_error_rows[e].status : 500;
}


const char *
hx_error_word(hx_error_t e)
{
    return (unsigned) e < HX_E_COUNT ? hx_error_rows[e].word : "internal";
}


hx_error_t
hx_error_of_status(unsigned status)
{
    unsigned  i;

    for (i = 1; i < HX_E_COUNT; i++) {
        if (hx_error_rows[i].status == status) {
            return (hx_error_t) i;
        }
    }

    return status >= 500 ? HX_E_INTERNAL : HX_E_INVALID_REQUEST;
}
