/* A listener for programs that rpcward-run has started: they ask at a Unix socket where to connect instead, and then
 * connect there, at a port of ours on the loopback network. */
#ifndef PX_SHIM_H
#define PX_SHIM_H

#include "aliases.h"
#include "loop.h"

struct px_ask;
struct px_passage;

enum px_door { PX_DOOR_ASK, PX_DOOR_V4, PX_DOOR_V6, PX_DOOR_LOCAL, PX_DOORS };

/* One that was closed may have a handle that libuv has not let go of yet, so each has its own memory. */
struct px_door_socket {
    uv_poll_t poll;
    struct px_shim *shim;
    int fd;
};

/* Stays when its listener is closed: its clients may live longer. */
struct px_shim {
    struct px_loop *loop;
    uint32_t listener;                      /* of the settings */
    char bound[PX_ADDRESS_TEXT];            /* for people */
    struct px_door_socket *doors[PX_DOORS]; /* NULL: closed */
    struct px_address addresses[PX_DOORS];
    uv_timer_t *timer;
    int64_t wake; /* ms: what it is set to */
    struct px_aliases aliases;
    int owner; /* descriptor to ask for the owner of a connection */
    uint64_t netns;
    struct shim_map *ports;      /* that endpoint mappers have named */
    struct px_ask *asks;         /* linked by next */
    struct px_passage *passages; /* linked by next */
    int64_t next_notice;         /* ms: strangers are told of once a second */
};

/* Listens at that path. 0, or an errno. */
int px_shim_open(struct px_loop *loop, uint32_t listener, const char *path, struct px_shim **shim);
void px_shim_close(struct px_shim *shim); /* no new clients */

/* Other rules hold: no program shall use a spare alias that was given out under the old ones. */
void px_shims_distrust(struct px_loop *loop);

/* At the end of all: the clients that speak no DCE/RPC; and the memory. */
void px_shims_end(struct px_loop *loop);
void px_shims_free(struct px_loop *loop);

/* Looks after what waits not later than in so many ms. */
void px_shim_wake(struct px_shim *shim, int64_t ms);

/* Says it in the log, if nothing was said within the last second. */
void px_shim_notice(struct px_shim *shim, const char *what);

/* Gives up what an alias that nobody has connected to keeps. */
void px_shim_forget(struct px_shim *shim, struct px_alias *alias);

/* What a spare alias keeps; `spare` is over then. */
void px_shim_drop(struct px_shim *shim, struct px_alias *spare);

/* A destination could not be reached: no program shall use a spare alias to it. */
void px_shim_distrust(struct px_loop *loop, const struct px_destination *destination); /* or NULL */

/* A client has gone: its alias is over, its destination's row is left. */
void px_shim_leave(struct px_loop *loop, const struct px_target *target);

#endif
