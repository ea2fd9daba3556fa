/* What is counted of calls, by operation, and of interfaces: bounded tables. */
#ifndef INSPECT_TABLE_H
#define INSPECT_TABLE_H

#include <stdio.h>

#include "conversation.h"
#include "latency.h"

#define TABLE_OPERATIONS_MOST 4096u /* rows; calls of more operations are counted together */
#define TABLE_INTERFACES_MOST 1024u

struct table_operation {
    bool known_interface; /* the bind was seen */
    struct dis_syntax interface;
    const struct dis_interface *known;
    uint16_t opnum;
    uint64_t calls;
    uint64_t answered;
    uint64_t faults;
    uint64_t unanswered; /* though nothing is missing */
    uint64_t unknown;    /* gap, one-sided, capture ends, forgotten */
    struct dis_latency latency;
};

struct table_interface {
    struct dis_syntax interface;
    const struct dis_interface *known;
    uint64_t accepted; /* contexts */
    uint64_t refused;
    uint64_t calls;
    uint64_t faults;
};

/* Zero-initialise; table_free() after use. */
struct table {
    struct table_operation **operations;
    size_t operation_count;
    struct table_interface *interfaces;
    size_t interface_count;
    uint64_t calls_elsewhere; /* for which there was no row */
    uint64_t contexts_elsewhere;
    uint64_t by_ending[DIS_END_COUNT];
    uint64_t answers_only; /* whose requests were not seen; not in the rest */
};

void table_call(struct table *t, const struct dis_call *call);
void table_bound(struct table *t, const struct dis_bound *bound);

/* By calls, the most first. */
void table_print_operations(const struct table *t, FILE *out, bool json);
void table_print_interfaces(const struct table *t, FILE *out, bool json);

void table_free(struct table *t);

#endif
