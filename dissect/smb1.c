/* SMB1 messages (MS-CIFS 2.2.4): what carries a pipe's bytes, and what names its handle. */
#include <string.h>

#include "smb.h"

enum { HEADER = 32, KEY_AT = 24, FLAGS_AT = 9, FLAGS2_AT = 10 };
enum {
    CLOSE = 0x04,
    READ = 0x0a,
    WRITE = 0x0b,
    TRANSACTION = 0x25,
    TRANSACTION_SECONDARY = 0x26,
    OPEN_ANDX = 0x2d,
    READ_ANDX = 0x2e,
    WRITE_ANDX = 0x2f,
    SESSION_SETUP_ANDX = 0x73,
    LOGOFF_ANDX = 0x74,
    TREE_CONNECT_ANDX = 0x75,
    NT_CREATE_ANDX = 0xa2,
    NO_ANDX = 0xff
};

/* A command of the chain: its parameters begin at `words`, its data at `data`. */
struct one {
    const struct dis_smb_view *m;
    const uint8_t *key; /* TID, PID, UID, MID */
    bool response;
    bool wide;
    size_t words;
    size_t word_bytes;
    size_t data;
};

static uint16_t word(const struct one *o, size_t at)
{
    return at + 2 <= o->word_bytes ? dis_smb_u16(o->m, o->words + at) : 0;
}

static struct dis_smb_handle handle_at(const struct one *o, size_t at)
{
    uint16_t fid = word(o, at);
    return (struct dis_smb_handle){ { [14] = (uint8_t)fid, [15] = (uint8_t)(fid >> 8) } };
}

static void put(struct dis_smb *smb, const struct one *o, const struct dis_smb_handle *handle, size_t at,
                size_t length)
{
    dis_smb_data(smb, handle, DIS_OVER_SMB, o->m, at, length);
}

/* MS-CIFS 2.2.4.64: the response has the handle, the request the name. */
static void take_create(struct dis_smb *smb, const struct one *o)
{
    if (!o->response) {
        struct dis_smb_request *request = dis_smb_remember(smb, o->key, NT_CREATE_ANDX);
        size_t padding = o->wide ? o->data % 2 : 0;
        if (request != NULL)
            dis_smb_name(o->m, o->data + padding, word(o, 5), o->wide, request->name);
        return;
    }
    const struct dis_smb_request *request = dis_smb_recall(smb, o->key, NT_CREATE_ANDX);
    struct dis_smb_handle handle = handle_at(o, 5);
    if (o->word_bytes >= 7)
        dis_smb_opened(smb, &handle, request != NULL ? request->name : "");
}

/* MS-CIFS 2.2.4.41 */
static void take_open(struct dis_smb *smb, const struct one *o)
{
    struct dis_smb_handle handle = handle_at(o, 4);
    if (o->response && o->word_bytes >= 6)
        dis_smb_opened(smb, &handle, "");
}

static void take_close(struct dis_smb *smb, const struct one *o)
{
    if (!o->response) {
        struct dis_smb_request *request = dis_smb_remember(smb, o->key, CLOSE);
        if (request != NULL)
            request->handle = handle_at(o, 0);
        return;
    }
    const struct dis_smb_request *request = dis_smb_recall(smb, o->key, CLOSE);
    if (request != NULL)
        dis_smb_closed(smb, &request->handle);
}

/* MS-CIFS 2.2.4.43. A message that begins in raw mode has its length before it. */
static void take_write_andx(struct dis_smb *smb, const struct one *o)
{
    enum { RAW_MODE = 0x4, MESSAGE_START = 0x8 };
    struct dis_smb_handle handle = handle_at(o, 4);
    size_t length = (size_t)word(o, 18) << 16 | word(o, 20);
    size_t at = word(o, 22);
    bool counted = (word(o, 14) & (RAW_MODE | MESSAGE_START)) == (RAW_MODE | MESSAGE_START);
    if (o->response)
        return;
    if (counted && length >= 2) {
        at += 2;
        length -= 2;
    }
    put(smb, o, &handle, at, length);
}

static void remember_handle(struct dis_smb *smb, const struct one *o, uint8_t command, size_t at)
{
    struct dis_smb_request *request = dis_smb_remember(smb, o->key, command);
    if (request != NULL)
        request->handle = handle_at(o, at);
}

static struct dis_smb_handle recall_handle(struct dis_smb *smb, const struct one *o, uint8_t command)
{
    const struct dis_smb_request *request = dis_smb_recall(smb, o->key, command);
    return request != NULL ? request->handle : (struct dis_smb_handle){ { 0 } };
}

/* MS-CIFS 2.2.4.42 */
static void take_read_andx(struct dis_smb *smb, const struct one *o)
{
    if (!o->response) {
        remember_handle(smb, o, READ_ANDX, 4);
        return;
    }
    struct dis_smb_handle handle = recall_handle(smb, o, READ_ANDX);
    put(smb, o, &handle, word(o, 12), (size_t)word(o, 14) << 16 | word(o, 10));
}

/* MS-CIFS 2.2.4.11 and 2.2.4.12: one byte of format and two of length stand before the data. */
static void take_core_read(struct dis_smb *smb, const struct one *o)
{
    if (!o->response) {
        remember_handle(smb, o, READ, 0);
        return;
    }
    struct dis_smb_handle handle = recall_handle(smb, o, READ);
    put(smb, o, &handle, o->data + 3, dis_smb_u16(o->m, o->data + 1));
}

static void take_core_write(struct dis_smb *smb, const struct one *o)
{
    struct dis_smb_handle handle = handle_at(o, 0);
    if (!o->response)
        put(smb, o, &handle, o->data + 3, dis_smb_u16(o->m, o->data + 1));
}

/* MS-CIFS 2.2.4.33 and 2.2.5.6: TransactNmPipe writes and reads at once; its second setup word is the handle. */
static void take_transaction(struct dis_smb *smb, const struct one *o)
{
    enum { TRANSACT_PIPE = 0x26 };
    if (o->response) {
        struct dis_smb_handle handle = recall_handle(smb, o, TRANSACTION);
        if (word(o, 16) + word(o, 12) < word(o, 2)) { /* more responses follow */
            struct dis_smb_request *request = dis_smb_remember(smb, o->key, TRANSACTION);
            if (request != NULL)
                request->handle = handle;
        }
        put(smb, o, &handle, word(o, 14), word(o, 12));
        return;
    }
    if (word(o, 28) != TRANSACT_PIPE)
        return;
    struct dis_smb_handle handle = handle_at(o, 30);
    remember_handle(smb, o, TRANSACTION, 30);
    put(smb, o, &handle, word(o, 24), word(o, 22));
}

/* MS-CIFS 2.2.4.34: the rest of a request's data. */
static void take_secondary(struct dis_smb *smb, const struct one *o)
{
    struct dis_smb_request *request = o->response ? NULL : dis_smb_recall(smb, o->key, TRANSACTION);
    if (request == NULL)
        return;
    request->open = true;
    put(smb, o, &request->handle, word(o, 12), word(o, 10));
}

static void take_one(struct dis_smb *smb, const struct one *o, uint8_t command)
{
    switch (command) {
    case NT_CREATE_ANDX:
        take_create(smb, o);
        break;
    case OPEN_ANDX:
        take_open(smb, o);
        break;
    case CLOSE:
        take_close(smb, o);
        break;
    case READ:
        take_core_read(smb, o);
        break;
    case WRITE:
        take_core_write(smb, o);
        break;
    case READ_ANDX:
        take_read_andx(smb, o);
        break;
    case WRITE_ANDX:
        take_write_andx(smb, o);
        break;
    case TRANSACTION:
        take_transaction(smb, o);
        break;
    case TRANSACTION_SECONDARY:
        take_secondary(smb, o);
        break;
    default:
        break;
    }
}

static bool has_next(uint8_t command)
{
    return command == NT_CREATE_ANDX || (command >= OPEN_ANDX && command <= WRITE_ANDX) ||
           (command >= SESSION_SETUP_ANDX && command <= TREE_CONNECT_ANDX);
}

/* A chain's offsets must rise, else it had no end (MS-CIFS 2.2.3.4). */
void dis_smb1_take(struct dis_smb *smb, const struct dis_smb_view *m)
{
    enum { REPLY = 0x80, UNICODE = 0x8000 };
    size_t at = HEADER;
    if (m->length <= HEADER)
        return;
    uint8_t command = m->bytes[4];
    while (command != NO_ANDX && at < m->length) {
        struct one o = {
            .m = m,
            .key = m->bytes + KEY_AT,
            .response = (m->bytes[FLAGS_AT] & REPLY) != 0,
            .wide = (dis_smb_u16(m, FLAGS2_AT) & UNICODE) != 0,
            .words = at + 1,
            .word_bytes = (size_t)m->bytes[at] * 2,
        };
        o.data = o.words + o.word_bytes + 2;
        take_one(smb, &o, command);
        size_t next = word(&o, 2);
        if (!has_next(command) || o.word_bytes < 4 || next <= at)
            return;
        command = o.words < m->length ? m->bytes[o.words] : NO_ANDX;
        at = next;
    }
}
