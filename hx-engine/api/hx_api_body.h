/*
 * hx_api_body.h -- a request body, taken in as it arrives: JSON, or the payload
 * itself ("raw").
 *
 * Known top-level members land in typed slots; "data_b64" is decoded straight
 * into the value buffer; "metadata" is rewritten as compact JSON.  Unknown
 * members are checked and ignored.  What is wrong with a body is reported as a
 * finished error reply.  Memory: the scanner's bound, 64 KiB (twice for long
 * strings) if there is metadata, and the value, of which all but the first 64
 * KiB is taken from the budget before it is touched.
 */

#ifndef HX_API_BODY_H
#define HX_API_BODY_H

#include "hx_api_budget.h"
#include "hx_base64.h"
#include "hx_json_scan.h"
#include "hx_payload.h"
#include "hx_reply.h"

#define HX_BODY_MEMBERS    64       /* different top-level members */

typedef enum {
    HX_F_KEY = 0,
    HX_F_NAMESPACE,
    HX_F_DOMAIN,
    HX_F_DTYPE,
    HX_F_MODE,
    HX_F_FORMAT,
    HX_F_CURSOR,
    HX_F_QUERY_KEY,
    HX_F_KEY_A,
    HX_F_KEY_B,
    HX_F_METRIC,
    HX_F_STRINGS,                   /* those above are short strings */
    HX_F_VERSION = HX_F_STRINGS,
    HX_F_EXPECTED,
    HX_F_LIMIT,
    HX_F_LENGTH,
    HX_F_K,
    HX_F_NUMBERS,                   /* ... and whole numbers */
    HX_F_DATA = HX_F_NUMBERS,
    HX_F_METADATA,
    HX_F_FILTERS,                   /* uses the same memory: an operation
                                     * has one of the two */
    HX_F_SHAPE,
    HX_F_CORES,
    HX_F_ITEMS,
    HX_F_COUNT,
    HX_F_UNKNOWN = HX_F_COUNT
} hx_field_t;

#define hx_field_bit(f)    (1u << (f))
#define HX_FIELD_RAW       (1u << 31)   /* in the bits of an operation: the body
                                         * may be the payload itself */
#define HX_FIELD_MAX       256      /* bytes kept of a string member: one more
                                     * than any valid one has */

typedef enum {
    HX_RAW_NONE = 0,                /* JSON */
    HX_RAW_OCTETS,                  /* what "data_b64" would decode to */
    HX_RAW_NPY                      /* the same, and it must be a .npy */
} hx_raw_t;

#define HX_ITEMS_MAX       256      /* of one put_cores_batch [5] */

/* Members of an element of "items". */
#define HX_ITEM_FIELDS                                                        \
    (hx_field_bit(HX_F_KEY) | hx_field_bit(HX_F_CORES)                        \
     | hx_field_bit(HX_F_LENGTH) | hx_field_bit(HX_F_SHAPE)                   \
     | hx_field_bit(HX_F_DTYPE) | hx_field_bit(HX_F_METADATA)                 \
     | hx_field_bit(HX_F_DOMAIN) | hx_field_bit(HX_F_EXPECTED))

/* One element of "cores"; its values lie in the body's value. */
typedef struct {
    unsigned          ndim;
    uint64_t          shape[3];
    size_t            off;          /* bytes */
    size_t            len;
    unsigned          seen;         /* its members */
} hx_body_core_t;

/* What belongs to one key: an element of "items", or the body itself. */
typedef struct {
    unsigned          seen;         /* bits of members, as in hx_body_t */
    hx_str_t          key;
    hx_str_t          domain;
    hx_str_t          dtype;
    hx_str_t          metadata;
    uint64_t          expected;
    uint64_t          length;
    hx_array_t        hint;         /* "shape" */
    unsigned          first_core;
    unsigned          n_cores;
    unsigned char    *mem;          /* of the strings */
} hx_body_item_t;

typedef struct {
    hx_reply_t       *reply;
    hx_budget_t      *budget;
    uint64_t          max_upload;
    uint64_t          left;         /* bytes of body still allowed */
    int               stopped;      /* reply holds the error */
    unsigned          allowed;      /* bits of the operation's members */
    unsigned          seen;         /* bits of the members that had a value */
    hx_raw_t          raw;
    hx_json_scan_t   *scan;         /* NULL when raw */

    hx_field_t        field;        /* being read */
    unsigned          n_members;
    uint64_t          member[HX_BODY_MEMBERS];      /* hashes of the names */

    struct {
        size_t         len;
        unsigned char  text[HX_FIELD_MAX];
    }                 string[HX_F_STRINGS];
    uint64_t          number[HX_F_NUMBERS - HX_F_STRINGS];
    hx_array_t        hint;         /* "shape" (and "dtype", by put) */

    unsigned char    *value;        /* the payload */
    size_t            value_len;
    size_t            value_cap;
    int               value_mapped;
    uint64_t          taken;        /* from the budget */
    hx_base64_dec_t   base64;

    unsigned char    *meta_mem;     /* HX_METADATA_MAX bytes: "metadata", or
                                     * "filters" */
    hx_buf_t          meta;
    uint32_t          meta_more;    /* per level: not the first member */
    int               meta_after_key;
    unsigned char    *long_mem;     /* a long string inside metadata */
    size_t            long_len;

    hx_body_core_t   *core;         /* all, of all items */
    unsigned          n_cores;
    unsigned          cap_cores;
    unsigned          first_core;   /* of the item being read */
    int               core_field;   /* member of a core: enum of the file */

    hx_body_item_t   *item;         /* HX_ITEMS_MAX, or one for put_cores */
    unsigned          n_items;
    unsigned          base;         /* depth of the object whose members are
                                     * being read: 0, or 2 inside "items" */
    uint64_t          items_taken;  /* from the budget, for strings */
    unsigned          top_allowed;  /* what the top object had before "items" */
    unsigned          top_seen;
    unsigned          top_members;
    uint64_t          top_member[HX_BODY_MEMBERS];
} hx_body_t;


/*
 * allowed: bits of the members the operation knows.  length: Content-Length or
 * UINT64_MAX; more than the body cap is answered with 413 here.  NULL when the
 * reply holds the answer already (out of memory, budget, too large).
 */
hx_body_t *hx_body_create(hx_reply_t *reply, hx_budget_t *budget,
    uint64_t max_upload, unsigned allowed, uint64_t length);

/* hx_api_raw.c: the same for a raw body, whose length is at most max_upload. */
hx_body_t *hx_body_create_raw(hx_reply_t *reply, hx_budget_t *budget,
    uint64_t max_upload, unsigned allowed, uint64_t length, hx_raw_t raw);

/* Frees the value as well and gives its bytes back.  NULL is fine. */
void hx_body_free(hx_body_t *b);

/* 0, or -1: the reply holds the error. */
int hx_body_feed(hx_body_t *b, const unsigned char *p, size_t len);
int hx_body_finish(hx_body_t *b);

/* What both begin with: everything empty.  NULL: the reply holds the error. */
hx_body_t *hx_body_new(hx_reply_t *reply, hx_budget_t *budget,
    uint64_t max_upload, unsigned allowed);

/*
 * One event of the value of the known member b->field, as if it stood in a
 * body (its own events carry depth 1).  0, or -1: the reply holds the error.
 */
int hx_body_value(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth);

int hx_body_has(const hx_body_t *b, hx_field_t f);
hx_str_t hx_body_string(const hx_body_t *b, hx_field_t f);
uint64_t hx_body_number(const hx_body_t *b, hx_field_t f);

/* 400 that says what the member being read must be; -1. */
int hx_body_wrong_type(hx_body_t *b);

/* The member's name, static. */
const char *hx_field_name(hx_field_t f);

/* What errors call the place of the payload: "data_b64" or "body". */
const char *hx_body_payload_name(const hx_body_t *b);

/* hx_api_value.c; 0, or -1: the reply holds the error. */

/* 413, always -1. */
int hx_value_too_large(hx_body_t *b);

/*
 * A value of at most value_cap bytes will come: is there room for it now?
 * Nothing is taken yet; this saves a client the sending of what would only be
 * refused.
 */
int hx_value_expect(hx_body_t *b);

/* Some more of "data_b64", and its end. */
int hx_value_data(hx_body_t *b, const unsigned char *s, size_t len);
int hx_value_end(hx_body_t *b);

/*
 * Raw bodies: where the next bytes may be received to, *cap >= 1 of them, so
 * that hx_body_feed need not copy them.  NULL: nowhere; the reply may hold an
 * error.
 */
unsigned char *hx_value_room(hx_body_t *b, size_t *cap);

/* Raw bodies: some more of the payload, maybe in its place already. */
int hx_value_raw(hx_body_t *b, const unsigned char *p, size_t len);

/* The buffer, and what it took of the budget; twice is fine. */
void hx_value_free(hx_body_t *b);

/* hx_api_cores.c; 0, or -1: the reply holds the error. */

/* One event of "cores", at depths below its object's (1: the array itself). */
int hx_cores_event(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth);

/* One event of "items" outside the members of its objects. */
int hx_items_event(hx_body_t *b, hx_json_event_t ev, unsigned depth);

/* The members read so far become an item; the body is ready for another. */
int hx_items_keep(hx_body_t *b);

void hx_items_free(hx_body_t *b);

/*
 * hx_api_meta.c: one event inside "metadata" (its own START and END included)
 * becomes text.  0, or -1: too large or too deep, the reply holds the error.
 */
int hx_meta_event(hx_body_t *b, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth);

#endif /* HX_API_BODY_H */
