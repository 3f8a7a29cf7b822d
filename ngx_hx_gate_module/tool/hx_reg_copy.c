/*
 * hx_reg_copy.c -- hx-gate-registry copy and compare; see hx_reg.h.
 */

#include <stdio.h>
#include <string.h>

#include "hx_reg.h"
#include "hx_text.h"


#define HX_REG_TELL     10              /* records that compare names */
#define HX_REG_ROUNDS   100             /* plans, when others write as well */

static const char *const  hx_reg_names[HX_WRITESET_DBS] = {
    "meta", "keys", "tenants", "billing"
};

typedef struct {
    uint64_t    n[4];                   /* by hx_raw_t */
} hx_reg_count_t;

typedef struct {
    unsigned         db;
    unsigned         deletes:1;         /* this time round */
    unsigned         quiet:1;
    hx_regplan_t       *plan;
    hx_reg_count_t   count;
    uint64_t         told;
} hx_reg_diff_t;


static int
hx_reg_plan_each(void *data, hx_raw_t how, const hx_str_t *key,
    const hx_str_t *value)
{
    hx_reg_diff_t  *d = data;

    if (!d->deletes) {
        d->count.n[how]++;
    }

    if (d->deletes ? how != HX_RAW_EXTRA
                   : how == HX_RAW_SAME || how == HX_RAW_EXTRA)
    {
        return 0;
    }

    if (d->deletes) {
        hx_regplan_delete(d->plan, d->db, key);

    } else {
        hx_regplan_put(d->plan, d->db, key, value);
    }

    hx_regplan_break(d->plan);

    return d->plan->failed;
}


/*
 * A key must never lead to a tenant that is not there, whenever somebody looks:
 * tenants come before their keys, and go after them.
 */

static hx_rc_t
hx_reg_plan(hx_place_t *from, hx_place_t *to, hx_regplan_t *plan,
    hx_reg_count_t *count)
{
    unsigned       i;
    hx_reg_diff_t  d;

    static const unsigned  puts[HX_WRITESET_DBS] = {
        HX_WRITESET_BILLING, HX_WRITESET_TENANTS, HX_WRITESET_KEYS,
        HX_WRITESET_META
    };

    static const unsigned  deletes[HX_WRITESET_DBS] = {
        HX_WRITESET_KEYS, HX_WRITESET_TENANTS, HX_WRITESET_BILLING,
        HX_WRITESET_META
    };

    memset(&d, 0, sizeof(hx_reg_diff_t));
    d.plan = plan;

    for (i = 0; i < 2 * HX_WRITESET_DBS; i++) {
        d.deletes = i >= HX_WRITESET_DBS;
        d.db = d.deletes ? deletes[i - HX_WRITESET_DBS] : puts[i];

        if (hx_registry_compare(from->reg, to->reg, d.db, hx_reg_plan_each, &d,
                                to->err)
            != HX_OK)
        {
            return HX_FAIL;
        }
    }

    *count = d.count;

    return HX_OK;
}


static int
hx_reg_refuse_copy(const hx_place_t *to, const hx_reg_count_t *count)
{
    (void) fprintf(stderr, "hx-gate-registry: nothing was copied: %s has %llu "
                   "records that are others than in FROM, and %llu that FROM "
                   "has not; --replace makes it what FROM is\n", to->name,
                   (unsigned long long) count->n[HX_RAW_DIFFERS],
                   (unsigned long long) count->n[HX_RAW_EXTRA]);

    return HX_REG_REFUSED;
}


/* HX_PENDING: others wrote as well, it is to be planned anew. */

static hx_rc_t
hx_reg_copy_once(hx_place_t *from, hx_place_t *to, uint64_t *written,
    int *code)
{
    hx_rc_t         rc;
    hx_regplan_t       plan;
    hx_reg_count_t  count;

    hx_regplan_init(&plan, to);
    rc = hx_reg_plan(from, to, &plan, &count);
    *code = HX_REG_DONE;

    if (rc == HX_OK && plan.writes != 0) {
        if (!to->opt->replace
            && count.n[HX_RAW_DIFFERS] + count.n[HX_RAW_EXTRA] != 0)
        {
            *code = hx_reg_refuse_copy(to, &count);

        } else {
            rc = hx_regplan_commit(&plan, to);
            *written += rc == HX_OK ? plan.writes : 0;
            rc = rc == HX_NO ? HX_PENDING : rc;
        }
    }

    hx_regplan_free(&plan);

    return rc;
}


int
hx_reg_copy(hx_place_t *from, hx_place_t *to)
{
    int       code;
    hx_rc_t   rc;
    unsigned  i;
    uint64_t  written;

    rc = HX_PENDING;
    code = HX_REG_DONE;
    written = 0;

    for (i = 0; rc == HX_PENDING && i < HX_REG_ROUNDS; i++) {
        rc = hx_reg_copy_once(from, to, &written, &code);
    }

    if (rc != HX_OK) {
        return hx_reg_trouble(to->name, rc == HX_PENDING
                              ? "others change it faster than it is copied"
                              : to->err);
    }

    if (code == HX_REG_DONE && !to->opt->quiet) {
        if (written == 0 && i == 1) {
            (void) printf("nothing to do: %s is what FROM is\n", to->name);

        } else {
            (void) printf("done: %llu records written\n",
                          (unsigned long long) written);
        }
    }

    return code;
}


/* Tenants by name, hashes of keys by their beginning. */

static void
hx_reg_tell(hx_reg_diff_t *d, hx_raw_t how, const hx_str_t *key)
{
    size_t         i;
    unsigned char  hex[17];

    static const char *const  words[] = { "same", "differs", "only in A",
                                          "only in B" };

    if (d->told++ >= HX_REG_TELL || d->quiet) {
        return;
    }

    if (d->db == HX_WRITESET_KEYS && key->len >= 8) {
        hx_text_hex(hex, key->data, 8);
        (void) printf("%-8s %s: %.16s...\n", hx_reg_names[d->db], words[how],
                      (char *) hex);
        return;
    }

    (void) printf("%-8s %s: ", hx_reg_names[d->db], words[how]);

    for (i = 0; i < key->len && i < 100; i++) {
        (void) putchar(key->data[i] > ' ' && key->data[i] <= '~'
                       ? key->data[i] : '.');
    }

    (void) putchar('\n');
}


static int
hx_reg_compare_each(void *data, hx_raw_t how, const hx_str_t *key,
    const hx_str_t *value)
{
    hx_reg_diff_t  *d = data;

    d->count.n[how]++;

    if (how != HX_RAW_SAME) {
        hx_reg_tell(d, how, key);
    }

    return 0;
}


int
hx_reg_compare(hx_place_t *a, hx_place_t *b)
{
    int             code;
    hx_reg_diff_t   d;

    memset(&d, 0, sizeof(hx_reg_diff_t));
    d.quiet = a->opt->quiet;
    code = HX_REG_DONE;

    for (d.db = 0; d.db < HX_WRITESET_DBS; d.db++) {
        memset(&d.count, 0, sizeof(hx_reg_count_t));
        d.told = 0;

        if (hx_registry_compare(a->reg, b->reg, d.db, hx_reg_compare_each, &d,
                                a->err)
            != HX_OK)
        {
            return hx_reg_trouble("compare", a->err);
        }

        if (d.told != 0) {
            code = HX_REG_REFUSED;
        }

        if (!d.quiet) {
            (void) printf("%-8s %llu same, %llu differ, %llu only in A, %llu "
                          "only in B\n", hx_reg_names[d.db],
                          (unsigned long long) d.count.n[HX_RAW_SAME],
                          (unsigned long long) d.count.n[HX_RAW_DIFFERS],
                          (unsigned long long) d.count.n[HX_RAW_MISSING],
                          (unsigned long long) d.count.n[HX_RAW_EXTRA]);
        }
    }

    return code;
}
