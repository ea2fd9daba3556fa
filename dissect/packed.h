/* The bytes of a file or of standard input, unpacked where they are packed by gzip. */
#ifndef PACKED_H
#define PACKED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "inspect_blocks.h"

struct packed {
    FILE *bytes;         /* to read from; fclose() frees all */
    uint64_t size;       /* of the file, packed; 0: not known */
    const uint64_t *got; /* bytes of it that were read */
};

/* `path` is a file, or "-". With `follow`, the end of the file is no end: reading waits for more until *stop.
 * Before it waits, `idle` is called. The bytes pass through `blocks`, or NULL. False with errno set. */
bool packed_open(const char *path, bool follow, const volatile bool *stop, void (*idle)(void), struct blocks *blocks,
                 struct packed *out);

#endif
