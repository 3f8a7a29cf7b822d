/*
 * ngx_hx_audit_disk.c -- the audit file as something on a disk: is there room,
 * is it still there, and is what was written safe from a loss of power.
 *
 * fdatasync() runs in nginx's thread pool, one at a time for each worker and
 * file; records that come meanwhile are the next group.  What a failed one has
 * left behind is never trusted again: the kernel drops such pages, tells each
 * open() of the file once, and says nothing the next time.  So workers sync
 * descriptors of their own, not the one that they all have from the master.
 */

#include "ngx_hx_audit.h"

#include "hx_lmdb.h"

#include <sys/resource.h>
#include <sys/statvfs.h>


#define NGX_HX_AUDIT_AHEAD   (512 * 1024)       /* bytes made sure of at once */


struct ngx_hx_sync_s {
    ngx_hx_trail_t      *trail;
    ngx_thread_task_t   *task;
    uint64_t             number;        /* records up to there */
    int                  fd;
    ngx_uint_t           n_old;
    int                  old[NGX_HX_AUDIT_OLD];
    u_char              *dir;           /* NULL: need not be synced */
    u_char              *dir_name;
    ngx_err_t            err;
};


/* In a thread of the pool. */

static void
ngx_hx_audit_sync_thread(void *data, ngx_log_t *log)
{
    int             rc;
    ngx_uint_t      i;
    ngx_hx_sync_t  *s;

    s = *(ngx_hx_sync_t **) data;
    s->err = 0;

    for (i = 0; i < s->n_old; i++) {
        if (fdatasync(s->old[i]) != 0) {
            s->err = ngx_errno;
        }

        (void) close(s->old[i]);
    }

    if (fdatasync(s->fd) != 0) {
        s->err = ngx_errno;
    }

    (void) close(s->fd);

    /* the name of a new file; a directory that may not be read, or has nothing
     * to sync, stays out */

    if (s->dir != NULL) {
        rc = hx_lmdb_sync_dir((const char *) s->dir);

        if (rc != 0 && rc != NGX_EACCES && rc != NGX_EINVAL) {
            s->err = rc;
        }
    }
}


static void
ngx_hx_audit_sync_done(ngx_event_t *ev)
{
    ngx_hx_sync_t   *s;
    ngx_hx_trail_t  *t;

    s = ev->data;
    t = s->trail;

    t->syncing = 0;

    if (s->err != 0) {
        t->unsure = s->number;
        t->sync_dir = 1;
        ngx_hx_audit_failed(t, s->err, "fdatasync() failed");
        return;                         /* the timer tries again */
    }

    t->synced = s->number;
    ngx_hx_audit_recovered(t);

    if (t->synced != t->put || t->n_old != 0) {
        (void) ngx_hx_audit_flush(t);
    }
}


static ngx_hx_sync_t *
ngx_hx_audit_sync_make(ngx_hx_trail_t *t)
{
    ngx_str_t          *name;
    ngx_hx_sync_t      *s;
    ngx_thread_task_t  *task;

    name = &t->audit->file->name;

    s = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_hx_sync_t));
    task = ngx_thread_task_alloc(ngx_cycle->pool, sizeof(ngx_hx_sync_t *));

    if (s == NULL || task == NULL) {
        return NULL;
    }

    s->dir_name = ngx_pnalloc(ngx_cycle->pool, name->len + 2);
    if (s->dir_name == NULL) {
        return NULL;
    }

    (void) ngx_cpystrn(s->dir_name, name->data, name->len + 1);

    if (!hx_text_dir((char *) s->dir_name)) {
        (void) ngx_cpystrn(s->dir_name, (u_char *) ".", 2);
    }

    s->trail = t;
    s->task = task;

    *(ngx_hx_sync_t **) task->ctx = s;

    task->handler = ngx_hx_audit_sync_thread;
    task->event.handler = ngx_hx_audit_sync_done;
    task->event.data = s;
    task->event.log = t->log;

    return s;
}


/* What has been written to; a rotation closes it whenever it likes. */

static int
ngx_hx_audit_dup(ngx_hx_trail_t *t)
{
    int  fd;

    fd = hx_box_reader_fd(&t->box);

    if (fd == -1) {
        fd = t->audit->file->fd;

        if (!t->told_shared) {
            t->told_shared = 1;

            ngx_log_error(NGX_LOG_WARN, t->log, 0, "hx_gate: audit log \"%V\" "
                          "cannot be read by its workers: one that another "
                          "worker could not write to the disk may go unnoticed",
                          &t->audit->file->name);
        }
    }

    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}


void
ngx_hx_audit_sync(ngx_hx_trail_t *t)
{
    ngx_hx_sync_t  *s;

    if (t->syncing) {
        ngx_hx_audit_arm(t);            /* does it ever return? */
        return;                         /* what is new is the next group */
    }

    if (t->synced == t->written && t->n_old == 0 && t->unsure == 0) {
        ngx_hx_audit_recovered(t);
        return;
    }

    if (t->sync == NULL) {
        t->sync = ngx_hx_audit_sync_make(t);
    }

    s = t->sync;

    if (s == NULL) {
        ngx_hx_audit_failed(t, NGX_ENOMEM, "no memory");
        return;
    }

    s->fd = ngx_hx_audit_dup(t);

    if (s->fd == -1) {
        ngx_hx_audit_failed(t, ngx_errno, "dup() failed");
        return;
    }

    s->number = t->written;
    s->dir = t->sync_dir ? s->dir_name : NULL;
    s->n_old = t->n_old;
    ngx_memcpy(s->old, t->old, sizeof(t->old));

    if (ngx_thread_task_post(t->mcf->threads, s->task) != NGX_OK) {
        (void) close(s->fd);
        ngx_hx_audit_failed(t, 0, "the thread pool is full");
        return;
    }

    t->n_old = 0;
    t->sync_dir = 0;
    t->unsure = 0;
    t->syncing = 1;
    t->sync_at = ngx_current_msec;

    ngx_hx_audit_arm(t);
}


void
ngx_hx_audit_sync_old(ngx_hx_trail_t *t)
{
    int  fd;

    t->sync_dir = 1;

    /* of what waits still, some may be in the file: a write was short */

    if (t->synced == t->put || (t->syncing && t->sync->number == t->put)) {
        return;
    }

    fd = t->n_old < NGX_HX_AUDIT_OLD ? ngx_hx_audit_dup(t) : -1;

    if (fd != -1) {
        t->old[t->n_old++] = fd;
        return;
    }

    /* rotated more often than the disk can follow: then it is waited for */

    if (fdatasync(t->audit->file->fd) != 0) {
        t->unsure = t->put;
        ngx_hx_audit_failed(t, ngx_errno, "fdatasync() failed");
    }
}


/*
 * Where the worker may make files; else the next USR1 brings a file, or whoever
 * removed it does, by linking it again.
 */

ngx_int_t
ngx_hx_audit_reopen(ngx_hx_trail_t *t)
{
    int                     fd;
    ngx_err_t               err;
    const ngx_open_file_t  *file;

    file = t->audit->file;

    fd = open((const char *) file->name.data,
              O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC|O_NONBLOCK, 0644);

    if (fd == -1) {
        ngx_set_errno(NGX_ENOENT);
        return NGX_ERROR;
    }

    if (dup3(fd, file->fd, O_CLOEXEC) == -1) {
        err = ngx_errno;
        (void) close(fd);
        ngx_set_errno(err);
        return NGX_ERROR;
    }

    (void) close(fd);
    t->sync_dir = 1;

    ngx_log_error(NGX_LOG_WARN, t->log, 0, "hx_gate: audit log \"%V\" was "
                  "removed, it is made again", &file->name);

    return NGX_OK;
}


/* As far as the file system tells. */

static ngx_int_t
ngx_hx_audit_free_space(int fd, size_t need)
{
    struct statvfs  fs;

    if (fstatvfs(fd, &fs) != 0) {
        return NGX_ERROR;
    }

    if (fs.f_flag & ST_RDONLY) {
        ngx_set_errno(EROFS);
        return NGX_ERROR;
    }

    if ((uint64_t) fs.f_bavail * fs.f_frsize < need) {
        ngx_set_errno(NGX_ENOSPC);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_audit_allocate(ngx_hx_trail_t *t, int fd, off_t size, size_t need)
{
    size_t  len;

    if (t->no_fallocate) {
        return ngx_hx_audit_free_space(fd, need);
    }

    len = need + NGX_HX_AUDIT_AHEAD;

    while (fallocate(fd, FALLOC_FL_KEEP_SIZE, size, (off_t) len) != 0) {

        if (ngx_errno == NGX_ENOSPC && len != need) {
            len = need;

        } else if (ngx_errno != NGX_EINTR) {
            len = 0;
            break;
        }
    }

    if (len != 0) {
        t->ensured = (uint64_t) size + len;
        return NGX_OK;
    }

    if (ngx_errno == EOPNOTSUPP || ngx_errno == ENOSYS) {
        t->no_fallocate = 1;
        return ngx_hx_audit_free_space(fd, need);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_hx_audit_room(ngx_hx_trail_t *t)
{
    int             fd;
    size_t          need;
    struct stat     sb;
    struct rlimit   limit;

    fd = t->audit->file->fd;

    if (fstat(fd, &sb) != 0) {
        return NGX_ERROR;
    }

    if (!S_ISREG(sb.st_mode)) {
        return NGX_OK;
    }

    if (sb.st_nlink == 0
        && (ngx_hx_audit_reopen(t) != NGX_OK || fstat(fd, &sb) != 0))
    {
        return NGX_ERROR;
    }

    /* what waits here, and what requests that are on their way will leave */

    need = 2 * t->audit->size;

    if ((uint64_t) sb.st_size + need <= t->ensured
        && sb.st_size >= t->ensured_size    /* else it was cut, room and all */
        && sb.st_ino == t->ensured_inode && sb.st_dev == t->ensured_device)
    {
        t->ensured_size = sb.st_size;
        return NGX_OK;
    }

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return NGX_ERROR;
    }

    if ((uint64_t) sb.st_size + need > limit.rlim_cur) {
        ngx_set_errno(EFBIG);
        return NGX_ERROR;
    }

    t->ensured = 0;
    t->ensured_size = sb.st_size;
    t->ensured_inode = sb.st_ino;
    t->ensured_device = sb.st_dev;

    if (ngx_hx_audit_allocate(t, fd, sb.st_size, need) != NGX_OK) {
        return NGX_ERROR;
    }

    if (t->ensured > limit.rlim_cur) {          /* RLIM_INFINITY is the most */
        t->ensured = limit.rlim_cur;
    }

    return NGX_OK;
}
