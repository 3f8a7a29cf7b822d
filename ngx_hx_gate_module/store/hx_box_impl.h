/*
 * hx_box_impl.h -- between hx_box.c, hx_box_write.c and hx_box_resume.c.
 */

#ifndef HX_BOX_IMPL_H
#define HX_BOX_IMPL_H

#include "hx_box.h"
#include "hx_state_impl.h"

/* Which of the two places of the chain counts; -1 = none. */
static inline int
hx_box_slot(const hx_box_head_t *h)
{
    uint64_t  end;

    end = (uint64_t) h->last + 1;

    return h->chain[0].end == end ? 0 : h->chain[1].end == end ? 1 : -1;
}


/* The other one is for when records end at "end". */
static inline void
hx_box_set_slot(hx_box_head_t *h, uint32_t end, const hx_chain_t *chain)
{
    int  i;

    i = hx_box_slot(h) == 0 ? 1 : 0;

    h->chain[i].end = 0;
    hx_state_barrier();
    h->chain[i].chain = *chain;
    hx_state_barrier();
    h->chain[i].end = (uint64_t) end + 1;
    hx_state_barrier();
}


/* All of it is written: "last" decides, whenever one is killed in it. */
void hx_box_clear(hx_box_head_t *h);

/* n bytes of the records from start on are in the file: they go. */
void hx_box_written(hx_box_head_t *h, const unsigned char *data, uint32_t n);

/*
 * The process was killed around a write(): finds out what of it is in the file
 * and goes on from there.
 */
void hx_box_resume(hx_box_t *box, int fd, int *unsure);

/*
 * Opens a file for reading, if that is the one; -1 = it is not, or may not be
 * read.
 */
int hx_box_open(int dir, const char *name, int flags, uint64_t device,
    uint64_t inode);

#endif /* HX_BOX_IMPL_H */
