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


uint64_t
hx_cost_utilization(uint64_t used, uint64_t quota)
{
    unsigned __int128  n;

    if (quota == UINT64_MAX) {
        return 0;
    }

    if (quota == 0) {
        return used != 0 ? 10000 : 0;
    }

    n = (unsigned __int128) used * 10000 + quota / 2;

    return (uint64_t) (n / quota);
}
