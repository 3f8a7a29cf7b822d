/*
 * hx_check_proc.c -- processes, by /proc; contracts in hx_check_sys.h.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_check_sys.h"
#include "hx_text.h"

#define HX_PROC_FDS   65536         /* looked at in one process */


/* The number that a directory's entry is; 0: it is none. */

static pid_t
hx_proc_pid(const char *name)
{
    uint64_t  n;

    return hx_text_parse_u64((const unsigned char *) name, strlen(name),
                             INT32_MAX, &n) == HX_OK ? (pid_t) n : 0;
}


int
hx_sys_trusted(const char *proc, pid_t pid)
{
    char         path[HX_SYS_PATH];
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%d", proc, (int) pid);

    return stat(path, &st) == 0
           && (st.st_uid == 0 || st.st_uid == geteuid());
}


unsigned
hx_sys_masters(const char *proc, pid_t *pid)
{
    int             fd;
    DIR            *dir;
    char            path[HX_SYS_PATH], title[32];
    pid_t           each;
    ssize_t         n;
    unsigned        found;
    struct dirent  *e;

    static const char  master[] = "nginx: master process";

    dir = opendir(proc);
    if (dir == NULL) {
        return 0;
    }

    found = 0;

    while ((e = readdir(dir)) != NULL) {
        each = hx_proc_pid(e->d_name);

        if (each == 0 || !hx_sys_trusted(proc, each)) {
            continue;
        }

        (void) snprintf(path, sizeof(path), "%s/%d/cmdline", proc, (int) each);
        fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd == -1) {
            continue;
        }

        n = read(fd, title, sizeof(title));
        (void) close(fd);

        if (n >= (ssize_t) sizeof(master) - 1
            && memcmp(title, master, sizeof(master) - 1) == 0)
        {
            *pid = each;
            found++;
        }
    }

    (void) closedir(dir);

    return found;
}


int
hx_sys_link(const char *proc, pid_t pid, const char *name,
    char path[HX_SYS_PATH])
{
    char     link[HX_SYS_PATH];
    ssize_t  n;

    (void) snprintf(link, sizeof(link), "%s/%d/%s", proc, (int) pid, name);
    n = readlink(link, path, HX_SYS_PATH - 1);

    if (n <= 0) {
        return 0;
    }

    path[n] = '\0';

    return 1;
}


static int
hx_proc_has(const char *proc, pid_t pid, const char *socket)
{
    DIR            *dir;
    char            path[HX_SYS_PATH], link[64];
    ssize_t         n;
    unsigned        i;
    struct dirent  *e;

    (void) snprintf(path, sizeof(path), "%s/%d/fd", proc, (int) pid);
    dir = opendir(path);

    if (dir == NULL) {
        return 0;
    }

    n = 0;

    for (i = 0; i < HX_PROC_FDS && (e = readdir(dir)) != NULL; i++) {
        n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

        if (n > 0 && (size_t) n == strlen(socket)
            && memcmp(link, socket, (size_t) n) == 0)
        {
            break;
        }

        n = 0;
    }

    (void) closedir(dir);

    return n > 0;
}


pid_t
hx_sys_owner(const char *proc, uint64_t inode)
{
    DIR            *dir;
    char            socket[48];
    pid_t           each, found;
    struct dirent  *e;

    dir = opendir(proc);
    if (dir == NULL) {
        return 0;
    }

    (void) snprintf(socket, sizeof(socket), "socket:[%llu]",
                    (unsigned long long) inode);
    found = 0;

    while (found == 0 && (e = readdir(dir)) != NULL) {
        each = hx_proc_pid(e->d_name);

        if (each != 0 && hx_proc_has(proc, each, socket)) {
            found = each;
        }
    }

    (void) closedir(dir);

    return found;
}
