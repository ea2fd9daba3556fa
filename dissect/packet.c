/* Link layers, IPv4, IPv6 with its extension headers, TCP, UDP. Every length is held against what was captured. */
#include "packet.h"

#include <stdio.h>
#include <string.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };
#define OFFLOADED_MOST 0x100000u /* most bytes of a packet whose length its sender left to the card */

/* Bytes of a layer: how many are there, and how many there were. */
struct span {
    const uint8_t *bytes;
    size_t captured;
    size_t sent; /* at least `captured` */
};

static uint16_t be16(const uint8_t *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t be32(const uint8_t *b)
{
    return (uint32_t)be16(b) << 16 | be16(b + 2);
}

/* False where the bytes to step over are not there. */
static bool step(struct span *s, size_t length)
{
    if (length > s->captured)
        return false;
    s->bytes += length;
    s->captured -= length;
    s->sent -= length;
    return true;
}

/* What a header says of its payload's end wins over the frame, which may be padded. */
static void limit(struct span *s, size_t length)
{
    if (length < s->sent)
        s->sent = length;
    if (s->captured > s->sent)
        s->captured = s->sent;
}

static bool decode_tcp(struct span s, struct dis_packet *p)
{
    if (s.captured < 20)
        return false;
    size_t header = (size_t)(s.bytes[12] >> 4) * 4;
    p->from.port = be16(s.bytes);
    p->to.port = be16(s.bytes + 2);
    p->sequence = be32(s.bytes + 4);
    p->acknowledged = be32(s.bytes + 8);
    p->tcp_flags = s.bytes[13];
    if (header < 20 || header > s.sent)
        return false;
    if (!step(&s, header < s.captured ? header : s.captured))
        return false;
    p->payload = s.bytes;
    p->length = s.captured;
    p->missing = s.sent - s.captured;
    p->kind = DIS_PACKET_TCP;
    return true;
}

static bool decode_udp(struct span s, struct dis_packet *p)
{
    if (s.captured < 8)
        return false;
    p->from.port = be16(s.bytes);
    p->to.port = be16(s.bytes + 2);
    size_t length = be16(s.bytes + 4);
    if (length >= 8)
        limit(&s, length);
    if (!step(&s, 8))
        return false;
    p->payload = s.bytes;
    p->length = s.captured;
    p->missing = s.sent - s.captured;
    p->kind = DIS_PACKET_UDP;
    return true;
}

static void decode_transport(struct span s, struct dis_packet *p)
{
    if (p->protocol == PROTOCOL_TCP)
        decode_tcp(s, p);
    else if (p->protocol == PROTOCOL_UDP)
        decode_udp(s, p);
}

static void take_fragment(struct span s, struct dis_packet *p)
{
    p->kind = DIS_PACKET_FRAGMENT;
    p->payload = s.bytes;
    p->length = s.captured;
    p->missing = s.sent - s.captured;
}

static void decode_ipv4(struct span s, struct dis_packet *p)
{
    if (s.captured < 20)
        return;
    const uint8_t *ip = s.bytes;
    size_t header = (size_t)(ip[0] & 0xf) * 4;
    size_t total = be16(ip + 2);
    limit(&s, total == 0 ? OFFLOADED_MOST : total);
    if (header < 20 || !step(&s, header))
        return;
    p->from.version = p->to.version = 4;
    memcpy(p->from.address, ip + 12, 4);
    memcpy(p->to.address, ip + 16, 4);
    p->protocol = ip[9];
    p->identification = be16(ip + 4);
    p->offset = (be16(ip + 6) & 0x1fffu) * 8;
    p->more = (ip[6] & 0x20) != 0;
    if (p->more || p->offset != 0)
        take_fragment(s, p);
    else
        decode_transport(s, p);
}

/* RFC 8200 4.5. An atomic fragment is whole (RFC 6946). */
static bool ipv6_fragment(struct span *s, struct dis_packet *p)
{
    if (s->captured < 8)
        return false;
    uint16_t where = be16(s->bytes + 2);
    p->protocol = s->bytes[0];
    p->offset = where & 0xfff8u;
    p->more = (where & 1) != 0;
    p->identification = be32(s->bytes + 4);
    return step(s, 8);
}

/* Steps over one extension header; false where there is none, or it is not all there. */
static bool ipv6_extension(struct span *s, struct dis_packet *p)
{
    enum { HOP_BY_HOP = 0, ROUTING = 43, AUTHENTICATION = 51, DESTINATION = 60, MOBILITY = 135 };
    size_t unit = p->protocol == AUTHENTICATION ? 4 : 8;
    switch (p->protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case AUTHENTICATION:
    case DESTINATION:
    case MOBILITY:
        if (s->captured < 8)
            return false;
        p->protocol = s->bytes[0];
        return step(s, ((size_t)s->bytes[1] + (unit == 4 ? 2 : 1)) * unit);
    default:
        return false;
    }
}

static void decode_ipv6(struct span s, struct dis_packet *p)
{
    enum { FRAGMENT = 44 };
    if (s.captured < 40)
        return;
    const uint8_t *ip = s.bytes;
    size_t payload = be16(ip + 4);
    p->protocol = ip[6];
    step(&s, 40);
    limit(&s, payload == 0 ? OFFLOADED_MOST : payload);
    p->from.version = p->to.version = 6;
    memcpy(p->from.address, ip + 8, 16);
    memcpy(p->to.address, ip + 24, 16);
    while (ipv6_extension(&s, p))
        ;
    if (p->protocol == FRAGMENT) {
        if (!ipv6_fragment(&s, p))
            return;
        if (p->more || p->offset != 0) {
            take_fragment(s, p);
            return;
        }
        while (ipv6_extension(&s, p))
            ;
    }
    decode_transport(s, p);
}

static void decode_ip(struct span s, struct dis_packet *p)
{
    if (s.captured > 0 && s.bytes[0] >> 4 == 4)
        decode_ipv4(s, p);
    else if (s.captured > 0 && s.bytes[0] >> 4 == 6)
        decode_ipv6(s, p);
}

/* IEEE 802.1Q and 802.1ad tags, any number of them; 0x9100 is the older number of the outer one. */
static uint16_t skip_tags(struct span *s, uint16_t type)
{
    while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
        if (s->captured < 4)
            return 0;
        type = be16(s->bytes + 2);
        step(s, 4);
    }
    return type;
}

/* The link layer's header: `length` bytes of it, its Ethertype at `type_at`. */
static void decode_link(struct span s, size_t length, size_t type_at, struct dis_packet *p)
{
    if (s.captured < length)
        return;
    uint16_t type = be16(s.bytes + type_at);
    step(&s, length);
    type = skip_tags(&s, type);
    if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6)
        decode_ip(s, p);
}

void dis_packet_decode(enum dis_link link, const uint8_t *bytes, size_t captured, size_t sent, struct dis_packet *out)
{
    struct span s = { bytes, captured, sent > captured ? sent : captured };
    *out = (struct dis_packet){ .kind = DIS_PACKET_OTHER };
    switch (link) {
    case DIS_LINK_ETHERNET:
        decode_link(s, 14, 12, out);
        break;
    case DIS_LINK_COOKED:
        decode_link(s, 16, 14, out);
        break;
    case DIS_LINK_COOKED2:
        decode_link(s, 20, 0, out);
        break;
    case DIS_LINK_LOOPBACK: /* an address family, whose numbers differ by system: the version field says it as well */
        if (step(&s, 4))
            decode_ip(s, out);
        break;
    case DIS_LINK_RAW:
        decode_ip(s, out);
        break;
    }
}

void dis_packet_decode_transport(const uint8_t *bytes, size_t length, struct dis_packet *packet)
{
    struct span s = { bytes, length, length };
    packet->kind = DIS_PACKET_OTHER;
    if (packet->from.version == 6)
        while (ipv6_extension(&s, packet))
            ;
    decode_transport(s, packet);
}

bool dis_endpoint_equal(const struct dis_endpoint *a, const struct dis_endpoint *b)
{
    return a->port == b->port && a->version == b->version && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* The longest run of zero groups, of at least two (RFC 5952 4.2); -1 where there is none. */
static int longest_zeros(const uint8_t address[16], int *length)
{
    int best = -1;
    *length = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && be16(address + 2 * (i + n)) == 0)
            n++;
        if (n > *length) {
            best = i;
            *length = n;
        }
    }
    return best;
}

/* RFC 5952; an IPv4-mapped address as inet_ntop() writes it. */
static void format_ipv6(const uint8_t address[16], char *text, size_t room)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    int zeros = 0;
    int from = longest_zeros(address, &zeros);
    size_t at = 0;
    if (memcmp(address, mapped, sizeof(mapped)) == 0) {
        snprintf(text, room, "::ffff:%u.%u.%u.%u", address[12], address[13], address[14], address[15]);
        return;
    }
    for (int i = 0; i < 8; i++) {
        if (i == from) {
            at += (size_t)snprintf(text + at, room - at, "::");
            i += zeros - 1;
        } else {
            at += (size_t)snprintf(text + at, room - at, "%s%x", i > 0 && text[at - 1] != ':' ? ":" : "",
                                   be16(address + 2 * i));
        }
    }
}

/* Each line has several of these: snprintf() would take most of the time. Returns behind the last digit. */
static char *put_number(char *at, unsigned number)
{
    char digits[5];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

static char *put_ipv4(char *at, const uint8_t *address)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = put_number(at, address[i]);
    }
    return at;
}

char *dis_address_format(const struct dis_endpoint *endpoint, char text[DIS_ENDPOINT_TEXT])
{
    if (endpoint->version == 6)
        format_ipv6(endpoint->address, text, DIS_ENDPOINT_TEXT);
    else
        put_ipv4(text, endpoint->address);
    return text;
}

char *dis_endpoint_format(const struct dis_endpoint *endpoint, char text[DIS_ENDPOINT_TEXT])
{
    char address[DIS_ENDPOINT_TEXT];
    if (endpoint->version == 6) {
        snprintf(text, DIS_ENDPOINT_TEXT, "[%.46s]:%u", dis_address_format(endpoint, address), endpoint->port);
        return text;
    }
    char *at = put_ipv4(text, endpoint->address);
    *at++ = ':';
    put_number(at, endpoint->port);
    return text;
}
