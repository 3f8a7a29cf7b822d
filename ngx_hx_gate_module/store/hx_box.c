/*
 * hx_box.c -- whose box it is, and what is in it; see the header.  Records go
 * to their file in hx_box_write.c; hx_box_resume.c finds out what a killed
 * process has still written.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hx_box_impl.h"


/* Which box to look for, in this order. */
typedef enum {
    HX_BOX_WITH_RECORDS = 0,        /* somebody's, for this file */
    HX_BOX_WITH_CHAIN,              /* nothing but a chain that is to go on */
    HX_BOX_EMPTY,
    HX_BOX_UNENDED,                 /* another file's chain: it is given up */
    HX_BOX_WANTED
} hx_box_wanted_t;


static void
hx_box_of(hx_box_t *box, hx_state_t *st, uint32_t n)
{
    memset(box, 0, sizeof(hx_box_t));

    box->st = st;
    box->number = n + 1;
    box->head = hx_state_box(st, n);
    box->data = (unsigned char *) box->head + HX_STATE_PAGE;
    box->size = st->head->box_size;
}


/*
 * OK = this process owns it now; NO = somebody alive does.  What is set aside
 * of quotas for a dead one is let go.
 */

static hx_rc_t
hx_box_own(hx_state_t *st, uint32_t n)
{
    int             rc;
    hx_box_head_t  *h;

    h = hx_state_box(st, n);
    rc = pthread_mutex_trylock(&h->owner);

    if (rc == EOWNERDEAD) {
        (void) __atomic_fetch_add(&st->head->holding, 1, __ATOMIC_RELAXED);
        rc = pthread_mutex_consistent(&h->owner);

        /* a record that its charge was not made for is taken back */
        hx_state_sweep(st);
    }

    return rc == 0 ? HX_OK : HX_NO;
}


static hx_rc_t
hx_box_private(hx_box_t *box, const char *path, size_t size)
{
    hx_box_head_t  *h;

    memset(box, 0, sizeof(hx_box_t));

    box->size = size;
    box->head = calloc(1, sizeof(hx_box_head_t));
    box->data = malloc(size);

    if (box->head == NULL || box->data == NULL) {
        free(box->head);
        free(box->data);
        box->head = NULL;
        box->data = NULL;
        return HX_FAIL;
    }

    h = box->head;
    (void) snprintf(h->path, sizeof(h->path), "%s", path);

    return HX_NO;
}


static int
hx_box_fits(const hx_box_head_t *h, const char *path, hx_box_wanted_t wanted)
{
    int  mine;

    mine = strncmp(h->path, path, sizeof(h->path)) == 0;

    switch (wanted) {

    case HX_BOX_WITH_RECORDS:
        return mine && h->last != 0;

    case HX_BOX_WITH_CHAIN:
        return mine && h->last == 0 && hx_box_slot(h) != -1;

    case HX_BOX_EMPTY:
        return h->last == 0 && hx_box_slot(h) == -1;

    default:
        return h->last == 0;
    }
}


/* An empty box is for this file from now on. */

static void
hx_box_begin(hx_box_head_t *h, const char *path)
{
    /* "last" is 0: who was killed in hx_box_clear() has left the rest */

    h->start = 0;
    h->torn = 0;
    h->writing = 0;
    h->device = 0;
    h->inode = 0;

    (void) snprintf(h->path, sizeof(h->path), "%s", path);
    hx_state_barrier();
}


static int
hx_box_claim_one(hx_box_t *box, hx_state_t *st, uint32_t n, const char *path,
    size_t size, hx_box_wanted_t wanted)
{
    hx_box_head_t  *h;

    h = hx_state_box(st, n);

    if (hx_box_own(st, n) != HX_OK) {
        return 0;
    }

    if (!hx_box_fits(h, path, wanted)) {
        (void) pthread_mutex_unlock(&h->owner);
        return 0;
    }

    hx_box_of(box, st, n);

    if (h->last == 0) {
        if (wanted != HX_BOX_WITH_CHAIN) {
            hx_box_chain_end(box);
        }

        hx_box_begin(h, path);
    }

    if (box->size > size && h->last <= size) {
        box->size = size;
    }

    return 1;
}


hx_rc_t
hx_box_claim(hx_box_t *box, hx_state_t *st, const char *path, size_t size)
{
    uint32_t  n;
    unsigned  wanted;

    if (st == NULL || strlen(path) >= sizeof(((hx_box_head_t *) 0)->path)) {
        return hx_box_private(box, path, size);
    }

    for (wanted = 0; wanted < HX_BOX_WANTED; wanted++) {
        for (n = 0; n < st->head->n_boxes; n++) {
            if (hx_box_claim_one(box, st, n, path, size,
                                 (hx_box_wanted_t) wanted))
            {
                return HX_OK;
            }
        }
    }

    return hx_box_private(box, path, size);
}


int
hx_box_reader_fd(const hx_box_t *box)
{
    return box->reader - 1;
}


void
hx_box_rotated(hx_box_t *box)
{
    if (box->reader != 0) {
        (void) close(box->reader - 1);
        box->reader = 0;
    }
}


void
hx_box_release(hx_box_t *box)
{
    hx_box_head_t  *h;

    h = box->head;

    if (h == NULL) {
        return;
    }

    hx_box_rotated(box);

    if (box->number != 0) {
        (void) pthread_mutex_unlock(&h->owner);

    } else {
        free(h);
        /* not shared: the two are its own */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        free(box->data);
    }

    memset(box, 0, sizeof(hx_box_t));
}


unsigned char *
hx_box_room(const hx_box_t *box, uint32_t *last, size_t *room)
{
    const hx_box_head_t  *h;

    h = box->head;

    *last = h->last;
    *room = box->size - h->last;

    return box->data + h->last;
}


void
hx_box_advance(hx_box_t *box, uint32_t last)
{
    hx_box_head_t  *h;

    h = box->head;

    if (box->st != NULL) {
        hx_state_set_unclean(box->st);
    }

    hx_state_barrier();
    h->last = last;
}


hx_rc_t
hx_box_chain(const hx_box_t *box, hx_chain_t *chain)
{
    int                   i;
    const hx_box_head_t  *h;

    h = box->head;
    i = hx_box_slot(h);

    if (i == -1) {
        return HX_NO;
    }

    *chain = h->chain[i].chain;

    return HX_OK;
}


void
hx_box_chain_at(hx_box_t *box, uint32_t end, const hx_chain_t *chain)
{
    hx_box_set_slot(box->head, end, chain);
}


void
hx_box_chain_end(hx_box_t *box)
{
    hx_box_head_t  *h;

    h = box->head;

    h->chain[0].end = 0;
    h->chain[1].end = 0;
    hx_state_barrier();
}


const char *
hx_box_path(const hx_box_t *box)
{
    const hx_box_head_t  *h;

    h = box->head;

    return h->path;
}


uint32_t
hx_box_number(const hx_box_t *box)
{
    return box->number;
}


int
hx_box_empty(const hx_box_t *box)
{
    const hx_box_head_t  *h;

    h = box->head;

    return h->last == 0;
}


static hx_box_rc_t
hx_box_rescue_one(hx_box_t *box, hx_box_fd_pt fd_of, void *data)
{
    int             fd, mine, err, unsure;
    unsigned        cut;
    hx_box_rc_t     rc;
    hx_box_head_t  *h;

    h = box->head;
    h->path[sizeof(h->path) - 1] = '\0';

    fd = fd_of != NULL ? fd_of(data, h->path) : -1;
    mine = fd == -1;

    if (mine) {
        /* a pipe that nobody reads is an error, not a wait */

        fd = open(h->path, O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC|O_NONBLOCK,
                  0644);

        if (fd == -1) {
            return HX_BOX_ERROR;
        }
    }

    cut = 0;
    unsure = 0;

    rc = hx_box_drain(box, fd, &unsure, &cut);

    if (mine) {
        err = errno;
        (void) close(fd);
        errno = err;
    }

    return rc;
}


unsigned
hx_box_rescue(hx_state_t *st, hx_box_fd_pt fd_of, void *data)
{
    int        err;
    uint32_t   n;
    unsigned   left;
    hx_box_t   box;

    err = 0;
    left = 0;

    for (n = 0; n < st->head->n_boxes; n++) {

        /* a living owner's box is looked at only here: a hint */

        if (hx_state_box(st, n)->last == 0
            || hx_box_own(st, n) != HX_OK)
        {
            continue;
        }

        hx_box_of(&box, st, n);

        if (!hx_box_empty(&box)
            && hx_box_rescue_one(&box, fd_of, data) != HX_BOX_DONE)
        {
            err = errno;
            left++;
        }

        hx_box_release(&box);
    }

    errno = err;

    return left;
}


hx_rc_t
hx_box_unended(hx_state_t *st, uint32_t *number, hx_box_t *box)
{
    uint32_t              n;
    const hx_box_head_t  *h;

    while (*number < st->head->n_boxes) {
        n = (*number)++;
        h = hx_state_box(st, n);

        /* a living owner's box is looked at only here: a hint */

        if (hx_box_slot(h) == -1 || hx_box_own(st, n) != HX_OK) {
            continue;
        }

        hx_box_of(box, st, n);

        if (hx_box_empty(box) && hx_box_slot(h) != -1) {
            return HX_OK;
        }

        hx_box_release(box);
    }

    return HX_NO;
}
