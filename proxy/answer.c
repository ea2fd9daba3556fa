/* A function for the rows of each table. */
#include "answer.h"

#include <stdio.h>

#include "calllog.h"
#include "downstream.h"
#include "origin.h"
#include "pooled.h"
#include "sentence.h"
#include "upstream.h"

#define ROWS_A_SLICE  1024u
#define BYTES_A_SLICE 16384u

/* Looks at the row answer->at and writes its line, if there is one. False behind the last row. */
typedef bool row_function(struct px_loop *loop, struct px_answer *answer, struct px_log *out);

static void put_truth(struct px_log *out, struct px_log_key key, bool truth)
{
    const char *word = truth ? "true" : "false";
    px_log_put_key(out, key);
    px_log_put(out, word, strlen(word));
}

static void put_limit(struct px_log *out, struct px_log_key key, uint32_t limit)
{
    if (limit)
        px_log_number(out, key, limit);
    else
        px_log_word(out, key, NULL);
}

/* ---- servers, clients, links, counters ---- */

static void put_member(struct px_loop *loop, struct px_log *out, uint32_t member, bool down, uint32_t *count)
{
    if (down && pol_member_up(loop->brain, member))
        return;
    if ((*count)++ > 0)
        px_log_put(out, ",", 1);
    px_log_put_text(out, loop->roster.members[member].text);
}

/* All of them, or those that are down; the destinations that clients have. */
static void put_members(struct px_loop *loop, struct px_log *out, uint32_t server, bool down)
{
    uint32_t first = loop->roster.first[server], count = 0;
    px_log_put(out, "[", 1);
    for (uint32_t i = first; i < first + loop->settings->servers[server].member_count; i++)
        put_member(loop, out, i, down, &count);
    for (uint32_t at = POL_NONE; px_origin_next(&loop->roster, server, &at);)
        if (at != server && loop->roster.destinations[at - PX_MOST_SERVERS].users > 0)
            put_member(loop, out, PX_MOST_MEMBERS + at - PX_MOST_SERVERS, down, &count);
    px_log_put(out, "]", 1);
}

static uint32_t sum(const struct px_loop *loop, uint32_t server,
                    uint32_t count(const struct pol_brain *brain, uint32_t server))
{
    return px_origin_sum(&loop->roster, loop->brain, server, count);
}

static bool server_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    uint32_t i = answer->at;
    if (i >= loop->settings->server_count)
        return false;
    const struct px_server *server = &loop->settings->servers[i];
    if (server->retired && loop->server_links[i] == 0)
        return true;
    px_log_begin(out, "server");
    px_log_text(out, PX_LOG_KEY("name"), server->name);
    px_log_put_key(out, PX_LOG_KEY("members"));
    put_members(loop, out, i, false);
    px_log_put_key(out, PX_LOG_KEY("down"));
    put_members(loop, out, i, true);
    put_limit(out, PX_LOG_KEY("calls"), server->calls);
    px_log_number(out, PX_LOG_KEY("inside"), sum(loop, i, pol_calls_inside));
    px_log_number(out, PX_LOG_KEY("waiting"), sum(loop, i, pol_calls_waiting));
    px_log_number(out, PX_LOG_KEY("links"), loop->server_links[i]);
    px_log_number(out, PX_LOG_KEY("clients_waiting"), sum(loop, i, pol_clients_waiting));
    put_truth(out, PX_LOG_KEY("draining"), loop->draining || server->retired || pol_server_draining(loop->brain, i));
    px_log_end(out);
    return true;
}

static void put_traffic(struct px_log *out, const struct px_association *a, uint32_t open_calls)
{
    px_log_number(out, PX_LOG_KEY("calls"), a->calls);
    px_log_number(out, PX_LOG_KEY("open_calls"), open_calls);
    px_log_number(out, PX_LOG_KEY("bytes_in"), a->bytes_up);
    px_log_number(out, PX_LOG_KEY("bytes_out"), a->bytes_down);
}

static const char *client_state(const struct px_downstream *d)
{
    return d->is_closing                ? "closing"
           : d->front == PX_FRONT_ASKED ? "waiting"
           : d->ended                   ? "half-closed"
           : d->paused || d->full       ? "paused"
                                        : "open";
}

static bool client_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    if (answer->at >= loop->clients_high)
        return false;
    const struct px_downstream *d = loop->clients[answer->at];
    if (!d)
        return true;
    const struct px_listener *listener = &loop->settings->listeners[d->target.listener];
    px_log_begin(out, "client");
    px_log_number(out, PX_LOG_KEY("connection"), d->association->serial);
    px_log_word(out, PX_LOG_KEY("client"), d->association->client);
    px_log_text(out, PX_LOG_KEY("listener"), listener->text);
    px_log_text(out, PX_LOG_KEY("name"), loop->settings->servers[d->association->server_index].name);
    px_log_text(out, PX_LOG_KEY("server"), d->association->server);
    px_log_word(out, PX_LOG_KEY("state"), client_state(d));
    px_log_time(out, PX_LOG_KEY("age_us"), d->association->opened, loop->now);
    put_traffic(out, d->association, d->association->open_calls);
    px_log_number(out, PX_LOG_KEY("unread"), px_buffer_length(&d->socket.out));
    px_log_end(out);
    return true;
}

static const char *link_state(const struct px_upstream *u)
{
    if (u->pooled && u->connected && !u->is_closing)
        return u->pooled->binding ? "binding" : u->pooled->first_call == POL_NONE ? "idle" : "serving";
    return u->is_closing ? "closing" : !u->connected ? "dialling" : !u->downstream ? "orphaned" : "relaying";
}

/* The clients whose calls are on it, each for as many as it has. How many calls there are. */
static uint32_t put_holders(struct px_loop *loop, struct px_log *out, const struct px_upstream *u)
{
    uint32_t count = 0;
    px_log_put_key(out, PX_LOG_KEY("holders"));
    px_log_put(out, "[", 1);
    for (uint32_t i = u->pooled ? u->pooled->first_call : POL_NONE; i != POL_NONE;) {
        const struct px_call *k = px_call_at(&loop->calls, i);
        px_log_put(out, ",", count > 0);
        px_log_put_text(out, k->association->client);
        count++;
        i = k->link_next;
    }
    if (u->downstream)
        px_log_put_text(out, u->association->client);
    px_log_put(out, "]", 1);
    return u->pooled ? count : u->association->open_calls;
}

static bool link_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    if (answer->at >= loop->max_links)
        return false;
    const struct px_upstream *u = loop->links[answer->at];
    if (!u)
        return true;
    px_log_begin(out, "link");
    px_log_number(out, PX_LOG_KEY("connection"), u->association->serial);
    px_log_word(out, PX_LOG_KEY("class"), pol_link_class(loop->brain, u->id));
    px_log_text(out, PX_LOG_KEY("name"), loop->settings->servers[u->server].name);
    px_log_text(out, PX_LOG_KEY("server"), u->association->server);
    px_log_word(out, PX_LOG_KEY("client"), u->association->client);
    px_log_word(out, PX_LOG_KEY("state"), link_state(u));
    px_log_time(out, PX_LOG_KEY("age_us"), u->opened, loop->now);
    uint32_t open_calls = put_holders(loop, out, u);
    put_traffic(out, u->association, open_calls);
    px_log_number(out, PX_LOG_KEY("unread"), px_buffer_length(&u->socket.out));
    px_log_end(out);
    return true;
}

static bool counter_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    char name[PX_STATS_NAME] = "log.lines-lost";
    uint64_t value = loop->log.lost_ever;
    if (answer->at > 0 && !px_stats_row(&loop->stats, answer->at - 1, name, &value))
        return false;
    px_log_begin(out, "counter");
    px_log_word(out, PX_LOG_KEY("name"), name);
    px_log_number(out, PX_LOG_KEY("value"), value);
    px_log_end(out);
    return true;
}

/* ---- calls ---- */

static void put_call(struct px_log *out, const struct px_call *k)
{
    char name[PX_CALL_NAME];
    px_log_word(out, PX_LOG_KEY("call"), px_call_name_format(k, name));
    px_log_word(out, PX_LOG_KEY("client"), k->association->client);
    px_log_text(out, PX_LOG_KEY("server"), px_call_server(k));
    px_log_number(out, PX_LOG_KEY("connection"), k->association->serial);
    px_calllog_interface(out, k);
    px_log_number(out, PX_LOG_KEY("call_id"), k->call_id);
}

/* The open call of the row; NULL: none. *more: the table goes on. */
static const struct px_call *call_at(const struct px_loop *loop, uint32_t row, bool *more)
{
    *more = row < loop->calls.high;
    const struct px_call *k = *more ? px_call_at(&loop->calls, row) : NULL;
    return k && k->association ? k : NULL;
}

static bool call_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    bool more;
    const struct px_call *k = call_at(loop, answer->at, &more);
    if (!k)
        return more;
    px_log_begin(out, "open-call");
    put_call(out, k);
    px_log_word(out, PX_LOG_KEY("state"), px_call_state(k));
    px_log_time(out, PX_LOG_KEY("age_us"), k->begun, loop->now);
    px_log_time(out, PX_LOG_KEY("waited_us"), k->begun, k->leased ? k->leased_at : loop->now);
    px_log_number(out, PX_LOG_KEY("bytes_in"), k->bytes_in);
    px_log_number(out, PX_LOG_KEY("bytes_out"), k->bytes_out);
    px_log_end(out);
    return true;
}

static bool is_meant(const struct px_answer *answer, const struct px_call *k)
{
    return !answer->command.has_call || px_call_has_name(k, &answer->command.call);
}

/* The open call that is meant. */
static bool open_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    bool more;
    const struct px_call *k = call_at(loop, answer->at, &more);
    (void)out;
    if (k && is_meant(answer, k)) {
        answer->found++;
        answer->waits = k->id;
    }
    return more;
}

/* Open calls; then, where none of that name is open, those that have ended, the last one first. */
static bool wait_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    bool more = open_row(loop, answer, out);
    if (more || px_answer_awaited(loop, answer))
        return more;
    const struct px_ended *e = px_history_at(answer->history, answer->back++);
    if (!e || !is_meant(answer, &e->call))
        return e != NULL;
    answer->found = 1;
    px_calllog_line(out, &e->call, e->ending, e->proof, loop->now);
    return false;
}

/* A call that waits has its client, which knows its server. */
static struct px_line_before line_before(const struct px_loop *loop, const struct px_call *k)
{
    const struct px_downstream *d = k->client.index < loop->max_clients ? loop->clients[k->client.index] : NULL;
    if (!d || !pol_id_equal(d->id, k->client))
        return (struct px_line_before){ 0 };
    uint32_t server = d->association->server_index;
    uint32_t row = px_origin_server(&loop->roster, &d->target);
    return (struct px_line_before){ .server = loop->settings->servers[server].name,
                                    .inside = pol_calls_inside(loop->brain, row),
                                    .waiting = pol_calls_waiting(loop->brain, row),
                                    .calls = loop->settings->servers[server].calls };
}

static void put_explained(struct px_log *out, const struct px_call *k, const char *state, const char *sentence)
{
    char name[PX_CALL_NAME];
    px_log_begin(out, "explained");
    px_log_word(out, PX_LOG_KEY("call"), px_call_name_format(k, name));
    px_log_word(out, PX_LOG_KEY("state"), state);
    px_log_text(out, PX_LOG_KEY("sentence"), sentence);
    px_log_end(out);
}

static bool explain_row(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    char text[PX_SENTENCE];
    bool more;
    const struct px_call *k = call_at(loop, answer->at, &more);
    if (k && is_meant(answer, k)) {
        struct px_line_before line = line_before(loop, k);
        answer->found++;
        px_sentence_open(k, &line, loop->now, text);
        put_explained(out, k, px_call_state(k), text);
    }
    if (more)
        return true;
    const struct px_ended *e = px_history_at(answer->history, answer->back++);
    if (e && is_meant(answer, &e->call)) {
        answer->found++;
        px_sentence_ended(&e->call, e->ending, e->proof, loop->now, text);
        put_explained(out, &e->call, "ended", text);
    }
    return e != NULL;
}

struct px_call *px_answer_awaited(const struct px_loop *loop, const struct px_answer *answer)
{
    if (answer->found == 0 || answer->waits.index >= loop->calls.high)
        return NULL;
    struct px_call *k = px_call_at(&loop->calls, answer->waits.index);
    return k->association && pol_id_equal(k->id, answer->waits) ? k : NULL;
}

static void begin_event(struct px_log *out, const struct px_call *k, const char *event)
{
    px_log_begin(out, "event");
    px_log_word(out, PX_LOG_KEY("event"), event);
    put_call(out, k);
}

void px_answer_event(struct px_log *out, const struct px_call *k, const char *event)
{
    begin_event(out, k, event);
    px_log_end(out);
}

void px_answer_event_ended(struct px_log *out, const struct px_call *k, unsigned ending, unsigned proof,
                           int64_t now_us)
{
    begin_event(out, k, "ended");
    px_log_time(out, PX_LOG_KEY("total_us"), k->begun, k->ended >= 0 ? k->ended : now_us);
    px_log_word(out, PX_LOG_KEY("evidence"), px_call_evidence(k));
    px_log_word(out, PX_LOG_KEY("proof"), proof ? pol_proof_name(proof) : NULL);
    px_log_word(out, PX_LOG_KEY("end"), pol_ending_name(ending));
    px_log_end(out);
}

/* ---- slices ---- */

static row_function *const tables[PX_COMMAND_KINDS] = {
    [PX_COMMAND_SERVERS] = server_row,  [PX_COMMAND_LINKS] = link_row,       [PX_COMMAND_CLIENTS] = client_row,
    [PX_COMMAND_CALLS] = call_row,      [PX_COMMAND_COUNTERS] = counter_row, [PX_COMMAND_WAIT] = wait_row,
    [PX_COMMAND_EXPLAIN] = explain_row, [PX_COMMAND_CANCEL] = open_row,
};

bool px_answer_slice(struct px_loop *loop, struct px_answer *answer, struct px_log *out)
{
    for (unsigned i = 0; i < ROWS_A_SLICE && out->length < BYTES_A_SLICE; i++, answer->at++)
        if (!tables[answer->command.kind](loop, answer, out))
            return true;
    return false;
}

void px_answer_end(struct px_log *out, const char *error)
{
    static const char end[] = "{\"end\":true}\n", begin[] = "{\"error\":";
    if (!error) {
        px_log_put(out, end, sizeof end - 1);
        return;
    }
    px_log_put(out, begin, sizeof begin - 1);
    px_log_put_text(out, error);
    px_log_put(out, "}\n", 2);
}
