/*
 * hx_workers.h -- threads that compute, apart from the I/O threads.
 *
 * A job is embedded in what it works on; each has at most one, so the queue
 * needs no bound of its own.
 */

#ifndef HX_WORKERS_H
#define HX_WORKERS_H

#include "hx_crypto.h"

typedef struct hx_job_s      hx_job_t;
typedef struct hx_workers_s  hx_workers_t;

struct hx_job_s {
    hx_job_t  *next;
    void      *data;
    void     (*run)(hx_job_t *job, hx_crypto_t *crypto);
};

/* NULL when threads or memory are missing. */
hx_workers_t *hx_workers_start(unsigned n);

/* run() will be called once, in a worker. */
void hx_workers_post(hx_workers_t *w, hx_job_t *job);

/* Does what is queued, then ends the threads.  NULL is fine. */
void hx_workers_stop(hx_workers_t *w);

#endif /* HX_WORKERS_H */
