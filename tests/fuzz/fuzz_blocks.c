/* Blocks of pcapng: the same comes of them in one piece and byte by byte, and nothing but interfaces is changed. */
#include "inspect_blocks.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blocks whole = { 0 };
    struct blocks pieces = { 0 };
    uint8_t *once = exact_copy(data, size);
    uint8_t *slowly = exact_copy(data, size);
    uint16_t link;
    uint16_t same;
    blocks_pass(&whole, once, size);
    for (size_t i = 0; i < size; i++)
        blocks_pass(&pieces, slowly + i, 1);
    CHECK(memcmp(once, slowly, size) == 0 && whole.several == pieces.several && whole.other == pieces.other);
    CHECK(whole.known || memcmp(once, data, size) == 0);
    while (blocks_next(&whole, &link))
        CHECK(blocks_next(&pieces, &same) && link == same);
    CHECK(!blocks_next(&pieces, &same));
    blocks_free(&whole);
    blocks_free(&pieces);
    free(once);
    free(slowly);
    return 0;
}
