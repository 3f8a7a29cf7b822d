/*
 * fuzz_conf.c -- policy/hx_conf_text.h and hx_conf_lint.h: a text is read or
 * refused with a line of its own, words are inside of it or its copy, and what
 * was read is looked at to the end.
 */

#include "hx_conf_lint.h"
#include "hx_fuzz.h"


typedef struct block_s  block_t;

struct block_s {
    block_t  *next;
};

static block_t  *blocks;


static void *
take(void *data, size_t size)
{
    block_t  *b;

    b = malloc(sizeof(block_t) + 16 + size);
    hx_fuzz_check(b != NULL);

    b->next = blocks;
    blocks = b;

    return (char *) b + 16;
}


static void
say(void *data, hx_lint_level_t level, const hx_conf_dir_t *at,
    const hx_str_t *text)
{
    hx_fuzz_check(level == HX_LINT_WARN || level == HX_LINT_ERROR);
    hx_fuzz_check(at->n != 0);
    hx_fuzz_check(text->len != 0 && text->len <= HX_LINT_TEXT);
}


static void
check(const hx_conf_dir_t *d, unsigned depth, unsigned lines)
{
    size_t    k, sum;
    unsigned  i;

    hx_fuzz_check(depth <= HX_CONF_BLOCKS + 1);

    for ( /* void */ ; d != NULL; d = d->next) {
        hx_fuzz_check(d->n >= 1 && d->n <= HX_CONF_WORDS);
        hx_fuzz_check(d->line >= 1 && d->line <= lines);
        hx_fuzz_check(d->start >= 1 && d->start <= d->line);
        hx_fuzz_check(d->number > d->parent->number);
        hx_fuzz_check(d->next == NULL || d->next->number > d->number);

        /* each byte is there: a sanitizer sees one that is not */

        for (i = 0, sum = 0; i < d->n; i++) {
            for (k = 0; k < d->word[i].len; k++) {
                sum += d->word[i].data[k] != 0;
            }
        }

        hx_fuzz_check(sum <= HX_CONF_WORDS * (size_t) 1048576);

        check(d->plain.first, depth + 1, lines);
        check(d->blocks.first, depth + 1, lines);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t           i;
    uint8_t         *text;
    block_t         *b;
    unsigned         lines;
    hx_conf_text_t   t;
    hx_conf_lint_t   lint;

    text = hx_fuzz_copy(data, len);

    for (i = 0, lines = 1; i < len; i++) {
        lines += text[i] == '\n';
    }

    memset(&t, 0, sizeof(t));
    t.alloc = take;
    hx_conf_text_init(&t);

    if (hx_conf_text_parse(&t, &t.root, "", text, len) == HX_OK) {
        check(t.root.plain.first, 0, lines);
        check(t.root.blocks.first, 0, lines);

        memset(&lint, 0, sizeof(lint));
        lint.say = say;
        lint.prefix = (hx_str_t) hx_string("/p/");
        lint.conf_prefix = (hx_str_t) hx_string("/c/");

        hx_fuzz_check(hx_conf_lint(&t, &lint) == HX_OK);

    } else {
        hx_fuzz_check(t.why != NULL && t.line >= 1 && t.line <= lines);
    }

    while (blocks != NULL) {
        b = blocks;
        blocks = b->next;
        free(b);
    }

    free(text);

    return 0;
}
