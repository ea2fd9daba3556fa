/* Keep-alive on connections that a call has waited on for long: the kernel probes, and ends a connection that does not
 * answer (tcp(7)). Of a server's connection we also ask each second whether it was answered, for the brain. */
#ifndef PX_KEEPALIVE_H
#define PX_KEEPALIVE_H

#include "../policy/policy.h"
#include "loop.h"
#include "socket.h"

struct px_keepalive; /* of a link that is probed */

/* Switches it on or off; nothing on a Unix socket, where the kernel tells of a dead peer by itself. */
void px_keepalive_set(struct px_socket *s, const struct px_server *server, bool on);

/* Tells the brain when a probed link falls silent, and when it answers again. NULL: no memory, or no TCP. */
struct px_keepalive *px_keepalive_watch(struct px_loop *loop, struct px_socket *s, struct pol_id link,
                                        const struct px_server *server);
void px_keepalive_unwatch(struct px_keepalive *k); /* or NULL */

#endif
