/* The life of a call: held or leased, written, answered, over. */
#include "brain.h"

#include "evidence.h"

/* Statuses that we send. Fault statuses are nca codes (C706 appendix E) where one exists that unmodified clients take for
 * the Win32 number, else that number itself. */
#define STATUS_CALL_FAILED     0x1c000012u /* nca_s_fault_unspec: Windows and Wine report 1726 */
#define STATUS_CALL_FAILED_DNE 0x000006bfu /* 1727; no nca code exists */
#define STATUS_CANCELLED       0x1c00000du /* nca_s_fault_cancel: Windows and Wine report 1818 */
#define STATUS_UNAVAILABLE     0x000006bau /* 1722; no nca code exists */

#define LEVEL_CONNECT     2
#define CALLBACK_CHECK    1000 /* ms */
#define ABANDONED_DEFAULT 16u  /* where calls are not limited */

static const struct pol_life life[] = {
    [CALL_FREE] = { "free", POL_MAY(CALL_WAITING) },
    [CALL_WAITING] = { "waiting", POL_MAY(CALL_INSIDE) | POL_MAY(CALL_FREE) },
    [CALL_INSIDE] = { "inside",
                      POL_MAY(CALL_ANSWERING) | POL_MAY(CALL_AGAIN) | POL_MAY(CALL_ABANDONED) | POL_MAY(CALL_FREE) },
    [CALL_AGAIN] = { "again", POL_MAY(CALL_INSIDE) | POL_MAY(CALL_FREE) },
    [CALL_ANSWERING] = { "answering", POL_MAY(CALL_FREE) },
    [CALL_ABANDONED] = { "abandoned", POL_MAY(CALL_FREE) },
};

static void move(struct pol_brain *b, uint32_t call, enum call_state to)
{
    struct call *k = &b->calls[call];
    pol_move(life, &k->state, to);
    assert(to == CALL_FREE || to == CALL_WAITING || to == CALL_AGAIN || k->link != POL_NONE);
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
        .presentation = b->clients[client].state == CLIENT_PLAIN ? e->presentation : 0,
        .operation = (uint64_t)e->presentation << 40 | (uint64_t)e->rule << 16 | e->opnum,
        .alone = e->alone,
        .kept = e->kept,
        .idempotent = e->idempotent,
        .whole_only = e->whole_only,
        .begun = b->now,
        .waits_since = b->now,
        .rules = b->rules[e->rule < b->rule_count ? e->rule : 0],
        .client = client,
        .link = POL_NONE,
        .server = b->clients[client].server,
        .next = POL_NONE,
        .previous = POL_NONE,
    };
    move(b, e->call.index, CALL_WAITING);
}

static int64_t earlier(int64_t at, int64_t since, int64_t time)
{
    return time && since + time < at ? since + time : at;
}

static int64_t deadline_at(const struct call *k)
{
    return k->rules.pending ? POL_NEVER : earlier(POL_NEVER, k->begun, k->rules.deadline);
}

static int64_t long_at(const struct call *k)
{
    return k->is_long ? POL_NEVER : earlier(POL_NEVER, k->leased, k->rules.com_timeout);
}

/* What it has seen of progress is looked at when it is due, not each time there is some. Of a call for which nobody waits any
 * more it matters only whether its server is still there. */
static int64_t due_at(const struct call *k)
{
    const struct pol_call_rules *rules = &k->rules;
    int64_t at = long_at(k);
    if (rules->pending || k->client == POL_NONE || k->state == CALL_ABANDONED)
        return at;
    at = earlier(at, k->begun, rules->deadline);
    return earlier(at, k->touched, rules->call_timeout);
}

/* Not in line, so only its deadline counts. */
void pol_call_stand(struct pol_brain *b, uint32_t call)
{
    set_deadline(b, call, deadline_at(&b->calls[call]));
}

void pol_call_wait(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    int64_t at = earlier(POL_NEVER, k->begun, k->rules.deadline);
    set_deadline(b, call, earlier(at, k->waits_since, b->servers[k->server].settings.waiting_longest));
    if (k->presentation && b->servers[k->server].away)
        pol_call_away(b, call);
}

/* Its client may wait for a server that is busy longer than for one that is not there. */
void pol_call_away(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    uint32_t who = b->max_clients + b->max_links + 1 + call;
    int64_t at = k->waits_since + b->servers[k->server].settings.unavailable_wait;
    at = at > b->now ? at : b->now;
    if (pol_deadline_at(&b->deadlines, who) > at)
        set_deadline(b, call, at);
}

static void join_link(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct link *l = &b->links[k->link];
    k->previous = POL_NONE; /* it may have been on another one before */
    k->next = l->first_call;
    if (k->next != POL_NONE)
        b->calls[k->next].previous = call;
    l->first_call = call;
    l->calls++;
    b->members[l->member].inside++;
}

static void join_client(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct client *c = &b->clients[k->client];
    k->client_previous = POL_NONE;
    k->client_next = c->first_call;
    if (k->client_next != POL_NONE)
        b->calls[k->client_next].client_previous = call;
    c->first_call = call;
    c->calls++;
}

/* It is over, given up, or its client has gone: nobody waits for it there. */
static void leave_client(struct pol_brain *b, struct call *k)
{
    struct client *c = &b->clients[k->client];
    *(k->client_previous == POL_NONE ? &c->first_call : &b->calls[k->client_previous].client_next) = k->client_next;
    if (k->client_next != POL_NONE)
        b->calls[k->client_next].client_previous = k->client_previous;
    c->calls--;
}

void pol_call_lease(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct client *c = &b->clients[k->client];
    if (!k->presentation)
        k->link = c->link;
    join_link(b, call);
    if (k->state == CALL_WAITING) {
        c->front = FRONT_EMPTY;
        join_client(b, call);
    }
    move(b, call, CALL_INSIDE);
    k->attempts = (uint8_t)(k->attempts < UINT8_MAX ? k->attempts + 1 : k->attempts);
    k->version = b->members[b->links[k->link].member].settings.version;
    k->was_refused = false;
    b->links[k->link].alone = b->links[k->link].alone || k->alone;
    if (k->presentation)
        pol_pool_open(b, k->link);
    k->leased = k->touched = b->now;
    set_deadline(b, call, due_at(k));
    struct pol_action *a = pol_emit(b, POL_LEASE);
    a->call = pol_call_id(b, call);
    a->client = pol_client_id(b, k->client);
    a->link = pol_link_id(b, k->link);
    if (k->presentation)
        pol_pool_balance(b, call);
}

static void leave_link(struct pol_brain *b, struct call *k)
{
    struct link *l = &b->links[k->link];
    if (k->is_long)
        pol_probe_long_call_over(b, (uint32_t)(k - b->calls));
    k->is_long = false;
    *(k->previous == POL_NONE ? &l->first_call : &b->calls[k->previous].next) = k->next;
    if (k->next != POL_NONE)
        b->calls[k->next].previous = k->previous;
    l->abandoned -= k->state == CALL_ABANDONED;
    l->deserted -= k->client == POL_NONE && k->state != CALL_ABANDONED;
    l->alone = l->alone && !k->alone;
    if (k->alone && k->client != POL_NONE)
        pol_credit_sent(b, k->client);
    pol_credit_read_again(b, (uint32_t)(k - b->calls));
    b->members[l->member].inside--;
    if (--l->calls == 0)
        l->callbacks = 0; /* one that was not answered went with the call that it was nested in */
}

/* What it waited for was a link, and that came to nothing at its bind. */
static bool is_unbound(const struct pol_brain *b, const struct call *k)
{
    int64_t at = b->servers[k->server].unbound_at;
    return k->presentation && at != POL_NEVER && at >= k->waits_since;
}

/* It can only be said of a call that it has not run if that holds for each of its attempts. */
static enum pol_proof proof_of(const struct pol_brain *b, const struct call *k, bool answered)
{
    if (k->may_have_run)
        return POL_UNPROVEN;
    if (k->state == CALL_AGAIN)
        return (enum pol_proof)k->proof; /* of the last one */
    bool leased = k->state != CALL_WAITING;
    bool bind_failed = is_unbound(b, k);
    return pol_provably_not_run((struct pol_evidence){
        .dial_failed = !leased && !bind_failed && k->client != POL_NONE &&
                       (k->is_away || b->clients[k->client].state == CLIENT_UNAVAILABLE),
        .bind_failed = bind_failed,
        .leased = leased,
        .first_done = k->first_done,
        .last_done = k->last_done,
        .whole_only = k->whole_only,
        .answered = answered,
        .fault_dne = k->fault && k->dne,
    });
}

static enum pol_ending given_up(const struct call *k)
{
    return k->cancelled ? POL_CANCELLED : POL_TIMED_OUT;
}

static uint8_t farewell(const struct pol_brain *b, const struct call *k)
{
    bool forbidden = k->level >= LEVEL_CONNECT || (k->rules.farewell == POL_SAY_ORPHANED && !b->links[k->link].keeps);
    return forbidden ? POL_SAY_NOTHING : k->rules.farewell;
}

/* Its line is written when its client is told; what becomes of it afterwards concerns the server alone. */
static void abandon(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct pol_action *a = pol_emit(b, POL_ABANDON);
    a->call = pol_call_id(b, call);
    a->link = pol_link_id(b, k->link);
    a->ending = given_up(k);
    a->farewell = farewell(b, k);
    k->orphaned = k->orphaned || a->farewell == POL_SAY_ORPHANED;
    move(b, call, CALL_ABANDONED);
    set_deadline(b, call, due_at(k));
    b->links[k->link].abandoned++;
    b->servers[k->server].abandoned++;
    struct client *client = &b->clients[k->client];
    leave_client(b, k);
    if (!k->presentation && client->front == FRONT_CALL && b->calls[client->call].in_line)
        pol_admit_leave(b, client->call); /* what its client asked next waits behind it, and not in line */
}

static void emit_end(struct pol_brain *b, uint32_t call, enum pol_ending ending, bool answered)
{
    struct call *k = &b->calls[call];
    struct pol_action *a = pol_emit(b, k->state == CALL_ABANDONED ? POL_RELEASE : POL_END);
    a->call = pol_call_id(b, call);
    if (k->state == CALL_ABANDONED)
        return;
    a->ending = (uint8_t)ending;
    a->proof = (uint8_t)proof_of(b, k, answered);
}

static void end(struct pol_brain *b, uint32_t call, enum pol_ending ending, bool answered)
{
    struct call *k = &b->calls[call];
    emit_end(b, call, ending, answered);
    set_deadline(b, call, POL_NEVER);
    pol_admit_leave(b, call);
    if (k->state == CALL_WAITING)
        b->clients[k->client].front = FRONT_EMPTY;
    else if (k->client != POL_NONE && k->state != CALL_ABANDONED)
        leave_client(b, k);
    bool has_link = k->state != CALL_WAITING && k->state != CALL_AGAIN, frees = has_link && k->presentation;
    if (has_link)
        leave_link(b, k);
    move(b, call, CALL_FREE);
    if (frees)
        pol_pool_open(b, k->link);
}

/* It stays inside its server. One whose client is told that it was given up has left it already. */
void pol_call_orphan(struct pol_brain *b, uint32_t call, enum pol_reason reason)
{
    struct call *k = &b->calls[call];
    k->left_by = (uint8_t)reason;
    if (k->client != POL_NONE && k->state != CALL_ABANDONED) {
        leave_client(b, k);
        b->links[k->link].deserted++;
    }
    if (k->is_long && k->client != POL_NONE)
        pol_probe_client_over(b, k->client);
    k->client = POL_NONE;
    pol_credit_read_again(b, (uint32_t)(k - b->calls));
}

void pol_call_end(struct pol_brain *b, uint32_t call, enum pol_ending ending)
{
    end(b, call, ending, false);
}

static bool is_by_us(uint8_t reason)
{
    return reason == POL_BY_CALL_TIMEOUT || reason == POL_BY_REFUSAL || reason == POL_BY_GROUP_GUARD ||
           reason == POL_BY_SERVER_FIN || reason == POL_BY_SERVER_RESET || reason == POL_BY_SERVER_BAD ||
           reason == POL_BY_BROKEN_PROMISE;
}

/* How a call ends whose client is not there any more: did it leave, or did we end its connection? */
static enum pol_ending left(const struct call *k)
{
    if (k->overdue && k->presentation)
        return given_up(k);
    return is_by_us(k->left_by) ? POL_CUT_OFF : POL_CLIENT_LEFT;
}

/* And that was to be sent up once more. */
static enum pol_ending left_again(const struct call *k)
{
    enum pol_ending unsent = is_by_us(k->left_by) ? POL_NOT_SENT : POL_WITHDRAWN;
    return k->may_have_run ? left(k) : unsent;
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
    if (!k)
        return;
    k->orphaned = true;
    if (k->presentation && k->state == CALL_INSIDE) { /* other calls need its link */
        pol_call_orphan(b, e->call.index, POL_BY_CLIENT_FIN);
        pol_pool_open(b, k->link);
    }
}

void pol_call_accepted(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || k->state == CALL_WAITING || k->state == CALL_AGAIN)
        return;
    k->first_done = e->first_done;
    k->last_done = e->last_done;
    k->touched = b->now;
    if (k->alone && k->last_done) {
        b->links[k->link].alone = false;
        pol_pool_open(b, k->link);
        if (k->client != POL_NONE)
            pol_credit_sent(b, k->client);
    }
    if (!k->maybe || !k->last_done)
        return;
    uint32_t client = k->client, link = k->link;
    pol_call_end(b, e->call.index, POL_MAYBE_SENT);
    over(b, client, link);
}

void pol_call_progress(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (k)
        k->touched = b->now;
}

/* A late answer goes nowhere: its client has been told. */
static void swallow(struct pol_brain *b, const struct call *k, struct pol_id call)
{
    struct pol_action *a = pol_emit(b, POL_SWALLOW);
    a->call = call;
    a->link = pol_link_id(b, k->link);
}

#define STATUS_TOO_BUSY       0x1c010014u /* nca_s_server_too_busy */
#define STATUS_TOO_BUSY_WIN32 0x000006bbu /* 1723 */

static bool is_busy(const struct pol_event *e)
{
    return e->fault && e->dne && (e->status == STATUS_TOO_BUSY || e->status == STATUS_TOO_BUSY_WIN32);
}

/* Its attempt came to nothing. It holds no slot and no link while it waits for the next one. */
static void again(struct pol_brain *b, uint32_t call, enum pol_proof proof)
{
    struct call *k = &b->calls[call];
    uint32_t link = k->link;
    struct pol_action *a = pol_emit(b, POL_AGAIN);
    a->call = pol_call_id(b, call);
    a->proof = (uint8_t)proof;
    k->proof = (uint8_t)proof;
    k->may_have_run = k->may_have_run || proof == POL_UNPROVEN;
    pol_admit_leave(b, call);
    leave_link(b, k);
    move(b, call, CALL_AGAIN);
    k->link = POL_NONE;
    k->first_done = k->last_done = k->fault = k->dne = false;
    k->waits_since = b->now;
    set_deadline(b, call, b->now + pol_retry_backoff(b, k));
    pol_pool_open(b, link);
}

void pol_answer_begin(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (k && k->state == CALL_ABANDONED) {
        pol_member_well(b, b->links[k->link].member);
        swallow(b, k, e->call);
    }
    if (!k || k->state != CALL_INSIDE)
        return;
    pol_member_well(b, b->links[k->link].member);
    if (is_busy(e))
        pol_busy_refused(b, k);
    k->was_refused = is_busy(e);
    if (is_busy(e) && pol_retry_may(b, e->call.index, POL_P5_FAULT_DNE)) {
        swallow(b, k, e->call);
        k->refusal = e->status;
        again(b, e->call.index, POL_P5_FAULT_DNE);
        return;
    }
    move(b, e->call.index, CALL_ANSWERING);
    k->touched = b->now;
    k->fault = e->fault;
    k->dne = e->dne;
    pol_link_fault(&b->links[k->link], e);
    k->condemns = k->presentation && pol_is_about_connection(e);
    struct pol_action *a = pol_emit(b, k->client == POL_NONE ? POL_SWALLOW : POL_PASS);
    a->may_have_run = k->may_have_run;
    a->call = e->call;
    a->link = pol_link_id(b, k->link);
    pol_credit_answering(b, e->call.index);
}

void pol_answer_end(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || (k->state != CALL_ANSWERING && k->state != CALL_ABANDONED))
        return;
    uint32_t client = k->client, link = k->link;
    pol_retry_deposit(b, k->server);
    if (!k->was_refused)
        pol_busy_answered(b, k);
    bool was_abandoned = k->state == CALL_ABANDONED, condemns = k->condemns && client != POL_NONE;
    k->fault = k->fault || e->fault; /* a fault may end a response that has begun */
    end(b, e->call.index, client == POL_NONE ? left(k) : k->fault ? POL_FAULTED : POL_ANSWERED, true);
    if (was_abandoned && client != POL_NONE && b->links[link].abandoned == 0)
        pol_client_unblocked(b, client);
    if (condemns) /* by a FIN, as the server does; but then others that are inside would wait for ever */
        pol_client_cut(b, client, b->clients[client].first_call != POL_NONE, POL_BY_SERVER_FIN);
    else
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

/* An attempt that came to nothing before may have run all the same. */
void pol_call_refuse(struct pol_brain *b, uint32_t call, enum pol_ending ending, uint32_t status)
{
    bool may_have_run = b->calls[call].may_have_run;
    fault(b, call, may_have_run ? STATUS_CALL_FAILED : status, !may_have_run);
    pol_call_end(b, call, may_have_run ? POL_SERVER_LOST : ending);
}

/* ---- time-outs ---- */

static bool too_many_abandoned(const struct server *s)
{
    uint32_t most = s->settings.abandoned ? s->settings.abandoned : s->settings.calls;
    return s->abandoned >= (most ? most : ABANDONED_DEFAULT);
}

/* 1818 for the client. The server is not told: it goes on, and what it does still counts. Only where that cannot be, its
 * connection is given up: a request was not written whole, an answer has begun, the server waits for an answer of the client's,
 * or too many are abandoned already. */
static void give_up(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    uint32_t client = k->client;
    if (k->presentation && k->state == CALL_ANSWERING) { /* others share the link; its client alone is cut */
        k->overdue = true;
        pol_client_cut(b, client, true, POL_BY_CALL_TIMEOUT);
        return;
    }
    bool settling = b->links[k->link].state == LINK_SETTLING; /* because of another of its calls */
    bool called_back = b->links[k->link].callbacks > 0;       /* whose answer the server would wait for, for ever */
    if (settling || called_back || k->state == CALL_ANSWERING || !k->last_done ||
        too_many_abandoned(&b->servers[k->server])) {
        k->overdue = true;
        if (!settling)
            pol_link_settle(b, k->link, true, POL_BY_CALL_TIMEOUT);
        return;
    }
    fault(b, call, STATUS_CANCELLED, false);
    abandon(b, call);
    if (k->presentation)
        pol_call_orphan(b, call, POL_BY_CALL_TIMEOUT);
    if (k->level >= POL_LEVEL_PACKET)
        pol_client_timed_out(b, client);
    else
        pol_client_call_over(b, client);
}

static void time_out(struct pol_brain *b, uint32_t call)
{
    const struct link *l = &b->links[b->calls[call].link];
    if (l->pauses == 0) /* else it is we who do not listen */
        pol_member_failed(b, l->member);
    give_up(b, call);
}

/* What it is told is what is true of all its attempts. */
static void give_up_again(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    uint32_t client = k->client;
    if (k->was_refused && !k->may_have_run) {
        fault(b, call, k->refusal, true);
        pol_call_end(b, call, POL_FAULTED);
    } else {
        pol_call_refuse(b, call, k->is_away ? POL_UNAVAILABLE : POL_REFUSED,
                        k->is_away ? STATUS_UNAVAILABLE : STATUS_TOO_BUSY);
    }
    pol_client_call_over(b, client);
}

/* It has paused long enough, or waited in line for too long; or nobody waits for it any more. */
static void again_due(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (k->client == POL_NONE) {
        pol_call_end(b, call, left_again(k));
        return;
    }
    enum admission admission = k->in_line || b->drain_over ? REFUSED : pol_admit(b, call);
    if (admission == ADMITTED)
        pol_call_lease(b, call);
    else if (admission == REFUSED)
        give_up_again(b, call);
    else
        pol_call_wait(b, call);
}

void pol_call_hasten(struct pol_brain *b, uint32_t call)
{
    set_deadline(b, call, b->now);
    b->hastened = true;
}

void pol_call_withdraw(struct pol_brain *b, uint32_t call, enum pol_reason reason)
{
    struct call *k = &b->calls[call];
    k->left_by = (uint8_t)reason;
    pol_admit_leave(b, call);
    leave_client(b, k);
    k->client = POL_NONE;
    pol_call_hasten(b, call);
}

void pol_call_due(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (k->state == CALL_WAITING || k->state == CALL_AGAIN) {
        bool is_away = k->presentation && b->servers[k->server].away;
        k->is_away = is_away && k->waits_since + b->servers[k->server].settings.unavailable_wait <= b->now;
        if (k->state == CALL_WAITING)
            pol_client_waited_enough(b, k->client);
        else
            again_due(b, call);
        return;
    }
    if (long_at(k) <= b->now) {
        k->is_long = true;
        pol_probe_long_call(b, call);
    }
    const struct link *l = &b->links[k->link];
    int64_t held_until = l->pauses > 0 ? b->now : l->held_until; /* its server may have answered meanwhile */
    k->touched = k->touched < held_until ? held_until : k->touched;
    if (due_at(k) > b->now)
        set_deadline(b, call, due_at(k));
    else if (l->callbacks > 0 && deadline_at(k) > b->now) /* its server waits for its client */
        set_deadline(b, call,
                     earlier(long_at(k) < deadline_at(k) ? long_at(k) : deadline_at(k), b->now, CALLBACK_CHECK));
    else
        time_out(b, call);
}

/* As a time-out, but it says nothing of the server. */
void pol_call_cancel(struct pol_brain *b, const struct pol_event *e)
{
    struct call *k = find(b, e->call);
    if (!k || k->state == CALL_ABANDONED || k->client == POL_NONE)
        return;
    if (k->state == CALL_WAITING) {
        pol_client_cancel(b, k->client);
        return;
    }
    k->cancelled = true;
    if (k->state == CALL_AGAIN) {
        uint32_t client = k->client;
        fault(b, e->call.index, STATUS_CANCELLED, !k->may_have_run);
        pol_call_end(b, e->call.index, POL_CANCELLED);
        pol_client_call_over(b, client);
        return;
    }
    give_up(b, e->call.index);
}

/* ---- lost ---- */

/* The table "What the client is told": 1726 below level packet, else a reset; with a proof 1727 at any level. An
 * answer that has begun can only be cut: a fault after part of a response is not for every client. Where the server has
 * condemned the connection, it has told. */
void pol_call_lost(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct link *l = &b->links[k->link];
    bool drained = l->reason == POL_BY_DRAIN, condemned = l->condemned && !k->presentation;
    uint32_t client = k->client;
    bool cut_off = l->reason == POL_BY_CALL_TIMEOUT;
    enum pol_ending ending = k->overdue ? given_up(k) : cut_off ? POL_CUT_OFF : POL_SERVER_LOST;
    if (k->client == POL_NONE) {
        pol_call_end(b, call, drained ? POL_DRAINED : left(k));
    } else if (k->state == CALL_ABANDONED) {
        pol_call_end(b, call, POL_TIMED_OUT); /* its line is written */
    } else if (k->state == CALL_ANSWERING) {
        l->untold = true;
        pol_call_end(b, call, cut_off ? ending : POL_ANSWER_CUT);
        if (k->presentation)
            pol_client_cut(b, client, true, (enum pol_reason)l->reason);
        client = POL_NONE;
    } else if (pol_retry_may(b, call, proof_of(b, k, false))) {
        again(b, call, proof_of(b, k, false));
        return;
    } else if (condemned) {
        pol_call_end(b, call, proof_of(b, k, false) == POL_UNPROVEN ? POL_SERVER_LOST : POL_NOT_SENT);
    } else if (proof_of(b, k, false) != POL_UNPROVEN) {
        *(k->level < POL_LEVEL_PACKET ? &l->told : &l->told_signed) = true;
        pol_call_refuse(b, call, drained ? POL_DRAINED : POL_NOT_SENT, STATUS_CALL_FAILED_DNE);
    } else {
        bool tell = k->level < POL_LEVEL_PACKET || k->overdue;
        if (tell)
            fault(b, call, k->overdue ? STATUS_CANCELLED : STATUS_CALL_FAILED, false);
        *(!tell ? &l->untold : k->level < POL_LEVEL_PACKET ? &l->told : &l->told_signed) = true;
        pol_call_end(b, call, drained ? POL_DRAINED : ending);
    }
    if (k->presentation && client != POL_NONE)
        pol_client_call_over(b, client);
}
