/* Which server and which rules a call would have had is for the proxy's own settings to say. */
#include "inspect_whatif.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../proxy/call_rules.h"
#include "../proxy/roster.h"
#include "inspect_json.h"
#include "inspect_replay.h"
#include "inspect_rows.h"

#define MS 1000000

struct whatif {
    const char *file;
    struct px_settings settings;
    struct px_roster roster;
    struct replay_server *servers;
    struct replay_call *calls;
    uint32_t count;
    uint32_t room;
    uint64_t elsewhere; /* calls to no server of the settings */
    uint64_t unknown;   /* of which the capture does not have the end */
    uint64_t pipes;     /* over SMB, or called back */
};

/* Of several listeners of a server the first: which one a client would have come by is not known. */
static void describe_servers(struct whatif *w)
{
    const struct px_settings *s = &w->settings;
    for (uint32_t i = 0; i < s->server_count; i++) {
        const struct px_server *server = &s->servers[i];
        w->servers[i].listener = REPLAY_NONE;
        w->servers[i].dead_after = server->keepalive_every * MS * server->keepalive_losses;
        for (uint32_t l = s->listener_count; l-- > 0;)
            if (s->listeners[l].server == i)
                w->servers[i].listener = l;
    }
}

struct whatif *whatif_new(const char *settings_file)
{
    static const struct px_overrides none = { 0 };
    struct whatif *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->file = settings_file;
    unsigned errors = px_settings_load(settings_file, &none, &w->settings, stderr);
    w->servers = errors == 0 ? calloc(w->settings.server_count + 1, sizeof(*w->servers)) : NULL;
    if (w->servers == NULL || !px_roster_init(&w->roster) || !px_roster_fits(&w->roster, &w->settings)) {
        whatif_free(w);
        return NULL;
    }
    px_roster_take(&w->roster, &w->settings);
    describe_servers(w);
    return w;
}

/* ---- which calls ---- */

static bool is_at(const struct px_address *a, const struct dis_endpoint *e)
{
    if (e->version == 4)
        return a->any.sa_family == AF_INET && ntohs(a->v4.sin_port) == e->port &&
               memcmp(&a->v4.sin_addr, e->address, 4) == 0;
    return a->any.sa_family == AF_INET6 && ntohs(a->v6.sin6_port) == e->port &&
           memcmp(&a->v6.sin6_addr, e->address, 16) == 0;
}

/* The server that has this member; where the settings have one server, that. */
static uint32_t server_of(const struct whatif *w, const struct dis_endpoint *e)
{
    const struct px_settings *s = &w->settings;
    for (uint32_t i = 0; i < s->server_count; i++)
        for (unsigned m = 0; m < s->servers[i].member_count; m++)
            if (is_at(&s->servers[i].members[m].address, e) && w->servers[i].listener != REPLAY_NONE)
                return i;
    return s->server_count == 1 && w->servers[0].listener != REPLAY_NONE ? 0 : REPLAY_NONE;
}

static struct pol_identity identity_of(const struct dis_endpoint *e)
{
    struct pol_identity identity;
    memcpy(&identity.high, e->address, sizeof(identity.high));
    memcpy(&identity.low, e->address + 8, sizeof(identity.low));
    return identity;
}

static uint32_t rule_of(const struct whatif *w, const struct dis_call *call, uint32_t server)
{
    const struct px_call_rules_table *table = w->settings.call_rules;
    return px_call_rules_row(call->has_interface ? px_call_rules_find(table, &call->interface) : &table->none, server,
                             call->opnum);
}

static int64_t after(int64_t from, const struct dis_place *to)
{
    return to->time > from ? to->time - from : 0;
}

/* When it was over for its client. */
static int64_t over_at(const struct dis_call *call)
{
    const struct dis_wire_way *server = &call->in->wire->way[!call->way];
    if (call->answer != DIS_NO_ANSWER)
        return call->answer_last.time;
    if (call->left)
        return call->left_at.time;
    return server->rst ? server->rst_at.time : server->fin ? server->fin_at.time : call->request_last.time;
}

static struct replay_call recorded(const struct whatif *w, const struct dis_call *call, uint32_t server,
                                   int64_t start)
{
    const struct dis_wire_way *end = &call->in->wire->way[!call->way];
    int64_t sent = call->request_last.time;
    bool answered = call->answer != DIS_NO_ANSWER;
    bool lost = !answered && dis_is_unanswered(call->ending) && (end->rst || end->fin);
    return (struct replay_call){
        .number = call->number,
        .connection = call->in->number,
        .client = identity_of(&call->in->end[call->way]),
        .server = server,
        .rule = rule_of(w, call, server),
        .status = call->status,
        .begun = after(start, &call->request_first),
        .over = over_at(call) - start,
        .first = answered ? after(sent, &call->answer_first) : -1,
        .last = answered ? after(sent, &call->answer_last) : -1,
        .left = call->left && !call->orphaned && !call->cancelled ? after(call->request_first.time, &call->left_at)
                                                                  : -1,
        .lost = lost ? after(sent, end->rst ? &end->rst_at : &end->fin_at) : -1,
        .captured = (uint8_t)call->ending,
        .level = call->auth_level != 0 ? call->auth_level : call->in->auth_level,
        .fault = call->answer == DIS_ANSWER_FAULT,
        .dne = call->did_not_execute,
        .maybe = call->ending == DIS_END_MAYBE,
    };
}

void whatif_call(struct whatif *w, const struct dis_call *call, int64_t start, bool host_gone)
{
    uint32_t server = server_of(w, &call->in->end[!call->way]);
    bool known = call->ending != DIS_END_GAP && call->ending != DIS_END_ONE_SIDED &&
                 call->ending != DIS_END_FORGOTTEN;
    if (call->in->transport != DIS_OVER_TCP || call->in->client == (int)!call->way) {
        w->pipes++;
    } else if (server == REPLAY_NONE) {
        w->elsewhere++;
    } else if (!known || !call->has_request) {
        w->unknown++;
    } else {
        if (w->count == w->room) {
            w->room = w->room == 0 ? 1024 : 2 * w->room;
            w->calls = reallocarray(w->calls, w->room, sizeof(*w->calls));
            if (w->calls == NULL)
                abort();
        }
        w->calls[w->count] = recorded(w, call, server, start);
        w->calls[w->count++].silent = host_gone;
    }
}

/* ---- what became of them ---- */

#define ENDINGS (POL_ENDINGS + 2u) /* and: turned away, not ended */

struct totals {
    uint64_t captured[DIS_END_COUNT];
    uint64_t endings[ENDINGS];
    uint64_t waited;
    uint64_t probed;
    int64_t longest;
};

static unsigned ending_index(const struct replay_call *k)
{
    return k->turned_away ? POL_ENDINGS : k->finished ? k->ending : POL_ENDINGS + 1;
}

static const char *ending_name(unsigned index)
{
    return index < POL_ENDINGS ? pol_ending_name(index) : index == POL_ENDINGS ? "turned-away" : "capture-ends";
}

/* In the line, or behind a call before it; a ms is what the brain counts in. */
static int64_t waited(const struct replay_call *k)
{
    int64_t until = k->sent >= 0 ? k->sent : k->ended;
    return k->began >= 0 && until - k->began >= MS ? until - k->began : 0;
}

static bool ends_as_captured(const struct replay_call *k)
{
    switch (k->captured) {
    case DIS_END_ANSWERED:
        return ending_index(k) == POL_ANSWERED;
    case DIS_END_FAULT:
        return ending_index(k) == POL_FAULTED;
    case DIS_END_MAYBE:
        return ending_index(k) == POL_MAYBE_SENT;
    case DIS_END_CAPTURE:
        return !k->finished;
    default:
        return k->left >= 0 ? ending_index(k) == POL_CLIENT_LEFT : ending_index(k) == POL_SERVER_LOST;
    }
}

static struct totals total(const struct whatif *w)
{
    struct totals t = { 0 };
    for (uint32_t i = 0; i < w->count; i++) {
        const struct replay_call *k = &w->calls[i];
        t.captured[k->captured]++;
        t.endings[ending_index(k)]++;
        t.waited += waited(k) > 0;
        t.probed += k->probed;
        if (waited(k) > t.longest)
            t.longest = waited(k);
    }
    return t;
}

static void put_json_call(FILE *out, const struct whatif *w, const struct replay_call *k)
{
    struct dis_sink sink;
    json_begin(&sink, out);
    json_text(&sink, "kind", "what-if");
    dis_put_number(&sink, "call", k->number, NULL);
    json_text(&sink, "server", w->settings.servers[k->server].name);
    json_text(&sink, "captured_end", dis_ending_name((enum dis_ending)k->captured));
    json_time(&sink, "captured_took", k->over - k->begun);
    json_text(&sink, "end", ending_name(ending_index(k)));
    json_time(&sink, "took", k->ended >= 0 ? k->ended - k->began : -1);
    json_time(&sink, "waited", waited(k));
    json_time(&sink, "later", k->began >= 0 ? k->began - k->begun : -1);
    json_number_if(&sink, "told", k->told != 0, k->told);
    dis_put_truth(&sink, "kept_alive", k->probed);
    json_end(&sink);
}

static void put_json_total(FILE *out, const struct whatif *w, const struct replay *r, const struct totals *t)
{
    struct dis_sink sink;
    json_begin(&sink, out);
    json_text(&sink, "kind", "what-if-total");
    json_text(&sink, "settings", w->file);
    dis_put_number(&sink, "calls", w->count, NULL);
    for (unsigned i = 0; i < ENDINGS; i++)
        dis_put_number(&sink, ending_name(i), t->endings[i], NULL);
    dis_put_number(&sink, "calls_that_waited", t->waited, NULL);
    json_time(&sink, "waited_longest", t->longest);
    dis_put_number(&sink, "calls_kept_alive", t->probed, NULL);
    dis_put_number(&sink, "reconnects", r->reconnects, NULL);
    dis_put_number(&sink, "to_other_servers", w->elsewhere, NULL);
    dis_put_number(&sink, "end_not_known", w->unknown, NULL);
    dis_put_number(&sink, "in_pipes", w->pipes, NULL);
    json_end(&sink);
}

static void put_counts(FILE *out, const char *what, const uint64_t *counts, unsigned count, bool captured)
{
    const char *before = "";
    fprintf(out, "  %-10s ", what);
    for (unsigned i = 0; i < count; i++)
        if (counts[i] > 0) {
            fprintf(out, "%s%" PRIu64 " %s", before, counts[i],
                    captured ? dis_ending_name((enum dis_ending)i) : ending_name(i));
            before = ", ";
        }
    fputc('\n', out);
}

static void put_text_total(FILE *out, const struct whatif *w, const struct replay *r, const struct totals *t)
{
    char time[ROWS_TIME];
    fprintf(out, "what if rpcward with %s: %" PRIu32 " calls\n", w->file, w->count);
    put_counts(out, "captured", t->captured, DIS_END_COUNT, true);
    put_counts(out, "with it", t->endings, ENDINGS, false);
    fprintf(out,
            "  %" PRIu64 " would have waited, %s at most; keep-alives for %" PRIu64
            "; connections opened anew: %" PRIu64 "\n",
            t->waited, rows_time(t->longest, time), t->probed, r->reconnects);
    if (w->elsewhere + w->unknown + w->pipes > 0)
        fprintf(out,
                "  not among them: %" PRIu64 " to servers that the settings do not have, %" PRIu64
                " whose end is not in the capture, %" PRIu64 " in pipes or called back\n",
                w->elsewhere, w->unknown, w->pipes);
}

static void put_text_call(FILE *out, const struct replay_call *k)
{
    char then[ROWS_TIME];
    char now[ROWS_TIME];
    char wait[ROWS_TIME];
    if (ends_as_captured(k) && waited(k) == 0)
        return;
    fprintf(out, "call %" PRIu64 ": captured %s after %s, with it %s", k->number,
            dis_ending_name((enum dis_ending)k->captured), rows_time(k->over - k->begun, then),
            ending_name(ending_index(k)));
    if (k->ended >= 0)
        fprintf(out, " after %s", rows_time(k->ended - k->began, now));
    if (waited(k) > 0)
        fprintf(out, ", %s of it waiting", rows_time(waited(k), wait));
    if (k->told != 0)
        fprintf(out, ", told 0x%08" PRIx32, k->told);
    fputs(k->probed ? ", kept alive\n" : "\n", out);
}

static int by_number(const void *a, const void *b)
{
    const struct replay_call *x = a;
    const struct replay_call *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void put_all(const struct whatif *w, const struct replay *r, FILE *out, bool json)
{
    struct totals t = total(w);
    if (!json)
        put_text_total(out, w, r, &t);
    for (uint32_t i = 0; i < w->count; i++) {
        if (json)
            put_json_call(out, w, &w->calls[i]);
        else
            put_text_call(out, &w->calls[i]);
    }
    if (json)
        put_json_total(out, w, r, &t);
}

void whatif_end(struct whatif *w, int64_t length, FILE *out, bool json)
{
    struct pol_settings settings;
    px_roster_describe(&w->roster, &w->settings, &settings);
    struct replay r = {
        .calls = w->calls, .count = w->count, .settings = &settings, .servers = w->servers, .end = length
    };
    if (!replay_run(&r))
        abort();
    px_roster_forget(&settings);
    if (w->count > 1)
        qsort(w->calls, w->count, sizeof(*w->calls), by_number);
    put_all(w, &r, out, json);
}

void whatif_free(struct whatif *w)
{
    if (w == NULL)
        return;
    if (w->roster.first != NULL)
        px_roster_free(&w->roster);
    px_settings_free(&w->settings);
    free(w->servers);
    free(w->calls);
    free(w);
}
