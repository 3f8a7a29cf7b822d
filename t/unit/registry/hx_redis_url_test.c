/*
 * hx_redis_url_test.c -- URLs of Redis: what each form means, what is wrong
 * with others, that nothing secret is in a message, and that what is written
 * is read back.
 */

#include "hx_test.h"

#include <arpa/inet.h>

#include "hx_redis_url.h"

typedef struct {
    const char  *url;
    const char  *what;
    const char  *where;         /* "" = nothing is shown */
} hx_test_bad_t;

static hx_redis_conf_t     conf;
static hx_redis_url_err_t  why;
static unsigned char       secrets[HX_REDIS_URL_MAX + 1000];


static hx_rc_t
test_parse_n(const void *url, size_t n)
{
    return hx_redis_url_parse(&conf, test_edge(url, n), n, secrets, &why);
}


static hx_rc_t
test_parse(const char *url)
{
    return test_parse_n(url, strlen(url));
}


static void
test_is(const hx_str_t *s, const char *want)
{
    const hx_str_t  w = test_str(want);

    assert_true(test_same(s, &w));
}


static void
test_host(unsigned i, const char *name, unsigned port,
    hx_redis_host_form_t form)
{
    assert_true(i < conf.n_hosts);
    test_is(&conf.hosts[i].name, name);
    assert_int_equal(conf.hosts[i].port, port);
    assert_int_equal(conf.hosts[i].form, form);
}


static void
single(void **state)
{
    assert_int_equal(test_parse("redis://redis.example.org"), HX_OK);
    assert_int_equal(conf.kind, HX_REDIS_KIND_SINGLE);
    assert_false(conf.tls);
    assert_int_equal(conf.n_hosts, 1);
    test_host(0, "redis.example.org", 6379, HX_REDIS_HOST_NAME);
    test_is(&conf.user, "");
    test_is(&conf.password, "");
    test_is(&conf.master, "");
    assert_int_equal(conf.db, 0);
    assert_int_equal(conf.connect_timeout, 50);
    assert_int_equal(conf.timeout, 50);
    assert_int_equal(conf.connections, 4);
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_OK);

    assert_int_equal(test_parse("rediss://gate:p%40ss%2f%3a%25:w@10.0.0.1:7000"
                                "/15"), HX_OK);
    assert_true(conf.tls);
    test_host(0, "10.0.0.1", 7000, HX_REDIS_HOST_V4);
    test_is(&conf.user, "gate");
    test_is(&conf.password, "p@ss/:%:w");
    assert_int_equal(conf.db, 15);

    assert_int_equal(test_parse("redis://:word@[2001:db8::7]:1/0"), HX_OK);
    test_host(0, "2001:db8::7", 1, HX_REDIS_HOST_V6);
    test_is(&conf.user, "");
    test_is(&conf.password, "word");

    assert_int_equal(test_parse("redis://gate@[::1]"), HX_OK);
    test_host(0, "::1", 6379, HX_REDIS_HOST_V6);
    test_is(&conf.user, "gate");
    test_is(&conf.password, "");
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    assert_string_equal(why.what, "a user without a password");

    assert_int_equal(test_parse("redis://a.b.:65535"), HX_OK);
    test_host(0, "a.b.", 65535, HX_REDIS_HOST_NAME);
}


static void
several(void **state)
{
    assert_int_equal(test_parse("redis+sentinel://s1,s2:5,[::2]:6/my.Master-1"),
                     HX_OK);
    assert_int_equal(conf.kind, HX_REDIS_KIND_SENTINEL);
    assert_int_equal(conf.n_hosts, 3);
    test_host(0, "s1", 26379, HX_REDIS_HOST_NAME);
    test_host(1, "s2", 5, HX_REDIS_HOST_NAME);
    test_host(2, "::2", 6, HX_REDIS_HOST_V6);
    test_is(&conf.master, "my.Master-1");
    assert_int_equal(conf.db, 0);

    assert_int_equal(test_parse("rediss+sentinel://u:p@1.2.3.4/m/7"), HX_OK);
    assert_true(conf.tls);
    test_host(0, "1.2.3.4", 26379, HX_REDIS_HOST_V4);
    test_is(&conf.user, "u");
    test_is(&conf.password, "p");
    test_is(&conf.master, "m");
    assert_int_equal(conf.db, 7);

    assert_int_equal(test_parse("rediss+cluster://:x@c1:1,c1:2,c2"), HX_OK);
    assert_int_equal(conf.kind, HX_REDIS_KIND_CLUSTER);
    assert_true(conf.tls);
    assert_int_equal(conf.n_hosts, 3);
    test_host(0, "c1", 1, HX_REDIS_HOST_NAME);
    test_host(1, "c1", 2, HX_REDIS_HOST_NAME);
    test_host(2, "c2", 6379, HX_REDIS_HOST_NAME);

    assert_int_equal(test_parse("redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,"
                                "p"), HX_OK);
    assert_int_equal(conf.n_hosts, HX_REDIS_HOSTS);
}


static const hx_test_bad_t  bad[] = {
    { "", "not redis://, rediss://", "" },
    { "redis:/host", "not redis://, rediss://", "" },
    { "Redis://host", "not redis://, rediss://", "" },
    { "lmdb:/var/lib/hx-gate", "not redis://, rediss://", "" },
    { "redis+sentinels://host/m", "not redis://, rediss://", "" },
    { "redis://", "a host is missing", "" },
    { "redis://:6379", "a host is missing", ":6379" },
    { "redis+cluster://a,,b", "a host is missing", "" },
    { "redis+cluster://a,", "a host is missing", "" },
    { "redis+cluster://a,b:0", "not a port (1 to 65535)", "b:0" },
    { "redis+cluster://a,b:65536,c", "not a port (1 to 65535)", "b:65536" },
    { "redis://a:", "not a port (1 to 65535)", "a:" },
    { "redis://a:08", "not a port (1 to 65535)", "a:08" },
    { "redis://[::1]:", "not a port (1 to 65535)", "[::1]:" },
    { "redis://[::1]6379", "a port has to follow the \"]\"", "[::1]6379" },
    { "redis://[::1", "no \"]\" behind the IPv6 address", "[::1" },
    { "redis+cluster://a,[::g],b", "not an IPv6 address", "[::g]" },
    { "redis://::1", "an IPv6 address has to stand in brackets", "::1" },
    { "redis://2001:db8::1:6379", "an IPv6 address has to stand in brackets",
      "2001:db8::1:6379" },
    { "redis://1.2.3", "not a host name or address", "1.2.3" },
    { "redis://1.2.3.256", "not a host name or address", "1.2.3.256" },
    { "redis://1.2.3.04", "not a host name or address", "1.2.3.04" },
    { "redis://a..b", "not a host name or address", "a..b" },
    { "redis://-a", "not a host name or address", "-a" },
    { "redis://a b", "not a host name or address", "a b" },
    { "redis://a?db=1", "not a host name or address", "a?db=1" },
    { "redis://a,b", "one host only; several need redis+sentinel", "a,b" },
    { "redis+cluster://a,b:6379,b", "the host is there twice", "b" },
    { "redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
      "more than 16 hosts", "q" },
    { "redis://a/", "not a database (0 to 15)", "" },
    { "redis://a/16", "not a database (0 to 15)", "16" },
    { "redis://a/-1", "not a database (0 to 15)", "-1" },
    { "redis://a/1/2", "not a database (0 to 15)", "1/2" },
    { "redis+cluster://a/0", "a cluster has no databases", "0" },
    { "redis+sentinel://a", "the name of the master is missing", "" },
    { "redis+sentinel://a/", "the name of the master is missing", "" },
    { "redis+sentinel://a//1", "the name of the master is missing", "" },
    { "redis+sentinel://a/m m", "not a name of a master", "m m" },
    { "redis+sentinel://a/m/x", "not a database (0 to 15)", "x" },
    { "redis://@a", "no user in front of the \"@\"", "" },
    { "redis://secret:@a", "the password is empty", "" },
    { "redis://:@a", "the password is empty", "" },
    { "redis://u:secret@x@a", "an \"@\" in user or password", "" },
    { "redis://u:secret/x@a", "a \"/\" in user or password", "" },
    { "redis://u:secret%4@a", "\"%\" without two hex digits", "" },
    { "redis://u:secret%@a", "\"%\" without two hex digits", "" },
    { "redis://u:secret%zz@a", "\"%\" without two hex digits", "" },
    { "redis://secret%00@a", "a zero byte in user or password", "" },
    { "redis://u:sec ret@a", "a blank or control character", "" }
};


static void
wrong(void **state)
{
    size_t    i;
    hx_str_t  where;

    for (i = 0; i < hx_nelts(bad); i++) {
        why.what = NULL;

        if (test_parse(bad[i].url) != HX_NO
            || strncmp(why.what, bad[i].what, strlen(bad[i].what)) != 0)
        {
            fail_msg("%s: %s", bad[i].url, why.what);
        }

        where = test_str(bad[i].where);

        if (!test_same(&why.where, &where)) {
            fail_msg("%s: shows %.*s", bad[i].url, (int) why.where.len,
                     why.where.data);
        }
    }
}


static void
together(void **state)
{
    const hx_str_t  file = test_str("/etc/x.pem");

    assert_int_equal(test_parse("redis://a"), HX_OK);
    conf.ca = file;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    assert_non_null(strstr(why.what, "need rediss"));

    assert_int_equal(test_parse("rediss://a"), HX_OK);
    conf.ca = file;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_OK);
    conf.certificate = file;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    assert_non_null(strstr(why.what, "need each other"));
    conf.certificate_key = file;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_OK);

    conf.connections = 0;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    conf.connections = HX_REDIS_CONNECTIONS + 1;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    conf.connections = HX_REDIS_CONNECTIONS;
    conf.timeout = 0;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    conf.timeout = 1;
    conf.connect_timeout = HX_REDIS_TIMEOUT_MAX + 1;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_NO);
    conf.connect_timeout = HX_REDIS_TIMEOUT_MAX;
    assert_int_equal(hx_redis_conf_check(&conf, &why), HX_OK);
}


/* Whatever the C library takes for an IPv6 address, and nothing else. */
static void
addresses(void **state)
{
    int              n;
    char             text[64], url[96];
    size_t           len, k;
    unsigned         i, ok;
    struct in6_addr  addr;

    static const char  bytes[] = "0123abcF::::..";

    ok = 0;

    for (i = 0; i < 400000; i++) {
        if (i % 4 == 0) {
            test_fill(&addr, sizeof(addr));
            memset((char *) &addr + test_below(14), 0, 2);
            assert_non_null(inet_ntop(AF_INET6, &addr, text, sizeof(text)));
            len = strlen(text);

            if (i % 8 == 0) {
                k = test_below(len);
                text[k] = bytes[test_below(sizeof(bytes) - 1)];
            }

        } else {
            len = 1 + test_below(12);

            for (k = 0; k < len; k++) {
                text[k] = bytes[test_below(sizeof(bytes) - 1)];
            }

            text[len] = '\0';
        }

        n = snprintf(url, sizeof(url), "redis://[%s]", text);

        if ((test_parse_n(url, (size_t) n) == HX_OK)
            != (inet_pton(AF_INET6, text, &addr) == 1))
        {
            fail_msg("%s", text);
        }

        ok += inet_pton(AF_INET6, text, &addr) == 1;
    }

    assert_true(ok > 50000);
}


static void
test_escape(char *out, size_t size, const char *in)
{
    size_t  n;

    for (n = 0; *in != '\0'; in++) {
        if (test_below(2) || strchr("@/:% \x7f", *in) != NULL
            || *in < ' ')
        {
            n += (size_t) snprintf(out + n, size - n, "%%%02x",
                                   (unsigned char) *in);

        } else {
            n += (size_t) snprintf(out + n, size - n, "%c", *in);
        }
    }

    out[n] = '\0';
}


/* What is written is read back. */
static void
round_trip(void **state)
{
    char      url[2000], user[20], word[20], e_user[64], e_word[64];
    size_t    n, k, hosts;
    unsigned  i, kind, tls, db, ports[HX_REDIS_HOSTS];

    static const char  *schemes[] = { "", "+sentinel", "+cluster" };

    for (i = 0; i < 20000; i++) {
        kind = (unsigned) test_below(3);
        tls = (unsigned) test_below(2);
        db = kind == 2 ? 0 : (unsigned) test_below(16);
        hosts = kind == 0 ? 1 : 1 + test_below(HX_REDIS_HOSTS);

        for (k = 0; k < sizeof(user) - 1; k++) {
            user[k] = (char) (1 + test_below(127));
            word[k] = (char) (1 + test_below(255));
        }

        user[test_below(sizeof(user))] = '\0';
        user[sizeof(user) - 1] = '\0';
        word[1 + test_below(sizeof(word) - 1)] = '\0';
        test_escape(e_user, sizeof(e_user), user);
        test_escape(e_word, sizeof(e_word), word);

        n = (size_t) snprintf(url, sizeof(url), "redis%s%s://%s:%s@",
                              tls ? "s" : "", schemes[kind], e_user, e_word);

        for (k = 0; k < hosts; k++) {
            ports[k] = 1 + (unsigned) test_below(65535);
            n += (size_t) snprintf(url + n, sizeof(url) - n, "%sh%zu:%u",
                                   k ? "," : "", k, ports[k]);
        }

        if (kind != 2) {
            n += (size_t) snprintf(url + n, sizeof(url) - n, "%s/%u",
                                   kind == 1 ? "/mine" : "", db);
        }

        if (test_parse_n(url, n) != HX_OK) {
            fail_msg("%s: %s", url, why.what);
        }

        assert_int_equal(conf.kind, kind);
        assert_int_equal(conf.tls, tls);
        assert_int_equal(conf.db, db);
        assert_int_equal(conf.n_hosts, hosts);
        test_is(&conf.user, user);
        test_is(&conf.password, word);

        for (k = 0; k < hosts; k++) {
            assert_int_equal(conf.hosts[k].port, ports[k]);
        }
    }
}


/* Whatever comes, no byte behind the end is read and nothing breaks. */
static void
garbage(void **state)
{
    char      url[128];
    size_t    n, k;
    unsigned  i;

    static const char  bytes[] = "redis://+sntl,:@[]%0f/.a\n\xff";

    for (i = 0; i < 200000; i++) {
        n = (size_t) snprintf(url, sizeof(url), "%s", i % 2
                              ? "rediss+sentinel://u:p%41@[::1]:5,a.b:9/m/3"
                              : "redis+cluster://user@1.2.3.4:80,[2::3]:4,c");
        n = test_below(n + 1);

        for (k = test_below(4); n != 0 && k > 0; k--) {
            url[test_below(n)] = bytes[test_below(sizeof(bytes) - 1)];
        }

        if (test_parse_n(url, n) != HX_OK) {
            assert_non_null(why.what);
        }

        (void) hx_redis_url_is(test_edge(url, n), n);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(single),
        cmocka_unit_test(several),
        cmocka_unit_test(wrong),
        cmocka_unit_test(together),
        cmocka_unit_test(addresses),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
