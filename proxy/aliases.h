/* The aliases that were given out: which socket, known by its cookie, connects to which loopback address and is to be led
 * where. No sockets in here.
 *
 * A row is *pending* from the grant to the connect, *taken* while the connection lives, and *over* after that: it is
 * remembered as long as there is room, for programs that ask whom they were connected to. A *spare* is for no socket yet,
 * but for any one of its user's: the first that connects to its address. */
#ifndef PX_ALIASES_H
#define PX_ALIASES_H

#include <stdbool.h>
#include <stdint.h>

#include "../preload/question.h"
#include "askers.h"
#include "origin.h"

#define PX_ALIAS_NONE  UINT32_MAX
#define PX_ALIAS_FIRST 0x7f010000u /* 127.1.0.0; host byte order */
#define PX_ALIAS_LAST  0x7ffeffffu /* 127.254.255.255 */

#define PX_ALIAS_PATIENCE       30000               /* ms from the grant to the connect */
#define PX_ALIAS_SPARE_PATIENCE 5000                /* ms from the grant of a spare to its connect */
#define PX_ALIAS_REST           (24 * 3600 * 1000l) /* ms in which an address is not given out again */

enum px_alias_state {
    PX_ALIAS_FREE,
    PX_ALIAS_UNUSED,
    PX_ALIAS_SPARE,
    PX_ALIAS_PENDING,
    PX_ALIAS_TAKEN,
    PX_ALIAS_OVER
};

struct px_alias {
    uint64_t cookie;  /* of a spare: what its address makes of it */
    uint32_t address; /* host byte order; 0: it is known by its cookie alone */
    uint32_t uid;
    int32_t pid;
    uint16_t facts;
    uint8_t state;   /* enum px_alias_state */
    uint32_t serial; /* of the grant: a socket may be led again */
    int64_t granted;
    struct shim_address destination; /* as the program gave it */
    struct px_target target;         /* pending: what it keeps for its client */
    uint32_t next;                   /* in the chain of its cookie */
    uint32_t older, newer;           /* in the list of its state */
};

struct px_alias_list {
    uint32_t oldest, newest;
};

struct px_aliases {
    struct px_alias *rows;
    uint32_t *heads; /* by cookie */
    uint32_t limit, high, mask;
    uint32_t serial;
    struct px_alias_list pending, spare, over, unused;
    uint8_t *given[2]; /* a bit for each address: given out in this day, and in the day before */
    int64_t day;       /* ms; when this one began */
    struct px_askers askers;
};

bool px_aliases_open(struct px_aliases *a, uint32_t limit, int64_t now);
void px_aliases_free(struct px_aliases *a);

/* A pending row for this socket, with an address of its own if it `wants` one; what was known of the socket before is
 * forgotten, so it must not be pending. NULL when there is no room. Of what the user has taken of `askers`, one is the
 * row's from then on, for as long as it is pending. */
struct px_alias *px_alias_grant(struct px_aliases *a, uint64_t cookie, uint32_t uid, bool wants_address, int64_t now);

struct px_alias *px_alias_find(const struct px_aliases *a, uint64_t cookie); /* or NULL */

/* A spare for that user, who takes one more of `askers` by that and must have room for it. NULL when there is none here. */
struct px_alias *px_alias_spare(struct px_aliases *a, uint32_t uid, int64_t now);
struct px_alias *px_alias_find_spare(const struct px_aliases *a, uint32_t address); /* or NULL */

/* A socket has come for a spare, and is pending from now on, in the row that is returned. It must not have been. */
struct px_alias *px_alias_claim(struct px_aliases *a, struct px_alias *spare, uint64_t cookie);

/* Nobody comes for a spare any more. */
void px_alias_drop(struct px_aliases *a, struct px_alias *spare);

/* The pending one with that address, if it is among the latest that were granted; or NULL. */
struct px_alias *px_alias_recent(const struct px_aliases *a, uint32_t address);

void px_alias_taken(struct px_aliases *a, struct px_alias *alias);
/* Unless the socket was led elsewhere since. */
void px_alias_over(struct px_aliases *a, uint64_t cookie, uint32_t serial);

/* The oldest pending one, and the oldest spare; NULL: there is none. */
struct px_alias *px_aliases_oldest(const struct px_aliases *a);
struct px_alias *px_aliases_oldest_spare(const struct px_aliases *a);
struct px_alias *px_alias_newer(const struct px_aliases *a,
                                const struct px_alias *alias); /* pending as well; or NULL */

#endif
