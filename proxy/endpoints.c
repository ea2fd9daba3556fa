/* Writes what endpoint mappers name into the shared file. */
#include "endpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dissect/towers.h"
#include "../preload/net.h"

static struct shim_map *map_file(int fd)
{
    struct stat st;
    struct shim_map *map;
    if (fstat(fd, &st) != 0)
        return NULL;
    if (st.st_uid != geteuid()) { /* whoever has it could cut it short under us */
        errno = EPERM;
        return NULL;
    }
    if (st.st_size < (off_t)sizeof *map && ftruncate(fd, sizeof *map) != 0)
        return NULL;
    map = mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

/* The number comes before the magic, without which nobody looks at it. */
static void begin(struct shim_map *map)
{
    memset(map, 0, sizeof *map);
    while (map->instance == 0 && getrandom(&map->instance, sizeof map->instance, 0) < 0)
        ;
    atomic_thread_fence(memory_order_release);
    map->magic = SHIM_MAP_MAGIC;
}

/* A generation that is odd was left by a process that was killed while it wrote. */
struct shim_map *px_endpoints_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return NULL;
    fchmod(fd, 0644); /* whatever the umask: it holds no secrets */
    struct shim_map *map = map_file(fd);
    close(fd);
    if (!map)
        return NULL;
    if (map->magic != SHIM_MAP_MAGIC)
        begin(map);
    if (atomic_load(&map->generation) % 2 != 0)
        atomic_fetch_add(&map->generation, 1);
    px_endpoints_distrust(map, NULL); /* what another proxy has given out */
    return map;
}

static _Atomic uint32_t *failures_of(struct shim_map *map, const struct px_address *destination)
{
    uint8_t point[16];
    uint16_t port;
    bool is_known = shim_net_point(&destination->any, destination->length, point, &port);
    return is_known ? &map->failures[shim_map_bucket(point, port)] : NULL;
}

void px_endpoints_distrust(struct shim_map *map, const struct px_address *destination)
{
    _Atomic uint32_t *failures = destination ? failures_of(map, destination) : NULL;
    for (unsigned i = 0; !destination && i < SHIM_MAP_BUCKETS; i++)
        atomic_fetch_add_explicit(&map->failures[i], 1, memory_order_relaxed);
    if (failures)
        atomic_fetch_add_explicit(failures, 1, memory_order_relaxed);
}

uint32_t px_endpoints_failures(const struct shim_map *map, const struct px_address *destination)
{
    const _Atomic uint32_t *failures = failures_of((struct shim_map *)map, destination);
    return failures ? atomic_load_explicit(failures, memory_order_relaxed) : 0;
}

void px_endpoints_close(struct shim_map *map)
{
    if (map)
        munmap(map, sizeof *map);
}

static struct shim_endpoint *place_for(struct shim_map *map, const uint8_t address[16], uint16_t port)
{
    struct shim_endpoint *bucket = map->endpoints[shim_map_bucket(address, port)], *place = NULL;
    for (unsigned i = SHIM_MAP_BUCKET; i-- > 0;) {
        if (shim_endpoint_is(&bucket[i], address, port))
            return NULL; /* it is there */
        if (bucket[i].port == 0)
            place = &bucket[i];
    }
    return place ? place : &bucket[map->turn++ % SHIM_MAP_BUCKET];
}

static void add(struct shim_map *map, const uint8_t address[16], uint16_t port)
{
    struct shim_endpoint *place = port ? place_for(map, address, port) : NULL;
    if (!place)
        return;
    atomic_fetch_add_explicit(&map->generation, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    memcpy(place->address, address, sizeof place->address);
    place->port = port;
    atomic_fetch_add_explicit(&map->generation, 1, memory_order_release);
}

static void note(struct shim_map *map, const struct px_address *host, const uint8_t *bytes, size_t length)
{
    static const uint8_t nobody[4];
    struct dis_endpoint endpoint;
    size_t at = 0;
    while (dis_towers_next(bytes, length, &at, &endpoint)) {
        uint8_t address[16] = { [10] = 0xff, [11] = 0xff };
        uint16_t port;
        if (memcmp(endpoint.host, nobody, sizeof nobody) != 0) {
            memcpy(address + 12, endpoint.host, sizeof endpoint.host);
            add(map, address, endpoint.port);
        }
        if (shim_net_point(&host->any, host->length, address, &port))
            add(map, address, endpoint.port);
    }
}

/* Where the last bytes of one fragment and the first of the next make a tower, it is found in the two put together. */
void px_endpoints_note(struct shim_map *map, struct px_towers *towers, const struct px_address *host,
                       const uint8_t *stub, size_t length)
{
    uint8_t border[2 * DIS_TOWER_ENDS];
    size_t begin = length < DIS_TOWER_ENDS ? length : DIS_TOWER_ENDS;
    memcpy(border, towers->tail, towers->length);
    memcpy(border + towers->length, stub, begin);
    note(map, host, border, towers->length + begin);
    note(map, host, stub, length);
    size_t whole = towers->length + begin;
    size_t kept = length < DIS_TOWER_ENDS ? whole : length;
    const uint8_t *from = length < DIS_TOWER_ENDS ? border : stub;
    towers->length = (uint8_t)(kept < DIS_TOWER_ENDS - 1 ? kept : DIS_TOWER_ENDS - 1);
    memmove(towers->tail, from + kept - towers->length, towers->length);
}
