/* How long a bound client may keep us waiting, and be idle. */
#include "brain.h"

static bool is_idle(const struct client *c)
{
    return !c->owes && c->front == FRONT_EMPTY && c->calls == 0;
}

/* Not once all is answered and only the server's FIN is waited for. */
bool pol_patience_applies(const struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    bool lingers = c->state == CLIENT_LEAVING && c->link != POL_NONE && b->links[c->link].calls == 0;
    return c->bound && !lingers &&
           (c->state == CLIENT_RELAYING || c->state == CLIENT_PLAIN || c->state == CLIENT_LEAVING);
}

/* When it is next looked at. */
static int64_t patience_ends(const struct pol_brain *b, const struct client *c)
{
    const struct pol_listener *l = &b->listeners[c->listener].settings;
    int64_t time = c->owes ? l->client_timeout : l->idle_timeout;
    return time ? c->touched + time : POL_NEVER;
}

void pol_patience_begin(struct pol_brain *b, uint32_t client)
{
    if (pol_patience_applies(b, client))
        pol_deadline_set(&b->deadlines, client, patience_ends(b, &b->clients[client]));
}

/* One that owes something while it has a call inside keeps its slot; so that ends too. */
void pol_patience_due(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (!c->owes && !is_idle(c))
        c->touched = b->now; /* it is none of its doing that nothing happens */
    if (patience_ends(b, c) > b->now)
        pol_patience_begin(b, client);
    else if (c->owes)
        pol_client_close(b, client, true, POL_NOW, POL_BY_CLIENT_TIMEOUT);
    else
        pol_client_close(b, client, false, POL_FLUSHED, POL_BY_IDLE_TIMEOUT);
}

void pol_client_owes(struct pol_brain *b, const struct pol_event *e)
{
    if (e->client.index >= b->clients_high || !pol_id_equal(e->client, pol_client_id(b, e->client.index)))
        return;
    struct client *c = &b->clients[e->client.index];
    c->owes = e->on;
    c->touched = b->now;
    pol_patience_begin(b, e->client.index);
}
