/*
 * hx_fleet_limit.h -- the limits of a fleet, held in Redis: one script that
 * admits into sliding windows and sets aside of a quota, both or neither, as a
 * command and an answer without a connection.  No nginx, no hiredis.
 *
 * Keys, with P = prefix and T = tenant, all of a tenant in one hash slot:
 *    {P:T}:w       the window: a list, for each bucket in which anything was
 *                  taken one number, and its head as the last element
 *    {P:T}:w2      a second window, for who has one
 *    {P:T}:l       hash: node -> its last lease that can be given back
 *    {P:T}:q:<m>   number: tenths of a CU used or set aside in month m (YYYYMM)
 * They expire by themselves when nothing in them counts any more; the quota's
 * after 62 days.
 *
 * What holds, by Redis' clock: in no half-open interval of length W more than N
 * permits are used that were taken for N and W.  Permits are stamped with the
 * last instant at which they may be used (now, or the end of a lease's life),
 * and count from when they are taken until W after their stamp.  What is lost
 * (a node dies, an answer does not come, a key's history of another W) is lost
 * towards refusing.
 *
 * Errors, towards refusing alone:
 *  - time: a stamp is rounded up to a bucket of W / 4096 .. W / 2048 (a power
 *    of two of microseconds), that of a lease to a quarter of its life, and is
 *    not before any stamp there is.  So a permit that was used at t counts
 *    until t + W + W / 2048 at most when nobody in the fleet takes leases, and
 *    until t + W + 1.25 L + W / 2048 when lives of leases are L at most.
 *  - time, after W became shorter: stamps of before are as exact as the W of
 *    before, but none is after the last one that was given.  Buckets stay as
 *    they were, but W / 16 at most, for W at most.  (Longer as long as leases
 *    of before reach 15 times W ahead.)
 *  - count: none.  Whatever N is, permits are counted one by one.
 *
 * A changed N or W keeps what counts, as far as the old window reached.
 *
 * Redis' clock may be set back, or a replica whose clock is behind may take
 * over: by W / 128 at most, time stands still until the clock is there again;
 * by more, what counts keeps the age it had.  Neither admits more than a clock
 * that goes on would; nobody is locked out for more than W and W / 128.  A
 * clock that leaps ahead makes everything older by the leap, as if nobody had
 * come meanwhile.
 *
 * Memory of a tenant: 5 to 10 bytes a bucket in use, of which there are N or
 * 4,100 at most; with leases 320 at most.  A call reads and writes the two
 * newest elements; each bucket is taken away once.  A refusal reads as many of
 * the oldest as the wait is made of.
 */

#ifndef HX_FLEET_LIMIT_H
#define HX_FLEET_LIMIT_H

#include "hx_limits.h"
#include "hx_types.h"
#include "hx_window.h"

#define HX_FLEET_LIMIT_WINDOWS   2
#define HX_FLEET_LIMIT_PREFIX    64     /* bytes of a prefix */
#define HX_FLEET_LIMIT_NODE      64     /* bytes of a node's name */
#define HX_FLEET_LIMIT_KEY       (HX_FLEET_LIMIT_PREFIX + HX_TENANT_MAX + 16)
#define HX_FLEET_LIMIT_KEYS      (HX_FLEET_LIMIT_WINDOWS + 2)
#define HX_FLEET_LIMIT_ARGC      24     /* arguments of a command, at most */
#define HX_FLEET_LIMIT_SHA1      40     /* hex digits */
#define HX_FLEET_LIMIT_LIFE_MAX  60000  /* ms that a lease may live */

/* The script, NUL-terminated, and its SHA-1 in lower-case hex. */
extern const char   hx_fleet_limit_script[];
extern const char   hx_fleet_limit_sha1[HX_FLEET_LIMIT_SHA1 + 1];

typedef enum {
    HX_FLEET_LIMIT_TAKE = 0,    /* take permits and tenths */
    HX_FLEET_LIMIT_LOOK,        /* what TAKE would admit; writes nothing */
    HX_FLEET_LIMIT_GIVE         /* give back permits of a lease, or tenths */
} hx_fleet_limit_mode_t;

typedef struct {
    hx_str_t                prefix;     /* 1 .. 64 bytes without braces */
    hx_str_t                tenant;     /* 1 .. HX_TENANT_MAX bytes */
    hx_str_t                node;       /* 0 .. 64 bytes: whose lease it is; ""
                                         * = it cannot be given back */
    hx_fleet_limit_mode_t   mode;
    hx_rate_t               window[HX_FLEET_LIMIT_WINDOWS];
                                        /* requests 0 = no such window */

    uint32_t                permits;    /* wanted, 1 .. ; GIVE: given back */
    uint32_t                permits_min;    /* or none at all, 1 .. permits */
    uint32_t                life;       /* ms that they may be used, of a lease;
                                         * 0 = now alone; at most a quarter of
                                         * each window and LIFE_MAX count */
    uint64_t                ticket;     /* GIVE: of the lease */

    uint64_t                quota;      /* tenths of a CU in the month;
                                         * UINT64_MAX = none is asked */
    unsigned                month;      /* YYYYMM; 0 = no quota and no sum */
    uint64_t                known;      /* tenths that are known to be used in
                                         * the month: Redis' sum is raised to
                                         * it; 0 = nothing is known */
    uint32_t                tenths;     /* wanted; GIVE: given back */
    uint32_t                tenths_min; /* or none at all, 0 .. tenths */
} hx_fleet_limit_ask_t;

/* Arguments of a command, as redisFormatCommandArgv() takes them. */
typedef struct {
    int           argc;
    const char   *argv[HX_FLEET_LIMIT_ARGC];
    size_t        argvlen[HX_FLEET_LIMIT_ARGC];
    char          key[HX_FLEET_LIMIT_KEYS][HX_FLEET_LIMIT_KEY];
    char          number[HX_FLEET_LIMIT_ARGC][24];
} hx_fleet_limit_cmd_t;

/*
 * EVALSHA, or EVAL for who was answered NOSCRIPT.  Some arguments point into
 * *cmd (which must not be moved) and to what ask points to.  The first key is
 * argv[3].  HX_OK; HX_NO = ask breaks a bound that is named above.
 */
hx_rc_t hx_fleet_limit_command(hx_fleet_limit_cmd_t *cmd,
    const hx_fleet_limit_ask_t *ask, int eval);


typedef enum {
    HX_FLEET_LIMIT_ADMITTED = 0,
    HX_FLEET_LIMIT_RATE,        /* refused by a window */
    HX_FLEET_LIMIT_QUOTA        /* refused by the quota; it is asked first */
} hx_fleet_limit_verdict_t;

typedef struct {
    hx_fleet_limit_verdict_t   verdict;
    uint32_t                   permits; /* admitted; LOOK: that would be; GIVE:
                                         * that were taken back */
    uint32_t                   tenths;  /* the same */
    uint32_t                   limit;   /* N of the window that has the least
                                         * left; 0 = no window was asked */
    uint32_t                   remaining;   /* in it, after the call; LOOK: as
                                         * it is */
    uint64_t                   reset;   /* ms until all that counts in the
                                         * windows has left */
    uint64_t                   retry;   /* refused by a window: ms until
                                         * permits_min are admitted if nobody
                                         * else comes and N stays; else 0 */
    uint64_t                   ticket;  /* of the lease; 0 = none */
    uint32_t                   life;    /* ms that the permits may be used from
                                         * when the question was *sent* */
    uint64_t                   used;    /* tenths of the month, after the call;
                                         * 0 without a month */
} hx_fleet_limit_answer_t;

#define HX_FLEET_LIMIT_ANSWER   10      /* integers of an answer */

/*
 * The integers of the array that Redis answers with.  HX_OK; HX_FAIL = it is no
 * such answer, or one that does not answer *ask.
 */
hx_rc_t hx_fleet_limit_answer(hx_fleet_limit_answer_t *answer,
    const hx_fleet_limit_ask_t *ask, const int64_t *value, size_t n);

#endif /* HX_FLEET_LIMIT_H */
