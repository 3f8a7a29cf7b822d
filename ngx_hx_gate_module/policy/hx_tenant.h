/*
 * hx_tenant.h -- what the gate knows of a tenant: the record, its stored form
 * and the changes an operator can make to it.  Pure; time is an argument.
 *
 * Stored form, version 1, all numbers little-endian:
 *
 *    0  "HT"  u8 version  u8 status
 *    4  u32 CRC-32 of everything but these four bytes
 *    8  u64 created  u64 updated          Unix seconds
 *   24  u64 quota override                tenths of a CU, see HX_TENANT_NONE
 *   32  u32 requests  u32 window_s        rate override, 0 0 = none
 *   40  u16 namespaces  u16 keys  u8 plan  u8 id  u8 email lengths  u8 zero
 *   48  keys x { 32 bytes SHA-256, u64 created, u64 expires (0 = never) }
 *       plan, id, email, namespaces x { u8 length, bytes }
 *
 * A record holds hashes of API keys, never a key.
 */

#ifndef HX_TENANT_H
#define HX_TENANT_H

#include "hx_crypto.h"
#include "hx_limits.h"
#include "hx_types.h"

#define HX_TENANT_NONE       (UINT64_MAX - 1)   /* no quota override */

typedef enum {
    HX_TENANT_ACTIVE = 0,
    HX_TENANT_SUSPENDED = 1
} hx_tenant_status_t;

typedef struct {
    unsigned char   hash[HX_SHA256_LEN];
    uint64_t        created;            /* Unix seconds */
    uint64_t        expires;            /* Unix seconds, 0 = never */
} hx_tenant_key_t;

/*
 * A decoded record.  The strings point into the stored bytes and live as long
 * as they do; "namespaces" is the packed list (u8 length, bytes), to be walked
 * with hx_tenant_namespace().
 */
typedef struct {
    hx_tenant_status_t   status;
    uint64_t             created;
    uint64_t             updated;
    uint64_t             quota;         /* tenths, HX_QUOTA_UNLIMITED, or
                                         * HX_TENANT_NONE = the plan's */
    uint32_t             requests;      /* 0 = the plan's */
    uint32_t             window_s;
    hx_str_t             id;
    hx_str_t             plan;
    hx_str_t             email;
    hx_str_t             namespaces;
    unsigned             n_namespaces;
    unsigned             n_keys;
    const unsigned char *keys;          /* packed, hx_tenant_key() reads one */
} hx_tenant_t;


/*
 * HX_OK, or HX_FAIL when the bytes are not a whole, intact record of a known
 * version (a damaged store is trouble, not an unknown tenant).
 */
hx_rc_t hx_tenant_decode(hx_tenant_t *t, const unsigned char *p, size_t len);

/*
 * The two halves of decoding: does the checksum fit (1 or 0), and the same
 * without it, for bytes that were found intact before.  A view still believes
 * no length.
 */
int hx_tenant_intact(const unsigned char *p, size_t len);
hx_rc_t hx_tenant_view(hx_tenant_t *t, const unsigned char *p, size_t len);

/*
 * Steps through the packed namespaces: *pos starts as 0; 1 and *ns, or 0 at
 * the end.
 */
static inline int
hx_tenant_namespace(const hx_tenant_t *t, size_t *pos, hx_str_t *ns)
{
    size_t  start, end;

    start = *pos;

    if (start == t->namespaces.len) {
        return 0;
    }

    end = start + 1 + t->namespaces.data[start];

    if (end > t->namespaces.len) {
        return 0;
    }

    ns->data = t->namespaces.data + start + 1;
    ns->len = end - start - 1;
    *pos = end;

    return 1;
}

/* Key i < n_keys. */
void hx_tenant_key(const hx_tenant_t *t, unsigned i, hx_tenant_key_t *key);

/*
 * May this hash log in now?  HX_OK; HX_NO = expired; HX_FAIL = the record does
 * not know it although the registry led here.  (The registry has found it by an
 * ordinary comparison already: a constant time here would hide nothing.)
 */
hx_rc_t hx_tenant_key_valid(const hx_tenant_t *t,
    const unsigned char hash[HX_SHA256_LEN], uint64_t now);


/*
 * An editable record; the strings point to memory of the caller.  Fixed size,
 * so that nothing an operator sends can make it grow.
 */
typedef struct {
    hx_tenant_status_t   status;
    uint64_t             created;
    uint64_t             updated;
    uint64_t             quota;
    uint32_t             requests;
    uint32_t             window_s;
    hx_str_t             id;
    hx_str_t             plan;
    hx_str_t             email;
    unsigned             n_namespaces;
    unsigned             n_keys;
    hx_str_t             namespaces[HX_TENANT_NAMESPACES];
    hx_tenant_key_t      keys[HX_TENANT_KEYS];
} hx_tenant_edit_t;

/* HX_FAIL when the record holds more than an edit can. */
hx_rc_t hx_tenant_edit(hx_tenant_edit_t *e, const hx_tenant_t *t);

/* Bytes written to out, 0 when cap is too small or a string too long. */
size_t hx_tenant_encode(const hx_tenant_edit_t *e, unsigned char *out,
    size_t cap);


typedef enum {
    HX_CHANGE_CREATE,
    HX_CHANGE_ROTATE,
    HX_CHANGE_ADD_NAMESPACE,
    HX_CHANGE_REMOVE_NAMESPACE,
    HX_CHANGE_SUSPEND,
    HX_CHANGE_ACTIVATE,
    HX_CHANGE_UPDATE_TIER,
    HX_CHANGE_DELETE
} hx_change_op_t;

/* One change as an operator asked for it; strings of the caller. */
typedef struct {
    hx_change_op_t   op;
    uint64_t         now;               /* Unix seconds */
    hx_str_t         id;
    hx_str_t         plan;              /* create, update-tier */
    hx_str_t         email;             /* create */
    unsigned         n_namespaces;      /* create; 1 for add and remove */
    hx_str_t         namespaces[HX_TENANT_NAMESPACES];
    unsigned char    hash[HX_SHA256_LEN];   /* of the new key */
    uint64_t         grace_s;           /* rotate: old keys live on so long */
    uint64_t         expires;           /* create, rotate: of the new key */
    unsigned         set_quota:1;       /* update-tier */
    unsigned         set_rate:1;
    uint64_t         quota;
    uint32_t         requests;
    uint32_t         window_s;
} hx_change_t;

typedef enum {
    HX_CHANGED = 0,
    HX_CHANGE_NO_TENANT,
    HX_CHANGE_EXISTS,
    HX_CHANGE_TOO_MANY,                 /* namespaces */
    HX_CHANGE_LAST_NAMESPACE,           /* a tenant keeps at least one */
    HX_CHANGE_NO_NAMESPACE
} hx_change_result_t;

/*
 * Applies a change to *e; "exists" tells whether *e holds the present record.
 * On anything but HX_CHANGED *e is as it was.  Idempotent where an operator
 * would expect it: adding a present namespace, suspending twice.
 */
hx_change_result_t hx_tenant_apply(hx_tenant_edit_t *e, int exists,
    const hx_change_t *c);

#endif /* HX_TENANT_H */
