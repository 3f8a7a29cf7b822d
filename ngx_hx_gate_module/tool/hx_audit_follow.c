/*
 * hx_audit_follow.c -- the command "follow": new lines of a file as they come,
 * across rotation and truncation, whole lines only.  It looks again ten times a
 * second.
 *
 * After a rotation workers still write to the old file until they have been
 * told, so that is read until it has been quiet for a second.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_audit_select.h"
#include "hx_audit_tool.h"


#define HX_FOLLOW_PAUSE   100000000     /* ns */
#define HX_FOLLOW_QUIET   10            /* pauses, of a file replaced */
#define HX_FOLLOW_MEM     (HX_LINES_MAX + HX_LINES_BLOCK)

typedef struct {
    const char           *path;
    int                   fd;
    off_t                 offset;
    size_t                len;          /* of a line that is not whole */
    unsigned              skipping:1;   /* up to its line feed */
    unsigned char        *mem;
    uint64_t              bad;
    hx_filter_t           filter;
    hx_record_reader_t    reader;
} hx_follow_t;


static const char  hx_follow_usage[] =
    "usage: hx-audit follow [OPTION]... FILE\n"
    "\n"
    "Prints the records that match as they are written, like tail -F: also\n"
    "when the file is rotated.  SIGINT or SIGTERM ends it, with exit code 0.\n"
    "\n"
    HX_SELECT_USAGE
    "  --checkpoints      print those of the chain, too\n"
    "  --from-start       also what is in the file already\n"
    "  --help\n";

static volatile sig_atomic_t  hx_follow_ended;


static void
hx_follow_signal(int signo)
{
    hx_follow_ended = 1;
}


static hx_rc_t
hx_follow_line(hx_follow_t *fo, const unsigned char *line, size_t len)
{
    hx_rc_t      rc;
    hx_record_t  r;

    rc = hx_record_read(&fo->reader, &r, line, len);

    if (rc == HX_NO) {
        fo->bad++;
        return HX_OK;
    }

    if (rc == HX_OK && hx_audit_matches(&fo->filter, &r)) {
        (void) fwrite(line, 1, len, stdout);
        (void) fputc('\n', stdout);
    }

    return rc;
}


/* The lines that are whole; the rest is moved to the front. */

static hx_rc_t
hx_follow_lines(hx_follow_t *fo, size_t n)
{
    hx_rc_t         rc;
    unsigned char  *p, *lf, *end;

    p = fo->mem;
    end = fo->mem + fo->len + n;
    lf = memchr(fo->mem + fo->len, '\n', n);

    for ( /* void */ ; lf != NULL; lf = memchr(p, '\n', (size_t) (end - p))) {

        if (fo->skipping || lf - p > HX_LINES_MAX) {
            fo->skipping = 0;

        } else {
            rc = hx_follow_line(fo, p, (size_t) (lf - p));

            if (rc != HX_OK) {
                return rc;
            }
        }

        p = lf + 1;
    }

    fo->len = (size_t) (end - p);

    if (fo->skipping || fo->len > HX_LINES_MAX) {
        fo->bad += !fo->skipping;
        fo->skipping = 1;
        fo->len = 0;
    }

    memmove(fo->mem, p, fo->len);

    return HX_OK;
}


/* All there is.  Returns bytes, -1 = errno, -2 = no memory. */

static int64_t
hx_follow_read(hx_follow_t *fo)
{
    int64_t  sum;
    ssize_t  n;

    sum = 0;

    while (!hx_follow_ended) {
        n = read(fo->fd, fo->mem + fo->len, HX_LINES_BLOCK);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }

        sum += n;
        fo->offset += n;

        if (hx_follow_lines(fo, (size_t) n) != HX_OK) {
            return -2;
        }
    }

    return sum;
}


static int
hx_follow_open(hx_follow_t *fo)
{
    fo->fd = open(fo->path, O_RDONLY | O_CLOEXEC);
    fo->offset = 0;
    fo->len = 0;
    fo->skipping = 0;

    return fo->fd;
}


/* To the end of what is there; a line that was begun is left out. */

static int
hx_follow_end(hx_follow_t *fo)
{
    unsigned char  last;

    fo->offset = lseek(fo->fd, 0, SEEK_END);

    if (fo->offset == -1) {
        return -1;
    }

    if (fo->offset > 0 && pread(fo->fd, &last, 1, fo->offset - 1) == 1) {
        fo->skipping = last != '\n';
    }

    return 0;
}


/* Has the file been cut short?  Then from its beginning. */

static void
hx_follow_truncated(hx_follow_t *fo)
{
    struct stat  st;

    if (fstat(fo->fd, &st) == 0 && st.st_size < fo->offset
        && lseek(fo->fd, 0, SEEK_SET) == 0)
    {
        fo->offset = 0;
        fo->len = 0;
        fo->skipping = 0;
    }
}


/* Is another file there under the name? */

static int
hx_follow_replaced(const hx_follow_t *fo)
{
    struct stat  now, mine;

    return fstat(fo->fd, &mine) == 0 && stat(fo->path, &now) == 0
           && (now.st_ino != mine.st_ino || now.st_dev != mine.st_dev);
}


static int
hx_follow_run(hx_follow_t *fo)
{
    int              old;
    int64_t          n;
    unsigned         quiet;
    struct timespec  pause;

    quiet = 0;

    while (!hx_follow_ended) {
        n = hx_follow_read(fo);

        if (n < 0) {
            return n == -1 ? hx_tool_fail("%s: %s", fo->path, strerror(errno))
                           : hx_tool_fail("out of memory");
        }

        if (hx_tool_flush(HX_TOOL_OK) != HX_TOOL_OK) {
            return HX_TOOL_FAILED;
        }

        if (n == 0) {
            hx_follow_truncated(fo);
        }

        quiet = n == 0 && hx_follow_replaced(fo) ? quiet + 1 : 0;

        if (quiet > HX_FOLLOW_QUIET) {
            old = fo->fd;

            if (hx_follow_open(fo) != -1) {
                (void) close(old);
                quiet = 0;
                continue;
            }

            fo->fd = old;
        }

        pause.tv_sec = 0;
        pause.tv_nsec = HX_FOLLOW_PAUSE;
        (void) nanosleep(&pause, NULL);
    }

    hx_tool_tell_bad(fo->bad);

    return HX_TOOL_OK;
}


static int
hx_follow_start(hx_follow_t *fo, int from_start)
{
    int               rc;
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = hx_follow_signal;

    if (sigaction(SIGINT, &sa, NULL) != 0
        || sigaction(SIGTERM, &sa, NULL) != 0)
    {
        return hx_tool_fail("sigaction: %s", strerror(errno));
    }

    fo->mem = malloc(HX_FOLLOW_MEM);
    if (fo->mem == NULL) {
        return hx_tool_fail("out of memory");
    }

    if (hx_follow_open(fo) == -1
        || (!from_start && hx_follow_end(fo) == -1))
    {
        rc = hx_tool_fail("%s: %s", fo->path, strerror(errno));

    } else {
        rc = hx_follow_run(fo);
    }

    if (fo->fd != -1) {
        (void) close(fo->fd);
    }

    free(fo->mem);

    return rc;
}


int
hx_audit_follow_main(int argc, char **argv)
{
    int  c, from_start;

    static hx_follow_t          fo;
    static const struct option  options[] = {
        HX_SELECT_OPTIONS,
        { "checkpoints", no_argument, NULL, 'k' },
        { "from-start", no_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    from_start = 0;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'k':
            fo.filter.checkpoints = 1;
            break;

        case 's':
            from_start = 1;
            break;

        case 'h':
            fputs(hx_follow_usage, stdout);
            return hx_tool_flush(HX_TOOL_OK);

        default:
            if (hx_select_option(&fo.filter, c, optarg) != HX_TOOL_OK) {
                return HX_TOOL_FAILED;
            }
        }
    }

    if (argc - optind != 1) {
        return hx_tool_fail("follow: exactly one FILE must be given");
    }

    fo.path = argv[optind];

    return hx_follow_start(&fo, from_start);
}
