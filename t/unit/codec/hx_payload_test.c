/*
 * hx_payload_test.c -- the rule that decides what the bytes of a put are, and
 * the sentences for what they are not.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "hx_payload.h"


/* An .npy file of 16 data bytes with the given items; its length. */
static size_t
test_npy(unsigned char *out, const char *dict)
{
    size_t  len;

    len = strlen(dict);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char) len;
    out[9] = 0;
    memcpy(out + 10, dict, len);
    memset(out + 10 + len, 0xff, 16);

    return 10 + len + 16;
}


static hx_array_t
test_hint(hx_dtype_t dtype, unsigned ndim, uint64_t d0, uint64_t d1)
{
    hx_array_t  a;

    memset(&a, 0, sizeof(a));
    a.dtype = dtype;
    a.ndim = ndim;
    a.dim[0] = d0;
    a.dim[1] = d1;

    return a;
}


static void
npy_wins(void **state)
{
    size_t         len;
    hx_array_t     hint;
    hx_payload_t   p;
    unsigned char  file[256];

    len = test_npy(file, "{'descr': '<f4', 'fortran_order': True, "
                         "'shape': (2, 2)}");
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_OK);
    assert_int_equal(p.form, HX_PAYLOAD_NPY);
    assert_int_equal(p.array.dtype, HX_DTYPE_F4);
    assert_int_equal(p.array.fortran, 1);
    assert_int_equal(p.array.ndim, 2);
    assert_int_equal(p.data_len, 16);
    assert_int_equal(p.data_off, len - 16);

    /* Fields may repeat the header, not contradict it. */
    hint = test_hint(HX_DTYPE_F4, 2, 2, 2);
    assert_int_equal(hx_payload_decide(&p, file, len, &hint, 3),
                     HX_PAYLOAD_OK);
    hint = test_hint(HX_DTYPE_F4, 1, 4, 0);
    assert_int_equal(hx_payload_decide(&p, file, len, &hint,
                                       HX_PAYLOAD_HAS_DTYPE), HX_PAYLOAD_OK);
    assert_int_equal(hx_payload_decide(&p, file, len, &hint, 3),
                     HX_PAYLOAD_E_CONFLICT);
    hint = test_hint(HX_DTYPE_I4, 2, 2, 2);
    assert_int_equal(hx_payload_decide(&p, file, len, &hint, 3),
                     HX_PAYLOAD_E_CONFLICT);
    hint = test_hint(HX_DTYPE_F4, 2, 4, 1);
    assert_int_equal(hx_payload_decide(&p, file, len, &hint, 3),
                     HX_PAYLOAD_E_CONFLICT);
}


static void
npy_errors_are_errors(void **state)
{
    size_t         len;
    hx_payload_t   p;
    unsigned char  file[256];

    len = test_npy(file, "{'descr': '>f8', 'fortran_order': False, "
                         "'shape': (2,)}");
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_E_DTYPE);
    assert_int_equal(p.descr.len, 3);
    assert_memory_equal(p.descr.data, ">f8", 3);

    len = test_npy(file, "{'descr': '<f8', 'fortran_order': False, "
                         "'shape': (3,)}");
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_E_LENGTH);

    len = test_npy(file, "{'descr': '<f8', 'fortran_order': False, "
                         "'shape': (9223372036854775807,)}");
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_E_SHAPE);

    len = test_npy(file, "{'descr': '<f8', 'fortran_order': False, "
                         "'shape': (0,)}");
    assert_int_equal(hx_payload_decide(&p, file, len - 16, NULL, 0),
                     HX_PAYLOAD_E_EMPTY);

    len = test_npy(file, "{'descr': '<f8'}");
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_E_NPY);
    file[6] = 9;
    assert_int_equal(hx_payload_decide(&p, file, len, NULL, 0),
                     HX_PAYLOAD_E_NPY);
    assert_int_equal(hx_payload_decide(&p, file, 6, NULL, 0),
                     HX_PAYLOAD_E_NPY);
}


static void
fields(void **state)
{
    hx_array_t     hint;
    hx_payload_t   p;
    unsigned char  data[24];

    memset(data, 0xff, sizeof(data));

    hint = test_hint(HX_DTYPE_I2, 2, 3, 4);
    assert_int_equal(hx_payload_decide(&p, data, 24, &hint, 3),
                     HX_PAYLOAD_OK);
    assert_int_equal(p.form, HX_PAYLOAD_FIELDS);
    assert_int_equal(p.array.ndim, 2);
    assert_int_equal(p.array.dim[1], 4);
    assert_int_equal(p.data_off, 0);
    assert_int_equal(p.data_len, 24);
    assert_int_equal(hx_payload_decide(&p, data, 23, &hint, 3),
                     HX_PAYLOAD_E_LENGTH);

    /* A dtype alone: one dimension; a shape alone: float64. */
    assert_int_equal(hx_payload_decide(&p, data, 10, &hint,
                                       HX_PAYLOAD_HAS_DTYPE), HX_PAYLOAD_OK);
    assert_int_equal(p.array.ndim, 1);
    assert_int_equal(p.array.dim[0], 5);
    assert_int_equal(hx_payload_decide(&p, data, 9, &hint,
                                       HX_PAYLOAD_HAS_DTYPE),
                     HX_PAYLOAD_E_LENGTH);

    hint = test_hint(HX_DTYPE_NONE, 1, 3, 0);
    assert_int_equal(hx_payload_decide(&p, data, 24, &hint,
                                       HX_PAYLOAD_HAS_SHAPE), HX_PAYLOAD_OK);
    assert_int_equal(p.array.dtype, HX_DTYPE_F8);
    assert_int_equal(hx_payload_decide(&p, data, 24, &hint, 3),
                     HX_PAYLOAD_E_DTYPE);

    hint = test_hint(HX_DTYPE_F8, 0, 0, 0);
    assert_int_equal(hx_payload_decide(&p, data, 8, &hint, 3), HX_PAYLOAD_OK);
    assert_int_equal(p.array.ndim, 0);

    hint = test_hint(HX_DTYPE_F8, 1, 0, 0);
    assert_int_equal(hx_payload_decide(&p, data, 8, &hint, 3),
                     HX_PAYLOAD_E_LENGTH);
    hint = test_hint(HX_DTYPE_F8, 2, UINT64_C(1) << 40, UINT64_C(1) << 40);
    assert_int_equal(hx_payload_decide(&p, data, 8, &hint, 3),
                     HX_PAYLOAD_E_SHAPE);
    hint.ndim = HX_DIMS_MAX + 1;
    assert_int_equal(hx_payload_decide(&p, data, 8, &hint, 3),
                     HX_PAYLOAD_E_SHAPE);
}


static void
vector_or_opaque(void **state)
{
    size_t        i;
    double        v[1025];
    hx_payload_t  p;

    const unsigned char  *bytes = (const unsigned char *) v;

    for (i = 0; i < hx_nelts(v); i++) {
        v[i] = (i % 3 == 0) ? -1.7976931348623157e308 : (double) i * 5e-324;
    }

    assert_int_equal(hx_payload_decide(&p, bytes, sizeof(v), NULL, 0),
                     HX_PAYLOAD_OK);
    assert_int_equal(p.form, HX_PAYLOAD_VECTOR);
    assert_int_equal(p.array.dtype, HX_DTYPE_F8);
    assert_int_equal(p.array.ndim, 1);
    assert_int_equal(p.array.dim[0], hx_nelts(v));

    for (i = 0; i < hx_nelts(v); i += 128) {
        const double  keep = v[i];

        v[i] = (i % 256 == 0) ? (double) NAN : (double) -INFINITY;
        assert_int_equal(hx_payload_decide(&p, bytes, sizeof(v), NULL, 0),
                         HX_PAYLOAD_OK);
        assert_int_equal(p.form, HX_PAYLOAD_OPAQUE);
        assert_int_equal(p.array.dtype, HX_DTYPE_NONE);
        assert_int_equal(p.array.dim[0], sizeof(v));
        assert_int_equal(p.data_len, sizeof(v));
        v[i] = keep;
    }

    for (i = 1; i < 17; i++) {
        assert_int_equal(hx_payload_decide(&p, bytes, i, NULL, 0),
                         HX_PAYLOAD_OK);
        assert_int_equal(p.form, i % 8 == 0 ? HX_PAYLOAD_VECTOR
                                            : HX_PAYLOAD_OPAQUE);
    }

    assert_int_equal(hx_payload_decide(&p, bytes, 0, NULL, 0),
                     HX_PAYLOAD_E_EMPTY);

    /* Almost the magic is just bytes. */
    assert_int_equal(hx_payload_decide(&p, (const unsigned char *) "\x93NUMP",
                                       5, NULL, 0), HX_PAYLOAD_OK);
    assert_int_equal(p.form, HX_PAYLOAD_OPAQUE);
}


static void
details(void **state)
{
    size_t         i;
    hx_buf_t       b;
    hx_payload_t   p;
    unsigned char  text[256], odd[300];

    memset(&p, 0, sizeof(p));
    p.descr.data = (const unsigned char *) ">f8";
    p.descr.len = 3;

    hx_buf_init(&b, text, sizeof(text));
    hx_payload_detail(&b, HX_PAYLOAD_E_DTYPE, &p, "data_b64");
    assert_int_equal(hx_buf_len(&b), 37);
    assert_memory_equal(text, "Unsupported dtype '>f8' in 'data_b64'", 37);

    for (i = 0; i < sizeof(odd); i++) {
        odd[i] = (unsigned char) i;
    }

    p.descr.data = odd;
    p.descr.len = sizeof(odd);

    for (i = 0; i <= HX_PAYLOAD_E_CONFLICT; i++) {
        hx_buf_init(&b, text, 255);
        hx_payload_detail(&b, (hx_payload_err_t) i, &p, "data_b64");
        assert_true(hx_buf_ok(&b) && hx_buf_len(&b) > 20);
        assert_memory_equal(b.last - 10, "'data_b64'", 10);

        for (; b.last > b.start; b.last--) {
            assert_true(b.last[-1] >= 0x20 && b.last[-1] < 0x7f);
            assert_true(b.last[-1] != '"' && b.last[-1] != '\\');
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(npy_wins),
        cmocka_unit_test(npy_errors_are_errors),
        cmocka_unit_test(fields),
        cmocka_unit_test(vector_or_opaque),
        cmocka_unit_test(details)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
