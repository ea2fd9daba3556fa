/* Packets to connections, and the ends of connections. */
#include "traffic.h"

#include <stdlib.h>

#include "defragment.h"

struct dis_traffic {
    struct dis_shared shared;
    struct dis_traffic_counts counts;
    struct dis_flows tcp;
    struct dis_flows udp;
    struct dis_defragment fragments;
    struct dis_connection *closing_first, *closing_last;
    size_t closing_count;
    uint16_t ports[DIS_PORTS_MOST];
    unsigned port_count;
};

struct dis_traffic *dis_traffic_new(const struct dis_news *news)
{
    struct dis_traffic *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->shared.news = *news;
    t->shared.budget.most = DIS_HELD_MOST;
    t->tcp.most = DIS_CONNECTIONS_MOST;
    t->udp.most = DIS_UDP_FLOWS_MOST;
    return t;
}

bool dis_traffic_force(struct dis_traffic *t, uint16_t port)
{
    if (t->port_count == DIS_PORTS_MOST)
        return false;
    t->ports[t->port_count++] = port;
    return true;
}

static bool is_forced(const struct dis_traffic *t, const struct dis_packet *packet)
{
    for (unsigned i = 0; i < t->port_count; i++)
        if (packet->from.port == t->ports[i] || packet->to.port == t->ports[i])
            return true;
    return false;
}

/* ---- connections that are over ---- */

static void leave_closing(struct dis_traffic *t, struct dis_connection *c)
{
    if (!c->closing)
        return;
    *(c->closing_before != NULL ? &c->closing_before->closing_after : &t->closing_first) = c->closing_after;
    *(c->closing_after != NULL ? &c->closing_after->closing_before : &t->closing_last) = c->closing_before;
    c->closing = false;
    t->closing_count--;
}

static void end(struct dis_traffic *t, struct dis_connection *c, enum dis_ending ending)
{
    leave_closing(t, c);
    dis_connection_end(c, &t->shared, ending);
    dis_flows_remove(&t->tcp, &c->flow);
    free(c);
}

static void enter_closing(struct dis_traffic *t, struct dis_connection *c, int64_t now)
{
    c->closing = true;
    c->closing_since = now;
    c->closing_after = NULL;
    c->closing_before = t->closing_last;
    *(t->closing_last != NULL ? &t->closing_last->closing_after : &t->closing_first) = c;
    t->closing_last = c;
    if (++t->closing_count > DIS_CLOSING_MOST)
        end(t, t->closing_first, DIS_END_CLOSED);
}

static void end_closing(struct dis_traffic *t, int64_t now)
{
    while (t->closing_first != NULL && now - t->closing_first->closing_since > DIS_CLOSING_TIME)
        end(t, t->closing_first, DIS_END_CLOSED);
}

/* ---- packets ---- */

static struct dis_connection *new_connection(struct dis_traffic *t, const struct dis_packet *packet)
{
    if (t->tcp.count >= t->tcp.most) {
        t->counts.evicted++;
        end(t, (struct dis_connection *)t->tcp.oldest, DIS_END_FORGOTTEN);
    }
    struct dis_connection *c = calloc(1, sizeof(*c));
    if (c == NULL || !dis_flows_add(&t->tcp, &c->flow, &packet->from, &packet->to)) {
        free(c);
        return NULL;
    }
    c->client = -1;
    c->forced = is_forced(t, packet);
    return c;
}

static void take_tcp(struct dis_traffic *t, const struct dis_packet *packet, struct dis_place place)
{
    unsigned way = 0;
    struct dis_connection *c = (struct dis_connection *)dis_flows_find(&t->tcp, &packet->from, &packet->to, &way);
    t->counts.tcp++;
    if (c != NULL && dis_connection_is_new(c, way, packet)) {
        end(t, c, DIS_END_CLOSED);
        c = NULL;
        way = 0;
    }
    if (c == NULL)
        c = new_connection(t, packet);
    if (c == NULL)
        return;
    dis_connection_packet(c, &t->shared, way, packet, place);
    if (!c->closing && dis_connection_is_over(c))
        enter_closing(t, c, place.time);
    end_closing(t, place.time);
}

static const struct dis_flow *udp_flow(struct dis_traffic *t, const struct dis_packet *packet)
{
    unsigned way;
    struct dis_flow *flow = dis_flows_find(&t->udp, &packet->from, &packet->to, &way);
    if (flow != NULL)
        return flow;
    if (t->udp.count >= t->udp.most) {
        struct dis_flow *oldest = t->udp.oldest;
        dis_flows_remove(&t->udp, oldest);
        free(oldest);
    }
    flow = calloc(1, sizeof(*flow));
    if (flow != NULL && dis_flows_add(&t->udp, flow, &packet->from, &packet->to))
        return flow;
    free(flow);
    return NULL;
}

/* C706 12.5.2 and 14.1: three bytes of data representation, of which few values are good. */
static bool is_datagram(const struct dis_packet *packet, struct dis_datagram *out)
{
    struct dis_error error;
    const uint8_t *b = packet->payload;
    if (packet->length < DIS_DATAGRAM_HEADER_SIZE || b[0] != 4 || (b[4] & 0xee) != 0 || b[5] > 3 || b[6] != 0)
        return false;
    return dis_datagram_decode(b, packet->length + packet->missing, out, &error);
}

static void take_udp(struct dis_traffic *t, const struct dis_packet *packet, struct dis_place place)
{
    struct dis_datagram_sighting s = { .from = packet->from, .to = packet->to, .place = place };
    const struct dis_flow *flow = udp_flow(t, packet);
    t->counts.udp++;
    if (flow == NULL || !is_datagram(packet, &s.datagram))
        return;
    t->counts.datagrams++;
    s.stream = flow->number;
    s.index = dis_news_index(&t->shared.news, place.frame);
    if (t->shared.news.datagram != NULL)
        t->shared.news.datagram(t->shared.news.context, &s);
}

void dis_traffic_packet(struct dis_traffic *t, enum dis_link link, const uint8_t *bytes, size_t captured, size_t sent,
                        struct dis_place place)
{
    struct dis_packet packet;
    t->counts.packets++;
    t->counts.cut += sent > captured;
    dis_packet_decode(link, bytes, captured, sent, &packet);
    if (packet.kind == DIS_PACKET_FRAGMENT && !dis_defragment_add(&t->fragments, &packet))
        return;
    if (packet.kind == DIS_PACKET_TCP)
        take_tcp(t, &packet, place);
    else if (packet.kind == DIS_PACKET_UDP)
        take_udp(t, &packet, place);
}

void dis_traffic_end(struct dis_traffic *t)
{
    while (t->tcp.oldest != NULL)
        end(t, (struct dis_connection *)t->tcp.oldest, DIS_END_CAPTURE);
    while (t->udp.oldest != NULL) {
        struct dis_flow *oldest = t->udp.oldest;
        dis_flows_remove(&t->udp, oldest);
        free(oldest);
    }
}

void dis_traffic_free(struct dis_traffic *t)
{
    if (t == NULL)
        return;
    dis_traffic_end(t);
    dis_flows_free(&t->tcp);
    dis_flows_free(&t->udp);
    dis_defragment_free(&t->fragments);
    free(t);
}

const struct dis_traffic_counts *dis_traffic_counts(const struct dis_traffic *t)
{
    return &t->counts;
}

const struct dis_shared *dis_traffic_shared(const struct dis_traffic *t)
{
    return &t->shared;
}

uint64_t dis_traffic_dropped_fragments(const struct dis_traffic *t)
{
    return t->fragments.dropped;
}
