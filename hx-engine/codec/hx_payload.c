/*
 * hx_payload.c -- what the bytes of a put are (see hx_payload.h).
 *
 * The rule of the contract, in its order.  Nothing is guessed once the client
 * has said something: a damaged .npy or a length that does not match is an
 * error, never opaque bytes.
 */

#include <string.h>

#include "hx_le.h"
#include "hx_limits.h"
#include "hx_payload.h"

#define HX_PAYLOAD_SAMPLES   4096


/* Little-endian float64: finite unless all exponent bits are set.  No branch
 * inside a block, so that the compiler can vectorise it. */
static int
hx_payload_finite(const unsigned char *p, size_t len)
{
    size_t          i, n;
    uint64_t        v, bad;

    const uint64_t  exponent = UINT64_C(0x7ff0000000000000);

    while (len != 0) {
        n = len < 4096 ? len : 4096;
        bad = 0;

        for (i = 0; i < n; i += 8) {
            memcpy(&v, p + i, 8);
            bad |= (uint64_t) ((v & exponent) == exponent);
        }

        if (bad) {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


static int
hx_payload_agrees(const hx_array_t *a, const hx_array_t *hint, unsigned has)
{
    if ((has & HX_PAYLOAD_HAS_DTYPE) && a->dtype != hint->dtype) {
        return 0;
    }

    if ((has & HX_PAYLOAD_HAS_SHAPE)
        && (a->ndim != hint->ndim
            || memcmp(a->dim, hint->dim, a->ndim * sizeof(a->dim[0])) != 0))
    {
        return 0;
    }

    return 1;
}


static hx_payload_err_t
hx_payload_npy(hx_payload_t *p, const unsigned char *data, size_t len,
    const hx_array_t *hint, unsigned has)
{
    hx_npy_t  npy;

    switch (hx_npy_parse(&npy, data, len)) {

    case HX_NPY_OK:
        break;

    case HX_NPY_E_DTYPE:
        p->descr = npy.descr;
        return HX_PAYLOAD_E_DTYPE;

    case HX_NPY_E_SHAPE:
        return HX_PAYLOAD_E_SHAPE;

    case HX_NPY_E_LENGTH:
        return HX_PAYLOAD_E_LENGTH;

    default:
        return HX_PAYLOAD_E_NPY;
    }

    if (npy.data_len == 0) {
        return HX_PAYLOAD_E_EMPTY;
    }

    if (!hx_payload_agrees(&npy.array, hint, has)) {
        return HX_PAYLOAD_E_CONFLICT;
    }

    p->form = HX_PAYLOAD_NPY;
    p->array = npy.array;
    p->data_off = npy.data_off;
    p->data_len = npy.data_len;

    return HX_PAYLOAD_OK;
}


static hx_payload_err_t
hx_payload_fields(hx_payload_t *p, size_t len, const hx_array_t *hint,
    unsigned has)
{
    uint64_t     bytes;
    hx_array_t  *a;

    a = &p->array;
    a->dtype = (has & HX_PAYLOAD_HAS_DTYPE) ? hint->dtype : HX_DTYPE_F8;

    if (hx_dtype_size(a->dtype) == 0 || a->dtype == HX_DTYPE_NONE) {
        return HX_PAYLOAD_E_DTYPE;
    }

    if (has & HX_PAYLOAD_HAS_SHAPE) {
        if (hint->ndim > HX_DIMS_MAX) {
            return HX_PAYLOAD_E_SHAPE;
        }

        a->ndim = hint->ndim;
        memcpy(a->dim, hint->dim, a->ndim * sizeof(a->dim[0]));

    } else {
        a->ndim = 1;
        a->dim[0] = len / hx_dtype_size(a->dtype);
    }

    if (hx_array_size(a, NULL, &bytes) != HX_OK) {
        return HX_PAYLOAD_E_SHAPE;
    }

    if (bytes != len) {
        return HX_PAYLOAD_E_LENGTH;
    }

    p->form = HX_PAYLOAD_FIELDS;
    p->data_len = len;

    return HX_PAYLOAD_OK;
}


hx_payload_err_t
hx_payload_decide(hx_payload_t *p, const unsigned char *data, size_t len,
    const hx_array_t *hint, unsigned has)
{
    memset(p, 0, sizeof(*p));

    if (len == 0) {
        return HX_PAYLOAD_E_EMPTY;
    }

    if (hx_npy_is(data, len)) {
        return hx_payload_npy(p, data, len, hint, has);
    }

    if (has != 0) {
        return hx_payload_fields(p, len, hint, has);
    }

    p->data_len = len;
    p->array.ndim = 1;

    if (len % 8 == 0 && hx_payload_finite(data, len)) {
        p->form = HX_PAYLOAD_VECTOR;
        p->array.dtype = HX_DTYPE_F8;
        p->array.dim[0] = len / 8;

    } else {
        p->form = HX_PAYLOAD_OPAQUE;
        p->array.dtype = HX_DTYPE_NONE;
        p->array.dim[0] = len;
    }

    return HX_PAYLOAD_OK;
}


/*
 * Are both halves float32 of about the same size?  The lower half of a float64
 * that is not short has any exponent, so that this is rare.
 */
static int
hx_payload_pair(const unsigned char *p)
{
    int       difference;
    uint32_t  low, high;

    low = hx_get_le32(p);
    high = hx_get_le32(p + 4);
    difference = (int) (low >> 23 & 0xff) - (int) (high >> 23 & 0xff);

    return low != 0 && difference > -12 && difference < 12;
}


int
hx_payload_plausible(const unsigned char *data, size_t len)
{
    double                most, v;
    size_t                i, n, step, long_ones, pairs;
    const unsigned char  *p;

    n = len / 8;
    step = n / HX_PAYLOAD_SAMPLES + 1;
    most = 0;
    long_ones = 0;
    pairs = 0;

    for (i = 0; i < n; i += step) {
        p = data + i * 8;
        memcpy(&v, p, sizeof(v));
        v = v < 0 ? -v : v;
        most = v > most ? v : most;
        long_ones += hx_get_le32(p) != 0;
        pairs += (size_t) hx_payload_pair(p);
    }

    if (most != 0 && (most < 1e-30 || most > 1e30)) {
        return 0;
    }

    return pairs == 0 || pairs * 2 < long_ones;
}


/* Client's bytes, made harmless and short. */
static void
hx_payload_echo(hx_buf_t *b, const hx_str_t *s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len && i < HX_DETAIL_ECHO_MAX / 2; i++) {
        c = s->data[i];
        hx_buf_byte(b, (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
                       ? '?' : c);
    }
}


void
hx_payload_detail(hx_buf_t *b, hx_payload_err_t e, const hx_payload_t *p,
    const char *member)
{
    switch (e) {

    case HX_PAYLOAD_E_EMPTY:
        hx_buf_lit(b, "Empty payload in '");
        break;

    case HX_PAYLOAD_E_NPY:
        hx_buf_lit(b, "Invalid .npy header in '");
        break;

    case HX_PAYLOAD_E_DTYPE:
        hx_buf_lit(b, "Unsupported dtype '");
        hx_payload_echo(b, &p->descr);
        hx_buf_lit(b, "' in '");
        break;

    case HX_PAYLOAD_E_SHAPE:
        hx_buf_lit(b, "Shape out of range in '");
        break;

    case HX_PAYLOAD_E_LENGTH:
        hx_buf_lit(b, "Length does not match dtype and shape in '");
        break;

    case HX_PAYLOAD_E_CONFLICT:
        hx_buf_lit(b, "Fields 'dtype' and 'shape' contradict the .npy header "
                      "in '");
        break;

    default:
        hx_buf_lit(b, "Valid payload in '");
        break;
    }

    hx_buf_add(b, member, strlen(member));
    hx_buf_byte(b, '\'');
}
