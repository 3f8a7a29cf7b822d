/*
 * hx_audit_tool.h -- what the commands of hx-audit share: exit codes, messages,
 * and names as a terminal may see them.
 */

#ifndef HX_AUDIT_TOOL_H
#define HX_AUDIT_TOOL_H

#include <stdio.h>

#include "hx_types.h"

#define HX_TOOL_OK       0
#define HX_TOOL_FOUND    1          /* findings, or nothing matched */
#define HX_TOOL_FAILED   2          /* could not run */

/* The commands: arguments from the command's own name on; an exit code. */
int hx_audit_verify_main(int argc, char **argv);
int hx_audit_filter_main(int argc, char **argv);
int hx_audit_follow_main(int argc, char **argv);
int hx_audit_stats_main(int argc, char **argv);
int hx_audit_replay_main(int argc, char **argv);

/* "hx-audit: ..." on stderr; always HX_TOOL_FAILED. */
int hx_tool_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Was all of stdout written?  HX_TOOL_FAILED and a message, or rc. */
int hx_tool_flush(int rc);

/*
 * Bytes from a file, for people: what is not printable ASCII becomes "?", so
 * that no record can send anything to a terminal.  data NULL is "-".
 */
void hx_tool_print(FILE *out, const hx_str_t *s);

/* The same as a JSON string, or null. */
void hx_tool_print_json(FILE *out, const hx_str_t *s);

/* "lines were no records" on stderr, if there are any. */
void hx_tool_tell_bad(uint64_t lines);

#endif /* HX_AUDIT_TOOL_H */
