/*
 * hx_audit_select.h -- the options that filter, follow and stats share, and the
 * loop over the records of files.
 */

#ifndef HX_AUDIT_SELECT_H
#define HX_AUDIT_SELECT_H

#include <getopt.h>

#include "hx_audit_filter.h"
#include "hx_audit_lines.h"

/* Put into the table of long options; values are from 1000 on. */
#define HX_SELECT_OPTIONS                                                     \
    { "tenant", required_argument, NULL, 1000 },                              \
    { "status", required_argument, NULL, 1001 },                              \
    { "since", required_argument, NULL, 1002 },                               \
    { "until", required_argument, NULL, 1003 },                               \
    { "namespace", required_argument, NULL, 1004 },                           \
    { "path", required_argument, NULL, 1005 },                                \
    { "request-id", required_argument, NULL, 1006 },                          \
    { "outcome", required_argument, NULL, 1007 }

#define HX_SELECT_USAGE                                                       \
    "  --tenant ID        of this tenant; \"-\": of nobody; may be repeated\n"\
    "  --status STATUS    403, 4xx or 500-599; may be repeated\n"             \
    "  --since TIME       from then on: 2026-01-31T23:59:59.123Z, a date, or\n"\
    "                     15m, 2h, 3d ago; UTC\n"                             \
    "  --until TIME       before then\n"                                      \
    "  --namespace NAME\n"                                                    \
    "  --path PREFIX      whose path begins so\n"                             \
    "  --request-id ID\n"                                                     \
    "  --outcome WORD     needs records with that member\n"

/* HX_TOOL_OK, or a message and HX_TOOL_FAILED. */
int hx_select_option(hx_filter_t *f, int c, const char *value);

/* A matching line; an exit code that is not 0 ends the loop. */
typedef int (*hx_select_pt)(void *data, const hx_record_t *r,
    const hx_line_t *line);

/*
 * Calls each() for the records of the files that match; HX_TOOL_OK, what each()
 * returned, or a message and HX_TOOL_FAILED.  *bad: lines that are no records.
 */
int hx_select_run(const hx_filter_t *f, char **names, unsigned n,
    hx_select_pt each, void *data, uint64_t *bad);

#endif /* HX_AUDIT_SELECT_H */
