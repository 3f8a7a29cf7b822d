/*
 * engine_read.c -- how fast one core reads memory: the limit of every scan.
 *
 *     engine_read MB ROUNDS
 *
 * Sums MB * 10^6 bytes as 64-bit words, in vectors as wide as the processor
 * has, in large pages where the system gives them: the most that a scan could
 * reach.  Prints bytes, then CPU nanoseconds of each round.
 */

#include <sys/mman.h>

#include "engine_bench.h"


#define READ_LARGE_PAGE   ((size_t) 2 * 1024 * 1024)

typedef uint64_t  read_vec_t __attribute__((vector_size(64)));


__attribute__((target_clones("avx512f", "avx2", "default")))
static uint64_t
read_sum(const read_vec_t *p, size_t n)
{
    size_t      i;
    read_vec_t  a, b, c, d;

    a = b = c = d = (read_vec_t) { 0 };

    for (i = 0; i + 4 <= n; i += 4) {
        a += p[i];
        b += p[i + 1];
        c += p[i + 2];
        d += p[i + 3];
    }

    a += b + c + d;

    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}


int
main(int argc, char **argv)
{
    size_t       i, n, size;
    uint64_t     rounds, begin, sum;
    read_vec_t  *p;

    if (argc != 3) {
        (void) fprintf(stderr, "usage: engine_read MB ROUNDS\n");
        return 2;
    }

    size = (size_t) bench_number(argv[1], 16000) * 1000000;
    rounds = bench_number(argv[2], 10000);

    size = size / (4 * sizeof(*p)) * (4 * sizeof(*p));
    n = size / sizeof(*p);

    p = aligned_alloc(READ_LARGE_PAGE, (size / READ_LARGE_PAGE + 1)
                                       * READ_LARGE_PAGE);
    if (p == NULL) {
        bench_die("memory", "not enough");
    }

    (void) madvise(p, size, MADV_HUGEPAGE);

    sum = 0;

    for (i = 0; i < size / sizeof(uint64_t); i++) {
        ((uint64_t *) p)[i] = i;
    }

    (void) printf("%zu", size);

    while (rounds-- != 0) {
        begin = bench_cpu();
        sum += read_sum(p, n);
        (void) printf("\t%llu", (unsigned long long) (bench_cpu() - begin));
    }

    (void) printf("\n");

    free(p);

    /* a use of the sum that no compiler can see through */
    return sum == 1 ? 1 : 0;
}
