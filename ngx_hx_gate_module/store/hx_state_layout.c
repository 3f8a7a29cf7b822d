/*
 * hx_state_layout.c -- where everything is in the shared memory: how much of
 * what fits into a size, and a new memory as it is at first.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hx_crypto.h"
#include "hx_state_impl.h"


static uint64_t
hx_state_round(uint64_t n)
{
    return (n + HX_STATE_PAGE - 1) / HX_STATE_PAGE * HX_STATE_PAGE;
}


/* How much of what fits into "size". */

static void
hx_state_layout(hx_state_head_t *h, const hx_state_conf_t *conf)
{
    uint64_t  at, n;

    memset(h, 0, sizeof(hx_state_head_t));

    h->layout = HX_STATE_LAYOUT;
    h->size = conf->size;
    h->n_boxes = conf->n_boxes;
    h->box_size = hx_state_round(conf->box_size);

    at = HX_STATE_PAGE + HX_STATE_STRIPES * sizeof(hx_stripe_t)
         + HX_STATE_OPERATIONS * sizeof(hx_state_name_t);
    at = hx_state_round(at);
    h->at_index = at;

    /* a block goes with 4 bytes of index and a bit; 2 pages are for rounding */

    n = (conf->size - at - 2 * HX_STATE_PAGE) * 8
        / (HX_STATE_BLOCK * 8 + 32 + 1);

    for (h->n_index = HX_STATE_STRIPES; h->n_index * 2 <= n; h->n_index *= 2) {
        /* void */
    }

    h->n_blocks = n;
    h->at_unsaved = h->at_index + (uint64_t) h->n_index * 4;
    h->at_blocks = hx_state_round(h->at_unsaved + (n + 63) / 64 * 8);
    h->at_boxes = hx_state_round(h->at_blocks + n * HX_STATE_BLOCK);
    h->total = h->at_boxes + h->n_boxes * (HX_STATE_PAGE + h->box_size);
    h->fresh = 1;
}


/* A damaged head would lead anywhere. */

int
hx_state_plausible(const hx_state_head_t *h)
{
    hx_state_conf_t  conf;
    hx_state_head_t  is;

    if (h->size < HX_STATE_SIZE_MIN || h->size > HX_STATE_SIZE_MAX
        || h->n_boxes > HX_STATE_BOXES_MAX || h->box_size > HX_STATE_BOX_MAX)
    {
        return 0;
    }

    conf.path = NULL;
    conf.size = h->size;
    conf.n_boxes = h->n_boxes;
    conf.box_size = h->box_size;

    hx_state_layout(&is, &conf);

    return h->n_index == is.n_index && h->n_blocks == is.n_blocks
           && h->box_size == is.box_size && h->at_index == is.at_index
           && h->at_unsaved == is.at_unsaved && h->at_blocks == is.at_blocks
           && h->at_boxes == is.at_boxes && h->total == is.total
           && h->fresh >= 1 && h->fresh <= h->n_blocks
           && h->n_names <= HX_STATE_OPERATIONS;
}


void
hx_state_point(hx_state_t *st, unsigned char *p)
{
    st->head = (hx_state_head_t *) p;
    st->stripe = (hx_stripe_t *) (p + HX_STATE_PAGE);
    st->name = (hx_state_name_t *) (st->stripe + HX_STATE_STRIPES);
    st->index = (uint32_t *) (p + st->head->at_index);
    st->unsaved = (uint64_t *) (p + st->head->at_unsaved);
    st->blocks = p + st->head->at_blocks;
    st->boxes = p + st->head->at_boxes;
}


hx_rc_t
hx_state_map(hx_state_t *st, uint64_t total, char *err)
{
    void  *p;

    p = mmap(NULL, total, PROT_READ|PROT_WRITE,
             st->fd == -1 ? MAP_SHARED|MAP_ANONYMOUS : MAP_SHARED, st->fd, 0);

    if (p == MAP_FAILED) {
        return hx_state_fail(err, "mmap", strerror(errno));
    }

    st->mapped = total;
    st->head = p;

    return HX_OK;
}


int
hx_state_mutexes(hx_state_t *st)
{
    int       rc;
    uint32_t  i;

    rc = hx_state_mutex_init(&st->head->allocator);

    if (rc == 0) {
        rc = hx_state_mutex_init(&st->head->saving);
    }

    for (i = 0; rc == 0 && i < HX_STATE_FILES; i++) {
        rc = hx_state_mutex_init(&st->head->file[i]);
    }

    for (i = 0; rc == 0 && i < HX_STATE_STRIPES; i++) {
        rc = hx_state_mutex_init(&st->stripe[i].lock);
    }

    for (i = 0; rc == 0 && i < st->head->n_boxes; i++) {
        rc = hx_state_mutex_init(&hx_state_box(st, i)->owner);
    }

    return rc;
}


/*
 * All of the file is given its place now: a page that is missing later would
 * be a SIGBUS.  Until it is whole it says so.
 */

static hx_rc_t
hx_state_create_file(hx_state_t *st, uint64_t total, char *err)
{
    int       rc;
    char      why[96];
    uint64_t  making;

    making = HX_STATE_MAKING;

    if (ftruncate(st->fd, 0) != 0
        || pwrite(st->fd, &making, sizeof(making), 0) != sizeof(making))
    {
        return hx_state_fail(err, st->path, strerror(errno));
    }

    do {
        rc = posix_fallocate(st->fd, 0, (off_t) total);
    } while (rc == EINTR);

    if (rc != 0) {
        (void) unlink(st->path);
        (void) snprintf(why, sizeof(why), "%llu bytes of memory: %s",
                        (unsigned long long) total, strerror(rc));
        return hx_state_fail(err, st->path, why);
    }

    return HX_OK;
}


hx_rc_t
hx_state_sizes(const hx_state_conf_t *conf, char *err)
{
    if (conf->size < HX_STATE_SIZE_MIN) {
        return hx_state_fail(err, "shared memory", "is too small");
    }

    if (conf->size > HX_STATE_SIZE_MAX || conf->box_size > HX_STATE_BOX_MAX
        || conf->n_boxes > HX_STATE_BOXES_MAX)
    {
        return hx_state_fail(err, "shared memory", "is too large");
    }

    return HX_OK;
}


hx_rc_t
hx_state_lay_out(hx_state_t *st, const hx_state_conf_t *conf, char *err)
{
    int              rc;
    hx_state_head_t  h;

    if (hx_state_sizes(conf, err) != HX_OK) {
        return HX_FAIL;
    }

    hx_state_layout(&h, conf);

    if ((st->fd != -1 && hx_state_create_file(st, h.total, err) != HX_OK)
        || hx_state_map(st, h.total, err) != HX_OK)
    {
        return HX_FAIL;
    }

    if (hx_random_secret(h.id, sizeof(h.id)) != HX_OK) {
        return hx_state_fail(err, "shared memory", "no random bytes");
    }

    hx_state_boot(h.boot);

    h.magic = HX_STATE_MAKING;
    *st->head = h;
    hx_state_point(st, (unsigned char *) st->head);

    rc = hx_state_mutexes(st);
    if (rc != 0) {
        return hx_state_fail(err, "robust mutexes", strerror(rc));
    }

    hx_state_barrier();
    st->head->magic = HX_STATE_MAGIC;

    return HX_OK;
}
