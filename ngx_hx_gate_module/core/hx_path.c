/*
 * hx_path.c -- the one decoder of request target paths (interface in
 * hx_text.h).
 *
 * Gate and engine run it over the same raw bytes.  It refuses whatever could
 * make two readers of one path disagree: what is still encoded after one
 * decoding, NUL, and segments that a normalising reader would drop or follow
 * ("", ".", ".."), also when they come out of %2F or %2E.
 */

#include <string.h>

#include "hx_text.h"


/* Everything but these stands for itself. */

static const unsigned char  hx_path_special[256] = {
    ['\0'] = 1, ['#'] = 1, ['%'] = 1, ['?'] = 1,
};


typedef unsigned char  hx_path_block_t __attribute__((vector_size(16)));
typedef signed char    hx_path_signed_t __attribute__((vector_size(16)));


/*
 * Copies sixteen bytes and says whether all stand for themselves: no special
 * one but '?' is above '%'.  A few others, too, are taken for special here.
 */

static inline int
hx_path_copy_block(unsigned char *out, const unsigned char *s)
{
    uint64_t         w[2];
    hx_path_block_t  v;

    memcpy(&v, s, 16);
    memcpy(out, &v, 16);

    v = ((hx_path_signed_t) v > '%') ^ (v == '?');
    memcpy(w, &v, 16);

    return (w[0] & w[1]) == UINT64_MAX;
}


/*
 * Copies what stands for itself at the beginning of s and returns how much it
 * is.  What out, which has room for len, holds behind that is undefined.  The
 * last block may overlap what is done already.
 */

static size_t
hx_path_copy(unsigned char *out, const unsigned char *s, size_t len)
{
    size_t  i;

    i = 0;

    if (len >= 16) {
        while (i + 16 < len && hx_path_copy_block(out + i, s + i)) {
            i += 16;
        }

        if (i + 16 >= len
            && hx_path_copy_block(out + len - 16, s + len - 16))
        {
            return len;
        }
    }

    for ( /* void */ ; i < len && !hx_path_special[s[i]]; i++) {
        out[i] = s[i];
    }

    return i;
}


static hx_path_err_t
hx_path_decode(hx_path_t *p, const unsigned char *s, size_t len,
    unsigned char *out)
{
    size_t         i, n, run, room;
    unsigned char  c;

    p->encoded_slash = (size_t) -1;
    p->encoded_slash_end = 0;

    for (i = 0, n = 0; /* void */ ; i++, n++) {
        room = HX_PATH_MAX - n;
        run = hx_path_copy(out + n, s + i, len - i < room ? len - i : room);
        n += run;
        i += run;

        if (i == len || s[i] == '?' || s[i] == '#') {
            break;
        }

        if (n == HX_PATH_MAX) {
            return HX_PATH_E_FORM;
        }

        if (s[i] == '\0' || len - i < 3
            || hx_text_unhex(&c, &s[i + 1], 1) != HX_OK || c == '\0')
        {
            return HX_PATH_E_ESCAPE;
        }

        if (c == '%') {
            return HX_PATH_E_DOUBLE;
        }

        if (c == '/') {
            if (p->encoded_slash == (size_t) -1) {
                p->encoded_slash = n;
            }

            p->encoded_slash_end = n + 1;
        }

        out[n] = c;
        i += 2;
    }

    p->text.data = out;
    p->text.len = n;

    if (p->encoded_slash == (size_t) -1) {
        p->encoded_slash = n;
    }

    return HX_PATH_OK;
}


hx_path_err_t
hx_path_parse(hx_path_t *p, const unsigned char *target, size_t len,
    unsigned char *out)
{
    size_t                n;
    hx_path_err_t         err;
    const unsigned char  *s, *seg, *end;

    p->n = 0;

    if (len == 0 || target[0] != '/') {
        return HX_PATH_E_FORM;
    }

    err = hx_path_decode(p, target, len, out);
    if (err != HX_PATH_OK) {
        return err;
    }

    end = out + p->text.len;

    if (p->text.len == 1) {
        return HX_PATH_OK;
    }

    for (seg = out + 1; /* void */ ; seg = s + 1) {
        s = memchr(seg, '/', (size_t) (end - seg));

        if (s == NULL) {
            s = end;
        }

        n = (size_t) (s - seg);

        if (n == 0 || (n == 1 && seg[0] == '.')
            || (n == 2 && seg[0] == '.' && seg[1] == '.'))
        {
            return HX_PATH_E_SEGMENT;
        }

        if (p->n < HX_PATH_SEGMENTS) {
            p->segment[p->n].data = seg;
            p->segment[p->n].len = n;
            p->n++;

        } else {
            p->segment[p->n - 1].len =
                             (size_t) (s - p->segment[p->n - 1].data);
        }

        if (s == end) {
            return HX_PATH_OK;
        }
    }
}
