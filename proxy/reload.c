/* Whatever can fail is tried before anything is changed. */
#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener.h"
#include "notify.h"
#include "settings_memory.h"
#include "settings_merge.h"
#include "shim.h"

/* ---- listeners that are new ---- */

static bool is_new_listener(const struct px_loop *loop, const struct px_settings *fresh, uint32_t i)
{
    bool was = i < loop->settings->listener_count && !loop->settings->listeners[i].retired;
    return !was && !fresh->listeners[i].retired;
}

static void close_new_listeners(struct px_loop *loop, const struct px_settings *fresh, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_new_listener(loop, fresh, i))
            px_listener_close(loop->listeners[i]);
}

static bool open_new_listeners(struct px_loop *loop, const struct px_settings *fresh, FILE *why)
{
    for (uint32_t i = 0; i < fresh->listener_count; i++) {
        const struct px_listener *l = &fresh->listeners[i];
        int error = is_new_listener(loop, fresh, i) ? px_listener_open(loop, i, &l->address, l->shim) : 0;
        if (!error)
            continue;
        fprintf(why, "cannot listen on %s: %s\n", l->text, strerror(error));
        close_new_listeners(loop, fresh, i);
        return false;
    }
    return true;
}

static void close_retired_listeners(struct px_loop *loop)
{
    for (uint32_t i = 0; i < loop->settings->listener_count; i++)
        if (loop->settings->listeners[i].retired)
            px_listener_close(loop->listeners[i]);
}

static void tell_new_listeners(const struct px_loop *loop, const struct px_settings *fresh)
{
    for (uint32_t i = 0; i < fresh->listener_count; i++)
        if (is_new_listener(loop, fresh, i))
            px_listener_tell(loop, fresh, i);
}

/* ---- the change ---- */

static bool can_follow(struct px_loop *loop, const struct px_settings *fresh, FILE *why)
{
    if (strcmp(fresh->control, loop->settings->control) != 0)
        fprintf(why, "'control' cannot change while rpcward runs: restart it\n");
    else if (!px_roster_fits(&loop->roster, fresh))
        fprintf(why,
                "more servers, members or listeners than there is room for, with those that are gone: restart it\n");
    else
        return true;
    return false;
}

static void follow(struct px_loop *loop, struct px_settings *fresh)
{
    struct pol_settings described;
    struct px_settings old = *loop->settings;
    px_settings_follow(&old, fresh);
    *loop->settings = *fresh;
    loop->calls.rules = fresh->call_rules;
    loop->calls.rules_generation++;
    px_settings_free(&old);
    close_retired_listeners(loop);
    px_shims_distrust(loop);
    px_roster_take(&loop->roster, loop->settings);
    px_roster_describe(&loop->roster, loop->settings, &described);
    if (!pol_renew(loop->brain, &described))
        abort(); /* memory that was there a moment ago */
    px_roster_forget(&described);
    struct pol_event tick = { .kind = POL_TICK };
    px_loop_tell(loop, &tick);
}

static bool try(struct px_loop *loop, struct px_settings *fresh, FILE *why)
{
    if (!px_settings_merge(loop->settings, fresh)) {
        fprintf(why,
                "more rules of servers, interfaces and operations than there may be, with those that are gone\n");
        return false;
    }
    bool good = can_follow(loop, fresh, why) && open_new_listeners(loop, fresh, why);
    int error = good ? px_log_reopen(&loop->log, fresh) : 0;
    if (error) {
        fprintf(why, "cannot write the call log to %s: %s\n", fresh->log_calls, strerror(error));
        close_new_listeners(loop, fresh, fresh->listener_count);
    }
    if (!good || error) {
        px_settings_dismiss(fresh);
        return false;
    }
    tell_new_listeners(loop, fresh);
    follow(loop, fresh);
    return true;
}

/* ---- reloading ---- */

static bool load_and_try(struct px_loop *loop, FILE *why)
{
    struct px_settings fresh;
    bool good = px_settings_load(loop->source->file, loop->source->overrides, &fresh, why) == 0 &&
                try(loop, &fresh, why);
    if (!good)
        px_settings_free(&fresh);
    return good;
}

bool px_reload(struct px_loop *loop, const char *who, char **why)
{
    size_t length;
    FILE *out = px_must(open_memstream(why, &length));
    bool good = false;
    px_notify("RELOADING=1");
    if (loop->draining)
        fprintf(out, "rpcward is draining\n");
    else
        good = load_and_try(loop, out);
    fclose(out);
    if (!good)
        fprintf(stderr, "rpcward: not reloaded, the settings are as before:\n%s", *why);
    px_log_notice(&loop->log, who, good ? "reloaded" : "not reloaded, the settings are as before: stderr says why");
    px_notify("READY=1");
    return good;
}
