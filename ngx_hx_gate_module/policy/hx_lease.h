/*
 * hx_lease.h -- the arithmetic of leases: a node takes permits of a tenant
 * ahead, many at a time, so that a hot tenant costs the fleet's Redis little.
 * Pure: time is an argument (nanoseconds of a monotonic clock), memory is the
 * caller's, who also keeps two callers from using one lease at a time.
 *
 * A lease is used up within its life L, counted from when the question for it
 * was *made*, before it is sent: Redis stamps it no earlier, so nothing of it
 * is used after the instant that Redis takes for the last one.  What is left
 * then is void; it may be given back before (hx_lease_spare()).  The clock must
 * not stand still while the machine sleeps (CLOCK_BOOTTIME).
 *
 *    L      between W / 64 and W / 16, 60 s at most: as long as this node needs
 *           for HX_LEASE_TARGET permits.  A busy tenant has short leases.
 *    size   what this node is likely to use in two thirds of L; at most N / 16
 *           and a quarter of what Redis said remains (or N / 64, when that is
 *           less).  The number of nodes need not be known: what the others
 *           hold does not remain.  What would be less than HX_LEASE_MIN is
 *           asked for one by one.
 *    ahead  the next lease is asked for when a third of the last one is left,
 *           or what comes in while three answers take, or a quarter of L.
 *
 * Tenants of N <= HX_LEASE_STRICT have no leases: each request asks, exactly.
 *
 * Refused: Redis is not asked again before the time it named, by leases or one
 * by one, unless N or W change; after a refusal by the quota not for
 * HX_LEASE_QUOTA_WAIT.  While a lease is on its way, requests for which there
 * is no permit ask one by one.  Right behind a refusal, for W / 64, they are
 * refused until the first answer is there; the wait they are told is 1 ms then.
 *
 * Tenths of the quota come with the permits but have no end of life before
 * their month's: they are one sum for the tenant.  A node has at most a quarter
 * of what Redis said remains and that sum together, so that others find some
 * when little is left.  When they are used up and permits are not, more are
 * asked for without permits, by one request at a time.
 *
 * The state is 160 bytes without pointers; all zeros is a valid one that has
 * never been used.  It may lie in shared memory under a lock, and its holder
 * may be killed at any instruction: who takes the lock over goes on with it as
 * it is.  Permits that were on their way are lost, none is ever there twice,
 * because each is taken by one store, before it is used, and a lease's permits
 * are written last.  A question whose asker is gone is given up after
 * HX_LEASE_PATIENCE.
 */

#ifndef HX_LEASE_H
#define HX_LEASE_H

#include "hx_types.h"
#include "hx_window.h"

#define HX_LEASE_STRICT    100          /* N up to which there are none */
#define HX_LEASE_MIN       4            /* permits worth a lease */
#define HX_LEASE_TARGET    256          /* permits that are enough for one */
#define HX_LEASE_LONGEST   16           /* W / 16: fewer questions, or ... */
#define HX_LEASE_SHORTEST  64           /* W / 64: ... less that is refused */
#define HX_LEASE_PATIENCE  UINT64_C(1000000000)     /* ns for an answer */
#define HX_LEASE_QUOTA_WAIT  UINT64_C(1000000000)   /* ns */

/* Permits that were taken together. */
typedef struct {
    uint64_t   until;           /* ns; void from then on */
    uint64_t   ticket;          /* to give them back */
    uint32_t   left;            /* permits; written last */
    uint32_t   size;            /* they were so many */
    uint32_t   life;            /* ms, in all */
    uint32_t   unused;          /* zero */
} hx_lease_part_t;

typedef struct {
    hx_lease_part_t   part[2];      /* in use, and the next */
    uint64_t          asked;        /* ns; a question is on its way, 0 = none */
    uint64_t          retry;        /* ns; the window refuses until then */
    uint64_t          retry_quota;  /* ns; the quota refuses until then */
    uint64_t          reset;        /* ns; as Redis said */
    uint64_t          since;        /* ns; "seen" counts from then on */
    uint64_t          last;         /* ns; of the last call */
    uint32_t          question;     /* its number */
    uint32_t          requests;     /* N and W of the last call */
    uint32_t          window_s;
    uint32_t          seen;         /* requests */
    uint32_t          pace;         /* requests in 1024 s, smoothed */
    uint32_t          cost;         /* 1/16 tenths a request, smoothed */
    uint32_t          room;         /* permits that remained, as Redis said */
    uint32_t          delay;        /* us that an answer takes, smoothed */
    uint32_t          tenths;       /* of the quota, set aside and not used */
    uint32_t          month;        /* theirs */
    uint32_t          rest;         /* tenths that remained, as Redis said */
    uint32_t          unused;       /* zero */
} hx_lease_t;

/* Without a window (rate.requests 0) each request asks. */
typedef struct {
    hx_rate_t   rate;
    unsigned    month;          /* YYYYMM; 0 = no quota is asked */
    uint32_t    cost;           /* tenths of this request */
} hx_lease_need_t;

typedef enum {
    HX_LEASE_ADMITTED = 0,      /* a permit was taken */
    HX_LEASE_AHEAD,             /* the same; and ask *question now, without
                                 * waiting for it */
    HX_LEASE_ASK,               /* ask *question: its answer is this
                                 * request's */
    HX_LEASE_RATE,              /* refused by the window, and */
    HX_LEASE_QUOTA              /* by the quota, as Redis said before */
} hx_lease_rc_t;

/*
 * What to ask Redis.  For the request at hand (HX_LEASE_ASK) one of the permits
 * and "cost" of the tenths are its own: hx_lease_told() puts the others away.
 */
typedef struct {
    uint64_t   asked;           /* ns; when */
    uint32_t   number;          /* 0 = one by one: nothing is put away */
    uint32_t   permits;         /* wanted; at least 1 */
    uint32_t   life;            /* ms; 0 = now alone */
    uint32_t   tenths;          /* wanted; 0 without a quota */
    uint32_t   tenths_min;
    uint32_t   own;             /* permits of the request at hand, 0 or 1 */
    uint32_t   own_tenths;
    uint32_t   month;
} hx_lease_question_t;

/* What Redis said; see hx_fleet_limit_answer_t, whose words these are. */
typedef struct {
    hx_rc_t    rc;              /* OK; NO = refused; FAIL = no answer */
    unsigned   quota:1;         /* refused by the quota */
    uint32_t   permits;
    uint32_t   tenths;
    uint32_t   remaining;
    uint32_t   rest;            /* tenths of the quota that remain */
    uint64_t   reset;           /* ms */
    uint64_t   retry;           /* ms */
    uint64_t   ticket;
    uint32_t   life;            /* ms */
} hx_lease_answer_t;

/* A rest that nobody needs. */
typedef struct {
    uint64_t    ticket;
    uint32_t    permits;
    uint32_t    tenths;
    uint32_t    month;
    hx_rate_t   rate;           /* of the window that the permits are of */
} hx_lease_rest_t;

/*
 * One request.  view (ns from now, as hx_window.h has it): filled in when it is
 * admitted or refused by the window here; what remains is then as of the last
 * answer.  *question: filled in for AHEAD and ASK.
 */
hx_lease_rc_t hx_lease_take(hx_lease_t *l, const hx_lease_need_t *need,
    uint64_t now, hx_window_view_t *view, hx_lease_question_t *question);

/*
 * What would hx_lease_take() say?  ADMITTED, RATE, QUOTA, or ASK: only Redis
 * knows (ask it with mode LOOK, or let the request go on).  Changes nothing.
 */
hx_lease_rc_t hx_lease_look(const hx_lease_t *l, const hx_lease_need_t *need,
    uint64_t now, hx_window_view_t *view);

/*
 * The answer to a question, once, also when there is none (rc FAIL).  *rest is
 * what could not be put away and may be given back (permits 0 and tenths 0 =
 * nothing): the answer came too late, or to a question that was given up.  For
 * a request that asked: it is admitted when answer->rc is OK; view as above.
 */
void hx_lease_told(hx_lease_t *l, const hx_lease_question_t *question,
    const hx_lease_answer_t *answer, uint64_t now, hx_window_view_t *view,
    hx_lease_rest_t *rest);

/*
 * Tenths that a request which was admitted did not cost.  HX_NO = the month is
 * another one by now: they may be given back to Redis.
 */
hx_rc_t hx_lease_refund(hx_lease_t *l, unsigned month, uint32_t tenths);

/*
 * HX_OK and what may be given back, at most once: permits of a lease in the
 * last quarter of its life that nobody has asked for since a quarter of it, and
 * tenths when nobody has come for HX_LEASE_PATIENCE.  They are gone from here,
 * whatever becomes of them.  HX_NO = there are none.  To be called now and
 * then, again while it says OK.
 */
hx_rc_t hx_lease_spare(hx_lease_t *l, uint64_t now, hx_lease_rest_t *rest);

/* 1 when nothing would be lost if it were zeroed: no permits, no wait, no
 * tenths, no question. */
int hx_lease_idle(const hx_lease_t *l, uint64_t now);

#endif /* HX_LEASE_H */
