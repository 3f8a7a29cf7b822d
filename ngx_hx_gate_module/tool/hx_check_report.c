/*
 * hx_check_report.c -- see the header.  What is not printable ASCII is printed
 * as "?", so that no configuration can send anything to a terminal.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hx_buf.h"
#include "hx_check_report.h"
#include "hx_json_write.h"


static void
hx_line_piece(char *to, const char *text)
{
    size_t  have, len;

    have = strlen(to);
    len = strnlen(text, HX_LINE_TEXT - 1 - have);

    memcpy(to + have, text, len);
    to[have + len] = '\0';
}


/* Appended behind "; ", cut where the room ends. */

static void
hx_line_append(char *to, const char *text)
{
    if (to[0] != '\0') {
        hx_line_piece(to, "; ");
    }

    hx_line_piece(to, text);
}


static void
hx_line_add(hx_line_t *l, hx_line_result_t result, const char *fix,
    const char *format, va_list args)
{
    char  text[HX_LINE_TEXT];

    if (result < l->result) {
        return;
    }

    if (result > l->result) {
        memset(l, 0, sizeof(hx_line_t));
        l->result = result;
    }

    (void) vsnprintf(text, sizeof(text), format, args);

    if (strstr(l->found, text) != NULL) {
        return;                     /* the same place again */
    }

    if (l->shown == HX_LINE_SHOWN) {
        l->more++;
        return;
    }

    l->shown++;
    hx_line_append(l->found, text);

    if (fix != NULL && strstr(l->fix, fix) == NULL) {
        hx_line_append(l->fix, fix);
    }
}


void
hx_line_na(hx_line_t *l, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    hx_line_add(l, HX_LINE_NA, NULL, format, args);
    va_end(args);
}


void
hx_line_pass(hx_line_t *l, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    hx_line_add(l, HX_LINE_PASS, NULL, format, args);
    va_end(args);
}


void
hx_line_unknown(hx_line_t *l, const char *fix, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    hx_line_add(l, HX_LINE_UNKNOWN, fix, format, args);
    va_end(args);
}


void
hx_line_fail(hx_line_t *l, const char *fix, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    hx_line_add(l, HX_LINE_FAIL, fix, format, args);
    va_end(args);
}


static void
hx_line_plain(FILE *out, const char *s)
{
    for ( /* void */ ; *s != '\0'; s++) {
        fputc(*s >= 0x20 && *s < 0x7f ? *s : '?', out);
    }
}


static void
hx_line_json(const char *s)
{
    hx_buf_t       b;
    unsigned char  text[hx_json_string_max(HX_LINE_TEXT)];

    hx_buf_init(&b, text, sizeof(text));
    hx_json_string(&b, (const unsigned char *) s, strlen(s));
    fwrite(text, 1, hx_buf_len(&b), stdout);
}


void
hx_line_print(const hx_line_t *l, const char *name)
{
    static const char *const  words[] = { "n/a", "pass", "FAIL", "FAIL" };

    printf("%-14s %-6s %s", name, words[l->result],
           l->result == HX_LINE_UNKNOWN ? "not checked: " : "");
    hx_line_plain(stdout, l->found);

    if (l->more != 0) {
        printf("; and %u more", l->more);
    }

    if (l->result >= HX_LINE_UNKNOWN && l->fix[0] != '\0') {
        printf("\n%-14s %-6s ", "", "fix:");
        hx_line_plain(stdout, l->fix);
    }

    printf("\n");
}


void
hx_line_print_json(const hx_line_t *l, const char *name, const char *title,
    int first)
{
    static const char *const  words[] = { "n/a", "pass", "fail", "fail" };

    printf("%s{\"check\":\"%s\",\"title\":\"%s\",\"result\":\"%s\","
           "\"checked\":%s,\"found\":", first ? "" : ",", name, title,
           words[l->result], l->result == HX_LINE_UNKNOWN ? "false" : "true");
    hx_line_json(l->found);
    printf(",\"more\":%u,\"fix\":", l->more);

    if (l->result >= HX_LINE_UNKNOWN && l->fix[0] != '\0') {
        hx_line_json(l->fix);

    } else {
        printf("null");
    }

    printf("}");
}


int
hx_check_fail(const char *format, ...)
{
    char     text[HX_LINE_TEXT];
    va_list  args;

    (void) fflush(stdout);

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    fprintf(stderr, "hx-gate-check: ");
    hx_line_plain(stderr, text);
    fprintf(stderr, "\n");

    return 2;
}
