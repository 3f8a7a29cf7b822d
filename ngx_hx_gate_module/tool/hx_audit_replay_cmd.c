/*
 * hx_audit_replay_cmd.c -- the command "replay": options, the registry, and a
 * report of decisions that would be others today.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_replay.h"
#include "hx_audit_select.h"
#include "hx_audit_tenants.h"
#include "hx_audit_tool.h"
#include "hx_crypto.h"
#include "hx_text.h"


typedef struct {
    hx_replay_conf_t    conf;
    unsigned            json:1;
    hx_plan_t           plans[HX_PLANS_MAX];
    const char         *registry;
    hx_tenants_t       *tenants;
    hx_replay_t        *replay;
    char                err[HX_TENANTS_ERR];

    uint64_t            judged;
    uint64_t            left;           /* not judged */
    uint64_t            differ;
    uint64_t            sum[HX_OLD_COUNT][HX_OUTCOME_COUNT];
} hx_replay_cmd_t;


static const char  hx_replay_usage[] =
    "usage: hx-audit replay [OPTION]... FILE...\n"
    "\n"
    "What would today's policy decide for these records?  Prints those whose\n"
    "decision would be another one, and a table.  FILEs: oldest first.\n"
    "\n"
    "  --registry DIR      tenants: state, namespaces, plans; only read\n"
    "  --plan 'NAME requests=N|default window=TIME quota=CU|unlimited\n"
    "          [overage=on|off]'  a plan besides, or instead of one of, the\n"
    "                      built-in ones; may be repeated; needs --registry\n"
    "  --default-rate N/S  requests and seconds of tenants whose plan has\n"
    "                      none (100/60), of all without --registry\n"
    "  --no-rate           do not judge the sliding window\n"
    "  --no-quota          do not judge the monthly quota\n"
    "  --json\n"
    "  --help\n"
    "\n"
    "What it cannot know: API keys are not in the trail, so whether a request\n"
    "would be authenticated is judged by the existence and state of its\n"
    "tenant.  Bodies are not either: what was refused for its body or size\n"
    "(400, 405, 408, 413, 414, 415, 503) is not judged.  Without the member\n"
    "\"outcome\" a 404 of a known operation is taken for the engine's.  CUs\n"
    "are those of the records; a request that was refused then and would be\n"
    "let in now is taken to cost what its operation costs.  The clock of the\n"
    "window is \"ts\", the end of a request; window and quota are empty\n"
    "before the first record.\n"
    "\n"
    "Exit code: 0 nothing differs, 1 decisions differ, 2 could not run.\n";


/* "30", "30s", "5m", "2h", "1d" in seconds; 0 = bad. */

static uint32_t
hx_replay_seconds(const char *s, size_t len)
{
    uint64_t  n, unit;

    unit = 1;

    if (len > 1 && (s[len - 1] < '0' || s[len - 1] > '9')) {
        switch (s[len - 1]) {

        case 's':
            break;

        case 'm':
            unit = 60;
            break;

        case 'h':
            unit = 3600;
            break;

        case 'd':
            unit = 86400;
            break;

        default:
            return 0;
        }

        len--;
    }

    if (hx_text_parse_u64((const unsigned char *) s, len,
                          HX_WINDOW_SECONDS_MAX, &n) != HX_OK
        || n * unit > HX_WINDOW_SECONDS_MAX)
    {
        return 0;
    }

    return (uint32_t) (n * unit);
}


static int
hx_replay_quota(const char *s, size_t len, uint64_t *tenths)
{
    uint64_t  n;

    if (len == 9 && memcmp(s, "unlimited", 9) == 0) {
        *tenths = HX_QUOTA_UNLIMITED;
        return 1;
    }

    *tenths = 0;

    if (len > 2 && s[len - 2] == '.') {
        if (s[len - 1] < '0' || s[len - 1] > '9') {
            return 0;
        }

        *tenths = (uint64_t) (s[len - 1] - '0');
        len -= 2;
    }

    if (hx_text_parse_u64((const unsigned char *) s, len, HX_QUOTA_MAX, &n)
        != HX_OK)
    {
        return 0;
    }

    *tenths += n * 10;

    return 1;
}


/* One word of --plan behind its name; *seen: a bit for each. */

static int
hx_replay_plan_word(hx_plan_t *plan, const char *s, size_t len, unsigned *seen)
{
    uint64_t  n;

    if (len > 9 && memcmp(s, "requests=", 9) == 0) {
        *seen |= 1;
        plan->requests = 0;

        if (len == 16 && memcmp(s + 9, "default", 7) == 0) {
            return 1;
        }

        if (hx_text_parse_u64((const unsigned char *) s + 9, len - 9,
                              UINT32_MAX, &n) != HX_OK)
        {
            return 0;
        }

        plan->requests = (uint32_t) n;
        return n != 0;
    }

    if (len > 7 && memcmp(s, "window=", 7) == 0) {
        *seen |= 2;
        plan->window_s = hx_replay_seconds(s + 7, len - 7);
        return plan->window_s != 0;
    }

    if (len > 6 && memcmp(s, "quota=", 6) == 0) {
        *seen |= 4;
        return hx_replay_quota(s + 6, len - 6, &plan->quota);
    }

    if (len == 10 && memcmp(s, "overage=on", 10) == 0) {
        plan->overage = 1;
        return 1;
    }

    return len == 11 && memcmp(s, "overage=off", 11) == 0;
}


static int
hx_replay_plan(hx_replay_cmd_t *cmd, const char *value)
{
    size_t       len;
    unsigned     i, seen;
    hx_plan_t    plan;
    const char  *p;

    memset(&plan, 0, sizeof(hx_plan_t));
    seen = 0;

    for (p = value + strspn(value, " "); *p != '\0'; p += strspn(p, " ")) {
        len = strcspn(p, " ");

        if (plan.name.data == NULL) {
            plan.name.data = (const unsigned char *) p;
            plan.name.len = len;

        } else if (!hx_replay_plan_word(&plan, p, len, &seen)) {
            return hx_tool_fail("--plan: \"%.*s\" is not understood",
                                (int) (len < 100 ? len : 100), p);
        }

        p += len;
    }

    if (plan.name.len == 0 || plan.name.len > HX_PLAN_MAX
        || (seen & 5) != 5 || (plan.requests != 0 && !(seen & 2)))
    {
        return hx_tool_fail("--plan: must be like 'NAME requests=100 "
                            "window=60s quota=1000'");
    }

    for (i = 0; i < cmd->conf.n_plans; i++) {
        if (cmd->plans[i].name.len == plan.name.len
            && memcmp(cmd->plans[i].name.data, plan.name.data, plan.name.len)
               == 0)
        {
            break;
        }
    }

    if (i == HX_PLANS_MAX) {
        return hx_tool_fail("--plan: at most %d plans", HX_PLANS_MAX);
    }

    cmd->plans[i] = plan;

    if (i == cmd->conf.n_plans) {
        cmd->conf.n_plans++;
    }

    return HX_TOOL_OK;
}


static int
hx_replay_rate(hx_replay_cmd_t *cmd, const char *value)
{
    uint64_t     n;
    const char  *slash;

    slash = strchr(value, '/');

    if (slash == NULL
        || hx_text_parse_u64((const unsigned char *) value,
                             (size_t) (slash - value), UINT32_MAX, &n) != HX_OK
        || n == 0
        || (cmd->conf.dflt.window_s =
            hx_replay_seconds(slash + 1, strlen(slash + 1))) == 0)
    {
        return hx_tool_fail("--default-rate: must be like 100/60, not \"%s\"",
                            value);
    }

    cmd->conf.dflt.requests = (uint32_t) n;

    return HX_TOOL_OK;
}


static hx_rc_t
hx_replay_ask(void *data, const hx_str_t *id, hx_tenant_t *t)
{
    hx_replay_cmd_t  *cmd = data;

    return hx_tenants_get(cmd->tenants, id, t, cmd->err);
}


static void
hx_replay_print(const hx_replay_cmd_t *cmd, const hx_record_t *r,
    const hx_replay_answer_t *a)
{
    if (!cmd->json) {
        printf("%.24s ", (const char *) r->ts.data);
        hx_tool_print(stdout, &r->tenant);
        printf(" ");
        hx_tool_print(stdout, &r->request_id);
        printf(" %u %s\n", r->status, hx_outcome_word(a->outcome));
        return;
    }

    printf("%s{\"ts\":\"%.24s\",\"tenant_id\":", cmd->differ > 1 ? "," : "",
           (const char *) r->ts.data);
    hx_tool_print_json(stdout, &r->tenant);
    printf(",\"request_id\":");
    hx_tool_print_json(stdout, &r->request_id);
    printf(",\"status\":%u,\"decision\":\"%s\"}", r->status,
           hx_outcome_word(a->outcome));
}


static int
hx_replay_each(void *data, const hx_record_t *r, const hx_line_t *line)
{
    hx_rc_t              rc;
    hx_replay_cmd_t     *cmd = data;
    hx_replay_answer_t   a;

    rc = hx_replay_record(cmd->replay, r, &a);

    if (rc == HX_NO) {
        return hx_tool_fail("more than %d tenants", HX_REPLAY_TENANTS);
    }

    if (rc != HX_OK) {
        return hx_tool_fail("--registry %s: %s",
                            cmd->registry != NULL ? cmd->registry : "-",
                            cmd->err[0] != '\0' ? cmd->err : "out of memory");
    }

    if (!a.judged) {
        cmd->left++;
        return HX_TOOL_OK;
    }

    cmd->judged++;
    cmd->sum[a.old][a.outcome]++;

    if (a.differs) {
        cmd->differ++;
        hx_replay_print(cmd, r, &a);
    }

    return HX_TOOL_OK;
}


static const char *
hx_replay_old_word(hx_old_t old)
{
    static const char *const  words[HX_OLD_COUNT] = {
        "allowed", "401", "403", "404", "429"
    };

    return words[old];
}


static void
hx_replay_table(const hx_replay_cmd_t *cmd)
{
    unsigned  i, k;

    printf("%-8s %-18s %s\n", "was", "would be", "records");

    for (i = 0; i < HX_OLD_COUNT; i++) {
        for (k = 0; k < HX_OUTCOME_COUNT; k++) {
            if (cmd->sum[i][k] != 0) {
                printf("%-8s %-18s %llu\n", hx_replay_old_word((hx_old_t) i),
                       hx_outcome_word((hx_outcome_t) k),
                       (unsigned long long) cmd->sum[i][k]);
            }
        }
    }

    printf("%llu records judged, %llu differ; %llu not judged\n",
           (unsigned long long) cmd->judged, (unsigned long long) cmd->differ,
           (unsigned long long) cmd->left);
}


static void
hx_replay_json_end(const hx_replay_cmd_t *cmd, uint64_t bad)
{
    unsigned     i, k;
    const char  *comma;

    printf("],\"table\":[");
    comma = "";

    for (i = 0; i < HX_OLD_COUNT; i++) {
        for (k = 0; k < HX_OUTCOME_COUNT; k++) {
            if (cmd->sum[i][k] != 0) {
                printf("%s{\"was\":\"%s\",\"decision\":\"%s\",\"records\":"
                       "%llu}", comma, hx_replay_old_word((hx_old_t) i),
                       hx_outcome_word((hx_outcome_t) k),
                       (unsigned long long) cmd->sum[i][k]);
                comma = ",";
            }
        }
    }

    printf("],\"judged\":%llu,\"differ\":%llu,\"not_judged\":%llu,"
           "\"no_records\":%llu}\n", (unsigned long long) cmd->judged,
           (unsigned long long) cmd->differ, (unsigned long long) cmd->left,
           (unsigned long long) bad);
}


static int
hx_replay_run(hx_replay_cmd_t *cmd, char **names, unsigned n)
{
    int          rc;
    uint64_t     bad;
    hx_filter_t  all;

    if (n == 0) {
        return hx_tool_fail("no FILE given, see --help");
    }

    if (cmd->registry != NULL) {
        if (hx_tenants_open(&cmd->tenants, cmd->registry, cmd->err) != HX_OK) {
            return hx_tool_fail("--registry %s: %s", cmd->registry, cmd->err);
        }

        cmd->conf.tenant = hx_replay_ask;
        cmd->conf.data = cmd;
    }

    if (hx_random_secret(&cmd->conf.seed, sizeof(cmd->conf.seed)) != HX_OK
        || (cmd->replay = hx_replay_create(&cmd->conf)) == NULL)
    {
        return hx_tool_fail("out of memory");
    }

    memset(&all, 0, sizeof(hx_filter_t));

    if (cmd->json) {
        printf("{\"differences\":[");
    }

    rc = hx_select_run(&all, names, n, hx_replay_each, cmd, &bad);

    if (rc != HX_TOOL_OK) {
        return rc;
    }

    if (cmd->json) {
        hx_replay_json_end(cmd, bad);

    } else {
        hx_replay_table(cmd);
    }

    rc = hx_tool_flush(cmd->differ != 0 ? HX_TOOL_FOUND : HX_TOOL_OK);
    hx_tool_tell_bad(bad);

    return rc;
}


static int
hx_replay_getopt(hx_replay_cmd_t *cmd, int argc, char **argv)
{
    int  c, rc, planned;

    static const struct option  options[] = {
        { "registry", required_argument, NULL, 'r' },
        { "plan", required_argument, NULL, 'p' },
        { "default-rate", required_argument, NULL, 'd' },
        { "no-rate", no_argument, NULL, 'n' },
        { "no-quota", no_argument, NULL, 'q' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    planned = 0;
    rc = HX_TOOL_OK;

    while (rc == HX_TOOL_OK
           && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
    {
        switch (c) {

        case 'r':
            cmd->registry = optarg;
            break;

        case 'p':
            planned = 1;
            rc = hx_replay_plan(cmd, optarg);
            break;

        case 'd':
            rc = hx_replay_rate(cmd, optarg);
            break;

        case 'n':
            cmd->conf.rate = 0;
            break;

        case 'q':
            cmd->conf.quota = 0;
            break;

        case 'j':
            cmd->json = 1;
            break;

        case 'h':
            return -1;

        default:
            rc = HX_TOOL_FAILED;
        }
    }

    if (rc == HX_TOOL_OK && planned && cmd->registry == NULL) {
        return hx_tool_fail("--plan: needs --registry, which says who is on "
                            "which plan");
    }

    return rc;
}


int
hx_audit_replay_main(int argc, char **argv)
{
    int               rc;
    const hx_plan_t  *builtin;

    static hx_replay_cmd_t  cmd;

    builtin = hx_plan_builtin(&cmd.conf.n_plans);
    memcpy(cmd.plans, builtin, cmd.conf.n_plans * sizeof(hx_plan_t));

    cmd.conf.plans = cmd.plans;
    cmd.conf.dflt.requests = HX_DEFAULT_REQUESTS;
    cmd.conf.dflt.window_s = HX_DEFAULT_WINDOW_S;
    cmd.conf.rate = 1;
    cmd.conf.quota = 1;

    rc = hx_replay_getopt(&cmd, argc, argv);

    if (rc == -1) {
        fputs(hx_replay_usage, stdout);
        return hx_tool_flush(HX_TOOL_OK);
    }

    if (rc == HX_TOOL_OK) {
        rc = hx_replay_run(&cmd, argv + optind, (unsigned) (argc - optind));
    }

    hx_replay_free(cmd.replay);
    hx_tenants_close(cmd.tenants);

    return rc;
}
