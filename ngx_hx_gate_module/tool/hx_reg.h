/*
 * hx_reg.h -- between the parts of hx-gate-registry: places that hold a
 * registry, plans of what is to be written, the commands.
 *
 * A place in Redis is looked at through a replica of its own, in a directory
 * that goes when the program ends, so every place is one LMDB to the commands.
 * What is written goes through a plan: writesets, each of which is one commit
 * in Redis; into LMDB all of them are one transaction.
 */

#ifndef HX_REG_H
#define HX_REG_H

#include <time.h>

#include "hx_redis_block.h"
#include "hx_registry_raw.h"
#include "hx_replica.h"

#define HX_REG_MAP        UINT64_C(1073741824)      /* bytes, of lmdb: */
#define HX_REG_TMP_MAP    UINT64_C(17179869184)     /* of a replica; no memory
                                                     * that is not used */
#define HX_REG_PATH       512

/* exit codes */
enum {
    HX_REG_DONE = 0,                    /* or: the same */
    HX_REG_REFUSED = 1,                 /* or: they differ */
    HX_REG_TROUBLE = 2
};

typedef struct {
    unsigned            replace:1;
    unsigned            progress:1;
    unsigned            quiet:1;
    uint64_t            map_size;
    const char         *tmp;            /* directory; NULL: TMPDIR, /dev/shm */
    const char         *file;           /* of import; NULL: standard input */
} hx_reg_opt_t;

typedef struct {
    const char         *name;           /* "FROM" */
    const hx_reg_opt_t *opt;
    char                dir[HX_REG_PATH];   /* of LMDB; "" = Redis */
    hx_redis_target_t     conf;
    hx_fleet_names_t    names;
    hx_redis_t         *redis;
    hx_registry_t      *reg;
    char                tmp[HX_REG_PATH];   /* to be removed; "" = nothing */
    hx_epoch_t          epoch;          /* of reg, where that is a replica */
    void               *touched;        /* what others have written since the
                                         * plan was begun: a set */
    unsigned            reloaded:1;     /* and nobody knows what */
    char                err[HX_REGISTRY_ERR];
} hx_place_t;

/* A line to stderr, "hx-gate-registry: ..."; always HX_REG_TROUBLE. */
int hx_reg_trouble(const char *what, const char *why);

/* At most once a second, where progress is wanted.  total: 0 = unknown. */
void hx_reg_progress(const hx_reg_opt_t *opt, const char *what, uint64_t n,
    uint64_t total);


/* hx_reg_place.c */

/*
 * words: an address, and options; how many words were taken in *n.  HX_OK, or
 * HX_FAIL and p->err.
 */
hx_rc_t hx_place_parse(hx_place_t *p, const char *name, char **words, int *n,
    const hx_reg_opt_t *opt);

/* Opens it (make: also where nothing is yet) and looks at it as it is now. */
hx_rc_t hx_place_open(hx_place_t *p, int make);

void hx_place_close(hx_place_t *p);

/* The file names of a replica's directory, and itself, are removed. */
void hx_place_clean(const char *dir);

/* hx_reg_set.c; zeroed memory is an empty set */

/* HX_OK, HX_NO: it is there already, HX_FAIL: no memory. */
hx_rc_t hx_reg_set_add(void **set, unsigned db, const hx_str_t *key);
int hx_reg_set_has(void *const *set, unsigned db, const hx_str_t *key);
void hx_reg_set_free(void **set);

/* hx_reg_load.c: p->reg is brought to where Redis is */
hx_rc_t hx_place_load(hx_place_t *p);
hx_rc_t hx_place_follow(hx_place_t *p);

/* A command of this place, once more over a new connection if there was no
 * answer: only for what may be said twice. */
hx_rc_t hx_place_ask(hx_place_t *p, hx_fleet_cmd_t *cmd, hx_reply_t **reply);


/* hx_reg_plan.c */

/*
 * One writeset, based on where p->reg stands, into Redis, and then into p->reg.
 * HX_OK; HX_NO: Redis is elsewhere by now, nothing was written; HX_FAIL.
 */
hx_rc_t hx_place_commit(hx_place_t *p, const hx_str_t *writeset);

typedef struct {
    hx_writeset_t      *ws;
    size_t              n;
    size_t              cap;
    unsigned            failed:1;
    uint64_t            writes;
    uint64_t            state;          /* of an lmdb: when it was planned */
} hx_regplan_t;

/* For that place as it is. */
void hx_regplan_init(hx_regplan_t *plan, hx_place_t *to);

void hx_regplan_free(hx_regplan_t *plan);
void hx_regplan_put(hx_regplan_t *plan, unsigned db, const hx_str_t *key,
    const hx_str_t *value);
void hx_regplan_delete(hx_regplan_t *plan, unsigned db, const hx_str_t *key);

/* Up to here it must be one commit; a new one may begin. */
void hx_regplan_break(hx_regplan_t *plan);

/*
 * HX_OK; HX_NO: others have changed meanwhile what it is about: what was
 * committed of the plan is in there, the rest is to be planned anew.
 */
hx_rc_t hx_regplan_commit(hx_regplan_t *plan, hx_place_t *to);


/* The commands; exit codes. */
int hx_reg_copy(hx_place_t *from, hx_place_t *to);
int hx_reg_compare(hx_place_t *a, hx_place_t *b);
int hx_reg_export(hx_place_t *from);
int hx_reg_import(hx_place_t *to);
int hx_reg_usage(hx_place_t *from, hx_place_t *to);     /* neither is open */

/* hx_reg_line.c: one line of import */

#define HX_REG_LINE   1048576           /* bytes */

typedef struct {
    unsigned            n;              /* of the line, for messages */
    unsigned            has_plan:1;
    unsigned            has_status:1;
    unsigned            has_email:1;
    unsigned            has_keys:1;
    unsigned            has_namespaces:1;
    hx_tenant_edit_t    e;              /* what it says; strings in text[] */
    char                why[160];
    size_t              used;
    unsigned char       text[HX_REG_LINE];
} hx_reg_line_t;

/* HX_OK; HX_NO and why. */
hx_rc_t hx_reg_line(hx_reg_line_t *line, const unsigned char *s, size_t len);

#endif /* HX_REG_H */
