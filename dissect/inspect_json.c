/* Names, numbers, and null. */
#include "inspect_json.h"

#include <stdlib.h>
#include <string.h>

#include "inspect_verdict.h"
#include "names.h"

void json_begin(struct dis_sink *sink, FILE *out)
{
    *sink = (struct dis_sink){ .out = out, .json = true };
    fputc('{', out);
}

void json_end(struct dis_sink *sink)
{
    fputs("}\n", sink->out);
}

void json_text(struct dis_sink *sink, const char *key, const char *text)
{
    if (text == NULL)
        dis_put_null(sink, key);
    else
        dis_put_text(sink, key, text, strlen(text));
}

void json_time(struct dis_sink *sink, const char *key, int64_t ns)
{
    if (ns < 0)
        dis_put_null(sink, key);
    else
        dis_put_seconds(sink, key, ns);
}

void json_number_if(struct dis_sink *sink, const char *key, bool there, uint64_t value)
{
    if (there)
        dis_put_number(sink, key, value, NULL);
    else
        dis_put_null(sink, key);
}

static void put_hex(struct dis_sink *sink, const char *key, const char *format, unsigned value)
{
    char text[16];
    snprintf(text, sizeof(text), format, value);
    json_text(sink, key, text);
}

static void put_uuid_if(struct dis_sink *sink, const char *key, bool there, const struct dis_uuid *uuid)
{
    char text[DIS_UUID_TEXT];
    json_text(sink, key, there ? dis_uuid_format(uuid, text) : NULL);
}

void json_interface(struct dis_sink *sink, const struct dis_syntax *interface, const struct dis_interface *known)
{
    char version[16];
    snprintf(version, sizeof(version), "%u.%u", interface->major, interface->minor);
    put_uuid_if(sink, "interface", true, &interface->uuid);
    json_text(sink, "version", version);
    json_text(sink, "name", dis_interface_name(known));
}

static void put_address(struct dis_sink *sink, const char *key, const struct dis_endpoint *e)
{
    char text[DIS_ENDPOINT_TEXT];
    json_text(sink, key, dis_address_format(e, text));
}

static void put_endpoint(struct dis_sink *sink, const char *key, const struct dis_endpoint *e)
{
    char text[DIS_ENDPOINT_TEXT];
    json_text(sink, key, dis_endpoint_format(e, text));
}

static const char *transport_name(enum dis_transport transport)
{
    static const char *const names[] = { "tcp", "smb", "smb2" };
    return names[transport];
}

/* ---- PDUs ---- */

static const char *direction(uint8_t type)
{
    switch (type) {
    case DIS_REQUEST:
    case DIS_BIND:
    case DIS_ALTER_CONTEXT:
    case DIS_AUTH3:
    case DIS_CO_CANCEL:
    case DIS_ORPHANED:
        return "c2s";
    case DIS_RESPONSE:
    case DIS_FAULT:
    case DIS_BIND_ACK:
    case DIS_BIND_NAK:
    case DIS_ALTER_CONTEXT_RESP:
    case DIS_SHUTDOWN:
        return "s2c";
    default:
        return "?";
    }
}

static void put_place(struct dis_sink *sink, struct dis_place place, uint64_t stream, const char *transport)
{
    dis_put_number(sink, "frame", place.frame, NULL);
    dis_put_seconds(sink, "time", place.time);
    dis_put_number(sink, "stream", stream, NULL);
    json_text(sink, "transport", transport);
}

static void put_way(struct dis_sink *sink, const struct dis_endpoint *from, const struct dis_endpoint *to,
                    uint8_t type)
{
    put_address(sink, "src", from);
    dis_put_number(sink, "sport", from->port, NULL);
    put_address(sink, "dst", to);
    dis_put_number(sink, "dport", to->port, NULL);
    json_text(sink, "dir", direction(type));
}

/* Context id, opnum, hint, cancel count and status of the three types that belong to calls. An answer has the opnum
 * and the object of its request. */
static void put_call_part(struct dis_sink *sink, const struct dis_sighting *s)
{
    const struct dis_pdu *pdu = &s->pdu;
    uint8_t type = s->decoded ? pdu->header.type : DIS_PTYPE_COUNT;
    bool request = type == DIS_REQUEST;
    bool response = type == DIS_RESPONSE;
    bool fault = type == DIS_FAULT;
    unsigned context = request    ? pdu->request.context_id
                       : response ? pdu->response.context_id
                                  : pdu->fault.context_id;
    uint32_t hint = request ? pdu->request.alloc_hint : response ? pdu->response.alloc_hint : pdu->fault.alloc_hint;
    bool has_opnum = request || ((response || fault) && s->call != NULL && s->call->has_request);
    json_number_if(sink, "ctx_id", request || response || fault, context);
    json_number_if(sink, "opnum", has_opnum, request ? pdu->request.opnum : s->call != NULL ? s->call->opnum : 0);
    json_number_if(sink, "alloc_hint", request || response || fault, hint);
    json_number_if(sink, "cancel_count", response || fault,
                   response ? pdu->response.cancel_count : pdu->fault.cancel_count);
    if (fault)
        put_hex(sink, "fault_status", "0x%08x", pdu->fault.status);
    else
        dis_put_null(sink, "fault_status");
    bool object = s->call != NULL ? s->call->has_object : request && pdu->request.has_object;
    put_uuid_if(sink, "object", object, s->call != NULL ? &s->call->object : &pdu->request.object);
}

static void put_auth_part(struct dis_sink *sink, const struct dis_auth *auth)
{
    bool there = auth->value != NULL;
    json_number_if(sink, "auth_type", there, auth->type);
    json_number_if(sink, "auth_level", there, auth->level);
    json_number_if(sink, "auth_pad", there, auth->pad);
    json_number_if(sink, "auth_ctx_id", there, auth->context_id);
}

/* A text that is put together; NULL without memory. */
struct text {
    char *bytes;
    size_t length;
    FILE *out;
};

static bool text_open(struct text *t)
{
    t->bytes = NULL;
    t->out = open_memstream(&t->bytes, &t->length);
    return t->out != NULL;
}

static void text_put(struct dis_sink *sink, const char *key, struct text *t)
{
    fclose(t->out);
    dis_put_text(sink, key, t->bytes, t->length);
    free(t->bytes);
}

/* "0=UUID v1.0 [UUID/2,UUID/1];1=…" */
static void put_contexts(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    char uuid[DIS_UUID_TEXT];
    struct text t;
    struct dis_list contexts = pdu->bind.contexts;
    const char *before = "";
    if (!text_open(&t))
        return;
    for (struct dis_context context; dis_next_context(&contexts, &context); before = ";") {
        fprintf(t.out, "%s%u=%s v%u.%u [", before, context.id, dis_uuid_format(&context.abstract.uuid, uuid),
                context.abstract.major, context.abstract.minor);
        const char *comma = "";
        for (struct dis_syntax syntax; dis_next_syntax(&context.transfers, &syntax); comma = ",")
            fprintf(t.out, "%s%s/%u", comma, dis_uuid_format(&syntax.uuid, uuid), syntax.major);
        fputc(']', t.out);
    }
    text_put(sink, "contexts", &t);
}

/* "0//UUID;2/2/UUID": result, reason where it is one, transfer syntax. */
static void put_results(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    char uuid[DIS_UUID_TEXT];
    struct text t;
    struct dis_list results = pdu->bind_ack.results;
    const char *before = "";
    if (!text_open(&t))
        return;
    for (struct dis_context_result result; dis_next_result(&results, &result); before = ";") {
        fprintf(t.out, "%s%u/", before, result.result);
        if (result.result == DIS_USER_REJECTION || result.result == DIS_PROVIDER_REJECTION)
            fprintf(t.out, "%u", result.reason);
        fprintf(t.out, "/%s", dis_uuid_format(&result.transfer.uuid, uuid));
    }
    text_put(sink, "results", &t);
}

static void put_secondary(struct dis_sink *sink, const struct dis_bind_ack *ack)
{
    size_t length = ack->secondary_length;
    if (length > 0 && ack->secondary_address[length - 1] == '\0')
        length--;
    dis_put_text(sink, "sec_addr", ack->secondary_address, length);
}

/* Without memory for a text its key is left out. */
static void put_bind_part(struct dis_sink *sink, const struct dis_sighting *s)
{
    const struct dis_pdu *pdu = &s->pdu;
    uint8_t type = s->decoded ? pdu->header.type : DIS_PTYPE_COUNT;
    bool offer = type == DIS_BIND || type == DIS_ALTER_CONTEXT;
    bool ack = type == DIS_BIND_ACK || type == DIS_ALTER_CONTEXT_RESP;
    json_number_if(sink, "max_xmit", offer || ack, offer ? pdu->bind.max_xmit_frag : pdu->bind_ack.max_xmit_frag);
    json_number_if(sink, "max_recv", offer || ack, offer ? pdu->bind.max_recv_frag : pdu->bind_ack.max_recv_frag);
    if (offer || ack)
        put_hex(sink, "assoc_group", "0x%08x", offer ? pdu->bind.assoc_group_id : pdu->bind_ack.assoc_group_id);
    else
        dis_put_null(sink, "assoc_group");
    if (offer)
        put_contexts(sink, pdu);
    else
        dis_put_null(sink, "contexts");
    if (ack) {
        put_results(sink, pdu);
        put_secondary(sink, &pdu->bind_ack);
    } else {
        dis_put_null(sink, "results");
        dis_put_null(sink, "sec_addr");
    }
    json_number_if(sink, "reject_reason", type == DIS_BIND_NAK, pdu->bind_nak.reason);
}

/* The request of an answer, and the time from one to the other. */
static void put_pairing(struct dis_sink *sink, const struct dis_sighting *s)
{
    const struct dis_call *call = s->call;
    uint8_t type = s->pdu.header.type;
    bool answer = call != NULL && call->has_request && (type == DIS_RESPONSE || type == DIS_FAULT);
    json_number_if(sink, "call", call != NULL, call != NULL ? call->number : 0);
    json_number_if(sink, "request_in", answer, answer ? call->request_last.frame : 0);
    int64_t time = answer ? s->found->last.time - call->request_first.time : -1;
    json_time(sink, "rt", answer && time < 0 ? 0 : time);
}

void json_pdu(FILE *out, const struct dis_sighting *s)
{
    const struct dis_header *h = &s->pdu.header;
    struct dis_sink sink;
    char drep[9];
    json_begin(&sink, out);
    put_place(&sink, s->found->last, s->in->stream, transport_name(s->in->transport));
    put_way(&sink, &s->in->end[s->way], &s->in->end[!s->way], h->type);
    dis_put_number(&sink, "idx", s->index, NULL);
    dis_put_number(&sink, "ver", h->version, NULL);
    dis_put_number(&sink, "ptype", h->type, NULL);
    put_hex(&sink, "flags", "%02x", h->flags);
    snprintf(drep, sizeof(drep), "%02x%02x%02x%02x", h->drep[0], h->drep[1], h->drep[2], h->drep[3]);
    json_text(&sink, "drep", drep);
    dis_put_number(&sink, "frag_len", h->frag_length, NULL);
    dis_put_number(&sink, "auth_len", h->auth_length, NULL);
    dis_put_number(&sink, "call_id", h->call_id, NULL);
    put_call_part(&sink, s);
    put_auth_part(&sink, &s->pdu.auth);
    put_bind_part(&sink, s);
    put_pairing(&sink, s);
    json_text(&sink, "pipe", s->in->pipe[0] != '\0' ? s->in->pipe : NULL);
    dis_put_number(&sink, "frame_first", s->found->first.frame, NULL);
    dis_put_number(&sink, "stream_off", s->found->offset, NULL);
    json_text(&sink, "state", s->decoded && s->found->missing == 0 ? "ok" : s->decoded ? "cut" : s->error.what);
    json_end(&sink);
}

/* What only PDUs of connections have: every row has the same keys. */
static const char *const connected[] = {
    "auth_len", "ctx_id",     "alloc_hint",  "cancel_count", "fault_status", "auth_type",  "auth_level",
    "auth_pad", "max_xmit",   "auth_ctx_id", "max_recv",     "assoc_group",  "results",    "sec_addr",
    "call",     "request_in", "rt",          "pipe",         "frame_first",  "stream_off", "reject_reason",
};

/* As the reference rows have them: the sequence number for the call id, the interface for the contexts. */
void json_datagram(FILE *out, const struct dis_datagram_sighting *s)
{
    const struct dis_datagram *d = &s->datagram;
    struct dis_sink sink;
    char text[16];
    json_begin(&sink, out);
    put_place(&sink, s->place, s->stream, "udp");
    put_way(&sink, &s->from, &s->to, d->type);
    dis_put_number(&sink, "idx", s->index, NULL);
    dis_put_number(&sink, "ver", 4, NULL);
    dis_put_number(&sink, "ptype", d->type, NULL);
    snprintf(text, sizeof(text), "%02x/%02x", d->flags1, d->flags2);
    json_text(&sink, "flags", text);
    snprintf(text, sizeof(text), "%02x%02x%02x", d->drep[0], d->drep[1], d->drep[2]);
    json_text(&sink, "drep", text);
    dis_put_number(&sink, "frag_len", d->length, NULL);
    dis_put_number(&sink, "call_id", d->sequence, NULL);
    dis_put_number(&sink, "opnum", d->opnum, NULL);
    put_uuid_if(&sink, "object", true, &d->object);
    put_uuid_if(&sink, "contexts", true, &d->interface);
    put_uuid_if(&sink, "activity", true, &d->activity);
    json_text(&sink, "state", "ok");
    for (size_t i = 0; i < sizeof(connected) / sizeof(*connected); i++)
        dis_put_null(&sink, connected[i]);
    json_end(&sink);
}

/* ---- calls ---- */

static void put_request(struct dis_sink *sink, const struct dis_call *call)
{
    bool there = call->has_request;
    json_number_if(sink, "opnum", there, call->opnum);
    put_uuid_if(sink, "object", call->has_object, &call->object);
    json_number_if(sink, "req_frame_first", there, call->request_first.frame);
    json_number_if(sink, "req_frame_last", there, call->request_last.frame);
    json_time(sink, "req_time", there ? call->request_first.time : -1);
    dis_put_number(sink, "req_frags", call->request_fragments, NULL);
    dis_put_number(sink, "req_bytes", call->request_bytes, NULL);
}

static const char *answer_name(const struct dis_call *call)
{
    if (call->answer == DIS_NO_ANSWER)
        return "none";
    if (call->answer == DIS_ANSWER_FAULT)
        return call->has_request ? "fault" : "fault(no request)";
    return call->has_request ? "response" : "response(no request)";
}

static void put_answer(struct dis_sink *sink, const struct dis_call *call)
{
    bool there = call->answer != DIS_NO_ANSWER;
    bool fault = call->answer == DIS_ANSWER_FAULT;
    json_text(sink, "resp_kind", answer_name(call));
    json_number_if(sink, "resp_frame_first", there, call->answer_first.frame);
    json_number_if(sink, "resp_frame_last", there, call->answer_last.frame);
    dis_put_number(sink, "resp_frags", call->answer_fragments, NULL);
    dis_put_number(sink, "resp_bytes", call->answer_bytes, NULL);
    if (fault) {
        put_hex(sink, "fault_status", "0x%08x", call->status);
        json_text(sink, "fault_name", dis_fault_name(call->status));
    } else {
        dis_put_null(sink, "fault_status");
        dis_put_null(sink, "fault_name");
    }
    json_number_if(sink, "dne", fault, call->did_not_execute);
    json_time(sink, "rt_first", dis_call_first(call));
    json_time(sink, "rt_last", dis_call_last(call));
}

static void put_interface_of(struct dis_sink *sink, const struct dis_call *call)
{
    if (call->has_interface) {
        json_interface(sink, &call->interface, call->known);
    } else {
        dis_put_null(sink, "interface");
        dis_put_null(sink, "version");
        dis_put_null(sink, "name");
    }
    json_text(sink, "operation", call->has_request ? dis_operation_name(call->known, call->opnum) : NULL);
}

static void put_verdict(struct dis_sink *sink, const struct dis_call *call)
{
    const char *proof;
    json_text(sink, "retry", verdict_name(verdict_of(call, &proof)));
    json_text(sink, "proof", proof);
}

void json_call(FILE *out, const struct dis_call *call)
{
    struct dis_sink sink;
    json_begin(&sink, out);
    dis_put_number(&sink, "call", call->number, NULL);
    dis_put_number(&sink, "stream", call->in->stream, NULL);
    json_text(&sink, "transport", transport_name(call->in->transport));
    put_endpoint(&sink, "client", &call->in->end[call->way]);
    put_endpoint(&sink, "server", &call->in->end[!call->way]);
    json_text(&sink, "pipe", call->in->pipe[0] != '\0' ? call->in->pipe : NULL);
    json_text(&sink, "pipe_name", call->in->pipe_name[0] != '\0' ? call->in->pipe_name : NULL);
    dis_put_number(&sink, "call_id", call->id, NULL);
    dis_put_number(&sink, "ctx_id", call->context_id, NULL);
    put_request(&sink, call);
    put_answer(&sink, call);
    dis_put_truth(&sink, "cancel", call->cancelled);
    dis_put_truth(&sink, "orphaned", call->orphaned);
    json_number_if(&sink, "auth_type", call->auth_level != 0, call->auth_type);
    json_number_if(&sink, "auth_level", call->auth_level != 0, call->auth_level);
    put_interface_of(&sink, call);
    json_text(&sink, "end", dis_ending_name(call->ending));
    put_verdict(&sink, call);
    json_end(&sink);
}

/* ---- conversations ---- */

static void put_bound(struct dis_sink *sink, const struct dis_conversation *c)
{
    static const char *const states[] = { "offered", "accepted", "refused" };
    dis_sink_open(sink, "contexts", DIS_LIST);
    for (uint32_t i = 0; i < c->context_count; i++) {
        const struct dis_bound *bound = &c->contexts[i];
        if (bound->features)
            continue;
        dis_sink_open(sink, "context", DIS_ELEMENT);
        dis_put_number(sink, "id", bound->id, NULL);
        json_interface(sink, &bound->interface, bound->known);
        json_text(sink, "state", states[bound->state]);
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
}

void json_conversation(FILE *out, const struct dis_conversation *c)
{
    struct dis_sink sink;
    unsigned way = c->client == 1;
    json_begin(&sink, out);
    dis_put_number(&sink, "stream", c->stream, NULL);
    json_text(&sink, "transport", transport_name(c->transport));
    put_endpoint(&sink, "client", &c->end[way]);
    put_endpoint(&sink, "server", &c->end[!way]);
    json_text(&sink, "pipe", c->pipe[0] != '\0' ? c->pipe : NULL);
    json_text(&sink, "pipe_name", c->pipe_name[0] != '\0' ? c->pipe_name : NULL);
    dis_put_number(&sink, "frame_first", c->first.frame, NULL);
    dis_put_number(&sink, "frame_last", c->last.frame, NULL);
    dis_put_seconds(&sink, "time_first", c->first.time);
    dis_put_seconds(&sink, "time_last", c->last.time);
    dis_put_number(&sink, "pdus", c->pdus, NULL);
    dis_put_number(&sink, "calls", c->calls, NULL);
    dis_put_truth(&sink, "bind_seen", c->bind_seen);
    dis_put_number(&sink, "gaps", (uint64_t)c->gaps[0] + c->gaps[1], NULL);
    dis_put_number(&sink, "answers_without_requests", c->unmatched, NULL);
    put_bound(&sink, c);
    json_text(&sink, "end", dis_ending_name(c->ending));
    json_end(&sink);
}
