/*
 * hx_json_vectors_test.c -- texts that are, and are not, JSON for us.
 *
 * y_ must be accepted, n_ refused with the given error, i_ are those where
 * parsers differ: the error (or none) is our decision.  Every text is fed at
 * once and byte by byte.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "hx_json_log.h"

#define S   HX_JSON_E_SYNTAX
#define U   HX_JSON_E_UTF8

typedef struct {
    const char     *name;
    const char     *text;
    size_t          len;
    hx_json_err_t   err;
} hx_vector_t;

#define Y(name, text)        { "y_" name, text, sizeof(text) - 1, HX_JSON_OK }
#define N(name, err, text)   { "n_" name, text, sizeof(text) - 1, err }
#define I(name, err, text)   { "i_" name, text, sizeof(text) - 1, err }

static const hx_vector_t  hx_vectors[] = {
    Y("object_empty", "{}"),
    Y("array_empty", "[]"),
    Y("object_blank_inside", "{ \t\r\n}"),
    Y("array_blank_inside", "[ \t\r\n]"),
    Y("blank_around", " \n\r\t[] \n\r\t"),
    Y("lonely_string", "\"a\""),
    Y("lonely_empty_string", "\"\""),
    Y("lonely_int", "42"),
    Y("lonely_int_blank", "42 "),
    Y("lonely_negative", "-0.1"),
    Y("lonely_true", "true"),
    Y("lonely_false", "false"),
    Y("lonely_null", "null"),
    Y("array_values", "[1,\"a\",true,false,null,{},[]]"),
    Y("array_nested", "[[],[[]],[[[]]]]"),
    Y("object_nested", "{\"a\":{\"b\":{\"c\":[{}]}}}"),
    Y("object_two", "{\"a\":1,\"b\":2}"),
    Y("object_empty_key", "{\"\":0}"),
    Y("object_spaced", "{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }"),
    Y("object_escaped_key", "{\"\\u006eamespace\":\"x\"}"),
    Y("object_nul_in_key", "{\"a\\u0000b\":1}"),
    Y("number_zero", "[0]"),
    Y("number_minus_zero", "[-0]"),
    Y("number_int", "[1234567890]"),
    Y("number_negative", "[-123]"),
    Y("number_frac", "[0.5]"),
    Y("number_frac_zeros", "[1.000]"),
    Y("number_exp", "[1e5]"),
    Y("number_exp_upper", "[1E5]"),
    Y("number_exp_plus", "[1e+5]"),
    Y("number_exp_minus", "[1E-5]"),
    Y("number_exp_zeros", "[0e00]"),
    Y("number_frac_exp", "[-1.25e-10]"),
    Y("number_zero_frac_exp", "[0.0e+0]"),
    Y("string_plain", "[\"hello\"]"),
    Y("string_escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
    Y("string_unicode_escape", "[\"\\u20aC\"]"),
    Y("string_nul_escape", "[\"\\u0000\"]"),
    Y("string_surrogate_pair", "[\"\\uD834\\uDd1e\"]"),
    Y("string_first_pair", "[\"\\ud800\\udc00\"]"),
    Y("string_last_pair", "[\"\\udbff\\udfff\"]"),
    Y("string_escaped_backslash_u", "[\"\\\\u12\"]"),
    Y("string_noncharacter", "[\"\\uffff\\ufdd0\"]"),
    Y("string_del", "[\"\x7f\"]"),
    Y("string_slash", "[\"a/b\"]"),
    Y("string_utf8_two", "[\"\xc2\x80\xdf\xbf\"]"),
    Y("string_utf8_three", "[\"\xe0\xa0\x80\xef\xbf\xbf\"]"),
    Y("string_utf8_four", "[\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"]"),
    Y("string_utf8_around_gap", "[\"\xed\x9f\xbf\xee\x80\x80\"]"),
    Y("string_utf8_key", "{\"\xc3\xa9\":\"\xe2\x82\xac\"}"),
    Y("string_bom_inside", "[\"\xef\xbb\xbf\"]"),
    Y("string_comment_inside", "[\"a/*b*/c//d\"]"),
    Y("string_brackets_inside", "[\"}]{[,:\"]"),
    Y("string_u2028", "[\"\xe2\x80\xa8\"]"),

    N("empty", S, ""),
    N("only_blank", S, " \n"),
    N("nul", S, "\0"),
    N("nul_behind", S, "[]\0"),
    N("bom", S, "\xef\xbb\xbf{}"),
    N("bom_utf16", S, "\xff\xfe[\0]\0"),
    N("half_bom", S, "\xef\xbb{}"),
    N("form_feed", S, "[\x0c]"),
    N("form_feed_first", S, "\x0c[]"),
    N("vertical_tab", S, "[\x0b]"),
    N("no_break_space", S, "[\xc2\xa0]"),
    N("word_joiner", S, "[\xe2\x81\xa0]"),
    N("comment_block", S, "[/**/]"),
    N("comment_line", S, "[]//x"),
    N("comment_behind", S, "{}/**/"),
    N("hash_comment", S, "#x\n{}"),
    N("trailing_text", S, "{}x"),
    N("trailing_quote", S, "{}\""),
    N("trailing_close", S, "{}}"),
    N("trailing_bracket", S, "[1]]"),
    N("trailing_comma", S, "[],"),
    N("two_values", S, "{}{}"),
    N("two_values_blank", S, "1 2"),
    N("two_lonely_literals", S, "truefalse"),
    N("array_open", S, "["),
    N("array_open_value", S, "[1"),
    N("array_open_comma", S, "[1,"),
    N("array_extra_comma", S, "[1,]"),
    N("array_leading_comma", S, "[,1]"),
    N("array_double_comma", S, "[1,,2]"),
    N("array_only_comma", S, "[,]"),
    N("array_no_comma", S, "[1 2]"),
    N("array_colon", S, "[1:2]"),
    N("array_close_brace", S, "[1}"),
    N("array_semicolon", S, "[1;2]"),
    N("close_alone", S, "]"),
    N("close_brace_alone", S, "}"),
    N("object_open", S, "{"),
    N("object_open_key", S, "{\"a\""),
    N("object_open_colon", S, "{\"a\":"),
    N("object_open_value", S, "{\"a\":1"),
    N("object_close_bracket", S, "{\"a\":1]"),
    N("object_no_colon", S, "{\"a\" 1}"),
    N("object_no_value", S, "{\"a\":}"),
    N("object_only_key", S, "{\"a\"}"),
    N("object_comma_for_colon", S, "{\"a\",1}"),
    N("object_double_colon", S, "{\"a\"::1}"),
    N("object_extra_comma", S, "{\"a\":1,}"),
    N("object_leading_comma", S, "{,\"a\":1}"),
    N("object_double_comma", S, "{\"a\":1,,\"b\":2}"),
    N("object_no_comma", S, "{\"a\":1 \"b\":2}"),
    N("object_number_key", S, "{1:1}"),
    N("object_bare_key", S, "{a:1}"),
    N("object_single_quotes", S, "{'a':0}"),
    N("object_null_key", S, "{null:1}"),
    N("object_array_key", S, "{[]:1}"),
    N("object_key_twice_colon", S, "{\"a\":1:2}"),
    N("literal_upper", S, "[True]"),
    N("literal_cut", S, "[tru]"),
    N("literal_cut_end", S, "tru"),
    N("literal_long", S, "[nulll]"),
    N("literal_wrong", S, "[nul0]"),
    N("literal_false_cut", S, "[fals"),
    N("literal_nan", S, "[NaN]"),
    N("literal_nan_lower", S, "[nan]"),
    N("literal_infinity", S, "[Infinity]"),
    N("literal_minus_infinity", S, "[-Infinity]"),
    N("literal_undefined", S, "undefined"),
    N("number_plus", S, "[+1]"),
    N("number_leading_zero", S, "[012]"),
    N("number_minus_leading_zero", S, "[-012]"),
    N("number_double_zero", S, "[00]"),
    N("number_minus", S, "[-]"),
    N("number_minus_end", S, "-"),
    N("number_double_minus", S, "[--1]"),
    N("number_minus_blank", S, "[- 1]"),
    N("number_dot_first", S, "[.5]"),
    N("number_minus_dot", S, "[-.5]"),
    N("number_dot_last", S, "[1.]"),
    N("number_dot_last_end", S, "1."),
    N("number_dot_exp", S, "[1.e5]"),
    N("number_two_dots", S, "[1.2.3]"),
    N("number_e_last", S, "[1e]"),
    N("number_e_last_end", S, "1e"),
    N("number_e_sign_last", S, "[1e+]"),
    N("number_e_two_signs", S, "[1e+-2]"),
    N("number_e_dot", S, "[1e1.5]"),
    N("number_two_e", S, "[1e2e3]"),
    N("number_hex", S, "[0x1f]"),
    N("number_letter", S, "[1a]"),
    N("number_underscore", S, "[1_000]"),
    N("number_fullwidth", S, "[\xef\xbc\x91]"),
    N("number_blank_inside", S, "[1 000.0]"),
    N("number_suffix", S, "[1L]"),
    N("string_open", S, "[\"a"),
    N("string_open_quote", S, "\""),
    N("string_single_quotes", S, "['a']"),
    N("string_backtick", S, "[`a`]"),
    N("string_newline", S, "[\"a\nb\"]"),
    N("string_tab", S, "[\"\t\"]"),
    N("string_control", S, "[\"\x1f\"]"),
    N("string_raw_nul", S, "[\"a\0b\"]"),
    N("string_escape_x", S, "[\"\\x41\"]"),
    N("string_escape_zero", S, "[\"\\0\"]"),
    N("string_escape_quote", S, "[\"\\'\"]"),
    N("string_escape_upper_u", S, "[\"\\U0041\"]"),
    N("string_escape_newline", S, "[\"\\\n\"]"),
    N("string_escape_end", S, "[\"\\\"]"),
    N("string_escape_non_ascii", S, "[\"\\\xc3\xa9\"]"),
    N("string_u_short", S, "[\"\\u00A\"]"),
    N("string_u_empty", S, "[\"\\u\"]"),
    N("string_u_letter", S, "[\"\\u00Gx\"]"),
    N("string_u_sign", S, "[\"\\u+041\"]"),
    N("string_pair_short", S, "[\"\\ud800\\udc0\"]"),
    N("key_control", S, "{\"a\x01\":1}"),

    N("surrogate_high_alone", U, "[\"\\ud800\"]"),
    N("surrogate_high_text", U, "[\"\\ud800abc\"]"),
    N("surrogate_high_other_escape", U, "[\"\\ud800\\n\"]"),
    N("surrogate_high_twice", U, "[\"\\ud800\\ud800\"]"),
    N("surrogate_high_then_bmp", U, "[\"\\udbff\\u0041\"]"),
    N("surrogate_low_alone", U, "[\"\\udc00\"]"),
    N("surrogate_swapped", U, "[\"\\udd1e\\ud834\"]"),
    N("surrogate_in_key", U, "{\"\\udfff\":1}"),
    N("utf8_continuation_alone", U, "[\"\x80\"]"),
    N("utf8_lead_alone", U, "[\"\xc3\"]"),
    N("utf8_three_cut", U, "[\"\xe2\x82\"]"),
    N("utf8_four_cut", U, "[\"\xf0\x9f\x98\"]"),
    N("utf8_overlong_two", U, "[\"\xc0\xaf\"]"),
    N("utf8_overlong_nul", U, "[\"\xc0\x80\"]"),
    N("utf8_c1", U, "[\"\xc1\xbf\"]"),
    N("utf8_overlong_three", U, "[\"\xe0\x80\xaf\"]"),
    N("utf8_overlong_four", U, "[\"\xf0\x80\x80\xaf\"]"),
    N("utf8_overlong_four_edge", U, "[\"\xf0\x8f\xbf\xbf\"]"),
    N("utf8_surrogate", U, "[\"\xed\xa0\x80\"]"),
    N("utf8_surrogate_last", U, "[\"\xed\xbf\xbf\"]"),
    N("utf8_above_max", U, "[\"\xf4\x90\x80\x80\"]"),
    N("utf8_f5", U, "[\"\xf5\x80\x80\x80\"]"),
    N("utf8_fe", U, "[\"\xfe\"]"),
    N("utf8_ff", U, "[\"\xff\"]"),
    N("utf8_latin1", U, "[\"caf\xe9\"]"),
    N("utf8_escape_inside", U, "[\"\xe2\\u0041\"]"),
    N("utf8_bad_key", U, "{\"\xff\":1}"),

    I("duplicate_keys", HX_JSON_OK, "{\"a\":1,\"a\":2}"),
    I("duplicate_keys_escaped", HX_JSON_OK, "{\"a\":1,\"\\u0061\":2}"),
    I("number_huge_int", HX_JSON_OK, "[123456789012345678901234567890]"),
    I("number_huge_exp", HX_JSON_OK, "[1e99999]"),
    I("number_tiny_exp", HX_JSON_OK, "[-1.5E-99999]"),
    I("number_int64_edge", HX_JSON_OK, "[-9223372036854775809]"),
    I("key_nul_then_text", HX_JSON_OK, "{\"namespace\\u0000\":1}")
};


static void
vectors(void **state)
{
    size_t              i, piece;
    uint64_t            offset;
    hx_log_t            log;
    hx_json_err_t       err;
    const hx_vector_t  *v;

    memset(&log, 0, sizeof(log));
    assert_true(hx_nelts(hx_vectors) >= 150);

    for (i = 0; i < hx_nelts(hx_vectors); i++) {
        v = &hx_vectors[i];
        assert_int_equal(v->name[0] == 'y', v->name[0] != 'i' && !v->err);

        for (piece = 0; piece < 4; piece++) {
            err = hx_log_run(&log, (const unsigned char *) v->text, v->len,
                             piece, NULL, &offset);

            if (err != v->err) {
                fail_msg("%s in pieces of %zu: %s, not %s", v->name, piece,
                         hx_json_strerror(err), hx_json_strerror(v->err));
            }

            if (err == HX_JSON_OK) {
                assert_int_equal(offset, v->len);
            }
        }
    }

    free(log.p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
