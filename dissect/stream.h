/* One direction of a TCP connection: segments in any order to bytes in their order (RFC 9293 3.4).
 *
 * What lies in order goes on at once, from where it is. What is ahead is copied and held until the bytes before it
 * come, or until they are given up: then the sink is told how many are missing. Where segments overlap, the bytes that
 * came first win. */
#ifndef DIS_STREAM_H
#define DIS_STREAM_H

#include "packet.h"

#define DIS_STREAM_HELD_MOST     0x100000u /* bytes ahead that one stream may hold */
#define DIS_STREAM_SEGMENTS_MOST 1024u     /* segments ahead */

/* For so many packets, or ns, the capture may have put an acknowledgement before its bytes. */
#define DIS_STREAM_ACKED_PACKETS 16u
#define DIS_STREAM_ACKED_TIME    10000000

/* Bytes that all streams together may hold. */
struct dis_budget {
    size_t held;
    size_t most;
};

/* Who gets the bytes. `missing`: that many bytes were sent and are not in the capture (SIZE_MAX: unknown how many);
 * `cut`: because packets were cut short, so that the next bytes begin where a packet began. */
struct dis_sink_of_bytes {
    void *context;
    void (*bytes)(void *context, const uint8_t *bytes, size_t length, struct dis_place place);
    void (*missing)(void *context, size_t length, bool cut, struct dis_place place);
};

struct dis_segment;

/* Zero-initialise; dis_stream_free() gives its memory back. */
struct dis_stream {
    bool started;  /* `next` is known */
    bool from_syn; /* and it is the first byte of the connection's life */
    bool blocked;  /* deliver nothing: what was sent before it, by the other side, is still awaited */
    bool fin;
    bool finished; /* all bytes before the FIN were delivered */
    uint32_t next; /* sequence number of the next byte to deliver */
    uint32_t fin_at;
    struct dis_segment *held; /* by sequence number */
    struct dis_segment *held_last;
    size_t held_bytes;
    unsigned held_count;
    unsigned held_packets; /* of the connection, since the oldest one is held */
    int64_t held_since;
    uint32_t repeated;  /* segments whose bytes had all come before */
    uint32_t different; /* overlaps in which they were not the same bytes */
    uint32_t gaps;      /* times that bytes were given up */
    uint64_t gap_bytes; /* as far as it is known */
    uint64_t cut_bytes; /* cut off by the capture */
    uint64_t delivered; /* bytes */
};

/* A SYN: the first byte has the number behind it. */
void dis_stream_open(struct dis_stream *s, uint32_t sequence);

/* A segment, FIN included. */
void dis_stream_add(struct dis_stream *s, struct dis_budget *budget, const struct dis_packet *packet,
                    struct dis_place place, const struct dis_sink_of_bytes *sink);

/* After every packet of the connection: gives up what will not come any more. `acknowledged` is the last that the
 * other side said, NULL where it has never been seen. */
void dis_stream_wait(struct dis_stream *s, struct dis_budget *budget, int64_t now, const uint32_t *acknowledged,
                     const struct dis_sink_of_bytes *sink);

/* Whether bytes are missing before what is held. */
bool dis_stream_has_hole(const struct dis_stream *s);

/* Whether `acknowledged` says that bytes have arrived which are not here, neither delivered nor held. */
bool dis_stream_lacks(const struct dis_stream *s, uint32_t acknowledged);

/* No longer blocked: delivers what is in order. */
void dis_stream_unblock(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink);

/* Gives up all that is missing, and delivers the rest. */
void dis_stream_flush(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink);

/* The bytes up to that number are missing, though nothing behind them came; more than DIS_STREAM_HELD_MOST are not believed. */
void dis_stream_lose(struct dis_stream *s, uint32_t until, struct dis_place place,
                     const struct dis_sink_of_bytes *sink);

/* Behind that nothing came: what a FIN or the last acknowledgement (NULL: there was none) tell of is missing. */
void dis_stream_close(struct dis_stream *s, const uint32_t *acknowledged, struct dis_place place,
                      const struct dis_sink_of_bytes *sink);

void dis_stream_free(struct dis_stream *s, struct dis_budget *budget);

#endif
