/* How interfaces and their operations behave: what the settings say, else what is built in, else the cautious answer,
 * which is that nothing may be presumed. It is the same for all servers. */
#ifndef PX_KNOWLEDGE_H
#define PX_KNOWLEDGE_H

#include "call_rules.h"

/* What is known of an interface that was bound. It lives as long as the table of rules that it was found in. */
struct px_knowledge {
    const struct px_interface *block;  /* of the settings, or NULL */
    const struct dis_interface *known; /* what is built in, or NULL */
    bool stateless; /* no call needs what an earlier one left for its connection, association or client */
    bool pipes;     /* an operation may have a pipe parameter */
};

/* A fact about a call, and who says so. */
struct px_known_fact {
    bool holds;
    struct px_rule_source source; /* PX_RULE_DEFAULT: nobody does */
    const char *cited;            /* by the table that is built in, or NULL */
};

/* For a presentation context: it is a search. */
struct px_knowledge px_knowledge_find(const struct px_call_rules_table *table, const struct dis_syntax *interface);

/* For a call. Built-in facts about an interface are about the operations that are listed with it, the words of the
 * settings about all. So a call may be less than its interface promised, and is asked about too. */
struct px_known_fact px_knowledge_stateless(const struct px_knowledge *knowledge, uint16_t opnum);
struct px_known_fact px_knowledge_pipes(const struct px_knowledge *knowledge, uint16_t opnum);
struct px_known_fact px_knowledge_idempotent(const struct px_knowledge *knowledge, uint16_t opnum);

#endif
