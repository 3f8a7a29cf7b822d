/*
 * hx_check_text.c -- see the header.
 */

#include <fnmatch.h>
#include <string.h>

#include "hx_check_conf.h"
#include "hx_check_text.h"
#include "hx_limits.h"
#include "hx_text.h"


static int
hx_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}


int
hx_scan_line(const hx_str_t *text, size_t *pos, hx_str_t *line)
{
    const unsigned char  *lf, *p;

    if (*pos >= text->len) {
        return 0;
    }

    p = text->data + *pos;
    lf = memchr(p, '\n', text->len - *pos);

    line->data = p;
    line->len = lf != NULL ? (size_t) (lf - p) : text->len - *pos;
    *pos += line->len + 1;

    if (line->len != 0 && p[line->len - 1] == '\r') {
        line->len--;
    }

    return 1;
}


int
hx_scan_word(const hx_str_t *line, size_t *pos, hx_str_t *word)
{
    size_t  i;

    for (i = *pos; i < line->len && hx_blank(line->data[i]); i++) {
        /* void */
    }

    word->data = line->data + i;

    for (*pos = i; *pos < line->len && !hx_blank(line->data[*pos]); (*pos)++) {
        /* void */
    }

    word->len = *pos - i;

    return word->len != 0;
}


/* "0100007F:1F90": the address is in words of the host's order. */

static hx_rc_t
hx_socket_addr(hx_socket_t *s, const hx_str_t *word)
{
    size_t         i, digits;
    unsigned char  addr[16], port[2];

    if (word->len != 8 + 5 && word->len != 32 + 5) {
        return HX_NO;
    }

    digits = word->len - 5;

    if (word->data[digits] != ':'
        || hx_text_unhex(addr, word->data, digits / 2) != HX_OK
        || hx_text_unhex(port, word->data + digits + 1, 2) != HX_OK)
    {
        return HX_NO;
    }

    s->len = (unsigned) digits / 2;
    s->port = (unsigned) port[0] << 8 | port[1];

    for (i = 0; i < s->len; i++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        s->addr[i] = addr[i ^ 3];
#else
        s->addr[i] = addr[i];
#endif
    }

    return HX_OK;
}


/* sl local_address rem_address st queues timer retrnsmt uid timeout inode */

hx_rc_t
hx_socket_parse(hx_socket_t *s, const hx_str_t *line)
{
    size_t    pos;
    unsigned  i;
    hx_str_t  word;

    memset(s, 0, sizeof(hx_socket_t));
    pos = 0;

    for (i = 0; i < 10; i++) {
        if (!hx_scan_word(line, &pos, &word)) {
            return HX_NO;
        }

        if ((i == 1 && hx_socket_addr(s, &word) != HX_OK)
            || (i == 3 && !hx_text_is(&word, "0A")))
        {
            return HX_NO;
        }
    }

    return hx_text_parse_u64(word.data, word.len, UINT64_MAX, &s->inode);
}


/* The four bytes of IPv4, also as ::ffff:a.b.c.d; NULL: it is IPv6. */

static const unsigned char *
hx_socket_ipv4(const unsigned char *addr, unsigned len)
{
    static const unsigned char  mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };

    if (len == 4) {
        return addr;
    }

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): 16 bytes */
    return memcmp(addr, mapped, sizeof(mapped)) == 0 ? addr + 12 : NULL;
}


int
hx_socket_loopback(const unsigned char *addr, unsigned len)
{
    const unsigned char         *v4;
    static const unsigned char   one[16] = { [15] = 1 };

    v4 = hx_socket_ipv4(addr, len);

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    return v4 != NULL ? v4[0] == 127 : memcmp(addr, one, sizeof(one)) == 0;
}


int
hx_socket_any(const unsigned char *addr, unsigned len)
{
    const unsigned char         *v4;
    static const unsigned char   none[16];

    v4 = hx_socket_ipv4(addr, len);

    if (v4 != NULL) {
        return memcmp(v4, none, 4) == 0;
    }

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    return memcmp(addr, none, sizeof(none)) == 0;
}


int
hx_socket_private(const unsigned char *addr, unsigned len)
{
    const unsigned char  *v4;

    v4 = hx_socket_ipv4(addr, len);

    if (v4 == NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): 16 bytes */
        return (addr[0] & 0xfe) == 0xfc
               || (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80);
    }

    return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16)
           || (v4[0] == 192 && v4[1] == 168)
           || (v4[0] == 169 && v4[1] == 254)
           || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
}


int
hx_apt_security(const hx_str_t *line, hx_str_t *package)
{
    size_t    pos;
    hx_str_t  word;

    pos = 0;

    return hx_scan_word(line, &pos, &word) && hx_text_is(&word, "Inst")
           && hx_scan_word(line, &pos, package)
           && (hx_text_has(line, "-security")
               || hx_text_has(line, "-Security"));
}


static int
hx_ship_divides(unsigned char c)
{
    return hx_blank(c) || c == '"' || c == '\'' || c == '=' || c == ','
           || c == '(' || c == ')' || c == ';' || c == '[' || c == ']';
}


/* A pattern may have brackets in it, which also stand around lists. */

static int
hx_ship_match(const hx_str_t *line, size_t from, size_t to, const char *path)
{
    char      pattern[HX_DUMP_PATH];
    size_t    i, stars;
    hx_str_t  word;

    word.data = line->data + from;
    word.len = to - from;

    for (i = 0; i + 3 < word.len; i++) {        /* monitor:///var/log/... */
        if (memcmp(word.data + i, "://", 3) == 0) {
            word.data += i + 3;
            word.len -= i + 3;
            break;
        }
    }

    if (word.len == 0 || word.data[0] != '/' || word.len >= sizeof(pattern)) {
        return 0;
    }

    for (i = 0, stars = 0; i < word.len; i++) {
        stars += word.data[i] == '*';
    }

    memcpy(pattern, word.data, word.len);
    pattern[word.len] = '\0';

    return stars <= 8 && fnmatch(pattern, path, FNM_PATHNAME) == 0;
}


int
hx_ship_names(const hx_str_t *line, const char *path)
{
    size_t  i, from;

    for (i = 0; i < line->len && hx_blank(line->data[i]); i++) { /* void */ }

    if (i == line->len || line->data[i] == '#' || line->data[i] == ';') {
        return 0;
    }

    for (from = i; i <= line->len; i++) {
        if (i == line->len || hx_ship_divides(line->data[i])) {
            if (hx_ship_match(line, from, i, path)) {
                return 1;
            }

            from = i + 1;
        }
    }

    return 0;
}


int
hx_environ_block(const hx_str_t *text, const char *name, hx_str_t *value)
{
    size_t                pos, n;
    hx_str_t              entry;
    const unsigned char  *nul;

    n = strlen(name);

    for (pos = 0; pos < text->len; pos += entry.len + 1) {
        entry.data = text->data + pos;
        nul = memchr(entry.data, '\0', text->len - pos);
        entry.len = nul != NULL ? (size_t) (nul - entry.data)
                                : text->len - pos;

        if (hx_text_after(&entry, name, value) && value->len != 0
            && entry.data[n] == '=')
        {
            value->data++;
            value->len--;
            return 1;
        }
    }

    return 0;
}


int
hx_environ_line(const hx_str_t *line, hx_str_t *name, hx_str_t *value)
{
    size_t                n;
    hx_str_t              v;
    const unsigned char  *eq;

    for (n = 0; n < line->len && hx_blank(line->data[n]); n++) { /* void */ }

    name->data = line->data + n;
    eq = memchr(name->data, '=', line->len - n);

    if (eq == NULL || eq == name->data || name->data[0] == '#'
        || name->data[0] == ';')
    {
        return 0;
    }

    name->len = (size_t) (eq - name->data);
    v.data = eq + 1;
    v.len = line->len - n - name->len - 1;

    while (v.len != 0 && hx_blank(v.data[v.len - 1])) {
        v.len--;
    }

    if (v.len >= 2 && (v.data[0] == '"' || v.data[0] == '\'')
        && v.data[v.len - 1] == v.data[0])
    {
        v.data++;
        v.len -= 2;
    }

    *value = v;

    return 1;
}


int
hx_environ_file(const hx_str_t *text, const char *name, hx_str_t *value)
{
    int       found;
    size_t    pos;
    hx_str_t  line, n, v;

    found = 0;
    pos = 0;

    while (hx_scan_line(text, &pos, &line)) {
        if (hx_environ_line(&line, &n, &v) && hx_text_is(&n, name)) {
            *value = v;
            found = 1;
        }
    }

    return found;
}


/* Is it a shorter text over and over? */

static int
hx_secret_repeats(const unsigned char *s, size_t len)
{
    size_t  n;

    for (n = 1; n <= len / 2; n++) {
        if (memcmp(s, s + n, len - n) == 0) {
            return 1;
        }
    }

    return 0;
}


const char *
hx_secret_weak(const unsigned char *s, size_t len)
{
    size_t         i, n;
    unsigned       distinct;
    hx_str_t       lower;
    unsigned char  seen[256], text[HX_SERVICE_KEY_MAX];

    static const char *const  words[] = {
        "changeme", "change-me", "change_me", "password", "example", "secret",
        "12345678", "abcdefgh"
    };

    memset(seen, 0, sizeof(seen));
    n = len < sizeof(text) ? len : sizeof(text);

    for (i = 0, distinct = 0; i < n; i++) {
        distinct += !seen[s[i]];
        seen[s[i]] = 1;
        text[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i];
    }

    if (distinct < 10) {
        return "has fewer than 10 different characters";
    }

    if (hx_secret_repeats(s, n)) {
        return "is a shorter text over and over";
    }

    lower.data = text;
    lower.len = n;

    for (i = 0; i < hx_nelts(words); i++) {
        if (hx_text_has(&lower, words[i])) {
            return "has a word in it that random text would not have";
        }
    }

    return NULL;
}
