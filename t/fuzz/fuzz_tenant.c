/*
 * fuzz_tenant.c -- policy/hx_tenant.h: stored records of tenants, as the bytes
 * are and behind a checksum that fits.  What is read lies inside the bytes and
 * is written again as the same; changes leave a record that can be stored.
 *
 * The first byte chooses a change, the next ones say what of.
 *
 * sources: hx_tenant.c hx_change.c
 */

#include "hx_fuzz_in.h"
#include "hx_le.h"
#include "hx_tenant.h"

static hx_tenant_edit_t  edit;
static unsigned char     out[HX_TENANT_RECORD_MAX];


static void
check_inside(const hx_str_t *s, const uint8_t *p, size_t len)
{
    hx_fuzz_check(s->data >= p && s->data + s->len <= p + len);
}


static void
check_view(const hx_tenant_t *t, const uint8_t *p, size_t len)
{
    size_t           pos;
    hx_str_t         ns;
    unsigned         i;
    hx_tenant_key_t  key;

    check_inside(&t->id, p, len);
    check_inside(&t->plan, p, len);
    check_inside(&t->email, p, len);
    hx_fuzz_check(t->id.len >= 1 && t->id.len <= HX_TENANT_MAX);
    hx_fuzz_check(t->email.len <= HX_EMAIL_MAX);

    for (pos = 0, i = 0; hx_tenant_namespace(t, &pos, &ns); i++) {
        check_inside(&ns, p, len);
    }

    hx_fuzz_check(i == t->n_namespaces);

    for (i = 0; i < t->n_keys; i++) {
        hx_tenant_key(t, i, &key);

        switch (hx_tenant_key_valid(t, key.hash, key.expires)) {

        case HX_OK:
        case HX_NO:
            break;

        default:
            hx_fuzz_check(!"a key of the record is not known to it");
        }
    }
}


static void
change(hx_fuzz_in_t *in, hx_change_t *c)
{
    unsigned  i;

    memset(c, 0, sizeof(hx_change_t));
    c->op = (hx_change_op_t) (hx_fuzz_byte(in) % (HX_CHANGE_DELETE + 1));
    c->now = hx_fuzz_number(in, 4);
    c->n_namespaces = c->op == HX_CHANGE_CREATE ? 2 : 1;
    c->id = (hx_str_t) hx_string("acme");
    c->plan = (hx_str_t) hx_string("pro");
    c->email = (hx_str_t) hx_string("a@b");

    for (i = 0; i < c->n_namespaces; i++) {
        c->namespaces[i] = hx_fuzz_bytes(in, 1 + hx_fuzz_byte(in) % 8);
    }

    c->grace_s = hx_fuzz_number(in, 4);
    c->expires = hx_fuzz_number(in, 4);
    c->set_quota = hx_fuzz_byte(in) & 1;
    c->set_rate = hx_fuzz_byte(in) & 1;
    c->quota = hx_fuzz_number(in, 8);
    c->requests = (uint32_t) hx_fuzz_number(in, 4);
    c->window_s = (uint32_t) hx_fuzz_number(in, 4);
}


/* What a change leaves can be stored; the same again changes nothing that
 * would not be the same again. */
static void
check_change(const hx_change_t *c, int exists)
{
    size_t              n;
    hx_tenant_t         t;
    hx_change_result_t  rc;

    static hx_tenant_edit_t  before;

    before = edit;
    rc = hx_tenant_apply(&edit, exists, c);

    if (rc != HX_CHANGED) {
        hx_fuzz_check(memcmp(&before, &edit, sizeof(edit)) == 0);
        return;
    }

    if (c->op == HX_CHANGE_DELETE) {
        return;
    }

    hx_fuzz_check(edit.n_namespaces <= HX_TENANT_NAMESPACES);
    hx_fuzz_check(edit.n_keys <= HX_TENANT_KEYS);

    n = hx_tenant_encode(&edit, out, sizeof(out));
    hx_fuzz_check(n != 0);
    hx_fuzz_check(hx_tenant_decode(&t, out, n) == HX_OK);
    check_view(&t, out, n);
    hx_fuzz_check(hx_fuzz_same(&t.id, &edit.id));
    hx_fuzz_check(t.n_namespaces == edit.n_namespaces);
}


static void
walk(const uint8_t *p, size_t len, const hx_change_t *c)
{
    size_t       n;
    hx_tenant_t  t;

    if (hx_tenant_decode(&t, p, len) != HX_OK) {
        return;
    }

    check_view(&t, p, len);

    if (hx_tenant_edit(&edit, &t) != HX_OK) {
        hx_fuzz_check(t.n_namespaces > HX_TENANT_NAMESPACES
                      || t.n_keys > HX_TENANT_KEYS);
        return;
    }

    n = hx_tenant_encode(&edit, out, sizeof(out));
    hx_fuzz_check(n == len && memcmp(out, p, len) == 0);
    hx_fuzz_check(hx_tenant_encode(&edit, out, len - 1) == 0);

    check_change(c, 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t      *p;
    hx_str_t      bytes;
    hx_change_t   c;
    hx_tenant_t   t;
    hx_fuzz_in_t  in;

    hx_fuzz_in(&in, data, len);
    change(&in, &c);

    memset(&edit, 0, sizeof(edit));
    check_change(&c, 0);

    bytes = hx_fuzz_rest(&in);
    p = hx_fuzz_copy(bytes.data, bytes.len);
    walk(p, bytes.len, &c);

    if (hx_tenant_view(&t, p, bytes.len) == HX_OK) {
        check_view(&t, p, bytes.len);
    }

    if (bytes.len >= 8) {
        hx_put_le32(p + 4, hx_crc32(hx_crc32(0, p, 4), p + 8, bytes.len - 8));
        walk(p, bytes.len, &c);
    }

    free(p);

    return 0;
}
