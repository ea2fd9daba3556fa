/* A stream of our own under a FILE: reads, waits at the end of a growing file, and unpacks. */
#include "packed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 1 << 18, LONGEST_WAIT = 1000 /* ms; some file systems tell of no changes */ };

struct source {
    int fd;
    int changes; /* inotify; -1: none */
    bool follow;
    bool waits; /* a pipe or a terminal: reading may take long */
    const volatile bool *stop;
    void (*idle)(void);
    struct blocks *blocks; /* or NULL */
    bool begun;
    bool packed;
    bool damaged;
    z_stream zip;
    uint64_t got;
    uint8_t in[ROOM];
    char out[ROOM]; /* the FILE's own */
};

static void wait_for_more(const struct source *s)
{
    struct pollfd change = { .fd = s->changes, .events = POLLIN };
    char event[4096];
    s->idle();
    if (poll(&change, 1, LONGEST_WAIT) > 0)
        while (read(s->changes, event, sizeof(event)) > 0)
            ;
}

/* Before reading takes long, what was found is shown. */
static void be_idle(const struct source *s)
{
    struct pollfd input = { .fd = s->fd, .events = POLLIN };
    if (s->waits && poll(&input, 1, 0) == 0)
        s->idle();
}

/* 0 at the end. */
static ssize_t read_some(struct source *s, uint8_t *to, size_t room)
{
    for (;;) {
        be_idle(s);
        ssize_t n = *s->stop ? 0 : read(s->fd, to, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            s->got += (uint64_t)n;
        if (n != 0 || !s->follow || *s->stop)
            return n;
        wait_for_more(s);
    }
}

/* gzip begins with 1f 8b (RFC 1952 2.3.1). A first byte alone is read on. */
static ssize_t begin(struct source *s)
{
    ssize_t have = 0;
    while (have < 2) {
        ssize_t n = read_some(s, s->in + have, sizeof(s->in) - (size_t)have);
        if (n <= 0)
            break;
        have += n;
    }
    s->begun = true;
    s->packed = have >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b && inflateInit2(&s->zip, 15 + 16) == Z_OK;
    s->zip.next_in = s->in;
    s->zip.avail_in = (unsigned)have;
    return have;
}

/* Several packed files may stand one behind the other. */
static ssize_t unpack(struct source *s, uint8_t *to, size_t room)
{
    s->zip.next_out = to;
    s->zip.avail_out = (unsigned)room;
    while (s->zip.avail_out == room && !s->damaged) {
        if (s->zip.avail_in == 0) {
            ssize_t n = read_some(s, s->in, sizeof(s->in));
            if (n <= 0)
                return n;
            s->zip.next_in = s->in;
            s->zip.avail_in = (unsigned)n;
        }
        int said = inflate(&s->zip, Z_NO_FLUSH);
        if (said == Z_STREAM_END)
            said = inflateReset(&s->zip);
        s->damaged = said != Z_OK && said != Z_BUF_ERROR;
    }
    return (ssize_t)(room - s->zip.avail_out);
}

static ssize_t read_plain(struct source *s, char *to, size_t room)
{
    size_t most = room < ROOM ? room : ROOM;
    if (!s->begun)
        begin(s);
    if (s->packed)
        return unpack(s, (uint8_t *)to, most);
    if (s->zip.avail_in == 0)
        return read_some(s, (uint8_t *)to, most);
    size_t n = s->zip.avail_in < most ? s->zip.avail_in : most;
    memcpy(to, s->zip.next_in, n);
    s->zip.next_in += n;
    s->zip.avail_in -= (unsigned)n;
    return (ssize_t)n;
}

static ssize_t on_read(void *cookie, char *to, size_t room)
{
    struct source *s = cookie;
    ssize_t n = read_plain(s, to, room);
    if (n > 0 && s->blocks != NULL)
        blocks_pass(s->blocks, (uint8_t *)to, (size_t)n);
    return n;
}

static int on_close(void *cookie)
{
    struct source *s = cookie;
    if (s->packed)
        inflateEnd(&s->zip);
    if (s->changes >= 0)
        close(s->changes);
    if (s->fd != STDIN_FILENO)
        close(s->fd);
    free(s);
    return 0;
}

static void watch(struct source *s, const char *path)
{
    s->changes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->changes >= 0)
        inotify_add_watch(s->changes, path, IN_MODIFY);
}

bool packed_open(const char *path, bool follow, const volatile bool *stop, void (*idle)(void), struct blocks *blocks,
                 struct packed *out)
{
    static const cookie_io_functions_t functions = { .read = on_read, .close = on_close };
    struct stat about;
    bool standard = strcmp(path, "-") == 0;
    struct source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return false;
    s->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    s->changes = -1;
    s->follow = follow && !standard;
    s->stop = stop;
    s->idle = idle;
    s->blocks = blocks;
    if (s->fd < 0 || fstat(s->fd, &about) != 0) {
        free(s);
        return false;
    }
    s->waits = !S_ISREG(about.st_mode);
    if (S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        close(s->fd);
        free(s);
        return false;
    }
    if (s->follow)
        watch(s, path);
    out->bytes = fopencookie(s, "r", functions);
    out->size = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
    out->got = &s->got;
    return out->bytes != NULL && setvbuf(out->bytes, s->out, _IOFBF, ROOM) == 0;
}
