/*
 * hx_redis_target.c -- addresses of Redis as the directive hx_gate_registry has
 * them; see hx_redis_block.h.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_crypto.h"
#include "hx_redis_block.h"
#include "hx_text.h"


#define HX_TARGET_WAIT   5000           /* ms */


static hx_rc_t
hx_url_bad(char *err, const char *what)
{
    (void) snprintf(err, HX_FLEET_ERR, "%s", what);

    return HX_FAIL;
}


/* As a C string: HX_OK, or HX_NO: too long, or it has a NUL. */

static hx_rc_t
hx_target_text(char *out, size_t cap, const hx_str_t *s)
{
    if (s->len >= cap) {
        return HX_NO;
    }

    if (s->len != 0) {                  /* else data may be NULL */
        if (memchr(s->data, '\0', s->len) != NULL) {
            return HX_NO;
        }

        memcpy(out, s->data, s->len);
    }

    out[s->len] = '\0';

    return HX_OK;
}


/* What the URL says, which points into "url" and "secrets". */

static hx_rc_t
hx_target_take(hx_redis_target_t *to, const hx_redis_conf_t *from)
{
    unsigned  i;

    to->kind = from->kind;
    to->tls = from->tls ? 1 : 0;
    to->db = from->db;
    to->n_hosts = from->n_hosts;

    for (i = 0; i < from->n_hosts; i++) {
        to->host[i].port = from->hosts[i].port;

        if (hx_target_text(to->host[i].name, sizeof(to->host[i].name),
                           &from->hosts[i].name)
            != HX_OK)
        {
            return HX_NO;
        }
    }

    return hx_target_text(to->user, sizeof(to->user), &from->user) == HX_OK
           && hx_target_text(to->password, sizeof(to->password),
                             &from->password) == HX_OK
           && hx_target_text(to->master, sizeof(to->master), &from->master)
              == HX_OK
           ? HX_OK : HX_NO;
}


hx_rc_t
hx_redis_target(hx_redis_target_t *to, const char *url, char *err)
{
    size_t               len;
    hx_rc_t              rc;
    unsigned char       *secrets;
    hx_redis_conf_t      conf;
    hx_redis_url_err_t   bad;

    memset(to, 0, sizeof(hx_redis_target_t));
    to->connect_ms = HX_TARGET_WAIT;
    to->timeout_ms = HX_TARGET_WAIT;
    (void) snprintf(to->prefix, sizeof(to->prefix), "hx-gate");

    len = strlen(url);

    if (!hx_redis_url_is((const unsigned char *) url, len)) {
        return hx_url_bad(err, "neither lmdb: nor an address of Redis");
    }

    secrets = malloc(len + 1);
    if (secrets == NULL) {
        return hx_url_bad(err, "no memory");
    }

    rc = hx_redis_url_parse(&conf, (const unsigned char *) url, len, secrets,
                            &bad);

    if (rc != HX_OK) {
        (void) snprintf(err, HX_FLEET_ERR, "the address: %s%s%.*s%s", bad.what,
                        bad.where.len != 0 ? ": \"" : "",
                        (int) bad.where.len, (const char *) bad.where.data,
                        bad.where.len != 0 ? "\"" : "");

    } else {
        rc = hx_target_take(to, &conf);

        if (rc != HX_OK) {
            (void) hx_url_bad(err, "a part of the address is too long");
        }
    }

    hx_cleanse(secrets, len + 1);
    free(secrets);

    return rc == HX_OK ? HX_OK : HX_FAIL;
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


static hx_rc_t
hx_redis_password(hx_redis_target_t *conf, const char *value, char *err)
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
hx_redis_option(hx_redis_target_t *conf, const char *word, char *err)
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
