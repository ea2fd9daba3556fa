/* Rows are found by a walk that begins where a hash says. */
#include "inspect_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_json.h"
#include "inspect_rows.h"
#include "names.h"

enum { SLOTS = 2 * TABLE_OPERATIONS_MOST };

static bool is_of(const struct table_operation *row, const struct dis_call *call)
{
    return row->opnum == call->opnum && row->known_interface == call->has_interface &&
           dis_syntax_equal(&row->interface, &call->interface);
}

static size_t slot_of(const struct dis_call *call)
{
    uint32_t hash = call->opnum * 2654435761u;
    for (unsigned i = 0; i < 4; i++)
        hash = (hash ^ call->interface.uuid.bytes[i]) * 16777619u;
    return hash % SLOTS;
}

static struct table_operation *operation_of(struct table *t, const struct dis_call *call)
{
    if (t->operations == NULL)
        t->operations = calloc(SLOTS, sizeof(*t->operations));
    if (t->operations == NULL)
        return NULL;
    size_t slot = slot_of(call);
    for (; t->operations[slot] != NULL; slot = (slot + 1) % SLOTS)
        if (is_of(t->operations[slot], call))
            return t->operations[slot];
    struct table_operation *row = t->operation_count < TABLE_OPERATIONS_MOST ? calloc(1, sizeof(*row)) : NULL;
    if (row == NULL)
        return NULL;
    row->known_interface = call->has_interface;
    row->interface = call->interface;
    row->known = call->known;
    row->opnum = call->opnum;
    t->operations[slot] = row;
    t->operation_count++;
    return row;
}

static struct table_interface *interface_of(struct table *t, const struct dis_syntax *interface)
{
    for (size_t i = 0; i < t->interface_count; i++)
        if (dis_syntax_equal(&t->interfaces[i].interface, interface))
            return &t->interfaces[i];
    if (t->interfaces == NULL)
        t->interfaces = calloc(TABLE_INTERFACES_MOST, sizeof(*t->interfaces));
    if (t->interfaces == NULL || t->interface_count == TABLE_INTERFACES_MOST)
        return NULL;
    struct table_interface *row = &t->interfaces[t->interface_count++];
    row->interface = *interface;
    row->known = dis_interface_find(interface);
    return row;
}

static void count(struct table_operation *row, const struct dis_call *call)
{
    int64_t time = dis_call_last(call);
    row->calls++;
    if (time >= 0)
        dis_latency_add(&row->latency, time);
    if (call->ending == DIS_END_ANSWERED || call->ending == DIS_END_MAYBE)
        row->answered++;
    else if (call->ending == DIS_END_FAULT)
        row->faults++;
    else if (dis_is_unanswered(call->ending))
        row->unanswered++;
    else
        row->unknown++;
}

void table_call(struct table *t, const struct dis_call *call)
{
    if (!call->has_request) {
        t->answers_only++;
        return;
    }
    struct table_operation *row = operation_of(t, call);
    struct table_interface *interface = call->has_interface ? interface_of(t, &call->interface) : NULL;
    t->by_ending[call->ending]++;
    if (row != NULL)
        count(row, call);
    else
        t->calls_elsewhere++;
    if (interface != NULL) {
        interface->calls++;
        interface->faults += call->ending == DIS_END_FAULT;
    }
}

void table_bound(struct table *t, const struct dis_bound *bound)
{
    struct table_interface *row = interface_of(t, &bound->interface);
    if (row == NULL)
        t->contexts_elsewhere++;
    else if (bound->state == DIS_CONTEXT_ACCEPTED)
        row->accepted++;
    else
        row->refused++;
}

/* ---- printing ---- */

static int by_calls(const void *a, const void *b)
{
    const struct table_operation *x = *(const struct table_operation *const *)a;
    const struct table_operation *y = *(const struct table_operation *const *)b;
    if (x->calls != y->calls)
        return x->calls > y->calls ? -1 : 1;
    int by_uuid = memcmp(&x->interface.uuid, &y->interface.uuid, sizeof(x->interface.uuid));
    return by_uuid != 0 ? by_uuid : (int)x->opnum - (int)y->opnum;
}

/* The two columns whose widths depend on what is in them. */
struct names {
    char interface[ROWS_INTERFACE];
    char operation[64];
};

static void name_row(const struct table_operation *row, struct names *names)
{
    const char *name = dis_operation_name(row->known, row->opnum);
    snprintf(names->interface, sizeof(names->interface), "(not known)");
    if (row->known_interface)
        rows_interface(&row->interface, row->known, names->interface);
    snprintf(names->operation, sizeof(names->operation), "%u%s%.50s", row->opnum, name != NULL ? " " : "",
             name != NULL ? name : "");
}

static int wider(int width, const char *text)
{
    int length = (int)strlen(text);
    return length > width ? length : width;
}

static void put_row(FILE *out, const struct table_operation *row, int interface, int operation)
{
    struct names names;
    char median[ROWS_TIME], slow[ROWS_TIME], most[ROWS_TIME];
    name_row(row, &names);
    fprintf(out, "%-*s  %-*s %7" PRIu64 " %9" PRIu64 " %7" PRIu64 " %11" PRIu64 " %8" PRIu64 " %10s %10s %10s\n",
            interface, names.interface, operation, names.operation, row->calls, row->answered, row->faults,
            row->unanswered, row->unknown, rows_time(dis_latency_percentile(&row->latency, 50), median),
            rows_time(dis_latency_percentile(&row->latency, 95), slow),
            rows_time(row->latency.count > 0 ? row->latency.most : -1, most));
}

static void put_text(FILE *out, struct table_operation *const *rows, size_t count)
{
    struct names names;
    int interface = (int)sizeof("interface") - 1;
    int operation = (int)sizeof("operation") - 1;
    for (size_t i = 0; i < count; i++) {
        name_row(rows[i], &names);
        interface = wider(interface, names.interface);
        operation = wider(operation, names.operation);
    }
    fprintf(out, "\n%-*s  %-*s %7s %9s %7s %11s %8s %10s %10s %10s\n", interface, "interface", operation, "operation",
            "calls", "answered", "faults", "unanswered", "unknown", "median", "95%", "most");
    for (size_t i = 0; i < count; i++)
        put_row(out, rows[i], interface, operation);
}

static void put_object(FILE *out, const struct table_operation *row)
{
    struct dis_sink sink;
    json_begin(&sink, out);
    json_text(&sink, "kind", "operation");
    if (row->known_interface)
        json_interface(&sink, &row->interface, row->known);
    else
        dis_put_null(&sink, "interface");
    dis_put_number(&sink, "opnum", row->opnum, NULL);
    json_text(&sink, "operation", dis_operation_name(row->known, row->opnum));
    dis_put_number(&sink, "calls", row->calls, NULL);
    dis_put_number(&sink, "answered", row->answered, NULL);
    dis_put_number(&sink, "faults", row->faults, NULL);
    dis_put_number(&sink, "unanswered", row->unanswered, NULL);
    dis_put_number(&sink, "unknown", row->unknown, NULL);
    json_time(&sink, "rt_least", row->latency.count > 0 ? row->latency.least : -1);
    json_time(&sink, "rt_median", dis_latency_percentile(&row->latency, 50));
    json_time(&sink, "rt_95", dis_latency_percentile(&row->latency, 95));
    json_time(&sink, "rt_99", dis_latency_percentile(&row->latency, 99));
    json_time(&sink, "rt_most", row->latency.count > 0 ? row->latency.most : -1);
    json_end(&sink);
}

void table_print_operations(const struct table *t, FILE *out, bool json)
{
    struct table_operation **sorted = calloc(t->operation_count + 1, sizeof(*sorted));
    size_t n = 0;
    if (sorted == NULL || t->operation_count == 0) {
        free((void *)sorted);
        return;
    }
    for (size_t i = 0; i < SLOTS; i++)
        if (t->operations[i] != NULL)
            sorted[n++] = t->operations[i];
    qsort((void *)sorted, n, sizeof(*sorted), by_calls);
    if (!json)
        put_text(out, sorted, n);
    for (size_t i = 0; json && i < n; i++)
        put_object(out, sorted[i]);
    free((void *)sorted);
}

static int by_use(const void *a, const void *b)
{
    const struct table_interface *x = a;
    const struct table_interface *y = b;
    if (x->calls != y->calls)
        return x->calls > y->calls ? -1 : 1;
    return memcmp(&x->interface.uuid, &y->interface.uuid, sizeof(x->interface.uuid));
}

static void put_interface(FILE *out, const struct table_interface *row, bool json)
{
    char uuid[DIS_UUID_TEXT];
    struct dis_sink sink;
    const char *name = dis_interface_name(row->known);
    if (!json) {
        fprintf(out, "%s %u.%u %-22s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
                dis_uuid_format(&row->interface.uuid, uuid), row->interface.major, row->interface.minor,
                name != NULL ? name : "", row->accepted, row->refused, row->calls, row->faults);
        return;
    }
    json_begin(&sink, out);
    json_text(&sink, "kind", "interface");
    json_interface(&sink, &row->interface, row->known);
    dis_put_number(&sink, "accepted", row->accepted, NULL);
    dis_put_number(&sink, "refused", row->refused, NULL);
    dis_put_number(&sink, "calls", row->calls, NULL);
    dis_put_number(&sink, "faults", row->faults, NULL);
    json_end(&sink);
}

void table_print_interfaces(const struct table *t, FILE *out, bool json)
{
    if (t->interface_count == 0)
        return;
    qsort(t->interfaces, t->interface_count, sizeof(*t->interfaces), by_use);
    if (!json)
        fprintf(out, "%-40s %-22s %8s %8s %8s %8s\n", "interface", "name", "accepted", "refused", "calls", "faults");
    for (size_t i = 0; i < t->interface_count; i++)
        put_interface(out, &t->interfaces[i], json);
}

void table_free(struct table *t)
{
    for (size_t i = 0; t->operations != NULL && i < SLOTS; i++)
        free(t->operations[i]);
    free((void *)t->operations);
    free(t->interfaces);
}
