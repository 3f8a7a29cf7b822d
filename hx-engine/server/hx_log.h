/*
 * hx_log.h -- structured log lines: one JSON object, one write, to stderr.
 *
 * Only the server room logs; inner rooms return reasons.  Members ts, level
 * and event come first.  A line longer than HX_LOG_LINE_MAX is replaced by one
 * that says so.  Never pass a credential.
 */

#ifndef HX_LOG_H
#define HX_LOG_H

#include "hx_buf.h"

#define HX_LOG_LINE_MAX   4096      /* one write of at most PIPE_BUF bytes */
#define HX_LOG_VALUE_MAX  512       /* bytes of one value, before escaping */

typedef enum {
    HX_LOG_ERROR = 0,
    HX_LOG_WARN,
    HX_LOG_INFO,
    HX_LOG_DEBUG
} hx_log_level_t;

typedef struct {
    int             on;
    const char     *event;
    hx_buf_t        b;
    unsigned char   mem[HX_LOG_LINE_MAX];
} hx_log_t;


/* Lines above this level are dropped.  Called once, before any thread. */
void hx_log_init(hx_log_level_t max);

void hx_log_start(hx_log_t *l, hx_log_level_t level, const char *event);
void hx_log_str(hx_log_t *l, const char *name, const void *s, size_t len);
void hx_log_cstr(hx_log_t *l, const char *name, const char *s);
void hx_log_u64(hx_log_t *l, const char *name, uint64_t v);

/* Microseconds as milliseconds with three places. */
void hx_log_ms(hx_log_t *l, const char *name, uint64_t us);
void hx_log_null(hx_log_t *l, const char *name);
void hx_log_end(hx_log_t *l);

/* Lines lost so far because nobody read them. */
uint64_t hx_log_lost(void);

/* One line with one text member. */
void hx_log_text(hx_log_level_t level, const char *event, const char *name,
    const char *value);

#endif /* HX_LOG_H */
