/* The answer goes by the table of keys, so that names and values are those of the file. */
#include "settings_explain.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../dissect/interfaces.h"
#include "../dissect/names.h"
#include "knowledge.h"
#include "settings_memory.h"
#include "settings_rules.h"

#define OPERATION_KEYS "interfaces.*.operations.*"
#define VALUE_COLUMN   28 /* where the origin of a value begins, if there is room */

struct answer {
    const char *file;
    const char *interface_name;
    const struct px_server *server;
    const struct px_operation *operation; /* or NULL */
    const struct dis_operation *known;    /* or NULL */
    uint16_t opnum;
    FILE *out;
};

bool px_question_interface(const char *text, struct px_question *question)
{
    char uuid[DIS_UUID_TEXT] = "";
    size_t length = strcspn(text, "/");
    question->versioned = text[length] == '/';
    if (length >= sizeof uuid)
        return false;
    memcpy(uuid, text, length);
    if (!dis_uuid_parse(uuid, &question->interface.uuid))
        return false;
    return !question->versioned ||
           px_version_parse(text + length + 1, &question->interface.major, &question->interface.minor);
}

bool px_question_opnum(const char *text, struct px_question *question)
{
    const char *why;
    int64_t value;
    if (!px_value_parse(PX_VALUE_COUNT, text, &value, &why) || value > UINT16_MAX)
        return false;
    question->opnum = (uint16_t)value;
    return true;
}

/* The version under which an interface is known by name, and with operations that are pending by design. */
static uint16_t known_major(const struct dis_uuid *uuid)
{
    for (size_t i = 0; i < dis_interface_count; i++)
        if (dis_uuid_equal(&dis_interfaces[i].uuid, uuid))
            return dis_interfaces[i].major;
    return 0;
}

/* A question without a version is about the block that the settings have, else about the interface that is known by
 * that UUID. */
static bool choose_version(const struct px_settings *settings, struct px_question *question, FILE *errors)
{
    const struct px_interface *only = NULL;
    for (unsigned i = 0; i < settings->interface_count; i++) {
        const struct px_interface *block = &settings->interfaces[i];
        if (!dis_uuid_equal(&block->uuid, &question->interface.uuid))
            continue;
        if (only != NULL) {
            fprintf(
                errors,
                "rpcward: the settings have this interface for more than one version, in lines %u and %u; say which: "
                "--explain %s/M.m\n",
                only->line, block->line, block->uuid_text);
            return false;
        }
        only = block;
    }
    question->interface.major = known_major(&question->interface.uuid);
    question->interface.minor = 0;
    if (only != NULL && only->version_text != NULL) {
        question->interface.major = only->major;
        question->interface.minor = only->minor;
        question->versioned = true;
    }
    return true;
}

static void print_place(const struct answer *answer, unsigned line)
{
    if (line != 0)
        fprintf(answer->out, "%s:%u", answer->file, line);
    else
        fputs("command line", answer->out);
}

/* `cited` is what says so where it is built in. */
static void print_source(const struct answer *answer, const struct px_rule_source *source, const char *cited)
{
    switch (source->level) {
    case PX_RULE_DEFAULT:
        fputs("default\n", answer->out);
        break;
    case PX_RULE_BUILT_IN:
        fprintf(answer->out, "built in (%s)\n", cited);
        break;
    case PX_RULE_SERVER:
        print_place(answer, source->line);
        fprintf(answer->out, " (server %s)\n", answer->server->name);
        break;
    case PX_RULE_INTERFACE:
        print_place(answer, source->line);
        fprintf(answer->out, " (interface %s)\n", answer->interface_name);
        break;
    case PX_RULE_OPERATION:
        print_place(answer, source->line);
        fprintf(answer->out, " (operation %u of %s)\n", answer->opnum, answer->interface_name);
        break;
    }
}

/* As it would be printed in the block of an operation. */
static char *value_text(const struct px_setting_key *key, const struct px_operation *block)
{
    char *text;
    size_t size;
    struct px_printing printing = { .out = px_must(open_memstream(&text, &size)) };
    key->rule->print(&printing, key, block);
    fclose(printing.out);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void print_value(const struct answer *answer, const char *name, const char *value)
{
    int width = fprintf(answer->out, "  %s:%s", name, value);
    fprintf(answer->out, "%*s", width < VALUE_COLUMN - 3 ? VALUE_COLUMN - width : 3, "");
}

static void print_fact(const struct answer *answer, const char *name, struct px_known_fact fact)
{
    print_value(answer, name, fact.holds ? " yes" : " no");
    print_source(answer, &fact.source, fact.cited);
}

static void print_server(const struct answer *answer, const struct px_interface *block)
{
    struct px_resolved_rules resolved = px_call_rules_resolve(answer->server, block, answer->operation,
                                                              answer->known);
    const struct px_operation shown = { .rules = resolved.rules };
    fprintf(answer->out, "%s\n", answer->server->name);
    for (unsigned row = 0; row < px_setting_key_count; row++) {
        const struct px_setting_key *key = &px_setting_keys[row];
        const char *name = px_setting_path_below(key->path, OPERATION_KEYS);
        if (name == NULL || key->rule->origin_offset == 0)
            continue;
        size_t rule = (key->rule->origin_offset - offsetof(struct px_operation, origins)) / sizeof(struct px_origin);
        if (rule >= PX_CALL_RULES) /* a fact, which is the same for all servers */
            continue;
        char *value = value_text(key, &shown);
        print_value(answer, name, value);
        print_source(answer, &resolved.sources[rule], answer->known != NULL ? answer->known->pending : NULL);
        free(value);
    }
}

static void print_question(const struct px_question *question, const struct answer *answer)
{
    const char *name = dis_operation_name(dis_interface_find(&question->interface), question->opnum);
    char uuid[DIS_UUID_TEXT];
    if (answer->operation != NULL && answer->operation->name != NULL)
        name = answer->operation->name;
    fprintf(answer->out, "interface %s", dis_uuid_format(&question->interface.uuid, uuid));
    if (question->versioned)
        fprintf(answer->out, " version %u.%u", question->interface.major, question->interface.minor);
    if (strcmp(answer->interface_name, uuid) != 0)
        fprintf(answer->out, " (%s)", answer->interface_name);
    fprintf(answer->out, ", operation %u", question->opnum);
    if (name != NULL)
        fprintf(answer->out, " (%s)", name);
    fputc('\n', answer->out);
}

bool px_settings_explain(const struct px_settings *settings, const char *file, const struct px_question *question,
                         FILE *out, FILE *errors)
{
    struct px_question asked = *question;
    char uuid[DIS_UUID_TEXT];
    if (!asked.versioned && !choose_version(settings, &asked, errors))
        return false;
    const struct px_knowledge knowledge = px_knowledge_find(settings->call_rules, &asked.interface);
    const struct px_interface *block = knowledge.block;
    struct answer answer = {
        .file = file,
        .interface_name = dis_interface_name(knowledge.known),
        .operation = px_call_rules_operation(block, asked.opnum),
        .known = dis_operation_find(knowledge.known, asked.opnum),
        .opnum = asked.opnum,
        .out = out,
    };
    if (block != NULL && block->name != NULL)
        answer.interface_name = block->name;
    if (answer.interface_name == NULL)
        answer.interface_name = dis_uuid_format(&asked.interface.uuid, uuid);
    print_question(&asked, &answer);
    print_fact(&answer, "stateless", px_knowledge_stateless(&knowledge, asked.opnum));
    print_fact(&answer, "pipes", px_knowledge_pipes(&knowledge, asked.opnum));
    print_fact(&answer, "idempotent", px_knowledge_idempotent(&knowledge, asked.opnum));
    for (unsigned i = 0; i < settings->server_count; i++) {
        answer.server = &settings->servers[i];
        print_server(&answer, block);
    }
    return true;
}
