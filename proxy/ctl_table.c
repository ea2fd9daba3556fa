/* A list of columns for each kind of line; the only file that knows libsmartcols. */
#include "ctl_table.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "humane.h"

#define COLUMNS 12u

enum form { FORM_TEXT, FORM_NUMBER, FORM_LIMIT, FORM_TIME, FORM_BYTES };

struct column {
    const char *title;
    const char *key, *other; /* other: where `key` is null */
    enum form form;
};

static const struct kind {
    const char *kind;
    struct column columns[COLUMNS + 1];
} kinds[] = {
    { "server",
      { { "SERVER", "name", NULL, FORM_TEXT },
        { "MEMBERS", "members", NULL, FORM_TEXT },
        { "DOWN", "down", NULL, FORM_TEXT },
        { "DRAINED", "draining", NULL, FORM_TEXT },
        { "CALLS", "calls", NULL, FORM_LIMIT },
        { "INSIDE", "inside", NULL, FORM_NUMBER },
        { "WAITING", "waiting", NULL, FORM_NUMBER },
        { "LINKS", "links", NULL, FORM_NUMBER } } },
    { "link",
      { { "CONNECTION", "connection", NULL, FORM_NUMBER },
        { "SERVER", "name", NULL, FORM_TEXT },
        { "MEMBER", "server", NULL, FORM_TEXT },
        { "CLASS", "class", NULL, FORM_TEXT },
        { "STATE", "state", NULL, FORM_TEXT },
        { "AGE", "age_us", NULL, FORM_TIME },
        { "CALLS", "calls", NULL, FORM_NUMBER },
        { "OPEN", "open_calls", NULL, FORM_NUMBER },
        { "IN", "bytes_in", NULL, FORM_BYTES },
        { "OUT", "bytes_out", NULL, FORM_BYTES },
        { "UNREAD", "unread", NULL, FORM_BYTES },
        { "HOLDERS", "holders", NULL, FORM_TEXT } } },
    { "client",
      { { "CONNECTION", "connection", NULL, FORM_NUMBER },
        { "CLIENT", "client", NULL, FORM_TEXT },
        { "LISTENER", "listener", NULL, FORM_TEXT },
        { "SERVER", "name", NULL, FORM_TEXT },
        { "STATE", "state", NULL, FORM_TEXT },
        { "AGE", "age_us", NULL, FORM_TIME },
        { "CALLS", "calls", NULL, FORM_NUMBER },
        { "OPEN", "open_calls", NULL, FORM_NUMBER },
        { "IN", "bytes_in", NULL, FORM_BYTES },
        { "OUT", "bytes_out", NULL, FORM_BYTES },
        { "UNREAD", "unread", NULL, FORM_BYTES } } },
    { "open-call",
      { { "CALL", "call", NULL, FORM_TEXT },
        { "CLIENT", "client", NULL, FORM_TEXT },
        { "SERVER", "server", NULL, FORM_TEXT },
        { "INTERFACE", "name", "interface", FORM_TEXT },
        { "OPERATION", "operation", "opnum", FORM_TEXT },
        { "STATE", "state", NULL, FORM_TEXT },
        { "AGE", "age_us", NULL, FORM_TIME },
        { "WAITED", "waited_us", NULL, FORM_TIME },
        { "IN", "bytes_in", NULL, FORM_BYTES },
        { "OUT", "bytes_out", NULL, FORM_BYTES } } },
    { "counter", { { "COUNTER", "name", NULL, FORM_TEXT }, { "VALUE", "value", NULL, FORM_NUMBER } } },
};

struct ctl_table {
    const struct column *columns;
    struct libscols_table *table;
};

struct ctl_table *ctl_table_new(const char *kind)
{
    const struct kind *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            found = &kinds[i];
    if (!found)
        return NULL;
    struct ctl_table *t = malloc(sizeof *t);
    if (!t || !(t->table = scols_new_table()))
        abort();
    t->columns = found->columns;
    for (const struct column *c = t->columns; c->title; c++)
        scols_table_new_column(t->table, c->title, 0, c->form == FORM_TEXT ? 0 : SCOLS_FL_RIGHT);
    return t;
}

static const char *value_of(const struct column *c, const struct ctl_line *line, char text[PX_HUMANE])
{
    const char *value = ctl_line_get(line, c->key);
    if (!value && c->other)
        value = ctl_line_get(line, c->other);
    if (!value)
        return c->form == FORM_LIMIT ? "unlimited" : "-";
    if (*value == 0)
        return "-";
    if (c->form == FORM_TIME)
        return px_humane_time(strtoull(value, NULL, 10), text);
    if (c->form == FORM_BYTES)
        return px_humane_bytes(strtoull(value, NULL, 10), text);
    return value;
}

void ctl_table_add(struct ctl_table *t, const struct ctl_line *line)
{
    struct libscols_line *row = scols_table_new_line(t->table, NULL);
    if (!row)
        abort();
    for (size_t i = 0; t->columns[i].title; i++) {
        char text[PX_HUMANE];
        scols_line_set_data(row, i, value_of(&t->columns[i], line, text));
    }
}

void ctl_table_print(struct ctl_table *t)
{
    if (scols_table_get_nlines(t->table) == 0)
        puts("none");
    else
        scols_print_table(t->table);
    scols_unref_table(t->table);
    free(t);
}

/* ---- lines that stand alone ---- */

static const char *text_of(const struct ctl_line *line, const char *key, const char *other)
{
    const char *value = ctl_line_get(line, key);
    if (!value && other)
        value = ctl_line_get(line, other);
    return value ? value : "-";
}

static void print_ending(const struct ctl_line *line)
{
    char text[PX_HUMANE];
    const char *total = ctl_line_get(line, "total_us"), *proof = ctl_line_get(line, "proof");
    if (!ctl_line_get(line, "end"))
        return;
    printf(" %s", text_of(line, "end", NULL));
    if (total)
        printf(" after %s", px_humane_time(strtoull(total, NULL, 10), text));
    printf(", evidence %s", text_of(line, "evidence", NULL));
    if (proof)
        printf(", proof %s", proof);
}

static void print_call(const struct ctl_line *line)
{
    const char *name = ctl_line_get(line, "call");
    printf("%s ", text_of(line, "time", NULL));
    if (name)
        printf("%s", name);
    else
        printf("%s:%s", text_of(line, "connection", NULL), text_of(line, "call_id", NULL));
    printf(" %s %s.%s: %s", text_of(line, "client", NULL), text_of(line, "name", "interface"),
           text_of(line, "operation", "opnum"), text_of(line, "event", "kind"));
    print_ending(line);
    putchar('\n');
}

void ctl_line_print(const struct ctl_line *line)
{
    const char *kind = text_of(line, "kind", NULL);
    if (strcmp(kind, "explained") == 0)
        printf("%s\n", text_of(line, "sentence", NULL));
    else if (strcmp(kind, "stop") == 0)
        printf("draining: %s clients, %s calls\n", text_of(line, "clients", NULL), text_of(line, "calls", NULL));
    else if (strcmp(kind, "drain") == 0 || strcmp(kind, "resume") == 0)
        printf("%s %s: %s calls inside, %s in the line\n", strcmp(kind, "drain") == 0 ? "draining" : "resumed",
               text_of(line, "name", NULL), text_of(line, "inside", NULL), text_of(line, "waiting", NULL));
    else if (strcmp(kind, "reload") == 0)
        puts("reloaded");
    else if (strcmp(kind, "lost") == 0)
        printf("%s events were lost: this reader was too slow\n", text_of(line, "lost", NULL));
    else if (strcmp(kind, "event") == 0 || strcmp(kind, "call") == 0)
        print_call(line);
    fflush(stdout);
}
