/* Names that people know: interfaces, operations, fault statuses, auth types. All strings are static. */
#ifndef DIS_NAMES_H
#define DIS_NAMES_H

#include "uuid.h"

/* NULL where the code has no name. */
const char *dis_fault_name(uint32_t status);    /* "nca_s_fault_cancel", "RPC_S_SERVER_UNAVAILABLE" */
const char *dis_auth_type_name(uint8_t type);   /* "ntlmssp" */
const char *dis_auth_level_name(uint8_t level); /* "privacy" */
const char *dis_result_name(uint16_t result);   /* "provider_rejection" */
const char *dis_result_reason_name(uint16_t reason);
const char *dis_nak_reason_name(uint16_t reason);

/* The Win32 error that a Windows client reports for a fault status (MS-RPCE 3.1.1.5.5); unlisted statuses
 * come back unchanged, as the specification says. */
uint32_t dis_fault_win32(uint32_t status);

/* What is known of an interface, by UUID and major version; NULL where unknown. Find it once a bind: it is a search.
 * The other two take that NULL too, and answer with it. */
struct dis_interface;
const struct dis_interface *dis_interface_find(const struct dis_syntax *interface);
const char *dis_interface_name(const struct dis_interface *known);
const char *dis_operation_name(const struct dis_interface *known, uint16_t opnum);

/* By UUID alone: transfer syntaxes. */
const char *dis_transfer_name(const struct dis_syntax *transfer);

#endif
