/* Association groups: ids that connections share while one of them lives (C706 9.3.2, protocol of Samba and
 * Windows: 16 random bits, an id dies with its last member). */
#include "server.h"

#include <err.h>
#include <sys/random.h>

static uint32_t members[UINT16_MAX + 1u]; /* by id */

static uint16_t random_id(void)
{
    uint16_t id;
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        err(1, "getrandom");
    return id;
}

uint16_t srv_group_enter(uint32_t wanted)
{
    uint16_t id = (uint16_t)wanted;
    if (wanted == 0) {
        do
            id = random_id();
        while (id == 0 || members[id] > 0);
    } else if (wanted > UINT16_MAX || members[id] == 0) {
        return 0;
    }
    members[id]++;
    return id;
}

bool srv_group_leave(uint16_t group)
{
    return --members[group] == 0;
}
