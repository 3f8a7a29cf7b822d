/*
 * engine_lossless.c -- general compressors on the same bytes: peers of put
 * that lose nothing.
 *
 *     engine_lossless FILE WIDTH ROUNDS
 *
 * WIDTH is that of an element, for the byte shuffle.  One thread, level 3 of
 * zstd, level 5 of Blosc (lz4 has no levels there).  Prints a line for each:
 * name, compressed bytes, then CPU nanoseconds of each round.  A result that
 * does not decompress to the same bytes ends it with exit code 1.
 */

#include <blosc.h>
#include <zstd.h>

#include "engine_bench.h"


#define LOSSLESS_LEVEL    3
#define LOSSLESS_BLOSC    5


typedef struct {
    const unsigned char  *data;
    size_t                size;
    size_t                width;
    uint64_t              rounds;
    unsigned char        *shuffled;
    unsigned char        *room;
    size_t                cap;
    unsigned char        *back;
} lossless_t;


static void
lossless_shuffle(const lossless_t *l, unsigned char *out)
{
    size_t  i, k, n;

    n = l->size / l->width;

    for (k = 0; k < l->width; k++) {
        for (i = 0; i < n; i++) {
            out[k * n + i] = l->data[i * l->width + k];
        }
    }

    memcpy(out + n * l->width, l->data + n * l->width,
           l->size - n * l->width);
}


static size_t
lossless_zstd(lossless_t *l, const char *name)
{
    size_t  got;

    if (strcmp(name, "zstd-3") == 0) {
        return ZSTD_compress(l->room, l->cap, l->data, l->size,
                             LOSSLESS_LEVEL);
    }

    lossless_shuffle(l, l->shuffled);
    got = ZSTD_compress(l->room, l->cap, l->shuffled, l->size,
                        LOSSLESS_LEVEL);

    return got;
}


static size_t
lossless_blosc(lossless_t *l, const char *codec)
{
    int  got;

    got = blosc_compress_ctx(LOSSLESS_BLOSC, BLOSC_SHUFFLE, l->width, l->size,
                             l->data, l->room, l->cap, codec, 0, 1);

    return got > 0 ? (size_t) got : 0;
}


static int
lossless_same(lossless_t *l, const char *name, const char *codec, size_t got)
{
    const unsigned char  *want;

    want = strcmp(name, "zstd-3-shuffle") == 0 ? l->shuffled : l->data;

    if (codec != NULL) {
        if (blosc_decompress_ctx(l->room, l->back, l->size, 1)
            != (int) l->size)
        {
            return 0;
        }

    } else if (ZSTD_isError(got)
               || ZSTD_decompress(l->back, l->size, l->room, got) != l->size)
    {
        return 0;
    }

    return memcmp(l->back, want, l->size) == 0;
}


/* codec: Blosc's name of it, or NULL for zstd alone. */

static void
lossless_run(lossless_t *l, const char *name, const char *codec)
{
    size_t     got;
    uint64_t   i, *ns;

    got = 0;
    ns = bench_memory(l->rounds * sizeof(*ns));

    for (i = 0; i < l->rounds; i++) {
        ns[i] = bench_cpu();
        got = codec != NULL ? lossless_blosc(l, codec)
                            : lossless_zstd(l, name);
        ns[i] = bench_cpu() - ns[i];
    }

    if (!lossless_same(l, name, codec, got)) {
        bench_die(name, "gives other bytes back");
    }

    (void) printf("%s\t%zu", name, got);

    for (i = 0; i < l->rounds; i++) {
        (void) printf("\t%llu", (unsigned long long) ns[i]);
    }

    (void) printf("\n");

    free(ns);
}


int
main(int argc, char **argv)
{
    lossless_t      l;
    unsigned char  *data;

    if (argc != 4) {
        (void) fprintf(stderr, "usage: engine_lossless FILE WIDTH ROUNDS\n");
        return 2;
    }

    data = bench_file(argv[1], &l.size);
    l.data = data;
    l.width = (size_t) bench_number(argv[2], 255);
    l.rounds = bench_number(argv[3], 10000);
    l.cap = ZSTD_compressBound(l.size) + BLOSC_MAX_OVERHEAD;
    l.shuffled = bench_memory(l.size);
    l.room = bench_memory(l.cap);
    l.back = bench_memory(l.size);

    lossless_run(&l, "zstd-3", NULL);
    lossless_run(&l, "zstd-3-shuffle", NULL);
    lossless_run(&l, "blosc-lz4-shuffle", "lz4");
    lossless_run(&l, "blosc-zstd-shuffle", "zstd");

    free(data);
    free(l.shuffled);
    free(l.room);
    free(l.back);

    return 0;
}
