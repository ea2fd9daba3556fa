/* Which clients of a capture rpcward would serve call by call, on links that they share: the proxy's own modules judge
 * their binds and requests, as they do behind a socket. */
#ifndef INSPECT_PLAIN_H
#define INSPECT_PLAIN_H

#include "../proxy/settings.h"
#include "conversation.h"
#include "inspect_replay.h"

struct plain;

/* NULL: no memory. The settings must outlive it. */
struct plain *plain_new(const struct px_settings *settings);

/* A PDU of a connection to that server of the settings. */
void plain_pdu(struct plain *p, const struct dis_sighting *s, uint32_t server);

/* A call has ended: adds to its record how it would have been served. Once for each call of which a PDU was given. */
void plain_call(struct plain *p, const struct dis_call *call, struct replay_call *record);

/* For the replay: the presentation that is accepted in place i of an offer; 0: there is none, POL_NONE behind the last. */
uint32_t plain_presents(const void *plain, uint32_t offer, unsigned i);
uint32_t plain_offers(const struct plain *p); /* how many there are */

/* Whether a server was seen to grant concurrent multiplexing. */
bool plain_multiplexes(const struct plain *p, uint32_t server);

void plain_free(struct plain *p);

#endif
