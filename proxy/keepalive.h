/* Keep-alive on connections that a call has waited on for long: the kernel probes (tcp(7)), and as often we ask it what
 * became of that. Nothing of it on a Unix socket, where the kernel tells of a dead peer by itself. */
#ifndef PX_KEEPALIVE_H
#define PX_KEEPALIVE_H

#include "../policy/policy.h"
#include "loop.h"
#include "socket.h"

struct px_keepalive; /* of a connection that is probed */

/* Fails the socket when nobody is there any more. Of a link it also tells the brain when it falls silent and when it
 * answers again; a client has no link (POL_NONE). NULL: no memory. */
struct px_keepalive *px_keepalive_begin(struct px_loop *loop, struct px_socket *s, struct pol_id link,
                                        const struct px_server *server);

/* The system's own keep-alive is back. Before the socket is closed; NULL is none. */
void px_keepalive_end(struct px_keepalive *k);

#endif
