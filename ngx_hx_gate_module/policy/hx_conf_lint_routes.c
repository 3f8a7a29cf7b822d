/*
 * hx_conf_lint_routes.c -- operations that no request can be: another one comes
 * first, or the location is for other paths.
 */

#include "hx_conf_lint_impl.h"


static int
hx_lint_names_ns(const hx_str_t *pattern)
{
    return hx_text_has(pattern, "{ns}") || hx_text_has(pattern, "?<ns>")
           || hx_text_has(pattern, "?P<ns>");
}


/* As the directive is read; what is wrong with it nginx has said. */

static int
hx_lint_operation(hx_operation_t *op, const hx_conf_dir_t *d)
{
    char      err[256];
    unsigned  i;

    memset(op, 0, sizeof(hx_operation_t));

    if (d->n < 4) {
        return 0;
    }

    op->name = d->word[1];
    op->method = d->word[2];
    op->pattern = d->word[3];
    op->ns = hx_lint_names_ns(&op->pattern) ? HX_NS_PATH : HX_NS_NONE;

    for (i = 4; i < d->n; i++) {
        op->ns = hx_lint_word_is(d, i, "namespace=path") ? HX_NS_PATH
                 : hx_lint_word_is(d, i, "namespace=body") ? HX_NS_BODY
                 : hx_lint_word_is(d, i, "namespace=none") ? HX_NS_NONE
                 : op->ns;
    }

    /* a regular expression stays text */

    return op->pattern.len != 0
           && (op->pattern.data[0] == '~'
               || hx_route_compile(op, err, sizeof(err)) == HX_OK);
}


static void
hx_lint_add_set(hx_lint_run_t *run, const hx_conf_dir_t *d)
{
    char                   err[256];
    unsigned               i, n;
    const hx_operation_t  *set;

    n = hx_route_hx_sdp(&set);

    for (i = 0; i < n && run->n_ops < HX_ROUTE_OPERATIONS; i++) {
        run->op[run->n_ops] = set[i];
        run->op_dir[run->n_ops] = d;

        if (hx_route_compile(&run->op[run->n_ops], err, sizeof(err)) == HX_OK)
        {
            run->n_ops++;
        }
    }
}


hx_rc_t
hx_lint_operations(hx_lint_run_t *run, const hx_conf_dir_t *block)
{
    hx_conf_text_t       *t;
    const hx_conf_dir_t  *d;

    static const char  one[] = "hx_gate_operation";
    static const char  set[] = "hx_gate_operations";

    t = run->text;

    if (run->op == NULL) {
        run->op = t->alloc(t->data, HX_ROUTE_OPERATIONS
                                    * sizeof(hx_operation_t));
        run->op_dir = t->alloc(t->data, HX_ROUTE_OPERATIONS
                                        * sizeof(*run->op_dir));

        if (run->op == NULL || run->op_dir == NULL) {
            return HX_FAIL;
        }
    }

    for ( /* void */ ; block != NULL; block = block->parent) {
        if (hx_lint_own(block, one) != NULL || hx_lint_own(block, set) != NULL)
        {
            break;
        }
    }

    if (block == run->ops_level) {
        return HX_OK;
    }

    run->ops_level = block;
    run->n_ops = 0;

    if (block == NULL) {
        return HX_OK;
    }

    for (d = block->plain.first; d != NULL; d = d->next) {
        if (hx_conf_is(d, set)) {
            hx_lint_add_set(run, d);

        } else if (hx_conf_is(d, one) && run->n_ops < HX_ROUTE_OPERATIONS
                   && hx_lint_operation(&run->op[run->n_ops], d))
        {
            run->op_dir[run->n_ops++] = d;
        }
    }

    return HX_OK;
}


int
hx_lint_has_ns(hx_lint_place_t *p, hx_ns_source_t ns)
{
    unsigned  i;

    for (i = 0; i < p->run->n_ops; i++) {
        if (p->run->op[i].ns == ns) {
            return 1;
        }
    }

    return 0;
}


/* Is every path of the template b one of a? */

static int
hx_lint_covers_path(const hx_operation_t *a, const hx_operation_t *b)
{
    unsigned          i;
    const hx_part_t  *x, *y;

    if (a->n_parts == 0 || b->n_parts == 0) {
        return hx_text_eq(&a->pattern, &b->pattern);
    }

    for (i = 0; i < a->n_parts && i < b->n_parts; i++) {
        x = &a->part[i];
        y = &b->part[i];

        if (x->type == HX_PART_KEY) {
            return 1;                   /* takes the rest */
        }

        if (y->type == HX_PART_KEY
            || (x->type == HX_PART_LITERAL
                && (y->type != HX_PART_LITERAL
                    || !hx_text_eq(&x->text, &y->text))))
        {
            return 0;
        }
    }

    return a->n_parts == b->n_parts;
}


static int
hx_lint_covers(const hx_operation_t *a, const hx_operation_t *b)
{
    static const hx_str_t  get = hx_string("GET");
    static const hx_str_t  head = hx_string("HEAD");

    return a->member.data == NULL && b->member.data == NULL
           && (hx_text_eq(&a->method, &b->method)
               || (hx_text_eq(&a->method, &get)
                   && hx_text_eq(&b->method, &head)))
           && hx_lint_covers_path(a, b);
}


static unsigned
hx_lint_index(const hx_lint_run_t *run, const hx_conf_dir_t *d)
{
    unsigned  i;

    for (i = 0; i < run->n_ops && run->op_dir[i] != d; i++) { /* void */ }

    return i;
}


static int
hx_lint_never_first(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned        i, at;
    hx_lint_run_t  *run;

    run = p->run;
    at = hx_lint_index(run, d);

    if (at == run->n_ops) {
        return 0;
    }

    for (i = 0; i < at; i++) {
        if (hx_lint_covers(&run->op[i], &run->op[at])) {
            p->arg = run->op[i].name;
            return 1;
        }
    }

    return 0;
}


/* Can a request of the operation be in this location?  In doubt, yes. */

static int
hx_lint_can_be_in(const hx_operation_t *op, const hx_conf_dir_t *location)
{
    int                   exact;
    size_t                len;
    hx_str_t              s;
    const unsigned char  *brace;

    s = hx_conf_word(location, location->n - 1);
    exact = hx_lint_word_is(location, 1, "=");

    if (!hx_conf_is(location, "location") || s.len == 0 || s.data[0] != '/'
        || (location->n == 3 && !exact && !hx_lint_word_is(location, 1, "^~"))
        || op->n_parts == 0
        || hx_lint_nearest(location, "rewrite") != NULL
        || hx_lint_own(location, "internal") != NULL)
    {
        return 1;
    }

    brace = memchr(op->pattern.data, '{', op->pattern.len);
    len = brace != NULL ? (size_t) (brace - op->pattern.data)
                        : op->pattern.len;

    if (brace == NULL && (exact ? len != s.len : len < s.len)) {
        return 0;
    }

    len = len < s.len ? len : s.len;

    return memcmp(op->pattern.data, s.data, len) == 0;
}


static int
hx_lint_not_here(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  at;

    at = hx_lint_index(p->run, d);
    p->arg = hx_conf_word(d, 1);

    return at < p->run->n_ops
           && !hx_lint_can_be_in(&p->run->op[at], p->block);
}


static int
hx_lint_none_here(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  i;

    if (p->run->n_ops == 0 || p->run->ops_level == d
        || hx_lint_answered(p->server, d))
    {
        return 0;
    }

    for (i = 0; i < p->run->n_ops; i++) {
        if (hx_lint_can_be_in(&p->run->op[i], d)) {
            return 0;
        }
    }

    return 1;
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, "hx_gate_operation",
      hx_lint_never_first,
      "no request can be this operation: \"%a\" before it takes them all" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_OWN, "hx_gate_operation",
      hx_lint_not_here,
      "operation \"%a\" has no path that begins with that of location \"%l\"" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, NULL,
      hx_lint_none_here,
      "no operation has a path that begins with that of location \"%l\": "
      "\"hx_gate\" would refuse every request" }
};


const hx_lint_rules_t  hx_lint_routes = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
