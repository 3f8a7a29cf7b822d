#!/usr/bin/python3
"""Writes hx_npy_vectors.h: .npy headers as the installed numpy makes them.

    ./npy_vectors.py > hx_npy_vectors.h

The output is committed, so that the test needs no numpy; run it again when
numpy's writer changes.
"""
import io
import sys

import numpy

SHAPES = [(), (1,), (9,), (1000000,), (3, 4), (0,), (2, 0, 5), (1, 1, 1, 1),
          (2 ** 40, 3), (4294967296,), (7,) * 20, (1,) * 32,
          (123456789012345678,), (12345678, 12345678), (12345, 678, 90, 12)]
TYPES = ['<f4', '<f8', '|i1', '<i2', '<i4', '<i8', '|u1', '<u2', '<u4', '<u8']


def header(descr, fortran, shape):
    out = io.BytesIO()
    numpy.lib.format.write_array_header_1_0(
        out, {'descr': descr, 'fortran_order': fortran, 'shape': shape})
    return out.getvalue()


def c_string(data):
    lines = []
    for i in range(0, len(data), 16):
        text = ''.join('\\x%02x' % b for b in data[i:i + 16])
        lines.append('      "%s"' % text)
    return '\n'.join(lines)


def main():
    print('/*\n * hx_npy_vectors.h -- headers written by numpy %s; made by\n'
          ' * npy_vectors.py, not by hand.\n */\n' % numpy.__version__)
    print('#ifndef HX_NPY_VECTORS_H\n#define HX_NPY_VECTORS_H\n')
    print('static const struct {\n    hx_array_t   array;\n'
          '    size_t       len;\n    const char  *bytes;\n'
          '} hx_npy_vectors[] = {')
    cases = [(t, i % 2 == 1, s) for i, t in enumerate(TYPES)
             for s in [(5, 6)]]
    cases += [('<f8', f, s) for s in SHAPES for f in (False, True)]
    for descr, fortran, shape in cases:
        data = header(descr, fortran, shape)
        kind = 'HX_DTYPE_' + descr[1:].upper()
        dims = ['%d' % d for d in shape] or ['0']
        if len(dims) > 4 and len(set(dims)) == 1:
            dims = ['[0 ... %d] = %s' % (len(dims) - 1, dims[0])]
        print('    { { %s, %d, %d,\n        { %s } }, %d,\n%s },'
              % (kind, fortran, len(shape), ', '.join(dims), len(data),
                 c_string(data)))
    print('};\n\n#endif /* HX_NPY_VECTORS_H */')


if __name__ == '__main__':
    sys.exit(main())
