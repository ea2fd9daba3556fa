/* Contexts and open calls of a connection: small tables with bounds. */
#include "association.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 1024u

/* ---- the table of calls ---- */

bool px_calls_init(struct px_calls *calls, uint32_t limit)
{
    *calls = (struct px_calls){ .limit = limit, .free = POL_NONE };
    calls->chunks = calloc(limit / CHUNK + 1, sizeof *calls->chunks);
    return calls->chunks != NULL;
}

void px_calls_free(struct px_calls *calls)
{
    for (uint32_t i = 0; calls->chunks && i <= calls->limit / CHUNK; i++)
        free(calls->chunks[i]);
    free(calls->chunks);
    *calls = (struct px_calls){ 0 };
}

static struct px_call *take(struct px_calls *calls)
{
    if (calls->free != POL_NONE) {
        struct px_call *k = px_call_at(calls, calls->free);
        calls->free = k->next;
        return k;
    }
    if (calls->high == calls->limit)
        return NULL;
    struct px_call **chunk = &calls->chunks[calls->high / CHUNK];
    if (!*chunk && !(*chunk = calloc(CHUNK, sizeof **chunk)))
        return NULL;
    struct px_call *k = px_call_at(calls, calls->high);
    k->id.index = calls->high++;
    return k;
}

struct px_call *px_call_new(struct px_calls *calls, struct px_association *a)
{
    struct px_call *k = take(calls);
    if (!k)
        return NULL;
    struct pol_id id = { k->id.index, k->id.generation + 1 };
    *k = (struct px_call){ .id = id, .next = POL_NONE, .previous = a->last_call, .association = a };
    *(a->last_call == POL_NONE ? &a->first_call : &px_call_at(calls, a->last_call)->next) = id.index;
    a->last_call = id.index;
    a->open_calls++;
    k->number = ++a->calls;
    if (a->unaccepted == POL_NONE)
        a->unaccepted = id.index;
    return k;
}

void px_call_free(struct px_calls *calls, struct px_call *k)
{
    struct px_association *a = k->association;
    *(k->previous == POL_NONE ? &a->first_call : &px_call_at(calls, k->previous)->next) = k->next;
    *(k->next == POL_NONE ? &a->last_call : &px_call_at(calls, k->next)->previous) = k->previous;
    if (a->unaccepted == k->id.index)
        a->unaccepted = k->next;
    if (a->incoming == k->id.index) {
        a->incoming = POL_NONE;
        a->refused_request = !k->leased || k->plain;
    }
    a->open_calls--;
    k->association = NULL;
    k->next = calls->free;
    calls->free = k->id.index;
}

struct px_call *px_call_find(const struct px_calls *calls, const struct px_association *a, uint32_t call_id,
                             bool only_one)
{
    struct px_call *sole = NULL;
    unsigned inside = 0;
    for (uint32_t i = a->first_call; i != POL_NONE; i = px_call_at(calls, i)->next) {
        struct px_call *k = px_call_at(calls, i);
        if (!k->leased || k->answer_done || k->plain != a->plain)
            continue;
        if (k->call_id == call_id)
            return k;
        sole = k;
        inside++;
    }
    return only_one && inside == 1 && !a->had_maybe ? sole : NULL;
}

/* ---- associations ---- */

struct px_association *px_association_new(uint32_t context_limit, uint32_t server)
{
    static uint64_t serial;
    struct px_association *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->serial = ++serial;
    a->parties = 1;
    a->server_index = server;
    a->context_limit = context_limit ? context_limit : 1;
    a->first_call = a->last_call = a->incoming = a->unaccepted = POL_NONE;
    return a;
}

void px_association_release(struct px_association *a)
{
    if (--a->parties > 0)
        return;
    free(a->contexts);
    free(a->client);
    free(a->server);
    free(a);
}

static bool add_context(struct px_association *a, const struct px_context *context)
{
    if (a->context_count == a->context_limit)
        return false;
    if (a->context_count == a->context_capacity) {
        uint32_t capacity = a->context_capacity ? a->context_capacity * 2u : 2u;
        if (capacity > a->context_limit)
            capacity = a->context_limit;
        assert(capacity > 0);
        struct px_context *grown = realloc(a->contexts, capacity * sizeof *grown);
        if (!grown)
            return false;
        a->contexts = grown;
        a->context_capacity = capacity;
    }
    a->contexts[a->context_count++] = *context;
    return true;
}

/* Other settings may have come since they were looked up. */
static void renew_rules(struct px_association *a, const struct px_calls *calls)
{
    if (a->rules_generation == calls->rules_generation)
        return;
    for (uint32_t i = 0; i < a->context_count; i++)
        a->contexts[i].rules = px_call_rules_find(calls->rules, &a->contexts[i].interface);
    a->rules_generation = calls->rules_generation;
}

const struct px_interface_rules *px_association_rules(struct px_association *a, const struct px_calls *calls,
                                                      const struct px_context *context)
{
    renew_rules(a, calls);
    return context ? context->rules : &calls->rules->none;
}

unsigned px_association_offer(struct px_association *a, const struct px_calls *calls, const struct dis_bind *bind)
{
    struct dis_list list = bind->contexts;
    struct dis_context offer;
    unsigned lost = 0;
    renew_rules(a, calls);
    px_association_answered(a, NULL); /* an offer that was never answered is void */
    while (dis_next_context(&list, &offer)) {
        struct px_context context = { .known = dis_interface_find(&offer.abstract),
                                      .rules = px_call_rules_find(calls->rules, &offer.abstract),
                                      .interface = offer.abstract,
                                      .id = offer.id,
                                      .offered = true };
        lost += !add_context(a, &context);
    }
    return lost;
}

static struct px_context *accepted_context(const struct px_association *a, uint16_t id)
{
    for (unsigned i = 0; i < a->context_count; i++)
        if (a->contexts[i].id == id && !a->contexts[i].offered)
            return &a->contexts[i];
    return NULL;
}

/* Results come in the order of the offers (C706 12.6.4.4). Refused offers and feature negotiations go; an id that is
 * accepted again keeps its row. */
void px_association_answered(struct px_association *a, const struct dis_bind_ack *ack)
{
    struct dis_list results = ack ? ack->results : (struct dis_list){ 0 };
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a->context_count; i++) {
        struct px_context context = a->contexts[i];
        if (context.offered) {
            struct dis_context_result result;
            if (!dis_next_result(&results, &result) || result.result != DIS_ACCEPTANCE)
                continue;
            struct px_context *again = accepted_context(a, context.id);
            context.offered = false;
            if (again && again < &a->contexts[kept]) {
                *again = context;
                continue;
            }
        }
        a->contexts[kept++] = context;
    }
    a->context_count = kept;
}

const struct px_context *px_association_context(const struct px_association *a, uint16_t id)
{
    return accepted_context(a, id);
}
