/*
 * hx_cmd_copy.c -- a store copied to another directory.
 *
 * LMDB writes the copy from a thread; this one looks how long the file has
 * become.  The file is called data.mdb only when all of it is on the disk.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_cmd.h"
#include "hx_lmdb.h"

#define HX_COPY_NAME   "data.mdb.part"

typedef struct {
    hx_store_t  *store;
    int          fd;
    int          rc;
    atomic_int   done;
} hx_copy_t;

static const char  *hx_copy_part;       /* for a signal */


static void
hx_copy_bus(int sig)
{
    static const char  text[] = "\nhx-engine: the store was cut short: pages "
                                "of it are missing\n";
    ssize_t            n;

    n = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void) n;
    (void) unlink(hx_copy_part);
    _exit(1);
}


static void *
hx_copy_main(void *data)
{
    hx_copy_t  *c;

    c = data;
    c->rc = hx_store_copy(c->store, c->fd);
    atomic_store(&c->done, 1);

    return NULL;
}


/* Until the thread is done; a signal ends the process. */
static void
hx_copy_watch(hx_copy_t *c, const char *what, char *err, size_t cap)
{
    uint64_t         total;
    struct stat      st;
    hx_progress_t    p;
    struct timespec  ms;

    total = hx_store_copy_size(c->store);
    ms.tv_sec = 0;
    ms.tv_nsec = 20000000;
    hx_progress_begin(&p, what);

    while (!atomic_load(&c->done)) {
        (void) nanosleep(&ms, NULL);

        if (fstat(c->fd, &st) == 0) {
            hx_progress_show(&p, (uint64_t) st.st_size, total);
        }

        if (hx_cmd_stopped(NULL)) {
            hx_progress_end(&p);
            (void) unlink(hx_copy_part);
            fprintf(stderr, "hx-engine: %s: stopped\n", what);
            _exit(1);
        }
    }

    hx_progress_end(&p);
}


/* The bytes are on the disk, and belong to whom the directory belongs. */
static int
hx_copy_settle(int fd, const char *dir, uint64_t *bytes)
{
    struct stat  st, file;

    if (stat(dir, &st) != 0 || fstat(fd, &file) != 0) {
        return errno;
    }

    if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0) {
        return errno;
    }

    *bytes = (uint64_t) file.st_size;

    return fsync(fd) == 0 ? 0 : errno;
}


static int
hx_copy_to(hx_store_t *s, const char *what, int fd, const char *dir,
    uint64_t *bytes, char *err, size_t cap)
{
    int        rc;
    hx_copy_t  c;
    pthread_t  thread;

    memset(&c, 0, sizeof(c));
    c.store = s;
    c.fd = fd;
    rc = pthread_create(&thread, NULL, hx_copy_main, &c);

    if (rc == 0) {
        hx_copy_watch(&c, what, err, cap);
        pthread_join(thread, NULL);
        rc = c.rc;
    }

    if (rc != 0) {
        snprintf(err, cap, "cannot copy the store: %s",
                 hx_store_copy_error(rc));
        return -1;
    }

    rc = hx_copy_settle(fd, dir, bytes);

    if (rc != 0) {
        snprintf(err, cap, "cannot write %s/" HX_COPY_NAME ": %s", dir,
                 strerror(rc));
        return -1;
    }

    return 0;
}


int
hx_cmd_copy(hx_store_t *s, const char *what, const char *dir, uint64_t *bytes,
    char *err, size_t cap)
{
    int   fd, rc;
    char  part[HX_LMDB_PATH], name[HX_LMDB_PATH];

    if (snprintf(part, sizeof(part), "%s/" HX_COPY_NAME, dir)
        >= (int) sizeof(part)
        || snprintf(name, sizeof(name), "%s/data.mdb", dir)
           >= (int) sizeof(name))
    {
        snprintf(err, cap, "directory name too long");
        return -1;
    }

    fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd == -1) {
        snprintf(err, cap, "cannot create %s: %s", part, strerror(errno));
        return -1;
    }

    hx_copy_part = part;
    (void) signal(SIGBUS, hx_copy_bus);
    (void) signal(SIGXFSZ, SIG_IGN);        /* a full file is an error code */
    rc = hx_copy_to(s, what, fd, dir, bytes, err, cap);

    if (close(fd) != 0 && rc == 0) {
        snprintf(err, cap, "cannot write %s: %s", part, strerror(errno));
        rc = -1;
    }

    if (rc == 0 && rename(part, name) != 0) {
        snprintf(err, cap, "cannot rename %s: %s", part, strerror(errno));
        rc = -1;
    }

    if (rc == 0 && (rc = hx_lmdb_sync_dir(dir)) != 0) {
        snprintf(err, cap, "cannot sync %s: %s", dir, strerror(rc));
        (void) unlink(name);
        rc = -1;
    }

    if (rc != 0) {
        (void) unlink(part);
    }

    (void) signal(SIGBUS, SIG_DFL);

    return rc;
}


static int
hx_cmd_only_locks(const char *name, int locks)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0
           || (locks && (strcmp(name, "engine.lock") == 0
                         || strcmp(name, "lock.mdb") == 0));
}


int
hx_cmd_empty(const char *dir, int locks, char *err, size_t cap)
{
    DIR            *d;
    struct dirent  *e;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(err, cap, "cannot create %s: %s", dir, strerror(errno));
        return -1;
    }

    d = opendir(dir);

    if (d == NULL) {
        snprintf(err, cap, "cannot read %s: %s", dir, strerror(errno));
        return -1;
    }

    do {
        e = readdir(d);
    } while (e != NULL && hx_cmd_only_locks(e->d_name, locks));

    if (e != NULL) {
        snprintf(err, cap, "%s is not empty: there is %s", dir, e->d_name);
    }

    (void) closedir(d);

    return e == NULL ? 0 : -1;
}
