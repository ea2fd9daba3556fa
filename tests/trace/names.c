/* A small directory: names to ids and back, and indices for those that the scenario makes. */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void tr_names_init(struct tr_names *names, uint32_t clients, uint32_t links, uint32_t calls)
{
    *names = (struct tr_names){ .limit = { clients, links, calls } };
    for (unsigned kind = 0; kind < TR_KINDS; kind++) {
        names->generations[kind] = must(calloc(names->limit[kind] + 1u, sizeof *names->generations[kind]));
        names->taken[kind] = must(calloc(names->limit[kind] + 1u, sizeof *names->taken[kind]));
    }
}

void tr_names_free(struct tr_names *names)
{
    for (unsigned kind = 0; kind < TR_KINDS; kind++) {
        free(names->items[kind]);
        free(names->generations[kind]);
        free(names->taken[kind]);
    }
    *names = (struct tr_names){ 0 };
}

const struct pol_id *tr_name_find(const struct tr_names *names, enum tr_kind kind, const char *text)
{
    for (size_t i = 0; i < names->count[kind]; i++)
        if (strcmp(names->items[kind][i].text, text) == 0)
            return &names->items[kind][i].id;
    return NULL;
}

const char *tr_name_of(const struct tr_names *names, enum tr_kind kind, struct pol_id id)
{
    static char unnamed[32];
    for (size_t i = 0; i < names->count[kind]; i++)
        if (pol_id_equal(names->items[kind][i].id, id))
            return names->items[kind][i].text;
    snprintf(unnamed, sizeof unnamed, "(%u.%u)", id.index, id.generation);
    return unnamed;
}

void tr_name_bind(struct tr_names *names, enum tr_kind kind, const char *text, struct pol_id id)
{
    if (names->count[kind] == names->capacity[kind]) {
        names->capacity[kind] = names->capacity[kind] ? 2 * names->capacity[kind] : 16;
        names->items[kind] = must(realloc(names->items[kind], names->capacity[kind] * sizeof *names->items[kind]));
    }
    struct tr_name *name = &names->items[kind][names->count[kind]++];
    *name = (struct tr_name){ .id = id };
    snprintf(name->text, sizeof name->text, "%s", text);
}

bool tr_name_new(struct tr_names *names, enum tr_kind kind, const char *text)
{
    uint32_t index = 0;
    while (index < names->limit[kind] && names->taken[kind][index])
        index++;
    if (index == names->limit[kind])
        return false;
    names->taken[kind][index] = true;
    tr_name_bind(names, kind, text, (struct pol_id){ index, ++names->generations[kind][index] });
    return true;
}

void tr_name_release(struct tr_names *names, enum tr_kind kind, struct pol_id id)
{
    if (id.index < names->limit[kind] && names->generations[kind][id.index] == id.generation)
        names->taken[kind][id.index] = false;
}
