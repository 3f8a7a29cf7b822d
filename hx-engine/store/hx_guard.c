/*
 * hx_guard.c -- see the header.
 *
 * Touching a page behind the end of a mapped file is SIGBUS, following a
 * damaged page number SIGSEGV.  LMDB takes no lock and changes nothing while it
 * reads, so that leaving it by a jump loses a little memory only.
 *
 * The jump restores the signal mask: whoever stands between us and sigaction()
 * (ThreadSanitizer does) may have blocked more than we asked for, and a fault
 * that is blocked ends the process.
 */

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "hx_guard.h"

static sigjmp_buf             hx_guard_jump;
static volatile sig_atomic_t  hx_guard_on;


static void
hx_guard_signal(int sig)
{
    if (hx_guard_on) {
        siglongjmp(hx_guard_jump, 1);
    }

    (void) signal(sig, SIG_DFL);
    (void) raise(sig);
}


static void
hx_guard_assertion(MDB_env *env, const char *text)
{
    if (hx_guard_on) {
        siglongjmp(hx_guard_jump, 1);
    }
}


void
hx_guard_env(MDB_env *env)
{
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = hx_guard_signal;
    sa.sa_flags = SA_NODEFER;               /* it does not return */
    (void) mdb_env_set_assert(env, hx_guard_assertion);
    (void) sigaction(SIGBUS, &sa, NULL);
    (void) sigaction(SIGSEGV, &sa, NULL);
}


int
hx_guarded(int (*fn)(void *arg), void *arg, int *rc)
{
    if (sigsetjmp(hx_guard_jump, 1) != 0) {
        hx_guard_on = 0;
        return 1;
    }

    hx_guard_on = 1;
    *rc = fn(arg);
    hx_guard_on = 0;

    return 0;
}
