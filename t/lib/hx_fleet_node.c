/*
 * hx_fleet_node.c -- a node of a fleet without nginx: a replica that computes
 * changes, commits them in Redis and follows the log.  Commands on standard
 * input, an answer to each on standard output; t/e2e/test_fleet_store.py drives
 * several of them.
 *
 *    run N       N random changes of its own tenants (and a few of everybody)
 *    follow      where it stands then
 *    load        the same, by a full load
 *    verify      is what was answered "done" there?  "ok", or what is missing
 *    forget      of what was done before it knows nothing any more
 *    digest      a CRC-32 of all records
 *    sha1        of the commit script
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_crypto.h"
#include "hx_reg.h"

#define NODE_TENANTS   24               /* of its own */
#define NODE_SHARED    6
#define NODE_TRIES     1000             /* the others are quicker */

typedef struct {
    char            id[32];
    unsigned        known:1;            /* what it must be is known */
    size_t          len;                /* 0: there is none */
    unsigned char   record[HX_TENANT_RECORD_MAX];
} node_tenant_t;

static hx_place_t           node;
static hx_reg_opt_t         opt;
static uint64_t             seed;
static unsigned             key_number;
static node_tenant_t        own[NODE_TENANTS];
static hx_registry_draft_t  draft;


int
hx_reg_trouble(const char *what, const char *why)
{
    return HX_REG_TROUBLE;
}


void
hx_reg_progress(const hx_reg_opt_t *o, const char *what, uint64_t n,
    uint64_t total)
{
}


static uint64_t
node_random(void)
{
    uint64_t  z;

    z = (seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}


static void
node_die(const char *what)
{
    (void) printf("trouble: %s: %s\n", what, node.err);
    (void) fflush(stdout);
    hx_place_close(&node);
    exit(1);
}


static void
node_change(hx_change_t *c, const char *id)
{
    static char                  ns[16];
    static const hx_change_op_t  ops[] = {
        HX_CHANGE_CREATE, HX_CHANGE_CREATE, HX_CHANGE_CREATE,
        HX_CHANGE_ROTATE, HX_CHANGE_ROTATE, HX_CHANGE_ADD_NAMESPACE,
        HX_CHANGE_REMOVE_NAMESPACE, HX_CHANGE_SUSPEND, HX_CHANGE_ACTIVATE,
        HX_CHANGE_UPDATE_TIER, HX_CHANGE_DELETE
    };

    memset(c, 0, sizeof(hx_change_t));
    c->op = ops[node_random() % hx_nelts(ops)];
    c->now = 1700000000 + node_random() % 1000000;
    c->id.data = (const unsigned char *) id;
    c->id.len = strlen(id);
    c->plan.data = (const unsigned char *) (node_random() % 2 ? "pro"
                                                              : "builder");
    c->plan.len = strlen((const char *) c->plan.data);
    (void) snprintf(ns, sizeof(ns), "ns%u", (unsigned) (node_random() % 40));
    c->n_namespaces = 1;
    c->namespaces[0].data = (const unsigned char *) ns;
    c->namespaces[0].len = strlen(ns);
    c->grace_s = node_random() % 2 ? 0 : 1000;

    memset(c->hash, 0, HX_SHA256_LEN);
    memcpy(c->hash, &seed, sizeof(seed));
    key_number++;
    memcpy(c->hash + 8, &key_number, sizeof(key_number));
}


/* 1: it is done, as an operator would be told. */

static int
node_do(node_tenant_t *t, const char *id)
{
    size_t              len;
    unsigned            i;
    hx_rc_t             rc;
    hx_str_t            ws;
    hx_change_t         change;
    hx_change_result_t  result;

    static unsigned char  record[HX_TENANT_RECORD_MAX];

    node_change(&change, id);

    for (i = 0; i < NODE_TRIES; i++) {
        if (hx_registry_change(node.reg, &change, &result, record, &len, NULL,
                               &draft, node.err)
            != HX_OK)
        {
            node_die("change");
        }

        if (draft.writes.n == 0) {
            return 0;
        }

        ws.data = draft.writes.data;
        ws.len = draft.writes.len;
        rc = hx_place_commit(&node, &ws);

        if (rc == HX_OK) {
            break;
        }

        if (rc == HX_FAIL) {
            node_die("commit");
        }

        if (hx_place_follow(&node) != HX_OK) {
            node_die("follow");
        }
    }

    if (i == NODE_TRIES) {
        (void) snprintf(node.err, sizeof(node.err), "never the first");
        node_die("commit");
    }

    if (t != NULL) {
        t->known = 1;
        t->len = change.op == HX_CHANGE_DELETE ? 0 : len;
        memcpy(t->record, record, t->len);
    }

    return 1;
}


static void
node_run(unsigned n)
{
    char            id[32];
    unsigned        i, done;
    node_tenant_t  *t;

    done = 0;

    for (i = 0; i < n; i++) {
        if (node_random() % 8 == 0) {
            (void) snprintf(id, sizeof(id), "all-%u",
                            (unsigned) (node_random() % NODE_SHARED));
            done += (unsigned) node_do(NULL, id);

        } else {
            t = &own[node_random() % NODE_TENANTS];
            done += (unsigned) node_do(t, t->id);
        }
    }

    (void) printf("%u done\n", done);
}


static void
node_verify(void)
{
    size_t          len;
    hx_rc_t         rc;
    unsigned        i;
    hx_str_t        id;

    static unsigned char  record[HX_TENANT_RECORD_MAX];

    for (i = 0; i < NODE_TENANTS; i++) {
        if (!own[i].known) {
            continue;
        }

        id.data = (const unsigned char *) own[i].id;
        id.len = strlen(own[i].id);
        len = 0;
        rc = hx_registry_value(node.reg, HX_WRITESET_TENANTS, &id, record,
                               sizeof(record), &len, node.err);

        if (rc == HX_FAIL || (rc == HX_OK) != (own[i].len != 0)
            || len != own[i].len || memcmp(record, own[i].record, len) != 0)
        {
            (void) printf("lost: %s\n", own[i].id);
            return;
        }
    }

    (void) printf("ok\n");
}


static int
node_each(void *data, hx_raw_t how, const hx_str_t *key,
    const hx_str_t *value)
{
    uint32_t   len, *crc = data;

    len = (uint32_t) key->len;
    *crc = hx_crc32(*crc, &len, 4);
    *crc = hx_crc32(*crc, key->data, key->len);
    len = (uint32_t) value->len;
    *crc = hx_crc32(*crc, &len, 4);
    *crc = hx_crc32(*crc, value->data, value->len);

    return 0;
}


static void
node_digest(void)
{
    unsigned  db;
    uint32_t  crc;

    crc = 0;

    for (db = 0; db < HX_WRITESET_DBS; db++) {
        if (hx_registry_compare(node.reg, node.reg, db, node_each, &crc,
                                node.err)
            != HX_OK)
        {
            node_die("digest");
        }
    }

    (void) printf("%08x\n", crc);
}


static void
node_where(hx_rc_t rc)
{
    if (rc != HX_OK) {
        node_die("follow");
    }

    (void) printf("%llu-%.16s\n", (unsigned long long) node.epoch.number,
                  (const char *) node.epoch.token);
}


int
main(int argc, char **argv)
{
    int       n;
    char      line[64];
    unsigned  i;

    if (argc < 3) {
        return 2;
    }

    seed = strtoull(argv[1], NULL, 10);

    for (i = 0; i < NODE_TENANTS; i++) {
        (void) snprintf(own[i].id, sizeof(own[i].id), "n%.8s-%u", argv[1], i);
    }

    if (hx_place_parse(&node, "node", argv + 2, &n, &opt) != HX_OK
        || hx_place_open(&node, 0) != HX_OK)
    {
        node_die("open");
    }

    (void) printf("ready\n");
    (void) fflush(stdout);

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';

        if (strncmp(line, "run ", 4) == 0) {
            node_run((unsigned) strtoul(line + 4, NULL, 10));

        } else if (strcmp(line, "follow") == 0) {
            node_where(hx_place_follow(&node));

        } else if (strcmp(line, "load") == 0) {
            node_where(hx_place_load(&node));

        } else if (strcmp(line, "verify") == 0) {
            node_verify();

        } else if (strcmp(line, "forget") == 0) {
            for (i = 0; i < NODE_TENANTS; i++) {
                own[i].known = 0;
            }

            (void) printf("ok\n");

        } else if (strcmp(line, "sha1") == 0) {
            (void) printf("%s\n", hx_fleet_script_sha1());

        } else {
            node_digest();
        }

        (void) fflush(stdout);
    }

    hx_registry_draft_free(&draft);
    hx_place_close(&node);

    return 0;
}
