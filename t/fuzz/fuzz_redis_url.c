/*
 * fuzz_redis_url.c -- store/hx_redis_url.h: where Redis is.  What is accepted
 * lies inside the text or the decoded secrets and is what the URL that is
 * written from it says; a refusal names a part of the text that holds neither
 * user nor password.
 *
 * sources: hx_redis_url.c hx_redis_host.c
 */

#define _GNU_SOURCE                 /* memrchr */

#include "hx_fuzz_in.h"
#include "hx_redis_url.h"
#include "hx_text.h"


static int
inside(const hx_str_t *s, const uint8_t *p, size_t len)
{
    return s->len == 0 || (s->data >= p && s->data + s->len <= p + len);
}


static void
escaped(hx_buf_t *b, const hx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        hx_buf_byte(b, '%');
        hx_text_hex_add(b, s->data + i, 1);
    }
}


static void
write_hosts(hx_buf_t *b, const hx_redis_conf_t *c)
{
    unsigned  i;

    for (i = 0; i < c->n_hosts; i++) {
        hx_buf_add(b, ",", i != 0);
        hx_buf_add(b, "[", c->hosts[i].form == HX_REDIS_HOST_V6);
        hx_buf_add(b, c->hosts[i].name.data, c->hosts[i].name.len);
        hx_buf_add(b, "]", c->hosts[i].form == HX_REDIS_HOST_V6);
        hx_buf_byte(b, ':');
        hx_text_u64(b, c->hosts[i].port);
    }
}


static void
write_url(hx_buf_t *b, const hx_redis_conf_t *c)
{
    hx_buf_add(b, c->tls ? "rediss" : "redis", 5 + (c->tls != 0));

    if (c->kind == HX_REDIS_KIND_SENTINEL) {
        hx_buf_lit(b, "+sentinel");

    } else if (c->kind == HX_REDIS_KIND_CLUSTER) {
        hx_buf_lit(b, "+cluster");
    }

    hx_buf_lit(b, "://");

    if (c->user.len != 0 || c->password.len != 0) {
        escaped(b, &c->user);

        if (c->password.len != 0) {
            hx_buf_byte(b, ':');
            escaped(b, &c->password);
        }

        hx_buf_byte(b, '@');
    }

    write_hosts(b, c);

    if (c->kind == HX_REDIS_KIND_SENTINEL) {
        hx_buf_byte(b, '/');
        hx_buf_add(b, c->master.data, c->master.len);
    }

    if (c->db != 0) {
        hx_buf_byte(b, '/');
        hx_text_u64(b, c->db);
    }
}


static void
check_same(const hx_redis_conf_t *a, const hx_redis_conf_t *b)
{
    unsigned  i;

    hx_fuzz_check(a->kind == b->kind && !a->tls == !b->tls);
    hx_fuzz_check(a->n_hosts == b->n_hosts && a->db == b->db);
    hx_fuzz_check(hx_fuzz_same(&a->user, &b->user));
    hx_fuzz_check(hx_fuzz_same(&a->password, &b->password));
    hx_fuzz_check(hx_fuzz_same(&a->master, &b->master));

    for (i = 0; i < a->n_hosts; i++) {
        hx_fuzz_check(hx_fuzz_same(&a->hosts[i].name, &b->hosts[i].name));
        hx_fuzz_check(a->hosts[i].port == b->hosts[i].port);
        hx_fuzz_check(a->hosts[i].form == b->hosts[i].form);
    }
}


static void
check_conf(const hx_redis_conf_t *c, const uint8_t *url, size_t len,
    const uint8_t *secrets)
{
    unsigned            i;
    hx_buf_t            b;
    hx_redis_conf_t     again;
    hx_redis_url_err_t  e;

    static unsigned char  text[4 * HX_REDIS_URL_MAX];
    static unsigned char  more[4 * HX_REDIS_URL_MAX];

    hx_fuzz_check(c->n_hosts >= 1 && c->n_hosts <= HX_REDIS_HOSTS);
    hx_fuzz_check(c->db <= HX_REDIS_DB_MAX);
    hx_fuzz_check(inside(&c->user, secrets, len));
    hx_fuzz_check(inside(&c->password, secrets, len));
    hx_fuzz_check(inside(&c->master, url, len));

    for (i = 0; i < c->n_hosts; i++) {
        hx_fuzz_check(c->hosts[i].name.len != 0);
        hx_fuzz_check(inside(&c->hosts[i].name, url, len));
        hx_fuzz_check(c->hosts[i].port >= 1 && c->hosts[i].port <= 65535);
    }

    hx_buf_init(&b, text, sizeof(text));
    write_url(&b, c);
    hx_fuzz_check(hx_buf_ok(&b));

    if (hx_buf_len(&b) <= HX_REDIS_URL_MAX) {
        hx_fuzz_check(hx_redis_url_parse(&again, text, hx_buf_len(&b), more,
                                         &e) == HX_OK);
        check_same(c, &again);
    }

    (void) hx_redis_conf_check(c, &e);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t             *url, *secrets;
    const uint8_t       *at;
    hx_redis_conf_t      c;
    hx_redis_url_err_t   e;

    url = hx_fuzz_copy(data, len);
    secrets = malloc(len + 1);
    hx_fuzz_check(secrets != NULL);
    memset(&e, 0, sizeof(e));

    if (hx_redis_url_parse(&c, url, len, secrets, &e) == HX_OK) {
        hx_fuzz_check(hx_redis_url_is(url, len));
        check_conf(&c, url, len, secrets);

    } else {
        hx_fuzz_check(e.what != NULL && inside(&e.where, url, len));

        /* what is in front of the last "@" might be a secret */

        at = len != 0 ? memrchr(url, '@', len) : NULL;
        hx_fuzz_check(at == NULL || e.where.len == 0 || e.where.data > at);
    }

    free(url);
    free(secrets);

    return 0;
}
