/*
 * ngx_hx_conf_lint.c -- has the rules of policy/hx_conf_lint.h look at the
 * configuration, whose files are read once more for that: modules of nginx do
 * not show what they have been told, nor in which line.
 *
 * Called when all of http has been read and accepted.  What cannot be read
 * again is not looked at, and a warning says so.
 */

#include "ngx_hx_conf.h"
#include "hx_conf_lint.h"


#define NGX_HX_LINT_FILE     (16 * 1024 * 1024)     /* bytes of one file */

typedef struct {
    ngx_conf_t  *cf;
    ngx_pool_t  *pool;
    ngx_uint_t   errors;
} ngx_hx_lint_t;


static void *
ngx_hx_lint_alloc(void *data, size_t size)
{
    ngx_hx_lint_t  *l = data;

    return ngx_palloc(l->pool, size);
}


static void
ngx_hx_lint_say(void *data, hx_lint_level_t level, const hx_conf_dir_t *at,
    const hx_str_t *text)
{
    ngx_hx_lint_t  *l = data;

    ngx_uint_t  as;

    as = NGX_LOG_WARN;

    if (level == HX_LINT_ERROR) {
        l->errors++;
        as = NGX_LOG_EMERG;
    }

    ngx_log_error(as, l->cf->log, 0, "%*s in %s:%ui", text->len, text->data,
                  at->file, (ngx_uint_t) at->line);
}


/* All of a file; what is not a file (a pipe) has been read for good. */

static hx_rc_t
ngx_hx_lint_load(ngx_hx_lint_t *l, ngx_fd_t fd, u_char **text, size_t *len,
    const char **why)
{
    ssize_t          n;
    ngx_file_info_t  fi;

    *why = "it is no file";

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        return HX_NO;
    }

    if (ngx_file_size(&fi) > NGX_HX_LINT_FILE) {
        *why = "it is too large";
        return HX_NO;
    }

    *why = "it has been cut";

    *text = ngx_pnalloc(l->pool, (size_t) ngx_file_size(&fi) + 1);
    if (*text == NULL) {
        return HX_FAIL;
    }

    for (*len = 0; *len < (size_t) ngx_file_size(&fi); *len += (size_t) n) {
        n = ngx_read_fd(fd, *text + *len, (size_t) ngx_file_size(&fi) - *len);

        if (n <= 0) {
            return HX_NO;
        }
    }

    return HX_OK;
}


static hx_rc_t
ngx_hx_lint_file(hx_conf_text_t *t, hx_conf_dir_t *parent,
    const ngx_str_t *name)
{
    size_t       len;
    u_char      *text;
    hx_rc_t      rc;
    ngx_fd_t     fd;
    const char  *why;

    rc = HX_NO;
    why = "it is gone";
    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd != NGX_INVALID_FILE) {
        rc = ngx_hx_lint_load(t->data, fd, &text, &len, &why);
        (void) ngx_close_file(fd);
    }

    if (rc == HX_NO) {
        t->why = why;
        t->file = (const char *) name->data;
        t->line = 1;
    }

    return rc == HX_OK ? hx_conf_text_parse(t, parent,
                                            (const char *) name->data, text,
                                            len)
                       : rc;
}


/* As ngx_conf_include(), whose order is that of glob(3), too. */

static hx_rc_t
ngx_hx_lint_include(hx_conf_text_t *t, hx_conf_dir_t *parent,
    const hx_conf_dir_t *d)
{
    ngx_hx_lint_t  *l = t->data;

    hx_rc_t     rc;
    ngx_str_t   name, file;
    ngx_glob_t  gl;

    name.len = hx_conf_word(d, 1).len;
    name.data = ngx_pnalloc(l->pool, name.len + 1);

    if (name.data == NULL) {
        return HX_FAIL;
    }

    ngx_memcpy(name.data, hx_conf_word(d, 1).data, name.len);
    name.data[name.len] = '\0';

    if (ngx_conf_full_name(l->cf->cycle, &name, 1) != NGX_OK) {
        return HX_FAIL;
    }

    if (strpbrk((char *) name.data, "*?[") == NULL) {
        return ngx_hx_lint_file(t, parent, &name);
    }

    ngx_memzero(&gl, sizeof(ngx_glob_t));
    gl.pattern = name.data;
    gl.log = l->cf->log;
    gl.test = 1;

    rc = HX_OK;

    if (ngx_open_glob(&gl) != NGX_OK) {
        return HX_OK;
    }

    while (rc == HX_OK && ngx_read_glob(&gl, &name) == NGX_OK) {
        file.len = name.len++;
        file.data = ngx_pstrdup(l->pool, &name);
        rc = file.data != NULL ? ngx_hx_lint_file(t, parent, &file) : HX_FAIL;
    }

    ngx_close_glob(&gl);

    return rc;
}


static hx_rc_t
ngx_hx_lint_run(ngx_hx_lint_t *l, hx_conf_text_t *t,
    const ngx_hx_main_conf_t *mcf)
{
    hx_rc_t               rc;
    ngx_cycle_t          *cycle;
    hx_conf_lint_t        lint;
    const hx_conf_dir_t  *http;

    cycle = l->cf->cycle;

    rc = ngx_hx_lint_file(t, &t->root, &cycle->conf_file);
    if (rc != HX_OK) {
        return rc;
    }

    for (http = t->root.blocks.first; http != NULL; http = http->next) {
        if (hx_conf_is(http, "http")) {
            break;
        }
    }

    if (http == NULL) {
        t->why = "it has changed";
        t->file = (const char *) cycle->conf_file.data;
        t->line = 1;
        return HX_NO;
    }

    l->errors += ngx_hx_conf_disk(l->cf, mcf, http);

    lint.data = l;
    lint.say = ngx_hx_lint_say;
    lint.prefix.data = cycle->prefix.data;
    lint.prefix.len = cycle->prefix.len;
    lint.conf_prefix.data = cycle->conf_prefix.data;
    lint.conf_prefix.len = cycle->conf_prefix.len;

    return hx_conf_lint(t, &lint);
}


ngx_int_t
ngx_hx_conf_lint(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf)
{
    hx_rc_t         rc;
    ngx_hx_lint_t   l;
    hx_conf_text_t  t;

    ngx_memzero(&l, sizeof(ngx_hx_lint_t));
    l.cf = cf;
    l.pool = ngx_create_pool(NGX_CYCLE_POOL_SIZE, cf->log);

    if (l.pool == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&t, sizeof(hx_conf_text_t));
    t.data = &l;
    t.alloc = ngx_hx_lint_alloc;
    t.include = ngx_hx_lint_include;
    hx_conf_text_init(&t);

    rc = ngx_hx_lint_run(&l, &t, mcf);

    if (rc == HX_NO) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0, "not looked for dangerous "
                      "combinations: the configuration cannot be read again, "
                      "%s in %s:%ui", t.why, t.file, (ngx_uint_t) t.line);
    }

    ngx_destroy_pool(l.pool);

    return rc == HX_FAIL || l.errors != 0 ? NGX_ERROR : NGX_OK;
}
