/* The life of a call: held or leased, written, answered, over. */
#include "brain.h"

#include "evidence.h"

/* Statuses that we send (protocol facts 3.2: what unmodified clients make of each). */
#define STATUS_CALL_FAILED     0x1c000012u /* nca_s_fault_unspec: Windows and Wine report 1726 */
#define STATUS_CALL_FAILED_DNE 0x000006bfu /* 1727; no nca code exists */

static const struct pol_life life[] = {
    [CALL_FREE] = { "free", POL_MAY(CALL_WAITING) },
    [CALL_WAITING] = { "waiting", POL_MAY(CALL_INSIDE) | POL_MAY(CALL_FREE) },
    [CALL_INSIDE] = { "inside", POL_MAY(CALL_ANSWERING) | POL_MAY(CALL_FREE) },
    [CALL_ANSWERING] = { "answering", POL_MAY(CALL_FREE) },
};

static void move(struct pol_brain *b, uint32_t call, enum call_state to)
{
    struct call *k = &b->calls[call];
    pol_move(life, &k->state, to);
    assert(to == CALL_FREE || (k->link != POL_NONE) == (to != CALL_WAITING));
    assert(to == CALL_WAITING || !k->in_line);
}

static struct call *find(struct pol_brain *b, struct pol_id id)
{
    struct call *k = id.index < b->max_calls ? &b->calls[id.index] : NULL;
    return k && k->state != CALL_FREE && k->generation == id.generation ? k : NULL;
}

static void set_deadline(struct pol_brain *b, uint32_t call, int64_t at)
{
    pol_deadline_set(&b->deadlines, b->max_clients + b->max_links + 1 + call, at);
}

void pol_call_begin(struct pol_brain *b, const struct pol_event *e)
{
    uint32_t client = e->client.index;
    struct call *k = &b->calls[e->call.index];
    uint8_t state = k->state;
    *k = (struct call){
        .generation = e->call.generation,
        .state = state,
        .level = e->level,
        .maybe = e->maybe,
        .client = client,
        .link = POL_NONE,
        .server = b->listeners[b->clients[client].listener].settings.server,
        .next = POL_NONE,
        .previous = POL_NONE,
    };
    move(b, e->call.index, CALL_WAITING);
}

void pol_call_lease(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct client *c = &b->clients[k->client];
    struct link *l = &b->links[c->link];
    c->front = FRONT_EMPTY;
    k->link = c->link;
    k->next = l->first_call;
    if (k->next != POL_NONE)
        b->calls[k->next].previous = call;
    l->first_call = call;
    l->calls++;
    move(b, call, CALL_INSIDE);
    set_deadline(b, call, POL_NEVER);
    struct pol_action *a = pol_emit(b, POL_LEASE);
    a->call = pol_call_id(b, call);
    a->client = pol_client_id(b, k->client);
    a->link = pol_link_id(b, k->link);
}

void pol_call_wait(struct pol_brain *b, uint32_t call)
{
    int64_t longest = b->servers[b->calls[call].server].settings.waiting_longest;
    set_deadline(b, call, longest ? b->now + longest : POL_NEVER);
}

void pol_call_due(struct pol_brain *b, uint32_t call)
{
    pol_client_waited_enough(b, b->calls[call].client);
}

static void leave_link(struct pol_brain *b, struct call *k)
{
    if (k->link == POL_NONE)
        return;
    struct link *l = &b->links[k->link];
    *(k->previous == POL_NONE ? &l->first_call : &b->calls[k->previous].next) = k->next;
    if (k->next != POL_NONE)
        b->calls[k->next].previous = k->previous;
    if (--l->calls == 0)
        l->callbacks = 0; /* one that was not answered went with the call that it was nested in */
}

static enum pol_proof proof_of(const struct pol_brain *b, const struct call *k, bool answered)
{
    return pol_provably_not_run((struct pol_evidence){
        .dial_failed = k->state == CALL_WAITING && k->client != POL_NONE &&
                       b->clients[k->client].state == CLIENT_UNAVAILABLE,
        .leased = k->state != CALL_WAITING,
        .first_done = k->first_done,
        .answered = answered,
        .fault_dne = k->fault && k->dne,
    });
}

static void end(struct pol_brain *b, uint32_t call, enum pol_ending ending, bool answered)
{
    struct call *k = &b->calls[call];
    struct pol_action *a = pol_emit(b, POL_END);
    a->call = pol_call_id(b, call);
    a->ending = (uint8_t)ending;
    a->proof = (uint8_t)proof_of(b, k, answered);
    set_deadline(b, call, POL_NEVER);
    pol_admit_leave(b, call);
    leave_link(b, k);
    if (k->state == CALL_WAITING)
        b->clients[k->client].front = FRONT_EMPTY;
    move(b, call, CALL_FREE);
}

void pol_call_end(struct pol_brain *b, uint32_t call, enum pol_ending ending)
{
    end(b, call, ending, false);
}

/* What follows for client and link when one of their calls is over. */
static void over(struct pol_brain *b, uint32_t client, uint32_t link)
{
    if (client != POL_NONE)
        pol_client_call_over(b, client);
    else if (b->links[link].state == LINK_ORPHANED && b->links[link].calls == 0)
        pol_link_close(b, link, false, POL_FLUSHED, (enum pol_reason)b->links[link].reason);
}

void pol_call_orphaned(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (k)
        k->orphaned = true;
}

void pol_call_accepted(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || k->state == CALL_WAITING)
        return;
    k->first_done = e->first_done;
    k->last_done = e->last_done;
    if (!k->maybe || !k->last_done)
        return;
    uint32_t client = k->client, link = k->link;
    pol_call_end(b, e->call.index, POL_MAYBE_SENT);
    over(b, client, link);
}

void pol_answer_begin(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || k->state != CALL_INSIDE)
        return;
    move(b, e->call.index, CALL_ANSWERING);
    k->fault = e->fault;
    k->dne = e->dne;
    pol_link_fault(&b->links[k->link], e);
    struct pol_action *a = pol_emit(b, k->client == POL_NONE ? POL_SWALLOW : POL_PASS);
    a->call = e->call;
    a->link = pol_link_id(b, k->link);
}

void pol_answer_end(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || k->state != CALL_ANSWERING)
        return;
    uint32_t client = k->client, link = k->link;
    k->fault = k->fault || e->fault; /* a fault may end a response that has begun */
    end(b, e->call.index, client == POL_NONE ? POL_CLIENT_LEFT : k->fault ? POL_FAULTED : POL_ANSWERED, true);
    over(b, client, link);
}

/* A call that wants no answer is told nothing. */
static void fault(struct pol_brain *b, uint32_t call, uint32_t status, bool dne)
{
    if (b->calls[call].maybe)
        return;
    struct pol_action *a = pol_emit(b, POL_FAULT);
    a->call = pol_call_id(b, call);
    a->client = pol_client_id(b, b->calls[call].client);
    a->status = status;
    a->dne = dne;
}

void pol_call_refuse(struct pol_brain *b, uint32_t call, enum pol_ending ending, uint32_t status)
{
    fault(b, call, status, true);
    pol_call_end(b, call, ending);
}

/* The table "What the client is told": 1726 below level packet, else a reset; with a proof 1727 at any level. An
 * answer that has begun can only be cut: a fault after part of a response is not for every client. Where the server has
 * condemned the connection, it has told. */
void pol_call_lost(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct link *l = &b->links[k->link];
    bool drained = l->reason == POL_BY_DRAIN;
    if (k->client == POL_NONE) {
        pol_call_end(b, call, drained ? POL_DRAINED : POL_CLIENT_LEFT);
    } else if (k->state == CALL_ANSWERING) {
        l->untold = true;
        pol_call_end(b, call, POL_ANSWER_CUT);
    } else if (l->condemned) {
        pol_call_end(b, call, proof_of(b, k, false) == POL_UNPROVEN ? POL_SERVER_LOST : POL_NOT_SENT);
    } else if (proof_of(b, k, false) != POL_UNPROVEN) {
        *(k->level < POL_LEVEL_PACKET ? &l->told : &l->told_signed) = true;
        pol_call_refuse(b, call, drained ? POL_DRAINED : POL_NOT_SENT, STATUS_CALL_FAILED_DNE);
    } else {
        if (k->level < POL_LEVEL_PACKET)
            fault(b, call, STATUS_CALL_FAILED, false);
        *(k->level < POL_LEVEL_PACKET ? &l->told : &l->untold) = true;
        pol_call_end(b, call, drained ? POL_DRAINED : POL_SERVER_LOST);
    }
}
