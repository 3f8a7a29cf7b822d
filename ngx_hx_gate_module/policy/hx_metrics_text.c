/*
 * hx_metrics_text.c -- the numbers as Prometheus reads them: text format 0.0.4.
 *
 * Others go on counting meanwhile.  Each word is read once, and what has to
 * agree (the buckets of a histogram, a tenant's id and its numbers) is copied
 * before it is written.
 */

#include "hx_metrics_impl.h"
#include "hx_text.h"

/* where a series stands: its labels, already escaped */
typedef struct {
    const char     *method;
    size_t          len;
    unsigned char   path[HX_METRICS_LABEL_MAX];
} hx_metrics_labels_t;


static const char *const  hx_metrics_methods[] = {
#define X(name)  #name,
    HX_METRICS_METHODS(X)
#undef X
    "other"
};

static const char *const  hx_metrics_statuses[] = {
    "other", "1xx", "2xx", "3xx", "4xx", "5xx",
#define X(status)  #status,
    HX_METRICS_STATUSES(X)
#undef X
};

static const char *const  hx_metrics_bounds[] = {
    "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
    "1", "2.5", "5", "10", "30", "+Inf"
};

_Static_assert(hx_nelts(hx_metrics_methods) == HX_METRICS_METHOD_COUNT,
               "methods");
_Static_assert(hx_nelts(hx_metrics_statuses) == HX_METRICS_STATUS_COUNT,
               "statuses");
_Static_assert(hx_nelts(hx_metrics_bounds) == HX_METRICS_BUCKETS, "buckets");


void
hx_metrics_words(hx_buf_t *b, const char *s)
{
    hx_buf_add(b, s, strlen(s));
}


void
hx_metrics_family(hx_buf_t *b, const char *name, const char *type,
    const char *help)
{
    hx_buf_lit(b, "# HELP ");
    hx_metrics_words(b, name);
    hx_buf_byte(b, ' ');
    hx_metrics_words(b, help);
    hx_buf_lit(b, "\n# TYPE ");
    hx_metrics_words(b, name);
    hx_buf_byte(b, ' ');
    hx_metrics_words(b, type);
    hx_buf_byte(b, '\n');
}


void
hx_metrics_sample(hx_buf_t *b, const char *name, const char *labels,
    uint64_t v)
{
    hx_metrics_words(b, name);
    hx_metrics_words(b, labels);
    hx_buf_byte(b, ' ');
    hx_text_u64(b, v);
    hx_buf_byte(b, '\n');
}


void
hx_metrics_labelled(hx_buf_t *b, const char *name, const char *label,
    const char *value, uint64_t v)
{
    hx_metrics_words(b, name);
    hx_buf_byte(b, '{');
    hx_metrics_words(b, label);
    hx_buf_lit(b, "=\"");
    hx_metrics_words(b, value);
    hx_buf_lit(b, "\"} ");
    hx_text_u64(b, v);
    hx_buf_byte(b, '\n');
}


void
hx_metrics_seconds(hx_buf_t *b, uint64_t ms)
{
    hx_text_u64(b, ms / 1000);
    hx_buf_byte(b, '.');
    hx_buf_byte(b, (unsigned char) ('0' + ms / 100 % 10));
    hx_buf_byte(b, (unsigned char) ('0' + ms / 10 % 10));
    hx_buf_byte(b, (unsigned char) ('0' + ms % 10));
}


/* A registered label and its methods; 0 when the row has none yet. */

static size_t
hx_metrics_row(const hx_metrics_name_t *row, unsigned *methods,
    unsigned char text[HX_METRICS_LABEL_MAX])
{
    uint64_t  ready, label[HX_METRICS_LABEL_MAX / 8];

    ready = __atomic_load_n(&row->ready, __ATOMIC_ACQUIRE);

    if (ready == 0) {
        return 0;
    }

    hx_metrics_copy(label, row->label, hx_nelts(label));
    memcpy(text, label, sizeof(label));

    *methods = hx_metrics_ready_methods(ready);

    return hx_metrics_ready_len(ready);
}


/* What cell i counts; 0 when its route is not there. */

static int
hx_metrics_labels(hx_metrics_labels_t *l, const hx_metrics_t *m, unsigned i)
{
    unsigned  methods;

    if (i < HX_METRICS_METHOD_COUNT) {
        l->method = hx_metrics_methods[i];
        l->len = 5;
        memcpy(l->path, "other", 5);
        return 1;
    }

    i -= HX_METRICS_METHOD_COUNT;
    l->len = hx_metrics_row(&m->route[i / 2], &methods, l->path);

    if (l->len == 0) {
        return 0;
    }

    l->method = hx_metrics_methods[i % 2 != 0 ? HX_METRICS_HEAD
                                   : __builtin_ctz(methods)];

    return 1;
}


static void
hx_metrics_series(hx_buf_t *b, const char *name, const hx_metrics_labels_t *l)
{
    hx_metrics_words(b, name);
    hx_buf_lit(b, "{method=\"");
    hx_metrics_words(b, l->method);
    hx_buf_lit(b, "\",path=\"");
    hx_buf_add(b, l->path, l->len);
    hx_buf_byte(b, '"');
}


static void
hx_metrics_requests(hx_buf_t *b, const hx_metrics_t *m)
{
    uint64_t              v;
    unsigned              i, s;
    hx_metrics_labels_t   l;

    static const char  name[] = "hx_gate_requests_total";

    hx_metrics_family(b, name, "counter",
                      "Requests by method, route template and status.");

    for (i = 0; i < HX_METRICS_CELLS; i++) {
        if (!hx_metrics_labels(&l, m, i)) {
            continue;
        }

        for (s = 0; s < HX_METRICS_STATUS_COUNT; s++) {
            v = hx_metrics_load(&m->cell[i].status[s]);

            if (v != 0) {
                hx_metrics_series(b, name, &l);
                hx_buf_lit(b, ",status=\"");
                hx_metrics_words(b, hx_metrics_statuses[s]);
                hx_buf_lit(b, "\"} ");
                hx_text_u64(b, v);
                hx_buf_byte(b, '\n');
            }
        }
    }
}


static void
hx_metrics_histogram(hx_buf_t *b, const hx_metrics_cell_t *cell,
    const hx_metrics_labels_t *l)
{
    uint64_t  total, below[HX_METRICS_BUCKETS];
    unsigned  k;

    total = 0;

    for (k = 0; k < HX_METRICS_BUCKETS; k++) {
        total += hx_metrics_load(&cell->bucket[k]);
        below[k] = total;
    }

    if (total == 0) {
        return;
    }

    for (k = 0; k < HX_METRICS_BUCKETS; k++) {
        hx_metrics_series(b, "hx_gate_request_duration_seconds_bucket", l);
        hx_buf_lit(b, ",le=\"");
        hx_metrics_words(b, hx_metrics_bounds[k]);
        hx_buf_lit(b, "\"} ");
        hx_text_u64(b, below[k]);
        hx_buf_byte(b, '\n');
    }

    hx_metrics_series(b, "hx_gate_request_duration_seconds_sum", l);
    hx_buf_lit(b, "} ");
    hx_metrics_seconds(b, hx_metrics_load(&cell->sum));
    hx_buf_byte(b, '\n');

    hx_metrics_series(b, "hx_gate_request_duration_seconds_count", l);
    hx_buf_lit(b, "} ");
    hx_text_u64(b, total);
    hx_buf_byte(b, '\n');
}


static void
hx_metrics_durations(hx_buf_t *b, const hx_metrics_t *m)
{
    unsigned              i;
    hx_metrics_labels_t   l;

    hx_metrics_family(b, "hx_gate_request_duration_seconds", "histogram",
                      "Time from the first byte of a request to the last byte "
                      "of its answer, counted in whole milliseconds.");

    for (i = 0; i < HX_METRICS_CELLS; i++) {
        if (hx_metrics_labels(&l, m, i)) {
            hx_metrics_histogram(b, &m->cell[i], &l);
        }
    }
}


static void
hx_metrics_tenant(hx_buf_t *b, const char *name, const hx_metrics_place_t *p)
{
    hx_metrics_words(b, name);
    hx_buf_lit(b, "{tenant_id=\"");

    if (p->owner == 0) {
        hx_buf_lit(b, "other");

    } else {
        hx_buf_add(b, p->id, p->id_len);
    }

    hx_buf_byte(b, '"');
}


static void
hx_metrics_cus(hx_buf_t *b, const hx_metrics_t *m)
{
    size_t                len;
    unsigned              i, n, unused;
    unsigned char         text[HX_METRICS_LABEL_MAX];
    hx_metrics_place_t    p;

    static const char  name[] = "hx_gate_cus_total";

    hx_metrics_family(b, name, "counter",
                      "Compute units charged, by tenant and operation; other "
                      "is every tenant without series of its own.");

    for (i = 0; i <= HX_METRICS_TENANTS; i++) {
        if (!hx_metrics_place(m, i, &p)) {
            continue;
        }

        for (n = 0; n <= HX_METRICS_OPERATIONS; n++) {
            if (i != 0 && p.tenths[n] == 0) {
                continue;
            }

            if (n == 0) {
                len = 5;
                memcpy(text, "other", 5);

            } else {
                len = hx_metrics_row(&m->operation[n - 1], &unused, text);

                if (len == 0) {
                    continue;
                }
            }

            hx_metrics_tenant(b, name, &p);
            hx_buf_lit(b, ",operation=\"");
            hx_buf_add(b, text, len);
            hx_buf_lit(b, "\"} ");
            hx_text_tenths(b, p.tenths[n]);
            hx_buf_byte(b, '\n');
        }
    }
}


static void
hx_metrics_rejections(hx_buf_t *b, const hx_metrics_t *m)
{
    unsigned              i;
    hx_metrics_place_t    p;

    static const char  name[] = "hx_gate_rate_limit_rejections_total";

    hx_metrics_family(b, name, "counter",
                      "Requests refused by the rate limit, by tenant.");

    for (i = 0; i <= HX_METRICS_TENANTS; i++) {
        if (hx_metrics_place(m, i, &p) && (i == 0 || p.rejected != 0)) {
            hx_metrics_tenant(b, name, &p);
            hx_buf_lit(b, "} ");
            hx_text_u64(b, p.rejected);
            hx_buf_byte(b, '\n');
        }
    }
}


/* What the enforced decisions already tell, under its own names. */

static void
hx_metrics_refusals(hx_buf_t *b, const hx_metrics_t *m)
{
    size_t           i;
    const uint64_t  *enforced = m->decision[0];

    static const char          auth[] = "hx_gate_auth_failures_total";
    static const char          denied[] = "hx_gate_namespace_denials_total";
    static const char          quota[] = "hx_gate_quota_rejections_total";
    static const hx_outcome_t  reasons[] = {
        HX_OUTCOME_MISSING_KEY, HX_OUTCOME_INVALID_KEY, HX_OUTCOME_SUSPENDED,
        HX_OUTCOME_SERVICE_KEY
    };

    hx_metrics_family(b, auth, "counter",
                      "Requests refused because of their credentials.");

    for (i = 0; i < hx_nelts(reasons); i++) {
        hx_metrics_labelled(b, auth, "reason", hx_outcome_word(reasons[i]),
                            hx_metrics_load(&enforced[reasons[i]]));
    }

    hx_metrics_family(b, denied, "counter",
                      "Requests refused because of their namespace.");
    hx_metrics_sample(b, denied, "", hx_metrics_load(
                                 &enforced[HX_OUTCOME_NAMESPACE_DENIED]));

    hx_metrics_family(b, quota, "counter",
                      "Requests refused because the quota was used up.");
    hx_metrics_sample(b, quota, "", hx_metrics_load(
                                 &enforced[HX_OUTCOME_QUOTA_EXCEEDED]));
}


static void
hx_metrics_decisions(hx_buf_t *b, const hx_metrics_t *m)
{
    int       shadow;
    unsigned  i;

    static const struct {
        const char  *name;
        const char  *help;
    } family[] = {
        { "hx_gate_decisions_total",
          "Decisions of the gate that were enforced." },
        { "hx_gate_shadow_decisions_total",
          "Decisions of the gate that were only recorded (shadow)." }
    };

    for (shadow = 0; shadow < 2; shadow++) {
        hx_metrics_family(b, family[shadow].name, "counter",
                          family[shadow].help);

        for (i = 0; i < HX_OUTCOME_COUNT; i++) {
            if (i != HX_OUTCOME_NONE) {
                hx_metrics_labelled(b, family[shadow].name, "outcome",
                                    hx_outcome_word((hx_outcome_t) i),
                                    hx_metrics_load(&m->decision[shadow][i]));
            }
        }
    }
}


static void
hx_metrics_counters(hx_buf_t *b, const hx_metrics_t *m)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *labels;
        const char  *help;
    } counter[] = {
#define X(id, name, labels, help)  { name, labels, help },
        HX_METRICS_COUNTERS(X)
#undef X
    };

    for (i = 0; i < hx_nelts(counter); i++) {
        if (counter[i].help[0] != '\0') {
            hx_metrics_family(b, counter[i].name, "counter", counter[i].help);
        }

        hx_metrics_sample(b, counter[i].name, counter[i].labels,
                          hx_metrics_load(&m->counter[i]));
    }
}


/* Series appear with their first event. */

static void
hx_metrics_webhooks(hx_buf_t *b, const hx_metrics_t *m)
{
    uint64_t     v;
    unsigned     i, k;

    static const char  name[] = "hx_gate_webhook_events_total";

    hx_metrics_family(b, name, "counter",
                      "Events of Stripe by type and what came of them.");

    for (i = 0; i < HX_METRICS_EVENTS; i++) {
        for (k = 0; k < HX_BILLING_RESULT_COUNT; k++) {
            v = hx_metrics_load(&m->webhook[i][k]);

            if (v == 0) {
                continue;
            }

            hx_metrics_words(b, name);
            hx_buf_lit(b, "{type=\"");
            hx_metrics_words(b, i < HX_STRIPE_TYPE_COUNT
                                ? hx_stripe_type_name((hx_stripe_type_t) i)
                                : "unknown");
            hx_metrics_words(b, "\",result=\"");
            hx_metrics_words(b, hx_billing_word((hx_billing_result_t) k));
            hx_buf_lit(b, "\"} ");
            hx_text_u64(b, v);
            hx_buf_byte(b, '\n');
        }
    }
}


void
hx_metrics_text(hx_buf_t *b, const hx_metrics_t *m,
    const hx_metrics_gauges_t *g)
{
    hx_metrics_requests(b, m);
    hx_metrics_durations(b, m);
    hx_metrics_cus(b, m);
    hx_metrics_rejections(b, m);
    hx_metrics_refusals(b, m);
    hx_metrics_decisions(b, m);
    hx_metrics_counters(b, m);
    hx_metrics_webhooks(b, m);
    hx_metrics_gauges(b, g);
}
