/* A block: type, length, body, length again. What is looked at lies in the first sixteen bytes. */
#include "inspect_blocks.h"

#include <stdlib.h>
#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, OBSOLETE_PACKET = 2, SIMPLE_PACKET = 3, ENHANCED_PACKET = 6 };
enum { MAGIC_AT = 8, LINK_AT = 8, INTERFACE_AT = 8, SNAPLEN_AT = 12, LEAST = 12 };
enum { MAGIC = 0x1a2b3c4d };

static uint32_t number(const struct blocks *b, unsigned at, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | b->head[b->big ? at + i : at + size - 1 - i];
    return value;
}

static void push(struct blocks *b, uint16_t link)
{
    if (b->waiting == b->room) {
        size_t room = b->room == 0 ? 1024 : 2 * b->room;
        uint16_t *grown = malloc(room * sizeof(*grown));
        if (grown == NULL)
            abort();
        for (size_t i = 0; i < b->waiting; i++)
            grown[i] = b->packets[(b->oldest + i) % b->room];
        free(b->packets);
        b->packets = grown;
        b->room = room;
        b->oldest = 0;
    }
    b->packets[(b->oldest + b->waiting++) % b->room] = link;
}

static uint16_t link_at(const struct blocks *b, uint32_t interface)
{
    return interface < b->count ? b->links[interface] : b->count > 0 ? b->links[0] : 0;
}

static void take_section(struct blocks *b)
{
    b->big = false;
    b->big = number(b, MAGIC_AT, 4) != MAGIC;
    b->count = 0;
    b->other = number(b, MAGIC_AT, 4) != MAGIC;
}

static void take_interface(struct blocks *b)
{
    uint16_t link = (uint16_t)number(b, LINK_AT, 2);
    if (!b->known) {
        b->known = true;
        b->first_big = b->big;
        b->first_link = link;
        memcpy(b->first, b->head, sizeof(b->first));
    }
    if (b->count < BLOCKS_INTERFACES_MOST)
        b->links[b->count++] = link;
    b->several = b->several || link != b->first_link;
}

/* The bytes of the head that tell are there. */
static void take_head(struct blocks *b)
{
    switch (number(b, 0, 4)) {
    case INTERFACE:
        take_interface(b);
        break;
    case OBSOLETE_PACKET:
        push(b, link_at(b, number(b, INTERFACE_AT, 2)));
        break;
    case SIMPLE_PACKET:
        push(b, link_at(b, 0));
        break;
    case ENHANCED_PACKET:
        push(b, link_at(b, number(b, INTERFACE_AT, 4)));
        break;
    default:
        break;
    }
}

/* What stands there in the first interface's block, in this section's byte order. */
static uint8_t byte_of_first(const struct blocks *b, unsigned at)
{
    if (b->big == b->first_big)
        return b->first[at];
    return b->first[at < SNAPLEN_AT ? 2 * LINK_AT + 1 - at : 2 * SNAPLEN_AT + 3 - at];
}

/* Type, length, and in a section its byte order are there. */
static void take_length(struct blocks *b)
{
    bool section = number(b, 0, 4) == SECTION;
    if (section)
        take_section(b);
    b->length = (number(b, 4, 4) + 3ull) / 4 * 4;
    b->other = b->other || b->length < LEAST || (!section && !b->begun);
    b->begun = true;
}

/* One byte of a head. Of interfaces behind the first one, link type and snap length become the first one's. */
static void pass_head(struct blocks *b, uint8_t *byte)
{
    unsigned at = (unsigned)b->at;
    b->head[at] = *byte;
    if (at == MAGIC_AT + 3)
        take_length(b);
    bool changes = at == LINK_AT || at == LINK_AT + 1 || at >= SNAPLEN_AT;
    if (changes && b->known && number(b, 0, 4) == INTERFACE)
        *byte = byte_of_first(b, at);
    b->at++;
    if (b->at == BLOCKS_HEAD)
        take_head(b);
}

void blocks_pass(struct blocks *b, uint8_t *bytes, size_t length)
{
    while (length > 0 && !b->other) {
        size_t step = 1;
        if (b->at < BLOCKS_HEAD && (b->length == 0 || b->at < b->length)) {
            pass_head(b, bytes);
        } else {
            step = b->length - b->at < length ? (size_t)(b->length - b->at) : length;
            b->at += step;
        }
        if (b->length != 0 && b->at >= b->length)
            b->at = b->length = 0;
        bytes += step;
        length -= step;
    }
}

bool blocks_next(struct blocks *b, uint16_t *link)
{
    if (b->waiting == 0)
        return false;
    *link = b->packets[b->oldest];
    b->oldest = (b->oldest + 1) % b->room;
    b->waiting--;
    return true;
}

void blocks_free(struct blocks *b)
{
    free(b->packets);
}
