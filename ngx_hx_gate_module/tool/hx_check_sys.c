/*
 * hx_check_sys.c -- files and commands; contracts in hx_check_sys.h.
 */

#define _GNU_SOURCE         /* pipe2() */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hx_check_sys.h"
#include "hx_check_text.h"
#include "hx_dial.h"

#define HX_SYS_BLOCK     65536
#define HX_SYS_NOT_RUN   127        /* exit code of a child that found none */


static hx_rc_t
hx_sys_fail(char *why, const char *what)
{
    (void) snprintf(why, HX_SYS_WHY, "%s", what);

    return HX_FAIL;
}


/* Room for one more block and a NUL. */

static int
hx_sys_grow(unsigned char **data, size_t len)
{
    unsigned char  *p;

    if (*data != NULL && len % HX_SYS_BLOCK != 0) {
        return 1;
    }

    p = realloc(*data, len + HX_SYS_BLOCK + 1);
    if (p == NULL) {
        return 0;
    }

    *data = p;

    return 1;
}


/* Up to the next multiple of a block: 1 more may come, 0 the end, -1 errno. */

static int
hx_sys_more(int fd, unsigned char **data, size_t *len)
{
    ssize_t  n;

    if (!hx_sys_grow(data, *len)) {
        errno = ENOMEM;
        return -1;
    }

    do {
        n = read(fd, *data + *len, HX_SYS_BLOCK - *len % HX_SYS_BLOCK);
    } while (n == -1 && errno == EINTR);

    if (n <= 0) {
        (*data)[*len] = '\0';
        return n == 0 ? 0 : -1;
    }

    *len += (size_t) n;

    return 1;
}


hx_rc_t
hx_sys_read(const char *path, size_t max, unsigned char **data, size_t *len,
    char *why)
{
    int          fd, more;
    struct stat  st;

    *data = NULL;
    *len = 0;

    if (strcmp(path, "-") == 0) {
        fd = STDIN_FILENO;

    } else {
        /* a pipe would make us wait */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd == -1) {
            return hx_sys_fail(why, strerror(errno));
        }

        if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
            (void) close(fd);
            return hx_sys_fail(why, "is no regular file");
        }
    }

    do {
        more = hx_sys_more(fd, data, len);
    } while (more == 1 && *len <= max);

    if (more == -1) {
        (void) hx_sys_fail(why, strerror(errno));

    } else if (*len > max) {
        (void) hx_sys_fail(why, "is too large");
        more = -1;
    }

    if (fd != STDIN_FILENO) {
        (void) close(fd);
    }

    if (more == -1) {
        free(*data);
        *data = NULL;
        return HX_FAIL;
    }

    return HX_OK;
}


/* In the child. */

static void
hx_sys_env(const hx_str_t *text)
{
    size_t     pos;
    char      *n, *v;
    hx_str_t   line, name, value;

    pos = 0;

    while (hx_scan_line(text, &pos, &line)) {
        if (!hx_environ_line(&line, &name, &value)) {
            continue;
        }

        n = strndup((const char *) name.data, name.len);
        v = strndup((const char *) value.data, value.len);

        if (n == NULL || v == NULL || setenv(n, v, 1) != 0) {
            _exit(HX_SYS_NOT_RUN - 1);
        }
    }
}


static void
hx_sys_child(const hx_sys_command_t *c, int out, int err)
{
    int  null;

    null = open("/dev/null", O_RDWR);

    if (null == -1 || dup2(null, STDIN_FILENO) == -1
        || dup2(out, STDOUT_FILENO) == -1 || dup2(err, STDERR_FILENO) == -1
        || (c->dir != NULL && chdir(c->dir) != 0)
        || setenv("LC_ALL", "C", 1) != 0)
    {
        _exit(HX_SYS_NOT_RUN - 1);
    }

    if (c->env != NULL) {
        hx_sys_env(c->env);
    }

    (void) signal(SIGPIPE, SIG_DFL);
    (void) setpgid(0, 0);           /* killed with what it starts */
    (void) execvp(c->argv[0], c->argv);

    _exit(errno == ENOENT ? HX_SYS_NOT_RUN : HX_SYS_NOT_RUN - 1);
}


/* The end of what it says. */

static ssize_t
hx_sys_err(hx_sys_command_t *c, int fd)
{
    char     text[1024];
    size_t   keep;
    ssize_t  n;

    n = read(fd, text, sizeof(text));

    if (n <= 0) {
        return n;
    }

    keep = sizeof(c->err) - (size_t) n;

    if (c->err_len > keep) {
        memmove(c->err, c->err + c->err_len - keep, keep);
        c->err_len = keep;
    }

    memcpy(c->err + c->err_len, text, (size_t) n);
    c->err_len += (size_t) n;

    return n;
}


/* NULL, or what went wrong. */

static const char *
hx_sys_collect(hx_sys_command_t *c, int out, int err)
{
    int            n;
    int64_t        end, left;
    struct pollfd  pfd[2];

    pfd[0].fd = out;
    pfd[1].fd = err;
    pfd[0].events = pfd[1].events = POLLIN;
    end = hx_dial_now() + c->timeout;

    while (pfd[0].fd != -1 || pfd[1].fd != -1) {
        left = end - hx_dial_now();

        if (left <= 0) {
            return "takes too long";
        }

        n = poll(pfd, 2, (int) left);

        if (n == -1 && errno != EINTR) {
            return strerror(errno);
        }

        if (n > 0 && pfd[0].revents != 0
            && hx_sys_more(out, &c->out, &c->len) != 1)
        {
            pfd[0].fd = -1;         /* poll() passes it over */
        }

        if (n > 0 && pfd[1].revents != 0 && hx_sys_err(c, err) <= 0) {
            pfd[1].fd = -1;
        }

        if (c->len > c->max) {
            return "says too much";
        }
    }

    return NULL;
}


static hx_rc_t
hx_sys_wait(hx_sys_command_t *c, pid_t pid, const char *wrong, char *why)
{
    int  status;

    if (wrong != NULL) {
        (void) kill(-pid, SIGKILL);
        (void) kill(pid, SIGKILL);
    }

    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR) {
            return hx_sys_fail(why, strerror(errno));
        }
    }

    c->status = WIFEXITED(status) ? WEXITSTATUS(status)
                                  : 128 + WTERMSIG(status);

    if (wrong != NULL) {
        return hx_sys_fail(why, wrong);
    }

    if (c->status == HX_SYS_NOT_RUN && c->len == 0 && c->err_len == 0) {
        return HX_NO;
    }

    return HX_OK;
}


hx_rc_t
hx_sys_run(hx_sys_command_t *c, char *why)
{
    int          out[2], err[2];
    pid_t        pid;
    const char  *wrong;

    c->out = NULL;
    c->len = 0;
    c->err_len = 0;
    c->status = 0;

    if (pipe2(out, O_CLOEXEC) != 0) {
        return hx_sys_fail(why, strerror(errno));
    }

    if (pipe2(err, O_CLOEXEC) != 0) {
        (void) close(out[0]);
        (void) close(out[1]);
        return hx_sys_fail(why, strerror(errno));
    }

    (void) fflush(NULL);
    pid = fork();

    if (pid == 0) {
        hx_sys_child(c, out[1], err[1]);
    }

    wrong = pid == -1 ? strerror(errno) : NULL;
    (void) close(out[1]);
    (void) close(err[1]);

    if (pid != -1) {
        wrong = hx_sys_collect(c, out[0], err[0]);
    }

    (void) close(out[0]);
    (void) close(err[0]);

    return pid == -1 ? hx_sys_fail(why, wrong)
                     : hx_sys_wait(c, pid, wrong, why);
}
