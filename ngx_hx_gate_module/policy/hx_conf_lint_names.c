/*
 * hx_conf_lint_names.c -- directives by their names.  Of a block whose names
 * are sorted only the first directive of each name is looked at, so that long
 * lists ("deny") cost nothing to whoever looks for something else.
 */

#include "hx_conf_lint_impl.h"


static uint64_t
hx_lint_bit(const unsigned char *name, size_t len)
{
    return len == 0 ? 1
           : UINT64_C(1) << ((len + 7U * name[len - 1] + 31U * name[len / 2])
                             & 63);
}


static int
hx_lint_is_named(const hx_conf_dir_t *d, const char *name, size_t len)
{
    return d->word[0].len == len && memcmp(d->word[0].data, name, len) == 0;
}


/* Directives are chained by their names, and names by their first directive. */

static void
hx_lint_chain(hx_conf_dir_t *block)
{
    uint64_t         bit;
    hx_str_t         w;
    hx_conf_dir_t   *d, *first, **end;

    block->names = 0;
    end = NULL;

    for (d = block->plain.first; d != NULL; d = d->next) {
        d->other = NULL;
        d->same = NULL;
        d->latest = d;

        w = hx_conf_word(d, 0);
        bit = hx_lint_bit(w.data, w.len);
        first = NULL;

        if (block->names & bit) {
            first = hx_lint_find(block, (const char *) w.data, w.len);
        }

        if (first != NULL) {
            first->latest->same = d;
            first->latest = d;
            continue;
        }

        if (end != NULL) {
            *end = d;
        }

        end = &d->other;
        block->names |= bit;
    }
}


void
hx_lint_sort_names(hx_conf_dir_t *block)
{
    hx_conf_dir_t  *d;

    hx_lint_chain(block);

    for (d = block->blocks.first; d != NULL; d = d->next) {
        if (hx_lint_is_word(&d->word[0], "server location if limit_except")) {
            hx_lint_sort_names(d);
        }
    }
}


hx_conf_dir_t *
hx_lint_find(const hx_conf_dir_t *block, const char *name, size_t len)
{
    hx_conf_dir_t  *d;

    if ((block->names & hx_lint_bit((const unsigned char *) name, len)) == 0) {
        return NULL;
    }

    for (d = block->plain.first; d != NULL; d = d->other) {
        if (hx_lint_is_named(d, name, len)) {
            return d;
        }
    }

    return NULL;
}


hx_conf_dir_t *
hx_lint_own(const hx_conf_dir_t *block, const char *name)
{
    return hx_lint_find(block, name, strlen(name));
}


const hx_conf_dir_t *
hx_lint_nearest(const hx_conf_dir_t *block, const char *name)
{
    size_t                len;
    const hx_conf_dir_t  *d;

    len = strlen(name);

    for ( /* void */ ; block != NULL; block = block->parent) {
        d = hx_lint_find(block, name, len);

        if (d != NULL) {
            return d;
        }
    }

    return NULL;
}
