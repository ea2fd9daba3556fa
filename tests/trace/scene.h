/* What a scenario says at its top: the settings of the brain. */
#ifndef TRACE_SCENE_H
#define TRACE_SCENE_H

#include "policy/policy.h"
#include "script.h"

#define TR_ROWS_MAX 4u

struct tr_scene {
    struct pol_server servers[TR_ROWS_MAX];
    struct pol_listener listeners[TR_ROWS_MAX];
    struct pol_call_rules rules[TR_ROWS_MAX];
    struct pol_settings settings; /* points into this very scene */
    uint32_t members;
    char must_fail[256]; /* how this scenario has to fail, or empty */
};

/* Reads the settings, and sets *next to the line after them. */
bool tr_scene_read(struct tr_scene *scene, const struct tr_script *script, size_t *next, struct tr_failure *failure);

#endif
