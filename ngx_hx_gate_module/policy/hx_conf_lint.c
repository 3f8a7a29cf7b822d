/*
 * hx_conf_lint.c -- goes through servers and locations and asks the rules of
 * each table; see the header.
 */

#include "hx_buf.h"
#include "hx_conf_lint_impl.h"


static const hx_lint_rules_t *const  hx_lint_tables[] = {
    &hx_lint_credentials,
    &hx_lint_answers,
    &hx_lint_upstream,
    &hx_lint_cache,
    &hx_lint_backdoor,
    &hx_lint_serve,
    &hx_lint_routes
};

/* A look at one place, before any rule is asked, or after that. */
typedef hx_rc_t (*hx_lint_visit_t)(hx_lint_place_t *p);


static void
hx_lint_text(hx_buf_t *b, const char *text, const hx_lint_place_t *p,
    const hx_conf_dir_t *d)
{
    hx_str_t     s;
    const char  *c;

    for (c = text; *c != '\0'; c++) {
        if (*c != '%') {
            hx_buf_byte(b, (unsigned char) *c);
            continue;
        }

        switch (*++c) {

        case 'n':
            s = hx_conf_word(d, 0);
            break;

        case 'l':
            s = hx_conf_word(p->block, p->block->n - 1);
            break;

        default:
            s = p->arg;
            break;
        }

        /* a line of the configuration may be as long as it likes */

        if (s.len > HX_LINT_TEXT / 4) {
            hx_buf_add(b, s.data, HX_LINT_TEXT / 4);
            hx_buf_lit(b, "...");

        } else {
            hx_buf_add(b, s.data, s.len);
        }
    }
}


void
hx_lint_say(const hx_lint_rule_t *rule, unsigned number,
    const hx_lint_place_t *p, hx_conf_dir_t *d)
{
    hx_buf_t              b;
    hx_str_t              s;
    uint64_t             *said, bit;
    unsigned char         text[HX_LINT_TEXT];
    const hx_conf_lint_t *env;

    said = &d->said[number / 64 & 1];
    bit = UINT64_C(1) << (number & 63);

    if (*said & bit) {
        return;
    }

    *said |= bit;

    hx_buf_init(&b, text, sizeof(text));
    hx_lint_text(&b, rule->text, p, d);

    s.data = text;
    s.len = hx_buf_len(&b);

    env = p->run->env;
    env->say(env->data, rule->level, d, &s);
}


static int
hx_lint_said(const hx_conf_dir_t *d, unsigned number)
{
    return (d->said[number / 64 & 1] & (UINT64_C(1) << (number & 63))) != 0;
}


static void
hx_lint_name(const hx_lint_rule_t *rule, unsigned number, hx_lint_place_t *p,
    const char *name, size_t len)
{
    hx_conf_dir_t  *at, *first, *d;

    if (!hx_lint_concerns(p->pass, name, len)) {
        return;
    }

    for (at = p->block; at != NULL; at = at->parent) {
        first = hx_lint_find(at, name, len);

        for (d = first; d != NULL; d = d->same) {
            if (!hx_lint_said(d, number) && rule->is(p, d)) {
                hx_lint_say(rule, number, p, d);
            }
        }

        if (rule->scope == HX_IN_OWN
            || (rule->scope == HX_IN_NEAREST && first != NULL))
        {
            return;
        }
    }
}


static void
hx_lint_rule(const hx_lint_rule_t *rule, unsigned number, hx_lint_place_t *p)
{
    const char  *name, *end;

    if ((rule->where & p->what) == 0) {
        return;
    }

    if (rule->names == NULL) {
        if (rule->is(p, p->block)) {
            hx_lint_say(rule, number, p, p->block);
        }

        return;
    }

    for (name = rule->names; *name != '\0'; name = end + (*end == ' ')) {
        for (end = name; *end != '\0' && *end != ' '; end++) { /* void */ }

        hx_lint_name(rule, number, p, name, (size_t) (end - name));
    }
}


static hx_rc_t
hx_lint_ask(hx_lint_place_t *p)
{
    unsigned                i, number;
    size_t                  t;
    const hx_lint_rules_t  *table;

    if ((p->what & HX_AT_GATED)
        && hx_lint_operations(p->run, p->block) != HX_OK)
    {
        return HX_FAIL;
    }

    for (t = 0, number = 0; t < hx_nelts(hx_lint_tables); t++) {
        table = hx_lint_tables[t];

        for (i = 0; i < table->n; i++) {
            p->arg.data = (const unsigned char *) "";
            p->arg.len = 0;
            hx_lint_rule(&table->rule[i], number++, p);
        }
    }

    return HX_OK;
}


/* Where do gated requests go?  Asked of all places before any rule is. */

static hx_rc_t
hx_lint_note(hx_lint_place_t *p)
{
    p->run->used |= p->what;

    return (p->what & HX_AT_ON) && p->pass != NULL
           ? hx_lint_add_engine(p->run, p->pass) : HX_OK;
}


static hx_rc_t
hx_lint_place(hx_lint_run_t *run, const hx_conf_dir_t *server,
    hx_conf_dir_t *block, hx_lint_visit_t visit)
{
    hx_lint_place_t  p;

    p.run = run;
    p.server = server;
    p.block = block;
    p.pass = hx_lint_passed_by(server, block);
    p.what = hx_lint_what(block);

    return visit(&p);
}


/* Everything in a server that a request may be answered by. */

static hx_rc_t
hx_lint_inside(hx_lint_run_t *run, const hx_conf_dir_t *server,
    hx_conf_dir_t *block, hx_lint_visit_t visit)
{
    hx_conf_dir_t  *d;

    for (d = block->blocks.first; d != NULL; d = d->next) {
        if (!hx_conf_is(d, "location")
            && (block == server
                || (!hx_conf_is(d, "if") && !hx_conf_is(d, "limit_except"))))
        {
            continue;
        }

        if (hx_lint_place(run, server, d, visit) != HX_OK
            || hx_lint_inside(run, server, d, visit) != HX_OK)
        {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


static hx_rc_t
hx_lint_servers(hx_lint_run_t *run, hx_lint_visit_t visit)
{
    hx_conf_dir_t  *server;

    static const hx_str_t  root = hx_string("/");

    for (server = run->http->blocks.first; server; server = server->next) {
        if (!hx_conf_is(server, "server")) {
            continue;
        }

        /* what no location takes the server itself answers */

        if (hx_lint_target(server, &root) == NULL
            && hx_lint_place(run, server, server, visit) != HX_OK)
        {
            return HX_FAIL;
        }

        if (hx_lint_inside(run, server, server, visit) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


hx_rc_t
hx_conf_lint(hx_conf_text_t *t, const hx_conf_lint_t *lint)
{
    hx_conf_dir_t  *d;
    hx_lint_run_t   run;

    memset(&run, 0, sizeof(hx_lint_run_t));
    run.text = t;
    run.env = lint;
    hx_lint_sort_names(&t->root);

    for (d = t->root.blocks.first; d != NULL; d = d->next) {
        if (!hx_conf_is(d, "http")) {
            continue;
        }

        run.http = d;
        hx_lint_sort_names(d);

        if (hx_lint_upstreams(&run) != HX_OK
            || hx_lint_servers(&run, hx_lint_note) != HX_OK)
        {
            return HX_FAIL;
        }

        if ((run.used & ~(unsigned) HX_AT_OPEN) == 0) {
            continue;
        }

        hx_lint_service_key(&run, d);

        if (hx_lint_files(&run) != HX_OK
            || hx_lint_servers(&run, hx_lint_ask) != HX_OK)
        {
            return HX_FAIL;
        }
    }

    return HX_OK;
}
