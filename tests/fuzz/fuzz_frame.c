/* Framing of any stream: what is done fits, what needs more says so, and a prefix never knows more than the whole. */
#include "frame.h"

#include "fuzz.h"

static void check_prefix(const uint8_t *bytes, size_t length, struct dis_frame whole)
{
    struct dis_frame part = dis_frame_next(bytes, length);
    switch (whole.status) {
    case DIS_FRAME_DONE:
        CHECK(part.status == (length < whole.length ? DIS_FRAME_MORE : DIS_FRAME_DONE));
        CHECK(part.length <= whole.length);
        break;
    case DIS_FRAME_MORE:
        CHECK(part.status == DIS_FRAME_MORE && part.length <= whole.length);
        break;
    case DIS_FRAME_BAD:
        CHECK(part.status == (length > 0 && whole.error.at == 0 ? DIS_FRAME_BAD : part.status));
        CHECK(part.status != DIS_FRAME_DONE);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *stream = exact_copy(data, size);
    size_t at = 0;
    for (;;) {
        size_t left = size - at;
        struct dis_frame frame = dis_frame_next(stream + at, left);
        for (size_t cut = 0; cut < left && cut < 40; cut++)
            check_prefix(stream + at, cut, frame);
        CHECK((frame.status == DIS_FRAME_BAD) == (frame.error.what != NULL));
        CHECK(frame.status != DIS_FRAME_MORE || frame.length > left);
        CHECK(frame.status != DIS_FRAME_BAD || frame.error.at < left);
        if (frame.status != DIS_FRAME_DONE)
            break;
        CHECK(frame.length >= DIS_HEADER_SIZE && frame.length <= left);
        CHECK(frame.length == dis_header_decode(stream + at).frag_length);
        at += frame.length;
    }
    free(stream);
    return 0;
}
