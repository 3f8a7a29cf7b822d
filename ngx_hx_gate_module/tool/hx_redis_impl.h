/*
 * hx_redis_impl.h -- between hx_redis_block.c and hx_redis_find.c.
 */

#ifndef HX_REDIS_IMPL_H
#define HX_REDIS_IMPL_H

#include "hx_redis_block.h"

/* hx_redis_block.c */

/*
 * To this one.  sentinel: a password is for the master, where the sentinel
 * wants none.
 */
hx_rc_t hx_redis_connect(hx_redis_t **out, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, int sentinel, char *err);

/* With the user and password of the address, if there is one. */
hx_rc_t hx_redis_auth(hx_redis_t *redis, char *err);

/* A command of words; HX_FAIL for an error that Redis answers, too. */
hx_rc_t hx_redis_words(hx_redis_t *redis, int argc, const char **argv,
    hx_reply_t **reply, char *err);

/* hx_redis_find.c */
hx_rc_t hx_redis_by_sentinel(hx_redis_t **redis, const hx_redis_target_t *conf,
    char *err);
hx_rc_t hx_redis_by_cluster(hx_redis_t **redis, const hx_redis_target_t *conf,
    char *err);

#endif /* HX_REDIS_IMPL_H */
