/*
 * hx_conf_lint_engine.c -- whom requests are passed on to: addresses as they
 * are written, resolved to those that are the same engine.
 */

#include "hx_conf_lint_impl.h"


#define HX_LINT_ADDRESS   512       /* bytes of one; a longer one stays text */


static hx_lint_named_t **
hx_lint_slot(const hx_lint_names_t *names, const hx_str_t *name)
{
    size_t    i;
    uint32_t  h;

    for (i = 0, h = 2166136261U; i < name->len; i++) {
        h = (h ^ name->data[i]) * 16777619U;
    }

    return (hx_lint_named_t **) &names->slot[h & (HX_LINT_SLOTS - 1)];
}


static const hx_lint_named_t *
hx_lint_named(const hx_lint_names_t *names, const hx_str_t *name)
{
    const hx_lint_named_t  *e;

    for (e = *hx_lint_slot(names, name); e != NULL; e = e->next) {
        if (hx_text_eq(&e->name, name)) {
            return e;
        }
    }

    return NULL;
}


static hx_rc_t
hx_lint_name_it(hx_lint_run_t *run, hx_lint_names_t *names,
    const hx_str_t *name, const hx_conf_dir_t *what)
{
    unsigned char    *copy;
    hx_lint_named_t  *e, **slot;

    if (hx_lint_named(names, name) != NULL) {
        return HX_OK;
    }

    e = run->text->alloc(run->text->data, sizeof(hx_lint_named_t));
    copy = run->text->alloc(run->text->data, name->len + 1);

    if (e == NULL || copy == NULL) {
        return HX_FAIL;
    }

    if (name->len != 0) {
        memcpy(copy, name->data, name->len);
    }

    slot = hx_lint_slot(names, name);
    e->name.data = copy;
    e->name.len = name->len;
    e->what = what;
    e->next = *slot;
    *slot = e;

    return HX_OK;
}


static hx_str_t
hx_lint_lower(unsigned char *buf, const hx_str_t *s)
{
    size_t         i;
    hx_str_t       lower;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];
        buf[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    }

    lower.data = buf;
    lower.len = s->len;

    return lower;
}


/* Bytes of the host, with brackets, without a port. */

static size_t
hx_lint_host(const hx_str_t *s)
{
    const unsigned char  *end;

    if (s->len != 0 && s->data[0] == '[') {
        end = memchr(s->data, ']', s->len);
        return end != NULL ? (size_t) (end - s->data) + 1 : s->len;
    }

    end = s->len != 0 ? memchr(s->data, ':', s->len) : NULL;

    return end != NULL ? (size_t) (end - s->data) : s->len;
}


/* "127.0.0.1:80" of "localhost"; the same text for the same address. */

static hx_str_t
hx_lint_address(unsigned char *buf, const hx_str_t *s, const char *port)
{
    size_t    n;
    hx_buf_t  b;
    hx_str_t  host, a;

    if (hx_text_begins(s, "unix:") || hx_text_has(s, "$")
        || s->len > HX_LINT_ADDRESS)
    {
        return *s;
    }

    n = hx_lint_host(s);
    host.data = s->data;
    host.len = n;
    host = hx_lint_lower(buf, &host);

    if (hx_text_is(&host, "localhost") || hx_text_is(&host, "[::1]")) {
        memcpy(buf, "127.0.0.1", 9);
        host.len = 9;
    }

    hx_buf_init(&b, buf + host.len, HX_LINT_ADDRESS);
    hx_buf_byte(&b, ':');

    if (s->len > n + 1) {
        hx_buf_add(&b, s->data + n + 1, s->len - n - 1);

    } else {
        hx_buf_add(&b, port, strlen(port));
    }

    a.data = buf;
    a.len = host.len + hx_buf_len(&b);

    return a;
}


int
hx_lint_is_tls(const hx_conf_dir_t *pass)
{
    hx_str_t  s;

    s = hx_conf_word(pass, 1);

    return hx_text_begins(&s, "https://") || hx_text_begins(&s, "grpcs://")
           || hx_text_begins(&s, "suwsgi://");
}


hx_rc_t
hx_lint_upstreams(hx_lint_run_t *run)
{
    hx_str_t              w;
    const hx_conf_dir_t  *d;
    unsigned char         buf[HX_LINT_ADDRESS];

    for (d = run->http->blocks.first; d != NULL; d = d->next) {
        w = hx_conf_word(d, 1);

        if (!hx_conf_is(d, "upstream") || w.len > sizeof(buf)) {
            continue;
        }

        w = hx_lint_lower(buf, &w);

        if (hx_lint_name_it(run, &run->upstreams, &w, d) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


const hx_conf_dir_t *
hx_lint_upstream_of(const hx_lint_run_t *run, const hx_str_t *authority)
{
    hx_str_t                w;
    unsigned char           buf[HX_LINT_ADDRESS];
    const hx_lint_named_t  *e;

    if (authority->len > sizeof(buf)) {
        return NULL;
    }

    w = hx_lint_lower(buf, authority);
    e = hx_lint_named(&run->upstreams, &w);

    return e != NULL ? e->what : NULL;
}


/* The engine at one address: is it one of the gate, or to be one? */

static hx_rc_t
hx_lint_at(hx_lint_run_t *run, const hx_str_t *s, const char *port, int add)
{
    hx_str_t       a;
    unsigned char  buf[HX_LINT_ADDRESS * 2 + 16];

    a = hx_lint_address(buf, s, port);

    if (add) {
        return hx_lint_name_it(run, &run->engines, &a, NULL);
    }

    return hx_lint_named(&run->engines, &a) != NULL ? HX_OK : HX_NO;
}


/* HX_OK: one of them is; or all are now.  HX_FAIL: no memory. */

static hx_rc_t
hx_lint_engines(hx_lint_run_t *run, const hx_conf_dir_t *pass, int add)
{
    hx_rc_t               rc;
    hx_str_t              a;
    const hx_conf_dir_t  *u, *s;

    a = hx_lint_authority(pass);

    if (a.len == 0) {
        return HX_NO;
    }

    u = hx_lint_upstream_of(run, &a);

    if (u == NULL) {
        return hx_lint_at(run, &a, hx_lint_is_tls(pass) ? "443" : "80", add);
    }

    for (s = u->plain.first; s != NULL; s = s->next) {
        if (!hx_conf_is(s, "server") || s->n < 2) {
            continue;
        }

        a = hx_conf_word(s, 1);
        rc = hx_lint_at(run, &a, "80", add);

        if (add ? rc != HX_OK : rc == HX_OK) {
            return rc;
        }
    }

    return add ? HX_OK : HX_NO;
}


hx_rc_t
hx_lint_add_engine(hx_lint_run_t *run, const hx_conf_dir_t *pass)
{
    return hx_lint_engines(run, pass, 1) == HX_FAIL ? HX_FAIL : HX_OK;
}


int
hx_lint_is_gated_upstream(hx_lint_run_t *run, const hx_conf_dir_t *pass)
{
    return hx_lint_engines(run, pass, 0) == HX_OK;
}


/* Four numbers of 0..255, nothing else. */

static int
hx_lint_ipv4(const hx_str_t *host, uint64_t n[4])
{
    size_t    i, from;
    unsigned  k;

    for (i = 0, k = 0, from = 0; i <= host->len; i++) {
        if (i != host->len && host->data[i] != '.') {
            continue;
        }

        if (k == 4 || hx_text_parse_u64(host->data + from, i - from, 255,
                                        &n[k++])
                      != HX_OK)
        {
            return 0;
        }

        from = i + 1;
    }

    return k == 4;
}


static int
hx_lint_ends(const hx_str_t *s, const char *suffix)
{
    const size_t  n = strlen(suffix);

    return s->len > n && memcmp(s->data + s->len - n, suffix, n) == 0;
}


/* Unique local (fc00::/7) and link-local (fe80::/10) ones. */

static int
hx_lint_near_ipv6(const hx_str_t *host)
{
    const unsigned char  *s;

    s = host->data;

    if (host->len < 6 || s[5] != ':' || memchr(s, ':', 5) != NULL) {
        return 0;                       /* zeroes may be left out before it */
    }

    return hx_text_begins(host, "[fc") || hx_text_begins(host, "[fd")
           || (hx_text_begins(host, "[fe") && strchr("89ab", s[3]) != NULL);
}


/* Names without a dot are of this machine, or of its container network. */

int
hx_lint_is_near(const hx_str_t *address, int loopback)
{
    size_t         i;
    uint64_t       n[4];
    hx_str_t       host;
    unsigned char  buf[HX_LINT_ADDRESS];

    static const char *const  inside[] = {
        ".internal", ".local", ".svc"
    };

    if (hx_text_begins(address, "unix:")) {
        return 1;
    }

    host.data = address->data;
    host.len = hx_lint_host(address);

    if (host.len > sizeof(buf)) {
        return 0;
    }

    host = hx_lint_lower(buf, &host);

    if (hx_lint_ipv4(&host, n)) {
        return n[0] == 127
               || (!loopback
                   && (n[0] == 10 || (n[0] == 172 && n[1] >> 4 == 1)
                       || (n[0] == 192 && n[1] == 168)
                       || (n[0] == 169 && n[1] == 254)));
    }

    if (hx_text_is(&host, "localhost") || hx_text_is(&host, "[::1]")
        || hx_lint_ends(&host, ".localhost"))
    {
        return 1;
    }

    if (loopback) {
        return 0;
    }

    if (hx_text_begins(&host, "[")) {
        return hx_lint_near_ipv6(&host);
    }

    for (i = 0; i < hx_nelts(inside); i++) {
        if (hx_lint_ends(&host, inside[i])) {
            return 1;
        }
    }

    return !hx_text_has(&host, ".");
}
