/* Which index is whose, for as long as the process runs: servers and listeners have theirs from the settings
 * (settings_merge.h keeps them in place), members are given theirs here. And what the settings say to the brain. */
#ifndef PX_ROSTER_H
#define PX_ROSTER_H

#include "../policy/policy.h"
#include "settings.h"

/* Most indices ever: what settings may have held over time. */
#define PX_MOST_SERVERS   1024u
#define PX_MOST_MEMBERS   4096u
#define PX_MOST_LISTENERS 1024u

/* Destinations of shim clients at once. Their rows stand behind all of those, at the same distance in each table. */
#define PX_MOST_DESTINATIONS 4096u

/* A member by the brain's index. It outlives the settings that it came from: it may still have connections. */
struct px_roster_member {
    char *text; /* owned */
    struct px_address address;
    uint32_t server;
};

struct px_destination;

struct px_roster {
    struct px_roster_member *members; /* PX_MOST_MEMBERS, and PX_MOST_DESTINATIONS */
    uint32_t *places;                 /* by member, PX_MOST_MEMBERS: the first one with the same address */
    uint32_t member_count;
    struct px_destination *destinations; /* PX_MOST_DESTINATIONS */
    uint32_t destination_count;
    uint32_t *first; /* PX_MOST_SERVERS: the first member of each server; as many follow as its settings say */
};

bool px_roster_init(struct px_roster *roster); /* false: no memory */
void px_roster_free(struct px_roster *roster);

/* True when px_roster_take() has room for all of them. */
bool px_roster_fits(const struct px_roster *roster, const struct px_settings *settings);

/* A server whose members are as before keeps their indices. */
void px_roster_take(struct px_roster *roster, const struct px_settings *settings);

/* For pol_create() and pol_renew(); the sizes of tables and the seed are the caller's. What it points to goes with
 * px_roster_forget(). */
void px_roster_describe(const struct px_roster *roster, const struct px_settings *settings,
                        struct pol_settings *described);
void px_roster_forget(struct pol_settings *described);

/* For pol_place(): a destination's listener; and its server, false where that is the one of the settings. */
bool px_roster_describe_destination(const struct px_roster *roster, const struct px_settings *settings,
                                    uint32_t index, struct pol_listener *listener, struct pol_server *server);

#endif
