/*
 * hx_chain.h -- records of the audit trail chained by their hashes, so that a
 * change of what was written shows.  Pure.
 *
 * Each writer (one worker, one file) has a chain of its own.  The last members
 * of a chained line are
 *
 *     ,"writer":"<16 hex>","seq":<n>,"hash":"<64 hex>"
 *
 * with n = 1, 2, 3 ... and
 *
 *     hash = SHA-256(hash of the writer's record n - 1 || the bytes of the line
 *                    from its '{' up to, not including, ,"hash":)
 *
 * where the hash before the first record is 32 zero bytes.  Hex digits are
 * lower case.
 *
 * A checkpoint is a line of the same chain that is no record of a request:
 *
 *     {"ts":"...","checkpoint":"<kind>","node":"<name>","lost":<n>,
 *      "key":"<algorithm>:<id>","writer":...,"seq":...,"hash":"<64 hex>",
 *      "sig":"<hex>"}
 *
 * "lost" is the number of records that this writer could not keep since its
 * last checkpoint.  "sig" is the signature (hx_sign.h) of the 75 bytes
 * "hx-audit-1 <64 hex of hash>"; without a key it is missing and "key" is null.
 *
 * Nothing is said about the order of lines of different writers.
 */

#ifndef HX_CHAIN_H
#define HX_CHAIN_H

#include "hx_buf.h"
#include "hx_crypto.h"
#include "hx_sign.h"
#include "hx_types.h"

#define HX_CHAIN_WRITER     16          /* characters */
#define HX_CHAIN_HASH       HX_SHA256_LEN
#define HX_CHAIN_SEQ_MAX    UINT64_C(9007199254740991)  /* exact in JSON */
#define HX_CHAIN_NODE_MAX   255         /* bytes of a node's name */

/* What follows the other members, with "}\n". */
#define HX_CHAIN_TAIL_MAX   160

#define HX_CHAIN_KINDS(X)                                                     \
    X(BEGIN,  "begin")      /* first line of a chain */                       \
    X(MARK,   "mark")       /* every so many records, or seconds */           \
    X(ROTATE, "rotate")     /* last one in a file before it is reopened */    \
    X(OPEN,   "open")       /* first one in the file after that */            \
    X(RESUME, "resume")     /* goes on where a killed process stopped */      \
    X(GAP,    "gap")        /* "lost" records are missing before it */        \
    X(END,    "end")        /* last line of a chain */

typedef enum {
#define X(name, word)  HX_CHAIN_##name,
    HX_CHAIN_KINDS(X)
#undef X
    HX_CHAIN_KIND_COUNT                 /* none: a record */
} hx_chain_kind_t;

/* Static, NUL-terminated. */
const char *hx_chain_word(hx_chain_kind_t kind);

/* Where a chain stands: behind its record "seq"; 0 and zeros before any. */
typedef struct {
    uint64_t        seq;
    unsigned char   writer[HX_CHAIN_WRITER];
    unsigned char   hash[HX_CHAIN_HASH];
} hx_chain_t;

/* seq = 0, a new writer.  HX_FAIL = no random bytes. */
hx_rc_t hx_chain_start(hx_crypto_t *c, hx_chain_t *chain);

/*
 * Appends writer, seq and hash behind the members from "line" ('{') to the end
 * of b; "}\n" is still to come.  *next is where the chain stands then.  HX_OK,
 * HX_FAIL = OpenSSL; when b is full *next is of no use.
 */
hx_rc_t hx_chain_link(hx_crypto_t *c, hx_buf_t *b, const unsigned char *line,
    const hx_chain_t *chain, hx_chain_t *next);

typedef struct {
    hx_chain_kind_t    kind;
    hx_str_t           node;
    uint64_t           lost;
    const hx_sign_t   *key;             /* NULL: not signed */
} hx_checkpoint_t;

/* Appends a whole checkpoint with its line feed.  ts: see hx_audit.h. */
hx_rc_t hx_chain_checkpoint(hx_crypto_t *c, hx_buf_t *b,
    const hx_checkpoint_t *cp, const unsigned char ts[24],
    const hx_chain_t *chain, hx_chain_t *next);


/* One line, taken apart; strings point into it. */
typedef struct {
    hx_str_t             head;          /* what is hashed behind the hash */
    hx_str_t             writer;        /* HX_CHAIN_WRITER characters */
    uint64_t             seq;
    unsigned char        hash[HX_CHAIN_HASH];   /* as the line says */
    hx_chain_kind_t      kind;          /* KIND_COUNT: a record */

    /* of a checkpoint */
    hx_str_t             node;          /* as written, JSON escapes and all */
    uint64_t             lost;
    hx_str_t             key;           /* its name; data NULL = null */
    size_t               sig_len;       /* 0 = none */
    unsigned char        sig[HX_SIGN_MAX];
} hx_chain_line_t;

/*
 * Takes a line (without its line feed) apart.  Strict: there is one way to
 * write each.  HX_OK, or HX_NO: not a chained line.
 */
hx_rc_t hx_chain_parse(hx_chain_line_t *l, const unsigned char *line,
    size_t len);

/* The hash that the line should have behind "before". */
hx_rc_t hx_chain_hash(hx_crypto_t *c, const unsigned char *before,
    const hx_chain_line_t *l, unsigned char out[HX_CHAIN_HASH]);

/* HX_OK; HX_NO: not signed by this key; or HX_FAIL. */
hx_rc_t hx_chain_signed(const hx_chain_line_t *l, const hx_sign_t *key);

#endif /* HX_CHAIN_H */
