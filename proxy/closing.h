/* The last moments of a socket: flush, let the peer acknowledge, then FIN or RST. The owner hears of `closed` only. */
#ifndef PX_CLOSING_H
#define PX_CLOSING_H

#include "../policy/policy.h"
#include "socket.h"

/* Carries out POL_CLOSE. May be called again: the second call only makes it end at once. There is no deadline here;
 * the brain keeps one and says POL_CLOSE again. `delay` is in ms and counts from the last acknowledgement. */
void px_closing_begin(struct px_socket *s, bool reset, enum pol_when when, uint32_t delay);

#endif
