/* One row for each kind of action; none decides anything. An id that is no longer known is of something that has
 * ended in the same turn. */
#include "apply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "calllog.h"
#include "check.h"
#include "downstream.h"
#include "listener.h"
#include "shim.h"
#include "origin.h"
#include "plain_client.h"
#include "pooled.h"
#include "repeat.h"
#include "reply.h"
#include "translate.h"
#include "upstream.h"

static struct px_downstream *client_of(struct px_loop *loop, struct pol_id id)
{
    return px_downstream_of(loop, id);
}

static struct px_upstream *link_of(struct px_loop *loop, struct pol_id id)
{
    struct px_upstream *u = id.index < loop->max_links ? loop->links[id.index] : NULL;
    return u && pol_id_equal(u->id, id) ? u : NULL;
}

static void apply_pass(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    if (d && a->regroup)
        px_downstream_regroup(d, a->group);
    if (d)
        px_downstream_verdict(d, PX_FRONT_PASS);
    else if (u)
        u->pass = true;
    if (u && a->regroup) {
        u->regroup = true;
        u->group = a->group;
    }
    if (u)
        u->may_have_run = a->may_have_run;
}

static void apply_swallow(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    if (d)
        px_downstream_verdict(d, PX_FRONT_DROP);
    if (u)
        u->pass = false;
}

/* On a link that is shared its request is given at once: its client may leave before its turn comes, and a call that the link
 * has and that is never sent would hold up the account of those behind it. */
static void apply_lease(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    struct px_call *k = px_call_at(&loop->calls, a->call.index);
    bool is_front = d && d->front_call == k;
    k->attempts++;
    if (u && u->pooled)
        px_pooled_lease(u, k);
    if (u && u->pooled && is_front && !k->kept)
        px_pooled_send(u, k, d->front_bytes, d->unit);
    if (is_front)
        px_downstream_verdict(d, PX_FRONT_PASS);
}

static void apply_again(struct px_loop *loop, const struct pol_action *a)
{
    px_repeat_again(px_call_at(&loop->calls, a->call.index), a->proof);
}

/* The client knows that its front waits: it was not told anything else. */
static void apply_hold(struct px_loop *loop, const struct pol_action *a)
{
    (void)loop;
    (void)a;
}

static void set_paused(struct px_loop *loop, const struct pol_action *a, bool paused)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    if (d)
        px_downstream_set_paused(d, paused);
    if (u)
        px_upstream_set_paused(u, paused);
}

static void apply_pause(struct px_loop *loop, const struct pol_action *a)
{
    set_paused(loop, a, true);
}

static void apply_resume(struct px_loop *loop, const struct pol_action *a)
{
    set_paused(loop, a, false);
}

static void apply_dial(struct px_loop *loop, const struct pol_action *a)
{
    px_upstream_dial(loop, a->link, &loop->roster.members[a->member], client_of(loop, a->client));
}

static void apply_own(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    assert(d && u);
    px_upstream_own(u, d);
}

static void apply_bind(struct px_loop *loop, const struct pol_action *a)
{
    struct px_upstream *u = link_of(loop, a->link);
    if (u)
        px_pooled_bind(u, a);
}

static void apply_answer_bind(struct px_loop *loop, const struct pol_action *a)
{
    uint8_t reply[PX_REPLY_MAX];
    struct dis_pdu bind;
    struct dis_error error;
    struct px_downstream *d = client_of(loop, a->client);
    if (!d)
        return;
    struct dis_header header = dis_header_decode(d->front_bytes);
    bool understood = dis_pdu_decode(d->front_bytes, header.frag_length, &bind, &error);
    loop->plain_clients += understood && a->offer && !d->association->plain;
    if (understood && a->offer)
        px_plain_answered(&loop->calls, d->association, a->offer, &bind);
    size_t length = 0;
    if (understood && a->offer)
        length = px_offer_answer(&loop->offers, a->offer, &bind, d->association->frag_size, d->association->multiplex,
                                 a->group, reply, sizeof reply);
    else if (understood || !a->ack)
        length = a->ack ? px_reply_bind_ack(reply, &bind) : px_reply_bind_nak(reply, &bind, a->status);
    if (length)
        px_downstream_write(d, reply, length);
    px_downstream_verdict(d, PX_FRONT_DROP);
}

static void apply_fault(struct px_loop *loop, const struct pol_action *a)
{
    uint8_t reply[PX_REPLY_MAX];
    struct px_downstream *d = client_of(loop, a->client);
    struct px_call *k = px_call_at(&loop->calls, a->call.index);
    size_t length = px_reply_fault(reply, k, a->status, a->dne);
    k->has_status = true;
    k->status = a->status;
    k->first_answer = loop->now;
    k->fragments_out++;
    k->bytes_out += length;
    if (d)
        px_downstream_write(d, reply, length);
}

static void apply_probe(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    if (d)
        px_downstream_probe(d, a->on);
    if (u)
        px_upstream_probe(u, a->on);
}

static void apply_end_input(struct px_loop *loop, const struct pol_action *a)
{
    struct px_upstream *u = link_of(loop, a->link);
    if (u)
        px_upstream_end_input(u);
}

static void apply_close(struct px_loop *loop, const struct pol_action *a)
{
    struct px_downstream *d = client_of(loop, a->client);
    struct px_upstream *u = link_of(loop, a->link);
    if (d)
        px_downstream_close(d, a->reset, (enum pol_when)a->when, a->delay, a->reason);
    if (u)
        px_upstream_close(u, a->reset, (enum pol_when)a->when, a->reason);
}

static void refuse_destination(struct px_loop *loop, struct px_destination *destination)
{
    destination->refused = true;
    px_shim_distrust(loop, destination);
}

static void apply_listen_off(struct px_loop *loop, const struct pol_action *a)
{
    if (a->listener < PX_MOST_LISTENERS)
        px_listener_close(loop->listeners[a->listener]);
    else
        refuse_destination(loop, &loop->roster.destinations[a->listener - PX_MOST_LISTENERS]);
}

/* At the very address where it was, also where the kernel had picked the port. */
static void apply_listen_on(struct px_loop *loop, const struct pol_action *a)
{
    if (a->listener >= PX_MOST_LISTENERS) {
        loop->roster.destinations[a->listener - PX_MOST_LISTENERS].refused = false;
        return;
    }
    const struct px_listener *listener = &loop->settings->listeners[a->listener];
    char text[256];
    int error = listener->retired || loop->listeners[a->listener]
                    ? 0
                    : px_listener_open(loop, a->listener, &loop->bound[a->listener], NULL);
    snprintf(text, sizeof text, "cannot listen on %s again: %s (reload when that is mended)", listener->text,
             strerror(error));
    if (error)
        px_log_notice(&loop->log, NULL, text);
}

static struct px_downstream *client_of_call(struct px_loop *loop, const struct px_call *k)
{
    return k->client.index < loop->max_clients ? client_of(loop, k->client) : NULL;
}

static void free_call(struct px_loop *loop, struct px_call *k, struct px_downstream *d)
{
    struct px_association *of_plain = k->plain ? k->association : NULL;
    if (k->upstream)
        px_pooled_forget(k->upstream, k);
    px_repeat_forget(loop, k);
    px_call_free(&loop->calls, k);
    if (of_plain)
        px_association_release(of_plain);
    if (d)
        px_downstream_call_ended(d);
}

/* Its client has what it will ever have. */
static void tell_end(struct px_loop *loop, const struct px_call *k, const struct pol_action *a)
{
    px_calllog_call(&loop->log, &loop->stats, k, a->ending, a->proof, loop->now);
    px_admin_call_ended(loop, k, a->ending, a->proof);
}

static void apply_end(struct px_loop *loop, const struct pol_action *a)
{
    struct px_call *k = px_call_at(&loop->calls, a->call.index);
    struct px_downstream *d = client_of_call(loop, k);
    tell_end(loop, k, a);
    if (d && d->front_call == k) {
        d->front_call = NULL; /* it stood at the front and is not sent */
        px_downstream_verdict(d, PX_FRONT_DROP);
    }
    free_call(loop, k, d);
}

static void send_farewell(struct px_upstream *u, const struct px_call *k, uint8_t farewell)
{
    uint8_t pdu[PX_REPLY_MAX];
    if (u->pooled) {
        if (farewell == POL_SAY_CANCEL)
            px_pooled_cancel(u, k);
        return; /* who shares a link with others is not said to be orphaned: the server may close it */
    }
    size_t length = px_reply_control(pdu, k, farewell == POL_SAY_CANCEL ? DIS_CO_CANCEL : DIS_ORPHANED);
    struct dis_header header = dis_header_decode(pdu);
    px_upstream_say(u, pdu, length);
    px_translate_passed_up(u->association, NULL, &header);
}

/* The server goes on with it. Its line says what its client was told. */
static void apply_abandon(struct px_loop *loop, const struct pol_action *a)
{
    struct px_call *k = px_call_at(&loop->calls, a->call.index);
    struct px_upstream *u = link_of(loop, a->link);
    tell_end(loop, k, a);
    k->abandoned = true;
    if (a->farewell != POL_SAY_NOTHING && u)
        send_farewell(u, k, a->farewell);
}

static void apply_release(struct px_loop *loop, const struct pol_action *a)
{
    struct px_call *k = px_call_at(&loop->calls, a->call.index);
    free_call(loop, k, client_of_call(loop, k));
}

static void apply_member(struct px_loop *loop, const struct pol_action *a)
{
    const struct px_roster_member *m = &loop->roster.members[a->member];
    char text[256];
    snprintf(text, sizeof text, "%s of %s is %s", m->text, loop->settings->servers[m->server].name,
             a->on ? "up again" : "down: it failed too often in a row (health.failures)");
    px_log_notice(&loop->log, NULL, text);
}

static void apply_check(struct px_loop *loop, const struct pol_action *a)
{
    if (a->on)
        px_check_begin(loop, a->member);
    else
        px_check_stop(loop, a->member);
}

static void (*const rows[])(struct px_loop *, const struct pol_action *) = {
    [POL_PASS] = apply_pass,       [POL_SWALLOW] = apply_swallow,
    [POL_LEASE] = apply_lease,     [POL_HOLD] = apply_hold,
    [POL_PAUSE] = apply_pause,     [POL_RESUME] = apply_resume,
    [POL_DIAL] = apply_dial,       [POL_OWN] = apply_own,
    [POL_BIND] = apply_bind,       [POL_ANSWER_BIND] = apply_answer_bind,
    [POL_FAULT] = apply_fault,     [POL_END_INPUT] = apply_end_input,
    [POL_CLOSE] = apply_close,     [POL_LISTEN_OFF] = apply_listen_off,
    [POL_AGAIN] = apply_again,     [POL_END] = apply_end,
    [POL_ABANDON] = apply_abandon, [POL_RELEASE] = apply_release,
    [POL_PROBE] = apply_probe,     [POL_LISTEN_ON] = apply_listen_on,
    [POL_MEMBER] = apply_member,   [POL_CHECK] = apply_check,
};
static_assert(sizeof rows / sizeof *rows == POL_ACTION_KINDS, "a row for each action");

void px_apply(struct px_loop *loop, const struct pol_action *action)
{
    rows[action->kind](loop, action);
}
