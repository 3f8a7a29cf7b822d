/*
 * hx_check_report.h -- one line of hx-gate-check's table for each check, and
 * how lines are printed.  A line looks at many places: the worst of them is its
 * result, and what was found there is what it tells.
 */

#ifndef HX_CHECK_REPORT_H
#define HX_CHECK_REPORT_H

#include "hx_types.h"

#define HX_LINE_TEXT    1024
#define HX_LINE_SHOWN   3           /* places told, the others are counted */

/* In the order of what counts more. */
typedef enum {
    HX_LINE_NA = 0,                 /* there is nothing to check */
    HX_LINE_PASS,
    HX_LINE_UNKNOWN,                /* could not be checked: is a failure */
    HX_LINE_FAIL
} hx_line_result_t;

typedef struct {
    hx_line_result_t   result;
    unsigned           shown;
    unsigned           more;
    char               found[HX_LINE_TEXT];
    char               fix[HX_LINE_TEXT];   /* a directive or a command */
} hx_line_t;

/* What was found at one place.  Never a secret. */
void hx_line_na(hx_line_t *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void hx_line_pass(hx_line_t *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void hx_line_unknown(hx_line_t *l, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void hx_line_fail(hx_line_t *l, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For "%.*s". */
#define hx_arg(s)    (int) (s).len, (const char *) (s).data

/* A row of the table, a member of the JSON array; first: no comma before it. */
void hx_line_print(const hx_line_t *l, const char *name);
void hx_line_print_json(const hx_line_t *l, const char *name,
    const char *title, int first);

/* "hx-gate-check: ..." on stderr; always 2, the exit code. */
int hx_check_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif /* HX_CHECK_REPORT_H */
