/*
 * hx_metrics_gauges.c -- what is not counted but known when it is read; see
 * hx_metrics.h.
 */

#include "hx_metrics_impl.h"
#include "hx_text.h"


static void
hx_metrics_gauge(hx_buf_t *b, const char *name, const char *help, uint64_t v)
{
    hx_metrics_family(b, name, "gauge", help);
    hx_metrics_sample(b, name, "", v);
}


static void
hx_metrics_age(hx_buf_t *b, const char *name, const char *help, int64_t ms)
{
    hx_metrics_family(b, name, "gauge", help);

    if (ms >= 0) {
        hx_metrics_words(b, name);
        hx_buf_byte(b, ' ');
        hx_metrics_seconds(b, (uint64_t) ms);
        hx_buf_byte(b, '\n');
    }
}


void
hx_metrics_gauges(hx_buf_t *b, const hx_metrics_gauges_t *g)
{
    static const char  blocks[] = "hx_gate_zone_blocks";

    hx_metrics_gauge(b, "hx_gate_registry_up",
                     "1 when the tenant registry answers, else 0.",
                     g->registry_up != 0);
    hx_metrics_age(b, "hx_gate_registry_age_seconds",
                   "Time since the tenant registry last answered.",
                   g->registry_age);
    hx_metrics_age(b, "hx_gate_registry_staleness_seconds",
                   "Time since this node's replica was last known to be where "
                   "the fleet's registry is.", g->registry_stale);
    hx_metrics_age(b, "hx_gate_usage_flush_age_seconds",
                   "Time since usage was last written to the registry.",
                   g->flush_age);
    hx_metrics_age(b, "hx_gate_fleet_usage_age_seconds",
                   "Time since all usage was exchanged with the other nodes.",
                   g->fleet_usage_age);

    hx_metrics_family(b, blocks, "gauge",
                      "Blocks of the shared memory zone by state.");
    hx_metrics_labelled(b, blocks, "state", "used", g->zone_blocks_used);
    hx_metrics_labelled(b, blocks, "state", "free", g->zone_blocks_free);

    hx_metrics_gauge(b, "hx_gate_zone_bytes",
                     "Size of the shared memory zone.", g->zone_bytes);
    hx_metrics_gauge(b, "hx_gate_zone_tenants",
                     "Tenants that the shared memory zone knows.",
                     g->zone_tenants);
    hx_metrics_gauge(b, "hx_gate_zone_unflushed",
                     "Usage rows that are in shared memory only.",
                     g->zone_unflushed);
}
