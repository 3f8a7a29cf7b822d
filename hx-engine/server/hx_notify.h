/*
 * hx_notify.h -- telling whoever started us how far we are: the protocol of
 * systemd's sd_notify(3), a datagram to the socket that NOTIFY_SOCKET names.
 */

#ifndef HX_NOTIFY_H
#define HX_NOTIFY_H

/*
 * Sends state, lines like "READY=1".  0: sent, or nobody asked for it.  -1:
 * the socket cannot be used, errno says why.  Does not block for long: the
 * other side has a queue, and a full one is waited for.
 */
int hx_notify(const char *state);

#endif /* HX_NOTIFY_H */
