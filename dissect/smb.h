/* DCE/RPC inside SMB1, SMB2 and SMB3: the messages of a connection, and of them the reads, writes and transactions
 * that carry the bytes of a named pipe (MS-CIFS 2.2.4, MS-SMB2 2.2). A handle is a pipe as soon as PDUs are written to
 * or read from it: the connecting to the share and the opening may have gone by before the capture began. */
#ifndef DIS_SMB_H
#define DIS_SMB_H

#include "conversation.h"

#define DIS_SMB_HANDLES_MOST  1024u /* of one connection; the one opened first is forgotten for a new one */
#define DIS_SMB_REQUESTS_MOST 512u  /* without an answer yet; the oldest is forgotten for a new one */
#define DIS_SMB_TREES_MOST    64u   /* known not to be for pipes */

extern const struct dis_framing dis_smb_framing;

/* What is counted of all connections. */
struct dis_smb_counts {
    uint64_t messages;
    uint64_t encrypted;  /* SMB3 messages that cannot be read */
    uint64_t compressed; /* the same */
    uint64_t forgotten;  /* handles and requests */
};

struct dis_smb;

/* The connection: stream, ends, wire, begins are copied into the conversations of its pipes. NULL without memory. */
struct dis_smb *dis_smb_new(struct dis_news *news, const struct dis_conversation *connection,
                            struct dis_smb_counts *counts);

void dis_smb_bytes(struct dis_smb *smb, unsigned way, const uint8_t *bytes, size_t length, struct dis_place place);
void dis_smb_missing(struct dis_smb *smb, unsigned way, size_t length, bool cut, struct dis_place place);
void dis_smb_end(struct dis_smb *smb, enum dis_ending ending);

/* ---- between smb.c and the two versions ---- */

struct dis_smb_handle {
    uint8_t bytes[16]; /* SMB1: the FID in the last two */
};

/* What must be remembered of a request until its response. */
struct dis_smb_request {
    uint8_t key[8]; /* by which the response names it */
    bool open;
    uint8_t command;
    struct dis_smb_handle handle;
    char name[DIS_PIPE_NAME];
};

/* A message, or what is there of it; reading behind its end gives zeros. */
struct dis_smb_view {
    const uint8_t *bytes;
    size_t length;  /* bytes that are there */
    size_t missing; /* bytes that were cut off behind them */
    unsigned way;
    struct dis_place place;
};

static inline uint16_t dis_smb_u16(const struct dis_smb_view *m, size_t at)
{
    if (at > m->length || m->length - at < 2)
        return 0;
    return (uint16_t)(m->bytes[at + 1] << 8 | m->bytes[at]);
}

static inline uint32_t dis_smb_u32(const struct dis_smb_view *m, size_t at)
{
    return (uint32_t)dis_smb_u16(m, at + 2) << 16 | dis_smb_u16(m, at);
}

void dis_smb1_take(struct dis_smb *smb, const struct dis_smb_view *m);
void dis_smb2_take(struct dis_smb *smb, const struct dis_smb_view *m);

/* A request to remember, its key set; and the one that a response names, which is then forgotten, or NULL. */
struct dis_smb_request *dis_smb_remember(struct dis_smb *smb, const uint8_t key[8], uint8_t command);
struct dis_smb_request *dis_smb_recall(struct dis_smb *smb, const uint8_t key[8], uint8_t command);

/* A handle was opened, with the name of its request; it was closed. */
void dis_smb_opened(struct dis_smb *smb, const struct dis_smb_handle *handle, const char *name);
void dis_smb_closed(struct dis_smb *smb, const struct dis_smb_handle *handle);

/* `length` bytes of a pipe's data at `at` of the message. */
void dis_smb_data(struct dis_smb *smb, const struct dis_smb_handle *handle, enum dis_transport version,
                  const struct dis_smb_view *m, size_t at, size_t length);

/* UTF-16 (`wide`) or ASCII at `at` to printable ASCII, without a leading backslash. */
void dis_smb_name(const struct dis_smb_view *m, size_t at, size_t length, bool wide, char name[DIS_PIPE_NAME]);

/* Trees of which it is known that they are no pipe's. */
void dis_smb_tree(struct dis_smb *smb, uint32_t tree, bool no_pipes);
bool dis_smb_is_file_tree(const struct dis_smb *smb, uint32_t tree);

#endif
