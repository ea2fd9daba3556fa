/* One line for a PDU, a call, a conversation: for people, or JSON for programs. */
#ifndef INSPECT_ROWS_H
#define INSPECT_ROWS_H

#include <stdio.h>

#include "conversation.h"
#include "traffic.h"

/* Where lines go, and from when times count in those for people. */
struct rows {
    FILE *out;
    bool json;
    bool started;
    int64_t start;
};

void rows_pdu(const struct rows *r, const struct dis_sighting *s);
void rows_tree(const struct rows *r, const struct dis_sighting *s);
void rows_datagram(const struct rows *r, const struct dis_datagram_sighting *s);
void rows_call(const struct rows *r, const struct dis_call *call);
void rows_conversation(const struct rows *r, const struct dis_conversation *c);

/* "netlogon", the UUID, or words that say why neither is known. Returns `text`. */
#define ROWS_INTERFACE 64u
const char *rows_interface(const struct dis_syntax *interface, const struct dis_interface *known,
                           char text[ROWS_INTERFACE]);

/* "1.234 ms"; "-" where there is no time. */
#define ROWS_TIME 24u
const char *rows_time(int64_t ns, char text[ROWS_TIME]);

const char *rows_transport(enum dis_transport transport);

#endif
