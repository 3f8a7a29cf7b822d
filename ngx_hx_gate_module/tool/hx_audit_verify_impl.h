/*
 * hx_audit_verify_impl.h -- what the parts of the verification share; included
 * by hx_audit_verify*.c alone.
 */

#ifndef HX_AUDIT_VERIFY_IMPL_H
#define HX_AUDIT_VERIFY_IMPL_H

#include "hx_audit_verify.h"

#define HX_VERIFY_TABLE   (2 * HX_VERIFY_WRITERS)
#define HX_VERIFY_MARK    8             /* bytes of a hash in the ring */

typedef struct {
    uint64_t        seq;                /* 0 = free */
    unsigned char   mark[HX_VERIFY_MARK];
} hx_verify_slot_t;

typedef struct {
    unsigned char       name[HX_CHAIN_WRITER];

    /* its last line that was taken for the next one of its chain */
    uint64_t            seq;
    unsigned char       hash[HX_CHAIN_HASH];    /* as the line claims */
    unsigned char       other[HX_CHAIN_HASH];   /* as it should have been */
    hx_chain_kind_t     kind;
    hx_verify_place_t   at;
    uint64_t            taken;

    /* a line out of place that may turn out to be the next one, with a
     * sequence number that somebody has changed */
    hx_verify_place_t   stray;
    unsigned char       stray_hash[HX_CHAIN_HASH];
    const char         *stray_text;

    /* where its beginning should be */
    hx_verify_place_t   start;
    const char         *start_text;

    uint64_t            behind;         /* records since it was signed */
    uint32_t            n_gaps;

    unsigned            edited:1;       /* "other" holds */
    unsigned            strayed:1;
    unsigned            jumped:1;       /* its last line made a gap */
    unsigned            headless:1;     /* the beginning is not there */
    unsigned            explained:1;    /* its one line is another writer's */
    unsigned            foreign:1;      /* of another node, told */

    uint32_t            n_slots;        /* a power of two */
    hx_verify_slot_t   *slot;           /* by sequence number */
} hx_verify_writer_t;

/* Sequence numbers "from" to "to" of a writer are missing. */
typedef struct {
    hx_verify_writer_t  *w;             /* NULL: free */
    uint64_t             from;
    uint64_t             to;
    hx_verify_place_t    at;            /* the line behind it */
    unsigned char        before[HX_CHAIN_HASH];     /* of number from - 1 */
    unsigned             across:1;      /* from one file to another */
} hx_verify_gap_t;

/* A line that may be the beginning of one that is to come. */
typedef struct {
    unsigned char       *data;          /* NULL: free */
    size_t               len;
    hx_verify_place_t    at;
} hx_verify_torn_t;

struct hx_verify_s {
    hx_verify_conf_t      conf;
    hx_crypto_t          *crypto;
    hx_rc_t               rc;           /* what went wrong */
    uint64_t              seed;
    uint32_t              files;        /* begun */
    hx_str_t              node;
    unsigned              begun:1;      /* a chained line was seen */
    unsigned              after_torn:1; /* the last line may be a torn one */

    hx_verify_writer_t  **table;        /* by hash of the name */
    hx_verify_writer_t   *latest;       /* asked for last */
    hx_verify_writer_t   *orphan;       /* the last one without beginning */

    unsigned              next_gap;
    hx_verify_gap_t       gap[HX_VERIFY_GAPS];
    unsigned              n_torn;
    unsigned              next_torn;
    hx_verify_torn_t      torn[HX_VERIFY_TORN];
    hx_verify_place_t     last;         /* line, of all */

    unsigned char         node_text[6 * HX_CHAIN_NODE_MAX];
    hx_verify_result_t    result;
};


/* hx_audit_verify.c */

void hx_verify_found(hx_verify_found_t *f, const hx_verify_place_t *at,
    uint64_t count, const char *text, uint64_t number);
void hx_verify_finding(hx_verify_t *v, hx_finding_t kind,
    const hx_verify_place_t *at, const char *text);

/* Is the line's hash the one behind "before"?  0 also on trouble (v->rc). */
int hx_verify_fits(hx_verify_t *v, const unsigned char *before,
    const hx_chain_line_t *l);

/* hx_audit_verify_check.c */

void hx_verify_checkpoint(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at);

/* The first and the last time there is. */
void hx_verify_ts(hx_verify_t *v, const unsigned char *data, size_t len);

/* hx_audit_verify_gap.c */

/* The numbers before the line, which is the writer's next, are missing. */
void hx_verify_gap(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at);

/* 1 when the gap before the writer's last line is none after all. */
int hx_verify_gap_undo(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l);

/* 1 when the line was missing. */
int hx_verify_gap_fill(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at);

void hx_verify_gap_end(hx_verify_t *v);

/* A line that is no chained record. */
void hx_verify_torn(hx_verify_t *v, const unsigned char *data, size_t len,
    const hx_verify_place_t *at);

/* A whole line: what began it is no finding. */
void hx_verify_torn_done(hx_verify_t *v, const unsigned char *data, size_t len);

void hx_verify_torn_end(hx_verify_t *v);
void hx_verify_torn_free(hx_verify_t *v);

/* hx_audit_verify_writer.c */

/* Finds it, or makes it (taken = 0).  NULL and v->rc = NO or FAIL. */
hx_verify_writer_t *hx_verify_writer(hx_verify_t *v,
    const unsigned char *name);

/* The line is the writer's last one now. */
void hx_verify_writer_take(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at);

void hx_verify_writer_remember(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l);

/* HX_OK: this very record was there; HX_NO: another one with its number;
 * HX_FAIL: it is not known. */
hx_rc_t hx_verify_writer_recall(const hx_verify_writer_t *w,
    const hx_chain_line_t *l);

void hx_verify_writers_free(hx_verify_t *v);

#endif /* HX_AUDIT_VERIFY_IMPL_H */
