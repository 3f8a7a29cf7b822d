/*
 * ngx_hx_fleet_reply.c -- an answer of Redis lives as long as its callback; a
 * thread gets a copy, in one piece of memory: the tree first, texts behind it.
 */

#include "ngx_hx_fleet.h"


#define NGX_HX_REPLY_DEPTH   4          /* entries of a stream have that */


typedef struct {
    size_t       n;                     /* elements */
    size_t       text;                  /* bytes */
    hx_reply_t  *element;               /* next free ones */
    u_char      *p;
} ngx_hx_reply_room_t;


static ngx_int_t
ngx_hx_fleet_reply_count(ngx_hx_reply_room_t *room, const redisReply *reply,
    ngx_uint_t depth)
{
    size_t  i;

    switch (reply->type) {

    case REDIS_REPLY_ARRAY:
        if (depth == NGX_HX_REPLY_DEPTH) {
            return NGX_ERROR;
        }

        room->n += reply->elements;

        for (i = 0; i < reply->elements; i++) {
            if (ngx_hx_fleet_reply_count(room, reply->element[i], depth + 1)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        return NGX_OK;

    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        room->text += (size_t) reply->len;
        return NGX_OK;

    default:
        return NGX_OK;
    }
}


static void
ngx_hx_fleet_reply_fill(ngx_hx_reply_room_t *room, hx_reply_t *to,
    const redisReply *reply)
{
    size_t       i;
    hx_reply_t  *element;

    ngx_memzero(to, sizeof(hx_reply_t));

    switch (reply->type) {

    case REDIS_REPLY_ARRAY:
        element = room->element;
        room->element += reply->elements;

        to->type = HX_REPLY_ARRAY;
        to->n = reply->elements;
        to->element = element;

        for (i = 0; i < reply->elements; i++) {
            ngx_hx_fleet_reply_fill(room, &element[i], reply->element[i]);
        }

        return;

    case REDIS_REPLY_INTEGER:
        to->type = HX_REPLY_INTEGER;
        to->integer = reply->integer;
        return;

    case REDIS_REPLY_STRING:
        to->type = HX_REPLY_STRING;
        break;

    case REDIS_REPLY_STATUS:
        to->type = HX_REPLY_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        to->type = HX_REPLY_ERROR;
        break;

    default:
        to->type = HX_REPLY_NIL;
        return;
    }

    to->text.data = room->p;
    to->text.len = (size_t) reply->len;
    room->p = ngx_cpymem(room->p, reply->str, (size_t) reply->len);
}


hx_reply_t *
ngx_hx_fleet_reply(const redisReply *reply)
{
    hx_reply_t           *copy;
    ngx_hx_reply_room_t   room;

    ngx_memzero(&room, sizeof(ngx_hx_reply_room_t));
    room.n = 1;

    if (ngx_hx_fleet_reply_count(&room, reply, 0) != NGX_OK) {
        return NULL;
    }

    copy = malloc(room.n * sizeof(hx_reply_t) + room.text);
    if (copy == NULL) {
        return NULL;
    }

    room.element = copy + 1;
    room.p = (u_char *) (copy + room.n);

    ngx_hx_fleet_reply_fill(&room, copy, reply);

    return copy;
}


ngx_int_t
ngx_hx_fleet_argv(const hx_fleet_cmd_t *cmd, hx_str_t *argv, ngx_uint_t max)
{
    size_t  i;

    if (cmd->argc > max) {
        return NGX_ERROR;
    }

    for (i = 0; i < cmd->argc; i++) {
        argv[i].data = (const unsigned char *) cmd->argv[i];
        argv[i].len = cmd->argvlen[i];
    }

    return NGX_OK;
}
