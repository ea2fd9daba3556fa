/* Random schedules: a body without sockets tells the brain what may happen, does what it says, and checks that every
 * single action is one that may be. SEEDS is the number of schedules; SEED=n replays the one of that number. */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS      6u
#define LINKS        5u
#define CALLS        14u
#define SERVERS      2u
#define LISTENERS    3u
#define IDENTITIES   3u
#define MEMBERS      3u  /* of a server, at most */
#define MOST_MEMBERS 24u /* of all that there ever were */

static const struct pol_call_rules rules[] = {
    { 0 },
    { .call_timeout = 400 },
    { .call_timeout = 400, .pending = true },
    { .deadline = 700, .farewell = POL_SAY_CANCEL },
    { .call_timeout = 300, .farewell = POL_SAY_ORPHANED },
    { .call_timeout = 300, .deadline = 900 },
    { .com_timeout = 200 },
    { .com_timeout = 600, .call_timeout = 200 },
    { .com_timeout = 100, .call_timeout = 500, .pending = true },
};
#define RULES     ((unsigned)(sizeof rules / sizeof *rules))
#define STEPS     2500u
#define BIND_TIME 500
#define PATIENCE  700
#define LINGER    30000 /* as the brain has it */

/* ---- the world ---- */

enum front { NOTHING, PDU, BIND, CALL };

struct a_client {
    struct pol_id id;
    bool used, open, finished; /* finished: its FIN was told */
    bool bound;
    bool unavailable; /* it has no link, and never will */
    bool forced;      /* closed at once: only its going is left */
    enum front front;
    uint32_t call;
    uint32_t link; /* POL_NONE: none */
    uint32_t listener;
    uint32_t identity; /* below IDENTITIES */
    bool probing;
    uint8_t level;
    int64_t binding;     /* since when it has time to bind; INT64_MAX: its server takes the time */
    int64_t first_asked; /* when its first PDU came; -1: none has */
    int64_t ended_input;
    bool owes; /* since … */
    int64_t touched;
};

struct a_link {
    struct pol_id id;
    bool used, dialling, open, forced, paused, ended_input;
    bool called_back; /* ever: then its calls may be given up a little late */
    bool probing;
    bool ended;      /* by its server */
    bool condemned;  /* by a fault about the connection: its calls are told nothing more */
    uint32_t client; /* POL_NONE: an orphan */
    uint32_t server, member;
    unsigned callbacks;
    int64_t dialled;
};

struct a_call {
    struct pol_id id;
    bool used, leased, in_line, maybe, complete;
    bool first_done, last_done, answering, answered, fault, dne, told;
    bool abandoned; /* its line is written */
    bool cancelled; /* by the administrator */
    uint32_t rule;
    int64_t begun, touched, leased_at;
    uint8_t level;
    uint32_t client, link, server;
    uint64_t joined; /* order of joining the line */
};

struct a_member {
    bool down, checking;
    uint32_t trial; /* the link that was dialled while it was down; POL_NONE: none is there */
    int64_t checked;
};

struct world {
    struct pol_brain *brain;
    struct pol_server servers[SERVERS];
    struct pol_listener listeners[LISTENERS];
    struct a_client clients[CLIENTS];
    struct a_link links[LINKS];
    struct a_call calls[CALLS];
    struct a_member members[MOST_MEMBERS];
    bool shut[LISTENERS];
    bool drained[SERVERS]; /* by the administrator, for now */
    bool lowered[SERVERS]; /* its limit was lower once than it is, or is lower than it was */
    uint32_t member_count;
    struct pol_action before; /* the action before this one */
    bool draining;
    int64_t now, drain_end;
    uint64_t random, joins, seed;
    uint64_t turns[LISTENERS][IDENTITIES]; /* by address: when it last had its turn in a line */
    unsigned verdicts;                     /* for the PDU of a link that was just asked about */
};

static void broken(const struct world *w, const char *what)
{
    fail_msg("SEED=%llu at %lld ms: %s", (unsigned long long)w->seed, (long long)w->now, what);
}

static void must(const struct world *w, bool holds, const char *what)
{
    if (!holds)
        broken(w, what);
}

static uint32_t below(struct world *w, uint32_t limit)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (uint32_t)((w->random >> 24) % limit);
}

static bool chance(struct world *w, uint32_t percent)
{
    return below(w, 100) < percent;
}

static struct a_client *client_of(struct world *w, struct pol_id id)
{
    struct a_client *c = id.index < CLIENTS ? &w->clients[id.index] : NULL;
    must(w, c && c->used && pol_id_equal(c->id, id), "an action names a client that is not there");
    return c;
}

static struct a_link *link_of(struct world *w, struct pol_id id)
{
    struct a_link *l = id.index < LINKS ? &w->links[id.index] : NULL;
    must(w, l && l->used && pol_id_equal(l->id, id), "an action names a link that is not there");
    return l;
}

static struct a_call *call_of(struct world *w, struct pol_id id)
{
    struct a_call *k = id.index < CALLS ? &w->calls[id.index] : NULL;
    must(w, k && k->used && pol_id_equal(k->id, id), "an action names a call that is not there");
    return k;
}

static unsigned calls_on(const struct world *w, uint32_t link)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLS; i++)
        count += w->calls[i].used && w->calls[i].leased && w->calls[i].link == link;
    return count;
}

static unsigned inside(const struct world *w, uint32_t server)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLS; i++)
        count += w->calls[i].used && w->calls[i].leased && w->calls[i].server == server &&
                 !rules[w->calls[i].rule].pending;
    return count;
}

static unsigned abandoned(const struct world *w, uint32_t server, uint32_t link)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        const struct a_call *k = &w->calls[i];
        count += k->used && k->abandoned && k->server == server && (link == POL_NONE || k->link == link);
    }
    return count;
}

/* Calls of which their client still waits for something. */
static unsigned unanswered(const struct world *w, uint32_t link)
{
    return calls_on(w, link) - abandoned(w, w->links[link].server, link);
}

/* When it is to be given up. */
static int64_t due_at(const struct a_call *k)
{
    const struct pol_call_rules *rule = &rules[k->rule];
    if (rule->pending)
        return INT64_MAX;
    int64_t at = rule->deadline ? k->begun + rule->deadline : INT64_MAX;
    if (rule->call_timeout && k->touched + rule->call_timeout < at)
        at = k->touched + rule->call_timeout;
    return at;
}

static unsigned in_line(const struct world *w, uint32_t server)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLS; i++)
        count += w->calls[i].used && w->calls[i].in_line && w->calls[i].server == server;
    return count;
}

/* ---- what the brain may say ---- */

static void on_pass(struct world *w, const struct pol_action *a)
{
    if (a->client.index == POL_NONE) {
        must(w, link_of(w, a->link)->client != POL_NONE, "a link's PDU passes to nobody");
        w->verdicts++;
        return;
    }
    struct a_client *c = client_of(w, a->client);
    must(w, c->open && (c->front == PDU || c->front == BIND), "PASS of what does not stand at a client's front");
    must(w, c->link != POL_NONE && !w->links[c->link].dialling, "PASS without a link");
    must(w, !w->links[c->link].ended_input, "PASS after END_INPUT");
    c->front = NOTHING;
}

static void on_swallow(struct world *w, const struct pol_action *a)
{
    const struct a_link *l = link_of(w, a->link);
    bool late = a->call.index != POL_NONE && call_of(w, a->call)->abandoned;
    must(w, late || l->client == POL_NONE || w->clients[l->client].finished, "SWALLOW although there is a client");
    w->verdicts++;
}

/* When the address of a call last had its turn in the line. */
static uint64_t *turn_of(struct world *w, const struct a_call *k)
{
    const struct a_client *c = &w->clients[k->client];
    return &w->turns[c->listener][c->identity];
}

static void on_lease(struct world *w, const struct pol_action *a)
{
    struct a_call *k = call_of(w, a->call);
    struct a_client *c = client_of(w, a->client);
    const struct a_link *l = link_of(w, a->link);
    must(w, c->open && c->front == CALL && c->call == a->call.index, "LEASE of what is not at the front");
    must(w, l->open && !l->dialling && c->link == a->link.index && !l->ended_input, "LEASE onto no link of its own");
    uint32_t limit = w->servers[k->server].calls;
    bool pending = rules[k->rule].pending;
    must(w, pending || !limit || inside(w, k->server) < limit, "more calls inside than the limit");
    must(w, abandoned(w, k->server, a->link.index) == 0, "LEASE beside an abandoned call of its client");
    must(w, !w->drained[k->server], "LEASE into a server that is drained");
    uint64_t *turn = turn_of(w, k);
    for (unsigned i = 0; i < CALLS; i++) {
        const struct a_call *other = &w->calls[i];
        if (pending || !other->used || !other->in_line || other->server != k->server || other == k)
            continue;
        uint64_t *others_turn = turn_of(w, other);
        must(w, k->in_line, "a call jumps the line");
        must(w, turn != others_turn || k->joined < other->joined, "a call overtakes one of its own address");
        must(w, turn == others_turn || other->joined > *turn || *others_turn > *turn, "an address has two turns");
    }
    if (k->in_line)
        *turn = ++w->joins;
    k->leased = true;
    k->touched = k->leased_at = w->now;
    k->in_line = false;
    k->link = a->link.index;
    c->front = NOTHING;
}

static void on_hold(struct world *w, const struct pol_action *a)
{
    const struct a_client *c = client_of(w, a->client);
    must(w, c->open && c->front != NOTHING, "HOLD of nothing");
    if (c->front != CALL || c->link == POL_NONE || w->links[c->link].dialling)
        return;
    struct a_call *k = &w->calls[c->call];
    must(w, !k->in_line, "HOLD twice");
    k->in_line = !(w->draining && unanswered(w, c->link) > 0) && abandoned(w, k->server, c->link) == 0;
    k->joined = ++w->joins;
}

static void on_credit(struct world *w, const struct pol_action *a)
{
    if (a->client.index != POL_NONE)
        must(w, client_of(w, a->client)->open, "PAUSE or RESUME of a client that was closed");
    else
        link_of(w, a->link)->paused = a->kind == POL_PAUSE;
}

static void on_dial(struct world *w, const struct pol_action *a)
{
    struct a_client *c = client_of(w, a->client);
    struct a_link *l = &w->links[a->link.index];
    uint32_t server = w->listeners[c->listener].server;
    const struct pol_server *s = &w->servers[server];
    must(w, c->open && c->link == POL_NONE && c->front != NOTHING && !w->draining, "DIAL for no reason");
    must(w, a->link.index < LINKS && !l->used && a->link.generation != l->id.generation, "DIAL with an id in use");
    must(w, a->member >= s->member_first && a->member < s->member_first + s->member_count, "DIAL of a wrong member");
    struct a_member *m = &w->members[a->member];
    must(w, !w->drained[server], "DIAL of a server that is drained");
    must(w, !m->down || m->trial == POL_NONE, "two trials of a member that is down");
    if (m->down)
        m->trial = a->link.index;
    c->binding = INT64_MAX;
    *l = (struct a_link){ .id = a->link, .used = true, .dialling = true, .open = true, .client = a->client.index };
    l->server = server;
    l->member = a->member;
    l->dialled = w->now;
    c->link = a->link.index;
}

static void on_answer_bind(struct world *w, const struct pol_action *a)
{
    struct a_client *c = client_of(w, a->client);
    must(w, c->open && c->front == BIND, "ANSWER_BIND without a bind");
    must(w, !a->ack || (c->level <= 1 && c->link == POL_NONE && !c->bound), "a bind is accepted in vain");
    if (a->ack && !c->unavailable)
        c->binding = w->now;
    c->unavailable = true;
    c->front = NOTHING;
}

static void on_fault(struct world *w, const struct pol_action *a)
{
    struct a_call *k = call_of(w, a->call);
    must(w, client_of(w, a->client)->open && k->client == a->client.index, "FAULT to a client that was closed");
    must(w, !k->told, "two faults for one call");
    must(w, !k->answering, "FAULT into an answer");
    must(w, !a->dne || !k->leased || !k->first_done, "did-not-execute without a proof");
    bool timed_out = a->status == 0x1c00000d && !a->dne;
    must(w, a->dne || k->level < 4 || timed_out, "FAULT without a proof on a signed connection");
    must(w, a->status != 0x1c00000d || timed_out || (k->cancelled && !k->leased), "cancelled by nobody");
    must(w, a->dne == (a->status != 0x1c000012 && !timed_out), "the status does not fit the flag");
    must(w, !timed_out || (k->leased && (k->cancelled || w->now >= due_at(k))), "timed out too early");
    k->told = true;
}

static void on_end_input(struct world *w, const struct pol_action *a)
{
    struct a_link *l = link_of(w, a->link);
    must(w, l->open && l->client != POL_NONE && w->clients[l->client].finished, "END_INPUT before its client's");
    must(w, !l->ended_input && calls_on(w, a->link.index) == 0, "END_INPUT twice, or with calls open");
    l->ended_input = true;
    w->clients[l->client].ended_input = w->now;
}

static void close_client(struct world *w, struct a_client *c, const struct pol_action *a)
{
    must(w, c->open || (a->reset && a->when == POL_NOW && !c->forced), "CLOSE of a client that was closed");
    must(w, c->front != CALL, "CLOSE without an end of the call at the front");
    bool shuts_signed = a->when == POL_ACKED && a->delay;
    must(w, !shuts_signed || a->reset, "a signed connection is ended by a FIN");
    c->open = false;
    c->front = NOTHING;
    c->forced = a->when == POL_NOW;
    if (c->link != POL_NONE)
        w->links[c->link].client = POL_NONE;
    c->link = POL_NONE;
}

static void close_link(struct world *w, struct a_link *l, const struct pol_action *a)
{
    must(w, l->open || (a->reset && a->when == POL_NOW && !l->forced), "CLOSE of a link that was closed");
    must(w, calls_on(w, a->link.index) == 0, "CLOSE of a link with calls");
    l->open = false;
    l->forced = a->when == POL_NOW;
    if (w->members[l->member].trial == a->link.index)
        w->members[l->member].trial = POL_NONE;
    if (l->client != POL_NONE)
        w->clients[l->client].link = POL_NONE;
    l->client = POL_NONE;
}

static void on_close(struct world *w, const struct pol_action *a)
{
    must(w, pol_reason_name(a->reason) != NULL, "CLOSE without a reason");
    if (a->client.index != POL_NONE)
        close_client(w, client_of(w, a->client), a);
    else
        close_link(w, link_of(w, a->link), a);
}

static void on_listen_off(struct world *w, const struct pol_action *a)
{
    const struct pol_server *s = &w->servers[w->listeners[a->listener].server];
    bool down = s->refuse_when_down;
    for (uint32_t m = s->member_first; m < s->member_first + s->member_count; m++)
        down = down && w->members[m].down;
    must(w, w->draining || (down && !w->shut[a->listener]), "LISTEN_OFF for no reason");
    w->shut[a->listener] = true;
}

/* A server without a member that is up; nobody comes until one is. */
static void on_listen_on(struct world *w, const struct pol_action *a)
{
    must(w, !w->draining && w->shut[a->listener], "LISTEN_ON of what is open");
    w->shut[a->listener] = false;
}

static enum pol_proof proof_for(const struct a_call *k, enum pol_ending ending)
{
    if (k->answered)
        return k->fault && k->dne ? POL_P5_FAULT_DNE : POL_UNPROVEN;
    if (!k->leased)
        return ending == POL_UNAVAILABLE ? POL_P1_NOT_CONNECTED : POL_P6_IN_PROXY;
    return k->first_done ? POL_UNPROVEN : POL_P3_FIRST_PARTIAL;
}

/* Its server has told what there is to tell, and has ended the connection itself. */
static bool is_condemned(const struct world *w, const struct a_call *k)
{
    return w->links[k->link].condemned && w->links[k->link].ended;
}

/* Under a callback, before a full line, or after the longest wait in it. */
static bool may_refuse(const struct world *w, const struct a_call *k)
{
    const struct pol_server *s = &w->servers[k->server];
    bool waited = k->in_line && s->waiting_longest && w->now >= k->begun + s->waiting_longest;
    bool full = !k->in_line && in_line(w, k->server) >= s->waiting_length;
    bool behind = k->joined && s->waiting_longest && w->now >= k->begun + s->waiting_longest;
    bool late = k->joined && rules[k->rule].deadline && w->now >= k->begun + rules[k->rule].deadline;
    bool never_waits = rules[k->rule].pending && w->drained[k->server];
    if (behind || late || never_waits || (s->calls && abandoned(w, k->server, POL_NONE) >= s->calls))
        return true;
    return waited || full || w->links[w->clients[k->client].link].callbacks > 0;
}

static bool ending_fits(const struct world *w, const struct a_call *k, enum pol_ending ending)
{
    bool orphan = k->leased && w->links[k->link].client == POL_NONE;
    switch (ending) {
    case POL_ANSWERED:
        return k->answered && !k->fault && !orphan;
    case POL_FAULTED:
        return k->answered && k->fault && !orphan;
    case POL_MAYBE_SENT:
        return k->maybe && k->last_done;
    case POL_UNAVAILABLE:
        return !k->leased && w->clients[k->client].link == POL_NONE;
    case POL_WITHDRAWN:
        return !k->leased;
    case POL_CLIENT_LEFT:
        return orphan;
    case POL_SERVER_LOST:
        return k->leased && !orphan && !k->answering && k->first_done &&
               k->told == (k->level < 4 && !k->maybe && !is_condemned(w, k));
    case POL_NOT_SENT:
        return !k->leased || (!k->first_done && k->told == (!k->maybe && !is_condemned(w, k)));
    case POL_REFUSED:
        return !k->leased && k->told == !k->maybe && may_refuse(w, k);
    case POL_ANSWER_CUT:
        return k->answering && !k->answered && !k->told;
    case POL_TIMED_OUT:
        return k->leased && !orphan && w->now >= due_at(k) && k->told == (!k->answering && !k->maybe);
    case POL_CANCELLED:
        return k->cancelled && k->told == (!k->maybe && !k->answering);
    case POL_CUT_OFF:
        return k->leased;
    default:
        return w->draining && ending == POL_DRAINED;
    }
}

static bool has_calls(const struct world *w, uint32_t link)
{
    for (unsigned i = 0; i < CALLS; i++)
        if (w->calls[i].used && w->calls[i].leased && w->calls[i].link == link)
            return true;
    return false;
}

static void on_end(struct world *w, const struct pol_action *a)
{
    struct a_call *k = call_of(w, a->call);
    must(w, !k->abandoned, "two lines for one call");
    bool after_fault = w->before.kind == POL_FAULT && pol_id_equal(w->before.call, a->call);
    must(w, k->told == after_fault, "a FAULT without its END");
    must(w, a->proof == proof_for(k, (enum pol_ending)a->ending), "the proof is not what is known");
    must(w, ending_fits(w, k, (enum pol_ending)a->ending), "the ending does not fit");
    if (!k->leased) {
        must(w, w->clients[k->client].front == CALL, "END of a call that is nowhere");
        w->clients[k->client].front = NOTHING;
    }
    k->used = false;
    if (k->leased && !has_calls(w, k->link))
        w->links[k->link].callbacks = 0; /* they were nested in a call */
}

static void on_abandon(struct world *w, const struct pol_action *a)
{
    struct a_call *k = call_of(w, a->call);
    must(w, k->leased && k->last_done && !k->answering && !k->abandoned, "ABANDON of what is not inside");
    must(w, k->told == !k->maybe, "ABANDON without a word");
    must(w, a->ending == (k->cancelled ? POL_CANCELLED : POL_TIMED_OUT), "the ending does not fit");
    k->abandoned = true;
    const struct a_client *c = &w->clients[k->client];
    if (c->front == CALL)
        w->calls[c->call].in_line = false; /* now it waits behind this one */
    uint32_t limit = w->servers[k->server].calls;
    must(w, abandoned(w, k->server, POL_NONE) <= (limit && !w->lowered[k->server] ? limit : 16),
         "too many abandoned calls");
}

static bool is_long(const struct world *w, const struct a_call *k)
{
    int64_t time = rules[k->rule].com_timeout;
    return k->used && k->leased && time && w->now >= k->leased_at + time;
}

static void on_probe(struct world *w, const struct pol_action *a)
{
    bool *probing = a->link.index != POL_NONE ? &link_of(w, a->link)->probing : &client_of(w, a->client)->probing;
    must(w, *probing != a->on, "PROBE twice");
    *probing = a->on;
}

static void on_release(struct world *w, const struct pol_action *a)
{
    struct a_call *k = call_of(w, a->call);
    must(w, k->abandoned, "RELEASE of what was not abandoned");
    k->used = false;
    if (!has_calls(w, k->link))
        w->links[k->link].callbacks = 0;
}

static void on_member(struct world *w, const struct pol_action *a)
{
    struct a_member *m = &w->members[a->member];
    must(w, m->down == a->on, "MEMBER twice");
    m->down = !a->on;
    m->trial = POL_NONE;
}

static void on_check(struct world *w, const struct pol_action *a)
{
    struct a_member *m = &w->members[a->member];
    must(w, m->checking != a->on && (!a->on || !w->draining), "CHECK twice, or in a drain");
    must(w, a->on || w->now >= m->checked + 300, "CHECK stopped too early");
    m->checking = a->on;
    m->checked = w->now;
}

static void (*const on_action[])(struct world *, const struct pol_action *) = {
    [POL_PASS] = on_pass,
    [POL_SWALLOW] = on_swallow,
    [POL_LEASE] = on_lease,
    [POL_HOLD] = on_hold,
    [POL_PAUSE] = on_credit,
    [POL_RESUME] = on_credit,
    [POL_DIAL] = on_dial,
    [POL_FAULT] = on_fault,
    [POL_CLOSE] = on_close,
    [POL_ANSWER_BIND] = on_answer_bind,
    [POL_END] = on_end,
    [POL_ABANDON] = on_abandon,
    [POL_RELEASE] = on_release,
    [POL_PROBE] = on_probe,
    [POL_END_INPUT] = on_end_input,
    [POL_LISTEN_OFF] = on_listen_off,
    [POL_LISTEN_ON] = on_listen_on,
    [POL_MEMBER] = on_member,
    [POL_CHECK] = on_check,
};

/* ---- what must hold whenever the brain is quiet ---- */

static void check_client(const struct world *w, const struct a_client *c)
{
    int64_t bind_time = w->listeners[c->listener].bind_timeout;
    if (!c->used || !c->open)
        return;
    must(w, c->front != BIND || !w->draining, "a bind is still held in a drain");
    must(w, !w->draining || c->link != POL_NONE, "a drain leaves a client without a link");
    bool lingers = c->link != POL_NONE && w->links[c->link].ended_input;
    must(w, !lingers || w->now < c->ended_input + LINGER, "a half-closed client outlives its linger");
    bool served = c->bound && c->link != POL_NONE && !w->links[c->link].dialling && !lingers;
    int64_t patience = w->listeners[c->listener].client_timeout;
    must(w, !served || !c->owes || !patience || w->now < c->touched + patience, "a client owes something for ever");
    bool waits = c->link == POL_NONE && c->front != NOTHING;
    bool may_bind = lingers || c->bound || waits || !bind_time || c->binding == INT64_MAX;
    must(w, may_bind || w->now < c->binding + bind_time, "a client outlives its bind time");
    const struct pol_server *s = &w->servers[w->listeners[c->listener].server];
    must(w, !waits || w->now < c->first_asked + s->unavailable_wait, "a client waits too long for a member");
    if (c->link == POL_NONE || w->links[c->link].dialling)
        return;
    must(w, c->front == NOTHING || c->front == CALL || c->finished, "a PDU is held although there is a link");
    must(w, !c->finished || lingers || unanswered(w, c->link) > 0, "a half-closed client waits for nothing");
    must(w, !w->draining || lingers || unanswered(w, c->link) > 0 || (c->front == CALL && w->calls[c->call].in_line),
         "a drain leaves an idle client");
}

static void check_link(const struct world *w, uint32_t index)
{
    const struct a_link *l = &w->links[index];
    if (!l->used || !l->open)
        return;
    must(w, !l->dialling || w->now < l->dialled + w->servers[l->server].connect_timeout, "a dial outlives its time");
    if (l->client != POL_NONE)
        return;
    bool limited = w->servers[l->server].calls || w->lowered[l->server];
    must(w, calls_on(w, index) > 0 && limited, "an orphan without a reason to live");
    must(w, !l->paused, "an orphan is not read from");
    must(w, l->callbacks == 0, "an orphan waits for an answer to a callback");
    for (unsigned i = 0; i < CALLS; i++) {
        const struct a_call *k = &w->calls[i];
        must(w, !k->used || !k->leased || k->link != index || k->last_done, "an orphan waits for a fragment");
    }
}

/* While a call is long its client is probed, and its member by one link at least; no other is. */
static void check_probes(const struct world *w, uint32_t index)
{
    const struct a_link *l = &w->links[index];
    bool is_wanted = false, is_done = false;
    if (!l->used || !l->open || l->dialling)
        return;
    for (unsigned i = 0; i < CALLS; i++)
        is_wanted = is_wanted || (is_long(w, &w->calls[i]) && w->calls[i].link == index);
    for (unsigned i = 0; i < LINKS; i++)
        is_done = is_done ||
                  (w->links[i].used && w->links[i].open && w->links[i].member == l->member && w->links[i].probing);
    must(w, !l->probing || is_wanted, "a link is probed without a long call");
    must(w, !is_wanted || is_done, "a long call, and no probe");
    must(w, l->client == POL_NONE || w->clients[l->client].probing == is_wanted,
         "a client is probed at the wrong time");
}

static void check_server(const struct world *w, uint32_t server)
{
    unsigned waiting = 0;
    for (unsigned i = 0; i < CALLS; i++)
        waiting += w->calls[i].used && w->calls[i].in_line && w->calls[i].server == server;
    must(w, pol_calls_inside(w->brain, server) == inside(w, server), "the count of calls inside is wrong");
    must(w, pol_calls_waiting(w->brain, server) == waiting, "the count of calls in line is wrong");
    must(w, !waiting || w->servers[server].calls || w->drained[server], "a call waits without a limit");
    must(w, !waiting || w->drained[server] || inside(w, server) >= w->servers[server].calls,
         "a call waits although there is a slot");
    for (unsigned i = 0; i < CALLS; i++) {
        const struct a_call *k = &w->calls[i];
        bool watched = k->used && k->leased && !k->abandoned && k->server == server;
        const struct a_link *l = watched ? &w->links[k->link] : NULL;
        must(w, !watched || l->client == POL_NONE || l->called_back || w->now < due_at(k),
             "a call outlives its time");
    }
}

static void check_world(const struct world *w)
{
    bool empty = true;
    for (unsigned i = 0; i < CLIENTS; i++) {
        check_client(w, &w->clients[i]);
        empty = empty && !w->clients[i].used;
    }
    for (uint32_t i = 0; i < LINKS; i++) {
        check_link(w, i);
        check_probes(w, i);
        empty = empty && !w->links[i].used;
    }
    for (uint32_t i = 0; i < SERVERS; i++)
        check_server(w, i);
    must(w, pol_drained(w->brain) == (w->draining && empty), "drained at the wrong time");
    must(w, pol_next_wake(w->brain) > w->now, "a deadline was passed over");
    bool over = w->draining && w->now >= w->drain_end;
    for (unsigned i = 0; over && i < LINKS; i++)
        must(w, !w->links[i].used || !w->links[i].open, "a link outlives the drain");
}

/* ---- steps ---- */

static const struct pol_id none = { POL_NONE, 0 };

static struct pol_event event(enum pol_event_kind kind)
{
    return (struct pol_event){ .kind = (uint8_t)kind, .client = none, .link = none, .call = none };
}

static void tell(struct world *w, struct pol_event e)
{
    struct pol_actions actions = { .more = true };
    w->before = (struct pol_action){ .call = none };
    for (unsigned rounds = 0; actions.more || pol_next_wake(w->brain) <= w->now; rounds++) {
        must(w, rounds < 100, "there is always more");
        pol_step(w->brain, &e, w->now, &actions);
        for (unsigned i = 0; i < actions.count; i++) {
            on_action[actions.item[i].kind](w, &actions.item[i]);
            bool ends = actions.item[i].kind == POL_END || actions.item[i].kind == POL_ABANDON;
            must(w, w->before.kind != POL_FAULT || ends, "a FAULT without its END");
            w->before = actions.item[i];
        }
        e = event(POL_TICK);
    }
    check_world(w);
}

/* For what a link's PDU is asked: exactly one verdict, at once. */
static void tell_link(struct world *w, struct pol_event e)
{
    w->verdicts = 0;
    tell(w, e);
    must(w, w->verdicts == 1, "no verdict, or two, for a PDU of a link");
}

/* ---- what may happen: each tries one thing, or does nothing when it is not possible ---- */

static struct a_client *some_client(struct world *w)
{
    struct a_client *c = &w->clients[below(w, CLIENTS)];
    return c->used && c->open ? c : NULL;
}

static struct a_client *asking_client(struct world *w)
{
    struct a_client *c = some_client(w);
    return c && c->front == NOTHING && !c->finished ? c : NULL;
}

static struct a_link *live_link(struct world *w)
{
    struct a_link *l = &w->links[below(w, LINKS)];
    return l->used && l->open && !l->dialling ? l : NULL;
}

static struct a_call *leased_call(struct world *w)
{
    struct a_call *k = &w->calls[below(w, CALLS)];
    return k->used && k->leased && w->links[k->link].open ? k : NULL;
}

static struct pol_event of_client(const struct a_client *c, enum pol_event_kind kind)
{
    struct pol_event e = event(kind);
    e.client = c->id;
    return e;
}

static struct pol_event of_link(const struct a_link *l, enum pol_event_kind kind)
{
    struct pol_event e = event(kind);
    e.link = l->id;
    return e;
}

static struct pol_event of_call(const struct a_call *k, enum pol_event_kind kind)
{
    struct pol_event e = event(kind);
    e.call = k->id;
    return e;
}

static void do_open(struct world *w)
{
    struct a_client *c = &w->clients[below(w, CLIENTS)];
    if (c->used)
        return;
    struct pol_id id = { (uint32_t)(c - w->clients), c->id.generation + 1 };
    *c = (struct a_client){ .id = id, .used = true, .open = true, .link = POL_NONE, .binding = w->now };
    c->first_asked = -1;
    c->listener = below(w, LISTENERS);
    struct pol_event e = of_client(c, POL_CLIENT_OPENED);
    e.listener = c->listener;
    e.identity.low = c->identity = below(w, IDENTITIES);
    tell(w, e);
}

static void set_front(const struct world *w, struct a_client *c, enum front front)
{
    c->front = front;
    if (c->first_asked < 0)
        c->first_asked = w->now;
}

static void do_bind(struct world *w)
{
    struct a_client *c = asking_client(w);
    if (!c)
        return;
    struct pol_event e = of_client(c, POL_CLIENT_BIND);
    e.alter = chance(w, 20);
    e.level = (uint8_t)(chance(w, 30) ? below(w, 7) : 0);
    e.group = chance(w, 30) ? below(w, 4) : 0;
    set_front(w, c, BIND);
    if (e.level > c->level)
        c->level = e.level;
    tell(w, e);
}

static void do_other_pdu(struct world *w)
{
    static const enum pol_event_kind kinds[] = { POL_AUTH_LEG, POL_CLIENT_CONTROL, POL_CLIENT_STRAY };
    struct a_client *c = asking_client(w);
    if (!c)
        return;
    set_front(w, c, PDU);
    tell(w, of_client(c, kinds[below(w, 3)]));
}

static void do_callback_up(struct world *w)
{
    struct a_client *c = asking_client(w);
    if (!c || c->link == POL_NONE)
        return;
    unsigned *open = &w->links[c->link].callbacks;
    *open -= *open > 0;
    c->front = PDU;
    tell(w, of_client(c, POL_CALLBACK_UP));
}

/* A client's first request; and those that had come before its FIN, behind one that stood at its front. */
static void do_call(struct world *w)
{
    struct a_client *c = some_client(w);
    struct a_call *k = &w->calls[below(w, CALLS)];
    if (!c || k->used || c->front != NOTHING || (c->finished && !chance(w, 20)))
        return;
    struct pol_id id = { (uint32_t)(k - w->calls), k->id.generation + 1 };
    *k = (struct a_call){ .id = id, .used = true, .client = c->id.index, .begun = w->now };
    k->rule = below(w, RULES);
    k->server = w->listeners[c->listener].server;
    k->level = c->level;
    k->maybe = chance(w, 10);
    k->complete = chance(w, 80);
    set_front(w, c, CALL);
    c->call = id.index;
    struct pol_event e = of_call(k, POL_CALL_BEGIN);
    e.client = c->id;
    e.level = k->level;
    e.maybe = k->maybe;
    e.rule = k->rule;
    tell(w, e);
}

static void do_part(struct world *w)
{
    struct a_call *k = leased_call(w);
    if (!k || k->complete || w->links[k->link].client == POL_NONE || w->clients[k->client].finished)
        return;
    k->complete = true;
}

static void do_accepted(struct world *w)
{
    struct a_call *k = leased_call(w);
    if (!k || k->last_done)
        return;
    k->first_done = true;
    k->touched = w->now;
    k->last_done = k->complete && chance(w, 70);
    struct pol_event e = of_call(k, POL_ACCEPTED);
    e.first_done = true;
    e.last_done = k->last_done;
    tell(w, e);
}

static void do_answer_begin(struct world *w)
{
    struct a_call *k = leased_call(w);
    if (!k || k->answering)
        return;
    k->answering = true;
    k->touched = w->now;
    k->fault = chance(w, 30);
    k->dne = k->fault && chance(w, 50);
    struct pol_event e = of_call(k, POL_ANSWER_BEGIN);
    e.fault = k->fault;
    e.dne = k->dne;
    bool condemns = k->fault && chance(w, 20);
    e.status = condemns ? 0x1c01000bu : 5; /* about the connection, about the call */
    if (condemns && !k->abandoned)
        w->links[k->link].condemned = true;
    tell_link(w, e);
}

static void do_owes(struct world *w)
{
    struct a_client *c = some_client(w);
    if (!c)
        return;
    c->owes = chance(w, 70);
    c->touched = w->now;
    struct pol_event e = of_client(c, POL_CLIENT_OWES);
    e.on = c->owes;
    tell(w, e);
}

static void do_progress(struct world *w)
{
    struct a_call *k = leased_call(w);
    if (!k)
        return;
    k->touched = w->now;
    tell(w, of_call(k, POL_PROGRESS));
}

static void do_liveness(struct world *w)
{
    struct a_link *l = live_link(w);
    if (!l)
        return;
    struct pol_event e = of_link(l, POL_LIVENESS);
    e.silent = chance(w, 50);
    tell(w, e);
}

static void do_answer_end(struct world *w)
{
    struct a_call *k = leased_call(w);
    if (!k || !k->answering)
        return;
    k->answered = true;
    k->fault = k->fault || chance(w, 10);
    struct pol_event e = of_call(k, POL_ANSWER_END);
    e.fault = k->fault;
    tell(w, e);
}

static void do_dialled(struct world *w)
{
    struct a_link *l = &w->links[below(w, LINKS)];
    if (!l->used || !l->open || !l->dialling)
        return;
    struct pol_event e = of_link(l, POL_DIALLED);
    e.error = chance(w, 20) ? 111 : 0;
    l->dialling = e.error != 0;
    if (e.error) { /* its client has no link any more; what becomes of its call is proven by that */
        w->clients[l->client].link = POL_NONE;
        l->client = POL_NONE;
    } else if (l->client != POL_NONE) {
        w->clients[l->client].binding = w->now;
    }
    tell(w, e);
}

static void do_checked(struct world *w)
{
    struct pol_event e = event(POL_CHECKED);
    e.member = below(w, MOST_MEMBERS);
    e.error = chance(w, 50) ? 110 : 0;
    w->members[e.member].checking = false;
    tell(w, e);
}

static void do_server_drain(struct world *w)
{
    struct pol_event e = event(POL_SERVER_DRAIN);
    e.server = below(w, SERVERS);
    e.on = w->drained[e.server] = !w->drained[e.server] && chance(w, 30);
    tell(w, e);
}

static struct pol_settings settings_of(const struct world *w)
{
    return (struct pol_settings){ .servers = w->servers,
                                  .server_count = SERVERS,
                                  .listeners = w->listeners,
                                  .listener_count = LISTENERS,
                                  .rules = rules,
                                  .rule_count = RULES,
                                  .drain = 5000,
                                  .max_clients = CLIENTS,
                                  .max_links = LINKS,
                                  .max_calls = CALLS,
                                  .max_members = MOST_MEMBERS,
                                  .seed = w->seed };
}

/* Another limit, or other members in the place of those that were. */
static void do_renew(struct world *w)
{
    uint32_t server = below(w, SERVERS);
    struct pol_server *s = &w->servers[server];
    if (chance(w, 50)) {
        s->calls = below(w, 4);
        w->lowered[server] = true;
    } else if (w->member_count + MEMBERS <= MOST_MEMBERS) {
        s->member_first = w->member_count;
        s->member_count = 1 + below(w, MEMBERS);
        w->member_count += s->member_count;
    }
    struct pol_settings settings = settings_of(w);
    must(w, pol_renew(w->brain, &settings), "no memory");
    tell(w, event(POL_TICK));
}

/* What has no answer yet, or waits; nothing comes of it where its client has gone, or has no link yet. */
static void do_cancel(struct world *w)
{
    struct a_call *k = &w->calls[below(w, CALLS)];
    if (!k->used || k->abandoned)
        return;
    const struct a_client *c = &w->clients[k->client];
    bool linked = k->leased ? w->links[k->link].client != POL_NONE
                            : c->link != POL_NONE && !w->links[c->link].dialling;
    k->cancelled = linked;
    tell(w, of_call(k, POL_CALL_CANCEL));
}

static void do_bound(struct world *w)
{
    struct a_link *l = live_link(w);
    if (!l)
        return;
    struct pol_event e = of_link(l, POL_BOUND);
    e.accepted = chance(w, 90);
    e.keeps = chance(w, 30);
    e.group = below(w, 4);
    if (l->client != POL_NONE && e.accepted) {
        w->clients[l->client].bound = true;
        w->clients[l->client].touched = w->now;
    }
    tell_link(w, e);
}

static void do_stray_down(struct world *w)
{
    struct a_link *l = live_link(w);
    if (!l)
        return;
    struct pol_event e = of_link(l, POL_LINK_STRAY);
    e.fault = chance(w, 20);
    e.status = e.fault ? 0x721u : 0;
    l->condemned = l->condemned || e.fault;
    tell_link(w, e);
}

static void do_callback_down(struct world *w)
{
    struct a_link *l = live_link(w);
    if (!l)
        return;
    l->callbacks++;
    l->called_back = true;
    tell_link(w, of_link(l, POL_CALLBACK_DOWN));
}

static void do_credit(struct world *w)
{
    struct a_link *l = live_link(w);
    struct a_client *c = some_client(w);
    struct pol_event e = c && chance(w, 50) ? of_client(c, POL_CREDIT) : event(POL_CREDIT);
    if (e.client.index == POL_NONE && !l)
        return;
    if (e.client.index == POL_NONE)
        e.link = l->id;
    e.room = chance(w, 50);
    tell(w, e);
}

static void do_client_end(struct world *w)
{
    struct a_client *c = some_client(w);
    if (!c)
        return;
    struct pol_event e = of_client(c, POL_CLIENT_END);
    e.how = (uint8_t)(c->finished ? 1 + below(w, 2) : below(w, 3));
    c->finished = true;
    tell(w, e);
}

static void do_link_end(struct world *w)
{
    struct a_link *l = live_link(w);
    if (!l)
        return;
    struct pol_event e = of_link(l, POL_LINK_END);
    e.how = (uint8_t)below(w, 3);
    l->ended = true;
    tell(w, e);
}

static void do_gone(struct world *w)
{
    struct a_client *c = &w->clients[below(w, CLIENTS)];
    struct a_link *l = &w->links[below(w, LINKS)];
    if (c->used && !c->open) {
        c->used = false;
        tell(w, of_client(c, POL_CLIENT_GONE));
    }
    if (l->used && !l->open) {
        l->used = false;
        tell(w, of_link(l, POL_LINK_GONE));
    }
}

/* What a body may still have in its queue when its object has gone: nothing may come of it. */
static void do_stale(struct world *w)
{
    static const enum pol_event_kind kinds[] = { POL_ACCEPTED,   POL_ANSWER_END, POL_CREDIT,      POL_DIALLED,
                                                 POL_CLIENT_END, POL_LINK_END,   POL_ANSWER_BEGIN };
    struct pol_event e = event(kinds[below(w, sizeof kinds / sizeof *kinds)]);
    struct pol_actions actions;
    const struct a_call *k = &w->calls[below(w, CALLS)];
    const struct a_client *c = &w->clients[below(w, CLIENTS)];
    const struct a_link *l = &w->links[below(w, LINKS)];
    if (k->id.generation == 0 || c->id.generation == 0 || l->id.generation == 0)
        return; /* there never was one */
    e.call = (struct pol_id){ k->id.index, k->id.generation - k->used };
    e.client = (struct pol_id){ c->id.index, c->id.generation - c->open };
    e.link = (struct pol_id){ l->id.index, l->id.generation - l->open };
    e.first_done = e.last_done = e.room = chance(w, 50);
    e.how = (uint8_t)below(w, 3);
    pol_step(w->brain, &e, w->now, &actions);
    must(w, actions.count == 0 && !actions.more, "something follows from a stale id");
    check_world(w);
}

static void do_time(struct world *w)
{
    int64_t wake = pol_next_wake(w->brain);
    if (chance(w, 20) && wake != INT64_MAX)
        w->now = wake;
    else
        w->now += below(w, 200);
    tell(w, event(POL_TICK));
}

static void do_drain(struct world *w)
{
    w->drain_end = w->draining ? w->now : w->now + 5000;
    w->draining = true;
    tell(w, event(POL_DRAIN));
}

static const struct {
    void (*act)(struct world *);
    unsigned weight;
} acts[] = {
    { do_open, 30 },    { do_bind, 20 },      { do_other_pdu, 4 },     { do_callback_up, 6 }, { do_call, 90 },
    { do_part, 30 },    { do_accepted, 90 },  { do_answer_begin, 60 }, { do_answer_end, 90 }, { do_dialled, 90 },
    { do_bound, 60 },   { do_stray_down, 2 }, { do_callback_down, 4 }, { do_credit, 8 },      { do_client_end, 3 },
    { do_link_end, 2 }, { do_gone, 60 },      { do_stale, 10 },        { do_time, 8 },        { do_progress, 8 },
    { do_liveness, 8 }, { do_checked, 8 },    { do_server_drain, 4 },  { do_cancel, 1 },      { do_renew, 1 },
    { do_owes, 8 },
};

static void do_something(struct world *w)
{
    unsigned total = 0, i = 0;
    for (i = 0; i < sizeof acts / sizeof *acts; i++)
        total += acts[i].weight;
    unsigned pick = below(w, total);
    for (i = 0; pick >= acts[i].weight; i++)
        pick -= acts[i].weight;
    acts[i].act(w);
}

/* ---- a schedule ---- */

static void begin(struct world *w, uint64_t seed)
{
    *w = (struct world){ .seed = seed, .random = seed * 0x9e3779b97f4a7c15u + 1 };
    uint32_t members = 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        uint32_t count = 1 + below(w, MEMBERS);
        w->servers[i] = (struct pol_server){ .calls = below(w, 4),
                                             .waiting_length = chance(w, 70) ? below(w, 4) : UINT32_MAX,
                                             .waiting_longest = chance(w, 50) ? 500 : 0,
                                             .connect_timeout = 300,
                                             .bind_timeout = chance(w, 50) ? 300 : 0,
                                             .unavailable_wait = chance(w, 50) ? 400 : 0,
                                             .failures = below(w, 4),
                                             .backoff = 20,
                                             .longest_backoff = 150,
                                             .check_every = chance(w, 30) ? 200 : 0,
                                             .refuse_when_down = chance(w, 30),
                                             .member_first = members,
                                             .member_count = count };
        members += count;
    }
    for (unsigned i = 0; i < LISTENERS; i++)
        w->listeners[i] = (struct pol_listener){ below(w, SERVERS),
                                                 chance(w, 30) ? 3 : 0,
                                                 chance(w, 30) ? 2 : 0,
                                                 chance(w, 70) ? BIND_TIME : 0,
                                                 chance(w, 50) ? PATIENCE : 0,
                                                 chance(w, 30) ? PATIENCE : 0 };
    for (unsigned i = 0; i < CLIENTS; i++)
        w->clients[i].id.index = i;
    for (unsigned i = 0; i < LINKS; i++)
        w->links[i].id.index = i;
    for (unsigned i = 0; i < CALLS; i++)
        w->calls[i].id.index = i;
    for (unsigned i = 0; i < MOST_MEMBERS; i++)
        w->members[i].trial = POL_NONE;
    w->member_count = members;
    struct pol_settings settings = settings_of(w);
    w->brain = pol_create(&settings);
    assert_non_null(w->brain);
}

/* Nobody does anything any more, except that sockets that were closed at once go: time alone must end it all. */
static void wait_for_the_end(struct world *w)
{
    for (unsigned rounds = 0; !pol_drained(w->brain); rounds++) {
        must(w, rounds < 200, "the drain does not end");
        bool gone = false;
        for (unsigned i = 0; i < CLIENTS; i++)
            if (w->clients[i].used && w->clients[i].forced) {
                w->clients[i].used = false;
                gone = true;
                tell(w, of_client(&w->clients[i], POL_CLIENT_GONE));
            }
        for (unsigned i = 0; i < LINKS; i++)
            if (w->links[i].used && w->links[i].forced) {
                w->links[i].used = false;
                gone = true;
                tell(w, of_link(&w->links[i], POL_LINK_GONE));
            }
        if (gone)
            continue;
        must(w, pol_next_wake(w->brain) != INT64_MAX, "nothing will ever end this");
        w->now = pol_next_wake(w->brain);
        tell(w, event(POL_TICK));
    }
    for (unsigned i = 0; i < CALLS; i++)
        must(w, !w->calls[i].used, "a call has no end");
    for (uint32_t i = 0; i < SERVERS; i++)
        must(w, pol_calls_inside(w->brain, i) == 0 && pol_calls_waiting(w->brain, i) == 0, "a slot is lost");
}

static void schedule(uint64_t seed)
{
    struct world w;
    begin(&w, seed);
    unsigned steps = below(&w, STEPS), more = below(&w, 400);
    for (unsigned i = 0; i < steps; i++)
        do_something(&w);
    do_drain(&w);
    for (unsigned i = 0; i < more; i++)
        do_something(&w);
    if (chance(&w, 30))
        do_drain(&w);
    wait_for_the_end(&w);
    pol_destroy(w.brain);
}

static void test_schedules(void **state)
{
    (void)state;
    const char *seed = getenv("SEED"), *seeds = getenv("SEEDS");
    if (seed) {
        schedule(strtoull(seed, NULL, 10));
        return;
    }
    uint64_t count = seeds ? strtoull(seeds, NULL, 10) : 2000;
    for (uint64_t i = 1; i <= count; i++)
        schedule(i);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_schedules) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
