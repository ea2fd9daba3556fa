/* How much each user has asked for and not come for: nobody's haste shall take what others need. */
#ifndef PX_ASKERS_H
#define PX_ASKERS_H

#include <stdbool.h>
#include <stdint.h>

#define PX_ASKERS_MOST 1024u /* users that have anything at once */
#define PX_ASKER_MOST  1024u /* questions and aliases of one user that wait; each may hold a descriptor of ours */

struct px_askers {
    struct px_asker {
        uint32_t uid, waits;
    } rows[PX_ASKERS_MOST]; /* those that wait for anything */
    uint32_t count;
};

/* One more for that user; false: it has had its share, or too many users have one. */
bool px_asker_takes(struct px_askers *a, uint32_t uid);

/* One less. */
void px_asker_gives(struct px_askers *a, uint32_t uid);

/* How many more it may have. */
uint32_t px_asker_room(const struct px_askers *a, uint32_t uid);

#endif
