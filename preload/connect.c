/* Every way to connect: connect(2), and the fast open of sendto(2), sendmsg(2) and sendmmsg(2).
 *
 * The socket stays the program's own and so does the call: only the address in it is another. So a blocking connect
 * blocks, a non-blocking one is in progress, and no byte is put into the stream. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

#include "ask.h"
#include "ports.h"
#include "real.h"
#include "rules.h"
#include "say.h"
#include "spares.h"
#include "story.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* The last word of a call that is being led. */
enum lead {
    LEAD_DIRECT, /* as the program said */
    LEAD_THERE,  /* to the address that was filled in */
    LEAD_FAIL,   /* not at all: errno is set */
};

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

/* ---- which sockets ---- */

/* An address of another family than the socket's is for the kernel to refuse. */
static bool is_stream(int fd, sa_family_t family)
{
    int protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
    if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || option(fd, SOL_SOCKET, SO_DOMAIN) != family)
        return false;
    return family == AF_UNIX || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/* A second connect() on one descriptor asks how the first one goes: the kernel then does not look at the address, and
 * another alias would be for nothing. */
static bool is_under_way(int fd)
{
    uint8_t state = TCP_CLOSE;
    socklen_t length = sizeof state;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0 && state != TCP_CLOSE;
}

/* Loopback cannot be reached from a socket that insists on another device: its SYN would be lost. */
static bool has_other_device(int fd)
{
    char name[16] = "";
    socklen_t length = sizeof name;
    return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && *name && strcmp(name, "lo") != 0;
}

/* The proxy knows sockets by their cookies, and the kernel does not tell that of an MPTCP socket by its connections. */
static const char *why_not(int fd)
{
    return shim_rules.broken      ? "refused: the rules in the environment are wrong"
           : has_other_device(fd) ? "refused: the socket is bound to a device (SO_BINDTODEVICE)"
           : option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_MPTCP ? "refused: the socket is of MPTCP"
                                                                  : NULL;
}

static bool is_bound(int fd)
{
    static const uint8_t mapped_any[16] = { [10] = 0xff, [11] = 0xff }, any[16];
    struct shim_address own = { .length = sizeof own.local };
    uint8_t point[16];
    uint16_t port;
    return shim_real()->getsockname(fd, &own.any, &own.length) == 0 &&
           shim_net_point(&own.any, own.length, point, &port) && memcmp(point, any, sizeof any) != 0 &&
           memcmp(point, mapped_any, sizeof any) != 0;
}

/* ---- where to ---- */

/* Addresses of this host at which the kernel itself says no: at once where there is no route, and else as it refuses
 * any connect, so that a non-blocking one is in progress first. Nobody can listen on port 0. */
static void nowhere(const struct shim_address *to, bool refuse, struct shim_address *there)
{
    bool is_mapped = to->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&to->v6.sin6_addr);
    in_addr_t v4 = htonl(refuse ? INADDR_LOOPBACK : 0x7fffffff); /* 127.255.255.255 */
    *there = *to;
    if (to->any.sa_family == AF_INET) {
        there->v4.sin_addr.s_addr = v4;
        there->v4.sin_port = 0;
    } else {
        there->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        if (is_mapped) {
            memcpy(&there->v6.sin6_addr, &to->v6.sin6_addr, 12);
            memcpy((uint8_t *)&there->v6.sin6_addr + 12, &v4, 4);
        }
        there->length = sizeof there->v6;
    }
}

static enum lead fail(int error)
{
    errno = error;
    return LEAD_FAIL;
}

static enum lead refuse(int fd, const struct shim_question *q, struct shim_address *there)
{
    if (q->address.any.sa_family == AF_UNIX || has_other_device(fd))
        return fail(ECONNREFUSED);
    nowhere(&q->address, true, there);
    shim_story_keep(q->cookie, there, q);
    return LEAD_THERE;
}

static enum lead without_answer(int fd, const struct shim_question *q, struct shim_address *there)
{
    shim_say(&q->address, NULL,
             shim_rules.open ? "directly: the proxy does not answer" : "refused: the proxy does not answer");
    return shim_rules.open ? LEAD_DIRECT : refuse(fd, q, there);
}

static enum lead arrive(const struct shim_question *q, const struct shim_address *there)
{
    shim_say(&q->address, there, "");
    shim_story_keep(q->cookie, there, q);
    return LEAD_THERE;
}

static enum lead ask(int fd, struct shim_question *q, struct shim_address *there)
{
    struct shim_answer answer;
    struct shim_spares_wish wish = shim_spares_ask(fd, q);
    if (shim_ask(q, &answer) != 0)
        return without_answer(fd, q, there);
    shim_ports_open(answer.ports);
    if (answer.error == ECONNREFUSED) {
        shim_say(&q->address, NULL, "refused");
        return refuse(fd, q, there);
    }
    if (answer.error != 0) {
        shim_say(&q->address, NULL, "cannot be reached");
        return fail(answer.error);
    }
    shim_spares_keep(&wish, q, &answer);
    *there = answer.address;
    return arrive(q, there);
}

static enum lead find(int fd, struct shim_question *q, struct shim_address *there)
{
    if (shim_cookies(fd, q) != 0)
        return without_answer(fd, q, there);
    return shim_spares_take(fd, q, there) ? arrive(q, there) : ask(fd, q, there);
}

static enum lead lead_tcp(int fd, struct shim_question *q, struct shim_address *there)
{
    if (is_under_way(fd)) {
        nowhere(&q->address, false, there);
        return LEAD_THERE;
    }
    const char *why = why_not(fd);
    if (why) {
        shim_say(&q->address, NULL, why);
        return refuse(fd, q, there);
    }
    q->facts = (uint16_t)((fcntl(fd, F_GETFL) & O_NONBLOCK ? SHIM_NONBLOCK : 0) | (is_bound(fd) ? SHIM_BOUND : 0));
    return find(fd, q, there);
}

/* One that is connected is told so by the kernel, wherever it wants to go. */
static enum lead lead_local(int fd, struct shim_question *q, struct shim_address *there)
{
    struct shim_address peer = { .length = sizeof peer.local };
    return shim_real()->getpeername(fd, &peer.any, &peer.length) == 0 ? LEAD_DIRECT : find(fd, q, there);
}

/* As getpeername() would give it: what the kernel does not look at is left out, and no address means this host. */
static bool take(const struct sockaddr *to, socklen_t length, struct shim_address *taken)
{
    *taken = (struct shim_address){ .length = 0 };
    if (to->sa_family == AF_UNIX) { /* a path with its NUL: one without is no rule's */
        size_t before = offsetof(struct sockaddr_un, sun_path);
        size_t path = length > before ? strnlen(((const struct sockaddr_un *)to)->sun_path, length - before) : 0;
        if (path >= sizeof taken->local.sun_path)
            return false;
        memcpy(&taken->local, to, before + path);
        taken->length = (uint32_t)(before + path + 1);
        return true;
    }
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)to;
        bool any = v4->sin_addr.s_addr == INADDR_ANY;
        taken->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = v4->sin_port };
        taken->v4.sin_addr.s_addr = any ? htonl(INADDR_LOOPBACK) : v4->sin_addr.s_addr;
        taken->length = sizeof taken->v4;
        return true;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)to;
    bool scoped = IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) && length >= sizeof *v6;
    taken->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = v6->sin6_port };
    taken->v6.sin6_addr = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr) ? in6addr_loopback : v6->sin6_addr;
    taken->v6.sin6_scope_id = scoped ? v6->sin6_scope_id : 0;
    taken->length = sizeof taken->v6;
    return true;
}

static enum lead lead(int fd, const struct sockaddr *to, socklen_t length, struct shim_address *there)
{
    struct shim_question q = { .version = SHIM_VERSION, .kind = SHIM_ALIAS };
    int error = errno;
    if (!shim_rules_match(to, length) || !is_stream(fd, to->sa_family) || !take(to, length, &q.address)) {
        errno = error;
        return LEAD_DIRECT;
    }
    enum lead verdict = to->sa_family == AF_UNIX ? lead_local(fd, &q, there) : lead_tcp(fd, &q, there);
    if (verdict != LEAD_FAIL)
        errno = error;
    return verdict;
}

/* ---- the calls ---- */

SHIM_EXPORT int connect(int fd, const struct sockaddr *to, socklen_t length)
{
    const struct shim_real *real = shim_real();
    struct shim_address there;
    switch (lead(fd, to, length, &there)) {
    case LEAD_THERE:
        return real->connect(fd, &there.any, there.length);
    case LEAD_FAIL:
        return -1;
    default:
        return real->connect(fd, to, length);
    }
}

SHIM_EXPORT int __connect(int fd, const struct sockaddr *to, socklen_t length) __attribute__((alias("connect")));

SHIM_EXPORT ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to,
                           socklen_t length)
{
    const struct shim_real *real = shim_real();
    struct shim_address there;
    switch (flags & MSG_FASTOPEN ? lead(fd, to, length, &there) : LEAD_DIRECT) {
    case LEAD_THERE:
        return real->sendto(fd, bytes, count, flags, &there.any, there.length);
    case LEAD_FAIL:
        return -1;
    default:
        return real->sendto(fd, bytes, count, flags, to, length);
    }
}

static enum lead lead_message(int fd, struct msghdr *message, int flags, struct shim_address *there)
{
    if (!(flags & MSG_FASTOPEN) || !message->msg_name)
        return LEAD_DIRECT;
    enum lead verdict = lead(fd, message->msg_name, message->msg_namelen, there);
    if (verdict == LEAD_THERE) {
        message->msg_name = &there->any;
        message->msg_namelen = there->length;
    }
    return verdict;
}

SHIM_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct shim_address there;
    struct msghdr led;
    if (!(flags & MSG_FASTOPEN) || !message)
        return shim_real()->sendmsg(fd, message, flags);
    led = *message;
    return lead_message(fd, &led, flags, &there) == LEAD_FAIL ? -1 : shim_real()->sendmsg(fd, &led, flags);
}

/* Only the first message can open the connection. It is sent alone: to send fewer than were given is allowed. */
SHIM_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    const struct shim_real *real = shim_real();
    struct shim_address there;
    if (!(flags & MSG_FASTOPEN) || !messages || count == 0)
        return real->sendmmsg(fd, messages, count, flags);
    struct mmsghdr led = messages[0];
    switch (lead_message(fd, &led.msg_hdr, flags, &there)) {
    case LEAD_FAIL:
        return -1;
    case LEAD_DIRECT:
        return real->sendmmsg(fd, messages, count, flags);
    default:
        break;
    }
    int sent = real->sendmmsg(fd, &led, 1, flags);
    if (sent == 1)
        messages[0].msg_len = led.msg_len;
    return sent;
}
