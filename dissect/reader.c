/* In place where a message lies in one packet; else its bytes are put together, and a hole in it is only counted. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "frame.h"

enum { MARK_AT = 4, MARK_END = 8 };

/* C706 12.6.3.1 and 14.1: the minor version, the type, and the data representation have few good values. */
static bool is_credible_pdu(const uint8_t *b)
{
    return b[0] == 5 && b[1] <= 1 && b[2] < DIS_PTYPE_COUNT && (b[4] & 0xef) == 0 && b[5] < 4 && b[6] == 0 &&
           b[7] == 0 && dis_frame_next(b, DIS_HEADER_SIZE).status != DIS_FRAME_BAD;
}

/* Types of the connection-oriented protocol alone. Both lengths must fit together, and a whole PDU must be readable. */
static bool is_surely_pdu(const uint8_t *bytes, size_t length)
{
    struct dis_pdu pdu;
    struct dis_error error;
    if (length < DIS_HEADER_SIZE || bytes[0] != 5 || !is_credible_pdu(bytes))
        return false;
    struct dis_header h = dis_header_decode(bytes);
    if (h.type == DIS_PING || (h.type >= DIS_WORKING && h.type <= DIS_CANCEL_ACK))
        return false;
    if (h.auth_length != 0 && (size_t)h.auth_length + DIS_AUTH_TRAILER_SIZE + DIS_HEADER_SIZE > h.frag_length)
        return false;
    return length < h.frag_length || dis_pdu_decode(bytes, h.frag_length, &pdu, &error);
}

static size_t pdu_length(const uint8_t *header)
{
    return dis_header_decode(header).frag_length;
}

const struct dis_framing dis_pdu_framing = {
    .header = DIS_HEADER_SIZE,
    .most = DIS_PDU_SIZE_MAX,
    .is_credible = is_credible_pdu,
    .length = pdu_length,
    .is_sure = is_surely_pdu,
    .same_mark = true,
};

static void lose(struct dis_reader *r)
{
    r->skipped += r->have;
    r->lost = true;
    r->losses++;
    r->have = r->at = r->need = 0;
}

/* Its last byte is the one before r->offset. */
static void emit(struct dis_reader *r, const uint8_t *bytes, size_t length, size_t whole, struct dis_place last,
                 dis_reader_take *take, void *context)
{
    struct dis_found found = {
        .bytes = bytes, .length = length, .missing = whole - length, .offset = r->offset - whole, .last = last
    };
    found.first = r->at > 0 ? r->first : last;
    if (length >= MARK_END) {
        memcpy(r->mark, bytes + MARK_AT, sizeof(r->mark));
        r->seen_any = true;
    }
    r->have = r->at = r->need = 0;
    take(context, &found);
}

static bool begins_here(const struct dis_reader *r, const uint8_t *bytes, size_t length)
{
    if (!r->framing->is_sure(bytes, length))
        return false;
    return !r->seen_any || !r->framing->same_mark || memcmp(bytes + MARK_AT, r->mark, sizeof(r->mark)) == 0;
}

/* Where the next message begins, or `length`. Without knowledge of the sender only at the front: messages mostly begin
 * where segments do. */
static size_t find_again(const struct dis_reader *r, const uint8_t *bytes, size_t length)
{
    size_t last = r->seen_any ? length : length > 0;
    for (size_t at = 0; at < last; at++)
        if (begins_here(r, bytes + at, length - at))
            return at;
    return length;
}

/* Room for what has come, not for what a header announces: that may be a lie. */
static bool has_room(struct dis_reader *r, size_t size)
{
    if (size <= r->room)
        return true;
    size_t room = size > 2 * r->room ? size : 2 * r->room;
    uint8_t *grown = realloc(r->carry, room);
    if (grown == NULL)
        return false;
    r->carry = grown;
    r->room = room;
    return true;
}

/* Adds bytes to the message that is begun; those behind a hole in it, and more than are kept, are passed over. */
static size_t add(struct dis_reader *r, const uint8_t *bytes, size_t length)
{
    size_t want = (r->need != 0 ? r->need : r->framing->header) - r->at;
    size_t n = length < want ? length : want;
    if (r->have == r->at) {
        size_t kept = n < r->framing->most - r->have ? n : r->framing->most - r->have;
        if (has_room(r, r->have + kept)) {
            memcpy(r->carry + r->have, bytes, kept);
            r->have += kept;
        }
    }
    r->at += n;
    r->offset += n;
    return n;
}

/* Goes on with a message that is begun; 0 where the place was lost. */
static size_t go_on(struct dis_reader *r, const uint8_t *bytes, size_t length, struct dis_place place,
                    dis_reader_take *take, void *context)
{
    size_t used = add(r, bytes, length);
    r->last = place;
    if (r->need == 0 && r->at == r->framing->header) {
        if (!r->framing->is_credible(r->carry)) {
            r->offset -= used;
            r->have -= used;
            lose(r);
            return 0;
        }
        r->need = r->framing->length(r->carry);
    }
    if (r->need != 0 && r->at == r->need)
        emit(r, r->carry, r->have, r->need, place, take, context);
    return used;
}

/* Begins with a message's first byte; 0 where there is none. */
static size_t begin(struct dis_reader *r, const uint8_t *bytes, size_t length, struct dis_place place,
                    dis_reader_take *take, void *context)
{
    bool has_header = length >= r->framing->header;
    if ((has_header && !r->framing->is_credible(bytes)) || !has_room(r, r->framing->header)) {
        lose(r);
        return 0;
    }
    size_t whole = has_header ? r->framing->length(bytes) : SIZE_MAX;
    if (whole <= length) {
        r->offset += whole;
        emit(r, bytes, whole, whole, place, take, context);
        return whole;
    }
    r->first = place;
    return go_on(r, bytes, length < r->framing->header ? length : r->framing->header, place, take, context);
}

void dis_reader_bytes(struct dis_reader *r, const uint8_t *bytes, size_t length, struct dis_place place,
                      dis_reader_take *take, void *context)
{
    if (r->lost) {
        size_t at = find_again(r, bytes, length);
        r->offset += at;
        r->skipped += at;
        bytes += at;
        length -= at;
        r->lost = length == 0;
    }
    while (length > 0) {
        size_t used = r->at > 0 ? go_on(r, bytes, length, place, take, context)
                                : begin(r, bytes, length, place, take, context);
        if (used == 0) {
            r->offset += length;
            r->skipped += length;
            return;
        }
        bytes += used;
        length -= used;
    }
}

/* The message that is begun, with what there is of it. Its end lies `behind` bytes behind r->offset. */
static void emit_part(struct dis_reader *r, size_t behind, struct dis_place place, dis_reader_take *take,
                      void *context)
{
    uint64_t offset = r->offset;
    if (r->need == 0)
        return;
    r->offset += behind;
    emit(r, r->carry, r->have, r->need, place, take, context);
    r->offset = offset;
}

void dis_reader_missing(struct dis_reader *r, size_t length, struct dis_place place, dis_reader_take *take,
                        void *context)
{
    size_t left = r->need - r->at;
    if (r->need != 0 && length <= left) {
        r->at += length;
        r->offset += length;
        if (r->at == r->need)
            emit_part(r, 0, place, take, context);
        return;
    }
    emit_part(r, left, place, take, context);
    if (length != SIZE_MAX)
        r->offset += length;
    lose(r);
}

bool dis_reader_rest(const struct dis_reader *r, struct dis_found *found)
{
    if (r->lost || r->need == 0 || r->have != r->at)
        return false;
    *found = (struct dis_found){
        .bytes = r->carry,
        .length = r->have,
        .missing = r->need - r->have,
        .offset = r->offset - r->have,
        .first = r->first,
        .last = r->last,
    };
    return true;
}

void dis_reader_free(struct dis_reader *r)
{
    free(r->carry);
    r->carry = NULL;
    r->room = r->have = r->at = r->need = 0;
}
