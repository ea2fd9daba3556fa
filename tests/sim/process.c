/* What the proxy has from its process: the clock, the log's file, limits, memory that is counted. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agenda.h"
#include "draw.h"
#include "kernel.h"
#include "lines.h"
#include "wrapped.h"

#define CLIENTS_THAT_FIT 10         /* less than the clients of some schedules */
#define OTHERS           64         /* as the proxy has it: OTHER_DESCRIPTORS */
#define EPOCH            1800000000 /* s */

int64_t kernel_allocations;
bool kernel_log_is_late;
static int log_fd = -1;

int __wrap_open(const char *path, int flags, ...)
{
    int fd = kernel_other_fd();
    (void)flags;
    if (strcmp(path, KERNEL_LOG_PATH) == 0)
        log_fd = fd;
    return fd;
}

/* The log's reader is slow at times; it may never stop the proxy. */
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    if (fd != log_fd) {
        errno = EBADF;
        return -1;
    }
    kernel_log_is_late = chance(2);
    if (kernel_log_is_late) {
        errno = EAGAIN;
        return -1;
    }
    size_t n = length > 1 && chance(5) ? between(1, (uint32_t)length) : length;
    kernel_log_is_late = n < length;
    lines_take(bytes, n);
    return (ssize_t)n;
}

int __wrap_poll(void *fds, unsigned long count, int timeout)
{
    struct pollfd *ready = fds;
    (void)timeout;
    for (unsigned long i = 0; i < count; i++)
        ready[i].revents = ready[i].events;
    return (int)count;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    time->tv_sec = now / SECOND + (clock == CLOCK_REALTIME ? EPOCH : 0);
    time->tv_nsec = now % SECOND * 1000;
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    uint8_t *at = bytes;
    (void)flags;
    for (size_t i = 0; i < length; i++)
        at[i] = (uint8_t)draw();
    return (ssize_t)length;
}

int __wrap_getrlimit(int resource, struct rlimit *limit)
{
    (void)resource;
    limit->rlim_cur = limit->rlim_max = OTHERS + 2 * CLIENTS_THAT_FIT;
    return 0;
}

int __wrap_setrlimit(int resource, const struct rlimit *limit)
{
    (void)resource;
    (void)limit;
    return 0;
}

/* ---- memory ---- */

static void *counted(void *memory)
{
    kernel_allocations += memory != NULL;
    return memory;
}

/* The scratch space for reading is one of these; a socket's bytes must not go beyond it. */
#define LARGE 100000u
static struct {
    const char *at;
    size_t size;
} large[8];
static unsigned large_next;

bool kernel_has_room(const void *at, size_t room)
{
    const char *from = at;
    for (unsigned i = 0; i < 8; i++)
        if (large[i].at && from >= large[i].at && from <= large[i].at + large[i].size)
            return room <= (size_t)(large[i].at + large[i].size - from);
    return true;
}

void *__wrap_malloc(size_t size)
{
    void *memory = counted(__real_malloc(size));
    if (size > LARGE) {
        large[large_next].at = memory;
        large[large_next].size = size;
        large_next = (large_next + 1) % 8;
    }
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    void *memory = __real_realloc(old, size);
    kernel_allocations += !old && memory;
    return memory;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return __wrap_realloc(old, count * size);
}

char *__wrap_strdup(const char *text)
{
    return counted(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t most)
{
    return counted(__real_strndup(text, most));
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    kernel_allocations++;
    return __real_vasprintf(text, format, arguments);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = __wrap_vasprintf(text, format, arguments);
    va_end(arguments);
    return n;
}

FILE *__wrap_open_memstream(char **text, size_t *length)
{
    kernel_allocations++;
    return __real_open_memstream(text, length);
}

void __wrap_free(void *memory)
{
    kernel_allocations -= memory != NULL;
    for (unsigned i = 0; memory && i < 8; i++)
        if (large[i].at == memory)
            large[i].at = NULL;
    __real_free(memory);
}
