/*
 * engine_ingest.c -- what taking in the body of a put costs: the JSON scanner,
 * base64, and the buffer the payload comes to lie in.
 *
 *     engine_ingest ROUNDS
 *
 * For payloads of 1, 10 and 100 MB: a body {"key":...,"data_b64":"..."} goes
 * through api/hx_api_body.c in pieces of 64 KiB, and the buffer is given back.
 * Each piece is the same memory, as the server's are, which receives all of
 * them into one place; so the text of 100 MB does not come from farther away
 * than that of 10 MB.  Prints a line for each size: the form, bytes of payload,
 * then the least and the median CPU nanoseconds of the rounds.  The form "raw"
 * is a body of application/octet-stream, copied once, as it is when it comes
 * in chunks.
 */

#include "engine_bench.h"
#include "hx_api_body.h"

#define INGEST_PIECE       65536
#define INGEST_ROUNDS_MAX  1000
#define INGEST_FIELDS      (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_DATA))

static hx_budget_t  ingest_budget;


static int
ingest_compare(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


/* A piece of the text, again and again, and what is left at the end. */
typedef struct {
    const char           *form;
    hx_raw_t              raw;
    size_t                payload;      /* bytes it is, decoded */
    hx_str_t              head;
    const unsigned char  *piece;        /* INGEST_PIECE bytes */
    size_t                pieces;
    hx_str_t              rest;
    hx_str_t              tail;
    unsigned char         last;         /* byte of the payload */
} ingest_t;


static void
ingest_feed(hx_body_t *b, const unsigned char *p, size_t len)
{
    if (hx_body_feed(b, p, len) != 0) {
        bench_die("body", "refused");
    }
}


static uint64_t
ingest_once(const ingest_t *in)
{
    size_t             i, len;
    uint64_t           begin, limit;
    hx_body_t         *b;
    static hx_reply_t  reply;

    hx_reply_init(&reply);
    limit = UINT64_C(1) << 32;
    len = in->head.len + in->pieces * INGEST_PIECE + in->rest.len
          + in->tail.len;
    begin = bench_cpu();

    b = in->raw != HX_RAW_NONE
        ? hx_body_create_raw(&reply, &ingest_budget, limit, INGEST_FIELDS,
                             len, in->raw)
        : hx_body_create(&reply, &ingest_budget, limit, INGEST_FIELDS, len);

    if (b == NULL) {
        bench_die("body", "not taken");
    }

    ingest_feed(b, in->head.data, in->head.len);

    for (i = 0; i < in->pieces; i++) {
        ingest_feed(b, in->piece, INGEST_PIECE);
    }

    ingest_feed(b, in->rest.data, in->rest.len);
    ingest_feed(b, in->tail.data, in->tail.len);

    if (hx_body_finish(b) != 0 || b->value_len != in->payload
        || b->value[in->payload - 1] != in->last)
    {
        bench_die("body", "wrong payload");
    }

    hx_body_free(b);

    return bench_cpu() - begin;
}


static void
ingest_measure(const ingest_t *in, uint64_t rounds)
{
    uint64_t  i, ns[INGEST_ROUNDS_MAX];

    for (i = 0; i < rounds; i++) {
        ns[i] = ingest_once(in);
    }

    qsort(ns, rounds, sizeof(ns[0]), ingest_compare);
    (void) printf("%s\t%zu\t%llu\t%llu\n", in->form, in->payload,
                  (unsigned long long) ns[0],
                  (unsigned long long) ns[rounds / 2]);
}


int
main(int argc, char **argv)
{
    size_t          i, mb, bytes, left;
    ingest_t        in;
    uint64_t        rounds, seed;
    unsigned char  *payload, *text, *rest;

    if (argc != 2) {
        (void) fprintf(stderr, "usage: engine_ingest ROUNDS\n");
        return 2;
    }

    rounds = bench_number(argv[1], INGEST_ROUNDS_MAX);
    ingest_budget.max = UINT64_C(1) << 40;
    payload = bench_memory(INGEST_PIECE);
    text = bench_memory(INGEST_PIECE);
    rest = bench_memory(INGEST_PIECE);
    seed = 1;

    for (i = 0; i < INGEST_PIECE; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        payload[i] = (unsigned char) (seed >> 56);
    }

    (void) hx_base64_encode(text, payload, INGEST_PIECE / 4 * 3);

    for (mb = 1; mb <= 100; mb *= 10) {
        bytes = INGEST_PIECE / 4 * 3;
        left = mb * 1000000 % bytes;

        in = (ingest_t) { "json", HX_RAW_NONE, mb * 1000000,
                          hx_string("{\"key\":\"k\",\"data_b64\":\""), text,
                          mb * 1000000 / bytes,
                          { rest, hx_base64_encode(rest, payload, left) },
                          hx_string("\",\"namespace\":\"n\"}"),
                          payload[left - 1] };
        ingest_measure(&in, rounds);

        left = mb * 1000000 % INGEST_PIECE;

        in = (ingest_t) { "raw", HX_RAW_OCTETS, mb * 1000000, hx_string(""),
                          payload, mb * 1000000 / INGEST_PIECE,
                          { payload, left }, hx_string(""),
                          payload[left - 1] };
        ingest_measure(&in, rounds);
    }

    free(payload);
    free(text);
    free(rest);

    return 0;
}
