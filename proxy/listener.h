/* The sockets that clients connect to. */
#ifndef PX_LISTENER_H
#define PX_LISTENER_H

#include "loop.h"

struct px_listener_socket {
    uv_poll_t poll;
    struct px_loop *loop;
    uint32_t index;              /* of the settings' listener */
    int fd;                      /* -1: closed */
    char bound[PX_ADDRESS_TEXT]; /* where it really listens: the port that the kernel picked */
};

/* 0, or an errno. */
int px_listener_open(struct px_listener_socket *listener, struct px_loop *loop, uint32_t index);
void px_listener_close(struct px_listener_socket *listener);

/* A path that nobody listens at any more is left over from a process that died: it is removed. */
void px_listener_remove_stale(const struct px_address *address);

/* Takes a connection from a listening socket's backlog and closes it, though there are no descriptors left. */
void px_listener_refuse(struct px_loop *loop, int fd);

#endif
