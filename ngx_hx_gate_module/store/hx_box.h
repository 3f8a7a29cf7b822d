/*
 * hx_box.h -- audit records between a request and their file: a buffer of one
 * process in the shared memory, so that no kill -9 takes it along.
 *
 * A record counts when hx_box_advance() (or hx_state_charge(), together with
 * its charge) has moved the end behind it.  Whole records go to the file, which
 * is opened O_APPEND and may be written by many.  Before each write() the size
 * of the file is noted: who takes over the box of a killed process looks
 * whether the file has the records from there on, and writes them or does not.
 * So each record that counts is in the file once.  (Only when the file was
 * rotated meanwhile and cannot be found any more does that stay open: then it
 * is written again, and the caller is told.)
 *
 * A write that ends inside a record (full disk, kill -9) leaves a fragment
 * there: the next one, whosever, begins with a line feed, and the record
 * follows whole.  (Where only its line feed was missing, only that follows.)  A
 * file that may not be read is trusted to end with a line.
 *
 * A box belongs to the thread that claimed it.  I/O is in hx_box_write() and
 * hx_box_rescue() only.
 */

#ifndef HX_BOX_H
#define HX_BOX_H

#include "hx_state.h"

struct hx_box_s {
    struct hx_state_s  *st;             /* NULL: of this process alone */
    uint32_t            number;         /* + 1; 0 = of this process alone */
    void               *head;           /* NULL: it is nobody's */
    unsigned char      *data;
    size_t              size;
    int                 reader;         /* descriptor + 1 of the file, or 0 */
    uint64_t            reader_device;
    uint64_t            reader_inode;
};

typedef enum {
    HX_BOX_DONE = 0,                    /* empty */
    HX_BOX_SHORT,                       /* something was written, not all */
    HX_BOX_ERROR                        /* nothing was written, see errno */
} hx_box_rc_t;

/*
 * A box for records of the file "path": one that a dead process has left with
 * such records, else an empty one.  When there is none, or st is NULL, one in
 * memory of this process, of "size" bytes.  HX_OK = shared, HX_NO = of this
 * process alone, HX_FAIL = no memory.  With "" for a path it only shows that
 * this process lives, see hx_state_ask().
 */
hx_rc_t hx_box_claim(hx_box_t *box, hx_state_t *st, const char *path,
    size_t size);

/* Gives it back, with what is in it. */
void hx_box_release(hx_box_t *box);

/* Room behind the last record; the offset of its beginning in *last. */
unsigned char *hx_box_room(const hx_box_t *box, uint32_t *last, size_t *room);

/* Records end at "last" now. */
void hx_box_advance(hx_box_t *box, uint32_t last);

uint32_t hx_box_number(const hx_box_t *box);
int hx_box_empty(const hx_box_t *box);

/*
 * One write() of all records.  *unsure is set when some may be in the file
 * twice, see above.
 */
hx_box_rc_t hx_box_write(hx_box_t *box, int fd, int *unsure);

/* Which open file belongs to a path, or -1. */
typedef int (*hx_box_fd_pt)(void *data, const char *path);

/*
 * Writes what dead processes have left in their boxes; a file that "fd_of" (may
 * be NULL) does not know is opened.  Returns the number of boxes that could not
 * be emptied, errno tells why the last one could not.
 */
unsigned hx_box_rescue(hx_state_t *st, hx_box_fd_pt fd_of, void *data);

#endif /* HX_BOX_H */
