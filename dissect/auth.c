/* The auth trailer, found from the PDU's end. */
#include "auth.h"

/* MS-RPCE 2.2.2.11: the trailer lies frag_length - auth_length - 8 bytes from the start. That it is aligned to
 * 4 is the receiver's to check. */
size_t dis_auth_decode(struct dis_cursor *c, size_t body, uint16_t auth_length, struct dis_auth *auth)
{
    size_t needed = (size_t)auth_length + DIS_AUTH_TRAILER_SIZE;
    if (c->end < body || c->end - body < needed) {
        dis_cursor_fail(c, "auth_length is larger than the PDU can hold");
        return 0;
    }
    size_t trailer = c->end - needed;
    struct dis_cursor at = { .base = c->base, .end = c->end, .at = trailer, .big_endian = c->big_endian };
    auth->type = dis_u8(&at, "auth_type");
    auth->level = dis_u8(&at, "auth_level");
    auth->pad = dis_u8(&at, "auth_pad_length");
    auth->reserved = dis_u8(&at, "auth_reserved");
    auth->context_id = dis_u32(&at, "auth_context_id");
    auth->value = dis_take(&at, auth_length, "auth_value");
    auth->length = auth_length;
    return trailer;
}

size_t dis_auth_unpad(struct dis_cursor *c, size_t body, size_t trailer, const struct dis_auth *auth)
{
    if (auth->pad <= trailer - body)
        return trailer - auth->pad;
    c->at = trailer;
    dis_cursor_fail(c, "auth_pad_length is larger than the PDU's body");
    return 0;
}
