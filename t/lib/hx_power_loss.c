/*
 * hx_power_loss.c -- what of each file would be there after a power loss: to
 * be loaded (LD_PRELOAD) into a process whose fsync(), fdatasync() and syncfs()
 * are to be taken down.
 *
 * Each call that has succeeded adds a line "device:inode size", padded to 64
 * bytes, to the file named by HX_POWER_LOSS_LOG.  The size is that from before
 * the call: what was written while it ran is not known to be on the disk.  The
 * line is added after the call has returned, by one write() to a file opened
 * O_APPEND that never crosses a page: lines of several threads and processes,
 * killed or not, are whole.  A line that cannot be written is missing, so what
 * was synced counts as lost, never the other way round.
 *
 * HX_POWER_LOSS_DELAY (ms) stands for a slow disk: the call is kept waiting so
 * long after the size was taken.
 *
 * nginx takes most variables out of its environment: both are read while the
 * library is loaded, and the descriptor is inherited by what is forked then.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>


#define HX_POWER_LOSS_LINE   64


int fsync(int fd);
int fdatasync(int fd);
int syncfs(int fd);


static int              hx_power_loss_log = -1;
static struct timespec  hx_power_loss_delay;


__attribute__((constructor))
static void
hx_power_loss_init(void)
{
    long         ms;
    const char  *name, *delay;

    name = getenv("HX_POWER_LOSS_LOG");
    delay = getenv("HX_POWER_LOSS_DELAY");

    if (name != NULL) {
        hx_power_loss_log = open(name, O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC,
                                 0644);
        if (hx_power_loss_log == -1) {
            perror(name);
            _exit(126);
        }
    }

    if (delay != NULL) {
        ms = strtol(delay, NULL, 10);
        hx_power_loss_delay.tv_sec = ms / 1000;
        hx_power_loss_delay.tv_nsec = ms % 1000 * 1000000;
    }
}


static void
hx_power_loss_wait(void)
{
    struct timespec  rest;

    rest = hx_power_loss_delay;

    while (nanosleep(&rest, &rest) == -1 && errno == EINTR) { /* void */ }
}


static void
hx_power_loss_note(const struct stat *st)
{
    int      n;
    char     line[HX_POWER_LOSS_LINE + 1];
    ssize_t  written;

    n = snprintf(line, sizeof(line), "%llu:%llu %lld",
                 (unsigned long long) st->st_dev,
                 (unsigned long long) st->st_ino, (long long) st->st_size);

    if (n < 0 || n >= HX_POWER_LOSS_LINE) {
        return;
    }

    memset(line + n, ' ', (size_t) (HX_POWER_LOSS_LINE - n));
    line[HX_POWER_LOSS_LINE - 1] = '\n';

    written = write(hx_power_loss_log, line, HX_POWER_LOSS_LINE);
    (void) written;
}


static int
hx_power_loss_sync(long call, int fd)
{
    int          rc, err;
    struct stat  st;

    if (hx_power_loss_log == -1 || fstat(fd, &st) == -1) {
        return (int) syscall(call, fd);
    }

    hx_power_loss_wait();

    rc = (int) syscall(call, fd);
    err = errno;

    if (rc == 0) {
        hx_power_loss_note(&st);
    }

    errno = err;

    return rc;
}


int
fsync(int fd)
{
    return hx_power_loss_sync(SYS_fsync, fd);
}


int
fdatasync(int fd)
{
    return hx_power_loss_sync(SYS_fdatasync, fd);
}


int
syncfs(int fd)
{
    return hx_power_loss_sync(SYS_syncfs, fd);
}
