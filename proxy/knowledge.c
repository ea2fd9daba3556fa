/* The word of the settings wins; what nobody speaks of is presumed to be the worse. */
#include "knowledge.h"

#include "../dissect/names.h"

/* `given` and `cited` may be NULL. What is built in says one thing only, and the default is the other. */
static struct px_known_fact resolve(const struct px_given_fact *given, enum px_rule_level level, const char *cited,
                                    bool built_in)
{
    if (given != NULL && given->origin.given)
        return (struct px_known_fact){ .holds = given->holds, .source = { level, given->origin.line } };
    if (cited != NULL)
        return (struct px_known_fact){ .holds = built_in, .source = { .level = PX_RULE_BUILT_IN }, .cited = cited };
    return (struct px_known_fact){ .holds = !built_in, .source = { .level = PX_RULE_DEFAULT } };
}

static struct px_known_fact stateless(const struct px_knowledge *k, bool listed)
{
    const char *cited = k->known != NULL && listed ? k->known->stateless : NULL;
    return resolve(k->block != NULL ? &k->block->stateless : NULL, PX_RULE_INTERFACE, cited, true);
}

static struct px_known_fact pipes(const struct px_knowledge *k, bool listed)
{
    const char *cited = k->known != NULL && listed ? k->known->pipe_free : NULL;
    return resolve(k->block != NULL ? &k->block->pipes : NULL, PX_RULE_INTERFACE, cited, false);
}

/* A later minor version may have operations that are not listed. */
struct px_knowledge px_knowledge_find(const struct px_call_rules_table *table, const struct dis_syntax *interface)
{
    struct px_knowledge k = { .block = px_call_rules_find(table, interface)->block,
                              .known = dis_interface_find(interface) };
    bool listed = k.known != NULL && interface->minor <= k.known->minor;
    k.stateless = stateless(&k, listed).holds;
    k.pipes = pipes(&k, listed).holds;
    return k;
}

struct px_known_fact px_knowledge_stateless(const struct px_knowledge *knowledge, uint16_t opnum)
{
    return stateless(knowledge, dis_operation_find(knowledge->known, opnum) != NULL);
}

struct px_known_fact px_knowledge_pipes(const struct px_knowledge *knowledge, uint16_t opnum)
{
    return pipes(knowledge, dis_operation_find(knowledge->known, opnum) != NULL);
}

struct px_known_fact px_knowledge_idempotent(const struct px_knowledge *knowledge, uint16_t opnum)
{
    const struct px_operation *operation = px_call_rules_operation(knowledge->block, opnum);
    const struct dis_operation *known = dis_operation_find(knowledge->known, opnum);
    return resolve(operation != NULL ? &operation->idempotent : NULL, PX_RULE_OPERATION,
                   known != NULL ? known->idempotent : NULL, true);
}
