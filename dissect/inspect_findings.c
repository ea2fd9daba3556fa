/* Groups in the order of their first frames. */
#include "inspect_findings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_advice.h"
#include "inspect_json.h"
#include "inspect_rows.h"
#include "names.h"

struct findings_key findings_key_of(enum finding finding, const struct dis_call *call)
{
    return (struct findings_key){
        .finding = finding,
        .server = call->in->end[!call->way],
        .has_interface = call->has_interface,
        .has_opnum = call->has_request,
        .interface = call->interface,
        .known = call->known,
        .opnum = call->has_request ? call->opnum : 0,
        .status = call->answer == DIS_ANSWER_FAULT ? call->status : 0,
    };
}

static bool is_alike(const struct findings_key *a, const struct findings_key *b)
{
    return a->finding == b->finding && a->has_interface == b->has_interface && a->has_opnum == b->has_opnum &&
           a->opnum == b->opnum && a->status == b->status && dis_endpoint_equal(&a->server, &b->server) &&
           dis_syntax_equal(&a->interface, &b->interface);
}

static struct findings_group *group_of(struct findings *f, const struct findings_key *key)
{
    if (f->count > 0 && is_alike(&f->groups[f->last]->key, key))
        return f->groups[f->last];
    for (f->last = 0; f->last < f->count; f->last++)
        if (is_alike(&f->groups[f->last]->key, key))
            return f->groups[f->last];
    if (f->groups == NULL)
        f->groups = calloc(FINDINGS_MOST, sizeof(*f->groups));
    struct findings_group *g = f->groups != NULL && f->count < FINDINGS_MOST ? calloc(1, sizeof(*g)) : NULL;
    f->last = 0;
    if (g == NULL)
        return NULL;
    g->key = *key;
    f->last = f->count;
    f->groups[f->count++] = g;
    return g;
}

struct findings_group *findings_add(struct findings *f, const struct findings_key *key,
                                    const struct dis_endpoint *client, struct dis_place place)
{
    struct findings_group *g = group_of(f, key);
    if (g == NULL) {
        f->elsewhere++;
        return NULL;
    }
    if (g->count < FINDINGS_FRAMES)
        g->frames[g->count] = place.frame;
    g->last = place;
    if (g->count++ > 0) {
        struct dis_endpoint same_port = *client;
        same_port.port = g->client.port;
        g->other_clients = g->other_clients || !dis_endpoint_equal(&same_port, &g->client);
        return NULL;
    }
    g->client = *client;
    g->first = place;
    return g;
}

/* ---- printing ---- */

static int by_frame(const void *a, const void *b)
{
    const struct findings_group *const *x = a;
    const struct findings_group *const *y = b;
    return ((*x)->first.frame > (*y)->first.frame) - ((*x)->first.frame < (*y)->first.frame);
}

static void put_about(FILE *out, const struct findings_group *g)
{
    char address[DIS_ENDPOINT_TEXT];
    char interface[ROWS_INTERFACE];
    const struct findings_key *k = &g->key;
    const char *operation = k->has_opnum ? dis_operation_name(k->known, k->opnum) : NULL;
    fprintf(out, "%s", advice_of(k->finding)->name);
    if (g->count > 1)
        fprintf(out, " (%" PRIu64 " times)", g->count);
    fprintf(out, ": %s to ", dis_address_format(&g->client, address));
    fprintf(out, "%s", dis_endpoint_format(&k->server, address));
    if (k->has_interface)
        fprintf(out, ", %s", rows_interface(&k->interface, k->known, interface));
    if (k->has_opnum)
        fprintf(out, " op %u", k->opnum);
    if (operation != NULL)
        fprintf(out, " %s", operation);
    fputc('\n', out);
}

static void put_frames(FILE *out, const struct findings_group *g)
{
    if (g->count < 2)
        return;
    fputs("  frames ", out);
    for (uint64_t i = 0; i < g->count && i < FINDINGS_FRAMES; i++)
        fprintf(out, "%s%" PRIu64, i == 0 ? "" : ", ", g->frames[i]);
    if (g->count > FINDINGS_FRAMES)
        fprintf(out, " and %" PRIu64 " more until %" PRIu64, g->count - FINDINGS_FRAMES, g->last.frame);
    fprintf(out, "%s\n", g->other_clients ? "; of several clients" : "");
}

static void put_text(FILE *out, const struct findings_group *g, int64_t start)
{
    const struct advice *advice = advice_of(g->key.finding);
    int64_t us = g->first.time > start ? (g->first.time - start) / 1000 : 0;
    put_about(out, g);
    fprintf(out, "  seen   at %" PRId64 ".%06" PRId64 " s, %s\n", us / 1000000, us % 1000000, g->seen);
    put_frames(out, g);
    fprintf(out, "  means  %s\n", advice->means);
    if (g->retry[0] != '\0')
        fprintf(out, "  retry  %s\n", g->retry);
    fprintf(out, "  do     %s\n\n", advice->action);
}

static void put_frame_list(struct dis_sink *sink, const struct findings_group *g)
{
    dis_sink_open(sink, "frames", DIS_LIST);
    for (uint64_t i = 0; i < g->count && i < FINDINGS_FRAMES; i++)
        fprintf(sink->out, "%s%" PRIu64, i == 0 ? "" : ",", g->frames[i]);
    dis_sink_close(sink, DIS_LIST);
}

static void put_json(FILE *out, const struct findings_group *g)
{
    struct dis_sink sink;
    char address[DIS_ENDPOINT_TEXT];
    const struct findings_key *k = &g->key;
    json_begin(&sink, out);
    json_text(&sink, "kind", "finding");
    json_text(&sink, "finding", advice_of(k->finding)->name);
    dis_put_number(&sink, "count", g->count, NULL);
    json_text(&sink, "client", dis_address_format(&g->client, address));
    json_text(&sink, "server", dis_endpoint_format(&k->server, address));
    if (k->has_interface) {
        json_interface(&sink, &k->interface, k->known);
    } else {
        dis_put_null(&sink, "interface");
        dis_put_null(&sink, "version");
        dis_put_null(&sink, "name");
    }
    json_number_if(&sink, "opnum", k->has_opnum, k->opnum);
    json_text(&sink, "operation", k->has_opnum ? dis_operation_name(k->known, k->opnum) : NULL);
    put_frame_list(&sink, g);
    json_time(&sink, "time_first", g->first.time);
    json_time(&sink, "time_last", g->last.time);
    json_text(&sink, "seen", g->seen);
    json_text(&sink, "means", advice_of(k->finding)->means);
    json_text(&sink, "retry", g->retry[0] != '\0' ? g->retry : NULL);
    json_text(&sink, "do", advice_of(k->finding)->action);
    json_end(&sink);
}

void findings_print(const struct findings *f, FILE *out, int64_t start, bool json, bool brief)
{
    if (f->count > 1)
        qsort(f->groups, f->count, sizeof(*f->groups), by_frame);
    for (size_t i = 0; i < f->count; i++) {
        if (json)
            put_json(out, f->groups[i]);
        else if (brief)
            put_about(out, f->groups[i]);
        else
            put_text(out, f->groups[i], start);
    }
    if (f->elsewhere > 0 && !json)
        fprintf(out, "and %" PRIu64 " more, of more kinds than are kept apart\n", f->elsewhere);
}

void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->groups[i]);
    free((void *)f->groups);
}
