/*
 * hx_conf.c -- environment to configuration; every bad value has its message.
 *
 * Called once by main before any thread exists.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_api_weak.h"
#include "hx_check.h"
#include "hx_conf.h"
#include "hx_crypto.h"
#include "hx_text.h"

#define HX_CONF_KEY       "HX_GATE_ENGINE_SERVICE_KEY"
#define HX_CONF_KEY_FILE  "HX_GATE_ENGINE_SERVICE_KEY_FILE"
#define HX_GIB            ((uint64_t) 1 << 30)
#define HX_CONF_INFLIGHT_MIN  ((uint64_t) 64 << 20)

typedef struct {
    const char  *name;
    size_t       offset;
    uint64_t     value;             /* default; 0 = set by hx_conf_defaults */
    uint64_t     min;
    uint64_t     max;
} hx_conf_number_t;

#define F(member)   offsetof(hx_conf_t, member)

static const hx_conf_number_t  hx_conf_numbers[] = {
    { "HOLONOMIX_MAX_UPLOAD_BYTES", F(max_upload), HX_UPLOAD_DEFAULT, 1,
      4 * HX_GIB },
    { "HOLONOMIX_INFLIGHT_BYTES", F(inflight), 0, 1, 1024 * HX_GIB },
    { "HOLONOMIX_MAP_SIZE", F(map_size), 64 * HX_GIB, 1 << 20,
      16384 * HX_GIB },
    { "HOLONOMIX_INDEX_BYTES", F(index_bytes), 0, 1, 16384 * HX_GIB },
    { "HOLONOMIX_IO_THREADS", F(io_threads), 0, 1, 64 },
    { "HOLONOMIX_WORKERS", F(workers), 0, 1, 64 },
    { "HOLONOMIX_MAX_CONNECTIONS", F(max_connections), 1024, 1, 65536 },
    { "HOLONOMIX_WRITE_QUEUE", F(queue), 1024, 1, 65536 },
    { "HOLONOMIX_KEEP_VERSIONS", F(keep), 10, 0, 1000000000 },
    { "HOLONOMIX_PURGE_DELETED", F(purge), 7 * 86400, 0, 1000000000 },
    { "HOLONOMIX_HEADER_TIMEOUT", F(header_timeout), 15, 1, 3600 },
    { "HOLONOMIX_BODY_TIMEOUT", F(body_timeout), 60, 1, 3600 },
    { "HOLONOMIX_IDLE_TIMEOUT", F(idle_timeout), 75, 1, 86400 },
    { "HOLONOMIX_SEND_TIMEOUT", F(send_timeout), 60, 1, 3600 },
    { "HOLONOMIX_DRAIN_TIMEOUT", F(drain_timeout), 30, 1, 3600 }
};


static void
hx_conf_set(hx_conf_t *c, const hx_conf_number_t *n, uint64_t v)
{
    memcpy((char *) c + n->offset, &v, sizeof(v));
}


static int
hx_conf_number(hx_conf_t *c, const hx_conf_number_t *n, char *err, size_t cap)
{
    uint64_t     v;
    const char  *s;

    s = getenv(n->name);
    hx_conf_set(c, n, n->value);

    if (s == NULL) {
        return 0;
    }

    if (hx_text_parse_u64((const unsigned char *) s, strlen(s), n->max, &v)
        != HX_OK || v < n->min)
    {
        snprintf(err, cap, "%s: must be a whole number from %llu to %llu, "
                 "not '%.40s'", n->name, (unsigned long long) n->min,
                 (unsigned long long) n->max, s);
        return -1;
    }

    hx_conf_set(c, n, v);

    return 0;
}


static int
hx_conf_bool(const char *name, int *v, char *err, size_t cap)
{
    const char  *s;

    s = getenv(name);

    if (s == NULL) {
        return 0;
    }

    if (strcmp(s, "true") == 0) {
        *v = 1;

    } else if (strcmp(s, "false") == 0) {
        *v = 0;

    } else {
        snprintf(err, cap, "%s: must be true or false, not '%.40s'", name, s);
        return -1;
    }

    return 0;
}


static const char *
hx_conf_string(const char *name, const char *value)
{
    const char  *s;

    s = getenv(name);

    return s != NULL && *s != '\0' ? s : value;
}


/* The key itself: checked, copied, and wiped where it came from. */
static int
hx_conf_key_take(hx_conf_t *c, const char *name, char *s, size_t len, char *err,
    size_t cap)
{
    int  bad;

    bad = !hx_check_printable((unsigned char *) s, len, HX_SERVICE_KEY_MIN,
                              HX_SERVICE_KEY_MAX);

    if (!bad) {
        memcpy(c->key, s, len);
        c->key_len = len;
    }

    hx_cleanse(s, len);             /* nothing of it in /proc/self/environ */

    if (bad) {
        snprintf(err, cap, "%s: must be %d to %d printable characters without "
                 "blanks", name, HX_SERVICE_KEY_MIN, HX_SERVICE_KEY_MAX);
        return -1;
    }

    return 0;
}


/* One line, with or without its end. */
static int
hx_conf_key_file(hx_conf_t *c, const char *path, char *err, size_t cap)
{
    int      fd, saved;
    char     text[HX_SERVICE_KEY_MAX + 2];
    ssize_t  n;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd != -1 ? read(fd, text, sizeof(text)) : -1;
    saved = errno;

    if (fd != -1) {
        close(fd);
    }

    if (n < 0) {
        snprintf(err, cap, HX_CONF_KEY_FILE ": cannot read %s: %s", path,
                 strerror(saved));
        return -1;
    }

    if (n != 0 && text[n - 1] == '\n') {
        n--;
    }

    return hx_conf_key_take(c, HX_CONF_KEY_FILE, text, (size_t) n, err, cap);
}


static int
hx_conf_key(hx_conf_t *c, char *err, size_t cap)
{
    char        *s;
    const char  *path;

    s = getenv(HX_CONF_KEY);
    path = hx_conf_string(HX_CONF_KEY_FILE, NULL);

    if (s != NULL && *s != '\0' && path != NULL) {
        snprintf(err, cap, HX_CONF_KEY " and " HX_CONF_KEY_FILE ": set only "
                 "one");
        return -1;
    }

    if (path != NULL) {
        return hx_conf_key_file(c, path, err, cap);
    }

    if (s != NULL && *s != '\0') {
        return hx_conf_key_take(c, HX_CONF_KEY, s, strlen(s), err, cap);
    }

    if (c->require_auth) {
        snprintf(err, cap, HX_CONF_KEY ": missing; set it, or "
                 "HOLONOMIX_REQUIRE_AUTH=false to serve anyone who can "
                 "connect");
        return -1;
    }

    return 0;
}


static int
hx_conf_level(hx_conf_t *c, char *err, size_t cap)
{
    static const char *const  names[] = { "error", "warn", "info", "debug" };

    size_t       i;
    const char  *s;

    s = getenv("HOLONOMIX_LOG_LEVEL");
    c->log_level = HX_LOG_INFO;

    if (s == NULL) {
        return 0;
    }

    for (i = 0; i < hx_nelts(names); i++) {
        if (strcmp(s, names[i]) == 0) {
            c->log_level = (hx_log_level_t) i;
            return 0;
        }
    }

    snprintf(err, cap, "HOLONOMIX_LOG_LEVEL: must be error, warn, info or "
             "debug, not '%.40s'", s);

    return -1;
}


static int
hx_conf_port(hx_conf_t *c, char *err, size_t cap)
{
    uint64_t     v;
    const char  *s;

    s = hx_conf_string("HOLONOMIX_PORT", "8000");

    if (hx_text_parse_u64((const unsigned char *) s, strlen(s), 65535, &v)
        != HX_OK)
    {
        snprintf(err, cap, "HOLONOMIX_PORT: must be a number from 0 to 65535, "
                 "not '%.40s'", s);
        return -1;
    }

    c->port = (unsigned) v;

    return 0;
}


static void
hx_conf_defaults(hx_conf_t *c)
{
    long  cpus, pages;

    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = cpus < 1 ? 1 : cpus > 64 ? 64 : cpus;

    if (c->io_threads == 0) {
        c->io_threads = cpus > 4 ? 4 : (uint64_t) cpus;
    }

    if (c->workers == 0) {
        c->workers = (uint64_t) cpus;
    }

    pages = sysconf(_SC_PHYS_PAGES);

    if (c->index_bytes == 0) {
        c->index_bytes = pages > 0 ? (uint64_t) pages / 4
                                     * (uint64_t) sysconf(_SC_PAGESIZE)
                                   : HX_GIB;
    }

    if (c->inflight == 0) {
        c->inflight = 4 * c->max_upload;

        /* work on the smallest payload takes 14 MiB: while one is worked on,
         * others are to have room */

        if (c->inflight < HX_CONF_INFLIGHT_MIN) {
            c->inflight = HX_CONF_INFLIGHT_MIN;
        }
    }
}


const char *
hx_conf_data_dir(void)
{
    return hx_conf_string("HOLONOMIX_DATA_DIR", "/var/lib/hx-engine");
}


int
hx_conf_read(hx_conf_t *c, char *err, size_t cap)
{
    size_t  i;

    memset(c, 0, sizeof(*c));

    for (i = 0; i < hx_nelts(hx_conf_numbers); i++) {
        if (hx_conf_number(c, &hx_conf_numbers[i], err, cap) != 0) {
            return -1;
        }
    }

    hx_conf_defaults(c);

    c->require_auth = 1;
    c->host = hx_conf_string("HOLONOMIX_HOST", "127.0.0.1");
    c->data_dir = hx_conf_data_dir();
    c->tls_cert = hx_conf_string("HOLONOMIX_TLS_CERT_PATH", NULL);
    c->tls_key = hx_conf_string("HOLONOMIX_TLS_KEY_PATH", NULL);

    if ((c->tls_cert == NULL) != (c->tls_key == NULL)) {
        snprintf(err, cap, "HOLONOMIX_TLS_CERT_PATH and "
                 "HOLONOMIX_TLS_KEY_PATH: set both or neither");
        return -1;
    }

    c->allow_weak = hx_conf_string("HOLONOMIX_ALLOW_WEAK", "");

    if (!hx_weak_check(c->allow_weak)) {
        snprintf(err, cap, "HOLONOMIX_ALLOW_WEAK: must be namespaces and "
                 "domain:NAMEs separated by commas, or *, not '%.80s'",
                 c->allow_weak);
        return -1;
    }

    if (c->inflight < c->max_upload) {
        snprintf(err, cap, "HOLONOMIX_INFLIGHT_BYTES: must not be less than "
                 "HOLONOMIX_MAX_UPLOAD_BYTES");
        return -1;
    }

    if (hx_conf_port(c, err, cap) != 0 || hx_conf_level(c, err, cap) != 0
        || hx_conf_bool("HOLONOMIX_REQUIRE_AUTH", &c->require_auth, err, cap)
           != 0)
    {
        return -1;
    }

    return hx_conf_key(c, err, cap);
}
