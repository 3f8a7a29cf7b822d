/*
 * hx_notify_test.c -- datagrams to NOTIFY_SOCKET: a path, an abstract name,
 * and names that are none.
 */

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hx_test.h"

#include "hx_notify.h"


/* A socket bound to name, and the environment that names it. */
static int
listen_at(const char *name)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_un  un;

    memset(&un, 0, sizeof(un));
    un.sun_family = AF_UNIX;
    memcpy(un.sun_path, name, strlen(name));
    len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(name));

    if (name[0] == '@') {
        un.sun_path[0] = '\0';
    }

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, (struct sockaddr *) &un, len), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);

    return fd;
}


static void
expect(int fd, const char *text)
{
    char     got[64];
    ssize_t  n;

    n = recv(fd, got, sizeof(got), 0);
    assert_int_equal(n, (ssize_t) strlen(text));
    assert_memory_equal(got, text, strlen(text));
}


static void
path_is_told(void **state)
{
    int   fd;
    char  name[] = "/tmp/hx-notify-test.XXXXXX", path[64];

    assert_non_null(mkdtemp(name));
    (void) snprintf(path, sizeof(path), "%s/s", name);
    fd = listen_at(path);

    assert_int_equal(hx_notify("READY=1"), 0);
    assert_int_equal(hx_notify("STOPPING=1\nSTATUS=x"), 0);
    expect(fd, "READY=1");
    expect(fd, "STOPPING=1\nSTATUS=x");

    /* nobody is there any more */
    close(fd);
    assert_int_equal(hx_notify("READY=1"), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(name), 0);
    assert_int_equal(hx_notify("READY=1"), -1);
    assert_int_equal(errno, ENOENT);
}


static void
abstract_name_is_told(void **state)
{
    int   fd;
    char  name[64];

    (void) snprintf(name, sizeof(name), "@hx-notify-test-%d", (int) getpid());
    fd = listen_at(name);
    assert_int_equal(hx_notify("READY=1"), 0);
    expect(fd, "READY=1");
    close(fd);
}


static void
nobody_asked(void **state)
{
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(hx_notify("READY=1"), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
    assert_int_equal(hx_notify("READY=1"), 0);
}


static void
names_that_are_none(void **state)
{
    char                name[sizeof(((struct sockaddr_un *) 0)->sun_path) + 1];
    size_t              i;
    static const char  *bad[] = { "x", "run/notify", "/", "@", "vsock:2:1" };

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
        assert_int_equal(hx_notify("READY=1"), -1);
        assert_int_equal(errno, EAFNOSUPPORT);
    }

    memset(name, 'x', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(hx_notify("READY=1"), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(path_is_told),
        cmocka_unit_test(abstract_name_is_told),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(names_that_are_none)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
