/*
 * hx_examine.h -- what the files of the examination share: hx_store_examine.c
 * (order, counters), hx_examine_walk.c (tables, moments), hx_examine_value.c
 * (records and their values), hx_examine_key.c (heads, tombs, what is to go).
 * Nobody else includes it.
 */

#ifndef HX_EXAMINE_H
#define HX_EXAMINE_H

#include "hx_crypto.h"
#include "hx_store_admin.h"
#include "hx_store_impl.h"
#include "hx_terms.h"

#define HX_EX_SUSPECTS   1024           /* values without a record; the rest is
                                         * only counted */

/* What was found in a namespace; index: its number. */
typedef struct {
    char        *name;                  /* NULL: there is none */
    hx_count_t   count;                 /* changes: as they were at first */
    int          known;                 /* its unit could be read */
    int          damaged;               /* a record could not */
} hx_ex_ns_t;

typedef struct hx_ex_s        hx_ex_t;
typedef struct hx_ex_value_s  hx_ex_value_t;

/* One entry of a table, in the view of the walk; what is wrong it tells. */
typedef void (*hx_ex_entry_pt)(hx_ex_t *ex, const MDB_val *k,
    const MDB_val *v);

struct hx_ex_s {
    hx_store_t               *s;
    const hx_examine_conf_t  *conf;
    hx_examined_t            *sum;
    hx_crypto_t              *crypto;
    hx_ex_value_t            *value;
    hx_terms_t               *terms;
    hx_store_view_t           view;
    uint64_t                  done;
    uint64_t                  total;

    hx_ex_ns_t               *ns;       /* n_ns + 1 */
    uint32_t                  n_ns;     /* as many as there were at first */

    unsigned char            *seen;     /* a bit for each value that has a
                                         * record */
    uint64_t                  last_id;  /* the last value of then */

    /* of the walk */
    hx_db_t                   db;
    hx_ex_entry_pt            entry;
    MDB_cursor               *cur;
    MDB_val                   k;
    MDB_val                   v;
    size_t                    len;      /* of the last key; 0: none */
    unsigned char             key[512];
    int                       jump;     /* go on from "key", it was not met */
    uint64_t                  weight;   /* bytes looked at in this view */

    /* of the records: the key they belong to, its last version (0: not
     * known) */
    uint64_t                  of_last;
    size_t                    of_len;
    unsigned char             of[4 + HX_KEY_MAX];

    int                       broken;   /* a table could not be walked */
    unsigned                  n_suspects;
    uint64_t                  suspect[HX_EX_SUSPECTS];
    uint64_t                  more_suspects;
};

/* hx_examine_walk.c */

/*
 * Each entry of a table, in as many views as it takes: HX_STORE_OK, NO: it was
 * stopped, FAIL: no view.  What cannot be read is told, and skipped if it is an
 * entry; a table whose own pages are damaged ends there.
 */
hx_store_rc_t hx_ex_walk(hx_ex_t *ex, hx_db_t db, hx_ex_entry_pt entry);

/* More of the total is done. */
void hx_ex_did(hx_ex_t *ex, uint64_t n, uint64_t bytes);

/* Something is wrong: with what stands under "id key", or with a value. */
void hx_ex_bad(hx_ex_t *ex, const void *dbkey, size_t len, uint64_t version,
    const char *why);
void hx_ex_bad_value(hx_ex_t *ex, uint64_t id, const char *why);

/* The same, about a table. */
void hx_ex_bad_table(hx_ex_t *ex, const char *why);

/* A value has a record: 1 when it has had one before. */
int hx_ex_mark(hx_ex_t *ex, uint64_t id);
int hx_ex_marked(const hx_ex_t *ex, uint64_t id);

/* Where to count what is of this namespace; NULL: nowhere. */
hx_ex_ns_t *hx_ex_ns(hx_ex_t *ex, const void *dbkey);

/* hx_examine_value.c */

/* Memory for a value on its way through; NULL: there is none. */
hx_ex_value_t *hx_ex_value_create(void);
void hx_ex_value_free(hx_ex_value_t *x);

/* The parts of a key of the records: 1, or 0: it is none. */
int hx_ex_record_key(const MDB_val *k, uint64_t *version);

void hx_ex_record(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);

/* Only marks its value. */
void hx_ex_record_again(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);

/* hx_examine_key.c */
void hx_ex_head(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);
void hx_ex_tomb(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);
void hx_ex_due(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);
void hx_ex_list(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);
void hx_ex_term(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);
void hx_ex_chunk(hx_ex_t *ex, const MDB_val *k, const MDB_val *v);

/* 1: a value is in the table, in the view of the walk. */
int hx_ex_listed(hx_ex_t *ex, hx_db_t db, uint64_t id);

#endif /* HX_EXAMINE_H */
