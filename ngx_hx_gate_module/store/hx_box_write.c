/*
 * hx_box_write.c -- records on their way to the file.
 *
 * A process that is killed inside write() may leave a part of what it wrote, as
 * a full disk does.  So whoever writes next looks first whether the file ends
 * with a line feed, and begins with one if it does not: nobody's record hangs
 * on somebody's fragment.  That nothing comes between the look and the write is
 * seen to by a lock in the shared memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hx_box_impl.h"


void
hx_box_clear(hx_box_head_t *h)
{
    h->last = 0;
    hx_state_barrier();
    h->start = 0;
    hx_state_barrier();
    h->writing = 0;
}


void
hx_box_written(hx_box_head_t *h, const unsigned char *data, uint32_t n)
{
    int       torn;
    uint32_t  at, end;

    if (n == h->last - h->start) {
        hx_box_clear(h);
        return;
    }

    end = h->start + n;
    torn = h->torn;

    /* records that are whole go, the one that was cut is kept whole */

    for (at = end; at > h->start && data[at - 1] != '\n'; at--) {
        /* void */
    }

    if (n != 0) {
        torn = at != end;

        /* but for its line feed it is there: that is all that is kept of it */

        if (data[end] == '\n') {
            at = end;
            torn = 0;
        }
    }

    h->torn = (uint32_t) torn;
    hx_state_barrier();
    h->start = at;
    hx_state_barrier();
    h->writing = 0;
}


/* Of the file, which everybody writes; NULL = there is none. */

static pthread_mutex_t *
hx_box_lock(const hx_box_t *box, const struct stat *sb)
{
    int               rc;
    uint64_t          n;
    pthread_mutex_t  *m;

    if (box->st == NULL) {
        return NULL;
    }

    n = ((uint64_t) sb->st_dev << 3) ^ (uint64_t) sb->st_ino;
    m = &box->st->head->file[n % HX_STATE_FILES];
    rc = pthread_mutex_lock(m);

    if (rc == EOWNERDEAD) {

        /* what it has left of a line is found by looking */

        rc = pthread_mutex_consistent(m);
    }

    return rc == 0 ? m : NULL;
}


/* Does the file end inside a line?  -1 = it cannot be read. */

static int
hx_box_look(hx_box_t *box, const struct stat *sb)
{
    ssize_t               n;
    unsigned char         last;
    const hx_box_head_t  *h;

    h = box->head;

    if (sb->st_size == 0) {
        return 0;
    }

    if (box->reader != 0
        && (box->reader_device != (uint64_t) sb->st_dev
            || box->reader_inode != (uint64_t) sb->st_ino))
    {
        (void) close(box->reader - 1);
        box->reader = 0;
    }

    if (box->reader == 0) {
        box->reader_device = (uint64_t) sb->st_dev;
        box->reader_inode = (uint64_t) sb->st_ino;
        box->reader = hx_box_open(AT_FDCWD, h->path, 0, box->reader_device,
                                  box->reader_inode) + 1;

        if (box->reader == 0) {
            return -1;
        }
    }

    do {
        n = pread(box->reader - 1, &last, 1, sb->st_size - 1);
    } while (n == -1 && errno == EINTR);

    return n == 1 ? last != '\n' : -1;
}


/*
 * The next byte is to begin a line.  The caller has a record, or first of all
 * the line feed of one that is there but for this.
 */

static void
hx_box_begin_line(hx_box_t *box, const struct stat *sb)
{
    int             cut, pending;
    hx_box_head_t  *h;

    h = box->head;
    pending = box->data[h->start] == '\n';
    cut = hx_box_look(box, sb);

    if (cut == -1) {

        /* then what this box has done itself must do */

        cut = (h->torn || pending) && (uint64_t) sb->st_dev == h->device
              && (uint64_t) sb->st_ino == h->inode;
    }

    h->torn = cut && !pending;

    if (cut || !pending) {
        return;
    }

    if (h->start + 1 == h->last) {
        hx_box_clear(h);

    } else {
        h->start++;
    }
}


/*
 * One write() of the records, behind a line feed when there is a line to end.
 * Returns the bytes of records that went out, or -1; *more = something did.
 */

static ssize_t
hx_box_out(hx_box_t *box, int fd, uint32_t len, int *more)
{
    int             cut;
    ssize_t         n;
    struct iovec    v[2];
    hx_box_head_t  *h;

    h = box->head;
    cut = h->torn != 0;

    v[0].iov_base = (void *) "\n";
    v[0].iov_len = cut ? 1 : 0;
    v[1].iov_base = box->data + h->start;
    v[1].iov_len = len;

    do {
        n = writev(fd, v, 2);
    } while (n == -1 && errno == EINTR);

    *more = n > 0;

    if (cut && n > 0) {
        h->torn = 0;
        n--;
    }

    return n;
}


static hx_box_rc_t
hx_box_append(hx_box_t *box, int fd)
{
    int             more;
    ssize_t         n;
    uint32_t        len;
    struct stat     sb;
    hx_box_head_t  *h;

    h = box->head;

    if (fstat(fd, &sb) != 0) {
        return HX_BOX_ERROR;
    }

    hx_box_begin_line(box, &sb);

    if (h->last == 0) {
        return HX_BOX_DONE;
    }

    len = h->last - h->start;

    h->before = (uint64_t) sb.st_size;
    h->device = (uint64_t) sb.st_dev;
    h->inode = (uint64_t) sb.st_ino;

    hx_state_barrier();
    h->writing = len;
    hx_state_barrier();

    n = hx_box_out(box, fd, len, &more);

    if (n == -1) {
        h->writing = 0;
        return HX_BOX_ERROR;
    }

    hx_box_written(h, box->data, (uint32_t) n);

    return (uint32_t) n == len ? HX_BOX_DONE
           : more ? HX_BOX_SHORT : HX_BOX_ERROR;
}


hx_box_rc_t
hx_box_write(hx_box_t *box, int fd, int *unsure)
{
    int               err;
    hx_box_rc_t       rc;
    struct stat       sb;
    hx_box_head_t    *h;
    pthread_mutex_t  *lock;

    h = box->head;

    if (h->writing != 0) {
        hx_box_resume(box, fd, unsure);
    }

    if (h->last == 0) {
        return HX_BOX_DONE;
    }

    if (fstat(fd, &sb) != 0) {
        return HX_BOX_ERROR;
    }

    lock = hx_box_lock(box, &sb);
    rc = hx_box_append(box, fd);

    if (lock != NULL) {
        err = errno;
        (void) pthread_mutex_unlock(lock);
        errno = err;
    }

    return rc;
}
