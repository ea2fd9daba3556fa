/* Where a socket was really led to, so that its program is told what it expects.
 *
 * Nothing is kept about descriptors: they are copied, closed, inherited and sent to other programs, and all of that would
 * have to be followed. A socket's cookie stays the same through all of it, and the proxy remembers. */
#ifndef SHIM_STORY_H
#define SHIM_STORY_H

#include <stdbool.h>

#include "question.h"

/* Whether a peer of that address can be the proxy; else there is nothing to tell. */
bool shim_story_possible(const struct sockaddr *peer, socklen_t length);

/* The destination of the socket with that peer, and the facts of its question. False: it was not led anywhere. */
bool shim_story_of(int fd, const struct sockaddr *peer, socklen_t length, struct shim_answer *story);

/* The same for a socket whose connect was refused by us, as far as this process remembers. */
bool shim_story_refused(int fd, struct shim_answer *story);

/* Remembers it, so that the proxy need not be asked. */
void shim_story_keep(uint64_t cookie, const struct shim_address *alias, const struct shim_question *question);

#endif
