/*
 * hx_index.c -- the index as a whole: life, changes, figures.
 */

#include <stdlib.h>

#include "hx_index_impl.h"


hx_index_t *
hx_index_create(const hx_index_conf_t *conf)
{
    hx_index_t  *ix;

    ix = calloc(1, sizeof(hx_index_t));
    if (ix == NULL) {
        return NULL;
    }

    pthread_mutex_init(&ix->writing, NULL);
    pthread_mutex_init(&ix->snap, NULL);
    ix->store = conf->store;
    ix->max_bytes = conf->bytes;
    ix->event = conf->event;
    ix->event_data = conf->event_data;

    return ix;
}


static void
hx_index_free_name(hx_name_t *name)
{
    size_t       i;
    hx_group_t  *g;

    for (i = 0; i <= name->group_mask; i++) {
        g = name->group[i];

        if (g != NULL) {
            hx_list_release(g->list);
            free(g);
        }
    }

    free(name->group);

    for (i = 0; i <= name->mask; i++) {
        free(name->map[i].key);
    }

    free(name->map);
    free(name);
}


void
hx_index_stop(hx_index_t *ix)
{
    if (ix->started) {
        atomic_store(&ix->stop, 1);
        pthread_join(ix->thread, NULL);
        ix->started = 0;
    }
}


void
hx_index_free(hx_index_t *ix)
{
    unsigned    h;
    hx_name_t  *name, *next;

    if (ix == NULL) {
        return;
    }

    hx_index_stop(ix);

    for (h = 0; h < HX_NAMES; h++) {
        for (name = ix->name[h]; name != NULL; name = next) {
            next = name->next;
            hx_index_free_name(name);
        }
    }

    pthread_mutex_destroy(&ix->writing);
    pthread_mutex_destroy(&ix->snap);
    free(ix);
}


hx_index_state_t
hx_index_state(hx_index_t *ix)
{
    return atomic_load(&ix->state);
}


void
hx_index_stats(hx_index_t *ix, hx_index_stats_t *st)
{
    st->progress.state = atomic_load(&ix->state);
    st->progress.done = atomic_load(&ix->done);
    st->progress.total = atomic_load(&ix->total);
    st->progress.corrupt = atomic_load(&ix->corrupt);
    st->trains = atomic_load(&ix->rows[HX_ROW_TRAIN]);
    st->bare = atomic_load(&ix->rows[HX_ROW_BARE]);
    st->rows = atomic_load(&ix->rows[HX_ROW_BYTES]) + st->trains + st->bare;
    st->bytes = atomic_load(&ix->bytes);
    st->max_bytes = ix->max_bytes;
    st->queries = atomic_load(&ix->queries);
    st->scanned = atomic_load(&ix->scanned);
    st->pruned = atomic_load(&ix->pruned);
    st->compared = atomic_load(&ix->compared);
}


/*
 * The key has no row now.  While the columns are built that is worth an entry:
 * the building thread may still come with an older version.
 */
static int
hx_index_note(hx_index_t *ix, hx_name_t *name, hx_where_t *w, uint32_t hash,
    const hx_index_change_t *c)
{
    unsigned char  *key;

    if (atomic_load(&ix->state) != HX_INDEX_BUILDING) {
        if (w->version != 0) {
            hx_map_remove(name, w);
        }
        return 0;
    }

    key = w->seg == NULL ? w->key : NULL;

    if (key == NULL) {
        key = malloc(c->key.len + 1);

        if (key == NULL) {
            return -1;
        }

        key[0] = (unsigned char) c->key.len;
        memcpy(key + 1, c->key.data, c->key.len);
    }

    name->n += w->version == 0;
    w->hash = hash;
    w->seg = NULL;
    w->key = key;
    w->version = c->version;

    return 0;
}


static int
hx_index_apply_one(hx_index_t *ix, hx_name_t *name,
    const hx_index_change_t *c)
{
    uint32_t      hash;
    unsigned      row;
    hx_seg_t     *old;
    hx_group_t   *g;
    hx_where_t   *w;

    hash = hx_index_hash(c->key.data, c->key.len);
    w = hx_map_place(name, hash, &c->key);

    if (w == NULL) {
        return -1;
    }

    /* the building thread may come late */

    if (w->version > c->version
        || (w->version == c->version && c->item != NULL))
    {
        return 0;
    }

    old = w->seg;
    row = w->row;

    if (c->item == NULL || c->item->kind == HX_ROW_NONE) {
        if (hx_index_note(ix, name, w, hash, c) != 0) {
            return -1;
        }

    } else {
        g = hx_group_get(ix, name, c->item->elements);

        if (g == NULL) {
            return -1;
        }

        name->n += w->version == 0;
        free(w->key);
        w->key = NULL;

        if (hx_group_append(ix, g, &c->key, hash, c->version, c->item, w)
            != 0)
        {
            return -1;
        }
    }

    return old != NULL ? hx_group_kill(ix, old, row) : 0;
}


void
hx_index_apply(hx_index_t *ix, const hx_str_t *ns,
    const hx_index_change_t *change, unsigned n)
{
    int         rc;
    unsigned    i;
    hx_name_t  *name;

    pthread_mutex_lock(&ix->writing);

    ix->change = ix->seq + 1;
    name = hx_name_get(ix, ns);
    rc = name != NULL ? 0 : -1;

    for (i = 0; i < n && rc == 0; i++) {
        rc = hx_index_apply_one(ix, name, &change[i]);
    }

    hx_groups_publish(ix);

    if (rc != 0) {
        atomic_store(&ix->state, HX_INDEX_FAILED);
    }

    pthread_mutex_unlock(&ix->writing);

    for (i = 0; i < n; i++) {
        hx_index_drop(change[i].item);
    }
}
