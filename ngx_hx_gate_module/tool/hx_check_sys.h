/*
 * hx_check_sys.h -- files, processes and commands, each bounded in size and in
 * time.  No shell: a command is a list of arguments.
 */

#ifndef HX_CHECK_SYS_H
#define HX_CHECK_SYS_H

#include <sys/types.h>

#include "hx_types.h"

#define HX_SYS_WHY    256
#define HX_SYS_PATH   4096

/*
 * The whole of a regular file, or ("-") of standard input: HX_OK and bytes that
 * the caller frees, with a NUL behind them; HX_FAIL and why (HX_SYS_WHY bytes).
 */
hx_rc_t hx_sys_read(const char *path, size_t max, unsigned char **data,
    size_t *len, char *why);

typedef struct {
    char           **argv;          /* [0] is looked for in PATH */
    const char      *dir;           /* to run in, or NULL */
    const hx_str_t  *env;           /* lines NAME=value besides, or NULL */
    size_t           max;           /* bytes of output */
    unsigned         timeout;       /* ms */

    int              status;        /* exit code; 128 + signal */
    unsigned char   *out;           /* to be freed */
    size_t           len;
    size_t           err_len;
    char             err[4096];     /* the end of what it says on stderr */
} hx_sys_command_t;

/*
 * HX_OK: it has run; HX_NO: there is no such program; HX_FAIL and why.  It is
 * killed when it takes too long or says too much.
 */
hx_rc_t hx_sys_run(hx_sys_command_t *c, char *why);

/*
 * The master processes of nginx that belong to this user or to root: how many,
 * and one of them.
 */
unsigned hx_sys_masters(const char *proc, pid_t *pid);

/* Does the process belong to this user or to root?  Others may lie to us. */
int hx_sys_trusted(const char *proc, pid_t pid);

/* Who has the socket of this inode open?  0: nobody that can be looked at. */
pid_t hx_sys_owner(const char *proc, uint64_t inode);

/* What a link in a process's directory ("exe", "cwd") points to: 1 or 0. */
int hx_sys_link(const char *proc, pid_t pid, const char *name,
    char path[HX_SYS_PATH]);

#endif /* HX_CHECK_SYS_H */
