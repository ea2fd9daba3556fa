/* A decoded PDU as a line, as a tree, and as JSON. Stub data and auth values are counted, never printed. */
#ifndef DIS_TEXT_H
#define DIS_TEXT_H

#include <stdio.h>

#include "pdu.h"

/* One line with its newline: "request call 5 first last ctx 0 op 6 stub 4 auth ntlmssp/privacy". */
void dis_print_line(FILE *out, const struct dis_pdu *pdu);

/* Several lines, for below that one: indented by two spaces a level. */
void dis_print_tree(FILE *out, const struct dis_pdu *pdu);

/* One JSON object on one line. Numbers are numbers, names are beside them, UUIDs and versions are text. */
void dis_print_json(FILE *out, const struct dis_pdu *pdu);

/* The same three for a PDU that could not be decoded: header, and what is wrong where. */
void dis_print_bad(FILE *out, const struct dis_header *header, const struct dis_error *error, bool json);

#endif
