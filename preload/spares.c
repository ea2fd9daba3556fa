/* A table in memory that fork() empties in the child (MADV_WIPEONFORK), for a spare is good once; to share it would let a
 * child with fewer rights say where its parent connects.
 *
 * A spare is taken by one compare-and-swap; an entry is written under a sequence number that is odd meanwhile, and who
 * finds one odd, or changed, does without. So no signal, thread or fork can hang here. An alias stands in a slot once
 * and never again, so who has it out of a slot has it for the destination that stood beside it before. */
#include "spares.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "map.h"
#include "net.h"
#include "ports.h"
#include "rules.h"

#define ENTRIES 64u

struct entry {
    _Atomic uint32_t sequence;
    uint32_t uid, wish;
    int64_t asked; /* ms */
    uint64_t netns;
    uint64_t instance; /* of the proxy's file of ports … */
    uint32_t failures; /* … and what stood in it */
    in_port_t port;
    uint8_t point[16]; /* the destination; mapped or not is the program's way to write it */
    sa_family_t family;
    uint16_t to;
    _Atomic uint32_t slots[SHIM_SPARES]; /* addresses in network byte order; 0: taken */
};

static struct entry *entries; /* or NULL */

void shim_spares_open(void)
{
    size_t size = ENTRIES * sizeof *entries;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED && madvise(at, size, MADV_WIPEONFORK) == 0)
        entries = at;
    else if (at != MAP_FAILED)
        munmap(at, size);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The user that the kernel takes a socket for, whoever uses it (socket(7): the owner of its inode). */
static bool owner_of(int fd, uint32_t *uid)
{
    struct stat st;
    bool known = fstat(fd, &st) == 0;
    *uid = known ? st.st_uid : 0;
    return known;
}

/* An alias has an address of its own only where the destination is of IPv4. */
static bool destination_of(const struct shim_address *a, uint8_t point[16], uint16_t *port)
{
    bool is_v4 = a->any.sa_family == AF_INET ||
                 (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr));
    return is_v4 && shim_net_point(&a->any, a->length, point, port);
}

static struct entry *entry_for(const struct shim_address *a, uint8_t point[16], uint16_t *port)
{
    return entries && destination_of(a, point, port) ? &entries[shim_map_bucket(point, *port) % ENTRIES] : NULL;
}

static bool is_for(const struct entry *e, const struct shim_question *q, const uint8_t point[16], uint16_t port)
{
    return e->to == port && e->family == q->address.any.sa_family && e->netns == q->netns &&
           memcmp(e->point, point, sizeof e->point) == 0;
}

static bool is_fresh(const struct entry *e, int64_t now)
{
    return now - e->asked < SHIM_SPARE_LIFE;
}

/* Nothing that failed to reach the destination has been heard of since. */
static bool is_trusted(const struct entry *e, const uint8_t point[16], uint16_t port)
{
    uint32_t failures;
    return shim_ports_failures(e->instance, point, port, &failures) && failures == e->failures;
}

static bool is_unchanged(struct entry *e, uint32_t before)
{
    atomic_thread_fence(memory_order_acquire);
    return before % 2 == 0 && atomic_load_explicit(&e->sequence, memory_order_relaxed) == before;
}

/* What is said of a spare beside it was read before it is taken. 0: there is none. */
static uint32_t take_slot(struct entry *e, uint32_t before)
{
    for (unsigned i = 0; i < SHIM_SPARES; i++) {
        uint32_t alias = atomic_load_explicit(&e->slots[i], memory_order_relaxed);
        if (alias && is_unchanged(e, before) && atomic_compare_exchange_strong(&e->slots[i], &alias, 0))
            return alias;
    }
    return 0;
}

/* In the family of the destination. */
static void write_alias(const struct shim_address *destination, uint32_t address, in_port_t port,
                        struct shim_address *alias)
{
    *alias = *destination;
    if (destination->any.sa_family == AF_INET) {
        alias->v4.sin_addr.s_addr = address;
        alias->v4.sin_port = port;
    } else {
        memcpy((uint8_t *)&alias->v6.sin6_addr + 12, &address, sizeof address);
        alias->v6.sin6_port = port;
    }
}

bool shim_spares_take(int fd, const struct shim_question *q, struct shim_address *alias)
{
    uint8_t point[16];
    uint16_t port;
    uint32_t uid;
    struct entry *e = entry_for(&q->address, point, &port);
    if (!e || q->facts & SHIM_BOUND)
        return false;
    uint32_t before = atomic_load_explicit(&e->sequence, memory_order_acquire);
    in_port_t at = e->port;
    if (!is_for(e, q, point, port) || !is_fresh(e, now_ms()) || !is_trusted(e, point, port) || !owner_of(fd, &uid) ||
        e->uid != uid)
        return false;
    uint32_t address = take_slot(e, before);
    if (address)
        write_alias(&q->address, address, at, alias);
    return address != 0;
}

/* None at first; then one more each time that all were used in time, so that few are wasted. */
static uint32_t wish_after(struct entry *e, const struct shim_question *q, const uint8_t point[16], uint16_t port)
{
    uint32_t before = atomic_load_explicit(&e->sequence, memory_order_acquire), wish = 0;
    if (is_for(e, q, point, port) && is_fresh(e, now_ms()))
        wish = e->wish ? 2 * e->wish : 1;
    return !is_unchanged(e, before) ? 0 : wish < SHIM_SPARES ? wish : SHIM_SPARES;
}

struct shim_spares_wish shim_spares_ask(int fd, struct shim_question *q)
{
    struct shim_spares_wish wish = { .began = now_ms() };
    uint8_t point[16];
    uint16_t port;
    struct entry *e = entry_for(&q->address, point, &port);
    bool may = e && !shim_rules.open && !(q->facts & SHIM_BOUND) && owner_of(fd, &wish.uid) && wish.uid == geteuid();
    q->spares = may ? wish_after(e, q, point, port) : 0;
    return wish;
}

static void write_entry(struct entry *e, const struct shim_spares_wish *wish, const struct shim_question *q,
                        const struct shim_answer *a)
{
    destination_of(&q->address, e->point, &e->to);
    e->family = q->address.any.sa_family;
    e->netns = q->netns;
    e->uid = wish->uid;
    e->wish = q->spares;
    e->asked = wish->began;
    e->instance = a->ports;
    e->failures = a->failures;
    e->port = a->address.any.sa_family == AF_INET ? a->address.v4.sin_port : a->address.v6.sin6_port;
    for (unsigned i = 0; i < SHIM_SPARES; i++)
        atomic_store_explicit(&e->slots[i], i < a->spare_count ? a->spares[i] : 0, memory_order_relaxed);
}

void shim_spares_keep(const struct shim_spares_wish *wish, const struct shim_question *q,
                      const struct shim_answer *answer)
{
    uint8_t point[16];
    uint16_t port;
    struct entry *e = entry_for(&q->address, point, &port);
    uint32_t before = e ? atomic_load_explicit(&e->sequence, memory_order_relaxed) : 1;
    if (before % 2 != 0 || !atomic_compare_exchange_strong(&e->sequence, &before, before + 1))
        return; /* somebody else writes */
    atomic_thread_fence(memory_order_release);
    write_entry(e, wish, q, answer);
    atomic_store_explicit(&e->sequence, before + 2, memory_order_release);
}
