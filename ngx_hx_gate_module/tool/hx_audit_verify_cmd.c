/*
 * hx_audit_verify_cmd.c -- the command "verify": options, files in, a report
 * out.  What a finding is decides hx_audit_verify.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_audit_lines.h"
#include "hx_audit_tool.h"
#include "hx_audit_verify.h"
#include "hx_json_write.h"


typedef struct {
    hx_verify_conf_t   conf;
    hx_sign_t         *key;
    unsigned           json:1;
    unsigned           quiet:1;
    unsigned           progress:1;
    unsigned char      node[hx_json_string_max(HX_CHAIN_NODE_MAX)];
} hx_verify_options_t;


static const char  hx_verify_usage[] =
    "usage: hx-audit verify [OPTION]... FILE...\n"
    "\n"
    "Checks the chain of an audit trail.  FILEs: oldest first.\n"
    "\n"
    "  --key FILE   check signatures with this key: PEM of an Ed25519 key,\n"
    "               public or private, or the secret of HMAC\n"
    "  --node NAME  the node the trail is of; else that of its first "
    "checkpoint\n"
    "  --live       the last file is still being written\n"
    "  --json       the report as JSON\n"
    "  --quiet      findings only\n"
    "  --progress   tell how far it is, also when stderr is no terminal\n"
    "  --help\n"
    "\n"
    "Exit code: 0 nothing found, 1 findings or nothing to check, 2 could not "
    "run.\n";


static int
hx_verify_read_key(hx_verify_options_t *o, const char *path)
{
    int             fd, saved;
    size_t          len;
    ssize_t         n;
    hx_rc_t         rc;
    const char     *err;
    unsigned char   text[HX_SIGN_FILE_MAX + 1];

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return hx_tool_fail("--key %s: %s", path, strerror(errno));
    }

    n = 0;

    for (len = 0; len < sizeof(text); len += (size_t) n) {
        n = read(fd, text + len, sizeof(text) - len);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            break;
        }
    }

    saved = errno;
    (void) close(fd);

    if (n == -1) {
        return hx_tool_fail("--key %s: %s", path, strerror(saved));
    }

    err = "the key cannot be used";
    hx_sign_free(o->key);
    rc = hx_sign_read(&o->key, text, len, &err);
    hx_cleanse(text, sizeof(text));

    return rc == HX_OK ? HX_TOOL_OK : hx_tool_fail("--key %s: %s", path, err);
}


static int
hx_verify_set_node(hx_verify_options_t *o, const char *name)
{
    size_t    len;
    hx_buf_t  b;

    len = strlen(name);

    if (len == 0 || len > HX_CHAIN_NODE_MAX) {
        return hx_tool_fail("--node: must have 1 to %d bytes",
                            HX_CHAIN_NODE_MAX);
    }

    hx_buf_init(&b, o->node, sizeof(o->node));
    hx_json_escape(&b, (const unsigned char *) name, len);

    o->conf.node.data = o->node;
    o->conf.node.len = hx_buf_len(&b);

    return HX_TOOL_OK;
}


/* HX_TOOL_OK = go on; -1 = help was asked for. */

static int
hx_verify_getopt(int argc, char **argv, hx_verify_options_t *o)
{
    int  c, rc;

    static const struct option  options[] = {
        { "key", required_argument, NULL, 'k' },
        { "node", required_argument, NULL, 'n' },
        { "live", no_argument, NULL, 'l' },
        { "json", no_argument, NULL, 'j' },
        { "quiet", no_argument, NULL, 'q' },
        { "progress", no_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    rc = HX_TOOL_OK;

    while (rc == HX_TOOL_OK
           && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
    {
        switch (c) {

        case 'k':
            rc = hx_verify_read_key(o, optarg);
            break;

        case 'n':
            rc = hx_verify_set_node(o, optarg);
            break;

        case 'l':
            o->conf.live = 1;
            break;

        case 'j':
            o->json = 1;
            break;

        case 'q':
            o->quiet = 1;
            break;

        case 'p':
            o->progress = 1;
            break;

        case 'h':
            return -1;

        default:
            return HX_TOOL_FAILED;
        }
    }

    if (rc == HX_TOOL_OK && optind == argc) {
        return hx_tool_fail("verify: no FILE given, see \"hx-audit verify "
                            "--help\"");
    }

    return rc;
}


/* From the trail, so any bytes. */

static void
hx_verify_print_bytes(const void *data, size_t len)
{
    hx_str_t  s;

    s.data = data;
    s.len = len;

    hx_tool_print(stdout, &s);
}


static void
hx_verify_print_one(const char *word, const hx_verify_found_t *f,
    char **names, int note)
{
    if (f->count == 0) {
        return;
    }

    printf("%s%s: %llu\n  %s:%llu: ", note ? "note: " : "", word,
           (unsigned long long) f->count, names[f->first.file],
           (unsigned long long) f->first.line);

    if (f->first.seq != 0) {
        printf("writer ");
        hx_verify_print_bytes(f->first.writer, HX_CHAIN_WRITER);
        printf(" seq %llu: ", (unsigned long long) f->first.seq);
    }

    if (f->number != 0) {
        printf("%llu ", (unsigned long long) f->number);
    }

    printf("%s\n", f->text);
}


static void
hx_verify_print(const hx_verify_options_t *o, const hx_verify_result_t *r,
    char **names, unsigned n)
{
    unsigned  i;

    for (i = 0; i < HX_FINDING_COUNT; i++) {
        hx_verify_print_one(hx_finding_word((hx_finding_t) i), &r->finding[i],
                            names, 0);
    }

    if (o->quiet) {
        return;
    }

    for (i = 0; i < HX_NOTE_COUNT; i++) {
        hx_verify_print_one(hx_note_word((hx_note_t) i), &r->note[i], names,
                            1);
    }

    printf("%llu records, %llu checkpoints, %u writers, %u files\n",
           (unsigned long long) r->records,
           (unsigned long long) r->checkpoints, r->writers, n);

    if (r->first_ts[0] != '\0') {
        printf("from ");
        hx_verify_print_bytes(r->first_ts, HX_VERIFY_TS);
        printf(" to ");
        hx_verify_print_bytes(r->last_ts, HX_VERIFY_TS);
        printf("\n");
    }

    for (i = 0; i < r->n_keys; i++) {
        printf("%llu checkpoints %s ", (unsigned long long) r->key[i].count,
               o->conf.key != NULL ? "signed by" : "say they are signed by");
        hx_verify_print_bytes(r->key[i].name, strlen(r->key[i].name));
        printf("\n");
    }

    printf("%llu records are behind the last signed checkpoint of their "
           "writer\n", (unsigned long long) r->unsigned_tail);
}


static void
hx_verify_json_place(const hx_verify_found_t *f, char **names)
{
    hx_str_t  s;

    s.data = (const unsigned char *) names[f->first.file];
    s.len = strlen(names[f->first.file]);

    printf("\"count\":%llu,\"file\":", (unsigned long long) f->count);
    hx_tool_print_json(stdout, &s);
    printf(",\"line\":%llu", (unsigned long long) f->first.line);

    s.data = f->first.seq != 0 ? f->first.writer : NULL;
    s.len = HX_CHAIN_WRITER;

    printf(",\"writer\":");
    hx_tool_print_json(stdout, &s);

    if (f->first.seq != 0) {
        printf(",\"seq\":%llu", (unsigned long long) f->first.seq);

    } else {
        printf(",\"seq\":null");
    }

    if (f->number != 0) {
        printf(",\"text\":\"%llu %s\"", (unsigned long long) f->number,
               f->text);

    } else {
        printf(",\"text\":\"%s\"", f->text);
    }
}


static void
hx_verify_json(const hx_verify_result_t *r, char **names, unsigned n)
{
    unsigned     i;
    const char  *comma;

    printf("{\"ok\":%s,\"findings\":[",
           hx_verify_findings(r) == 0 && r->records + r->checkpoints != 0
           ? "true" : "false");
    comma = "";

    for (i = 0; i < HX_FINDING_COUNT; i++) {
        if (r->finding[i].count != 0) {
            printf("%s{\"kind\":\"%s\",", comma,
                   hx_finding_word((hx_finding_t) i));
            hx_verify_json_place(&r->finding[i], names);
            printf("}");
            comma = ",";
        }
    }

    printf("],\"notes\":[");
    comma = "";

    for (i = 0; i < HX_NOTE_COUNT; i++) {
        if (r->note[i].count != 0) {
            printf("%s{\"note\":\"%s\",", comma, hx_note_word((hx_note_t) i));
            hx_verify_json_place(&r->note[i], names);
            printf("}");
            comma = ",";
        }
    }

    printf("],\"records\":%llu,\"checkpoints\":%llu,\"writers\":%u,"
           "\"files\":%u", (unsigned long long) r->records,
           (unsigned long long) r->checkpoints, r->writers, n);

    if (r->first_ts[0] != '\0') {
        printf(",\"first\":");
        hx_tool_print_json(stdout, &(hx_str_t) { r->first_ts, HX_VERIFY_TS });
        printf(",\"last\":");
        hx_tool_print_json(stdout, &(hx_str_t) { r->last_ts, HX_VERIFY_TS });

    } else {
        printf(",\"first\":null,\"last\":null");
    }

    printf(",\"signed\":[");

    for (i = 0; i < r->n_keys; i++) {
        printf("%s{\"key\":", i != 0 ? "," : "");
        hx_tool_print_json(stdout, &(hx_str_t) {
                           (const unsigned char *) r->key[i].name,
                           strlen(r->key[i].name) });
        printf(",\"count\":%llu}", (unsigned long long) r->key[i].count);
    }

    printf("],\"unsigned_tail\":%llu}\n",
           (unsigned long long) r->unsigned_tail);
}


static int
hx_verify_report(const hx_verify_options_t *o, const hx_verify_result_t *r,
    char **names, unsigned n)
{
    if (o->json) {
        hx_verify_json(r, names, n);

    } else {
        hx_verify_print(o, r, names, n);
    }

    if (r->records + r->checkpoints == 0) {
        if (!o->json) {
            printf("there is no chained line: nothing was checked\n");
        }

        return hx_tool_flush(HX_TOOL_FOUND);
    }

    if (!o->json && !o->quiet) {
        printf("%s\n", hx_verify_findings(r) == 0
               ? "the chains are whole" : "THE TRAIL IS NOT WHOLE");
    }

    return hx_tool_flush(hx_verify_findings(r) == 0
                         ? HX_TOOL_OK : HX_TOOL_FOUND);
}


static int
hx_verify_run(const hx_verify_options_t *o, hx_verify_t *v, char **names,
    unsigned n)
{
    hx_rc_t      rc;
    unsigned     begun;
    hx_line_t    line;
    hx_lines_t   in;

    if (hx_lines_open(&in, names, n,
                      o->progress || (!o->quiet && isatty(STDERR_FILENO)))
        != HX_OK)
    {
        return hx_tool_fail("%s", in.err);
    }

    begun = 0;
    rc = HX_OK;

    while (rc == HX_OK && (rc = hx_lines_next(&in, &line)) == HX_OK) {

        while (begun <= line.file) {
            hx_verify_file(v);
            begun++;
        }

        rc = hx_verify_line(v, line.data, line.len, line.number);

        if (rc != HX_OK) {
            hx_lines_close(&in);
            return hx_tool_fail("%s:%llu: %s", names[line.file],
                                (unsigned long long) line.number,
                                rc == HX_NO ? "more than 65536 writers"
                                : "out of memory, or OpenSSL has failed");
        }
    }

    hx_lines_close(&in);

    if (rc == HX_FAIL) {
        return hx_tool_fail("%s", in.err);
    }

    /* files at the end without a line */

    while (begun < n) {
        hx_verify_file(v);
        begun++;
    }

    return hx_verify_report(o, hx_verify_end(v), names, n);
}


int
hx_audit_verify_main(int argc, char **argv)
{
    int                   rc;
    hx_verify_t          *v;
    hx_verify_options_t   o;

    memset(&o, 0, sizeof(hx_verify_options_t));

    rc = hx_verify_getopt(argc, argv, &o);

    if (rc == -1) {
        fputs(hx_verify_usage, stdout);
        hx_sign_free(o.key);
        return hx_tool_flush(HX_TOOL_OK);
    }

    if (rc == HX_TOOL_OK) {
        o.conf.key = o.key;
        v = hx_verify_create(&o.conf);

        rc = v == NULL ? hx_tool_fail("out of memory")
             : hx_verify_run(&o, v, argv + optind, (unsigned) (argc - optind));

        hx_verify_free(v);
    }

    hx_sign_free(o.key);

    return rc;
}
