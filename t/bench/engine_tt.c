/*
 * engine_tt.c -- what compressing an array costs, measured verdict included.
 *
 *     engine_tt [REPEAT]                built-in arrays, REPEAT runs of each
 *     engine_tt FILE [REPEAT [WEAK]]    raw little-endian float64
 *
 * One line each, divided by tabs: name, values, CPU seconds (least, median),
 * verdict (or why passthrough), largest rank, values of all cores, ratio,
 * relative error, passes over the array, pivots, MB of memory at the peak.
 * The least time is that of an undisturbed run with the array in the cache as
 * far as it fits.  What takes less than BENCH_WARM is run that long before, as
 * a processor that was idle takes a while to reach its clock rate (measured:
 * twice the time in the first 20 ms); peers that run for a second are warm.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_tt_compress.h"

#define BENCH_REPEAT_MAX   1000
#define BENCH_RATIO_MIN    1.1
#define BENCH_WARM         0.1          /* seconds */

typedef void (*bench_fill_pt)(double *a, size_t n);

typedef struct {
    const char     *name;
    unsigned        bits;
    bench_fill_pt   fill;
} bench_case_t;

static uint64_t  bench_seed;


static double
bench_uniform(void)
{
    uint64_t  z;

    z = (bench_seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return (double) ((z ^ (z >> 31)) >> 11) * 0x1p-53;
}


static double
bench_normal(void)
{
    return sqrt(-2 * log(1 - bench_uniform()))
           * cos(6.283185307179586 * bench_uniform());
}


/* Sines, a decay and two bumps, once over the whole length. */
static void
bench_smooth(double *a, size_t n)
{
    double  x;
    size_t  i;

    for (i = 0; i < n; i++) {
        x = (double) i / (double) n;
        a[i] = 0.35 * sin(19.5 * x + 1) + 0.82 * sin(48.4 * x + 2)
               + 0.33 * sin(83.6 * x + 5) + exp(-3 * x)
               + 0.5 * exp(-(x - 0.4) * (x - 0.4) / 0.0064)
               + 0.3 * exp(-(x - 0.7) * (x - 0.7) / 0.0225);
    }
}


static void
bench_noisy(double *a, size_t n)
{
    size_t  i;

    bench_smooth(a, n);

    for (i = 0; i < n; i++) {
        a[i] += 1e-8 * bench_normal();
    }
}


static void
bench_single(double *a, size_t n)
{
    size_t  i;

    bench_smooth(a, n);

    for (i = 0; i < n; i++) {
        a[i] = (double) (float) a[i];
    }
}


static void
bench_steps(double *a, size_t n)
{
    double    height;
    size_t    i, place;
    unsigned  k;

    memset(a, 0, n * sizeof(double));

    for (k = 0; k < 50; k++) {
        place = (size_t) (bench_uniform() * (double) n);
        height = bench_normal();

        for (i = place; i < n; i++) {
            a[i] += height;
        }
    }
}


static void
bench_spikes(double *a, size_t n)
{
    unsigned  k;

    memset(a, 0, n * sizeof(double));

    for (k = 0; k < 100; k++) {
        a[(size_t) (bench_uniform() * (double) n)] = bench_normal();
    }
}


static void
bench_random(double *a, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        a[i] = bench_normal();
    }
}


static const bench_case_t  bench_cases[] = {
    { "smooth", 10, bench_smooth },
    { "smooth", 12, bench_smooth },
    { "smooth", 14, bench_smooth },
    { "smooth", 16, bench_smooth },
    { "smooth", 20, bench_smooth },
    { "smooth", 24, bench_smooth },
    { "noisy 1e-8", 20, bench_noisy },
    { "noisy 1e-8", 24, bench_noisy },
    { "of float32", 20, bench_single },
    { "50 steps", 20, bench_steps },
    { "100 spikes", 20, bench_spikes },
    { "random", 20, bench_random },
    { "random", 24, bench_random },
};


static double
bench_now(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0) {
        perror("engine_tt: clock_gettime");
        exit(1);
    }

    return (double) ts.tv_sec + 1e-9 * (double) ts.tv_nsec;
}


static int
bench_order(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
bench_array(const char *name, const double *a, size_t n, unsigned repeat,
    double tol)
{
    double          took[BENCH_REPEAT_MAX], begin, warm;
    unsigned        i, k, most;
    hx_work_t       work;
    hx_array_t      array;
    hx_tt_want_t    want;
    const char     *verdict;
    hx_tt_result_t  r;

    static const char *const  words[] = {
        "passthrough", "exact", "safe", "weak"
    };

    memset(&array, 0, sizeof(array));
    array.dtype = HX_DTYPE_F8;
    array.ndim = 1;
    array.dim[0] = n;

    want.tol_max = tol;
    want.ratio_min = BENCH_RATIO_MIN;

    hx_work_init(&work, 0);

    for (i = 0, warm = 0; i < repeat; /* void */ ) {
        begin = bench_now();
        hx_work_reset(&work, hx_tt_compress_work(n * sizeof(double)),
                      (size_t) 16 << 20);

        if (hx_tt_compress(&r, &array, a, &want, &work) != HX_OK) {
            fprintf(stderr, "engine_tt: no memory\n");
            exit(1);
        }

        took[i] = bench_now() - begin;

        if (warm < BENCH_WARM) {
            warm += took[i];

        } else {
            i++;
        }
    }

    qsort(took, repeat, sizeof(double), bench_order);

    for (k = 0, most = 0; k <= r.tt.d; k++) {
        most = r.tt.rank[k] > most ? r.tt.rank[k] : most;
    }

    verdict = r.verdict == HX_VERDICT_PASSTHROUGH ? hx_tt_reason(r.reason)
                                                  : words[r.verdict];

    printf("%s\t%zu\t%.9f\t%.9f\t%s\t%u\t%zu\t%.2f\t%.3e\t%u\t%u\t%.1f\n", name,
           n, took[0], took[repeat / 2], verdict, most, r.n_values,
           r.n_values ? (double) n / (double) r.n_values : 1, r.rel_error,
           r.passes, r.pivots, (double) work.peak / 1e6);
    fflush(stdout);

    hx_work_free(&work);
}


static double *
bench_memory(size_t n)
{
    double  *a;

    a = malloc(n * sizeof(double));

    if (a == NULL) {
        fprintf(stderr, "engine_tt: no memory\n");
        exit(1);
    }

    return a;
}


static void
bench_file(const char *path, unsigned repeat, double tol)
{
    FILE    *f;
    long     size;
    double  *a;
    size_t   n;

    f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 8
        || fseek(f, 0, SEEK_SET) != 0)
    {
        perror(path);
        exit(1);
    }

    n = (size_t) size / sizeof(double);
    a = bench_memory(n);

    if (fread(a, sizeof(double), n, f) != n) {
        perror(path);
        exit(1);
    }

    fclose(f);
    bench_array(path, a, n, repeat, tol);
    free(a);
}


int
main(int argc, char **argv)
{
    double    *a;
    size_t     i, n;
    unsigned   repeat;
    long       count;
    char      *end;

    count = argc > 1 ? strtol(argv[argc > 2 ? 2 : 1], &end, 10) : 5;

    if (argc == 2 && *end != '\0') {
        count = 5;
    }

    if (count < 1 || count > BENCH_REPEAT_MAX || argc > 4) {
        fprintf(stderr, "usage: engine_tt [FILE] [REPEAT [weak]]\n");
        return 1;
    }

    repeat = (unsigned) count;

    if (argc > 2 || (argc == 2 && *end != '\0')) {
        bench_file(argv[1], repeat, argc == 4 ? HX_TT_WEAK_BELOW
                                              : HX_TT_SAFE_BELOW);
        return 0;
    }

    for (i = 0; i < hx_nelts(bench_cases); i++) {
        n = (size_t) 1 << bench_cases[i].bits;
        a = bench_memory(n);
        bench_seed = 1;
        bench_cases[i].fill(a, n);

        /* small arrays are over in no time: more runs of those */
        bench_array(bench_cases[i].name, a, n,
                    n <= 65536 && repeat * 20 <= BENCH_REPEAT_MAX
                    ? repeat * 20 : repeat, HX_TT_SAFE_BELOW);
        free(a);
    }

    return 0;
}
