/*
 * scan_speed.c -- what reading a request body costs the gate, and that it
 * costs ten times as much for ten times the bytes.
 *
 *     scan_speed ROUNDS            at least, and 2 s
 *
 * Bodies of 10 MB and 100 MB go through hx_extract in pieces of 16 KiB, as a
 * request body filter gets them; "namespace" comes last, so everything before
 * it has to be read.  Pieces are cut from one repeated pattern at changing
 * places, and 100 MB touch no more memory than 10 MB do.
 *
 * Prints a line for each kind of body: name, then bytes and CPU nanoseconds
 * (least of the rounds) of the small and of the large one, divided by tabs.
 * t/bench/run judges.  Exit code 1 when the scanner gets a body wrong.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_extract.h"
#include "hx_text.h"


#define SCAN_PIECE        16384
#define SCAN_PATTERN      64            /* the longest */
#define SCAN_SMALL        ((size_t) 10 * 1000 * 1000)
#define SCAN_LARGE        ((size_t) 100 * 1000 * 1000)
#define SCAN_ROUNDS_MAX   100
#define SCAN_AT_LEAST     UINT64_C(2000000000)  /* ns of all rounds */


typedef struct {
    const char  *name;
    hx_str_t     head;
    hx_str_t     pattern;
    hx_str_t     tail;
} scan_body_t;


/* One long string as put sends it, one that is all escapes and multi-byte
 * characters, and one of nothing but short tokens, which is yajl's part. */

static const scan_body_t  scan_bodies[] = {
    { "base64",
      hx_string("{\"key\":\"k\",\"data_b64\":\""),
      hx_string("AAAAAAAA8D8zMzMzMzPzPwAAAAAAAAhAmpmZmZmZuT8KtyFC"),
      hx_string("\",\"namespace\":\"production\"}") },

    { "escapes",
      hx_string("{\"key\":\"k\",\"text\":\""),
      hx_string("\\u00e4\\\"\\n\xc3\xa4\\ud83d\\ude00\xe2\x82\xac\\\\"),
      hx_string("\",\"namespace\":\"production\"}") },

    { "tokens",
      hx_string("{\"key\":\"k\",\"metadata\":{\"list\":["),
      hx_string("\"ab\",-1.5e3,true,{\"n\":null},"),
      hx_string("0]},\"namespace\":\"production\"}") },
};


static uint64_t
scan_cpu_ns(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) != 0) {
        perror("scan_speed: clock_gettime");
        exit(1);
    }

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static hx_rc_t
scan_once(const scan_body_t *b, const unsigned char *text, size_t times)
{
    size_t        left, n, pos;
    hx_rc_t       rc;
    hx_extract_t  x;

    rc = hx_extract_start(&x, NULL);

    if (rc == HX_OK) {
        rc = hx_extract_feed(&x, b->head.data, b->head.len);
    }

    pos = 0;

    for (left = times * b->pattern.len; rc == HX_OK && left != 0; left -= n) {
        n = left < SCAN_PIECE ? left : SCAN_PIECE;
        rc = hx_extract_feed(&x, text + pos, n);
        pos = (pos + n) % b->pattern.len;
    }

    if (rc == HX_OK) {
        rc = hx_extract_feed(&x, b->tail.data, b->tail.len);
    }

    if (rc == HX_OK) {
        rc = hx_extract_finish(&x);
    }

    if (rc == HX_OK
        && (x.ns_len != 10 || memcmp(x.ns, "production", 10) != 0))
    {
        rc = HX_NO;
    }

    hx_extract_end(&x);

    return rc;
}


/*
 * Lowers *best; a body that is not understood ends the program.  As many as
 * make SCAN_LARGE are timed at once, so that what else the machine does meets
 * small ones as often.
 */

static size_t
scan_time(const scan_body_t *b, const unsigned char *text, size_t size,
    uint64_t *best)
{
    size_t    i, n, times;
    uint64_t  ns;

    times = size / b->pattern.len;
    n = SCAN_LARGE / size;
    ns = scan_cpu_ns();

    for (i = 0; i < n; i++) {
        if (scan_once(b, text, times) != HX_OK) {
            (void) fprintf(stderr, "scan_speed: %s: wrong answer\n", b->name);
            exit(1);
        }
    }

    ns = (scan_cpu_ns() - ns) / n;

    if (ns < *best) {
        *best = ns;
    }

    return b->head.len + times * b->pattern.len + b->tail.len;
}


static void
scan_body(const scan_body_t *b, unsigned rounds)
{
    size_t                i, small, large;
    uint64_t              begin, small_ns, large_ns;
    static unsigned char  text[SCAN_PIECE + SCAN_PATTERN];

    for (i = 0; i < sizeof(text); i++) {
        text[i] = b->pattern.data[i % b->pattern.len];
    }

    small = 0;
    large = 0;
    small_ns = UINT64_MAX;
    large_ns = UINT64_MAX;

    begin = scan_cpu_ns();

    /* a fast one has more of them: the least is to have met no neighbour */

    for (i = 0; i < rounds || scan_cpu_ns() - begin < SCAN_AT_LEAST; i++) {
        small = scan_time(b, text, SCAN_SMALL, &small_ns);
        large = scan_time(b, text, SCAN_LARGE, &large_ns);
    }

    (void) printf("%s\t%zu\t%llu\t%zu\t%llu\n", b->name,
                  small, (unsigned long long) small_ns,
                  large, (unsigned long long) large_ns);
}


int
main(int argc, char **argv)
{
    size_t    i;
    uint64_t  rounds;

    if (argc != 2
        || hx_text_parse_u64((const unsigned char *) argv[1], strlen(argv[1]),
                             SCAN_ROUNDS_MAX, &rounds) != HX_OK
        || rounds == 0)
    {
        (void) fprintf(stderr, "usage: scan_speed ROUNDS\n");
        return 2;
    }

    for (i = 0; i < hx_nelts(scan_bodies); i++) {
        scan_body(&scan_bodies[i], (unsigned) rounds);
    }

    return 0;
}
