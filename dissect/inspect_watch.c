/* What needs one call only is judged when it ends; what needs others is remembered until then. */
#include "inspect_watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "inspect_rows.h"
#include "names.h"

void watch_pdu(struct watch *w, const struct dis_sighting *s)
{
    uint8_t type = s->pdu.header.type;
    if (!s->decoded)
        return;
    if (type == DIS_REQUEST) {
        if (s->call != NULL && s->call->request_fragments == 1 && s->call->answer_fragments == 0)
            reissue_begin(&w->reissue, s->call);
        return;
    }
    if (s->in->client == (int)!s->way)
        hosts_hear(&w->hosts, &s->in->end[s->way], s->found->last.time);
    if (type == DIS_RESPONSE)
        hosts_map(&w->hosts, s);
}

void watch_left(struct watch *w, const struct dis_call *call)
{
    reissue_left(&w->reissue, call, call->left_at);
}

static void add_call(struct watch *w, const struct judge *j, const struct dis_call *call, enum finding finding)
{
    struct findings_key key = findings_key_of(finding, call);
    struct dis_place place = call->has_request ? call->request_last : call->answer_last;
    struct findings_group *g = findings_add(&w->findings, &key, &call->in->end[call->way], place);
    if (g == NULL)
        return;
    judge_seen(j, call, finding, g->seen);
    verdict_sentence(call, g->retry);
}

static struct judge judge_for(const struct watch *w, const struct dis_call *call)
{
    return (
        struct judge){ .late = w->late, .now = w->now, .alive = hosts_heard(&w->hosts, &call->in->end[!call->way]) };
}

bool watch_host_gone(const struct watch *w, const struct dis_call *call)
{
    struct judge j = judge_for(w, call);
    return judge_call(&j, call) == FINDING_HOST_GONE;
}

void watch_call(struct watch *w, const struct dis_call *call)
{
    if (call->left && !call->orphaned && call->answer != DIS_NO_ANSWER)
        reissue_answered(&w->reissue, call);
    struct judge j = judge_for(w, call);
    enum finding finding = judge_call(&j, call);
    if (finding == FINDING_NONE)
        return;
    if (!call->left && call->ending == DIS_END_CLOSED)
        reissue_left(&w->reissue, call, call->in->last);
    add_call(w, &j, call, finding);
    if (judge_lacks_probes(&j, call, finding))
        add_call(w, &j, call, FINDING_KEEP_ALIVE_MISSING);
}

/* ---- binds ---- */

/* Of two offers of one interface, in NDR and in NDR64, one is always refused. */
static bool is_accepted(const struct dis_conversation *c, const struct dis_bound *refused)
{
    for (uint32_t i = 0; i < c->context_count; i++)
        if (c->contexts[i].state == DIS_CONTEXT_ACCEPTED &&
            dis_syntax_equal(&c->contexts[i].interface, &refused->interface))
            return true;
    return false;
}

static void add_refusal(struct watch *w, const struct dis_conversation *c, const struct dis_bound *b)
{
    unsigned way = c->client == 1;
    const char *name = b->by_nak ? dis_nak_reason_name(b->reason) : dis_result_reason_name(b->reason);
    struct findings_key key = {
        .finding = FINDING_BIND_REFUSED,
        .server = c->end[!way],
        .has_interface = true,
        .interface = b->interface,
        .known = b->known,
        .status = b->reason,
    };
    struct findings_group *g = findings_add(&w->findings, &key, &c->end[way], b->answered);
    if (g == NULL)
        return;
    snprintf(g->seen, sizeof(g->seen), "frame %" PRIu64 ": %s, reason %u%s%s", b->answered.frame,
             b->by_nak ? "bind_nak" : "the context is refused", b->reason, name != NULL ? " " : "",
             name != NULL ? name : "");
}

void watch_conversation(struct watch *w, const struct dis_conversation *c)
{
    for (uint32_t i = 0; i < c->context_count; i++) {
        const struct dis_bound *b = &c->contexts[i];
        if (b->state == DIS_CONTEXT_REFUSED && !b->features && !is_accepted(c, b))
            add_refusal(w, c, b);
    }
}

/* ---- connections that did not come about ---- */

void watch_attempt(struct watch *w, const struct dis_attempt *a)
{
    const struct hosts_mapped *m = hosts_mapped_at(&w->hosts, &a->to);
    if (m == NULL)
        return;
    struct findings_key key = {
        .finding = FINDING_ENDPOINT_REFUSED,
        .server = a->to,
        .has_interface = true,
        .interface = m->interface,
        .known = dis_interface_find(&m->interface),
    };
    struct findings_group *g = findings_add(&w->findings, &key, &a->from, a->place);
    if (g != NULL)
        snprintf(g->seen, sizeof(g->seen),
                 "frame %" PRIu64 ": the endpoint mapper named this port; frame %" PRIu64 ": %s (%u SYN)",
                 m->place.frame, a->place.frame, a->reset ? "it refuses the connection" : "nothing answers there",
                 a->syns);
}

void watch_end(struct watch *w)
{
    reissue_tell(&w->reissue, &w->findings);
}

void watch_free(struct watch *w)
{
    findings_free(&w->findings);
    hosts_free(&w->hosts);
    reissue_free(&w->reissue);
}
