/*
 * hx_replica_open.c -- a replica is opened, and made anew where the one that is
 * there is of no use; see hx_replica.h.
 *
 * It is written without syncing, so after a power failure nothing in it can be
 * believed, and nothing would show: it says which boot of the machine has made
 * it.  Workers open it one after the other, or the second would throw away what
 * the first has just made.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_replica_impl.h"


#define HX_REPLICA_BOOT_ID   "/proc/sys/kernel/random/boot_id"
#define HX_REPLICA_BOOT_LEN  36
#define HX_REPLICA_PATIENCE  100        /* ms; who opens is done in a few, or
                                         * stopped, and is not waited for */


/* Where the system does not say, all boots are one. */

static void
hx_replica_boot(unsigned char boot[HX_REPLICA_BOOT_LEN])
{
    int      fd;
    ssize_t  n;

    n = 0;
    fd = open(HX_REPLICA_BOOT_ID, O_RDONLY | O_CLOEXEC);

    if (fd != -1) {
        n = read(fd, boot, HX_REPLICA_BOOT_LEN);
        (void) close(fd);
    }

    if (n != HX_REPLICA_BOOT_LEN) {
        memset(boot, '0', HX_REPLICA_BOOT_LEN);
    }
}


/* The directory is ours alone: records say whose namespaces are whose. */

static hx_rc_t
hx_replica_dir(const char *dir, char *err)
{
    struct stat  st;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return hx_env_fail(err, "making the directory", errno);
    }

    if (lstat(dir, &st) != 0) {
        return hx_env_fail(err, "the directory", errno);
    }

    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()
        || (st.st_mode & 0077) != 0)
    {
        (void) snprintf(err, HX_REGISTRY_ERR, "not a directory of mode 0700 "
                        "that is of this process' user");
        return HX_FAIL;
    }

    return HX_OK;
}


static int
hx_replica_has(const char *dir, const char *name)
{
    char         path[HX_LMDB_PATH];
    struct stat  st;

    return (size_t) snprintf(path, sizeof(path), "%s/%s", dir, name)
           < sizeof(path) && lstat(path, &st) == 0;
}


/*
 * A registry that is no replica must not be taken for a replica of no use: our
 * lock is made before the first of our files.
 */

static hx_rc_t
hx_replica_own(const char *dir, char *err)
{
    if (hx_replica_has(dir, "data.mdb") && !hx_replica_has(dir, "open.lock")) {
        (void) snprintf(err, HX_REGISTRY_ERR, "the directory holds data.mdb "
                        "that is no replica's");
        return HX_FAIL;
    }

    return HX_OK;
}


int
hx_replica_lock(const char *dir, const char *name, int wait)
{
    int   fd;
    char  path[HX_LMDB_PATH];

    if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, name)
        >= sizeof(path))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1) {
        return -1;
    }

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK && wait-- > 0) {
            (void) poll(NULL, 0, 1);
            continue;
        }

        if (errno != EINTR) {
            (void) close(fd);
            return -1;
        }
    }

    return fd;
}


static hx_rc_t
hx_replica_remove(const char *dir, char *err)
{
    unsigned  i;
    char      path[HX_LMDB_PATH];

    static const char *const  names[] = { "data.mdb", "lock.mdb" };

    for (i = 0; i < hx_nelts(names); i++) {
        if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, names[i])
            >= sizeof(path))
        {
            return hx_env_fail(err, "the directory", ENAMETOOLONG);
        }

        if (unlink(path) != 0 && errno != ENOENT) {
            return hx_env_fail(err, "removing an old replica", errno);
        }
    }

    return HX_OK;
}


/*
 * HX_OK: it is of this boot; HX_NO: of another one; HX_PENDING: of none yet;
 * HX_FAIL.
 */

static hx_rc_t
hx_replica_whose(hx_registry_t *reg, const unsigned char *boot, char *err)
{
    int       rc;
    hx_rc_t   answer;
    MDB_txn  *txn;
    MDB_val   k, v;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    k.mv_data = (void *) HX_REPLICA_M_BOOT;
    k.mv_size = sizeof(HX_REPLICA_M_BOOT) - 1;

    rc = mdb_get(txn, reg->env.dbi[HX_REGISTRY_META], &k, &v);

    if (rc == 0) {
        answer = v.mv_size == HX_REPLICA_BOOT_LEN
                 && memcmp(v.mv_data, boot, HX_REPLICA_BOOT_LEN) == 0
                 ? HX_OK : HX_NO;

    } else {
        answer = rc == MDB_NOTFOUND
                 ? HX_PENDING : hx_env_fail(err, "mdb_get", rc);
    }

    return hx_env_end(&reg->env, txn, answer, err);
}


static hx_rc_t
hx_replica_of_now(hx_registry_t *reg, char *err)
{
    int            rc;
    hx_rc_t        answer;
    MDB_txn       *txn;
    MDB_val        k, v;
    unsigned char  boot[HX_REPLICA_BOOT_LEN];

    hx_replica_boot(boot);

    answer = hx_replica_whose(reg, boot, err);
    if (answer != HX_PENDING) {
        return answer;
    }

    if (hx_env_begin(&reg->env, 0, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_replica_new(reg, txn);

    if (rc == 0) {
        k.mv_data = (void *) HX_REPLICA_M_BOOT;
        k.mv_size = sizeof(HX_REPLICA_M_BOOT) - 1;
        v.mv_data = boot;
        v.mv_size = sizeof(boot);
        rc = mdb_put(txn, reg->env.dbi[HX_REGISTRY_META], &k, &v, 0);
    }

    answer = rc == 0 ? HX_OK : hx_env_fail(err, "making a replica", rc);

    return hx_env_end(&reg->env, txn, answer, err);
}


/* HX_NO: what is there is of no use. */

static hx_rc_t
hx_replica_try(hx_registry_t **reg, const hx_registry_conf_t *conf, char *err)
{
    int      code;
    hx_rc_t  rc;

    code = 0;

    if (hx_registry_open_at(reg, conf, &code, err) != HX_OK) {
        switch (code) {

        case MDB_CORRUPTED:
        case MDB_INCOMPATIBLE:
        case MDB_INVALID:
        case MDB_NOTFOUND:
        case MDB_PAGE_NOTFOUND:
        case MDB_PANIC:
        case MDB_VERSION_MISMATCH:
            return HX_NO;

        default:
            return HX_FAIL;
        }
    }

    rc = hx_replica_of_now(*reg, err);

    if (rc != HX_OK) {
        hx_registry_close(*reg);
        *reg = NULL;
    }

    return rc;
}


hx_rc_t
hx_replica_open(hx_registry_t **reg, const hx_registry_conf_t *conf, char *err)
{
    int      lock;
    hx_rc_t  rc;

    *reg = NULL;

    if (hx_replica_dir(conf->dir, err) != HX_OK
        || hx_replica_own(conf->dir, err) != HX_OK)
    {
        return HX_FAIL;
    }

    lock = hx_replica_lock(conf->dir, "open.lock", HX_REPLICA_PATIENCE);
    if (lock == -1) {
        return hx_env_fail(err, "open.lock", errno);
    }

    rc = hx_replica_try(reg, conf, err);

    if (rc == HX_NO) {
        rc = hx_replica_remove(conf->dir, err);

        if (rc == HX_OK) {
            rc = hx_replica_try(reg, conf, err);
        }
    }

    if (rc == HX_OK) {
        (*reg)->dir = strdup(conf->dir);

        if ((*reg)->dir == NULL) {
            hx_registry_close(*reg);
            *reg = NULL;
            rc = hx_env_fail(err, "strdup", ENOMEM);
        }
    }

    (void) close(lock);

    return rc == HX_OK ? HX_OK : HX_FAIL;
}
