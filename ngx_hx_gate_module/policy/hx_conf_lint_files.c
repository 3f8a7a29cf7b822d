/*
 * hx_conf_lint_files.c -- keys, the registry and the audit trail where nginx
 * serves files from, and the audit trail in the file of another log.
 */

#include "hx_conf_lint_impl.h"


#define HX_LINT_SECRETS   64            /* files that are looked after */
#define HX_LINT_PATH      4096          /* bytes of one's name */

typedef struct {
    unsigned            n;
    struct {
        unsigned        rule;           /* of hx_lint_file_rules */
        hx_str_t        path;           /* from the root */
    } of[HX_LINT_SECRETS];
} hx_lint_secrets_t;

enum {
    HX_LINT_KEY = 0,
    HX_LINT_REGISTRY,
    HX_LINT_TRAIL,
    HX_LINT_SAME_FILE
};

#define HX_LINT_FILE_RULES   120        /* the number of the first one */

static const hx_lint_rule_t  hx_lint_file_rules[] = {

    { HX_LINT_ERROR, 0, HX_IN_OWN, NULL, NULL,
      "\"%n\" serves the key in \"%a\" to everybody" },

    { HX_LINT_ERROR, 0, HX_IN_OWN, NULL, NULL,
      "\"%n\" serves the registry in \"%a\" to everybody" },

    { HX_LINT_WARN, 0, HX_IN_OWN, NULL, NULL,
      "\"%n\" serves the audit log \"%a\" to everybody" },

    { HX_LINT_WARN, 0, HX_IN_OWN, NULL, NULL,
      "\"%n\" writes into the audit log \"%a\", too: its lines are no records" }
};


/* Without "//", "." and "..": each part again, or what is before one. */

static size_t
hx_lint_straighten(unsigned char *p, size_t len)
{
    size_t  i, n, from;

    for (i = 0, n = 0; i < len; /* void */ ) {
        while (i < len && p[i] == '/') {
            i++;
        }

        for (from = i; i < len && p[i] != '/'; i++) { /* void */ }

        if (i - from == 2 && p[from] == '.' && p[from + 1] == '.') {
            while (n != 0 && p[--n] != '/') { /* void */ }

        } else if (i != from && !(i - from == 1 && p[from] == '.')) {
            p[n++] = '/';
            memmove(p + n, p + from, i - from);
            n += i - from;
        }
    }

    return n;
}


/* The name of a file as nginx makes it whole; data NULL: no memory. */

static hx_str_t
hx_lint_full(hx_lint_run_t *run, const hx_str_t *path, const hx_str_t *prefix)
{
    size_t          skip;
    hx_str_t        full;
    unsigned char  *p;

    skip = path->len != 0 && path->data[0] == '/' ? 0 : prefix->len;
    p = run->text->alloc(run->text->data, skip + path->len + 2);
    full.data = p;
    full.len = 0;

    if (p != NULL) {
        /* the first part is written behind the "/" that is read */

        p[0] = '/';
        memcpy(p + 1, prefix->data, skip);
        memcpy(p + 1 + skip, path->data, path->len);
        full.len = hx_lint_straighten(p, 1 + skip + path->len);
    }

    return full;
}


static hx_rc_t
hx_lint_secret(hx_lint_run_t *run, hx_lint_secrets_t *s, unsigned rule,
    const hx_str_t *word, size_t skip, const hx_str_t *prefix)
{
    hx_str_t  path;

    path.data = word->data + skip;
    path.len = word->len - skip;

    if (s->n == HX_LINT_SECRETS || path.len == 0 || path.len > HX_LINT_PATH) {
        return HX_OK;
    }

    s->of[s->n].rule = rule;
    s->of[s->n].path = hx_lint_full(run, &path, prefix);

    return s->of[s->n++].path.data != NULL ? HX_OK : HX_FAIL;
}


static hx_rc_t
hx_lint_audit_files(hx_lint_run_t *run, hx_lint_secrets_t *s,
    const hx_conf_dir_t *d)
{
    size_t    skip;
    hx_rc_t   rc;
    unsigned  i;

    if (d->n < 2 || hx_lint_word_is(d, 1, "off")) {
        return HX_OK;
    }

    rc = hx_lint_secret(run, s, HX_LINT_TRAIL, &d->word[1], 0,
                        &run->env->prefix);

    for (i = 2; i < d->n && rc == HX_OK; i++) {
        if (hx_text_begins(&d->word[i], "key=")) {
            skip = hx_text_begins(&d->word[i], "key=file:") ? 9 : 4;
            rc = hx_lint_secret(run, s, HX_LINT_KEY, &d->word[i], skip,
                                &run->env->conf_prefix);
        }
    }

    return rc;
}


static hx_rc_t
hx_lint_webhook_files(hx_lint_run_t *run, hx_lint_secrets_t *s,
    const hx_conf_dir_t *d)
{
    hx_rc_t   rc;
    unsigned  i;

    for (i = 1, rc = HX_OK; i < d->n && rc == HX_OK; i++) {
        if (hx_text_begins(&d->word[i], "secret=file:")) {
            rc = hx_lint_secret(run, s, HX_LINT_KEY, &d->word[i], 12,
                                &run->env->conf_prefix);
        }
    }

    return rc;
}


static hx_rc_t
hx_lint_secrets(hx_lint_run_t *run, hx_lint_secrets_t *s,
    const hx_conf_dir_t *block)
{
    hx_rc_t               rc;
    hx_str_t              w;
    const hx_conf_dir_t  *d;

    rc = HX_OK;

    for (d = block->plain.first; d != NULL && rc == HX_OK; d = d->next) {
        w = hx_conf_word(d, 1);

        if (hx_conf_is(d, "hx_gate_service_key")
            && hx_text_begins(&w, "file:"))
        {
            rc = hx_lint_secret(run, s, HX_LINT_KEY, &w, 5,
                                &run->env->conf_prefix);

        } else if (hx_conf_is(d, "hx_gate_stripe_webhook")) {
            rc = hx_lint_webhook_files(run, s, d);

        } else if (hx_conf_is(d, "hx_gate_registry")
                   && hx_text_begins(&w, "lmdb:"))
        {
            rc = hx_lint_secret(run, s, HX_LINT_REGISTRY, &w, 5,
                                &run->env->prefix);

        } else if (hx_conf_is(d, "hx_gate_audit_log")) {
            rc = hx_lint_audit_files(run, s, d);
        }
    }

    for (d = block->blocks.first; d != NULL && rc == HX_OK; d = d->next) {
        rc = hx_lint_secrets(run, s, d);
    }

    return rc;
}


/* Is the path this directory, or in it? */

static int
hx_lint_is_below(const hx_str_t *path, const hx_str_t *dir)
{
    size_t  len;

    len = dir->len;

    while (len != 0 && dir->data[len - 1] == '/') {
        len--;
    }

    return path->len >= len && memcmp(path->data, dir->data, len) == 0
           && (path->len == len || path->data[len] == '/');
}


static hx_rc_t
hx_lint_file(hx_lint_run_t *run, const hx_lint_secrets_t *s, hx_conf_dir_t *d)
{
    int              serves;
    unsigned         i, rule;
    hx_str_t         path;
    hx_lint_place_t  p;

    serves = hx_conf_is(d, "root") || hx_conf_is(d, "alias");
    path = hx_conf_word(d, 1);

    if ((!serves && !hx_conf_is(d, "access_log")
         && !hx_conf_is(d, "error_log"))
        || path.len == 0 || hx_text_has(&path, "$"))
    {
        return HX_OK;
    }

    path = hx_lint_full(run, &path, &run->env->prefix);
    if (path.data == NULL) {
        return HX_FAIL;
    }

    memset(&p, 0, sizeof(hx_lint_place_t));
    p.run = run;
    p.block = d->parent;

    for (i = 0; i < s->n; i++) {
        p.arg = s->of[i].path;
        rule = serves ? s->of[i].rule : HX_LINT_SAME_FILE;

        if (serves ? hx_lint_is_below(&p.arg, &path)
            : s->of[i].rule == HX_LINT_TRAIL && hx_text_eq(&p.arg, &path))
        {
            hx_lint_say(&hx_lint_file_rules[rule], HX_LINT_FILE_RULES + rule,
                        &p, d);
        }
    }

    return HX_OK;
}


static hx_rc_t
hx_lint_each_file(hx_lint_run_t *run, const hx_lint_secrets_t *s,
    const hx_conf_dir_t *block)
{
    hx_conf_dir_t  *d;

    for (d = block->plain.first; d != NULL; d = d->next) {
        if (hx_lint_file(run, s, d) != HX_OK) {
            return HX_FAIL;
        }
    }

    for (d = block->blocks.first; d != NULL; d = d->next) {
        if (hx_lint_each_file(run, s, d) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


hx_rc_t
hx_lint_files(hx_lint_run_t *run)
{
    hx_lint_secrets_t  *s;

    s = run->text->alloc(run->text->data, sizeof(hx_lint_secrets_t));
    if (s == NULL) {
        return HX_FAIL;
    }

    s->n = 0;

    if (hx_lint_secrets(run, s, run->http) != HX_OK) {
        return HX_FAIL;
    }

    /* an error log may be that of the main context */

    return hx_lint_each_file(run, s, &run->text->root);
}
