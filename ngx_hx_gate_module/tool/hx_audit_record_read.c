/*
 * hx_audit_record_read.c -- see the header.
 */

#include <string.h>

#include "hx_audit_record_read.h"
#include "hx_text.h"


#define HX_MEMBERS(X)                                                         \
    X(TS,         "ts")                                                       \
    X(TENANT,     "tenant_id")                                                \
    X(METHOD,     "method")                                                   \
    X(PATH,       "path")                                                     \
    X(NS,         "namespace")                                                \
    X(STATUS,     "status")                                                   \
    X(CUS,        "cus")                                                      \
    X(LATENCY,    "latency_ms")                                               \
    X(REQUEST_ID, "request_id")                                               \
    X(OPERATION,  "operation")                                                \
    X(OUTCOME,    "outcome")                                                  \
    X(AMENDS,     "amends")                                                   \
    X(CHECKPOINT, "checkpoint")

enum {
#define X(name, word)  HX_MEMBER_##name,
    HX_MEMBERS(X)
#undef X
    HX_MEMBER_OTHER
};

#define HX_MEMBERS_FIXED   (HX_MEMBER_REQUEST_ID + 1)   /* in their order */
#define HX_MEMBERS_ALL     ((UINT32_C(1) << HX_MEMBERS_FIXED) - 1)

typedef struct {
    const char  *name;
    size_t       len;
} hx_member_t;

static const hx_member_t  hx_members[HX_MEMBER_OTHER] = {
#define X(name, word)  { "\"" word "\":", sizeof("\"" word "\":") - 1 },
    HX_MEMBERS(X)
#undef X
};

typedef enum {
    HX_VALUE_STRING = 0,
    HX_VALUE_NUMBER,
    HX_VALUE_NULL,
    HX_VALUE_FALSE,
    HX_VALUE_OTHER
} hx_value_t;


/* "12.3" in tenths; at most one decimal. */

static int
hx_record_tenths(const hx_str_t *s, uint64_t *v)
{
    size_t  len;

    len = s->len;

    if (len > 2 && s->data[len - 2] == '.') {
        if (s->data[len - 1] < '0' || s->data[len - 1] > '9'
            || hx_text_parse_u64(s->data, len - 2, UINT32_MAX, v) != HX_OK)
        {
            return 0;
        }

        *v = *v * 10 + (uint64_t) (s->data[len - 1] - '0');
        return 1;
    }

    if (hx_text_parse_u64(s->data, len, UINT32_MAX, v) != HX_OK) {
        return 0;
    }

    *v *= 10;

    return 1;
}


static int
hx_record_string(hx_str_t *out, hx_value_t type, const hx_str_t *s, int null)
{
    if (type == HX_VALUE_NULL && null) {
        out->data = NULL;
        out->len = 0;
        return 1;
    }

    *out = *s;

    return type == HX_VALUE_STRING;
}


/* One member of the record: 1, or 0 = not as it must be. */

static int
hx_record_set(hx_record_reader_t *rd, unsigned member, hx_value_t type,
    const hx_str_t *s)
{
    uint64_t      v;
    hx_record_t  *r;

    r = rd->out;

    if (member == HX_MEMBER_OTHER) {
        return 1;
    }

    if (rd->seen & UINT32_C(1) << member) {
        return 0;
    }

    rd->seen |= UINT32_C(1) << member;

    switch (member) {

    case HX_MEMBER_TS:
        r->ms = type == HX_VALUE_STRING && s->len == 24
                ? hx_record_time(s->data, s->len) : HX_RECORD_NONE;
        r->ts = *s;
        return r->ms != HX_RECORD_NONE;

    case HX_MEMBER_TENANT:
        return hx_record_string(&r->tenant, type, s, 1);

    case HX_MEMBER_METHOD:
        return hx_record_string(&r->method, type, s, 0);

    case HX_MEMBER_PATH:
        return hx_record_string(&r->path, type, s, 0);

    case HX_MEMBER_NS:
        return hx_record_string(&r->ns, type, s, 1);

    case HX_MEMBER_STATUS:
        if (type != HX_VALUE_NUMBER
            || hx_text_parse_u64(s->data, s->len, 999, &v) != HX_OK)
        {
            return 0;
        }

        r->status = (unsigned) v;
        return 1;

    case HX_MEMBER_CUS:
        return type == HX_VALUE_NUMBER && hx_record_tenths(s, &r->cus);

    case HX_MEMBER_LATENCY:
        return type == HX_VALUE_NUMBER
               && hx_text_parse_u64(s->data, s->len, UINT32_MAX,
                                    &r->latency_ms) == HX_OK;

    case HX_MEMBER_REQUEST_ID:
        return hx_record_string(&r->request_id, type, s, 0);

    case HX_MEMBER_OPERATION:
        return hx_record_string(&r->operation, type, s, 1);

    case HX_MEMBER_OUTCOME:
        return hx_record_string(&r->outcome, type, s, 1);

    case HX_MEMBER_AMENDS:
        r->amends = type != HX_VALUE_NULL && type != HX_VALUE_FALSE;
        return 1;

    default:
        r->checkpoint = 1;
        return type == HX_VALUE_STRING;
    }
}


/* Is everything there? */

static hx_rc_t
hx_record_whole(const hx_record_reader_t *rd)
{
    const uint32_t  ts = UINT32_C(1) << HX_MEMBER_TS;

    if (rd->seen & UINT32_C(1) << HX_MEMBER_CHECKPOINT) {
        return rd->seen & ts ? HX_OK : HX_NO;
    }

    return (rd->seen & HX_MEMBERS_ALL) == HX_MEMBERS_ALL ? HX_OK : HX_NO;
}


/* "0", "12", "12.5": not all of JSON's numbers. */

static int
hx_record_number(const hx_str_t *s)
{
    size_t  i, point;

    point = s->len;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == '.' && point == s->len) {
            point = i;

        } else if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return point != 0 && point + 1 != s->len
           && (point == 1 || s->data[0] != '0');
}


/* A plain value at *p; 0 = not so plain. */

static int
hx_record_value(const unsigned char **pos, const unsigned char *end,
    hx_value_t *type, hx_str_t *s)
{
    const unsigned char  *p;

    p = *pos;
    s->data = p;
    s->len = 0;

    if (p == end) {
        return 0;
    }

    if (*p == '"') {
        for (s->data = ++p; p < end && *p != '"'; p++) {
            if (*p < 0x20 || *p >= 0x7f || *p == '\\') {
                return 0;
            }
        }

        s->len = (size_t) (p - s->data);
        *type = HX_VALUE_STRING;
        *pos = p + 1;

        return p < end;
    }

    while (p < end && *p != ',' && *p != '}') {
        p++;
    }

    s->len = (size_t) (p - s->data);
    *pos = p;

    if (s->len == 4 && memcmp(s->data, "null", 4) == 0) {
        *type = HX_VALUE_NULL;
        return 1;
    }

    *type = HX_VALUE_NUMBER;

    return hx_record_number(s);
}


static unsigned
hx_record_member(const unsigned char **pos, const unsigned char *end)
{
    unsigned              i;
    const unsigned char  *p;

    p = *pos;

    for (i = 0; i < HX_MEMBER_OTHER; i++) {
        if ((size_t) (end - p) >= hx_members[i].len
            && memcmp(p, hx_members[i].name, hx_members[i].len) == 0)
        {
            *pos = p + hx_members[i].len;
            return i;
        }
    }

    /* any other plain name */

    if (p == end || *p != '"') {
        return HX_MEMBER_OTHER + 1;
    }

    for (p++; p < end && ((*p >= 'a' && *p <= 'z') || *p == '_'); p++) {
        /* void */
    }

    if (end - p < 2 || p[0] != '"' || p[1] != ':') {
        return HX_MEMBER_OTHER + 1;
    }

    *pos = p + 2;

    return HX_MEMBER_OTHER;
}


/* As the gate writes them.  HX_NO: perhaps the scanner can read it. */

static hx_rc_t
hx_record_fast(hx_record_reader_t *rd, const unsigned char *line, size_t len)
{
    unsigned              n, member;
    hx_str_t              s;
    hx_value_t            type;
    const unsigned char  *p, *end;

    p = line;
    end = line + len;

    for (n = 0; p < end && *p != '}'; n++) {

        if (*p++ != (n == 0 ? '{' : ',')) {
            return HX_NO;
        }

        member = hx_record_member(&p, end);

        if (member > HX_MEMBER_OTHER || (n < HX_MEMBERS_FIXED && member != n)
            || !hx_record_value(&p, end, &type, &s)
            || !hx_record_set(rd, member, type, &s))
        {
            return HX_NO;
        }
    }

    return end - p == 1 ? hx_record_whole(rd) : HX_NO;
}


/* Keeps a decoded string. */

static int
hx_record_keep(hx_record_reader_t *rd, const unsigned char *s, size_t len,
    hx_str_t *out)
{
    if (len > sizeof(rd->text) - rd->used) {
        return 0;
    }

    out->data = rd->text + rd->used;
    out->len = len;

    if (len != 0) {
        memcpy(rd->text + rd->used, s, len);
        rd->used += len;
    }

    return 1;
}


static unsigned
hx_record_name(const unsigned char *s, size_t len)
{
    unsigned  i;

    for (i = 0; i < HX_MEMBER_OTHER; i++) {
        if (hx_members[i].len == len + 3
            && memcmp(hx_members[i].name + 1, s, len) == 0)
        {
            return i;
        }
    }

    return HX_MEMBER_OTHER;
}


static hx_json_verdict_t
hx_record_long(hx_record_reader_t *rd, hx_json_event_t ev,
    const unsigned char *s, size_t len)
{
    hx_str_t  text;

    switch (ev) {

    case HX_JSON_LONG_START:
        rd->long_at = rd->used;
        return rd->member == HX_MEMBER_OTHER ? HX_JSON_SKIP : HX_JSON_GO;

    case HX_JSON_LONG_DATA:
        return hx_record_keep(rd, s, len, &text) ? HX_JSON_GO : HX_JSON_STOP;

    default:
        text.data = rd->text + rd->long_at;
        text.len = rd->used - rd->long_at;
        return hx_record_set(rd, rd->member, HX_VALUE_STRING, &text)
               ? HX_JSON_GO : HX_JSON_STOP;
    }
}


static hx_json_verdict_t
hx_record_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_record_reader_t  *rd = data;

    hx_str_t    text;
    hx_value_t  type;

    if (depth == 0) {
        return ev == HX_JSON_MAP_START || ev == HX_JSON_MAP_END
               ? HX_JSON_GO : HX_JSON_STOP;
    }

    if (depth != 1) {
        return HX_JSON_SKIP;
    }

    text.data = NULL;
    text.len = 0;

    switch (ev) {

    case HX_JSON_KEY:
        rd->member = hx_record_name(s, len);
        return HX_JSON_GO;

    case HX_JSON_MAP_END:
    case HX_JSON_ARRAY_END:
        return HX_JSON_GO;

    case HX_JSON_LONG_START:
    case HX_JSON_LONG_DATA:
    case HX_JSON_LONG_END:
        return hx_record_long(rd, ev, s, len);

    case HX_JSON_STRING:
        type = HX_VALUE_STRING;
        break;

    case HX_JSON_NUMBER:
        type = HX_VALUE_NUMBER;
        break;

    case HX_JSON_NULL:
        type = HX_VALUE_NULL;
        break;

    case HX_JSON_FALSE:
        type = HX_VALUE_FALSE;
        break;

    default:
        type = HX_VALUE_OTHER;
        break;
    }

    if (rd->member != HX_MEMBER_OTHER && type <= HX_VALUE_NUMBER
        && !hx_record_keep(rd, s, len, &text))
    {
        return HX_JSON_STOP;
    }

    return hx_record_set(rd, rd->member, type, &text)
           ? HX_JSON_GO : HX_JSON_STOP;
}


static void
hx_record_start(hx_record_reader_t *rd, hx_record_t *r)
{
    memset(r, 0, sizeof(hx_record_t));

    rd->out = r;
    rd->seen = 0;
    rd->used = 0;
    rd->member = HX_MEMBER_OTHER;
}


hx_rc_t
hx_record_read(hx_record_reader_t *rd, hx_record_t *r,
    const unsigned char *line, size_t len)
{
    hx_json_err_t    err;
    hx_json_scan_t  *scan;

    hx_record_start(rd, r);

    if (hx_record_fast(rd, line, len) == HX_OK) {
        return HX_OK;
    }

    hx_record_start(rd, r);

    if (len == 0 || line[0] != '{') {
        return HX_NO;
    }

    scan = hx_json_scan_create(hx_record_event, rd);
    if (scan == NULL) {
        return HX_FAIL;
    }

    err = hx_json_scan_feed(scan, line, len);

    if (err == HX_JSON_OK) {
        err = hx_json_scan_finish(scan);
    }

    hx_json_scan_free(scan);

    if (err != HX_JSON_OK) {
        return err == HX_JSON_E_NOMEM ? HX_FAIL : HX_NO;
    }

    return hx_record_whole(rd);
}
