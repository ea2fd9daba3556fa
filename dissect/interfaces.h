/* Interfaces that every administrator meets, as data. By name they are looked up through names.h. */
#ifndef DIS_INTERFACES_H
#define DIS_INTERFACES_H

#include <stddef.h>
#include <stdint.h>

#include "uuid.h"

/* A fact is the source that says so, a specification with its section or an IDL file; NULL: it is not known to be so. */
struct dis_operation {
    uint16_t opnum;
    const char *name;
    const char *idempotent; /* run twice it leaves what it leaves when run once, and the second answer is as good */
    const char *pending;    /* by design it returns only when something happens */
};

/* The facts of an interface are about the operations that are listed. */
struct dis_interface {
    struct dis_uuid uuid;
    uint16_t major, minor;
    const char *name;
    const char *source;    /* of the names */
    const char *stateless; /* no call needs what an earlier one left for its connection, association or client */
    const char *pipe_free; /* no operation has a pipe parameter */
    const struct dis_operation *operations; /* by opnum, ascending */
    uint16_t operation_count;
};

extern const struct dis_interface dis_interfaces[];
extern const size_t dis_interface_count;

/* The operation of an interface; NULL where either is unknown. */
const struct dis_operation *dis_operation_find(const struct dis_interface *known, uint16_t opnum);

#endif
