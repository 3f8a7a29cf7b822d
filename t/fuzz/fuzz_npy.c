/*
 * fuzz_npy.c -- codec/hx_npy.h and hx_payload.h: what is accepted fills the
 * file exactly and survives being written and read again; every refusal has a
 * harmless sentence.
 */

#include "hx_fuzz.h"
#include "hx_payload.h"


static void
check_round_trip(const hx_npy_t *n)
{
    size_t    len;
    uint8_t   head[HX_NPY_EMIT_MAX];
    hx_npy_t  again;

    len = hx_npy_emit(&n->array, head, sizeof(head));
    hx_fuzz_check(len != 0 && len % 64 == 0);
    hx_fuzz_check(hx_npy_parse(&again, head, len)
                  == (n->data_len == 0 ? HX_NPY_OK : HX_NPY_E_LENGTH));
    hx_fuzz_check(again.data_off == len);
    hx_fuzz_check(!memcmp(&again.array, &n->array, sizeof(again.array)));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t           text[256];
    uint64_t          bytes;
    hx_buf_t          b;
    hx_npy_t          n;
    hx_npy_err_t      err;
    hx_payload_t      p;
    hx_payload_err_t  perr;

    err = hx_npy_parse(&n, data, len);
    hx_fuzz_check((err == HX_NPY_NOT) == !hx_npy_is(data, len));

    if (err == HX_NPY_OK) {
        hx_fuzz_check(n.data_off + n.data_len == len);
        hx_fuzz_check(hx_array_size(&n.array, NULL, &bytes) == HX_OK);
        hx_fuzz_check(bytes == n.data_len);
        check_round_trip(&n);
    }

    if (err == HX_NPY_E_DTYPE) {
        hx_fuzz_check(n.descr.data >= data
                      && n.descr.data + n.descr.len <= data + len);
    }

    perr = hx_payload_decide(&p, data, len, NULL, 0);
    hx_fuzz_check(perr != HX_PAYLOAD_OK || p.data_len != 0);
    hx_fuzz_check(perr != HX_PAYLOAD_OK || p.data_off + p.data_len == len);
    hx_fuzz_check((perr == HX_PAYLOAD_OK && p.form == HX_PAYLOAD_NPY)
                  == (err == HX_NPY_OK && n.data_len != 0));

    hx_buf_init(&b, text, 255);
    hx_payload_detail(&b, perr, &p, "data_b64");
    hx_fuzz_check(hx_buf_ok(&b));

    return 0;
}
