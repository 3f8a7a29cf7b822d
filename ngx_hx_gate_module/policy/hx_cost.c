/*
 * hx_cost.c -- see the header.
 */

#include "hx_cost.h"


uint32_t
hx_cost_charge(uint32_t cost, unsigned status, int from_engine)
{
    if (!from_engine) {
        return 0;
    }

    return (status >= 200 && status < 300) || status == 304 ? cost : 0;
}
