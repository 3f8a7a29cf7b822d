/*
 * hx_box_resume.c -- what has a killed process still written?
 *
 * It noted the file, its size and how much it was about to write.  Others may
 * have written since, so the records are looked for anywhere from there on.
 * (Equal bytes of somebody else would be taken for ours: the same request id,
 * tenant, path and duration in the same millisecond.)
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_box_impl.h"


#define HX_BOX_LOOK    (64 * 1024 * 1024)       /* bytes looked through */
#define HX_BOX_FILES   10000                    /* names in the directory */


static int
hx_box_same(const struct stat *sb, uint64_t device, uint64_t inode)
{
    return S_ISREG(sb->st_mode) && (uint64_t) sb->st_dev == device
           && (uint64_t) sb->st_ino == inode;
}


/*
 * Once more, as the descriptor may be for writing only; but not when it is
 * something whose opening has a meaning, a pipe.
 */

int
hx_box_open(int dir, const char *name, int flags, uint64_t device,
    uint64_t inode)
{
    int          fd;
    struct stat  sb;

    if (fstatat(dir, name, &sb, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0)
            != 0
        || !hx_box_same(&sb, device, inode))
    {
        return -1;
    }

    fd = openat(dir, name, O_RDONLY|O_CLOEXEC|O_NONBLOCK|flags);

    if (fd != -1
        && (fstat(fd, &sb) != 0 || !hx_box_same(&sb, device, inode)))
    {
        (void) close(fd);
        fd = -1;
    }

    return fd;
}


/* The file, under the name that it has after a rotation; -1 = not found. */

static int
hx_box_find(const hx_box_head_t *h)
{
    int             fd;
    DIR            *dir;
    char            path[sizeof(h->path) + 2];
    unsigned        i;
    struct dirent  *e;

    fd = hx_box_open(AT_FDCWD, h->path, 0, h->device, h->inode);

    (void) snprintf(path, sizeof(path), "%s", h->path);

    if (fd != -1 || !hx_text_dir(path)) {
        return fd;
    }

    dir = opendir(path);
    if (dir == NULL) {
        return -1;
    }

    for (i = 0; fd == -1 && i < HX_BOX_FILES; i++) {
        e = readdir(dir);
        if (e == NULL) {
            break;
        }

        fd = hx_box_open(dirfd(dir), e->d_name, O_NOFOLLOW, h->device,
                         h->inode);
    }

    (void) closedir(dir);

    return fd;
}


static size_t
hx_box_common(const unsigned char *a, size_t an, const unsigned char *b,
    size_t bn)
{
    size_t  n;

    for (n = 0; n < an && n < bn && a[n] == b[n]; n++) { /* void */ }

    return n;
}


/*
 * How many of the n bytes at p are in the text: all, or a beginning that a cut
 * write has left: whole records, or what the text ends with.
 */

static size_t
hx_box_match(const unsigned char *text, size_t len, const unsigned char *p,
    size_t n)
{
    size_t                best, first, c;
    const unsigned char  *at, *end;

    at = memchr(p, '\n', n);
    first = at != NULL ? (size_t) (at - p) + 1 : n;

    best = 0;
    end = text + len;

    for (at = text; (size_t) (end - at) >= first; at++) {

        at = memchr(at, p[0], (size_t) (end - at) - first + 1);

        if (at == NULL) {
            break;
        }

        c = hx_box_common(at, (size_t) (end - at), p, n);

        if (c >= first && c > best) {
            best = c;

            if (c == n) {
                break;
            }
        }
    }

    for (c = first - 1 < len ? first - 1 : len; best == 0 && c != 0; c--) {
        if (memcmp(end - c, p, c) == 0) {
            best = c;
        }
    }

    return best;
}


/* The file from "before" on; NULL = cannot be known. */

static unsigned char *
hx_box_read(int fd, uint64_t before, size_t *len)
{
    size_t          size;
    ssize_t         n;
    struct stat     sb;
    unsigned char  *text;

    *len = 0;

    if (fstat(fd, &sb) != 0 || (uint64_t) sb.st_size < before) {
        return NULL;
    }

    size = (uint64_t) sb.st_size - before < HX_BOX_LOOK
           ? (size_t) ((uint64_t) sb.st_size - before) : HX_BOX_LOOK;

    text = malloc(size + 1);
    if (text == NULL) {
        return NULL;
    }

    while (*len < size) {
        n = pread(fd, text + *len, size - *len, (off_t) (before + *len));

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            free(text);
            return NULL;
        }

        *len += (size_t) n;
    }

    return text;
}


void
hx_box_resume(hx_box_t *box, int fd, int *unsure)
{
    int              from;
    size_t           len, n;
    struct stat      sb;
    unsigned char   *text;
    hx_box_head_t   *h;

    h = box->head;

    if (h->last <= h->start) {
        hx_box_clear(h);
        return;
    }

    from = hx_box_find(h);
    text = from != -1 ? hx_box_read(from, h->before, &len) : NULL;

    if (from != -1) {
        (void) close(from);
    }

    if (text == NULL) {

        /* may not be read by us; that nothing was written shows all the same */

        if (fstat(fd, &sb) != 0 || !hx_box_same(&sb, h->device, h->inode)
            || (uint64_t) sb.st_size != h->before)
        {
            *unsure = 1;
        }

        h->writing = 0;
        return;
    }

    n = hx_box_match(text, len, box->data + h->start, h->last - h->start);
    hx_box_written(h, box->data, (uint32_t) n);

    if (len != 0 && text[len - 1] == '\n') {
        h->torn = 0;
    }

    free(text);
}
