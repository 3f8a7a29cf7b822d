/*
 * hx_fleet_limit.c -- see hx_fleet_limit.h: a question as the arguments of a
 * command, and the integers of an answer.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hx_fleet_limit.h"

/* What Lua counts exactly. */
#define HX_FLEET_LIMIT_EXACT  (UINT64_C(1) << 53)


static void
hx_fleet_limit_arg(hx_fleet_limit_cmd_t *cmd, const char *data, size_t len)
{
    cmd->argv[cmd->argc] = data;
    cmd->argvlen[cmd->argc] = len;
    cmd->argc++;
}


static void
hx_fleet_limit_number(hx_fleet_limit_cmd_t *cmd, uint64_t value)
{
    int    len;
    char  *text;

    if (value > HX_FLEET_LIMIT_EXACT) {
        value = HX_FLEET_LIMIT_EXACT;
    }

    text = cmd->number[cmd->argc];
    len = snprintf(text, sizeof(cmd->number[0]), "%" PRIu64, value);

    hx_fleet_limit_arg(cmd, text, (size_t) len);
}


static void
hx_fleet_limit_key(hx_fleet_limit_cmd_t *cmd, unsigned i,
    const hx_fleet_limit_ask_t *ask, const char *rest)
{
    int  len;

    len = snprintf(cmd->key[i], HX_FLEET_LIMIT_KEY, "{%.*s:%.*s}:%s",
                   (int) ask->prefix.len, (const char *) ask->prefix.data,
                   (int) ask->tenant.len, (const char *) ask->tenant.data,
                   rest);

    hx_fleet_limit_arg(cmd, cmd->key[i], (size_t) len);
}


static int
hx_fleet_limit_bounds(const hx_fleet_limit_ask_t *ask)
{
    unsigned          i;
    const hx_rate_t  *w;

    if (ask->prefix.len == 0 || ask->prefix.len > HX_FLEET_LIMIT_PREFIX
        || ask->tenant.len == 0 || ask->tenant.len > HX_TENANT_MAX
        || ask->node.len > HX_FLEET_LIMIT_NODE
        || memchr(ask->prefix.data, '}', ask->prefix.len) != NULL
        || memchr(ask->tenant.data, '}', ask->tenant.len) != NULL
        || ask->month > 999999
        || (ask->month == 0 && ask->quota != UINT64_MAX))
    {
        return 0;
    }

    for (i = 0; i < HX_FLEET_LIMIT_WINDOWS; i++) {
        w = &ask->window[i];

        if (w->requests != 0
            && (w->window_s == 0 || w->window_s > HX_WINDOW_SECONDS_MAX))
        {
            return 0;
        }
    }

    return ask->mode == HX_FLEET_LIMIT_GIVE
           || (ask->permits_min != 0 && ask->permits_min <= ask->permits
               && ask->tenths_min <= ask->tenths);
}


static void
hx_fleet_limit_keys(hx_fleet_limit_cmd_t *cmd, const hx_fleet_limit_ask_t *ask)
{
    char      sum[16];
    unsigned  i, n;

    n = 2;

    for (i = 0; i < HX_FLEET_LIMIT_WINDOWS; i++) {
        n += ask->window[i].requests != 0;
    }

    hx_fleet_limit_number(cmd, n);
    hx_fleet_limit_key(cmd, 0, ask, "l");

    (void) snprintf(sum, sizeof(sum), "q:%u", ask->month);
    hx_fleet_limit_key(cmd, 1, ask, sum);

    for (i = 0; i < HX_FLEET_LIMIT_WINDOWS; i++) {
        if (ask->window[i].requests != 0) {
            hx_fleet_limit_key(cmd, 2 + i, ask, i == 0 ? "w" : "w2");
        }
    }
}


hx_rc_t
hx_fleet_limit_command(hx_fleet_limit_cmd_t *cmd,
    const hx_fleet_limit_ask_t *ask, int eval)
{
    unsigned  i;
    uint32_t  life;

    if (!hx_fleet_limit_bounds(ask)) {
        return HX_NO;
    }

    cmd->argc = 0;

    if (eval) {
        hx_fleet_limit_arg(cmd, "EVAL", 4);
        hx_fleet_limit_arg(cmd, hx_fleet_limit_script,
                           strlen(hx_fleet_limit_script));

    } else {
        hx_fleet_limit_arg(cmd, "EVALSHA", 7);
        hx_fleet_limit_arg(cmd, hx_fleet_limit_sha1, HX_FLEET_LIMIT_SHA1);
    }

    hx_fleet_limit_keys(cmd, ask);

    life = ask->life < HX_FLEET_LIMIT_LIFE_MAX ? ask->life
                                               : HX_FLEET_LIMIT_LIFE_MAX;

    hx_fleet_limit_number(cmd, ask->mode);
    hx_fleet_limit_number(cmd, ask->permits);
    hx_fleet_limit_number(cmd, ask->permits_min);
    hx_fleet_limit_number(cmd, life);
    hx_fleet_limit_number(cmd, ask->ticket);
    hx_fleet_limit_arg(cmd, ask->node.len != 0 ? (const char *) ask->node.data
                                               : "", ask->node.len);

    if (ask->quota == UINT64_MAX) {
        hx_fleet_limit_arg(cmd, "-1", 2);

    } else {
        hx_fleet_limit_number(cmd, ask->quota);
    }

    hx_fleet_limit_number(cmd, ask->month);
    hx_fleet_limit_number(cmd, ask->known);
    hx_fleet_limit_number(cmd, ask->tenths);
    hx_fleet_limit_number(cmd, ask->tenths_min);

    for (i = 0; i < HX_FLEET_LIMIT_WINDOWS; i++) {
        if (ask->window[i].requests != 0) {
            hx_fleet_limit_number(cmd, ask->window[i].requests);
            hx_fleet_limit_number(cmd, ask->window[i].window_s);
        }
    }

    return HX_OK;
}


/* Has Redis answered more than it was asked for? */
static int
hx_fleet_limit_over(const hx_fleet_limit_answer_t *a,
    const hx_fleet_limit_ask_t *ask)
{
    if (a->permits > ask->permits || a->tenths > ask->tenths) {
        return 1;
    }

    if (a->verdict != HX_FLEET_LIMIT_ADMITTED) {
        return a->permits != 0 || a->tenths != 0;
    }

    return ask->mode != HX_FLEET_LIMIT_GIVE
           && (a->permits == 0 || a->life > ask->life);
}


hx_rc_t
hx_fleet_limit_answer(hx_fleet_limit_answer_t *answer,
    const hx_fleet_limit_ask_t *ask, const int64_t *value, size_t n)
{
    size_t  i;

    static const int64_t  most[HX_FLEET_LIMIT_ANSWER] = {
        HX_FLEET_LIMIT_QUOTA, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
        INT64_MAX, INT64_MAX, INT64_MAX, HX_FLEET_LIMIT_LIFE_MAX, INT64_MAX
    };

    memset(answer, 0, sizeof(hx_fleet_limit_answer_t));

    if (n != HX_FLEET_LIMIT_ANSWER) {
        return HX_FAIL;
    }

    for (i = 0; i < n; i++) {
        if (value[i] < 0 || value[i] > most[i]) {
            return HX_FAIL;
        }
    }

    answer->verdict = (hx_fleet_limit_verdict_t) value[0];
    answer->permits = (uint32_t) value[1];
    answer->tenths = (uint32_t) value[2];
    answer->limit = (uint32_t) value[3];
    answer->remaining = (uint32_t) value[4];
    answer->reset = (uint64_t) value[5];
    answer->retry = (uint64_t) value[6];
    answer->ticket = (uint64_t) value[7];
    answer->life = (uint32_t) value[8];
    answer->used = (uint64_t) value[9];

    return hx_fleet_limit_over(answer, ask) ? HX_FAIL : HX_OK;
}
