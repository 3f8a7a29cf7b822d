/*
 * hx_fleet_usage.c -- commands and answers; see the header.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_fleet_usage.h"
#include "hx_text.h"


#define HX_FLEET_USAGE_PAGE     257     /* rows to look at: the last push of
                                         * so many is left to the next page */
#define HX_FLEET_USAGE_NUMBER   20      /* digits */

_Static_assert(HX_FLEET_USAGE_PAGE > HX_FLEET_USAGE_ROWS, "one push fits");


hx_rc_t
hx_fleet_usage_names(hx_fleet_usage_names_t *names, const hx_str_t *prefix)
{
    size_t             i;
    hx_buf_t           b;
    hx_fleet_names_t   registry;

    static const hx_str_t  epoch = hx_string("epoch");
    static const char *const  words[HX_FLEET_USAGE_KEYS] = {
        "usage", "usage-order", "usage-heads"
    };

    if (hx_fleet_names(&registry, prefix) != HX_OK) {
        return HX_NO;
    }

    hx_buf_init(&b, names->text, sizeof(names->text));

    for (i = 0; i < HX_FLEET_USAGE_KEYS; i++) {
        names->key[i].data = b.last;
        hx_buf_add(&b, registry.epoch.data, registry.epoch.len - epoch.len);
        hx_buf_add(&b, words[i], strlen(words[i]));
        names->key[i].len = (size_t) (b.last - names->key[i].data);
    }

    return hx_buf_ok(&b) ? HX_OK : HX_NO;
}


static void
hx_fleet_usage_arg(hx_fleet_cmd_t *cmd, const void *data, size_t len)
{
    cmd->argv[cmd->argc] = data;
    cmd->argvlen[cmd->argc++] = len;
}


/* Memory for the keys, n arguments, and "bytes" of texts made here. */

static hx_rc_t
hx_fleet_usage_cmd(hx_fleet_cmd_t *cmd, const hx_fleet_usage_names_t *names,
    size_t n, size_t bytes, hx_buf_t *text)
{
    size_t          i;
    unsigned char  *p;

    memset(cmd, 0, sizeof(hx_fleet_cmd_t));

    n += HX_FLEET_USAGE_KEYS;
    cmd->memory = malloc(n * (sizeof(char *) + sizeof(size_t)) + bytes);
    if (cmd->memory == NULL) {
        return HX_FAIL;
    }

    p = cmd->memory;
    cmd->argv = (const char **) p;
    cmd->argvlen = (size_t *) (p + n * sizeof(char *));
    hx_buf_init(text, p + n * (sizeof(char *) + sizeof(size_t)), bytes);

    for (i = 0; i < HX_FLEET_USAGE_KEYS; i++) {
        hx_fleet_usage_arg(cmd, names->key[i].data, names->key[i].len);
    }

    return HX_OK;
}


/* What was appended since "from" is an argument. */

static void
hx_fleet_usage_made(hx_fleet_cmd_t *cmd, const hx_buf_t *text,
    const unsigned char *from)
{
    hx_fleet_usage_arg(cmd, from, (size_t) (text->last - from));
}


static void
hx_fleet_usage_number(hx_fleet_cmd_t *cmd, hx_buf_t *text, uint64_t v)
{
    unsigned char  *from = text->last;

    hx_text_u64(text, v);
    hx_fleet_usage_made(cmd, text, from);
}


static void
hx_fleet_usage_epoch(hx_fleet_cmd_t *cmd, hx_buf_t *text, const hx_epoch_t *e)
{
    unsigned char  *from = text->last;

    hx_text_u64(text, e->number);
    hx_buf_byte(text, '-');
    hx_buf_add(text, e->token, HX_EPOCH_TOKEN);
    hx_fleet_usage_made(cmd, text, from);
}


static int
hx_fleet_usage_place(const hx_epoch_t *e)
{
    return e->number <= HX_EPOCH_LAST && hx_epoch_valid(e);
}


static int
hx_fleet_usage_fits(const hx_usage_raw_t *row, size_t n)
{
    size_t  i, bytes;

    if (n == 0 || n > HX_FLEET_USAGE_ROWS) {
        return 0;
    }

    for (i = 0, bytes = 0; i < n; i++) {
        if (row[i].tenths > HX_USAGE_SEND_MAX) {
            return 0;
        }

        bytes += row[i].key.len + row[i].value.len;
    }

    return n == 1 || bytes <= HX_FLEET_USAGE_BYTES;
}


hx_rc_t
hx_fleet_usage_push(hx_fleet_cmd_t *cmd, const hx_fleet_usage_names_t *names,
    const hx_epoch_t *pushed, const unsigned char token[HX_EPOCH_TOKEN],
    unsigned cutoff, const hx_usage_raw_t *row, size_t n)
{
    size_t          i;
    hx_buf_t        text;
    hx_epoch_t      own;
    unsigned char  *from;

    own.number = 0;
    memcpy(own.token, token, HX_EPOCH_TOKEN);
    memset(cmd, 0, sizeof(hx_fleet_cmd_t));

    if (!hx_fleet_usage_fits(row, n) || !hx_month_valid(cutoff)
        || !hx_fleet_usage_place(pushed) || !hx_fleet_usage_place(&own)
        || hx_fleet_usage_cmd(cmd, names, 3 + 3 * n,
                              HX_EPOCH_TOKEN + HX_EPOCH_MAX
                              + (n + 1) * HX_FLEET_USAGE_NUMBER, &text)
           != HX_OK)
    {
        return HX_FAIL;
    }

    from = text.last;
    hx_buf_add(&text, token, HX_EPOCH_TOKEN);
    hx_fleet_usage_made(cmd, &text, from);
    hx_fleet_usage_number(cmd, &text, cutoff);
    hx_fleet_usage_epoch(cmd, &text, pushed);

    for (i = 0; i < n; i++) {
        hx_fleet_usage_arg(cmd, row[i].key.data, row[i].key.len);
        hx_fleet_usage_number(cmd, &text, row[i].tenths);
        hx_fleet_usage_arg(cmd, row[i].value.data, row[i].value.len);
    }

    return HX_OK;
}


hx_rc_t
hx_fleet_usage_pull(hx_fleet_cmd_t *cmd, const hx_fleet_usage_names_t *names,
    const hx_epoch_t *cursor, const hx_epoch_t *pushed)
{
    hx_buf_t  text;

    memset(cmd, 0, sizeof(hx_fleet_cmd_t));

    if (!hx_fleet_usage_place(cursor) || !hx_fleet_usage_place(pushed)
        || hx_fleet_usage_cmd(cmd, names, 4,
                              2 * (HX_EPOCH_MAX + HX_FLEET_USAGE_NUMBER),
                              &text)
           != HX_OK)
    {
        return HX_FAIL;
    }

    hx_fleet_usage_epoch(cmd, &text, cursor);
    hx_fleet_usage_epoch(cmd, &text, pushed);
    hx_fleet_usage_number(cmd, &text, HX_FLEET_USAGE_PAGE);
    hx_fleet_usage_number(cmd, &text, HX_FLEET_USAGE_BYTES);

    return HX_OK;
}


/* What it says, in printable characters, or that it is no such answer. */

static hx_rc_t
hx_fleet_usage_wrong(const hx_reply_t *reply, const char *what, char *err)
{
    char    *p;
    size_t   n;

    if (reply->type != HX_REPLY_ERROR) {
        (void) snprintf(err, HX_FLEET_ERR, "Redis' answer to a %s of usage is "
                        "not what it should be", what);
        return HX_FAIL;
    }

    n = reply->text.len < 160 ? reply->text.len : 160;
    (void) snprintf(err, HX_FLEET_ERR, "Redis' answer to a %s of usage: %.*s",
                    what, (int) n, (const char *) reply->text.data);

    for (p = err; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    return HX_FAIL;
}


/* An integer of 0 to max. */

static int
hx_fleet_usage_integer(const hx_reply_t *reply, size_t max, size_t *v)
{
    if (reply->type != HX_REPLY_INTEGER || reply->integer < 0
        || (uint64_t) reply->integer > max)
    {
        return 0;
    }

    *v = (size_t) reply->integer;

    return 1;
}


static int
hx_fleet_usage_is_epoch(const hx_reply_t *reply, hx_epoch_t *e)
{
    hx_epoch_t  zero;

    hx_epoch_zero(&zero);

    return reply->type == HX_REPLY_STRING
           && hx_epoch_parse(e, &reply->text) == HX_OK
           && (e->number != 0 || hx_epoch_same(e, &zero));
}


hx_rc_t
hx_fleet_usage_pushed(const hx_reply_t *reply,
    const unsigned char token[HX_EPOCH_TOKEN], size_t n,
    hx_fleet_usage_pushed_t *pushed, char *err)
{
    size_t             state;
    const hx_reply_t  *e = reply->element;

    memset(pushed, 0, sizeof(hx_fleet_usage_pushed_t));
    hx_epoch_zero(&pushed->head);

    if (reply->type != HX_REPLY_ARRAY || reply->n == 0
        || !hx_fleet_usage_integer(&e[0], HX_FLEET_USAGE_OTHER, &state))
    {
        return hx_fleet_usage_wrong(reply, "push", err);
    }

    pushed->state = (hx_fleet_usage_state_t) state;

    if (state == HX_FLEET_USAGE_OTHER && reply->n == 1) {
        return HX_OK;
    }

    if (state != HX_FLEET_USAGE_SAME || reply->n != 4
        || !hx_fleet_usage_is_epoch(&e[1], &pushed->head)
        || !hx_fleet_usage_integer(&e[2], n, &pushed->stored)
        || !hx_fleet_usage_integer(&e[3], n, &pushed->skipped)
        || pushed->stored + pushed->skipped != n)
    {
        return hx_fleet_usage_wrong(reply, "push", err);
    }

    /* what was stored has the number of the head, and this token */

    if (pushed->stored != 0
        && (pushed->head.number == 0
            || memcmp(pushed->head.token, token, HX_EPOCH_TOKEN) != 0))
    {
        return hx_fleet_usage_wrong(reply, "push", err);
    }

    return HX_OK;
}


/* "<total> <value>": 1, or 0. */

static int
hx_fleet_usage_field(const hx_str_t *field, hx_usage_raw_t *row)
{
    const unsigned char  *blank;

    blank = field->len != 0 ? memchr(field->data, ' ', field->len) : NULL;

    if (blank == NULL
        || hx_text_parse_u64(field->data, (size_t) (blank - field->data),
                             HX_USAGE_SEND_MAX, &row->tenths) != HX_OK)
    {
        return 0;
    }

    row->value.data = blank + 1;
    row->value.len = field->len - (size_t) (blank + 1 - field->data);

    return 1;
}


static hx_rc_t
hx_fleet_usage_rows(const hx_reply_t *list, hx_fleet_usage_page_t *page)
{
    size_t             i;
    hx_usage_raw_t    *row;
    const hx_reply_t  *pair;

    for (i = 0; i < list->n; i++) {
        if (list->element[i].type != HX_REPLY_STRING) {
            return HX_NO;
        }
    }

    if (list->n == 0) {
        return HX_OK;
    }

    page->row = calloc(list->n / 2, sizeof(hx_usage_raw_t));
    if (page->row == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < list->n; i += 2) {
        pair = &list->element[i];
        row = &page->row[page->n];
        row->key = pair[0].text;

        if (hx_fleet_usage_field(&pair[1].text, row)) {
            page->n++;

        } else {
            page->damaged++;
        }
    }

    return HX_OK;
}


/* Does one follow from the other? */

static int
hx_fleet_usage_order(const hx_epoch_t *before, const hx_epoch_t *after,
    const hx_epoch_t *head)
{
    return after->number > before->number
           && (after->number < head->number || hx_epoch_same(after, head));
}


hx_rc_t
hx_fleet_usage_pulled(const hx_reply_t *reply, const hx_epoch_t *cursor,
    hx_fleet_usage_page_t *page, char *err)
{
    size_t             state;
    hx_rc_t            rc;
    const hx_reply_t  *e = reply->element;

    memset(page, 0, sizeof(hx_fleet_usage_page_t));
    page->head = *cursor;
    page->cursor = *cursor;

    if (reply->type != HX_REPLY_ARRAY || reply->n == 0
        || !hx_fleet_usage_integer(&e[0], HX_FLEET_USAGE_OTHER, &state))
    {
        return hx_fleet_usage_wrong(reply, "pull", err);
    }

    page->state = (hx_fleet_usage_state_t) state;

    if (state == HX_FLEET_USAGE_OTHER) {
        return reply->n == 1 ? HX_OK
                             : hx_fleet_usage_wrong(reply, "pull", err);
    }

    if (reply->n < 3 || !hx_fleet_usage_is_epoch(&e[1], &page->head)
        || !hx_fleet_usage_is_epoch(&e[2], &page->cursor))
    {
        return hx_fleet_usage_wrong(reply, "pull", err);
    }

    if (state == HX_FLEET_USAGE_SAME) {
        return reply->n == 3 && hx_epoch_same(&page->cursor, cursor)
               && hx_epoch_same(&page->head, cursor)
               ? HX_OK : hx_fleet_usage_wrong(reply, "pull", err);
    }

    if (reply->n != 4 || e[3].type != HX_REPLY_ARRAY || e[3].n % 2 != 0
        || !hx_fleet_usage_order(cursor, &page->cursor, &page->head))
    {
        return hx_fleet_usage_wrong(reply, "pull", err);
    }

    rc = hx_fleet_usage_rows(&e[3], page);

    if (rc == HX_FAIL) {
        (void) snprintf(err, HX_FLEET_ERR, "no memory for rows of usage");
        return HX_FAIL;
    }

    return rc == HX_OK ? HX_OK : hx_fleet_usage_wrong(reply, "pull", err);
}
