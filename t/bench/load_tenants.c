/*
 * load_tenants.c -- fills a tenant registry for benchmarks.
 *
 *     load_tenants FILE DIRECTORY
 *
 * FILE has a tenant a line, fields divided by tabs: SHA-256 of the API key in
 * hex, tenant id, requests, window in seconds, namespaces divided by commas.
 * Ten thousand calls of the admin API would be ten thousand synced commits;
 * this is one transaction, all or nothing.  It writes the layout documented in
 * hx_registry.h and owns none of it: the registry itself creates the databases.
 * Any bad line ends it with exit code 1 and nothing stored.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hx_check.h"
#include "hx_lmdb.h"
#include "hx_plan.h"
#include "hx_registry.h"
#include "hx_text.h"
#include "hx_window.h"


#define LOAD_LINE     8192
#define LOAD_FIELDS   5
#define LOAD_MAP      ((size_t) 1024 * 1024 * 1024)


typedef struct {
    MDB_txn  *txn;
    MDB_dbi   keys;
    MDB_dbi   tenants;
} load_dbs_t;


static int
load_error(const char *what, const char *why)
{
    (void) fprintf(stderr, "load_tenants: %s: %s\n", what, why);

    return 1;
}


/* The part of the text before the next mark, which the text then follows. */

static hx_str_t
load_cut(hx_str_t *text, unsigned char mark)
{
    hx_str_t              part;
    const unsigned char  *p;

    part = *text;
    p = part.len != 0 ? memchr(part.data, mark, part.len) : NULL;

    if (p == NULL) {
        text->data += text->len;
        text->len = 0;
        return part;
    }

    part.len = (size_t) (p - part.data);
    text->data = p + 1;
    text->len -= part.len + 1;

    return part;
}


static hx_rc_t
load_namespaces(hx_tenant_edit_t *e, hx_str_t list)
{
    hx_str_t  ns;

    e->n_namespaces = 0;

    while (list.len != 0) {
        ns = load_cut(&list, ',');

        if (e->n_namespaces == HX_TENANT_NAMESPACES
            || !hx_check_namespace(ns.data, ns.len))
        {
            return HX_NO;
        }

        e->namespaces[e->n_namespaces++] = ns;
    }

    return e->n_namespaces != 0 ? HX_OK : HX_NO;
}


/* The tenant of one line; its strings point into the line. */

static hx_rc_t
load_parse(hx_tenant_edit_t *e, const char *line, size_t len, uint64_t now)
{
    hx_str_t  text, field[LOAD_FIELDS];
    uint64_t  requests, window;
    unsigned  i;

    text.data = (const unsigned char *) line;
    text.len = len;

    for (i = 0; i < LOAD_FIELDS; i++) {
        field[i] = load_cut(&text, '\t');
    }

    memset(e, 0, sizeof(hx_tenant_edit_t));

    if (text.len != 0 || field[0].len != 2 * HX_SHA256_LEN
        || hx_text_unhex(e->keys[0].hash, field[0].data, HX_SHA256_LEN)
           != HX_OK
        || !hx_check_tenant(field[1].data, field[1].len)
        || hx_text_parse_u64(field[2].data, field[2].len, UINT32_MAX,
                             &requests) != HX_OK
        || hx_text_parse_u64(field[3].data, field[3].len,
                             HX_WINDOW_SECONDS_MAX, &window) != HX_OK)
    {
        return HX_NO;
    }

    e->status = HX_TENANT_ACTIVE;
    e->created = now;
    e->updated = now;
    e->quota = HX_QUOTA_UNLIMITED;
    e->requests = (uint32_t) requests;
    e->window_s = (uint32_t) window;
    e->id = field[1];
    e->plan = (hx_str_t) hx_string("enterprise");
    e->n_keys = 1;
    e->keys[0].created = now;

    return load_namespaces(e, field[4]);
}


static int
load_put(const load_dbs_t *d, const hx_tenant_edit_t *e)
{
    int                   rc;
    MDB_val               k, v;
    static unsigned char  record[HX_TENANT_RECORD_MAX];

    k.mv_data = (void *) e->keys[0].hash;
    k.mv_size = HX_SHA256_LEN;
    v.mv_data = (void *) e->id.data;
    v.mv_size = e->id.len;

    rc = mdb_put(d->txn, d->keys, &k, &v, MDB_NOOVERWRITE);
    if (rc != 0) {
        return rc;
    }

    k = v;
    v.mv_data = record;
    v.mv_size = hx_tenant_encode(e, record, sizeof(record));

    return v.mv_size == 0 ? EOVERFLOW
                          : mdb_put(d->txn, d->tenants, &k, &v,
                                    MDB_NOOVERWRITE);
}


static int
load_lines(const load_dbs_t *d, FILE *in, unsigned *n)
{
    int                       rc;
    char                      line[LOAD_LINE];
    size_t                    len;
    uint64_t                  now;
    static hx_tenant_edit_t   tenant;

    now = (uint64_t) time(NULL);

    for (*n = 0; fgets(line, sizeof(line), in) != NULL; (*n)++) {
        len = strlen(line);

        if (len == 0 || line[len - 1] != '\n'
            || load_parse(&tenant, line, len - 1, now) != HX_OK)
        {
            (void) fprintf(stderr, "load_tenants: line %u is bad\n", *n + 1);
            return EINVAL;
        }

        rc = load_put(d, &tenant);
        if (rc != 0) {
            (void) fprintf(stderr, "load_tenants: line %u: %s\n", *n + 1,
                           mdb_strerror(rc));
            return rc;
        }
    }

    return ferror(in) ? EIO : 0;
}


static int
load_all(MDB_env *env, FILE *in, unsigned *n)
{
    int         rc;
    load_dbs_t  d;

    rc = mdb_txn_begin(env, NULL, 0, &d.txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(d.txn, "keys", 0, &d.keys);

    if (rc == 0) {
        rc = mdb_dbi_open(d.txn, "tenants", 0, &d.tenants);
    }

    if (rc == 0) {
        rc = load_lines(&d, in, n);
    }

    if (rc != 0) {
        mdb_txn_abort(d.txn);
        return rc;
    }

    return mdb_txn_commit(d.txn);
}


/* The registry makes its databases; then they are ours to fill. */

static int
load_registry(const char *dir, FILE *in, unsigned *n)
{
    int                  rc;
    char                 err[HX_REGISTRY_ERR];
    MDB_env             *env;
    const char          *what;
    hx_registry_t       *reg;

    const hx_lmdb_conf_t      lc = { .dir = dir, .map_size = LOAD_MAP,
                                     .max_dbs = 8, .max_readers = 1024,
                                     .mode = 0600 };
    const hx_registry_conf_t  conf = { .dir = dir, .map_size = LOAD_MAP,
                                       .max_readers = 1024 };

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return load_error(dir, strerror(errno));
    }

    if (hx_registry_open(&reg, &conf, err) != HX_OK) {
        return load_error(dir, err);
    }

    hx_registry_close(reg);

    rc = hx_lmdb_open(&env, &lc, &what);
    if (rc != 0) {
        return load_error(what, mdb_strerror(rc));
    }

    rc = load_all(env, in, n);
    mdb_env_close(env);

    return rc == 0 ? 0 : load_error(dir, mdb_strerror(rc));
}


int
main(int argc, char **argv)
{
    int        rc;
    FILE      *in;
    unsigned   n;

    if (argc != 3) {
        return load_error("usage", "load_tenants FILE DIRECTORY");
    }

    in = fopen(argv[1], "r");
    if (in == NULL) {
        return load_error(argv[1], strerror(errno));
    }

    rc = load_registry(argv[2], in, &n);
    (void) fclose(in);

    if (rc == 0) {
        (void) printf("%u tenants\n", n);
    }

    return rc;
}
