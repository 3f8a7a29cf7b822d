/*
 * hx_disk_fault.c -- a disk that tests break and mend, loaded into nginx by
 * LD_PRELOAD.
 *
 * HX_DISK_FAULT_PATH names the file, HX_DISK_FAULT a file that says what is
 * wrong with it while it exists: "<calls> <errno>", where calls are letters: w
 * (write, writev), s (fdatasync), a (fallocate); h lets the first half of a
 * write pass; d makes each call last 0.2 ms longer, l makes fdatasync last
 * until there is no l any more.  Both are read when the library is loaded:
 * nginx gives its workers no environment.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>


static char  fault_path[4096], fault_file[4096];


__attribute__((constructor)) static void
fault_init(void)
{
    const char  *path, *file;

    path = getenv("HX_DISK_FAULT_PATH");
    file = getenv("HX_DISK_FAULT");

    if (path != NULL && file != NULL) {
        (void) snprintf(fault_path, sizeof(fault_path), "%s", path);
        (void) snprintf(fault_file, sizeof(fault_file), "%s", file);
    }
}


/* The error that a call on fd ends with; 0 = none. */

static int
fault_of(int fd, char call, int *half)
{
    int      control, err;
    char     link[64], name[4096], text[64], *blank;
    ssize_t  n;

    *half = 0;
    text[0] = '\0';

    if (fault_file[0] == '\0') {
        return 0;
    }

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof(name) - 1);

    if (n <= 0) {
        return 0;
    }

    name[n] = '\0';

    if (strncmp(name, fault_path, strlen(fault_path)) != 0) {
        return 0;
    }

    control = open(fault_file, O_RDONLY|O_CLOEXEC);
    if (control == -1) {
        return 0;
    }

    n = read(control, text, sizeof(text) - 1);
    (void) close(control);

    text[n > 0 ? n : 0] = '\0';
    blank = strchr(text, ' ');

    if (blank == NULL) {
        return 0;
    }

    *blank = '\0';
    err = (int) strtol(blank + 1, NULL, 10);
    *half = strchr(text, 'h') != NULL;

    if (call == 's' && strchr(text, 'l') != NULL) {
        (void) usleep(10000);
        return fault_of(fd, call, half);
    }

    if (strchr(text, 'd') != NULL) {
        (void) usleep(200);
    }


    return strchr(text, call) != NULL ? err : 0;
}


#define fault_next(name)   dlsym(RTLD_NEXT, name)


ssize_t
write(int fd, const void *p, size_t len)
{
    int  err, half;

    ssize_t (*next)(int, const void *, size_t) = fault_next("write");

    err = fault_of(fd, 'w', &half);

    if (err != 0 && half && len > 1) {
        return next(fd, p, len / 2);
    }

    if (err != 0) {
        errno = err;
        return -1;
    }

    return next(fd, p, len);
}


ssize_t
writev(int fd, const struct iovec *v, int n)
{
    int           err, half;
    struct iovec  part[8];

    ssize_t (*next)(int, const struct iovec *, int) = fault_next("writev");

    err = fault_of(fd, 'w', &half);

    if (err != 0 && half && n > 0 && n <= 8 && v[n - 1].iov_len > 1) {
        memcpy(part, v, (size_t) n * sizeof(struct iovec));
        part[n - 1].iov_len /= 2;
        return next(fd, part, n);
    }

    if (err != 0) {
        errno = err;
        return -1;
    }

    return next(fd, v, n);
}


int
fdatasync(int fd)
{
    int  err, half;

    int (*next)(int) = fault_next("fdatasync");

    err = fault_of(fd, 's', &half);

    if (err != 0) {
        errno = err;
        return -1;
    }

    return next(fd);
}


static int
fault_allocate(const char *name, int fd, int mode, off_t at, off_t len)
{
    int  err, half;

    int (*next)(int, int, off_t, off_t) = fault_next(name);

    err = fault_of(fd, 'a', &half);

    if (err != 0) {
        errno = err;
        return -1;
    }

    return next(fd, mode, at, len);
}


int
fallocate(int fd, int mode, off_t at, off_t len)
{
    return fault_allocate("fallocate", fd, mode, at, len);
}


int
fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fault_allocate("fallocate64", fd, mode, at, len);
}
