/*
 * hx_state_save.c -- usage on its way to the store, names of operations, and
 * what metrics want to know.  Runs in threads: locks are held for one tenant
 * at a time.
 */

#include <errno.h>

#include "hx_state_impl.h"


/*
 * The old month to hand out next: the oldest.  0 = all entries fit, as those of
 * two months do.
 */

static unsigned
hx_state_piled_up(const hx_state_t *st, hx_tenant_block_t *t)
{
    unsigned          n, oldest;
    hx_entry_t       *e;
    hx_state_walk_t   w;

    if (t->more == 0) {
        return 0;
    }

    oldest = t->newest;
    hx_state_walk(&w, st, t);

    for (n = 0; (e = hx_state_walk_on(&w)) != NULL; n++) {
        if (hx_entry_month(*e) < oldest) {
            oldest = hx_entry_month(*e);
        }
    }

    return n > HX_STATE_ENTRIES ? oldest : 0;
}


/*
 * Whole months, as the store keeps them: when not all fit, the oldest one (to
 * be "stored", then it goes from here), or else the newest two.
 */

static void
hx_state_copy(const hx_state_t *st, hx_tenant_block_t *t, uint32_t block,
    hx_state_used_t *used, int store)
{
    unsigned           month, piled;
    hx_entry_t        *e;
    hx_state_walk_t    w;
    hx_state_entry_t  *to;

    used->block = block;
    used->incarnation = t->incarnation;
    used->place = t->place;
    used->id_len = t->id_len;
    memcpy(used->id, t->id, t->id_len);
    used->n = 0;

    piled = hx_state_piled_up(st, t);
    hx_state_walk(&w, st, t);

    while ((e = hx_state_walk_on(&w)) != NULL) {
        month = hx_entry_month(*e);

        if (piled != 0
            && (store ? month != piled : hx_state_is_old(t, month)))
        {
            continue;
        }

        if (used->n == HX_STATE_ENTRIES) {
            break;
        }

        to = &used->entry[used->n++];
        to->month = hx_month_at(month);
        to->operation = hx_entry_op(*e);
        to->tenths = hx_entry_tenths(*e);
    }
}


static hx_rc_t
hx_state_visit(hx_state_t *st, uint32_t block, hx_state_used_t *used,
    int unsaved)
{
    hx_rc_t             rc;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    t = hx_state_lock_block(st, block, 1, &s);
    if (t == NULL) {
        return HX_NO;
    }

    rc = HX_NO;

    if (hx_state_listed(st, t, block)) {
        hx_state_copy(st, t, block, used, unsaved);
        rc = HX_OK;
    }

    hx_state_unlock(s);

    return rc;
}


hx_rc_t
hx_state_unsaved(hx_state_t *st, uint32_t *cursor, hx_state_used_t *used)
{
    uint32_t  n, last;
    uint64_t  word;

    last = hx_state_fresh(st);

    for (n = *cursor; n < last; n++) {
        word = __atomic_load_n(&st->unsaved[n / 64], __ATOMIC_RELAXED)
               >> (n % 64);

        if (word == 0) {
            n |= 63;
            continue;
        }

        n += (uint32_t) __builtin_ctzll(word);

        if (n < last && hx_state_visit(st, n, used, 1) == HX_OK) {
            *cursor = n + 1;
            return HX_OK;
        }
    }

    *cursor = last;

    return HX_NO;
}


hx_rc_t
hx_state_next(hx_state_t *st, uint32_t *cursor, hx_state_used_t *used)
{
    uint32_t  n, last;

    last = hx_state_fresh(st);

    for (n = *cursor != 0 ? *cursor : 1; n < last; n++) {
        if (hx_state_visit(st, n, used, 0) == HX_OK) {
            *cursor = n + 1;
            return HX_OK;
        }
    }

    *cursor = last;

    return HX_NO;
}


hx_rc_t
hx_state_used(hx_state_t *st, const hx_str_t *id, hx_state_used_t *used)
{
    uint32_t            hash, block;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    hash = hx_state_hash(id);

    if (hx_state_lock(st, hash, &s) != HX_OK) {
        return HX_FAIL;
    }

    t = hx_state_find(st, hash, id, &block);

    if (t != NULL) {
        hx_state_copy(st, t, block, used, 0);
    }

    hx_state_unlock(s);

    return t != NULL ? HX_OK : HX_NO;
}


uint64_t
hx_state_used_in(const hx_state_used_t *used, unsigned month)
{
    unsigned  i;
    uint64_t  sum;

    for (i = 0, sum = 0; i < used->n; i++) {
        if (used->entry[i].month == month) {
            sum += used->entry[i].tenths;
        }
    }

    return sum;
}


/*
 * Is all there is, or all of one month, as it was copied?  The order is the
 * same; an entry that came since may be anywhere.
 */

static int
hx_state_unchanged(const hx_state_t *st, hx_tenant_block_t *t,
    const hx_state_used_t *used, unsigned month)
{
    unsigned                 n;
    hx_entry_t              *e;
    hx_state_walk_t          w;
    const hx_state_entry_t  *was;

    n = 0;
    hx_state_walk(&w, st, t);

    while ((e = hx_state_walk_on(&w)) != NULL) {

        if (month != 0 && hx_entry_month(*e) != month) {
            continue;
        }

        was = &used->entry[n];

        if (n == used->n || was->operation != hx_entry_op(*e)
            || was->month != hx_month_at(hx_entry_month(*e))
            || was->tenths != hx_entry_tenths(*e))
        {
            return 0;
        }

        n++;
    }

    return n == used->n;
}


/* What is stored and older than last month goes: one month, or all (0). */

static void
hx_state_forget(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    uint32_t block, unsigned month)
{
    /* whole months: a part would be stored in place of the whole next time */

    s->block = block;
    s->month = month;
    hx_state_barrier();
    s->undo = HX_UNDO_PRUNE;
    hx_state_barrier();

    hx_state_prune(st, t, month);

    hx_state_barrier();
    s->undo = HX_UNDO_NONE;
}


void
hx_state_saved(hx_state_t *st, const hx_state_used_t *used)
{
    unsigned            month;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    t = hx_state_lock_block(st, used->block, 1, &s);
    if (t == NULL) {
        return;
    }

    if (t->incarnation == used->incarnation
        && hx_state_listed(st, t, used->block))
    {
        month = used->n != 0 ? hx_month_count(used->entry[0].month) : 0;

        if (hx_state_unchanged(st, t, used, 0)) {
            hx_state_clear_unsaved(st, used->block);
            hx_state_barrier();
            hx_state_forget(st, s, t, used->block, 0);

        } else if (used->n != 0 && hx_state_is_old(t, month)
                   && hx_state_unchanged(st, t, used, month))
        {
            hx_state_forget(st, s, t, used->block, month);
        }
    }

    hx_state_unlock(s);
}


void
hx_state_place(hx_state_t *st, uint32_t block, uint32_t incarnation,
    uint32_t place)
{
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    t = hx_state_lock_block(st, block, 1, &s);
    if (t == NULL) {
        return;
    }

    if (t->incarnation == incarnation && hx_state_listed(st, t, block)) {
        t->place = place;
    }

    hx_state_unlock(s);
}


unsigned
hx_state_operation(hx_state_t *st, const hx_str_t *name)
{
    unsigned          i;
    hx_state_name_t  *n;

    if (name->len == 0 || name->len > HX_STATE_NAME) {
        return 0;
    }

    if (!hx_state_lock_allocator(st)) {
        return 0;
    }

    for (i = 0; i < st->head->n_names; i++) {
        n = &st->name[i];

        if (n->len == name->len && memcmp(n->text, name->data, n->len) == 0) {
            break;
        }
    }

    if (i == st->head->n_names && i < HX_STATE_OPERATIONS) {
        n = &st->name[i];
        memcpy(n->text, name->data, name->len);
        n->len = (uint8_t) name->len;
        hx_state_barrier();
        st->head->n_names = i + 1;
    }

    hx_state_unlock_allocator(st);

    return i < HX_STATE_OPERATIONS ? i + 1 : 0;
}


hx_str_t
hx_state_operation_name(const hx_state_t *st, unsigned operation)
{
    hx_str_t  name;

    name.data = NULL;
    name.len = 0;

    if (operation >= 1
        && operation <= __atomic_load_n(&st->head->n_names, __ATOMIC_RELAXED))
    {
        name.data = st->name[operation - 1].text;
        name.len = st->name[operation - 1].len;
    }

    return name;
}


void
hx_state_info(hx_state_t *st, hx_state_info_t *info)
{
    uint32_t                n;
    const hx_state_head_t  *h;

    h = st->head;

    info->bytes = h->size;
    info->blocks = h->n_blocks - 1;
    info->blocks_used = __atomic_load_n(&h->used, __ATOMIC_RELAXED);
    info->tenants = __atomic_load_n(&h->tenants, __ATOMIC_RELAXED);
    info->full = __atomic_load_n(&h->full, __ATOMIC_RELAXED);
    info->evicted = __atomic_load_n(&h->evicted, __ATOMIC_RELAXED);
    info->recovered = __atomic_load_n(&h->recovered, __ATOMIC_RELAXED);
    info->unsaved = 0;

    for (n = 0; n * 64 < hx_state_fresh(st); n++) {
        info->unsaved += (unsigned) __builtin_popcountll(
                             __atomic_load_n(&st->unsaved[n],
                                             __ATOMIC_RELAXED));
    }
}


/* OK; NO = somebody else holds it, and "wait" is 0. */

hx_rc_t
hx_state_save_lock(hx_state_t *st, int wait)
{
    int               rc;
    pthread_mutex_t  *m;

    m = &st->head->saving;
    rc = wait ? pthread_mutex_lock(m) : pthread_mutex_trylock(m);

    if (rc == EOWNERDEAD) {

        /* a flush that was killed is done again: its sums are absolute */

        rc = pthread_mutex_consistent(m);
    }

    return rc == 0 ? HX_OK : rc == EBUSY ? HX_NO : HX_FAIL;
}


void
hx_state_save_unlock(hx_state_t *st)
{
    (void) pthread_mutex_unlock(&st->head->saving);
}


static int
hx_state_holds(const hx_state_t *st)
{
    uint32_t  n;

    for (n = 0; n * 64 < hx_state_fresh(st); n++) {
        if (__atomic_load_n(&st->unsaved[n], __ATOMIC_SEQ_CST) != 0) {
            return 1;
        }
    }

    for (n = 0; n < st->head->n_boxes; n++) {
        if (__atomic_load_n(&hx_state_box(st, n)->last, __ATOMIC_SEQ_CST)
            != 0)
        {
            return 1;
        }
    }

    return 0;
}


void
hx_state_note(hx_state_t *st)
{
    /* what comes into it before the 0 is seen here, what comes behind it sees
     * the 0 and makes it a 1 */

    if (hx_state_holds(st)) {
        hx_state_set_unclean(st);
        return;
    }

    __atomic_store_n(&st->head->unclean, 0, __ATOMIC_SEQ_CST);

    if (hx_state_holds(st)) {
        hx_state_set_unclean(st);
    }
}
