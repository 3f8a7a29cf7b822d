/*
 * hx_fuzz_route.h -- the operations of HX-SDP, compiled once.
 */

#ifndef HX_FUZZ_ROUTE_H
#define HX_FUZZ_ROUTE_H

#include "hx_fuzz.h"
#include "hx_route.h"


static inline hx_operation_t *
hx_fuzz_operations(unsigned *n)
{
    char                   err[256];
    unsigned               i;
    const hx_operation_t  *from;

    static unsigned        n_ops;
    static hx_operation_t  ops[HX_ROUTE_OPERATIONS];

    if (n_ops == 0) {
        n_ops = hx_route_hx_sdp(&from);

        for (i = 0; i < n_ops; i++) {
            ops[i] = from[i];
            hx_fuzz_check(hx_route_compile(&ops[i], err, sizeof(err))
                          == HX_OK);
        }
    }

    *n = n_ops;

    return ops;
}


#endif /* HX_FUZZ_ROUTE_H */
