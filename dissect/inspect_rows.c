/* Lines for people. */
#include "inspect_rows.h"

#include <inttypes.h>
#include <string.h>

#include "inspect_json.h"
#include "inspect_verdict.h"
#include "names.h"
#include "text.h"

const char *rows_transport(enum dis_transport transport)
{
    static const char *const names[] = { "tcp", "smb", "smb2" };
    return names[transport];
}

const char *rows_interface(const struct dis_syntax *interface, const struct dis_interface *known,
                           char text[ROWS_INTERFACE])
{
    char uuid[DIS_UUID_TEXT];
    const char *name = dis_interface_name(known);
    snprintf(text, ROWS_INTERFACE, "%.40s/%u.%u", name != NULL ? name : dis_uuid_format(&interface->uuid, uuid),
             interface->major, interface->minor);
    return text;
}

const char *rows_time(int64_t ns, char text[ROWS_TIME])
{
    if (ns < 0)
        snprintf(text, ROWS_TIME, "-");
    else if (ns < 1000000)
        snprintf(text, ROWS_TIME, "%" PRId64 " us", (ns + 500) / 1000);
    else if (ns < 1000000000)
        snprintf(text, ROWS_TIME, "%" PRId64 ".%02" PRId64 " ms", ns / 1000000, ns / 10000 % 100);
    else
        snprintf(text, ROWS_TIME, "%" PRId64 ".%02" PRId64 " s", ns / 1000000000, ns / 10000000 % 100);
    return text;
}

static void put_when(const struct rows *r, int64_t time)
{
    int64_t us = (time - r->start) / 1000;
    fprintf(r->out, "%s%" PRId64 ".%06" PRId64, us < 0 ? "-" : "", (us < 0 ? -us : us) / 1000000,
            (us < 0 ? -us : us) % 1000000);
}

static void put_ends(const struct rows *r, const struct dis_endpoint *from, const struct dis_endpoint *to)
{
    char a[DIS_ENDPOINT_TEXT];
    char b[DIS_ENDPOINT_TEXT];
    fprintf(r->out, "%s > %s", dis_endpoint_format(from, a), dis_endpoint_format(to, b));
}

static void put_pipe(const struct rows *r, const struct dis_conversation *c)
{
    if (c->transport != DIS_OVER_TCP)
        fprintf(r->out, " pipe %s", c->pipe_name[0] != '\0' ? c->pipe_name : c->pipe);
}

/* "frame 4  0.001234  10.0.0.1:1025 > 10.0.0.2:135  ", before the PDU's own line. */
static void put_heading(const struct rows *r, const struct dis_sighting *s)
{
    fprintf(r->out, "frame %" PRIu64 "  ", s->found->last.frame);
    put_when(r, s->found->last.time);
    fputs("  ", r->out);
    put_ends(r, &s->in->end[s->way], &s->in->end[!s->way]);
    put_pipe(r, s->in);
    fputs(s->found->missing != 0 ? "  (not all of it captured) " : "  ", r->out);
}

static void put_line(const struct rows *r, const struct dis_sighting *s)
{
    put_heading(r, s);
    if (s->decoded)
        dis_print_line(r->out, &s->pdu);
    else
        dis_print_bad(r->out, &s->pdu.header, &s->error, false);
}

void rows_pdu(const struct rows *r, const struct dis_sighting *s)
{
    if (r->json)
        json_pdu(r->out, s);
    else
        put_line(r, s);
}

void rows_tree(const struct rows *r, const struct dis_sighting *s)
{
    if (!r->json) {
        put_line(r, s);
        if (s->decoded)
            dis_print_tree(r->out, &s->pdu);
        fputc('\n', r->out);
    } else if (s->decoded) {
        dis_print_json(r->out, &s->pdu);
    } else {
        dis_print_bad(r->out, &s->pdu.header, &s->error, true);
    }
}

void rows_datagram(const struct rows *r, const struct dis_datagram_sighting *s)
{
    if (r->json) {
        json_datagram(r->out, s);
        return;
    }
    fprintf(r->out, "frame %" PRIu64 "  ", s->place.frame);
    put_when(r, s->place.time);
    fputs("  ", r->out);
    put_ends(r, &s->from, &s->to);
    fputs("  ", r->out);
    dis_datagram_print(r->out, &s->datagram);
}

static void put_operation(const struct rows *r, const struct dis_call *call)
{
    char interface[ROWS_INTERFACE];
    const char *operation = call->has_request ? dis_operation_name(call->known, call->opnum) : NULL;
    if (call->has_interface)
        fprintf(r->out, "  %s", rows_interface(&call->interface, call->known, interface));
    else
        fprintf(r->out, "  ctx %u (%s)", call->context_id, call->in->bind_seen ? "never bound" : "bind not seen");
    if (call->has_request)
        fprintf(r->out, " op %u", call->opnum);
    if (operation != NULL)
        fprintf(r->out, " %s", operation);
}

/* Where a request has no trailer, the security context of its connection vouches for it up to level connect
 * (MS-RPCE 3.3.1.5.4). */
static void put_auth(const struct rows *r, const struct dis_call *call)
{
    bool own = call->auth_level != 0;
    uint8_t number = own ? call->auth_level : call->in->auth_level;
    const char *type = dis_auth_type_name(own ? call->auth_type : call->in->auth_type);
    const char *level = dis_auth_level_name(number);
    if (!own && number != DIS_LEVEL_CONNECT)
        return;
    fprintf(r->out, "  auth %s/%s", type != NULL ? type : "?", level != NULL ? level : "?");
}

/* How it ended, in words. */
static void put_result(const struct rows *r, const struct dis_call *call)
{
    const char *name = dis_fault_name(call->status);
    fprintf(r->out, "  %s%s", dis_ending_name(call->ending), call->has_request ? "" : " (request not seen)");
    if (call->answer == DIS_ANSWER_FAULT)
        fprintf(r->out, " 0x%08x%s%s%s", call->status, name != NULL ? " " : "", name != NULL ? name : "",
                call->did_not_execute ? " did-not-execute" : "");
    if (call->cancelled)
        fputs(" cancelled", r->out);
    if (call->orphaned)
        fputs(" orphaned", r->out);
    if (call->id_differs)
        fputs(" (answered with another call id)", r->out);
}

static void put_verdict(const struct rows *r, const struct dis_call *call)
{
    const char *proof;
    const char *name = verdict_name(verdict_of(call, &proof));
    if (name != NULL)
        fprintf(r->out, "  retry %s%s%s", name, proof != NULL ? " " : "", proof != NULL ? proof : "");
}

void rows_call(const struct rows *r, const struct dis_call *call)
{
    char first[ROWS_TIME];
    char last[ROWS_TIME];
    if (r->json) {
        json_call(r->out, call);
        return;
    }
    fprintf(r->out, "%" PRIu64 "  ", call->number);
    put_when(r, call->has_request ? call->request_first.time : call->answer_first.time);
    fputs("  ", r->out);
    put_ends(r, &call->in->end[call->way], &call->in->end[!call->way]);
    put_pipe(r, call->in);
    fprintf(r->out, " call %u", call->id);
    put_operation(r, call);
    fprintf(r->out, "  first %s last %s", rows_time(dis_call_first(call), first),
            rows_time(dis_call_last(call), last));
    fprintf(r->out, "  in %" PRIu64 " out %" PRIu64, call->request_bytes, call->answer_bytes);
    put_auth(r, call);
    put_result(r, call);
    put_verdict(r, call);
    fputc('\n', r->out);
}

static void put_contexts(const struct rows *r, const struct dis_conversation *c)
{
    enum { MOST = 8 };
    char text[ROWS_INTERFACE];
    uint32_t told = 0;
    for (uint32_t i = 0; i < c->context_count; i++) {
        const struct dis_bound *bound = &c->contexts[i];
        if (bound->features || bound->state == DIS_CONTEXT_REFUSED)
            continue;
        if (told++ < MOST)
            fprintf(r->out, "%s%s", told == 1 ? "  " : " ", rows_interface(&bound->interface, bound->known, text));
    }
    if (told > MOST)
        fprintf(r->out, " and %" PRIu32 " more", told - MOST);
    if (!c->bind_seen)
        fputs("  (bind not seen)", r->out);
}

void rows_conversation(const struct rows *r, const struct dis_conversation *c)
{
    unsigned way = c->client == 1;
    if (r->json) {
        json_conversation(r->out, c);
        return;
    }
    fprintf(r->out, "stream %" PRIu64 " %s  ", c->stream, rows_transport(c->transport));
    put_when(r, c->first.time);
    fputs(" to ", r->out);
    put_when(r, c->last.time);
    fputs("  ", r->out);
    put_ends(r, &c->end[way], &c->end[!way]);
    put_pipe(r, c);
    fprintf(r->out, "  %" PRIu64 " PDUs %" PRIu64 " calls", c->pdus, c->calls);
    put_contexts(r, c);
    if (c->gaps[0] + c->gaps[1] > 0)
        fprintf(r->out, "  gaps %" PRIu32, c->gaps[0] + c->gaps[1]);
    if (c->unmatched > 0)
        fprintf(r->out, "  answers without requests %" PRIu64, c->unmatched);
    fprintf(r->out, "  %s\n", dis_ending_name(c->ending));
}
