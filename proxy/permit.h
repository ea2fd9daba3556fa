/* Whether a local user may connect to the socket at a path, as the kernel would judge it: for us it judges ourselves. */
#ifndef PX_PERMIT_H
#define PX_PERMIT_H

#include "address.h"

/* The one at the other end of the descriptor, a Unix socket. 0 with the address to connect to on its behalf, or the errno
 * that connect() would give it; EACCES also where the path is not safe from being changed by others meanwhile. */
int px_permit_local(int asking, const char *path, struct px_address *to);

#endif
