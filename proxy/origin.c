/* Rows for destinations that only the clients know. */
#include "origin.h"

#include <string.h>

/* The brain remembers for 60 s to whom a server's association groups were granted, by the index of the member. */
#define REST 61000 /* ms before a row goes to another destination */

struct px_target px_target_fixed(const struct px_settings *settings, uint32_t listener)
{
    return (struct px_target){
        .listener = listener, .row = listener, .server = settings->listeners[listener].server, .dialled = -1
    };
}

static bool matches(const struct px_server *server, const uint8_t point[16], uint16_t port)
{
    for (unsigned i = 0; i < server->match_count && !server->retired; i++)
        if (shim_net_has(&server->matches[i].net, point, port))
            return true;
    return false;
}

uint32_t px_target_server(const struct px_settings *s, const struct px_address *destination)
{
    uint8_t point[16];
    uint16_t port;
    uint32_t implied = 0;
    bool is_known = shim_net_point(&destination->any, destination->length, point, &port);
    for (uint32_t i = 0; i < s->server_count; i++) {
        if (is_known && matches(&s->servers[i], point, port))
            return i;
        if (s->servers[i].implied)
            implied = i;
    }
    return implied;
}

static bool is_for(const struct px_destination *d, const struct px_destination *wanted)
{
    return d->listener == wanted->listener && d->server == wanted->server &&
           d->is_server_own == wanted->is_server_own && d->address.length == wanted->address.length &&
           memcmp(&d->address.any, &wanted->address.any, d->address.length) == 0;
}

/* The destination's own row, else the one that has rested longest, else one that nobody had yet. */
static struct px_destination *row_for(struct px_roster *roster, const struct px_destination *wanted, int64_t now,
                                      bool *is_new)
{
    struct px_destination *rested = NULL;
    *is_new = false;
    for (uint32_t i = 0; i < roster->destination_count; i++) {
        struct px_destination *d = &roster->destinations[i];
        if (is_for(d, wanted))
            return d;
        bool rests = d->used && d->left + REST > now;
        if (d->users == 0 && !rests && (rested == NULL || d->left < rested->left))
            rested = d;
    }
    if (rested == NULL && roster->destination_count < PX_MOST_DESTINATIONS)
        rested = &roster->destinations[roster->destination_count++];
    if (rested != NULL)
        *rested = *wanted;
    *is_new = rested != NULL;
    return rested;
}

static void name_member(struct px_roster *roster, uint32_t index)
{
    struct px_destination *d = &roster->destinations[index];
    px_address_format(&d->address, d->text);
    roster->members[PX_MOST_MEMBERS + index] = (struct px_roster_member){ .text = d->text,
                                                                          .address = d->address,
                                                                          .server = d->server };
}

bool px_target_chosen(struct px_roster *roster, const struct px_settings *settings, uint32_t listener,
                      const struct px_address *destination, int64_t now_ms, struct px_target *target, bool *is_new)
{
    uint32_t server = px_target_server(settings, destination);
    struct px_destination wanted = { .listener = listener, .server = server };
    wanted.is_server_own = settings->servers[server].member_count > 0;
    if (!wanted.is_server_own)
        wanted.address = *destination;
    *target = (struct px_target){ .listener = listener, .server = server, .meant = *destination, .dialled = -1 };
    target->destination = row_for(roster, &wanted, now_ms, is_new);
    if (target->destination == NULL)
        return false;
    uint32_t index = (uint32_t)(target->destination - roster->destinations);
    if (*is_new)
        name_member(roster, index);
    target->row = PX_MOST_LISTENERS + index;
    target->destination->users++;
    return true;
}

void px_destination_leave(struct px_destination *destination, int64_t now_ms)
{
    if (destination != NULL && --destination->users == 0)
        destination->left = now_ms;
}

/* ---- for those who look ---- */

bool px_origin_next(const struct px_roster *roster, uint32_t server, uint32_t *at)
{
    if (*at == POL_NONE) {
        *at = server;
        return true;
    }
    uint32_t i = *at < PX_MOST_SERVERS ? 0 : *at - PX_MOST_SERVERS + 1;
    while (i < roster->destination_count &&
           (roster->destinations[i].server != server || roster->destinations[i].is_server_own))
        i++;
    *at = PX_MOST_SERVERS + i;
    return i < roster->destination_count;
}

uint32_t px_origin_server(const struct px_roster *roster, const struct px_target *target)
{
    const struct px_destination *d = target->destination;
    return d != NULL && !d->is_server_own ? PX_MOST_SERVERS + (uint32_t)(d - roster->destinations) : target->server;
}

uint32_t px_origin_sum(const struct px_roster *roster, const struct pol_brain *brain, uint32_t server,
                       uint32_t count(const struct pol_brain *brain, uint32_t server))
{
    uint32_t sum = 0;
    for (uint32_t at = POL_NONE; px_origin_next(roster, server, &at);)
        sum += count(brain, at);
    return sum;
}
