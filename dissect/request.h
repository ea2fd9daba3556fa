/* Calls: request, response, fault (C706 12.6.4.7 to 12.6.4.10). Each may travel either way: servers call
 * back. */
#ifndef DIS_REQUEST_H
#define DIS_REQUEST_H

#include "auth.h"
#include "uuid.h"

struct dis_request {
    uint32_t alloc_hint; /* bytes of stub data that may follow, a hint only */
    uint16_t context_id;
    uint16_t opnum;
    bool has_object;
    struct dis_uuid object; /* nil where has_object is false */
    const uint8_t *stub;    /* not owned; padding and trailer excluded */
    size_t stub_length;     /* bytes */
};

struct dis_response {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint8_t cancel_count;
    const uint8_t *stub;
    size_t stub_length;
};

struct dis_fault {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint8_t cancel_count;
    uint8_t fault_flags; /* bit 0: extended error information follows (MS-RPCE 2.2.2.8) */
    uint32_t status;     /* nca_* or a Win32 code; 0 means "exception in the stub data" to C706 */
    const uint8_t *stub; /* what follows the fixed part */
    size_t stub_length;
};

/* MS-RPCH 2.2.3.2: counted here, opened elsewhere. */
struct dis_rts {
    uint16_t flags;
    uint16_t command_count;
};

/* `body` is a cursor after the common header, bounded to the PDU's body without padding and trailer. */
void dis_request_decode(struct dis_cursor *body, bool has_object, struct dis_request *request);
void dis_response_decode(struct dis_cursor *body, struct dis_response *response);
void dis_fault_decode(struct dis_cursor *body, struct dis_fault *fault);
void dis_rts_decode(struct dis_cursor *body, struct dis_rts *rts);

#endif
