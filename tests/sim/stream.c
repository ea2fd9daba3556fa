/* What one side says, kept as it was said; and what has come, cut into PDUs. */
#include <assert.h>
#include <string.h>

#include "../../dissect/frame.h"
#include "world.h"

struct said *stream_add(struct stream *s, const uint8_t *pdu, size_t length, uint8_t type, uint32_t call)
{
    if (s->count == PDUS || s->length + length > STREAM)
        return NULL; /* it has said enough */
    struct said *said = &s->said[s->count++];
    *said = (struct said){ .at = s->length, .length = (uint32_t)length, .call = call, .type = type };
    memcpy(s->bytes + s->length, pdu, length);
    s->length += (uint32_t)length;
    return said;
}

bool stream_flush(struct stream *s, struct endpoint *e, uint32_t most)
{
    uint32_t left = s->length - s->sent;
    s->sent += (uint32_t)net_send(e, s->bytes + s->sent, left < most ? left : most);
    return s->sent == s->length;
}

uint32_t inbox_read(struct inbox *in, struct endpoint *e, uint32_t most, inbox_handler *handler, void *owner)
{
    uint32_t room = (uint32_t)sizeof in->bytes - in->length, at = 0;
    uint32_t n = (uint32_t)net_read(e, in->bytes + in->length, room < most ? room : most);
    in->length += n;
    while (at < in->length) {
        struct dis_frame frame = dis_frame_next(in->bytes + at, in->length - at);
        if (frame.status == DIS_FRAME_MORE)
            break;
        if (frame.status == DIS_FRAME_BAD) {
            at = in->length; /* nonsense, which nobody can read on from */
            break;
        }
        handler(owner, in->bytes + at, frame.length);
        at += (uint32_t)frame.length;
    }
    memmove(in->bytes, in->bytes + at, in->length - at);
    in->length -= at;
    return n;
}
