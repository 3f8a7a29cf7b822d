/*
 * hx_fleet_script.h -- what a registry says to Redis and hears from it, as
 * commands and answers without a connection: the commit script, reading the
 * log, the hashes and the epoch.  No nginx, no hiredis.  Strict: an answer that
 * is not what it has to be is FAIL, never half of something.
 *
 * Keys, with P = prefix, all in one hash slot:
 *    {P}:epoch  {P}:log  {P}:meta  {P}:keys  {P}:tenants  {P}:billing
 * and the channel {P}:push.
 */

#ifndef HX_FLEET_SCRIPT_H
#define HX_FLEET_SCRIPT_H

#include "hx_replica.h"

#define HX_FLEET_PREFIX       64        /* bytes of a prefix, at most */
#define HX_FLEET_NAME         80        /* of a key's name */
#define HX_FLEET_SHA1         40        /* hex digits */
#define HX_FLEET_ERR          256
#define HX_FLEET_LOG          10000     /* entries of the log that are kept */

/*
 * An answer: what hiredis' redisReply says, made by whoever
 * includes hiredis.
 */
typedef enum {
    HX_REPLY_STRING,
    HX_REPLY_ARRAY,
    HX_REPLY_INTEGER,
    HX_REPLY_NIL,
    HX_REPLY_STATUS,
    HX_REPLY_ERROR
} hx_reply_type_t;

typedef struct hx_reply_s  hx_reply_t;

struct hx_reply_s {
    hx_reply_type_t      type;
    int64_t              integer;
    hx_str_t             text;          /* string, status, error */
    size_t               n;             /* of an array */
    const hx_reply_t    *element;
};

/* Names of one registry; none is NUL-terminated. */
typedef struct {
    hx_str_t        epoch;
    hx_str_t        log;
    hx_str_t        push;
    hx_str_t        db[HX_WRITESET_DBS];
    unsigned char   text[7 * HX_FLEET_NAME];
} hx_fleet_names_t;

/*
 * HX_OK, or HX_NO: a prefix is 1 to HX_FLEET_PREFIX bytes, printable ASCII
 * without braces and blanks.  *names must not be moved.
 */
hx_rc_t hx_fleet_names(hx_fleet_names_t *names, const hx_str_t *prefix);


/* A command: arguments that point elsewhere. */
typedef struct {
    size_t        argc;
    const char  **argv;
    size_t       *argvlen;
    void         *memory;               /* of the two, and numbers as text */
} hx_fleet_cmd_t;

void hx_fleet_cmd_free(hx_fleet_cmd_t *cmd);

/* The script, and its SHA-1 in lower-case hex. */
const hx_str_t *hx_fleet_script(void);
const char *hx_fleet_script_sha1(void);

/*
 * EVALSHA of the commit script (eval: EVAL, for who was answered NOSCRIPT).
 * Arguments point to names, the writeset and the token; base is copied.
 * keep: entries of the log, HX_FLEET_LOG.  HX_OK or HX_FAIL (no memory, or no
 * writeset).
 */
hx_rc_t hx_fleet_commit(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    const hx_epoch_t *base, const unsigned char token[HX_EPOCH_TOKEN],
    const hx_str_t *writeset, unsigned keep, int eval);

typedef enum {
    HX_FLEET_COMMITTED = 0,             /* *epoch: its own */
    HX_FLEET_BEFORE,                    /* it was committed before, by the
                                         * same call once more; *epoch: its
                                         * own, others may have followed */
    HX_FLEET_MOVED,                     /* Redis is elsewhere: *epoch; nothing
                                         * was changed */
    HX_FLEET_NOSCRIPT                   /* say it with eval; the same */
} hx_fleet_commit_t;

/* HX_OK and *result; HX_FAIL and a text. */
hx_rc_t hx_fleet_committed(const hx_reply_t *reply, const hx_epoch_t *base,
    const unsigned char token[HX_EPOCH_TOKEN], hx_fleet_commit_t *result,
    hx_epoch_t *epoch, char *err);


/* GET {P}:epoch; no answer (nil) is HX_EPOCH_ZERO.  HX_OK or HX_FAIL. */
hx_rc_t hx_fleet_ask_epoch(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names);
hx_rc_t hx_fleet_epoch(const hx_reply_t *reply, hx_epoch_t *epoch, char *err);

/* HLEN {P}:<db>.  HX_OK or HX_FAIL. */
hx_rc_t hx_fleet_ask_count(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    unsigned db);
hx_rc_t hx_fleet_count(const hx_reply_t *reply, uint64_t *n, char *err);

/* XRANGE {P}:log from this number on, "count" entries at most. */
hx_rc_t hx_fleet_ask_log(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    uint64_t number, unsigned count);

/*
 * The entries, which point into the answer: HX_OK, *entry to be freed by
 * free() (NULL where n is 0); HX_FAIL and a text: one is none.
 */
hx_rc_t hx_fleet_log(const hx_reply_t *reply, hx_replica_entry_t **entry,
    size_t *n, char *err);

/* HSCAN {P}:<db> <cursor> COUNT <count>; a cursor begins, and ends, as "0". */
#define HX_FLEET_CURSOR   20            /* digits */

typedef struct {
    size_t          len;
    unsigned char   text[HX_FLEET_CURSOR];
} hx_fleet_cursor_t;

void hx_fleet_cursor(hx_fleet_cursor_t *cursor);    /* the first */

hx_rc_t hx_fleet_ask_page(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    unsigned db, const hx_fleet_cursor_t *cursor, unsigned count);

/*
 * HX_OK: the pairs (as above), and the cursor is the next one; *last: there is
 * none.  HX_FAIL and a text.
 */
hx_rc_t hx_fleet_page(const hx_reply_t *reply, hx_replica_pair_t **pair,
    size_t *n, hx_fleet_cursor_t *cursor, int *last, char *err);

/* A message of the channel {P}:push, or an event of the same text. */
hx_rc_t hx_fleet_push(const hx_str_t *message, hx_epoch_t *epoch);

#endif /* HX_FLEET_SCRIPT_H */
