/* Which calls, PDUs and conversations are wanted. Several values of one option mean any of them; different options
 * must all hold. */
#ifndef INSPECT_FILTER_H
#define INSPECT_FILTER_H

#include "conversation.h"
#include "datagram.h"

enum { FILTER_VALUES = 16 };

/* Parsed from the command line. Zero-initialised it wants everything. */
struct filter {
    struct dis_endpoint addresses[FILTER_VALUES];
    unsigned address_count;
    uint16_t ports[FILTER_VALUES];
    unsigned port_count;
    const char *interfaces[FILTER_VALUES]; /* a name */
    struct dis_uuid uuids[FILTER_VALUES];  /* where the name is NULL */
    unsigned interface_count;
    uint16_t opnums[FILTER_VALUES];
    unsigned opnum_count;
    const char *statuses[FILTER_VALUES];
    unsigned status_count;
    int64_t slower; /* ns; 0: any */
    bool hung;
};

/* Each takes one value of its option; false where it is none, or there are too many. */
bool filter_add_address(struct filter *f, const char *text);
bool filter_add_port(struct filter *f, const char *text);
bool filter_add_interface(struct filter *f, const char *text);
bool filter_add_opnum(struct filter *f, const char *text);
bool filter_add_status(struct filter *f, const char *text);
bool filter_set_slower(struct filter *f, const char *text); /* 5ms, 2s, 1m; a plain number is of seconds */

/* The same of a time in general. */
bool filter_parse_time(const char *text, int64_t *ns);

/* Whether it asks for what only a call that has ended can tell. */
bool filter_needs_end(const struct filter *f);

/* Whether it asks for what only a call has. */
bool filter_needs_call(const struct filter *f);

bool filter_wants_ends(const struct filter *f, const struct dis_endpoint *a, const struct dis_endpoint *b);
bool filter_wants_operation(const struct filter *f, const struct dis_call *call); /* whatever its end */
bool filter_wants_call(const struct filter *f, const struct dis_call *call);
bool filter_wants_pdu(const struct filter *f, const struct dis_sighting *s);
bool filter_wants_conversation(const struct filter *f, const struct dis_conversation *c);
bool filter_wants_datagram(const struct filter *f, const struct dis_endpoint *from, const struct dis_endpoint *to,
                           const struct dis_datagram *datagram);

#endif
