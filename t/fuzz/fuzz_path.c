/*
 * fuzz_path.c -- hx_path_parse() of core/hx_text.h: what is accepted is inside
 * the caller's buffer, has no dangerous segment and nothing left to decode.
 */

#include "hx_fuzz.h"
#include "hx_text.h"


static void
check_segments(const hx_path_t *p, const uint8_t *out)
{
    size_t    i;
    hx_str_t  s;

    for (i = 0; i < p->n; i++) {
        s = p->segment[i];
        hx_fuzz_check(s.len != 0);
        hx_fuzz_check(s.data > out && s.data[-1] == '/');
        hx_fuzz_check(s.data + s.len <= out + p->text.len);
        hx_fuzz_check(!(s.len == 1 && s.data[0] == '.'));
        hx_fuzz_check(!(s.len == 2 && s.data[0] == '.' && s.data[1] == '.'));

        if (i != 0) {
            hx_fuzz_check(s.data == p->segment[i - 1].data
                                    + p->segment[i - 1].len + 1);
        }
    }

    if (p->n != 0) {
        s = p->segment[p->n - 1];
        hx_fuzz_check(s.data + s.len == out + p->text.len);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t    *out;
    hx_path_t   p;

    /* as little room as is promised to do */

    out = malloc(len == 0 ? 1 : len < HX_PATH_MAX ? len : HX_PATH_MAX);
    hx_fuzz_check(out != NULL);

    if (hx_path_parse(&p, data, len, out) == HX_PATH_OK) {
        hx_fuzz_check(len != 0 && data[0] == '/');
        hx_fuzz_check(p.text.data == out);
        hx_fuzz_check(p.text.len >= 1 && p.text.len <= HX_PATH_MAX);
        hx_fuzz_check(p.text.len <= len);
        hx_fuzz_check(p.n <= HX_PATH_SEGMENTS);
        hx_fuzz_check((p.n == 0) == (p.text.len == 1));
        hx_fuzz_check(p.encoded_slash <= p.text.len);
        hx_fuzz_check(p.encoded_slash == p.text.len
                      || out[p.encoded_slash] == '/');
        hx_fuzz_check(memchr(out, '\0', p.text.len) == NULL);
        hx_fuzz_check(memchr(out, '%', p.text.len) == NULL);
        check_segments(&p, out);
    }

    free(out);

    return 0;
}
