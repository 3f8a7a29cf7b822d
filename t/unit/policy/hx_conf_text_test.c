/*
 * hx_conf_text_test.c -- words and blocks as nginx cuts them, with their lines;
 * trees written down in many ways and read back; texts that are cut or changed.
 */

#include "hx_test_conf.h"

#include "hx_buf.h"


#define TEST_ROUNDS   4000
#define TEST_TEXT     65536     /* bytes of a text that is made */
#define TEST_NODES    200       /* directives of one */


/* The tree as text: words in <>, blocks in {}, each with its line. */

static void
test_print(hx_buf_t *b, const hx_conf_dir_t *block)
{
    char                  line[32];
    unsigned              i, list;
    const hx_conf_dir_t  *d;

    for (list = 0; list < 2; list++) {
        d = list == 0 ? block->plain.first : block->blocks.first;

        for ( /* void */ ; d != NULL; d = d->next) {
            assert_ptr_equal(d->parent, block);
            assert_int_equal(d->block, list);

            hx_buf_add(b, line, (size_t) snprintf(line, sizeof(line), "%u",
                                                  d->line));

            for (i = 0; i < d->n; i++) {
                hx_buf_byte(b, '<');
                hx_buf_add(b, d->word[i].data, d->word[i].len);
                hx_buf_byte(b, '>');
            }

            if (list == 1) {
                hx_buf_byte(b, '{');
                test_print(b, d);
                hx_buf_byte(b, '}');
            }
        }
    }

    assert_true(hx_buf_ok(b));
}


static void
test_is(const char *text, const char *tree)
{
    hx_buf_t        b;
    hx_conf_text_t  t;
    unsigned char   out[4096];

    assert_int_equal(test_conf_parse(&t, test_edge(text, strlen(text)),
                                     strlen(text)), HX_OK);

    hx_buf_init(&b, out, sizeof(out) - 1);
    test_print(&b, &t.root);
    *b.last = '\0';

    assert_string_equal((char *) out, tree);
}


static void
words(void **state)
{
    test_is("", "");
    test_is(" \t\r\n# a; b {\n", "");
    test_is("a;", "1<a>");
    test_is("a b  c\td\r\n;", "2<a><b><c><d>");
    test_is("a;b c;", "1<a>1<b><c>");
    test_is("a 'b c' \"d;{}\" ;", "1<a><b c><d;{}>");
    test_is("a '' \"\";", "1<a><><>");
    test_is("a b#c d; # e;\nf;", "1<a><b#c><d>2<f>");
    test_is("a # b\n c;", "2<a><c>");
    test_is("a ${b}c $d{ e; }", "1<a><${b}c><$d>{1<e>}");
    test_is("a ${{b}{ c; }", "1<a><${{b}>{1<c>}");
    test_is("a b\"c'd;", "1<a><b\"c'd>");
    test_is("a b}c;", "1<a><b}c>");
    test_is("if ($a ~ \"b{2}\") { c; }", "1<if><($a><~><b{2}><)>{1<c>}");
    test_is("a \"b\"{ c; }", "1<a><b>{1<c>}");
    test_is("a\n'b\nc'\nd;", "4<a><b\nc><d>");
}


static void
backslashes(void **state)
{
    test_is("a \"b\\\"c\" 'd\\'e' f\\\\g;", "1<a><b\"c><d'e><f\\g>");
    test_is("a b\\ c \\;d \\{;", "1<a><b\\ c><\\;d><\\{>");
    test_is("a \\n\\t\\r \\d\\.;", "1<a><\n\t\r><\\d\\.>");
    test_is("a \"\\$b\\\\\";", "1<a><\\$b\\>");
    test_is("a b\\\nc;", "2<a><b\\\nc>");
}


static void
blocks(void **state)
{
    test_is("a { }", "1<a>{}");
    test_is("a {\nb;\nc d {\ne;\n}\nf;\n}\ng;",
            "8<g>1<a>{2<b>6<f>3<c><d>{4<e>}}");
    test_is("a{b{c{}}}", "1<a>{1<b>{1<c>{}}}");
    test_is("content_by_lua_block { if x then y({ z = '}' }) -- }\n"
            "end }\na;", "3<a>1<content_by_lua_block>{}");
    test_is("a_by_lua_block {\n\"\\\"}\"\n'\n}\nb;", "5<b>1<a_by_lua_block>{}");
}


/* In the order of the text, whatever list and file. */
static void
numbers(void **state)
{
    unsigned              i, lines[7];
    hx_conf_text_t        t;
    const hx_conf_dir_t  *d;

    static const char               text[] =
        "a {\nb\n1;\ninclude one;}\nc;\nd\n{}";
    static const char              *names = "abincludexycd";
    static const test_conf_file_t   some[] = {
        { "one", "x {\n y; }" },
        { NULL, NULL }
    };

    test_conf_files = some;
    assert_int_equal(test_conf_parse(&t, text, sizeof(text) - 1), HX_OK);
    test_conf_files = NULL;

    for (i = 0, d = t.root.then; i < 7 && d != NULL; d = d->then) {
        assert_memory_equal(d->word[0].data, names, d->word[0].len);
        names += d->word[0].len;
        lines[i++] = d->start;
        assert_int_equal(d->number, i);
    }

    assert_int_equal(t.last->number, 7);
    assert_string_equal(names, "");
    assert_memory_equal(lines, ((unsigned[]) { 1, 2, 4, 1, 2, 5, 6 }),
                        sizeof(lines));
}


static int
test_ends_at(hx_conf_text_t *t, const unsigned char *s, size_t len)
{
    return len == 4 && memcmp(s, "#end", 4) == 0;
}


static void
ends(void **state)
{
    size_t          i;
    hx_conf_text_t  t;

    static const struct {
        const char  *text;
        unsigned     n;         /* directives before the end */
    } some[] = {
        { "a;\n#end\n}", 1 },
        { "#end", 0 },
        { "a; #end\nb;", 2 },                   /* not a line of its own */
        { "a;\n #end\nb;", 2 },
        { "a;\n#ends\nb;", 2 },
        { "a\n#end\n;\nb;", 2 },               /* in a directive */
        { "a {\n#end\n}b;\n#end\nc;", 2 },     /* in a block */
        { "a '\n#end\n';", 1 }
    };

    for (i = 0; i < hx_nelts(some); i++) {
        memset(&t, 0, sizeof(hx_conf_text_t));
        t.alloc = test_conf_alloc;
        t.ends = test_ends_at;
        test_conf_used = 0;
        hx_conf_text_init(&t);

        assert_int_equal(hx_conf_text_parse(&t, &t.root, "main",
                                            test_edge(some[i].text,
                                                      strlen(some[i].text)),
                                            strlen(some[i].text)), HX_OK);
        assert_int_equal(t.last->number, some[i].n);
    }
}


static void
files(void **state)
{
    static const test_conf_file_t  some[] = {
        { "one", "x;\ny { include two; }\n" },
        { "two", "\n\nz;" },
        { "bad", "\n}" },
        { "loop", "include loop;" },
        { NULL, NULL }
    };

    hx_conf_text_t  t;

    test_conf_files = some;

    test_is("a;\nb {\ninclude one;\n}\nc;",
            "1<a>5<c>2<b>{3<include><one>1<x>2<y>{2<include><two>3<z>}}");

    assert_int_equal(test_conf_parse(&t, "a { include bad; }", 18), HX_NO);
    assert_string_equal(t.why, "unexpected \"}\"");
    assert_string_equal(t.file, "bad");
    assert_int_equal(t.line, 2);

    assert_int_equal(test_conf_parse(&t, "include loop;", 13), HX_NO);
    assert_string_equal(t.why, "too many files include each other");

    assert_int_equal(test_conf_parse(&t, "include none;", 13), HX_NO);
    assert_string_equal(t.why, "no such file");

    test_conf_files = NULL;
}


static void
errors(void **state)
{
    size_t          i;
    char            deep[HX_CONF_BLOCKS * 2 + 3];
    hx_conf_text_t  t;

    static const struct {
        const char  *text;
        const char  *why;
        unsigned     line;
    } bad[] = {
        { ";", "unexpected \";\"", 1 },
        { "\n{", "unexpected \"{\"", 2 },
        { "a;\n\n}", "unexpected \"}\"", 3 },
        { "a }", "unexpected \"}\"", 1 },
        { "a {", "a block is not closed", 1 },
        { "a", "a directive is not ended", 1 },
        { "a\nb c\n", "a directive is not ended", 3 },
        { "a \"b;\n", "a quote is not closed", 2 },
        { "a 'b\\';", "a quote is not closed", 1 },
        { "a 'b'c;", "something follows a quote", 1 },
        { "a_by_lua_block { {\n }", "a block of Lua is not closed", 2 },
        { "a_by_lua_block { '", "a block of Lua is not closed", 1 }
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(test_conf_parse(&t, test_edge(bad[i].text,
                                                       strlen(bad[i].text)),
                                         strlen(bad[i].text)), HX_NO);
        assert_string_equal(t.why, bad[i].why);
        assert_string_equal(t.file, "main");
        assert_int_equal(t.line, bad[i].line);
    }

    for (i = 0; i <= HX_CONF_BLOCKS; i++) {
        memcpy(deep + 2 * i, "a{", 2);
    }

    assert_int_equal(test_conf_parse(&t, deep, 2 * i), HX_NO);
    assert_string_equal(t.why, "too many blocks in each other");
}


/* What does not fit is left out, not an error: nginx takes it. */
static void
many_words(void **state)
{
    size_t                i, n;
    static char           text[4 * HX_CONF_WORDS];
    hx_conf_text_t        t;
    const hx_conf_dir_t  *d;

    for (i = 0, n = 0; i < HX_CONF_WORDS + 9; i++) {
        memcpy(text + n, "a ", 2);
        n += 2;
    }

    memcpy(text + n, ";b;", 3);

    assert_int_equal(test_conf_parse(&t, text, n + 3), HX_OK);

    d = t.root.plain.first;
    assert_int_equal(d->n, HX_CONF_WORDS);
    assert_true(hx_conf_is(d->next, "b"));
    assert_int_equal(hx_conf_word(d->next, 1).len, 0);
}


/* A random tree: what it is written as, and what reading it must give. */

typedef struct {
    hx_buf_t    text;
    hx_buf_t    plain;          /* of the block that is being written */
    unsigned    line;
    unsigned    nodes;
} test_writer_t;


static void
test_blank(test_writer_t *w, int needed)
{
    size_t  n;

    static const char *const  blanks[] = {
        " ", "\t", "\r\n", "\n", "  ", " # x; { '\n", "\n#\n"
    };

    for (n = test_below(3) + (needed != 0); n != 0; n--) {
        const char  *s = blanks[test_below(hx_nelts(blanks))];

        /* "#" in a word is no comment */

        hx_buf_add(&w->text, s, strlen(s));

        for ( /* void */ ; *s != '\0'; s++) {
            w->line += *s == '\n';
        }
    }
}


static void
test_word(test_writer_t *w, hx_buf_t *tree)
{
    size_t         i, len, quote;
    unsigned char  c;

    static const char  any[] = "abz019_$/.:-=~^()[]|#;{} \t\n\"'";

    quote = test_below(3);
    len = test_below(8) + (quote == 0);

    if (quote != 0) {
        hx_buf_byte(&w->text, quote == 1 ? '"' : '\'');
    }

    hx_buf_byte(tree, '<');

    for (i = 0; i < len; i++) {
        c = (unsigned char) any[test_below(quote == 0 ? 14
                                           : sizeof(any) - 1)];

        if (c == '"' || c == '\'') {
            hx_buf_byte(&w->text, '\\');
        }

        hx_buf_byte(&w->text, c);
        hx_buf_byte(tree, c);
        w->line += c == '\n';
    }

    hx_buf_byte(tree, '>');

    if (quote != 0) {
        hx_buf_byte(&w->text, quote == 1 ? '"' : '\'');
    }
}


static void
test_write(test_writer_t *w, hx_buf_t *out, unsigned depth)
{
    char            line[16];
    size_t          i, n, words, block;
    hx_buf_t        plain, blocks, one, inner;
    unsigned char   mem[4][16384];

    hx_buf_init(&plain, mem[0], sizeof(mem[0]));
    hx_buf_init(&blocks, mem[1], sizeof(mem[1]));

    for (n = test_below(5); n != 0 && w->nodes < TEST_NODES; n--) {
        w->nodes++;
        hx_buf_init(&one, mem[2], sizeof(mem[2]));
        test_blank(w, 1);
        words = 1 + test_below(4);

        for (i = 0; i < words; i++) {
            test_word(w, &one);
            test_blank(w, 1);
        }

        block = depth < 5 && test_below(3) == 0;
        hx_buf_byte(&w->text, block ? '{' : ';');

        hx_buf_add(block ? &blocks : &plain, line,
                   (size_t) snprintf(line, sizeof(line), "%u", w->line));
        hx_buf_add(block ? &blocks : &plain, one.start, hx_buf_len(&one));

        if (block) {
            hx_buf_init(&inner, mem[3], sizeof(mem[3]));
            test_write(w, &inner, depth + 1);
            hx_buf_byte(&w->text, '}');
            hx_buf_byte(&blocks, '{');
            hx_buf_add(&blocks, inner.start, hx_buf_len(&inner));
            hx_buf_byte(&blocks, '}');
        }
    }

    test_blank(w, 0);
    hx_buf_add(out, plain.start, hx_buf_len(&plain));
    hx_buf_add(out, blocks.start, hx_buf_len(&blocks));
    assert_true(hx_buf_ok(&plain) && hx_buf_ok(&blocks) && hx_buf_ok(out));
}


static void
written_and_read(void **state)
{
    unsigned              i, nodes;
    hx_buf_t              tree, back;
    test_writer_t         w;
    hx_conf_text_t        t;
    static unsigned char  text[TEST_TEXT], want[TEST_TEXT], got[TEST_TEXT];

    for (i = 0, nodes = 0; i < TEST_ROUNDS; i++) {
        memset(&w, 0, sizeof(test_writer_t));
        hx_buf_init(&w.text, text, sizeof(text));
        hx_buf_init(&tree, want, sizeof(want));
        hx_buf_init(&back, got, sizeof(got));
        w.line = 1;

        test_write(&w, &tree, 0);
        assert_true(hx_buf_ok(&w.text));

        assert_int_equal(test_conf_parse(&t, test_edge(text,
                                                       hx_buf_len(&w.text)),
                                         hx_buf_len(&w.text)), HX_OK);
        test_print(&back, &t.root);

        assert_int_equal(hx_buf_len(&back), hx_buf_len(&tree));
        assert_memory_equal(got, want, hx_buf_len(&tree));
        nodes += w.nodes;
    }

    assert_true(nodes > TEST_ROUNDS * 3);
}


/* Cut at every byte: read, or refused with a reason and a line. */
static void
cut(void **state)
{
    size_t          i;
    unsigned        ok;
    hx_conf_text_t  t;

    static const char  text[] =
        "a 'b' \"c\\\"\" ${d} e\\ f; # g\n"
        "h { i_by_lua_block { '}' } j; k {} }\n"
        "l \\;;\n";

    for (i = 0, ok = 0; i <= sizeof(text) - 1; i++) {
        switch (test_conf_parse(&t, test_edge(text, i), i)) {

        case HX_OK:
            assert_null(t.why);
            ok++;
            break;

        case HX_NO:
            assert_non_null(t.why);
            assert_true(t.line >= 1 && t.line <= 3);
            break;

        default:
            fail();
        }
    }

    assert_true(ok >= 5);
}


/* Without memory it is HX_FAIL, wherever that ends. */
static void
no_memory(void **state)
{
    size_t          fits;
    hx_conf_text_t  t;

    static const char  text[] = "a 'b\\'' c\\\\; d { e; }";

    assert_int_equal(test_conf_parse(&t, text, sizeof(text) - 1), HX_OK);
    fits = test_conf_used;

    for (test_conf_limit = 0; test_conf_limit < fits; test_conf_limit += 16) {
        assert_int_equal(test_conf_parse(&t, text, sizeof(text) - 1), HX_FAIL);
    }

    assert_int_equal(test_conf_parse(&t, text, sizeof(text) - 1), HX_OK);
    test_conf_limit = TEST_CONF_MEMORY;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(backslashes),
        cmocka_unit_test(blocks),
        cmocka_unit_test(numbers),
        cmocka_unit_test(ends),
        cmocka_unit_test(files),
        cmocka_unit_test(errors),
        cmocka_unit_test(many_words),
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(cut),
        cmocka_unit_test(no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
