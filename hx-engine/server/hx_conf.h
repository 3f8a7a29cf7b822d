/*
 * hx_conf.h -- the engine's configuration: environment variables only.
 */

#ifndef HX_CONF_H
#define HX_CONF_H

#include "hx_limits.h"
#include "hx_log.h"

typedef struct {
    const char      *host;
    unsigned         port;              /* 0 = any free one */
    const char      *data_dir;
    const char      *tls_cert;          /* NULL = plain HTTP */
    const char      *tls_key;
    int              require_auth;
    size_t           key_len;           /* 0 only without require_auth */
    unsigned char    key[HX_SERVICE_KEY_MAX];
    hx_log_level_t   log_level;
    const char      *allow_weak;        /* api/hx_api_weak.h; never NULL */

    uint64_t         max_upload;        /* bytes */
    uint64_t         inflight;
    uint64_t         map_size;
    uint64_t         index_bytes;
    uint64_t         io_threads;
    uint64_t         workers;
    uint64_t         max_connections;
    uint64_t         queue;             /* writes waiting for the store */
    uint64_t         keep;              /* versions of a key; 0 = all */
    uint64_t         purge;             /* seconds after a delete; 0 = never */
    uint64_t         header_timeout;    /* seconds, all of them */
    uint64_t         body_timeout;
    uint64_t         idle_timeout;
    uint64_t         send_timeout;
    uint64_t         drain_timeout;
} hx_conf_t;


/*
 * Reads the environment; strings stay the environment's, the service key is
 * copied and wiped there.  0, or -1 and one line in err that names the
 * variable and never shows a secret.
 */
int hx_conf_read(hx_conf_t *c, char *err, size_t cap);

/* The data directory alone, for commands that serve nobody. */
const char *hx_conf_data_dir(void);

#endif /* HX_CONF_H */
