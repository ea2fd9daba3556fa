/* Connects to a member, writes requests to it with an exact account, reads its PDUs and sends them to the client. */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dissect/compose.h"
#include "../dissect/frame.h"
#include "../dissect/names.h"
#include "calllog.h"
#include "closing.h"
#include "downstream.h"
#include "intake.h"
#include "keepalive.h"
#include "plain_client.h"
#include "pooled.h"
#include "shim.h"
#include "translate.h"

static struct px_upstream *of(struct px_socket *s)
{
    return (struct px_upstream *)s; /* its first member */
}

static struct pol_event event_of(const struct px_upstream *u, enum pol_event_kind kind)
{
    return (
        struct pol_event){ .kind = (uint8_t)kind, .client = { POL_NONE, 0 }, .link = u->id, .call = { POL_NONE, 0 } };
}

static bool is_open(const struct px_upstream *u)
{
    return !u->is_closing;
}

/* A connection that is dead has given back what never left this host: of the requests that is in, less has gone up than
 * write() has taken. Whether it is, the kernel knows, however the end was seen (unsent.c). */
static void tell_left(struct px_upstream *u)
{
    struct pol_event e;
    uint64_t left = px_socket_left(&u->socket);
    uint32_t k = u->pooled ? u->pooled->first_call : u->association->first_call;
    while (left < u->socket.taken && k != POL_NONE) {
        struct px_call *call = px_call_at(&u->loop->calls, k);
        if (px_translate_left(call, left, &e))
            px_loop_tell(u->loop, &e);
        k = u->pooled ? call->link_next : call->next;
    }
}

static void end(struct px_upstream *u, enum pol_how how)
{
    if (u->ended)
        return;
    u->ended = true;
    if (is_open(u))
        tell_left(u);
    if (is_open(u))
        px_socket_watch(&u->socket, PX_WATCH_NOTHING);
    struct pol_event e = event_of(u, POL_LINK_END);
    e.how = (uint8_t)how;
    px_loop_inform(u->loop, &e);
}

/* ---- PDUs ---- */

struct run {
    uint8_t *bytes;
    size_t at;
    size_t begin;
};

static void send_run(struct px_upstream *u, struct run *run)
{
    if (run->at > run->begin && u->downstream)
        px_downstream_write(u->downstream, run->bytes + run->begin, run->at - run->begin);
    run->begin = run->at;
}

/* Whatever ends the client or the link next, the answers before it have been given. */
static void settle_run(struct px_upstream *u, struct run *run)
{
    send_run(u, run);
    px_loop_catch_up(u->loop);
}

static void drop(struct px_upstream *u, struct run *run, size_t length)
{
    send_run(u, run);
    run->at += length;
    run->begin = run->at;
}

void px_upstream_note_endpoints(struct px_downstream *d, const struct px_call *call, const struct dis_pdu *pdu)
{
    if (!d || !d->target.destination || !call || pdu->header.type != DIS_RESPONSE || !call->known ||
        strcmp(dis_interface_name(call->known), "epmapper") != 0)
        return;
    px_endpoints_note(d->loop->shims[d->target.listener]->ports, &d->towers, &d->target.meant, pdu->response.stub,
                      pdu->response.stub_length);
}

/* False: it is swallowed. Only the first fragment of an answer is asked about without first sending what came
 * before: an answer that begins cannot end anything. */
static bool consider(struct px_upstream *u, struct run *run, size_t length)
{
    struct dis_pdu pdu;
    struct dis_error error;
    struct px_fact fact;
    bool understood = dis_pdu_decode(run->bytes + run->at, length, &pdu, &error);
    if (u->pooled) {
        px_pooled_take(u, run->bytes + run->at, &pdu, understood);
        return false;
    }
    px_translate_down(&u->loop->calls, u->association, &pdu, understood, u->loop->now, &fact);
    if (fact.offence)
        px_calllog_offence(&u->loop->log, u->association, "server", fact.offence);
    if (understood)
        px_upstream_note_endpoints(u->downstream, fact.call, &pdu);
    u->pass = !fact.swallow;
    if (fact.asks) {
        struct pol_event e = fact.ask;
        e.link = u->id;
        u->regroup = false;
        if (e.kind != POL_ANSWER_BEGIN)
            settle_run(u, run);
        u->pass = false;
        if (is_open(u))
            px_loop_tell(u->loop, &e);
        if (fact.call)
            fact.call->swallow_answer = !u->pass;
        else
            u->association->swallow_callback = !u->pass;
        if (u->pass && u->regroup)
            dis_set_group(run->bytes + run->at, u->group);
    }
    if (fact.informs)
        px_loop_inform(u->loop, &fact.inform);
    return u->pass;
}

static size_t handle_bytes(void *owner, uint8_t *bytes, size_t length)
{
    struct px_upstream *u = owner;
    struct run run = { .bytes = bytes };
    while (run.at < length && is_open(u)) {
        struct dis_frame frame = dis_frame_next(bytes + run.at, length - run.at);
        if (frame.status == DIS_FRAME_MORE)
            break;
        if (frame.status == DIS_FRAME_BAD) {
            px_calllog_offence(&u->loop->log, u->association, "server", frame.error.what);
            send_run(u, &run);
            px_pooled_flush_answers(u);
            end(u, POL_BAD);
            return length;
        }
        if (consider(u, &run, frame.length))
            run.at += frame.length;
        else
            drop(u, &run, frame.length);
    }
    send_run(u, &run);
    px_pooled_flush_answers(u);
    return is_open(u) ? run.at : length;
}

/* ---- the socket's events ---- */

static void readable(struct px_socket *s)
{
    struct px_upstream *u = of(s);
    px_loop_clock(u->loop);
    int result = px_intake_read(u->loop, s, &u->in, handle_bytes, u);
    px_loop_catch_up(u->loop); /* what its client was given counts before what the client says next */
    if (result <= 0)
        end(u, result == 0 ? POL_FIN : POL_RESET);
}

static void tell_accepted(struct px_upstream *u)
{
    struct pol_event e;
    if (u->pooled)
        px_pooled_tell_accepted(u);
    while (!u->pooled && px_translate_accepted(&u->loop->calls, u->association, u->socket.taken, &e))
        px_loop_tell(u->loop, &e);
}

static void tell_dialled(struct px_upstream *u, int error)
{
    struct pol_event e = event_of(u, POL_DIALLED);
    e.error = error;
    if (error)
        px_shim_distrust(u->loop, u->destination);
    e.ours = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EADDRNOTAVAIL;
    px_loop_inform(u->loop, &e);
}

static void writable(struct px_socket *s)
{
    struct px_upstream *u = of(s);
    px_loop_clock(u->loop);
    if (!u->connected) {
        u->connected = true;
        px_socket_watch(s, PX_WATCH_BYTES);
        tell_dialled(u, 0);
        return;
    }
    tell_accepted(u);
    if (!u->stopped || px_buffer_length(&s->out) > 0)
        return;
    u->stopped = false;
    struct pol_event e = event_of(u, POL_CREDIT);
    e.room = true;
    px_loop_inform(u->loop, &e);
}

static void hung_up(struct px_socket *s)
{
    (void)s; /* never asked for: a link that is not read waits for its client to read */
}

static void failed(struct px_socket *s, int error)
{
    struct px_upstream *u = of(s);
    if (s->connecting)
        tell_dialled(u, error);
    else
        end(u, POL_RESET);
}

static void forget(struct px_upstream *u)
{
    struct px_loop *loop = u->loop;
    struct pol_event gone = event_of(u, POL_LINK_GONE);
    loop->links[u->id.index] = NULL;
    loop->server_links[u->server]--;
    struct px_upstream **at = &loop->flush;
    while (u->flushes && *at != u)
        at = &(*at)->next_flush;
    if (u->flushes)
        *at = u->next_flush;
    px_pooled_free(u->pooled, u);
    px_association_release(u->association);
    px_buffer_clear(&u->in);
    px_destination_leave(u->destination, loop->now / 1000);
    free(u);
    px_loop_inform(loop, &gone);
}

static void closed(struct px_socket *s)
{
    struct px_loop *loop = of(s)->loop;
    forget(of(s));
    px_loop_settle(loop);
}

static const struct px_socket_events socket_events = {
    .readable = readable, .writable = writable, .hung_up = hung_up, .failed = failed, .closed = closed
};

/* ---- what the brain wants ---- */

#define LIMIT_SHARED (256 * 1024) /* bytes that may wait for a server on a shared link */

static void name_server(struct px_association *a, const char *member)
{
    free(a->server); /* of a member that could not be reached */
    a->server = strdup(member);
}

/* The account of what its client sends up begins after what was said here in our own name. */
void px_upstream_own(struct px_upstream *u, struct px_downstream *d)
{
    px_pooled_flush_answers(u);
    px_pooled_free(u->pooled, u);
    u->pooled = NULL;
    px_association_release(u->association);
    u->association = d->association;
    u->association->parties++;
    u->loop->plain_clients -= d->association->plain;
    if (d->association->plain)
        px_plain_ends(&u->loop->calls, d->association);
    u->association->passed_up = u->socket.taken + px_buffer_length(&u->socket.out);
    name_server(u->association, u->member);
    u->limit = u->loop->settings->listeners[d->target.listener].buffer;
    u->downstream = d;
    d->upstream = u;
    px_downstream_give_back(d);
}

void px_upstream_dial(struct px_loop *loop, struct pol_id id, const struct px_roster_member *member,
                      struct px_downstream *downstream)
{
    struct px_upstream *u = calloc(1, sizeof *u);
    if (!u || !(u->association = px_association_new(1, member->server)) || !(u->pooled = px_pooled_new()))
        abort(); /* the tables were allotted at start; without them there is no way to go on */
    u->loop = loop;
    u->id = id;
    u->member = member->text;
    name_server(u->association, u->member);
    u->association->opened = u->opened = loop->now;
    u->server = member->server;
    loop->server_links[u->server]++;
    u->limit = LIMIT_SHARED;
    u->socket.fd = -1;
    loop->links[id.index] = u;
    int fd = -1, error = 0;
    if (downstream) {
        px_upstream_own(u, downstream);
        u->destination = downstream->target.destination;
        fd = downstream->target.dialled;
        downstream->target.dialled = -1;
    }
    if (u->destination) {
        u->destination->users++;
        u->destination->used = true;
    }
    if (fd < 0)
        error = px_socket_connect(&member->address.any, member->address.length, &fd);
    if (!error && (error = px_socket_open(&u->socket, &loop->uv, fd, true, &socket_events)) != 0) {
        close(fd);
        u->socket.fd = -1;
    }
    if (error)
        tell_dialled(u, error);
}

/* Nothing is told of it: it comes from the brain, which is in the middle of what it says. */
void px_upstream_say(struct px_upstream *u, const uint8_t *pdu, size_t length)
{
    if (is_open(u) && !u->ended)
        px_socket_write(&u->socket, pdu, length);
}

void px_upstream_write(struct px_upstream *u, const uint8_t *bytes, size_t length)
{
    if (!is_open(u) || u->ended)
        return; /* the brain takes what is written after its end for never sent */
    px_socket_write(&u->socket, bytes, length);
    tell_accepted(u);
    px_upstream_tell_room(u);
}

void px_upstream_tell_room(struct px_upstream *u)
{
    size_t waiting = px_buffer_length(&u->socket.out);
    if (u->stopped || waiting == 0 || waiting + PX_READ_SIZE < u->limit)
        return;
    u->stopped = true;
    struct pol_event e = event_of(u, POL_CREDIT);
    px_loop_inform(u->loop, &e);
}

static const struct px_server *server_of(const struct px_upstream *u)
{
    return &u->loop->settings->servers[u->server];
}

void px_upstream_probe(struct px_upstream *u, bool on)
{
    px_keepalive_end(u->keepalive);
    u->keepalive = on ? px_keepalive_begin(u->loop, &u->socket, u->id, server_of(u)) : NULL;
}

void px_upstream_set_paused(struct px_upstream *u, bool paused)
{
    if (is_open(u) && !u->ended && u->connected)
        px_socket_watch(&u->socket, paused ? PX_WATCH_NOTHING : PX_WATCH_BYTES);
}

void px_upstream_end_input(struct px_upstream *u)
{
    if (is_open(u))
        px_socket_end_input(&u->socket);
}

static void detach(struct px_upstream *u, unsigned reason)
{
    if (u->is_closing)
        return;
    u->is_closing = u->ended = true;
    px_calllog_connection(&u->loop->log, &u->loop->stats, u->association, "server", reason, u->loop->now);
    px_buffer_clear(&u->in);
    if (u->downstream)
        u->downstream->upstream = NULL;
    u->downstream = NULL;
}

void px_upstream_close(struct px_upstream *u, bool reset, enum pol_when when, unsigned reason)
{
    reset = reset || (when == POL_NOW && px_socket_has_unsent(&u->socket)); /* the kernel would go on sending them */
    detach(u, reason);
    px_keepalive_end(u->keepalive);
    u->keepalive = NULL;
    if (u->socket.events)
        px_closing_begin(&u->socket, reset, when, 0);
    else
        forget(u); /* it never had a socket */
}
