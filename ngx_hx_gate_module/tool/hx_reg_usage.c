/*
 * hx_reg_usage.c -- hx-gate-registry usage: what a node has charged goes to the
 * fleet's Redis, of a node that does not run any more, or will not again.  Said
 * as the node itself says it (hx_usage.h), so all of it may be there already.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_crypto.h"
#include "hx_fleet_usage.h"
#include "hx_month.h"
#include "hx_reg.h"
#include "hx_text.h"

#define HX_REG_USAGE_NOTED    10000     /* rows in one transaction */
#define HX_REG_USAGE_WORDS    3         /* EVAL, the script, how many keys */


typedef struct {
    hx_place_t              *to;
    hx_usage_t              *usage;
    hx_fleet_usage_names_t   names;
    unsigned                 oldest;
    uint64_t                 stored;
    uint64_t                 skipped;
    char                     err[HX_USAGE_ERR];
} hx_reg_usage_t;


/* All rows are to be said. */

static hx_rc_t
hx_reg_usage_note(hx_reg_usage_t *s)
{
    int                   more;
    hx_rc_t               rc;
    hx_epoch_t            zero;
    hx_usage_position_t   at;

    hx_epoch_zero(&zero);
    memset(&at, 0, sizeof(hx_usage_position_t));

    do {
        rc = hx_usage_resend(s->usage, s->oldest, &at, HX_REG_USAGE_NOTED,
                             &more, s->err);
    } while (rc == HX_OK && more);

    return rc == HX_OK ? hx_usage_cursor_set(s->usage, &zero, s->err) : rc;
}


/* The script's text each time: nothing here is in a hurry. */

static hx_rc_t
hx_reg_usage_eval(hx_reg_usage_t *s, const hx_fleet_cmd_t *cmd,
    hx_reply_t **reply)
{
    hx_rc_t          rc;
    hx_fleet_cmd_t   eval;

    eval.argc = cmd->argc + HX_REG_USAGE_WORDS;
    eval.argv = calloc(eval.argc, sizeof(char *));
    eval.argvlen = calloc(eval.argc, sizeof(size_t));
    rc = HX_FAIL;

    if (eval.argv != NULL && eval.argvlen != NULL) {
        eval.argv[0] = "EVAL";
        eval.argvlen[0] = 4;
        eval.argv[1] = hx_fleet_usage_push_script;
        eval.argvlen[1] = strlen(hx_fleet_usage_push_script);
        eval.argv[2] = "3";             /* HX_FLEET_USAGE_KEYS */
        eval.argvlen[2] = 1;

        memcpy(eval.argv + HX_REG_USAGE_WORDS, cmd->argv,
               cmd->argc * sizeof(char *));
        memcpy(eval.argvlen + HX_REG_USAGE_WORDS, cmd->argvlen,
               cmd->argc * sizeof(size_t));

        rc = hx_place_ask(s->to, &eval, reply);

        if (rc != HX_OK) {
            (void) snprintf(s->err, sizeof(s->err), "%s", s->to->err);
        }

    } else {
        (void) snprintf(s->err, sizeof(s->err), "no memory");
    }

    free(eval.argv);
    free(eval.argvlen);

    return rc;
}


static hx_rc_t
hx_reg_usage_push(hx_reg_usage_t *s, const hx_usage_pack_t *pack)
{
    hx_rc_t                   rc;
    hx_epoch_t                zero;
    hx_reply_t               *reply;
    hx_fleet_cmd_t            cmd;
    unsigned char             rnd[HX_EPOCH_TOKEN / 2], token[HX_EPOCH_TOKEN];
    hx_fleet_usage_pushed_t   pushed;

    hx_epoch_zero(&zero);
    reply = NULL;

    if (hx_random_secret(rnd, sizeof(rnd)) != HX_OK) {
        (void) snprintf(s->err, sizeof(s->err), "no random bytes");
        return HX_FAIL;
    }

    hx_text_hex(token, rnd, sizeof(rnd));

    if (hx_fleet_usage_push(&cmd, &s->names, &zero, token, s->oldest,
                            pack->row, pack->n)
        != HX_OK)
    {
        (void) snprintf(s->err, sizeof(s->err), "no memory");
        return HX_FAIL;
    }

    rc = hx_reg_usage_eval(s, &cmd, &reply);

    if (rc == HX_OK) {
        rc = hx_fleet_usage_pushed(reply, token, pack->n, &pushed, s->err);
    }

    if (rc == HX_OK) {
        s->stored += pushed.stored;
        s->skipped += pushed.skipped;
        rc = hx_usage_sent(s->usage, pack, &pushed.head, s->err);
    }

    hx_redis_free(reply);
    hx_fleet_cmd_free(&cmd);

    return rc;
}


static hx_rc_t
hx_reg_usage_send(hx_reg_usage_t *s)
{
    hx_rc_t           rc;
    hx_usage_pack_t  *pack;

    for ( ;; ) {
        pack = NULL;
        rc = hx_usage_unsent(s->usage, HX_FLEET_USAGE_ROWS,
                             HX_FLEET_USAGE_BYTES, &pack, s->err);
        if (rc != HX_OK) {
            break;
        }

        if (pack->damaged != 0) {
            (void) hx_reg_trouble("FROM", s->err);
        }

        rc = hx_reg_usage_push(s, pack);
        hx_usage_pack_free(pack);

        if (rc != HX_OK) {
            break;
        }

        hx_reg_progress(s->to->opt, "rows", s->stored + s->skipped, 0);
    }

    return rc == HX_NO ? HX_OK : rc;
}


static hx_rc_t
hx_reg_usage_open(hx_reg_usage_t *s, const hx_place_t *from)
{
    hx_str_t          prefix;
    hx_usage_conf_t   conf;

    memset(&conf, 0, sizeof(hx_usage_conf_t));
    conf.dir = from->dir;
    conf.map_size = (size_t) from->opt->map_size;
    conf.max_readers = 126;
    conf.existing = 1;
    conf.fleet = 1;

    prefix.data = (const unsigned char *) s->to->conf.prefix;
    prefix.len = strlen(s->to->conf.prefix);

    if (hx_fleet_usage_names(&s->names, &prefix) != HX_OK) {
        (void) snprintf(s->err, sizeof(s->err), "prefix=");
        return HX_FAIL;
    }

    return hx_usage_open(&s->usage, &conf, s->err);
}


int
hx_reg_usage(hx_place_t *from, hx_place_t *to)
{
    hx_rc_t         rc;
    hx_reg_usage_t  s;

    if (from->dir[0] == '\0' || to->dir[0] != '\0') {
        return hx_reg_trouble("usage", "takes lmdb:DIR, the usage= of a node, "
                              "and an address of Redis");
    }

    memset(&s, 0, sizeof(hx_reg_usage_t));
    s.to = to;
    s.oldest = hx_month_at(hx_month_count(hx_month_of((int64_t) time(NULL)))
                           - HX_FLEET_USAGE_MONTHS);

    if (hx_reg_usage_open(&s, from) != HX_OK) {
        return hx_reg_trouble(from->name, s.err);
    }

    rc = HX_FAIL;

    if (hx_redis_open(&to->redis, &to->conf, to->err) != HX_OK) {
        (void) snprintf(s.err, sizeof(s.err), "%s", to->err);

    } else {
        rc = hx_reg_usage_note(&s);

        if (rc == HX_OK) {
            rc = hx_reg_usage_send(&s);
        }
    }

    hx_usage_close(s.usage);

    if (rc != HX_OK) {
        return hx_reg_trouble("usage", s.err);
    }

    if (!to->opt->quiet) {
        (void) printf("%llu rows sent, %llu were there\n",
                      (unsigned long long) s.stored,
                      (unsigned long long) s.skipped);
    }

    return HX_REG_DONE;
}
