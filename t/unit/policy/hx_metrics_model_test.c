/*
 * hx_metrics_model_test.c -- random requests, charges and tenants against a
 * naive model that keeps one number for each line of the text; and no series
 * ever falls while it exists.
 */

#include "hx_test_metrics.h"

#define MODEL_SERIES   16384
#define MODEL_TENANTS  150
#define MODEL_PATHS    6
#define MODEL_OPS      5

typedef struct {
    char       series[256];         /* "" = free */
    uint64_t   value;               /* thousandths */
    int        tenant;              /* whose it is, -1 = nobody's */
} model_line_t;

typedef struct {
    model_line_t   line[MODEL_SERIES];
    unsigned       route[MODEL_PATHS][3];   /* of GET, POST, PUT */
    unsigned       op[MODEL_OPS];
    uint32_t       handle[MODEL_TENANTS];   /* 0 = not exposed */
    uint32_t       old[MODEL_TENANTS];      /* the one before, void */
    int            ended[MODEL_TENANTS];    /* since the last scrape */
    unsigned       exposed;
    unsigned       refused;         /* because all places were taken */
} model_t;

static const char *const  model_paths[MODEL_PATHS] = {
    "/v1/put", "/v1/get/{ns}/{key}", "/\"quoted\"", "~^/x\\d$", "/v1/list/{ns}",
    "/v1/serve"
};

static const char *const  model_labels[MODEL_PATHS] = {
    "/v1/put", "/v1/get/{ns}/{key}", "/\\\"quoted\\\"", "~^/x\\\\d$",
    "/v1/list/{ns}", "/v1/serve"
};

static const char *const  model_methods[] = { "GET", "POST", "PUT" };

static const char *const  model_ops[MODEL_OPS] = {
    "other", "put", "get", "serve_gpu", "delete"
};

static const hx_metrics_gauges_t  model_gauges = {
    .registry_up = 1
};


static void
model_add(model_t *model, int tenant, uint64_t n, const char *series)
{
    size_t     i;
    uint32_t   h;

    for (h = 5381, i = 0; series[i] != '\0'; i++) {
        h = h * 33 + (unsigned char) series[i];
    }

    for (i = h % MODEL_SERIES; model->line[i].series[0] != '\0'; /* void */ ) {
        if (strcmp(model->line[i].series, series) == 0) {
            break;
        }

        i = (i + 1) % MODEL_SERIES;
    }

    (void) snprintf(model->line[i].series, sizeof(model->line[i].series), "%s",
                    series);
    model->line[i].tenant = tenant;
    model->line[i].value += n;
}


static void
model_request(model_t *model, const char *method, const char *path,
    unsigned status, uint64_t ms)
{
    char      text[256], word[16];
    size_t    i;
    double    bound;

    static const char *const  exact[] = {
        "200", "201", "204", "206", "304", "400", "401", "403", "404", "405",
        "408", "409", "412", "413", "414", "415", "416", "429", "499", "500",
        "501", "502", "503", "504"
    };

    static const char *const  bounds[] = {
        "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
        "0.5", "1", "2.5", "5", "10", "30", "+Inf"
    };

    (void) snprintf(word, sizeof(word), "%uxx", status / 100);

    for (i = 0; i < hx_nelts(exact); i++) {
        if (strtoul(exact[i], NULL, 10) == status) {
            (void) snprintf(word, sizeof(word), "%s", exact[i]);
        }
    }

    (void) snprintf(text, sizeof(text), "hx_gate_requests_total{method=\"%s\","
                    "path=\"%s\",status=\"%s\"}", method, path, word);
    model_add(model, -1, 1000, text);

    for (i = 0; i < hx_nelts(bounds); i++) {
        bound = i + 1 == hx_nelts(bounds) ? 1e300 : strtod(bounds[i], NULL);
        (void) snprintf(text, sizeof(text), "hx_gate_request_duration_seconds_"
                        "bucket{method=\"%s\",path=\"%s\",le=\"%s\"}", method,
                        path, bounds[i]);
        model_add(model, -1, (double) ms / 1000 <= bound ? 1000 : 0, text);
    }

    (void) snprintf(text, sizeof(text), "hx_gate_request_duration_seconds_sum"
                    "{method=\"%s\",path=\"%s\"}", method, path);
    model_add(model, -1, ms, text);
    (void) snprintf(text, sizeof(text), "hx_gate_request_duration_seconds_count"
                    "{method=\"%s\",path=\"%s\"}", method, path);
    model_add(model, -1, 1000, text);
}


static void
random_request(model_t *model, hx_metrics_t *m)
{
    int           fits;
    size_t        path, own, method;
    uint64_t      ms;
    unsigned      status, route;
    hx_str_t      name;

    static const char *const  names[] = {
        "GET", "POST", "PUT", "HEAD", "DELETE", "TRACE"
    };

    static const unsigned  statuses[] = {
        200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413,
        414, 415, 416, 429, 499, 500, 501, 502, 503, 504, 101, 203, 300, 418,
        511, 599
    };

    path = test_below(MODEL_PATHS + 1);
    own = test_below(3);
    method = test_below(4) == 0 ? test_below(hx_nelts(names)) : own;
    status = statuses[test_below(hx_nelts(statuses))];
    ms = test_random() >> (32 + test_below(32));
    ms = test_below(3) == 0 ? ms % 64 : ms;

    name = test_str(names[method]);
    route = path == MODEL_PATHS ? 0 : model->route[path][own];
    hx_metrics_request(m, route, hx_metrics_method(&name), status, ms);

    fits = route != 0 && (method == own || (own == 0 && method == 3));
    model_request(model, method == 5 ? "other" : names[method],
                  fits ? model_labels[path] : "other", status, ms);
}


static void
random_charge(model_t *model, hx_metrics_t *m)
{
    int         t;
    char        text[256], who[16];
    size_t      op;
    uint64_t    tenths;
    uint32_t    handle;

    t = (int) test_below(MODEL_TENANTS);
    op = test_below(MODEL_OPS);
    tenths = test_below(30);
    handle = model->handle[t];
    (void) snprintf(who, sizeof(who), "t%d", t);

    if (handle == 0) {
        handle = model->old[t];
        t = -1;
        (void) snprintf(who, sizeof(who), "other");
    }

    if (test_below(4) == 0) {
        hx_metrics_rejected(m, handle);
        (void) snprintf(text, sizeof(text), "hx_gate_rate_limit_rejections_"
                        "total{tenant_id=\"%s\"}", who);
        model_add(model, t, 1000, text);
        return;
    }

    hx_metrics_charge(m, handle, model->op[op], tenths);
    (void) snprintf(text, sizeof(text), "hx_gate_cus_total{tenant_id=\"%s\","
                    "operation=\"%s\"}", who, model_ops[op]);
    model_add(model, t, tenths * 100, text);
}


static void
random_tenant(model_t *model, hx_metrics_t *m)
{
    int       t;
    char      who[16];
    size_t    i;

    t = (int) test_below(MODEL_TENANTS);
    (void) snprintf(who, sizeof(who), "t%d", t);

    if (model->handle[t] == 0) {
        model->handle[t] = test_expose(m, who);
        assert_int_equal(model->handle[t] != 0,
                         model->exposed < HX_METRICS_TENANTS);
        model->exposed += model->handle[t] != 0;
        model->refused += model->handle[t] == 0;
        return;
    }

    assert_int_equal(test_expose(m, who), model->handle[t]);

    if (test_below(2) == 0) {
        return;
    }

    hx_metrics_retire(m, model->handle[t]);
    model->old[t] = model->handle[t];
    model->handle[t] = 0;
    model->ended[t] = 1;
    model->exposed--;

    for (i = 0; i < MODEL_SERIES; i++) {
        if (model->line[i].series[0] != '\0' && model->line[i].tenant == t) {
            model->line[i].value = 0;
        }
    }
}


/* Every line of the model is there with its number; nothing else counts. */

static void
compare(const model_t *model, const test_scrape_t *s)
{
    size_t       i, n;
    __int128     v;

    n = 0;

    for (i = 0; i < MODEL_SERIES; i++) {
        const model_line_t  *line = &model->line[i];

        if (line->series[0] == '\0') {
            continue;
        }

        v = test_value(s, line->series);

        if (v > 0 ? (uint64_t) v != line->value : line->value != 0) {
            fail_msg("%s is %lld, not %llu", line->series, (long long) v,
                     (unsigned long long) line->value);
        }

        n += line->value != 0;
    }

    for (i = 0; i < s->n; i++) {
        n -= s->sample[i].value != 0
             && strcmp(s->sample[i].series, "hx_gate_registry_up") != 0;
    }

    assert_int_equal(n, 0);
}


/* Nothing falls, and only what belongs to a retired tenant goes. */

static void
rises(const model_t *model, const test_scrape_t *was, const test_scrape_t *is)
{
    int           t;
    char         *tenant;
    size_t        i;
    __int128      v;

    for (i = 0; i < was->n; i++) {
        tenant = strstr(was->sample[i].series, "tenant_id=\"t");
        t = tenant != NULL ? (int) strtol(tenant + 12, NULL, 10) : -1;

        if (t != -1 && model->ended[t]) {
            continue;
        }

        v = test_value(is, was->sample[i].series);

        if (v < was->sample[i].value) {
            fail_msg("%s fell from %lld to %lld", was->sample[i].series,
                     (long long) was->sample[i].value, (long long) v);
        }
    }
}


static void
random_operations(void **state)
{
    size_t          i, k, round, went;
    model_t        *model;
    hx_metrics_t   *m;
    test_scrape_t   was, is;

    m = test_metrics();
    model = calloc(1, sizeof(*model));
    assert_non_null(model);

    for (i = 0; i < MODEL_PATHS; i++) {
        for (k = 0; k < 3; k++) {
            model->route[i][k] = test_route(m, model_methods[k],
                                            model_paths[i]);
        }
    }

    for (i = 0; i < MODEL_OPS; i++) {
        model->op[i] = test_operation(m, model_ops[i]);
    }

    went = 0;
    test_scrape(&was, m, &model_gauges);

    for (round = 0; round < 200; round++) {
        for (i = test_below(1500); i != 0; i--) {
            switch (test_below(10)) {

            case 0:
                random_tenant(model, m);
                break;

            case 1: case 2: case 3:
                random_charge(model, m);
                break;

            default:
                random_request(model, m);
            }
        }

        test_scrape(&is, m, &model_gauges);
        compare(model, &is);
        rises(model, &was, &is);
        test_scrape_free(&was);
        was = is;

        for (i = 0; i < MODEL_TENANTS; i++) {
            went += (size_t) model->ended[i];
        }

        memset(model->ended, 0, sizeof(model->ended));
    }

    /* it did come to all places being taken, and to tenants losing theirs */
    assert_true(model->refused > 100);
    assert_true(went > 1000);
    test_scrape_free(&was);
    free(model);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(random_operations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
