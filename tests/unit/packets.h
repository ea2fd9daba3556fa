/* Packets made by hand: IPv4 and IPv6, TCP and UDP, fragments. Checksums are left out: nobody reads them. */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_ROOM 4096u

struct made {
    uint8_t bytes[PACKET_ROOM];
    size_t length;
};

static inline void made_add(struct made *m, const void *bytes, size_t length)
{
    if (length > PACKET_ROOM - m->length)
        abort();
    if (length != 0)
        memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

static inline void made_u8(struct made *m, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    made_add(m, &byte, 1);
}

static inline void made_u16(struct made *m, unsigned value)
{
    made_u8(m, value >> 8);
    made_u8(m, value);
}

static inline void made_u32(struct made *m, uint32_t value)
{
    made_u16(m, value >> 16);
    made_u16(m, value);
}

static inline void made_zeros(struct made *m, size_t count)
{
    while (count-- > 0)
        made_u8(m, 0);
}

static inline struct made made_tcp(unsigned from, unsigned to, uint32_t sequence, uint32_t acknowledged,
                                   unsigned flags, const void *payload, size_t length)
{
    struct made m = { .length = 0 };
    made_u16(&m, from);
    made_u16(&m, to);
    made_u32(&m, sequence);
    made_u32(&m, acknowledged);
    made_u8(&m, 5 << 4);
    made_u8(&m, flags);
    made_zeros(&m, 6);
    made_add(&m, payload, length);
    return m;
}

static inline struct made made_udp(unsigned from, unsigned to, const void *payload, size_t length)
{
    struct made m = { .length = 0 };
    made_u16(&m, from);
    made_u16(&m, to);
    made_u16(&m, (unsigned)(8 + length));
    made_u16(&m, 0);
    made_add(&m, payload, length);
    return m;
}

/* `where` is the field with the flags and the offset in units of eight bytes. Addresses are 10.0.0.from and .to. */
static inline struct made made_ipv4_part(unsigned from, unsigned to, unsigned protocol, unsigned where,
                                         const void *payload, size_t length)
{
    struct made m = { .length = 0 };
    made_u16(&m, 0x4500);
    made_u16(&m, (unsigned)(20 + length));
    made_u16(&m, 7); /* identification */
    made_u16(&m, where);
    made_u8(&m, 64);
    made_u8(&m, protocol);
    made_u16(&m, 0);
    made_u32(&m, 0x0a000000u | from);
    made_u32(&m, 0x0a000000u | to);
    made_add(&m, payload, length);
    return m;
}

static inline struct made made_ipv4(unsigned from, unsigned to, unsigned protocol, const struct made *payload)
{
    return made_ipv4_part(from, to, protocol, 0, payload->bytes, payload->length);
}

/* Addresses are fd00::from and fd00::to; `next` is what the payload begins with. */
static inline struct made made_ipv6(unsigned from, unsigned to, unsigned next, const struct made *payload)
{
    struct made m = { .length = 0 };
    made_u32(&m, 0x60000000);
    made_u16(&m, (unsigned)payload->length);
    made_u8(&m, next);
    made_u8(&m, 64);
    made_u16(&m, 0xfd00);
    made_zeros(&m, 12);
    made_u16(&m, from);
    made_u16(&m, 0xfd00);
    made_zeros(&m, 12);
    made_u16(&m, to);
    made_add(&m, payload->bytes, payload->length);
    return m;
}

/* `head` is the link layer's header in hexadecimal digits. */
static inline struct made made_behind(const char *head, const struct made *payload)
{
    struct made m = { .length = 0 };
    for (; *head != '\0'; head += 2) {
        char digits[3] = { head[0], head[1], '\0' };
        made_u8(&m, (unsigned)strtoul(digits, NULL, 16));
    }
    made_add(&m, payload->bytes, payload->length);
    return m;
}

#endif
