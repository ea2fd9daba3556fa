/* Totals, then the calls: as they were captured, and as they would have gone. */
#include "inspect_outcome.h"

#include <inttypes.h>
#include <stdlib.h>

#include "inspect_json.h"
#include "inspect_rows.h"

#define MS 1000000

#define ENDINGS (POL_ENDINGS + 2u) /* and: turned away, not ended */

struct totals {
    uint64_t captured[DIS_END_COUNT];
    uint64_t endings[ENDINGS];
    uint64_t calls;
    uint64_t waited;
    uint64_t probed;
    uint64_t repeated;
    uint64_t repeats;
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

/* Before it was sent first: in the line, or behind a call before it. A ms is what the brain counts in. */
static int64_t waited(const struct replay_call *k)
{
    int64_t until = k->leased >= 0 ? k->leased : k->ended;
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

static struct totals total(const struct replay *r)
{
    struct totals t = { 0 };
    for (uint32_t i = 0; i < r->count; i++) {
        const struct replay_call *k = &r->calls[i];
        if (!k->wanted)
            continue;
        t.calls++;
        t.captured[k->captured]++;
        t.endings[ending_index(k)]++;
        t.waited += waited(k) > 0;
        t.probed += k->probed;
        t.repeated += k->attempts > 1;
        t.repeats += k->attempts > 1 ? k->attempts - 1 : 0;
        if (waited(k) > t.longest)
            t.longest = waited(k);
    }
    return t;
}

static void put_json_call(const struct outcome *o, const struct replay_call *k)
{
    struct dis_sink sink;
    json_begin(&sink, o->out);
    json_text(&sink, "kind", "what-if");
    dis_put_number(&sink, "call", k->number, NULL);
    json_text(&sink, "server", o->servers[k->server].name);
    json_text(&sink, "captured_end", dis_ending_name((enum dis_ending)k->captured));
    json_time(&sink, "captured_took", k->over - k->begun);
    json_text(&sink, "end", ending_name(ending_index(k)));
    json_time(&sink, "took", k->ended >= 0 ? k->ended - k->began : -1);
    json_time(&sink, "waited", waited(k));
    json_time(&sink, "later", k->began >= 0 ? k->began - k->begun : -1);
    json_number_if(&sink, "told", k->told != 0, k->told);
    dis_put_truth(&sink, "kept_alive", k->probed);
    dis_put_truth(&sink, "shared", k->shared);
    dis_put_number(&sink, "attempts", k->attempts, NULL);
    json_text(&sink, "proof", k->attempts > 1 ? pol_proof_name(k->proof) : NULL);
    json_end(&sink);
}

static void put_json_total(const struct outcome *o, const struct totals *t)
{
    struct dis_sink sink;
    json_begin(&sink, o->out);
    json_text(&sink, "kind", "what-if-total");
    json_text(&sink, "settings", o->file);
    dis_put_number(&sink, "calls", t->calls, NULL);
    for (unsigned i = 0; i < ENDINGS; i++)
        dis_put_number(&sink, ending_name(i), t->endings[i], NULL);
    dis_put_number(&sink, "calls_that_waited", t->waited, NULL);
    json_time(&sink, "waited_longest", t->longest);
    dis_put_number(&sink, "calls_kept_alive", t->probed, NULL);
    dis_put_number(&sink, "calls_repeated", t->repeated, NULL);
    dis_put_number(&sink, "repeats", t->repeats, NULL);
    dis_put_number(&sink, "connections_captured", o->replay->sessions, NULL);
    dis_put_number(&sink, "connections_most", o->replay->links, NULL);
    dis_put_number(&sink, "reconnects", o->replay->reconnects, NULL);
    dis_put_number(&sink, "to_other_servers", o->left.elsewhere, NULL);
    dis_put_number(&sink, "end_not_known", o->left.unknown, NULL);
    dis_put_number(&sink, "in_pipes", o->left.pipes, NULL);
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
    fputs(before[0] == '\0' ? "none\n" : "\n", out);
}

static void put_text_total(const struct outcome *o, const struct totals *t)
{
    char time[ROWS_TIME];
    FILE *out = o->out;
    fprintf(out, "what if rpcward with %s: %" PRIu64 " calls\n", o->file, t->calls);
    put_counts(out, "captured", t->captured, DIS_END_COUNT, true);
    put_counts(out, "with it", t->endings, ENDINGS, false);
    fprintf(out,
            "  %" PRIu64 " would have waited, %s at most; %" PRIu64 " repeated, %" PRIu64
            " times in all; keep-alives for %" PRIu64 "\n",
            t->waited, rows_time(t->longest, time), t->repeated, t->repeats, t->probed);
    fprintf(out,
            "  clients had %" PRIu32 " connections, and would have opened %" PRIu64 " anew; to servers %" PRIu32
            " at one time\n",
            o->replay->sessions, o->replay->reconnects, o->replay->links);
    if (o->left.elsewhere + o->left.unknown + o->left.pipes > 0)
        fprintf(out,
                "  not among them: %" PRIu64 " to servers that the settings do not have, %" PRIu64
                " whose end is not in the capture, %" PRIu64 " in pipes or called back\n",
                o->left.elsewhere, o->left.unknown, o->left.pipes);
}

static const char *why_again(const struct replay_call *k)
{
    const char *clause = pol_proof_clause(k->proof);
    return clause != NULL ? clause : "it does no harm to run it twice";
}

static void put_text_call(FILE *out, const struct replay_call *k)
{
    char then[ROWS_TIME];
    char now[ROWS_TIME];
    char wait[ROWS_TIME];
    if (ends_as_captured(k) && waited(k) == 0 && k->attempts < 2)
        return;
    fprintf(out, "call %" PRIu64 ": captured %s after %s, with it %s", k->number,
            dis_ending_name((enum dis_ending)k->captured), rows_time(k->over - k->begun, then),
            ending_name(ending_index(k)));
    if (k->ended >= 0)
        fprintf(out, " after %s", rows_time(k->ended - k->began, now));
    if (waited(k) > 0)
        fprintf(out, ", %s of it waiting", rows_time(waited(k), wait));
    if (k->attempts > 1)
        fprintf(out, ", sent %" PRIu32 " times (%s)", k->attempts, why_again(k));
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

void outcome_print(const struct outcome *o, bool json)
{
    const struct replay *r = o->replay;
    struct totals t = total(r);
    if (r->count > 1)
        qsort(r->calls, r->count, sizeof(*r->calls), by_number);
    if (!json)
        put_text_total(o, &t);
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->calls[i].wanted && json)
            put_json_call(o, &r->calls[i]);
        else if (r->calls[i].wanted)
            put_text_call(o->out, &r->calls[i]);
    }
    if (json)
        put_json_total(o, &t);
}
