/* A client's operation is remembered from the first time that it is given up. What an operation counts from then on,
 * over all clients, gives the factor: attempts for each call that was wanted. */
#include "inspect_reissue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * REISSUE_MOST };

struct reissue_operation {
    struct reissue_operation *next;
    struct findings_key key; /* of the first */
    struct dis_endpoint client;
    struct dis_place first;
    struct dis_place last;
    uint64_t frames[FINDINGS_FRAMES];
    uint64_t attempts;
    uint64_t again;
    bool other_clients;
};

struct reissue_client {
    struct reissue_operation *operation;
    uint8_t address[16];
    uint64_t left;
    uint64_t again;
    int64_t left_at;
};

static bool is_of(const struct reissue_operation *o, const struct dis_call *call)
{
    return o->key.opnum == call->opnum && o->key.has_interface == call->has_interface &&
           dis_syntax_equal(&o->key.interface, &call->interface) &&
           dis_endpoint_equal(&o->key.server, &call->in->end[!call->way]);
}

static size_t slot_of(const struct reissue *r, const struct dis_call *call)
{
    const uint8_t *address = call->in->end[call->way].address;
    uint32_t hash = (call->opnum * 31u + call->in->end[!call->way].port) * 2654435761u;
    for (unsigned i = 0; i < 16; i++)
        hash = (hash ^ address[i]) * 16777619u;
    size_t slot = hash % SLOTS;
    while (r->clients[slot] != NULL &&
           (memcmp(r->clients[slot]->address, address, 16) != 0 || !is_of(r->clients[slot]->operation, call)))
        slot = (slot + 1) % SLOTS;
    return slot;
}

static struct reissue_operation *operation_of(struct reissue *r, const struct dis_call *call)
{
    for (struct reissue_operation *o = r->operations; o != NULL; o = o->next)
        if (is_of(o, call))
            return o;
    struct reissue_operation *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    o->key = findings_key_of(FINDING_REISSUED, call);
    o->client = call->in->end[call->way];
    o->next = r->operations;
    r->operations = o;
    return o;
}

static struct reissue_client *add_client(struct reissue *r, const struct dis_call *call)
{
    if (r->clients == NULL)
        r->clients = calloc(SLOTS, sizeof(*r->clients));
    if (r->clients == NULL)
        return NULL;
    struct reissue_client **slot = &r->clients[slot_of(r, call)];
    if (*slot != NULL)
        return *slot;
    struct reissue_operation *operation = r->client_count < REISSUE_MOST ? operation_of(r, call) : NULL;
    struct reissue_client *c = operation != NULL ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL)
        return NULL;
    c->operation = operation;
    memcpy(c->address, call->in->end[call->way].address, sizeof(c->address));
    operation->attempts++; /* the one that is given up now */
    operation->other_clients = operation->other_clients ||
                               memcmp(c->address, operation->client.address, sizeof(c->address)) != 0;
    r->client_count++;
    *slot = c;
    return c;
}

void reissue_left(struct reissue *r, const struct dis_call *call, struct dis_place place)
{
    struct reissue_client *c = call->has_request ? add_client(r, call) : NULL;
    if (c == NULL)
        return;
    c->left++;
    c->left_at = place.time;
}

void reissue_answered(struct reissue *r, const struct dis_call *call)
{
    struct reissue_client *c = r->clients != NULL ? r->clients[slot_of(r, call)] : NULL;
    if (c != NULL && c->left > c->again)
        c->left--;
}

void reissue_begin(struct reissue *r, const struct dis_call *call)
{
    struct reissue_client *c = r->clients != NULL ? r->clients[slot_of(r, call)] : NULL;
    if (c == NULL)
        return;
    struct reissue_operation *o = c->operation;
    o->attempts++;
    if (c->again >= c->left || call->request_first.time - c->left_at > REISSUE_WITHIN)
        return;
    c->again++;
    if (o->again < FINDINGS_FRAMES)
        o->frames[o->again] = call->request_first.frame;
    if (o->again++ == 0)
        o->first = call->request_first;
    o->last = call->request_first;
}

static void tell(const struct reissue_operation *o, struct findings *f)
{
    struct findings_key key = o->key;
    uint64_t wanted = o->attempts - o->again;
    if (o->again >= REISSUE_STORM && o->attempts >= REISSUE_FACTOR * wanted)
        key.finding = FINDING_RETRY_STORM;
    struct findings_group *g = findings_add(f, &key, &o->client, o->first);
    if (g == NULL)
        return;
    g->count = o->again;
    g->last = o->last;
    g->other_clients = o->other_clients;
    memcpy(g->frames, o->frames, sizeof(g->frames));
    snprintf(g->seen, sizeof(g->seen),
             "frame %" PRIu64 ": the call was given up and made again; in all %" PRIu64 " attempts at %" PRIu64
             " calls, %" PRIu64 ".%" PRIu64 " attempts for each",
             o->first.frame, o->attempts, wanted, o->attempts / wanted, o->attempts * 10 / wanted % 10);
}

void reissue_tell(const struct reissue *r, struct findings *f)
{
    for (const struct reissue_operation *o = r->operations; o != NULL; o = o->next)
        if (o->again > 0)
            tell(o, f);
}

void reissue_free(struct reissue *r)
{
    for (size_t i = 0; r->clients != NULL && i < SLOTS; i++)
        free(r->clients[i]);
    free((void *)r->clients);
    while (r->operations != NULL) {
        struct reissue_operation *o = r->operations;
        r->operations = o->next;
        free(o);
    }
}
