/*
 * hx_check_image.c -- references to images in Docker files, and in compose
 * files and manifests of Kubernetes; contracts in hx_check_text.h.
 *
 * YAML is not parsed: a reference is what follows a key "image", wherever it
 * stands outside a comment.
 */

#include <string.h>

#include "hx_check_conf.h"
#include "hx_check_text.h"
#include "hx_text.h"

#define HX_IMAGE_PIN   "@sha256:"


int
hx_image_pinned(const hx_str_t *ref)
{
    size_t         n;
    unsigned char  hash[32];

    n = sizeof(HX_IMAGE_PIN) - 1;

    if (ref->len <= n + 64) {
        return 0;
    }

    return memcmp(ref->data + ref->len - n - 64, HX_IMAGE_PIN, n) == 0
           && hx_text_unhex(hash, ref->data + ref->len - 64, 32) == HX_OK;
}


static int
hx_image_stage(const hx_images_t *im, const hx_str_t *name)
{
    uint64_t  n;

    /* a number is a stage, too */

    return hx_text_find(im->stages, im->n_stages, name->data, name->len) != NULL
           || hx_text_parse_u64(name->data, name->len, 1000, &n) == HX_OK;
}


/* FROM [--platform=...] reference [AS stage] */

static int
hx_image_from(hx_images_t *im, const hx_str_t *line, size_t pos, hx_str_t *ref)
{
    int       known;
    hx_str_t  word, rest;

    do {
        if (!hx_scan_word(line, &pos, ref)) {
            return 0;
        }
    } while (hx_text_after(ref, "--", &rest));

    known = hx_text_is(ref, "scratch") || hx_image_stage(im, ref);

    if (hx_scan_word(line, &pos, &word)
        && hx_text_ieq(word.data, word.len, "as", 2)
        && hx_scan_word(line, &pos, &word) && im->n_stages < HX_IMAGE_STAGES)
    {
        im->stages[im->n_stages++] = word;
    }

    return !known;
}


static int
hx_image_docker(hx_images_t *im, const hx_str_t *line, hx_str_t *ref)
{
    size_t    pos;
    hx_str_t  word;

    pos = 0;

    if (!hx_scan_word(line, &pos, &word)) {
        return 0;
    }

    if (hx_text_ieq(word.data, word.len, "from", 4)) {
        return hx_image_from(im, line, pos, ref);
    }

    if (!hx_text_ieq(word.data, word.len, "copy", 4)) {
        return 0;
    }

    while (hx_scan_word(line, &pos, &word)) {
        if (hx_text_after(&word, "--from=", ref)) {
            return !hx_image_stage(im, ref);
        }
    }

    return 0;
}


static int
hx_image_edge(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '{'
           || c == ',';
}


/* The value behind "image:", without quotes. */

static void
hx_image_value(hx_str_t *rest, hx_str_t *ref)
{
    size_t         i, n;
    unsigned char  quote;

    for (i = 0; i < rest->len && (rest->data[i] == ' '
                                  || rest->data[i] == '\t'); i++)
    {
        /* void */
    }

    quote = i < rest->len && (rest->data[i] == '"' || rest->data[i] == '\'')
            ? rest->data[i++] : '\0';

    for (n = i; n < rest->len; n++) {
        if (quote != '\0' ? rest->data[n] == quote
                          : hx_image_edge(rest->data[n])
                            || rest->data[n] == '}' || rest->data[n] == '#')
        {
            break;
        }
    }

    ref->data = rest->data + i;
    ref->len = n - i;
    rest->data += n;
    rest->len -= n;
}


static int
hx_image_key(hx_str_t *rest, hx_str_t *ref)
{
    size_t                i, n;
    const unsigned char  *p = rest->data;

    for (i = 0; i + 5 < rest->len; i++) {
        if (p[i] == '#' && (i == 0 || p[i - 1] == ' ')) {
            break;
        }

        if (memcmp(p + i, "image", 5) != 0
            || (i != 0 && !hx_image_edge(p[i - 1])))
        {
            continue;
        }

        n = i + 5;
        n += p[n] == '"' || p[n] == '\'';

        while (n < rest->len && p[n] == ' ') {
            n++;
        }

        if (n == rest->len || p[n] != ':'
            || (n + 1 < rest->len && p[n + 1] != ' ' && p[n + 1] != '\t'
                && p[n + 1] != '"'))
        {
            continue;
        }

        rest->data += n + 1;
        rest->len -= n + 1;
        hx_image_value(rest, ref);

        return 1;
    }

    rest->len = 0;

    return 0;
}


int
hx_image_next(hx_images_t *im, hx_str_t *ref)
{
    hx_str_t  line;

    for ( ;; ) {
        if (im->rest.len != 0 && hx_image_key(&im->rest, ref)) {
            return 1;
        }

        if (!hx_scan_line(&im->text, &im->pos, &line)) {
            return 0;
        }

        im->line++;

        if (!im->docker) {
            im->rest = line;

        } else if (hx_image_docker(im, &line, ref)) {
            return 1;
        }
    }
}
