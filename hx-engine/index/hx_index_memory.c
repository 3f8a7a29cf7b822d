/*
 * hx_index_memory.c -- the memory of segments and lists; freed by whoever drops
 * the last reference, a writer or a query.
 */

#include <stdlib.h>
#include <sys/mman.h>

#include "hx_index_impl.h"

#define HX_SEG_HUGE    (2u << 20)       /* bytes of a large page */
#define HX_KEYS_BLOCK  16384            /* bytes of keys allocated together, */
#define HX_KEYS_FIRST  1024             /* and in a first segment, at most */

struct hx_keys_s {
    hx_keys_t      *next;
    size_t          used;
    size_t          cap;
    unsigned char   text[];
};


/*
 * Large blocks come from the kernel, in large pages if it has some: a scan is a
 * third faster then.  These begin at multiples of their size, so there is one
 * page more of address space, of which what is not used is given back.
 */
static unsigned char *
hx_seg_bytes(size_t bytes, size_t *mapped)
{
    size_t          front;
    unsigned char  *p;

    *mapped = 0;

    if (bytes < HX_SEG_HUGE) {
        return aligned_alloc(HX_SCAN_ALIGN, bytes);
    }

    bytes = (bytes + HX_SEG_HUGE - 1) / HX_SEG_HUGE * HX_SEG_HUGE;
    p = mmap(NULL, bytes + HX_SEG_HUGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    front = HX_SEG_HUGE - (uintptr_t) p % HX_SEG_HUGE;

    if (front != HX_SEG_HUGE) {
        (void) munmap(p, front);
        p += front;
        (void) munmap(p + bytes, HX_SEG_HUGE - front);

    } else {
        (void) munmap(p + bytes, HX_SEG_HUGE);
    }

    (void) madvise(p, bytes, MADV_HUGEPAGE);
    *mapped = bytes;

    return p;
}


void
hx_seg_release(hx_seg_t *s)
{
    unsigned    i;
    hx_keys_t  *k, *next;

    if (atomic_fetch_sub(&s->refs, 1) != 1) {
        return;
    }

    if (s->counted != NULL) {
        atomic_fetch_sub(s->counted, s->copies);
    }

    for (i = 0; s->train != NULL && i < atomic_load(&s->n); i++) {
        hx_train_release(s->train[i]);
    }

    for (k = s->keys; k != NULL; k = next) {
        next = k->next;
        free(k);
    }

    if (s->mapped != 0) {
        (void) munmap(s->q, s->mapped);

    } else {
        free(s->q);
    }

    free(s->scale);
    free(s->error);
    free(s->sig);
    free(s->rho);
    free(s->train);
    free(s->norm);
    free(s->hash);
    free(s->key);
    free(s->version);
    free(s->born);
    free(s->died);
    free(s);
}


void
hx_list_release(hx_list_t *list)
{
    unsigned  i;

    if (list == NULL || atomic_fetch_sub(&list->refs, 1) != 1) {
        return;
    }

    for (i = 0; i < list->n; i++) {
        hx_seg_release(list->seg[i]);
    }

    free(list);
}


int
hx_seg_alloc(hx_seg_t *s)
{
    unsigned  n;

    n = s->cap;
    s->norm = malloc(n * sizeof(*s->norm));
    s->hash = malloc(n * sizeof(*s->hash));
    s->key = malloc(n * sizeof(*s->key));
    s->version = malloc(n * sizeof(*s->version));
    s->born = malloc(n * sizeof(*s->born));
    s->died = malloc(n * sizeof(*s->died));

    if (s->norm == NULL || s->hash == NULL || s->key == NULL
        || s->version == NULL || s->born == NULL || s->died == NULL)
    {
        return -1;
    }

    if (s->kind == HX_ROW_BARE) {
        return 0;
    }

    s->error = malloc(n * sizeof(*s->error));

    if (s->kind == HX_ROW_TRAIN) {
        s->train = malloc(n * sizeof(*s->train));

    } else {
        s->scale = malloc(n * sizeof(*s->scale));
    }

    if (s->has_sig) {
        s->sig = malloc(n * sizeof(*s->sig) * HX_SIG);
        s->rho = malloc(n * sizeof(*s->rho));
    }

    if (s->error == NULL || (s->train == NULL && s->scale == NULL)
        || (s->has_sig && (s->sig == NULL || s->rho == NULL)))
    {
        return -1;
    }

    /* a row that stands alone brings its memory with it */

    if (s->kind == HX_ROW_BYTES && s->stride < HX_SEG_ALONE) {
        s->q = hx_seg_bytes(n * s->stride, &s->mapped);
        return s->q != NULL ? 0 : -1;
    }

    return 0;
}


const unsigned char *
hx_seg_key(hx_seg_t *s, const hx_str_t *key)
{
    size_t          cap;
    hx_keys_t      *k;
    unsigned char  *p;

    k = s->keys;

    if (k == NULL || k->cap - k->used < key->len + 1) {
        cap = HX_KEYS_BLOCK;

        if (s->cap <= HX_SEG_FIRST) {
            cap = s->cap * (key->len + 1);
            cap = cap > HX_KEYS_FIRST ? HX_KEYS_FIRST : cap;
        }

        k = malloc(sizeof(hx_keys_t) + cap);

        if (k == NULL) {
            return NULL;
        }

        k->used = 0;
        k->cap = cap;
        k->next = s->keys;
        s->keys = k;
    }

    p = k->text + k->used;
    p[0] = (unsigned char) key->len;
    memcpy(p + 1, key->data, key->len);
    k->used += key->len + 1;

    return p;
}
