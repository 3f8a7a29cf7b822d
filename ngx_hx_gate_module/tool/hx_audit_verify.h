/*
 * hx_audit_verify.h -- is a chained audit trail (hx_chain.h) what the gate has
 * written?  A state machine that is fed line by line; it does no I/O.
 *
 * Memory is bounded whatever the input: so many writers, for each of them the
 * last HX_VERIFY_RING sequence numbers with a part of their hashes, so many
 * gaps and torn lines at a time.  Time is linear.
 *
 * A gap, or a line that is the beginning of one that may still come, becomes a
 * finding when it can no longer be explained: results are whole only after
 * hx_verify_end().
 */

#ifndef HX_AUDIT_VERIFY_H
#define HX_AUDIT_VERIFY_H

#include "hx_chain.h"

#define HX_VERIFY_WRITERS    65536
#define HX_VERIFY_RING       1024       /* of a writer */
#define HX_VERIFY_GAPS       4096
#define HX_VERIFY_TORN       64         /* lines whose rest is waited for */
#define HX_VERIFY_TORN_MAX   65536      /* bytes of one */
#define HX_VERIFY_KEYS       8          /* counted by name */
#define HX_VERIFY_KEY_NAME   40
#define HX_VERIFY_TS         24

#define HX_FINDINGS(X)                                                        \
    X(EDIT,      "edit")        /* the hash does not fit */                   \
    X(DELETE,    "delete")      /* sequence numbers are missing */            \
    X(INSERT,    "insert")      /* a line that does not belong here */        \
    X(SWAP,      "swap")        /* a record that was missing comes later */   \
    X(DUPLICATE, "duplicate")   /* the same record again */                   \
    X(TRUNCATE,  "truncate")    /* a chain without its end */                 \
    X(SPLICE,    "splice")      /* no beginning, or another node */           \
    X(SIGNATURE, "signature")   /* of a checkpoint: bad, or none */

typedef enum {
#define X(name, word)  HX_FINDING_##name,
    HX_FINDINGS(X)
#undef X
    HX_FINDING_COUNT
} hx_finding_t;

#define HX_NOTES(X)                                                           \
    X(BEFORE,    "before")      /* lines from before the chain */             \
    X(CONTINUED, "continued")   /* writers that began in an older file */     \
    X(TORN,      "torn")        /* writes that were cut off */                \
    X(LOST,      "lost")        /* records that the gate could not keep */    \
    X(OPEN,      "open")        /* chains without an end yet */               \
    X(UNCHECKED, "unchecked")   /* signatures, without a key */

typedef enum {
#define X(name, word)  HX_NOTE_##name,
    HX_NOTES(X)
#undef X
    HX_NOTE_COUNT
} hx_note_t;

const char *hx_finding_word(hx_finding_t kind);
const char *hx_note_word(hx_note_t kind);

/* Where something stands; writer[0] = 0 and seq = 0: not in a chain. */
typedef struct {
    uint32_t        file;               /* 0 is the first */
    uint64_t        line;               /* 1 is the first */
    uint64_t        seq;
    unsigned char   writer[HX_CHAIN_WRITER];
} hx_verify_place_t;

/* What was found of one kind. */
typedef struct {
    uint64_t            count;
    hx_verify_place_t   first;          /* in the order of files and lines */
    const char         *text;           /* about the first; static */
    uint64_t            number;         /* part of that: missing records; 0 =
                                         * none to tell */
} hx_verify_found_t;

typedef struct {
    char        name[HX_VERIFY_KEY_NAME];
    uint64_t    count;
} hx_verify_key_t;

typedef struct {
    hx_verify_found_t   finding[HX_FINDING_COUNT];
    hx_verify_found_t   note[HX_NOTE_COUNT];
    uint64_t            lines;
    uint64_t            records;        /* chained */
    uint64_t            checkpoints;    /* chained */
    uint64_t            signatures;     /* of them signed */
    uint64_t            unsigned_tail;  /* records behind the last signed
                                         * checkpoint of their writer */
    uint32_t            writers;
    unsigned            n_keys;
    hx_verify_key_t     key[HX_VERIFY_KEYS];    /* signed by whom, as named */
    unsigned char       first_ts[HX_VERIFY_TS]; /* [0] = 0: there is none */
    unsigned char       last_ts[HX_VERIFY_TS];
} hx_verify_result_t;

typedef struct {
    const hx_sign_t    *key;            /* NULL: signatures are not checked */
    hx_str_t            node;           /* as a JSON string has it; data NULL:
                                         * that of the first checkpoint */
    unsigned            live:1;         /* the last file is being written */
} hx_verify_conf_t;

typedef struct hx_verify_s  hx_verify_t;

/* NULL = no memory.  What conf points to must outlive it. */
hx_verify_t *hx_verify_create(const hx_verify_conf_t *conf);

/* NULL is fine. */
void hx_verify_free(hx_verify_t *v);

/* The next file begins; also to be called before the first. */
void hx_verify_file(hx_verify_t *v);

/*
 * A line without its line feed.  data NULL: one that is too long to be looked
 * at.  HX_OK; HX_NO = more than HX_VERIFY_WRITERS; HX_FAIL = no memory, or
 * OpenSSL.
 */
hx_rc_t hx_verify_line(hx_verify_t *v, const unsigned char *data, size_t len,
    uint64_t number);

/* No line follows.  The result belongs to v. */
const hx_verify_result_t *hx_verify_end(hx_verify_t *v);

/* How many findings of all kinds. */
uint64_t hx_verify_findings(const hx_verify_result_t *r);

#endif /* HX_AUDIT_VERIFY_H */
