/*
 * hx_test_dir.h -- a directory of its own for each test that needs files, and
 * children that are waited for.  The directory and what is in it goes when the
 * test ends; HX_SCRATCH or /tmp holds it.
 */

#ifndef HX_TEST_DIR_H
#define HX_TEST_DIR_H

#include "hx_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char  test_dir[256];


static inline const char *
test_path(const char *name)
{
    static char  path[sizeof(test_dir) + 300];

    (void) snprintf(path, sizeof(path), "%s/%s", test_dir, name);

    return path;
}


/* For cmocka_unit_test_setup_teardown(). */
static inline int
test_dir_make(void **state)
{
    const char  *scratch;

    scratch = getenv("HX_SCRATCH");

    (void) snprintf(test_dir, sizeof(test_dir), "%s/hx-unit-XXXXXX",
                    scratch != NULL && scratch[0] ? scratch : "/tmp");

    return mkdtemp(test_dir) == NULL;
}


static inline int
test_dir_remove(void **state)
{
    DIR            *d;
    struct dirent  *e;

    d = opendir(test_dir);

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            (void) unlink(test_path(e->d_name));
        }
    }

    if (d != NULL) {
        (void) closedir(d);
    }

    return rmdir(test_dir);
}


/* The whole file in memory of the caller; its length. */
static inline size_t
test_slurp(const char *name, void *p, size_t cap)
{
    int      fd;
    ssize_t  n;

    fd = open(test_path(name), O_RDONLY);
    assert_true(fd >= 0);
    n = pread(fd, p, cap, 0);
    assert_true(n >= 0 && (size_t) n < cap);
    (void) close(fd);

    return (size_t) n;
}


static inline void
test_spill(const char *name, const void *p, size_t len)
{
    int  fd;

    fd = open(test_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    (void) close(fd);
}


/* cmocka catches signals, to go on with the next test: not in a child. */
static inline void
test_default_signals(void)
{
    size_t  i;

    static const int  caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

    for (i = 0; i < hx_nelts(caught); i++) {
        (void) signal(caught[i], SIG_DFL);
    }
}


/*
 * Runs in a child of its own.  Returns its exit code, or 128 + the signal that
 * ended it.  What the child finds wrong it says by its exit code (not 1, a
 * sanitizer's): cmocka's checks belong to the parent.
 */
static inline int
test_in_child(int (*run)(void *data), void *data)
{
    int    status;
    pid_t  pid;

    (void) fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        test_default_signals();
        _exit(run(data));
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}


/*
 * A child that stays until it is killed: returns when it has said that it is
 * ready.  run() gets a descriptor to say so; when it returns, the child waits.
 */
static inline pid_t
test_stay(int (*run)(void *data), void *data)
{
    int    fd[2];
    char   c;
    pid_t  pid;

    (void) fflush(NULL);
    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        /* not longer than the test, should that fail */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        test_default_signals();
        (void) close(fd[0]);
        c = (char) run(data);

        if (write(fd[1], &c, 1) != 1) {
            _exit(1);
        }

        for ( ;; ) {
            (void) pause();
        }
    }

    (void) close(fd[1]);
    assert_int_equal(read(fd[0], &c, 1), 1);
    (void) close(fd[0]);
    assert_int_equal(c, 0);

    return pid;
}


static inline void
test_kill(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

#endif /* HX_TEST_DIR_H */
