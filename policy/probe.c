/* Keep-alive, as RpcMgmtSetComTimeout has it: once a call has been inside its server for com-timeout, the connection must
 * prove itself alive. What probes and what ends a dead connection is the body's TCP.
 *
 * Thousands of calls that hang in one server would each probe it every second. So one link probes for its whole member,
 * and the others begin only when that one is not answered. */
#include "brain.h"

static struct pol_action *emit(struct pol_brain *b, bool on)
{
    struct pol_action *a = pol_emit(b, POL_PROBE);
    a->on = on;
    return a;
}

static void probe(struct pol_brain *b, uint32_t link, bool on)
{
    b->links[link].probing = on;
    emit(b, on)->link = pol_link_id(b, link);
}

static bool is_open(const struct link *l)
{
    return l->state == LINK_RELAYING || l->state == LINK_ORPHANED || l->state == LINK_POOLED;
}

static bool wants(const struct link *l)
{
    return l->long_calls > 0 && !l->probing && is_open(l);
}

void pol_probe_long_call(struct pol_brain *b, uint32_t call)
{
    uint32_t client = b->calls[call].client, link = b->calls[call].link;
    struct link *l = &b->links[link];
    struct member *m = &b->members[l->member];
    if (client != POL_NONE && b->clients[client].long_calls++ == 0) /* each client is a host of its own */
        emit(b, true)->client = pol_client_id(b, client);
    if (l->long_calls++ > 0 || !is_open(l))
        return;
    if (m->prober == POL_NONE)
        m->prober = link;
    if (m->prober == link || m->silent)
        probe(b, link, true);
}

/* Another one proves for the member from now on. */
static void pass_on(struct pol_brain *b, uint32_t member)
{
    struct member *m = &b->members[member];
    m->prober = POL_NONE;
    m->silent = false;
    for (uint32_t i = 0; i < b->links_high && m->prober == POL_NONE; i++)
        if (b->links[i].member == member && is_open(&b->links[i]) && b->links[i].long_calls > 0)
            m->prober = i;
    if (m->prober != POL_NONE && !b->links[m->prober].probing)
        probe(b, m->prober, true);
}

static void client_over(struct pol_brain *b, uint32_t client, bool tell_nobody)
{
    struct client *c = &b->clients[client];
    if (--c->long_calls == 0 && c->state != CLIENT_CLOSING && !tell_nobody)
        emit(b, false)->client = pol_client_id(b, client);
}

void pol_probe_client_over(struct pol_brain *b, uint32_t client)
{
    client_over(b, client, false);
}

void pol_probe_long_call_over(struct pol_brain *b, uint32_t call)
{
    uint32_t link = b->calls[call].link;
    struct link *l = &b->links[link];
    if (b->calls[call].client != POL_NONE)
        client_over(b, b->calls[call].client, !is_open(l)); /* what follows from its end closes it */
    if (--l->long_calls > 0 || !is_open(l))
        return;
    if (l->probing)
        probe(b, link, false);
    if (b->members[l->member].prober == link)
        pass_on(b, l->member);
}

/* It says nothing of the others: its connection may have ended for any reason. */
void pol_probe_link_over(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    l->probing = false;
    if (b->members[l->member].prober == link)
        pass_on(b, l->member);
}

void pol_probe_liveness(struct pol_brain *b, const struct pol_event *e)
{
    uint32_t link = e->link.index;
    if (link >= b->links_high || !pol_id_equal(e->link, pol_link_id(b, link)) || !b->links[link].probing)
        return;
    struct member *m = &b->members[b->links[link].member];
    m->silent = e->silent;
    if (m->silent)
        b->alarm_link = 0;
}

bool pol_probe_sweep(struct pol_brain *b)
{
    for (; b->alarm_link < b->links_high; b->alarm_link++) {
        if (!pol_has_room(b))
            return true;
        if (wants(&b->links[b->alarm_link]) && b->members[b->links[b->alarm_link].member].silent)
            probe(b, b->alarm_link, true);
    }
    b->alarm_link = POL_NONE;
    return false;
}
