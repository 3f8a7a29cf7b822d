/*
 * hx_fleet_script.c -- commands of a registry in Redis; see hx_fleet_script.h.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_fleet_script.h"
#include "hx_text.h"


#define HX_FLEET_KEYS       6
#define HX_FLEET_ARGS       6           /* before the writes */
#define HX_FLEET_NUMBERS    128         /* bytes of texts that are made here */


/*
 * KEYS: epoch, log, meta, keys, tenants, billing.
 * ARGV: epoch before, token, new number, entries to keep, channel, writeset;
 *       then of each write: "<db>p" or "<db>d", key, value (a delete: "").
 *
 * A script that fails half way is not undone: all that can fail comes before
 * the first write, and XADD is the first.
 *
 * Who has removed the epoch, and not the hashes, has made another history of
 * it: it gets an epoch that nobody stands at, and a log of its own.  The same
 * for a log that is ahead of the epoch.
 *
 * Whoever did not hear the answer says the same once more: then the log knows
 * whether it was committed.
 */

static const hx_str_t  hx_fleet_lua = hx_string(
    "local e = redis.call('GET', KEYS[1])\n"
    "if not e then\n"
    "  e = '" HX_EPOCH_ZERO "'\n"
    "  if redis.call('EXISTS', KEYS[3], KEYS[4], KEYS[5], KEYS[6]) > 0 then\n"
    "    e = '1-' .. ARGV[2]\n"
    "    redis.call('DEL', KEYS[2])\n"
    "    redis.call('SET', KEYS[1], e)\n"
    "    redis.call('PUBLISH', ARGV[5], e)\n"
    "  end\n"
    "end\n"
    "local id = ARGV[3] .. '-1'\n"
    "local new = ARGV[3] .. '-' .. ARGV[2]\n"
    "if e ~= ARGV[1] then\n"
    "  local x = redis.call('XRANGE', KEYS[2], id, id)\n"
    "  if x[1] and x[1][2][2] == ARGV[2] and x[1][2][4] == ARGV[1] then\n"
    "    return {2, new}\n"
    "  end\n"
    "  return {0, e}\n"
    "end\n"
    "for i = 3, 6 do\n"
    "  local t = redis.call('TYPE', KEYS[i])['ok']\n"
    "  if t ~= 'hash' and t ~= 'none' then\n"
    "    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is no hash')\n"
    "  end\n"
    "end\n"
    "local function add(call)\n"
    "  return call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], id,\n"
    "              't', ARGV[2], 'p', ARGV[1], 'w', ARGV[6])\n"
    "end\n"
    "local x = add(redis.pcall)\n"
    "if type(x) == 'table' and x['err'] then\n"
    "  if not string.find(x['err'], 'equal or smaller', 1, true) then\n"
    "    return x\n"
    "  end\n"
    "  redis.call('DEL', KEYS[2])\n"
    "  add(redis.call)\n"
    "end\n"
    "for i = 7, #ARGV, 3 do\n"
    "  local h = KEYS[3 + tonumber(string.sub(ARGV[i], 1, 1))]\n"
    "  if string.sub(ARGV[i], 2) == 'p' then\n"
    "    redis.call('HSET', h, ARGV[i + 1], ARGV[i + 2])\n"
    "  else\n"
    "    redis.call('HDEL', h, ARGV[i + 1])\n"
    "  end\n"
    "end\n"
    "redis.call('SET', KEYS[1], new)\n"
    "redis.call('PUBLISH', ARGV[5], new)\n"
    "return {1, new}\n");


const hx_str_t *
hx_fleet_script(void)
{
    return &hx_fleet_lua;
}


const char *
hx_fleet_script_sha1(void)
{
    return "27e161ef4d3687ceb53dbbf36e8c8dad0b238566";
}


hx_rc_t
hx_fleet_names(hx_fleet_names_t *names, const hx_str_t *prefix)
{
    size_t     i;
    hx_buf_t   b;
    hx_str_t  *name[7];

    static const char *const  words[7] = {
        "epoch", "log", "push", "meta", "keys", "tenants", "billing"
    };

    if (prefix->len == 0 || prefix->len > HX_FLEET_PREFIX) {
        return HX_NO;
    }

    for (i = 0; i < prefix->len; i++) {
        if (prefix->data[i] <= ' ' || prefix->data[i] > '~'
            || prefix->data[i] == '{' || prefix->data[i] == '}')
        {
            return HX_NO;
        }
    }

    name[0] = &names->epoch;
    name[1] = &names->log;
    name[2] = &names->push;

    for (i = 0; i < HX_WRITESET_DBS; i++) {
        name[3 + i] = &names->db[i];
    }

    hx_buf_init(&b, names->text, sizeof(names->text));

    for (i = 0; i < hx_nelts(words); i++) {
        name[i]->data = b.last;
        hx_buf_byte(&b, '{');
        hx_buf_add(&b, prefix->data, prefix->len);
        hx_buf_lit(&b, "}:");
        hx_buf_add(&b, words[i], strlen(words[i]));
        name[i]->len = (size_t) (b.last - name[i]->data);
    }

    return hx_buf_ok(&b) ? HX_OK : HX_NO;
}


/* Memory for n arguments, and for what is made of numbers in *text. */

static hx_rc_t
hx_fleet_cmd(hx_fleet_cmd_t *cmd, size_t n, hx_buf_t *text)
{
    unsigned char  *p;

    cmd->argc = 0;
    cmd->argv = NULL;
    cmd->argvlen = NULL;
    cmd->memory = malloc(n * (sizeof(char *) + sizeof(size_t))
                         + HX_FLEET_NUMBERS);

    if (cmd->memory == NULL) {
        return HX_FAIL;
    }

    p = cmd->memory;
    cmd->argv = (const char **) p;
    cmd->argvlen = (size_t *) (p + n * sizeof(char *));
    hx_buf_init(text, p + n * (sizeof(char *) + sizeof(size_t)),
                HX_FLEET_NUMBERS);

    return HX_OK;
}


void
hx_fleet_cmd_free(hx_fleet_cmd_t *cmd)
{
    free(cmd->memory);
    memset(cmd, 0, sizeof(hx_fleet_cmd_t));
}


static void
hx_fleet_arg(hx_fleet_cmd_t *cmd, const void *data, size_t len)
{
    cmd->argv[cmd->argc] = data;
    cmd->argvlen[cmd->argc++] = len;
}


#define hx_fleet_word(cmd, lit)   hx_fleet_arg((cmd), (lit), sizeof(lit) - 1)
#define hx_fleet_str(cmd, s)      hx_fleet_arg((cmd), (s)->data, (s)->len)


/* A number as text, and what follows it. */

static void
hx_fleet_number(hx_fleet_cmd_t *cmd, hx_buf_t *text, uint64_t v,
    const char *end)
{
    unsigned char  *p;

    p = text->last;
    hx_text_u64(text, v);
    hx_buf_add(text, end, strlen(end));
    hx_fleet_arg(cmd, p, (size_t) (text->last - p));
}


static void
hx_fleet_writes(hx_fleet_cmd_t *cmd, hx_writeset_reader_t *r)
{
    hx_write_t  w;

    static const char *const  word[HX_WRITESET_DBS][2] = {
        { "0p", "0d" }, { "1p", "1d" }, { "2p", "2d" }, { "3p", "3d" }
    };

    while (hx_writeset_next(r, &w)) {
        hx_fleet_arg(cmd, word[w.db][w.op == HX_WRITESET_DELETE], 2);
        hx_fleet_str(cmd, &w.key);
        hx_fleet_arg(cmd, w.value.len ? (const void *) w.value.data : "",
                     w.value.len);
    }
}


hx_rc_t
hx_fleet_commit(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    const hx_epoch_t *base, const unsigned char token[HX_EPOCH_TOKEN],
    const hx_str_t *writeset, unsigned keep, int eval)
{
    size_t                n;
    unsigned              i;
    hx_buf_t              text;
    hx_write_t            w;
    unsigned char        *p;
    hx_writeset_reader_t  r;

    memset(cmd, 0, sizeof(hx_fleet_cmd_t));

    if (hx_writeset_open(&r, writeset) != HX_OK
        || base->number >= HX_EPOCH_LAST)
    {
        return HX_FAIL;
    }

    n = 0;

    while (hx_writeset_next(&r, &w)) {
        n++;
    }

    if (hx_fleet_cmd(cmd, 3 + HX_FLEET_KEYS + HX_FLEET_ARGS + 3 * n, &text)
        != HX_OK)
    {
        return HX_FAIL;
    }

    if (eval) {
        hx_fleet_word(cmd, "EVAL");
        hx_fleet_str(cmd, &hx_fleet_lua);

    } else {
        hx_fleet_word(cmd, "EVALSHA");
        hx_fleet_arg(cmd, hx_fleet_script_sha1(), HX_FLEET_SHA1);
    }

    hx_fleet_number(cmd, &text, HX_FLEET_KEYS, "");
    hx_fleet_str(cmd, &names->epoch);
    hx_fleet_str(cmd, &names->log);

    for (i = 0; i < HX_WRITESET_DBS; i++) {
        hx_fleet_str(cmd, &names->db[i]);
    }

    p = text.last;
    text.last += hx_epoch_text(base, p);
    hx_fleet_arg(cmd, p, (size_t) (text.last - p));

    p = text.last;
    hx_buf_add(&text, token, HX_EPOCH_TOKEN);
    hx_fleet_arg(cmd, p, HX_EPOCH_TOKEN);

    hx_fleet_number(cmd, &text, base->number + 1, "");
    hx_fleet_number(cmd, &text, keep, "");
    hx_fleet_str(cmd, &names->push);
    hx_fleet_str(cmd, writeset);

    (void) hx_writeset_open(&r, writeset);
    hx_fleet_writes(cmd, &r);

    return HX_OK;
}


hx_rc_t
hx_fleet_ask_epoch(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names)
{
    hx_buf_t  text;

    if (hx_fleet_cmd(cmd, 2, &text) != HX_OK) {
        return HX_FAIL;
    }

    hx_fleet_word(cmd, "GET");
    hx_fleet_str(cmd, &names->epoch);

    return HX_OK;
}


hx_rc_t
hx_fleet_ask_count(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    unsigned db)
{
    hx_buf_t  text;

    if (db >= HX_WRITESET_DBS || hx_fleet_cmd(cmd, 2, &text) != HX_OK) {
        return HX_FAIL;
    }

    hx_fleet_word(cmd, "HLEN");
    hx_fleet_str(cmd, &names->db[db]);

    return HX_OK;
}


hx_rc_t
hx_fleet_ask_log(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    uint64_t number, unsigned count)
{
    hx_buf_t  text;

    if (hx_fleet_cmd(cmd, 6, &text) != HX_OK) {
        return HX_FAIL;
    }

    hx_fleet_word(cmd, "XRANGE");
    hx_fleet_str(cmd, &names->log);
    hx_fleet_number(cmd, &text, number, "-1");
    hx_fleet_word(cmd, "+");
    hx_fleet_word(cmd, "COUNT");
    hx_fleet_number(cmd, &text, count, "");

    return HX_OK;
}


void
hx_fleet_cursor(hx_fleet_cursor_t *cursor)
{
    cursor->len = 1;
    cursor->text[0] = '0';
}


hx_rc_t
hx_fleet_ask_page(hx_fleet_cmd_t *cmd, const hx_fleet_names_t *names,
    unsigned db, const hx_fleet_cursor_t *cursor, unsigned count)
{
    hx_buf_t        text;
    unsigned char  *p;

    if (hx_fleet_cmd(cmd, 5, &text) != HX_OK) {
        return HX_FAIL;
    }

    p = text.last;
    hx_buf_add(&text, cursor->text, cursor->len);

    hx_fleet_word(cmd, "HSCAN");
    hx_fleet_str(cmd, &names->db[db]);
    hx_fleet_arg(cmd, p, cursor->len);
    hx_fleet_word(cmd, "COUNT");
    hx_fleet_number(cmd, &text, count, "");

    return HX_OK;
}
