/*
 * hx_redis_block.h -- a connection to Redis for a command line program: it
 * waits, but for nothing longer than its timeouts.  TCP or TLS; the master of a
 * sentinel or the node of a cluster that has the keys of a prefix is found when
 * it is opened.
 */

#ifndef HX_REDIS_BLOCK_H
#define HX_REDIS_BLOCK_H

#include "hx_fleet_script.h"
#include "hx_redis_url.h"

#define HX_REDIS_TEXT    256

typedef struct {
    char        name[HX_REDIS_TEXT];
    unsigned    port;
} hx_redis_peer_t;

/* C strings; "" = not given. */
typedef struct {
    hx_redis_kind_t    kind;
    unsigned           tls:1;
    unsigned           n_hosts;
    hx_redis_peer_t    host[HX_REDIS_HOSTS];
    char               master[HX_REDIS_TEXT];
    char               user[HX_REDIS_TEXT];
    char               password[2 * HX_REDIS_TEXT];
    unsigned           db;
    char               ca[HX_REDIS_TEXT];
    char               certificate[HX_REDIS_TEXT];
    char               certificate_key[HX_REDIS_TEXT];
    char               server_name[HX_REDIS_TEXT];
    char               prefix[HX_FLEET_PREFIX + 1];
    unsigned           connect_ms;
    unsigned           timeout_ms;
} hx_redis_target_t;

/* hx_redis_target.c: HX_OK, or HX_FAIL and a text (HX_FLEET_ERR bytes). */
hx_rc_t hx_redis_target(hx_redis_target_t *conf, const char *url, char *err);

/* "name=value" behind an address; HX_NO: no name of an option. */
hx_rc_t hx_redis_option(hx_redis_target_t *conf, const char *word, char *err);


typedef struct hx_redis_s  hx_redis_t;

/* HX_OK; HX_FAIL and a text, which holds no secret. */
hx_rc_t hx_redis_open(hx_redis_t **redis, const hx_redis_target_t *conf,
    char *err);

/* NULL is fine. */
void hx_redis_close(hx_redis_t *redis);

/*
 * Says a command and waits for its answer, of the caller: hx_redis_free().
 * HX_FAIL and a text: no answer came, and the connection is of no use any more.
 */
hx_rc_t hx_redis_ask(hx_redis_t *redis, const hx_fleet_cmd_t *cmd,
    hx_reply_t **reply, char *err);

/* NULL is fine. */
void hx_redis_free(hx_reply_t *reply);


/* hx_redis_wire.c: one connection */

typedef struct hx_wire_s  hx_wire_t;

hx_rc_t hx_wire_open(hx_wire_t **wire, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, char *err);
void hx_wire_close(hx_wire_t *wire);

/* All of it; HX_OK or HX_FAIL. */
hx_rc_t hx_wire_write(hx_wire_t *wire, const char *p, size_t len, char *err);

/* Some of it, one byte at least; HX_OK or HX_FAIL. */
hx_rc_t hx_wire_read(hx_wire_t *wire, char *p, size_t cap, size_t *len,
    char *err);

#endif /* HX_REDIS_BLOCK_H */
