/* Where a client meant to go: fixed by its listener, or chosen by the program and told by its shim.
 *
 * The brain knows servers, members and listeners by index, and its tables have room for PX_MOST_DESTINATIONS more than the
 * settings may hold. A destination takes such a row when it is first asked for, and leaves it a while after its last
 * connection. */
#ifndef PX_ORIGIN_H
#define PX_ORIGIN_H

#include "roster.h"

struct px_destination {
    uint32_t listener;  /* of the settings: the shim that was asked */
    uint32_t server;    /* of the settings: whose rules hold */
    bool is_server_own; /* it leads to the members of that server, wherever the client meant to go */
    bool refused;       /* its server is down, and the settings say that nobody is let in then */
    struct px_address address;
    char text[PX_ADDRESS_TEXT];
    bool used;      /* a server was dialled for it, which the brain may remember */
    unsigned users; /* connections and aliases that need it */
    int64_t left;   /* ms; when the last one went */
};

struct px_target {
    uint32_t listener;                  /* of the settings: whose limits hold */
    uint32_t row;                       /* of the brain's listeners */
    uint32_t server;                    /* of the settings: whose rules hold */
    struct px_destination *destination; /* NULL: the client's listener has a server */
    struct px_address meant;            /* what a shim's client gave as its address */
    int dialled;                        /* a connection to the destination that was begun already, or -1 */
    uint64_t cookie;                    /* of the alias, for the shim; 0: none */
    uint32_t serial;
};

struct px_target px_target_fixed(const struct px_settings *settings, uint32_t listener);

/* The settings' server whose rules hold for a destination of a shim. */
uint32_t px_target_server(const struct px_settings *settings, const struct px_address *destination);

/* Where a shim's client goes; it holds a row until px_destination_leave(). False: there are too many. `is_new`: nobody had
 * the row, or another destination, so the brain must hear of it. */
bool px_target_chosen(struct px_roster *roster, const struct px_settings *settings, uint32_t listener,
                      const struct px_address *destination, int64_t now_ms, struct px_target *target, bool *is_new);
void px_destination_leave(struct px_destination *destination, int64_t now_ms); /* or NULL */

/* The brain's servers that one of the settings stands for: itself, and each destination that its rules hold for. What
 * `count` says of them, added up. */
uint32_t px_origin_sum(const struct px_roster *roster, const struct pol_brain *brain, uint32_t server,
                       uint32_t count(const struct pol_brain *brain, uint32_t server));
/* The one of a client. */
uint32_t px_origin_server(const struct px_roster *roster, const struct px_target *target);
/* All of them: `at` begins with POL_NONE. False behind the last. */
bool px_origin_next(const struct px_roster *roster, uint32_t server, uint32_t *at);

#endif
