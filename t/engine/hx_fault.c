/*
 * hx_fault.c -- put in front of the C library by test_faults.py: lets calls
 * fail or wait while a file of that name is in the directory $HX_FAULTS.
 *
 *   sync   fdatasync() fails
 *   meta   LMDB cannot write its meta page, the last step of a commit
 *   wake   other threads than main() wait before they write to an eventfd;
 *          "waking" says that one does, "stale" that the eventfd was closed
 *   build  the thread that fills the index waits before it begins
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define HX_META_END   8192              /* two pages hold it in turn */


static const char *
fault_path(char *path, size_t cap, const char *name)
{
    const char  *dir;

    dir = getenv("HX_FAULTS");

    (void) snprintf(path, cap, "%s/%s", dir != NULL ? dir : "/nonexistent",
                    name);

    return path;
}


static int
fault(const char *name)
{
    char  path[4096];

    return syscall(SYS_access, fault_path(path, sizeof(path), name), F_OK)
           == 0;
}


static void
fault_say(const char *name)
{
    int   fd;
    char  path[4096];

    fd = open(fault_path(path, sizeof(path), name), O_CREAT | O_CLOEXEC, 0600);

    if (fd != -1) {
        (void) close(fd);
    }
}


static int
fault_is_eventfd(int fd)
{
    char     path[64], link[64];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = readlink(path, link, sizeof(link) - 1);
    link[n < 0 ? 0 : n] = '\0';

    return strcmp(link, "anon_inode:[eventfd]") == 0;
}


static void
fault_wait(const char *name)
{
    struct timespec  ms;

    ms.tv_sec = 0;
    ms.tv_nsec = 1000000;

    while (fault(name)) {
        (void) nanosleep(&ms, NULL);
    }
}


ssize_t
write(int fd, const void *p, size_t len)
{
    int      held;
    ssize_t  n;

    held = len == 8 && gettid() != getpid() && fault("wake")
           && fault_is_eventfd(fd);

    if (held) {
        fault_say("waking");
        fault_wait("wake");
    }

    n = syscall(SYS_write, fd, p, len);

    if (held && n == -1 && errno == EBADF) {
        fault_say("stale");
    }

    return n;
}


int
fdatasync(int fd)
{
    if (fault("sync")) {
        errno = EIO;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


ssize_t
pwrite(int fd, const void *p, size_t len, off_t off)
{
    if (off < HX_META_END && len < 4096 && fault("meta")) {
        errno = EIO;
        return -1;
    }

    return syscall(SYS_pwrite64, fd, p, len, off);
}


/* What a thread that is to stand back calls first. */
int
setpriority(int which, id_t who, int nice)
{
    fault_wait("build");

    return (int) syscall(SYS_setpriority, which, who, nice);
}
