/* The summary says first what was seen, then the table, then what was not seen. */
#include "inspect_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "inspect_json.h"

static bool is_watching(const struct report *r)
{
    return r->options->view == VIEW_SUMMARY || r->options->view == VIEW_FINDINGS;
}

static void on_pdu(void *context, const struct dis_sighting *s)
{
    struct report *r = context;
    const struct inspect_options *o = r->options;
    r->pdus++;
    r->undecoded += !s->decoded;
    if (is_watching(r))
        watch_pdu(&r->watch, s);
    if (r->whatif != NULL)
        whatif_pdu(r->whatif, s, r->rows.start);
    if (o->view == VIEW_TREE) {
        if (o->call != 0 && (s->call == NULL || s->call->number != o->call))
            return;
        if (!filter_wants_pdu(&o->filter, s))
            return;
        rows_tree(&r->rows, s);
    } else if (o->view == VIEW_PDUS && filter_wants_pdu(&o->filter, s)) {
        rows_pdu(&r->rows, s);
    } else {
        return;
    }
    r->printed++;
}

static void on_datagram(void *context, const struct dis_datagram_sighting *s)
{
    struct report *r = context;
    const struct inspect_options *o = r->options;
    if (o->view != VIEW_PDUS || !filter_wants_datagram(&o->filter, &s->from, &s->to, &s->datagram))
        return;
    rows_datagram(&r->rows, s);
    r->printed++;
}

static void on_call(void *context, const struct dis_call *call)
{
    struct report *r = context;
    const struct inspect_options *o = r->options;
    bool wanted = filter_wants_call(&o->filter, call);
    if (r->whatif != NULL)
        whatif_call(r->whatif, call, r->rows.start, wanted, watch_host_gone(&r->watch, call));
    if (!wanted)
        return;
    table_call(&r->table, call);
    if (is_watching(r))
        watch_call(&r->watch, call);
    if (o->view != VIEW_CALLS)
        return;
    rows_call(&r->rows, call);
    r->printed++;
}

static void on_left(void *context, const struct dis_call *call)
{
    struct report *r = context;
    if (is_watching(r) && !filter_needs_end(&r->options->filter) && filter_wants_operation(&r->options->filter, call))
        watch_left(&r->watch, call);
}

static void on_attempt(void *context, const struct dis_attempt *attempt)
{
    struct report *r = context;
    if (r->whatif != NULL)
        whatif_attempt(r->whatif, attempt, r->rows.start);
    if (is_watching(r) && !filter_needs_call(&r->options->filter) &&
        filter_wants_ends(&r->options->filter, &attempt->from, &attempt->to))
        watch_attempt(&r->watch, attempt);
}

static void on_bound(void *context, const struct dis_conversation *c, const struct dis_bound *bound)
{
    struct report *r = context;
    if (filter_wants_conversation(&r->options->filter, c))
        table_bound(&r->table, bound);
}

static void on_conversation(void *context, const struct dis_conversation *c)
{
    struct report *r = context;
    if (r->whatif != NULL)
        whatif_conversation(r->whatif, c, r->rows.start);
    if (!filter_wants_conversation(&r->options->filter, c))
        return;
    r->conversations++;
    r->bind_not_seen += !c->bind_seen;
    if (is_watching(r) && !filter_needs_call(&r->options->filter))
        watch_conversation(&r->watch, c);
    if (r->options->view != VIEW_STREAMS)
        return;
    rows_conversation(&r->rows, c);
    r->printed++;
}

struct dis_news report_news(struct report *r)
{
    return (struct dis_news){
        .context = r,
        .pdu = on_pdu,
        .datagram = on_datagram,
        .call = on_call,
        .left = on_left,
        .attempt = on_attempt,
        .bound = on_bound,
        .conversation = on_conversation,
    };
}

/* ---- the summary ---- */

static void put_date(FILE *out, int64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm when;
    char text[32];
    if (gmtime_r(&seconds, &when) != NULL && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &when) > 0)
        fputs(text, out);
}

static void put_span(struct report *r, const struct dis_traffic *t, const char *link)
{
    char length[ROWS_TIME];
    FILE *out = r->rows.out;
    fprintf(out, "%s: %" PRIu64 " packets", r->options->file, dis_traffic_counts(t)->packets);
    if (link != NULL)
        fprintf(out, " (%s)", link);
    if (r->rows.started) {
        fputs(", ", out);
        put_date(out, r->rows.start);
        fputs(" to ", out);
        put_date(out, r->last);
        fprintf(out, " UTC, %s", rows_time(r->last > r->rows.start ? r->last - r->rows.start : 0, length));
    }
    fputc('\n', out);
}

static uint64_t calls_in(const struct table *t)
{
    uint64_t calls = 0;
    for (unsigned i = 0; i < DIS_END_COUNT; i++)
        calls += t->by_ending[i];
    return calls;
}

static void put_calls(const struct report *r)
{
    FILE *out = r->rows.out;
    const struct table *t = &r->table;
    const char *before = ": ";
    fprintf(out, "%" PRIu64 " call%s on %" PRIu64 " connection%s or pipe%s", calls_in(t), calls_in(t) == 1 ? "" : "s",
            r->conversations, r->conversations == 1 ? "" : "s", r->conversations == 1 ? "" : "s");
    for (unsigned i = DIS_END_OPEN + 1; i < DIS_END_COUNT; i++)
        if (t->by_ending[i] > 0) {
            fprintf(out, "%s%" PRIu64 " %s", before, t->by_ending[i], dis_ending_name((enum dis_ending)i));
            before = ", ";
        }
    fprintf(out, "; %" PRIu64 " PDUs\n", r->pdus);
}

static void note(FILE *out, uint64_t count, const char *what)
{
    if (count > 0)
        fprintf(out, "  %" PRIu64 " %s\n", count, what);
}

static void put_notes(const struct report *r, const struct dis_traffic *t, FILE *out)
{
    const struct dis_shared *shared = dis_traffic_shared(t);
    const struct dis_traffic_counts *counts = dis_traffic_counts(t);
    note(out, r->table.answers_only, "answers whose requests are not in the capture");
    note(out, r->bind_not_seen, "connections or pipes whose bind was not seen: their interfaces are unknown");
    note(out, shared->gaps, "gaps: bytes that were sent and are not in the capture");
    note(out, counts->cut, "packets that were captured in part only (snap length)");
    note(out, r->undecoded, "PDUs that are malformed or not there whole");
    note(out, shared->skipped, "bytes between PDUs that are none");
    note(out, shared->different, "overlapping segments with other bytes: the first ones count");
    note(out, shared->smb.encrypted, "encrypted SMB messages: what is in them is not seen");
    note(out, shared->smb.compressed, "compressed SMB messages: what is in them is not seen");
    note(out, counts->datagrams, "PDUs of the connectionless protocol over UDP (--pdus lists them)");
    note(out, dis_traffic_dropped_fragments(t), "IP fragments without the rest of their datagrams");
    note(out, counts->evicted, "connections forgotten, because too many were open");
    note(out, shared->news.calls_dropped, "calls forgotten, because too many were open on one connection");
    note(out, shared->news.contexts_dropped, "presentation contexts not remembered, because there were too many");
    note(out, shared->smb.forgotten, "SMB handles or requests forgotten, because too many were open");
    note(out, r->table.calls_elsewhere, "calls of more operations than the table holds");
    note(out, r->table.contexts_elsewhere, "contexts of more interfaces than the table holds");
}

static void put_summary(struct report *r, const struct dis_traffic *t, const char *link)
{
    char *text = NULL;
    size_t length = 0;
    FILE *notes = open_memstream(&text, &length);
    put_span(r, t, link);
    put_calls(r);
    table_print_operations(&r->table, r->rows.out, false);
    if (notes == NULL)
        return;
    put_notes(r, t, notes);
    fclose(notes);
    if (length > 0)
        fprintf(r->rows.out, "\nAlso:\n%s", text);
    free(text);
    if (r->watch.findings.count > 0)
        fputs("\nFindings (--findings says what was seen, what it means and what to do):\n", r->rows.out);
    findings_print(&r->watch.findings, r->rows.out, r->rows.start, false, true);
}

static void put_summary_json(struct report *r, const struct dis_traffic *t, const char *link, const char *why)
{
    const struct dis_shared *shared = dis_traffic_shared(t);
    const struct dis_traffic_counts *counts = dis_traffic_counts(t);
    struct dis_sink sink;
    json_begin(&sink, r->rows.out);
    json_text(&sink, "kind", "capture");
    json_text(&sink, "file", r->options->file);
    json_text(&sink, "link", link);
    json_text(&sink, "unread", why);
    dis_put_number(&sink, "packets", counts->packets, NULL);
    json_time(&sink, "time_first", r->rows.started ? r->rows.start : -1);
    json_time(&sink, "time_last", r->rows.started ? r->last : -1);
    dis_put_number(&sink, "pdus", r->pdus, NULL);
    dis_put_number(&sink, "datagrams", counts->datagrams, NULL);
    dis_put_number(&sink, "conversations", r->conversations, NULL);
    dis_put_number(&sink, "calls", calls_in(&r->table), NULL);
    for (unsigned i = DIS_END_OPEN + 1; i < DIS_END_COUNT; i++)
        dis_put_number(&sink, dis_ending_name((enum dis_ending)i), r->table.by_ending[i], NULL);
    dis_put_number(&sink, "answers_without_requests", r->table.answers_only, NULL);
    dis_put_number(&sink, "bind_not_seen", r->bind_not_seen, NULL);
    dis_put_number(&sink, "gaps", shared->gaps, NULL);
    dis_put_number(&sink, "packets_cut", counts->cut, NULL);
    dis_put_number(&sink, "undecoded", r->undecoded, NULL);
    dis_put_number(&sink, "skipped_bytes", shared->skipped, NULL);
    dis_put_number(&sink, "overlaps_different", shared->different, NULL);
    dis_put_number(&sink, "smb_encrypted", shared->smb.encrypted, NULL);
    dis_put_number(&sink, "smb_compressed", shared->smb.compressed, NULL);
    dis_put_number(&sink, "fragments_dropped", dis_traffic_dropped_fragments(t), NULL);
    dis_put_number(&sink, "forgotten_connections", counts->evicted, NULL);
    dis_put_number(&sink, "forgotten_calls", shared->news.calls_dropped, NULL);
    dis_put_number(&sink, "forgotten_contexts", shared->news.contexts_dropped, NULL);
    dis_put_number(&sink, "forgotten_smb", shared->smb.forgotten, NULL);
    json_end(&sink);
    table_print_operations(&r->table, r->rows.out, true);
    findings_print(&r->watch.findings, r->rows.out, r->rows.start, true, false);
}

void report_end(struct report *r, const struct dis_traffic *t, const char *link, const char *why)
{
    watch_end(&r->watch);
    if (r->whatif != NULL)
        whatif_end(r->whatif, r->last - r->rows.start, r->rows.out, r->rows.json);
    if (r->options->view == VIEW_FINDINGS) {
        findings_print(&r->watch.findings, r->rows.out, r->rows.start, r->rows.json, false);
        if (r->watch.findings.count == 0 && !r->rows.json)
            fputs("no findings\n", r->rows.out);
    } else if (r->options->view == VIEW_INTERFACES)
        table_print_interfaces(&r->table, r->rows.out, r->rows.json);
    else if (r->options->view == VIEW_SUMMARY && r->rows.json)
        put_summary_json(r, t, link, why);
    else if (r->options->view == VIEW_SUMMARY)
        put_summary(r, t, link);
}
