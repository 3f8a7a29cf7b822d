/*
 * hx_cmd_progress.c -- how far a command is, for whoever waits for it.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hx_cmd.h"

#define HX_BAR_WIDTH   40
#define HX_BAR_MS      100
#define HX_LINE_MS     1000


static uint64_t
hx_progress_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


void
hx_progress_begin(hx_progress_t *p, const char *what)
{
    memset(p, 0, sizeof(*p));
    p->what = what;
    p->tty = isatty(STDERR_FILENO);
    p->begun_ms = hx_progress_ms();
    p->told_ms = p->begun_ms;
}


void
hx_progress_show(hx_progress_t *p, uint64_t done, uint64_t total)
{
    char      bar[HX_BAR_WIDTH + 1];
    double    part;
    unsigned  n, left;
    uint64_t  now;

    now = hx_progress_ms();

    if (now - p->told_ms < (p->tty ? HX_BAR_MS : HX_LINE_MS)) {
        return;
    }

    p->told_ms = now;
    part = total == 0 ? 0 : done < total ? (double) done / (double) total : 1;

    if (!p->tty) {
        fprintf(stderr, "hx-engine: %s: %.0f %%\n", p->what, part * 100);
        return;
    }

    n = (unsigned) (part * HX_BAR_WIDTH);
    memset(bar, '#', n);
    memset(bar + n, '.', HX_BAR_WIDTH - n);
    bar[HX_BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3.0f %%", p->what, bar, part * 100);

    if (part > 0.01) {
        left = (unsigned) ((double) (now - p->begun_ms) / 1000
                           * (1 - part) / part + 0.5);
        fprintf(stderr, "  %u:%02u left \033[K", left / 60, left % 60);
    }

    p->shown = 1;
    fflush(stderr);
}


void
hx_progress_end(hx_progress_t *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->shown = 0;
    }
}
