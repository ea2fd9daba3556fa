/* One connection of a client: from accept to its end, and which PDU goes where. */
#include "server.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const ends[] = {
    [WIRE_PEER_CLOSED] = "peer-closed", [WIRE_PEER_RESET] = "peer-reset", [WIRE_NOT_CONNECTED] = "not-connected",
    [WIRE_BAD_FRAME] = "bad-frame",     [WIRE_OWN_CLOSE] = "own-close",   [WIRE_OWN_RESET] = "own-reset",
};

struct dis_head srv_head(const struct dis_header *request)
{
    return (struct dis_head){ .drep = request->drep, .minor = request->minor, .call_id = request->call_id };
}

void srv_write_fault(struct srv_link *link, const struct dis_head *head, uint16_t context_id, uint32_t status)
{
    struct bytes *out = &link->wire.out;
    uint8_t *to = bytes_reserve(out, SRV_FRAGMENT_MAX);
    out->length += dis_compose_fault(to, SRV_FRAGMENT_MAX, head, context_id, status);
    wire_touch(&link->wire);
}

void srv_refuse(struct srv_link *link, const struct dis_header *request, uint32_t status)
{
    struct dis_head head = srv_head(request);
    srv_write_fault(link, &head, 0, status);
    wire_close(&link->wire);
}

void srv_nak(struct srv_link *link, const struct dis_header *request, enum dis_nak_reason reason)
{
    struct dis_head head = srv_head(request);
    struct bytes *out = &link->wire.out;
    uint8_t *to = bytes_reserve(out, SRV_FRAGMENT_MAX);
    out->length += dis_compose_bind_nak(to, SRV_FRAGMENT_MAX, &head, reason);
    wire_close(&link->wire);
}

/* Cancels and orphans are heard and not obeyed, as Samba and Windows do: the call goes on and is answered. */
static void note(struct srv_link *link, const struct dis_pdu *pdu)
{
    ledger_line(&link->server->events, "%s %u %u", dis_ptype_name(pdu->header.type), link->serial,
                pdu->header.call_id);
}

/* What a client may say once it is bound; anything else is a protocol error. */
static void (*const handlers[DIS_PTYPE_COUNT])(struct srv_link *link, const struct dis_pdu *pdu) = {
    [DIS_REQUEST] = srv_request, [DIS_RESPONSE] = srv_client_answer, [DIS_FAULT] = srv_client_answer,
    [DIS_BIND] = srv_bind,       [DIS_ALTER_CONTEXT] = srv_alter,    [DIS_CO_CANCEL] = note,
    [DIS_ORPHANED] = note,
};

static void on_pdu(struct wire *wire, const uint8_t *bytes, size_t length)
{
    struct srv_link *link = (struct srv_link *)wire;
    struct dis_pdu pdu;
    struct dis_error error;
    if (!dis_pdu_decode(bytes, length, &pdu, &error))
        wire_reset(wire);
    else if (!link->bound && pdu.header.type != DIS_BIND)
        srv_nak(link, &pdu.header, DIS_NAK_PROTOCOL_VERSION); /* odd, but what Samba says */
    else if (pdu.header.type >= DIS_PTYPE_COUNT || handlers[pdu.header.type] == NULL)
        srv_refuse(link, &pdu.header, SRV_PROTO_ERROR);
    else
        handlers[pdu.header.type](link, &pdu);
}

static void on_ended(struct wire *wire, enum wire_end how)
{
    struct srv_link *link = (struct srv_link *)wire;
    ledger_line(&link->server->events, "close %u %s", link->serial, ends[how]);
    srv_calls_end(link);
    dis_gather_reset(&link->gather);
    if (link->group != 0 && srv_group_leave(link->group))
        srv_handles_run_down(link->server, link->group);
}

static void on_freed(struct wire *wire)
{
    struct srv_link *link = (struct srv_link *)wire;
    free(link->contexts);
    free(link);
}

static const struct wire_events events = { .pdu = on_pdu, .ended = on_ended, .freed = on_freed };

/* C706 12.6.4.4 wants the endpoint as text: the port. */
static void name_secondary(struct srv_link *link, const struct px_address *local)
{
    if (local->any.sa_family == AF_INET)
        snprintf(link->secondary, sizeof link->secondary, "%u", ntohs(local->v4.sin_port));
    if (local->any.sa_family == AF_INET6)
        snprintf(link->secondary, sizeof link->secondary, "%u", ntohs(local->v6.sin6_port));
}

void srv_link_open(struct server *server, int fd, const struct px_address *peer, const struct px_address *local)
{
    struct srv_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        err(1, "connection");
    char address[PX_ADDRESS_TEXT];
    link->server = server;
    link->serial = ++server->last_serial;
    link->gather.limit = SRV_REQUEST_MAX;
    TAILQ_INIT(&link->calls);
    px_address_format(peer, link->peer);
    name_secondary(link, local);
    ledger_line(&server->events, "open %u %s %s", link->serial, px_address_format(local, address), link->peer);
    wire_adopt(&link->wire, &server->turn, &events, fd);
}
