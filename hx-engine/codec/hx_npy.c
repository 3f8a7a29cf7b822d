/*
 * hx_npy.c -- NumPy's .npy headers (see hx_npy.h).
 *
 * Reading is a recursive-descent parser over the one dictionary form NumPy
 * writes, with Python's freedom of blanks and quotes only.  Every helper
 * answers 1 for "taken" and 0 for "not there"; the cursor never leaves the
 * header.  Writing follows numpy.lib.format byte by byte.
 */

#include <string.h>

#include "hx_buf.h"
#include "hx_npy.h"
#include "hx_text.h"

#define HX_NPY_PREFIX       10      /* magic, version, length; 12 from 2.0 */
#define HX_NPY_ALIGN        64      /* data begins at a multiple of this */
#define HX_NPY_GROWTH       21      /* room NumPy leaves for the dimension an
                                     * array grows along */

/* The file's keys; a bit each, all three exactly once. */
#define HX_NPY_DESCR        1u
#define HX_NPY_FORTRAN      2u
#define HX_NPY_SHAPE        4u
#define HX_NPY_ALL          7u

typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned              longs;    /* Python 2's 3L is allowed */
} hx_npy_cursor_t;

static const unsigned char  hx_npy_magic[HX_NPY_MAGIC_LEN] = {
    0x93, 'N', 'U', 'M', 'P', 'Y'
};


int
hx_npy_is(const unsigned char *p, size_t len)
{
    return len >= HX_NPY_MAGIC_LEN
           && memcmp(p, hx_npy_magic, HX_NPY_MAGIC_LEN) == 0;
}


static void
hx_npy_blank(hx_npy_cursor_t *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t'
                             || *c->p == '\r'))
    {
        c->p++;
    }
}


static int
hx_npy_char(hx_npy_cursor_t *c, unsigned char want)
{
    hx_npy_blank(c);

    if (c->p == c->end || *c->p != want) {
        return 0;
    }

    c->p++;

    return 1;
}


static int
hx_npy_word(hx_npy_cursor_t *c, const char *word)
{
    size_t  n;

    hx_npy_blank(c);
    n = strlen(word);

    if ((size_t) (c->end - c->p) < n || memcmp(c->p, word, n) != 0) {
        return 0;
    }

    c->p += n;

    return 1;
}


/* '...' or "..." without escapes: none of our words needs one. */
static int
hx_npy_quoted(hx_npy_cursor_t *c, hx_str_t *s)
{
    unsigned char         quote;
    const unsigned char  *q;

    hx_npy_blank(c);

    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) {
        return 0;
    }

    quote = *c->p;

    for (q = c->p + 1; q < c->end; q++) {

        if (*q == '\\' || *q == '\n' || *q == '\r') {
            return 0;
        }

        if (*q == quote) {
            s->data = c->p + 1;
            s->len = (size_t) (q - s->data);
            c->p = q + 1;
            return 1;
        }
    }

    return 0;
}


/* A list, as structured types have: taken as it is, to be named in an error. */
static int
hx_npy_list(hx_npy_cursor_t *c, hx_str_t *s)
{
    unsigned              open;
    hx_str_t              ignored;
    const unsigned char  *start;

    hx_npy_blank(c);
    start = c->p;
    open = 0;

    while (c->p < c->end) {

        if (*c->p == '\'' || *c->p == '"') {
            if (!hx_npy_quoted(c, &ignored)) {
                return 0;
            }

            continue;
        }

        if (*c->p == '[') {
            open++;

        } else if (open == 0) {
            return 0;

        } else if (*c->p == ']' && --open == 0) {
            c->p++;
            s->data = start;
            s->len = (size_t) (c->p - start);
            return 1;
        }

        c->p++;
    }

    return 0;
}


static hx_npy_err_t
hx_npy_dimension(hx_npy_cursor_t *c, hx_array_t *a)
{
    uint64_t              v;
    unsigned              digit;
    const unsigned char  *start;

    hx_npy_blank(c);
    start = c->p;
    v = 0;

    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        digit = *c->p++ - '0';

        if (v > ((uint64_t) INT64_MAX - digit) / 10) {
            return HX_NPY_E_SHAPE;
        }

        v = v * 10 + digit;
    }

    /* Python 3 refuses 007 as well. */
    if (c->p == start || (*start == '0' && c->p - start > 1)) {
        return HX_NPY_E_HEADER;
    }

    if (c->longs && c->p < c->end && *c->p == 'L') {
        c->p++;
    }

    if (a->ndim == HX_DIMS_MAX) {
        return HX_NPY_E_SHAPE;
    }

    a->dim[a->ndim++] = v;

    return HX_NPY_OK;
}


/* A tuple: () (3,) (3, 4) (3, 4,); a lone number in brackets is none. */
static hx_npy_err_t
hx_npy_shape(hx_npy_cursor_t *c, hx_array_t *a)
{
    unsigned      comma;
    hx_npy_err_t  err;

    a->ndim = 0;

    if (!hx_npy_char(c, '(')) {
        return HX_NPY_E_HEADER;
    }

    comma = 1;

    while (!hx_npy_char(c, ')')) {

        if (!comma) {
            return HX_NPY_E_HEADER;
        }

        err = hx_npy_dimension(c, a);

        if (err != HX_NPY_OK) {
            return err;
        }

        comma = (unsigned) hx_npy_char(c, ',');
    }

    return (a->ndim == 1 && !comma) ? HX_NPY_E_HEADER : HX_NPY_OK;
}


static int
hx_npy_key_is(const hx_str_t *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->data, name, key->len) == 0;
}


/* One "key: value"; seen: the keys before it, and it afterwards. */
static hx_npy_err_t
hx_npy_item(hx_npy_cursor_t *c, hx_npy_t *n, unsigned *seen)
{
    int       ok;
    hx_str_t  key;
    unsigned  bit;

    if (!hx_npy_quoted(c, &key) || !hx_npy_char(c, ':')) {
        return HX_NPY_E_HEADER;
    }

    bit = hx_npy_key_is(&key, "descr") ? HX_NPY_DESCR
          : hx_npy_key_is(&key, "fortran_order") ? HX_NPY_FORTRAN
          : hx_npy_key_is(&key, "shape") ? HX_NPY_SHAPE : 0;

    if (bit == 0 || (*seen & bit)) {
        return HX_NPY_E_HEADER;
    }

    *seen |= bit;

    if (bit == HX_NPY_SHAPE) {
        return hx_npy_shape(c, &n->array);
    }

    if (bit == HX_NPY_DESCR) {
        ok = hx_npy_quoted(c, &n->descr) || hx_npy_list(c, &n->descr);

    } else {
        n->array.fortran = (unsigned) hx_npy_word(c, "True");
        ok = n->array.fortran || hx_npy_word(c, "False");
    }

    return ok ? HX_NPY_OK : HX_NPY_E_HEADER;
}


static hx_npy_err_t
hx_npy_dictionary(hx_npy_cursor_t *c, hx_npy_t *n)
{
    unsigned      comma, seen;
    hx_npy_err_t  err;

    if (!hx_npy_char(c, '{')) {
        return HX_NPY_E_HEADER;
    }

    seen = 0;
    comma = 1;

    while (!hx_npy_char(c, '}')) {

        if (!comma) {
            return HX_NPY_E_HEADER;
        }

        err = hx_npy_item(c, n, &seen);

        if (err != HX_NPY_OK) {
            return err;
        }

        comma = (unsigned) hx_npy_char(c, ',');
    }

    hx_npy_blank(c);

    return (seen == HX_NPY_ALL && c->p == c->end) ? HX_NPY_OK
                                                  : HX_NPY_E_HEADER;
}


hx_npy_err_t
hx_npy_parse(hx_npy_t *n, const unsigned char *p, size_t len)
{
    size_t           prefix, header;
    uint64_t         bytes;
    hx_npy_err_t     err;
    hx_npy_cursor_t  c;

    if (!hx_npy_is(p, len)) {
        return HX_NPY_NOT;
    }

    if (len < 8) {
        return HX_NPY_E_HEADER;
    }

    if (p[6] < 1 || p[6] > 3 || p[7] != 0) {
        return HX_NPY_E_VERSION;
    }

    prefix = (p[6] == 1) ? HX_NPY_PREFIX : HX_NPY_PREFIX + 2;

    if (len < prefix) {
        return HX_NPY_E_HEADER;
    }

    header = (size_t) p[8] | (size_t) p[9] << 8;

    if (p[6] != 1) {
        header |= (size_t) p[10] << 16 | (size_t) p[11] << 24;
    }

    if (header > HX_NPY_PARSE_MAX - prefix || header > len - prefix) {
        return HX_NPY_E_HEADER;
    }

    memset(n, 0, sizeof(*n));
    n->data_off = prefix + header;
    n->data_len = len - n->data_off;

    c.p = p + prefix;
    c.end = c.p + header;
    c.longs = (p[6] < 3);

    err = hx_npy_dictionary(&c, n);

    if (err != HX_NPY_OK) {
        return err;
    }

    if (hx_dtype_parse(n->descr.data, n->descr.len, &n->array.dtype)
        != HX_OK)
    {
        return HX_NPY_E_DTYPE;
    }

    if (hx_array_size(&n->array, NULL, &bytes) != HX_OK) {
        return HX_NPY_E_SHAPE;
    }

    return bytes == n->data_len ? HX_NPY_OK : HX_NPY_E_LENGTH;
}


/* Python's repr() of the tuple. */
static void
hx_npy_tuple(hx_buf_t *b, const hx_array_t *a)
{
    unsigned  i;

    hx_buf_byte(b, '(');

    for (i = 0; i < a->ndim; i++) {
        if (i != 0) {
            hx_buf_lit(b, ", ");
        }

        hx_text_u64(b, a->dim[i]);
    }

    if (a->ndim == 1) {
        hx_buf_byte(b, ',');
    }

    hx_buf_byte(b, ')');
}


static void
hx_npy_blanks(hx_buf_t *b, size_t n)
{
    while (n-- > 0) {
        hx_buf_byte(b, ' ');
    }
}


/* Decimal digits of v. */
static size_t
hx_npy_digits(uint64_t v)
{
    size_t  n;

    for (n = 1; v > 9; n++) {
        v /= 10;
    }

    return n;
}


size_t
hx_npy_emit(const hx_array_t *a, unsigned char *out, size_t cap)
{
    size_t       n;
    uint64_t     grows;
    hx_buf_t     b;
    const char  *descr;

    descr = hx_dtype_descr(a->dtype);

    if (*descr == '\0' || hx_array_size(a, NULL, NULL) != HX_OK) {
        return 0;
    }

    hx_buf_init(&b, out, cap < HX_NPY_EMIT_MAX ? cap : HX_NPY_EMIT_MAX);
    hx_buf_add(&b, hx_npy_magic, HX_NPY_MAGIC_LEN);
    hx_buf_add(&b, "\1\0\0\0", 4);

    hx_buf_lit(&b, "{'descr': '");
    hx_buf_add(&b, descr, strlen(descr));
    hx_buf_lit(&b, "', 'fortran_order': ");
    hx_buf_add(&b, a->fortran ? "True" : "False", a->fortran ? 4 : 5);
    hx_buf_lit(&b, ", 'shape': ");
    hx_npy_tuple(&b, a);
    hx_buf_lit(&b, ", }");

    if (a->ndim != 0) {
        grows = a->dim[a->fortran ? a->ndim - 1 : 0];
        hx_npy_blanks(&b, HX_NPY_GROWTH - hx_npy_digits(grows));
    }

    /* The line end belongs to the padded part; a header that is aligned
     * already gets a whole block of blanks more: so does NumPy's. */
    n = hx_buf_len(&b) + 1;
    hx_npy_blanks(&b, HX_NPY_ALIGN - n % HX_NPY_ALIGN);
    hx_buf_byte(&b, '\n');

    if (!hx_buf_ok(&b)) {
        return 0;
    }

    n = hx_buf_len(&b) - HX_NPY_PREFIX;
    out[8] = (unsigned char) n;
    out[9] = (unsigned char) (n >> 8);

    return hx_buf_len(&b);
}
