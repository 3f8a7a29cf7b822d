/*
 * hx_filter_test.c -- filters: their grammar, what they match, by examples and
 * against the model, and what an index is asked for them.
 */

#include "hx_filter_model.h"
#include "hx_term.h"
#include "hx_text.h"

static hx_filter_t        filter;
static hx_filter_error_t  wrong;


static hx_filter_err_t
parse(const char *text)
{
    return hx_filter_parse(&filter, (const unsigned char *) text, strlen(text),
                           &wrong);
}


static int
match(const char *f, const char *metadata)
{
    size_t  len;

    assert_int_equal(parse(f), HX_FILTER_OK);
    len = strlen(metadata);

    return hx_filter_match(&filter, test_edge(metadata, len), len);
}


static void
test_matches(void **state)
{
    size_t  i;

    static const struct {
        const char  *filter;
        const char  *metadata;
        int          want;
    }  v[] = {
        { "{}", "", 1 },
        { "{}", "{}", 1 },
        { "{}", "{\"a\":1}", 1 },
        { "{\"a\":1}", "{\"a\":1}", 1 },
        { "{\"a\":1}", "{\"a\":1.0}", 1 },
        { "{\"a\":1}", "{\"a\":\"1\"}", 0 },
        { "{\"a\":1}", "{\"a\":true}", 0 },
        { "{\"a\":1}", "{\"b\":1}", 0 },
        { "{\"a\":1}", "{}", 0 },
        { "{\"a\":1}", "", 0 },
        { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1 },
        { "{\"a\":1,\"b\":2}", "{\"b\":3,\"a\":1}", 0 },

        /* fields and ways to them */

        { "{\"a.b\":1}", "{\"a\":{\"b\":1}}", 1 },
        { "{\"a.b\":1}", "{\"a.b\":1}", 1 },
        { "{\"a\":{\"b\":1}}", "{\"a.b\":1}", 1 },
        { "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":0,\"b\":1}}", 1 },
        { "{\"a\":{\"b\":{\"c\":1}}}", "{\"a.b\":{\"c\":1}}", 1 },
        { "{\"a.b.c\":1}", "{\"a\":{\"b.c\":1}}", 1 },
        { "{\"a.b\":1}", "{\"a\":{\"bb\":1}}", 0 },
        { "{\"a.b\":1}", "{\"a\":1}", 0 },
        { "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":[{\"b\":1},{\"c\":2}]}", 1 },
        { "{\"a.b\":2}", "{\"a\":[{\"b\":1},3,{\"b\":2}]}", 1 },
        { "{\"a.b\":2}", "{\"a\":[[{\"b\":2}]]}", 0 },
        { "{\"a.0\":1}", "{\"a\":[1]}", 0 },
        { "{\"\":1}", "{\"\":1}", 1 },
        { "{\"a.\":1}", "{\"a\":{\"\":1}}", 1 },
        { "{\".\":1}", "{\"\":{\"\":1}}", 1 },
        { "{\"a\\nb\":1}", "{\"a\\nb\":1}", 1 },
        { "{\"a\\u000ab\":1}", "{\"a\\nb\":1}", 1 },

        /* arrays */

        { "{\"a\":1}", "{\"a\":[2,1]}", 1 },
        { "{\"a\":1}", "{\"a\":[2,[1]]}", 0 },
        { "{\"a\":[1,2]}", "{\"a\":[1,2.0]}", 1 },
        { "{\"a\":[1,2]}", "{\"a\":[2,1]}", 0 },
        { "{\"a\":[1,2]}", "{\"a\":[1,2,3]}", 0 },
        { "{\"a\":[1]}", "{\"a\":1}", 0 },
        { "{\"a\":[1]}", "{\"a\":[0,[1]]}", 1 },
        { "{\"a\":[]}", "{\"a\":[]}", 1 },
        { "{\"a\":[]}", "{\"a\":[{}]}", 0 },
        { "{\"a\":{\"$gt\":1,\"$lt\":5}}", "{\"a\":[0,10]}", 1 },
        { "{\"a\":{\"$gt\":1,\"$lt\":5}}", "{\"a\":10}", 0 },
        { "{\"a\":{\"$ne\":1}}", "{\"a\":[2,1]}", 0 },

        /* null and absent */

        { "{\"a\":null}", "{\"a\":null}", 1 },
        { "{\"a\":null}", "{}", 1 },
        { "{\"a\":null}", "{\"a\":0}", 0 },
        { "{\"a\":null}", "{\"a\":[null]}", 1 },
        { "{\"a\":null}", "{\"a\":[]}", 0 },
        { "{\"a\":{\"$ne\":null}}", "{}", 0 },
        { "{\"a\":{\"$ne\":null}}", "{\"a\":null}", 0 },
        { "{\"a\":{\"$ne\":null}}", "{\"a\":false}", 1 },
        { "{\"a\":{\"$ne\":1}}", "{}", 1 },
        { "{\"a\":{\"$ne\":1}}", "{\"a\":\"1\"}", 1 },
        { "{\"a\":{\"$in\":[null,3]}}", "{}", 1 },
        { "{\"a\":{\"$in\":[]}}", "{\"a\":1}", 0 },
        { "{\"a\":{\"$in\":[]}}", "{}", 0 },
        { "{\"a\":{\"$exists\":true}}", "{\"a\":null}", 1 },
        { "{\"a\":{\"$exists\":true}}", "{\"a\":[]}", 1 },
        { "{\"a\":{\"$exists\":true}}", "{\"a\":{}}", 1 },
        { "{\"a\":{\"$exists\":true}}", "{}", 0 },
        { "{\"a\":{\"$exists\":false}}", "{\"b\":{\"a\":1}}", 1 },
        { "{\"a\":{\"$exists\":false}}", "{\"a\":0}", 0 },

        /* types do not mix */

        { "{\"a\":{\"$gt\":1}}", "{\"a\":\"2\"}", 0 },
        { "{\"a\":{\"$gt\":\"1\"}}", "{\"a\":2}", 0 },
        { "{\"a\":{\"$gt\":\"1\"}}", "{\"a\":\"10\"}", 1 },
        { "{\"a\":{\"$lte\":0}}", "{\"a\":null}", 0 },
        { "{\"a\":{\"$lt\":1}}", "{\"a\":false}", 0 },
        { "{\"a\":{\"$gte\":\"\\u0000\"}}", "{\"a\":\"\"}", 0 },

        /* numbers are not rounded */

        { "{\"a\":9007199254740993}", "{\"a\":9007199254740992}", 0 },
        { "{\"a\":{\"$gt\":9007199254740992}}", "{\"a\":9007199254740993}", 1 },
        { "{\"a\":1e400}", "{\"a\":10e399}", 1 },
        { "{\"a\":1e400}", "{\"a\":1e401}", 0 },
        { "{\"a\":-0}", "{\"a\":0.00}", 1 },
        { "{\"a\":0.1}", "{\"a\":0.1000000000000000055}", 0 },

        /* metadata from before duplicates were refused: any of them counts */

        { "{\"a\":1}", "{\"a\":1,\"a\":2}", 1 },
        { "{\"a\":2}", "{\"a\":1,\"a\":2}", 1 }
    };

    for (i = 0; i < hx_nelts(v); i++) {
        if (match(v[i].filter, v[i].metadata) != v[i].want) {
            fail_msg("%s on %s", v[i].filter, v[i].metadata);
        }
    }
}


static void
test_refuses(void **state)
{
    size_t    i;
    hx_str_t  op, field;

    static const struct {
        const char       *filter;
        hx_filter_err_t   code;
        const char       *op;
        const char       *field;
    }  v[] = {
        { "[]", HX_FILTER_E_FORM, "", "" },
        { "{\"$or\":[]}", HX_FILTER_E_OPERATOR, "$or", "" },
        { "{\"$eq\":1}", HX_FILTER_E_NO_FIELD, "$eq", "" },
        { "{\"a\":1,\"$and\":[]}", HX_FILTER_E_OPERATOR, "$and", "" },
        { "{\"a\":{\"$nin\":[1]}}", HX_FILTER_E_OPERATOR, "$nin", "a" },
        { "{\"a\":{\"b\":{\"$GT\":1}}}", HX_FILTER_E_OPERATOR, "$GT", "a.b" },
        { "{\"a\":{\"$\":1}}", HX_FILTER_E_OPERATOR, "$", "a" },
        { "{\"a\":{\"$gt\":1,\"b\":2}}", HX_FILTER_E_MIXED, "$gt", "a" },
        { "{\"a\":{\"b\":2,\"$gt\":1}}", HX_FILTER_E_MIXED, "$eq", "a" },
        { "{\"a\":{}}", HX_FILTER_E_EMPTY, "", "a" },
        { "{\"a\":{\"b\":{}}}", HX_FILTER_E_EMPTY, "", "a.b" },
        { "{\"a\":{\"$eq\":{}}}", HX_FILTER_E_OPERAND, "$eq", "a" },
        { "{\"a\":[[1]]}", HX_FILTER_E_OPERAND, "$eq", "a" },
        { "{\"a\":{\"$ne\":[1,{}]}}", HX_FILTER_E_OPERAND, "$ne", "a" },
        { "{\"a\":{\"$gt\":null}}", HX_FILTER_E_OPERAND, "$gt", "a" },
        { "{\"a\":{\"$gte\":true}}", HX_FILTER_E_OPERAND, "$gte", "a" },
        { "{\"a\":{\"$lt\":[1]}}", HX_FILTER_E_OPERAND, "$lt", "a" },
        { "{\"a\":{\"$lte\":{\"b\":1}}}", HX_FILTER_E_OPERAND, "$lte", "a" },
        { "{\"a\":{\"$in\":1}}", HX_FILTER_E_OPERAND, "$in", "a" },
        { "{\"a\":{\"$in\":[1,[2]]}}", HX_FILTER_E_OPERAND, "$in", "a" },
        { "{\"a\":{\"$exists\":1}}", HX_FILTER_E_OPERAND, "$exists", "a" }
    };

    for (i = 0; i < hx_nelts(v); i++) {
        op = test_str(v[i].op);
        field = test_str(v[i].field);

        if (parse(v[i].filter) != v[i].code || wrong.code != v[i].code
            || !test_same(&wrong.op, &op) || !test_same(&wrong.field, &field))
        {
            fail_msg("%s: %d '%.*s' '%.*s'", v[i].filter, (int) wrong.code,
                     (int) wrong.op.len, (const char *) wrong.op.data,
                     (int) wrong.field.len, (const char *) wrong.field.data);
        }
    }
}


/* A filter with n pieces in it: "<number>" ones, or x. */
static hx_filter_err_t
parse_made(const char *head, const char *piece, unsigned n, const char *tail)
{
    hx_buf_t  b;
    unsigned  i;

    static unsigned char  text[HX_FILTER_MAX];

    hx_buf_init(&b, text, sizeof(text));
    hx_buf_add(&b, head, strlen(head));

    for (i = 0; i < n; i++) {
        if (piece[0] == 'x') {
            hx_buf_byte(&b, 'x');
            continue;
        }

        hx_buf_add(&b, ",\"", i == 0 ? 0 : 1);
        hx_buf_lit(&b, "\"v");
        hx_text_u64(&b, i);
        hx_buf_add(&b, piece, strlen(piece));
    }

    hx_buf_add(&b, tail, strlen(tail));
    assert_true(hx_buf_ok(&b));

    return hx_filter_parse(&filter, text, hx_buf_len(&b), &wrong);
}


static void
test_limits(void **state)
{
    const unsigned char  *in, *out;

    in = (const unsigned char *) "{\"a\":\"v1023\"}";
    out = (const unsigned char *) "{\"a\":\"v1024\"}";

    assert_int_equal(parse_made("{", "\":1", 64, "}"), HX_FILTER_OK);
    assert_int_equal(filter.n, 64);
    assert_false(hx_filter_match(&filter, in, 13));
    assert_int_equal(parse_made("{", "\":1", 65, "}"), HX_FILTER_E_CONDS);

    assert_int_equal(parse_made("{\"a\":{\"$in\":[", "\"", 1024, "]}}"),
                     HX_FILTER_OK);
    assert_int_equal(filter.n_values, 1024);
    assert_true(hx_filter_match(&filter, in, 13));
    assert_false(hx_filter_match(&filter, out, 13));
    assert_int_equal(parse_made("{\"a\":{\"$in\":[", "\"", 1025, "]}}"),
                     HX_FILTER_E_VALUES);

    assert_int_equal(parse_made("{\"", "x", 1024, "\":1}"), HX_FILTER_OK);
    assert_int_equal(filter.cond[0].path.len, 1024);
    assert_int_equal(parse_made("{\"", "x", 1025, "\":1}"), HX_FILTER_E_PATH);
    assert_int_equal(parse_made("{\"", "x", 1023, "\":{\"\":1}}"),
                     HX_FILTER_OK);
    assert_int_equal(parse_made("{\"", "x", 1024, "\":{\"\":1}}"),
                     HX_FILTER_E_PATH);
    assert_int_equal(parse_made("{\"", "x", 1022, "\":{\"yz\":1}}"),
                     HX_FILTER_E_PATH);
}


static int
code_before(const hx_term_code_t *a, const hx_term_code_t *b)
{
    return memcmp(a->code, b->code, a->len < b->len ? a->len : b->len) <= 0;
}


/* Does a term between these bounds stand there, or one that stands for all? */
static int
term_among(const hx_terms_t *t, uint64_t path, const hx_term_code_t *lo,
    const hx_term_code_t *hi)
{
    int                   many;
    unsigned              i, k;
    uint64_t              h;
    hx_term_code_t        c;
    const unsigned char  *p;

    for (i = 0; i < t->n; i++) {
        p = t->term[i].text;

        for (h = 0, k = 0; k < 8; k++) {
            h = h << 8 | p[k];
        }

        assert_int_equal(hx_term_length(p, t->term[i].len), t->term[i].len);

        if (h == path ? p[8] == HX_TERM_ANY || lo == NULL
                      : h == 0 && p[8] == HX_TERM_ANY)
        {
            return 1;
        }

        if (h != path) {
            continue;
        }

        c.len = (unsigned char) (t->term[i].len - 8);
        memcpy(c.code, p + 8, c.len);
        many = (c.code[0] & HX_TERM_MANY) != 0;
        c.code[0] &= (unsigned char) ~HX_TERM_MANY;

        /* of several values each may be the one that meets a bound */

        if (c.code[0] == lo->code[0]
            && (code_before(lo, &c) || (many && hi->len != 1))
            && (code_before(&c, hi) || (many && lo->len != 1)))
        {
            return 1;
        }
    }

    return 0;
}


/* Would an index with these terms find the record? */
static int
term_found(const hx_terms_t *t, const hx_ask_t *q)
{
    unsigned  i;

    if (q->kind == HX_ASK_EXISTS) {
        return term_among(t, q->path, NULL, NULL);
    }

    if (q->kind == HX_ASK_RANGE) {
        return term_among(t, q->path, &q->code[0], &q->code[1]);
    }

    for (i = 0; i < q->n; i++) {
        if (term_among(t, q->path, &q->code[i], &q->code[i])) {
            return 1;
        }
    }

    return 0;
}


static void
test_against_the_model(void **state)
{
    int             want, got;
    size_t          len;
    unsigned        i, k, n, hits;
    hx_buf_t        b, fb;
    model_node_t   *doc;

    static unsigned char   text[MODEL_TEXT], ftext[MODEL_TEXT];
    static model_filter_t  mf;
    static hx_terms_t      terms;
    static hx_asks_t       asks;

    for (n = 0, hits = 0; n < 60000; n++) {
        model_used = 0;
        hx_buf_init(&fb, ftext, sizeof(ftext));
        model_filter(&mf, &fb);
        assert_true(hx_buf_ok(&fb));
        len = hx_buf_len(&fb);

        if (hx_filter_parse(&filter, test_edge(ftext, len), len, &wrong)
            != HX_FILTER_OK)
        {
            fail_msg("%.*s: %d", (int) len, (char *) ftext, (int) wrong.code);
        }

        hx_term_asks(&asks, &filter);

        for (i = 0; i < 4; i++) {
            k = model_used;
            doc = model_document();
            hx_buf_init(&b, text, sizeof(text));
            model_write(&b, doc);
            assert_true(hx_buf_ok(&b));
            want = model_match(&mf, doc);
            model_used = k;

            /* the filter keeps pointing to its text */

            hx_filter_parse(&filter, ftext, len, &wrong);
            got = hx_filter_match(&filter, test_edge(text, hx_buf_len(&b)),
                                  hx_buf_len(&b));

            if (got != want) {
                fail_msg("%.*s on %.*s: %d", (int) len, (char *) ftext,
                         (int) hx_buf_len(&b), (char *) text, got);
            }

            hits += (unsigned) (want && mf.n != 0);
            hx_terms_extract(&terms, text, hx_buf_len(&b));

            for (k = 0; want && k < asks.n; k++) {
                if (!term_found(&terms, &asks.ask[k])) {
                    fail_msg("not found: %.*s on %.*s", (int) len,
                             (char *) ftext, (int) hx_buf_len(&b),
                             (char *) text);
                }
            }
        }
    }

    assert_in_range(hits, 5000, 200000);
}


/* However often and in whatever spelling: once. */
static void
test_asks(void **state)
{
    unsigned  i;

    static hx_asks_t  asks;

    static const struct {
        const char  *text;
        unsigned     equal;
        unsigned     range;
        unsigned     exists;
    } t[] = {
        { "{\"a.b.c\":{\"$exists\":true},\"a\":{\"b.c\":{\"$exists\":true},"
          "\"b\":{\"c\":{\"$exists\":true}}}}", 0, 0, 1 },
        { "{\"a.b\":{\"$exists\":true},\"a.c\":{\"$exists\":true}}", 0, 0, 2 },
        { "{\"a.b\":1,\"a\":{\"b\":1.0}}", 1, 0, 0 },
        { "{\"a.b\":{\"$in\":[2,1]},\"a\":{\"b\":{\"$in\":[1,2]}}}", 1, 0, 0 },
        { "{\"a.b\":{\"$in\":[2,1]},\"a\":{\"b\":{\"$in\":[1,3]}}}", 2, 0, 0 },
        { "{\"a.b\":1,\"a\":{\"b\":2}}", 2, 0, 0 },
        { "{\"a.b\":1,\"a.c\":1}", 2, 0, 0 },
        { "{\"a.b\":{\"$gt\":1},\"a\":{\"b\":{\"$lt\":3}}}", 0, 1, 0 },
        { "{\"a\":{\"$exists\":true,\"$gt\":1}}", 0, 1, 0 },
        { "{\"a\":{\"$exists\":true,\"$gt\":1,\"$lt\":\"x\"}}", 0, 2, 0 },
        { "{\"a\":{\"$eq\":1,\"$exists\":true}}", 1, 0, 0 },
        { "{\"a\":{\"$in\":[],\"$exists\":true}}", 1, 0, 0 },
        { "{\"a\":{\"$ne\":null,\"$exists\":true}}", 0, 0, 1 }
    };

    for (i = 0; i < hx_nelts(t); i++) {
        unsigned  k, n[3] = { 0, 0, 0 };

        assert_int_equal(hx_filter_parse(&filter,
                                         (const unsigned char *) t[i].text,
                                         strlen(t[i].text), &wrong),
                         HX_FILTER_OK);
        hx_term_asks(&asks, &filter);

        for (k = 0; k < asks.n; k++) {
            n[asks.ask[k].kind]++;
        }

        if (n[HX_ASK_EQUAL] != t[i].equal || n[HX_ASK_RANGE] != t[i].range
            || n[HX_ASK_EXISTS] != t[i].exists)
        {
            fail_msg("%s: %u %u %u", t[i].text, n[0], n[1], n[2]);
        }
    }
}


/* Never beyond the text, whatever it is. */
static void
test_any_text(void **state)
{
    size_t      len, i;
    hx_buf_t    b;
    unsigned    n;

    static unsigned char  text[MODEL_TEXT];
    static hx_terms_t     terms;
    static hx_asks_t      asks;

    for (n = 0; n < 30000; n++) {
        model_used = 0;
        hx_buf_init(&b, text, sizeof(text));
        model_write(&b, model_document());
        len = test_below(hx_buf_len(&b) + 1);

        for (i = test_below(4); i != 0 && len != 0; i--) {
            text[test_below(len)] = (unsigned char) "{}[]\",:\\u1n.-e\0"
                                                    [test_below(15)];
        }

        if (hx_filter_parse(&filter, test_edge(text, len), len, &wrong)
            == HX_FILTER_OK)
        {
            hx_term_asks(&asks, &filter);
            (void) hx_filter_match(&filter, text, len);
        }

        (void) match("{\"a.b\":1,\"c\":{\"$gt\":\"a\"},\"b\":[1,2]}", "{}");
        (void) hx_filter_match(&filter, test_edge(text, len), len);
        hx_terms_extract(&terms, test_edge(text, len), len);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_any_text)
    };

    return cmocka_run_group_tests_name("hx_filter", tests, NULL, NULL);
}
