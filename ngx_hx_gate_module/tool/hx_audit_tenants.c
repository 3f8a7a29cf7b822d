/*
 * hx_audit_tenants.c -- see the header.  Not through hx_registry_open(), which
 * opens for writing and makes what is missing.
 */

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_audit_tenants.h"
#include "hx_lmdb.h"
#include "hx_registry.h"


struct hx_tenants_s {
    MDB_env  *env;
    MDB_txn  *txn;
    MDB_dbi   tenants;
};


static hx_rc_t
hx_tenants_fail(char *err, const char *what, int rc)
{
    (void) snprintf(err, HX_TENANTS_ERR, "%s: %s", what, mdb_strerror(rc));

    return HX_FAIL;
}


/*
 * Without a lock file nobody has it open, or it is a copy: then none is made.
 * A file that was cut short would kill us when its pages are touched.
 */

static int
hx_tenants_env(hx_tenants_t *ts, const char *dir)
{
    int              rc;
    char             path[HX_LMDB_PATH];
    MDB_stat         st;
    unsigned         flags;
    MDB_envinfo      info;
    struct stat      file;
    mdb_filehandle_t fd;

    rc = snprintf(path, sizeof(path), "%s/lock.mdb", dir);

    if (rc < 0 || rc >= (int) sizeof(path)) {
        return ENAMETOOLONG;
    }

    flags = MDB_RDONLY | MDB_NOTLS;

    if (access(path, F_OK) != 0) {
        flags |= MDB_NOLOCK;
    }

    rc = mdb_env_create(&ts->env);

    if (rc == 0) {
        rc = mdb_env_set_maxdbs(ts->env, 8);
    }

    if (rc == 0) {
        rc = mdb_env_open(ts->env, dir, flags, 0);
    }

    if (rc == 0) {
        rc = mdb_env_info(ts->env, &info);
    }

    if (rc == 0) {
        rc = mdb_env_stat(ts->env, &st);
    }

    if (rc == 0) {
        rc = mdb_env_get_fd(ts->env, &fd);
    }

    if (rc == 0 && fstat(fd, &file) != 0) {
        rc = errno;
    }

    if (rc == 0
        && (uint64_t) file.st_size
           < ((uint64_t) info.me_last_pgno + 1) * st.ms_psize)
    {
        rc = MDB_CORRUPTED;
    }

    return rc;
}


static int
hx_tenants_dbs(hx_tenants_t *ts)
{
    int      rc;
    MDB_dbi  meta;
    MDB_val  k, v;

    rc = mdb_txn_begin(ts->env, NULL, MDB_RDONLY, &ts->txn);
    if (rc != 0) {
        ts->txn = NULL;
        return rc;
    }

    rc = mdb_dbi_open(ts->txn, "meta", 0, &meta);

    if (rc == 0) {
        rc = mdb_dbi_open(ts->txn, "tenants", 0, &ts->tenants);
    }

    if (rc != 0) {
        return rc;
    }

    k.mv_data = (void *) "version";
    k.mv_size = 7;

    rc = mdb_get(ts->txn, meta, &k, &v);

    if (rc == MDB_NOTFOUND
        || (rc == 0 && (v.mv_size != sizeof(HX_REGISTRY_VERSION) - 1
                        || memcmp(v.mv_data, HX_REGISTRY_VERSION, v.mv_size)
                           != 0)))
    {
        return MDB_VERSION_MISMATCH;
    }

    return rc;
}


hx_rc_t
hx_tenants_open(hx_tenants_t **out, const char *dir, char *err)
{
    int            rc;
    hx_tenants_t  *ts;

    *out = NULL;

    ts = calloc(1, sizeof(hx_tenants_t));
    if (ts == NULL) {
        return hx_tenants_fail(err, "calloc", ENOMEM);
    }

    rc = hx_tenants_env(ts, dir);

    if (rc == 0) {
        rc = hx_tenants_dbs(ts);
    }

    if (rc != 0) {
        hx_tenants_close(ts);
        return hx_tenants_fail(err, "cannot be read as a registry", rc);
    }

    *out = ts;

    return HX_OK;
}


void
hx_tenants_close(hx_tenants_t *ts)
{
    if (ts == NULL) {
        return;
    }

    if (ts->txn != NULL) {
        mdb_txn_abort(ts->txn);
    }

    if (ts->env != NULL) {
        mdb_env_close(ts->env);
    }

    free(ts);
}


hx_rc_t
hx_tenants_get(hx_tenants_t *ts, const hx_str_t *id, hx_tenant_t *t, char *err)
{
    int      rc;
    MDB_val  k, v;

    if (id->len == 0 || id->len > HX_TENANT_MAX) {
        return HX_NO;                       /* no key of LMDB's */
    }

    k.mv_data = (void *) id->data;
    k.mv_size = id->len;

    rc = mdb_get(ts->txn, ts->tenants, &k, &v);

    if (rc == MDB_NOTFOUND) {
        return HX_NO;
    }

    if (rc != 0) {
        return hx_tenants_fail(err, "mdb_get", rc);
    }

    if (hx_tenant_decode(t, v.mv_data, v.mv_size) != HX_OK) {
        (void) snprintf(err, HX_TENANTS_ERR, "record of tenant \"%.*s\" is "
                        "damaged", (int) id->len, (const char *) id->data);
        return HX_FAIL;
    }

    return HX_OK;
}


hx_rc_t
hx_tenants_each(hx_tenants_t *ts, int (*each)(void *data, const hx_tenant_t *t),
    void *data, char *err)
{
    int          rc;
    hx_rc_t      found;
    MDB_val      k, v;
    hx_tenant_t  t;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(ts->txn, ts->tenants, &cursor);
    if (rc != 0) {
        return hx_tenants_fail(err, "mdb_cursor_open", rc);
    }

    found = HX_OK;

    while (found == HX_OK
           && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
    {
        if (hx_tenant_decode(&t, v.mv_data, v.mv_size) != HX_OK) {
            (void) snprintf(err, HX_TENANTS_ERR, "a record is damaged");
            found = HX_FAIL;

        } else if (each(data, &t) != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    if (found == HX_OK && rc != 0 && rc != MDB_NOTFOUND) {
        return hx_tenants_fail(err, "mdb_cursor_get", rc);
    }

    return found;
}
