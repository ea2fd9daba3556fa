/* Values are compared one by one: there are few. */
#include "inspect_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

static bool parse_number(const char *text, unsigned long most, unsigned long *value)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    *value = strtoul(text, &end, 0);
    return errno == 0 && *end == '\0' && *value <= most;
}

static bool parse_u16(const char *text, uint16_t *value)
{
    unsigned long number;
    if (!parse_number(text, UINT16_MAX, &number))
        return false;
    *value = (uint16_t)number;
    return true;
}

bool filter_add_address(struct filter *f, const char *text)
{
    struct dis_endpoint *e = &f->addresses[f->address_count];
    if (f->address_count == FILTER_VALUES)
        return false;
    *e = (struct dis_endpoint){ .version = 4 };
    if (inet_pton(AF_INET, text, e->address) != 1) {
        e->version = 6;
        if (inet_pton(AF_INET6, text, e->address) != 1)
            return false;
    }
    f->address_count++;
    return true;
}

bool filter_add_port(struct filter *f, const char *text)
{
    return f->port_count < FILTER_VALUES && parse_u16(text, &f->ports[f->port_count]) && ++f->port_count != 0;
}

bool filter_add_opnum(struct filter *f, const char *text)
{
    return f->opnum_count < FILTER_VALUES && parse_u16(text, &f->opnums[f->opnum_count]) && ++f->opnum_count != 0;
}

bool filter_add_interface(struct filter *f, const char *text)
{
    unsigned i = f->interface_count;
    if (i == FILTER_VALUES || *text == '\0')
        return false;
    f->interfaces[i] = dis_uuid_parse(text, &f->uuids[i]) ? NULL : text;
    f->interface_count++;
    return true;
}

static bool is_status(const struct dis_call *call, const char *text)
{
    unsigned long number;
    const char *name = dis_fault_name(call->status);
    if (strcmp(text, dis_ending_name(call->ending)) == 0)
        return true;
    if (call->answer != DIS_ANSWER_FAULT)
        return false;
    if (parse_number(text, UINT32_MAX, &number))
        return number == call->status || number == dis_fault_win32(call->status);
    return name != NULL && strcasecmp(text, name) == 0;
}

/* The name of an ending, a number, or something that looks like the name of a fault. */
bool filter_add_status(struct filter *f, const char *text)
{
    unsigned long number;
    bool good = parse_number(text, UINT32_MAX, &number) || strchr(text, '_') != NULL;
    for (unsigned i = DIS_END_OPEN + 1; i < DIS_END_COUNT && !good; i++)
        good = strcmp(text, dis_ending_name((enum dis_ending)i)) == 0;
    if (!good || f->status_count == FILTER_VALUES)
        return false;
    f->statuses[f->status_count++] = text;
    return true;
}

bool filter_parse_time(const char *text, int64_t *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {
        { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "", 1e9 }, { "m", 6e10 }, { "h", 3.6e12 }
    };
    char *end;
    double value = strtod(text, &end);
    if (end == text || *text < '0' || *text > '9')
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(end, units[i].unit) == 0 && value * units[i].ns < 9e18) {
            *ns = (int64_t)(value * units[i].ns);
            return *ns > 0;
        }
    return false;
}

bool filter_set_slower(struct filter *f, const char *text)
{
    return filter_parse_time(text, &f->slower);
}

bool filter_needs_end(const struct filter *f)
{
    return f->status_count > 0 || f->slower > 0 || f->hung;
}

bool filter_needs_call(const struct filter *f)
{
    return filter_needs_end(f) || f->opnum_count > 0;
}

static bool same_address(const struct dis_endpoint *a, const struct dis_endpoint *b)
{
    return a->version == b->version && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

bool filter_wants_ends(const struct filter *f, const struct dis_endpoint *a, const struct dis_endpoint *b)
{
    bool address = f->address_count == 0;
    bool port = f->port_count == 0;
    for (unsigned i = 0; i < f->address_count; i++)
        address = address || same_address(&f->addresses[i], a) || same_address(&f->addresses[i], b);
    for (unsigned i = 0; i < f->port_count; i++)
        port = port || f->ports[i] == a->port || f->ports[i] == b->port;
    return address && port;
}

static bool wants_interface(const struct filter *f, const struct dis_uuid *uuid, const struct dis_interface *known)
{
    const char *name = dis_interface_name(known);
    for (unsigned i = 0; i < f->interface_count; i++)
        if (f->interfaces[i] == NULL ? dis_uuid_equal(&f->uuids[i], uuid)
                                     : name != NULL && strcasecmp(f->interfaces[i], name) == 0)
            return true;
    return f->interface_count == 0;
}

static bool wants_opnum(const struct filter *f, uint16_t opnum)
{
    for (unsigned i = 0; i < f->opnum_count; i++)
        if (f->opnums[i] == opnum)
            return true;
    return f->opnum_count == 0;
}

/* What is known of a call from its first fragment on. */
bool filter_wants_operation(const struct filter *f, const struct dis_call *call)
{
    if (f->interface_count > 0 && (!call->has_interface || !wants_interface(f, &call->interface.uuid, call->known)))
        return false;
    if (f->opnum_count > 0 && (!call->has_request || !wants_opnum(f, call->opnum)))
        return false;
    return filter_wants_ends(f, &call->in->end[0], &call->in->end[1]);
}

bool filter_wants_call(const struct filter *f, const struct dis_call *call)
{
    bool status = f->status_count == 0;
    for (unsigned i = 0; i < f->status_count; i++)
        status = status || is_status(call, f->statuses[i]);
    return status && filter_wants_operation(f, call) && (f->slower == 0 || dis_call_last(call) > f->slower) &&
           (!f->hung || dis_is_unanswered(call->ending));
}

bool filter_wants_conversation(const struct filter *f, const struct dis_conversation *c)
{
    bool interface = f->interface_count == 0;
    for (uint32_t i = 0; i < c->context_count; i++)
        interface = interface || wants_interface(f, &c->contexts[i].interface.uuid, c->contexts[i].known);
    return interface && filter_wants_ends(f, &c->end[0], &c->end[1]);
}

bool filter_wants_pdu(const struct filter *f, const struct dis_sighting *s)
{
    if (s->call != NULL)
        return filter_wants_operation(f, s->call);
    return f->opnum_count == 0 && filter_wants_conversation(f, s->in);
}

bool filter_wants_datagram(const struct filter *f, const struct dis_endpoint *from, const struct dis_endpoint *to,
                           const struct dis_datagram *d)
{
    struct dis_syntax interface = { d->interface, (uint16_t)d->interface_version, 0 };
    return filter_wants_ends(f, from, to) && wants_opnum(f, d->opnum) &&
           wants_interface(f, &d->interface, dis_interface_find(&interface));
}
