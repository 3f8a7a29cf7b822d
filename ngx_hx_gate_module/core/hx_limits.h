/*
 * hx_limits.h -- every number that limits something a client or operator can
 * meet.  Units are in the names or in the comment; the contract section that
 * fixes a number is in brackets.
 */

#ifndef HX_LIMITS_H
#define HX_LIMITS_H

#define HX_NAMESPACE_MAX        255         /* bytes [5] */
#define HX_KEY_MAX              255         /* bytes [5] */
#define HX_TENANT_MAX           64          /* bytes [5] */
#define HX_REQUEST_ID_MAX       128         /* bytes [3] */
#define HX_EMAIL_MAX            254         /* bytes, RFC 5321 path limit */
#define HX_DOMAIN_MAX           64          /* bytes, put's "domain" */

#define HX_APIKEY_MIN           32          /* characters [2] */
#define HX_APIKEY_MAX           256         /* characters [2] */
#define HX_SERVICE_KEY_MIN      32          /* characters [2] */
#define HX_SERVICE_KEY_MAX      256         /* characters */

#define HX_UPLOAD_DEFAULT       104857600   /* bytes of decoded payload [5] */

/* HTTP body cap for a decoded payload of n bytes: base64 plus the rest [5] */
#define hx_body_cap(n)          ((n) / 3 * 4 + 4 + 1048576)

#define HX_PATH_MAX             4096        /* bytes of one decoded path */
#define HX_PATH_SEGMENTS        32

#define HX_JSON_DEPTH_MAX       64          /* nested containers [5] */
#define HX_JSON_STRING_MAX      4096        /* bytes of a string as written;
                                             * longer values are diverted */
#define HX_JSON_NUMBER_MAX      512         /* characters of one number */

#define HX_METADATA_MAX         65536       /* bytes as compact JSON [5] */
#define HX_METADATA_DEPTH       16          /* [5] */

#define HX_DETAIL_ECHO_MAX      255         /* bytes of echoed input [4] */
#define HX_ADMIN_BODY_MAX       65536       /* bytes of an admin request */

#define HX_UNREAD_MAX           65536       /* bytes taken of the body of
                                             * somebody who is not known */

#define HX_TENANT_NAMESPACES    256         /* namespaces of one tenant */
#define HX_TENANT_KEYS          8           /* live API keys of one tenant */
#define HX_TENANT_RECORD_MAX    98304       /* bytes of one encoded record */
#define HX_GRACE_MAX            2592000     /* seconds an old key may live on */

#define HX_PLANS_MAX            64          /* the built-in ones among them */
#define HX_PLAN_MAX             64          /* bytes of a plan's name */
#define HX_QUOTA_MAX            1000000000000ULL    /* CUs a month */

#define HX_ORIGINS_MAX          64          /* origins of one hx_gate_cors */

#define HX_LIST_DEFAULT         100         /* entries of one listing page */
#define HX_LIST_MAX             1000

#endif /* HX_LIMITS_H */
