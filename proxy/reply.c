/* Composes what only we can say: the server is not there, or this group is not yours. */
#include "reply.h"

#include "../dissect/compose.h"

#define FRAG_MAX  5840u /* the limit of Windows and Samba on TCP */
#define FRAG_MIN  2048u
#define OWN_GROUP 0x7770u /* no server grants it to anybody: nothing is behind this bind */

size_t px_reply_fault(uint8_t *out, const struct px_call *k, uint32_t status, bool did_not_execute)
{
    struct dis_head head = {
        .drep = k->drep, .minor = k->minor, .flags = did_not_execute ? DIS_DID_NOT_EXECUTE : 0, .call_id = k->call_id
    };
    return dis_compose_fault(out, PX_REPLY_MAX, &head, k->context_id, status);
}

size_t px_reply_control(uint8_t *out, const struct px_call *k, enum dis_ptype type)
{
    struct dis_head head = { .drep = k->drep, .minor = k->minor, .call_id = k->call_id };
    return dis_compose_control(out, PX_REPLY_MAX, type, &head);
}

static struct dis_context_result accept_context(const struct dis_context *context)
{
    struct dis_context_result result = { .result = DIS_PROVIDER_REJECTION,
                                         .reason = DIS_TRANSFER_SYNTAXES_NOT_SUPPORTED };
    struct dis_list transfers = context->transfers;
    struct dis_syntax first;
    uint64_t features;
    if (dis_is_feature_negotiation(context, &features))
        return (struct dis_context_result){ .result = DIS_NEGOTIATE_ACK };
    if (dis_next_syntax(&transfers, &first))
        result = (struct dis_context_result){ .result = DIS_ACCEPTANCE, .transfer = first };
    return result;
}

static uint16_t fragment_size(const struct dis_bind *bind)
{
    unsigned size = bind->max_xmit_frag < bind->max_recv_frag ? bind->max_xmit_frag : bind->max_recv_frag;
    size = size > FRAG_MAX ? FRAG_MAX : size < FRAG_MIN ? FRAG_MIN : size;
    return (uint16_t)(size & ~7u);
}

static struct dis_head head_for(const struct dis_pdu *pdu)
{
    return (struct dis_head){ .drep = pdu->header.drep, .minor = pdu->header.minor, .call_id = pdu->header.call_id };
}

size_t px_reply_bind_ack(uint8_t *out, const struct dis_pdu *bind)
{
    struct dis_context_result results[UINT8_MAX];
    struct dis_list contexts = bind->bind.contexts;
    struct dis_context context;
    uint8_t count = 0;
    while (count < UINT8_MAX && dis_next_context(&contexts, &context))
        results[count++] = accept_context(&context);
    bool alter = bind->header.type == DIS_ALTER_CONTEXT;
    uint16_t size = fragment_size(&bind->bind);
    struct dis_bind_ack sizes = { .max_xmit_frag = size,
                                  .max_recv_frag = size,
                                  .assoc_group_id = bind->bind.assoc_group_id ? bind->bind.assoc_group_id
                                                                              : OWN_GROUP };
    struct dis_head head = head_for(bind);
    return dis_compose_bind_ack(out, PX_REPLY_MAX, alter ? DIS_ALTER_CONTEXT_RESP : DIS_BIND_ACK, &head, &sizes, "",
                                results, count);
}

size_t px_reply_bind_nak(uint8_t *out, const struct dis_pdu *bind, uint32_t reason)
{
    struct dis_head head = head_for(bind);
    return dis_compose_bind_nak(out, PX_REPLY_MAX, &head, (enum dis_nak_reason)reason);
}
