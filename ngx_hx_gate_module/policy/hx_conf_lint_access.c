/*
 * hx_conf_lint_access.c -- who is kept out by other means than the gate.
 */

#include "hx_conf_lint_impl.h"


int
hx_lint_has_word(const hx_conf_dir_t *d, const char *words)
{
    unsigned  i;

    for (i = 1; i < d->n; i++) {
        if (hx_lint_is_word(&d->word[i], words)) {
            return 1;
        }
    }

    return 0;
}


int
hx_lint_has_tls(const hx_conf_dir_t *server)
{
    const hx_conf_dir_t  *d;

    for (d = server->plain.first; d != NULL; d = d->next) {
        if (hx_conf_is(d, "listen") && hx_lint_has_word(d, "ssl quic")) {
            return 1;
        }
    }

    return 0;
}


const hx_conf_dir_t *
hx_lint_access(const hx_conf_dir_t *block)
{
    for ( /* void */ ; block != NULL; block = block->parent) {
        if (hx_lint_own(block, "allow") != NULL
            || hx_lint_own(block, "deny") != NULL)
        {
            break;
        }
    }

    return block;
}


/* The first "all" of the name; the first rule that fits decides. */

static unsigned
hx_lint_all(const hx_conf_dir_t *level, const char *name)
{
    const hx_conf_dir_t  *d;

    for (d = hx_lint_own(level, name); d != NULL; d = d->same) {
        if (hx_lint_word_is(d, 1, "all")) {
            return d->number;
        }
    }

    return ~0U;
}


static int
hx_lint_asks(const hx_conf_dir_t *block, const char *name)
{
    const hx_conf_dir_t  *d;

    d = hx_lint_nearest(block, name);

    return d != NULL && !hx_lint_word_is(d, 1, "off");
}


/* Nobody without a certificate comes by any of its listeners. */

static int
hx_lint_certified(const hx_conf_dir_t *server)
{
    const hx_conf_dir_t  *d;

    if (!hx_lint_says(server, "ssl_verify_client", "on")) {
        return 0;
    }

    d = hx_lint_own(server, "listen");

    if (d == NULL) {
        return 0;
    }

    for ( /* void */ ; d != NULL; d = d->same) {
        if (!hx_lint_has_word(d, "ssl quic") && hx_lint_listens_public(d)) {
            return 0;
        }
    }

    return 1;
}


int
hx_lint_is_narrowed(const hx_conf_dir_t *server, const hx_conf_dir_t *block)
{
    const hx_conf_dir_t  *level;

    level = hx_lint_access(block);

    return (level != NULL
            && hx_lint_all(level, "deny") < hx_lint_all(level, "allow"))
           || hx_lint_asks(block, "auth_basic")
           || hx_lint_asks(block, "auth_request")
           || hx_lint_asks(block, "auth_jwt") || hx_lint_certified(server);
}
