/*
 * hx_random.h -- numbers that look random and are always the same: splitmix64
 * (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014).  Not for secrets.
 */

#ifndef HX_RANDOM_H
#define HX_RANDOM_H

#include "hx_types.h"


static inline uint64_t
hx_random(uint64_t *seed)
{
    uint64_t  z;

    z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}

#endif /* HX_RANDOM_H */
