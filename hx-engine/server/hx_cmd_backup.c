/*
 * hx_cmd_backup.c -- hx-engine backup, hx-engine restore.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_cmd.h"
#include "hx_conf.h"
#include "hx_lmdb.h"


/* The directory that holds the new one has its name on the disk, too. */
static void
hx_backup_sync_above(const char *dir)
{
    char  up[HX_LMDB_PATH];

    if (snprintf(up, sizeof(up), "%s/..", dir) < (int) sizeof(up)) {
        (void) hx_lmdb_sync_dir(up);
    }
}


int
hx_cmd_backup(int n, char **args)
{
    int             rc;
    char            err[HX_CMD_ERR];
    uint64_t        bytes;
    hx_store_t     *s;
    hx_store_rc_t   why;

    if (n != 1) {
        return hx_cmd_fail(2, "backup needs a directory: hx-engine backup DIR");
    }

    s = hx_store_peek(hx_conf_data_dir(), 0, &why, err, sizeof(err));

    if (s == NULL) {
        return hx_cmd_fail(1, err);
    }

    rc = hx_cmd_empty(args[0], 0, err, sizeof(err));

    if (rc == 0) {
        rc = hx_cmd_copy(s, "backup", args[0], &bytes, err, sizeof(err));
    }

    hx_store_close(s);

    if (rc != 0) {
        return hx_cmd_fail(1, err);
    }

    hx_backup_sync_above(args[0]);
    printf("backup of %s in %s: %llu bytes\n", hx_conf_data_dir(), args[0],
           (unsigned long long) bytes);

    return 0;
}


/* Nobody else may use the directory meanwhile.  The descriptor, or -1. */
static int
hx_restore_lock(const char *dir, char *err, size_t cap)
{
    int          fd;
    char         path[HX_LMDB_PATH];
    struct stat  st;

    if (snprintf(path, sizeof(path), "%s/engine.lock", dir)
        >= (int) sizeof(path))
    {
        snprintf(err, cap, "directory name too long");
        return -1;
    }

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd == -1) {
        snprintf(err, cap, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }

    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(err, cap, "%s is in use by an hx-engine", dir);
        close(fd);
        return -1;
    }

    /* the engine has to be able to open it */

    if (geteuid() == 0 && (stat(dir, &st) != 0
                           || fchown(fd, st.st_uid, st.st_gid) != 0))
    {
        snprintf(err, cap, "cannot give %s away: %s", path, strerror(errno));
        close(fd);
        return -1;
    }

    return fd;
}


static int
hx_restore_check(hx_store_t *s, const char *dir, char *err, size_t cap)
{
    const char     *why;
    hx_examined_t   sum;
    hx_store_rc_t   rc;

    rc = hx_cmd_examine(s, &sum, &why);

    if (rc != HX_STORE_OK) {
        snprintf(err, cap, "cannot check the backup in %s: %s", dir,
                 rc == HX_STORE_NO ? "stopped" : why);
        return -1;
    }

    if (sum.bad != 0) {
        snprintf(err, cap, "the backup in %s is damaged, nothing was restored",
                 dir);
        return -1;
    }

    return 0;
}


static int
hx_restore_run(hx_store_t *s, const char *from, const char *dir,
    uint64_t *bytes, char *err, size_t cap)
{
    int  fd, rc;

    if (hx_cmd_empty(dir, 1, err, cap) != 0) {
        return -1;
    }

    fd = hx_restore_lock(dir, err, cap);
    if (fd == -1) {
        return -1;
    }

    /* again: now nobody else can have put something there */

    rc = hx_cmd_empty(dir, 1, err, cap);

    if (rc == 0) {
        rc = hx_restore_check(s, from, err, cap);
    }

    if (rc == 0) {
        rc = hx_cmd_copy(s, "restore", dir, bytes, err, cap);
    }

    close(fd);

    return rc;
}


int
hx_cmd_restore(int n, char **args)
{
    int             rc;
    char            err[HX_CMD_ERR];
    uint64_t        bytes;
    const char     *dir;
    hx_store_t     *s;
    hx_store_rc_t   why;

    if (n != 1) {
        return hx_cmd_fail(2, "restore needs a backup: hx-engine restore DIR");
    }

    dir = hx_conf_data_dir();
    s = hx_store_peek(args[0], 1, &why, err, sizeof(err));

    if (s == NULL) {
        return hx_cmd_fail(1, err);
    }

    rc = hx_restore_run(s, args[0], dir, &bytes, err, sizeof(err));
    hx_store_close(s);

    if (rc != 0) {
        return hx_cmd_fail(1, err);
    }

    hx_backup_sync_above(dir);
    printf("restored %s from %s: %llu bytes\n", dir, args[0],
           (unsigned long long) bytes);

    return 0;
}
