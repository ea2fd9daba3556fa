/* Listening sockets: where clients come in. */
#include "server.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG 4096

/* Lives as long as the process. */
struct srv_listener {
    struct server *server;
    uv_poll_t poll;
    int fd;
    struct px_address address;
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct srv_listener *listener = poll->data;
    (void)status;
    (void)events;
    for (;;) {
        struct px_address peer = { .length = sizeof peer.local };
        int fd = accept4(listener->fd, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            srv_link_open(listener->server, fd, &peer, &listener->address);
        else if (errno == EAGAIN)
            return;
        else if (errno != ECONNABORTED && errno != EINTR)
            err(1, "accept"); /* out of descriptors: a test that wants more must know */
    }
}

/* A socket file left by an earlier server, perhaps one that died on request, is in the way. */
static int open_socket(const struct px_address *address, const char *text)
{
    int one = 1;
    int family = address->any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        err(1, "%s", text);
    if (family == AF_UNIX)
        unlink(address->local.sun_path);
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, &address->any, address->length) != 0 || listen(fd, BACKLOG) != 0)
        err(1, "%s", text);
    return fd;
}

void srv_listen(struct server *server, const char *address)
{
    struct srv_listener *listener = calloc(1, sizeof *listener);
    const char *why;
    char text[PX_ADDRESS_TEXT];
    if (listener == NULL)
        err(1, "listener");
    if (!px_address_parse(address, &listener->address, &why))
        errx(2, "%s: %s", address, why);
    listener->server = server;
    listener->fd = open_socket(&listener->address, address);
    listener->address.length = sizeof listener->address.local;
    getsockname(listener->fd, &listener->address.any, &listener->address.length);
    uv_poll_init(&server->loop, &listener->poll, listener->fd);
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, on_ready);
    printf("listening %s\n", px_address_format(&listener->address, text));
}
