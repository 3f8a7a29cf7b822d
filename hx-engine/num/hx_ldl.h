/*
 * hx_ldl.h -- symmetric matrices as L D L^T, and what follows from it.
 *
 * Row-major, n x n, rows n apart; only the lower triangle is read.  Without
 * exchanges of rows: meant for matrices that are positive definite and not
 * nearly singular, and for counting signs.
 */

#ifndef HX_LDL_H
#define HX_LDL_H

#include "hx_types.h"

/* Doubles of scratch for hx_ldl(). */
size_t hx_ldl_work(size_t n);

/*
 * a's lower triangle becomes L (below its diagonal of ones) and d.  Returns how
 * many of d are positive, which is the number of positive eigenvalues
 * (Sylvester).  HX_LDL_BROKEN: met a zero or something that is no number.
 */
#define HX_LDL_BROKEN   ((size_t) -1)

size_t hx_ldl(double *a, size_t n, double *d, double *work);

/*
 * Makes r rows of n values (ld apart) orthonormal: Q replaces them, and the
 * rows were T Q with T lower triangular, r x r.  Two passes of Cholesky's QR,
 * or more where needed (Y. Yamamoto et al., "Roundoff error analysis of the
 * CholeskyQR2 algorithm", ETNA 44, 2015); HX_NO when the rows are nearly
 * dependent.
 */
size_t hx_ortho_work(size_t r, size_t n);
hx_rc_t hx_ortho(double *v, size_t r, size_t n, size_t ld, double *t,
    double *work);

/*
 * The same for rows that may be as nearly dependent as they like, several times
 * slower: Gram and Schmidt's way, each row twice (L. Giraud et al., "The loss
 * of orthogonality in the Gram-Schmidt orthogonalization process", Comput.
 * Math. Appl. 50, 2005).  A row that has nothing beside those before it becomes
 * zeros.  n >= 1.
 */
void hx_ortho_slow(double *v, size_t r, size_t n, size_t ld, double *t);

#endif /* HX_LDL_H */
