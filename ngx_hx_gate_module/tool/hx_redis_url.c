/*
 * hx_redis_url.c -- addresses of Redis as the directive hx_gate_registry has
 * them; see hx_redis_block.h.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_redis_block.h"
#include "hx_text.h"


#define HX_REDIS_PORT            6379
#define HX_REDIS_SENTINEL_PORT   26379
#define HX_REDIS_WAIT            5000       /* ms */


static hx_rc_t
hx_url_bad(char *err, const char *what)
{
    (void) snprintf(err, HX_FLEET_ERR, "%s", what);

    return HX_FAIL;
}


/* len bytes, percent-decoded, as a C string: HX_OK or HX_NO. */

static hx_rc_t
hx_url_text(char *out, size_t cap, const char *s, size_t len)
{
    size_t         n;
    unsigned char  c;

    for (n = 0; len != 0 && n + 1 < cap; n++) {
        c = (unsigned char) *s++;
        len--;

        if (c == '%') {
            if (len < 2 || hx_text_unhex(&c, (const unsigned char *) s, 1)
                           != HX_OK)
            {
                return HX_NO;
            }

            s += 2;
            len -= 2;
        }

        if (c == '\0') {
            return HX_NO;
        }

        out[n] = (char) c;
    }

    out[n] = '\0';

    return len == 0 ? HX_OK : HX_NO;
}


static hx_rc_t
hx_url_number(const char *s, size_t len, unsigned max, unsigned *out)
{
    uint64_t  v;

    if (hx_text_parse_u64((const unsigned char *) s, len, max, &v) != HX_OK) {
        return HX_NO;
    }

    *out = (unsigned) v;

    return HX_OK;
}


/* host, host:port, [v6], [v6]:port */

static hx_rc_t
hx_url_host(hx_redis_conf_t *conf, const char *s, size_t len, char *err)
{
    size_t            n;
    const char       *colon, *name;
    hx_redis_host_t  *h;

    if (conf->n_hosts == HX_REDIS_HOSTS) {
        return hx_url_bad(err, "too many hosts in the address");
    }

    h = &conf->host[conf->n_hosts++];
    h->port = conf->kind == HX_REDIS_SENTINEL ? HX_REDIS_SENTINEL_PORT
                                              : HX_REDIS_PORT;
    name = s;

    if (len != 0 && *s == '[') {
        colon = memchr(s, ']', len);
        if (colon == NULL) {
            return hx_url_bad(err, "no \"]\" in the address");
        }

        name = s + 1;
        n = (size_t) (colon - name);
        colon++;

    } else {
        colon = memchr(s, ':', len);
        n = colon != NULL ? (size_t) (colon - s) : len;
        colon = s + n;
    }

    if (colon != s + len
        && (*colon != ':'
            || hx_url_number(colon + 1, (size_t) (s + len - colon - 1), 65535,
                             &h->port)
               != HX_OK
            || h->port == 0))
    {
        return hx_url_bad(err, "bad port in the address");
    }

    if (n == 0 || hx_url_text(h->name, sizeof(h->name), name, n) != HX_OK) {
        return hx_url_bad(err, "bad host in the address");
    }

    return HX_OK;
}


static hx_rc_t
hx_url_hosts(hx_redis_conf_t *conf, const char *s, size_t len, char *err)
{
    size_t       n;
    const char  *comma;

    do {
        comma = memchr(s, ',', len);
        n = comma != NULL ? (size_t) (comma - s) : len;

        if (comma != NULL && conf->kind == HX_REDIS_ONE) {
            return hx_url_bad(err, "several hosts: redis+sentinel: or "
                              "redis+cluster:");
        }

        if (hx_url_host(conf, s, n, err) != HX_OK) {
            return HX_FAIL;
        }

        s += n;
        len -= n;

        if (comma != NULL) {
            s++;
            len--;
        }
    } while (comma != NULL);

    return HX_OK;
}


/* [user][:password], in front of the last "@" */

static hx_rc_t
hx_url_user(hx_redis_conf_t *conf, const char *s, size_t len, char *err)
{
    size_t       n;
    const char  *colon;

    colon = memchr(s, ':', len);
    n = colon != NULL ? (size_t) (colon - s) : len;

    if (hx_url_text(conf->user, sizeof(conf->user), s, n) != HX_OK
        || (colon != NULL
            && hx_url_text(conf->password, sizeof(conf->password), colon + 1,
                           len - n - 1)
               != HX_OK))
    {
        return hx_url_bad(err, "bad user or password in the address");
    }

    return HX_OK;
}


/* /<master>[/<db>] of a sentinel, else [/<db>] */

static hx_rc_t
hx_url_path(hx_redis_conf_t *conf, const char *s, char *err)
{
    size_t  n;

    if (conf->kind == HX_REDIS_SENTINEL) {
        n = *s == '/' ? strcspn(s + 1, "/") : 0;

        if (n == 0
            || hx_url_text(conf->master, sizeof(conf->master), s + 1, n)
               != HX_OK)
        {
            return hx_url_bad(err, "the address has no name of a master");
        }

        s += 1 + n;
    }

    if (*s == '/' && s[1] != '\0'
        && hx_url_number(s + 1, strlen(s + 1), 16383, &conf->db) != HX_OK)
    {
        return hx_url_bad(err, "bad number of a database in the address");
    }

    return conf->kind == HX_REDIS_CLUSTER && conf->db != 0
           ? hx_url_bad(err, "a cluster has no database but 0") : HX_OK;
}


hx_rc_t
hx_redis_url(hx_redis_conf_t *conf, const char *url, char *err)
{
    size_t       i, n;
    const char  *s, *at, *p;

    static const struct {
        const char        *scheme;
        hx_redis_kind_t    kind;
        unsigned           tls;
    } schemes[] = {
        { "redis://", HX_REDIS_ONE, 0 },
        { "rediss://", HX_REDIS_ONE, 1 },
        { "redis+sentinel://", HX_REDIS_SENTINEL, 0 },
        { "rediss+sentinel://", HX_REDIS_SENTINEL, 1 },
        { "redis+cluster://", HX_REDIS_CLUSTER, 0 },
        { "rediss+cluster://", HX_REDIS_CLUSTER, 1 }
    };

    memset(conf, 0, sizeof(hx_redis_conf_t));
    conf->connect_ms = HX_REDIS_WAIT;
    conf->timeout_ms = HX_REDIS_WAIT;
    (void) snprintf(conf->prefix, sizeof(conf->prefix), "hx-gate");

    s = NULL;

    for (i = 0; i < hx_nelts(schemes); i++) {
        n = strlen(schemes[i].scheme);

        if (strncmp(url, schemes[i].scheme, n) == 0) {
            conf->kind = schemes[i].kind;
            conf->tls = schemes[i].tls;
            s = url + n;
        }
    }

    if (s == NULL) {
        return hx_url_bad(err, "neither lmdb: nor an address of Redis");
    }

    n = strcspn(s, "/");
    at = NULL;

    for (p = s; p < s + n; p++) {
        at = *p == '@' ? p : at;
    }

    if (at != NULL) {
        if (hx_url_user(conf, s, (size_t) (at - s), err) != HX_OK) {
            return HX_FAIL;
        }

        n -= (size_t) (at + 1 - s);
        s = at + 1;
    }

    if (hx_url_hosts(conf, s, n, err) != HX_OK) {
        return HX_FAIL;
    }

    return hx_url_path(conf, s + n, err);
}


static hx_rc_t
hx_redis_password(hx_redis_conf_t *conf, const char *value, char *err)
{
    int          fd;
    ssize_t      n;
    const char  *text;

    if (strncmp(value, "env:", 4) == 0) {
        text = getenv(value + 4);

        if (text == NULL || strlen(text) >= sizeof(conf->password)) {
            return hx_url_bad(err, "the variable of password= is not set, or "
                              "too long");
        }

        (void) snprintf(conf->password, sizeof(conf->password), "%s", text);

        return HX_OK;
    }

    if (strncmp(value, "file:", 5) != 0) {
        return hx_url_bad(err, "password= takes env:NAME or file:PATH");
    }

    fd = open(value + 5, O_RDONLY | O_CLOEXEC);
    n = -1;

    if (fd != -1) {
        n = read(fd, conf->password, sizeof(conf->password));
        (void) close(fd);
    }

    if (n <= 0 || (size_t) n >= sizeof(conf->password)
        || memchr(conf->password, '\0', (size_t) n) != NULL)
    {
        conf->password[0] = '\0';
        return hx_url_bad(err, "the file of password= cannot be read, is "
                          "empty, or too long");
    }

    conf->password[n] = '\0';
    conf->password[strcspn(conf->password, "\r\n")] = '\0';

    return HX_OK;
}


/* 50ms, 5s: HX_OK or HX_FAIL */

static hx_rc_t
hx_redis_time(unsigned *ms, const char *value, char *err)
{
    size_t    n;
    unsigned  unit;

    n = strspn(value, "0123456789");
    unit = strcmp(value + n, "ms") == 0 ? 1 : 1000;

    if ((unit == 1000 && strcmp(value + n, "s") != 0)
        || hx_url_number(value, n, 1000000, ms) != HX_OK || *ms == 0)
    {
        return hx_url_bad(err, "a time is a number and ms or s");
    }

    *ms *= unit;

    return HX_OK;
}


hx_rc_t
hx_redis_option(hx_redis_conf_t *conf, const char *word, char *err)
{
    size_t       i, n;
    const char  *value;

    const struct {
        const char  *name;
        char        *text;
        size_t       cap;
    } texts[] = {
        { "ca", conf->ca, sizeof(conf->ca) },
        { "certificate", conf->certificate, sizeof(conf->certificate) },
        { "certificate_key", conf->certificate_key,
          sizeof(conf->certificate_key) },
        { "server_name", conf->server_name, sizeof(conf->server_name) },
        { "prefix", conf->prefix, sizeof(conf->prefix) }
    };

    n = strcspn(word, "=");

    if (word[n] != '=') {
        return HX_NO;
    }

    value = word + n + 1;

    for (i = 0; i < hx_nelts(texts); i++) {
        if (strlen(texts[i].name) == n && memcmp(word, texts[i].name, n) == 0) {
            if (*value == '\0' || strlen(value) >= texts[i].cap) {
                return hx_url_bad(err, "an option is empty or too long");
            }

            (void) snprintf(texts[i].text, texts[i].cap, "%s", value);

            return HX_OK;
        }
    }

    if (n == 8 && memcmp(word, "password", n) == 0) {
        return hx_redis_password(conf, value, err);
    }

    if (n == 7 && memcmp(word, "timeout", n) == 0) {
        return hx_redis_time(&conf->timeout_ms, value, err);
    }

    if (n == 15 && memcmp(word, "connect_timeout", n) == 0) {
        return hx_redis_time(&conf->connect_ms, value, err);
    }

    return HX_NO;
}
