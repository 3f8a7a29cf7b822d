/*
 * hx_api_json.c -- the members that several answers have in common.
 */

#include <string.h>

#include "hx_api_op.h"
#include "hx_number.h"

static const char *const  hx_verdict_name[] = {
    [HX_VERDICT_PASSTHROUGH] = "passthrough",
    [HX_VERDICT_EXACT] = "exact",
    [HX_VERDICT_SAFE] = "safe",
    [HX_VERDICT_WEAK] = "weak"
};

/* How the value lies in the store; not one of the documented members. */
static const char *const  hx_codec_name[HX_CODEC_COUNT] = {
    [HX_CODEC_PASSTHROUGH] = "raw",
    [HX_CODEC_TT] = "tt",
    [HX_CODEC_PACKED] = "zstd"
};


static void
hx_json_word(hx_buf_t *b, const char *word)
{
    hx_buf_byte(b, '"');
    hx_buf_add(b, word, strlen(word));
    hx_buf_byte(b, '"');
}


static void
hx_json_bool(hx_buf_t *b, int v)
{
    const char  *word;

    word = v ? "true" : "false";
    hx_buf_add(b, word, strlen(word));
}


void
hx_json_identity(hx_buf_t *b, const hx_str_t *key, const hx_str_t *ns,
    uint64_t version)
{
    hx_buf_lit(b, "{\"key\":");
    hx_json_string(b, key->data, key->len);
    hx_buf_lit(b, ",\"namespace\":");
    hx_json_string(b, ns->data, ns->len);
    hx_buf_lit(b, ",\"version\":");
    hx_text_u64(b, version);
}


void
hx_json_array(hx_buf_t *b, const hx_record_t *rec)
{
    unsigned  i;

    if (rec->array.dtype == HX_DTYPE_NONE) {
        hx_buf_lit(b, ",\"dtype\":null,\"shape\":null"
                      ",\"fortran_order\":false");
        return;
    }

    hx_buf_lit(b, ",\"dtype\":");
    hx_json_word(b, hx_dtype_name(rec->array.dtype));
    hx_buf_lit(b, ",\"shape\":[");

    for (i = 0; i < rec->array.ndim; i++) {
        if (i != 0) {
            hx_buf_byte(b, ',');
        }
        hx_text_u64(b, rec->array.dim[i]);
    }

    hx_buf_lit(b, "],\"fortran_order\":");
    hx_json_bool(b, rec->array.fortran != 0);
}


void
hx_json_fingerprint(hx_buf_t *b, const hx_record_t *rec)
{
    hx_buf_lit(b, ",\"compressed\":");
    hx_json_bool(b, rec->codec == HX_CODEC_TT);
    hx_buf_lit(b, ",\"verdict\":");
    hx_json_word(b, hx_verdict_name[rec->verdict]);
    hx_buf_lit(b, ",\"compression_ratio\":");
    hx_number_f8(b, (double) rec->length / (double) rec->stored);
    hx_buf_lit(b, ",\"original_bytes\":");
    hx_text_u64(b, rec->length);
    hx_buf_lit(b, ",\"stored_core_bytes\":");
    hx_text_u64(b, rec->stored);
    hx_buf_lit(b, ",\"n_cores\":");
    hx_text_u64(b, rec->codec == HX_CODEC_TT ? rec->tt.d : 0);
    hx_buf_lit(b, ",\"rel_error\":");
    hx_number_f8(b, rec->rel_error);
    hx_buf_lit(b, ",\"encoding\":");
    hx_json_word(b, hx_codec_name[rec->codec]);
    hx_json_array(b, rec);
}


void
hx_json_ranks(hx_buf_t *b, const hx_record_t *rec)
{
    unsigned  i;
    uint32_t  most;

    most = 0;
    hx_buf_lit(b, ",\"ranks\":[");

    if (rec->codec == HX_CODEC_TT) {
        for (i = 0; i <= rec->tt.d; i++) {
            if (i != 0) {
                hx_buf_byte(b, ',');
            }
            hx_text_u64(b, rec->tt.rank[i]);

            if (rec->tt.rank[i] > most) {
                most = rec->tt.rank[i];
            }
        }
    }

    hx_buf_lit(b, "],\"max_rank\":");
    hx_text_u64(b, most);
}
