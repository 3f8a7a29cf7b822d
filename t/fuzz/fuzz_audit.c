/*
 * fuzz_audit.c -- policy/hx_audit.h, hx_chain.h and the tool's readers: what
 * the gate writes of any request is one line of strict JSON that fits, is read
 * back as what was written, and stands in a chain that verifies, with a signed
 * checkpoint at each end; with one byte of a record changed it does not.
 *
 * sources: hx_audit.c hx_chain.c hx_json_write.c hx_audit_record_read.c
 * sources: hx_audit_verify.c hx_audit_verify_check.c hx_sign.c
 */

#include "hx_audit.h"
#include "hx_audit_record_read.h"
#include "hx_audit_verify.h"
#include "hx_fuzz_in.h"
#include "hx_json_log.h"
#include "hx_text.h"

typedef struct {
    hx_audit_record_t    r;
    hx_audit_extended_t  e;
    hx_audit_change_t    change;
} record_t;

static hx_crypto_t     *crypto;
static hx_sign_t       *key;
static unsigned char    line[2][HX_AUDIT_LINE_MAX];
static unsigned char    edge[2][1024];


static void
once(void)
{
    const char  *err;

    static const unsigned char  secret[] = "0123456789abcdef0123456789abcdef";

    if (crypto == NULL) {
        crypto = hx_crypto_create();
        hx_fuzz_check(crypto != NULL);
        hx_fuzz_check(hx_sign_read(&key, secret, sizeof(secret) - 1, &err)
                      == HX_OK);
    }
}


/* At most max bytes, or none at all where the first of them is 0. */
static hx_str_t
text(hx_fuzz_in_t *in, size_t max, int null)
{
    hx_str_t  s;

    s = hx_fuzz_bytes(in, hx_fuzz_number(in, max > 255 ? 2 : 1) % (max + 1));

    if (null && s.len != 0 && s.data[0] == 0) {
        s.data = NULL;
        s.len = 0;
    }

    return s;
}


static void
make(hx_fuzz_in_t *in, record_t *x)
{
    unsigned  flags;

    memset(x, 0, sizeof(record_t));
    flags = hx_fuzz_byte(in);
    x->r.sec = (int64_t) (hx_fuzz_number(in, 5) % 253402300800);
    x->r.msec = (unsigned) hx_fuzz_number(in, 2) % 1000;
    x->r.status = (unsigned) hx_fuzz_number(in, 2) % 1000;
    x->r.cus = (uint32_t) hx_fuzz_number(in, 4);
    x->r.latency_ms = hx_fuzz_number(in, 4);
    x->r.tenant = text(in, HX_TENANT_MAX, 1);
    x->r.method = text(in, 32, 0);
    x->r.path = text(in, 2 * HX_AUDIT_PATH_MAX, 0);
    x->r.ns = text(in, HX_NAMESPACE_MAX, 1);
    x->r.request_id = text(in, HX_REQUEST_ID_MAX, 0);
    x->r.outcome = flags & 1 ? "admitted" : NULL;
    x->r.amends = flags >> 1 & 1;

    if (flags & 4) {
        x->r.extended = &x->e;
    }

    x->e.outcome = "rate_limited";
    x->e.operation = text(in, 32, 1);
    x->e.client = text(in, 64, 1);
    x->e.user_agent = text(in, 2 * HX_AUDIT_AGENT_MAX, 1);
    x->e.bytes_in = hx_fuzz_number(in, 8);
    x->e.bytes_out = hx_fuzz_number(in, 8);
    x->e.upstream_ms = (int64_t) hx_fuzz_number(in, 8);
    x->e.error = flags & 8 ? "no \"answer\"" : NULL;
    x->e.admin = flags >> 4 & 1;
    x->e.change = flags & 32 ? &x->change : NULL;
    x->change.has_before = flags >> 6 & 1;
    x->change.has_after = flags >> 7;
    x->e.event_result = flags & 64 ? "applied" : NULL;
    x->e.event_type = text(in, 255, 1);
    x->e.event_id = text(in, 255, 1);
    x->e.other = text(in, HX_TENANT_MAX, 1);
    x->e.other_change = x->e.change;
}


/* A string was written as it was, if that can be written in JSON. */
static void
check_text(const hx_str_t *wrote, const hx_str_t *read)
{
    if (wrote->data == NULL) {
        hx_fuzz_check(read->data == NULL);
        return;
    }

    hx_fuzz_check(read->data != NULL);

    if (hx_text_utf8(wrote->data, wrote->len) == wrote->len) {
        hx_fuzz_check(hx_fuzz_same(wrote, read));
    }
}


static void
check_path(const hx_str_t *target, const hx_str_t *read)
{
    hx_str_t        path;
    const uint8_t  *q;

    path = *target;
    q = path.len != 0 ? memchr(path.data, '?', path.len) : NULL;
    path.len = q != NULL ? (size_t) (q - path.data) : path.len;

    if (path.len <= HX_AUDIT_PATH_MAX) {
        check_text(&path, read);

    } else {
        hx_fuzz_check(read->len >= 3
                      && memcmp(read->data + read->len - 3, "...", 3) == 0);
    }
}


static void
check_read(const record_t *x, const hx_str_t *l)
{
    hx_record_t  r;

    static hx_record_reader_t  rd;

    hx_fuzz_check(hx_record_read(&rd, &r, l->data, l->len) == HX_OK);
    check_text(&x->r.tenant, &r.tenant);
    check_text(&x->r.method, &r.method);
    check_text(&x->r.ns, &r.ns);
    check_text(&x->r.request_id, &r.request_id);
    check_path(&x->r.path, &r.path);
    hx_fuzz_check(r.ms == x->r.sec * 1000 + x->r.msec);
    hx_fuzz_check(r.status == x->r.status && r.cus == x->r.cus);
    hx_fuzz_check(r.latency_ms == x->r.latency_ms);
    hx_fuzz_check(r.amends == x->r.amends && !r.checkpoint);

    if (x->r.extended != NULL) {
        check_text(&x->e.operation, &r.operation);
    }

    hx_fuzz_check((r.outcome.data != NULL)
                  == (x->r.extended != NULL || x->r.outcome != NULL));
}


/* One line of JSON, whatever was in it. */
static void
check_json(const hx_str_t *l)
{
    uint64_t  offset;
    hx_log_t  log;

    hx_fuzz_check(memchr(l->data, '\n', l->len) == NULL);
    memset(&log, 0, sizeof(log));
    hx_fuzz_check(hx_log_run(&log, l->data, l->len, 0, NULL, &offset)
                  == HX_JSON_OK);
    free(log.p);
}


static hx_str_t
write_record(const record_t *x, unsigned i, hx_chain_t *chain)
{
    hx_buf_t       b;
    hx_str_t       l;
    hx_chain_t     next;
    unsigned char  ts[24];

    hx_text_time(ts, x->r.sec, x->r.msec);
    hx_buf_init(&b, line[i], HX_AUDIT_LINE_MAX);
    hx_audit_members(&b, &x->r, ts);
    hx_fuzz_check(hx_chain_link(crypto, &b, line[i], chain, &next) == HX_OK);
    hx_buf_lit(&b, "}\n");
    hx_fuzz_check(hx_buf_ok(&b));
    *chain = next;
    l.data = line[i];
    l.len = hx_buf_len(&b) - 1;

    return l;
}


static hx_str_t
write_checkpoint(hx_chain_kind_t kind, unsigned i, hx_chain_t *chain)
{
    hx_buf_t          b;
    hx_str_t          l;
    hx_chain_t        next;
    hx_checkpoint_t   cp;

    cp.kind = kind;
    cp.node = (hx_str_t) hx_string("node \"one\"");
    cp.lost = 0;
    cp.key = key;
    hx_buf_init(&b, edge[i], sizeof(edge[i]));
    hx_fuzz_check(hx_chain_checkpoint(crypto, &b, &cp,
                      (const unsigned char *) "2026-01-31T23:59:59.123Z",
                      chain, &next) == HX_OK);
    hx_fuzz_check(hx_buf_ok(&b));
    *chain = next;
    l.data = edge[i];
    l.len = hx_buf_len(&b) - 1;

    return l;
}


static uint64_t
verify(const hx_str_t l[4])
{
    uint64_t           n;
    unsigned           i;
    hx_verify_t       *v;
    hx_verify_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.key = key;
    v = hx_verify_create(&conf);
    hx_fuzz_check(v != NULL);
    hx_verify_file(v);

    for (i = 0; i < 4; i++) {
        hx_fuzz_check(hx_verify_line(v, l[i].data, l[i].len, i + 1) == HX_OK);
    }

    n = hx_verify_findings(hx_verify_end(v));
    hx_verify_free(v);

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t            at;
    hx_str_t          l[4];
    record_t          x;
    unsigned          i;
    uint64_t          seed;
    hx_chain_t        chain;
    hx_fuzz_in_t      in;
    hx_chain_line_t   parsed;

    once();
    seed = hx_fuzz_seed(data, len);
    hx_fuzz_in(&in, data, len);

    memset(&chain, 0, sizeof(chain));
    memcpy(chain.writer, "0123456789abcdef", HX_CHAIN_WRITER);
    l[0] = write_checkpoint(HX_CHAIN_BEGIN, 0, &chain);

    for (i = 1; i < 3; i++) {
        make(&in, &x);
        l[i] = write_record(&x, i - 1, &chain);
        check_json(&l[i]);
        check_read(&x, &l[i]);
        hx_fuzz_check(hx_chain_parse(&parsed, l[i].data, l[i].len) == HX_OK);
        hx_fuzz_check(parsed.kind == HX_CHAIN_KIND_COUNT
                      && parsed.seq == i + 1);
    }

    l[3] = write_checkpoint(HX_CHAIN_END, 1, &chain);

    /* a megabyte of memory each: not for all of them */

    if (seed % 4 != 0) {
        return 0;
    }

    hx_fuzz_check(verify(l) == 0);

    at = seed % l[1].len;
    line[0][at] ^= (unsigned char) (1 + (seed >> 32) % 255);
    hx_fuzz_check(verify(l) != 0);

    return 0;
}
