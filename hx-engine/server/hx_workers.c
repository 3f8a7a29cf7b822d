/*
 * hx_workers.c -- see the header: two queues, one lock, n threads.
 */

#include <pthread.h>
#include <stdlib.h>

#include "hx_workers.h"

#define HX_WORKERS_MAX   64

typedef struct {
    hx_job_t   *head;
    hx_job_t  **tail;
} hx_jobs_t;

struct hx_workers_s {
    pthread_mutex_t   lock;
    pthread_cond_t    more;
    hx_jobs_t         light;
    hx_jobs_t         working;          /* those that need memory */
    uint64_t          ticket;
    uint64_t          queued;
    unsigned          busy;             /* jobs running that took memory */
    hx_budget_t      *budget;
    int               stop;
    unsigned          n;
    pthread_t         thread[HX_WORKERS_MAX];
    hx_crypto_t      *crypto[HX_WORKERS_MAX];
    unsigned          started;
};


/* May the first of those that need memory run?  Then it has it. */
static int
hx_workers_admit(hx_workers_t *w)
{
    uint64_t  n;

    n = w->working.head->work;

    if (hx_budget_take(w->budget, n) != HX_OK) {
        if (w->busy != 0) {
            return 0;
        }
        hx_budget_force(w->budget, n);
    }

    w->busy++;

    return 1;
}


static hx_job_t *
hx_jobs_shift(hx_workers_t *w, hx_jobs_t *q)
{
    hx_job_t  *job;

    job = q->head;
    q->head = job->next;

    if (q->head == NULL) {
        q->tail = &q->head;
    }

    w->queued--;

    return job;
}


/* The next job, or NULL: nothing that can run now.  The lock is held. */
static hx_job_t *
hx_workers_next(hx_workers_t *w)
{
    hx_job_t  *light, *working;

    light = w->light.head;
    working = w->working.head;

    if (working != NULL && (light == NULL || working->ticket < light->ticket)
        && hx_workers_admit(w))
    {
        return hx_jobs_shift(w, &w->working);
    }

    return light != NULL ? hx_jobs_shift(w, &w->light) : NULL;
}


static hx_job_t *
hx_workers_take(hx_workers_t *w)
{
    hx_job_t  *job;

    pthread_mutex_lock(&w->lock);

    for ( ;; ) {
        job = hx_workers_next(w);

        if (job != NULL || (w->stop && w->queued == 0)) {
            break;
        }

        pthread_cond_wait(&w->more, &w->lock);
    }

    pthread_mutex_unlock(&w->lock);

    return job;
}


/* Gives back what a job had; another may have waited for it. */
static void
hx_workers_give(hx_workers_t *w, uint64_t work)
{
    hx_budget_give(w->budget, work);

    pthread_mutex_lock(&w->lock);
    w->busy--;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
}


static void *
hx_worker_main(void *data)
{
    hx_job_t      *job;
    unsigned       i;
    uint64_t       work;
    hx_workers_t  *w;

    w = data;

    pthread_mutex_lock(&w->lock);
    i = w->started++;
    pthread_mutex_unlock(&w->lock);

    for ( ;; ) {
        job = hx_workers_take(w);

        if (job == NULL) {
            return NULL;
        }

        work = job->work;
        job->run(job, w->crypto[i]);

        if (work != 0) {
            hx_workers_give(w, work);
        }
    }
}


hx_workers_t *
hx_workers_start(unsigned n, hx_budget_t *budget)
{
    unsigned       i;
    hx_workers_t  *w;

    w = calloc(1, sizeof(hx_workers_t));
    if (w == NULL) {
        return NULL;
    }

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->light.tail = &w->light.head;
    w->working.tail = &w->working.head;
    w->budget = budget;

    for (i = 0; i < n && i < HX_WORKERS_MAX; i++) {
        w->crypto[i] = hx_crypto_create();

        if (w->crypto[i] == NULL) {
            hx_workers_stop(w);
            return NULL;
        }
    }

    for ( /* void */ ; w->n < i; w->n++) {
        if (pthread_create(&w->thread[w->n], NULL, hx_worker_main, w) != 0) {
            hx_workers_stop(w);
            return NULL;
        }
    }

    return w;
}


void
hx_workers_post(hx_workers_t *w, hx_job_t *job)
{
    hx_jobs_t  *q;

    q = job->work != 0 ? &w->working : &w->light;
    job->next = NULL;

    pthread_mutex_lock(&w->lock);
    job->ticket = w->ticket++;
    *q->tail = job;
    q->tail = &job->next;
    w->queued++;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}


uint64_t
hx_workers_queued(hx_workers_t *w)
{
    uint64_t  n;

    pthread_mutex_lock(&w->lock);
    n = w->queued;
    pthread_mutex_unlock(&w->lock);

    return n;
}


void
hx_workers_stop(hx_workers_t *w)
{
    unsigned  i;

    if (w == NULL) {
        return;
    }

    pthread_mutex_lock(&w->lock);
    w->stop = 1;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);

    for (i = 0; i < w->n; i++) {
        pthread_join(w->thread[i], NULL);
    }

    for (i = 0; i < HX_WORKERS_MAX; i++) {
        hx_crypto_free(w->crypto[i]);
    }

    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
