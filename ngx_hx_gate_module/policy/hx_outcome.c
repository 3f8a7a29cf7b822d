/*
 * hx_outcome.c -- see the header.
 */

#include "hx_outcome.h"


static const char *const  hx_outcome_words[HX_OUTCOME_COUNT] = {
#define X(name, word)  word,
    HX_OUTCOMES(X)
#undef X
};


const char *
hx_outcome_word(hx_outcome_t o)
{
    return (unsigned) o < HX_OUTCOME_COUNT ? hx_outcome_words[o] : "-";
}
