/*
 * hx_reg_set.c -- a set of records of hx-gate-registry, by database and key;
 * see hx_reg.h.
 */

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "hx_reg.h"


typedef struct {
    hx_str_t         key;               /* what follows, or what is sought */
    unsigned         db;
    unsigned char    data[];
} hx_reg_item_t;


static int
hx_reg_set_order(const void *a, const void *b)
{
    const hx_reg_item_t  *x = a, *y = b;

    if (x->db != y->db || x->key.len != y->key.len) {
        return x->db != y->db ? (x->db < y->db ? -1 : 1)
                              : (x->key.len < y->key.len ? -1 : 1);
    }

    return memcmp(x->key.data, y->key.data, x->key.len);
}


hx_rc_t
hx_reg_set_add(void **set, unsigned db, const hx_str_t *key)
{
    hx_reg_item_t  *s, **at;

    s = malloc(sizeof(hx_reg_item_t) + key->len);
    if (s == NULL) {
        return HX_FAIL;
    }

    s->db = db;
    s->key.data = s->data;
    s->key.len = key->len;
    memcpy(s->data, key->data, key->len);
    at = tsearch(s, set, hx_reg_set_order);

    if (at != NULL && *at == s) {
        return HX_OK;
    }

    free(s);

    return at == NULL ? HX_FAIL : HX_NO;
}


int
hx_reg_set_has(void *const *set, unsigned db, const hx_str_t *key)
{
    hx_reg_item_t  sought;

    sought.db = db;
    sought.key = *key;

    return tfind(&sought, set, hx_reg_set_order) != NULL;
}


void
hx_reg_set_free(void **set)
{
    hx_reg_item_t  *s;

    while (*set != NULL) {
        s = *(hx_reg_item_t **) *set;
        (void) tdelete(s, set, hx_reg_set_order);
        free(s);
    }
}
