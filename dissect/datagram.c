/* Connectionless PDUs, told apart and read as far as their header goes. */
#include "datagram.h"

#include "names.h"
#include "pdu.h"

/* C706 12.5.2: the five low bits of the type are valid, the others reserved. */
#define TYPE_MASK 0x1f

static void read_header(struct dis_cursor *c, struct dis_datagram *out)
{
    out->object = dis_read_uuid(c, "object");
    out->interface = dis_read_uuid(c, "interface");
    out->activity = dis_read_uuid(c, "activity");
    out->server_boot = dis_u32(c, "server boot time");
    out->interface_version = dis_u32(c, "interface version");
    out->sequence = dis_u32(c, "sequence number");
    out->opnum = dis_u16(c, "opnum");
    out->interface_hint = dis_u16(c, "interface hint");
    out->activity_hint = dis_u16(c, "activity hint");
    out->length = dis_u16(c, "length of the body");
    out->fragment = dis_u16(c, "fragment number");
    out->auth_protocol = dis_u8(c, "authentication protocol");
}

/* The bytes before the UUIDs decide in which order those are read. The serial number is split: its high byte
 * stands among them, the low one at the header's end. */
bool dis_datagram_decode(const uint8_t *bytes, size_t length, struct dis_datagram *out, struct dis_error *error)
{
    struct dis_cursor c = dis_cursor_over(bytes, length, false);
    uint8_t version = dis_u8(&c, "version");
    *out = (struct dis_datagram){ .type = dis_u8(&c, "type") & TYPE_MASK };
    if (dis_cursor_ok(&c) && (version != 4 || out->type > DIS_CANCEL_ACK))
        dis_cursor_fail(&c, "no header of the connectionless protocol");
    out->flags1 = dis_u8(&c, "flags1");
    out->flags2 = dis_u8(&c, "flags2");
    for (unsigned i = 0; i < sizeof(out->drep); i++)
        out->drep[i] = dis_u8(&c, "data representation");
    uint8_t serial_high = dis_u8(&c, "serial number");
    c.big_endian = (out->drep[0] & 0xf0) == 0;
    read_header(&c, out);
    out->serial = (uint16_t)(serial_high << 8 | dis_u8(&c, "serial number"));
    dis_take(&c, out->length, "body");
    *error = c.error;
    return dis_cursor_ok(&c);
}

void dis_datagram_print(FILE *out, const struct dis_datagram *datagram)
{
    char text[DIS_UUID_TEXT];
    struct dis_syntax interface = {
        .uuid = datagram->interface,
        .major = (uint16_t)(datagram->interface_version & 0xffff),
        .minor = (uint16_t)(datagram->interface_version >> 16),
    };
    const char *name = dis_interface_name(dis_interface_find(&interface));
    const char *operation = dis_operation_name(dis_interface_find(&interface), datagram->opnum);
    fprintf(out, "datagram %s seq %u frag %u", dis_ptype_name(datagram->type), datagram->sequence,
            datagram->fragment);
    fprintf(out, " if %s v%u.%u", name != NULL ? name : dis_uuid_format(&interface.uuid, text), interface.major,
            interface.minor);
    fprintf(out, " op %u%s%s", datagram->opnum, operation != NULL ? " " : "", operation != NULL ? operation : "");
    fprintf(out, " activity %s body %u\n", dis_uuid_format(&datagram->activity, text), datagram->length);
}
