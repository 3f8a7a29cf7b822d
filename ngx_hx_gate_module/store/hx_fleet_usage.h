/*
 * hx_fleet_usage.h -- what nodes of a fleet tell each other through Redis about
 * usage, as commands and answers without a connection: pushing rows that Redis
 * may not have, pulling those that others have pushed.  What is pushed and
 * pulled, and in which order, see hx_usage.h.  No nginx, no hiredis.  Strict:
 * an answer that is not what it has to be is FAIL, never half of something.
 *
 * Keys, with P = prefix, all in one hash slot:
 *    {P}:usage        hash: key of a row -> "<total, decimal> <value>", bytes
 *                     as hx_usage.h has them
 *    {P}:usage-order  sorted set: key of a row, by the number of the push that
 *                     changed it last
 *    {P}:usage-heads  sorted set: "<number>-<token>", by number, of pushes:
 *                     the newest 10,000, and all that a row is left of
 *
 * A push that changes anything has the next number, and a token nobody else
 * has; both are where a node stands that has heard all up to it.  A place that
 * is not among the heads is one of another history: Redis was emptied, set back
 * or exchanged (or the node was away for 10,000 pushes), and whoever stands
 * there sends all again and hears all again.  That needs neither to know what
 * was lost, nor who lost it: the larger total wins everywhere.
 *
 * When one of the three keys was taken away, or they do not go together, the
 * next push makes another history of what is left in the hash.
 */

#ifndef HX_FLEET_USAGE_H
#define HX_FLEET_USAGE_H

#include "hx_fleet_script.h"
#include "hx_usage.h"

#define HX_FLEET_USAGE_KEYS    3
#define HX_FLEET_USAGE_ROWS    128      /* of a push */
#define HX_FLEET_USAGE_MONTHS  14       /* that are kept, besides this one */
#define HX_FLEET_USAGE_BYTES   262144   /* of its keys and values; of a page,
                                         * what may be beyond it is one push */

/* Names, as KEYS of both scripts; none is NUL-terminated. */
typedef struct {
    hx_str_t        key[HX_FLEET_USAGE_KEYS];
    unsigned char   text[HX_FLEET_USAGE_KEYS * HX_FLEET_NAME];
} hx_fleet_usage_names_t;

/* HX_OK, or HX_NO: no prefix (hx_fleet_names()).  *names must not be moved. */
hx_rc_t hx_fleet_usage_names(hx_fleet_usage_names_t *names,
    const hx_str_t *prefix);

/* The scripts, NUL-terminated, and their SHA-1 in lower-case hex. */
extern const char  hx_fleet_usage_push_script[];
extern const char  hx_fleet_usage_push_sha1[HX_FLEET_SHA1 + 1];
extern const char  hx_fleet_usage_pull_script[];
extern const char  hx_fleet_usage_pull_sha1[HX_FLEET_SHA1 + 1];

typedef enum {
    HX_FLEET_USAGE_SAME = 0,            /* a push: done; a pull: nothing new */
    HX_FLEET_USAGE_ROWS_FOLLOW,         /* of a pull */
    HX_FLEET_USAGE_OTHER                /* another history than the one that
                                         * was asked for; nothing was done */
} hx_fleet_usage_state_t;


/*
 * A push: in *cmd HX_FLEET_USAGE_KEYS keys and then the arguments, without the
 * words before them; to be freed.  Names and rows are pointed to.  pushed: from
 * hx_usage_cursor(); token: a new one for each call, repetitions too; cutoff:
 * rows of months before it are not stored, and those that are there go, some
 * with each push, the longest unchanged first.  HX_OK, or HX_FAIL: no memory,
 * no row or too many, too many bytes (of more than one row), a total beyond
 * HX_USAGE_SEND_MAX, no month or no token.  Repeating a push is harmless.
 */
hx_rc_t hx_fleet_usage_push(hx_fleet_cmd_t *cmd,
    const hx_fleet_usage_names_t *names, const hx_epoch_t *pushed,
    const unsigned char token[HX_EPOCH_TOKEN], unsigned cutoff,
    const hx_usage_raw_t *row, size_t n);

typedef struct {
    hx_fleet_usage_state_t   state;
    hx_epoch_t               head;      /* for hx_usage_sent() */
    size_t                   stored;
    size_t                   skipped;   /* there, or from before the cutoff */
} hx_fleet_usage_pushed_t;

/* The answer to a push of n rows and this token: HX_OK, or HX_FAIL and a text
 * (HX_FLEET_ERR bytes). */
hx_rc_t hx_fleet_usage_pushed(const hx_reply_t *reply,
    const unsigned char token[HX_EPOCH_TOKEN], size_t n,
    hx_fleet_usage_pushed_t *pushed, char *err);


/*
 * A pull of what comes after the cursor, whole pushes, 256 rows at most; both
 * from hx_usage_cursor().  It writes nothing.  HX_OK, or HX_FAIL: no memory, or
 * no place.
 */
hx_rc_t hx_fleet_usage_pull(hx_fleet_cmd_t *cmd,
    const hx_fleet_usage_names_t *names, const hx_epoch_t *cursor,
    const hx_epoch_t *pushed);

typedef struct {
    hx_fleet_usage_state_t   state;
    hx_epoch_t               head;      /* of Redis */
    hx_epoch_t               cursor;    /* after this page, for
                                         * hx_usage_merge(); head: it was the
                                         * last one */
    size_t                   n;
    hx_usage_raw_t          *row;       /* of the caller, to be freed by
                                         * free(); points into the answer */
    size_t                   damaged;   /* so many were left out */
} hx_fleet_usage_page_t;

/* The answer to a pull from this cursor: HX_OK, or HX_FAIL and a text. */
hx_rc_t hx_fleet_usage_pulled(const hx_reply_t *reply,
    const hx_epoch_t *cursor, hx_fleet_usage_page_t *page, char *err);

#endif /* HX_FLEET_USAGE_H */
