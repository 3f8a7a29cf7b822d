/*
 * hx_index_seg.c -- segments of rows, and the lists of them that queries read.
 *
 * All functions are the writers', under "writing", except hx_list_release.  A
 * list is never changed: a group gets a new one, published with the change
 * that made it.  A segment without a live row leaves the list.  One that is
 * full and more than half dead, or open and far larger than what lives now,
 * gives its live rows to the open one or to a smaller one, as rows of the same
 * change: queries of earlier numbers see the old ones, later ones the new.
 */

#include <stdlib.h>

#include "hx_index_impl.h"


/* Bytes of copies a row of this kind takes inside a segment. */
static size_t
hx_seg_row_bytes(const hx_index_item_t *item)
{
    size_t  bytes;

    bytes = item->has_sig ? sizeof(float) * (HX_SIG + 1) : 0;

    if (item->kind == HX_ROW_BYTES) {
        bytes += hx_scan_stride(item->elements);
    }

    return item->kind == HX_ROW_BARE ? 0 : bytes;
}


/* Takes n bytes of the bound: 1, or 0: they are not left. */
static int
hx_seg_count(hx_index_t *ix, size_t n)
{
    uint64_t  used;

    used = atomic_load(&ix->bytes);

    /* only writers add, one at a time; what moves will leave its old place */

    if (n != 0 && !ix->moving
        && (used > ix->max_bytes || n > ix->max_bytes - used))
    {
        return 0;
    }

    atomic_fetch_add(&ix->bytes, n);

    return 1;
}


/* Does this segment take such rows? */
static int
hx_seg_takes(const hx_seg_t *s, hx_row_kind_t kind, const hx_form_t *form)
{
    return s->kind == kind
           && (kind != HX_ROW_TRAIN || hx_form_same(&s->form, form));
}


/* The list as this change has made it so far. */
static const hx_list_t *
hx_group_list(const hx_group_t *g)
{
    return g->new_list != NULL ? g->new_list : g->list;
}


/* Live rows of a kind and form, or at least "most" of them. */
static uint64_t
hx_group_alike(const hx_group_t *g, hx_row_kind_t kind, const hx_form_t *form,
    uint64_t most)
{
    unsigned          i;
    uint64_t          n;
    const hx_seg_t   *s;
    const hx_list_t  *list;

    list = hx_group_list(g);

    for (i = list->n, n = 0; i-- != 0 && n < most; /* void */ ) {
        s = list->seg[i];

        if (hx_seg_takes(s, kind, form)) {
            n += atomic_load(&s->n) - s->dead;
        }
    }

    return n;
}


/*
 * How many rows of so many bytes the next segment gets: as many as there are
 * like them, so that there are few segments; at first a few, or one if it is
 * large, as most groups may stay small: each number of elements has its own.
 */
static uint64_t
hx_seg_wish(size_t row, uint64_t alike)
{
    uint64_t  n;

    n = row == 0 ? HX_SEG_FIRST : HX_SEG_FIRST_BYTES / row;
    n = n > HX_SEG_FIRST ? HX_SEG_FIRST : n;
    n = n > alike ? n : alike;
    n = n > HX_SEG_ROWS ? HX_SEG_ROWS : n;

    if (row != 0 && n > HX_SEG_BYTES / row) {
        n = HX_SEG_BYTES / row;
    }

    return n == 0 || row >= HX_SEG_ALONE ? 1 : n;
}


/* The same, or less if that is too much memory.  0: not even one. */
static unsigned
hx_seg_size(hx_index_t *ix, const hx_group_t *g, const hx_index_item_t *item,
    size_t *copies)
{
    size_t    row;
    uint64_t  n;

    row = hx_seg_row_bytes(item);
    n = hx_seg_wish(row, hx_group_alike(g, item->kind, &item->form,
                                        HX_SEG_ROWS));

    for ( /* void */ ; n != 0; n /= 2) {
        *copies = row * n;

        if (hx_seg_count(ix, *copies)) {
            return (unsigned) n;
        }
    }

    return 0;
}


/* A new list with this segment at the end (and without another). */
static int
hx_list_change(hx_group_t *g, hx_seg_t *add, const hx_seg_t *remove)
{
    unsigned          i, n;
    hx_list_t        *list;
    const hx_list_t  *old;

    old = hx_group_list(g);
    list = malloc(sizeof(hx_list_t) + (old->n + 1) * sizeof(hx_seg_t *));

    if (list == NULL) {
        return -1;
    }

    for (i = 0, n = 0; i < old->n; i++) {
        if (old->seg[i] != remove) {
            list->seg[n++] = old->seg[i];
            atomic_fetch_add(&old->seg[i]->refs, 1);
        }
    }

    if (add != NULL) {
        list->seg[n++] = add;
        atomic_fetch_add(&add->refs, 1);
    }

    list->n = n;
    atomic_init(&list->refs, 1);
    hx_list_release(g->new_list);           /* never seen by a query */
    g->new_list = list;

    return 0;
}


static hx_seg_t *
hx_seg_create(hx_index_t *ix, hx_group_t *g, const hx_index_item_t *item)
{
    size_t     copies;
    hx_seg_t  *s;

    s = calloc(1, sizeof(hx_seg_t));
    if (s == NULL) {
        return NULL;
    }

    atomic_init(&s->refs, 1);
    s->group = g;
    s->kind = item->kind;
    s->has_sig = item->has_sig && item->kind != HX_ROW_BARE;
    s->form = item->form;
    s->elements = g->elements;
    s->stride = hx_scan_stride(g->elements);
    s->cap = hx_seg_size(ix, g, item, &copies);

    if (s->cap != 0) {
        s->copies = copies;
        s->counted = &ix->bytes;

        if (hx_seg_alloc(s) == 0 && hx_list_change(g, s, NULL) == 0) {
            hx_seg_release(s);              /* the list has it */
            return s;
        }
    }

    hx_seg_release(s);

    return NULL;
}


/* The newest segment that takes such rows and has room. */
static hx_seg_t *
hx_seg_open(const hx_group_t *g, hx_row_kind_t kind, const hx_form_t *form)
{
    unsigned          i;
    hx_seg_t         *s;
    const hx_list_t  *list;

    list = hx_group_list(g);

    for (i = list->n; i-- != 0; /* void */ ) {
        s = list->seg[i];

        if (atomic_load(&s->n) < s->cap && !s->leaving
            && hx_seg_takes(s, kind, form))
        {
            return s;
        }
    }

    return NULL;
}


static void
hx_seg_fill(hx_index_t *ix, hx_seg_t *s, unsigned row, hx_index_item_t *item)
{
    s->norm[row] = item->norm;

    if (s->has_sig) {
        memcpy(s->sig + (size_t) row * HX_SIG, item->sig, sizeof(item->sig));
        s->rho[row] = item->rho;
    }

    if (s->kind == HX_ROW_TRAIN) {
        s->error[row] = hx_train_off(item->train);
        s->train[row] = item->train;

        if (item->train->counted == NULL) {
            item->train->counted = &ix->bytes;
            atomic_fetch_add(&ix->bytes, item->train->bytes);
        }

        item->train = NULL;
    }

    if (s->kind == HX_ROW_BYTES) {
        s->scale[row] = item->scale;
        s->error[row] = item->error;

        if (s->q == NULL) {
            s->q = item->q;
            item->q = NULL;

        } else {
            /* as rows of bytes */
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
            memcpy(s->q + row * s->stride, item->q, s->stride);
        }
    }
}


static void
hx_group_touch(hx_index_t *ix, hx_group_t *g)
{
    if (!g->touched) {
        g->touched = 1;
        g->new_live = g->live;
        g->next_touched = ix->touched;
        ix->touched = g;
    }
}


/* No room for a copy: what is left of an item is its norm. */
static void
hx_item_strip(hx_index_item_t *item)
{
    item->kind = HX_ROW_BARE;
    item->has_sig = 0;
    hx_train_release(item->train);
    item->train = NULL;
}


static int
hx_train_fits(hx_index_t *ix, const hx_train_t *t)
{
    uint64_t  used;

    used = atomic_load(&ix->bytes);

    return t->counted != NULL
           || (used < ix->max_bytes && t->bytes <= ix->max_bytes - used);
}


int
hx_group_append(hx_index_t *ix, hx_group_t *g, const hx_str_t *key,
    uint32_t hash, uint64_t version, hx_index_item_t *item, hx_where_t *w)
{
    hx_seg_t  *s;
    unsigned   row;

    hx_group_touch(ix, g);
    hx_item_settle(item);

    if (item->kind == HX_ROW_TRAIN && !hx_train_fits(ix, item->train)) {
        hx_item_strip(item);
    }

    s = hx_seg_open(g, item->kind, &item->form);

    if (s == NULL) {
        s = hx_seg_create(ix, g, item);
    }

    if (s == NULL && item->kind != HX_ROW_BARE) {
        hx_item_strip(item);
        s = hx_seg_open(g, item->kind, &item->form);
        s = s != NULL ? s : hx_seg_create(ix, g, item);
    }

    if (s == NULL) {
        return -1;
    }

    row = atomic_load(&s->n);
    s->key[row] = hx_seg_key(s, key);

    if (s->key[row] == NULL) {
        return -1;
    }

    s->hash[row] = hash;
    s->version[row] = version;
    s->born[row] = ix->change;
    atomic_init(&s->died[row], HX_FOREVER);
    hx_seg_fill(ix, s, row, item);
    atomic_store_explicit(&s->n, row + 1, memory_order_release);

    w->hash = hash;
    w->row = row;
    w->seg = s;
    w->key = NULL;
    w->version = version;
    g->new_live++;
    atomic_fetch_add(&ix->rows[s->kind], 1);

    return 0;
}


/* An item that is a row's once more. */
static void
hx_seg_item(const hx_seg_t *s, unsigned row, hx_index_item_t *item)
{
    memset(item, 0, sizeof(*item));
    item->kind = s->kind;
    item->elements = s->elements;
    item->norm = s->norm[row];
    item->form = s->form;
    item->has_sig = s->has_sig;

    if (s->has_sig) {
        item->rho = s->rho[row];
        memcpy(item->sig, s->sig + (size_t) row * HX_SIG, sizeof(item->sig));
    }

    if (s->kind == HX_ROW_TRAIN) {
        item->train = s->train[row];
        atomic_fetch_add(&item->train->refs, 1);
    }

    if (s->kind == HX_ROW_BYTES) {
        item->scale = s->scale[row];
        item->error = s->error[row];
        item->q = s->q + row * s->stride;
    }
}


static void
hx_seg_end_row(hx_index_t *ix, hx_seg_t *s, unsigned row)
{
    atomic_store_explicit(&s->died[row], ix->change, memory_order_release);
    s->dead++;
    s->group->new_live--;
    atomic_fetch_sub(&ix->rows[s->kind], 1);
}


/* What lives of a segment moves to where new rows go. */
static int
hx_seg_move(hx_index_t *ix, hx_seg_t *s)
{
    int               rc;
    hx_str_t          key;
    unsigned          i, n;
    hx_where_t       *w;
    hx_index_item_t   item;

    n = atomic_load(&s->n);
    rc = 0;
    ix->moving = 1;
    s->leaving = 1;

    for (i = 0; i < n && rc == 0; i++) {
        if (atomic_load(&s->died[i]) != HX_FOREVER) {
            continue;
        }

        key = hx_row_key(s, i);
        w = hx_map_place(s->group->name, s->hash[i], &key);

        if (w == NULL) {
            rc = -1;
            break;
        }

        hx_seg_item(s, i, &item);
        rc = hx_group_append(ix, s->group, &key, s->hash[i], s->version[i],
                             &item, w);
        hx_train_release(item.train);

        if (rc == 0) {
            hx_seg_end_row(ix, s, i);
        }
    }

    ix->moving = 0;

    return rc == 0 ? hx_list_change(s->group, NULL, s) : -1;
}


/*
 * The open segment was made for as many rows as there were: when most of them
 * are gone, the others move to a smaller one.
 */
static int
hx_group_shrink(hx_index_t *ix, hx_group_t *g, const hx_seg_t *like)
{
    uint64_t   alike;
    hx_seg_t  *s;

    s = hx_seg_open(g, like->kind, &like->form);

    if (s == NULL || s->cap < HX_SEG_MUCH) {
        return 0;
    }

    alike = hx_group_alike(g, s->kind, &s->form, s->cap / HX_SEG_MUCH);

    return s->cap / HX_SEG_MUCH >= hx_seg_wish(s->copies / s->cap, alike)
           && s->cap / HX_SEG_MUCH > alike ? hx_seg_move(ix, s) : 0;
}


int
hx_group_kill(hx_index_t *ix, hx_seg_t *s, unsigned row)
{
    unsigned  n;

    hx_group_touch(ix, s->group);
    hx_seg_end_row(ix, s, row);
    n = atomic_load(&s->n);

    if (s->dead == n) {
        return hx_list_change(s->group, NULL, s);
    }

    if (n == s->cap && s->dead > s->cap / 2) {
        return hx_seg_move(ix, s);
    }

    return hx_group_shrink(ix, s->group, s);
}


void
hx_groups_publish(hx_index_t *ix)
{
    hx_list_t   *old, *gone;
    hx_group_t  *g;

    gone = NULL;

    pthread_mutex_lock(&ix->snap);

    for (g = ix->touched; g != NULL; g = g->next_touched) {
        g->live = g->new_live;

        if (g->new_list != NULL) {
            old = g->list;
            g->list = g->new_list;
            g->new_list = old;              /* released below */
        }
    }

    ix->seq = ix->change;
    pthread_mutex_unlock(&ix->snap);

    while (ix->touched != NULL) {
        g = ix->touched;
        ix->touched = g->next_touched;
        g->touched = 0;
        gone = g->new_list;
        g->new_list = NULL;
        hx_list_release(gone);

        /* queries hold lists, not groups, and no row says where it is */

        if (g->list->n == 0) {
            hx_group_remove(ix, g);
        }
    }
}
