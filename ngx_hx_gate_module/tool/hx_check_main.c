/*
 * hx_check_main.c -- hx-gate-check: the hardening checklist of HX Gate, run
 * against a live deployment.  It reads, connects and asks; it changes nothing.
 *
 * Exit code 0: all that applies is as it should be; 1: something failed, or
 * could not be checked; 2: could not run, with a message.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_items.h"
#include "hx_text.h"
#include "hx_version.h"

#define HX_CHECK_FAILED   1
#define HX_CHECK_NOT_RUN  2
#define HX_CHECK_SCHEMA   1         /* of --json */

typedef struct {
    const char  *name;
    const char  *title;
    void       (*run)(const hx_deploy_t *dp, hx_line_t *l);
} hx_check_item_t;

static const hx_check_item_t  hx_check_items[] = {
    { "service-key", "service key: length, source, who can read it",
      hx_item_service_key },
    { "gate", "the gate is on, and there is no way past it", hx_item_gate },
    { "engine-auth", "the engine requires the service key",
      hx_item_engine_auth },
    { "tls", "TLS 1.2 or 1.3 on the gate's listeners", hx_item_tls },
    { "engine-tls", "nobody listens between gate and engine",
      hx_item_engine_tls },
    { "ports", "engine and Redis cannot be reached from outside",
      hx_item_ports },
    { "audit", "every gated request is recorded", hx_item_audit },
    { "audit-shipped", "the audit trail leaves the machine",
      hx_item_audit_shipped },
    { "cors", "only named origins, by https", hx_item_cors },
    { "stripe", "webhook secret of Stripe", hx_item_stripe },
    { "log-level", "no log at debug", hx_item_log_level },
    { "rate-limit", "every tenant is held to a rate", hx_item_rate_limit },
    { "key-age", "age of tenant keys", hx_item_key_age },
    { "images", "container images pinned by digest", hx_item_images },
    { "updates", "pending security updates", hx_item_updates },
};

#define HX_CHECK_COUNT   hx_nelts(hx_check_items)

typedef struct {
    unsigned     json:1;
    unsigned     chosen:1;          /* --only was given */
    unsigned     off[HX_CHECK_COUNT];
    hx_line_t    lines[HX_CHECK_COUNT];
    hx_deploy_t  deploy;
} hx_check_t;


static const char  hx_check_usage[] =
    "usage: hx-gate-check [OPTION]...\n"
    "\n"
    "Runs the hardening checklist of HX Gate against a live deployment and\n"
    "prints a table: pass, FAIL with what repairs it, or n/a.  Run it as root\n"
    "on the machine of the gate.\n"
    "\n"
    "The configuration:\n"
    "  --nginx FILE       nginx (that of the running process, or of PATH)\n"
    "  --conf FILE        its -c\n"
    "  --prefix DIR       its -p\n"
    "  --pid PID|FILE     its master process, when several run here\n"
    "  --dump FILE        a saved output of \"nginx -T\" instead; - is stdin\n"
    "Environment variables of nginx (they cannot be read from the process):\n"
    "  --env-file FILE    lines NAME=value\n"
    "  --own-env          this program was started with the same ones\n"
    "Checks:\n"
    "  --only CHECK,...   these only; may be repeated\n"
    "  --skip CHECK,...   all but these; may be repeated\n"
    "  --max-key-age N    days, of tenants' keys (90)\n"
    "  --max-rate N       requests a second, of one tenant (10000)\n"
    "  --images FILE      compose file, manifest or Dockerfile; repeatable\n"
    "  --shipper FILE     a log shipper's configuration; repeatable\n"
    "  --engine-pid PID   when its port does not lead to it\n"
    "  --timeout MS       of each connection and answer (5000)\n"
    "  --proc DIR         instead of /proc\n"
    "  --apt-lists DIR    instead of /var/lib/apt/lists\n"
    "  --json             one JSON object instead of the table\n"
    "  --list             names of the checks\n"
    "  --help\n"
    "  --version\n"
    "\n"
    "Exit code: 0 all passed or n/a, 1 something failed or could not be\n"
    "checked, 2 could not run.\n";


/* Names of checks with commas between them: "off" becomes that in each. */

static int
hx_check_names(hx_check_t *c, const char *names, unsigned off)
{
    size_t  i, n;

    do {
        n = strcspn(names, ",");

        for (i = 0; i < HX_CHECK_COUNT; i++) {
            if (strlen(hx_check_items[i].name) == n
                && strncmp(hx_check_items[i].name, names, n) == 0)
            {
                c->off[i] = off;
                break;
            }
        }

        if (i == HX_CHECK_COUNT) {
            return hx_check_fail("there is no check \"%.*s\", see --list",
                                 n < 40 ? (int) n : 40, names);
        }

        names += n;
    } while (*names++ == ',');

    return 0;
}


static int
hx_check_only(hx_check_t *c, const char *names)
{
    size_t  i;

    if (!c->chosen) {
        c->chosen = 1;

        for (i = 0; i < HX_CHECK_COUNT; i++) {
            c->off[i] = 1;
        }
    }

    return hx_check_names(c, names, 0);
}


static int
hx_check_number(const char *option, const char *value, uint64_t max,
    uint64_t *n)
{
    if (hx_text_parse_u64((const unsigned char *) value, strlen(value), max, n)
        != HX_OK || *n == 0)
    {
        return hx_check_fail("--%s: must be a number from 1 to %llu", option,
                             (unsigned long long) max);
    }

    return 0;
}


/* A number, or a file that holds one. */

static int
hx_check_pid(const char *value, pid_t *pid)
{
    char            why[HX_SYS_WHY];
    size_t          len;
    uint64_t        n;
    unsigned char  *data;

    data = NULL;

    if (value[0] < '0' || value[0] > '9') {
        if (hx_sys_read(value, 64, &data, &len, why) != HX_OK) {
            return hx_check_fail("--pid %s: %s", value, why);
        }

        data[strcspn((char *) data, "\n")] = '\0';
        value = (char *) data;
    }

    if (hx_text_parse_u64((const unsigned char *) value, strlen(value),
                          INT32_MAX, &n) != HX_OK || n == 0)
    {
        free(data);
        return hx_check_fail("--pid: must be a process, or a file with its "
                             "number");
    }

    free(data);
    *pid = (pid_t) n;

    return 0;
}


static int
hx_check_file(const char *option, const char *value, const char **files,
    unsigned *n)
{
    if (*n == HX_DEPLOY_FILES) {
        return hx_check_fail("--%s: at most %d times", option,
                             HX_DEPLOY_FILES);
    }

    files[(*n)++] = value;

    return 0;
}


static const struct option  hx_check_options[] = {
    { "nginx", required_argument, NULL, 'n' },
    { "conf", required_argument, NULL, 'c' },
    { "prefix", required_argument, NULL, 'p' },
    { "pid", required_argument, NULL, 'P' },
    { "dump", required_argument, NULL, 'd' },
    { "env-file", required_argument, NULL, 'e' },
    { "own-env", no_argument, NULL, 'E' },
    { "only", required_argument, NULL, 'o' },
    { "skip", required_argument, NULL, 's' },
    { "max-key-age", required_argument, NULL, 'a' },
    { "max-rate", required_argument, NULL, 'r' },
    { "images", required_argument, NULL, 'i' },
    { "shipper", required_argument, NULL, 'S' },
    { "engine-pid", required_argument, NULL, 'g' },
    { "timeout", required_argument, NULL, 't' },
    { "proc", required_argument, NULL, 'x' },
    { "apt-lists", required_argument, NULL, 'A' },
    { "json", no_argument, NULL, 'j' },
    { "list", no_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


/* Those that say where something is; -1: it is none of them. */

static int
hx_check_place(hx_deploy_t *dp, int option, const char *value)
{
    size_t  i;

    const struct {
        int           option;
        const char  **to;
    } places[] = {
        { 'n', &dp->nginx }, { 'c', &dp->conf }, { 'p', &dp->prefix },
        { 'd', &dp->dump_file }, { 'e', &dp->env_file }, { 'x', &dp->proc },
        { 'A', &dp->apt_lists }
    };

    for (i = 0; i < hx_nelts(places); i++) {
        if (places[i].option == option) {
            *places[i].to = value;
            return 0;
        }
    }

    return -1;
}


static int
hx_check_option(hx_check_t *c, int option, const char *value)
{
    int           rc;
    uint64_t      n;
    hx_deploy_t  *dp = &c->deploy;

    switch (option) {

    case 'P':
        return hx_check_pid(value, &dp->pid);

    case 'g':
        return hx_check_pid(value, &dp->engine_pid);

    case 'o':
        return hx_check_only(c, value);

    case 's':
        return hx_check_names(c, value, 1);

    case 'i':
        return hx_check_file("images", value, dp->images, &dp->n_images);

    case 'S':
        return hx_check_file("shipper", value, dp->shippers, &dp->n_shippers);

    case 'r':
        return hx_check_number("max-rate", value, UINT32_MAX, &dp->max_rate);

    case 'a':
        rc = hx_check_number("max-key-age", value, 36500, &n);
        dp->max_age = (unsigned) n;
        return rc;

    case 't':
        rc = hx_check_number("timeout", value, 600000, &n);
        dp->timeout = (unsigned) n;
        return rc;

    default:
        return HX_CHECK_NOT_RUN;
    }
}


/* 0, an exit code, or -1: it was all that was asked for. */

static int
hx_check_getopt(hx_check_t *c, int argc, char **argv)
{
    int     option, rc;
    size_t  i;

    while ((option = getopt_long(argc, argv, "", hx_check_options, NULL))
           != -1)
    {
        switch (option) {

        case 'h':
            fputs(hx_check_usage, stdout);
            return -1;

        case 'v':
            puts("hx-gate-check " HX_VERSION);
            return -1;

        case 'l':
            for (i = 0; i < HX_CHECK_COUNT; i++) {
                printf("%-14s %s\n", hx_check_items[i].name,
                       hx_check_items[i].title);
            }

            return -1;

        case 'j':
            c->json = 1;
            break;

        case 'E':
            c->deploy.own_env = 1;
            break;

        default:
            rc = hx_check_place(&c->deploy, option, optarg);

            if (rc == -1) {
                rc = hx_check_option(c, option, optarg);
            }

            if (rc != 0) {
                return rc;
            }
        }
    }

    if (optind != argc) {
        return hx_check_fail("\"%s\": there are options only, see --help",
                             argv[optind]);
    }

    return 0;
}


static int
hx_check_flush(int rc)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return hx_check_fail("standard output: %s", strerror(errno));
    }

    return rc;
}


static int
hx_check_run(hx_check_t *c)
{
    size_t      i;
    unsigned    n[HX_LINE_FAIL + 1], failed;
    hx_line_t  *l;

    memset(n, 0, sizeof(n));

    for (i = 0; i < HX_CHECK_COUNT; i++) {
        if (!c->off[i]) {
            l = &c->lines[i];
            hx_check_items[i].run(&c->deploy, l);
            n[l->result]++;
        }
    }

    failed = n[HX_LINE_FAIL] + n[HX_LINE_UNKNOWN];

    if (c->json) {
        printf("{\"version\":%d,\"ok\":%s,\"passed\":%u,\"failed\":%u,"
               "\"not_checked\":%u,\"not_applicable\":%u,\"checks\":[",
               HX_CHECK_SCHEMA, failed == 0 ? "true" : "false",
               n[HX_LINE_PASS], failed, n[HX_LINE_UNKNOWN], n[HX_LINE_NA]);
    }

    for (i = 0, l = NULL; i < HX_CHECK_COUNT; i++) {
        if (c->off[i]) {
            continue;
        }

        if (c->json) {
            hx_line_print_json(&c->lines[i], hx_check_items[i].name,
                               hx_check_items[i].title, l == NULL);

        } else {
            hx_line_print(&c->lines[i], hx_check_items[i].name);
        }

        l = &c->lines[i];
    }

    if (c->json) {
        printf("]}\n");

    } else {
        printf("%u passed, %u failed (%u of them not checked), %u n/a\n",
               n[HX_LINE_PASS], failed, n[HX_LINE_UNKNOWN], n[HX_LINE_NA]);
    }

    return hx_check_flush(failed != 0 ? HX_CHECK_FAILED : 0);
}


int
main(int argc, char **argv)
{
    int  rc;

    static hx_check_t  check;

    check.deploy.proc = "/proc";
    check.deploy.apt_lists = "/var/lib/apt/lists";
    check.deploy.timeout = 5000;
    check.deploy.max_age = 90;
    check.deploy.max_rate = 10000;

    rc = hx_check_getopt(&check, argc, argv);

    if (rc == -1) {
        return hx_check_flush(0);
    }

    if (rc != 0) {
        return rc;
    }

    /* whoever hangs up is told by an error; a resolver is not waited for */

    (void) signal(SIGPIPE, SIG_IGN);
    (void) setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);

    rc = hx_deploy_load(&check.deploy);

    if (rc == 0) {
        rc = hx_check_run(&check);
    }

    hx_deploy_free(&check.deploy);

    return rc;
}
