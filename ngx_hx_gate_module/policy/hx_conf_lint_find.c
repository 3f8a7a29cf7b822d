/*
 * hx_conf_lint_find.c -- what holds at a place: directives, inherited as nginx
 * inherits them, variables in their arguments, listeners, locations.
 */

#include "hx_conf_lint_impl.h"


/* What passes requests on. */
static const char *const  hx_lint_passes[] = {
    "proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"
};


int
hx_lint_word_is(const hx_conf_dir_t *d, unsigned i, const char *text)
{
    return i < d->n && hx_text_is(&d->word[i], text);
}


int
hx_lint_says(const hx_conf_dir_t *block, const char *name, const char *word)
{
    const hx_conf_dir_t  *d;

    d = hx_lint_nearest(block, name);

    return d != NULL && hx_lint_word_is(d, 1, word);
}


int
hx_lint_is_word(const hx_str_t *s, const char *words)
{
    size_t       len;
    const char  *end;

    for ( /* void */ ; *words != '\0'; words = end + (*end == ' ')) {
        for (end = words; *end != '\0' && *end != ' '; end++) { /* void */ }

        len = (size_t) (end - words);

        if (words[len - 1] == '_') {
            if (s->len > len && memcmp(s->data, words, len) == 0) {
                return 1;
            }

        } else if (s->len == len && memcmp(s->data, words, len) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_name_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}


int
hx_lint_variable(const hx_str_t *s, size_t *at, hx_str_t *name)
{
    size_t                i;
    const unsigned char  *dollar;

    dollar = *at < s->len ? memchr(s->data + *at, '$', s->len - *at) : NULL;

    if (dollar == NULL) {
        return 0;
    }

    i = (size_t) (dollar - s->data) + 1;
    i += i < s->len && s->data[i] == '{';
    name->data = s->data + i;

    while (i < s->len && hx_lint_name_char(s->data[i])) {
        i++;
    }

    name->len = (size_t) (s->data + i - name->data);
    *at = i;

    return 1;
}


int
hx_lint_uses(const hx_str_t *s, const char *variables)
{
    size_t    at;
    hx_str_t  name;

    for (at = 0; hx_lint_variable(s, &at, &name); /* void */ ) {
        if (hx_lint_is_word(&name, variables)) {
            return 1;
        }
    }

    return 0;
}


int
hx_lint_args_use(const hx_conf_dir_t *d, unsigned from, const char *variables)
{
    unsigned  i;

    for (i = from; i < d->n; i++) {
        if (hx_lint_uses(&d->word[i], variables)) {
            return 1;
        }
    }

    return 0;
}


const hx_conf_dir_t *
hx_lint_pass(const hx_conf_dir_t *block)
{
    unsigned              i;
    const hx_conf_dir_t  *d;

    for (i = 0; i < hx_nelts(hx_lint_passes); i++) {
        d = hx_lint_own(block, hx_lint_passes[i]);

        if (d != NULL) {
            return d;
        }
    }

    return NULL;
}


int
hx_lint_answered(const hx_conf_dir_t *server, const hx_conf_dir_t *block)
{
    return hx_lint_own(block, "return") != NULL
           || hx_lint_own(server, "return") != NULL;
}


const hx_conf_dir_t *
hx_lint_passed_by(const hx_conf_dir_t *server, const hx_conf_dir_t *block)
{
    const hx_conf_dir_t  *pass;

    for ( /* void */ ; block != NULL; block = block->parent) {
        if (hx_lint_answered(server, block)) {
            return NULL;
        }

        pass = hx_lint_pass(block);

        if (pass != NULL
            || !hx_lint_is_word(&block->word[0], "if limit_except"))
        {
            return pass;
        }
    }

    return NULL;
}


int
hx_lint_concerns(const hx_conf_dir_t *pass, const char *name, size_t len)
{
    size_t  i, n;

    for (i = 0; i < hx_nelts(hx_lint_passes); i++) {
        n = strlen(hx_lint_passes[i]) - strlen("pass");

        if (len > n && memcmp(name, hx_lint_passes[i], n) == 0) {
            return pass != NULL && hx_conf_is(pass, hx_lint_passes[i]);
        }
    }

    return 1;
}


int
hx_lint_is_path(const hx_str_t *s, size_t at)
{
    hx_str_t  rest;

    rest.data = s->data + at;
    rest.len = s->len - at;

    return hx_text_begins(&rest, "$uri") || hx_text_begins(&rest, "${uri}")
           || hx_text_begins(&rest, "$request_uri")
           || hx_text_begins(&rest, "${request_uri}")
           || hx_text_begins(&rest, "$document_uri")
           || hx_text_begins(&rest, "${document_uri}");
}


hx_str_t
hx_lint_authority(const hx_conf_dir_t *pass)
{
    size_t                i;
    hx_str_t              s;
    const unsigned char  *colon;

    s = hx_conf_word(pass, 1);

    for (i = 0; i + 3 <= s.len; i++) {
        if (memcmp(s.data + i, "://", 3) == 0) {
            s.data += i + 3;
            s.len -= i + 3;
            break;
        }
    }

    if (hx_text_begins(&s, "unix:")) {
        colon = memchr(s.data + 5, ':', s.len - 5);

        if (colon != NULL) {
            s.len = (size_t) (colon - s.data);
        }

        return s;
    }

    for (i = 0; i < s.len && s.data[i] != '/'; i++) {
        if (s.data[i] == '$' && i != 0 && hx_lint_is_path(&s, i)) {
            break;
        }
    }

    s.len = i;

    return s;
}


/* Handlers are not inherited, but "if" and "limit_except" are no places. */

static unsigned
hx_lint_handler(const hx_conf_dir_t *block)
{
    size_t  i;

    static const struct {
        const char  *name;
        unsigned     what;
    } handlers[] = {
        { "hx_gate_admin", HX_AT_ADMIN },
        { "hx_gate_metrics", HX_AT_METRICS },
        { "hx_gate_stripe_webhook", HX_AT_WEBHOOK },
        { "hx_gate_health", HX_AT_HEALTH },
        { "hx_gate_ready", HX_AT_HEALTH }
    };

    for (i = 0; i < hx_nelts(handlers); i++) {
        if (hx_lint_own(block, handlers[i].name) != NULL) {
            return handlers[i].what;
        }
    }

    if (block->parent != NULL && hx_lint_pass(block) == NULL
        && (hx_conf_is(block, "if") || hx_conf_is(block, "limit_except"))
        && hx_conf_is(block->parent, "location"))
    {
        return hx_lint_handler(block->parent);
    }

    return 0;
}


unsigned
hx_lint_what(const hx_conf_dir_t *block)
{
    unsigned              what;
    const hx_conf_dir_t  *gate;

    what = hx_lint_handler(block);
    if (what != 0) {
        return what;
    }

    gate = hx_lint_nearest(block, "hx_gate");

    if (gate == NULL || hx_lint_word_is(gate, 1, "off")) {
        return HX_AT_OPEN;
    }

    return hx_lint_word_is(gate, 1, "shadow") ? HX_AT_SHADOW : HX_AT_ON;
}


int
hx_lint_listens_public(const hx_conf_dir_t *listen)
{
    hx_str_t  s;

    s = hx_conf_word(listen, 1);

    return !hx_lint_is_near(&s, 1);
}


int
hx_lint_public(const hx_conf_dir_t *server)
{
    const hx_conf_dir_t  *d;

    d = hx_lint_own(server, "listen");

    if (d == NULL) {
        return 1;                       /* nginx listens on *:80 then */
    }

    for ( /* void */ ; d != NULL; d = d->same) {
        if (hx_lint_listens_public(d)) {
            return 1;
        }
    }

    return 0;
}


/* Bytes of the path that the location is for, 0 = it is not. */

static size_t
hx_lint_fits(const hx_conf_dir_t *location, const hx_str_t *uri)
{
    int       exact;
    hx_str_t  s;

    s = hx_conf_word(location, location->n - 1);
    exact = 0;

    if (location->n == 3) {
        if (hx_lint_word_is(location, 1, "=")) {
            exact = 1;

        } else if (!hx_lint_word_is(location, 1, "^~")) {
            return 0;                   /* a regular expression */
        }
    }

    if (s.len == 0 || s.len > uri->len || memcmp(s.data, uri->data, s.len) != 0
        || ((exact || s.data[0] == '@') && s.len != uri->len))
    {
        return 0;
    }

    return exact ? s.len + 1 : s.len;
}


hx_conf_dir_t *
hx_lint_target(const hx_conf_dir_t *server, const hx_str_t *uri)
{
    size_t          len, best;
    hx_conf_dir_t  *d, *found, *inner;

    best = 0;
    found = NULL;

    for (d = server->blocks.first; d != NULL; d = d->next) {
        if (!hx_conf_is(d, "location") || d->n < 2) {
            continue;
        }

        len = hx_lint_fits(d, uri);

        if (len > best) {
            best = len;
            found = d;
        }
    }

    if (found != NULL) {
        inner = hx_lint_target(found, uri);

        return inner != NULL ? inner : found;
    }

    return NULL;
}


uint64_t
hx_lint_size(const hx_str_t *s, uint64_t dflt)
{
    size_t    len;
    unsigned  shift;
    uint64_t  n;

    len = s->len;
    shift = 0;

    if (len != 0) {
        switch (s->data[len - 1] | 0x20) {

        case 'k':
            shift = 10;
            break;

        case 'm':
            shift = 20;
            break;

        case 'g':
            shift = 30;
            break;

        default:
            break;
        }

        len -= shift != 0;
    }

    if (hx_text_parse_u64(s->data, len, UINT64_C(1) << 32, &n) != HX_OK) {
        return dflt;
    }

    return n << shift;
}
