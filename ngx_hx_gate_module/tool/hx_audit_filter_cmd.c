/*
 * hx_audit_filter_cmd.c -- the command "filter": matching lines as they are.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_select.h"
#include "hx_audit_tool.h"


typedef struct {
    unsigned    count:1;
    uint64_t    n;
} hx_filter_cmd_t;


static const char  hx_filter_usage[] =
    "usage: hx-audit filter [OPTION]... FILE...\n"
    "\n"
    "Prints the records that match, unchanged.\n"
    "\n"
    HX_SELECT_USAGE
    "  --checkpoints      print those of the chain, too\n"
    "  --count            only tell how many\n"
    "  --help\n"
    "\n"
    "Exit code: 0 something matched, 1 nothing did, 2 could not run.\n";


static int
hx_filter_each(void *data, const hx_record_t *r, const hx_line_t *line)
{
    hx_filter_cmd_t  *cmd = data;

    cmd->n++;

    if (!cmd->count
        && (fwrite(line->data, 1, line->len, stdout) != line->len
            || fputc('\n', stdout) == EOF))
    {
        return hx_tool_flush(HX_TOOL_FAILED);
    }

    return HX_TOOL_OK;
}


int
hx_audit_filter_main(int argc, char **argv)
{
    int                  c, rc;
    uint64_t             bad;
    hx_filter_t          f;
    hx_filter_cmd_t      cmd;

    static const struct option  options[] = {
        HX_SELECT_OPTIONS,
        { "checkpoints", no_argument, NULL, 'k' },
        { "count", no_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    memset(&f, 0, sizeof(hx_filter_t));
    memset(&cmd, 0, sizeof(hx_filter_cmd_t));

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'k':
            f.checkpoints = 1;
            break;

        case 'c':
            cmd.count = 1;
            break;

        case 'h':
            fputs(hx_filter_usage, stdout);
            return hx_tool_flush(HX_TOOL_OK);

        default:
            if (hx_select_option(&f, c, optarg) != HX_TOOL_OK) {
                return HX_TOOL_FAILED;
            }
        }
    }

    rc = hx_select_run(&f, argv + optind, (unsigned) (argc - optind),
                       hx_filter_each, &cmd, &bad);

    if (rc != HX_TOOL_OK) {
        return rc;
    }

    if (cmd.count) {
        printf("%llu\n", (unsigned long long) cmd.n);
    }

    rc = hx_tool_flush(cmd.n != 0 ? HX_TOOL_OK : HX_TOOL_FOUND);
    hx_tool_tell_bad(bad);

    return rc;
}
