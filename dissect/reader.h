/* Messages in one direction of a conversation that somebody else recorded: cut out where they lie, and found again
 * behind bytes that are missing. How a message says its length is data: `struct dis_framing`. (frame.h is for bytes
 * that are all there.) */
#ifndef DIS_READER_H
#define DIS_READER_H

#include "packet.h"
#include "pdu.h"

struct dis_framing {
    size_t header; /* bytes that say how long the whole message is */
    size_t most;   /* bytes of a message that are kept where it does not lie in one packet */
    bool (*is_credible)(const uint8_t *header);
    size_t (*length)(const uint8_t *header); /* of the whole; at least `header` */
    /* As strict as the bytes allow, for those of which nothing is known. */
    bool (*is_sure)(const uint8_t *bytes, size_t length);
    bool same_mark; /* a sender's messages have the same bytes 4 to 7, which tells them from other bytes */
};

extern const struct dis_framing dis_pdu_framing;

/* A message as far as it was captured. */
struct dis_found {
    const uint8_t *bytes;
    size_t length;  /* bytes that are there: at least a header */
    size_t missing; /* bytes behind them that are not; 0: it is whole */
    uint64_t offset;
    struct dis_place first; /* of its first byte */
    struct dis_place last;  /* of its last byte */
};

/* Zero-initialise, then set `framing`; dis_reader_free() gives its memory back. */
struct dis_reader {
    const struct dis_framing *framing;
    bool lost;     /* it is not known where a message begins */
    bool seen_any; /* one was found: `mark` is its sender's */
    uint8_t mark[4];
    uint8_t *carry; /* the first bytes of a message that is not there whole yet */
    size_t room;
    size_t have; /* bytes in it */
    size_t at;   /* bytes of the message that have gone by, missing ones included */
    size_t need; /* of the whole message; 0: its header is not there yet */
    struct dis_place first;
    struct dis_place last; /* of what is there of it */
    uint64_t offset;       /* bytes that have gone by before the next one */
    uint64_t skipped;      /* bytes that belong to no message that was found */
    uint32_t losses;       /* times that the place was lost */
};

typedef void dis_reader_take(void *context, const struct dis_found *found);

/* The next bytes, as one packet brought them. */
void dis_reader_bytes(struct dis_reader *r, const uint8_t *bytes, size_t length, struct dis_place place,
                      dis_reader_take *take, void *context);

/* So many bytes are missing (SIZE_MAX: unknown how many). Inside one message this costs its body only. */
void dis_reader_missing(struct dis_reader *r, size_t length, struct dis_place place, dis_reader_take *take,
                        void *context);

/* The message that is begun and of which no byte is missing but its end. False: there is none, or not even its header. */
bool dis_reader_rest(const struct dis_reader *r, struct dis_found *found);

void dis_reader_free(struct dis_reader *r);

#endif
