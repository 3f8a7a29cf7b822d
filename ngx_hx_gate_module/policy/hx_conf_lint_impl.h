/*
 * hx_conf_lint_impl.h -- between the files of hx_conf_lint.h: a place that is
 * looked at, the form of a rule, and how directives are found.
 */

#ifndef HX_CONF_LINT_IMPL_H
#define HX_CONF_LINT_IMPL_H

#include "hx_conf_lint.h"
#include "hx_route.h"

/* What a place is; the places that a rule is for. */
#define HX_AT_ON        0x01        /* hx_gate on */
#define HX_AT_SHADOW    0x02
#define HX_AT_ADMIN     0x04        /* hx_gate_admin */
#define HX_AT_METRICS   0x08
#define HX_AT_OPEN      0x10        /* none of them: the gate is off */
#define HX_AT_WEBHOOK   0x20        /* hx_gate_stripe_webhook */
#define HX_AT_HEALTH    0x40        /* says nothing, asks nothing */
#define HX_AT_GATED     (HX_AT_ON|HX_AT_SHADOW)
#define HX_AT_KEYS      (HX_AT_GATED|HX_AT_ADMIN|HX_AT_WEBHOOK)
                                    /* credentials come by */

/* Where a rule's directive counts. */
typedef enum {
    HX_IN_NEAREST = 0,              /* the innermost level that has one, as
                                     * nginx inherits */
    HX_IN_OWN,                      /* the place itself */
    HX_IN_ALL                       /* every level up to the main one */
} hx_lint_scope_t;

#define HX_LINT_SLOTS     1024        /* a power of 2 */

typedef struct hx_lint_named_s  hx_lint_named_t;

struct hx_lint_named_s {
    hx_str_t                name;
    const hx_conf_dir_t    *what;
    hx_lint_named_t        *next;
};

typedef struct {
    hx_lint_named_t        *slot[HX_LINT_SLOTS];
} hx_lint_names_t;

typedef struct {
    hx_conf_text_t         *text;
    const hx_conf_lint_t   *env;
    const hx_conf_dir_t    *http;
    hx_lint_names_t         upstreams;
    hx_lint_names_t         engines;        /* addresses that places pass to
                                             * which are on */
    unsigned                used;           /* HX_AT_* that are somewhere */

    /* operations of the level that was asked for last */
    const hx_conf_dir_t    *ops_level;
    const hx_conf_dir_t   **op_dir;         /* each one's directive */
    hx_operation_t         *op;
    unsigned                n_ops;
} hx_lint_run_t;

/* A location, or a server that stands for one; "if" and "limit_except" too. */
typedef struct {
    hx_lint_run_t          *run;
    const hx_conf_dir_t    *server;
    hx_conf_dir_t          *block;
    const hx_conf_dir_t    *pass;           /* that passes requests on from
                                             * here, or NULL */
    unsigned                what;           /* HX_AT_* */
    hx_str_t                arg;            /* "%a" of the text */
    unsigned char           buf[32];        /* for p->arg */
} hx_lint_place_t;

/* Is it what the rule is about?  May set p->arg. */
typedef int (*hx_lint_is_t)(hx_lint_place_t *p, const hx_conf_dir_t *d);

/*
 * In text "%n" is the name of the directive, "%a" p->arg, "%l" the name of the
 * location.  names: with blanks between them; NULL: is() is asked once, with
 * the place's own block.  Names that begin as those of a module that passes
 * requests on ("proxy_") count where this module does so.
 */
typedef struct {
    hx_lint_level_t         level;
    unsigned                where;
    hx_lint_scope_t         scope;
    const char             *names;
    hx_lint_is_t            is;
    const char             *text;
} hx_lint_rule_t;

typedef struct {
    const hx_lint_rule_t   *rule;
    unsigned                n;
} hx_lint_rules_t;

/* One table a file; together at most 120 rules. */
extern const hx_lint_rules_t  hx_lint_credentials;
extern const hx_lint_rules_t  hx_lint_answers;
extern const hx_lint_rules_t  hx_lint_upstream;
extern const hx_lint_rules_t  hx_lint_cache;
extern const hx_lint_rules_t  hx_lint_backdoor;
extern const hx_lint_rules_t  hx_lint_serve;
extern const hx_lint_rules_t  hx_lint_routes;


/* hx_conf_lint.c: tells it, unless it has been told of this directive. */
void hx_lint_say(const hx_lint_rule_t *rule, unsigned number,
    const hx_lint_place_t *p, hx_conf_dir_t *d);

/*
 * hx_conf_lint_credentials.c: the service key's variable anywhere in http but
 * in a header of a request that is passed on.
 */
void hx_lint_service_key(hx_lint_run_t *run, hx_conf_dir_t *block);

/*
 * hx_conf_lint_files.c: everything that serves files or writes logs.  HX_FAIL:
 * no memory.
 */
hx_rc_t hx_lint_files(hx_lint_run_t *run);

#define HX_LINT_SERVICE_KEY   127       /* its number */
#define HX_LINT_CREDENTIALS   "http_x_api_key http_authorization"
#define HX_LINT_SET_HEADERS   "proxy_set_header grpc_set_header "             \
                              "fastcgi_param uwsgi_param scgi_param"


/* hx_conf_lint_engine.c; HX_FAIL: no memory */

/* Has the blocks of "upstream" found. */
hx_rc_t hx_lint_upstreams(hx_lint_run_t *run);

/* The block of that name, or NULL. */
const hx_conf_dir_t *hx_lint_upstream_of(const hx_lint_run_t *run,
    const hx_str_t *authority);

/* Gated requests go where this directive passes them. */
hx_rc_t hx_lint_add_engine(hx_lint_run_t *run, const hx_conf_dir_t *pass);

/* Does it lead where one of these does? */
int hx_lint_is_gated_upstream(hx_lint_run_t *run, const hx_conf_dir_t *pass);

int hx_lint_is_tls(const hx_conf_dir_t *pass);

/* Is the address of this machine (loopback), or of the network around it? */
int hx_lint_is_near(const hx_str_t *address, int loopback);


/* hx_conf_lint_access.c */

int hx_lint_has_word(const hx_conf_dir_t *d, const char *words);
int hx_lint_has_tls(const hx_conf_dir_t *server);

/* The level whose "allow" and "deny" count in the block, or NULL. */
const hx_conf_dir_t *hx_lint_access(const hx_conf_dir_t *block);

/* Is somebody kept out, by address, password, token or certificate? */
int hx_lint_is_narrowed(const hx_conf_dir_t *server,
    const hx_conf_dir_t *block);


/* hx_conf_lint_names.c */

/* Has the names of http, its servers and their locations found fast. */
void hx_lint_sort_names(hx_conf_dir_t *block);

/*
 * The first directive of the name in a block whose names are sorted, or NULL;
 * d->same is the next one.
 */
hx_conf_dir_t *hx_lint_find(const hx_conf_dir_t *block, const char *name,
    size_t len);
hx_conf_dir_t *hx_lint_own(const hx_conf_dir_t *block, const char *name);

/* The first of the name at the innermost level from block on outwards. */
const hx_conf_dir_t *hx_lint_nearest(const hx_conf_dir_t *block,
    const char *name);


/* hx_conf_lint_find.c */

/* Argument 1 of the nearest one is this word. */
int hx_lint_says(const hx_conf_dir_t *block, const char *name,
    const char *word);

/* Is word i the text? */
int hx_lint_word_is(const hx_conf_dir_t *d, unsigned i, const char *text);

/* The name of the next variable from *at on, which moves behind it. */
int hx_lint_variable(const hx_str_t *s, size_t *at, hx_str_t *name);

/*
 * Does the text use one of the variables ("a b c", without "$")?  "x_" at the
 * end of one: any that begins so.
 */
int hx_lint_uses(const hx_str_t *s, const char *variables);

/* The same of the arguments of a directive, from the given one on. */
int hx_lint_args_use(const hx_conf_dir_t *d, unsigned from,
    const char *variables);

/* What a place is, from its directives and those around it. */
unsigned hx_lint_what(const hx_conf_dir_t *block);

/* Can others than this machine reach the server? */
int hx_lint_public(const hx_conf_dir_t *server);
int hx_lint_listens_public(const hx_conf_dir_t *listen);

/* The directive in the block that passes requests on, or NULL. */
const hx_conf_dir_t *hx_lint_pass(const hx_conf_dir_t *block);

/* Does nginx answer here with "return", before anybody else is asked? */
int hx_lint_answered(const hx_conf_dir_t *server, const hx_conf_dir_t *block);

/*
 * The directive that requests are passed on by from the place, which "if" and
 * "limit_except" have from around them; NULL: they are not.
 */
const hx_conf_dir_t *hx_lint_passed_by(const hx_conf_dir_t *server,
    const hx_conf_dir_t *block);

/* Is this a name of the module whose directive passes on?  Of none: 1. */
int hx_lint_concerns(const hx_conf_dir_t *pass, const char *name, size_t len);

/* "engine:80" of "http://engine:80/x"; of "engine:80" all of it. */
hx_str_t hx_lint_authority(const hx_conf_dir_t *pass);

/* Does a variable begin there that begins with a slash itself? */
int hx_lint_is_path(const hx_str_t *s, size_t at);

/* The block of "location" that answers this path or @name, or NULL. */
hx_conf_dir_t *hx_lint_target(const hx_conf_dir_t *server, const hx_str_t *uri);

/* The operations of a place: run->op.  HX_FAIL: no memory. */
hx_rc_t hx_lint_operations(hx_lint_run_t *run, const hx_conf_dir_t *block);

/* Has the place an operation with this source of namespaces? */
int hx_lint_has_ns(hx_lint_place_t *p, hx_ns_source_t ns);

/* A size as nginx writes it ("8k", "1m", "2g"); dflt when it is none. */
uint64_t hx_lint_size(const hx_str_t *s, uint64_t dflt);

/* Is the text one of the words ("a b c", "x_" as above)? */
int hx_lint_is_word(const hx_str_t *s, const char *words);

#endif /* HX_CONF_LINT_IMPL_H */
