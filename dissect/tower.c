/* The answer: a handle of 20 bytes, a count, an array of pointers, what they point to, a status. A tower: floors, each
 * with a left side that says what protocol it is, and a right side with its address, big-endian. */
#include "tower.h"

#include <string.h>

#include "cursor.h"

enum { HANDLE = 20, TOWERS_MOST = 500, FLOORS_MOST = 8 };
enum { PROTOCOL_TCP = 0x07, PROTOCOL_IP = 0x09, PROTOCOL_UUID = 0x0d }; /* C706 appendix I */

static void take_floor(const uint8_t *left, size_t left_size, const uint8_t *right, size_t right_size,
                       unsigned number, struct dis_tower *t)
{
    if (left[0] == PROTOCOL_UUID && left_size == 19 && number == 0) {
        uint8_t syntax[20] = { 0 }; /* the minor version is on the other side; towers are little-endian */
        memcpy(syntax, left + 1, 18);
        if (right_size == 2)
            memcpy(syntax + 18, right, 2);
        struct dis_cursor c = dis_cursor_over(syntax, sizeof(syntax), false);
        t->interface = dis_read_syntax(&c, "interface");
    } else if (left[0] == PROTOCOL_TCP && right_size == 2) {
        t->at.port = (uint16_t)(right[0] << 8 | right[1]);
    } else if (left[0] == PROTOCOL_IP && right_size == 4) {
        t->at.version = 4;
        memcpy(t->at.address, right, 4);
    }
}

static bool take_tower(const uint8_t *octets, size_t length, struct dis_tower *t)
{
    struct dis_cursor c = dis_cursor_over(octets, length, false);
    unsigned floors = dis_u16(&c, "floors");
    *t = (struct dis_tower){ 0 };
    for (unsigned i = 0; i < floors && i < FLOORS_MOST && dis_cursor_ok(&c); i++) {
        size_t left_size = dis_u16(&c, "left size");
        const uint8_t *left = dis_take(&c, left_size, "left side");
        size_t right_size = dis_u16(&c, "right size");
        const uint8_t *right = dis_take(&c, right_size, "right side");
        if (left != NULL && right != NULL && left_size > 0)
            take_floor(left, left_size, right, right_size, i, t);
    }
    return dis_cursor_ok(&c) && t->at.port != 0 && t->at.version == 4;
}

size_t dis_towers_decode(const uint8_t *stub, size_t length, bool big_endian, struct dis_tower *towers, size_t most)
{
    struct dis_cursor c = dis_cursor_over(stub, length, big_endian);
    size_t found = 0;
    dis_take(&c, HANDLE + 4 + 4 + 4, "handle"); /* and the number of towers, the array's size and its offset */
    uint32_t count = dis_u32(&c, "towers");
    if (!dis_cursor_ok(&c) || count > TOWERS_MOST)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (dis_u32(&c, "pointer") == 0)
            return 0;
    for (uint32_t i = 0; i < count && found < most; i++) {
        dis_align(&c, 4, "padding");
        dis_take(&c, 4, "size of the tower");
        uint32_t size = dis_u32(&c, "length of the tower");
        const uint8_t *octets = dis_take(&c, size, "tower");
        if (octets == NULL)
            break;
        found += take_tower(octets, size, &towers[found]);
    }
    return found;
}
