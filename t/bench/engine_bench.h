/*
 * engine_bench.h -- what the programs of "make bench-engine" share: a clock, a
 * file as bytes, numbers of the command line.  Each program ends with exit code
 * 2 when it is called wrongly and with 1 when it cannot do its work; what it
 * measured stands on stdout, divided by tabs.
 */

#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hx_text.h"


static inline void
bench_die(const char *what, const char *why)
{
    (void) fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}


static inline uint64_t
bench_clock(clockid_t id)
{
    struct timespec  ts;

    if (clock_gettime(id, &ts) != 0) {
        bench_die("clock_gettime", "failed");
    }

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static inline uint64_t
bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}


/* Of this thread alone: what others do meanwhile is not a peer's fault. */

static inline uint64_t
bench_cpu(void)
{
    return bench_clock(CLOCK_THREAD_CPUTIME_ID);
}


/* A number of the command line, 1 .. max. */

static inline uint64_t
bench_number(const char *text, uint64_t max)
{
    uint64_t  n;

    if (hx_text_parse_u64((const unsigned char *) text, strlen(text), max, &n)
        != HX_OK
        || n == 0)
    {
        (void) fprintf(stderr, "bench: \"%s\" is no number of 1 to %llu\n",
                       text, (unsigned long long) max);
        exit(2);
    }

    return n;
}


/* 64-byte aligned memory, all of it touched; the caller frees it. */

static inline void *
bench_memory(size_t size)
{
    void  *p;

    p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (p == NULL) {
        bench_die("memory", "not enough");
    }

    memset(p, 0, (size + 63) / 64 * 64);

    return p;
}


/* The whole file in memory of bench_memory(). */

static inline unsigned char *
bench_file(const char *path, size_t *size)
{
    FILE           *f;
    struct stat     st;
    unsigned char  *p;

    f = fopen(path, "rb");
    if (f == NULL || fstat(fileno(f), &st) != 0 || st.st_size <= 0) {
        bench_die(path, "cannot be read");
    }

    *size = (size_t) st.st_size;
    p = bench_memory(*size);

    if (fread(p, 1, *size, f) != *size) {
        bench_die(path, "cannot be read to its end");
    }

    (void) fclose(f);

    return p;
}

#endif /* ENGINE_BENCH_H */
