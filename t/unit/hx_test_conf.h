/*
 * hx_test_conf.h -- what the tests of configurations share: memory that can run
 * out, and a reader for a text with the files it includes.
 */

#ifndef HX_TEST_CONF_H
#define HX_TEST_CONF_H

#include "hx_test.h"

#include "hx_conf_text.h"

#define TEST_CONF_MEMORY   (64 << 20)

typedef struct {
    const char  *name;
    const char  *text;
} test_conf_file_t;

static unsigned char           *test_conf_memory;
static size_t                   test_conf_used;
static size_t                   test_conf_limit = TEST_CONF_MEMORY;
static const test_conf_file_t  *test_conf_files;       /* until a NULL name */


static void *
test_conf_alloc(void *data, size_t size)
{
    unsigned char  *p;

    if (test_conf_memory == NULL) {
        test_conf_memory = malloc(TEST_CONF_MEMORY);
        assert_non_null(test_conf_memory);
    }

    size = (size + 15) & ~(size_t) 15;

    if (size > test_conf_limit - test_conf_used) {
        return NULL;
    }

    p = test_conf_memory + test_conf_used;
    test_conf_used += size;

    return p;
}


static hx_rc_t
test_conf_include(hx_conf_text_t *t, hx_conf_dir_t *parent,
    const hx_conf_dir_t *d)
{
    size_t                   len;
    hx_str_t                 name;
    const test_conf_file_t  *f;

    name = hx_conf_word(d, 1);

    for (f = test_conf_files; f != NULL && f->name != NULL; f++) {
        len = strlen(f->name);

        if (name.len == len && memcmp(name.data, f->name, len) == 0) {
            return hx_conf_text_parse(t, parent, f->name,
                                      (const unsigned char *) f->text,
                                      strlen(f->text));
        }
    }

    t->why = "no such file";
    t->file = "";

    return HX_NO;
}


/* Reads it anew, in all of the memory that there may be. */

static hx_rc_t
test_conf_parse(hx_conf_text_t *t, const void *s, size_t len)
{
    memset(t, 0, sizeof(hx_conf_text_t));
    t->alloc = test_conf_alloc;
    t->include = test_conf_include;

    test_conf_used = 0;
    hx_conf_text_init(t);

    return hx_conf_text_parse(t, &t->root, "main", s, len);
}

#endif /* HX_TEST_CONF_H */
