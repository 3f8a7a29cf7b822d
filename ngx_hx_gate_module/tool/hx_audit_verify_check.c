/*
 * hx_audit_verify_check.c -- what a checkpoint says besides its hash: who has
 * signed it, for which node, and how many records were lost.
 */

#include <string.h>

#include "hx_audit_verify_impl.h"


static void
hx_verify_key(hx_verify_t *v, const hx_chain_line_t *l)
{
    unsigned          i;
    hx_verify_key_t  *k;

    v->result.signatures++;

    if (l->key.len == 0 || l->key.len >= HX_VERIFY_KEY_NAME) {
        return;
    }

    for (i = 0; i < v->result.n_keys; i++) {
        k = &v->result.key[i];

        if (strlen(k->name) == l->key.len
            && memcmp(k->name, l->key.data, l->key.len) == 0)
        {
            k->count++;
            return;
        }
    }

    if (i < HX_VERIFY_KEYS) {
        k = &v->result.key[i];
        memcpy(k->name, l->key.data, l->key.len);
        k->count = 1;
        v->result.n_keys++;
    }
}


static void
hx_verify_signature(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    hx_rc_t      rc;
    size_t       len;
    const char  *name;

    if (v->conf.key == NULL) {
        if (l->sig_len != 0) {
            w->behind = 0;
            hx_verify_found(&v->result.note[HX_NOTE_UNCHECKED], at, 1,
                            "signatures are not checked without --key", 0);
        }

        return;
    }

    rc = hx_chain_signed(l, v->conf.key);

    if (rc == HX_OK) {
        w->behind = 0;
        return;
    }

    if (rc == HX_FAIL) {
        v->rc = HX_FAIL;
        return;
    }

    name = hx_sign_name(v->conf.key);
    len = strlen(name);

    hx_verify_finding(v, HX_FINDING_SIGNATURE, at,
                      l->sig_len == 0 ? "the checkpoint is not signed"
                      : l->key.len != len || memcmp(l->key.data, name, len) != 0
                      ? "the checkpoint is signed by another key"
                      : "the signature does not fit");
}


void
hx_verify_checkpoint(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    v->result.checkpoints++;

    if (l->sig_len != 0) {
        hx_verify_key(v, l);
    }

    if (v->node.data == NULL && l->node.len <= sizeof(v->node_text)) {
        memcpy(v->node_text, l->node.data, l->node.len);
        v->node.data = v->node_text;
        v->node.len = l->node.len;
    }

    if (!w->foreign
        && (v->node.len != l->node.len
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
            || memcmp(v->node.data, l->node.data, l->node.len) != 0))
    {
        w->foreign = 1;
        hx_verify_finding(v, HX_FINDING_SPLICE, at,
                          "the writer is of another node");
    }

    if (l->lost != 0) {
        hx_verify_found(&v->result.note[HX_NOTE_LOST], at, l->lost,
                        "records that the gate could not keep", l->lost);
    }

    hx_verify_signature(v, w, l, at);
}


void
hx_verify_ts(hx_verify_t *v, const unsigned char *data, size_t len)
{
    unsigned char  *last;

    if (len < 7 + HX_VERIFY_TS || memcmp(data, "{\"ts\":\"", 7) != 0) {
        return;
    }

    last = v->result.last_ts;

    if (v->result.first_ts[0] == 0
        || memcmp(data + 7, v->result.first_ts, HX_VERIFY_TS) < 0)
    {
        memcpy(v->result.first_ts, data + 7, HX_VERIFY_TS);
    }

    if (memcmp(data + 7, last, HX_VERIFY_TS) > 0) {
        memcpy(last, data + 7, HX_VERIFY_TS);
    }
}
