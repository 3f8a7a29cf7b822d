/*
 * hx_state_lock.c -- the locks of the shared memory, what happens when their
 * holder was killed, and the list of free blocks.
 *
 * A robust mutex tells who locks it next that its holder is dead.  Nothing a
 * holder writes counts before its last store, so taking back is copying an
 * image; doing it twice, when the next one is killed as well, does no harm.
 */

#include <errno.h>

#include "hx_state_impl.h"


int
hx_state_mutex_init(pthread_mutex_t *m)
{
    int                   rc;
    pthread_mutexattr_t   attr;

    memset(m, 0, sizeof(pthread_mutex_t));

    rc = pthread_mutexattr_init(&attr);
    if (rc != 0) {
        return rc;
    }

    rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);

    if (rc == 0) {
        rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    }

    if (rc == 0) {
        rc = pthread_mutex_init(m, &attr);
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


static int
hx_state_undo_window(hx_state_t *st, const hx_stripe_t *s)
{
    hx_tenant_block_t  *t;

    t = &hx_state_block(st, s->block)->tenant;

    if (s->block >= hx_state_fresh(st) || t->kind != HX_BLOCK_TENANT) {
        return 0;
    }

    /* counted anew for another limit: its bits may be in pieces */

    if (s->window.long_form
        && (s->window.requests != t->window.requests
            || s->window.window_s != t->window.window_s))
    {
        hx_window_fill(&t->window, &s->rate, hx_state_clock());

    } else {
        t->window = s->window;
    }

    return 1;
}


static int
hx_state_undo_charge(hx_state_t *st, const hx_stripe_t *s)
{
    hx_block_t  *b;

    b = hx_state_block(st, s->entry_block);

    if (s->entry_block >= hx_state_fresh(st)
        || s->entry_at >= (b->tenant.kind == HX_BLOCK_TENANT ? HX_STATE_INLINE
                           : b->tenant.kind == HX_BLOCK_MORE ? HX_STATE_MORE
                           : 0)
        || s->box > st->head->n_boxes || s->box_last > st->head->box_size)
    {
        return 0;
    }

    *hx_state_entry_at(st, s->entry_block, s->entry_at) = s->entry;

    if (s->box != 0) {
        hx_state_box(st, s->box - 1)->last = s->box_last;
    }

    return 1;
}


/* Not taken back but done again to the end. */

static int
hx_state_redo(hx_state_t *st, const hx_stripe_t *s)
{
    hx_tenant_block_t  *t;

    t = &hx_state_block(st, s->block)->tenant;

    if (s->block >= hx_state_fresh(st) || t->kind != HX_BLOCK_TENANT) {
        return 0;
    }

    if (s->undo == HX_UNDO_RENEW) {
        hx_state_renew(st, t);

    } else {
        hx_state_prune(st, t, s->month);
    }

    return 1;
}


int
hx_state_undo(hx_state_t *st, hx_stripe_t *s)
{
    int  done;

    switch (s->undo) {

    case HX_UNDO_NONE:
        return 1;

    case HX_UNDO_WINDOW:
        done = hx_state_undo_window(st, s);
        break;

    case HX_UNDO_CHARGE:
        done = hx_state_undo_charge(st, s);
        break;

    case HX_UNDO_RENEW:
    case HX_UNDO_PRUNE:
        done = hx_state_redo(st, s);
        break;

    default:
        done = 0;
    }

    if (done) {
        hx_state_barrier();
        s->undo = HX_UNDO_NONE;
    }

    return done;
}


static void
hx_state_recovered(hx_state_t *st)
{
    (void) __atomic_fetch_add(&st->head->recovered, 1, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&st->head->holding, 1, __ATOMIC_RELAXED);
}


hx_rc_t
hx_state_locked(hx_state_t *st, hx_stripe_t *s, int rc)
{
    if (rc == 0) {
        return HX_OK;
    }

    if (rc != EOWNERDEAD) {
        return HX_FAIL;
    }

    if (!hx_state_undo(st, s)) {

        /* damage: unlocked as it is, nobody gets the lock again */

        (void) pthread_mutex_unlock(&s->lock);
        return HX_FAIL;
    }

    hx_state_recovered(st);

    return pthread_mutex_consistent(&s->lock) == 0 ? HX_OK : HX_FAIL;
}


void
hx_state_sweep(hx_state_t *st)
{
    uint32_t      i;
    hx_stripe_t  *s;

    for (i = 0; i < HX_STATE_STRIPES; i++) {
        if (hx_state_lock(st, i, &s) == HX_OK) {
            hx_state_unlock(s);
        }
    }
}


/* The list is whole at any instruction: one store takes a block or gives it. */

int
hx_state_lock_allocator(hx_state_t *st)
{
    int  rc;

    rc = pthread_mutex_lock(&st->head->allocator);

    if (rc == EOWNERDEAD) {
        hx_state_recovered(st);
        rc = pthread_mutex_consistent(&st->head->allocator);
    }

    return rc == 0;
}


void
hx_state_unlock_allocator(hx_state_t *st)
{
    (void) pthread_mutex_unlock(&st->head->allocator);
}


/*
 * Killed right behind it, a process takes a block with it that nothing points
 * to: it is found when the file is opened alone the next time.
 */

uint32_t
hx_state_alloc(hx_state_t *st, hx_block_kind_t kind)
{
    uint32_t          n;
    hx_block_t       *b;
    hx_state_head_t  *h;

    if (!hx_state_lock_allocator(st)) {
        return 0;
    }

    h = st->head;
    n = h->free;

    if (n != 0) {
        h->free = hx_state_block(st, n)->tenant.next;

    } else if (h->fresh < h->n_blocks) {
        n = h->fresh;
        __atomic_store_n(&h->fresh, n + 1, __ATOMIC_RELAXED);
    }

    if (n != 0) {
        h->used++;
    }

    hx_state_unlock_allocator(st);

    if (n != 0) {
        b = hx_state_block(st, n);
        memset(b, 0, sizeof(hx_block_t));

        if (kind != HX_BLOCK_TENANT) {
            b->tenant.kind = (uint8_t) kind;
        }
    }

    return n;
}


void
hx_state_free(hx_state_t *st, uint32_t block)
{
    hx_block_t       *b;
    hx_state_head_t  *h;

    h = st->head;
    b = hx_state_block(st, block);

    if (!hx_state_lock_allocator(st)) {
        return;
    }

    b->tenant.kind = HX_BLOCK_FREE;
    b->tenant.next = h->free;
    hx_state_barrier();
    h->free = block;
    h->used--;

    hx_state_unlock_allocator(st);
}
