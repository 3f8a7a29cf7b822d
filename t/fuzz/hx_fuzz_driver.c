/*
 * hx_fuzz_driver.c -- replays inputs through a harness without a fuzzer.
 *
 * Arguments are files; a harness that breaks ends the program with a signal,
 * a file that cannot be read is exit code 2.  Without arguments it fails: a
 * test that replays nothing tests nothing.
 */

#include "hx_fuzz.h"

#define HX_FUZZ_MAX   1048576       /* bytes of one input */


static int
replay(const char *name, uint8_t *buf)
{
    FILE     *f;
    size_t    n;
    uint8_t  *copy;

    f = fopen(name, "rb");

    if (f == NULL) {
        perror(name);
        return 0;
    }

    n = fread(buf, 1, HX_FUZZ_MAX, f);

    if (ferror(f) || fgetc(f) != EOF) {
        fprintf(stderr, "%s: cannot be read, or too large\n", name);
        fclose(f);
        return 0;
    }

    fclose(f);

    copy = hx_fuzz_copy(buf, n);
    fprintf(stderr, "%s\n", name);
    (void) LLVMFuzzerTestOneInput(copy, n);
    free(copy);

    return 1;
}


int
main(int argc, char **argv)
{
    int       i;
    uint8_t  *buf;

    if (argc < 2) {
        fprintf(stderr, "usage: %s file...\n", argv[0]);
        return 2;
    }

    buf = malloc(HX_FUZZ_MAX);

    if (buf == NULL) {
        perror("malloc");
        return 2;
    }

    for (i = 1; i < argc; i++) {
        if (!replay(argv[i], buf)) {
            free(buf);
            return 2;
        }
    }

    free(buf);
    printf("%d inputs replayed\n", argc - 1);

    return 0;
}
