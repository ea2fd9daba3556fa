/* Bind and alter_context: which contexts a client may use from now on (C706 12.6.4.3, MS-RPCE 3.3.1.5). */
#include "server.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAGMENT_MIN 2048u /* what Samba and Windows make of less */
#define ACK_MAX      8192u /* bytes; 255 results fit */
#define FEATURES     ((uint64_t)(DIS_SECURITY_CONTEXT_MULTIPLEXING | DIS_KEEP_CONNECTION_ON_ORPHAN))

/* What is answered to the contexts of one PDU. `broken`: they contradict each other or earlier ones. */
struct verdict {
    struct dis_context_result results[UINT8_MAX];
    uint8_t count;
    bool broken;
};

const struct srv_interface *srv_context_interface(const struct srv_link *link, uint16_t context_id)
{
    for (uint16_t i = 0; i < link->context_count; i++)
        if (link->contexts[i].id == context_id)
            return link->contexts[i].interface;
    return NULL;
}

static void add_context(struct srv_link *link, uint16_t id, const struct srv_interface *interface)
{
    size_t size = (link->context_count + 1u) * sizeof *link->contexts;
    link->contexts = realloc(link->contexts, size);
    if (link->contexts == NULL)
        err(1, "contexts");
    link->contexts[link->context_count++] = (struct srv_context){ id, interface };
}

static const struct srv_interface *find_interface(const struct dis_syntax *syntax)
{
    for (size_t i = 0; i < srv_interface_count; i++) {
        const struct dis_syntax *ours = &srv_interfaces[i]->syntax;
        if (dis_uuid_equal(&ours->uuid, &syntax->uuid) && ours->major == syntax->major &&
            ours->minor >= syntax->minor)
            return srv_interfaces[i];
    }
    return NULL;
}

static bool offers_ndr(struct dis_list transfers)
{
    struct dis_syntax syntax;
    while (dis_next_syntax(&transfers, &syntax))
        if (dis_syntax_equal(&syntax, &dis_ndr))
            return true;
    return false;
}

static struct dis_context_result rejection(enum dis_result_reason reason)
{
    return (struct dis_context_result){ .result = DIS_PROVIDER_REJECTION, .reason = (uint16_t)reason };
}

/* One context. An id that is in use may be offered again for the same interface, not for another. */
static struct dis_context_result judge_context(struct srv_link *link, const struct dis_context *context, bool *broken)
{
    const struct srv_interface *interface = find_interface(&context->abstract);
    const struct srv_interface *earlier = srv_context_interface(link, context->id);
    if (earlier != NULL && earlier != interface)
        *broken = true;
    if (interface == NULL)
        return rejection(DIS_ABSTRACT_SYNTAX_NOT_SUPPORTED);
    if (!offers_ndr(context->transfers))
        return rejection(DIS_TRANSFER_SYNTAXES_NOT_SUPPORTED);
    if (earlier == NULL)
        add_context(link, context->id, interface);
    return (struct dis_context_result){ .result = DIS_ACCEPTANCE, .transfer = dis_ndr };
}

/* MS-RPCE 3.3.1.5.3: the granted features travel as the reason. Two such elements are an error. */
static void judge(struct srv_link *link, struct dis_list contexts, struct verdict *verdict)
{
    struct dis_context context;
    uint64_t features;
    unsigned negotiations = 0;
    verdict->count = 0;
    verdict->broken = contexts.count == 0;
    while (dis_next_context(&contexts, &context)) {
        struct dis_context_result *result = &verdict->results[verdict->count++];
        if (dis_is_feature_negotiation(&context, &features)) {
            *result = (struct dis_context_result){ .result = DIS_NEGOTIATE_ACK,
                                                   .reason = (uint16_t)(features & FEATURES) };
            verdict->broken |= ++negotiations > 1;
        } else {
            *result = judge_context(link, &context, &verdict->broken);
        }
    }
}

static void acknowledge(struct srv_link *link, const struct dis_pdu *pdu, const struct verdict *verdict)
{
    bool first = pdu->header.type == DIS_BIND;
    struct dis_head head = srv_head(&pdu->header);
    head.flags = link->multiplexed ? DIS_CONC_MPX : 0;
    struct dis_bind_ack sizes = {
        .max_xmit_frag = link->fragment_max,
        .max_recv_frag = link->fragment_max,
        .assoc_group_id = link->group,
    };
    struct bytes *out = &link->wire.out;
    uint8_t *to = bytes_reserve(out, ACK_MAX);
    out->length += dis_compose_bind_ack(to, ACK_MAX, first ? DIS_BIND_ACK : DIS_ALTER_CONTEXT_RESP, &head, &sizes,
                                        first ? link->secondary : "", verdict->results, verdict->count);
    wire_touch(&link->wire);
}

/* One size both ways, in whole eights (measured on Samba and Windows). */
static uint16_t agree_on_size(const struct dis_bind *bind)
{
    unsigned size = bind->max_xmit_frag < bind->max_recv_frag ? bind->max_xmit_frag : bind->max_recv_frag;
    if (size > SRV_FRAGMENT_MAX)
        size = SRV_FRAGMENT_MAX;
    if (size < FRAGMENT_MIN)
        size = FRAGMENT_MIN;
    return (uint16_t)(size & ~7u);
}

void srv_bind(struct srv_link *link, const struct dis_pdu *pdu)
{
    if (link->bound) {
        srv_nak(link, &pdu->header, DIS_NAK_NOT_SPECIFIED);
        return;
    }
    if (pdu->auth.value != NULL) {
        srv_nak(link, &pdu->header, DIS_NAK_AUTH_TYPE);
        return;
    }
    link->group = srv_group_enter(pdu->bind.assoc_group_id);
    if (link->group == 0) {
        srv_nak(link, &pdu->header, DIS_NAK_NOT_SPECIFIED);
        return;
    }
    struct verdict verdict;
    judge(link, pdu->bind.contexts, &verdict);
    if (verdict.broken) {
        srv_nak(link, &pdu->header, DIS_NAK_NOT_SPECIFIED);
        return;
    }
    link->bound = true;
    link->multiplexed = (pdu->header.flags & DIS_CONC_MPX) != 0;
    link->fragment_max = agree_on_size(&pdu->bind);
    acknowledge(link, pdu, &verdict);
}

/* Sizes, group and flags of an alter_context mean nothing: the first bind settled them. */
void srv_alter(struct srv_link *link, const struct dis_pdu *pdu)
{
    if (pdu->auth.value != NULL) {
        srv_refuse(link, &pdu->header, SRV_ACCESS_DENIED);
        return;
    }
    struct verdict verdict;
    judge(link, pdu->bind.contexts, &verdict);
    if (verdict.broken)
        srv_refuse(link, &pdu->header, SRV_PROTO_ERROR);
    else
        acknowledge(link, pdu, &verdict);
}
