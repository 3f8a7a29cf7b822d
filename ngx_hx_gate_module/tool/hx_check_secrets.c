/*
 * hx_check_secrets.c -- the service key, and the secret of Stripe's webhook.
 * Nothing of them but their length is told.
 */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_check.h"
#include "hx_check_items.h"
#include "hx_check_text.h"

#define HX_KEY_ENV       "HX_GATE_ENGINE_SERVICE_KEY"
#define HX_KEY_FIX       "hx_gate_service_key file:/etc/hx-gate/service.key; " \
                         "with what \"openssl rand -hex 32\" prints, for the " \
                         "engine as well"
#define HX_STRIPE_ENV    "HX_GATE_STRIPE_WEBHOOK_SECRET"
#define HX_STRIPE_FIX    "hx_gate_stripe_webhook secret=file:PATH; with the " \
                         "signing secret of the endpoint (whsec_...)"
#define HX_STRIPE_MIN    20         /* characters */


/* Who else may read the file?  0 after a failure. */

static int
hx_secret_file(const hx_secret_t *s, hx_line_t *l)
{
    char         fix[HX_SYS_PATH + 32];
    struct stat  st;

    if (s->path[0] == '\0') {
        return 1;
    }

    if (stat(s->path, &st) != 0) {
        hx_line_unknown(l, NULL, "%s cannot be looked at", s->source);
        return 0;
    }

    if ((st.st_mode & 077) != 0) {
        (void) snprintf(fix, sizeof(fix), "chmod 600 %s", s->path);
        hx_line_fail(l, fix, "%s has mode %04o: others than its owner get at "
                     "it", s->source, (unsigned) st.st_mode & 07777);
        return 0;
    }

    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        (void) snprintf(fix, sizeof(fix), "chown root %s", s->path);
        hx_line_fail(l, fix, "%s belongs to user %u, who can replace it",
                     s->source, (unsigned) st.st_uid);
        return 0;
    }

    return 1;
}


static void
hx_service_key(const hx_secret_t *s, hx_line_t *l)
{
    const char  *weak;

    if (s->len < HX_SERVICE_KEY_MIN) {
        hx_line_fail(l, HX_KEY_FIX, "%s: %zu characters, %d or more are needed",
                     s->source, s->len, HX_SERVICE_KEY_MIN);
        return;
    }

    if (!hx_check_printable(s->data, s->len, HX_SERVICE_KEY_MIN,
                            HX_SERVICE_KEY_MAX))
    {
        hx_line_fail(l, HX_KEY_FIX, "%s: must be %d to %d printable characters "
                     "without blanks", s->source, HX_SERVICE_KEY_MIN,
                     HX_SERVICE_KEY_MAX);
        return;
    }

    weak = hx_secret_weak(s->data, s->len);

    if (weak != NULL) {
        hx_line_fail(l, HX_KEY_FIX, "%s: the key can be guessed, it %s",
                     s->source, weak);
        return;
    }

    if (hx_secret_file(s, l)) {
        hx_line_pass(l, "%s, %zu characters%s", s->source, s->len,
                     s->path[0] != '\0' ? ", only its owner reads it" : "");
    }
}


void
hx_item_service_key(const hx_deploy_t *dp, hx_line_t *l)
{
    hx_rc_t      rc;
    unsigned     id;
    hx_str_t     spec;
    hx_secret_t  s;

    const hx_str_t  dflt = hx_string("env:" HX_KEY_ENV);

    id = hx_dump_find(dp->dump, dp->site.http, "hx_gate_service_key", 0);
    spec = id != 0 ? hx_dump_word(dp->dump, id, 1) : dflt;
    rc = hx_deploy_secret(dp, &spec, &s);

    if (rc == HX_FAIL) {
        hx_line_unknown(l, s.path[0] != '\0' ? "run it as root"
                                             : HX_DEPLOY_ENV_FIX,
                        "%s: %s", s.source, s.why);

    } else if (rc == HX_NO) {
        hx_line_fail(l, HX_KEY_FIX, "%s is not set or empty", s.source);

    } else {
        hx_service_key(&s, l);
    }

    hx_deploy_forget(&s);
}


static void
hx_stripe_secret(const hx_deploy_t *dp, const hx_str_t *spec, hx_line_t *l)
{
    hx_rc_t      rc;
    hx_str_t     text;
    hx_secret_t  s;

    rc = hx_deploy_secret(dp, spec, &s);
    text.data = s.data;
    text.len = rc == HX_OK ? s.len : 0;

    if (rc == HX_FAIL) {
        hx_line_unknown(l, s.path[0] != '\0' ? "run it as root"
                                             : HX_DEPLOY_ENV_FIX,
                        "%s: %s", s.source, s.why);

    } else if (rc == HX_NO) {
        hx_line_fail(l, HX_STRIPE_FIX, "%s is not set or empty", s.source);

    } else if (hx_text_begins(&text, "sk_") || hx_text_begins(&text, "rk_")
               || hx_text_begins(&text, "pk_"))
    {
        hx_line_fail(l, HX_STRIPE_FIX, "%s holds an API key of Stripe, not "
                     "the signing secret of a webhook", s.source);

    } else if (s.len < HX_STRIPE_MIN) {
        hx_line_fail(l, HX_STRIPE_FIX, "%s: %zu characters are too few",
                     s.source, s.len);

    } else if (hx_secret_file(&s, l)) {
        hx_line_pass(l, "%s is set%s", s.source,
                     hx_text_begins(&text, "whsec_") ? ""
                     : " (but does not begin with whsec_)");
    }

    hx_deploy_forget(&s);
}


/* Is an event with a wrong signature refused? */

static void
hx_stripe_ask(const hx_deploy_t *dp, unsigned location, hx_line_t *l)
{
    char           path[HX_SYS_PATH];
    hx_probe_t     p;
    hx_probe_rc_t  rc;

    if (!hx_deploy_target(dp, location, "stripe/webhook", path)
        || hx_deploy_ask(dp, location, "POST", path,
                         "Stripe-Signature: t=1,v1=00\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: 0\r\n", &p, &rc) != HX_OK)
    {
        return;
    }

    if (rc != HX_PROBE_OK) {
        hx_line_unknown(l, "nginx must be running, see --timeout",
                        "%s: %s", hx_deploy_addr(&p.addr), p.why);

    } else if (p.status != 400) {
        hx_line_fail(l, HX_STRIPE_FIX, "%s answers %u to a wrong signature",
                     path, p.status);

    } else {
        hx_line_pass(l, "a wrong signature is refused");
    }
}


void
hx_item_stripe(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned  i, k, n, id;
    hx_str_t  word, spec;

    const hx_str_t  dflt = hx_string("env:" HX_STRIPE_ENV);

    if (dp->site.n_hooks == 0) {
        hx_line_na(l, "no location has hx_gate_stripe_webhook");
    }

    for (i = 0; i < dp->site.n_hooks; i++) {
        id = dp->site.hooks[i];

        for (k = 1, n = 0; k < hx_dump_words(dp->dump, id); k++) {
            word = hx_dump_word(dp->dump, id, k);

            if (hx_text_after(&word, "secret=", &spec)) {
                hx_stripe_secret(dp, &spec, l);
                n++;
            }
        }

        if (n == 0) {
            hx_stripe_secret(dp, &dflt, l);
        }

        if (i < HX_ITEM_ASKED) {
            hx_stripe_ask(dp, hx_dump_parent(dp->dump, id), l);
        }
    }
}
