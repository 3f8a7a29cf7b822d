/*
 * ngx_hx_conf_audit.c -- parser of hx_gate_audit_log, and what holds without
 * it.  One writer per file, however many locations name it.
 */

#include "ngx_hx_conf.h"


#define NGX_HX_AUDIT_CHECKPOINT   1000          /* records */
#define NGX_HX_AUDIT_INTERVAL     60000         /* ms */


static ngx_hx_audit_t *
ngx_hx_conf_audit_find(ngx_hx_main_conf_t *mcf, const ngx_open_file_t *file)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **a;

    a = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (a[i]->file == file) {
            return a[i];
        }
    }

    return NULL;
}


static void
ngx_hx_conf_audit_free_key(void *data)
{
    hx_sign_free(data);
}


/* The master reads it, as root; workers inherit what it has read. */

static ngx_int_t
ngx_hx_conf_audit_key(ngx_conf_t *cf, ngx_hx_audit_t *a)
{
    size_t               len;
    u_char               buf[HX_SIGN_FILE_MAX + 1];
    hx_rc_t              rc;
    const char          *err;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL
        || ngx_hx_conf_read(cf, &a->key_file, buf, sizeof(buf), &len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    err = "OpenSSL does not take it";
    rc = hx_sign_read(&a->key, buf, len, &err);

    hx_cleanse(buf, sizeof(buf));

    if (rc == HX_OK) {
        cln->handler = ngx_hx_conf_audit_free_key;
        cln->data = a->key;

        if (hx_sign_can_sign(a->key)) {
            return NGX_OK;
        }

        err = "it is a public key, which does not sign";
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the key of the audit log in "
                       "\"%V\" cannot be used: %s", &a->key_file, err);

    return NGX_ERROR;
}


/* nginx's parser takes the second word of a directive. */

static ngx_int_t
ngx_hx_conf_audit_syslog(ngx_conf_t *cf, ngx_hx_audit_t *a)
{
    char         *rv;
    ngx_str_t     words[2];
    ngx_array_t   args, *saved;

    a->syslog = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));
    if (a->syslog == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "hx_gate_audit_log");
    words[1].len = a->syslog_conf.len;

    /* it cuts the text into pieces, and ours is compared later */

    words[1].data = ngx_pnalloc(cf->pool, a->syslog_conf.len + 1);
    if (words[1].data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(words[1].data, a->syslog_conf.data,
                       a->syslog_conf.len + 1);

    ngx_memzero(&args, sizeof(ngx_array_t));
    args.elts = words;
    args.nelts = 2;
    args.size = sizeof(ngx_str_t);

    saved = cf->args;
    cf->args = &args;
    rv = ngx_syslog_process_conf(cf, a->syslog);
    cf->args = saved;

    return rv == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_hx_conf_audit_new(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_open_file_t *file, ngx_hx_audit_t *a)
{
    ngx_file_info_t    fi;
    ngx_hx_audit_t   **slot;

    slot = ngx_array_push(&mcf->audits);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    /* what is not there yet will be a file */

    if (a->durability == NGX_HX_FSYNC
        && ngx_file_info(file->name.data, &fi) == 0 && !ngx_is_file(&fi))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is not a file, "
                           "\"durability=fsync\" has no meaning for it",
                           &file->name);
        return NGX_ERROR;
    }

    a->file = file;
    a->early = a->durability != NGX_HX_BUFFERED || a->required;
    a->trail = ngx_hx_audit_trail(cf->pool);

    if (a->trail == NULL) {
        return NGX_ERROR;
    }

    if (a->node.len == 0) {
        a->node = cf->cycle->hostname;
    }

    if (a->key_file.len != 0 && ngx_hx_conf_audit_key(cf, a) != NGX_OK) {
        return NGX_ERROR;
    }

    if (a->syslog_conf.len != 0 && ngx_hx_conf_audit_syslog(cf, a) != NGX_OK) {
        return NGX_ERROR;
    }

    if (a->chain && a->key == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "the checkpoints of audit log "
                           "\"%V\" are not signed: without \"key=<file>\" who "
                           "can write the file can make a new chain",
                           &file->name);
    }

    file->data = a;
    file->flush = ngx_hx_audit_flush_file;

    *slot = a;

    return NGX_OK;
}


static ngx_uint_t
ngx_hx_conf_audit_same_text(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/* The same words, for the same file. */

static ngx_uint_t
ngx_hx_conf_audit_same(const ngx_hx_audit_t *a, const ngx_hx_audit_t *b)
{
    return a->size == b->size && a->flush == b->flush
           && a->durability == b->durability && a->required == b->required
           && a->extended == b->extended && a->chain == b->chain
           && a->checkpoint == b->checkpoint && a->interval == b->interval
           && ngx_hx_conf_audit_same_text(&a->key_file, &b->key_file)
           && ngx_hx_conf_audit_same_text(&a->syslog_conf, &b->syslog_conf)
           && (b->node.len == 0
               || ngx_hx_conf_audit_same_text(&a->node, &b->node));
}


static char *
ngx_hx_conf_audit_open(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf,
    ngx_str_t *name, ngx_hx_audit_t *wanted)
{
    ngx_hx_audit_t      *a;
    ngx_open_file_t     *file;
    ngx_hx_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

    file = ngx_conf_open_file(cf->cycle, name);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    a = ngx_hx_conf_audit_find(mcf, file);

    if (a == NULL) {
        if (file->data != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is written by another log", name);
            return NGX_CONF_ERROR;
        }

        a = wanted;

        if (ngx_hx_conf_audit_new(cf, mcf, file, a) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (!ngx_hx_conf_audit_same(a, wanted)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "audit log \"%V\" is already defined with other "
                           "parameters", name);
        return NGX_CONF_ERROR;
    }

    lcf->audit = a;

    return NGX_CONF_OK;
}


static ngx_hx_audit_t *
ngx_hx_conf_audit_make(ngx_conf_t *cf)
{
    ngx_hx_audit_t  *a;

    a = ngx_pcalloc(cf->pool, sizeof(ngx_hx_audit_t));

    if (a != NULL) {
        a->size = NGX_HX_AUDIT_BUFFER;
        a->flush = NGX_HX_AUDIT_FLUSH;
        a->checkpoint = NGX_HX_AUDIT_CHECKPOINT;
        a->interval = NGX_HX_AUDIT_INTERVAL;
    }

    return a;
}


/* A time between min and 60000 ms, or a message. */

static char *
ngx_hx_conf_audit_time(ngx_conf_t *cf, const ngx_str_t *word, size_t skip,
    ngx_int_t min, ngx_int_t max, const char *message, ngx_msec_t *ms)
{
    ngx_str_t  s;
    ngx_int_t  v;

    s = ngx_hx_after(word, skip);
    v = ngx_parse_time(&s, 0);

    if (v < min || v > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, message, &s);
        return NGX_CONF_ERROR;
    }

    *ms = (ngx_msec_t) v;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_audit_size(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_hx_audit_t *a)
{
    ssize_t    size;
    ngx_str_t  s;

    s = ngx_hx_after(word, 7);
    size = ngx_parse_size(&s);

    if (size < HX_AUDIT_LINE_MAX || size > 64 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid buffer size \"%V\", it must be from 16k "
                           "to 64m", &s);
        return NGX_CONF_ERROR;
    }

    a->size = (size_t) size;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_audit_count(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_hx_audit_t *a)
{
    ngx_str_t  s;
    ngx_int_t  n;

    s = ngx_hx_after(word, 11);
    n = ngx_atoi(s.data, s.len);

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of records \"%V\", it must be from "
                           "1 to 1000000", &s);
        return NGX_CONF_ERROR;
    }

    a->checkpoint = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_audit_node(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_hx_audit_t *a)
{
    a->node = ngx_hx_after(word, 5);

    if (a->node.len == 0 || a->node.len > HX_CHAIN_NODE_MAX
        || !hx_check_printable(a->node.data, a->node.len, 1,
                               HX_CHAIN_NODE_MAX))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name of a node "
                           "\"%V\", it must be at most %d printable characters "
                           "without blanks", &a->node, HX_CHAIN_NODE_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_audit_durability(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_hx_audit_t *a)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static const ngx_str_t  words[] = {
        ngx_string("buffered"), ngx_string("write"), ngx_string("fsync")
    };

    s = ngx_hx_after(word, 11);

    for (i = 0; i < hx_nelts(words); i++) {
        if (ngx_hx_conf_audit_same_text(&s, &words[i])) {
            a->durability = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid durability \"%V\", it "
                       "must be \"buffered\", \"write\" or \"fsync\"", &s);

    return NGX_CONF_ERROR;
}


static char *
ngx_hx_conf_audit_key_file(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_hx_audit_t *a)
{
    a->key_file = ngx_hx_after(word, 4);

    if (ngx_hx_has(&a->key_file, "file:")) {
        a->key_file = ngx_hx_after(&a->key_file, 5);
    }

    if (a->key_file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"key=\" must name a file");
        return NGX_CONF_ERROR;
    }

    return ngx_conf_full_name(cf->cycle, &a->key_file, 1) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_hx_conf_audit_word(ngx_conf_t *cf, ngx_str_t *word, ngx_hx_audit_t *a)
{
    if (ngx_hx_has(word, "flush=")) {
        return ngx_hx_conf_audit_time(cf, word, 6, 0, 60000,
                                      "invalid flush time \"%V\", it must be "
                                      "0 or from 1ms to 60s", &a->flush);
    }

    if (ngx_hx_has(word, "interval=")) {
        return ngx_hx_conf_audit_time(cf, word, 9, 100, 86400000,
                                      "invalid interval \"%V\", it must be "
                                      "from 100ms to 1d", &a->interval);
    }

    if (ngx_hx_has(word, "buffer=")) {
        return ngx_hx_conf_audit_size(cf, word, a);
    }

    if (ngx_hx_has(word, "durability=")) {
        return ngx_hx_conf_audit_durability(cf, word, a);
    }

    if (ngx_hx_has(word, "checkpoint=")) {
        return ngx_hx_conf_audit_count(cf, word, a);
    }

    if (ngx_hx_has(word, "node=")) {
        return ngx_hx_conf_audit_node(cf, word, a);
    }

    if (ngx_hx_has(word, "key=")) {
        return ngx_hx_conf_audit_key_file(cf, word, a);
    }

    if (ngx_hx_has(word, "syslog:")) {
        a->syslog_conf = *word;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(word->data, "required") == 0) {
        a->required = 1;

    } else if (ngx_strcmp(word->data, "extended") == 0) {
        a->extended = 1;

    } else if (ngx_strcmp(word->data, "chain") == 0) {
        a->chain = 1;

    } else {
        return ngx_hx_bad_parameter(cf, word);
    }

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_audit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char            *rv;
    ngx_str_t       *value;
    ngx_uint_t       i;
    ngx_hx_audit_t  *a;

    if (lcf->audit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        if (cf->args->nelts != 2) {
            return ngx_hx_bad_parameter(cf, &value[2]);
        }

        lcf->audit = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_hx_has(&value[1], "syslog:")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"hx_gate_audit_log\" wants "
                           "a file first, \"%V\" can follow it", &value[1]);
        return NGX_CONF_ERROR;
    }

    a = ngx_hx_conf_audit_make(cf);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_hx_conf_audit_word(cf, &value[i], a);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (!a->chain && (a->key_file.len != 0 || a->node.len != 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"key=\" and \"node=\" go with \"chain\"");
        return NGX_CONF_ERROR;
    }

    return ngx_hx_conf_audit_open(cf, lcf, &value[1], a);
}


ngx_int_t
ngx_hx_conf_audit_default(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_hx_loc_conf_t *lcf)
{
    ngx_str_t        path;
    ngx_int_t        on;
    const char      *env;
    ngx_hx_audit_t  *a;

    on = ngx_hx_conf_env_flag(cf, "HX_GATE_AUDIT_ENABLED", 1);

    if (on == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (!on) {
        lcf->audit = NULL;
        return NGX_OK;
    }

    env = getenv("HX_GATE_AUDIT_LOG_PATH");

    if (env == NULL || env[0] == '\0') {
        env = NGX_HX_AUDIT_PATH;
    }

    path.len = ngx_strlen(env);
    path.data = ngx_pnalloc(cf->pool, path.len + 1);
    a = ngx_hx_conf_audit_make(cf);

    if (path.data == NULL || a == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(path.data, (u_char *) env, path.len + 1);

    return ngx_hx_conf_audit_open(cf, lcf, &path, a) == NGX_CONF_OK
           ? NGX_OK : NGX_ERROR;
}
