/* getpeername(2) and getsockname(2), as they would be without us. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "real.h"
#include "rules.h"
#include "story.h"

/* Gives a name the way the kernel does: as much as there is room for, and the whole length. */
static void give(const struct shim_address *name, struct sockaddr *to, socklen_t *length, socklen_t room)
{
    memcpy(to, &name->any, name->length < room ? name->length : room);
    *length = name->length;
}

/* What the kernel said is asked for again, for the program's buffer may be too small to hold it. */
static bool peer_story(int fd, struct shim_answer *story)
{
    struct shim_address peer = { .length = sizeof peer.local };
    if (shim_real()->getpeername(fd, &peer.any, &peer.length) != 0)
        return errno == ENOTCONN && shim_story_refused(fd, story);
    return shim_story_of(fd, &peer.any, peer.length, story);
}

SHIM_EXPORT int getpeername(int fd, struct sockaddr *to, socklen_t *length)
{
    struct shim_answer story;
    socklen_t room = length ? *length : 0;
    int error = errno;
    int result = shim_real()->getpeername(fd, to, length);
    if (result != 0 || !shim_rules.active)
        return result;
    if (peer_story(fd, &story))
        give(&story.address, to, length, room);
    errno = error;
    return 0;
}

/* The address that the kernel would have chosen for this destination: it says so when a datagram socket is connected,
 * which sends nothing. */
static bool source_for(const struct shim_address *destination, struct shim_address *source)
{
    int fd = (int)syscall(SYS_socket, destination->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    source->length = sizeof source->local;
    bool found = fd >= 0 && syscall(SYS_connect, fd, &destination->any, destination->length) == 0 &&
                 syscall(SYS_getsockname, fd, &source->any, &source->length) == 0;
    if (fd >= 0)
        syscall(SYS_close, fd);
    return found;
}

/* The port is the socket's own, whichever address stands before it. */
static bool own_story(int fd, const struct shim_address *own, struct shim_address *told)
{
    struct shim_answer story;
    if (!peer_story(fd, &story) || story.facts & SHIM_BOUND || !source_for(&story.address, told))
        return false;
    if (told->any.sa_family == AF_INET)
        told->v4.sin_port = own->v4.sin_port;
    else
        told->v6.sin6_port = own->v6.sin6_port;
    return true;
}

static bool is_loopback(const struct shim_address *own)
{
    static const uint8_t v4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 }, v6[16] = { [15] = 1 };
    uint8_t point[16];
    uint16_t port;
    return shim_net_point(&own->any, own->length, point, &port) &&
           (memcmp(point, v4, sizeof v4) == 0 || memcmp(point, v6, sizeof v6) == 0);
}

SHIM_EXPORT int getsockname(int fd, struct sockaddr *to, socklen_t *length)
{
    struct shim_address own = { .length = sizeof own.local }, told;
    socklen_t room = length ? *length : 0;
    int error = errno;
    int result = shim_real()->getsockname(fd, to, length);
    if (result != 0 || !shim_rules.active)
        return result;
    if (shim_real()->getsockname(fd, &own.any, &own.length) == 0 && is_loopback(&own) && own_story(fd, &own, &told))
        give(&told, to, length, room);
    errno = error;
    return 0;
}
