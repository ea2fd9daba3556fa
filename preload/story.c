/* A small memory of stories, filled by asking the proxy. Entries are written under a sequence number that is odd
 * meanwhile; whoever finds one odd, or changed, does without. So no signal, thread or fork can hang here. */
#include "story.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "ask.h"
#include "net.h"
#include "rules.h"

#define ENTRIES 256u

struct entry {
    _Atomic uint32_t sequence;
    uint32_t facts;
    uint64_t cookie;
    struct shim_address peer;
    struct shim_address destination; /* of length 0: it was led nowhere */
};

static struct entry entries[ENTRIES];

static bool same(const struct shim_address *a, const struct sockaddr *b, socklen_t length)
{
    return a->length == length && memcmp(&a->any, b, length) == 0;
}

/* Without a peer: of a connect that was refused, which went to port 0. */
static bool recall(uint64_t cookie, const struct sockaddr *peer, socklen_t length, struct shim_answer *story)
{
    struct entry *e = &entries[cookie % ENTRIES];
    uint32_t before = atomic_load_explicit(&e->sequence, memory_order_acquire);
    bool found = before % 2 == 0 && e->cookie == cookie &&
                 (peer ? same(&e->peer, peer, length) : e->peer.length > 0 && e->peer.v4.sin_port == 0);
    story->address = e->destination;
    story->facts = e->facts;
    atomic_thread_fence(memory_order_acquire);
    return found && atomic_load_explicit(&e->sequence, memory_order_relaxed) == before;
}

static void keep(uint64_t cookie, const struct shim_address *peer, const struct shim_address *destination,
                 uint32_t facts)
{
    struct entry *e = &entries[cookie % ENTRIES];
    uint32_t before = atomic_load_explicit(&e->sequence, memory_order_relaxed);
    if (before % 2 != 0 || !atomic_compare_exchange_strong(&e->sequence, &before, before + 1))
        return; /* somebody else writes, or was forked or killed over it */
    atomic_thread_fence(memory_order_release);
    e->cookie = cookie;
    e->peer = *peer;
    e->destination = *destination;
    e->facts = facts;
    atomic_store_explicit(&e->sequence, before + 2, memory_order_release);
}

void shim_story_keep(uint64_t cookie, const struct shim_address *alias, const struct shim_question *question)
{
    keep(cookie, alias, &question->address, question->facts);
}

/* Aliases are in 127.1.0.0 to 127.254.255.255, at ::1, or beside the proxy's socket. */
bool shim_story_possible(const struct sockaddr *peer, socklen_t length)
{
    static const uint8_t loopback_v4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
    static const uint8_t loopback_v6[16] = { [15] = 1 };
    uint8_t point[16];
    uint16_t port;
    if (!shim_rules.active || length < sizeof peer->sa_family)
        return false;
    if (peer->sa_family == AF_UNIX) {
        const char *path = ((const struct sockaddr_un *)peer)->sun_path;
        size_t own = strlen(shim_rules.proxy), suffix = sizeof SHIM_LOCAL_SUFFIX;
        return length == offsetof(struct sockaddr_un, sun_path) + own + suffix &&
               memcmp(path, shim_rules.proxy, own) == 0 && memcmp(path + own, SHIM_LOCAL_SUFFIX, suffix) == 0;
    }
    if (!shim_net_point(peer, length, point, &port))
        return false;
    bool v4 = memcmp(point, loopback_v4, sizeof loopback_v4) == 0 && point[13] != 0 && point[13] != 255;
    return v4 || memcmp(point, loopback_v6, sizeof loopback_v6) == 0;
}

bool shim_story_refused(int fd, struct shim_answer *story)
{
    struct shim_question q;
    return shim_cookies(fd, &q) == 0 && recall(q.cookie, NULL, 0, story) && story->address.length > 0;
}

static bool ask(struct shim_question *q, const struct sockaddr *peer, socklen_t length, struct shim_answer *story)
{
    static const struct shim_address nowhere;
    q->kind = SHIM_NAME;
    q->version = SHIM_VERSION;
    q->address.length = length;
    memcpy(&q->address.any, peer, length);
    if (shim_ask(q, story) != 0)
        return false; /* nothing is known: the next question asks again */
    bool led = story->error == 0;
    keep(q->cookie, &q->address, led ? &story->address : &nowhere, story->facts);
    return led;
}

bool shim_story_of(int fd, const struct sockaddr *peer, socklen_t length, struct shim_answer *story)
{
    struct shim_question q = { .kind = SHIM_NAME };
    int error = errno;
    bool led = false;
    if (length <= sizeof q.address.local && shim_story_possible(peer, length) && shim_cookies(fd, &q) == 0)
        led = recall(q.cookie, peer, length, story) ? story->address.length > 0 : ask(&q, peer, length, story);
    errno = error;
    return led;
}
