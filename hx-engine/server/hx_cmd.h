/*
 * hx_cmd.h -- the command line: "hx-engine" alone serves, "hx-engine <word>"
 * does something else and ends.
 *
 * Exit codes: 0 done, and nothing is wrong; 1 it failed, or something is wrong;
 * 2 a wrong command line, or (check) that could not be found out.
 */

#ifndef HX_CMD_H
#define HX_CMD_H

#include "hx_store_admin.h"

#define HX_CMD_ERR   8192           /* bytes of a line for the operator */

/* The exit code, or -1: there is no word, serve. */
int hx_cmd_run(int argc, char **argv);

/* One each; arguments behind the word. */
int hx_cmd_backup(int n, char **args);
int hx_cmd_check(int n, char **args);
int hx_cmd_restore(int n, char **args);

/* "hx-engine: <text>" on stderr; returns code. */
int hx_cmd_fail(int code, const char *text);

/* SIGINT and SIGTERM are remembered from now on; have there been any? */
void hx_cmd_signals(void);
int hx_cmd_stopped(void *data);

/*
 * Examines the store and prints what is wrong, a line each, on stdout, how far
 * it is on stderr.
 */
hx_store_rc_t hx_cmd_examine(hx_store_t *s, hx_examined_t *sum,
    const char **why);

/* hx_cmd_copy.c */

/*
 * A copy of the store as data.mdb in a directory, which is made (0700) if there
 * is none: synced, under another name until it is whole, owned by the
 * directory's owner.  0, or -1 and err; then nothing of it is left.
 */
int hx_cmd_copy(hx_store_t *s, const char *what, const char *dir,
    uint64_t *bytes, char *err, size_t cap);

/*
 * Makes the directory if there is none.  0, or -1 and err: it could not, or
 * there is something in it, other than lock files if locks is 1.
 */
int hx_cmd_empty(const char *dir, int locks, char *err, size_t cap);

/* hx_cmd_progress.c */

typedef struct {
    const char  *what;
    int          tty;
    uint64_t     begun_ms;
    uint64_t     told_ms;
    unsigned     shown;             /* 1: a bar stands on the terminal */
} hx_progress_t;

/*
 * On stderr: a bar if that is a terminal, else a line at most once a second.
 * What it shows never goes back.
 */
void hx_progress_begin(hx_progress_t *p, const char *what);
void hx_progress_show(hx_progress_t *p, uint64_t done, uint64_t total);
void hx_progress_end(hx_progress_t *p);

#endif /* HX_CMD_H */
