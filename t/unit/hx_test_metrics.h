/*
 * hx_test_metrics.h -- reads Prometheus' text format 0.0.4, strictly: nothing
 * optional is let pass, so that what passes here is read by every parser.
 *
 *     test_scrape_t  s;
 *
 *     test_scrape(&s, m, &gauges);         fails the test on bad text
 *     test_value(&s, "family{label=\"v\"}")  thousandths, -1: no such series
 *     test_scrape_free(&s);
 */

#ifndef HX_TEST_METRICS_H
#define HX_TEST_METRICS_H

#include "hx_test.h"

#include "hx_metrics.h"
#include "hx_text.h"

#define TEST_FAMILIES   64
#define TEST_SERIES     65536

typedef struct {
    const char   *series;           /* name{labels}, NUL-terminated */
    __int128      value;            /* thousandths */
} test_sample_t;

typedef struct {
    char           *text;           /* cut to pieces by the reader */
    size_t          n;
    test_sample_t  *sample;         /* sorted by series */

    /* the reader's */
    size_t          n_families;
    const char     *family[TEST_FAMILIES];
    const char     *type;           /* of the last family; NULL: no TYPE yet */
    char            histogram[512]; /* labels of the one being read, or "" */
    double          le;             /* of its last bucket */
    __int128        count;          /* in its last bucket */
    int             stage;          /* 0 buckets, 1 after +Inf, 2 after sum */
} test_scrape_t;


static inline int
test_name(const char *s, size_t len, int colon)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')
              || s[i] == '_' || (colon && s[i] == ':')
              || (i != 0 && s[i] >= '0' && s[i] <= '9')))
        {
            return 0;
        }
    }

    return len != 0;
}


static inline int
test_ends(const char *s, size_t len, const char *tail)
{
    const size_t  n = strlen(tail);

    return len > n && memcmp(s + len - n, tail, n) == 0;
}


/* "{a="b",c="d"}" up to its end; NULL = malformed, or a name twice. */

static inline const char *
test_labels(const char *p)
{
    size_t       i, n, len[8];
    const char  *start, *name[8];

    for (n = 0; *p == (n == 0 ? '{' : ','); n++) {
        start = ++p;
        p += strcspn(p, "=\"},");

        if (n == 8 || !test_name(start, (size_t) (p - start), 0)
            || p[0] != '=' || p[1] != '"')
        {
            return NULL;
        }

        name[n] = start;
        len[n] = (size_t) (p - start);

        for (i = 0; i < n; i++) {
            if (len[i] == len[n] && memcmp(name[i], start, len[n]) == 0) {
                return NULL;
            }
        }

        for (p += 2; *p != '"'; p++) {
            if (*p == '\\') {
                p++;

                if (*p != '\\' && *p != '"' && *p != 'n') {
                    return NULL;
                }
            }

            if (*p == '\0') {
                return NULL;
            }
        }

        p++;
    }

    return n != 0 && *p == '}' ? p + 1 : NULL;
}


/* Digits, or digits.digits with at most three of them; all of s. */

static inline int
test_number(const char *s, __int128 *v)
{
    int     places;
    size_t  n;

    n = strspn(s, "0123456789");

    if (n == 0 || (n > 1 && s[0] == '0')) {
        return 0;
    }

    for (*v = 0; n != 0; n--) {
        *v = *v * 10 + (*s++ - '0');
    }

    places = 0;

    if (*s == '.') {
        for (s++; *s >= '0' && *s <= '9' && places < 3; places++) {
            *v = *v * 10 + (*s++ - '0');
        }

        if (places == 0) {
            return 0;
        }
    }

    for ( /* void */ ; places < 3; places++) {
        *v *= 10;
    }

    return *s == '\0';
}


/* The lines of one histogram: buckets upwards, sum, count; nothing between. */

static inline const char *
test_histogram(test_scrape_t *s, const char *suffix, const char *labels,
    __int128 v)
{
    char    base[512], *le;
    double  bound;

    (void) snprintf(base, sizeof(base), "%s", labels);
    le = strstr(base, ",le=\"");

    if (strcmp(suffix, "_bucket") == 0) {
        if (le == NULL || strchr(le + 5, ',') != NULL) {
            return "le is not the last label of a bucket";
        }

        bound = strncmp(le + 5, "+Inf\"", 5) == 0 ? 1e300
                : strtod(le + 5, NULL);
        memcpy(le, "}", 2);

        if (s->histogram[0] == '\0') {
            memcpy(s->histogram, base, sizeof(base));
            s->le = -1;
            s->count = 0;
            s->stage = 0;
        }

        if (strcmp(s->histogram, base) != 0 || s->stage != 0) {
            return "buckets of two histograms are mixed";
        }

        if (bound <= s->le || v < s->count) {
            return "buckets do not rise";
        }

        s->le = bound;
        s->count = v;
        s->stage = bound == 1e300;

        return NULL;
    }

    if (le != NULL || strcmp(s->histogram, base) != 0) {
        return "sum or count of another histogram";
    }

    if (strcmp(suffix, "_sum") == 0) {
        return s->stage++ == 1 ? NULL : "sum does not follow +Inf";
    }

    s->histogram[0] = '\0';

    return s->stage == 2 && v == s->count ? NULL : "count is not +Inf's";
}


static inline const char *
test_sample(test_scrape_t *s, char *line)
{
    char         *blank;
    size_t        len, own;
    const char   *family, *p;
    __int128      v;

    if (s->n_families == 0 || s->type == NULL) {
        return "sample before its TYPE";
    }

    family = s->family[s->n_families - 1];
    own = strlen(family);
    len = strcspn(line, "{ ");

    if (!test_name(line, len, 1)) {
        return "bad metric name";
    }

    p = line + len;

    if (*p == '{') {
        p = test_labels(p);
    }

    if (p == NULL || *p != ' ') {
        return "bad labels";
    }

    blank = line + (p - line);
    *blank = '\0';

    if (!test_number(blank + 1, &v)) {
        return "bad value";
    }

    if (len < own || memcmp(line, family, own) != 0) {
        return "sample of another family";
    }

    if (strcmp(s->type, "histogram") == 0) {
        char          suffix[16];
        const char   *why;

        (void) snprintf(suffix, sizeof(suffix), "%.*s", (int) (len - own),
                        line + own);

        if (strcmp(suffix, "_bucket") != 0 && strcmp(suffix, "_sum") != 0
            && strcmp(suffix, "_count") != 0)
        {
            return "sample of another family";
        }

        why = test_histogram(s, suffix, line + len, v);
        if (why != NULL) {
            return why;
        }

    } else if (len != own) {
        return "sample of another family";
    }

    assert_true(s->n < TEST_SERIES);
    s->sample[s->n].series = line;
    s->sample[s->n++].value = v;

    return NULL;
}


static inline const char *
test_help(test_scrape_t *s, char *name)
{
    char    *text, *p;
    size_t   i;

    if (s->n_families != 0 && s->type == NULL) {
        return "HELP without TYPE";
    }

    if (s->histogram[0] != '\0') {
        return "histogram without an end";
    }

    text = strchr(name, ' ');

    if (text == NULL || text[1] == '\0'
        || !test_name(name, (size_t) (text - name), 1))
    {
        return "bad HELP";
    }

    *text = '\0';

    for (p = text + 1; *p != '\0'; p++) {
        if (*p == '\\' && *++p != '\\' && *p != 'n') {
            return "bad escape in HELP";
        }
    }

    for (i = 0; i < s->n_families; i++) {
        if (strcmp(s->family[i], name) == 0) {
            return "a family twice";
        }
    }

    assert_true(s->n_families < TEST_FAMILIES);
    s->family[s->n_families++] = name;
    s->type = NULL;

    return NULL;
}


static inline const char *
test_type(test_scrape_t *s, char *name)
{
    size_t  len;

    len = strcspn(name, " ");

    if (name[len] == '\0' || s->n_families == 0 || s->type != NULL
        || strlen(s->family[s->n_families - 1]) != len
        || memcmp(s->family[s->n_families - 1], name, len) != 0)
    {
        return "TYPE does not follow HELP";
    }

    s->type = name + len + 1;

    if (strcmp(s->type, "counter") == 0) {
        return test_ends(name, len, "_total") ? NULL : "counter's name";
    }

    if (strcmp(s->type, "gauge") == 0 || strcmp(s->type, "histogram") == 0) {
        return test_ends(name, len, "_total") ? "name of a counter" : NULL;
    }

    return "unknown TYPE";
}


static inline int
test_by_series(const void *a, const void *b)
{
    return strcmp(((const test_sample_t *) a)->series,
                  ((const test_sample_t *) b)->series);
}


static inline void
test_scrape_free(test_scrape_t *s)
{
    free(s->text);
    free(s->sample);
}


/* NULL, or what is wrong; free the scrape in any case. */

static inline const char *
test_read(test_scrape_t *s, const void *text, size_t len)
{
    char         *line, *end;
    size_t        i;
    const char   *why;

    memset(s, 0, sizeof(*s));
    s->text = malloc(len + 1);
    s->sample = malloc(TEST_SERIES * sizeof(test_sample_t));
    assert_true(s->text != NULL && s->sample != NULL);
    memcpy(s->text, text, len);
    s->text[len] = '\0';

    if (hx_text_utf8(text, len) != len || memchr(text, '\0', len) != NULL) {
        return "not UTF-8";
    }

    for (line = s->text; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');

        if (end == NULL) {
            return "no line feed at the end";
        }

        *end = '\0';
        why = strncmp(line, "# HELP ", 7) == 0 ? test_help(s, line + 7)
              : strncmp(line, "# TYPE ", 7) == 0 ? test_type(s, line + 7)
              : test_sample(s, line);

        if (why != NULL) {
            return why;
        }
    }

    if (s->histogram[0] != '\0' || (s->n_families != 0 && s->type == NULL)) {
        return "ends too early";
    }

    qsort(s->sample, s->n, sizeof(test_sample_t), test_by_series);

    for (i = 1; i < s->n; i++) {
        if (strcmp(s->sample[i].series, s->sample[i - 1].series) == 0) {
            return "a series twice";
        }
    }

    return NULL;
}


static inline void
test_scrape(test_scrape_t *s, const hx_metrics_t *m,
    const hx_metrics_gauges_t *g)
{
    void        *mem;
    hx_buf_t     b;
    const char  *why;

    mem = malloc(HX_METRICS_TEXT_MAX);
    assert_non_null(mem);
    hx_buf_init(&b, mem, HX_METRICS_TEXT_MAX);

    hx_metrics_text(&b, m, g);
    assert_true(hx_buf_ok(&b));

    why = test_read(s, b.start, hx_buf_len(&b));

    if (why != NULL) {
        fail_msg("%s: after %zu samples", why, s->n);
    }

    free(mem);
}


static inline __int128
test_value(const test_scrape_t *s, const char *series)
{
    test_sample_t         key;
    const test_sample_t  *found;

    key.series = series;
    found = bsearch(&key, s->sample, s->n, sizeof(key), test_by_series);

    return found != NULL ? found->value : -1;
}


static inline hx_metrics_t *
test_metrics(void)
{
    hx_metrics_t  *m;

    m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(m != MAP_FAILED);

    return m;
}


static inline unsigned
test_route(hx_metrics_t *m, const char *method, const char *path)
{
    const hx_str_t  name = test_str(method), label = test_str(path);

    return hx_metrics_route(m, &name, &label);
}


static inline unsigned
test_operation(hx_metrics_t *m, const char *name)
{
    const hx_str_t  s = test_str(name);

    return hx_metrics_operation(m, &s);
}


static inline uint32_t
test_expose(hx_metrics_t *m, const char *tenant)
{
    const hx_str_t  s = test_str(tenant);

    return hx_metrics_expose(m, &s);
}

#endif /* HX_TEST_METRICS_H */
