/*
 * hx_fleet_reply.c -- answers of Redis to a registry; see hx_fleet_script.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_fleet_script.h"
#include "hx_text.h"


#define HX_FLEET_FIELDS   6             /* of an entry: t, p, w and theirs */


/* What it says, in printable characters, or that it is no such answer. */

static hx_rc_t
hx_fleet_wrong(const hx_reply_t *reply, const char *what, char *err)
{
    char      *p;
    size_t     n;

    if (reply->type != HX_REPLY_ERROR) {
        (void) snprintf(err, HX_FLEET_ERR, "Redis' answer to %s is not what "
                        "it should be", what);
        return HX_FAIL;
    }

    n = reply->text.len < 160 ? reply->text.len : 160;
    (void) snprintf(err, HX_FLEET_ERR, "Redis' answer to %s: %.*s", what,
                    (int) n, (const char *) reply->text.data);

    for (p = err; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    return HX_FAIL;
}


static int
hx_fleet_is_string(const hx_reply_t *reply)
{
    return reply->type == HX_REPLY_STRING;
}


hx_rc_t
hx_fleet_committed(const hx_reply_t *reply, const hx_epoch_t *base,
    const unsigned char token[HX_EPOCH_TOKEN], hx_fleet_commit_t *result,
    hx_epoch_t *epoch, char *err)
{
    hx_epoch_t         own;
    const hx_reply_t  *code, *text;

    if (reply->type == HX_REPLY_ERROR
        && hx_text_begins(&reply->text, "NOSCRIPT"))
    {
        *result = HX_FLEET_NOSCRIPT;
        return HX_OK;
    }

    if (reply->type != HX_REPLY_ARRAY || reply->n != 2) {
        return hx_fleet_wrong(reply, "a commit", err);
    }

    code = &reply->element[0];
    text = &reply->element[1];

    if (code->type != HX_REPLY_INTEGER || !hx_fleet_is_string(text)
        || hx_epoch_parse(epoch, &text->text) != HX_OK)
    {
        return hx_fleet_wrong(reply, "a commit", err);
    }

    own.number = base->number + 1;
    memcpy(own.token, token, HX_EPOCH_TOKEN);

    switch (code->integer) {

    case 0:
        *result = HX_FLEET_MOVED;

        return hx_epoch_same(epoch, base)
               ? hx_fleet_wrong(reply, "a commit", err) : HX_OK;

    case 1:
        *result = HX_FLEET_COMMITTED;
        break;

    case 2:
        *result = HX_FLEET_BEFORE;
        break;

    default:
        return hx_fleet_wrong(reply, "a commit", err);
    }

    return hx_epoch_same(epoch, &own)
           ? HX_OK : hx_fleet_wrong(reply, "a commit", err);
}


hx_rc_t
hx_fleet_count(const hx_reply_t *reply, uint64_t *n, char *err)
{
    if (reply->type != HX_REPLY_INTEGER || reply->integer < 0) {
        return hx_fleet_wrong(reply, "HLEN", err);
    }

    *n = (uint64_t) reply->integer;

    return HX_OK;
}


hx_rc_t
hx_fleet_epoch(const hx_reply_t *reply, hx_epoch_t *epoch, char *err)
{
    if (reply->type == HX_REPLY_NIL) {
        hx_epoch_zero(epoch);
        return HX_OK;
    }

    return hx_fleet_is_string(reply)
           && hx_epoch_parse(epoch, &reply->text) == HX_OK
           ? HX_OK : hx_fleet_wrong(reply, "GET of the epoch", err);
}


static hx_rc_t
hx_fleet_entry(const hx_reply_t *reply, hx_replica_entry_t *e)
{
    size_t             i, n;
    const hx_str_t    *id;
    const hx_reply_t  *f;

    static const char *const  names[] = { "t", "p", "w" };

    if (reply->type != HX_REPLY_ARRAY || reply->n != 2
        || !hx_fleet_is_string(&reply->element[0])
        || reply->element[1].type != HX_REPLY_ARRAY
        || reply->element[1].n != HX_FLEET_FIELDS)
    {
        return HX_NO;
    }

    f = reply->element[1].element;

    for (i = 0; i < HX_FLEET_FIELDS; i++) {
        if (!hx_fleet_is_string(&f[i])
            || (i % 2 == 0 && !hx_text_is(&f[i].text, names[i / 2])))
        {
            return HX_NO;
        }
    }

    id = &reply->element[0].text;
    n = id->len;

    if (n < 3 || memcmp(id->data + n - 2, "-1", 2) != 0
        || hx_text_parse_u64(id->data, n - 2, HX_EPOCH_LAST, &e->epoch.number)
           != HX_OK
        || f[1].text.len != HX_EPOCH_TOKEN
        || hx_epoch_parse(&e->base, &f[3].text) != HX_OK
        || e->epoch.number != e->base.number + 1)
    {
        return HX_NO;
    }

    memcpy(e->epoch.token, f[1].text.data, HX_EPOCH_TOKEN);
    e->writeset = f[5].text;

    return hx_epoch_valid(&e->epoch) ? HX_OK : HX_NO;
}


hx_rc_t
hx_fleet_log(const hx_reply_t *reply, hx_replica_entry_t **entry, size_t *n,
    char *err)
{
    size_t               i;
    hx_replica_entry_t  *e;

    *entry = NULL;
    *n = 0;

    if (reply->type != HX_REPLY_ARRAY) {
        return hx_fleet_wrong(reply, "XRANGE of the log", err);
    }

    if (reply->n == 0) {
        return HX_OK;
    }

    e = calloc(reply->n, sizeof(hx_replica_entry_t));
    if (e == NULL) {
        (void) snprintf(err, HX_FLEET_ERR, "no memory for the log");
        return HX_FAIL;
    }

    for (i = 0; i < reply->n; i++) {
        if (hx_fleet_entry(&reply->element[i], &e[i]) != HX_OK) {
            free(e);
            return hx_fleet_wrong(reply, "XRANGE of the log", err);
        }
    }

    *entry = e;
    *n = reply->n;

    return HX_OK;
}


static hx_rc_t
hx_fleet_pairs(const hx_reply_t *list, hx_replica_pair_t *pair)
{
    size_t             i;
    const hx_reply_t  *key, *value;

    for (i = 0; i < list->n / 2; i++) {
        key = &list->element[2 * i];
        value = &list->element[2 * i + 1];

        if (!hx_fleet_is_string(key) || !hx_fleet_is_string(value)
            || key->text.len == 0 || key->text.len > HX_WRITESET_KEY
            || value->text.len > HX_WRITESET_MAX)
        {
            return HX_NO;
        }

        pair[i].key = key->text;
        pair[i].value = value->text;
    }

    return HX_OK;
}


hx_rc_t
hx_fleet_page(const hx_reply_t *reply, hx_replica_pair_t **pair, size_t *n,
    hx_fleet_cursor_t *cursor, int *last, char *err)
{
    uint64_t            v;
    hx_replica_pair_t  *p;
    const hx_reply_t   *next, *list;

    *pair = NULL;
    *n = 0;

    if (reply->type != HX_REPLY_ARRAY || reply->n != 2) {
        return hx_fleet_wrong(reply, "HSCAN", err);
    }

    next = &reply->element[0];
    list = &reply->element[1];

    if (!hx_fleet_is_string(next) || next->text.len > HX_FLEET_CURSOR
        || hx_text_parse_u64(next->text.data, next->text.len, UINT64_MAX, &v)
           != HX_OK
        || list->type != HX_REPLY_ARRAY || list->n % 2 != 0)
    {
        return hx_fleet_wrong(reply, "HSCAN", err);
    }

    if (list->n != 0) {
        p = calloc(list->n / 2, sizeof(hx_replica_pair_t));
        if (p == NULL) {
            (void) snprintf(err, HX_FLEET_ERR, "no memory for a page");
            return HX_FAIL;
        }

        if (hx_fleet_pairs(list, p) != HX_OK) {
            free(p);
            return hx_fleet_wrong(reply, "HSCAN", err);
        }

        *pair = p;
        *n = list->n / 2;
    }

    cursor->len = next->text.len;
    memcpy(cursor->text, next->text.data, next->text.len);
    *last = v == 0;

    return HX_OK;
}


hx_rc_t
hx_fleet_push(const hx_str_t *message, hx_epoch_t *epoch)
{
    return hx_epoch_parse(epoch, message);
}
