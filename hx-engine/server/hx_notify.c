/*
 * hx_notify.c -- sd_notify(3) without libsystemd.
 *
 * Called by main alone.  What fails is the caller's to report: an engine that
 * cannot say that it is ready serves all the same.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hx_notify.h"


/* Its length; 0: no address, errno is set.  "@name" is an abstract socket. */
static socklen_t
hx_notify_addr(struct sockaddr_un *un, const char *name)
{
    size_t  len;

    len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2) {
        errno = EAFNOSUPPORT;
        return 0;
    }

    if (len >= sizeof(un->sun_path)) {
        errno = ENAMETOOLONG;
        return 0;
    }

    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, name, len);

    if (name[0] == '@') {
        un->sun_path[0] = '\0';
    }

    return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len);
}


int
hx_notify(const char *state)
{
    int                  fd, saved;
    ssize_t              n;
    socklen_t            len;
    const char          *name;
    struct sockaddr_un   un;

    name = getenv("NOTIFY_SOCKET");

    if (name == NULL || *name == '\0') {
        return 0;
    }

    len = hx_notify_addr(&un, name);

    if (len == 0) {
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    do {
        n = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                   (struct sockaddr *) &un, len);
    } while (n == -1 && errno == EINTR);

    saved = errno;
    close(fd);
    errno = saved;

    return n == -1 ? -1 : 0;
}
