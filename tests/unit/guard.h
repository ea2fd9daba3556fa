/* Bytes that end where the readable world ends: one byte too far is a fault of the processor. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD_ROOM  (128u * 1024u) /* most bytes that can be placed */
#define GUARD_AFTER 4096u

/* Maps the room and the page behind it that must not be touched. */
static inline uint8_t *guard_new(void)
{
    uint8_t *room = mmap(NULL, GUARD_ROOM + GUARD_AFTER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED || mprotect(room + GUARD_ROOM, GUARD_AFTER, PROT_NONE) != 0)
        abort();
    return room;
}

/* Copies the bytes to the very end of the room; returns where they lie now. */
static inline uint8_t *guard_place(uint8_t *room, const void *bytes, size_t length)
{
    if (length > GUARD_ROOM)
        abort();
    uint8_t *at = room + GUARD_ROOM - length;
    if (length != 0)
        memcpy(at, bytes, length);
    return at;
}

static inline void guard_free(uint8_t *room)
{
    munmap(room, GUARD_ROOM + GUARD_AFTER);
}

#endif
