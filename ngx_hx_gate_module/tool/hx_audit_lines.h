/*
 * hx_audit_lines.h -- the lines of files one after the other, plain or gzip,
 * in constant memory.
 */

#ifndef HX_AUDIT_LINES_H
#define HX_AUDIT_LINES_H

#include <zlib.h>

#include "hx_types.h"

#define HX_LINES_BLOCK   1048576        /* bytes read at once */
#define HX_LINES_MAX     1048576        /* bytes of a line */
#define HX_LINES_ERR     512

typedef struct {
    const unsigned char  *data;         /* without line feed; NULL: longer than
                                         * HX_LINES_MAX */
    size_t                len;
    unsigned              file;         /* 0 is the first */
    uint64_t              number;       /* in the file, from 1 */
} hx_line_t;

typedef struct {
    char               **names;
    unsigned             n;
    unsigned             file;          /* being read */
    unsigned             n_begun;
    gzFile               gz;            /* NULL: none is open */
    int                  fd;            /* of it */
    uint64_t             number;
    unsigned             eof:1;         /* the block was the last */
    unsigned             skipping:1;    /* inside a line that is too long */

    unsigned char       *mem;
    size_t               start;         /* of what is not yet handed out */
    size_t               seen;          /* has no line feed up to here */
    size_t               end;

    unsigned             progress:1;
    uint64_t             total;         /* bytes of the files before */
    uint64_t             all;           /* bytes of all, 0 = not known */
    uint64_t             lines;
    int64_t              began;         /* ns */
    int64_t              told;
    unsigned             shown:1;

    char                 err[HX_LINES_ERR];     /* names the file */
} hx_lines_t;

/*
 * names: of the files, "-" = standard input; they must outlive it.  progress: 1
 * = tell on stderr how far it is, at most 5 times a second.  HX_FAIL = memory.
 */
hx_rc_t hx_lines_open(hx_lines_t *in, char **names, unsigned n,
    unsigned progress);

/*
 * HX_OK and a line that holds until the next call; HX_NO: no more; HX_FAIL:
 * text in err.
 */
hx_rc_t hx_lines_next(hx_lines_t *in, hx_line_t *line);

void hx_lines_close(hx_lines_t *in);

#endif /* HX_AUDIT_LINES_H */
