/* YAML text to a tree, by the events of libfyaml: the only file that knows that library.
 *
 * Events, not the library's own documents: they need no resolving of aliases, they tell where a key stands, and a
 * duplicate key does not end them. */
#include "settings_tree.h"

#include <libfyaml.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

struct building {
    struct px_report *report;
    struct px_node *root;
    struct px_node *open[PX_TREE_DEPTH]; /* what is being filled, outermost first */
    unsigned depth;
    char *key; /* read, its value not yet */
    struct px_place key_place;
    bool ended; /* the end of the stream was seen */
};

static bool is_quoted(struct fy_event *event)
{
    enum fy_scalar_style style = FYSS_ANY;
    if (event->type == FYET_SCALAR)
        style = fy_token_scalar_style(event->scalar.value);
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

/* The mark of a quoted text stands behind its quote. A value that was left out has none: it is where its key is,
 * or its list. */
static struct px_place place_of(const struct building *b, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark != NULL)
        return (struct px_place){ .line = (unsigned)mark->line + 1,
                                  .column = (unsigned)mark->column + (is_quoted(event) ? 0 : 1) };
    if (b->key != NULL)
        return b->key_place;
    const struct px_node *within = b->depth > 0 ? b->open[b->depth - 1] : NULL;
    return within != NULL ? within->place : (struct px_place){ .line = 1, .column = 1 };
}

static bool refuse(struct building *b, struct fy_event *event, const char *what)
{
    px_report_error(b->report, place_of(b, event), "%s", what);
    return false;
}

static bool key_expected(const struct building *b)
{
    const struct px_node *within = b->depth > 0 ? b->open[b->depth - 1] : NULL;
    return within != NULL && within->kind == PX_NODE_MAPPING && b->key == NULL;
}

static struct px_node *add(struct building *b, enum px_node_kind kind, struct px_place place)
{
    struct px_node *node = px_node_new(b->depth > 0 ? b->open[b->depth - 1] : NULL, kind, place, b->key);
    if (b->key != NULL)
        node->key_place = b->key_place;
    b->key = NULL;
    if (b->depth == 0)
        b->root = node;
    return node;
}

static bool on_scalar(struct building *b, struct fy_event *event)
{
    size_t length = 0;
    const char *text = event->scalar.value != NULL ? fy_token_get_text(event->scalar.value, &length) : NULL;
    struct px_place place = place_of(b, event);
    char *kept;
    if (text != NULL && memchr(text, '\0', length) != NULL)
        return refuse(b, event, "there is a NUL character in this text");
    kept = px_must(text != NULL ? strndup(text, length) : strdup(""));
    if (key_expected(b)) {
        b->key = kept;
        b->key_place = place;
    } else {
        add(b, PX_NODE_SCALAR, place)->text = kept;
    }
    return true;
}

static bool on_start(struct building *b, struct fy_event *event, enum px_node_kind kind)
{
    struct px_place place = place_of(b, event);
    if (key_expected(b))
        return refuse(b, event, "a key must be a word, not a list or mapping");
    if (b->depth == PX_TREE_DEPTH)
        return refuse(b, event, "lists and mappings are nested too deeply here");
    struct px_node *node = add(b, kind, place);
    b->open[b->depth++] = node;
    return true;
}

/* False ends the reading; the reason is in the report. */
static bool on_event(struct building *b, struct fy_event *event)
{
    if (fy_event_get_anchor_token(event) != NULL || event->type == FYET_ALIAS)
        return refuse(b, event, "anchors and aliases are not supported");
    if (fy_event_get_tag_token(event) != NULL)
        return refuse(b, event, "tags are not supported");
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return b->root == NULL || refuse(b, event, "there may be only one document in the file");
    case FYET_SCALAR:
        return on_scalar(b, event);
    case FYET_MAPPING_START:
        return on_start(b, event, PX_NODE_MAPPING);
    case FYET_SEQUENCE_START:
        return on_start(b, event, PX_NODE_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        b->depth--;
        return true;
    case FYET_STREAM_END:
        b->ended = true;
        return true;
    default:
        return true;
    }
}

/* What libfyaml has to say itself, in our form. */
static void report_syntax(struct fy_diag *diag, struct px_report *report)
{
    void *position = NULL;
    for (struct fy_diag_error *error; (error = fy_diag_errors_iterate(diag, &position)) != NULL;) {
        struct px_place place = { .line = (unsigned)error->line, .column = (unsigned)error->column };
        if (error->type == FYET_ERROR)
            px_report_error(report, place, "%s", error->msg);
    }
}

static void read_events(struct building *b, struct fy_parser *parser)
{
    struct fy_event *event;
    bool more = true;
    while (more && (event = fy_parser_parse(parser)) != NULL) {
        more = on_event(b, event);
        fy_parser_event_free(parser, event);
    }
}

/* A diagnostics object that prints nothing. */
static struct fy_diag *silent_diag(void)
{
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    config.colorize = false;
    struct fy_diag *diag = px_must(fy_diag_create(&config));
    fy_diag_set_collect_errors(diag, true);
    return diag;
}

struct px_node *px_tree_from_yaml(const char *text, size_t length, struct px_report *report)
{
    struct building building = { .report = report };
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = silent_diag(),
    };
    struct fy_parser *parser = px_must(fy_parser_create(&config));
    unsigned errors = report->errors;
    if (fy_parser_set_string(parser, text, length) == 0)
        read_events(&building, parser);
    report_syntax(config.diag, report);
    if (report->errors == errors && !building.ended)
        px_report_error(report, (struct px_place){ .line = 0 }, "it cannot be read as YAML");
    fy_parser_destroy(parser);
    fy_diag_destroy(config.diag);
    free(building.key);
    if (report->errors != errors) {
        px_tree_free(building.root);
        return NULL;
    }
    return building.root;
}
