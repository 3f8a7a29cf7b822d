/*
 * hx_conf_lint.h -- which combinations of directives, ours and others', are
 * dangerous where the gate is.  Pure: the tree of hx_conf_text.h in, findings
 * out.
 *
 * Errors are what lets somebody in, hands a credential out, or serves one
 * tenant what is another's; warnings are what may be meant.  Only servers and
 * locations with something of the gate in them are looked at, and what these
 * inherit.  A finding is told once, at the line of the directive that it is
 * about, however many locations it concerns.
 */

#ifndef HX_CONF_LINT_H
#define HX_CONF_LINT_H

#include "hx_conf_text.h"

#define HX_LINT_TEXT   1024         /* bytes of a finding, at most */

typedef enum {
    HX_LINT_WARN = 0,
    HX_LINT_ERROR
} hx_lint_level_t;

typedef struct {
    void        *data;
    void       (*say)(void *data, hx_lint_level_t level,
                      const hx_conf_dir_t *at, const hx_str_t *text);
    hx_str_t     prefix;            /* that paths of content begin at, with "/"
                                     * at its end */
    hx_str_t     conf_prefix;       /* that paths of keys begin at */
} hx_conf_lint_t;

/*
 * t has been read without an error.  HX_OK, whatever was found; HX_FAIL: no
 * memory.
 */
hx_rc_t hx_conf_lint(hx_conf_text_t *t, const hx_conf_lint_t *lint);

#endif /* HX_CONF_LINT_H */
