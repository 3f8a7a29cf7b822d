/*
 * hx_audit_select.c -- see the header.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_audit_select.h"
#include "hx_audit_tool.h"


static int64_t
hx_select_now(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) {
        return 0;
    }

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
hx_select_str(hx_str_t *out, const char *value)
{
    out->data = (const unsigned char *) value;
    out->len = strlen(value);
}


static int
hx_select_tenant(hx_filter_t *f, const char *value)
{
    hx_str_t  *t;

    if (f->n_tenants == HX_FILTER_MAX) {
        return hx_tool_fail("--tenant: at most %d times", HX_FILTER_MAX);
    }

    t = &f->tenant[f->n_tenants++];
    hx_select_str(t, value);

    if (strcmp(value, "-") == 0) {
        t->data = NULL;
        t->len = 0;
    }

    return HX_TOOL_OK;
}


static int
hx_select_status(hx_filter_t *f, const char *value)
{
    if (f->n_statuses == HX_FILTER_MAX) {
        return hx_tool_fail("--status: at most %d times", HX_FILTER_MAX);
    }

    if (hx_filter_status(&f->status[f->n_statuses], value) != HX_OK) {
        return hx_tool_fail("--status: must be like 403, 4xx or 500-599, not "
                            "\"%s\"", value);
    }

    f->n_statuses++;

    return HX_TOOL_OK;
}


int
hx_select_option(hx_filter_t *f, int c, const char *value)
{
    int64_t  t;

    switch (c) {

    case 1000:
        return hx_select_tenant(f, value);

    case 1001:
        return hx_select_status(f, value);

    case 1002:
    case 1003:
        if (hx_filter_time(&t, value, hx_select_now()) != HX_OK) {
            return hx_tool_fail("%s: must be like 2026-01-31T23:59:59.123Z, "
                                "2026-01-31, 15m, 2h or 3d, not \"%s\"",
                                c == 1002 ? "--since" : "--until", value);
        }

        if (c == 1002) {
            f->since = t;
            f->has_since = 1;

        } else {
            f->until = t;
            f->has_until = 1;
        }

        return HX_TOOL_OK;

    case 1004:
        hx_select_str(&f->ns, value);
        return HX_TOOL_OK;

    case 1005:
        hx_select_str(&f->path, value);
        return HX_TOOL_OK;

    case 1006:
        hx_select_str(&f->request_id, value);
        return HX_TOOL_OK;

    case 1007:
        hx_select_str(&f->outcome, value);
        return HX_TOOL_OK;

    default:
        return HX_TOOL_FAILED;          /* getopt has said why */
    }
}


static int
hx_select_loop(const hx_filter_t *f, hx_lines_t *in, hx_select_pt each,
    void *data, uint64_t *bad)
{
    int           rc;
    hx_rc_t       got;
    hx_line_t     line;
    hx_record_t   r;

    static hx_record_reader_t  reader;

    while ((got = hx_lines_next(in, &line)) == HX_OK) {

        got = line.data != NULL
              ? hx_record_read(&reader, &r, line.data, line.len) : HX_NO;

        if (got == HX_FAIL) {
            return hx_tool_fail("out of memory");
        }

        if (got == HX_NO) {
            (*bad)++;
            continue;
        }

        if (hx_audit_matches(f, &r)) {
            rc = each(data, &r, &line);

            if (rc != HX_TOOL_OK) {
                return rc;
            }
        }
    }

    return got == HX_FAIL ? hx_tool_fail("%s", in->err) : HX_TOOL_OK;
}


int
hx_select_run(const hx_filter_t *f, char **names, unsigned n,
    hx_select_pt each, void *data, uint64_t *bad)
{
    int         rc;
    hx_lines_t  in;

    *bad = 0;

    if (n == 0) {
        return hx_tool_fail("no FILE given, see --help");
    }

    if (hx_lines_open(&in, names, n, 0) != HX_OK) {
        return hx_tool_fail("%s", in.err);
    }

    rc = hx_select_loop(f, &in, each, data, bad);
    hx_lines_close(&in);

    return rc;
}
