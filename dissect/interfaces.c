/* The table of known interfaces, made from interfaces.def. */
#include "interfaces.h"

#include <stdlib.h>

#include "interfaces.inc"

const size_t dis_interface_count = sizeof(dis_interfaces) / sizeof(dis_interfaces[0]);

static int by_opnum(const void *left, const void *right)
{
    const struct dis_operation *a = left, *b = right;
    return (a->opnum > b->opnum) - (a->opnum < b->opnum);
}

const struct dis_operation *dis_operation_find(const struct dis_interface *known, uint16_t opnum)
{
    const struct dis_operation key = { .opnum = opnum };
    if (known == NULL || known->operation_count == 0)
        return NULL;
    return bsearch(&key, known->operations, known->operation_count, sizeof(key), by_opnum);
}
