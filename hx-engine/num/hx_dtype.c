/*
 * hx_dtype.c -- element types and shapes (see hx_dtype.h).
 *
 * One table holds all there is to know about a type; everything else looks
 * there.  No failure but "not one of ours" and "too large".
 */

#include <string.h>

#include "hx_dtype.h"

typedef struct {
    const char  *name;
    const char  *descr;     /* order, kind and size; the order is one char */
    size_t       size;
} hx_dtype_info_t;

static const hx_dtype_info_t  hx_dtypes[HX_DTYPE_COUNT] = {
    [HX_DTYPE_NONE] = { "", "", 1 },
    [HX_DTYPE_F4] = { "float32", "<f4", 4 },
    [HX_DTYPE_F8] = { "float64", "<f8", 8 },
    [HX_DTYPE_I1] = { "int8", "|i1", 1 },
    [HX_DTYPE_I2] = { "int16", "<i2", 2 },
    [HX_DTYPE_I4] = { "int32", "<i4", 4 },
    [HX_DTYPE_I8] = { "int64", "<i8", 8 },
    [HX_DTYPE_U1] = { "uint8", "|u1", 1 },
    [HX_DTYPE_U2] = { "uint16", "<u2", 2 },
    [HX_DTYPE_U4] = { "uint32", "<u4", 4 },
    [HX_DTYPE_U8] = { "uint64", "<u8", 8 }
};


static int
hx_dtype_known(hx_dtype_t t)
{
    return (unsigned) t < HX_DTYPE_COUNT;
}


size_t
hx_dtype_size(hx_dtype_t t)
{
    return hx_dtype_known(t) ? hx_dtypes[t].size : 0;
}


int
hx_dtype_whole(hx_dtype_t t)
{
    return t >= HX_DTYPE_I1 && t < HX_DTYPE_COUNT;
}


const char *
hx_dtype_name(hx_dtype_t t)
{
    return hx_dtype_known(t) ? hx_dtypes[t].name : "";
}


const char *
hx_dtype_descr(hx_dtype_t t)
{
    return hx_dtype_known(t) ? hx_dtypes[t].descr : "";
}


static int
hx_dtype_is(const unsigned char *s, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(s, word, len) == 0;
}


/* s without a byte order that suits the type: "f8" for "<f8". */
static int
hx_dtype_matches(const hx_dtype_info_t *d, const unsigned char *s, size_t len)
{
    if (hx_dtype_is(s, len, d->name)) {
        return 1;
    }

    if (len == 3
        && (s[0] == '<' || (d->size == 1 && (s[0] == '|' || s[0] == '>'))))
    {
        s++;
        len--;
    }

    return hx_dtype_is(s, len, d->descr + 1);
}


hx_rc_t
hx_dtype_parse(const unsigned char *s, size_t len, hx_dtype_t *t)
{
    unsigned  i;

    for (i = HX_DTYPE_NONE + 1; i < HX_DTYPE_COUNT; i++) {

        if (hx_dtype_matches(&hx_dtypes[i], s, len)) {
            *t = (hx_dtype_t) i;
            return HX_OK;
        }
    }

    return HX_NO;
}


hx_rc_t
hx_array_size(const hx_array_t *a, uint64_t *elements, uint64_t *bytes)
{
    size_t    size;
    uint64_t  n, product;
    unsigned  i, empty;

    size = hx_dtype_size(a->dtype);

    if (size == 0 || a->ndim > HX_DIMS_MAX) {
        return HX_NO;
    }

    product = 1;
    empty = 0;

    /* An empty array may still not have absurd other dimensions: NumPy checks
     * the product of the non-zero ones as well. */
    for (i = 0; i < a->ndim; i++) {
        n = a->dim[i];

        if (n == 0) {
            empty = 1;
            continue;
        }

        if (n > (uint64_t) INT64_MAX / size / product) {
            return HX_NO;
        }

        product *= n;
    }

    if (empty) {
        product = 0;
    }

    if (elements != NULL) {
        *elements = product;
    }

    if (bytes != NULL) {
        *bytes = product * size;
    }

    return HX_OK;
}
