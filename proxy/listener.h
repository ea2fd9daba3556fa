/* The sockets that clients connect to. */
#ifndef PX_LISTENER_H
#define PX_LISTENER_H

#include "loop.h"

struct px_listener_socket {
    uv_poll_t poll;
    struct px_loop *loop;
    struct px_address address;
    uint32_t index;              /* of the settings' listener */
    int fd;                      /* -1: it is being closed, or a shim's */
    struct px_shim *shim;        /* that listens here instead; NULL: none */
    char bound[PX_ADDRESS_TEXT]; /* where it really listens: the port that the kernel picked */
};

/* Local users, as the brain knows them. */
struct pol_identity px_identity_of_uid(uint32_t uid);

/* Binds and listens, non-blocking; a socket's path that nobody listens at is taken over. 0, or an errno. */
int px_listener_socket(const struct px_address *address, int type, bool only_loopback, int *fd);

/* loop->listeners[index] listens, `shim` as a shim at that path. 0, or an errno. */
int px_listener_open(struct px_loop *loop, uint32_t index, const struct px_address *address, const char *shim);
/* Says on stderr that it does. */
void px_listener_tell(const struct px_loop *loop, const struct px_settings *settings, uint32_t index);
void px_listener_close(struct px_listener_socket *listener); /* NULL, or closed before: nothing happens */

/* A path that nobody listens at any more is left over from a process that died: it is removed. */
void px_listener_remove_stale(const struct px_address *address, int type);

/* Takes a connection from a listening socket's backlog and closes it, though there are no descriptors left. */
void px_listener_refuse(struct px_loop *loop, int fd);

#endif
