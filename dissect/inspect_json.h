/* JSON objects, one a line. PDUs and calls have the names of the reference rows' columns; what does not apply is null.
 */
#ifndef INSPECT_JSON_H
#define INSPECT_JSON_H

#include <stdio.h>

#include "conversation.h"
#include "sink.h"
#include "traffic.h"

void json_pdu(FILE *out, const struct dis_sighting *s);
void json_datagram(FILE *out, const struct dis_datagram_sighting *s);
void json_call(FILE *out, const struct dis_call *call);
void json_conversation(FILE *out, const struct dis_conversation *c);

/* Pieces that the tables use as well. */
void json_begin(struct dis_sink *sink, FILE *out);
void json_end(struct dis_sink *sink);
void json_text(struct dis_sink *sink, const char *key, const char *text); /* NULL: null */
void json_time(struct dis_sink *sink, const char *key, int64_t ns);       /* negative: null */
void json_number_if(struct dis_sink *sink, const char *key, bool there, uint64_t value);
void json_interface(struct dis_sink *sink, const struct dis_syntax *interface, const struct dis_interface *known);

#endif
