/* What became of the calls: one line each where asked for, and the sums. */
#include "client.h"

#include <inttypes.h>
#include <string.h>

const char cli_answered[] = "answered";

/* Six bits are kept: 32 buckets for each power of two. */
static size_t bucket_of(uint64_t ns)
{
    unsigned shift = 0;
    while (ns >> shift >= 64)
        shift++;
    return shift * 32u + (size_t)(ns >> shift);
}

static double bucket_us(size_t bucket)
{
    size_t shift = bucket < 64 ? 0 : bucket / 32 - 1;
    return (double)((uint64_t)(bucket - shift * 32) << shift) / 1000;
}

static double percentile(const struct cli_report *report, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)report->answered);
    uint64_t seen = 0;
    for (size_t i = 0; i < CLI_BUCKETS; i++) {
        seen += report->buckets[i];
        if (seen > wanted)
            return bucket_us(i);
    }
    return 0;
}

void cli_outcome(struct client *client, struct cli_slot *slot, const char *outcome)
{
    struct cli_report *report = &client->report;
    report->last = uv_hrtime();
    report->calls++;
    if (outcome == cli_answered) {
        report->answered++;
        report->buckets[bucket_of(report->last - slot->begun)]++;
    }
    if (strncmp(outcome, client->options.expect, strlen(client->options.expect)) != 0)
        report->unexpected++;
    if (report->outcomes != NULL)
        fprintf(report->outcomes, "%016" PRIx64 " %s\n", slot->own_id, outcome);
    dis_gather_reset(&slot->gather);
    slot->own_id = 0;
}

void cli_outcome_fault(struct client *client, struct cli_slot *slot, uint32_t status, bool did_not_execute)
{
    char text[32];
    snprintf(text, sizeof text, "fault:%08" PRIx32 ":%d", status, did_not_execute);
    client->report.faults++;
    cli_outcome(client, slot, text);
}

/* The same figures in both forms. */
static const char json_form[] = "{\"calls\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"faults\":%" PRIu64
                                ",\"failures\":%" PRIu64 ",\"unexpected\":%" PRIu64 ",\"strays\":%" PRIu64
                                ",\"lost\":%" PRIu64 ",\"seconds\":%.6f,\"calls_per_second\":%.1f"
                                ",\"latency_p50_us\":%.1f,\"latency_p99_us\":%.1f}\n";
static const char text_form[] = "%" PRIu64 " calls: %" PRIu64 " answered, %" PRIu64 " faults, %" PRIu64
                                " failures, %" PRIu64 " unexpected; %" PRIu64 " stray answers, %" PRIu64
                                " connections lost; %.3f s, %.0f calls/s, latency p50 %.1f us, p99 %.1f us\n";

void cli_report_print(const struct client *client)
{
    const struct cli_report *r = &client->report;
    double seconds = (double)(r->last - r->first) / 1e9;
    double rate = seconds > 0 ? (double)r->calls / seconds : 0;
    double p50 = percentile(r, 0.5);
    double p99 = percentile(r, 0.99);
    uint64_t failures = r->calls - r->answered - r->faults;
    if (client->options.json)
        printf(json_form, r->calls, r->answered, r->faults, failures, r->unexpected, r->strays, r->lost, seconds,
               rate, p50, p99);
    else
        printf(text_form, r->calls, r->answered, r->faults, failures, r->unexpected, r->strays, r->lost, seconds,
               rate, p50, p99);
}

bool cli_report_good(const struct client *client)
{
    return client->report.calls > 0 && client->report.unexpected == 0 && client->report.strays == 0;
}
