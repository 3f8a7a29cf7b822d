/*
 * hx_npy_test.c -- dtypes, shapes and .npy headers of hx-engine/codec.
 *
 * What numpy wrote (hx_npy_vectors.h) must be read, and written again to the
 * byte; everything Python would read otherwise, or not at all, is refused with
 * the right code.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hx_npy.h"
#include "hx_npy_vectors.h"


/* A file: magic, version, length as given or as it is, header, data. */
static hx_npy_err_t
test_parse(hx_npy_t *n, unsigned version, const char *text, size_t data)
{
    size_t          len, prefix;
    hx_npy_err_t    err;
    unsigned char  *p;

    prefix = version == 1 ? 10 : 12;
    len = strlen(text);

    /* Exactly as large as the file: a sanitizer sees a byte too far. */
    p = malloc(prefix + len + data);
    assert_non_null(p);
    memcpy(p, "\x93NUMPY", 6);
    p[6] = (unsigned char) version;
    p[7] = 0;
    p[8] = (unsigned char) len;
    p[9] = (unsigned char) (len >> 8);

    if (version != 1) {
        p[10] = 0;
        p[11] = 0;
    }

    memcpy(p + prefix, text, len);
    memset(p + prefix + len, 0x11, data);

    err = hx_npy_parse(n, p, prefix + len + data);

    if (err == HX_NPY_OK) {
        assert_int_equal(n->data_off, prefix + len);
        assert_int_equal(n->data_len, data);
    }

    free(p);

    return err;
}


static void
numpy_headers_come_back(void **state)
{
    size_t             i, len;
    uint64_t           bytes;
    hx_npy_t           n;
    unsigned char      out[HX_NPY_EMIT_MAX];
    const hx_array_t  *a;

    for (i = 0; i < hx_nelts(hx_npy_vectors); i++) {
        a = &hx_npy_vectors[i].array;
        len = hx_npy_emit(a, out, sizeof(out));
        assert_int_equal(len, hx_npy_vectors[i].len);
        assert_int_equal(len % 64, 0);
        assert_memory_equal(out, hx_npy_vectors[i].bytes, len);

        assert_int_equal(hx_npy_emit(a, out, len - 1), 0);
        assert_int_equal(hx_npy_emit(a, out, len), len);

        /* Without its data the header must still be understood. */
        assert_int_equal(hx_array_size(a, NULL, &bytes), HX_OK);
        assert_int_equal(hx_npy_parse(&n, out, len),
                         bytes == 0 ? HX_NPY_OK : HX_NPY_E_LENGTH);
        assert_int_equal(n.array.dtype, a->dtype);
        assert_int_equal(n.array.fortran, a->fortran);
        assert_int_equal(n.array.ndim, a->ndim);
        assert_memory_equal(n.array.dim, a->dim, a->ndim * sizeof(a->dim[0]));
    }
}


static void
emit_refuses(void **state)
{
    hx_array_t     a;
    unsigned char  out[HX_NPY_EMIT_MAX];

    memset(&a, 0, sizeof(a));
    a.ndim = 1;
    a.dim[0] = 8;
    assert_int_equal(hx_npy_emit(&a, out, sizeof(out)), 0);

    a.dtype = HX_DTYPE_COUNT;
    assert_int_equal(hx_npy_emit(&a, out, sizeof(out)), 0);

    a.dtype = HX_DTYPE_F8;
    a.ndim = HX_DIMS_MAX + 1;
    assert_int_equal(hx_npy_emit(&a, out, sizeof(out)), 0);

    a.ndim = 1;
    a.dim[0] = (uint64_t) INT64_MAX;
    assert_int_equal(hx_npy_emit(&a, out, sizeof(out)), 0);
    a.dim[0] /= 8;
    assert_int_not_equal(hx_npy_emit(&a, out, sizeof(out)), 0);
}


#define T   "'fortran_order': False, 'shape': (2,)"

static void
accepted(void **state)
{
    size_t    i;
    hx_npy_t  n;

    static const struct {
        unsigned     version;
        const char  *text;
        size_t       data;
    } good[] = {
        { 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n",
          16 },
        { 2, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n",
          16 },
        { 3, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n",
          16 },
        { 1, "{'descr':'<f8','fortran_order':False,'shape':(2,)}", 16 },
        { 1, "{'shape': (2,), 'fortran_order': True, 'descr': '<i2'}", 4 },
        { 1, "{" T ", 'descr': '|u1'}", 2 },
        { 1, "{" T ", 'descr': '<i1'}", 2 },
        { 1, "{\"descr\": \"<f4\", \"fortran_order\": False, "
             "\"shape\": (2,)}", 8 },
        { 1, " { 'descr' : '<f4' , 'fortran_order' : True , "
             "'shape' : ( 2 , 3 , ) , } \n ", 24 },
        { 1, "{'descr': '<f8', 'fortran_order': False, 'shape': ()}", 8 },
        { 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}", 0 },
        { 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 1L)}",
          16 },
        { 2, "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,)}", 16 }
    };

    for (i = 0; i < hx_nelts(good); i++) {
        if (test_parse(&n, good[i].version, good[i].text, good[i].data)
            != HX_NPY_OK)
        {
            fail_msg("refused: %s", good[i].text);
        }
    }
}


static void
refused(void **state)
{
    size_t        i;
    hx_npy_t      n;
    hx_npy_err_t  err;

    static const struct {
        hx_npy_err_t  err;
        const char   *text;
    } bad[] = {
        { HX_NPY_E_HEADER, "" },
        { HX_NPY_E_HEADER, "{}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', " T },
        { HX_NPY_E_HEADER, "{'descr': '<f8', " T "}}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', " T "} x" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', " T ",,}" },
        { HX_NPY_E_HEADER, "{,'descr': '<f8', " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8' " T "}" },
        { HX_NPY_E_HEADER, "['descr', '<f8', " T "]" },
        { HX_NPY_E_HEADER, "{" T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'shape': (2,)}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'fortran_order': False}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'descr': '<f8', " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'shape': (2,), " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'extra': 1, " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'x': '', " T "}" },
        { HX_NPY_E_HEADER, "{'Descr': '<f8', " T "}" },
        { HX_NPY_E_HEADER, "{descr: '<f8', " T "}" },
        { HX_NPY_E_HEADER, "{'descr': <f8, " T "}" },
        { HX_NPY_E_HEADER, "{'descr': \"<f8', " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f\\x38', " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8" },
        { HX_NPY_E_HEADER, "{'descr" },
        { HX_NPY_E_HEADER, "{'descr': [('a', '<f4'), " T "}" },
        { HX_NPY_E_HEADER, "{'descr': [('a', \"<f4')], " T "}" },
        { HX_NPY_E_HEADER, "{'descr': 8, " T "}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'fortran_order': false, "
                           "'shape': (2,)}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'fortran_order': 0, "
                           "'shape': (2,)}" },
        { HX_NPY_E_HEADER, "{'descr': '<f8', 'fortran_order': Truefalse, "
                           "'shape': (2,)}" },
#define D   "{'descr': '<f8', 'fortran_order': False, 'shape': "
        { HX_NPY_E_HEADER, D "2}" },
        { HX_NPY_E_HEADER, D "(2)}" },
        { HX_NPY_E_HEADER, D "[2]}" },
        { HX_NPY_E_HEADER, D "(,)}" },
        { HX_NPY_E_HEADER, D "(2,,3)}" },
        { HX_NPY_E_HEADER, D "(2 3)}" },
        { HX_NPY_E_HEADER, D "(-2,)}" },
        { HX_NPY_E_HEADER, D "(+2,)}" },
        { HX_NPY_E_HEADER, D "(02,)}" },
        { HX_NPY_E_HEADER, D "(0x2,)}" },
        { HX_NPY_E_HEADER, D "(2.0,)}" },
        { HX_NPY_E_HEADER, D "(2l,)}" },
        { HX_NPY_E_HEADER, D "('2',)}" },
        { HX_NPY_E_HEADER, D "(None,)}" },
        { HX_NPY_E_HEADER, D "(2,)" },
        { HX_NPY_E_HEADER, D "(2," },
        { HX_NPY_E_HEADER, D "(2" },
        { HX_NPY_E_SHAPE, D "(9223372036854775808,)}" },
        { HX_NPY_E_SHAPE, D "(99999999999999999999999999,)}" },
        { HX_NPY_E_SHAPE, D "(9223372036854775807,)}" },
        { HX_NPY_E_SHAPE, D "(4294967296, 4294967296)}" },
        { HX_NPY_E_SHAPE, D "(0, 9223372036854775807)}" },
        { HX_NPY_E_SHAPE, D "(4294967296, 0, 4294967296)}" },
        { HX_NPY_E_SHAPE, D "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                          "1,1,1,1,1,1,1,1,1)}" },
        { HX_NPY_E_LENGTH, D "(1,)}" },
        { HX_NPY_E_LENGTH, D "(3,)}" },
        { HX_NPY_E_LENGTH, D "()}" },
        { HX_NPY_E_LENGTH, D "(0,)}" },
        { HX_NPY_E_DTYPE, "{'descr': '>f8', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '|b1', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '<c16', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '<f2', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '<f16', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '|S8', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '<U2', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '|O', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '<M8[s]', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '|f8', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '=f8', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': '', " T "}" },
        { HX_NPY_E_DTYPE, "{'descr': [('a]', '<f4'), ('b', [('c', '<f4')])], "
                          T "}" }
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        err = test_parse(&n, 1, bad[i].text, 16);

        if (err != bad[i].err) {
            fail_msg("%s: %d, not %d", bad[i].text, err, bad[i].err);
        }
    }

    /* Python 2's longs cannot be in a version that came with Python 3. */
    assert_int_equal(test_parse(&n, 3, D "(2L,)}", 16), HX_NPY_E_HEADER);
}


static void
frame(void **state)
{
    size_t         len;
    hx_npy_t       n;
    unsigned char  p[256];

    const char     text[] = D "(2,)}";

    len = sizeof(text) - 1;
    memset(p, 0, sizeof(p));
    memcpy(p, "\x93NUMPY\1\0", 8);
    p[8] = (unsigned char) len;
    memcpy(p + 10, text, len);
    len += 10;

    assert_int_equal(hx_npy_parse(&n, p, len + 16), HX_NPY_OK);
    assert_int_equal(hx_npy_parse(&n, p, len + 15), HX_NPY_E_LENGTH);
    assert_int_equal(hx_npy_parse(&n, p, len), HX_NPY_E_LENGTH);
    assert_int_equal(hx_npy_parse(&n, p, len - 1), HX_NPY_E_HEADER);
    assert_int_equal(hx_npy_parse(&n, p, 10), HX_NPY_E_HEADER);
    assert_int_equal(hx_npy_parse(&n, p, 9), HX_NPY_E_HEADER);
    assert_int_equal(hx_npy_parse(&n, p, 7), HX_NPY_E_HEADER);
    assert_int_equal(hx_npy_parse(&n, p, 6), HX_NPY_E_HEADER);
    assert_int_equal(hx_npy_parse(&n, p, 5), HX_NPY_NOT);
    assert_int_equal(hx_npy_parse(&n, p, 0), HX_NPY_NOT);
    assert_int_equal(hx_npy_is(p, 6), 1);
    assert_int_equal(hx_npy_is(p + 1, 6), 0);

    p[6] = 4;
    assert_int_equal(hx_npy_parse(&n, p, len + 16), HX_NPY_E_VERSION);
    p[6] = 0;
    assert_int_equal(hx_npy_parse(&n, p, len + 16), HX_NPY_E_VERSION);
    p[6] = 1;
    p[7] = 1;
    assert_int_equal(hx_npy_parse(&n, p, len + 16), HX_NPY_E_VERSION);

    /* A length that is larger than all memory. */
    memcpy(p + 6, "\2\0\xff\xff\xff\xff", 6);
    assert_int_equal(hx_npy_parse(&n, p, sizeof(p)), HX_NPY_E_HEADER);
}


static void
header_size_is_bounded(void **state)
{
    size_t          len;
    hx_npy_t        n;
    unsigned char  *p;

    const char      text[] = D "(0,)}";

    len = HX_NPY_PARSE_MAX + 1;
    p = malloc(len);
    assert_non_null(p);
    memset(p, ' ', len);
    memcpy(p, "\x93NUMPY\2\0\xf4\xff\0\0", 12);     /* 65524 = 65536 - 12 */
    memcpy(p + 12, text, sizeof(text) - 1);

    assert_int_equal(hx_npy_parse(&n, p, HX_NPY_PARSE_MAX), HX_NPY_OK);
    p[8] = 0xf5;
    assert_int_equal(hx_npy_parse(&n, p, len), HX_NPY_E_HEADER);
    free(p);
}


static void
dtype_names(void **state)
{
    unsigned     i;
    hx_dtype_t   t;
    const char  *name;

    static const char *const  names[] = {
        "float32", "float64", "int8", "int16", "int32", "int64", "uint8",
        "uint16", "uint32", "uint64"
    };
    static const char *const  bad[] = {
        "", "f", "8", "<", "f9", "float", "float128", "Float64", "float64 ",
        " float64", "double", ">f8", "|f8", "<<f8", "bool", "complex64", "i16",
        "object", "<F8", "u3", "|i2", ">u2", "=f8"
    };

    assert_int_equal(hx_nelts(names) + 1, HX_DTYPE_COUNT);

    for (i = 1; i < HX_DTYPE_COUNT; i++) {
        name = names[i - 1];
        assert_string_equal(hx_dtype_name((hx_dtype_t) i), name);
        assert_int_equal(hx_dtype_parse((const void *) name, strlen(name), &t),
                         HX_OK);
        assert_int_equal(t, i);

        name = hx_dtype_descr((hx_dtype_t) i);
        assert_int_equal(hx_dtype_size((hx_dtype_t) i), name[2] - '0');
        assert_int_equal(hx_dtype_parse((const void *) name, 3, &t), HX_OK);
        assert_int_equal(t, i);
        assert_int_equal(hx_dtype_parse((const void *) (name + 1), 2, &t),
                         HX_OK);
        assert_int_equal(t, i);
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(hx_dtype_parse((const void *) bad[i], strlen(bad[i]),
                                        &t), HX_NO);
    }

    assert_string_equal(hx_dtype_name(HX_DTYPE_NONE), "");
    assert_int_equal(hx_dtype_size(HX_DTYPE_NONE), 1);
    assert_int_equal(hx_dtype_size(HX_DTYPE_COUNT), 0);
    assert_string_equal(hx_dtype_descr((hx_dtype_t) 99), "");
}


static void
array_sizes(void **state)
{
    uint64_t    elements, bytes;
    hx_array_t  a;

    memset(&a, 0, sizeof(a));
    a.dtype = HX_DTYPE_I2;
    assert_int_equal(hx_array_size(&a, &elements, &bytes), HX_OK);
    assert_int_equal(elements, 1);
    assert_int_equal(bytes, 2);

    a.ndim = 2;
    a.dim[0] = UINT64_C(1) << 31;
    a.dim[1] = UINT64_C(1) << 30;
    assert_int_equal(hx_array_size(&a, &elements, &bytes), HX_OK);
    assert_true(bytes == UINT64_C(1) << 62);
    a.dim[0] *= 2;
    assert_int_equal(hx_array_size(&a, &elements, &bytes), HX_NO);

    a.dim[0] = UINT64_MAX;
    a.dim[1] = UINT64_MAX;
    assert_int_equal(hx_array_size(&a, NULL, NULL), HX_NO);

    a.dim[0] = 0;
    a.dim[1] = 5;
    assert_int_equal(hx_array_size(&a, &elements, &bytes), HX_OK);
    assert_int_equal(elements + bytes, 0);

    a.ndim = HX_DIMS_MAX + 1;
    assert_int_equal(hx_array_size(&a, NULL, NULL), HX_NO);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(numpy_headers_come_back),
        cmocka_unit_test(emit_refuses),
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(frame),
        cmocka_unit_test(header_size_is_bounded),
        cmocka_unit_test(dtype_names),
        cmocka_unit_test(array_sizes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
