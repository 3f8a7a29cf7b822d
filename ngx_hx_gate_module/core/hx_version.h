/*
 * hx_version.h -- the version of all that is built from this tree.
 *
 * It stands here and nowhere else: programs print it, and the names of
 * tarballs and packages are made of it (packaging/version.sh reads this line).
 */

#ifndef HX_VERSION_H
#define HX_VERSION_H

#define HX_VERSION  "0.9.0"

#endif /* HX_VERSION_H */
