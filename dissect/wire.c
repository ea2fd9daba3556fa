/* Sequence numbers wrap: they are compared by their distance (RFC 9293 3.4). */
#include "wire.h"

static bool is_behind(uint32_t sequence, uint32_t other)
{
    return (int32_t)(sequence - other) < 0;
}

/* Bytes of sequence space. */
static uint32_t span(const struct dis_packet *packet)
{
    return (uint32_t)(packet->length + packet->missing) + ((packet->tcp_flags & DIS_TCP_SYN) != 0) +
           ((packet->tcp_flags & DIS_TCP_FIN) != 0);
}

/* No or one byte, one before the next that is expected (RFC 9293 3.8.4). */
static bool is_probe(const struct dis_wire_way *w, const struct dis_packet *packet)
{
    return w->heard && (packet->tcp_flags & (DIS_TCP_SYN | DIS_TCP_FIN | DIS_TCP_RST)) == 0 &&
           packet->length + packet->missing <= 1 && packet->sequence == w->sent - 1;
}

static void note_sent(struct dis_wire_way *w, const struct dis_packet *packet)
{
    uint32_t end = packet->sequence + span(packet);
    if (is_probe(w, packet)) {
        w->probes++;
        w->probes_open++;
    } else if (!w->heard || is_behind(w->sent, end)) {
        w->sent = end;
    } else if (span(packet) > 0) {
        w->repeated++;
    }
}

static void note_ends(struct dis_wire_way *w, const struct dis_packet *packet, struct dis_place place)
{
    w->opened = w->opened || (packet->tcp_flags & DIS_TCP_SYN) != 0;
    if ((packet->tcp_flags & DIS_TCP_FIN) != 0 && !w->fin) {
        w->fin = true;
        w->fin_at = place;
    }
    if ((packet->tcp_flags & DIS_TCP_RST) != 0 && !w->rst) {
        w->rst = true;
        w->rst_sequence = packet->sequence;
        w->rst_at = place;
    }
}

static void note_quiet(struct dis_wire *w, struct dis_place place)
{
    if (w->last.frame != 0 && place.time - w->last.time >= DIS_WIRE_QUIET) {
        w->quiet = place.time - w->last.time;
        w->quiet_until = place.frame;
    }
    w->last = place;
}

void dis_wire_note(struct dis_wire *w, unsigned way, const struct dis_packet *packet, struct dis_place place)
{
    struct dis_wire_way *own = &w->way[way];
    struct dis_wire_way *other = &w->way[!way];
    note_quiet(w, place);
    if ((packet->tcp_flags & DIS_TCP_RST) == 0)
        note_sent(own, packet);
    note_ends(own, packet, place);
    own->heard = true;
    own->last = place;
    other->probes_open = 0;
    if ((packet->tcp_flags & (DIS_TCP_ACK | DIS_TCP_RST)) != DIS_TCP_ACK)
        return;
    if (!other->acked || is_behind(other->acknowledged, packet->acknowledged))
        other->acknowledged = packet->acknowledged;
    other->acked = true;
}

bool dis_wire_has(const struct dis_wire *w, unsigned way, uint32_t sequence)
{
    return w->way[way].acked && !is_behind(w->way[way].acknowledged, sequence);
}

bool dis_wire_has_all(const struct dis_wire *w, unsigned way)
{
    return dis_wire_has(w, way, w->way[way].sent);
}
