/*
 * hx_audit_main.c -- hx-audit: reads the audit trail of HX Gate.  Here the
 * command is chosen; each has a file of its own.
 *
 * Exit code 0: fine; 1: findings, or nothing matched; 2: could not run, with a
 * message that names the file or the option.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hx_audit_tool.h"
#include "hx_buf.h"
#include "hx_json_write.h"
#include "hx_version.h"


typedef struct {
    const char  *name;
    int        (*run)(int argc, char **argv);
    const char  *what;
} hx_tool_command_t;

static const hx_tool_command_t  hx_tool_commands[] = {
    { "verify", hx_audit_verify_main,
      "is a chained trail whole and unchanged?" },
    { "filter", hx_audit_filter_main, "prints the records that match" },
    { "follow", hx_audit_follow_main,
      "prints new records that match, as they come" },
    { "stats", hx_audit_stats_main, "requests, CUs and latencies by tenant" },
    { "replay", hx_audit_replay_main,
      "what would today's policy have decided?" },
};


int
hx_tool_fail(const char *format, ...)
{
    va_list  args;

    (void) fflush(stdout);
    fprintf(stderr, "hx-audit: ");

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);

    fprintf(stderr, "\n");

    return HX_TOOL_FAILED;
}


int
hx_tool_flush(int rc)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return hx_tool_fail("standard output: %s", strerror(errno));
    }

    return rc;
}


void
hx_tool_print(FILE *out, const hx_str_t *s)
{
    size_t  i;

    if (s->data == NULL) {
        fputc('-', out);
        return;
    }

    for (i = 0; i < s->len; i++) {
        fputc(s->data[i] >= 0x20 && s->data[i] < 0x7f ? s->data[i] : '?', out);
    }
}


void
hx_tool_print_json(FILE *out, const hx_str_t *s)
{
    size_t         i, n;
    hx_buf_t       b;
    unsigned char  text[hx_json_string_max(256)];

    if (s->data == NULL) {
        fputs("null", out);
        return;
    }

    fputc('"', out);

    /* in pieces that end where a character does */

    for (i = 0; i < s->len; i += n) {
        n = s->len - i < 256 ? s->len - i : 256;

        while (n > 1 && i + n < s->len && (s->data[i + n] & 0xc0) == 0x80) {
            n--;
        }

        hx_buf_init(&b, text, sizeof(text));
        hx_json_escape(&b, s->data + i, n);
        fwrite(text, 1, hx_buf_len(&b), out);
    }

    fputc('"', out);
}


void
hx_tool_tell_bad(uint64_t lines)
{
    if (lines != 0) {
        (void) fflush(stdout);
        fprintf(stderr, "hx-audit: %llu line%s\n", (unsigned long long) lines,
                lines == 1 ? " was no record" : "s were no records");
    }
}


static int
hx_tool_help(FILE *out)
{
    size_t  i;

    fprintf(out, "usage: hx-audit COMMAND [OPTION]... FILE...\n\n");

    for (i = 0; i < hx_nelts(hx_tool_commands); i++) {
        fprintf(out, "  %-8s %s\n", hx_tool_commands[i].name,
                hx_tool_commands[i].what);
    }

    fprintf(out, "\n\"hx-audit COMMAND --help\" lists the options of one.\n"
            "FILE: JSON lines, plain or gzip; - is standard input.\n"
            "--version: which one this is.\n"
            "Exit code: 0 fine, 1 findings or nothing matched, 2 could not "
            "run.\n");

    return out == stdout ? hx_tool_flush(HX_TOOL_OK) : HX_TOOL_FAILED;
}


int
main(int argc, char **argv)
{
    size_t  i;

    if (argc < 2) {
        return hx_tool_help(stderr);
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return hx_tool_help(stdout);
    }

    if (strcmp(argv[1], "--version") == 0) {
        puts("hx-audit " HX_VERSION);
        return hx_tool_flush(HX_TOOL_OK);
    }

    for (i = 0; i < hx_nelts(hx_tool_commands); i++) {
        if (strcmp(argv[1], hx_tool_commands[i].name) == 0) {
            return hx_tool_commands[i].run(argc - 1, argv + 1);
        }
    }

    return hx_tool_fail("there is no command \"%s\", see \"hx-audit --help\"",
                        argv[1]);
}
