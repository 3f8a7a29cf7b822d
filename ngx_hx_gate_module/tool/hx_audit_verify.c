/*
 * hx_audit_verify.c -- line by line through a chained trail; see the header.
 *
 * The next line of a writer is checked by the hash that the one before claims,
 * so that one changed record is one finding, and everything behind it is still
 * checked.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_verify_impl.h"
#include "hx_text.h"


static const char *const  hx_finding_words[HX_FINDING_COUNT] = {
#define X(name, word)  word,
    HX_FINDINGS(X)
#undef X
};

static const char *const  hx_note_words[HX_NOTE_COUNT] = {
#define X(name, word)  word,
    HX_NOTES(X)
#undef X
};


const char *
hx_finding_word(hx_finding_t kind)
{
    return (unsigned) kind < HX_FINDING_COUNT ? hx_finding_words[kind] : "-";
}


const char *
hx_note_word(hx_note_t kind)
{
    return (unsigned) kind < HX_NOTE_COUNT ? hx_note_words[kind] : "-";
}


hx_verify_t *
hx_verify_create(const hx_verify_conf_t *conf)
{
    hx_verify_t  *v;

    v = calloc(1, sizeof(hx_verify_t));
    if (v == NULL) {
        return NULL;
    }

    v->conf = *conf;
    v->node = conf->node;
    v->rc = HX_OK;
    v->table = calloc(HX_VERIFY_TABLE, sizeof(hx_verify_writer_t *));
    v->crypto = hx_crypto_create();

    if (v->table == NULL || v->crypto == NULL
        || hx_random_pooled(v->crypto, &v->seed, sizeof(v->seed)) != HX_OK)
    {
        hx_verify_free(v);
        return NULL;
    }

    return v;
}


void
hx_verify_free(hx_verify_t *v)
{
    if (v == NULL) {
        return;
    }

    hx_verify_torn_free(v);
    hx_verify_writers_free(v);
    hx_crypto_free(v->crypto);
    free(v);
}


void
hx_verify_file(hx_verify_t *v)
{
    v->files++;
}


void
hx_verify_found(hx_verify_found_t *f, const hx_verify_place_t *at,
    uint64_t count, const char *text, uint64_t number)
{
    int  sooner;

    sooner = f->count == 0 || at->file < f->first.file
             || (at->file == f->first.file && at->line < f->first.line);

    f->count += count;

    if (sooner) {
        f->first = *at;
        f->text = text;
        f->number = number;
    }
}


void
hx_verify_finding(hx_verify_t *v, hx_finding_t kind,
    const hx_verify_place_t *at, const char *text)
{
    hx_verify_found(&v->result.finding[kind], at, 1, text, 0);
}


int
hx_verify_fits(hx_verify_t *v, const unsigned char *before,
    const hx_chain_line_t *l)
{
    unsigned char  hash[HX_CHAIN_HASH];

    if (hx_chain_hash(v->crypto, before, l, hash) != HX_OK) {
        v->rc = HX_FAIL;
        return 0;
    }

    return memcmp(hash, l->hash, HX_CHAIN_HASH) == 0;
}


/* The line out of place is what it looked like. */

static void
hx_verify_stray_settle(hx_verify_t *v, hx_verify_writer_t *w)
{
    if (w->strayed) {
        w->strayed = 0;
        hx_verify_finding(v, HX_FINDING_INSERT, &w->stray, w->stray_text);
    }
}


static void
hx_verify_stray(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at, const char *text)
{
    hx_verify_stray_settle(v, w);

    w->strayed = 1;
    w->stray = *at;
    w->stray_text = text;
    memcpy(w->stray_hash, l->hash, HX_CHAIN_HASH);
}


/* The first line of a writer. */

static void
hx_verify_first(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    static const unsigned char  zero[HX_CHAIN_HASH];

    if (l->seq == 1 && !hx_verify_fits(v, zero, l)) {
        hx_verify_finding(v, HX_FINDING_EDIT, at, "the hash does not fit");
    }

    if (l->kind == HX_CHAIN_BEGIN && l->seq == 1) {
        return;
    }

    /* one that had nothing to write since a rotation does not say "open" */

    if (l->seq != 1 && at->file == 0
        && (l->kind == HX_CHAIN_OPEN || l->kind == HX_CHAIN_RESUME
            || l->kind == HX_CHAIN_GAP || l->kind == HX_CHAIN_END))
    {
        hx_verify_found(&v->result.note[HX_NOTE_CONTINUED], at, 1,
                        "the writer goes on from an older file", 0);
        return;
    }

    /* told at the end: it may be a line of another writer */

    w->headless = 1;
    w->start = *at;
    w->start_text = l->seq == 1 ? "the first record of the writer is no begin"
                                : "the beginning of the writer is not there";
    v->orphan = w;
}


/* The very next one by its number. */

static void
hx_verify_next(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    unsigned char  hash[HX_CHAIN_HASH];

    hx_verify_stray_settle(v, w);

    if (hx_chain_hash(v->crypto, w->hash, l, hash) != HX_OK) {
        v->rc = HX_FAIL;
        return;
    }

    if (memcmp(hash, l->hash, HX_CHAIN_HASH) == 0) {
        w->edited = 0;
        return;
    }

    /* was only the hash of the one before changed? */

    if (w->edited && hx_verify_fits(v, w->other, l)) {
        w->edited = 0;
        return;
    }

    w->edited = 1;
    memcpy(w->other, hash, HX_CHAIN_HASH);
    hx_verify_finding(v, HX_FINDING_EDIT, at, "the hash does not fit");
}


/*
 * Numbers are missing.  When it is one, that record may be there, but with
 * another number or under the name of another writer.
 */

static void
hx_verify_ahead(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    hx_verify_place_t  place;

    w->edited = 0;

    if (l->seq == w->seq + 2) {

        if (w->strayed && hx_verify_fits(v, w->stray_hash, l)) {
            w->strayed = 0;
            w->stray.seq = w->seq + 1;
            hx_verify_finding(v, HX_FINDING_EDIT, &w->stray,
                              "the sequence number was changed");
            return;
        }

        if (v->orphan != NULL && v->orphan != w && v->orphan->taken == 1
            && hx_verify_fits(v, v->orphan->hash, l))
        {
            place = v->orphan->at;
            place.seq = w->seq + 1;
            memcpy(place.writer, w->name, HX_CHAIN_WRITER);
            v->orphan->explained = 1;
            v->orphan = NULL;
            hx_verify_finding(v, HX_FINDING_EDIT, &place,
                              "the writer was changed");
            return;
        }
    }

    hx_verify_stray_settle(v, w);
    hx_verify_gap(v, w, l, at);
    w->jumped = 1;
}


/*
 * A number that was passed.  Returns 1 when the line is the writer's next all
 * the same.
 */

static int
hx_verify_back(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    hx_verify_place_t  place;

    if (w->jumped && hx_verify_gap_undo(v, w, l)) {
        place = w->at;
        place.seq = l->seq - 1;
        hx_verify_finding(v, HX_FINDING_EDIT, &place,
                          "the sequence number was changed");
        return 1;
    }

    switch (hx_verify_writer_recall(w, l)) {

    case HX_OK:
        hx_verify_finding(v, HX_FINDING_DUPLICATE, at,
                          "the same record was there before");
        return 0;

    case HX_NO:
        hx_verify_stray(v, w, l, at,
                        "another record has this sequence number");
        return 0;

    default:
        break;
    }

    if (hx_verify_gap_fill(v, w, l, at)) {
        hx_verify_writer_remember(v, w, l);
        return 0;
    }

    hx_verify_stray(v, w, l, at, "the sequence number was passed long before");

    return 0;
}


static void
hx_verify_chained(hx_verify_t *v, const hx_chain_line_t *l,
    hx_verify_place_t *at)
{
    unsigned             jumped;
    hx_verify_writer_t  *w;

    w = hx_verify_writer(v, l->writer.data);
    if (w == NULL) {
        return;
    }

    at->seq = l->seq;
    memcpy(at->writer, w->name, HX_CHAIN_WRITER);

    jumped = w->jumped;

    if (w->taken == 0) {
        hx_verify_first(v, w, l, at);

    } else if (l->seq > w->seq) {

        w->jumped = 0;

        if (w->kind == HX_CHAIN_END) {
            hx_verify_finding(v, HX_FINDING_INSERT, at,
                              "the chain had its end before");
        }

        if (l->seq == w->seq + 1) {
            hx_verify_next(v, w, l, at);

        } else {
            hx_verify_ahead(v, w, l, at);
        }

    } else if (!hx_verify_back(v, w, l, at)) {
        w->jumped = jumped;

        if (l->kind != HX_CHAIN_KIND_COUNT) {
            v->result.checkpoints++;
        } else {
            v->result.records++;
        }

        return;

    } else {
        w->jumped = 0;
    }

    hx_verify_writer_take(v, w, l, at);

    if (l->kind != HX_CHAIN_KIND_COUNT) {
        hx_verify_checkpoint(v, w, l, at);

    } else {
        v->result.records++;
        w->behind++;
    }
}


hx_rc_t
hx_verify_line(hx_verify_t *v, const unsigned char *data, size_t len,
    uint64_t number)
{
    hx_chain_line_t    l;
    hx_verify_place_t  at;

    memset(&at, 0, sizeof(hx_verify_place_t));
    at.file = v->files - 1;
    at.line = number;

    v->last = at;
    v->result.lines++;

    if (data != NULL && hx_chain_parse(&l, data, len) == HX_OK) {
        v->begun = 1;
        hx_verify_ts(v, data, len);
        hx_verify_torn_done(v, data, len);
        hx_verify_chained(v, &l, &at);

    } else if (v->begun) {
        hx_verify_torn(v, data, len, &at);

    } else {
        hx_verify_found(&v->result.note[HX_NOTE_BEFORE], &at, 1,
                        "lines are from before the chain was switched on", 0);
    }

    return v->rc;
}


/* What is left open by a writer. */

static void
hx_verify_writer_end(hx_verify_t *v, hx_verify_writer_t *w)
{
    uint32_t  last;

    hx_verify_stray_settle(v, w);

    v->result.unsigned_tail += w->behind;

    if (w->explained) {
        v->result.writers--;
        return;
    }

    if (w->headless) {
        hx_verify_finding(v, HX_FINDING_SPLICE, &w->start, w->start_text);
    }

    if (w->kind == HX_CHAIN_END) {
        return;
    }

    last = v->files - 1;

    /* who has nothing to write is silent from a rotation on */

    if (v->conf.live && (w->at.file == last || w->kind == HX_CHAIN_ROTATE)) {
        hx_verify_found(&v->result.note[HX_NOTE_OPEN], &w->at, 1,
                        "the chain goes on", 0);
        return;
    }

    hx_verify_finding(v, HX_FINDING_TRUNCATE, &w->at,
                      w->at.file == last
                      ? "the chain has no end behind this line"
                      : "the chain does not go on in the next file");
}


const hx_verify_result_t *
hx_verify_end(hx_verify_t *v)
{
    uint32_t  i;

    hx_verify_torn_end(v);
    hx_verify_gap_end(v);

    for (i = 0; i < HX_VERIFY_TABLE; i++) {
        if (v->table[i] != NULL) {
            hx_verify_writer_end(v, v->table[i]);
        }
    }

    return &v->result;
}


uint64_t
hx_verify_findings(const hx_verify_result_t *r)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < HX_FINDING_COUNT; i++) {
        n += r->finding[i].count;
    }

    return n;
}
