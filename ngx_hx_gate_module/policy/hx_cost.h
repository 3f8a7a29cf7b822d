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

#endif /* HX_COST_H */
