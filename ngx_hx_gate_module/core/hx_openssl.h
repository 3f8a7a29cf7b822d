/*
 * hx_openssl.h -- every condition on the version of OpenSSL, in one place: the
 * names are those of 3.0, for 1.1.1 they are made of what it has.
 */

#ifndef HX_OPENSSL_H
#define HX_OPENSSL_H

#include <openssl/opensslv.h>
#include <openssl/evp.h>

#if (OPENSSL_VERSION_NUMBER < 0x30000000L)

#include <openssl/hmac.h>

#define HX_OPENSSL_HMAC          1          /* no EVP_MAC */

/* nothing is fetched: digests are constants, which nobody frees */

#define EVP_MD_fetch(lib, name, props)                                        \
    ((EVP_MD *) EVP_get_digestbyname(name))
#define EVP_MD_free(md)                     ((void) (md))
#define EVP_DigestInit_ex2(ctx, md, params) EVP_DigestInit_ex(ctx, md, NULL)

#define EVP_PKEY_get_base_id(pkey)          EVP_PKEY_base_id(pkey)
#define SSL_get1_peer_certificate(ssl)      SSL_get_peer_certificate(ssl)

#endif

#endif /* HX_OPENSSL_H */
