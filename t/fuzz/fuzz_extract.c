/*
 * fuzz_extract.c -- policy/hx_extract.h: what the gate reads of a body is what
 * a naive reader of the whole text finds, in whatever pieces it comes.
 *
 * sources: hx_extract.c hx_json_scan.c hx_json_string.c hx_json_token.c
 */

#include "hx_check.h"
#include "hx_extract.h"
#include "hx_fuzz_in.h"
#include "hx_json_model.h"
#include "hx_text.h"

static const hx_str_t  mode = hx_string("mode");

typedef struct {
    hx_extract_err_t  error;
    hx_str_t          ns;
    hx_str_t          value;
} found_t;


/* One event of the model's log; 0: no more. */
static int
event(const hx_log_t *log, size_t *pos, uint32_t head[3], hx_str_t *s)
{
    if (*pos == log->n) {
        return 0;
    }

    memcpy(head, log->p + *pos, 3 * sizeof(uint32_t));
    *pos += 3 * sizeof(uint32_t);

    /* of a long string the model writes the bytes without their number */

    s->data = log->p + *pos;
    s->len = head[2];
    *pos += s->len;

    return 1;
}


static int
is_value(uint32_t ev)
{
    return ev != HX_JSON_KEY && ev != HX_JSON_MAP_END
           && ev != HX_JSON_ARRAY_END;
}


/* What stands under these names in the top object of a text without long
 * strings. */
static void
naive(const hx_log_t *log, found_t *f)
{
    size_t     pos;
    hx_str_t   s, *name;
    unsigned   seen_ns, seen_mode;
    uint32_t   head[3];

    static const hx_str_t  by_default = hx_string("default");

    f->error = HX_EXTRACT_OK;
    f->ns = by_default;
    f->value.len = 0;
    seen_ns = 0;
    seen_mode = 0;
    name = NULL;

    for (pos = 0; f->error == HX_EXTRACT_OK && event(log, &pos, head, &s); ) {
        if (head[1] == 0 && head[0] != HX_JSON_MAP_START
            && head[0] != HX_JSON_MAP_END)
        {
            f->error = HX_EXTRACT_E_OBJECT;

        } else if (head[1] == 1 && head[0] == HX_JSON_KEY) {
            name = hx_text_is(&s, "namespace") ? &f->ns
                   : hx_text_is(&s, "mode") ? &f->value : NULL;
            seen_ns += name == &f->ns;
            seen_mode += name == &f->value;

            if (seen_ns > 1 || seen_mode > 1) {
                f->error = HX_EXTRACT_E_DUPLICATE;
            }

        } else if (head[1] == 1 && name != NULL && is_value(head[0])) {
            if (head[0] != HX_JSON_STRING) {
                f->error = HX_EXTRACT_E_TYPE;

            } else if (name == &f->ns
                       && !hx_check_namespace(s.data, s.len))
            {
                f->error = HX_EXTRACT_E_NAMESPACE;
            }

            *name = s;
            name = NULL;
        }
    }
}


static hx_rc_t
extract(hx_extract_t *x, const uint8_t *data, size_t len, uint64_t *seed)
{
    size_t    n;
    hx_rc_t   rc;
    uint8_t  *piece;

    memset(x, 0xa5, sizeof(hx_extract_t));
    hx_fuzz_check(hx_extract_start(x, &mode) == HX_OK);
    rc = HX_OK;

    while (len != 0 && rc == HX_OK) {
        n = seed != NULL ? hx_fuzz_piece(seed, len) : len;
        piece = hx_fuzz_copy(data, n);
        rc = hx_extract_feed(x, piece, n);
        free(piece);
        data += n;
        len -= n;
    }

    rc = rc == HX_OK ? hx_extract_finish(x) : rc;
    hx_fuzz_check(rc != HX_FAIL);
    hx_fuzz_check((rc == HX_OK) == (x->error == HX_EXTRACT_OK));
    hx_fuzz_check(x->ns_len <= sizeof(x->ns));
    hx_fuzz_check(x->value_len <= sizeof(x->value));
    hx_fuzz_check(rc != HX_OK || hx_check_namespace(x->ns, x->ns_len));
    hx_extract_end(x);
    hx_extract_end(x);

    return rc;
}


static void
check_naive(const hx_extract_t *x, const uint8_t *data, size_t len)
{
    found_t        f;
    hx_log_t       log;
    hx_json_err_t  err;

    static hx_model_t  model;

    memset(&log, 0, sizeof(log));
    err = model_run(&model, &log, data, len);
    naive(&log, &f);

    /* the first trouble counts, and the model finds that of the form last */

    if (f.error != HX_EXTRACT_OK) {
        hx_fuzz_check(x->error == f.error || x->error == HX_EXTRACT_E_JSON);

    } else if (err != HX_JSON_OK) {
        hx_fuzz_check(x->error == HX_EXTRACT_E_JSON && x->scan_error == err);

    } else {
        hx_fuzz_check(x->error == HX_EXTRACT_OK);
        hx_fuzz_check(x->ns_len == f.ns.len
                      && memcmp(x->ns, f.ns.data, f.ns.len) == 0);

        if (f.value.len > sizeof(x->value)) {
            f.value.len = 0;
        }

        hx_fuzz_check(x->value_len == f.value.len
                      && (f.value.len == 0
                          || memcmp(x->value, f.value.data, f.value.len)
                             == 0));
    }

    free(log.p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t  seed;

    static hx_extract_t  whole, pieces;

    if (len > HX_TEXT / 2) {
        return 0;
    }

    seed = hx_fuzz_seed(data, len);
    (void) extract(&whole, data, len, NULL);
    (void) extract(&pieces, data, len, &seed);

    hx_fuzz_check(whole.error == pieces.error);
    hx_fuzz_check(whole.member == pieces.member);
    hx_fuzz_check(whole.error != HX_EXTRACT_E_JSON
                  || whole.scan_error == pieces.scan_error);
    hx_fuzz_check(whole.ns_len == pieces.ns_len
                  && memcmp(whole.ns, pieces.ns, whole.ns_len) == 0);
    hx_fuzz_check(whole.value_len == pieces.value_len
                  && memcmp(whole.value, pieces.value, whole.value_len) == 0);

    /* beyond that there are long strings, of which the log has no length */

    if (len <= HX_JSON_STRING_MAX) {
        check_naive(&whole, data, len);
    }

    return 0;
}
