/*
 * hx_state.c -- opens the shared memory: has a new one laid out
 * (hx_state_layout.c), joins one in use, has one repaired whose processes have
 * gone (hx_state_repair.c).
 *
 * Two bytes of the file are locked, by open file descriptions (so forked
 * processes inherit the locks).  Who opens holds the first, one at a time.  Who
 * uses the memory holds the second, shared; who gets that exclusively is alone.
 * Both go in one go when a process is killed: whoever gets the first then, gets
 * the second too.
 */

#define _GNU_SOURCE                         /* F_OFD_SETLK */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_box.h"
#include "hx_state_impl.h"


#define HX_STATE_OPENER  0              /* bytes of the file */
#define HX_STATE_USERS   1

#define HX_STATE_WAIT    2000           /* times 5 ms for who opens it too */


hx_rc_t
hx_state_fail(char *err, const char *what, const char *why)
{
    (void) snprintf(err, HX_STATE_ERR, "%.120s: %.130s", what, why);

    return HX_FAIL;
}


hx_rc_t
hx_state_beside(char out[HX_STATE_PATH], const char *path, const char *suffix,
    char *err)
{
    if (snprintf(out, HX_STATE_PATH, "%s%s", path, suffix) >= HX_STATE_PATH) {
        return hx_state_fail(err, path, "is too long");
    }

    return HX_OK;
}


/* Nobody else may have made it: its name is in a directory for everybody. */

static hx_rc_t
hx_state_open_file(hx_state_t *st, char *err)
{
    struct stat  sb;

    st->fd = open(st->path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK,
                  0600);

    if (st->fd == -1 || fstat(st->fd, &sb) != 0) {
        return hx_state_fail(err, st->path, strerror(errno));
    }

    /* one without a name is on its way out, see hx_state_current() */

    if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid() || sb.st_nlink > 1
        || (sb.st_mode & 077) != 0)
    {
        return hx_state_fail(err, st->path, "is not ours alone");
    }

    return HX_OK;
}


/* Is the locked file still the one of that name? */

static int
hx_state_current(const hx_state_t *st)
{
    struct stat  sb, now;

    return fstat(st->fd, &sb) == 0 && lstat(st->path, &now) == 0
           && sb.st_dev == now.st_dev && sb.st_ino == now.st_ino;
}


/* F_WRLCK, F_RDLCK or F_UNLCK; OK, NO = somebody else has it, FAIL. */

static hx_rc_t
hx_state_file_lock(int fd, off_t byte, short type)
{
    struct flock  fl;

    memset(&fl, 0, sizeof(fl));
    fl.l_type = type;
    fl.l_whence = SEEK_SET;
    fl.l_start = byte;
    fl.l_len = 1;

    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        return HX_OK;
    }

    return errno == EAGAIN || errno == EACCES || errno == EINTR ? HX_NO
                                                                : HX_FAIL;
}


hx_rc_t
hx_state_lock_alone(const hx_state_t *st)
{
    hx_rc_t  rc;

    rc = hx_state_file_lock(st->fd, HX_STATE_OPENER, F_WRLCK);

    return rc == HX_OK ? hx_state_file_lock(st->fd, HX_STATE_USERS, F_WRLCK)
                       : rc;
}


int
hx_state_is_alone(const hx_state_t *st)
{
    return st->fd == -1
           || (hx_state_file_lock(st->fd, HX_STATE_USERS, F_WRLCK) == HX_OK
               && hx_state_file_lock(st->fd, HX_STATE_USERS, F_RDLCK)
                  == HX_OK);
}


static int
hx_state_geometry(const hx_state_head_t *h, const hx_state_conf_t *conf)
{
    return h->size == conf->size && h->n_boxes >= conf->n_boxes
           && h->box_size >= conf->box_size;
}


/* The file as it is: FAIL = none of ours, NO = nothing is in it. */

static hx_rc_t
hx_state_adopt(hx_state_t *st, char *err)
{
    ssize_t          n;
    struct stat      sb;
    hx_state_head_t  h;

    memset(&h, 0, sizeof(h));
    n = pread(st->fd, &h, sizeof(h), 0);

    if (n == 0 || (n >= (ssize_t) sizeof(h.magic)
                   && h.magic == HX_STATE_MAKING))
    {
        return HX_NO;               /* new, or nobody came to finish it */
    }

    if (n != (ssize_t) sizeof(h) || h.magic != HX_STATE_MAGIC) {
        return hx_state_fail(err, st->path, "is no memory of a gate");
    }

    if (h.layout != HX_STATE_LAYOUT) {
        if (h.unclean == 0) {
            return HX_NO;
        }

        return hx_state_fail(err, st->path, "was laid out by another version "
                             "and holds usage that is not stored: run that "
                             "version once, or remove the file");
    }

    if (!hx_state_plausible(&h)) {
        return hx_state_fail(err, st->path, "is damaged");
    }

    if (fstat(st->fd, &sb) != 0 || (uint64_t) sb.st_size < h.total) {
        return hx_state_fail(err, st->path, "was cut short");
    }

    if (hx_state_map(st, h.total, err) != HX_OK) {
        return HX_FAIL;
    }

    hx_state_point(st, (unsigned char *) st->head);

    return HX_OK;
}


static hx_rc_t
hx_state_join(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    hx_rc_t  rc;

    rc = hx_state_adopt(st, err);

    if (rc == HX_NO) {
        return hx_state_fail(err, st->path, "is in use and not ready");
    }

    /* with fewer boxes than wanted some process has one of its own */

    if (rc == HX_OK && st->head->size != conf->size) {
        return hx_state_fail(err, st->path, "is in use with another size");
    }

    return rc;
}


static hx_rc_t
hx_state_alone(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    hx_rc_t  rc;

    if (hx_state_sizes(conf, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_state_adopt(st, err);

    if (rc == HX_NO) {
        return hx_state_lay_out(st, conf, err);
    }

    if (rc != HX_OK || hx_state_repair(st, err) != HX_OK) {
        return HX_FAIL;
    }

    /* records of processes that are gone, while this one may write the file */

    (void) hx_box_rescue(st, NULL, NULL);

    return hx_state_geometry(st->head, conf) ? HX_OK
                                             : hx_state_move(st, conf, err);
}


/* OK, FAIL, or NO = somebody else is opening it, try again in a moment. */

static hx_rc_t
hx_state_try(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    hx_rc_t  rc;

    if (hx_state_open_file(st, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_state_file_lock(st->fd, HX_STATE_OPENER, F_WRLCK);

    if (rc == HX_OK) {

        /* while this one waited it may have been moved */

        if (!hx_state_current(st)) {
            return HX_NO;
        }

        rc = hx_state_file_lock(st->fd, HX_STATE_USERS, F_WRLCK);

        if (rc != HX_FAIL) {
            if ((rc == HX_OK ? hx_state_alone(st, conf, err)
                             : hx_state_join(st, conf, err)) != HX_OK)
            {
                return HX_FAIL;
            }

            rc = hx_state_file_lock(st->fd, HX_STATE_USERS, F_RDLCK);
        }
    }

    if (rc == HX_FAIL) {
        return hx_state_fail(err, st->path, strerror(errno));
    }

    if (rc == HX_OK) {
        (void) hx_state_file_lock(st->fd, HX_STATE_OPENER, F_UNLCK);
    }

    return rc;
}


static hx_rc_t
hx_state_setup(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    hx_rc_t          rc;
    unsigned         i;
    struct timespec  wait;

    if (conf->path == NULL) {
        return hx_state_lay_out(st, conf, err);
    }

    if (hx_state_beside(st->path, conf->path, "", err) != HX_OK) {
        return HX_FAIL;
    }

    wait.tv_sec = 0;
    wait.tv_nsec = 5000000;

    for (i = 0; i < HX_STATE_WAIT; i++) {
        rc = hx_state_try(st, conf, err);

        if (rc != HX_NO) {
            return rc;
        }

        hx_state_drop(st);
        (void) nanosleep(&wait, NULL);
    }

    return hx_state_fail(err, st->path, "another process is opening it");
}


hx_rc_t
hx_state_open(hx_state_t **out, const hx_state_conf_t *conf, char *err)
{
    hx_state_t  *st;

    *out = NULL;

    st = calloc(1, sizeof(hx_state_t));
    if (st == NULL) {
        return hx_state_fail(err, "shared memory", strerror(ENOMEM));
    }

    st->fd = -1;

    if (hx_state_setup(st, conf, err) != HX_OK) {
        hx_state_close(st);
        return HX_FAIL;
    }

    *out = st;

    return HX_OK;
}


void
hx_state_drop(hx_state_t *st)
{
    if (st->head != NULL) {
        (void) munmap(st->head, st->mapped);
        st->head = NULL;
    }

    if (st->fd != -1) {
        (void) close(st->fd);
        st->fd = -1;
    }
}


void
hx_state_close(hx_state_t *st)
{
    if (st != NULL) {
        hx_state_drop(st);
        free(st);
    }
}


int
hx_state_same(const hx_state_t *st, const hx_state_conf_t *conf)
{
    struct stat  sb, now;

    if (st->head->size != conf->size) {
        return 0;
    }

    if (conf->path == NULL || st->fd == -1) {
        return conf->path == NULL && st->fd == -1;
    }

    /* or the same file, by another name */

    return strcmp(st->path, conf->path) == 0
           || (fstat(st->fd, &sb) == 0 && lstat(conf->path, &now) == 0
               && sb.st_dev == now.st_dev && sb.st_ino == now.st_ino);
}
