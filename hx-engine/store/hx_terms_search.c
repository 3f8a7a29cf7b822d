/*
 * hx_terms_search.c -- finding records by their metadata.
 *
 * What equals one of some values lies in the index in the order of keys: such
 * streams are followed in step, each jumping to the key at which another one
 * stands, so that the work goes with the rarest.  A range of values lies there
 * in the order of the values: its keys are gathered and sorted first, if they
 * are few, and otherwise left to the comparison with the record.  Where no
 * stream is left all heads are read.
 *
 * The index only says where it is worth looking; the caller compares.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_terms_stream.h"

#define HX_STREAMS_MAX    9             /* EQUAL, and one set */
#define HX_COUNT_FEW      256u          /* no other stream is worth while */
#define HX_SET_LEAST      1024u
#define HX_SET_FREE       8192u         /* however few keys there are: fields of
                                         * many values */
#define HX_SET_MOST       262144u       /* and of one call */
#define HX_SET_FIRST      64u           /* of several asks */
#define HX_SET_MORE       4u

/* What is done about ranges: at first, when the first call did not get far or
 * its set was cut, and when it is no use. */
#define HX_EFFORT_MORE    1u
#define HX_EFFORT_NONE    2u

/* An entry of the index costs about a twelfth of a head and its record. */
#define HX_SET_CHEAP      12u

typedef struct {
    hx_seek_t                seek;
    const hx_store_view_t   *view;
    hx_store_search_t       *s;
    unsigned                 n;
    hx_stream_t              stream[HX_STREAMS_MAX];
} hx_search_t;


/* How many keys there are to be read, about. */
static uint64_t
hx_search_keys(const hx_search_t *x)
{
    MDB_stat    st;
    hx_count_t  c;

    if (hx_count_get(x->seek.s, x->seek.txn, x->seek.ns, &c) == 0) {
        return c.keys;
    }

    return mdb_stat(x->seek.txn, x->seek.s->dbi[HX_DB_HEADS], &st) == 0
           ? st.ms_entries : 0;
}


/*
 * Up to how many entries of a range are gathered.  It costs their number; to
 * read all heads until the page is full costs wanted * keys / number instead,
 * if the range is spread over the keys.  It may not be: then reading heads
 * gives up after the first call, and a larger range is gathered, unless it is
 * about as large as what it would spare.
 */
static unsigned
hx_search_most(const hx_search_t *x, uint64_t keys)
{
    uint64_t  cost, n, most;

    most = keys - keys / 4;
    most = most < HX_SET_FREE ? HX_SET_FREE : most;
    most = most > HX_SET_MOST ? HX_SET_MOST : most;

    if (x->s->effort != 0) {
        return (unsigned) most;
    }

    cost = HX_SET_CHEAP * ((uint64_t) x->s->wanted + 1) * keys;

    for (n = HX_SET_LEAST; n < most && n * n < cost; n *= 2) {
        /* void */
    }

    return (unsigned) (n < most ? n : most);
}


/*
 * Entries that this call may gather.  All calls of a search together: hardly
 * more than there are keys, so that it never takes much longer than reading
 * these.
 */
static unsigned
hx_search_room(const hx_search_t *x, uint64_t keys)
{
    uint64_t  n;

    n = keys + HX_SET_FREE;
    n = n > x->s->gathered ? n - x->s->gathered : 0;

    return n < HX_SET_MOST ? (unsigned) n : HX_SET_MOST;
}


/* Streams of what must equal something. */
static int
hx_search_equal(hx_search_t *x, const hx_at_t *from)
{
    int              rc;
    unsigned         i;
    const hx_ask_t  *q;

    for (i = 0; i < x->s->n && x->n < HX_STREAMS_MAX - 1; i++) {
        q = &x->s->ask[i];

        if (q->kind == HX_ASK_EQUAL) {
            rc = hx_stream_equal(&x->seek, &x->stream[x->n++], q, from);

            if (rc != 0) {
                return rc;
            }
        }
    }

    return 0;
}


/* Is there a stream with so few keys that gathering would be a waste? */
static int
hx_search_few(hx_search_t *x, int *few)
{
    int       rc;
    unsigned  i, n;

    *few = 0;

    for (i = 0, rc = 0; rc == 0 && i < x->n && !*few; i++) {
        rc = hx_stream_count(&x->seek, &x->stream[i], HX_COUNT_FEW, &n);
        *few = n < HX_COUNT_FEW;
    }

    return rc;
}


/* One of the asks; *best becomes the better one.  0 or an error. */
static int
hx_search_set(hx_search_t *x, const hx_ask_t *q, const hx_at_t *from,
    unsigned most, hx_stream_t *best)
{
    int          rc, found;
    unsigned     steps;
    hx_stream_t  t;

    found = best->looked != 0;

    if (found && !best->cut && best->n_keys < most) {
        most = best->n_keys;
    }

    steps = x->seek.steps;
    rc = hx_stream_set(&x->seek, &t, q, from, most);
    x->s->gathered += x->seek.steps - steps;

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    if (found && t.cut) {
        hx_stream_close(&t);
        return 0;
    }

    hx_stream_close(best);
    *best = t;

    return 0;
}


/*
 * The smallest set of what may be one.  Several are tried with ever more
 * entries: what is gathered in vain goes with the smallest, not with the
 * others.
 */
static int
hx_search_sets(hx_search_t *x, const hx_at_t *from, unsigned asks)
{
    int           rc;
    unsigned      i, n, most, room;
    uint64_t      keys, end;
    hx_stream_t  *best;

    keys = hx_search_keys(x);
    most = hx_search_most(x, keys);
    end = x->s->gathered + hx_search_room(x, keys);
    best = &x->stream[x->n];
    memset(best, 0, sizeof(*best));
    rc = 0;

    for (n = asks == 1 ? most : HX_SET_FIRST; /* void */ ; n *= HX_SET_MORE) {
        n = n < most ? n : most;

        for (i = 0; rc == 0 && i < x->s->n && x->s->gathered < end; i++) {
            if (x->s->ask[i].kind != HX_ASK_EQUAL) {
                room = (unsigned) (end - x->s->gathered);
                rc = hx_search_set(x, &x->s->ask[i], from,
                                   n < room ? n : room, best);
            }
        }

        if (rc != 0 || best->looked != 0 || n == most
            || x->s->gathered >= end)
        {
            break;
        }
    }

    x->n += best->looked != 0;

    return rc;
}


/* A set of an earlier call, or a new one if it may be worth while. */
static int
hx_search_gather(hx_search_t *x, const hx_at_t *from)
{
    int       rc, few;
    unsigned  i, n;

    if (x->s->held != NULL) {
        x->stream[x->n++] = *(hx_stream_t *) x->s->held;
        free(x->s->held);
        x->s->held = NULL;
        return 0;
    }

    for (i = 0, n = 0; i < x->s->n; i++) {
        n += x->s->ask[i].kind != HX_ASK_EQUAL;
    }

    if (n == 0 || x->s->effort == HX_EFFORT_NONE) {
        return 0;
    }

    rc = hx_search_few(x, &few);

    if (rc != 0 || few) {
        return rc;
    }

    rc = hx_search_sets(x, from, n);

    /* a larger range, if there was none; if that was none: not once more */

    x->s->effort = x->n != 0 && x->stream[x->n - 1].kind == HX_STREAM_SET
                   ? HX_EFFORT_MORE : x->s->effort + 1;

    return rc;
}


static int
hx_search_streams(hx_search_t *x, const hx_at_t *from)
{
    int  rc;

    rc = 0;

    if (atomic_load(&x->seek.s->terms_ready)) {
        rc = hx_search_equal(x, from);

        if (rc == 0) {
            rc = hx_search_gather(x, from);
        }
    }

    if (rc == 0 && x->n == 0) {
        rc = hx_stream_heads(&x->seek, &x->stream[x->n++]);
    }

    return rc;
}


/*
 * The next call takes a set that is not at its end, though its view may be
 * newer: a key that matches all the time was there when the set was gathered.
 */
static void
hx_search_hold(hx_search_t *x)
{
    hx_stream_t  *t;

    t = x->n == 0 ? NULL : &x->stream[x->n - 1];

    if (t == NULL || t->kind != HX_STREAM_SET) {
        return;
    }

    if (t->next != t->n_keys) {
        x->s->held = malloc(sizeof(*t));

        if (x->s->held != NULL) {
            memcpy(x->s->held, t, sizeof(*t));
            x->n--;
        }

    } else if (t->looked > hx_search_room(x, hx_search_keys(x))) {
        x->s->effort = HX_EFFORT_NONE;  /* there is no room for the next one */
    }
}


static void
hx_search_close(hx_search_t *x)
{
    while (x->n != 0) {
        hx_stream_close(&x->stream[--x->n]);
    }
}


/* Moves *at to the next key on which all streams agree; 0, MDB_NOTFOUND: there
 * is none, EAGAIN: the steps are used up, other. */
static int
hx_search_agree(hx_search_t *x, hx_at_t *at)
{
    int       rc;
    unsigned  i, same;

    for (i = 0, same = 0; same < x->n; i = (i + 1) % x->n) {
        rc = hx_stream_seek(&x->seek, &x->stream[i], at);

        if (rc != 0) {
            return rc;
        }

        if (hx_at_order(&x->stream[i].at, at) != 0) {
            *at = x->stream[i].at;
            same = 0;
        }

        same++;

        if (x->seek.steps >= x->s->steps) {
            return EAGAIN;
        }
    }

    return 0;
}


/* The record of the key at *at, which is then done.  1: go on, 0: stop and
 * *rc. */
static int
hx_search_give(hx_search_t *x, const hx_at_t *at, hx_store_rc_t *rc)
{
    hx_str_t     key;
    hx_record_t  r;

    x->seek.steps++;
    memcpy(x->s->after, at->key, at->len);
    x->s->after_len = at->len;
    key.data = x->s->after;
    key.len = at->len;

    *rc = hx_store_get_in(x->view, x->seek.ns, &key,
                          x->stream[0].kind == HX_STREAM_HEADS
                          ? x->stream[0].version : 0, &r);

    if (*rc == HX_STORE_NO) {
        *rc = x->stream[0].kind == HX_STREAM_HEADS ? HX_STORE_CORRUPT
                                                   : HX_STORE_OK;
        return *rc == HX_STORE_OK;
    }

    return *rc == HX_STORE_OK && x->s->each(x->s->data, &key, &r);
}


/* A set that was cut is at its end: what is up to there is done. */
static int
hx_search_cut(hx_search_t *x)
{
    unsigned              i;
    const hx_stream_t    *t;
    const unsigned char  *last;

    for (i = 0; i < x->n; i++) {
        t = &x->stream[i];

        if (t->kind == HX_STREAM_SET && t->cut && t->next == t->n_keys) {
            last = t->key[t->n_keys - 1];
            x->s->after_len = *last;
            memcpy(x->s->after, last + 1, *last);
            return 1;
        }
    }

    return 0;
}


/* MDB_CORRUPTED: of the index. */
static int
hx_search_run(hx_search_t *x, hx_at_t *at, hx_store_rc_t *rc)
{
    int  err, go;

    *rc = HX_STORE_OK;
    err = hx_search_streams(x, at);
    x->seek.steps = 0;                  /* what was gathered has a bound and a
                                         * count of its own */

    while (err == 0) {
        err = hx_search_agree(x, at);

        if (err != 0 && err != EAGAIN) {
            break;
        }

        /* out of steps: this key may be no candidate, but no key before it is
         * one, and it will be behind us */

        go = hx_search_give(x, at, rc);

        if (!go || err == EAGAIN) {
            return 0;
        }

        at->key[at->len++] = 0;         /* right behind it */
    }

    if (err == MDB_NOTFOUND) {
        x->s->done = !hx_search_cut(x);
        return 0;
    }

    if (err == MDB_CORRUPTED && x->stream[0].kind == HX_STREAM_HEADS) {
        x->s->after_len = 0;
        *rc = HX_STORE_CORRUPT;
        return 0;
    }

    return err;
}


hx_store_rc_t
hx_store_search(const hx_store_view_t *v, hx_store_search_t *s)
{
    int            err;
    hx_at_t        at;
    hx_search_t    x;
    hx_store_rc_t  rc;

    s->done = 0;
    x.seek.s = v->store;
    x.seek.txn = v->txn;
    x.seek.steps = 0;
    x.view = v;
    x.s = s;
    x.n = 0;

    err = hx_store_ns_id(v->store, v->txn, &s->ns, &x.seek.ns);

    if (err != 0) {
        s->done = err == MDB_NOTFOUND;
        s->after_len = 0;
        return err == MDB_NOTFOUND ? HX_STORE_OK : hx_store_read_rc(err);
    }

    memcpy(at.key, s->after, s->after_len);
    at.len = s->after_len;

    if (at.len != 0) {
        at.key[at.len++] = 0;
    }

    err = hx_search_run(&x, &at, &rc);

    if (err == 0 && rc == HX_STORE_OK && !s->done) {
        hx_search_hold(&x);
    }

    hx_search_close(&x);

    if (err == MDB_CORRUPTED) {

        /* from now on all searches do without; what was found is right */

        atomic_store(&v->store->terms_ready, 0);

        return hx_store_search(v, s);
    }

    return err != 0 ? HX_STORE_FAIL : rc;
}


void
hx_store_search_end(hx_store_search_t *s)
{
    if (s->held != NULL) {
        hx_stream_close(s->held);
        free(s->held);
        s->held = NULL;
    }
}
