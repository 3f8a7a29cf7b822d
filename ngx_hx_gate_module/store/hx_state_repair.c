/*
 * hx_state_repair.c -- makes a memory whole that nobody has open any more, and
 * moves one into a file of another size.
 *
 * Its processes may all have been killed, at any instruction.  What was begun
 * is taken back, locks are made anew, and blocks that nothing leads to become
 * free.  A link that leads nowhere is damage: then nothing is guessed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hx_box_impl.h"


typedef struct {
    unsigned char  *seen;               /* a byte for each block */
    uint64_t        used;
    uint64_t        tenants;
} hx_state_survey_t;


/* The clock of the windows begins anew with each boot. */

void
hx_state_boot(char boot[HX_STATE_BOOT])
{
    int  fd;

    memset(boot, 0, HX_STATE_BOOT);

    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY|O_CLOEXEC);

    if (fd != -1) {
        if (read(fd, boot, HX_STATE_BOOT) != HX_STATE_BOOT) {
            memset(boot, 0, HX_STATE_BOOT);
        }

        (void) close(fd);
    }
}


static int
hx_state_see(const hx_state_t *st, hx_state_survey_t *sv, uint32_t block,
    hx_block_kind_t kind)
{
    if (block == 0 || block >= st->head->fresh || sv->seen[block]
        || hx_state_block(st, block)->tenant.kind != kind)
    {
        return 0;
    }

    sv->seen[block] = 1;
    sv->used++;

    return 1;
}


static int
hx_state_survey_tenant(hx_state_t *st, hx_state_survey_t *sv,
    hx_tenant_block_t *t, int rebooted)
{
    unsigned  i;
    uint32_t  n;

    t->place = 0;
    t->held = 0;

    if (rebooted) {
        memset(&t->window, 0, sizeof(hx_window_t));
    }

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        if (t->bits[i] != 0 ? !hx_state_see(st, sv, t->bits[i], HX_BLOCK_BITS)
                            : t->window.long_form != 0)
        {
            return 0;
        }
    }

    for (n = t->more; n != 0; n = hx_state_block(st, n)->more.next) {
        if (!hx_state_see(st, sv, n, HX_BLOCK_MORE)) {
            return 0;
        }
    }

    return 1;
}


static int
hx_state_survey(hx_state_t *st, hx_state_survey_t *sv, int rebooted)
{
    uint32_t            i, n;
    hx_str_t            id;
    hx_tenant_block_t  *t;

    for (i = 0; i < st->head->n_index; i++) {

        for (n = st->index[i]; n != 0; n = t->next) {
            if (!hx_state_see(st, sv, n, HX_BLOCK_TENANT)) {
                return 0;
            }

            t = &hx_state_block(st, n)->tenant;
            sv->tenants++;

            id.data = t->id;
            id.len = t->id_len;

            if (id.len == 0 || id.len > HX_TENANT_MAX
                || t->hash != hx_state_hash(&id)
                || (t->hash & (st->head->n_index - 1)) != i
                || !hx_state_survey_tenant(st, sv, t, rebooted))
            {
                return 0;
            }
        }
    }

    return 1;
}


static int
hx_state_survey_boxes(hx_state_t *st)
{
    uint32_t        i;
    hx_box_head_t  *h;

    for (i = 0; i < st->head->n_boxes; i++) {
        h = hx_state_box(st, i);

        if (h->last > st->head->box_size
            || (h->last != 0 && h->start > h->last)
            || memchr(h->path, '\0', sizeof(h->path)) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static void
hx_state_relist(hx_state_t *st, const hx_state_survey_t *sv)
{
    uint32_t          n;
    hx_block_t       *b;
    hx_state_head_t  *h;

    h = st->head;
    h->free = 0;

    for (n = h->fresh; n-- > 1; /* void */) {
        if (sv->seen[n]) {
            continue;
        }

        b = hx_state_block(st, n);
        b->tenant.kind = HX_BLOCK_FREE;
        b->tenant.next = h->free;
        h->free = n;
        hx_state_clear_unsaved(st, n);
    }

    h->used = sv->used;
    h->tenants = sv->tenants;
}


static int
hx_state_undo_all(hx_state_t *st)
{
    uint32_t  i;

    for (i = 0; i < HX_STATE_STRIPES; i++) {
        if (!hx_state_undo(st, &st->stripe[i])) {
            return 0;
        }
    }

    return 1;
}


hx_rc_t
hx_state_repair(hx_state_t *st, char *err)
{
    int                 rc, whole, rebooted;
    char                boot[HX_STATE_BOOT];
    hx_state_survey_t   sv;

    rc = hx_state_mutexes(st);
    if (rc != 0) {
        return hx_state_fail(err, "robust mutexes", strerror(rc));
    }

    hx_state_boot(boot);
    rebooted = memcmp(boot, st->head->boot, HX_STATE_BOOT) != 0;

    memset(&sv, 0, sizeof(sv));

    sv.seen = calloc(1, st->head->n_blocks);
    if (sv.seen == NULL) {
        return hx_state_fail(err, st->path, strerror(ENOMEM));
    }

    whole = hx_state_undo_all(st) && hx_state_survey_boxes(st)
            && hx_state_survey(st, &sv, rebooted);

    if (whole) {
        hx_state_relist(st, &sv);
        st->head->holding++;

        /* only now: no window is of another boot any more */

        hx_state_barrier();
        memcpy(st->head->boot, boot, HX_STATE_BOOT);
    }

    free(sv.seen);

    return whole ? HX_OK : hx_state_fail(err, st->path, "is damaged");
}


static hx_rc_t
hx_state_move_entries(hx_state_t *to, hx_tenant_block_t *t, uint32_t block,
    const hx_entry_t *e, unsigned n)
{
    unsigned     i;
    uint32_t     at_block, at;
    hx_entry_t  *mine;

    for (i = 0; i < n; i++) {
        if (e[i] == 0) {
            continue;
        }

        mine = hx_state_entry(to, t, block, hx_entry_key(e[i]), &at_block,
                              &at);
        if (mine == NULL) {
            return HX_FAIL;
        }

        *mine = e[i];
    }

    return HX_OK;
}


hx_rc_t
hx_state_move_window(hx_state_t *to, const hx_state_t *st,
    hx_tenant_block_t *mine, const hx_tenant_block_t *t)
{
    unsigned  i;

    mine->window = t->window;

    if (!t->window.long_form) {
        return HX_OK;
    }

    for (i = 0; i < HX_WINDOW_PARTS; i++) {
        mine->bits[i] = hx_state_get(to, HX_BLOCK_BITS);

        if (mine->bits[i] == 0) {
            return HX_FAIL;
        }

        memcpy(hx_state_block(to, mine->bits[i])->bits.word,
               hx_state_block(st, t->bits[i])->bits.word,
               HX_WINDOW_PART_WORDS * sizeof(uint64_t));
    }

    return HX_OK;
}


static hx_rc_t
hx_state_move_into(hx_state_t *to, const hx_state_t *st, uint32_t n,
    hx_tenant_block_t *mine, uint32_t block)
{
    hx_rc_t                   rc;
    uint32_t                  more;
    const hx_tenant_block_t  *t;

    t = &hx_state_block(st, n)->tenant;

    mine->incarnation = t->incarnation;
    mine->newest = t->newest;
    mine->base = t->base;
    mine->base_month = t->base_month;

    if (hx_state_is_unsaved(st, n)) {
        hx_state_set_unsaved(to, block);
    }

    rc = hx_state_move_window(to, st, mine, t);

    if (rc == HX_OK) {
        rc = hx_state_move_entries(to, mine, block, t->entry,
                                   HX_STATE_INLINE);
    }

    for (more = t->more; rc == HX_OK && more != 0;
         more = hx_state_block(st, more)->more.next)
    {
        rc = hx_state_move_entries(to, mine, block,
                                   hx_state_block(st, more)->more.entry,
                                   HX_STATE_MORE);
    }

    return rc;
}


static hx_rc_t
hx_state_move_tenant(hx_state_t *to, const hx_state_t *st, uint32_t n)
{
    hx_rc_t                   rc;
    hx_str_t                  id;
    uint32_t                  block;
    hx_stripe_t              *s;
    hx_tenant_block_t        *mine;
    const hx_tenant_block_t  *t;

    t = &hx_state_block(st, n)->tenant;
    id.data = t->id;
    id.len = t->id_len;

    /* locked, it cannot be evicted for a block of its own */

    if (hx_state_lock(to, t->hash, &s) != HX_OK) {
        return HX_FAIL;
    }

    mine = hx_state_create(to, t->hash, &id, &block);
    rc = mine != NULL ? hx_state_move_into(to, st, n, mine, block) : HX_FAIL;

    /* never a part of one: sums that are missing would begin anew */

    if (rc != HX_OK && mine != NULL) {
        hx_state_clear_unsaved(to, block);
        hx_state_remove(to, mine, block);
    }

    hx_state_unlock(s);

    return rc;
}


/* All that are idle, or all that are not. */

static hx_rc_t
hx_state_move_tenants(hx_state_t *to, hx_state_t *st, int idle)
{
    uint32_t                  i, n;
    const hx_tenant_block_t  *t;

    for (i = 0; i < st->head->n_index; i++) {

        for (n = st->index[i]; n != 0; n = t->next) {
            t = &hx_state_block(st, n)->tenant;

            if (hx_state_idle(st, t, n) == idle
                && hx_state_move_tenant(to, st, n) != HX_OK)
            {
                return HX_FAIL;
            }
        }
    }

    return HX_OK;
}


/* First those with records, then those with nothing but an unended chain. */

static hx_rc_t
hx_state_move_boxes(hx_state_t *to, const hx_state_t *st)
{
    uint32_t        i, n;
    hx_box_head_t  *h, *mine;

    n = 0;

    for (i = 0; i < 2 * st->head->n_boxes; i++) {
        /* not of none.  NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
        h = hx_state_box(st, i % st->head->n_boxes);

        if (i < st->head->n_boxes ? h->last == 0
                                  : h->last != 0 || hx_box_slot(h) == -1)
        {
            continue;
        }

        if (n == to->head->n_boxes || h->last > to->head->box_size) {
            if (h->last == 0) {
                break;
            }

            return HX_FAIL;
        }

        mine = hx_state_box(to, n++);

        memcpy(&mine->start, &h->start,
               sizeof(hx_box_head_t) - offsetof(hx_box_head_t, start));
        memcpy((unsigned char *) mine + HX_STATE_PAGE,
               (unsigned char *) h + HX_STATE_PAGE, h->last);
    }

    return HX_OK;
}


/* Those that are idle may stay behind, as far as there is no room. */

static hx_rc_t
hx_state_move_all(hx_state_t *to, hx_state_t *st)
{
    memcpy(to->head->id, st->head->id, sizeof(to->head->id));
    memcpy(to->name, st->name, HX_STATE_OPERATIONS * sizeof(hx_state_name_t));
    to->head->n_names = st->head->n_names;
    to->head->unclean = st->head->unclean;

    if (hx_state_move_boxes(to, st) != HX_OK
        || hx_state_move_tenants(to, st, 0) != HX_OK)
    {
        return HX_FAIL;
    }

    (void) hx_state_move_tenants(to, st, 1);

    to->head->incarnation = st->head->incarnation;
    to->head->full = 0;
    to->head->evicted = 0;

    return HX_OK;
}


static hx_rc_t
hx_state_unmoved(hx_state_t *to, hx_rc_t rc)
{
    (void) unlink(to->path);
    hx_state_drop(to);

    return rc;
}


hx_rc_t
hx_state_move(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    hx_state_t   to, old;

    memset(&to, 0, sizeof(to));

    if (hx_state_beside(to.path, st->path, HX_STATE_NEW, err) != HX_OK) {
        return HX_FAIL;
    }

    (void) unlink(to.path);
    to.fd = open(to.path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (to.fd == -1) {
        return hx_state_fail(err, to.path, strerror(errno));
    }

    if (hx_state_lock_alone(&to) != HX_OK) {
        return hx_state_unmoved(&to, hx_state_fail(err, to.path,
                                                   strerror(errno)));
    }

    if (hx_state_lay_out(&to, conf, err) != HX_OK) {
        return hx_state_unmoved(&to, HX_FAIL);
    }

    if (hx_state_move_all(&to, st) != HX_OK) {
        return hx_state_unmoved(&to, hx_state_fail(err, st->path, "holds "
                                "more than the new size has room for"));
    }

    if (rename(to.path, st->path) != 0) {
        return hx_state_unmoved(&to, hx_state_fail(err, to.path,
                                                   strerror(errno)));
    }

    /* the caller's handle goes on with the new file */

    old = *st;
    *st = to;
    memcpy(st->path, old.path, sizeof(st->path));
    hx_state_drop(&old);

    return HX_OK;
}
