/* Looks an endpoint up in the file that the proxy writes. */
#include "ports.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "map.h"
#include "rules.h"

#define LOOKS 1000 /* while the proxy writes; one that was killed over it leaves the generation odd */

#define MAPS 8 /* files that are looked at: a proxy whose folder was cleared has made another one */

static _Atomic(const struct shim_map *) maps[MAPS]; /* from the first on */

/* By syscall(2), for open(2) and close(2) are cancellation points. */
static const struct shim_map *map_file(const char *path)
{
    struct stat st;
    void *at = MAP_FAILED;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct shim_map))
        at = mmap(NULL, sizeof(struct shim_map), PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    return at == MAP_FAILED ? NULL : at;
}

static const struct shim_map *map_of(uint64_t instance)
{
    for (unsigned i = 0; i < MAPS; i++) {
        const struct shim_map *m = atomic_load_explicit(&maps[i], memory_order_acquire);
        if (!m || m->instance == instance)
            return m;
    }
    return NULL;
}

/* Others may read the last one meanwhile, so it is not unmapped but mapped over. */
static void add_map(const struct shim_map *at)
{
    for (unsigned i = 0; i < MAPS; i++) {
        const struct shim_map *none = NULL;
        if (atomic_compare_exchange_strong(&maps[i], &none, at))
            return;
        if (none->instance == at->instance) { /* another thread has come first */
            munmap((void *)at, sizeof *at);
            return;
        }
    }
    void *last = (void *)atomic_load(&maps[MAPS - 1]);
    mremap((void *)at, sizeof *at, sizeof *at, MREMAP_MAYMOVE | MREMAP_FIXED, last);
}

void shim_ports_open(uint64_t instance)
{
    char path[sizeof shim_rules.proxy + sizeof SHIM_MAP_SUFFIX];
    size_t length = strlen(shim_rules.proxy);
    if (length == 0 || (instance != 0 && map_of(instance)))
        return;
    memcpy(path, shim_rules.proxy, length);
    memcpy(path + length, SHIM_MAP_SUFFIX, sizeof SHIM_MAP_SUFFIX);
    const struct shim_map *at = map_file(path);
    if (at && at->magic == SHIM_MAP_MAGIC)
        add_map(at);
    else if (at)
        munmap((void *)at, sizeof *at);
}

bool shim_ports_failures(uint64_t instance, const uint8_t point[16], uint16_t port, uint32_t *failures)
{
    const struct shim_map *m = map_of(instance);
    if (m)
        *failures = atomic_load_explicit(&m->failures[shim_map_bucket(point, port)], memory_order_relaxed);
    return m != NULL;
}

static bool bucket_has(const struct shim_map *m, const uint8_t point[16], uint16_t port)
{
    const struct shim_endpoint *bucket = m->endpoints[shim_map_bucket(point, port)];
    for (unsigned i = 0; i < SHIM_MAP_BUCKET; i++)
        if (shim_endpoint_is(&bucket[i], point, port))
            return true;
    return false;
}

static bool map_has(const struct shim_map *m, const uint8_t point[16], uint16_t port)
{
    bool has = false;
    for (int i = 0; i < LOOKS; i++) {
        uint32_t before = atomic_load_explicit(&m->generation, memory_order_acquire);
        has = bucket_has(m, point, port);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(&m->generation, memory_order_relaxed) == before)
            break;
    }
    return has;
}

bool shim_ports_have(const uint8_t point[16], uint16_t port)
{
    const struct shim_map *m;
    for (unsigned i = 0; i < MAPS && (m = atomic_load_explicit(&maps[i], memory_order_acquire)) != NULL; i++)
        if (map_has(m, point, port))
            return true;
    return false;
}
