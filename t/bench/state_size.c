/*
 * state_size.c -- what tenants in the shared memory take, and how long it takes
 * to find one.
 *
 *     state_size TENANTS FILE
 *
 * Fills a memory of the size that the documentation's formula gives, in FILE,
 * asks and charges for each tenant in a scattered order, and writes one line:
 *
 *     tenants  bytes of the file  bytes touched per tenant  ns of a first ask
 *     ns of an ask  ns of a charge  full
 *
 * "full" is how often no block was to be had.  Exit code 1: the memory did not
 * hold them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_box.h"
#include "hx_plan.h"
#include "hx_state.h"
#include "hx_text.h"


#define SIZE_FIXED     131072           /* bytes beside blocks and index */
#define SIZE_TENANT    233              /* block, index, a bit */
#define SIZE_MONTH     202611


static uint64_t
size_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* Resident bytes of the mapping, from /proc/self/smaps. */

static size_t
size_resident(const char *path)
{
    int     mine;
    char    line[4096];
    size_t  kb, sum;
    FILE   *f;

    f = fopen("/proc/self/smaps", "r");
    if (f == NULL) {
        return 0;
    }

    mine = 0;
    sum = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        if (strstr(line, path) != NULL) {
            mine = 1;

        } else if (mine && sscanf(line, "Rss: %zu kB", &kb) == 1) {
            sum += kb * 1024;
            mine = 0;
        }
    }

    (void) fclose(f);

    return sum;
}


/* A number that visits all tenants once, in no order that a cache likes. */

static hx_str_t
size_id(unsigned char *text, uint64_t i, uint64_t n)
{
    hx_buf_t  b;
    hx_str_t  id;

    hx_buf_init(&b, text, HX_TENANT_MAX);
    hx_buf_lit(&b, "tenant-");
    hx_text_u64(&b, i * 7919 % n);

    id.data = text;
    id.len = hx_buf_len(&b);

    return id;
}


static hx_rc_t
size_ask(hx_state_t *st, const hx_str_t *id, hx_state_answer_t *answer)
{
    hx_state_ask_t  ask;

    memset(&ask, 0, sizeof(ask));
    ask.id = *id;
    ask.month = SIZE_MONTH;
    ask.rate.requests = 1000;
    ask.rate.window_s = 60;
    ask.quota = HX_QUOTA_UNLIMITED;
    ask.cost = 10;

    return hx_state_ask(st, &ask, answer);
}


/* ns each, or 0 when one failed */

static uint64_t
size_round(hx_state_t *st, uint64_t n, unsigned operation)
{
    uint64_t            i, begin;
    hx_str_t            id;
    unsigned char       text[HX_TENANT_MAX];
    hx_state_answer_t   answer;
    hx_state_charge_t   charge;

    memset(&charge, 0, sizeof(charge));
    charge.month = SIZE_MONTH;
    charge.operation = operation;
    charge.tenths = 10;

    begin = size_now();

    for (i = 0; i < n; i++) {
        id = size_id(text, i, n);
        charge.id = id;

        if (operation == 0 ? size_ask(st, &id, &answer) != HX_OK
                           : hx_state_charge(st, &charge) != HX_OK)
        {
            return 0;
        }
    }

    return (size_now() - begin) / n + 1;
}


int
main(int argc, char **argv)
{
    char              err[HX_STATE_ERR];
    uint64_t          n, first, again, charged;
    hx_str_t          name = hx_string("put");
    hx_state_t       *st;
    hx_state_conf_t   conf;
    hx_state_info_t   info;

    if (argc != 3
        || hx_text_parse_u64((unsigned char *) argv[1], strlen(argv[1]),
                             100000000, &n)
           != HX_OK)
    {
        (void) fprintf(stderr, "usage: state_size TENANTS FILE\n");
        return 2;
    }

    conf.path = argv[2];
    conf.size = SIZE_FIXED + n * SIZE_TENANT;
    conf.n_boxes = 0;
    conf.box_size = 0;

    if (hx_state_open(&st, &conf, err) != HX_OK) {
        (void) fprintf(stderr, "state_size: %s\n", err);
        return 2;
    }

    first = size_round(st, n, 0);
    again = size_round(st, n, 0);
    charged = size_round(st, n, hx_state_operation(st, &name));

    hx_state_info(st, &info);

    (void) printf("%llu\t%llu\t%.1f\t%llu\t%llu\t%llu\t%llu\n",
                  (unsigned long long) info.tenants,
                  (unsigned long long) info.bytes,
                  (double) size_resident(argv[2]) / (double) n,
                  (unsigned long long) first, (unsigned long long) again,
                  (unsigned long long) charged,
                  (unsigned long long) info.full);

    hx_state_close(st);

    return info.tenants == n && first && again && charged ? 0 : 1;
}
