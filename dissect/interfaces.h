/* Interfaces that every administrator meets, as data. Looked up through names.h. */
#ifndef DIS_INTERFACES_H
#define DIS_INTERFACES_H

#include <stddef.h>
#include <stdint.h>

struct dis_interface {
    const char *uuid; /* lower case */
    uint16_t major;
    const char *name;
    const char *const *operations; /* by opnum; NULL where one has no name */
    uint16_t operation_count;
};

extern const struct dis_interface dis_interfaces[];
extern const size_t dis_interface_count;

#endif
