/* Reads a client's PDUs, has each one judged, and sends what may go on to the client's link. */
#include "downstream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../dissect/compose.h"
#include "../dissect/frame.h"
#include "admin.h"
#include "calllog.h"
#include "closing.h"
#include "intake.h"
#include "keepalive.h"
#include "plain_client.h"
#include "pooled.h"
#include "repeat.h"
#include "shim.h"
#include "translate.h"
#include "upstream.h"

static struct px_downstream *of(struct px_socket *s)
{
    return (struct px_downstream *)s; /* its first member */
}

static struct pol_event event_of(const struct px_downstream *d, enum pol_event_kind kind)
{
    return (
        struct pol_event){ .kind = (uint8_t)kind, .client = d->id, .link = { POL_NONE, 0 }, .call = { POL_NONE, 0 } };
}

static bool is_open(const struct px_downstream *d)
{
    return !d->is_closing;
}

/* ---- reading or not ---- */

static bool is_held(const struct px_downstream *d)
{
    return d->front == PX_FRONT_ASKED;
}

/* A client that is held is watched for its FIN: if it has given up, so do we. One that waits for the server to take
 * bytes is not: what it sent before its FIN still counts. One that has sent its FIN may only be half closed, and is
 * watched for the reset that says it is not. */
static enum px_watch wish(const struct px_downstream *d)
{
    if (d->ended)
        return PX_WATCH_ERRORS;
    if (is_held(d))
        return PX_WATCH_HANG_UP;
    return d->paused || d->full ? PX_WATCH_ERRORS : PX_WATCH_BYTES;
}

/* Most holds are over before the client says more, and each change costs several system calls: so reading stays on
 * until something comes that must not be read (readable() below). */
static void choose_reading(struct px_downstream *d)
{
    if (is_open(d) && (d->ended || wish(d) == PX_WATCH_BYTES))
        px_socket_watch(&d->socket, wish(d));
}

/* A FIN does not tell a client that has closed from one that still listens. A closed one forgets the connection after
 * a minute (tcp_fin_timeout) and then answers a keep-alive probe with a reset. */
static void probe_half_closed(const struct px_downstream *d)
{
    int idle = 60, interval = 15, count = 4; /* s, s, probes; they fail on Unix sockets, which need none */
    setsockopt(d->socket.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(d->socket.fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(d->socket.fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static void end(struct px_downstream *d, enum pol_how how)
{
    if (d->ended && how == POL_FIN)
        return;
    d->ended = true;
    if (how == POL_FIN && d->association->open_calls > 0)
        probe_half_closed(d);
    choose_reading(d);
    struct pol_event e = event_of(d, POL_CLIENT_END);
    e.how = (uint8_t)how;
    e.cut = d->association->incoming != POL_NONE;
    px_loop_inform(d->loop, &e);
}

/* Where it is in the middle of something, and it is its turn. The brain hears of it again with each step that it takes. */
static void tell_debt(struct px_downstream *d)
{
    bool cut = px_buffer_length(&d->in) > 0 || d->association->incoming != POL_NONE;
    bool owes = (cut && wish(d) == PX_WATCH_BYTES) || px_buffer_length(&d->socket.out) > 0;
    uint64_t done = d->association->passed_up + d->dropped + d->socket.taken;
    if (!is_open(d) || (owes == d->owes && (!owes || done == d->done)))
        return;
    d->owes = owes;
    d->done = done;
    struct pol_event e = event_of(d, POL_CLIENT_OWES);
    e.on = owes;
    px_loop_inform(d->loop, &e);
}

/* ---- PDUs ---- */

struct run {
    uint8_t *bytes;
    size_t at;    /* the PDU that is looked at */
    size_t begin; /* of the PDUs before it that may go on and were not sent yet */
};

/* PDUs that stand side by side go up with one write. */
static void send_run(struct px_downstream *d, struct run *run)
{
    if (run->at > run->begin && d->upstream)
        px_upstream_write(d->upstream, run->bytes + run->begin, run->at - run->begin);
    run->begin = run->at;
}

static void refuse(struct px_downstream *d, enum pol_how how, const char *why)
{
    px_calllog_offence(&d->loop->log, d->association, "client", why);
    end(d, how);
}

/* No room for another call. Its own will end and make some; where it has none, others have taken the whole table. */
static void wait_for_room(struct px_downstream *d)
{
    if (d->association->open_calls == 0)
        refuse(d, POL_FULL, "refused: the table of calls is full");
    else
        d->full = true;
}

/* What the front was asked may close this very client: whatever was let go before must have gone by then. A request
 * cannot end anything, so requests may go on gathering. */
static void ask(struct px_downstream *d, struct run *run, const struct px_fact *fact)
{
    struct pol_event e = fact->ask;
    e.client = d->id;
    if (e.kind != POL_CALL_BEGIN)
        send_run(d, run);
    d->front = PX_FRONT_ASKED;
    d->front_call = fact->call;
    if (fact->call)
        fact->call->client = d->id;
    d->front_bytes = run->bytes + run->at;
    px_loop_tell(d->loop, &e);
    if (e.kind == POL_CALL_BEGIN && is_held(d))
        px_admin_call_waits(d->loop, fact->call);
}

/* What stands at the front, and was not asked about yet. */
struct front {
    struct dis_pdu pdu; /* its first */
    bool understood;
    struct px_unit unit;
};

/* As much as belongs together. */
static void look(const struct px_downstream *d, const uint8_t *bytes, size_t frag_length, size_t length,
                 struct front *front)
{
    const struct px_association *a = d->association;
    struct dis_error error;
    bool has_units = a->plain && a->incoming == POL_NONE;
    front->understood = dis_pdu_decode(bytes, frag_length, &front->pdu, &error);
    front->unit = (struct px_unit){ .status = PX_UNIT_WHOLE, .length = frag_length };
    if (has_units && front->understood)
        front->unit = px_plain_unit(&d->loop->calls, a, &front->pdu, length);
}

/* The front's verdict is known after this, or comes when it comes; or there was no room to ask for it. */
static void consider(struct px_downstream *d, struct run *run, const struct front *front)
{
    const struct px_unit *unit = &front->unit;
    struct px_fact fact;
    bool begun = unit->context
                     ? px_translate_plain(&d->loop->calls, d->association, &front->pdu, unit, d->loop->now, &fact)
                     : px_translate_up(&d->loop->calls, d->association, &front->pdu, front->understood, d->loop->now,
                                       &fact);
    if (!begun) {
        wait_for_room(d);
        return;
    }
    if (fact.offence)
        px_calllog_offence(&d->loop->log, d->association, "client", fact.offence);
    if (fact.asks && unit->context && unit->status == PX_UNIT_WHOLE)
        fact.ask.kept = px_repeat_keep(d->loop, fact.call, run->bytes + run->at, unit->length);
    if (fact.asks) {
        ask(d, run, &fact);
        return;
    }
    d->front = fact.swallow ? PX_FRONT_DROP : PX_FRONT_PASS;
    d->front_call = fact.call;
}

/* A bind that might have been plain, but is let through. */
static void pass_bind(struct px_downstream *d, uint8_t *bytes, size_t length)
{
    struct dis_pdu bind;
    struct dis_error error;
    if (d->association->unoffered && dis_pdu_decode(bytes, length, &bind, &error))
        px_association_offer(d->association, &d->loop->calls, &bind.bind);
    d->association->unoffered = false;
    if (d->regroup)
        dis_set_group(bytes, d->group);
    d->regroup = false;
}

/* On a link that is shared, what goes up is a translation of it. What stood at the front was given with the lease. */
static void pass_plain(struct px_downstream *d, const struct dis_header *header, const uint8_t *bytes, size_t length)
{
    struct px_call *k = d->front_call;
    d->association->bytes_up += length;
    if (header->type == DIS_CO_CANCEL)
        k = px_call_find(&d->loop->calls, d->association, header->call_id, false);
    if (k && k->upstream && header->type == DIS_REQUEST && !(header->flags & DIS_FIRST_FRAG))
        px_pooled_send(k->upstream, k, bytes, length);
    else if (k && k->upstream && header->type == DIS_CO_CANCEL)
        px_pooled_cancel(k->upstream, k);
}

/* As it came: one PDU, or all of a request that had waited for a link that is shared. */
static void pass_owned(struct px_downstream *d, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        struct dis_header header = dis_header_decode(bytes + at);
        px_translate_passed_up(d->association, d->front_call, &header);
        at += header.frag_length;
    }
}

static void pass(struct px_downstream *d, uint8_t *bytes, size_t length)
{
    struct dis_header header = dis_header_decode(bytes);
    if (header.type == DIS_BIND || header.type == DIS_ALTER_CONTEXT)
        pass_bind(d, bytes, length);
    if (d->association->plain)
        pass_plain(d, &header, bytes, length);
    else
        pass_owned(d, bytes, length);
    d->front = PX_FRONT_NEW;
    d->front_call = NULL;
}

/* They are dealt with, and nothing of them goes up as it is. */
static void skip(struct px_downstream *d, struct run *run)
{
    send_run(d, run);
    d->dropped += d->unit;
    run->at += d->unit;
    run->begin = run->at;
}

static void pass_front(struct px_downstream *d, struct run *run)
{
    bool translated = d->association->plain;
    pass(d, run->bytes + run->at, d->unit);
    if (translated)
        skip(d, run);
    else
        run->at += d->unit;
}

static void drop_front(struct px_downstream *d, struct run *run)
{
    d->front = PX_FRONT_NEW;
    d->front_call = NULL;
    skip(d, run);
}

/* A request that waits and that its call keeps need not be kept here too. */
static void take_front(struct px_downstream *d, struct run *run)
{
    d->taken = d->front_call && d->front_call->kept;
    if (d->taken)
        skip(d, run);
}

/* By its verdict. False when it must wait. */
static bool handle_front(struct px_downstream *d, struct run *run)
{
    if (d->front == PX_FRONT_PASS)
        pass_front(d, run);
    else if (d->front == PX_FRONT_DROP)
        drop_front(d, run);
    else
        return false;
    return true;
}

static void refuse_bytes(struct px_downstream *d, const struct dis_error *error)
{
    char why[128];
    snprintf(why, sizeof why, "refused at byte %llu of the connection: %s",
             (unsigned long long)(d->association->passed_up + d->dropped + error->at), error->what);
    refuse(d, POL_BAD, why);
}

/* False when more of it has to come first. */
static bool ask_about_front(struct px_downstream *d, struct run *run, size_t frag_length, size_t length)
{
    struct front front;
    look(d, run->bytes + run->at, frag_length, length, &front);
    if (front.unit.status == PX_UNIT_MORE)
        return false;
    d->unit = front.unit.length;
    consider(d, run, &front);
    if (d->front == PX_FRONT_ASKED)
        take_front(d, run);
    return true;
}

/* Deals with whole PDUs until one must wait, or there is none. True when one must wait. */
static bool handle_pdus(struct px_downstream *d, struct run *run, size_t length)
{
    while (run->at < length && is_open(d)) {
        struct dis_frame frame = dis_frame_next(run->bytes + run->at, length - run->at);
        if (frame.status == DIS_FRAME_MORE)
            return false;
        if (frame.status == DIS_FRAME_BAD) {
            refuse_bytes(d, &frame.error);
            return false;
        }
        if (d->front == PX_FRONT_NEW && !ask_about_front(d, run, frame.length, length - run->at))
            return false;
        if (!handle_front(d, run))
            return true;
    }
    return false;
}

static bool may_go_on(const struct px_downstream *d)
{
    return is_open(d) && !is_held(d) && !d->full && !d->ended;
}

/* Returns the bytes that were dealt with; the rest waits for more bytes or for a verdict. What is written here may end
 * a call (a request that wants no answer) and so let the one go that waits behind it. */
static size_t handle_bytes(void *owner, uint8_t *bytes, size_t length)
{
    struct px_downstream *d = owner;
    struct run run = { .bytes = bytes };
    bool waits;
    do {
        waits = handle_pdus(d, &run, length);
        send_run(d, &run);
    } while (waits && may_go_on(d));
    return is_open(d) ? run.at : length;
}

/* ---- the socket's events ---- */

static void readable(struct px_socket *s)
{
    struct px_downstream *d = of(s);
    px_loop_clock(d->loop);
    if (d->is_ready)
        return; /* what was read before goes on first, at the end of the turn: both are more than the scratch space */
    if (wish(d) != PX_WATCH_BYTES) {
        px_socket_watch(s, wish(d));
        return;
    }
    int result = px_intake_read(d->loop, s, &d->in, handle_bytes, d);
    if (result <= 0)
        end(d, result == 0 ? POL_FIN : POL_RESET);
    d->front_bytes = px_buffer_front(&d->in);
    choose_reading(d);
    tell_debt(d);
}

static void writable(struct px_socket *s)
{
    struct px_downstream *d = of(s);
    tell_debt(d);
    if (!d->stopped || px_buffer_length(&s->out) > 0)
        return;
    d->stopped = false;
    struct pol_event e = event_of(d, POL_CREDIT);
    e.room = true;
    px_loop_inform(d->loop, &e);
}

static void hung_up(struct px_socket *s)
{
    end(of(s), POL_FIN);
}

static void failed(struct px_socket *s, int error)
{
    (void)error;
    end(of(s), POL_RESET);
}

static void closed(struct px_socket *s)
{
    struct px_downstream *d = of(s);
    struct px_loop *loop = d->loop;
    struct pol_event gone = event_of(d, POL_CLIENT_GONE);
    px_loop_client_free(loop, d->id);
    loop->plain_clients -= d->association->plain;
    px_plain_gone(&loop->calls, d->association);
    px_association_release(d->association);
    px_buffer_clear(&d->in);
    px_shim_leave(loop, &d->target);
    free(d);
    px_loop_inform(loop, &gone);
    px_loop_settle(loop);
}

static const struct px_socket_events socket_events = {
    .readable = readable, .writable = writable, .hung_up = hung_up, .failed = failed, .closed = closed
};

/* ---- what the brain wants ---- */

/* Its request waited in its call, and has been given with the lease or will never be. */
static void front_is_over(struct px_downstream *d)
{
    d->association->bytes_up += d->front == PX_FRONT_PASS ? d->unit : 0;
    d->taken = false;
    d->front = PX_FRONT_NEW;
    d->front_call = NULL;
    choose_reading(d);
}

void px_downstream_verdict(struct px_downstream *d, enum px_front verdict)
{
    bool was_waiting = px_buffer_length(&d->in) > 0;
    d->front = (uint8_t)verdict;
    if (verdict == PX_FRONT_PASS && d->front_call) {
        d->front_call->leased = true;
        d->front_call->leased_at = d->loop->now;
        px_admin_call_inside(d->loop, d->front_call);
    }
    if (d->taken)
        front_is_over(d);
    if (!was_waiting || d->is_ready)
        return;
    d->is_ready = true;
    d->next_ready = d->loop->ready;
    d->loop->ready = d;
}

void px_downstream_give_back(struct px_downstream *d)
{
    struct px_buffer bytes = { 0 };
    if (!d->taken)
        return;
    if (!px_buffer_append(&bytes, d->front_call->kept, d->front_call->kept_length) ||
        !px_buffer_append(&bytes, px_buffer_front(&d->in), px_buffer_length(&d->in)))
        abort(); /* nobody can be told: the brain knows that it stands there */
    px_buffer_clear(&d->in);
    d->in = bytes;
    d->front_bytes = px_buffer_front(&d->in);
    d->dropped -= d->unit;
    d->taken = false;
}

void px_downstream_go_on(struct px_downstream *d)
{
    d->is_ready = false;
    if (!is_open(d) || is_held(d))
        return;
    px_intake_again(&d->in, handle_bytes, d);
    d->front_bytes = px_buffer_front(&d->in);
    choose_reading(d);
    tell_debt(d);
}

void px_downstream_call_ended(struct px_downstream *d)
{
    if (!d->full)
        return;
    d->full = false;
    px_downstream_verdict(d, (enum px_front)d->front);
}

void px_downstream_set_paused(struct px_downstream *d, bool paused)
{
    d->paused = paused;
    choose_reading(d);
    tell_debt(d);
}

void px_downstream_write(struct px_downstream *d, const uint8_t *bytes, size_t length)
{
    size_t limit = d->loop->settings->listeners[d->target.listener].buffer;
    d->association->bytes_down += length;
    px_socket_write(&d->socket, bytes, length);
    tell_debt(d);
    if (d->stopped || px_buffer_length(&d->socket.out) == 0 ||
        px_buffer_length(&d->socket.out) + PX_READ_SIZE < limit)
        return;
    d->stopped = true;
    struct pol_event e = event_of(d, POL_CREDIT);
    px_loop_inform(d->loop, &e);
}

void px_downstream_regroup(struct px_downstream *d, uint32_t group)
{
    d->regroup = true;
    d->group = group;
}

void px_downstream_probe(struct px_downstream *d, bool on)
{
    const struct px_server *server = &d->loop->settings->servers[d->association->server_index];
    px_keepalive_end(d->keepalive);
    d->keepalive = NULL;
    if (on && is_open(d))
        d->keepalive = px_keepalive_begin(d->loop, &d->socket, (struct pol_id){ POL_NONE, 0 }, server);
}

void px_downstream_close(struct px_downstream *d, bool reset, enum pol_when when, uint32_t delay, unsigned reason)
{
    if (d->ended && when == POL_FLUSHED && px_buffer_length(&d->socket.out) == 0)
        when = POL_NOW; /* both directions are over already */
    if (is_open(d)) {
        px_calllog_connection(&d->loop->log, &d->loop->stats, d->association, "client", reason, d->loop->now);
        d->is_closing = d->ended = true;
        px_buffer_clear(&d->in);
        px_keepalive_end(d->keepalive);
        d->keepalive = NULL;
        if (d->upstream)
            d->upstream->downstream = NULL;
        d->upstream = NULL;
    }
    px_closing_begin(&d->socket, reset, when, delay);
}

void px_downstream_open(struct px_loop *loop, int fd, const struct px_target *target, struct pol_identity identity,
                        struct pol_identity carried, const char *peer)
{
    const struct px_listener *settings = &loop->settings->listeners[target->listener];
    struct px_downstream *d = calloc(1, sizeof *d);
    if (!d || !px_loop_client_new(loop, d, &d->id)) {
        px_log_notice(&loop->log, peer, "refused: no descriptor or memory for another client (raise ulimit -n)");
        free(d);
        close(fd);
        px_shim_leave(loop, target);
        return;
    }
    d->loop = loop;
    d->target = *target;
    d->association = px_association_new(settings->contexts, target->server);
    if (!d->association || !(d->association->client = strdup(peer)) ||
        px_socket_open(&d->socket, &loop->uv, fd, false, &socket_events) != 0) {
        if (d->association)
            px_association_release(d->association);
        px_loop_client_free(loop, d->id);
        free(d);
        close(fd);
        px_shim_leave(loop, target);
        return;
    }
    bool is_own = !target->destination ||
                  target->destination->is_server_own; /* others are not known by their servers' index */
    const struct px_server *own = is_own ? &loop->settings->servers[target->server] : NULL;
    d->association->may_share = own && own->sharing == PX_SHARING_STATELESS;
    d->association->starts_whole = own && own->starts_calls == PX_STARTS_AFTER_LAST;
    d->association->opened = loop->now;
    struct pol_event e = event_of(d, POL_CLIENT_OPENED);
    e.listener = target->row;
    e.identity = identity;
    e.carried = carried;
    px_loop_tell(loop, &e);
    choose_reading(d);
}
