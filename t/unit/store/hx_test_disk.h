/*
 * hx_test_disk.h -- a disk that can be full, and syncs at which the process
 * ends as if it had been killed.  For one file of a test program.
 */

#ifndef HX_TEST_DISK_H
#define HX_TEST_DISK_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "hx_test_dir.h"

static int         crash_at;            /* sync at which the process ends */
static int         dir_synced;          /* after the file was there */
static atomic_int  no_space;            /* the disk is full */


/* What LMDB calls: these definitions come before the C library's. */

ssize_t
pwrite(int fd, const void *p, size_t len, off_t off)
{
    if (atomic_load(&no_space)) {
        errno = ENOSPC;
        return -1;
    }

    return syscall(SYS_pwrite64, fd, p, len, off);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    if (atomic_load(&no_space)) {
        errno = ENOSPC;
        return -1;
    }

    return syscall(SYS_writev, fd, iov, n);
}


int
fdatasync(int fd)
{
    if (crash_at != 0 && --crash_at == 0) {
        _exit(0);
    }

    return 0;                           /* nobody pulls the plug here */
}


int
fsync(int fd)
{
    struct stat  st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        dir_synced = access(test_path("data.mdb"), F_OK) == 0;
    }

    return 0;
}

#endif /* HX_TEST_DISK_H */
