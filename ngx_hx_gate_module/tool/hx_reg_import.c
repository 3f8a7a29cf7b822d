/*
 * hx_reg_import.c -- hx-gate-registry import: tenants of JSON lines; see
 * hx_reg.h.
 *
 * Every line is looked at before anything is written: one that cannot be taken
 * is named, and then none is.  A tenant that is there already keeps what a line
 * does not say, so a file that was imported changes nothing the second time.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_crypto.h"
#include "hx_plan.h"
#include "hx_reg.h"
#include "hx_text.h"


#define HX_IMPORT_TELL     20           /* lines that are named */
#define HX_IMPORT_ROUNDS   100

typedef struct {
    hx_place_t         *to;
    hx_regplan_t           plan;
    uint64_t            now;            /* Unix seconds */
    void               *seen;           /* of the file: a set */
    uint64_t            made;
    uint64_t            changed;
    uint64_t            same;
    uint64_t            refused;
    unsigned            broken:1;       /* trouble, to->err says which */

    hx_reg_line_t       line;
    hx_tenant_edit_t    old;
    hx_tenant_edit_t    new;
    size_t              old_len;
    size_t              new_len;
    unsigned char       old_bytes[HX_TENANT_RECORD_MAX];
    unsigned char       new_bytes[HX_TENANT_RECORD_MAX];
} hx_import_t;


static void
hx_import_refuse(hx_import_t *im, const char *why)
{
    const hx_str_t  *id = &im->line.e.id;

    if (im->refused++ < HX_IMPORT_TELL) {
        (void) fprintf(stderr, "line %u: %s%.*s%s%s\n", im->line.n,
                       id->len ? "tenant " : "", (int) id->len,
                       id->len ? (const char *) id->data : "",
                       id->len ? ": " : "", why);
    }
}


static int
hx_import_has_key(const hx_tenant_edit_t *e, const hx_tenant_key_t *key)
{
    unsigned  i;

    for (i = 0; i < e->n_keys; i++) {
        if (memcmp(e->keys[i].hash, key->hash, HX_SHA256_LEN) == 0) {
            return (int) i + 1;
        }
    }

    return 0;
}


/* Those that were there stay in their order, or the same would be another. */

static void
hx_import_keys(hx_import_t *im, int exists)
{
    int                      at;
    unsigned                 i;
    hx_tenant_key_t         *key;
    hx_tenant_edit_t        *new = &im->new;
    const hx_tenant_edit_t  *says = &im->line.e;

    new->n_keys = 0;

    for (i = 0; exists && i < im->old.n_keys; i++) {
        at = hx_import_has_key(says, &im->old.keys[i]);

        if (at) {
            key = &new->keys[new->n_keys++];
            *key = im->old.keys[i];
            key->expires = says->keys[at - 1].expires;
        }
    }

    for (i = 0; i < says->n_keys; i++) {
        if (!exists || !hx_import_has_key(&im->old, &says->keys[i])) {
            key = &new->keys[new->n_keys++];
            *key = says->keys[i];
            key->created = im->now;
        }
    }
}


static void
hx_import_namespaces(hx_import_t *im, int exists)
{
    unsigned                 i;
    const hx_str_t          *ns;
    hx_tenant_edit_t        *new = &im->new;
    const hx_tenant_edit_t  *says = &im->line.e;

    new->n_namespaces = 0;

    for (i = 0; exists && i < im->old.n_namespaces; i++) {
        ns = &im->old.namespaces[i];

        if (hx_text_find(says->namespaces, says->n_namespaces, ns->data,
                         ns->len)
            != NULL)
        {
            new->namespaces[new->n_namespaces++] = *ns;
        }
    }

    for (i = 0; i < says->n_namespaces; i++) {
        ns = &says->namespaces[i];

        if (!exists
            || hx_text_find(im->old.namespaces, im->old.n_namespaces,
                            ns->data, ns->len)
               == NULL)
        {
            new->namespaces[new->n_namespaces++] = *ns;
        }
    }
}


/* What the tenant is to be, as far as the line says it. */

static void
hx_import_merge(hx_import_t *im, int exists)
{
    hx_tenant_edit_t     *new = &im->new;
    const hx_reg_line_t  *line = &im->line;

    static const hx_str_t  plan = hx_string(HX_PLAN_DEFAULT);
    static const hx_str_t  first = hx_string("default");

    if (exists) {
        *new = im->old;

    } else {
        memset(new, 0, sizeof(hx_tenant_edit_t));
        new->created = im->now;
        new->updated = im->now;
        new->quota = HX_TENANT_NONE;
        new->plan = plan;
        new->n_namespaces = 1;
        new->namespaces[0] = first;
    }

    new->id = line->e.id;

    if (line->has_plan) {
        new->plan = line->e.plan;
    }

    if (line->has_status) {
        new->status = line->e.status;
    }

    if (line->has_email) {
        new->email = line->e.email;
    }

    if (line->has_namespaces) {
        hx_import_namespaces(im, exists);
    }

    if (line->has_keys) {
        hx_import_keys(im, exists);
    }
}


/* The keys that come are nobody's: HX_OK, HX_NO, HX_FAIL. */

static hx_rc_t
hx_import_free_keys(hx_import_t *im, int exists)
{
    size_t           len;
    hx_rc_t          rc;
    unsigned         i;
    hx_str_t         hash;
    unsigned char    owner[HX_TENANT_MAX];

    for (i = 0; i < im->new.n_keys; i++) {
        hash.data = im->new.keys[i].hash;
        hash.len = HX_SHA256_LEN;
        rc = hx_reg_set_add(&im->seen, HX_WRITESET_KEYS, &hash);

        if (rc != HX_OK) {
            return rc;
        }

        if (exists && hx_import_has_key(&im->old, &im->new.keys[i])) {
            continue;
        }

        rc = hx_registry_value(im->to->reg, HX_WRITESET_KEYS, &hash, owner,
                               sizeof(owner), &len, im->to->err);

        if (rc != HX_NO) {
            return rc == HX_OK ? HX_NO : HX_FAIL;
        }
    }

    return HX_OK;
}


static void
hx_import_write(hx_import_t *im, int exists)
{
    unsigned  i;
    hx_str_t  key, value;

    value.data = im->new_bytes;
    value.len = im->new_len;
    hx_regplan_put(&im->plan, HX_WRITESET_TENANTS, &im->new.id, &value);

    key.len = HX_SHA256_LEN;

    for (i = 0; exists && i < im->old.n_keys; i++) {
        if (!hx_import_has_key(&im->new, &im->old.keys[i])) {
            key.data = im->old.keys[i].hash;
            hx_regplan_delete(&im->plan, HX_WRITESET_KEYS, &key);
        }
    }

    for (i = 0; i < im->new.n_keys; i++) {
        if (!exists || !hx_import_has_key(&im->old, &im->new.keys[i])) {
            key.data = im->new.keys[i].hash;
            hx_regplan_put(&im->plan, HX_WRITESET_KEYS, &key, &im->new.id);
        }
    }

    hx_regplan_break(&im->plan);
}


/* HX_OK: it exists, HX_NO, HX_FAIL. */

static hx_rc_t
hx_import_old(hx_import_t *im)
{
    hx_rc_t      rc;
    hx_tenant_t  t;

    rc = hx_registry_value(im->to->reg, HX_WRITESET_TENANTS, &im->line.e.id,
                           im->old_bytes, sizeof(im->old_bytes), &im->old_len,
                           im->to->err);

    if (rc == HX_OK
        && (hx_tenant_decode(&t, im->old_bytes, im->old_len) != HX_OK
            || hx_tenant_edit(&im->old, &t) != HX_OK))
    {
        (void) snprintf(im->to->err, sizeof(im->to->err), "the record of a "
                        "tenant is damaged");
        rc = HX_FAIL;
    }

    return rc;
}


/* NULL, or why it cannot be. */

static const char *
hx_import_tenant(hx_import_t *im)
{
    int      exists;
    hx_rc_t  rc;

    rc = hx_reg_set_add(&im->seen, HX_WRITESET_TENANTS, &im->line.e.id);

    if (rc == HX_NO) {
        return "twice in the file";
    }

    if (rc == HX_OK) {
        rc = hx_import_old(im);
    }

    if (rc == HX_FAIL) {
        im->broken = 1;
        return NULL;
    }

    exists = rc == HX_OK;

    if (!exists && !im->line.has_keys) {
        return "key_sha256: missing";
    }

    hx_import_merge(im, exists);

    if (im->new.n_namespaces == 0) {
        return "namespaces: a tenant keeps at least one";
    }

    rc = hx_import_free_keys(im, exists);

    if (rc != HX_OK) {
        im->broken = rc == HX_FAIL;
        return "a key of it is another tenant's";
    }

    im->new_len = hx_tenant_encode(&im->new, im->new_bytes,
                                   sizeof(im->new_bytes));

    if (exists && im->new_len == im->old_len
        && memcmp(im->new_bytes, im->old_bytes, im->new_len) == 0)
    {
        im->same++;
        return NULL;
    }

    if (exists && !im->to->opt->replace) {
        return "is there and is another (--replace)";
    }

    im->new.updated = im->now;
    im->new_len = hx_tenant_encode(&im->new, im->new_bytes,
                                   sizeof(im->new_bytes));

    if (im->new_len == 0) {
        return "too large";
    }

    exists ? im->changed++ : im->made++;
    hx_import_write(im, exists);

    return NULL;
}


static void
hx_import_lines(hx_import_t *im, const unsigned char *s, size_t len)
{
    size_t                n;
    const char           *why;
    const unsigned char  *end;

    im->line.n = 0;

    while (len != 0 && !im->broken && !im->plan.failed) {
        end = memchr(s, '\n', len);
        n = end != NULL ? (size_t) (end - s) : len;
        im->line.n++;

        if (n != 0 && !(n == 1 && *s == '\r')) {
            if (hx_reg_line(&im->line, s, n) != HX_OK) {
                hx_import_refuse(im, im->line.why);

            } else {
                why = hx_import_tenant(im);

                if (why != NULL && !im->broken) {
                    hx_import_refuse(im, why);
                }
            }
        }

        hx_reg_progress(im->to->opt, "lines", im->line.n, 0);

        n += end != NULL;
        s += n;
        len -= n;
    }
}


/* The whole file: it may have to be planned again.  NULL: errno. */

static unsigned char *
hx_import_read(const char *file, size_t *len)
{
    int             fd;
    size_t          cap;
    ssize_t         n;
    unsigned char  *p, *more;

    fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd == -1) {
        return NULL;
    }

    cap = 1048576;
    p = malloc(cap);
    *len = 0;
    n = -1;

    while (p != NULL && (n = read(fd, p + *len, cap - *len)) > 0) {
        *len += (size_t) n;

        if (*len == cap) {
            more = realloc(p, cap *= 2);

            if (more == NULL) {
                free(p);
            }

            p = more;
        }
    }

    if (n < 0 && p != NULL) {
        free(p);
        p = NULL;
    }

    if (file != NULL) {
        cap = (size_t) errno;
        (void) close(fd);
        errno = (int) cap;
    }

    return p;
}


/* HX_OK and the exit code; HX_NO: once more; HX_FAIL. */

static hx_rc_t
hx_import_once(hx_import_t *im, const unsigned char *s, size_t len, int *code)
{
    hx_rc_t  rc;

    im->same = 0;
    im->refused = 0;
    im->made = 0;
    im->changed = 0;
    *code = HX_REG_DONE;

    hx_regplan_init(&im->plan, im->to);
    hx_import_lines(im, s, len);
    hx_reg_set_free(&im->seen);

    rc = im->broken || im->plan.failed ? HX_FAIL : HX_OK;

    if (rc == HX_OK && im->refused != 0) {
        *code = HX_REG_REFUSED;

    } else if (rc == HX_OK && im->plan.writes != 0) {
        rc = hx_regplan_commit(&im->plan, im->to);
    }

    hx_regplan_free(&im->plan);

    return rc;
}


int
hx_reg_import(hx_place_t *to)
{
    int             code;
    size_t          len;
    hx_rc_t         rc;
    unsigned        i;
    hx_import_t    *im;
    unsigned char  *s;

    s = hx_import_read(to->opt->file, &len);
    if (s == NULL) {
        return hx_reg_trouble(to->opt->file != NULL ? to->opt->file : "-",
                              strerror(errno));
    }

    im = calloc(1, sizeof(hx_import_t));
    if (im == NULL) {
        free(s);
        return hx_reg_trouble("import", strerror(ENOMEM));
    }

    im->to = to;
    im->now = (uint64_t) time(NULL);
    (void) snprintf(to->err, sizeof(to->err), "no memory");
    code = HX_REG_DONE;
    rc = HX_NO;

    for (i = 0; rc == HX_NO && i < HX_IMPORT_ROUNDS; i++) {
        rc = hx_import_once(im, s, len, &code);
    }

    if (rc != HX_OK) {
        code = hx_reg_trouble(to->name, rc == HX_NO
                              ? "others change it faster than it is written"
                              : to->err);

    } else if (code == HX_REG_REFUSED) {
        (void) fprintf(stderr, "hx-gate-registry: nothing was imported: %llu "
                       "lines cannot be taken\n",
                       (unsigned long long) im->refused);

    } else if (!to->opt->quiet) {
        (void) printf("%s: %llu tenants made, %llu changed, %llu as they "
                      "were\n", im->made + im->changed ? "done"
                                                       : "nothing to do",
                      (unsigned long long) im->made,
                      (unsigned long long) im->changed,
                      (unsigned long long) im->same);
    }

    free(im);
    free(s);

    return code;
}
