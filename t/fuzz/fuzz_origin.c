/*
 * fuzz_origin.c -- policy/hx_origin.h: the first line is an origin, the rest
 * the value of a Vary field.  An origin that is accepted is lower-case ASCII
 * without a path, and none any more with something behind it; a name is in a
 * Vary field where a naive reader finds it, and after it was added.
 *
 * sources: hx_origin.c
 */

#include <ctype.h>

#include "hx_fuzz_in.h"
#include "hx_origin.h"

static const char  name[] = "origin";


static void
check_origin(const uint8_t *s, size_t len)
{
    size_t        i;
    uint8_t      *more;
    hx_str_t      o;
    const char   *why;

    why = NULL;

    if (hx_origin_check(s, len, &why) != HX_OK) {
        hx_fuzz_check(why != NULL && why[0] != '\0');
        return;
    }

    hx_fuzz_check(len > 3);

    for (i = 0; i < len; i++) {
        hx_fuzz_check(s[i] > ' ' && s[i] < 0x7f && !isupper(s[i]));
        hx_fuzz_check(strchr("*,;@?#\\\"'", s[i]) == NULL);
    }

    o.data = s;
    o.len = len;
    (void) hx_origin_in_the_clear(&o);

    more = malloc(len + 1);
    hx_fuzz_check(more != NULL);
    memcpy(more, s, len);
    more[len] = '/';
    hx_fuzz_check(hx_origin_check(more, len + 1, &why) == HX_NO);
    more[len] = '@';
    hx_fuzz_check(hx_origin_check(more, len + 1, &why) == HX_NO);
    free(more);
}


/* A member of a list, blanks around it apart. */
static int
naive(const uint8_t *s, size_t len)
{
    size_t  i, from, to, n;

    for (i = 0; i <= len; i = n + 1) {
        for (n = i; n < len && s[n] != ','; n++) { /* void */ }

        from = i;
        to = n;

        while (from < to && (s[from] == ' ' || s[from] == '\t')) {
            from++;
        }

        while (to > from && (s[to - 1] == ' ' || s[to - 1] == '\t')) {
            to--;
        }

        if (to - from == sizeof(name) - 1) {
            for (i = 0; i < to - from && tolower(s[from + i]) == name[i];
                 i++) { /* void */ }

            if (i == to - from) {
                return 1;
            }
        }
    }

    return 0;
}


static void
check_vary(const uint8_t *s, size_t len)
{
    uint8_t   *out;
    hx_buf_t   b;

    hx_fuzz_check(hx_vary_has(s, len, name, sizeof(name) - 1)
                  == naive(s, len));

    out = malloc(len + 64);
    hx_fuzz_check(out != NULL);
    hx_buf_init(&b, out, len + 64);
    hx_vary_add(&b, s, len);
    hx_vary_add(&b, (const unsigned char *) "Origin", 6);
    hx_fuzz_check(hx_buf_ok(&b));
    hx_fuzz_check(hx_vary_has(out, hx_buf_len(&b), name, sizeof(name) - 1));
    free(out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t       *a, *b;
    hx_str_t       origin, vary;
    hx_fuzz_in_t   in;

    hx_fuzz_in(&in, data, len);
    origin = hx_fuzz_line(&in);
    vary = hx_fuzz_rest(&in);
    a = hx_fuzz_copy(origin.data, origin.len);
    b = hx_fuzz_copy(vary.data, vary.len);

    check_origin(a, origin.len);
    check_vary(b, vary.len);

    free(a);
    free(b);

    return 0;
}
