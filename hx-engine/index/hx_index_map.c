/*
 * hx_index_map.c -- namespaces, their groups, and where each key's row is.
 *
 * Namespaces are added, and groups added and removed, under both locks, so that
 * a query needs "snap" to look for one and a writer "writing"; a query has no
 * group once it has left "snap".  The map of keys is the writers' alone.  Open
 * addressing, at most two thirds full.
 */

#include <stdlib.h>

#include "hx_index_impl.h"

#define HX_MAP_FIRST   64
#define HX_GROUP_FIRST 4


hx_name_t *
hx_name_find(hx_index_t *ix, const hx_str_t *ns)
{
    hx_name_t  *name;

    name = ix->name[hx_index_hash(ns->data, ns->len) % HX_NAMES];

    while (name != NULL && (name->len != ns->len
                            || memcmp(name->text, ns->data, ns->len) != 0))
    {
        name = name->next;
    }

    return name;
}


hx_name_t *
hx_name_get(hx_index_t *ix, const hx_str_t *ns)
{
    hx_name_t  *name, **chain;

    name = hx_name_find(ix, ns);

    if (name != NULL) {
        return name;
    }

    name = calloc(1, sizeof(hx_name_t));
    if (name == NULL) {
        return NULL;
    }

    name->map = calloc(HX_MAP_FIRST, sizeof(hx_where_t));
    name->group = calloc(HX_GROUP_FIRST, sizeof(hx_group_t *));

    if (name->map == NULL || name->group == NULL) {
        free(name->map);
        free(name->group);
        free(name);
        return NULL;
    }

    name->mask = HX_MAP_FIRST - 1;
    name->group_mask = HX_GROUP_FIRST - 1;
    name->len = (unsigned char) ns->len;
    memcpy(name->text, ns->data, ns->len);
    chain = &ix->name[hx_index_hash(ns->data, ns->len) % HX_NAMES];

    pthread_mutex_lock(&ix->snap);
    name->next = *chain;
    *chain = name;
    pthread_mutex_unlock(&ix->snap);

    return name;
}


/* Any bit of the number changes any of these. */
static size_t
hx_group_hash(uint64_t elements)
{
    elements ^= elements >> 33;
    elements *= 0xff51afd7ed558ccdu;
    elements ^= elements >> 33;
    elements *= 0xc4ceb9fe1a85ec53u;

    return (size_t) (elements ^ elements >> 33);
}


/* The place of a group, or the free one where it belongs. */
static size_t
hx_group_place(hx_group_t *const *group, size_t mask, uint64_t elements)
{
    size_t  i;

    i = hx_group_hash(elements) & mask;

    while (group[i] != NULL && group[i]->elements != elements) {
        i = (i + 1) & mask;
    }

    return i;
}


hx_group_t *
hx_group_find(const hx_name_t *name, uint64_t elements)
{
    return name->group[hx_group_place(name->group, name->group_mask,
                                      elements)];
}


/* Queries wait for the exchange alone. */
static int
hx_group_grow(hx_index_t *ix, hx_name_t *name)
{
    size_t        i, mask;
    hx_group_t  **old, **group;

    mask = name->group_mask * 2 + 1;
    old = name->group;
    group = calloc(mask + 1, sizeof(hx_group_t *));

    if (group == NULL) {
        return -1;
    }

    for (i = 0; i <= name->group_mask; i++) {
        if (old[i] != NULL) {
            group[hx_group_place(group, mask, old[i]->elements)] = old[i];
        }
    }

    pthread_mutex_lock(&ix->snap);
    name->group = group;
    name->group_mask = mask;
    pthread_mutex_unlock(&ix->snap);

    free(old);

    return 0;
}


hx_group_t *
hx_group_get(hx_index_t *ix, hx_name_t *name, uint64_t elements)
{
    size_t       i;
    hx_group_t  *g;

    g = hx_group_find(name, elements);

    if (g != NULL) {
        return g;
    }

    if (name->groups >= (name->group_mask + 1) / 3 * 2
        && hx_group_grow(ix, name) != 0)
    {
        return NULL;
    }

    g = calloc(1, sizeof(hx_group_t));
    if (g == NULL) {
        return NULL;
    }

    g->list = calloc(1, sizeof(hx_list_t));

    if (g->list == NULL) {
        free(g);
        return NULL;
    }

    atomic_init(&g->list->refs, 1);
    g->name = name;
    g->elements = elements;
    i = hx_group_place(name->group, name->group_mask, elements);

    pthread_mutex_lock(&ix->snap);
    name->group[i] = g;
    pthread_mutex_unlock(&ix->snap);

    name->groups++;

    return g;
}


/* Those behind it that were pushed on by it move back. */
void
hx_group_remove(hx_index_t *ix, hx_group_t *g)
{
    size_t      i, j, home, mask;
    hx_name_t  *name;

    name = g->name;
    mask = name->group_mask;
    i = hx_group_place(name->group, mask, g->elements);

    pthread_mutex_lock(&ix->snap);

    for (j = (i + 1) & mask; name->group[j] != NULL; j = (j + 1) & mask) {
        home = hx_group_hash(name->group[j]->elements) & mask;

        if (((j - home) & mask) >= ((j - i) & mask)) {
            name->group[i] = name->group[j];
            i = j;
        }
    }

    name->group[i] = NULL;
    pthread_mutex_unlock(&ix->snap);

    name->groups--;
    hx_list_release(g->list);
    free(g);
}


static int
hx_map_is(const hx_where_t *w, uint32_t hash, const hx_str_t *key)
{
    if (w->hash != hash) {
        return 0;
    }

    if (w->seg != NULL) {
        return hx_row_is(w->seg, w->row, hash, key);
    }

    return w->key[0] == key->len
           && memcmp(w->key + 1, key->data, key->len) == 0;
}


static int
hx_map_grow(hx_name_t *name)
{
    size_t       i, j, mask;
    hx_where_t  *map;

    mask = name->mask * 2 + 1;
    map = calloc(mask + 1, sizeof(hx_where_t));

    if (map == NULL) {
        return -1;
    }

    for (i = 0; i <= name->mask; i++) {
        if (name->map[i].version == 0) {
            continue;
        }

        for (j = name->map[i].hash & mask; map[j].version != 0; /* void */ ) {
            j = (j + 1) & mask;
        }

        map[j] = name->map[i];
    }

    free(name->map);
    name->map = map;
    name->mask = mask;

    return 0;
}


hx_where_t *
hx_map_place(hx_name_t *name, uint32_t hash, const hx_str_t *key)
{
    size_t  i;

    if (name->n >= (name->mask + 1) / 3 * 2 && hx_map_grow(name) != 0) {
        return NULL;
    }

    for (i = hash & name->mask; name->map[i].version != 0; /* void */ ) {
        if (hx_map_is(&name->map[i], hash, key)) {
            break;
        }
        i = (i + 1) & name->mask;
    }

    return &name->map[i];
}


/* Entries behind it that were pushed on by it move back. */
void
hx_map_remove(hx_name_t *name, hx_where_t *w)
{
    size_t  i, j, home;

    free(w->key);
    i = (size_t) (w - name->map);

    for (j = (i + 1) & name->mask; name->map[j].version != 0;
         j = (j + 1) & name->mask)
    {
        home = name->map[j].hash & name->mask;

        if (((j - home) & name->mask) >= ((j - i) & name->mask)) {
            name->map[i] = name->map[j];
            i = j;
        }
    }

    memset(&name->map[i], 0, sizeof(hx_where_t));
    name->n--;
}


/* All columns are built: what was remembered of keys without a row may go. */
void
hx_map_forget(hx_index_t *ix)
{
    size_t       i;
    unsigned     h;
    hx_name_t   *name;
    hx_where_t  *w;

    for (h = 0; h < HX_NAMES; h++) {
        for (name = ix->name[h]; name != NULL; name = name->next) {
            for (i = 0; i <= name->mask; /* void */ ) {
                w = &name->map[i];

                if (w->version != 0 && w->seg == NULL) {
                    hx_map_remove(name, w);     /* another may be here now */

                } else {
                    i++;
                }
            }
        }
    }
}
