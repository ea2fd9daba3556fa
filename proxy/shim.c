/* Opens the doors, lets in who asks and who was told to come, and tidies up after those who do not come. */
#include "shim.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asking.h"
#include "endpoints.h"
#include "listener.h"
#include "owner.h"
#include "passage.h"
#include "settings_memory.h"

#define ACCEPTS_A_TURN 64
#define ALIAS_ROWS     (1u << 17)
#define TIDY           1000 /* ms between two looks at what waits */
#define NOTICE_EVERY   1000 /* ms */

/* ---- waiting ---- */

/* Programs connect at once, or hardly ever: a late one's destination is dialled again. */
static void hang_up_late(struct px_shim *s, int64_t now)
{
    struct px_alias *alias = px_aliases_oldest(&s->aliases);
    for (; alias && alias->granted + TIDY <= now; alias = px_alias_newer(&s->aliases, alias)) {
        if (alias->target.dialled >= 0)
            close(alias->target.dialled);
        alias->target.dialled = -1;
    }
}

static void due(uv_timer_t *timer)
{
    struct px_shim *s = timer->data;
    px_loop_clock(s->loop);
    int64_t now = s->loop->now / 1000;
    s->wake = INT64_MAX;
    struct px_alias *alias;
    while ((alias = px_aliases_oldest(&s->aliases)) != NULL && alias->granted + PX_ALIAS_PATIENCE <= now)
        px_shim_forget(s, alias);
    struct px_alias *spare;
    while ((spare = px_aliases_oldest_spare(&s->aliases)) != NULL && spare->granted + PX_ALIAS_SPARE_PATIENCE <= now)
        px_shim_drop(s, spare);
    hang_up_late(s, now);
    bool dials = px_asking_tidy(s, now);
    bool waits = px_passage_tidy(s, now);
    if (dials || waits || alias || spare || s->asks)
        px_shim_wake(s, dials ? PX_ASK_LOOK : TIDY);
    px_loop_settle(s->loop);
}

void px_shim_wake(struct px_shim *s, int64_t ms)
{
    int64_t at = s->loop->now / 1000 + ms;
    if (at >= s->wake || !s->doors[PX_DOOR_ASK])
        return;
    s->wake = at;
    uv_timer_start(s->timer, due, (uint64_t)ms, 0);
}

void px_shim_forget(struct px_shim *s, struct px_alias *alias)
{
    px_shim_leave(s->loop, &alias->target);
    alias->target = (struct px_target){ .dialled = -1 };
    px_alias_over(&s->aliases, alias->cookie, alias->serial);
}

void px_shim_drop(struct px_shim *s, struct px_alias *spare)
{
    px_destination_leave(spare->target.destination, s->loop->now / 1000);
    px_alias_drop(&s->aliases, spare);
}

void px_shim_distrust(struct px_loop *loop, const struct px_destination *destination)
{
    const struct px_shim *s = destination ? loop->shims[destination->listener] : NULL;
    if (s && s->ports)
        px_endpoints_distrust(s->ports, destination->is_server_own ? NULL : &destination->address);
}

void px_shim_leave(struct px_loop *loop, const struct px_target *target)
{
    struct px_shim *s = target->cookie ? loop->shims[target->listener] : NULL;
    if (s)
        px_alias_over(&s->aliases, target->cookie, target->serial);
    if (target->dialled >= 0)
        close(target->dialled);
    px_destination_leave(target->destination, loop->now / 1000);
}

/* ---- those who come ---- */

void px_shim_notice(struct px_shim *s, const char *what)
{
    int64_t now = s->loop->now / 1000;
    if (now < s->next_notice)
        return;
    s->next_notice = now + NOTICE_EVERY;
    px_log_notice(&s->loop->log, s->bound, what);
}

/* A spare becomes the alias of the socket that comes for it. */
static struct px_alias *claim(struct px_shim *s, uint32_t address, const struct px_owner *owner)
{
    struct px_alias *spare = px_alias_find_spare(&s->aliases, address);
    if (!spare || spare->uid != owner->uid)
        return NULL;
    struct px_alias *before = px_alias_find(&s->aliases, owner->cookie);
    if (before && before->state == PX_ALIAS_PENDING)
        px_shim_forget(s, before);
    return px_alias_claim(&s->aliases, spare, owner->cookie);
}

/* Whoever else has heard of the alias has another socket; one that comes late has an alias that is over. */
static struct px_alias *alias_of(struct px_shim *s, int fd)
{
    struct px_address here = { .length = sizeof here.local };
    struct px_owner owner;
    if (px_owner_find(s->owner, fd, &owner) != 0 || getsockname(fd, &here.any, &here.length) != 0)
        return NULL;
    struct px_alias *alias = px_alias_find(&s->aliases, owner.cookie);
    uint32_t address = here.any.sa_family == AF_INET ? ntohl(here.v4.sin_addr.s_addr) : 0;
    bool is_its_own = alias && alias->state == PX_ALIAS_PENDING && alias->address == address;
    return is_its_own ? alias : claim(s, address, &owner);
}

static bool is_dead(int fd)
{
    uint8_t state = TCP_CLOSE;
    socklen_t length = sizeof state;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) != 0 || state == TCP_CLOSE;
}

/* Of a client that came and has reset its connection before it was accepted, only the alias's address is left. */
static void forget_dead(struct px_shim *s, int fd)
{
    struct px_address here = { .length = sizeof here.local };
    if (getsockname(fd, &here.any, &here.length) != 0 || here.any.sa_family != AF_INET)
        return;
    struct px_alias *alias = px_alias_recent(&s->aliases, ntohl(here.v4.sin_addr.s_addr));
    struct px_alias *spare = px_alias_find_spare(&s->aliases, ntohl(here.v4.sin_addr.s_addr));
    if (alias)
        px_shim_forget(s, alias);
    else if (spare)
        px_shim_drop(s, spare);
}

static void let_in(struct px_shim *s, int fd)
{
    char name[PX_ADDRESS_TEXT];
    struct px_alias *alias = alias_of(s, fd);
    if (!alias) {
        if (is_dead(fd))
            forget_dead(s, fd);
        else
            px_shim_notice(s, "a connection to an alias that is not its own was reset");
        close(fd); /* by RST: it has that from its listening socket */
        return;
    }
    struct px_target target = alias->target;
    target.cookie = alias->cookie;
    target.serial = alias->serial;
    alias->target = (struct px_target){ .dialled = -1 };
    px_alias_taken(&s->aliases, alias);
    snprintf(name, sizeof name, "shim:%u:%d", alias->uid, alias->pid);
    px_passage_open(s, fd, &target, px_identity_of_uid(alias->uid), name);
    px_shim_wake(s, TIDY);
}

static bool accept_one(struct px_shim *s, enum px_door door)
{
    int fd = accept4(s->doors[door]->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && door == PX_DOOR_ASK) {
        px_asking_open(s, fd);
        px_shim_wake(s, TIDY);
    } else if (fd >= 0) {
        let_in(s, fd);
    } else if (errno == EMFILE || errno == ENFILE) {
        px_listener_refuse(s->loop, s->doors[door]->fd);
        px_shim_notice(s, "a client was refused: no file descriptors left (raise ulimit -n)");
    } else {
        return errno == EINTR || errno == ECONNABORTED;
    }
    return true;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct px_door_socket *d = poll->data;
    struct px_shim *s = d->shim;
    enum px_door door = PX_DOOR_ASK;
    (void)status;
    (void)events;
    px_loop_clock(s->loop);
    while (s->doors[door] != d)
        door++;
    for (int i = 0; i < ACCEPTS_A_TURN && s->doors[door] == d && accept_one(s, door); i++)
        ;
}

/* ---- opening and closing ---- */

static void freed(uv_handle_t *handle)
{
    free(handle->data);
}

static int open_door(struct px_shim *s, enum px_door door, const char *address)
{
    struct px_address *at = &s->addresses[door];
    struct px_door_socket *d = px_must(calloc(1, sizeof *d));
    bool asks = door == PX_DOOR_ASK, is_local = asks || door == PX_DOOR_LOCAL;
    const char *why;
    if (!px_address_parse(address, at, &why)) {
        free(d);
        return ENAMETOOLONG;
    }
    int error = px_listener_socket(at, asks ? SOCK_SEQPACKET : SOCK_STREAM, !is_local, &d->fd);
    if (error) {
        free(d);
        return error;
    }
    if (is_local) /* who may use the proxy is said by the folder */
        chmod(at->local.sun_path, 0666);
    getsockname(d->fd, &at->any, &at->length);
    d->shim = s;
    d->poll.data = d;
    if (uv_poll_init(&s->loop->uv, &d->poll, d->fd) != 0)
        abort(); /* it is a socket */
    s->doors[door] = d;
    return -uv_poll_start(&d->poll, UV_READABLE, readable);
}

static void close_door(struct px_shim *s, enum px_door door)
{
    struct px_door_socket *d = s->doors[door];
    if (!d)
        return;
    s->doors[door] = NULL;
    if (s->addresses[door].any.sa_family == AF_UNIX)
        unlink(s->addresses[door].local.sun_path);
    uv_poll_stop(&d->poll);
    close(d->fd);
    uv_close((uv_handle_t *)&d->poll, freed);
}

/* A host without IPv6 has no ::1, and nobody who would go there. */
static int open_doors(struct px_shim *s, const char *path)
{
    char local[sizeof s->addresses->local.sun_path + sizeof "unix:" SHIM_LOCAL_SUFFIX];
    snprintf(local, sizeof local, "unix:%s" SHIM_LOCAL_SUFFIX, path);
    int error = open_door(s, PX_DOOR_V4, "0.0.0.0:0");
    int v6 = error ? 0 : open_door(s, PX_DOOR_V6, "[::1]:0");
    if (v6 && v6 != EADDRNOTAVAIL && v6 != EAFNOSUPPORT)
        error = v6;
    if (!error)
        error = open_door(s, PX_DOOR_LOCAL, local);
    local[strlen(local) - strlen(SHIM_LOCAL_SUFFIX)] = '\0';
    return error ? error : open_door(s, PX_DOOR_ASK, local);
}

static int open_ports(struct px_shim *s, const char *path)
{
    char file[sizeof s->addresses->local.sun_path + sizeof SHIM_MAP_SUFFIX];
    snprintf(file, sizeof file, "%s" SHIM_MAP_SUFFIX, path);
    s->ports = px_endpoints_open(file);
    return s->ports ? 0 : errno;
}

static struct px_shim *new_shim(struct px_loop *loop, uint32_t listener)
{
    struct px_shim *s = px_must(calloc(1, sizeof *s));
    s->loop = loop;
    s->listener = listener;
    s->wake = INT64_MAX;
    s->owner = -1;
    if (!px_aliases_open(&s->aliases, ALIAS_ROWS, loop->now / 1000))
        abort(); /* at the start, or while others are served */
    s->timer = px_must(calloc(1, sizeof *s->timer));
    s->timer->data = s;
    uv_timer_init(&loop->uv, s->timer);
    loop->shims[listener] = s;
    return s;
}

int px_shim_open(struct px_loop *loop, uint32_t listener, const char *path, struct px_shim **shim)
{
    struct px_shim *s = loop->shims[listener] ? loop->shims[listener] : new_shim(loop, listener);
    *shim = s;
    snprintf(s->bound, sizeof s->bound, "shim:%s", path);
    if (s->owner < 0)
        s->owner = px_owner_open();
    s->netns = px_owner_netns();
    int error = s->owner < 0 ? -s->owner : s->ports ? 0 : open_ports(s, path);
    if (!error)
        error = open_doors(s, path);
    if (error)
        px_shim_close(s);
    return error;
}

void px_shim_close(struct px_shim *s)
{
    for (enum px_door door = 0; door < PX_DOORS; door++)
        close_door(s, door);
    uv_timer_stop(s->timer);
    s->wake = INT64_MAX;
    px_asking_end(s);
    px_passage_end(s, false);
    struct px_alias *alias;
    while ((alias = px_aliases_oldest(&s->aliases)) != NULL)
        px_shim_forget(s, alias);
    while ((alias = px_aliases_oldest_spare(&s->aliases)) != NULL)
        px_shim_drop(s, alias);
    if (s->ports)
        px_endpoints_distrust(s->ports, NULL);
}

void px_shims_distrust(struct px_loop *loop)
{
    for (uint32_t i = 0; loop->shims && i < PX_MOST_LISTENERS; i++)
        if (loop->shims[i] && loop->shims[i]->ports)
            px_endpoints_distrust(loop->shims[i]->ports, NULL);
}

void px_shims_end(struct px_loop *loop)
{
    for (uint32_t i = 0; loop->shims && i < PX_MOST_LISTENERS; i++)
        if (loop->shims[i])
            px_passage_end(loop->shims[i], true);
}

void px_shims_free(struct px_loop *loop)
{
    for (uint32_t i = 0; loop->shims && i < PX_MOST_LISTENERS; i++) {
        struct px_shim *s = loop->shims[i];
        if (!s)
            continue;
        if (s->owner >= 0)
            close(s->owner);
        px_aliases_free(&s->aliases);
        px_endpoints_close(s->ports);
        free(s->timer);
        free(s);
    }
}
