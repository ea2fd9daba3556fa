/* How servers were at a time, as far as a capture tells: what becomes of connections and calls that are not in it. */
#ifndef INSPECT_PAST_H
#define INSPECT_PAST_H

#include "conversation.h"

/* As it was seen last. */
enum past_state {
    PAST_WELL,
    PAST_BUSY,    /* it refused a call as too busy */
    PAST_ENDED,   /* it ended a connection of its own accord; this says something only where PAST_REFUSED follows */
    PAST_REFUSED, /* it refused a connection */
    PAST_SILENT,  /* it did not answer a connection */
};

struct past_sight {
    int64_t time; /* ns since the capture began */
    uint32_t member;
    uint32_t order; /* in which it was seen */
    enum past_state state;
};

struct past_operation;

/* Zero-initialise; past_free() after use. */
struct past {
    struct past_sight *sights;
    uint32_t count;
    uint32_t room;
    struct past_operation **operations; /* by hash; one for each server stands for all of its */
    uint32_t operation_count;
};

void past_see(struct past *p, uint32_t member, int64_t time, enum past_state state);

/* All has been seen: a connection that a server ended before it refused others tells since when it was not there. */
void past_settle(struct past *p);

/* For past_settle()d ones. Before all that was seen, it was well. */
enum past_state past_at(const struct past *p, uint32_t member, int64_t time);

/* Whether with this sight its member begins to refuse connections. */
bool past_goes_away(const struct past *p, uint32_t index);

/* That of a call of a server, new where it was not seen before; NULL: there are too many. It lives as long as the past. */
struct past_operation *past_operation(struct past *p, uint32_t server, const struct dis_call *call);

/* It was answered by a response after so many ns. `operation` may be NULL. */
void past_answer(struct past *p, uint32_t server, struct past_operation *operation, int64_t took);

/* The median of that operation; where it was never answered, of all operations of the server; -1: none was. */
int64_t past_expected(const struct past *p, uint32_t server, const struct past_operation *operation);

void past_free(struct past *p);

#endif
