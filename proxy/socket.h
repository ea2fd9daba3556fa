/* A non-blocking stream socket in the loop, with an exact account of what the kernel took.
 *
 * Its owner (a downstream, an upstream) embeds it and is told through `events`. Nothing is freed while a handler runs:
 * px_socket_close() ends in events->closed, called from the loop when libuv has let go of the handle. */
#ifndef PX_SOCKET_H
#define PX_SOCKET_H

#include <uv.h>

#include "buffer.h"

struct px_socket;
struct px_closing;

/* What the owner wants to hear of, each including what stands above it. */
enum px_watch {
    PX_WATCH_NOTHING,
    PX_WATCH_ERRORS,  /* the peer's reset */
    PX_WATCH_HANG_UP, /* once: the peer's FIN, though nothing is read */
    PX_WATCH_BYTES,   /* what can be read, FIN and errors with it */
};

struct px_socket_events {
    void (*readable)(struct px_socket *);          /* bytes, a FIN or an error can be read */
    void (*writable)(struct px_socket *);          /* connected; or: bytes that waited were written */
    void (*hung_up)(struct px_socket *);           /* while nothing is read: the peer's FIN has come */
    void (*failed)(struct px_socket *, int error); /* errno; no more can be written, what came before can be read */
    void (*closed)(struct px_socket *);            /* the last event: the owner may free itself */
};

struct px_socket {
    uv_poll_t poll;
    const struct px_socket_events *events;
    struct px_closing *closing; /* how it is being closed (closing.h); owned */
    struct px_buffer out;       /* given to us, not yet taken by the kernel */
    uint64_t taken;             /* bytes that write() has ever taken */
    int fd;                     /* -1: closed */
    int watched;                /* what libuv watches now */
    bool connecting;
    uint8_t wish;    /* enum px_watch */
    bool end_input;  /* send a FIN when `out` is empty */
    bool unwritable; /* the peer has reset it; what it said before can still be read, `failed` follows */
    bool broken;     /* an error was told; write nothing */
};

/* Begins to connect a new, non-blocking descriptor. 0, or an errno; then there is none. */
int px_socket_connect(const struct sockaddr *address, socklen_t length, int *fd);

/* Takes over a connected or connecting, non-blocking descriptor. 0, or an errno; then the descriptor is still open
 * and the caller's. */
int px_socket_open(struct px_socket *s, uv_loop_t *loop, int fd, bool connecting,
                   const struct px_socket_events *events);

/* Reads once. Returns the number of bytes, 0 for a FIN, -EAGAIN, or another negative errno. */
ssize_t px_socket_read(struct px_socket *s, uint8_t *bytes, size_t room);

/* Gives bytes; what the kernel does not take at once waits in `out`. False: no memory, or broken. */
bool px_socket_write(struct px_socket *s, const uint8_t *bytes, size_t length);

/* Keeps bytes until px_socket_flush(): one write for what is given in a turn. Where they wait, until something else is done
 * with the socket; NULL: no memory, or broken. */
uint8_t *px_socket_queue(struct px_socket *s, const uint8_t *bytes, size_t length);
void px_socket_flush(struct px_socket *s);

void px_socket_watch(struct px_socket *s, enum px_watch wish);

/* A FIN once all is written; reading goes on. */
void px_socket_end_input(struct px_socket *s);

/* What close() does to the connection, ours or the kernel's when the process dies: RST, or FIN (socket(7) SO_LINGER).
 * Accepted sockets have it from their listening socket. */
void px_socket_dies_by_reset(int fd, bool reset);

/* Nobody is there any more: it fails with ETIMEDOUT, as if the kernel had found out. */
void px_socket_give_up(struct px_socket *s);

/* Closes now; what is still in `out` is lost. `reset`: by RST. */
void px_socket_close(struct px_socket *s, bool reset);

/* Lets go of the descriptor without closing it, for another owner; ends in events->closed. Nothing may wait in `out`. */
int px_socket_release(struct px_socket *s);

/* Of the bytes that write() has taken, how many can have left this host. It is known only of a connection that is dead: while it
 * lives, and after a FIN of either side, the kernel goes on sending. Then, and where it cannot be known, it is all of them. */
uint64_t px_socket_left(const struct px_socket *s);

/* True when there are bytes that have not left this host: ours, or the kernel's. */
bool px_socket_has_unsent(const struct px_socket *s);

/* True when the peer's kernel has acknowledged every byte, or never will. */
bool px_socket_is_acknowledged(const struct px_socket *s);

#endif
