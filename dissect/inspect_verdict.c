/* The evidence of a call is what of it was seen; policy/evidence judges it as it does behind the proxy. */
#include "inspect_verdict.h"

#include <stdio.h>

#include "../policy/evidence.h"

static enum pol_proof proof_of(const struct dis_call *call)
{
    return pol_provably_not_run((struct pol_evidence){
        .leased = true,
        .first_done = call->request_fragments > 0,
        .answered = call->answer != DIS_NO_ANSWER,
        .fault_dne = call->did_not_execute,
    });
}

enum verdict verdict_of(const struct dis_call *call, const char **proof)
{
    enum pol_proof by = proof_of(call);
    *proof = NULL;
    if (call->ending == DIS_END_ANSWERED || call->ending == DIS_END_MAYBE)
        return VERDICT_NONE;
    if (by != POL_UNPROVEN) {
        *proof = pol_proof_name(by);
        return VERDICT_SAFE;
    }
    return dis_is_unanswered(call->ending) ? VERDICT_MAY_RUN : VERDICT_UNKNOWN;
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = { NULL, "safe", "may-have-run", "unknown" };
    return names[verdict];
}

/* Acknowledged is not executed, and not acknowledged is not unexecuted: a server may run a call, and die before its
 * kernel has acknowledged it. */
static const char *why_unproven(const struct dis_call *call)
{
    if (call->answer == DIS_ANSWER_FAULT)
        return "the server answered with a fault that does not say did-not-execute; its status alone proves nothing";
    if (!dis_is_unanswered(call->ending))
        return "its end is not in this capture";
    if (!call->complete)
        return "not all of its request was seen here, but all of its first fragment, and there are servers that "
               "begin "
               "with that";
    if (call->in->transport == DIS_OVER_TCP && !dis_wire_has(call->in->wire, call->way, call->request_end))
        return "the whole request was sent, and from where this was captured it is not seen whether it arrived";
    return "the whole request was delivered to the server's host, and nobody said what became of it";
}

const char *verdict_sentence(const struct dis_call *call, char text[VERDICT_TEXT])
{
    const char *name;
    switch (verdict_of(call, &name)) {
    case VERDICT_SAFE:
        if (call->partial) {
            snprintf(
                text, VERDICT_TEXT,
                "safe: it has not run; %s, the connection ended before the first fragment of its request was sent "
                "whole, as far as is seen where this was captured",
                name);
            break;
        }
        snprintf(text, VERDICT_TEXT, "safe: it has not run; %s, %s", name, pol_proof_clause(proof_of(call)));
        break;
    case VERDICT_MAY_RUN:
        snprintf(text, VERDICT_TEXT, "not safe: no proof, it may have run; %s", why_unproven(call));
        break;
    case VERDICT_UNKNOWN:
        snprintf(text, VERDICT_TEXT, "unknown: no proof; %s", why_unproven(call));
        break;
    default:
        text[0] = '\0';
        break;
    }
    return text;
}
