/*
 * hx_tenant.c -- stored form of a tenant; see the header.  Decoding trusts
 * nothing: every length is checked against the bytes that are there, and the
 * CRC must fit, before a field is used.
 */

#include <string.h>

#include "hx_le.h"
#include "hx_tenant.h"


#define HX_TENANT_VERSION   1
#define HX_TENANT_HEAD      48
#define HX_TENANT_KEY_SIZE  48


static unsigned char *
hx_le_put(unsigned char *p, uint64_t v, unsigned n)
{
    while (n-- != 0) {
        *p++ = (unsigned char) v;
        v >>= 8;
    }

    return p;
}


/* Of all but itself: a flipped status is as bad as a flipped quota. */

static uint32_t
hx_tenant_crc(const unsigned char *p, size_t len)
{
    return hx_crc32(hx_crc32(0, p, 4), p + 8, len - 8);
}


static hx_rc_t
hx_tenant_walk(hx_tenant_t *t, const unsigned char *p, size_t len,
    size_t plen, size_t ilen, size_t elen)
{
    size_t    pos;
    hx_str_t  ns;
    unsigned  n;

    if (len < plen + ilen + elen || ilen == 0 || ilen > HX_TENANT_MAX
        || elen > HX_EMAIL_MAX)
    {
        return HX_FAIL;
    }

    t->plan.data = p;
    t->plan.len = plen;
    t->id.data = p + plen;
    t->id.len = ilen;
    t->email.data = t->id.data + ilen;
    t->email.len = elen;
    t->namespaces.data = t->email.data + elen;
    t->namespaces.len = len - plen - ilen - elen;

    n = 0;

    for (pos = 0; hx_tenant_namespace(t, &pos, &ns); /* void */) {
        n++;
    }

    return n == t->n_namespaces && pos == t->namespaces.len ? HX_OK : HX_FAIL;
}


int
hx_tenant_intact(const unsigned char *p, size_t len)
{
    return len >= HX_TENANT_HEAD && len <= HX_TENANT_RECORD_MAX
           && hx_get_le32(p + 4) == hx_tenant_crc(p, len);
}


hx_rc_t
hx_tenant_view(hx_tenant_t *t, const unsigned char *p, size_t len)
{
    size_t  keys;

    if (len < HX_TENANT_HEAD || len > HX_TENANT_RECORD_MAX
        || p[0] != 'H' || p[1] != 'T' || p[2] != HX_TENANT_VERSION
        || p[3] > HX_TENANT_SUSPENDED || p[47] != 0)
    {
        return HX_FAIL;
    }

    t->status = (hx_tenant_status_t) p[3];
    t->created = hx_get_le64(p + 8);
    t->updated = hx_get_le64(p + 16);
    t->quota = hx_get_le64(p + 24);
    t->requests = hx_get_le32(p + 32);
    t->window_s = hx_get_le32(p + 36);
    t->n_namespaces = hx_get_le16(p + 40);
    t->n_keys = hx_get_le16(p + 42);
    t->keys = p + HX_TENANT_HEAD;

    keys = (size_t) t->n_keys * HX_TENANT_KEY_SIZE;

    if (len - HX_TENANT_HEAD < keys) {
        return HX_FAIL;
    }

    return hx_tenant_walk(t, p + HX_TENANT_HEAD + keys,
                          len - HX_TENANT_HEAD - keys, p[44], p[45], p[46]);
}


hx_rc_t
hx_tenant_decode(hx_tenant_t *t, const unsigned char *p, size_t len)
{
    return hx_tenant_intact(p, len) ? hx_tenant_view(t, p, len) : HX_FAIL;
}


void
hx_tenant_key(const hx_tenant_t *t, unsigned i, hx_tenant_key_t *key)
{
    const unsigned char  *p;

    p = t->keys + (size_t) i * HX_TENANT_KEY_SIZE;

    memcpy(key->hash, p, HX_SHA256_LEN);
    key->created = hx_get_le64(p + HX_SHA256_LEN);
    key->expires = hx_get_le64(p + HX_SHA256_LEN + 8);
}


hx_rc_t
hx_tenant_key_valid(const hx_tenant_t *t,
    const unsigned char hash[HX_SHA256_LEN], uint64_t now)
{
    unsigned              i;
    uint64_t              expires;
    const unsigned char  *p;

    for (i = 0; i < t->n_keys; i++) {
        p = t->keys + (size_t) i * HX_TENANT_KEY_SIZE;

        if (memcmp(p, hash, HX_SHA256_LEN) == 0) {
            expires = hx_get_le64(p + HX_SHA256_LEN + 8);
            return expires == 0 || now < expires ? HX_OK : HX_NO;
        }
    }

    return HX_FAIL;
}


hx_rc_t
hx_tenant_edit(hx_tenant_edit_t *e, const hx_tenant_t *t)
{
    size_t    pos;
    hx_str_t  ns;
    unsigned  i;

    if (t->n_namespaces > HX_TENANT_NAMESPACES
        || t->n_keys > HX_TENANT_KEYS)
    {
        return HX_FAIL;
    }

    e->status = t->status;
    e->created = t->created;
    e->updated = t->updated;
    e->quota = t->quota;
    e->requests = t->requests;
    e->window_s = t->window_s;
    e->id = t->id;
    e->plan = t->plan;
    e->email = t->email;
    e->n_namespaces = 0;
    e->n_keys = t->n_keys;

    for (pos = 0; hx_tenant_namespace(t, &pos, &ns); /* void */) {
        e->namespaces[e->n_namespaces++] = ns;
    }

    for (i = 0; i < t->n_keys; i++) {
        hx_tenant_key(t, i, &e->keys[i]);
    }

    return HX_OK;
}


/* 0 when a namespace is too long for its length byte. */

static size_t
hx_tenant_size(const hx_tenant_edit_t *e)
{
    size_t    n;
    unsigned  i;

    n = HX_TENANT_HEAD + e->plan.len + e->id.len + e->email.len
        + (size_t) e->n_keys * HX_TENANT_KEY_SIZE;

    for (i = 0; i < e->n_namespaces; i++) {
        if (e->namespaces[i].len > HX_NAMESPACE_MAX) {
            return 0;
        }

        n += 1 + e->namespaces[i].len;
    }

    return n;
}


static unsigned char *
hx_tenant_put(unsigned char *p, const hx_str_t *s)
{
    if (s->len != 0) {
        memcpy(p, s->data, s->len);
    }

    return p + s->len;
}


size_t
hx_tenant_encode(const hx_tenant_edit_t *e, unsigned char *out, size_t cap)
{
    size_t          len;
    unsigned        i;
    unsigned char  *p;

    len = hx_tenant_size(e);

    if (len == 0 || len > cap || len > HX_TENANT_RECORD_MAX
        || e->plan.len > 255 || e->id.len == 0 || e->id.len > HX_TENANT_MAX
        || e->email.len > HX_EMAIL_MAX)
    {
        return 0;
    }

    out[0] = 'H';
    out[1] = 'T';
    out[2] = HX_TENANT_VERSION;
    out[3] = (unsigned char) e->status;

    p = hx_le_put(out + 8, e->created, 8);
    p = hx_le_put(p, e->updated, 8);
    p = hx_le_put(p, e->quota, 8);
    p = hx_le_put(p, e->requests, 4);
    p = hx_le_put(p, e->window_s, 4);
    p = hx_le_put(p, e->n_namespaces, 2);
    p = hx_le_put(p, e->n_keys, 2);
    *p++ = (unsigned char) e->plan.len;
    *p++ = (unsigned char) e->id.len;
    *p++ = (unsigned char) e->email.len;
    *p++ = 0;

    for (i = 0; i < e->n_keys; i++) {
        memcpy(p, e->keys[i].hash, HX_SHA256_LEN);
        p = hx_le_put(p + HX_SHA256_LEN, e->keys[i].created, 8);
        p = hx_le_put(p, e->keys[i].expires, 8);
    }

    p = hx_tenant_put(p, &e->plan);
    p = hx_tenant_put(p, &e->id);
    p = hx_tenant_put(p, &e->email);

    for (i = 0; i < e->n_namespaces; i++) {
        *p++ = (unsigned char) e->namespaces[i].len;
        p = hx_tenant_put(p, &e->namespaces[i]);
    }

    (void) hx_le_put(out + 4, hx_tenant_crc(out, len), 4);

    return len;
}
