/* One captured packet, from its link layer to TCP or UDP. Nothing is copied and nothing is remembered. */
#ifndef DIS_PACKET_H
#define DIS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIS_ENDPOINT_TEXT 64u /* "[v6 address]:port" and the NUL */

/* What stands before the IP header. */
enum dis_link { DIS_LINK_ETHERNET, DIS_LINK_COOKED, DIS_LINK_COOKED2, DIS_LINK_LOOPBACK, DIS_LINK_RAW };

/* Which packet, and when it was captured. */
struct dis_place {
    uint64_t frame; /* counted from 1 */
    int64_t time;   /* ns since 1970 */
};

struct dis_endpoint {
    uint8_t address[16]; /* of IPv4 the first four bytes, the others are 0 */
    uint16_t port;
    uint8_t version; /* 4 or 6 */
};

enum dis_packet_kind { DIS_PACKET_OTHER, DIS_PACKET_TCP, DIS_PACKET_UDP, DIS_PACKET_FRAGMENT };

/* RFC 9293 3.1 */
enum dis_tcp_flags { DIS_TCP_FIN = 0x01, DIS_TCP_SYN = 0x02, DIS_TCP_RST = 0x04, DIS_TCP_ACK = 0x10 };

struct dis_packet {
    enum dis_packet_kind kind;
    struct dis_endpoint from; /* without a port in a fragment */
    struct dis_endpoint to;
    const uint8_t *payload; /* of TCP, UDP, or of the fragment; not owned */
    size_t length;          /* bytes of it that were captured */
    size_t missing;         /* bytes behind them that were sent, and cut off by the capture */
    uint8_t protocol;       /* IP's number for what is in `payload` of a fragment */
    uint32_t sequence;      /* TCP */
    uint32_t acknowledged;  /* TCP */
    uint8_t tcp_flags;      /* enum dis_tcp_flags */
    bool more;              /* fragment: others follow it */
    uint32_t offset;        /* fragment: bytes from the datagram's start */
    uint32_t identification;
};

/* `captured` bytes are there, of a packet that had `sent`. */
void dis_packet_decode(enum dis_link link, const uint8_t *bytes, size_t captured, size_t sent,
                       struct dis_packet *out);

/* The same from the transport's header on, for a datagram whose fragments were gathered: `packet` keeps its
 * addresses. */
void dis_packet_decode_transport(const uint8_t *bytes, size_t length, struct dis_packet *packet);

bool dis_endpoint_equal(const struct dis_endpoint *a, const struct dis_endpoint *b);

/* The address alone, and with its port; both return `text`. */
char *dis_address_format(const struct dis_endpoint *endpoint, char text[DIS_ENDPOINT_TEXT]);
char *dis_endpoint_format(const struct dis_endpoint *endpoint, char text[DIS_ENDPOINT_TEXT]);

#endif
