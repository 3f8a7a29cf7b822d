/*
 * hx_api_cores.c -- the "cores" of put_cores, the "items" of its batch.
 *
 * Called by hx_api_body.c with the scanner's events.  The values of all cores
 * are decoded one after the other into the body's value buffer, which is then
 * the train as it is stored.  A core is checked as soon as it is complete, and
 * an error says which one, and of which item, it was.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_body.h"
#include "hx_text.h"

#define HX_CORES_FIRST    64                /* entries of the first array */
#define HX_CORES_MAX      (HX_ITEMS_MAX * HX_TT_CORES_MAX)

#define HX_CORE_OTHER     0
#define HX_CORE_SHAPE     1
#define HX_CORE_DATA      2

static const char *const  hx_core_name[] = { "", "shape", "data_b64" };


static int
hx_core_fail(hx_body_t *b, const char *text)
{
    hx_reply_error(b->reply, HX_E_INVALID_REQUEST, "%s", text);

    return -1;
}


static int
hx_core_begin(hx_body_t *b)
{
    unsigned         cap;
    hx_body_core_t  *p;

    if (b->n_cores - b->first_core == HX_TT_CORES_MAX) {
        b->reply->core = -1;
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Field 'cores' has more than %L elements",
                       (uint64_t) HX_TT_CORES_MAX);
        return -1;
    }

    if (b->n_cores == b->cap_cores) {
        cap = b->cap_cores == 0 ? HX_CORES_FIRST : b->cap_cores * 2;
        p = realloc(b->core, cap * sizeof(hx_body_core_t));

        if (p == NULL || cap > 2 * HX_CORES_MAX) {
            free(p);
            b->core = p == NULL ? b->core : NULL;
            hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");
            return -1;
        }
        b->core = p;
        b->cap_cores = cap;
    }

    p = &b->core[b->n_cores];
    memset(p, 0, sizeof(*p));
    p->off = b->value_len;
    b->core_field = HX_CORE_OTHER;
    b->reply->core = (int) (b->n_cores - b->first_core);
    hx_base64_dec_init(&b->base64);

    return 0;
}


static int
hx_core_end(hx_body_t *b)
{
    uint64_t         left;
    hx_body_core_t  *c;

    c = &b->core[b->n_cores];
    c->len = b->value_len - c->off;

    if (!(c->seen & 1u << HX_CORE_SHAPE)) {
        return hx_core_fail(b, "Missing required field 'shape'");
    }

    if (!(c->seen & 1u << HX_CORE_DATA)) {
        return hx_core_fail(b, "Missing required field 'data_b64'");
    }

    if (c->ndim != 3 || c->shape[1] != 2 || c->shape[0] == 0
        || c->shape[2] == 0 || c->shape[0] > HX_TT_RANK_MAX
        || c->shape[2] > HX_TT_RANK_MAX)
    {
        return hx_core_fail(b, "Field 'shape' must be [r, 2, s] with ranks "
                               "from 1 to 65535");
    }

    left = b->n_cores == b->first_core ? 1 : c[-1].shape[2];

    if (c->shape[0] != left) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Field 'shape' must begin with rank %L, not %L", left,
                       c->shape[0]);
        return -1;
    }

    if (c->len != c->shape[0] * 2 * c->shape[2] * sizeof(double)) {
        return hx_core_fail(b, "Length does not match 'shape' in 'data_b64'");
    }

    b->n_cores++;
    b->reply->core = -1;

    return 0;
}


static int
hx_core_member(hx_body_t *b, const unsigned char *s, size_t len)
{
    int              i;
    hx_body_core_t  *c;

    c = &b->core[b->n_cores];
    b->core_field = HX_CORE_OTHER;

    for (i = HX_CORE_SHAPE; i <= HX_CORE_DATA; i++) {
        if (len == strlen(hx_core_name[i])
            && memcmp(s, hx_core_name[i], len) == 0)
        {
            b->core_field = i;
        }
    }

    if (b->core_field == HX_CORE_OTHER) {
        return 0;
    }

    if (c->seen & 1u << b->core_field) {
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST, "Duplicate field '%s'",
                       hx_core_name[b->core_field]);
        return -1;
    }

    c->seen |= 1u << b->core_field;

    return 0;
}


static int
hx_core_shape(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_body_core_t  *c;

    c = &b->core[b->n_cores];

    if (depth == 3 && (ev == HX_JSON_ARRAY_START || ev == HX_JSON_ARRAY_END)) {
        return 0;
    }

    if (depth != 4 || ev != HX_JSON_NUMBER || c->ndim == 3
        || hx_text_parse_u64(s, len, INT64_MAX, &c->shape[c->ndim]) != HX_OK)
    {
        return hx_core_fail(b, "Field 'shape' must be an array of three whole "
                               "numbers");
    }

    c->ndim++;

    return 0;
}


static int
hx_core_data(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len)
{
    switch (ev) {

    case HX_JSON_LONG_START:
        return 0;

    case HX_JSON_STRING:
    case HX_JSON_LONG_DATA:
        if (hx_value_data(b, s, len) != 0) {
            return -1;
        }
        return ev == HX_JSON_STRING ? hx_value_end(b) : 0;

    case HX_JSON_LONG_END:
        return hx_value_end(b);

    default:
        return hx_core_fail(b, "Field 'data_b64' must be a string");
    }
}


int
hx_cores_event(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    switch (depth) {

    case 1:                                     /* the array */
        if (ev != HX_JSON_ARRAY_START && ev != HX_JSON_ARRAY_END) {
            return hx_body_wrong_type(b);
        }
        b->seen |= hx_field_bit(HX_F_CORES);
        return 0;

    case 2:                                     /* an element */
        if (ev == HX_JSON_MAP_START) {
            return hx_core_begin(b);
        }
        return ev == HX_JSON_MAP_END ? hx_core_end(b) : hx_body_wrong_type(b);

    case 3:
        if (ev == HX_JSON_KEY) {
            return hx_core_member(b, s, len);
        }
        break;

    default:
        break;
    }

    switch (b->core_field) {

    case HX_CORE_SHAPE:
        return hx_core_shape(b, ev, s, len, depth);

    case HX_CORE_DATA:
        return hx_core_data(b, ev, s, len);

    default:
        return 0;
    }
}


static int
hx_items_no_memory(hx_body_t *b)
{
    hx_reply_error(b->reply, HX_E_UNAVAILABLE, "Out of memory");

    return -1;
}


/* One string member into the item's memory. */
static hx_str_t
hx_item_string(const void *data, size_t len, unsigned char **mem)
{
    hx_str_t  s;

    s.data = *mem;
    s.len = len;

    if (len != 0) {
        memcpy(*mem, data, len);
        *mem += len;
    }

    return s;
}


int
hx_items_keep(hx_body_t *b)
{
    size_t           n, meta;
    hx_body_item_t  *it;
    unsigned char   *mem;

    if (b->item == NULL) {
        n = b->base == 0 ? 1 : HX_ITEMS_MAX;
        b->item = calloc(n, sizeof(hx_body_item_t));

        if (b->item == NULL) {
            return hx_items_no_memory(b);
        }
    }

    meta = hx_body_has(b, HX_F_METADATA) ? hx_buf_len(&b->meta) : 0;
    n = b->string[HX_F_KEY].len + b->string[HX_F_DOMAIN].len
        + b->string[HX_F_DTYPE].len + meta;

    if (hx_budget_take(b->budget, n) != HX_OK) {
        hx_reply_no_budget(b->reply);
        return -1;
    }

    b->items_taken += n;
    mem = malloc(n + 1);

    if (mem == NULL) {
        return hx_items_no_memory(b);
    }

    it = &b->item[b->n_items++];
    it->mem = mem;
    it->seen = b->seen;
    it->key = hx_item_string(b->string[HX_F_KEY].text,
                             b->string[HX_F_KEY].len, &mem);
    it->domain = hx_item_string(b->string[HX_F_DOMAIN].text,
                                b->string[HX_F_DOMAIN].len, &mem);
    it->dtype = hx_item_string(b->string[HX_F_DTYPE].text,
                               b->string[HX_F_DTYPE].len, &mem);
    it->metadata = hx_item_string(b->meta.start, meta, &mem);
    it->expected = hx_body_number(b, HX_F_EXPECTED);
    it->length = hx_body_number(b, HX_F_LENGTH);
    it->hint = b->hint;
    it->first_core = b->first_core;
    it->n_cores = b->n_cores - b->first_core;

    return 0;
}


/* Ready for the members of one more object. */
static int
hx_items_begin(hx_body_t *b)
{
    if (b->n_items == HX_ITEMS_MAX) {
        b->reply->item = -1;
        hx_reply_error(b->reply, HX_E_INVALID_REQUEST,
                       "Field 'items' has more than %L elements",
                       (uint64_t) HX_ITEMS_MAX);
        return -1;
    }

    b->seen = b->top_seen;
    b->n_members = 0;
    b->field = HX_F_UNKNOWN;
    b->string[HX_F_KEY].len = 0;
    b->string[HX_F_DOMAIN].len = 0;
    b->string[HX_F_DTYPE].len = 0;
    memset(&b->hint, 0, sizeof(b->hint));
    hx_buf_init(&b->meta, b->meta_mem, b->meta_mem != NULL ? HX_METADATA_MAX
                                                           : 0);
    b->first_core = b->n_cores;
    b->reply->item = (int) b->n_items;

    return 0;
}


static void
hx_items_swap(hx_body_t *b, int into)
{
    if (into) {
        b->top_seen = b->seen | hx_field_bit(HX_F_ITEMS);
        b->top_allowed = b->allowed;
        b->top_members = b->n_members;
        memcpy(b->top_member, b->member, sizeof(b->member));
        b->allowed = HX_ITEM_FIELDS;
        b->base = 2;
        return;
    }

    b->seen = b->top_seen;
    b->allowed = b->top_allowed;
    b->n_members = b->top_members;
    memcpy(b->member, b->top_member, sizeof(b->member));
    b->base = 0;
    b->field = HX_F_ITEMS;
    b->reply->item = -1;
}


int
hx_items_event(hx_body_t *b, hx_json_event_t ev, unsigned depth)
{
    if (depth == 1 && b->base == 0) {
        if (ev != HX_JSON_ARRAY_START) {
            return hx_body_wrong_type(b);
        }
        hx_items_swap(b, 1);
        return 0;
    }

    if (depth == 1) {                           /* ARRAY_END */
        hx_items_swap(b, 0);
        return 0;
    }

    if (ev == HX_JSON_MAP_START) {
        return hx_items_begin(b);
    }

    if (ev == HX_JSON_MAP_END) {
        return hx_items_keep(b);
    }

    b->field = HX_F_ITEMS;

    return hx_body_wrong_type(b);
}


void
hx_items_free(hx_body_t *b)
{
    unsigned  i;

    for (i = 0; i < b->n_items; i++) {
        free(b->item[i].mem);
    }

    free(b->item);
    free(b->core);
    hx_budget_give(b->budget, b->items_taken);
}
