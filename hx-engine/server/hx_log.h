/*
 * hx_log.h -- structured log lines: one JSON object each, to stderr.
 *
 * Only the server room logs; inner rooms return reasons.  Members ts, level
 * and event come first.  A line longer than HX_LOG_LINE_MAX is replaced by one
 * that says so.  Never pass a credential.
 *
 * A thread that serves many requests gathers its lines and writes them before
 * it waits for anything (hx_log_batch, hx_log_flush); lines of level error and
 * warn, and those of all other threads, are written at once.
 */

#ifndef HX_LOG_H
#define HX_LOG_H

#include "hx_buf.h"

#define HX_LOG_LINE_MAX   4096      /* one write of at most PIPE_BUF bytes */
#define HX_LOG_BATCH      32768     /* bytes of lines gathered, at most */
#define HX_LOG_VALUE_MAX  512       /* bytes of one value, before escaping */

typedef enum {
    HX_LOG_ERROR = 0,
    HX_LOG_WARN,
    HX_LOG_INFO,
    HX_LOG_DEBUG
} hx_log_level_t;

typedef struct {
    int             on;
    hx_log_level_t  level;
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

/* From now on this thread gathers its lines (unless memory is out). */
void hx_log_batch(void);

/* Writes what this thread has gathered. */
void hx_log_flush(void);

/* The same, and it gathers no more. */
void hx_log_unbatch(void);

/* Lines lost so far because nobody read them. */
uint64_t hx_log_lost(void);

/* One line with one text member. */
void hx_log_text(hx_log_level_t level, const char *event, const char *name,
    const char *value);

#endif /* HX_LOG_H */
