/*
 * hx_examine_value.c -- records and their values: every checksum, and that the
 * bytes are those that were once uploaded, where that can be told.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_examine.h"
#include "hx_pack.h"

/* A value on its way through: what is expected next of a packed one. */
struct hx_ex_value_s {
    const hx_record_t  *r;
    hx_crypto_t        *crypto;
    hx_unpack_t        *unpack;
    size_t              want;           /* bytes to be gathered */
    size_t              have;
    int                 header;         /* the first ones */
    int                 prefix;         /* those in front of a block */
    int                 bad;
    unsigned char       mem[HX_PACK_PREFIX + HX_PACK_BLOCK_MAX];
    unsigned char       out[HX_PACK_BLOCK];
};


hx_ex_value_t *
hx_ex_value_create(void)
{
    return calloc(1, sizeof(hx_ex_value_t));
}


void
hx_ex_value_free(hx_ex_value_t *x)
{
    if (x != NULL) {
        hx_unpack_free(x->unpack);
        free(x);
    }
}


/* As many bytes of a packed value as belong together are there. */
static void
hx_ex_packed(hx_ex_value_t *x)
{
    size_t  n;

    x->have = 0;

    if (x->header) {
        x->header = 0;
        x->prefix = 1;
        x->want = HX_PACK_PREFIX;
        x->unpack = hx_unpack_create(x->mem, x->r->length);
        x->bad |= x->unpack == NULL;
        return;
    }

    if (x->prefix) {
        x->prefix = 0;
        n = hx_unpack_size(x->mem);
        x->want = HX_PACK_PREFIX + n;
        x->have = HX_PACK_PREFIX;
        x->bad |= n == 0 || n > HX_PACK_BLOCK_MAX;
        return;
    }

    n = hx_unpack_block(x->unpack, x->mem, x->mem + HX_PACK_PREFIX, x->out);
    x->bad |= n == 0 || hx_sha256_update(x->crypto, x->out, n) != HX_OK;
    x->prefix = 1;
    x->want = HX_PACK_PREFIX;
}


static void
hx_ex_unpack(hx_ex_value_t *x, const unsigned char *p, size_t len)
{
    size_t  n;

    while (len != 0 && !x->bad) {
        n = x->want - x->have < len ? x->want - x->have : len;
        memcpy(x->mem + x->have, p, n);
        x->have += n;
        p += n;
        len -= n;

        if (x->have == x->want) {
            hx_ex_packed(x);
        }
    }
}


/* Cores of a train are numbers; pieces end at any byte. */
static void
hx_ex_cores(hx_ex_value_t *x, const unsigned char *p, size_t len)
{
    double  v;

    for ( /* void */ ; len != 0 && !x->bad; len--) {
        x->mem[x->have++] = *p++;

        if (x->have == sizeof(v)) {
            memcpy(&v, x->mem, sizeof(v));
            x->bad |= !isfinite(v);
            x->have = 0;
        }
    }
}


static void
hx_ex_bytes(hx_ex_value_t *x, const unsigned char *p, size_t len)
{
    switch (x->r->codec) {

    case HX_CODEC_PASSTHROUGH:
        x->bad |= hx_sha256_update(x->crypto, p, len) != HX_OK;
        break;

    case HX_CODEC_PACKED:
        hx_ex_unpack(x, p, len);
        break;

    default:
        hx_ex_cores(x, p, len);
    }
}


static void
hx_ex_begin(hx_ex_value_t *x, hx_ex_t *ex, const hx_record_t *r)
{
    x->r = r;
    x->crypto = ex->crypto;
    x->unpack = NULL;
    x->header = r->codec == HX_CODEC_PACKED;
    x->prefix = 0;
    x->have = 0;
    x->want = HX_PACK_HEADER;
    x->bad = hx_sha256_start(x->crypto) != HX_OK;
}


/* What is wrong with the bytes as a whole; NULL: nothing. */
static const char *
hx_ex_end(hx_ex_value_t *x)
{
    unsigned char  sha[HX_SHA256_LEN];

    hx_unpack_free(x->unpack);
    x->unpack = NULL;

    if (x->bad) {
        return x->r->codec == HX_CODEC_PACKED ? "its value cannot be unpacked"
               : x->r->codec == HX_CODEC_TT ? "a core is not a finite number"
                                            : "its value cannot be hashed";
    }

    if (hx_sha256_finish(x->crypto, sha) != HX_OK) {
        return "its value cannot be hashed";
    }

    if (x->r->codec != HX_CODEC_TT
        && memcmp(sha, x->r->sha256, sizeof(sha)) != 0)
    {
        return "its value is not what was uploaded: SHA-256 differs";
    }

    return NULL;
}


/* Chunks of a value: NULL, or what is wrong (in text). */
static const char *
hx_ex_chunks(hx_ex_t *ex, hx_ex_value_t *x, const hx_record_t *r,
    char *text, size_t cap)
{
    int            rc;
    size_t         want;
    MDB_val        k, v;
    uint32_t       i, n;
    uint64_t       left;
    hx_str_t       data;
    const char    *what;
    unsigned char  ck[HX_CHUNK_KEY_LEN];

    n = hx_chunk_count(r->stored);
    left = r->stored;

    for (i = 0; i <= n; i++) {
        hx_store_chunk_key(ck, r->value_id, i);
        k.mv_data = ck;
        k.mv_size = sizeof(ck);
        rc = mdb_get(ex->view.txn, ex->s->dbi[HX_DB_CHUNKS], &k, &v);

        if (i == n) {
            return rc == MDB_NOTFOUND ? NULL : "its value has too many chunks";
        }

        want = left < HX_CHUNK_DATA ? (size_t) left : HX_CHUNK_DATA;
        what = rc == MDB_NOTFOUND ? "missing" : "damaged";

        if (rc != 0 || hx_chunk_open(&data, v.mv_data, v.mv_size, r->value_id,
                                     i, want, 1) != HX_OK)
        {
            (void) snprintf(text, cap, "chunk %u of %u of its value is %s",
                            i + 1, n, what);
            return text;
        }

        hx_ex_bytes(x, data.data, data.len);
        hx_ex_did(ex, 1, data.len);
        left -= want;
    }

    return NULL;
}


static const char *
hx_ex_value(hx_ex_t *ex, const hx_record_t *r, char *text, size_t cap)
{
    const char     *why, *also;
    hx_ex_value_t  *x;

    x = ex->value;
    hx_unpack_free(x->unpack);          /* of one that a guard ended */
    hx_ex_begin(x, ex, r);

    if (r->value_id != 0) {
        why = hx_ex_chunks(ex, x, r, text, cap);

    } else {
        why = hx_record_value_ok(r) ? NULL : "its value is damaged";
        hx_ex_bytes(x, r->value.data, r->value.len);
    }

    also = hx_ex_end(x);

    return why != NULL ? why : also;
}


int
hx_ex_record_key(const MDB_val *k, uint64_t *version)
{
    const unsigned char  *p;

    p = k->mv_data;

    if (k->mv_size < 4 + 1 + 9 || k->mv_size > HX_RECORD_KEY_MAX
        || p[k->mv_size - 9] != '\0'
        || memchr(p + 4, '\0', k->mv_size - 13) != NULL)
    {
        return 0;
    }

    *version = hx_get_be64(p + k->mv_size - 8);

    return *version != 0;
}


/* The key that versions belong to: looked up for the first of them. */
static void
hx_ex_owner(hx_ex_t *ex, const MDB_val *dbkey, uint64_t version)
{
    int       rc;
    uint64_t  clock;

    if (ex->of_len != dbkey->mv_size
        || memcmp(ex->of, dbkey->mv_data, ex->of_len) != 0)
    {
        ex->of_len = dbkey->mv_size;
        memcpy(ex->of, dbkey->mv_data, ex->of_len);
        ex->of_last = 0;
        rc = hx_store_head(ex->s, ex->view.txn, dbkey, &ex->of_last);

        if (rc == MDB_NOTFOUND) {
            rc = hx_store_tomb(ex->s, ex->view.txn, dbkey, &ex->of_last,
                               &clock);
        }

        if (rc == MDB_NOTFOUND) {
            hx_ex_bad(ex, dbkey->mv_data, dbkey->mv_size, version,
                      "a version of a key that is neither live nor deleted");
        }

        ex->of_last = rc == 0 ? ex->of_last : 0;
    }

    if (ex->of_last != 0 && version > ex->of_last) {
        hx_ex_bad(ex, dbkey->mv_data, dbkey->mv_size, version,
                  "a version that was never given");
    }
}


void
hx_ex_record(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    char          text[80];
    MDB_val       dbkey;
    uint64_t      version;
    hx_ex_ns_t   *ns;
    const char   *why;
    hx_record_t   r;

    if (!hx_ex_record_key(k, &version)) {
        hx_ex_bad_table(ex, "a key is ill-formed");
        return;
    }

    ns = hx_ex_ns(ex, k->mv_data);
    dbkey.mv_data = k->mv_data;
    dbkey.mv_size = k->mv_size - 9;
    hx_ex_owner(ex, &dbkey, version);

    if (hx_record_decode(&r, v->mv_data, v->mv_size, k->mv_data, k->mv_size)
        != HX_OK || r.version != version)
    {
        if (ns != NULL) {
            ns->damaged = 1;
        }
        hx_ex_bad(ex, dbkey.mv_data, dbkey.mv_size, version,
                  "the record is damaged");
        return;
    }

    ex->sum->versions++;
    ex->sum->bytes += r.stored;

    if (ns != NULL) {
        ns->count.versions++;
        ns->count.bytes += r.stored;
    }

    why = hx_ex_value(ex, &r, text, sizeof(text));

    if (why != NULL) {
        hx_ex_bad(ex, dbkey.mv_data, dbkey.mv_size, version, why);
    }

    if (r.value_id == 0) {
        return;
    }

    why = hx_ex_mark(ex, r.value_id) ? "another version has the same value"
          : hx_ex_listed(ex, HX_DB_DOOMED, r.value_id)
            ? "its value is listed to be removed"
          : hx_ex_listed(ex, HX_DB_STAGING, r.value_id)
            ? "its value is listed as unfinished" : NULL;

    if (why != NULL) {
        hx_ex_bad(ex, dbkey.mv_data, dbkey.mv_size, version, why);
    }
}


void
hx_ex_record_again(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    hx_record_t  r;

    if (hx_record_decode(&r, v->mv_data, v->mv_size, k->mv_data, k->mv_size)
        == HX_OK && r.value_id != 0)
    {
        (void) hx_ex_mark(ex, r.value_id);
    }
}
