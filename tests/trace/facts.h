/* Events and actions as text: `call-begin client=c1 call=k1`, `close link=l1 with=fin when=now reason=client-closed`. */
#ifndef TRACE_FACTS_H
#define TRACE_FACTS_H

#include "names.h"
#include "script.h"

/* Both read the words of the line from `from` on. An event that makes a client or a call gives the name an id. */
bool tr_event_read(const struct tr_line *line, unsigned from, struct tr_names *names, struct pol_event *event,
                   struct tr_failure *failure);

/* The name of a link that is new in a `dial` is bound to the id in `actual`, if that is a dial as well. */
bool tr_action_read(const struct tr_line *line, unsigned from, struct tr_names *names,
                    const struct pol_action *actual, struct pol_action *action, struct tr_failure *failure);

/* Both forms of one action are equal exactly when their texts are. */
void tr_action_write(const struct pol_action *action, const struct tr_names *names, char *out, size_t size);

#endif
