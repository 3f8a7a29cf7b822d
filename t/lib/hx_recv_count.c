/*
 * hx_recv_count.c -- how much nginx takes off a socket, loaded into it by
 * LD_PRELOAD.
 *
 * HX_RECV_COUNT names a file of 65536 numbers of 64 bits: how many bytes were
 * read from the connection whose client has that port, counted anew from its
 * accept() on.  It is mapped when the library is loaded, as root and before
 * there are workers, and shared by all of them.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>


#define COUNT_PORTS   65536
#define COUNT_SIZE    (COUNT_PORTS * sizeof(uint64_t))
#define COUNT_FDS     4096

#define count_next(name)   dlsym(RTLD_NEXT, name)


static uint64_t  *count_bytes;
static uint16_t   count_port[COUNT_FDS];        /* of accepted ones, or 0 */


__attribute__((constructor)) static void
count_init(void)
{
    int          fd;
    void        *p;
    const char  *path;

    path = getenv("HX_RECV_COUNT");
    fd = path == NULL ? -1 : open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0644);

    if (fd == -1) {
        return;
    }

    p = MAP_FAILED;

    if (ftruncate(fd, COUNT_SIZE) == 0) {
        p = mmap(NULL, COUNT_SIZE, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    }

    (void) close(fd);

    if (p != MAP_FAILED) {
        count_bytes = p;
    }
}


static void
count_add(int fd, ssize_t n)
{
    if (n > 0 && fd >= 0 && fd < COUNT_FDS && count_port[fd] != 0) {
        (void) __atomic_fetch_add(&count_bytes[count_port[fd]], (uint64_t) n,
                                  __ATOMIC_RELAXED);
    }
}


int
accept4(int s, struct sockaddr *sa, socklen_t *len, int flags)
{
    int                  fd;
    socklen_t            n;
    struct sockaddr_in   sin;

    int (*next)(int, struct sockaddr *, socklen_t *, int) =
        count_next("accept4");

    fd = next(s, sa, len, flags);
    n = sizeof(sin);

    if (count_bytes != NULL && fd >= 0 && fd < COUNT_FDS
        && getpeername(fd, (struct sockaddr *) &sin, &n) == 0
        && sin.sin_family == AF_INET)
    {
        count_port[fd] = ntohs(sin.sin_port);
        __atomic_store_n(&count_bytes[count_port[fd]], 0, __ATOMIC_RELAXED);
    }

    return fd;
}


int
close(int fd)
{
    int (*next)(int) = count_next("close");

    if (fd >= 0 && fd < COUNT_FDS) {
        count_port[fd] = 0;
    }

    return next(fd);
}


/* nginx itself */

ssize_t
recv(int fd, void *p, size_t len, int flags)
{
    ssize_t  n;

    ssize_t (*next)(int, void *, size_t, int) = count_next("recv");

    n = next(fd, p, len, flags);

    if (!(flags & MSG_PEEK)) {
        count_add(fd, n);
    }

    return n;
}


/* OpenSSL */

ssize_t
read(int fd, void *p, size_t len)
{
    ssize_t  n;

    ssize_t (*next)(int, void *, size_t) = count_next("read");

    n = next(fd, p, len);
    count_add(fd, n);

    return n;
}


ssize_t
readv(int fd, const struct iovec *v, int n_v)
{
    ssize_t  n;

    ssize_t (*next)(int, const struct iovec *, int) = count_next("readv");

    n = next(fd, v, n_v);
    count_add(fd, n);

    return n;
}
