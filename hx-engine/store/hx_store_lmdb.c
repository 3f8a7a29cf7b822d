/*
 * hx_store_lmdb.c -- opening and closing the store on LMDB.
 *
 * Called by the server at start and end.  One process owns a directory: the
 * lock file keeps a second one out.  Every failure is one line of text, and
 * nothing stays open.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "hx_terms.h"

static const char *const  hx_db_name[HX_DB_COUNT] = {
    "meta", "namespaces", "heads", "tombs", "records", "chunks", "staging",
    "counts", "doomed", "due", "terms"
};


static int
hx_store_lock(hx_store_t *s, const char *dir, char *err, size_t cap)
{
    char  path[4096];
    int   n;

    n = snprintf(path, sizeof(path), "%s/engine.lock", dir);
    if (n < 0 || (size_t) n >= sizeof(path)) {
        snprintf(err, cap, "data directory name too long");
        return -1;
    }

    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd == -1) {
        snprintf(err, cap, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }

    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == -1) {
        snprintf(err, cap, errno == EWOULDBLOCK
                 ? "data directory %s is in use by another hx-engine (check "
                   "and backup of a stopped one count)"
                 : "cannot lock %s/engine.lock", dir);
        return -1;
    }

    return 0;
}


static int
hx_meta_put(const hx_store_t *s, MDB_txn *txn, const char *name,
    const char *text, size_t len)
{
    MDB_val  k, v;

    k.mv_data = (void *) name;
    k.mv_size = strlen(name);
    v.mv_data = (void *) text;
    v.mv_size = len;

    return mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);
}


/*
 * Sets the format number of a new store, or of one whose upgrade begins here.
 * MDB_VERSION_MISMATCH: it has one that is not known.
 */
static int
hx_store_format(const hx_store_t *s, MDB_txn *txn)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) "format";
    k.mv_size = 6;
    rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (rc == MDB_NOTFOUND) {
        return hx_meta_put(s, txn, "format", HX_STORE_FORMAT, 1);
    }

    if (rc != 0 || (v.mv_size == 1
                    && *(const char *) v.mv_data == *HX_STORE_FORMAT))
    {
        return rc;
    }

    if (v.mv_size != 1 || *(const char *) v.mv_data != '1') {
        return MDB_VERSION_MISMATCH;
    }

    rc = hx_meta_put(s, txn, "format", HX_STORE_FORMAT, 1);

    return rc != 0 ? rc : hx_meta_put(s, txn, "upgrade", "\0", 1);
}


/* Creates the tables and the format number, or checks the number. */
static int
hx_store_tables(hx_store_t *s, char *err, size_t cap)
{
    int       rc;
    hx_db_t   i;
    MDB_txn  *txn;

    rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0) {
        snprintf(err, cap, "cannot begin a transaction: %s", mdb_strerror(rc));
        return -1;
    }

    for (i = 0; rc == 0 && i < HX_DB_COUNT; i++) {
        rc = mdb_dbi_open(txn, hx_db_name[i], MDB_CREATE, &s->dbi[i]);
    }

    if (rc == 0) {
        rc = hx_store_format(s, txn);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);

    } else {
        rc = mdb_txn_commit(txn);
    }

    if (rc == MDB_VERSION_MISMATCH) {
        snprintf(err, cap, "the store has a format this program does not "
                 "know (wanted " HX_STORE_FORMAT ")");

    } else if (rc != 0) {
        snprintf(err, cap, "cannot open the tables: %s", mdb_strerror(rc));
    }

    return rc == 0 ? 0 : -1;
}


const char *
hx_store_table(hx_db_t db)
{
    return hx_db_name[db];
}


hx_store_t *
hx_store_create(unsigned max_views, unsigned queue_max)
{
    hx_store_t          *s;
    pthread_condattr_t   ca;

    s = calloc(1, sizeof(hx_store_t));
    if (s == NULL) {
        return NULL;
    }

    s->lock_fd = -1;
    s->max_views = max_views;
    s->queue_max = queue_max;
    s->gather.want = 1;
    s->tail = &s->head;
    pthread_mutex_init(&s->view_lock, NULL);
    pthread_mutex_init(&s->queue_lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&s->queue_more, &ca);
    pthread_condattr_destroy(&ca);
    s->view = calloc(max_views, sizeof(MDB_txn *));
    s->scratch = malloc(HX_RECORD_MAX);
    s->tally = calloc(1, sizeof(hx_tally_t));
    s->terms = malloc(sizeof(hx_terms_work_t));

    if (s->view == NULL || s->scratch == NULL || s->tally == NULL
        || s->terms == NULL)
    {
        hx_store_close(s);
        return NULL;
    }

    return s;
}


hx_store_t *
hx_store_open(const hx_store_conf_t *conf, char *err, size_t cap)
{
    int              rc;
    hx_store_t      *s;
    MDB_stat         st;
    const char      *what;
    hx_lmdb_conf_t   lc;

    s = hx_store_create(conf->max_views, conf->queue_max);
    if (s == NULL) {
        snprintf(err, cap, "out of memory");
        return NULL;
    }

    s->life.keep = conf->keep;
    s->life.purge_ms = conf->purge_ms;
    s->event = conf->event;
    s->event_data = conf->event_data;

    if (hx_store_lock(s, conf->dir, err, cap) != 0) {
        goto failed;
    }

    memset(&lc, 0, sizeof(hx_lmdb_conf_t));
    lc.dir = conf->dir;
    lc.file = NULL;
    s->page = (size_t) sysconf(_SC_PAGESIZE);
    lc.map_size = conf->map_size + HX_ROOM_EXTRA * s->page;
    lc.max_dbs = HX_DB_COUNT;
    lc.max_readers = conf->max_views + HX_STORE_GUESTS;
    lc.mode = 0600;

    rc = hx_lmdb_open(&s->env, &lc, &what);
    if (rc != 0) {
        snprintf(err, cap, "cannot open the store in %s: %s: %s", conf->dir,
                 what, mdb_strerror(rc));
        goto failed;
    }

    if (mdb_env_stat(s->env, &st) == 0) {
        s->page = st.ms_psize;
    }

    s->pages = lc.map_size / s->page;

    if (hx_store_tables(s, err, cap) != 0) {
        goto failed;
    }

    /* the names of new files are as durable as what is in them */

    rc = hx_lmdb_sync_dir(conf->dir);
    if (rc != 0) {
        snprintf(err, cap, "cannot sync %s: %s", conf->dir, strerror(rc));
        goto failed;
    }

    rc = hx_life_start(s);

    if (rc == 0) {
        rc = hx_upgrade_run(s);
    }

    if (rc == 0) {
        rc = hx_terms_open(s);
    }

    if (rc == 0) {
        rc = hx_room_reserve(s);
    }

    if (rc != 0) {
        snprintf(err, cap, "cannot upgrade the store in %s: %s", conf->dir,
                 mdb_strerror(rc));
        goto failed;
    }

    rc = hx_store_writer_start(s);
    if (rc != 0) {
        snprintf(err, cap, "cannot start writing: %s", mdb_strerror(rc));
        goto failed;
    }

    return s;

failed:

    hx_store_close(s);

    return NULL;
}


void
hx_store_close(hx_store_t *s)
{
    unsigned  i;

    if (s == NULL) {
        return;
    }

    hx_store_writer_stop(s);

    for (i = 0; i < s->n_views; i++) {
        mdb_txn_abort(s->view[i]);
    }

    if (s->env != NULL) {
        mdb_env_close(s->env);
    }

    if (s->lock_fd != -1) {
        close(s->lock_fd);
    }

    pthread_cond_destroy(&s->queue_more);
    pthread_mutex_destroy(&s->queue_lock);
    pthread_mutex_destroy(&s->view_lock);
    free(s->terms);
    free(s->tally);
    free(s->scratch);
    free(s->view);
    free(s);
}
