/* Endpoints in bytes of any kind: the search ends, moves on, and finds nothing that is not there. */
#include "fuzz.h"

#include "towers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = exact_copy(data, size);
    struct dis_endpoint endpoint;
    size_t at = 0, before = 0;
    while (dis_towers_next(bytes, size, &at, &endpoint)) {
        CHECK(at >= before + DIS_TOWER_ENDS && at <= size);
        before = at;
    }
    free(bytes);
    return 0;
}
