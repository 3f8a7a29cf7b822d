/*
 * engine_dot.c -- the inner product of two trains beside that of the same
 * arrays, dense.
 *
 *     engine_dot D RANK ROUNDS
 *
 * Two trains of 2^D values with ranks of RANK (less at the ends) and random
 * cores.  Prints for each way a line: name, what it came to, CPU nanoseconds of
 * each round; "train" is hx_tt_dot(), "blas" cblas_ddot() of the decoded
 * arrays, "loop" a plain loop over them.  The ways take turns.  Exit code 1
 * when they disagree.
 */

#include <cblas.h>
#include <math.h>

#include "engine_bench.h"
#include "hx_tt_dot.h"


#define DOT_D_MAX         26
#define DOT_RANK_MAX      256
#define DOT_TRAIN_CALLS   64            /* one is too short for the clock */
#define DOT_AGREE         1e-12


typedef struct {
    hx_tt_t    train;
    double    *dense;
} dot_array_t;


static double
dot_random(void)
{
    static uint64_t  seed = 1;

    seed = seed * 6364136223846793005u + 1442695040888963407u;

    return (double) (int64_t) seed / 9223372036854775808.0;
}


/* The values of the first k cores, 2^k rows of r_k, become those of k + 1. */

static void
dot_expand(const double *from, double *to, const double *core, size_t rows,
    size_t r, size_t next)
{
    size_t  i, j, k;
    double  x;

    memset(to, 0, rows * 2 * next * sizeof(*to));

    for (i = 0; i < rows; i++) {
        for (j = 0; j < r; j++) {
            x = from[i * r + j];

            for (k = 0; k < 2 * next; k++) {
                to[i * 2 * next + k] += x * core[j * 2 * next + k];
            }
        }
    }
}


static void
dot_make(dot_array_t *a, unsigned d, size_t rank)
{
    size_t    i, most, n, r, next;
    double   *core, *from, *to, *swap;
    unsigned  k;

    a->train.d = d;
    a->train.order = HX_TT_ROWS;
    n = 0;

    for (k = 0; k <= d; k++) {
        most = (size_t) 1 << (k < d - k ? k : d - k);
        a->train.rank[k] = (uint32_t) (most < rank ? most : rank);
    }

    for (k = 0; k < d; k++) {
        n += (size_t) a->train.rank[k] * 2 * a->train.rank[k + 1];
    }

    core = bench_memory(n * sizeof(*core));
    a->train.core = core;

    for (i = 0; i < n; i++) {
        core[i] = dot_random();
    }

    from = bench_memory(((size_t) 1 << d) * rank * sizeof(*from));
    to = bench_memory(((size_t) 1 << d) * rank * sizeof(*to));
    from[0] = 1;

    for (k = 0; k < d; k++) {
        r = a->train.rank[k];
        next = a->train.rank[k + 1];
        dot_expand(from, to, core, (size_t) 1 << k, r, next);

        core += r * 2 * next;
        swap = from;
        from = to;
        to = swap;
    }

    a->dense = bench_memory(((size_t) 1 << d) * sizeof(*a->dense));
    memcpy(a->dense, from, ((size_t) 1 << d) * sizeof(*a->dense));

    free(from);
    free(to);
}


static double
dot_train(const dot_array_t *a, const dot_array_t *b, double *work)
{
    double    sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < DOT_TRAIN_CALLS; i++) {
        sum += hx_tt_dot(&a->train, &b->train, work);
    }

    return sum / DOT_TRAIN_CALLS;
}


static double
dot_loop(const double *a, const double *b, size_t n)
{
    size_t  i;
    double  sum;

    sum = 0;

    for (i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }

    return sum;
}


static void
dot_print(const char *name, double value, const uint64_t *ns, uint64_t rounds,
    unsigned calls)
{
    uint64_t  i;

    (void) printf("%s\t%.17g", name, value);

    for (i = 0; i < rounds; i++) {
        (void) printf("\t%llu", (unsigned long long) (ns[i] / calls));
    }

    (void) printf("\n");
}


int
main(int argc, char **argv)
{
    size_t       n, rank;
    double      *work, norm, train, blas, loop;
    uint64_t     i, rounds, *ns;
    unsigned     d;
    dot_array_t  a, b;

    if (argc != 4) {
        (void) fprintf(stderr, "usage: engine_dot D RANK ROUNDS\n");
        return 2;
    }

    d = (unsigned) bench_number(argv[1], DOT_D_MAX);
    rank = (size_t) bench_number(argv[2], DOT_RANK_MAX);
    rounds = bench_number(argv[3], 100000);
    n = (size_t) 1 << d;

    dot_make(&a, d, rank);
    dot_make(&b, d, rank);
    work = bench_memory(hx_tt_dot_work(&a.train, &b.train) * sizeof(*work));
    ns = bench_memory(3 * rounds * sizeof(*ns));

    train = blas = loop = 0;

    for (i = 0; i < rounds; i++) {
        ns[i] = bench_cpu();
        train = dot_train(&a, &b, work);
        ns[i] = bench_cpu() - ns[i];

        ns[rounds + i] = bench_cpu();
        blas = cblas_ddot((int) n, a.dense, 1, b.dense, 1);
        ns[rounds + i] = bench_cpu() - ns[rounds + i];

        ns[2 * rounds + i] = bench_cpu();
        loop = dot_loop(a.dense, b.dense, n);
        ns[2 * rounds + i] = bench_cpu() - ns[2 * rounds + i];
    }

    norm = sqrt(dot_loop(a.dense, a.dense, n) * dot_loop(b.dense, b.dense, n));

    if (fabs(train - blas) > DOT_AGREE * norm
        || fabs(train - loop) > DOT_AGREE * norm)
    {
        bench_die("products", "differ");
    }

    dot_print("train", train, ns, rounds, DOT_TRAIN_CALLS);
    dot_print("blas", blas, ns + rounds, rounds, 1);
    dot_print("loop", loop, ns + 2 * rounds, rounds, 1);

    free((void *) a.train.core);
    free((void *) b.train.core);
    free(a.dense);
    free(b.dense);
    free(work);
    free(ns);

    return 0;
}
