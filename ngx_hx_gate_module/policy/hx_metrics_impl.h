/*
 * hx_metrics_impl.h -- pieces of the text format, between the files of metrics.
 */

#ifndef HX_METRICS_IMPL_H
#define HX_METRICS_IMPL_H

#include "hx_metrics.h"

void hx_metrics_words(hx_buf_t *b, const char *s);

/* # HELP and # TYPE. */
void hx_metrics_family(hx_buf_t *b, const char *name, const char *type,
    const char *help);

/* A line; labels: "", or with braces. */
void hx_metrics_sample(hx_buf_t *b, const char *name, const char *labels,
    uint64_t v);

/* A line with one label, whose value needs no escape. */
void hx_metrics_labelled(hx_buf_t *b, const char *name, const char *label,
    const char *value, uint64_t v);

/* Milliseconds as seconds. */
void hx_metrics_seconds(hx_buf_t *b, uint64_t ms);

/* hx_metrics_gauges.c */
void hx_metrics_gauges(hx_buf_t *b, const hx_metrics_gauges_t *g);

#endif /* HX_METRICS_IMPL_H */
