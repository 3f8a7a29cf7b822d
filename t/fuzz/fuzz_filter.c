/*
 * fuzz_filter.c -- codec/hx_filter.h and hx_term.h: the first line is a filter,
 * the rest metadata.  As bytes they must do no harm.  As members of a request
 * body that is accepted: what matches is found by an index, too; a filter
 * means the same when it is parsed again; no name stands twice.
 */

#include "hx_api_body.h"
#include "hx_fuzz.h"
#include "hx_json_unique.h"
#include "hx_term.h"

static hx_filter_t        filter;
static hx_filter_error_t  wrong;
static hx_terms_t         terms;
static hx_asks_t          asks;


/* The member's text as the engine rewrites it, NULL: refused. */
static hx_body_t *
take(hx_field_t f, const char *head, const uint8_t *text, size_t len)
{
    int         rc;
    hx_body_t  *b;

    static hx_budget_t  budget;
    static hx_reply_t   reply;

    hx_reply_init(&reply);
    reply.request_id.data = (const unsigned char *) "id";
    reply.request_id.len = 2;
    b = hx_body_create(&reply, &budget, 1000, hx_field_bit(f), UINT64_MAX);
    hx_fuzz_check(b != NULL);

    rc = hx_body_feed(b, (const uint8_t *) head, strlen(head)) != 0
         || hx_body_feed(b, text, len) != 0
         || hx_body_feed(b, (const uint8_t *) "}", 1) != 0
         || hx_body_finish(b) != 0;
    hx_reply_clear(&reply);

    if (rc || !hx_body_has(b, f)) {
        hx_body_free(b);
        return NULL;
    }

    return b;
}


static int
code_before(const unsigned char *a, size_t a_len, const unsigned char *b,
    size_t b_len)
{
    return memcmp(a, b, a_len < b_len ? a_len : b_len) <= 0;
}


static int
term_meets(const hx_term_t *t, const hx_ask_t *q)
{
    int             many;
    size_t          len;
    unsigned        i;
    uint64_t        path;
    unsigned char   code[HX_TERM_CODE_MAX];

    hx_fuzz_check(hx_term_length(t->text, t->len) == t->len);

    for (path = 0, i = 0; i < 8; i++) {
        path = path << 8 | t->text[i];
    }

    if (t->text[8] == HX_TERM_ANY && (path == 0 || path == q->path)) {
        return 1;
    }

    if (path != q->path || q->kind == HX_ASK_EXISTS) {
        return path == q->path;
    }

    len = t->len - 8u;
    memcpy(code, t->text + 8, len);
    many = (code[0] & HX_TERM_MANY) != 0;
    code[0] &= (unsigned char) ~HX_TERM_MANY;

    if (q->kind == HX_ASK_RANGE) {
        return code[0] == q->code[0].code[0]
               && (code_before(q->code[0].code, q->code[0].len, code, len)
                   || (many && q->code[1].len != 1))
               && (code_before(code, len, q->code[1].code, q->code[1].len)
                   || (many && q->code[0].len != 1));
    }

    for (i = 0; i < q->n; i++) {
        if (q->code[i].len == len && !memcmp(q->code[i].code, code, len)) {
            return 1;
        }
    }

    return 0;
}


static void
check_found(void)
{
    unsigned  i, k;

    for (i = 0; i < asks.n; i++) {
        for (k = 0; k < terms.n && !term_meets(&terms.term[k], &asks.ask[i]);
             k++) { /* void */ }

        hx_fuzz_check(k < terms.n);
    }
}


static void
run(const uint8_t *f, size_t f_len, const uint8_t *m, size_t m_len)
{
    uint8_t   mem[64];
    hx_buf_t  b;

    hx_buf_init(&b, mem, sizeof(mem));
    hx_fuzz_check(hx_json_unique(m, m_len, &b) != HX_FAIL && hx_buf_ok(&b));
    hx_terms_extract(&terms, m, m_len);
    hx_fuzz_check(terms.n <= HX_TERMS_MAX);
    hx_fuzz_check(terms.n <= hx_terms_bound(m_len));

    if (hx_filter_parse(&filter, f, f_len, &wrong) != HX_FILTER_OK) {
        hx_fuzz_check(wrong.code != HX_FILTER_OK);
        return;
    }

    hx_term_asks(&asks, &filter);
    hx_fuzz_check(asks.n <= filter.n);
    (void) hx_filter_match(&filter, m, m_len);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int             match;
    size_t          n;
    uint8_t        *f_raw, *m_raw, mem[64];
    hx_buf_t        path;
    hx_body_t      *f, *m;
    const uint8_t  *line;

    line = len != 0 ? memchr(data, '\n', len) : NULL;
    n = line != NULL ? (size_t) (line - data) : len;
    f_raw = hx_fuzz_copy(data, n);
    m_raw = hx_fuzz_copy(data + n + (line != NULL),
                         len - n - (line != NULL));
    run(f_raw, n, m_raw, len - n - (line != NULL));

    f = take(HX_F_FILTERS, "{\"filters\":", f_raw, n);
    m = take(HX_F_METADATA, "{\"metadata\":", m_raw,
             len - n - (line != NULL));

    if (f != NULL && m != NULL) {
        run(f->meta.start, hx_buf_len(&f->meta), m->meta.start,
            hx_buf_len(&m->meta));
        hx_buf_init(&path, mem, sizeof(mem));
        hx_fuzz_check(hx_json_unique(m->meta.start, hx_buf_len(&m->meta),
                                     &path) == HX_OK);

        if (hx_filter_parse(&filter, f->meta.start, hx_buf_len(&f->meta),
                            &wrong) == HX_FILTER_OK)
        {
            match = hx_filter_match(&filter, m->meta.start,
                                    hx_buf_len(&m->meta));

            if (match) {
                check_found();
            }
        }
    }

    hx_body_free(f);
    hx_body_free(m);
    free(f_raw);
    free(m_raw);

    return 0;
}
