/* The one thread's loop: its tables, its clock, and the way to the brain.
 *
 * A turn is: libuv's handlers read, ask and write; what only informs the brain is queued; at the end of the turn the
 * queue is told, connections whose front was released go on, and the log is written. */
#ifndef PX_LOOP_H
#define PX_LOOP_H

#include <uv.h>

#include "../policy/policy.h"
#include "association.h"
#include "log.h"
#include "offers.h"
#include "roster.h"
#include "settings.h"
#include "stats.h"

struct px_admin;
struct px_check;
struct px_downstream;
struct px_upstream;
struct px_listener_socket;
struct px_shim;
struct px_target;

#define PX_READ_SIZE    65536u                            /* bytes read at once */
#define PX_SCRATCH_SIZE (DIS_PDU_SIZE_MAX + PX_READ_SIZE) /* the part of a PDU that came before, and one read */

struct px_loop {
    uv_loop_t uv;
    uv_check_t turn_end;
    uv_timer_t timer;
    uv_signal_t signals[3]; /* SIGTERM, SIGINT, SIGHUP */

    struct px_settings *settings;   /* of now */
    const struct px_source *source; /* where they come from */
    struct px_roster roster;
    struct px_check **checks;              /* by the brain's member index; NULL: none is under way */
    struct px_listener_socket **listeners; /* by the brain's listener index; NULL: closed */
    struct px_address *bound;              /* by the same: where it listens, or did */
    struct px_shim **shims;                /* by the same; NULL: it never was one */

    struct pol_brain *brain;
    int64_t now;  /* µs, monotonic; read once a handler */
    int64_t wake; /* ms: what the timer is set to */

    struct px_downstream **clients; /* by client index; NULL: free */
    uint32_t *client_generations;
    uint32_t *free_clients; /* a stack of indices that were used */
    uint32_t free_count, clients_high, max_clients;
    uint32_t plain_clients;     /* of them: they have no link of their own */
    uint32_t descriptors;       /* for clients and links */
    struct px_upstream **links; /* by link index; NULL: free */
    uint32_t max_links;
    struct px_calls calls;

    struct pol_event *queue; /* what the brain is to be told at the end of the turn */
    size_t queue_length, queue_capacity;
    struct px_upstream *flush;   /* shared links that were given something, linked by next_flush */
    size_t kept;                 /* bytes of requests that are kept to be sent up once more */
    struct px_offers offers;     /* of plain clients */
    struct px_downstream *ready; /* those whose front was released, linked by next_ready */

    uint8_t *scratch; /* PX_SCRATCH_SIZE bytes that a handler may use until it returns */
    int spare_fd;     /* given up for a moment when there are no descriptors left, to refuse a client properly */
    struct px_log log;
    struct px_stats stats;
    uint32_t *server_links; /* open links, by server */
    struct px_admin *admin; /* the control socket; NULL: none is wanted */
    bool draining;
    bool signalled; /* once; a second signal ends it */
    bool stopping;
};

/* 0, or 1 with a message on stderr. The settings may be changed by a reload. */
int px_loop_open(struct px_loop *loop, struct px_settings *settings, const struct px_source *source);
/* Runs until a signal has drained it, or a second one ended it. */
void px_loop_run(struct px_loop *loop);
void px_loop_close(struct px_loop *loop);

/* Reads the clock; every handler that reads or accepts calls it first, and so does the end of a turn. */
void px_loop_clock(struct px_loop *loop);

/* Tells the brain now and carries out what it says: for events that ask, and for what write() has taken, since no end
 * of a connection may be judged without it. */
void px_loop_tell(struct px_loop *loop, const struct pol_event *event);

/* Tells the brain at the end of the turn. */
void px_loop_inform(struct px_loop *loop, const struct pol_event *event);

/* Tells now what was to be told at the end of the turn, but for ends. May close whoever the caller is working for. */
void px_loop_catch_up(struct px_loop *loop);

/* The end of a turn: for handlers that run outside of libuv's poll phase. */
void px_loop_settle(struct px_loop *loop);

/* Begins to drain, if it has not begun; `who` and `why` are for the notice. */
void px_loop_drain(struct px_loop *loop, const char *who, const char *why);

/* For the administrator `who`: no more calls go into that server, or they do again; a call is given up. */
void px_loop_drain_server(struct px_loop *loop, uint32_t server, bool on, const char *who);
void px_loop_cancel(struct px_loop *loop, const struct px_call *k, const char *who);

/* An index for a new client; false when the table is full. */
bool px_loop_client_new(struct px_loop *loop, struct px_downstream *d, struct pol_id *id);
void px_loop_client_free(struct px_loop *loop, struct pol_id id);

/* Where a client of the shim `listener` goes, as px_target_chosen(). */
bool px_loop_choose(struct px_loop *loop, uint32_t listener, const struct px_address *destination,
                    struct px_target *target);

#endif
