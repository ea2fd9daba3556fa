/* Which socket of this host it is that has connected to us over loopback. */
#ifndef PX_OWNER_H
#define PX_OWNER_H

#include <stdint.h>

#include "address.h"

/* A descriptor to ask with, or a negative errno: the kernel cannot tell (sock_diag(7)). */
int px_owner_open(void);

struct px_owner {
    uint64_t cookie;
    uint32_t uid; /* whose socket it is; not of Unix sockets */
};

/* The other end of an accepted connection, over loopback or a Unix socket. 0, or an errno. */
int px_owner_find(int owner, int accepted, struct px_owner *found);

/* Our own network namespace; 0 before Linux 5.14. */
uint64_t px_owner_netns(void);

#endif
