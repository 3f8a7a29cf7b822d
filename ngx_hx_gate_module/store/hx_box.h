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
 * Several nginx may write one file: besides the lock in the memory that they do
 * not share, whoever writes takes flock(2) of the file, where it can be read.
 * Others hold it for some microseconds; but anybody could hold it for ever, so
 * nobody waits for longer than HX_BOX_LOCK, and then not again for a second.
 *
 * A file that was removed takes no records: ENOENT.
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

#include "hx_chain.h"
#include "hx_state.h"

#define HX_BOX_LOCK   UINT64_C(20000000)        /* ns */

struct hx_box_s {
    struct hx_state_s  *st;             /* NULL: of this process alone */
    uint32_t            number;         /* + 1; 0 = of this process alone */
    void               *head;           /* NULL: it is nobody's */
    unsigned char      *data;
    size_t              size;
    int                 reader;         /* descriptor + 1 of the file, or 0 */
    uint64_t            reader_device;
    uint64_t            reader_inode;
    uint64_t            impatient;      /* until then nobody waits for flock */
    uint64_t            whole;          /* size at which the reader's file is
                                         * known to end with a line */
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

/*
 * Where the chain stands behind the last record: OK, or NO: there is none.
 * A box that was claimed with, or for, the same path goes on with its chain.
 */
hx_rc_t hx_box_chain(const hx_box_t *box, hx_chain_t *chain);

/*
 * Where it will stand when records end at "end"; to be called before they do,
 * for a record at a time.
 */
void hx_box_chain_at(hx_box_t *box, uint32_t end, const hx_chain_t *chain);

/* The chain has ended: the next record begins another one. */
void hx_box_chain_end(hx_box_t *box);

uint32_t hx_box_number(const hx_box_t *box);
int hx_box_empty(const hx_box_t *box);

/*
 * One write() of all records.  *unsure is set when some may be in the file
 * twice, see above.
 */
hx_box_rc_t hx_box_write(hx_box_t *box, int fd, int *unsure);

/*
 * A descriptor for reading the file that was written last, from an open() of
 * this box: fdatasync() on another process' tells it of errors, and then nobody
 * else.  Of the box; -1 = the file cannot be read.
 */
int hx_box_reader_fd(const hx_box_t *box);

/* The file will be another one: nothing of it is kept open. */
void hx_box_rotated(hx_box_t *box);

/*
 * As many as it takes, HX_BOX_TRIES at most: a disk that takes a little each
 * time gets fragments, and no end of them.  DONE or ERROR (ENOSPC when only the
 * tries were used up); the writes that were short are added to *cut.
 */
#define HX_BOX_TRIES  3
hx_box_rc_t hx_box_drain(hx_box_t *box, int fd, int *unsure, unsigned *cut);

/*
 * The next box at or after *number (0 at first) that a dead process has left
 * with a chain that has no end, and no records.  OK: it is this process' now,
 * to be released; *number is behind it.  NO: there is none.
 */
hx_rc_t hx_box_unended(hx_state_t *st, uint32_t *number, hx_box_t *box);

/* The file that its records are for. */
const char *hx_box_path(const hx_box_t *box);

/* Which open file belongs to a path, or -1. */
typedef int (*hx_box_fd_pt)(void *data, const char *path);

/*
 * Writes what dead processes have left in their boxes; a file that "fd_of" (may
 * be NULL) does not know is opened.  Returns the number of boxes that could not
 * be emptied, errno tells why the last one could not.
 */
unsigned hx_box_rescue(hx_state_t *st, hx_box_fd_pt fd_of, void *data);

#endif /* HX_BOX_H */
