/*
 * hx_state_replace.c -- a memory of another size while the one before is in
 * use: nginx has read a new configuration, and workers of the old one live on
 * for a while.
 *
 * The new file is made as "<path>.new", and until its configuration is in force
 * nothing else has changed.  Then the old one is put aside as "<path>.old" and
 * stays mapped; what it counts is still stored from there.  Windows are copied,
 * so nobody's limit begins anew; what the old workers still admit does not
 * count in the copy.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_state_impl.h"


static hx_rc_t
hx_state_copy_window(hx_state_t *to, hx_state_t *from, uint32_t hash,
    const hx_tenant_block_t *t)
{
    hx_rc_t             rc;
    hx_str_t            id;
    uint32_t            block;
    hx_stripe_t        *s;
    hx_tenant_block_t  *mine;

    id.data = t->id;
    id.len = t->id_len;

    if (hx_state_lock(to, hash, &s) != HX_OK) {
        return HX_FAIL;
    }

    rc = HX_OK;

    if (hx_state_find(to, hash, &id, &block) == NULL) {
        mine = hx_state_create(to, hash, &id, &block);
        rc = HX_FAIL;

        if (mine != NULL) {
            rc = hx_state_move_window(to, from, mine, t);
        }
    }

    hx_state_unlock(s);

    return rc;
}


/* Chain by chain, each under its lock: its owner goes on using it. */

static hx_rc_t
hx_state_copy_windows(hx_state_t *to, hx_state_t *from)
{
    hx_rc_t                   rc;
    uint32_t                  i, n;
    hx_stripe_t              *s;
    const hx_tenant_block_t  *t;

    rc = HX_OK;

    for (i = 0; rc == HX_OK && i < from->head->n_index; i++) {

        if (hx_state_lock(from, i, &s) != HX_OK) {
            return HX_FAIL;
        }

        for (n = from->index[i]; rc == HX_OK && n != 0; n = t->next) {
            t = &hx_state_block(from, n)->tenant;

            if (t->window.requests != 0) {
                rc = hx_state_copy_window(to, from, t->hash, t);
            }
        }

        hx_state_unlock(s);
    }

    return rc;
}


/* Blocks that windows in use will take. */

static uint64_t
hx_state_needs(hx_state_t *st)
{
    uint32_t                  i, n;
    uint64_t                  sum, now;
    hx_stripe_t              *s;
    const hx_tenant_block_t  *t;

    sum = 0;
    now = hx_state_clock();

    for (i = 0; i < st->head->n_index; i++) {

        if (hx_state_lock(st, i, &s) != HX_OK) {
            continue;
        }

        for (n = st->index[i]; n != 0; n = t->next) {
            t = &hx_state_block(st, n)->tenant;

            if (!hx_window_idle(&t->window, now)) {
                sum += t->window.long_form ? 1 + HX_WINDOW_PARTS : 1;
            }
        }

        hx_state_unlock(s);
    }

    return sum;
}


hx_rc_t
hx_state_prepare(hx_state_t **out, hx_state_t *old,
    const hx_state_conf_t *conf, char *err)
{
    char             path[HX_STATE_PATH];
    hx_rc_t          rc;
    struct stat      sb;
    hx_state_conf_t  new_conf;

    *out = NULL;
    new_conf = *conf;

    /* the file of the same name is in use: this one gets its name later */

    if (conf->path != NULL && strcmp(conf->path, old->path) == 0) {
        if (hx_state_beside(path, conf->path, HX_STATE_OLD, err) != HX_OK) {
            return HX_FAIL;
        }

        if (lstat(path, &sb) == 0) {
            return hx_state_fail(err, path, "is there already, and would be "
                                 "lost");
        }

        if (hx_state_beside(path, conf->path, HX_STATE_NEW, err) != HX_OK) {
            return HX_FAIL;
        }

        (void) unlink(path);            /* of a reload that failed */
        new_conf.path = path;
    }

    rc = hx_state_open(out, &new_conf, err);

    if (rc != HX_OK) {
        return rc;
    }

    if (hx_state_needs(old) > (*out)->head->n_blocks - 1) {
        hx_state_discard(*out);
        *out = NULL;

        return hx_state_fail(err, "shared memory", "is too small for the "
                             "windows that are in use");
    }

    return HX_OK;
}


void
hx_state_discard(hx_state_t *st)
{
    size_t  len;

    if (st == NULL) {
        return;
    }

    len = strlen(st->path);

    if (len > 4 && strcmp(st->path + len - 4, HX_STATE_NEW) == 0) {
        (void) unlink(st->path);
    }

    hx_state_close(st);
}


hx_rc_t
hx_state_replace(hx_state_t *st, hx_state_t *old, char *err)
{
    char    aside[HX_STATE_PATH];
    size_t  len;

    len = strlen(old->path);

    if (len != 0 && strncmp(st->path, old->path, len) == 0
        && strcmp(st->path + len, HX_STATE_NEW) == 0)
    {
        if (hx_state_beside(aside, old->path, HX_STATE_OLD, err) != HX_OK) {
            return HX_FAIL;
        }

        if (rename(old->path, aside) != 0) {
            return hx_state_fail(err, old->path, strerror(errno));
        }

        if (rename(st->path, old->path) != 0) {
            (void) hx_state_fail(err, st->path, strerror(errno));
            (void) rename(aside, old->path);
            return HX_FAIL;
        }

        memcpy(st->path, old->path, sizeof(st->path));
        memcpy(old->path, aside, sizeof(old->path));
    }

    /* another way to write the same name: nobody waits for himself */

    if (memcmp(st->head->id, old->head->id, sizeof(st->head->id)) == 0) {
        return HX_OK;
    }

    if (hx_state_copy_windows(st, old) != HX_OK) {
        return hx_state_fail(err, "shared memory", "some windows begin anew");
    }

    return HX_OK;
}


hx_rc_t
hx_state_open_old(hx_state_t **out, const char *path, char *err)
{
    int              fd;
    char             aside[HX_STATE_PATH];
    ssize_t          n;
    hx_state_head_t  h;
    hx_state_conf_t  conf;

    *out = NULL;

    if (hx_state_beside(aside, path, HX_STATE_OLD, err) != HX_OK) {
        return HX_NO;
    }

    fd = open(aside, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? HX_NO
                               : hx_state_fail(err, aside, strerror(errno));
    }

    n = pread(fd, &h, sizeof(h), 0);
    (void) close(fd);

    if (n != (ssize_t) sizeof(h) || h.magic != HX_STATE_MAGIC) {
        return hx_state_fail(err, aside, "is no memory of a gate");
    }

    if (h.layout != HX_STATE_LAYOUT) {
        if (h.unclean != 0) {
            return hx_state_fail(err, aside, "is of another version and "
                                 "holds usage that is not stored");
        }

        (void) unlink(aside);
        return HX_NO;
    }

    conf.path = aside;
    conf.size = h.size;
    conf.n_boxes = h.n_boxes;
    conf.box_size = h.box_size;

    if (hx_state_open(out, &conf, err) != HX_OK) {
        return HX_FAIL;
    }

    /* who has it open may charge to it yet */

    if (hx_state_is_alone(*out) && hx_state_done(*out)) {
        hx_state_unlink(*out);
        hx_state_close(*out);
        *out = NULL;
        return HX_NO;
    }

    return HX_OK;
}


int
hx_state_done(hx_state_t *st)
{
    hx_state_note(st);

    return __atomic_load_n(&st->head->unclean, __ATOMIC_SEQ_CST) == 0;
}


void
hx_state_unlink(hx_state_t *st)
{
    if (st->path[0] != '\0') {
        (void) unlink(st->path);
    }
}
