/* Tables of clauses behind the words of the log: a word that has none stands alone. */
#include "sentence.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../dissect/names.h"
#include "command.h"
#include "humane.h"

static const char *const what_happened[POL_ENDINGS] = {
    [POL_ANSWERED] = "the server's answer went to the client",
    [POL_FAULTED] = "the server answered with a fault, which went to the client",
    [POL_MAYBE_SENT] = "it was sent, and wants no answer",
    [POL_UNAVAILABLE] = "no connection to the server came about",
    [POL_WITHDRAWN] = "its client left before anything of it was sent",
    [POL_CLIENT_LEFT] = "its client left before the answer was complete",
    [POL_SERVER_LOST] = "the server's connection ended before the answer began",
    [POL_NOT_SENT] = "the server's connection ended before the request was sent",
    [POL_ANSWER_CUT] = "the server's connection ended within the answer",
    [POL_DRAINED] = "the time to drain was over",
    [POL_REFUSED] = "the server was full",
    [POL_TIMED_OUT] = "the server was silent for too long, or it took too long in all",
    [POL_CANCELLED] = "an administrator gave it up",
    [POL_CUT_OFF] = "its connection ended because another call of its client timed out",
};

static const struct {
    const char *word, *clause;
} evidences[] = {
    { "nothing", "nothing of the request was sent" },
    { "part", "the kernel took only a part of the request's first fragment" },
    { "first-fragment", "the kernel took the request's first fragment, and not its last" },
    { "all", "the kernel took the whole request" },
};

/* Of a call that was to be sent once more, and was not: what it was at its last attempt. */
static unsigned evidence(const struct px_call *k)
{
    static const uint8_t by_write[] = { 1, 2, 3, 3 };
    unsigned i = 0;
    while (!k->leased && k->try_count > 0 && k->tries[k->try_count - 1].evidence != evidences[i].word)
        i++;
    return k->leased ? by_write[k->write_seen] : i;
}

const char *px_call_evidence(const struct px_call *k)
{
    return evidences[evidence(k)].word;
}

const char *px_call_state(const struct px_call *k)
{
    return !k->leased ? "waiting" : k->abandoned ? "abandoned" : k->answer_begun ? "answering" : "inside";
}

/* ---- putting together ---- */

struct text {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->text + t->length, PX_SENTENCE - t->length, format, arguments);
    va_end(arguments);
    if (n > 0)
        t->length += (size_t)n;
    if (t->length >= PX_SENTENCE)
        t->length = PX_SENTENCE - 1;
}

static void put_time(struct text *t, int64_t from_us, int64_t to_us)
{
    char time[PX_HUMANE];
    put(t, "%s", px_humane_time(to_us > from_us ? (uint64_t)(to_us - from_us) : 0, time));
}

static void put_call(struct text *t, const struct px_call *k, const char *verb)
{
    char name[PX_CALL_NAME], uuid[DIS_UUID_TEXT];
    const char *interface = dis_interface_name(k->known), *operation = dis_operation_name(k->known, k->opnum);
    if (!interface)
        interface = dis_uuid_is_nil(&k->interface.uuid) ? "an unknown interface"
                                                        : dis_uuid_format(&k->interface.uuid, uuid);
    put(t, "%s: %s %s ", px_call_name_format(k, name), k->association->client, verb);
    if (operation)
        put(t, "%s of %s", operation, interface);
    else
        put(t, "operation %u of %s", k->opnum, interface);
    if (px_call_server(k))
        put(t, " at %s", px_call_server(k));
}

static void put_evidence(struct text *t, const struct px_call *k)
{
    put(t, " Evidence: %s, %s.", evidences[evidence(k)].word, evidences[evidence(k)].clause);
}

/* Those before the last one. */
static void put_tries(struct text *t, const struct px_call *k)
{
    for (unsigned i = 0; i < k->try_count; i++) {
        const struct px_try *try = &k->tries[i];
        put(t, " %s at %s came to nothing (evidence: %s; ", i ? "Another attempt" : "An attempt", try->server,
            try->evidence);
        if (try->proof)
            put(t, "proof: %s, it had not run) and was repeated.", pol_proof_name(try->proof));
        else
            put(t, "it may have run, and does no harm to run twice) and was repeated.");
    }
}

static void put_line(struct text *t, const struct px_line_before *line)
{
    if (!line->server)
        return;
    put(t, " %s has %" PRIu32 " calls inside", line->server, line->inside);
    if (line->calls)
        put(t, " of %" PRIu32, line->calls);
    put(t, ", and %" PRIu32 " in the line before it.", line->waiting);
}

void px_sentence_open(const struct px_call *k, const struct px_line_before *line, int64_t now_us,
                      char text[PX_SENTENCE])
{
    struct text t = { .text = text };
    put_call(&t, k, "calls");
    put(&t, ". It has waited ");
    put_time(&t, k->begun, k->leased ? k->leased_at : now_us);
    if (!k->leased) {
        put(&t, ", and waits.");
        put_line(&t, line);
    } else {
        put(&t, ", and has been inside the server for ");
        put_time(&t, k->leased_at, now_us);
        put(&t, k->answer_begun ? "; %" PRIu64 " bytes of its answer have come." : "; no answer has begun.",
            k->bytes_out);
    }
    put_evidence(&t, k);
    put_tries(&t, k);
}

static void put_proof(struct text *t, unsigned ending, unsigned proof)
{
    const char *why = pol_proof_clause(proof);
    if (proof)
        put(t, " Proof: %s, it has not run%s%s.", pol_proof_name(proof), why ? ": " : "", why ? why : "");
    else if (ending != POL_ANSWERED && ending != POL_FAULTED)
        put(t, " Proof: none, it may have run.");
}

static void put_status(struct text *t, const struct px_call *k)
{
    const char *name = dis_fault_name(k->status);
    if (k->has_status)
        put(t, " The client was told 0x%08" PRIx32 "%s%s.", k->status, name ? ", " : "", name ? name : "");
}

void px_sentence_ended(const struct px_call *k, unsigned ending, unsigned proof, int64_t now_us,
                       char text[PX_SENTENCE])
{
    struct text t = { .text = text };
    int64_t ended = k->ended >= 0 ? k->ended : now_us;
    const char *what = ending < POL_ENDINGS ? what_happened[ending] : NULL;
    put_call(&t, k, "called");
    put(&t, ". It waited ");
    put_time(&t, k->begun, k->leased ? k->leased_at : ended);
    put(&t, " and ended after ");
    put_time(&t, k->begun, ended);
    put(&t, ": %s%s%s.", pol_ending_name(ending), what ? ", " : "", what ? what : "");
    put_evidence(&t, k);
    put_tries(&t, k);
    put_proof(&t, ending, proof);
    put_status(&t, k);
}
