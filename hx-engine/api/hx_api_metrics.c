/*
 * hx_api_metrics.c -- GET /metrics: Prometheus' text format, no key needed.
 *
 * For a scraper that reaches the engine itself.  What comes through the gate
 * names a namespace or a tenant, and finds nothing here.  Runs on a worker.
 */

#include <stdio.h>
#include <string.h>

#include "hx_api_op.h"

/* Bytes of one line: names, a number, and a label value escaped twice. */
#define HX_METRIC_LINE     (160 + 2 * HX_DOMAIN_MAX)
#define HX_METRIC_NS       1000                 /* namespaces of their own */
#define HX_METRIC_NS_LINE  (60 + HX_NAMESPACE_MAX)
#define HX_METRIC_SERIES   (HX_COUNTS_BOUNDS + 3)     /* lines of a histogram */
#define HX_METRIC_FIXED                                                       \
    (HX_COUNTS_OPS * HX_COUNTS_STATUSES + 100                               \
     + HX_COUNTS_KINDS * HX_METRIC_SERIES)            /* lines */


static void
hx_metric_text(hx_buf_t *b, const char *s)
{
    hx_buf_add(b, s, strlen(s));
}


static void
hx_metric_number(hx_buf_t *b, double v)
{
    int   n;
    char  text[40];

    n = snprintf(text, sizeof(text), "%.15g", v);
    hx_buf_add(b, text, (size_t) n);
}


static void
hx_metric_head(hx_buf_t *b, const char *name, const char *type,
    const char *help)
{
    hx_metric_text(b, "# HELP ");
    hx_metric_text(b, name);
    hx_buf_byte(b, ' ');
    hx_metric_text(b, help);
    hx_metric_text(b, "\n# TYPE ");
    hx_metric_text(b, name);
    hx_buf_byte(b, ' ');
    hx_metric_text(b, type);
    hx_buf_byte(b, '\n');
}


/* A label value: backslash, quote and line end have escapes. */
static void
hx_metric_label(hx_buf_t *b, const char *name, const unsigned char *s,
    size_t len)
{
    size_t  i;

    hx_metric_text(b, name);
    hx_buf_lit(b, "=\"");

    for (i = 0; i < len; i++) {
        if (s[i] == '\n') {
            hx_buf_lit(b, "\\n");
            continue;
        }
        if (s[i] == '"' || s[i] == '\\') {
            hx_buf_byte(b, '\\');
        }
        hx_buf_byte(b, s[i]);
    }

    hx_buf_byte(b, '"');
}


static void
hx_metric_plain(hx_buf_t *b, const char *name, const char *type,
    const char *help, uint64_t v)
{
    hx_metric_head(b, name, type, help);
    hx_metric_text(b, name);
    hx_buf_byte(b, ' ');
    hx_text_u64(b, v);
    hx_buf_byte(b, '\n');
}


/* labels: the text between the braces; nothing when it never happened. */
static void
hx_metric_histogram(hx_buf_t *b, const char *name, const hx_bounds_t *bounds,
    const hx_histogram_t *h, const hx_buf_t *labels)
{
    uint64_t  n;
    unsigned  i;
    uint64_t  each[HX_COUNTS_BOUNDS + 1];

    for (n = 0, i = 0; i <= bounds->n; i++) {
        each[i] = atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        n += each[i];
    }

    if (n == 0) {
        return;
    }

    for (n = 0, i = 0; i <= bounds->n; i++) {
        /* set above */
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
        n += each[i];
        hx_metric_text(b, name);
        hx_buf_lit(b, "_bucket{");
        hx_buf_add(b, labels->start, hx_buf_len(labels));
        hx_buf_lit(b, ",le=\"");

        if (i < bounds->n) {
            hx_metric_number(b, bounds->le[i]);

        } else {
            hx_buf_lit(b, "+Inf");
        }

        hx_buf_lit(b, "\"} ");
        hx_text_u64(b, n);
        hx_buf_byte(b, '\n');
    }

    hx_metric_text(b, name);
    hx_buf_lit(b, "_sum{");
    hx_buf_add(b, labels->start, hx_buf_len(labels));
    hx_buf_lit(b, "} ");
    hx_metric_number(b, atomic_load(&h->sum));
    hx_buf_byte(b, '\n');

    hx_metric_text(b, name);
    hx_buf_lit(b, "_count{");
    hx_buf_add(b, labels->start, hx_buf_len(labels));
    hx_buf_lit(b, "} ");
    hx_text_u64(b, n);
    hx_buf_byte(b, '\n');
}


static void
hx_metric_requests(hx_buf_t *b, const hx_counts_t *m)
{
    uint64_t    n;
    unsigned    op, i;
    const char  *name = "hx_engine_requests_total";

    hx_metric_head(b, name, "counter", "Requests by operation and status; "
                   "status 0: ended without an answer, or another code.");

    for (op = 0; op < HX_COUNTS_OPS; op++) {
        for (i = 0; i < HX_COUNTS_STATUSES; i++) {
            n = atomic_load_explicit(&m->request[op][i],
                                     memory_order_relaxed);
            if (n == 0) {
                continue;
            }

            hx_metric_text(b, name);
            hx_buf_lit(b, "{operation=\"");
            hx_op_name(b, op);
            hx_buf_lit(b, "\",status=\"");
            hx_text_u64(b, hx_counts_status(i));
            hx_buf_lit(b, "\"} ");
            hx_text_u64(b, n);
            hx_buf_byte(b, '\n');
        }
    }
}


typedef void (*hx_metric_domain_pt)(hx_buf_t *b, const hx_counts_domain_t *d,
    hx_buf_t *labels);


static void
hx_metric_seconds(hx_buf_t *b, const hx_counts_domain_t *d, hx_buf_t *labels)
{
    hx_metric_histogram(b, "hx_engine_put_duration_seconds",
                        &hx_bounds_seconds, &d->seconds, labels);
}


static void
hx_metric_ratio(hx_buf_t *b, const hx_counts_domain_t *d, hx_buf_t *labels)
{
    unsigned        i;
    unsigned char  *end;

    end = labels->last;

    for (i = 0; i < HX_COUNTS_VERDICTS; i++) {
        labels->last = end;
        hx_buf_lit(labels, ",verdict=\"");
        hx_metric_text(labels, hx_counts_verdict(i));
        hx_buf_byte(labels, '"');
        hx_metric_histogram(b, "hx_engine_compression_ratio",
                            &hx_bounds_ratio, &d->ratio[i], labels);
    }
}


static void
hx_metric_domains(hx_buf_t *b, const hx_counts_t *m, unsigned n,
    hx_metric_domain_pt each)
{
    unsigned                    i;
    hx_buf_t                    labels;
    unsigned char               mem[HX_METRIC_LINE];
    const hx_counts_domain_t  *d;

    for (i = 0; i <= n; i++) {
        d = i < n ? &m->domain[i] : &m->other;
        hx_buf_init(&labels, mem, sizeof(mem));
        hx_metric_label(&labels, "domain", d->name, d->len);
        each(b, d, &labels);
    }
}


static void
hx_metric_queries(hx_buf_t *b, const hx_counts_t *m)
{
    unsigned        i;
    hx_buf_t        labels;
    unsigned char   mem[32];
    const char     *name = "hx_engine_query_duration_seconds";

    hx_metric_head(b, name, "histogram",
                   "Similarity queries, from the complete body to the answer.");

    for (i = 0; i < HX_COUNTS_KINDS; i++) {
        hx_buf_init(&labels, mem, sizeof(mem));
        hx_metric_label(&labels, "metric",
                        (const unsigned char *) hx_counts_kind(i),
                        strlen(hx_counts_kind(i)));
        hx_metric_histogram(b, name, &hx_bounds_seconds, &m->query[i],
                            &labels);
    }
}


static void
hx_metric_store(hx_buf_t *b, hx_store_t *store)
{
    hx_store_stats_t  st;

    hx_store_stats(store, &st);

    hx_metric_plain(b, "hx_engine_stored_puts_total", "counter",
                    "Versions written and synced.", st.puts);
    hx_metric_plain(b, "hx_engine_stored_deletes_total", "counter",
                    "Deletes written and synced.", st.deletes);
    hx_metric_plain(b, "hx_engine_commits_total", "counter",
                    "Transactions synced to disk.", st.commits);
    hx_metric_plain(b, "hx_engine_write_failures_total", "counter",
                    "Writes that did not fit or failed.", st.failures);
    hx_metric_plain(b, "hx_engine_commit_batch_max", "gauge",
                    "Most writes in one transaction.", st.batch_max);
    hx_metric_plain(b, "hx_engine_write_queue", "gauge",
                    "Writes waiting for the store.", st.queued);
    hx_metric_plain(b, "hx_engine_removed_versions_total", "counter",
                    "Versions beyond those that are kept.", st.purged);
    hx_metric_plain(b, "hx_engine_removals_waiting", "gauge",
                    "Removed values whose bytes are still there.", st.doomed);
    hx_metric_plain(b, "hx_engine_search_index_complete", "gauge",
                    "1: searches use the index of metadata.",
                    (uint64_t) st.indexed);
}


typedef struct {
    hx_buf_t    *b;
    const char  *name;
    int          bytes;                 /* else keys */
    unsigned     n;
    int          others;                /* there are such: */
    uint64_t     rest;                  /* of those beyond HX_METRIC_NS, and of
                                         * the one that is called "other" */
} hx_metric_ns_t;


static const hx_str_t  hx_metric_other = hx_string("other");


static void
hx_metric_ns_line(hx_metric_ns_t *m, const hx_str_t *ns, uint64_t v)
{
    hx_metric_text(m->b, m->name);
    hx_buf_byte(m->b, '{');
    hx_metric_label(m->b, "namespace", ns->data, ns->len);
    hx_buf_lit(m->b, "} ");
    hx_text_u64(m->b, v);
    hx_buf_byte(m->b, '\n');
}


static int
hx_metric_ns_each(void *data, const hx_store_ns_t *ns)
{
    uint64_t         v;
    hx_metric_ns_t  *m;

    m = data;
    v = m->bytes ? ns->bytes : ns->keys;

    if (!ns->known) {
        return 1;                       /* "hx-engine check" says more */
    }

    if (m->n == HX_METRIC_NS
        || (ns->name.len == hx_metric_other.len
            && memcmp(ns->name.data, hx_metric_other.data,
                      ns->name.len) == 0))
    {
        m->others = 1;
        m->rest += v;
        return 1;
    }

    hx_metric_ns_line(m, &ns->name, v);
    m->n++;

    return 1;
}


static hx_store_rc_t
hx_metric_ns_family(hx_buf_t *b, const hx_store_view_t *v, const char *name,
    const char *help, int bytes)
{
    hx_store_rc_t    rc;
    hx_metric_ns_t   m;

    static const hx_str_t  start = hx_string("");

    m.b = b;
    m.name = name;
    m.bytes = bytes;
    m.n = 0;
    m.others = 0;
    m.rest = 0;

    hx_metric_head(b, name, "gauge", help);
    rc = hx_store_namespaces(v, &start, hx_metric_ns_each, &m);

    if (m.others) {
        hx_metric_ns_line(&m, &hx_metric_other, m.rest);
    }

    return rc;
}


/* Both of the same moment of the store; 0, or -1: the reply is set. */
static int
hx_metric_namespaces(hx_buf_t *b, hx_req_t *r)
{
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    if (hx_req_view(r, &v) != 0) {
        return -1;
    }

    rc = hx_metric_ns_family(b, &v, "hx_engine_active_keys",
                             "Live keys of a namespace.", 0);

    if (rc == HX_STORE_OK) {
        rc = hx_metric_ns_family(b, &v, "hx_engine_storage_bytes",
                                 "Stored bytes of all versions kept of a "
                                 "namespace.", 1);
    }

    hx_store_view_end(&v);

    if (rc != HX_STORE_OK) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Storage is unavailable");
        r->reply.reason = "namespaces";
        return -1;
    }

    return 0;
}


static void
hx_metric_index(hx_buf_t *b, hx_index_t *index)
{
    hx_index_stats_t  st;

    hx_index_stats(index, &st);

    hx_metric_plain(b, "hx_engine_index_ready", "gauge",
                    "1: queries are answered.",
                    st.progress.state == HX_INDEX_READY);
    hx_metric_plain(b, "hx_engine_index_rows", "gauge",
                    "Arrays that queries look at.", st.rows);
    hx_metric_plain(b, "hx_engine_index_train_rows", "gauge",
                    "Of these, trains compared core by core.", st.trains);
    hx_metric_plain(b, "hx_engine_index_bare_rows", "gauge",
                    "Of these, without a copy in memory.", st.bare);
    hx_metric_plain(b, "hx_engine_index_bytes", "gauge",
                    "Bytes of copies in memory.", st.bytes);
    hx_metric_plain(b, "hx_engine_index_limit_bytes", "gauge",
                    "HOLONOMIX_INDEX_BYTES.", st.max_bytes);
    hx_metric_plain(b, "hx_engine_index_corrupt_records", "gauge",
                    "Damaged records left out at start.",
                    st.progress.corrupt);
    hx_metric_plain(b, "hx_engine_index_queries_total", "counter",
                    "topk and vector queries.", st.queries);
    hx_metric_plain(b, "hx_engine_index_scanned_rows_total", "counter",
                    "Rows they looked at in memory.", st.scanned);
    hx_metric_plain(b, "hx_engine_index_pruned_rows_total", "counter",
                    "Of these, passed over by their signature.", st.pruned);
    hx_metric_plain(b, "hx_engine_index_compared_rows_total", "counter",
                    "Arrays read from the store and compared.", st.compared);
}


static void
hx_metric_server(hx_buf_t *b, hx_api_t *api)
{
    hx_gauges_t  g;

    memset(&g, 0, sizeof(g));
    api->gauges(api->gauges_data, &g);

    hx_metric_plain(b, "hx_engine_inflight_bytes", "gauge",
                    "Bytes of payloads in memory and of work on them.",
                    atomic_load(&api->budget.used));
    hx_metric_plain(b, "hx_engine_inflight_limit_bytes", "gauge",
                    "HOLONOMIX_INFLIGHT_BYTES.", api->budget.max);
    hx_metric_plain(b, "hx_engine_worker_queue", "gauge",
                    "Requests waiting for a worker or for memory.",
                    g.worker_queue);
    hx_metric_plain(b, "hx_engine_connections", "gauge", "Open connections.",
                    g.connections);
    hx_metric_plain(b, "hx_engine_connections_accepted_total", "counter",
                    "Connections taken.", g.accepted);
    hx_metric_plain(b, "hx_engine_connections_refused_total", "counter",
                    "Connections closed at once: too many.", g.refused);
    hx_metric_plain(b, "hx_engine_log_lines_dropped_total", "counter",
                    "Log lines whose reader was too slow.", g.log_dropped);
    hx_metric_plain(b, "hx_engine_tls_reload_failures_total", "counter",
                    "SIGHUPs that found no usable certificate.",
                    g.tls_failures);
}


void
hx_metrics_check(hx_req_t *r)
{
    if (r->has_ns_header || r->has_tenant) {
        hx_reply_error(&r->reply, HX_E_NOT_FOUND, "No such path");
    }
}


hx_rc_t
hx_metrics_run(hx_req_t *r, hx_crypto_t *crypto)
{
    size_t                lines;
    unsigned              n;
    hx_buf_t             *b;
    const hx_counts_t   *m;

    (void) crypto;

    m = &r->api->counts;
    n = atomic_load_explicit(&m->n_domains, memory_order_acquire);
    lines = HX_METRIC_FIXED
            + (n + 1) * HX_METRIC_SERIES * (HX_COUNTS_VERDICTS + 1);

    b = hx_reply_open(&r->reply, 200, lines * HX_METRIC_LINE
                                      + 2 * (HX_METRIC_NS + 1)
                                        * HX_METRIC_NS_LINE);
    if (b == NULL) {
        return HX_OK;
    }

    r->reply.type = "text/plain; version=0.0.4; charset=utf-8";

    hx_metric_requests(b, m);
    hx_metric_head(b, "hx_engine_put_duration_seconds", "histogram",
                   "Puts, from the complete body to the answer.");
    hx_metric_domains(b, m, n, hx_metric_seconds);
    hx_metric_head(b, "hx_engine_compression_ratio", "histogram",
                   "Bytes uploaded over bytes stored, of puts.");
    hx_metric_domains(b, m, n, hx_metric_ratio);
    hx_metric_queries(b, m);
    hx_metric_store(b, r->api->store);

    if (hx_metric_namespaces(b, r) != 0) {
        return HX_OK;
    }

    hx_metric_index(b, r->api->index);
    hx_metric_server(b, r->api);

    if (!hx_buf_ok(b)) {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Metrics do not fit");
    }

    return HX_OK;
}
