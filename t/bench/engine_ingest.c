/*
 * engine_ingest.c -- what taking in the body of a put costs: the JSON scanner,
 * base64, and the buffer the payload comes to lie in.
 *
 *     engine_ingest ROUNDS
 *
 * For payloads of 1, 10 and 100 MB: a body {"key":...,"data_b64":"..."} goes
 * through api/hx_api_body.c in pieces of 64 KiB, as the server reads them, and
 * the buffer is given back.  Prints a line for each size: the form, bytes of
 * payload, then the least and the median nanoseconds of the rounds.  The form
 * "raw" is a body of application/octet-stream, copied once, as it is when it
 * comes in chunks.
 */

#include "engine_bench.h"
#include "hx_api_body.h"

#define INGEST_PIECE       65536
#define INGEST_ROUNDS_MAX  1000
#define INGEST_FIELDS      (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_DATA))

static const char  ingest_head[] = "{\"key\":\"k\",\"data_b64\":\"";
static const char  ingest_tail[] = "\",\"namespace\":\"n\"}";

static hx_budget_t  ingest_budget;


static int
ingest_compare(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


static uint64_t
ingest_once(const unsigned char *text, size_t len, size_t payload,
    hx_raw_t raw, unsigned char last)
{
    size_t             n;
    uint64_t           begin, limit;
    hx_body_t         *b;
    static hx_reply_t  reply;

    hx_reply_init(&reply);
    limit = UINT64_C(1) << 32;
    begin = bench_now();

    b = raw != HX_RAW_NONE
        ? hx_body_create_raw(&reply, &ingest_budget, limit, INGEST_FIELDS,
                             len, raw)
        : hx_body_create(&reply, &ingest_budget, limit, INGEST_FIELDS, len);

    if (b == NULL) {
        bench_die("body", "not taken");
    }

    for ( /* void */ ; len != 0; text += n, len -= n) {
        n = len < INGEST_PIECE ? len : INGEST_PIECE;

        if (hx_body_feed(b, text, n) != 0) {
            bench_die("body", "refused");
        }
    }

    if (hx_body_finish(b) != 0 || b->value_len != payload
        || b->value[payload - 1] != last)
    {
        bench_die("body", "wrong payload");
    }

    hx_body_free(b);

    return bench_now() - begin;
}


static void
ingest_size(const char *form, const unsigned char *text, size_t len,
    size_t payload, hx_raw_t raw, unsigned char last, uint64_t rounds)
{
    uint64_t  i, ns[INGEST_ROUNDS_MAX];

    for (i = 0; i < rounds; i++) {
        ns[i] = ingest_once(text, len, payload, raw, last);
    }

    qsort(ns, rounds, sizeof(ns[0]), ingest_compare);
    (void) printf("%s\t%zu\t%llu\t%llu\n", form, payload,
                  (unsigned long long) ns[0],
                  (unsigned long long) ns[rounds / 2]);
}


int
main(int argc, char **argv)
{
    size_t          i, mb, n, len;
    uint64_t        rounds, seed;
    unsigned char  *payload, *text;

    if (argc != 2) {
        (void) fprintf(stderr, "usage: engine_ingest ROUNDS\n");
        return 2;
    }

    rounds = bench_number(argv[1], INGEST_ROUNDS_MAX);
    ingest_budget.max = UINT64_C(1) << 40;
    seed = 1;

    for (mb = 1; mb <= 100; mb *= 10) {
        n = mb * 1000000;
        payload = bench_memory(n);

        for (i = 0; i < n; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            payload[i] = (unsigned char) (seed >> 56);
        }

        text = bench_memory(hx_base64_enc_len(n) + 64);
        len = sizeof(ingest_head) - 1;
        memcpy(text, ingest_head, len);
        len += hx_base64_encode(text + len, payload, n);
        memcpy(text + len, ingest_tail, sizeof(ingest_tail) - 1);
        len += sizeof(ingest_tail) - 1;

        ingest_size("json", text, len, n, HX_RAW_NONE, payload[n - 1],
                    rounds);
        ingest_size("raw", payload, n, n, HX_RAW_OCTETS, payload[n - 1],
                    rounds);
        free(text);
        free(payload);
    }

    return 0;
}
