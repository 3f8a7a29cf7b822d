/*
 * hx_dial.h -- connections of the commands: nothing waits longer than it was
 * told to.
 */

#ifndef HX_DIAL_H
#define HX_DIAL_H

#include <stdint.h>
#include <sys/socket.h>


/* Milliseconds of the monotonic clock. */
int64_t hx_dial_now(void);

/*
 * Until fd is ready for events (POLLIN, POLLOUT), or broken, which the next
 * call on it will say: 1.  0: at the end, of hx_dial_now(), it was not.
 */
int hx_dial_wait(int fd, short events, int64_t end);

/*
 * A stream that is connected, close-on-exec and non-blocking, which the caller
 * closes; -1 and errno, ETIMEDOUT after timeout milliseconds.
 */
int hx_dial(const struct sockaddr *sa, socklen_t len, unsigned timeout);


#endif /* HX_DIAL_H */
