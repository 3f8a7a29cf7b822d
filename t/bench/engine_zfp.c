/*
 * engine_zfp.c -- zfp of the same bytes: a peer of put.
 *
 *     engine_zfp FILE TYPE SHAPE TOLERANCE ROUNDS
 *
 * FILE has raw values of TYPE f4, f8, i4 or i8, SHAPE is one to four numbers
 * divided by "x", slowest first, at least 4 each where there are several;
 * TOLERANCE is zfp's fixed accuracy (an absolute error), or "reversible".
 * Compression alone is timed, one thread, into memory that is there.  Prints
 * compressed bytes, the relative Frobenius error, the largest absolute error,
 * then CPU nanoseconds of each round.
 */

#include <math.h>
#include <zfp.h>

#include "engine_bench.h"


#define ZFP_DIMS          4


typedef struct {
    zfp_type    type;
    size_t      width;
    unsigned    n_dims;
    size_t      dim[ZFP_DIMS];          /* fastest first */
    size_t      n;
} zfp_shape_t;


static void
zfp_bad(const char *what)
{
    (void) fprintf(stderr, "engine_zfp: %s\n", what);
    exit(2);
}


static void
zfp_read_shape(zfp_shape_t *s, const char *type, char *text)
{
    char      *p;
    size_t     i, t;

    static const struct {
        const char  *name;
        zfp_type     type;
    } types[] = {
        { "f4", zfp_type_float }, { "f8", zfp_type_double },
        { "i4", zfp_type_int32 }, { "i8", zfp_type_int64 }
    };

    s->type = zfp_type_none;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i].name) == 0) {
            s->type = types[i].type;
        }
    }

    if (s->type == zfp_type_none) {
        zfp_bad("TYPE is f4, f8, i4 or i8");
    }

    s->width = zfp_type_size(s->type);
    s->n_dims = 0;
    s->n = 1;

    for (p = text; p != NULL && s->n_dims < ZFP_DIMS; text = p) {
        p = strchr(text, 'x');
        if (p != NULL) {
            *p++ = '\0';
        }

        s->dim[s->n_dims] = (size_t) bench_number(text, (uint64_t) 1 << 32);
        s->n *= s->dim[s->n_dims++];
    }

    for (i = 0; i < s->n_dims / 2; i++) {
        t = s->dim[i];
        s->dim[i] = s->dim[s->n_dims - 1 - i];
        s->dim[s->n_dims - 1 - i] = t;
    }
}


static zfp_field *
zfp_make_field(const zfp_shape_t *s, void *data)
{
    switch (s->n_dims) {

    case 1:
        return zfp_field_1d(data, s->type, s->dim[0]);

    case 2:
        return zfp_field_2d(data, s->type, s->dim[0], s->dim[1]);

    case 3:
        return zfp_field_3d(data, s->type, s->dim[0], s->dim[1], s->dim[2]);

    default:
        return zfp_field_4d(data, s->type, s->dim[0], s->dim[1], s->dim[2],
                            s->dim[3]);
    }
}


static double
zfp_value(const zfp_shape_t *s, const void *data, size_t i)
{
    switch (s->type) {

    case zfp_type_float:
        return ((const float *) data)[i];

    case zfp_type_double:
        return ((const double *) data)[i];

    case zfp_type_int32:
        return ((const int32_t *) data)[i];

    default:
        return (double) ((const int64_t *) data)[i];
    }
}


static void
zfp_print_error(const zfp_shape_t *s, const void *a, const void *b)
{
    double  x, e, norm, sum, most;
    size_t  i;

    norm = 0;
    sum = 0;
    most = 0;

    for (i = 0; i < s->n; i++) {
        x = zfp_value(s, a, i);
        e = fabs(x - zfp_value(s, b, i));
        norm += x * x;
        sum += e * e;
        most = e > most ? e : most;
    }

    (void) printf("\t%.6e\t%.6e", norm > 0 ? sqrt(sum / norm) : 0.0, most);
}


int
main(int argc, char **argv)
{
    void           *back, *data, *room;
    size_t          cap, got, i, size;
    double          tolerance;
    uint64_t        rounds, *ns;
    bitstream      *bits;
    zfp_field      *field;
    zfp_shape_t     shape;
    zfp_stream     *z;

    if (argc != 6) {
        zfp_bad("usage: engine_zfp FILE TYPE SHAPE TOLERANCE ROUNDS");
    }

    zfp_read_shape(&shape, argv[2], argv[3]);
    rounds = bench_number(argv[5], 10000);
    ns = bench_memory(rounds * sizeof(*ns));

    data = bench_file(argv[1], &size);
    if (size != shape.n * shape.width) {
        zfp_bad("SHAPE and size of FILE differ");
    }

    field = zfp_make_field(&shape, data);
    z = zfp_stream_open(NULL);

    if (strcmp(argv[4], "reversible") == 0) {
        zfp_stream_set_reversible(z);

    } else {
        tolerance = strtod(argv[4], NULL);
        if (!(tolerance > 0)) {
            zfp_bad("TOLERANCE is above 0, or \"reversible\"");
        }

        (void) zfp_stream_set_accuracy(z, tolerance);
    }

    (void) zfp_stream_set_execution(z, zfp_exec_serial);

    cap = zfp_stream_maximum_size(z, field);
    room = bench_memory(cap);
    bits = stream_open(room, cap);
    zfp_stream_set_bit_stream(z, bits);

    got = 0;

    for (i = 0; i < rounds; i++) {
        ns[i] = bench_cpu();
        zfp_stream_rewind(z);
        got = zfp_compress(z, field);
        ns[i] = bench_cpu() - ns[i];
    }

    back = bench_memory(size);
    zfp_field_set_pointer(field, back);
    zfp_stream_rewind(z);

    if (got == 0 || zfp_decompress(z, field) == 0) {
        bench_die(argv[1], "zfp refuses");
    }

    (void) printf("%zu", got);
    zfp_print_error(&shape, data, back);

    for (i = 0; i < rounds; i++) {
        (void) printf("\t%llu", (unsigned long long) ns[i]);
    }

    (void) printf("\n");

    zfp_field_free(field);
    zfp_stream_close(z);
    stream_close(bits);
    free(back);
    free(room);
    free(data);
    free(ns);

    return 0;
}
