/* Asks the kernel by sock_diag(7) for the socket that has our two addresses the other way round, or that is a Unix
 * socket's peer. */
#include "owner.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

int px_owner_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    return fd < 0 ? -errno : fd;
}

static void put_end(const struct px_address *end, __be32 address[4], __be16 *port)
{
    if (end->any.sa_family == AF_INET) {
        address[0] = end->v4.sin_addr.s_addr;
        *port = end->v4.sin_port;
    } else {
        memcpy(address, &end->v6.sin6_addr, sizeof end->v6.sin6_addr);
        *port = end->v6.sin6_port;
    }
}

/* A socket that is bound to a device is found only when that is named; one that is not, in any case. */
static struct request request_for(const struct px_address *peer, const struct px_address *own)
{
    struct request r = {
        .header = { .nlmsg_len = sizeof r, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
        .body = { .sdiag_family = (__u8)peer->any.sa_family,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_states = UINT32_MAX }
    };
    put_end(peer, r.body.id.idiag_src, &r.body.id.idiag_sport);
    put_end(own, r.body.id.idiag_dst, &r.body.id.idiag_dport);
    r.body.id.idiag_if = if_nametoindex("lo");
    r.body.id.idiag_cookie[0] = r.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return r;
}

/* ---- Unix sockets: by the number of their file ---- */

struct local_request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

struct local_answer {
    struct nlmsghdr header;
    union {
        struct nlmsgerr error;
        struct unix_diag_msg found;
    };
    char attributes[1024];
};

static int find_local(int owner, uint32_t inode, struct local_answer *answer)
{
    struct local_request r = {
        .header = { .nlmsg_len = sizeof r, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
        .body = { .sdiag_family = AF_UNIX,
                  .udiag_states = UINT32_MAX,
                  .udiag_ino = inode,
                  .udiag_show = UDIAG_SHOW_PEER,
                  .udiag_cookie = { (__u32)INET_DIAG_NOCOOKIE, (__u32)INET_DIAG_NOCOOKIE } }
    };
    if (send(owner, &r, sizeof r, 0) != (ssize_t)sizeof r)
        return errno;
    ssize_t got = recv(owner, answer, sizeof *answer, 0);
    if (got < (ssize_t)sizeof answer->header)
        return got < 0 ? errno : EPROTO;
    if (answer->header.nlmsg_type == NLMSG_ERROR)
        return answer->error.error ? -answer->error.error : EPROTO;
    return 0;
}

/* 0: it has none any more. */
static uint32_t peer_of(const struct local_answer *answer)
{
    const struct rtattr *a = (const struct rtattr *)((const char *)&answer->found +
                                                     NLMSG_ALIGN(sizeof answer->found));
    long left = (long)answer->header.nlmsg_len - (long)NLMSG_SPACE(sizeof answer->found);
    uint32_t inode = 0;
    for (; left > 0 && RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == UNIX_DIAG_PEER)
            memcpy(&inode, RTA_DATA(a), sizeof inode);
    return inode;
}

static int local_cookie(int owner, int accepted, uint64_t *cookie)
{
    struct local_answer answer;
    struct stat st;
    int error = fstat(accepted, &st) != 0 ? errno : find_local(owner, (uint32_t)st.st_ino, &answer);
    uint32_t peer = error ? 0 : peer_of(&answer);
    if (!error)
        error = peer ? find_local(owner, peer, &answer) : ENOTCONN;
    if (!error)
        *cookie = (uint64_t)answer.found.udiag_cookie[1] << 32 | answer.found.udiag_cookie[0];
    return error;
}

int px_owner_find(int owner, int accepted, struct px_owner *found)
{
    struct px_address peer = { .length = sizeof peer.local }, own = { .length = sizeof own.local };
    struct {
        struct nlmsghdr header;
        union {
            struct nlmsgerr error;
            struct inet_diag_msg found;
        };
        char rest[1024];
    } answer;
    if (getpeername(accepted, &peer.any, &peer.length) != 0 || getsockname(accepted, &own.any, &own.length) != 0)
        return errno;
    if (own.any.sa_family == AF_UNIX)
        return local_cookie(owner, accepted, &found->cookie);
    struct request r = request_for(&peer, &own);
    if (send(owner, &r, sizeof r, 0) != (ssize_t)sizeof r)
        return errno;
    ssize_t got = recv(owner, &answer, sizeof answer, 0);
    if (got < (ssize_t)sizeof answer.header)
        return got < 0 ? errno : EPROTO;
    if (answer.header.nlmsg_type == NLMSG_ERROR)
        return answer.error.error ? -answer.error.error : EPROTO;
    found->cookie = (uint64_t)answer.found.id.idiag_cookie[1] << 32 | answer.found.id.idiag_cookie[0];
    found->uid = answer.found.idiag_uid;
    return 0;
}

uint64_t px_owner_netns(void)
{
    uint64_t netns = 0;
    socklen_t length = sizeof netns;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns, &length) != 0)
        netns = 0;
    close(fd);
    return netns;
}
