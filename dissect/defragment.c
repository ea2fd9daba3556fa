/* A datagram is a room of its greatest size and a bit for each eight bytes of it. */
#include "defragment.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8, BLOCKS = DIS_DATAGRAM_MOST / BLOCK };

struct dis_partial {
    struct dis_packet first; /* any fragment of it: addresses, protocol, identification */
    size_t total;            /* bytes; 0: the last fragment is not there yet */
    size_t blocks;           /* that are there */
    bool done;               /* delivered: the slot is free at the next call */
    uint8_t there[BLOCKS / 8];
    uint8_t bytes[DIS_DATAGRAM_MOST];
};

static bool same(const struct dis_packet *a, const struct dis_packet *b)
{
    return a->identification == b->identification && a->protocol == b->protocol &&
           dis_endpoint_equal(&a->from, &b->from) && dis_endpoint_equal(&a->to, &b->to);
}

static void drop(struct dis_defragment *d, unsigned slot)
{
    if (d->open[slot] != NULL && !d->open[slot]->done)
        d->dropped++;
    free(d->open[slot]);
    d->open[slot] = NULL;
}

/* The slot of this packet's datagram, a new one where there is none yet; -1 without memory. */
static int slot_of(struct dis_defragment *d, const struct dis_packet *packet)
{
    for (unsigned i = 0; i < DIS_DATAGRAMS_OPEN; i++)
        if (d->open[i] != NULL && !d->open[i]->done && same(&d->open[i]->first, packet))
            return (int)i;
    unsigned slot = d->next;
    d->next = (slot + 1) % DIS_DATAGRAMS_OPEN;
    drop(d, slot);
    d->open[slot] = calloc(1, sizeof(struct dis_partial));
    if (d->open[slot] == NULL)
        return -1;
    d->open[slot]->first = *packet;
    return (int)slot;
}

/* Only blocks that are not there yet: what came first wins. */
static void put_block(struct dis_partial *p, size_t block, const uint8_t *bytes, size_t length)
{
    uint8_t bit = (uint8_t)(1u << block % 8);
    if ((p->there[block / 8] & bit) != 0)
        return;
    p->there[block / 8] |= bit;
    p->blocks++;
    memcpy(p->bytes + block * BLOCK, bytes, length);
}

static void put(struct dis_partial *p, const struct dis_packet *packet)
{
    size_t length = packet->more ? packet->length & ~(size_t)(BLOCK - 1) : packet->length;
    for (size_t at = 0; at < length; at += BLOCK)
        put_block(p, (packet->offset + at) / BLOCK, packet->payload + at, length - at < BLOCK ? length - at : BLOCK);
    if (!packet->more && p->total == 0)
        p->total = packet->offset + packet->length;
}

/* Blocks behind the end would hide that others are missing: such a datagram is never complete. */
static bool complete(const struct dis_partial *p)
{
    return p->total != 0 && p->blocks == (p->total + BLOCK - 1) / BLOCK;
}

bool dis_defragment_add(struct dis_defragment *d, struct dis_packet *packet)
{
    if (packet->missing != 0 || packet->length == 0 || packet->offset + packet->length > DIS_DATAGRAM_MOST) {
        d->dropped++;
        return false;
    }
    int slot = slot_of(d, packet);
    if (slot < 0)
        return false;
    struct dis_partial *p = d->open[slot];
    put(p, packet);
    if (!complete(p))
        return false;
    p->done = true;
    dis_packet_decode_transport(p->bytes, p->total, packet);
    return true;
}

void dis_defragment_free(struct dis_defragment *d)
{
    for (unsigned i = 0; i < DIS_DATAGRAMS_OPEN; i++)
        drop(d, i);
}
