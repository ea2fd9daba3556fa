/* Slots are found by a walk that begins where a hash says; half of them stay free. */
#include "inspect_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "tower.h"

enum { SLOTS = 2 * HOSTS_MOST, TOWERS_A_PDU = 16 };

static size_t slot_of(const struct hosts *h, const struct dis_endpoint *e)
{
    uint32_t hash = e->port * 2654435761u;
    for (unsigned i = 0; i < sizeof(e->address); i++)
        hash = (hash ^ e->address[i]) * 16777619u;
    size_t slot = hash % SLOTS;
    while (h->servers[slot].at.version != 0 && !dis_endpoint_equal(&h->servers[slot].at, e))
        slot = (slot + 1) % SLOTS;
    return slot;
}

void hosts_hear(struct hosts *h, const struct dis_endpoint *server, int64_t time)
{
    if (h->servers == NULL)
        h->servers = calloc(SLOTS, sizeof(*h->servers));
    if (h->servers == NULL)
        return;
    struct hosts_server *s = &h->servers[slot_of(h, server)];
    if (s->at.version == 0) {
        if (h->server_count == HOSTS_MOST)
            return;
        h->server_count++;
        s->at = *server;
    }
    s->heard = time;
}

int64_t hosts_heard(const struct hosts *h, const struct dis_endpoint *server)
{
    return h->servers == NULL ? 0 : h->servers[slot_of(h, server)].heard;
}

/* ---- the endpoint mapper ---- */

static bool is_map_answer(const struct dis_sighting *s)
{
    const struct dis_call *call = s->call;
    return s->decoded && call != NULL && s->pdu.header.type == DIS_RESPONSE && call->has_request &&
           call->opnum == DIS_EPT_MAP && call->known != NULL &&
           strcmp(dis_interface_name(call->known), "epmapper") == 0;
}

static void remember(struct hosts *h, const struct dis_tower *t, struct dis_place place)
{
    struct hosts_mapped *m = (struct hosts_mapped *)hosts_mapped_at(h, &t->at);
    if (m == NULL) {
        if (h->mapped == NULL)
            h->mapped = calloc(MAPPED_MOST, sizeof(*h->mapped));
        if (h->mapped == NULL || h->mapped_count == MAPPED_MOST)
            return;
        m = &h->mapped[h->mapped_count++];
        m->at = t->at;
    }
    m->interface = t->interface;
    m->place = place;
}

/* 0.0.0.0 means the address that the mapper was asked at. */
static bool is_anywhere(const struct dis_endpoint *e)
{
    static const uint8_t anywhere[4];
    return memcmp(e->address, anywhere, sizeof(anywhere)) == 0;
}

void hosts_map(struct hosts *h, const struct dis_sighting *s)
{
    struct dis_tower towers[TOWERS_A_PDU];
    const struct dis_response *r = &s->pdu.response;
    if (!is_map_answer(s))
        return;
    size_t count = dis_towers_decode(r->stub, r->stub_length, dis_big_endian(s->found->bytes + 4), towers,
                                     TOWERS_A_PDU);
    for (size_t i = 0; i < count; i++) {
        if (is_anywhere(&towers[i].at)) {
            uint16_t port = towers[i].at.port;
            towers[i].at = s->in->end[s->way];
            towers[i].at.port = port;
        }
        remember(h, &towers[i], s->found->last);
    }
}

const struct hosts_mapped *hosts_mapped_at(const struct hosts *h, const struct dis_endpoint *at)
{
    for (size_t i = h->mapped_count; i-- > 0;)
        if (dis_endpoint_equal(&h->mapped[i].at, at))
            return &h->mapped[i];
    return NULL;
}

void hosts_free(struct hosts *h)
{
    free(h->servers);
    free(h->mapped);
}
