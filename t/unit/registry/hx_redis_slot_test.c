/*
 * hx_redis_slot_test.c -- slots of keys, as CLUSTER KEYSLOT of Redis 7.0.15
 * says them.
 */

#include "hx_test.h"

#include "hx_redis_slot.h"

typedef struct {
    hx_str_t  key;
    unsigned  slot;
} hx_test_slot_t;

static const hx_test_slot_t  slots[] = {
    { hx_string(""), 0 },
    { hx_string("a"), 15495 },
    { hx_string("foo"), 12182 },
    { hx_string("123456789"), 12739 },
    { hx_string("{"), 4092 },
    { hx_string("}"), 12090 },
    { hx_string("{}"), 15257 },
    { hx_string("{}x"), 10595 },
    { hx_string("a{}b{c}"), 7353 },
    { hx_string("{a}"), 15495 },
    { hx_string("x{a}y"), 15495 },
    { hx_string("{a}{b}"), 15495 },
    { hx_string("{{a}}"), 10276 },
    { hx_string("foo{{bar}}zap"), 4015 },
    { hx_string("foo{}{bar}"), 8363 },
    { hx_string("foo{bar}{zap}"), 5061 },
    { hx_string("foo{bar"), 15278 },
    { hx_string("foo}bar{"), 11073 },
    { hx_string("}{a}"), 15495 },
    { hx_string("hx-gate:epoch"), 1738 },
    { hx_string("{hx-gate}:epoch"), 7581 },
    { hx_string("{hx-gate}:log"), 7581 },
    { hx_string("{hx-gate:acme}:w"), 15441 },
    { hx_string("{\2009ab-b\377Za-"), 5106 },
    { hx_string("ab\200\200b}b"), 10017 },
    { hx_string("\200aZb}99ZaZZ\200a}a-{\000"), 8926 },
    { hx_string("{-bZ\000-9{bZZ9}\377"), 3720 },
    { hx_string("-\012bZ"), 8190 },
    { hx_string("Z}"), 3662 },
    { hx_string("9-\200\377:Z:\377\000}{\012}bZ\000"), 8522 },
    { hx_string(":\377\012:\000Zbb-\200{\377{:\200a9"), 4843 },
    { hx_string("-Z\377"), 15123 },
    { hx_string("\012\377Z:Z:bb\000:\012"), 2432 },
    { hx_string("ba\012\012\0009Z9:\000\012\2009\377a:\377{Zb:a"), 12647 },
    { hx_string("\000{\012}\200\200:"), 8522 },
    { hx_string("{:\200"), 4911 },
    { hx_string("\000{\200-\000\012\200\3779\200}{b{{}9}"), 781 },
    { hx_string(":"), 5913 },
    { hx_string("{\000\000a{\200-\377ZZ\377{\012-Z99\012a"), 10059 },
    { hx_string("9-\200\200\200\200b:9\200a}b}:"), 818 },
    { hx_string("b\377Zaba"), 12019 },
    { hx_string("{-b\377Zab}Z\200{9\000\377Z\377:bb"), 71 },
    { hx_string(":::\000b{b\012\377\012\000:\012{-a"), 1190 },
    { hx_string("-\377{\012-a-"), 210 },
    { hx_string("9b\012\000-\377{\377}-"), 7920 },
    { hx_string("-\3779}Z}}\200\012}}-:\377\012aa\000"), 8873 },
    { hx_string("\000}\012Z\377:\012\377\377b}b}:}\377"), 11245 },
    { hx_string(":ZZa:9\377"), 822 },
    { hx_string("b9b\200\012}:{\2009\377b\012\200:\200\012b\012{{"), 12678 },
    { hx_string("a{Z:9"), 15308 },
    { hx_string("ZZ:9\377"), 11669 },
    { hx_string("--{aa"), 2915 },
    { hx_string("b-\012{\200}}a\000}\000-}Z\377\000-\200{a\012"), 4488 },
    { hx_string(":9Z-\200-{-{--a"), 2301 },
    { hx_string("{Za{{{:Z\012b-a\3779-"), 1332 },
    { hx_string("-:b-a}}\000ab-:-ab:\377"), 7737 },
    { hx_string("-Z-}\012\000:--:-}\012-\000-}:{\200"), 15437 },
    { hx_string("\200:\377b"), 4167 },
    { hx_string("}\200b}9\000b{\01299\377{\000{:}\012b\200:{"), 300 },
    { hx_string("}{\012\200-\200\377\200}\377\377b\012\377a\377-::\012a\200"),
      823 },
    { hx_string("-Z\000-bb}bb\000\000"), 9303 },
    { hx_string("{\000"), 5283 },
    { hx_string("\2009\000\200{"), 10538 }
};


static void
as_redis_says(void **state)
{
    size_t           i;
    const hx_str_t  *key;

    for (i = 0; i < hx_nelts(slots); i++) {
        key = &slots[i].key;
        assert_int_equal(hx_redis_slot(test_edge(key->data, key->len),
                                       key->len), slots[i].slot);
    }
}


/* Bit by bit, as the polynomial is defined. */
static unsigned
test_crc16(const unsigned char *s, size_t len)
{
    size_t    i;
    unsigned  bit, crc;

    crc = 0;

    for (i = 0; i < len; i++) {
        crc ^= (unsigned) s[i] << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        }
    }

    return crc & 0xffff;
}


static void
as_defined(void **state)
{
    size_t         n;
    unsigned       i;
    unsigned char  key[300];

    for (i = 0; i < 20000; i++) {
        n = test_below(sizeof(key));
        test_fill(key, n);

        if (n == 0 || memchr(key, '{', n) != NULL) {
            continue;
        }

        assert_int_equal(hx_redis_slot(test_edge(key, n), n),
                         test_crc16(key, n) % HX_REDIS_SLOTS);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(as_redis_says),
        cmocka_unit_test(as_defined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
