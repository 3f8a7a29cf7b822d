/*
 * hx_cmd.c -- the words of the command line, their help, and hx-engine check.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "hx_cmd.h"
#include "hx_conf.h"
#include "hx_version.h"

typedef struct {
    const char  *word;
    int        (*run)(int n, char **args);
} hx_cmd_word_t;

static int hx_cmd_help(int n, char **args);
static int hx_cmd_version(int n, char **args);

static const hx_cmd_word_t  hx_cmd_words[] = {
    { "backup", hx_cmd_backup },
    { "check", hx_cmd_check },
    { "restore", hx_cmd_restore },
    { "help", hx_cmd_help },
    { "--help", hx_cmd_help },
    { "-h", hx_cmd_help },
    { "version", hx_cmd_version },
    { "--version", hx_cmd_version }
};

static const char  hx_cmd_text[] =
"NAME\n"
"    hx-engine - stores tensors and blobs, over HTTP\n"
"\n"
"SYNOPSIS\n"
"    hx-engine\n"
"    hx-engine backup DIR\n"
"    hx-engine check [DIR]\n"
"    hx-engine restore DIR\n"
"    hx-engine help\n"
"    hx-engine version\n"
"\n"
"DESCRIPTION\n"
"    Without a word it serves the store in HOLONOMIX_DATA_DIR until SIGTERM\n"
"    or SIGINT.\n"
"\n"
"    backup   copies the store in HOLONOMIX_DATA_DIR, as it is at a moment,\n"
"             to DIR, which must be empty or not exist.  The store may be\n"
"             served meanwhile; until the copy is made, pages that it frees\n"
"             cannot be used again.  DIR then has a file data.mdb, synced to\n"
"             disk; an interrupted backup leaves no such file.\n"
"\n"
"    check    examines a store or a backup (default: HOLONOMIX_DATA_DIR),\n"
"             also one that is served, and changes nothing: every checksum,\n"
"             every value, and whether all that belongs together is there.\n"
"             What is wrong is printed, a line each:\n"
"                 namespace/key/version: reason\n"
"\n"
"    restore  checks the backup in DIR and copies it to HOLONOMIX_DATA_DIR,\n"
"             where no store may be and no engine may run.\n"
"\n"
"    An engine that is not running cannot be started while its store is\n"
"    copied or checked.  Progress goes to stderr: a bar on a terminal, else\n"
"    at most a line a second.\n"
"\n"
"ENVIRONMENT\n"
"    HOLONOMIX_DATA_DIR  the store (default: /var/lib/hx-engine)\n"
"    Serving needs more, see README.md of hx-engine.\n"
"\n"
"EXIT STATUS\n"
"    0  done; check: nothing is wrong\n"
"    1  failed; check: something is wrong\n"
"    2  wrong command line; check: could not be found out\n";

static volatile sig_atomic_t  hx_cmd_signalled;


int
hx_cmd_fail(int code, const char *text)
{
    fprintf(stderr, "hx-engine: %s\n", text);

    return code;
}


static void
hx_cmd_signal(int sig)
{
    hx_cmd_signalled = 1;
}


void
hx_cmd_signals(void)
{
    (void) signal(SIGINT, hx_cmd_signal);
    (void) signal(SIGTERM, hx_cmd_signal);
    (void) signal(SIGPIPE, SIG_DFL);
}


int
hx_cmd_stopped(void *data)
{
    return hx_cmd_signalled;
}


static int
hx_cmd_help(int n, char **args)
{
    fputs(hx_cmd_text, stdout);

    return 0;
}


static int
hx_cmd_version(int n, char **args)
{
    puts("hx-engine " HX_VERSION);

    return 0;
}


static void
hx_cmd_bad(void *data, const hx_str_t *ns, const hx_str_t *key,
    uint64_t version, const char *why)
{
    hx_progress_end(data);

    if (ns != NULL) {
        printf("%.*s", (int) ns->len, (const char *) ns->data);
    }

    if (key != NULL) {
        printf("/%.*s", (int) key->len, (const char *) key->data);
    }

    if (version != 0) {
        printf("/%llu", (unsigned long long) version);
    }

    printf("%s%s\n", ns != NULL ? ": " : "", why);
}


static void
hx_cmd_progress(void *data, uint64_t done, uint64_t total)
{
    hx_progress_show(data, done, total);
}


hx_store_rc_t
hx_cmd_examine(hx_store_t *s, hx_examined_t *sum, const char **why)
{
    hx_store_rc_t       rc;
    hx_progress_t       p;
    hx_examine_conf_t   conf;

    hx_progress_begin(&p, "check");
    conf.bad = hx_cmd_bad;
    conf.progress = hx_cmd_progress;
    conf.stopped = hx_cmd_stopped;
    conf.data = &p;
    rc = hx_store_examine(s, &conf, sum, why);
    hx_progress_end(&p);

    return rc;
}


int
hx_cmd_check(int n, char **args)
{
    char            err[HX_CMD_ERR];
    const char     *dir, *why;
    hx_store_t     *s;
    hx_examined_t   sum;
    hx_store_rc_t   rc;

    if (n > 1) {
        return hx_cmd_fail(2, "check takes one directory: hx-engine check "
                           "[DIR]");
    }

    dir = n == 1 ? args[0] : hx_conf_data_dir();
    s = hx_store_peek(dir, 1, &rc, err, sizeof(err));

    if (s == NULL) {
        return hx_cmd_fail(rc == HX_STORE_CORRUPT ? 1 : 2, err);
    }

    rc = hx_cmd_examine(s, &sum, &why);
    hx_store_close(s);

    if (rc != HX_STORE_OK) {
        return hx_cmd_fail(2, rc == HX_STORE_NO ? "check: stopped" : why);
    }

    printf("%s: %llu namespaces, %llu keys, %llu deleted, %llu versions of "
           "%llu bytes: ", dir, (unsigned long long) sum.namespaces,
           (unsigned long long) sum.keys, (unsigned long long) sum.deleted,
           (unsigned long long) sum.versions, (unsigned long long) sum.bytes);

    if (sum.bad == 0) {
        printf("nothing is wrong\n");
        return 0;
    }

    printf("%llu wrong\n", (unsigned long long) sum.bad);

    return 1;
}


int
hx_cmd_run(int argc, char **argv)
{
    size_t  i;

    if (argc < 2) {
        return -1;
    }

    for (i = 0; i < hx_nelts(hx_cmd_words); i++) {
        if (strcmp(argv[1], hx_cmd_words[i].word) == 0) {
            hx_cmd_signals();
            return hx_cmd_words[i].run(argc - 2, argv + 2);
        }
    }

    fprintf(stderr, "hx-engine: there is no command '%.40s'; hx-engine help "
            "lists them\n", argv[1]);

    return 2;
}
