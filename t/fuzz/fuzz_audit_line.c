/*
 * fuzz_audit_line.c -- lines of an audit trail that anybody may have written:
 * tool/hx_audit_record_read.h, hx_audit_verify.h and policy/hx_chain.h.  The
 * quick reader and the JSON scanner find the same in a record that both can
 * read; a chained line is just the bytes that its parts make; verification
 * says the same of the same lines, and nothing worse when it has a key.
 *
 * sources: hx_audit_record_read.c hx_audit_record_time.c hx_audit_verify.c
 * sources: hx_audit_verify_check.c hx_audit_verify_gap.c hx_chain.c
 * sources: hx_audit_verify_writer.c
 */

#include "hx_audit_record_read.h"
#include "hx_audit_verify.h"
#include "hx_fuzz_in.h"
#include "hx_text.h"

#define FUZZ_LINES   64


static void
check_text(const hx_str_t *a, const hx_str_t *b)
{
    hx_fuzz_check((a->data == NULL) == (b->data == NULL));
    hx_fuzz_check(hx_fuzz_same(a, b));
}


static void
check_record(const hx_str_t *line)
{
    hx_rc_t       rc, scanned;
    uint8_t      *blank;
    hx_record_t   a, b;

    static hx_record_reader_t  ra, rb;

    rc = hx_record_read(&ra, &a, line->data, line->len);
    hx_fuzz_check(rc != HX_FAIL);

    if (line->len == 0 || line->data[0] != '{') {
        hx_fuzz_check(rc == HX_NO);
        return;
    }

    /* a blank behind the brace, and only the scanner can read it */

    blank = malloc(line->len + 1);
    hx_fuzz_check(blank != NULL);
    blank[0] = '{';
    blank[1] = ' ';
    memcpy(blank + 2, line->data + 1, line->len - 1);
    scanned = hx_record_read(&rb, &b, blank, line->len + 1);
    hx_fuzz_check(scanned != HX_OK || rc == HX_OK);

    if (scanned == HX_OK) {
        check_text(&a.ts, &b.ts);
        check_text(&a.tenant, &b.tenant);
        check_text(&a.method, &b.method);
        check_text(&a.path, &b.path);
        check_text(&a.ns, &b.ns);
        check_text(&a.request_id, &b.request_id);
        check_text(&a.operation, &b.operation);
        check_text(&a.outcome, &b.outcome);
        hx_fuzz_check(a.ms == b.ms && a.ms != HX_RECORD_NONE);
        hx_fuzz_check(a.status == b.status && a.cus == b.cus);
        hx_fuzz_check(a.latency_ms == b.latency_ms);
        hx_fuzz_check(a.amends == b.amends && a.checkpoint == b.checkpoint);
    }

    free(blank);
}


/* There is one way to write it. */
static void
check_chained(const hx_chain_line_t *l, const hx_str_t *line)
{
    hx_buf_t  b;

    static unsigned char  out[65536];

    hx_buf_init(&b, out, sizeof(out));
    hx_buf_add(&b, l->head.data, l->head.len);
    hx_buf_lit(&b, ",\"hash\":\"");
    hx_text_hex_add(&b, l->hash, HX_CHAIN_HASH);
    hx_buf_byte(&b, '"');

    if (l->sig_len != 0) {
        hx_buf_lit(&b, ",\"sig\":\"");
        hx_text_hex_add(&b, l->sig, l->sig_len);
        hx_buf_byte(&b, '"');
    }

    hx_buf_byte(&b, '}');
    hx_fuzz_check(!hx_buf_ok(&b)
                  || (hx_buf_len(&b) == line->len
                      && memcmp(out, line->data, line->len) == 0));

    hx_fuzz_check(l->head.data == line->data);
    hx_fuzz_check(l->seq >= 1 && l->seq <= HX_CHAIN_SEQ_MAX);
    hx_fuzz_check(l->writer.len == HX_CHAIN_WRITER);
    hx_fuzz_check(l->writer.data > line->data
                  && l->writer.data + l->writer.len
                     <= line->data + l->head.len);
    hx_fuzz_check(l->kind != HX_CHAIN_KIND_COUNT || l->sig_len == 0);
}


static void
verify(const hx_str_t *line, unsigned n, const hx_sign_t *key,
    hx_verify_result_t *result)
{
    unsigned           i;
    hx_verify_t       *v;
    hx_verify_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.key = key;
    v = hx_verify_create(&conf);
    hx_fuzz_check(v != NULL);
    hx_verify_file(v);

    for (i = 0; i < n; i++) {
        hx_fuzz_check(hx_verify_line(v, line[i].data, line[i].len, i + 1)
                      == HX_OK);

        if (line[i].len == 1) {
            hx_verify_file(v);
        }
    }

    *result = *hx_verify_end(v);
    hx_verify_free(v);
}


static void
check_verify(const hx_str_t *line, unsigned n)
{
    unsigned             i;
    const char          *err;
    hx_sign_t           *key;
    hx_verify_result_t   a, b;

    static const unsigned char  secret[] = "0123456789abcdef0123456789abcdef";

    hx_fuzz_check(hx_sign_read(&key, secret, sizeof(secret) - 1, &err)
                  == HX_OK);
    verify(line, n, NULL, &a);
    verify(line, n, key, &b);
    hx_sign_free(key);

    hx_fuzz_check(a.lines == n && b.lines == n);
    hx_fuzz_check(a.records + a.checkpoints <= n);
    hx_fuzz_check(a.records == b.records && a.checkpoints == b.checkpoints);
    hx_fuzz_check(a.writers == b.writers);

    for (i = 0; i < HX_FINDING_COUNT; i++) {
        hx_fuzz_check(i == HX_FINDING_SIGNATURE
                      || a.finding[i].count <= b.finding[i].count);
    }

    hx_fuzz_check(a.finding[HX_FINDING_SIGNATURE].count == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    hx_str_t          line[FUZZ_LINES], s;
    uint8_t          *copy[FUZZ_LINES];
    unsigned          i, n, chained;
    hx_fuzz_in_t      in;
    hx_chain_line_t   l;

    hx_fuzz_in(&in, data, len);
    chained = 0;

    for (n = 0; n < FUZZ_LINES && in.left != 0; n++) {
        s = hx_fuzz_line(&in);
        copy[n] = hx_fuzz_copy(s.data, s.len);
        line[n].data = copy[n];
        line[n].len = s.len;
        check_record(&line[n]);
        (void) hx_record_time(line[n].data, line[n].len);

        if (hx_chain_parse(&l, line[n].data, line[n].len) == HX_OK) {
            check_chained(&l, &line[n]);
            chained++;
        }
    }

    /* a megabyte of memory each: not where there is nothing to find */

    if (chained != 0) {
        check_verify(line, n);
    }

    for (i = 0; i < n; i++) {
        free(copy[i]);
    }

    return 0;
}
