/*
 * hx_audit_lines.c -- see the header.  Everything is read through zlib, which
 * hands plain files on as they are.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_audit_lines.h"


#define HX_LINES_MEM    (HX_LINES_MAX + 1 + HX_LINES_BLOCK)
#define HX_LINES_TELL   200000000       /* ns */
#define HX_LINES_LOOK   8192            /* lines between looks at the clock */


static int64_t
hx_lines_clock(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0) {
        return 0;
    }

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static hx_rc_t
hx_lines_fail(hx_lines_t *in, const char *what)
{
    (void) snprintf(in->err, sizeof(in->err), "%s: %s", in->names[in->file],
                    what);

    return HX_FAIL;
}


/* Bytes of all files, for the progress; not of pipes. */

static uint64_t
hx_lines_size(const hx_lines_t *in)
{
    unsigned     i;
    uint64_t     sum;
    struct stat  st;

    sum = 0;

    for (i = 0; i < in->n; i++) {
        if (stat(in->names[i], &st) != 0 || !S_ISREG(st.st_mode)) {
            return 0;
        }

        sum += (uint64_t) st.st_size;
    }

    return sum;
}


hx_rc_t
hx_lines_open(hx_lines_t *in, char **names, unsigned n, unsigned progress)
{
    memset(in, 0, sizeof(hx_lines_t));

    in->names = names;
    in->n = n;
    in->progress = progress & 1;
    in->fd = -1;

    in->mem = malloc(HX_LINES_MEM);
    if (in->mem == NULL) {
        (void) snprintf(in->err, sizeof(in->err), "out of memory");
        return HX_FAIL;
    }

    if (progress) {
        in->all = hx_lines_size(in);
        in->began = hx_lines_clock();
        in->told = in->began;
    }

    return HX_OK;
}


static hx_rc_t
hx_lines_begin(hx_lines_t *in)
{
    struct stat  st;

    if (strcmp(in->names[in->file], "-") == 0) {
        in->fd = dup(STDIN_FILENO);

    } else {
        in->fd = open(in->names[in->file], O_RDONLY | O_CLOEXEC);
    }

    if (in->fd == -1) {
        return hx_lines_fail(in, strerror(errno));
    }

    if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void) close(in->fd);
        return hx_lines_fail(in, strerror(EISDIR));
    }

    in->gz = gzdopen(in->fd, "rb");
    if (in->gz == NULL) {
        (void) close(in->fd);
        return hx_lines_fail(in, "out of memory");
    }

    (void) gzbuffer(in->gz, HX_LINES_BLOCK / 4);

    in->number = 0;
    in->eof = 0;
    in->skipping = 0;
    in->start = 0;
    in->seen = 0;
    in->end = 0;
    in->n_begun++;

    return HX_OK;
}


static void
hx_lines_finish(hx_lines_t *in)
{
    z_off_t  size;

    if (in->gz != NULL) {
        size = gzoffset(in->gz);
        in->total += size > 0 ? (uint64_t) size : 0;
        (void) gzclose(in->gz);
        in->gz = NULL;
        in->file++;
    }
}


/* More bytes behind those that wait. */

static hx_rc_t
hx_lines_read(hx_lines_t *in)
{
    int          n, code;
    const char  *text;

    memmove(in->mem, in->mem + in->start, in->end - in->start);
    in->seen -= in->start;
    in->end -= in->start;
    in->start = 0;

    errno = 0;
    n = gzread(in->gz, in->mem + in->end, HX_LINES_BLOCK);

    if (n < HX_LINES_BLOCK) {
        text = gzerror(in->gz, &code);

        if (code == Z_ERRNO) {
            return hx_lines_fail(in, strerror(errno));
        }

        if (code != Z_OK && code != Z_STREAM_END) {
            return hx_lines_fail(in, text);
        }

        if (n < 0) {
            return hx_lines_fail(in, "cannot be read");
        }

        in->eof = gzeof(in->gz) || n == 0;
    }

    in->end += (size_t) n;

    return HX_OK;
}


static void
hx_lines_tell(hx_lines_t *in)
{
    int64_t  now;
    z_off_t  at;

    if (in->lines % HX_LINES_LOOK != 0) {
        return;
    }

    now = hx_lines_clock();

    if (now - in->told < HX_LINES_TELL) {
        return;
    }

    in->told = now;
    in->shown = 1;
    at = gzoffset(in->gz);

    if (in->all != 0 && at >= 0) {
        fprintf(stderr, "\r%3llu %%  ", (unsigned long long)
                ((in->total + (uint64_t) at) * 100 / in->all));

    } else {
        fprintf(stderr, "\r");
    }

    fprintf(stderr, "%llu records, %.0f/s ", (unsigned long long) in->lines,
            (double) in->lines * 1e9 / (double) (now - in->began + 1));
}


/* Hands out "len" bytes and the line feed behind them. */

static void
hx_lines_give(hx_lines_t *in, hx_line_t *line, size_t len)
{
    line->data = in->skipping || len > HX_LINES_MAX ? NULL
                 : in->mem + in->start;
    line->len = len;
    line->file = in->file;
    line->number = ++in->number;

    in->start += len + 1;

    if (in->start > in->end) {
        in->start = in->end;
    }

    in->seen = in->start;
    in->skipping = 0;
    in->lines++;

    if (in->progress) {
        hx_lines_tell(in);
    }
}


hx_rc_t
hx_lines_next(hx_lines_t *in, hx_line_t *line)
{
    unsigned char  *lf;

    while (in->file < in->n) {

        if (in->gz == NULL && hx_lines_begin(in) != HX_OK) {
            return HX_FAIL;
        }

        lf = memchr(in->mem + in->seen, '\n', in->end - in->seen);

        if (lf != NULL) {
            hx_lines_give(in, line,
                          (size_t) (lf - in->mem) - in->start);
            return HX_OK;
        }

        in->seen = in->end;

        if (in->eof) {
            if (in->start != in->end || in->skipping) {
                hx_lines_give(in, line, in->end - in->start);
                return HX_OK;
            }

            hx_lines_finish(in);
            continue;
        }

        if (in->end - in->start > HX_LINES_MAX) {
            in->skipping = 1;
            in->start = in->end;
        }

        if (hx_lines_read(in) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_NO;
}


void
hx_lines_close(hx_lines_t *in)
{
    if (in->gz != NULL) {
        (void) gzclose(in->gz);
    }

    free(in->mem);

    if (in->shown) {
        fprintf(stderr, "\r%60s\r", "");
    }
}
