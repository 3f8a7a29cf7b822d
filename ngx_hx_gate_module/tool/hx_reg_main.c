/*
 * hx_reg_main.c -- hx-gate-registry: registries of HX Gate are copied,
 * compared, exported and imported, in LMDB and in Redis, also while gates use
 * them.
 *
 * Exit code 0: done, or the same; 1: refused, or they differ; 2: trouble, with
 * a message.
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_reg.h"
#include "hx_version.h"

static const char  hx_reg_help[] =
    "usage: hx-gate-registry [OPTION...] copy FROM TO\n"
    "       hx-gate-registry [OPTION...] compare A B\n"
    "       hx-gate-registry [OPTION...] export FROM\n"
    "       hx-gate-registry [OPTION...] import TO [FILE]\n"
    "       hx-gate-registry [OPTION...] usage FROM TO\n"
    "\n"
    "A place is lmdb:DIR, or an address of Redis as in hx_gate_registry,\n"
    "  redis://[USER@]HOST[:PORT][/DB]  rediss://...\n"
    "  redis+sentinel://HOST:PORT,.../MASTER[/DB]\n"
    "  redis+cluster://HOST:PORT,...\n"
    "followed by its options: password=env:NAME|file:PATH  ca=FILE\n"
    "  certificate=FILE  certificate_key=FILE  server_name=NAME\n"
    "  prefix=NAME  connect_timeout=5s  timeout=5s\n"
    "\n"
    "  --replace        copy: TO becomes what FROM is; import: tenants that\n"
    "                   are there become what the file says\n"
    "  --progress       a line a second on stderr, also when it is no\n"
    "                   terminal\n"
    "  --quiet          nothing on stdout but what export writes\n"
    "  --map-size SIZE  of an lmdb: that is made or written, as in\n"
    "                   hx_gate_registry (1g)\n"
    "  --tmp DIR        where a Redis is looked at through a copy (TMPDIR,\n"
    "                   else /dev/shm)\n"
    "  --help\n"
    "  --version\n";

static hx_place_t             hx_reg_place[2];
static volatile sig_atomic_t  hx_reg_leaving;


int
hx_reg_trouble(const char *what, const char *why)
{
    (void) fprintf(stderr, "hx-gate-registry: %s: %s\n", what, why);

    return HX_REG_TROUBLE;
}


void
hx_reg_progress(const hx_reg_opt_t *opt, const char *what, uint64_t n,
    uint64_t total)
{
    struct timespec  now;

    static time_t  last;

    if (!opt->progress) {
        return;
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    if (last == 0) {
        last = now.tv_sec;
    }

    if (now.tv_sec == last) {
        return;
    }

    last = now.tv_sec;

    if (total != 0) {
        (void) fprintf(stderr, "%s %llu of %llu\n", what,
                       (unsigned long long) n, (unsigned long long) total);

    } else {
        (void) fprintf(stderr, "%s %llu\n", what, (unsigned long long) n);
    }
}


/* What lies in a directory of our own goes too when we are told to go. */

static void
hx_reg_signal(int number)
{
    unsigned  i;

    if (!hx_reg_leaving) {
        hx_reg_leaving = 1;

        for (i = 0; i < 2; i++) {
            hx_place_clean(hx_reg_place[i].tmp);
        }
    }

    _exit(128 + number);
}


static int
hx_reg_bad(const char *what, const char *why)
{
    (void) fprintf(stderr, "hx-gate-registry: %s: %s\n\n%s", what, why,
                   hx_reg_help);

    return HX_REG_TROUBLE;
}


/* 512k, 64m, 1g: bytes, or 0. */

static uint64_t
hx_reg_size(const char *text)
{
    char                *end;
    unsigned             shift;
    unsigned long long   n;

    if (*text < '1' || *text > '9') {
        return 0;
    }

    n = strtoull(text, &end, 10);
    shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 0;
    end += shift != 0;

    return *end == '\0' && n <= (UINT64_C(1) << 44 >> shift) ? n << shift : 0;
}


static int
hx_reg_options(int argc, char **argv, hx_reg_opt_t *opt)
{
    int  c;

    static const struct option  options[] = {
        { "replace", no_argument, NULL, 'r' },
        { "progress", no_argument, NULL, 'p' },
        { "quiet", no_argument, NULL, 'q' },
        { "map-size", required_argument, NULL, 'm' },
        { "tmp", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 }
    };

    memset(opt, 0, sizeof(hx_reg_opt_t));
    opt->map_size = HX_REG_MAP;
    opt->progress = isatty(STDERR_FILENO) ? 1 : 0;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'r':
            opt->replace = 1;
            break;

        case 'p':
            opt->progress = 1;
            break;

        case 'q':
            opt->quiet = 1;
            break;

        case 'm':
            opt->map_size = hx_reg_size(optarg);

            if (opt->map_size < 1048576) {
                return hx_reg_bad("--map-size", "1m or more");
            }

            break;

        case 't':
            opt->tmp = optarg;
            break;

        case 'h':
            (void) fputs(hx_reg_help, stdout);
            exit(HX_REG_DONE);

        case 'v':
            (void) puts("hx-gate-registry " HX_VERSION);
            exit(HX_REG_DONE);

        default:
            (void) fputs(hx_reg_help, stderr);
            return HX_REG_TROUBLE;
        }
    }

    return HX_REG_DONE;
}


static int
hx_reg_run_export(hx_place_t *from, hx_place_t *none)
{
    return hx_reg_export(from);
}


static int
hx_reg_run_import(hx_place_t *to, hx_place_t *none)
{
    return hx_reg_import(to);
}


typedef struct {
    const char  *name;
    int        (*run)(hx_place_t *one, hx_place_t *two);
    unsigned     places;
    const char  *place[2];
    unsigned     made;                  /* this place may be made; 0 = none */
    unsigned     file:1;
    unsigned     closed:1;              /* it opens its places itself */
} hx_reg_command_t;

static const hx_reg_command_t  hx_reg_commands[] = {
    { "copy", hx_reg_copy, 2, { "FROM", "TO" }, 2, 0, 0 },
    { "compare", hx_reg_compare, 2, { "A", "B" }, 0, 0, 0 },
    { "export", hx_reg_run_export, 1, { "FROM", NULL }, 0, 0, 0 },
    { "import", hx_reg_run_import, 1, { "TO", NULL }, 1, 1, 0 },
    { "usage", hx_reg_usage, 2, { "FROM", "TO" }, 0, 0, 1 }
};


static int
hx_reg_places(const hx_reg_command_t *command, char **words,
    hx_reg_opt_t *opt)
{
    int       n;
    unsigned  i;

    for (i = 0; i < command->places; i++) {
        if (*words == NULL) {
            return hx_reg_bad(command->place[i], "missing");
        }

        if (hx_place_parse(&hx_reg_place[i], command->place[i], words, &n, opt)
            != HX_OK)
        {
            return hx_reg_bad(command->place[i], hx_reg_place[i].err);
        }

        words += n;
    }

    if (*words != NULL && command->file) {
        opt->file = strcmp(*words, "-") != 0 ? *words : NULL;
        words++;
    }

    return *words == NULL ? HX_REG_DONE : hx_reg_bad(*words, "what is this?");
}


static int
hx_reg_run(const hx_reg_command_t *command)
{
    unsigned     i;
    hx_place_t  *p;

    for (i = 0; i < command->places && !command->closed; i++) {
        p = &hx_reg_place[i];

        if (hx_place_open(p, command->made == i + 1) != HX_OK) {
            return hx_reg_trouble(p->name, p->err);
        }
    }

    return command->run(&hx_reg_place[0], &hx_reg_place[1]);
}


int
main(int argc, char **argv)
{
    int                code;
    unsigned           i;
    hx_reg_opt_t       opt;
    struct sigaction   sa;

    code = hx_reg_options(argc, argv, &opt);
    if (code != HX_REG_DONE) {
        return code;
    }

    if (optind == argc) {
        (void) fputs(hx_reg_help, stderr);
        return HX_REG_TROUBLE;
    }

    for (i = 0; i < hx_nelts(hx_reg_commands); i++) {
        if (strcmp(argv[optind], hx_reg_commands[i].name) == 0) {
            break;
        }
    }

    if (i == hx_nelts(hx_reg_commands)) {
        return hx_reg_bad(argv[optind], "no command");
    }

    code = hx_reg_places(&hx_reg_commands[i], argv + optind + 1, &opt);
    if (code != HX_REG_DONE) {
        return code;
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = hx_reg_signal;
    (void) sigaction(SIGINT, &sa, NULL);
    (void) sigaction(SIGTERM, &sa, NULL);
    (void) sigaction(SIGHUP, &sa, NULL);
    (void) signal(SIGPIPE, SIG_IGN);

    code = hx_reg_run(&hx_reg_commands[i]);

    for (i = 0; i < 2; i++) {
        hx_place_close(&hx_reg_place[i]);
    }

    return code;
}
