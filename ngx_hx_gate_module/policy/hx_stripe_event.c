/*
 * hx_stripe_event.c -- see the header.  The place of a value is spelled as the
 * names on the way to it, with a byte between them that no name has.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_check.h"
#include "hx_json_scan.h"
#include "hx_stripe_event.h"
#include "hx_text.h"


#define HX_STRIPE_DEPTH     12          /* of what is looked at */
#define HX_STRIPE_PATH      128         /* bytes */
#define HX_STRIPE_NOWHERE   (HX_STRIPE_PATH + 1)
#define HX_STRIPE_CREATED   UINT64_C(253402300799)      /* the year 9999 */

#define S   "\x1f"                      /* between names */
#define A   S "[]"                      /* an element */

#define V(name)   HX_STRIPE_IS_##name
#define V_COUNT   HX_STRIPE_IS_price    /* of which there may be several */

typedef struct {
    hx_str_t            path;
    unsigned            value;
    unsigned            number:1;
} hx_stripe_place_t;

#define OBJECT   S "data" S "object" S

static const hx_stripe_place_t  hx_stripe_places[] = {
    { hx_string(S "id"), V(id), 0 },
    { hx_string(S "type"), V(type), 0 },
    { hx_string(S "created"), V(created), 1 },
    { hx_string(OBJECT "client_reference_id"), V(reference), 0 },
    { hx_string(OBJECT "metadata" S "tenant_id"), V(tenant), 0 },
    { hx_string(OBJECT "metadata" S "plan"), V(plan), 0 },
    { hx_string(OBJECT "customer"), V(customer), 0 },
    { hx_string(OBJECT "status"), V(status), 0 },
    { hx_string(OBJECT "items" S "data" A S "price" S "id"), V(price), 0 },
    { hx_string(OBJECT "id"), V(object), 0 },
    { hx_string(OBJECT "created"), V(started), 1 },
    { hx_string(OBJECT "subscription"), V(subscription), 0 },
    { hx_string(OBJECT "payment_status"), V(payment), 0 },
    { hx_string(OBJECT "mode"), V(mode), 0 }
};

static const hx_str_t  hx_stripe_types[HX_STRIPE_TYPE_COUNT] = {
    hx_string("other"),
#define X(type, name)  hx_string(name),
    HX_STRIPE_TYPES(X)
#undef X
};


struct hx_stripe_reader_s {
    hx_json_scan_t  *scan;
    unsigned         bad:1;

    /* where it is: path of the container at each depth, and of the value */
    size_t           base[HX_STRIPE_DEPTH + 1];
    unsigned char    array[HX_STRIPE_DEPTH + 1];
    size_t           path_len;          /* HX_STRIPE_NOWHERE: not looked at */
    unsigned char    path[HX_STRIPE_PATH];

    unsigned         seen;              /* bits of values */
    unsigned         odd;
    size_t           len[V_COUNT];
    unsigned char    text[V_COUNT][HX_STRIPE_TEXT_MAX];

    unsigned         n_prices;
    size_t           price_len[HX_STRIPE_PRICES];
    unsigned char    price[HX_STRIPE_PRICES][HX_STRIPE_TEXT_MAX];
};


static void
hx_stripe_append(hx_stripe_reader_t *r, const void *p, size_t len)
{
    if (r->path_len + len > HX_STRIPE_PATH) {
        r->path_len = HX_STRIPE_NOWHERE;
        return;
    }

    memcpy(r->path + r->path_len, p, len);
    r->path_len += len;
}


static void
hx_stripe_key(hx_stripe_reader_t *r, const unsigned char *s, size_t len,
    unsigned depth)
{
    if (depth > HX_STRIPE_DEPTH || memchr(s, S[0], len) != NULL) {
        r->path_len = HX_STRIPE_NOWHERE;
        return;
    }

    r->path_len = r->base[depth];
    hx_stripe_append(r, S, 1);
    hx_stripe_append(r, s, len);
}


/* A value begins: an element of an array has no name of its own. */

static void
hx_stripe_element(hx_stripe_reader_t *r, unsigned depth)
{
    if (depth > HX_STRIPE_DEPTH) {
        r->path_len = HX_STRIPE_NOWHERE;

    } else if (depth == 0) {
        r->path_len = 0;

    } else if (r->array[depth]) {
        r->path_len = r->base[depth];
        hx_stripe_append(r, A, sizeof(A) - 1);
    }
}


static void
hx_stripe_open(hx_stripe_reader_t *r, unsigned depth, int array)
{
    hx_stripe_element(r, depth);

    if (depth < HX_STRIPE_DEPTH) {
        r->base[depth + 1] = r->path_len;
        r->array[depth + 1] = (unsigned char) array;
    }
}


static const hx_stripe_place_t *
hx_stripe_place(const hx_stripe_reader_t *r)
{
    size_t                    i;
    const hx_stripe_place_t  *p;

    for (i = 0; i < hx_nelts(hx_stripe_places); i++) {
        p = &hx_stripe_places[i];

        if (p->path.len == r->path_len
            && memcmp(p->path.data, r->path, r->path_len) == 0)
        {
            return p;
        }
    }

    return NULL;
}


static void
hx_stripe_price(hx_stripe_reader_t *r, const unsigned char *s, size_t len)
{
    if (r->n_prices < HX_STRIPE_PRICES) {
        memcpy(r->price[r->n_prices], s, len);
        r->price_len[r->n_prices++] = len;
    }
}


static void
hx_stripe_keep(hx_stripe_reader_t *r, hx_json_event_t ev,
    const unsigned char *s, size_t len)
{
    unsigned                  bit;
    const hx_stripe_place_t  *p;

    p = hx_stripe_place(r);

    if (p == NULL) {
        return;
    }

    bit = 1u << p->value;

    if ((r->seen & bit) && p->value != V(price)) {
        r->odd |= bit;
        return;
    }

    r->seen |= bit;

    if (ev == HX_JSON_NULL) {
        return;
    }

    if (ev != (p->number ? HX_JSON_NUMBER : HX_JSON_STRING)
        || !hx_check_printable(s, len, 1, HX_STRIPE_TEXT_MAX))
    {
        r->odd |= bit;
        return;
    }

    if (p->value == V(price)) {
        hx_stripe_price(r, s, len);
        return;
    }

    memcpy(r->text[p->value], s, len);
    r->len[p->value] = len;
}


/* A container, or a long text, where a value is to be. */

static void
hx_stripe_misplaced(hx_stripe_reader_t *r)
{
    const hx_stripe_place_t  *p;

    p = hx_stripe_place(r);

    if (p != NULL) {
        r->odd |= 1u << p->value;
    }
}


static hx_json_verdict_t
hx_stripe_json(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_stripe_reader_t  *r = data;

    switch (ev) {

    case HX_JSON_KEY:
        hx_stripe_key(r, s, len, depth);
        return HX_JSON_GO;

    case HX_JSON_MAP_START:
    case HX_JSON_ARRAY_START:
        hx_stripe_open(r, depth, ev == HX_JSON_ARRAY_START);

        if (depth == 0 && ev == HX_JSON_ARRAY_START) {
            break;
        }

        hx_stripe_misplaced(r);
        return HX_JSON_GO;

    case HX_JSON_MAP_END:
    case HX_JSON_ARRAY_END:
    case HX_JSON_LONG_DATA:
    case HX_JSON_LONG_END:
        return HX_JSON_GO;

    case HX_JSON_LONG_START:
        hx_stripe_element(r, depth);

        if (depth == 0) {
            break;
        }

        hx_stripe_misplaced(r);
        return HX_JSON_SKIP;

    default:
        hx_stripe_element(r, depth);

        if (depth == 0) {
            break;
        }

        hx_stripe_keep(r, ev, s, len);
        return HX_JSON_GO;
    }

    r->bad = 1;

    return HX_JSON_STOP;
}


hx_stripe_reader_t *
hx_stripe_reader_create(void)
{
    hx_stripe_reader_t  *r;

    r = calloc(1, sizeof(hx_stripe_reader_t));
    if (r == NULL) {
        return NULL;
    }

    r->scan = hx_json_scan_create(hx_stripe_json, r);

    if (r->scan == NULL) {
        free(r);
        return NULL;
    }

    return r;
}


void
hx_stripe_reader_free(hx_stripe_reader_t *r)
{
    if (r != NULL) {
        hx_json_scan_free(r->scan);
        free(r);
    }
}


static hx_rc_t
hx_stripe_rc(hx_json_err_t err)
{
    return err == HX_JSON_OK ? HX_OK
           : err == HX_JSON_E_NOMEM ? HX_FAIL : HX_NO;
}


hx_rc_t
hx_stripe_reader_feed(hx_stripe_reader_t *r, const unsigned char *p,
    size_t len)
{
    return hx_stripe_rc(hx_json_scan_feed(r->scan, p, len));
}


static hx_str_t
hx_stripe_value(const hx_stripe_reader_t *r, unsigned v)
{
    hx_str_t  s;

    s.len = r->odd >> v & 1 ? 0 : r->len[v];
    s.data = s.len != 0 ? r->text[v] : NULL;

    return s;
}


/* A number of seconds: 1, or 0 and it is odd where it is there. */

static int
hx_stripe_seconds(hx_stripe_event_t *e, const hx_str_t *s, unsigned v,
    uint64_t *n)
{
    if (hx_text_parse_u64(s->data, s->len, HX_STRIPE_CREATED, n) == HX_OK) {
        return 1;
    }

    *n = 0;

    if (s->len != 0) {
        e->odd |= 1u << v;
    }

    return 0;
}


hx_rc_t
hx_stripe_reader_finish(hx_stripe_reader_t *r, hx_stripe_event_t *e)
{
    hx_rc_t          rc;
    unsigned         i;
    const hx_str_t  *type;

    memset(e, 0, sizeof(hx_stripe_event_t));

    rc = hx_stripe_rc(hx_json_scan_finish(r->scan));

    if (rc != HX_OK) {
        return rc;
    }

#define X(name)  e->name = hx_stripe_value(r, V(name));
    HX_STRIPE_VALUES(X)
#undef X

    for (i = 0; i < r->n_prices; i++) {
        e->prices[i].data = r->price[i];
        e->prices[i].len = r->price_len[i];
    }

    e->n_prices = r->n_prices;

    type = hx_text_find(hx_stripe_types, HX_STRIPE_TYPE_COUNT, e->type.data,
                        e->type.len);

    e->kind = type != NULL ? (hx_stripe_type_t) (type - hx_stripe_types)
                           : HX_STRIPE_OTHER;

    e->odd = r->odd;

    if (r->bad || e->id.len == 0 || e->id.len > HX_STRIPE_NAME_MAX
        || e->type.len == 0 || e->type.len > HX_STRIPE_NAME_MAX
        || (!hx_stripe_seconds(e, &e->created, V(created), &e->at)
            && e->kind != HX_STRIPE_OTHER))
    {
        return HX_NO;
    }

    (void) hx_stripe_seconds(e, &e->started, V(started), &e->since);

    return HX_OK;
}


const char *
hx_stripe_type_name(hx_stripe_type_t kind)
{
    return (const char *) hx_stripe_types[kind].data;
}
