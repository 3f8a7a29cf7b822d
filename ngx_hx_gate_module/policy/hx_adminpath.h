/*
 * hx_adminpath.h -- the paths the gate answers itself, as templates.  Pure.
 */

#ifndef HX_ADMINPATH_H
#define HX_ADMINPATH_H

#include "hx_types.h"

#define HX_PATH_ONBOARD   "/gate/onboard/"
#define HX_PATH_TENANTS     "/gate/admin/tenants"
#define HX_PATH_USAGE       "/gate/admin/usage"
#define HX_PATH_OWN         "/gate/usage"

/* Numbers of paths: 1 .. HX_ADMINPATHS - 1; 0 is none of them. */
#define HX_ADMINPATHS       14
#define HX_ADMINPATH_OWN    13

typedef struct {
    hx_str_t    method;         /* the one it takes, GET also stands for HEAD */
    hx_str_t    pattern;        /* "{tenant_id}" is its last segment, if any */
} hx_adminpath_t;

/* The number of a decoded path, whatever the method. */
unsigned hx_adminpath_match(const unsigned char *path, size_t len);

/* i: 1 .. HX_ADMINPATHS - 1 */
const hx_adminpath_t *hx_adminpath(unsigned i);

#endif /* HX_ADMINPATH_H */
