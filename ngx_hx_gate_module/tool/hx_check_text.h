/*
 * hx_check_text.h -- texts of other programs that hx-gate-check reads: the
 * kernel's list of sockets, compose and Docker files, what apt-get says,
 * configurations of log shippers, environments; and what makes a secret weak.
 * Pure: no I/O, no clock.  No text is believed to be well-formed.
 */

#ifndef HX_CHECK_TEXT_H
#define HX_CHECK_TEXT_H

#include "hx_types.h"

/* The next line of a text, without its end: 1, or 0.  *pos starts as 0. */
int hx_scan_line(const hx_str_t *text, size_t *pos, hx_str_t *line);

/* The next word of a line, between blanks: 1, or 0. */
int hx_scan_word(const hx_str_t *line, size_t *pos, hx_str_t *word);

/* One listening socket. */
typedef struct {
    unsigned char  addr[16];        /* network order */
    unsigned       len;             /* 4 or 16 */
    unsigned       port;
    uint64_t       inode;
} hx_socket_t;

/*
 * A line of /proc/net/tcp or tcp6: HX_OK, or HX_NO when it is no socket that
 * listens.
 */
hx_rc_t hx_socket_parse(hx_socket_t *s, const hx_str_t *line);

/* Of an address, also of IPv4 in IPv6. */
int hx_socket_loopback(const unsigned char *addr, unsigned len);
int hx_socket_any(const unsigned char *addr, unsigned len);
int hx_socket_private(const unsigned char *addr, unsigned len);


#define HX_IMAGE_STAGES   64

/* References to images in a file; zero it, then set text and docker. */
typedef struct {
    hx_str_t   text;
    unsigned   docker:1;            /* a Dockerfile; else YAML or JSON */
    size_t     pos;
    unsigned   line;                /* of the reference, from 1 on */
    hx_str_t   rest;                /* of the line */
    unsigned   n_stages;
    hx_str_t   stages[HX_IMAGE_STAGES];
} hx_images_t;

/* 1 and the next reference (empty: not on its line), or 0. */
int hx_image_next(hx_images_t *im, hx_str_t *ref);

/* Does it end with @sha256: and 64 hex digits? */
int hx_image_pinned(const hx_str_t *ref);


/* A line of "apt-get -s": 1 and the package if it is a security update. */
int hx_apt_security(const hx_str_t *line, hx_str_t *package);

/*
 * Does a line of a shipper's configuration name this path, by itself or by a
 * pattern?  Comments do not count.
 */
int hx_ship_names(const hx_str_t *line, const char *path);

/*
 * A variable of a process (text: NAME=value, each with a NUL; the first one
 * counts) or of a file (lines; the last one counts, quotes are taken off, '#'
 * begins a comment).  1 and *value, or 0.
 */
int hx_environ_block(const hx_str_t *text, const char *name, hx_str_t *value);
int hx_environ_file(const hx_str_t *text, const char *name, hx_str_t *value);

/* One line of such a file: 1, its name and its value; or 0. */
int hx_environ_line(const hx_str_t *line, hx_str_t *name, hx_str_t *value);

/*
 * What is wrong with a secret, as a text that follows "it ..."; NULL: nothing
 * that can be seen.
 */
const char *hx_secret_weak(const unsigned char *s, size_t len);

#endif /* HX_CHECK_TEXT_H */
