/*
 * hx_workers.h -- threads that compute, apart from the I/O threads.
 *
 * A job is embedded in what it works on; each has at most one, so the queues
 * need no bound of their own.  Jobs run in the order they came, with one
 * exception: those that say they need memory ("work" bytes) wait until the
 * budget has it, and the others go past them.  Those never overtake each
 * other, and when none of them runs the next one may, whatever the budget
 * says: each one's turn comes.
 */

#ifndef HX_WORKERS_H
#define HX_WORKERS_H

#include "hx_api_budget.h"
#include "hx_crypto.h"

typedef struct hx_job_s      hx_job_t;
typedef struct hx_workers_s  hx_workers_t;

struct hx_job_s {
    hx_job_t  *next;
    uint64_t   ticket;                  /* of the queues */
    uint64_t   work;                    /* bytes taken from the budget while it
                                         * runs; 0: it needs none */
    void      *data;
    void     (*run)(hx_job_t *job, hx_crypto_t *crypto);
};

/* NULL when threads or memory are missing. */
hx_workers_t *hx_workers_start(unsigned n, hx_budget_t *budget);

/* run() will be called once, in a worker; it may free the job. */
void hx_workers_post(hx_workers_t *w, hx_job_t *job);

/* Jobs that wait, for a thread or for memory. */
uint64_t hx_workers_queued(hx_workers_t *w);

/* Does what is queued, then ends the threads.  NULL is fine. */
void hx_workers_stop(hx_workers_t *w);

#endif /* HX_WORKERS_H */
