/*
 * hx_cost.h -- what a finished request is charged.  Pure; tenths of a CU.
 */

#ifndef HX_COST_H
#define HX_COST_H

#include "hx_types.h"

/*
 * cost when the engine itself answered 2xx or 304, else 0 (contract, section
 * 5).  from_engine: the status is the engine's, not one nginx made up.
 */
uint32_t hx_cost_charge(uint32_t cost, unsigned status, int from_engine);

/*
 * used / quota (tenths of a CU) in ten-thousandths, rounded half up: 1234 is
 * 0.1234.  Without a quota (UINT64_MAX) 0; of a quota of 0 whatever is used is
 * all of it, 10000.
 */
uint64_t hx_cost_utilization(uint64_t used, uint64_t quota);

#endif /* HX_COST_H */
