/* Answers of endpoint mappers: as many towers as there is room for at most, each of which can be dialled. */
#include "tower.h"

#include "fuzz.h"

enum { MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dis_tower towers[MOST];
    uint8_t *stub = exact_copy(data, size);
    for (unsigned big = 0; big < 2; big++) {
        size_t count = dis_towers_decode(stub, size, big != 0, towers, MOST);
        CHECK(count <= MOST);
        for (size_t i = 0; i < count; i++)
            CHECK(towers[i].at.port != 0 && towers[i].at.version == 4);
    }
    free(stub);
    return 0;
}
