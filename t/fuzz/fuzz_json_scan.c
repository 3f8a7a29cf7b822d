/*
 * fuzz_json_scan.c -- core/hx_json_scan.h: the text in pieces gives the events,
 * error and offset of the naive model; skipping long strings changes neither.
 */

#include "hx_fuzz.h"
#include "hx_json_model.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t       seed, offset, at;
    hx_log_t       log, want;
    hx_json_err_t  err;

    static hx_model_t  model;

    if (len > HX_TEXT / 2) {
        return 0;
    }

    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));
    seed = hx_fuzz_seed(data, len);

    err = model_run(&model, &want, data, len);
    at = (uint64_t) (model.p - model.start);

    hx_fuzz_check(hx_log_run(&log, data, len, (size_t) -1, &seed, &offset)
                  == err);
    hx_fuzz_check(offset == at);
    hx_fuzz_check(log.n == want.n && (log.n == 0
                                      || !memcmp(log.p, want.p, log.n)));

    log.skip_long = 1;
    hx_fuzz_check(hx_log_run(&log, data, len, 0, NULL, &offset) == err);
    hx_fuzz_check(offset == at);

    free(log.p);
    free(want.p);

    return 0;
}
