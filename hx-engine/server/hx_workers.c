/*
 * hx_workers.c -- see the header: one queue, one lock, n threads.
 */

#include <pthread.h>
#include <stdlib.h>

#include "hx_workers.h"

#define HX_WORKERS_MAX   64

struct hx_workers_s {
    pthread_mutex_t   lock;
    pthread_cond_t    more;
    hx_job_t         *head;
    hx_job_t        **tail;
    int               stop;
    unsigned          n;
    pthread_t         thread[HX_WORKERS_MAX];
    hx_crypto_t      *crypto[HX_WORKERS_MAX];
    unsigned          started;
};


static hx_job_t *
hx_workers_take(hx_workers_t *w)
{
    hx_job_t  *job;

    pthread_mutex_lock(&w->lock);

    while (w->head == NULL && !w->stop) {
        pthread_cond_wait(&w->more, &w->lock);
    }

    job = w->head;

    if (job != NULL) {
        w->head = job->next;

        if (w->head == NULL) {
            w->tail = &w->head;
        }
    }

    pthread_mutex_unlock(&w->lock);

    return job;
}


static void *
hx_worker_main(void *data)
{
    hx_job_t      *job;
    unsigned       i;
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

        job->run(job, w->crypto[i]);
    }
}


hx_workers_t *
hx_workers_start(unsigned n)
{
    unsigned       i;
    hx_workers_t  *w;

    w = calloc(1, sizeof(hx_workers_t));
    if (w == NULL) {
        return NULL;
    }

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->tail = &w->head;

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
    job->next = NULL;

    pthread_mutex_lock(&w->lock);
    *w->tail = job;
    w->tail = &job->next;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
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
