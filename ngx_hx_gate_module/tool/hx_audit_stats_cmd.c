/*
 * hx_audit_stats_cmd.c -- the command "stats": a table, or JSON.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_ops.h"
#include "hx_audit_select.h"
#include "hx_audit_stats.h"
#include "hx_audit_tool.h"
#include "hx_crypto.h"


typedef enum {
    HX_BY_TENANT = 0,
    HX_BY_NAMESPACE,
    HX_BY_OPERATION,
    HX_BY_PATH,
    HX_BY_COUNT
} hx_by_t;

static const char *const  hx_by_words[HX_BY_COUNT] = {
    "tenant", "namespace", "operation", "path"
};

typedef struct {
    hx_by_t        by;
    unsigned       json:1;
    hx_filter_t    filter;
    hx_stats_t    *stats;
    hx_ops_t       ops;
} hx_stats_cmd_t;


static const char  hx_stats_usage[] =
    "usage: hx-audit stats [OPTION]... FILE...\n"
    "\n"
    "Counts records: requests, statuses (4xx with 429 among them), CUs, and\n"
    "latencies in ms (exact below 128, from there on at most 1/64 too high).\n"
    "A record that amends one counts as aborted, not as a request.\n"
    "\n"
    "  --by WHAT          tenant (default), namespace, operation or path; an\n"
    "                     operation is what the record says, else that of the\n"
    "                     table hx-sdp\n"
    HX_SELECT_USAGE
    "  --json\n"
    "  --help\n"
    "\n"
    "Exit code: 0 something matched, 1 nothing did, 2 could not run.\n";


static int
hx_stats_each(void *data, const hx_record_t *r, const hx_line_t *line)
{
    hx_str_t         name;
    hx_stats_cmd_t  *cmd = data;

    switch (cmd->by) {

    case HX_BY_NAMESPACE:
        name = r->ns;
        break;

    case HX_BY_OPERATION:
        hx_ops_name(&cmd->ops, r, &name);
        break;

    case HX_BY_PATH:
        name = r->path;
        break;

    default:
        name = r->tenant;
    }

    return hx_stats_add(cmd->stats, &name, r) == HX_OK
           ? HX_TOOL_OK : hx_tool_fail("out of memory");
}


#define hx_ull(v)   ((unsigned long long) (v))

static void
hx_stats_row(const hx_stats_group_t *g, const char *name)
{
    printf("%9llu %9llu %8llu %8llu %8llu %7llu %11llu.%llu %7llu %7llu %7llu "
           "%7llu  %.24s %.24s  ",
           hx_ull(g->requests), hx_ull(g->ok), hx_ull(g->client),
           hx_ull(g->limited), hx_ull(g->server), hx_ull(g->aborted),
           hx_ull(g->cus / 10), hx_ull(g->cus % 10),
           hx_ull(hx_stats_latency(g, 500)), hx_ull(hx_stats_latency(g, 950)),
           hx_ull(hx_stats_latency(g, 990)), hx_ull(g->latency_max),
           g->requests != 0 ? (const char *) g->first_ts
                            : "-                       ",
           g->requests != 0 ? (const char *) g->last_ts
                            : "-                       ");

    if (name != NULL) {
        printf("%s\n", name);
        return;
    }

    hx_tool_print(stdout, &g->name);
    printf("\n");
}


static void
hx_stats_table(const hx_stats_cmd_t *cmd, const hx_stats_group_t *g,
    unsigned n)
{
    unsigned  i;

    printf("%9s %9s %8s %8s %8s %7s %13s %7s %7s %7s %7s  %-24s %-24s  %s\n",
           "requests", "2xx", "4xx", "429", "5xx", "aborted", "CUs", "p50",
           "p95", "p99", "max", "first", "last", hx_by_words[cmd->by]);

    for (i = 0; i < n; i++) {
        hx_stats_row(&g[i], NULL);
    }

    if (hx_stats_rest(cmd->stats)->requests != 0
        || hx_stats_rest(cmd->stats)->aborted != 0)
    {
        hx_stats_row(hx_stats_rest(cmd->stats), "other");
    }

    hx_stats_row(hx_stats_total(cmd->stats), "total");
}


static void
hx_stats_object(const hx_stats_group_t *g)
{
    printf("\"requests\":%llu,\"2xx\":%llu,\"4xx\":%llu,\"429\":%llu,"
           "\"5xx\":%llu,\"aborted\":%llu,\"cus\":%llu.%llu,"
           "\"latency_ms\":{\"p50\":%llu,\"p95\":%llu,\"p99\":%llu,"
           "\"max\":%llu}",
           hx_ull(g->requests), hx_ull(g->ok), hx_ull(g->client),
           hx_ull(g->limited), hx_ull(g->server), hx_ull(g->aborted),
           hx_ull(g->cus / 10), hx_ull(g->cus % 10),
           hx_ull(hx_stats_latency(g, 500)), hx_ull(hx_stats_latency(g, 950)),
           hx_ull(hx_stats_latency(g, 990)), hx_ull(g->latency_max));

    if (g->requests != 0) {
        printf(",\"first\":\"%.24s\",\"last\":\"%.24s\"}",
               (const char *) g->first_ts, (const char *) g->last_ts);

    } else {
        printf(",\"first\":null,\"last\":null}");
    }
}


static void
hx_stats_json(const hx_stats_cmd_t *cmd, const hx_stats_group_t *g,
    unsigned n, uint64_t bad)
{
    unsigned  i;

    printf("{\"by\":\"%s\",\"groups\":[", hx_by_words[cmd->by]);

    for (i = 0; i < n; i++) {
        printf("%s{\"name\":", i != 0 ? "," : "");
        hx_tool_print_json(stdout, &g[i].name);
        printf(",");
        hx_stats_object(&g[i]);
    }

    printf("],\"other\":{");
    hx_stats_object(hx_stats_rest(cmd->stats));
    printf(",\"total\":{");
    hx_stats_object(hx_stats_total(cmd->stats));
    printf(",\"no_records\":%llu}\n", hx_ull(bad));
}


static int
hx_stats_by(hx_stats_cmd_t *cmd, const char *value)
{
    unsigned  i;

    for (i = 0; i < HX_BY_COUNT; i++) {
        if (strcmp(value, hx_by_words[i]) == 0) {
            cmd->by = (hx_by_t) i;
            return HX_TOOL_OK;
        }
    }

    return hx_tool_fail("--by: must be tenant, namespace, operation or path, "
                        "not \"%s\"", value);
}


static int
hx_stats_run(hx_stats_cmd_t *cmd, char **names, unsigned n)
{
    int                rc;
    uint64_t           seed, bad;
    hx_stats_group_t  *groups;

    if (hx_random_secret(&seed, sizeof(seed)) != HX_OK
        || hx_ops_init(&cmd->ops) != HX_OK
        || (cmd->stats = hx_stats_create(seed)) == NULL)
    {
        return hx_tool_fail("out of memory");
    }

    rc = hx_select_run(&cmd->filter, names, n, hx_stats_each, cmd, &bad);

    if (rc == HX_TOOL_OK) {
        n = hx_stats_groups(cmd->stats, &groups);

        if (cmd->json) {
            hx_stats_json(cmd, groups, n, bad);

        } else {
            hx_stats_table(cmd, groups, n);
        }

        rc = hx_tool_flush(n != 0 ? HX_TOOL_OK : HX_TOOL_FOUND);
        hx_tool_tell_bad(bad);
    }

    hx_stats_free(cmd->stats);

    return rc;
}


int
hx_audit_stats_main(int argc, char **argv)
{
    int  c;

    static hx_stats_cmd_t       cmd;
    static const struct option  options[] = {
        HX_SELECT_OPTIONS,
        { "by", required_argument, NULL, 'b' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'b':
            if (hx_stats_by(&cmd, optarg) != HX_TOOL_OK) {
                return HX_TOOL_FAILED;
            }

            break;

        case 'j':
            cmd.json = 1;
            break;

        case 'h':
            fputs(hx_stats_usage, stdout);
            return hx_tool_flush(HX_TOOL_OK);

        default:
            if (hx_select_option(&cmd.filter, c, optarg) != HX_TOOL_OK) {
                return HX_TOOL_FAILED;
            }
        }
    }

    return hx_stats_run(&cmd, argv + optind, (unsigned) (argc - optind));
}
