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

#endif
