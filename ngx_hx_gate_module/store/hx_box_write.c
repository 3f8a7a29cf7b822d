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
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hx_box_impl.h"


#define HX_BOX_IMPATIENT   UINT64_C(1000000000)    /* ns */


void
hx_box_clear(hx_box_head_t *h)
{
    int  i;

    i = hx_box_slot(h);

    if (i != -1 && h->last != 0) {
        hx_box_set_slot(h, 0, &h->chain[i].chain);
    }

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
hx_box_lock(const hx_box_t *box)
{
    int               rc;
    uint32_t          n;
    const char       *p;
    pthread_mutex_t  *m;

    if (box->st == NULL) {
        return NULL;
    }

    for (n = 0, p = hx_box_path(box); *p != '\0'; p++) {
        n = n * 31 + (unsigned char) *p;
    }

    m = &box->st->head->file[n % HX_STATE_FILES];
    rc = pthread_mutex_lock(m);

    if (rc == EOWNERDEAD) {

        /* what it has left of a line is found by looking */

        rc = pthread_mutex_consistent(m);
    }

    return rc == 0 ? m : NULL;
}


/* A descriptor of our own, for reading the file; 0 = it cannot be had. */

static int
hx_box_reader(hx_box_t *box, const struct stat *sb)
{
    if (box->reader != 0
        && (box->reader_device != (uint64_t) sb->st_dev
            || box->reader_inode != (uint64_t) sb->st_ino))
    {
        hx_box_rotated(box);
    }

    if (box->reader == 0) {
        box->whole = 0;
        box->reader_device = (uint64_t) sb->st_dev;
        box->reader_inode = (uint64_t) sb->st_ino;
        box->reader = hx_box_open(AT_FDCWD, hx_box_path(box), 0,
                                  box->reader_device, box->reader_inode) + 1;
    }

    return box->reader != 0;
}


/*
 * Against those who do not share our memory.  flock() belongs to what open()
 * has made, which is why the descriptor must be our own; who is killed lets go.
 */

static int
hx_box_flock(hx_box_t *box, const struct stat *sb)
{
    uint64_t  now, end;

    static const struct timespec  moment = { 0, 50000 };

    if (!S_ISREG(sb->st_mode) || !hx_box_reader(box, sb)) {
        return 0;
    }

    for (end = 0; flock(box->reader - 1, LOCK_EX|LOCK_NB) != 0; /* void */) {

        if (errno != EWOULDBLOCK) {
            return 0;
        }

        now = hx_state_clock();

        if (end == 0) {
            end = now < box->impatient ? now : now + HX_BOX_LOCK;
        }

        if (now >= end) {
            box->impatient = now + HX_BOX_IMPATIENT;
            return 0;
        }

        (void) nanosleep(&moment, NULL);
    }

    return 1;
}


/* Does the file end inside a line?  -1 = it cannot be read. */

static int
hx_box_look(hx_box_t *box, const struct stat *sb)
{
    ssize_t         n;
    unsigned char   last;

    if (sb->st_size == 0) {
        return 0;
    }

    if (!hx_box_reader(box, sb)) {
        return -1;
    }

    if (box->whole == (uint64_t) sb->st_size) {
        return 0;
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
hx_box_append(hx_box_t *box, int fd, const struct stat *sb)
{
    int             more;
    ssize_t         n;
    uint32_t        len;
    hx_box_head_t  *h;

    h = box->head;

    if (S_ISREG(sb->st_mode) && sb->st_nlink == 0) {
        errno = ENOENT;
        return HX_BOX_ERROR;
    }

    hx_box_begin_line(box, sb);

    if (h->last == 0) {
        return HX_BOX_DONE;
    }

    len = h->last - h->start;

    h->before = (uint64_t) sb->st_size;
    h->device = (uint64_t) sb->st_dev;
    h->inode = (uint64_t) sb->st_ino;

    hx_state_barrier();
    h->writing = len;
    hx_state_barrier();

    box->whole = 0;
    n = hx_box_out(box, fd, len, &more);

    if (n == -1) {
        h->writing = 0;
        return HX_BOX_ERROR;
    }

    /* what was written is all that came to a file that others may write, too:
     * then the size is another one, and they look */

    if ((uint32_t) n == len && h->torn == 0) {
        box->whole = h->before + len;
    }

    hx_box_written(h, box->data, (uint32_t) n);

    return (uint32_t) n == len ? HX_BOX_DONE
           : more ? HX_BOX_SHORT : HX_BOX_ERROR;
}


hx_box_rc_t
hx_box_write(hx_box_t *box, int fd, int *unsure)
{
    int               err, locked;
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

    lock = hx_box_lock(box);
    rc = fstat(fd, &sb) == 0 ? HX_BOX_DONE : HX_BOX_ERROR;
    locked = rc == HX_BOX_DONE && hx_box_flock(box, &sb);

    /* others have written meanwhile */

    if (locked && fstat(fd, &sb) != 0) {
        rc = HX_BOX_ERROR;
    }

    if (rc == HX_BOX_DONE) {
        rc = hx_box_append(box, fd, &sb);
    }

    err = errno;

    if (locked) {
        (void) flock(box->reader - 1, LOCK_UN);
    }

    if (lock != NULL) {
        (void) pthread_mutex_unlock(lock);
    }

    errno = err;

    return rc;
}


hx_box_rc_t
hx_box_drain(hx_box_t *box, int fd, int *unsure, unsigned *cut)
{
    unsigned     i;
    hx_box_rc_t  rc;

    for (i = 0; i < HX_BOX_TRIES; i++) {
        rc = hx_box_write(box, fd, unsure);

        if (rc != HX_BOX_SHORT) {
            return rc;
        }

        (*cut)++;
    }

    errno = ENOSPC;

    return HX_BOX_ERROR;
}
