/* Decoded PDUs for people and programs. The tree and the JSON come from one walk over the fields. */
#include "text.h"

#include <string.h>

#include "names.h"
#include "sink.h"

#define NAMES_ROOM 128u /* for all names of a set of flags */

struct flag {
    unsigned bit;
    const char *name;
};

/* Writes the names of the bits that are set, separated by spaces; NULL where there are none. */
static const char *flag_names(const struct flag *table, size_t count, uint64_t flags, char names[NAMES_ROOM])
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if ((flags & table[i].bit) != 0)
            at += (size_t)snprintf(names + at, NAMES_ROOM - at, "%s%s", at == 0 ? "" : " ", table[i].name);
    return at == 0 ? NULL : names;
}

/* Bit 0x04 means one thing on the PDUs that bind and another on all others (MS-RPCE 2.2.2.3). */
static const char *pfc_flag_names(const struct dis_header *header, char names[NAMES_ROOM])
{
    static const uint32_t binding_types = 1u << DIS_BIND | 1u << DIS_BIND_ACK | 1u << DIS_ALTER_CONTEXT |
                                          1u << DIS_ALTER_CONTEXT_RESP | 1u << DIS_AUTH3;
    bool binds = header->type < DIS_PTYPE_COUNT && (binding_types >> header->type & 1) != 0;
    const struct flag table[] = {
        { DIS_FIRST_FRAG, "first" },
        { DIS_LAST_FRAG, "last" },
        { DIS_PENDING_CANCEL, binds ? "support_header_sign" : "pending_cancel" },
        { DIS_CONC_MPX, "conc_mpx" },
        { DIS_DID_NOT_EXECUTE, "did_not_execute" },
        { DIS_MAYBE, "maybe" },
        { DIS_OBJECT_UUID, "object" },
    };
    return flag_names(table, sizeof(table) / sizeof(table[0]), header->flags, names);
}

static const char *feature_names(uint64_t features, char names[NAMES_ROOM])
{
    static const struct flag table[] = {
        { DIS_SECURITY_CONTEXT_MULTIPLEXING, "security_context_multiplexing" },
        { DIS_KEEP_CONNECTION_ON_ORPHAN, "keep_connection_on_orphan" },
    };
    return flag_names(table, sizeof(table) / sizeof(table[0]), features, names);
}

static void put_string(struct dis_sink *sink, const char *key, const char *text)
{
    dis_put_text(sink, key, text, strlen(text));
}

static void put_uuid(struct dis_sink *sink, const char *key, const struct dis_uuid *uuid)
{
    char text[DIS_UUID_TEXT];
    put_string(sink, key, dis_uuid_format(uuid, text));
}

static void put_version(struct dis_sink *sink, unsigned major, unsigned minor)
{
    char text[sizeof("65535.65535")];
    snprintf(text, sizeof(text), "%u.%u", major & 0xffff, minor & 0xffff);
    put_string(sink, "version", text);
}

static void put_syntax(struct dis_sink *sink, const struct dis_syntax *syntax, const char *name)
{
    put_uuid(sink, "uuid", &syntax->uuid);
    put_version(sink, syntax->major, syntax->minor);
    if (name != NULL)
        put_string(sink, "name", name);
}

/* C706 14.1 */
static void walk_drep(struct dis_sink *sink, const uint8_t drep[4])
{
    static const char *const integers[] = { "big_endian", "little_endian" };
    static const char *const characters[] = { "ascii", "ebcdic" };
    static const char *const floats[] = { "ieee", "vax", "cray", "ibm" };
    unsigned order = drep[0] >> 4;
    unsigned charset = drep[0] & 0xf;
    dis_put_number(sink, "integers", order, order < 2 ? integers[order] : NULL);
    dis_put_number(sink, "characters", charset, charset < 2 ? characters[charset] : NULL);
    dis_put_number(sink, "floats", drep[1], drep[1] < 4 ? floats[drep[1]] : NULL);
}

static void walk_header(struct dis_sink *sink, const struct dis_header *header)
{
    char names[NAMES_ROOM];
    put_version(sink, header->version, header->minor);
    dis_put_number(sink, "ptype", header->type, dis_ptype_name(header->type));
    dis_put_code(sink, "flags", header->flags, pfc_flag_names(header, names));
    walk_drep(sink, header->drep);
    dis_put_number(sink, "frag_length", header->frag_length, NULL);
    dis_put_number(sink, "auth_length", header->auth_length, NULL);
    dis_put_number(sink, "call_id", header->call_id, NULL);
}

static void walk_request(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct dis_request *request = &pdu->request;
    dis_put_number(sink, "alloc_hint", request->alloc_hint, NULL);
    dis_put_number(sink, "context_id", request->context_id, NULL);
    dis_put_number(sink, "opnum", request->opnum, NULL);
    if (request->has_object)
        put_uuid(sink, "object", &request->object);
    dis_put_number(sink, "stub_length", request->stub_length, NULL);
}

static void walk_response(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct dis_response *response = &pdu->response;
    dis_put_number(sink, "alloc_hint", response->alloc_hint, NULL);
    dis_put_number(sink, "context_id", response->context_id, NULL);
    dis_put_number(sink, "cancel_count", response->cancel_count, NULL);
    dis_put_number(sink, "stub_length", response->stub_length, NULL);
}

static void walk_fault(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct dis_fault *fault = &pdu->fault;
    dis_put_number(sink, "alloc_hint", fault->alloc_hint, NULL);
    dis_put_number(sink, "context_id", fault->context_id, NULL);
    dis_put_number(sink, "cancel_count", fault->cancel_count, NULL);
    dis_put_code(sink, "fault_flags", fault->fault_flags, (fault->fault_flags & 1) != 0 ? "extended_error" : NULL);
    dis_put_code(sink, "status", fault->status, dis_fault_name(fault->status));
    dis_put_number(sink, "win32", dis_fault_win32(fault->status), NULL);
    dis_put_number(sink, "stub_length", fault->stub_length, NULL);
}

static void walk_context(struct dis_sink *sink, const struct dis_context *context)
{
    char names[NAMES_ROOM];
    uint64_t features;
    dis_put_number(sink, "id", context->id, NULL);
    dis_sink_open(sink, "abstract", DIS_GROUP);
    put_syntax(sink, &context->abstract, dis_interface_name(dis_interface_find(&context->abstract)));
    dis_sink_close(sink, DIS_GROUP);
    if (dis_is_feature_negotiation(context, &features))
        dis_put_code(sink, "features", features, feature_names(features, names));
    dis_sink_open(sink, "transfers", DIS_LIST);
    struct dis_list transfers = context->transfers;
    for (struct dis_syntax syntax; dis_next_syntax(&transfers, &syntax);) {
        dis_sink_open(sink, "transfer", DIS_ELEMENT);
        put_syntax(sink, &syntax, dis_transfer_name(&syntax));
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
}

static void walk_bind(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    dis_put_number(sink, "max_xmit_frag", pdu->bind.max_xmit_frag, NULL);
    dis_put_number(sink, "max_recv_frag", pdu->bind.max_recv_frag, NULL);
    dis_put_code(sink, "assoc_group_id", pdu->bind.assoc_group_id, NULL);
    dis_sink_open(sink, "contexts", DIS_LIST);
    struct dis_list contexts = pdu->bind.contexts;
    for (struct dis_context context; dis_next_context(&contexts, &context);) {
        dis_sink_open(sink, "context", DIS_ELEMENT);
        walk_context(sink, &context);
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
}

static void walk_result(struct dis_sink *sink, const struct dis_context_result *result)
{
    char names[NAMES_ROOM];
    dis_put_number(sink, "result", result->result, dis_result_name(result->result));
    if (result->result == DIS_NEGOTIATE_ACK)
        dis_put_code(sink, "features", result->reason, feature_names(result->reason, names));
    else
        dis_put_number(sink, "reason", result->reason, dis_result_reason_name(result->reason));
    dis_sink_open(sink, "transfer", DIS_GROUP);
    put_syntax(sink, &result->transfer, dis_transfer_name(&result->transfer));
    dis_sink_close(sink, DIS_GROUP);
}

/* The secondary address without the NUL that normally ends it. */
static size_t secondary_text_length(const struct dis_bind_ack *ack)
{
    size_t length = ack->secondary_length;
    return length > 0 && ack->secondary_address[length - 1] == '\0' ? length - 1 : length;
}

static void walk_bind_ack(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct dis_bind_ack *ack = &pdu->bind_ack;
    dis_put_number(sink, "max_xmit_frag", ack->max_xmit_frag, NULL);
    dis_put_number(sink, "max_recv_frag", ack->max_recv_frag, NULL);
    dis_put_code(sink, "assoc_group_id", ack->assoc_group_id, NULL);
    dis_put_number(sink, "secondary_length", ack->secondary_length, NULL);
    dis_put_text(sink, "secondary_address", ack->secondary_address, secondary_text_length(ack));
    dis_sink_open(sink, "results", DIS_LIST);
    struct dis_list results = ack->results;
    for (struct dis_context_result result; dis_next_result(&results, &result);) {
        dis_sink_open(sink, "result", DIS_ELEMENT);
        walk_result(sink, &result);
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
}

static void walk_bind_nak(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct dis_bind_nak *nak = &pdu->bind_nak;
    dis_put_number(sink, "reason", nak->reason, dis_nak_reason_name(nak->reason));
    dis_sink_open(sink, "versions", DIS_LIST);
    for (unsigned i = 0; i < nak->version_count; i++) {
        dis_sink_open(sink, "supported", DIS_ELEMENT);
        put_version(sink, nak->versions[2 * i], nak->versions[2 * i + 1]);
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
}

static void walk_rts(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    dis_put_code(sink, "rts_flags", pdu->rts.flags, NULL);
    dis_put_number(sink, "command_count", pdu->rts.command_count, NULL);
}

static void walk_auth(struct dis_sink *sink, const struct dis_auth *auth)
{
    dis_sink_open(sink, "auth", DIS_GROUP);
    dis_put_number(sink, "type", auth->type, dis_auth_type_name(auth->type));
    dis_put_number(sink, "level", auth->level, dis_auth_level_name(auth->level));
    dis_put_number(sink, "pad_length", auth->pad, NULL);
    dis_put_number(sink, "reserved", auth->reserved, NULL);
    dis_put_number(sink, "context_id", auth->context_id, NULL);
    dis_put_number(sink, "length", auth->length, NULL);
    dis_sink_close(sink, DIS_GROUP);
}

/* A name, or the number where there is none. */
static void line_name(FILE *out, const char *before, const char *name, unsigned number)
{
    if (name != NULL)
        fprintf(out, "%s%s", before, name);
    else
        fprintf(out, "%s%u", before, number);
}

static void line_header(FILE *out, const struct dis_header *header)
{
    char names[NAMES_ROOM];
    const char *flags = pfc_flag_names(header, names);
    fprintf(out, "%s call %u", dis_ptype_name(header->type), header->call_id);
    if (flags != NULL)
        fprintf(out, " %s", flags);
}

static void line_request(FILE *out, const struct dis_pdu *pdu)
{
    const struct dis_request *request = &pdu->request;
    fprintf(out, " ctx %u op %u stub %zu", request->context_id, request->opnum, request->stub_length);
}

static void line_response(FILE *out, const struct dis_pdu *pdu)
{
    fprintf(out, " ctx %u stub %zu", pdu->response.context_id, pdu->response.stub_length);
}

static void line_fault(FILE *out, const struct dis_pdu *pdu)
{
    const char *name = dis_fault_name(pdu->fault.status);
    fprintf(out, " ctx %u status 0x%x", pdu->fault.context_id, pdu->fault.status);
    if (name != NULL)
        fprintf(out, " %s", name);
}

static void line_bind(FILE *out, const struct dis_pdu *pdu)
{
    char uuid[DIS_UUID_TEXT];
    uint64_t features;
    struct dis_list contexts = pdu->bind.contexts;
    fprintf(out, " group 0x%x", pdu->bind.assoc_group_id);
    for (struct dis_context context; dis_next_context(&contexts, &context);) {
        const char *name = dis_interface_name(dis_interface_find(&context.abstract));
        fprintf(out, " ctx %u ", context.id);
        if (dis_is_feature_negotiation(&context, &features))
            fputs("features", out);
        else
            fprintf(out, "%s/%u.%u", name != NULL ? name : dis_uuid_format(&context.abstract.uuid, uuid),
                    context.abstract.major, context.abstract.minor);
    }
}

static void line_bind_ack(FILE *out, const struct dis_pdu *pdu)
{
    struct dis_list results = pdu->bind_ack.results;
    fprintf(out, " group 0x%x", pdu->bind_ack.assoc_group_id);
    for (struct dis_context_result result; dis_next_result(&results, &result);) {
        line_name(out, " ", dis_result_name(result.result), result.result);
        if (result.reason != DIS_REASON_NOT_SPECIFIED && result.result != DIS_NEGOTIATE_ACK)
            line_name(out, "/", dis_result_reason_name(result.reason), result.reason);
    }
}

static void line_bind_nak(FILE *out, const struct dis_pdu *pdu)
{
    line_name(out, " reason ", dis_nak_reason_name(pdu->bind_nak.reason), pdu->bind_nak.reason);
}

static void line_rts(FILE *out, const struct dis_pdu *pdu)
{
    fprintf(out, " flags 0x%x commands %u", pdu->rts.flags, pdu->rts.command_count);
}

struct printer {
    void (*walk)(struct dis_sink *sink, const struct dis_pdu *pdu);
    void (*line)(FILE *out, const struct dis_pdu *pdu);
};

/* NULL for types without a body. */
static const struct printer *printer_of(uint8_t type)
{
    static const struct printer printers[DIS_PTYPE_COUNT] = {
        [DIS_REQUEST] = { walk_request, line_request },
        [DIS_RESPONSE] = { walk_response, line_response },
        [DIS_FAULT] = { walk_fault, line_fault },
        [DIS_BIND] = { walk_bind, line_bind },
        [DIS_BIND_ACK] = { walk_bind_ack, line_bind_ack },
        [DIS_BIND_NAK] = { walk_bind_nak, line_bind_nak },
        [DIS_ALTER_CONTEXT] = { walk_bind, line_bind },
        [DIS_ALTER_CONTEXT_RESP] = { walk_bind_ack, line_bind_ack },
        [DIS_RTS] = { walk_rts, line_rts },
    };
    return type < DIS_PTYPE_COUNT && printers[type].walk != NULL ? &printers[type] : NULL;
}

static void walk_pdu(struct dis_sink *sink, const struct dis_pdu *pdu)
{
    const struct printer *printer = printer_of(pdu->header.type);
    walk_header(sink, &pdu->header);
    if (printer != NULL)
        printer->walk(sink, pdu);
    if (pdu->auth.value != NULL)
        walk_auth(sink, &pdu->auth);
}

void dis_print_tree(FILE *out, const struct dis_pdu *pdu)
{
    struct dis_sink sink = { .out = out, .depth = 1 };
    walk_pdu(&sink, pdu);
}

void dis_print_json(FILE *out, const struct dis_pdu *pdu)
{
    struct dis_sink sink = { .out = out, .json = true };
    fputc('{', out);
    walk_pdu(&sink, pdu);
    fputs("}\n", out);
}

void dis_print_line(FILE *out, const struct dis_pdu *pdu)
{
    const struct printer *printer = printer_of(pdu->header.type);
    line_header(out, &pdu->header);
    if (printer != NULL)
        printer->line(out, pdu);
    if (pdu->auth.value != NULL) {
        line_name(out, " auth ", dis_auth_type_name(pdu->auth.type), pdu->auth.type);
        line_name(out, "/", dis_auth_level_name(pdu->auth.level), pdu->auth.level);
    }
    fputc('\n', out);
}

void dis_print_bad(FILE *out, const struct dis_header *header, const struct dis_error *error, bool json)
{
    if (!json) {
        line_header(out, header);
        fprintf(out, " bad at %zu: %s\n", error->at, error->what);
        return;
    }
    struct dis_sink sink = { .out = out, .json = true };
    fputc('{', out);
    walk_header(&sink, header);
    put_string(&sink, "error", error->what);
    dis_put_number(&sink, "error_at", error->at, NULL);
    fputs("}\n", out);
}
