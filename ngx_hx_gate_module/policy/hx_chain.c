/*
 * hx_chain.c -- see the header.
 */

#include <string.h>

#include "hx_chain.h"
#include "hx_json_write.h"
#include "hx_text.h"


#define HX_CHAIN_SIGNED     "hx-audit-1 "
#define HX_CHAIN_SIGNED_LEN (sizeof(HX_CHAIN_SIGNED) - 1 + 2 * HX_CHAIN_HASH)

#define HX_SEQ_DIGITS       16          /* of HX_CHAIN_SEQ_MAX */


static const hx_str_t  hx_chain_words[HX_CHAIN_KIND_COUNT] = {
#define X(name, word)  hx_string(word),
    HX_CHAIN_KINDS(X)
#undef X
};


const char *
hx_chain_word(hx_chain_kind_t kind)
{
    return (unsigned) kind < HX_CHAIN_KIND_COUNT
           ? (const char *) hx_chain_words[kind].data : "-";
}


hx_rc_t
hx_chain_start(hx_crypto_t *c, hx_chain_t *chain)
{
    unsigned char  rnd[HX_CHAIN_WRITER / 2];

    memset(chain, 0, sizeof(hx_chain_t));

    if (hx_random_pooled(c, rnd, sizeof(rnd)) != HX_OK) {
        return HX_FAIL;
    }

    hx_text_hex(chain->writer, rnd, sizeof(rnd));

    return HX_OK;
}


hx_rc_t
hx_chain_link(hx_crypto_t *c, hx_buf_t *b, const unsigned char *line,
    const hx_chain_t *chain, hx_chain_t *next)
{
    hx_buf_lit(b, ",\"writer\":\"");
    hx_buf_add(b, chain->writer, HX_CHAIN_WRITER);
    hx_buf_lit(b, "\",\"seq\":");
    hx_text_u64(b, chain->seq + 1);

    *next = *chain;
    next->seq++;

    if (!hx_buf_ok(b)) {
        return HX_OK;
    }

    if (hx_sha256_pair(c, chain->hash, HX_CHAIN_HASH, line,
                       (size_t) (b->last - line), next->hash)
        != HX_OK)
    {
        return HX_FAIL;
    }

    hx_buf_lit(b, ",\"hash\":\"");
    hx_text_hex_add(b, next->hash, HX_CHAIN_HASH);
    hx_buf_byte(b, '"');

    return HX_OK;
}


static void
hx_chain_message(unsigned char out[HX_CHAIN_SIGNED_LEN],
    const unsigned char hash[HX_CHAIN_HASH])
{
    memcpy(out, HX_CHAIN_SIGNED, sizeof(HX_CHAIN_SIGNED) - 1);
    hx_text_hex(out + sizeof(HX_CHAIN_SIGNED) - 1, hash, HX_CHAIN_HASH);
}


static hx_rc_t
hx_chain_sign(hx_buf_t *b, const hx_sign_t *key,
    const unsigned char hash[HX_CHAIN_HASH])
{
    size_t          len;
    unsigned char   sig[HX_SIGN_MAX], message[HX_CHAIN_SIGNED_LEN];

    hx_chain_message(message, hash);

    if (hx_sign_make(key, message, sizeof(message), sig, &len) != HX_OK) {
        return HX_FAIL;
    }

    hx_buf_lit(b, ",\"sig\":\"");
    hx_text_hex_add(b, sig, len);
    hx_buf_byte(b, '"');

    return HX_OK;
}


hx_rc_t
hx_chain_checkpoint(hx_crypto_t *c, hx_buf_t *b, const hx_checkpoint_t *cp,
    const unsigned char ts[24], const hx_chain_t *chain, hx_chain_t *next)
{
    const char           *name;
    const unsigned char  *line;

    line = b->last;

    hx_buf_lit(b, "{\"ts\":\"");
    hx_buf_add(b, ts, 24);
    hx_buf_lit(b, "\",\"checkpoint\":\"");
    hx_buf_add(b, hx_chain_words[cp->kind].data, hx_chain_words[cp->kind].len);
    hx_buf_lit(b, "\",\"node\":");
    hx_json_string(b, cp->node.data, cp->node.len);
    hx_buf_lit(b, ",\"lost\":");
    hx_text_u64(b, cp->lost);

    if (cp->key == NULL) {
        hx_buf_lit(b, ",\"key\":null");

    } else {
        name = hx_sign_name(cp->key);
        hx_buf_lit(b, ",\"key\":\"");
        hx_buf_add(b, name, strlen(name));
        hx_buf_byte(b, '"');
    }

    if (hx_chain_link(c, b, line, chain, next) != HX_OK) {
        return HX_FAIL;
    }

    if (cp->key != NULL && hx_chain_sign(b, cp->key, next->hash) != HX_OK) {
        return HX_FAIL;
    }

    hx_buf_lit(b, "}\n");

    return HX_OK;
}


/* Cuts "text" off the end of *s; 0 = it does not end so. */

static int
hx_chain_cut(hx_str_t *s, const char *text, size_t len)
{
    if (s->len < len || memcmp(s->data + s->len - len, text, len) != 0) {
        return 0;
    }

    s->len -= len;

    return 1;
}

#define hx_chain_cut_lit(s, lit)   hx_chain_cut(s, lit, sizeof(lit) - 1)


/* Cuts lower-case hex digits of n bytes off the end. */

static int
hx_chain_cut_hex(hx_str_t *s, unsigned char *out, size_t n)
{
    size_t                i;
    const unsigned char  *p;

    if (s->len < 2 * n) {
        return 0;
    }

    p = s->data + s->len - 2 * n;

    for (i = 0; i < 2 * n; i++) {
        if (p[i] >= 'A' && p[i] <= 'F') {
            return 0;
        }
    }

    s->len -= 2 * n;

    return hx_text_unhex(out, p, n) == HX_OK;
}


static int
hx_chain_cut_number(hx_str_t *s, uint64_t *v)
{
    size_t  n;

    for (n = 0; n < s->len && n < HX_SEQ_DIGITS
                && s->data[s->len - 1 - n] >= '0'
                && s->data[s->len - 1 - n] <= '9'; n++)
    {
        /* void */
    }

    s->len -= n;

    return hx_text_parse_u64(s->data + s->len, n, HX_CHAIN_SEQ_MAX, v)
           == HX_OK;
}


/* A string that goes back to a quote; escaped quotes are the caller's care. */

static int
hx_chain_cut_string(hx_str_t *s, hx_str_t *out, const char *before,
    size_t before_len)
{
    size_t  n;

    if (!hx_chain_cut_lit(s, "\"")) {
        return 0;
    }

    for (n = s->len; n >= before_len; n--) {
        if (memcmp(s->data + n - before_len, before, before_len) == 0) {
            out->data = s->data + n;
            out->len = s->len - n;
            s->len = n - before_len;
            return 1;
        }
    }

    return 0;
}

#define hx_chain_cut_member(s, out, lit)                                      \
    hx_chain_cut_string(s, out, lit, sizeof(lit) - 1)


static int
hx_chain_parse_kind(hx_chain_line_t *l, const hx_str_t *word)
{
    const hx_str_t  *found;

    found = hx_text_find(hx_chain_words, HX_CHAIN_KIND_COUNT, word->data,
                         word->len);

    if (found == NULL) {
        return 0;
    }

    l->kind = (hx_chain_kind_t) (found - hx_chain_words);

    return 1;
}


/* s: a checkpoint up to its "writer"; from behind, as all lines are. */

static int
hx_chain_parse_checkpoint(hx_chain_line_t *l, hx_str_t s)
{
    hx_str_t  word;

    if (!hx_chain_cut_lit(&s, ",\"key\":null")
        && !hx_chain_cut_member(&s, &l->key, ",\"key\":\""))
    {
        return 0;
    }

    return hx_chain_cut_number(&s, &l->lost)
           && hx_chain_cut_lit(&s, ",\"lost\":")
           && hx_chain_cut_member(&s, &l->node, ",\"node\":\"")
           && hx_chain_cut_member(&s, &word, ",\"checkpoint\":\"")
           && hx_chain_parse_kind(l, &word)
           && s.len == sizeof("{\"ts\":\"\"") - 1 + 24;
}


static int
hx_chain_parse_sig(hx_chain_line_t *l, hx_str_t *s)
{
    size_t    n;
    hx_str_t  at;

    static const size_t  len[] = { 32, 64 };

    for (n = 0; n < hx_nelts(len); n++) {
        at = *s;

        if (hx_chain_cut_lit(&at, "\"")
            && hx_chain_cut_hex(&at, l->sig, len[n])
            && hx_chain_cut_lit(&at, ",\"sig\":\""))
        {
            l->sig_len = len[n];
            *s = at;
            return 1;
        }
    }

    return 0;
}


hx_rc_t
hx_chain_parse(hx_chain_line_t *l, const unsigned char *line, size_t len)
{
    hx_str_t  s;

    static const char  checkpoint[] = "\",\"checkpoint\":\"";

    memset(l, 0, offsetof(hx_chain_line_t, sig));

    l->kind = HX_CHAIN_KIND_COUNT;
    s.data = line;
    s.len = len;

    if (len == 0 || line[0] != '{' || !hx_chain_cut_lit(&s, "}")) {
        return HX_NO;
    }

    (void) hx_chain_parse_sig(l, &s);

    if (!hx_chain_cut_lit(&s, "\"")
        || !hx_chain_cut_hex(&s, l->hash, HX_CHAIN_HASH)
        || !hx_chain_cut_lit(&s, ",\"hash\":\""))
    {
        return HX_NO;
    }

    l->head = s;

    if (!hx_chain_cut_number(&s, &l->seq) || l->seq == 0
        || !hx_chain_cut_lit(&s, "\",\"seq\":")
        || s.len < HX_CHAIN_WRITER)
    {
        return HX_NO;
    }

    s.len -= HX_CHAIN_WRITER;
    l->writer.data = s.data + s.len;
    l->writer.len = HX_CHAIN_WRITER;

    if (!hx_chain_cut_lit(&s, ",\"writer\":\"")) {
        return HX_NO;
    }

    /* in a record the second member is "tenant_id" */

    if (s.len >= 31 + sizeof(checkpoint) - 1
        && memcmp(line + 31, checkpoint, sizeof(checkpoint) - 1) == 0)
    {
        return hx_chain_parse_checkpoint(l, s) ? HX_OK : HX_NO;
    }

    return l->sig_len == 0 ? HX_OK : HX_NO;
}


hx_rc_t
hx_chain_hash(hx_crypto_t *c, const unsigned char *before,
    const hx_chain_line_t *l, unsigned char out[HX_CHAIN_HASH])
{
    return hx_sha256_pair(c, before, HX_CHAIN_HASH, l->head.data, l->head.len,
                          out);
}


hx_rc_t
hx_chain_signed(const hx_chain_line_t *l, const hx_sign_t *key)
{
    size_t          len;
    const char     *name;
    unsigned char   message[HX_CHAIN_SIGNED_LEN];

    name = hx_sign_name(key);
    len = strlen(name);

    if (l->sig_len == 0 || l->key.len != len
        || memcmp(l->key.data, name, len) != 0)
    {
        return HX_NO;
    }

    hx_chain_message(message, l->hash);

    return hx_sign_check(key, message, sizeof(message), l->sig, l->sig_len);
}
