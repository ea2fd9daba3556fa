/* The names of a scenario's clients, links and calls, and the ids behind them. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include "policy/policy.h"

enum tr_kind { TR_CLIENT, TR_LINK, TR_CALL, TR_KINDS };

/* A name keeps its id when its object has gone, so that a scenario can speak of it too late. */
struct tr_name {
    char text[16];
    struct pol_id id;
};

struct tr_names {
    struct tr_name *items[TR_KINDS];
    size_t count[TR_KINDS], capacity[TR_KINDS];
    uint32_t limit[TR_KINDS];        /* indices stay below it */
    uint32_t *generations[TR_KINDS]; /* by index; as a body counts them for clients and calls */
    bool *taken[TR_KINDS];           /* by index */
};

void tr_names_init(struct tr_names *names, uint32_t clients, uint32_t links, uint32_t calls);
void tr_names_free(struct tr_names *names);

const struct pol_id *tr_name_find(const struct tr_names *names, enum tr_kind kind, const char *text); /* or NULL */
/* Never NULL: an id without a name is shown by its number. The text lives until the next call. */
const char *tr_name_of(const struct tr_names *names, enum tr_kind kind, struct pol_id id);

void tr_name_bind(struct tr_names *names, enum tr_kind kind, const char *text, struct pol_id id);
/* Gives a new name the lowest free index, as a body does for clients and calls; false when there is none. */
bool tr_name_new(struct tr_names *names, enum tr_kind kind, const char *text);
void tr_name_release(struct tr_names *names, enum tr_kind kind, struct pol_id id); /* its index is free again */

#endif
