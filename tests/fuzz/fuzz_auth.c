/* The auth trailer of any PDU: what is found lies inside, in order, and fills the PDU to its end. */
#include "auth.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CONTROL = 4 };
    if (size < CONTROL || size > 65535 + CONTROL)
        return 0;
    size_t body = data[0] & 0x3f;
    bool big_endian = (data[1] & 1) != 0;
    uint16_t auth_length = (uint16_t)(data[2] | data[3] << 8);
    size_t length = size - CONTROL;
    uint8_t *bytes = exact_copy(data + CONTROL, length);
    struct dis_cursor c = dis_cursor_over(bytes, length, big_endian);
    struct dis_auth auth = { 0 };
    size_t trailer = dis_auth_decode(&c, body, auth_length, &auth);
    size_t end = dis_cursor_ok(&c) ? dis_auth_unpad(&c, body, trailer, &auth) : 0;
    if (dis_cursor_ok(&c)) {
        CHECK(end >= body);
        CHECK(end + auth.pad + DIS_AUTH_TRAILER_SIZE + auth.length == length);
        CHECK(auth.value + auth.length == bytes + length);
        CHECK(auth.length == auth_length);
    } else {
        CHECK(end == 0);
        CHECK(c.error.at <= length);
    }
    free(bytes);
    return 0;
}
