/*
 * hx_metrics_fleet.c -- see the header.
 */

#include <stddef.h>

#include "hx_metrics_fleet.h"
#include "hx_metrics_impl.h"


static void
hx_metrics_fleet_redis(hx_buf_t *b, const hx_metrics_redis_t *m,
    const hx_metrics_fleet_now_t *now)
{
    size_t    i;
    uint64_t  v;

    static const char  failed[] = "hx_gate_redis_failures_total";

    static const struct {
        size_t       at;
        const char  *name;
        const char  *help;
    } counter[] = {
        { offsetof(hx_metrics_redis_t, asked), "hx_gate_redis_operations_total",
          "Operations that were put on a connection to Redis." },
        { offsetof(hx_metrics_redis_t, answered), "hx_gate_redis_replies_total",
          "Replies of Redis that somebody waited for." },
        { offsetof(hx_metrics_redis_t, errors),
          "hx_gate_redis_error_replies_total",
          "Replies of Redis that are errors." },
        { offsetof(hx_metrics_redis_t, late),
          "hx_gate_redis_late_replies_total",
          "Replies of Redis that came after their timeout." },
        { offsetof(hx_metrics_redis_t, cancelled),
          "hx_gate_redis_cancelled_total",
          "Operations that nobody waited for any more." },
        { offsetof(hx_metrics_redis_t, connects),
          "hx_gate_redis_connections_total",
          "Connections to Redis that could be used." },
        { offsetof(hx_metrics_redis_t, reconnects),
          "hx_gate_redis_reconnects_total",
          "Attempts to connect to Redis after the first." },
        { offsetof(hx_metrics_redis_t, openings),
          "hx_gate_redis_breaker_openings_total",
          "Times that a worker stopped asking a Redis in trouble." },
        { offsetof(hx_metrics_redis_t, redirects),
          "hx_gate_redis_redirects_total",
          "Operations that were sent on to another server of a cluster." },
        { offsetof(hx_metrics_redis_t, scripts),
          "hx_gate_redis_scripts_loaded_total",
          "Scripts that were sent as a text, as Redis did not know them." },
        { offsetof(hx_metrics_redis_t, messages),
          "hx_gate_redis_messages_total",
          "Messages of channels." }
    };

    for (i = 0; i < hx_nelts(counter); i++) {
        v = hx_metrics_load((const uint64_t *) (const void *)
                            ((const char *) m + counter[i].at));

        hx_metrics_family(b, counter[i].name, "counter", counter[i].help);
        hx_metrics_sample(b, counter[i].name, "", v);
    }

    hx_metrics_family(b, failed, "counter",
                      "Operations without a reply of Redis, by reason.");

    for (i = 1; i < now->n_reasons && i < HX_METRICS_REDIS_REASONS; i++) {
        hx_metrics_labelled(b, failed, "reason", now->reason[i],
                            hx_metrics_load(&m->failed[i]));
    }

    hx_metrics_family(b, "hx_gate_redis_breaker_open", "gauge",
                      "1 when the worker that answers does not ask Redis.");
    hx_metrics_sample(b, "hx_gate_redis_breaker_open", "",
                      now->breaker_open != 0);
}


static void
hx_metrics_fleet_limits(hx_buf_t *b, const hx_metrics_fleet_t *m)
{
    size_t  i;

    static const char         name[] = "hx_gate_limit_fallbacks_total";
    static const char         given[] = "hx_gate_limit_given_back_total";
    static const char *const  word[] = { "local", "closed", "open" };

    hx_metrics_family(b, name, "counter", "Requests whose limit Redis could "
                      "not be asked for, by what held then.");

    for (i = 0; i < HX_METRICS_FALLBACKS; i++) {
        hx_metrics_labelled(b, name, "on_error", word[i],
                            hx_metrics_load(&m->fallback[i]));
    }

    hx_metrics_family(b, given, "counter", "What was taken of limits in Redis "
                      "and went back unused: permits, and tenths of a CU.");
    hx_metrics_labelled(b, given, "what", "permits",
                        hx_metrics_load(&m->permits));
    hx_metrics_labelled(b, given, "what", "tenths",
                        hx_metrics_load(&m->tenths));
}


static void
hx_metrics_fleet_leases(hx_buf_t *b, const hx_metrics_fleet_now_t *now)
{
    size_t  i;

    static const char  places[] = "hx_gate_lease_places";

    const struct {
        const char  *name;
        const char  *help;
        uint64_t     value;
    } counter[] = {
        { "hx_gate_lease_full_total",
          "Requests that asked one by one, as the table of leases was full.",
          now->full },
        { "hx_gate_lease_evicted_total",
          "Places of idle tenants that others got.", now->evicted },
        { "hx_gate_lease_recovered_total",
          "Locks of leases that were taken over from the dead.",
          now->recovered }
    };

    hx_metrics_family(b, places, "gauge",
                      "Places for tenants in the table of leases by state.");
    hx_metrics_labelled(b, places, "state", "used", now->places_used);
    hx_metrics_labelled(b, places, "state", "free",
                        now->places - now->places_used);

    for (i = 0; i < hx_nelts(counter); i++) {
        hx_metrics_family(b, counter[i].name, "counter", counter[i].help);
        hx_metrics_sample(b, counter[i].name, "", counter[i].value);
    }
}


void
hx_metrics_fleet_text(hx_buf_t *b, const hx_metrics_fleet_t *m,
    const hx_metrics_fleet_now_t *now)
{
    hx_metrics_fleet_redis(b, &m->redis, now);
    hx_metrics_fleet_limits(b, m);

    if (now->leases) {
        hx_metrics_fleet_leases(b, now);
    }
}
