/* Reads a question, dials the destination so that the program hears what it would hear without us, and answers.
 *
 * The connection is kept for the client that comes. A dial that takes long is not waited for: then the client is let in,
 * and told by its first bind how it went. */
#include "asking.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoints.h"
#include "listener.h"
#include "permit.h"
#include "upstream.h"

#define PATIENCE         2000 /* ms from the connect to the question */
#define DIAL_BLOCKING    300  /* ms that the answer waits for the destination; the shim waits for 1000 */
#define DIAL_NONBLOCKING 10   /* the same, for a program that does not want to wait */

struct px_ask {
    uv_poll_t question_poll, dial_poll;
    struct px_shim *shim;
    struct px_ask *next, **back;
    struct ucred who;
    struct shim_question question;
    struct px_address destination;
    struct px_target target;
    int fd; /* -1: answered */
    int dialled;
    int64_t until; /* ms */
    unsigned handles;
    bool reached;    /* it has been dialled, with success */
    bool is_counted; /* among what its user waits for */
};

/* ---- ends ---- */

static void closed(uv_handle_t *handle)
{
    struct px_ask *ask = handle->data;
    if (--ask->handles == 0)
        free(ask);
}

static void stop(uv_poll_t *poll)
{
    if (!poll->data || uv_is_closing((uv_handle_t *)poll))
        return;
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, closed);
}

/* Gives the answer and lets go of everything; false when nobody takes it any more. */
static bool answer(struct px_ask *ask, struct shim_answer *a)
{
    if (a)
        a->ports = ask->shim->ports->instance;
    bool sent = a && send(ask->fd, a, sizeof *a, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *a;
    stop(&ask->question_poll);
    stop(&ask->dial_poll);
    close(ask->fd);
    *ask->back = ask->next;
    if (ask->next)
        ask->next->back = ask->back;
    if (ask->handles == 0)
        free(ask);
    return sent;
}

static void refuse(struct px_ask *ask, int error)
{
    struct shim_answer a = { .version = SHIM_VERSION, .error = error };
    if (ask->target.destination)
        px_destination_leave(ask->target.destination, ask->shim->loop->now / 1000);
    if (ask->dialled >= 0)
        close(ask->dialled);
    if (ask->is_counted)
        px_asker_gives(&ask->shim->aliases.askers, ask->who.uid);
    answer(ask, &a);
}

/* ---- an alias ---- */

static bool is_v4(const struct px_address *address)
{
    return address->any.sa_family == AF_INET;
}

/* In the family that the program gave. */
static struct shim_address address_of(const struct px_shim *s, const struct px_alias *alias)
{
    struct shim_address at = { .length = alias->destination.length };
    uint32_t v4 = htonl(alias->address);
    if (alias->destination.any.sa_family == AF_UNIX) {
        at.local = s->addresses[PX_DOOR_LOCAL].local;
        at.length = s->addresses[PX_DOOR_LOCAL].length;
        return at;
    }
    if (alias->destination.any.sa_family == AF_INET) {
        at.v4 = s->addresses[PX_DOOR_V4].v4;
        at.v4.sin_addr.s_addr = v4;
    } else if (alias->address) {
        at.v6 = alias->destination.v6; /* it is mapped */
        memcpy((uint8_t *)&at.v6.sin6_addr + 12, &v4, sizeof v4);
        at.v6.sin6_port = s->addresses[PX_DOOR_V4].v4.sin_port;
    } else {
        at.v6 = s->addresses[PX_DOOR_V6].v6;
    }
    return at;
}

/* What is left of its user's share is for questions. */
static bool may_have_spare(const struct px_ask *ask)
{
    return px_asker_room(&ask->shim->aliases.askers, ask->who.uid) > PX_ASKER_MOST / 2;
}

/* NULL: there is no room for it. */
static struct px_alias *spare(struct px_ask *ask, const struct px_alias *first)
{
    struct px_shim *s = ask->shim;
    int64_t now = s->loop->now / 1000;
    struct px_target target;
    if (!may_have_spare(ask) || !px_loop_choose(s->loop, s->listener, &ask->destination, &target))
        return NULL;
    struct px_alias *alias = px_alias_spare(&s->aliases, first->uid, now);
    if (!alias) {
        px_destination_leave(target.destination, now);
        return NULL;
    }
    alias->pid = first->pid;
    alias->destination = first->destination;
    alias->target = target;
    return alias;
}

/* Only to where a connection has been made just now, or nothing is said against it. */
static void add_spares(struct px_ask *ask, const struct px_alias *first, struct shim_answer *a)
{
    bool reached = ask->dialled >= 0 ? ask->reached : ask->target.destination->is_server_own;
    uint32_t most = !reached || !first->address          ? 0
                    : ask->question.spares < SHIM_SPARES ? ask->question.spares
                                                         : SHIM_SPARES;
    a->failures = px_endpoints_failures(ask->shim->ports, &ask->destination);
    for (const struct px_alias *more; a->spare_count < most && (more = spare(ask, first)) != NULL; a->spare_count++)
        a->spares[a->spare_count] = htonl(more->address);
}

/* An answer that nobody takes leaves nothing behind but what comes to its end by itself. */
static void grant(struct px_ask *ask)
{
    struct px_shim *s = ask->shim;
    struct px_alias *before = px_alias_find(&s->aliases, ask->question.cookie);
    if (before && before->state == PX_ALIAS_PENDING)
        px_shim_forget(s, before);
    struct px_alias *alias = px_alias_grant(&s->aliases, ask->question.cookie, ask->who.uid, is_v4(&ask->destination),
                                            s->loop->now / 1000);
    if (!alias) {
        px_shim_notice(s, "the aliases are used up");
        refuse(ask, ECONNREFUSED);
        return;
    }
    ask->is_counted = false;
    alias->pid = ask->who.pid;
    alias->facts = ask->question.facts;
    alias->destination = ask->question.address;
    alias->target = ask->target;
    alias->target.dialled = ask->dialled;
    alias->target.cookie = alias->cookie;
    alias->target.serial = alias->serial;
    struct shim_answer a = { .version = SHIM_VERSION, .address = address_of(s, alias) };
    add_spares(ask, alias, &a);
    if (!answer(ask, &a))
        px_shim_forget(s, alias);
}

/* ---- dialling ---- */

/* What a program may be told of its destination. Other errors are ours: the client comes, and is told by its bind. */
static bool is_of_destination(int error)
{
    return error == ECONNREFUSED || error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN ||
           error == EHOSTDOWN || error == ECONNRESET || error == ETIMEDOUT || error == EACCES || error == EPERM ||
           error == EINVAL || error == EADDRNOTAVAIL || error == ENOENT || error == ENOTDIR || error == ELOOP ||
           error == EPROTOTYPE;
}

static void dial_ended(struct px_ask *ask, int error)
{
    stop(&ask->dial_poll);
    if (error && ask->dialled >= 0)
        close(ask->dialled);
    if (error)
        ask->dialled = -1;
    if (error)
        px_shim_distrust(ask->shim->loop, ask->target.destination);
    ask->reached = !error;
    if (is_of_destination(error))
        refuse(ask, error == ECONNRESET ? ECONNREFUSED : error);
    else
        grant(ask);
}

static bool is_connected(int fd, int *error)
{
    struct pollfd polled = { .fd = fd, .events = POLLOUT };
    socklen_t length = sizeof *error;
    *error = 0;
    return poll(&polled, 1, 0) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &length) == 0;
}

static void dial_polled(uv_poll_t *poll, int status, int events)
{
    struct px_ask *ask = poll->data;
    int error;
    (void)status;
    (void)events;
    px_loop_clock(ask->shim->loop);
    if (is_connected(ask->dialled, &error))
        dial_ended(ask, error);
}

static void watch_dial(struct px_ask *ask)
{
    bool waits = !(ask->question.facts & SHIM_NONBLOCK);
    if (uv_poll_init(&ask->shim->loop->uv, &ask->dial_poll, ask->dialled) != 0) {
        grant(ask);
        return;
    }
    ask->dial_poll.data = ask;
    ask->handles++;
    uv_poll_start(&ask->dial_poll, UV_WRITABLE, dial_polled);
    ask->until = ask->shim->loop->now / 1000 + (waits ? DIAL_BLOCKING : DIAL_NONBLOCKING);
    px_shim_wake(ask->shim, PX_ASK_LOOK);
}

static void dial(struct px_ask *ask)
{
    int error = px_socket_connect(&ask->destination.any, ask->destination.length, &ask->dialled);
    if (error || is_connected(ask->dialled, &error)) /* loopback connects at once */
        dial_ended(ask, error);
    else
        watch_dial(ask);
}

/* ---- questions ---- */

/* Of a Unix socket, only paths; and where the asking user may go. */
static int local_destination(int fd, const struct shim_address *given, struct px_address *to)
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    bool is_path = given->length > before && given->length <= sizeof given->local &&
                   given->local.sun_path[0] == '/' && memchr(given->local.sun_path, '\0', given->length - before);
    return is_path ? px_permit_local(fd, given->local.sun_path, to) : ECONNREFUSED;
}

/* A mapped address is dialled, matched and logged as the IPv4 address that it stands for. 0, or an errno. */
static int destination_of(int fd, const struct shim_address *given, struct px_address *to)
{
    uint8_t point[16];
    uint16_t port;
    if (given->any.sa_family == AF_UNIX)
        return local_destination(fd, given, to);
    *to = (struct px_address){ .length = given->length };
    if (given->length > sizeof given->local || !shim_net_point(&given->any, given->length, point, &port))
        return ECONNREFUSED;
    bool mapped = given->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&given->v6.sin6_addr);
    if (mapped || given->any.sa_family == AF_INET) {
        to->length = sizeof to->v4;
        to->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
        memcpy(&to->v4.sin_addr, point + 12, 4);
    } else {
        to->length = sizeof to->v6;
        to->v6 = given->v6;
    }
    return 0;
}

static enum px_door door_of(const struct px_address *destination)
{
    sa_family_t family = destination->any.sa_family;
    return family == AF_INET ? PX_DOOR_V4 : family == AF_INET6 ? PX_DOOR_V6 : PX_DOOR_LOCAL;
}

static void refuse_greedy(struct px_ask *ask)
{
    char text[128];
    snprintf(text, sizeof text, "a connect of user %u was refused: %u others of its are asked for and not made",
             ask->who.uid, PX_ASKER_MOST - px_asker_room(&ask->shim->aliases.askers, ask->who.uid));
    px_shim_notice(ask->shim, text);
    refuse(ask, ECONNREFUSED);
}

static void ask_alias(struct px_ask *ask)
{
    struct px_shim *s = ask->shim;
    int error = ask->question.netns != s->netns ? ECONNREFUSED
                                                : destination_of(ask->fd, &ask->question.address, &ask->destination);
    if (error || !s->doors[door_of(&ask->destination)]) {
        refuse(ask, error ? error : ECONNREFUSED);
        return;
    }
    ask->is_counted = px_asker_takes(&s->aliases.askers, ask->who.uid);
    if (!ask->is_counted) {
        refuse_greedy(ask);
    } else if (!px_loop_choose(s->loop, s->listener, &ask->destination, &ask->target)) {
        px_shim_notice(s, "a connect was refused: too many destinations at once");
        refuse(ask, ECONNREFUSED);
    } else if (ask->target.destination->refused) {
        refuse(ask, ECONNREFUSED);
    } else if (ask->target.destination->is_server_own) {
        grant(ask);
    } else {
        dial(ask);
    }
}

static bool has_peer(const struct px_ask *ask, const struct px_alias *alias)
{
    const struct shim_address *peer = &ask->question.address;
    struct shim_address at;
    if (!alias)
        return false;
    at = address_of(ask->shim, alias);
    return at.length == peer->length && memcmp(&at.any, &peer->any, at.length) == 0;
}

/* A connection that was made by a spare is perhaps not accepted yet. */
static const struct px_alias *spare_at(const struct px_ask *ask)
{
    const struct shim_address *peer = &ask->question.address;
    uint8_t point[16];
    uint16_t port;
    uint32_t v4;
    if (peer->length > sizeof peer->local || !shim_net_point(&peer->any, peer->length, point, &port))
        return NULL;
    memcpy(&v4, point + 12, sizeof v4);
    const struct px_alias *spare = px_alias_find_spare(&ask->shim->aliases, ntohl(v4));
    return spare && spare->uid == ask->who.uid ? spare : NULL;
}

/* Only who has the socket knows its cookie, or may as well. */
static void ask_name(struct px_ask *ask)
{
    const struct px_alias *alias = px_alias_find(&ask->shim->aliases, ask->question.cookie);
    struct shim_answer a = { .version = SHIM_VERSION, .error = ENOENT };
    if (!has_peer(ask, alias))
        alias = spare_at(ask);
    if (has_peer(ask, alias)) {
        a.error = 0;
        a.facts = alias->facts;
        a.address = alias->destination;
    }
    answer(ask, &a);
}

/* While this process stood still the program has given up. */
static bool has_gone(const struct px_ask *ask)
{
    char more;
    return recv(ask->fd, &more, sizeof more, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* False: it has not come yet. */
static bool take_question(struct px_ask *ask)
{
    struct shim_question *q = &ask->question;
    ssize_t got = recv(ask->fd, q, sizeof *q, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got != (ssize_t)sizeof *q || q->version != SHIM_VERSION || has_gone(ask))
        answer(ask, NULL);
    else if (q->kind == SHIM_ALIAS)
        ask_alias(ask);
    else
        ask_name(ask);
    return true;
}

static void question_polled(uv_poll_t *poll, int status, int events)
{
    struct px_ask *ask = poll->data;
    (void)status;
    (void)events;
    px_loop_clock(ask->shim->loop);
    uv_poll_stop(poll);
    if (!take_question(ask))
        uv_poll_start(poll, UV_READABLE, question_polled);
}

static void watch_question(struct px_ask *ask)
{
    if (uv_poll_init(&ask->shim->loop->uv, &ask->question_poll, ask->fd) != 0) {
        answer(ask, NULL);
        return;
    }
    ask->question_poll.data = ask;
    ask->handles++;
    uv_poll_start(&ask->question_poll, UV_READABLE, question_polled);
}

/* Most questions are there before we are: they are not waited for. */
void px_asking_open(struct px_shim *s, int fd)
{
    struct px_ask *ask = calloc(1, sizeof *ask);
    socklen_t length = sizeof ask->who;
    if (!ask || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ask->who, &length) != 0) {
        free(ask);
        close(fd);
        return;
    }
    ask->shim = s;
    ask->fd = fd;
    ask->dialled = -1;
    ask->until = s->loop->now / 1000 + PATIENCE;
    ask->next = s->asks;
    ask->back = &s->asks;
    if (ask->next)
        ask->next->back = &ask->next;
    s->asks = ask;
    if (!take_question(ask))
        watch_question(ask);
}

bool px_asking_tidy(struct px_shim *s, int64_t now)
{
    bool dials = false;
    for (struct px_ask *ask = s->asks, *next; ask; ask = next) {
        next = ask->next;
        if (ask->until > now)
            dials = dials || ask->dialled >= 0;
        else if (ask->dialled >= 0)
            grant(ask);
        else
            refuse(ask, ECONNREFUSED);
    }
    return dials;
}

void px_asking_end(struct px_shim *s)
{
    while (s->asks)
        refuse(s->asks, ECONNREFUSED);
}
